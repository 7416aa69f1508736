//! `passwd: files bench` in nsswitch.conf: the accounts `remote0000000` to `remote9999999`, found at once and kept
//! nowhere. What a login costs with a million of them is then the store's doing, and not a passwd file's.
//!
//! It knows accounts by name and by number, and no groups.

use std::ffi::{CStr, c_char, c_int};

/// What all names begin with; seven digits follow.
const PREFIX: &str = "remote";
/// The uid of the first.
const FIRST_UID: u32 = 1_000_000;
/// How many there are.
const COUNT: u32 = 10_000_000;

/// `NSS_STATUS_TRYAGAIN`, `_NOTFOUND`, `_SUCCESS` of `<nss.h>`.
const TRY_AGAIN: c_int = -2;
const NOT_FOUND: c_int = 0;
const SUCCESS: c_int = 1;
/// `ERANGE`: the buffer is too small.
const RANGE: c_int = 34;

/// `struct passwd` of `<pwd.h>`.
#[repr(C)]
pub struct Passwd {
    name: *mut c_char,
    password: *mut c_char,
    uid: u32,
    gid: u32,
    gecos: *mut c_char,
    home: *mut c_char,
    shell: *mut c_char,
}

/// `getpwnam_r` for glibc.
///
/// # Safety
/// For glibc alone: a terminated name, places for the entry and for errno, and a buffer of that length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_bench_getpwnam_r(
    name: *const c_char,
    entry: *mut Passwd,
    buffer: *mut c_char,
    length: usize,
    errno: *mut c_int,
) -> c_int {
    // SAFETY: terminated, as the caller promises.
    let name = unsafe { CStr::from_ptr(name) };
    let digits = name.to_str().ok().and_then(|name| name.strip_prefix(PREFIX)).filter(|digits| digits.len() == 7);
    match digits.and_then(|digits| digits.parse().ok()) {
        // SAFETY: passed on as it was promised.
        Some(number) => unsafe { fill(number, entry, (buffer, length), errno) },
        None => NOT_FOUND,
    }
}

/// `getpwuid_r` for glibc.
///
/// # Safety
/// For glibc alone: places for the entry and for errno, and a buffer of that length.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn _nss_bench_getpwuid_r(
    uid: u32,
    entry: *mut Passwd,
    buffer: *mut c_char,
    length: usize,
    errno: *mut c_int,
) -> c_int {
    match uid.checked_sub(FIRST_UID) {
        // SAFETY: passed on as it was promised.
        Some(number) => unsafe { fill(number, entry, (buffer, length), errno) },
        None => NOT_FOUND,
    }
}

/// # Safety
/// As its callers: the entry and errno can be written, and so can all of the buffer.
unsafe fn fill(number: u32, entry: *mut Passwd, buffer: (*mut c_char, usize), errno: *mut c_int) -> c_int {
    if number >= COUNT {
        return NOT_FOUND;
    }
    let text = format!("{PREFIX}{number:07}\0x\0\0/nonexistent\0/bin/sh\0");
    let (place, length) = buffer;
    if text.len() > length {
        // SAFETY: the caller's promise.
        unsafe { *errno = RANGE };
        return TRY_AGAIN;
    }
    // SAFETY: it is long enough, and nobody else's.
    unsafe { std::ptr::copy_nonoverlapping(text.as_ptr().cast(), place, text.len()) };
    let mut starts = std::iter::once(0).chain(text.match_indices('\0').map(|(end, _)| end + 1));
    // SAFETY: each start lies within the text, which was copied there.
    let mut next = || unsafe { place.add(starts.next().unwrap_or(0)) };
    let (name, password, gecos, home, shell) = (next(), next(), next(), next(), next());
    let uid = FIRST_UID + number;
    // SAFETY: the caller's promise.
    unsafe { entry.write(Passwd { name, password, uid, gid: uid, gecos, home, shell }) };
    SUCCESS
}
