//! libpam, seen from an application: the only unsafe code of this crate. What `<security/pam_appl.h>` declares is
//! declared by hand, and libpam is named by its file, so that building needs no development package.
#![allow(unsafe_code)]

use crate::talk::{Message, Reply, Style, Talk};
use std::borrow::Cow;
use std::ffi::{CStr, CString, NulError, OsStr, c_char, c_int, c_void};
use std::fmt;
use std::os::unix::ffi::OsStrExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use zeroize::Zeroizing;

/// libpam's number for success; any other is a refusal.
pub const SUCCESS: i32 = 0;
const BUF_ERR: c_int = 5;
const CONV_ERR: c_int = 19;

/// `pam_handle_t`, only ever pointed to.
#[repr(C)]
struct Handle {
    opaque: [u8; 0],
}

/// `struct pam_message`.
#[repr(C)]
struct RawMessage {
    style: c_int,
    text: *const c_char,
}

/// `struct pam_response`.
#[repr(C)]
struct Response {
    text: *mut c_char,
    code: c_int,
}

type Converse = unsafe extern "C" fn(c_int, *mut *const RawMessage, *mut *mut Response, *mut c_void) -> c_int;

/// `struct pam_conv`.
#[repr(C)]
struct Conversation {
    converse: Option<Converse>,
    appdata: *mut c_void,
}

#[link(name = "libpam.so.0", kind = "dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn pam_start(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_start_confdir(
        service: *const c_char,
        user: *const c_char,
        conversation: *const Conversation,
        folder: *const c_char,
        handle: *mut *mut Handle,
    ) -> c_int;
    fn pam_set_item(handle: *mut Handle, item: c_int, value: *const c_void) -> c_int;
    fn pam_putenv(handle: *mut Handle, assignment: *const c_char) -> c_int;
    fn pam_authenticate(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_acct_mgmt(handle: *mut Handle, flags: c_int) -> c_int;
    fn pam_end(handle: *mut Handle, status: c_int) -> c_int;
}

unsafe extern "C" {
    /// `calloc(3)`: libpam's modules free what they are given.
    fn calloc(count: usize, size: usize) -> *mut c_void;
    /// `strdup(3)`, for the same reason.
    fn strdup(text: *const c_char) -> *mut c_char;
    /// `free(3)`
    fn free(memory: *mut c_void);
}

/// What an application says of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item {
    /// `PAM_TTY`: the terminal.
    Terminal,
    /// `PAM_RHOST`: from where.
    RemoteHost,
}

/// A login that has begun: `pam_start` has happened. Dropping it is `pam_end`.
pub struct Login<T: Talk> {
    handle: *mut Handle,
    /// Given to libpam, which hands it to [`converse`]; freed after `pam_end`.
    talk: *mut T,
    last: c_int,
}

/// Why a login did not begin, or was not told something.
#[derive(Debug)]
pub enum StartError {
    /// A text with a NUL in it.
    Nul(NulError),
    /// libpam's number.
    Pam(i32),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nul(error) => write!(f, "libpam takes no such text: {error}"),
            Self::Pam(code) => write!(f, "libpam answered {}", crate::name_of(*code)),
        }
    }
}

impl std::error::Error for StartError {}

impl From<NulError> for StartError {
    fn from(error: NulError) -> Self {
        Self::Nul(error)
    }
}

impl<T: Talk> Login<T> {
    /// `pam_start`: the stack of that service in the system's folders, or in that folder and nowhere else.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn start(service: &str, user: &str, folder: Option<&Path>, talk: T) -> Result<Self, StartError> {
        let (service, user) = (CString::new(service)?, CString::new(user)?);
        let folder = folder.map(|folder| CString::new(OsStr::as_bytes(folder.as_os_str()))).transpose()?;
        let talk = Box::into_raw(Box::new(talk));
        let conversation = Conversation { converse: Some(converse::<T>), appdata: talk.cast() };
        let mut handle = std::ptr::null_mut();
        let (service, user, conversation, place) =
            (service.as_ptr(), user.as_ptr(), &raw const conversation, &raw mut handle);
        let last = match &folder {
            // SAFETY: terminated strings, a structure that libpam copies, and a place for its pointer, all alive here.
            Some(folder) => unsafe { pam_start_confdir(service, user, conversation, folder.as_ptr(), place) },
            // SAFETY: the same without the folder.
            None => unsafe { pam_start(service, user, conversation, place) },
        };
        let login = Self { handle, talk, last };
        if last == SUCCESS && !handle.is_null() { Ok(login) } else { Err(StartError::Pam(last)) }
    }

    /// `pam_set_item`.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn set(&mut self, item: Item, value: &str) -> Result<(), StartError> {
        let value = CString::new(value)?;
        let number = match item {
            Item::Terminal => 3,
            Item::RemoteHost => 4,
        };
        // SAFETY: the handle is live, and libpam copies the terminated string of these items.
        answered(unsafe { pam_set_item(self.handle, number, value.as_ptr().cast()) })
    }

    /// `pam_putenv`: `NAME=value` in the environment that PAM keeps for this login.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn put_variable(&mut self, assignment: &str) -> Result<(), StartError> {
        let assignment = CString::new(assignment)?;
        // SAFETY: the handle is live, and libpam copies the terminated string.
        answered(unsafe { pam_putenv(self.handle, assignment.as_ptr()) })
    }

    /// `pam_authenticate`. libpam's number.
    pub fn authenticate(&mut self) -> i32 {
        // SAFETY: the handle is live: `pam_start` succeeded and `pam_end` comes with `drop`.
        self.last = unsafe { pam_authenticate(self.handle, 0) };
        self.last
    }

    /// `pam_acct_mgmt`. libpam's number.
    pub fn account(&mut self) -> i32 {
        // SAFETY: the handle is live, as above.
        self.last = unsafe { pam_acct_mgmt(self.handle, 0) };
        self.last
    }

    /// Whoever speaks for the user.
    pub fn talk(&mut self) -> &mut T {
        // SAFETY: made in `start`, freed in `drop`, and nobody else's while libpam is not called, which takes `&mut self`.
        unsafe { &mut *self.talk }
    }
}

fn answered(code: c_int) -> Result<(), StartError> {
    if code == SUCCESS { Ok(()) } else { Err(StartError::Pam(code)) }
}

impl<T: Talk> Drop for Login<T> {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: libpam's own handle, ended once.
            unsafe { pam_end(self.handle, self.last) };
        }
        // SAFETY: from `Box::into_raw` in `start`; after `pam_end` libpam has no use for it.
        drop(unsafe { Box::from_raw(self.talk) });
    }
}

/// Hands messages to the login's [`Talk`], and its replies to libpam. A panic there fails the conversation.
///
/// # Safety
/// For libpam alone: `count` messages, a place for the replies, and what `start` gave as appdata.
unsafe extern "C" fn converse<T: Talk>(
    count: c_int,
    messages: *mut *const RawMessage,
    replies: *mut *mut Response,
    talk: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: appdata is the talk of the login that libpam was called for, which waits in that call.
    let talk = unsafe { &mut *talk.cast::<T>() };
    // SAFETY: calloc takes any numbers; null is looked for.
    let block = unsafe { calloc(count, size_of::<Response>()) }.cast::<Response>();
    if block.is_null() {
        return BUF_ERR;
    }
    for at in 0..count {
        // SAFETY: on Linux an array of `count` pointers, each to a message with a terminated text, or none.
        let (style, text) = unsafe {
            let message = *messages.add(at);
            ((*message).style, text_of((*message).text))
        };
        let message = Message { style: Style::from_number(style), text: &text };
        let reply = catch_unwind(AssertUnwindSafe(|| talk.said(message))).unwrap_or(Reply::HangUp);
        let Some(reply) = copied(reply) else {
            // SAFETY: `block` has `count` replies of which the first `at` are filled or null.
            unsafe { give_up(block, at) };
            return CONV_ERR;
        };
        // SAFETY: within the block.
        unsafe { (*block.add(at)).text = reply };
    }
    // SAFETY: the place libpam gave for the replies, which become its own.
    unsafe { *replies = block };
    SUCCESS
}

/// What a message says; nothing where a module has given it no text.
///
/// # Safety
/// `text` is null, or terminated and alive as long as what is returned.
unsafe fn text_of<'a>(text: *const c_char) -> Cow<'a, str> {
    if text.is_null() {
        return Cow::Borrowed("");
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(text) }.to_string_lossy()
}

/// A reply as libpam's modules free it, null where there is none; `None` if the conversation fails.
fn copied(reply: Reply) -> Option<*mut c_char> {
    let secret = match reply {
        Reply::Nothing => return Some(std::ptr::null_mut()),
        Reply::HangUp => return None,
        Reply::Text(secret) => secret,
    };
    let mut text = Zeroizing::new(Vec::with_capacity(secret.expose().len() + 1));
    text.extend_from_slice(secret.expose().as_bytes());
    text.push(0);
    let text = CStr::from_bytes_with_nul(&text).ok()?;
    // SAFETY: a terminated string, which strdup copies.
    let copy = unsafe { strdup(text.as_ptr()) };
    (!copy.is_null()).then_some(copy)
}

/// # Safety
/// `block` is from `calloc`, with at least `filled` replies whose texts are from `strdup` or null.
unsafe fn give_up(block: *mut Response, filled: usize) {
    for at in 0..filled {
        // SAFETY: the caller's promise: within the block.
        let text = unsafe { (*block.add(at)).text };
        if !text.is_null() {
            // SAFETY: the caller's promise: a terminated string of ours, which nobody else has yet.
            unsafe {
                std::ptr::write_bytes(text, 0, CStr::from_ptr(text).count_bytes());
                free(text.cast());
            }
        }
    }
    // SAFETY: the caller's promise.
    unsafe { free(block.cast()) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_without_a_text_says_nothing() {
        // SAFETY: null, and a literal that lives for ever.
        let (none, some) = unsafe { (text_of(std::ptr::null()), text_of(c"Code: ".as_ptr())) };
        assert_eq!((none.as_ref(), some.as_ref()), ("", "Code: "));
    }
}
