//! OpenSSH's `sk-api.h`, version 0x000a0000, which 9.2 and 10.0 have: three functions that it calls, and what it frees
//! afterwards with `free`. Every panic ends here.

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::{ptr, slice};

use mfa_proto::key::Failure;
use sha2::{Digest, Sha256};

use crate::key::{How, Kind, enroll, sign};

const VERSION: u32 = 0x000a_0000;
const ECDSA: u32 = 0x00;
const ED25519: u32 = 0x01;
const USER_VERIFICATION: u8 = 0x04;
const RESIDENT: u8 = 0x20;

const GENERAL: c_int = -1;
const UNSUPPORTED: c_int = -2;
const PIN_REQUIRED: c_int = -3;
const NOT_FOUND: c_int = -4;

/// `struct sk_enroll_response`
#[repr(C)]
pub struct EnrollResponse {
    flags: u8,
    public_key: *mut u8,
    public_key_len: usize,
    key_handle: *mut u8,
    key_handle_len: usize,
    signature: *mut u8,
    signature_len: usize,
    attestation_cert: *mut u8,
    attestation_cert_len: usize,
    authdata: *mut u8,
    authdata_len: usize,
}

/// `struct sk_sign_response`
#[repr(C)]
pub struct SignResponse {
    flags: u8,
    counter: u32,
    sig_r: *mut u8,
    sig_r_len: usize,
    sig_s: *mut u8,
    sig_s_len: usize,
}

/// `Dl_info`
#[repr(C)]
struct Loaded {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn malloc(size: usize) -> *mut c_void;
    fn dladdr(address: *const c_void, loaded: *mut Loaded) -> c_int;
}

/// Which version of the interface this is.
#[unsafe(no_mangle)]
pub extern "C" fn sk_api_version() -> u32 {
    VERSION
}

/// Makes a key pair.
///
/// # Safety
/// As OpenSSH calls it: `challenge` has that length, the texts end in a NUL or the PIN is null, `response` is where a
/// pointer goes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_enroll(
    alg: u32,
    challenge: *const u8,
    challenge_len: usize,
    application: *const c_char,
    flags: u8,
    pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut EnrollResponse,
) -> c_int {
    // SAFETY: OpenSSH's own lengths and texts, which outlive the call.
    let asked = unsafe { Asked::read(alg, (challenge, challenge_len), application, flags, pin) };
    let made = caught(move || {
        let asked = asked.ok_or(UNSUPPORTED)?;
        enroll(&folder()?, asked.kind, &asked.how()).map_err(|failure| code(&failure))
    });
    let made = match made {
        Ok(made) => made,
        Err(code) => return code,
    };
    let ((public_key, public_key_len), (key_handle, key_handle_len)) =
        (given(&made.public_key), given(&made.key_handle));
    let ((signature, signature_len), (authdata, authdata_len)) =
        (given(&made.statement), given(&made.authenticator_data));
    let told = EnrollResponse {
        flags,
        public_key,
        public_key_len,
        key_handle,
        key_handle_len,
        signature,
        signature_len,
        attestation_cert: ptr::null_mut(),
        attestation_cert_len: 0,
        authdata,
        authdata_len,
    };
    // SAFETY: OpenSSH gave the place for the pointer.
    unsafe { hand_over(told, response) }
}

/// Signs with a key pair.
///
/// # Safety
/// As OpenSSH calls it: `data` and `key_handle` have those lengths, the texts end in a NUL or the PIN is null, `response`
/// is where a pointer goes.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_sign(
    alg: u32,
    data: *const u8,
    data_len: usize,
    application: *const c_char,
    key_handle: *const u8,
    key_handle_len: usize,
    flags: u8,
    pin: *const c_char,
    _options: *mut *mut c_void,
    response: *mut *mut SignResponse,
) -> c_int {
    // SAFETY: OpenSSH's own lengths and texts, which outlive the call.
    let (asked, handle) =
        unsafe { (Asked::read(alg, (data, data_len), application, flags, pin), bytes(key_handle, key_handle_len)) };
    let signed = caught(move || {
        let asked = asked.ok_or(UNSUPPORTED)?;
        sign(&folder()?, asked.kind, &handle, &asked.how()).map_err(|failure| code(&failure))
    });
    let signed = match signed {
        Ok(signed) => signed,
        Err(code) => return code,
    };
    let ((sig_r, sig_r_len), (sig_s, sig_s_len)) = (given(&signed.r), given(&signed.s));
    let told = SignResponse { flags: signed.flags, counter: signed.counter, sig_r, sig_r_len, sig_s, sig_s_len };
    // SAFETY: OpenSSH gave the place for the pointer.
    unsafe { hand_over(told, response) }
}

/// Lists key pairs that live on keys: there are none.
///
/// # Safety
/// None is needed: nothing is looked at.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sk_load_resident_keys(
    _pin: *const c_char,
    _options: *mut *mut c_void,
    _keys: *mut *mut *mut c_void,
    _count: *mut usize,
) -> c_int {
    UNSUPPORTED
}

/// What OpenSSH wants, copied.
struct Asked {
    kind: Kind,
    hash: [u8; 32],
    application: String,
    verify_user: bool,
    pin: Option<String>,
}

impl Asked {
    /// `None` for what these keys do not do.
    ///
    /// # Safety
    /// The message has that length; the texts end in a NUL, or the PIN is null.
    unsafe fn read(
        alg: u32,
        message: (*const u8, usize),
        application: *const c_char,
        flags: u8,
        pin: *const c_char,
    ) -> Option<Self> {
        let kind = match alg {
            ECDSA => Kind::Ecdsa,
            ED25519 => Kind::Ed25519,
            _ => return None,
        };
        if flags & RESIDENT != 0 {
            return None;
        }
        // SAFETY: the caller's word.
        let (message, application, pin) = unsafe { (bytes(message.0, message.1), text(application), text(pin)) };
        let hash = Sha256::digest(message).into();
        Some(Self { kind, hash, application: application?, verify_user: flags & USER_VERIFICATION != 0, pin })
    }

    fn how(&self) -> How<'_> {
        How { application: &self.application, verify_user: self.verify_user, pin: self.pin.as_deref(), hash: self.hash }
    }
}

/// A panic is a failure.
fn caught<T>(how: impl FnOnce() -> Result<T, c_int> + std::panic::UnwindSafe) -> Result<T, c_int> {
    catch_unwind(how).unwrap_or(Err(GENERAL))
}

fn code(failure: &Failure) -> c_int {
    match failure {
        Failure::NoKey | Failure::NotHere => NOT_FOUND,
        Failure::PinNeeded | Failure::PinWrong { .. } => PIN_REQUIRED,
        Failure::Unsupported => UNSUPPORTED,
        _ => GENERAL,
    }
}

/// The folder that this library was loaded from.
fn folder() -> Result<PathBuf, c_int> {
    let mut loaded = Loaded { file: ptr::null(), base: ptr::null_mut(), symbol: ptr::null(), address: ptr::null_mut() };
    // SAFETY: an address of this library's, and a place for what is known of it.
    let found = unsafe { dladdr(sk_api_version as *const c_void, &raw mut loaded) };
    if found == 0 || loaded.file.is_null() {
        return Err(GENERAL);
    }
    // SAFETY: the loader's own text, which stays as long as the library does.
    let file = unsafe { CStr::from_ptr(loaded.file) };
    let file = Path::new(OsStr::from_bytes(file.to_bytes()));
    file.parent().map(Path::to_owned).ok_or(GENERAL)
}

/// # Safety
/// There are that many bytes, or the pointer is null.
unsafe fn bytes(start: *const u8, length: usize) -> Vec<u8> {
    if start.is_null() {
        return Vec::new();
    }
    // SAFETY: the caller's word.
    unsafe { slice::from_raw_parts(start, length) }.to_vec()
}

/// # Safety
/// It ends in a NUL, or is null.
unsafe fn text(start: *const c_char) -> Option<String> {
    if start.is_null() {
        return None;
    }
    // SAFETY: the caller's word.
    unsafe { CStr::from_ptr(start) }.to_str().ok().map(str::to_owned)
}

/// A copy that OpenSSH frees; null for nothing.
fn given(bytes: &[u8]) -> (*mut u8, usize) {
    if bytes.is_empty() {
        return (ptr::null_mut(), 0);
    }
    // SAFETY: any size may be asked for.
    let place: *mut u8 = unsafe { malloc(bytes.len()) }.cast();
    if place.is_null() {
        return (place, 0);
    }
    // SAFETY: the place is new and has room for them.
    unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), place, bytes.len()) };
    (place, bytes.len())
}

/// # Safety
/// `place` is where a pointer goes.
unsafe fn hand_over<T>(told: T, place: *mut *mut T) -> c_int {
    // SAFETY: any size may be asked for; malloc aligns for all of C's types.
    let copy: *mut T = unsafe { malloc(size_of::<T>()) }.cast();
    if copy.is_null() {
        return GENERAL;
    }
    // SAFETY: the copy is new and has room; the place is the caller's word.
    unsafe {
        copy.write(told);
        place.write(copy);
    }
    0
}
