//! libpam's other side: an application that logs somebody in, as sshd or sudo would, with answers prepared beforehand.
//!
//! It decides nothing: what libpam answers is handed back as it is. Several may run at once, one a thread.

mod sys;

use std::collections::VecDeque;
use std::ffi::{CStr, CString, NulError, c_int, c_void};
use std::fmt;

/// libpam's number for success; any other is a refusal.
pub const SUCCESS: i32 = sys::SUCCESS;

/// A login that has begun: `pam_start` has happened. Dropping it is `pam_end`.
pub struct Login {
    handle: *mut sys::Handle,
    /// Given to libpam, which hands it to [`converse`]; freed after `pam_end`.
    talk: *mut Talk,
    last: c_int,
}

/// What is said, and what is answered.
#[derive(Default)]
struct Talk {
    answers: VecDeque<CString>,
    screen: String,
}

/// Why a login did not begin.
#[derive(Debug)]
pub enum StartError {
    /// A name with a NUL in it.
    Nul(NulError),
    /// libpam's number.
    Pam(i32),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nul(error) => write!(f, "libpam takes no such text: {error}"),
            Self::Pam(code) => write!(f, "pam_start answered {code}"),
        }
    }
}

impl std::error::Error for StartError {}

impl From<NulError> for StartError {
    fn from(error: NulError) -> Self {
        Self::Nul(error)
    }
}

impl Login {
    /// `pam_start`.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn start(service: &str, user: &str) -> Result<Self, StartError> {
        let (service, user) = (CString::new(service)?, CString::new(user)?);
        let talk = Box::into_raw(Box::new(Talk::default()));
        let conversation = sys::Conversation { converse: Some(converse), appdata: talk.cast() };
        let mut handle = std::ptr::null_mut();
        // SAFETY: two terminated strings and a structure that libpam copies; `handle` is a place for its pointer.
        let last = unsafe { sys::pam_start(service.as_ptr(), user.as_ptr(), &raw const conversation, &raw mut handle) };
        let login = Self { handle, talk, last };
        if last == sys::SUCCESS && !handle.is_null() { Ok(login) } else { Err(StartError::Pam(last)) }
    }

    /// `pam_authenticate`, with those answers to its prompts, in order; one prompt more fails. libpam's number.
    ///
    /// # Errors
    /// [`StartError::Nul`] if an answer holds a NUL.
    pub fn authenticate(&mut self, answers: &[impl AsRef<str>]) -> Result<i32, StartError> {
        let answers = answers.iter().map(|answer| CString::new(answer.as_ref())).collect::<Result<_, _>>()?;
        // SAFETY: made in `start`, freed in `drop`, and used by nobody else while libpam is not called.
        unsafe { (*self.talk).answers = answers };
        // SAFETY: the handle is live: `pam_start` succeeded and `pam_end` comes with `drop`.
        self.last = unsafe { sys::pam_authenticate(self.handle, 0) };
        Ok(self.last)
    }

    /// `pam_acct_mgmt`. libpam's number.
    pub fn account(&mut self) -> i32 {
        // SAFETY: the handle is live, as above.
        self.last = unsafe { sys::pam_acct_mgmt(self.handle, 0) };
        self.last
    }

    /// Everything that was shown so far, prompts included, a line each.
    pub fn screen(&self) -> &str {
        // SAFETY: made in `start`, and libpam is not called while it is borrowed.
        unsafe { &(*self.talk).screen }
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        if !self.handle.is_null() {
            // SAFETY: libpam's own handle, ended once.
            unsafe { sys::pam_end(self.handle, self.last) };
        }
        // SAFETY: from `Box::into_raw` in `start`; after `pam_end` libpam has no use for it.
        drop(unsafe { Box::from_raw(self.talk) });
    }
}

/// Answers prompts and remembers texts.
///
/// # Safety
/// For libpam alone: `count` messages, a place for the replies, and what `start` gave as appdata.
unsafe extern "C" fn converse(
    count: c_int,
    messages: *mut *const sys::Message,
    replies: *mut *mut sys::Response,
    talk: *mut c_void,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: appdata is the `Talk` of the login that libpam was called for, which waits in that call.
    let talk = unsafe { &mut *talk.cast::<Talk>() };
    // SAFETY: calloc takes any numbers; null is looked for.
    let block = unsafe { sys::calloc(count, size_of::<sys::Response>()) }.cast::<sys::Response>();
    if block.is_null() {
        return sys::BUF_ERR;
    }
    for at in 0..count {
        // SAFETY: on Linux an array of `count` pointers, each to a message with a terminated text.
        let (style, text) = unsafe {
            let message = *messages.add(at);
            ((*message).style, CStr::from_ptr((*message).text).to_string_lossy())
        };
        talk.screen.push_str(&text);
        talk.screen.push('\n');
        if style != sys::PROMPT_ECHO_OFF && style != sys::PROMPT_ECHO_ON {
            continue;
        }
        let Some(answer) = talk.answers.pop_front() else {
            // SAFETY: `block` has `count` replies of which the first `at` are filled or null.
            unsafe { give_up(block, at) };
            return sys::CONV_ERR;
        };
        // SAFETY: within the block, which is zeroed; strdup copies a terminated string.
        unsafe { (*block.add(at)).text = sys::strdup(answer.as_ptr()) };
    }
    // SAFETY: the place libpam gave for the replies, which become its own.
    unsafe { *replies = block };
    sys::SUCCESS
}

/// # Safety
/// `block` is from `calloc`, with at least `filled` replies whose texts are from `strdup` or null.
unsafe fn give_up(block: *mut sys::Response, filled: usize) {
    for at in 0..filled {
        // SAFETY: the caller's promise.
        unsafe { sys::free((*block.add(at)).text.cast()) };
    }
    // SAFETY: the caller's promise.
    unsafe { sys::free(block.cast()) };
}
