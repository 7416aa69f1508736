//! The C of it: what `<security/pam_appl.h>` declares. libpam is named by its file, so that building needs no
//! development package.

use std::ffi::{c_char, c_int, c_void};

/// `pam_handle_t`, only ever pointed to.
#[repr(C)]
pub(crate) struct Handle {
    opaque: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
pub(crate) struct Message {
    pub(crate) style: c_int,
    pub(crate) text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
pub(crate) struct Response {
    pub(crate) text: *mut c_char,
    pub(crate) code: c_int,
}

/// The conversation function.
pub(crate) type Converse = unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
pub(crate) struct Conversation {
    pub(crate) converse: Option<Converse>,
    pub(crate) appdata: *mut c_void,
}

pub(crate) const SUCCESS: c_int = 0;
pub(crate) const BUF_ERR: c_int = 5;
pub(crate) const CONV_ERR: c_int = 19;
pub(crate) const PROMPT_ECHO_OFF: c_int = 1;
pub(crate) const PROMPT_ECHO_ON: c_int = 2;

#[link(name = "libpam.so.0", kind = "dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    pub(crate) fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut Handle,
    ) -> c_int;
    pub(crate) fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    pub(crate) fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    pub(crate) fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
}

unsafe extern "C" {
    /// `calloc(3)`: libpam's modules free what they are given.
    pub(crate) fn calloc(count: usize, size: usize) -> *mut c_void;
    /// `strdup(3)`, for the same reason.
    pub(crate) fn strdup(text: *const c_char) -> *mut c_char;
    /// `free(3)`
    pub(crate) fn free(memory: *mut c_void);
}
