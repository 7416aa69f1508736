//! libfido2, as far as it is used: every line of `unsafe` of this crate, behind owners that free what they hold.
//!
//! What libfido2 hands out is copied at once: no pointer of its leaves this folder.

mod device;
mod hooks;
mod listing;
mod message;
mod sys;

pub(crate) use device::{Device, Info};
pub(crate) use listing::{Listed, manifest};
pub(crate) use message::{Assertion, Creation, Subject};

use std::ffi::{CStr, c_char, c_int};
use std::slice;

/// What libfido2 answers: zero, an error of CTAP's (positive), or one of its own (negative).
pub(crate) type Code = c_int;

fn done(code: Code) -> Result<(), Code> {
    if code == sys::OK { Ok(()) } else { Err(code) }
}

/// Whatever the environment says, libfido2 prints nothing: what it would say is for those who mend libfido2, and holds
/// what went over the line. It keeps both settings for each thread.
fn quietly() {
    sys::fido_init(sys::DISABLE_U2F_FALLBACK);
    sys::fido_set_log_handler(hooks::say_nothing);
}

/// An owned copy of a string of libfido2's.
///
/// # Safety
/// `text` is null, or ends in a NUL and stays as it is during the call.
unsafe fn text(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not null, and the caller vouches for its end.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// An owned copy of bytes of libfido2's.
///
/// # Safety
/// `start` is null, or `len` bytes are there and stay as they are during the call.
unsafe fn bytes(start: *const u8, len: usize) -> Vec<u8> {
    if start.is_null() || len == 0 {
        return Vec::new();
    }
    // SAFETY: not null, and the caller vouches for the length.
    unsafe { slice::from_raw_parts(start, len) }.to_vec()
}
