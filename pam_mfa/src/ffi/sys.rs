//! The C of it: libpam's functions, structures and numbers, as `<security/pam_modules.h>` and `<security/pam_ext.h>`
//! declare them. Nothing here is called from outside `ffi`; the numbers of results are `verdict`'s.
//!
//! libpam is named by its file, so that building needs no development package.

use std::ffi::{c_char, c_int, c_void};

/// `pam_handle_t`, only ever pointed to.
#[repr(C)]
pub(super) struct Handle {
    opaque: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
pub(super) struct Message {
    pub(super) style: c_int,
    pub(super) text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
pub(super) struct Response {
    pub(super) text: *mut c_char,
    /// "Currently un-used, zero expected", says the header.
    pub(super) code: c_int,
}

/// What an application does with messages. Taking Rust's `extern "C"`, a C++ exception from there aborts; nothing
/// better can be done with one.
pub(super) type Converse = unsafe extern "C" fn(c_int, *mut *const Message, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
pub(super) struct Conversation {
    pub(super) converse: Option<Converse>,
    pub(super) appdata: *mut c_void,
}

/// How libpam gives back what `pam_set_data` took.
pub(super) type Cleanup = unsafe extern "C" fn(*mut Handle, *mut c_void, c_int);

pub(super) const SUCCESS: c_int = 0;

pub(super) const SILENT: c_int = 0x8000;

pub(super) const PROMPT_ECHO_OFF: c_int = 1;
pub(super) const PROMPT_ECHO_ON: c_int = 2;
pub(super) const ERROR_MSG: c_int = 3;
pub(super) const TEXT_INFO: c_int = 4;

pub(super) const SERVICE: c_int = 1;
pub(super) const USER: c_int = 2;
pub(super) const TTY: c_int = 3;
pub(super) const RHOST: c_int = 4;
pub(super) const CONV: c_int = 5;
pub(super) const AUTHTOK: c_int = 6;
pub(super) const RUSER: c_int = 8;

#[link(name = "libpam.so.0", kind = "dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    pub(super) fn pam_get_item(handle: *const Handle, item: c_int, value: *mut *const c_void) -> c_int;
    pub(super) fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    pub(super) fn pam_getenv(handle: *mut Handle, name: *const c_char) -> *const c_char;
    pub(super) fn pam_get_data(handle: *const Handle, name: *const c_char, data: *mut *const c_void) -> c_int;
    pub(super) fn pam_set_data(
        handle: *mut Handle,
        name: *const c_char,
        data: *mut c_void,
        c: Option<Cleanup>,
    ) -> c_int;
    pub(super) fn pam_syslog(handle: *const Handle, priority: c_int, format: *const c_char, ...);
}

unsafe extern "C" {
    /// `free(3)`: replies are the application's `malloc`.
    pub(super) fn free(memory: *mut c_void);
}
