//! A module of two lines that panics, behind the real guard and linked like the real module: C programs load it, so
//! that what a panic would do to them is seen and not supposed.

#![allow(clippy::panic, reason = "that is what it is for")]

#[path = "../../src/ffi/guard.rs"]
mod guard;

use std::ffi::{c_char, c_int, c_void};

#[unsafe(no_mangle)]
extern "C" fn pam_sm_authenticate(_: *mut c_void, _: c_int, _: c_int, _: *const *const c_char) -> c_int {
    match guard::catch(|| panic!("with a secret in it: 492817")) {
        Ok(()) => 0,
        Err(place) if place.starts_with("panicking.rs:") && !place.contains("492817") => 4,
        Err(_) => 7,
    }
}
