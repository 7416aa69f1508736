//! One call of the application's conversation: messages in, at most one reply out, every byte of it wiped.
//!
//! It trusts the application with memory, as C must, and with nothing else: a missing, empty, huge or garbled reply
//! is an error or an empty answer, never a guess at what was meant.

use super::sys;
use crate::host::{ConverseError, LONGEST_REPLY};
use mfa_proto::Secret;
use mfa_proto::login::{Note, Prompt, Style};
use std::ffi::{CStr, CString, c_int, c_void};
use std::ptr::{self, NonNull};
use zeroize::Zeroize;

/// The most messages libpam lets one call hold: `PAM_MAX_NUM_MSG`.
const MOST_MESSAGES: usize = 32;

/// Shows the notes and asks the prompt, if there is one, in one call; in more only when there are too many notes.
pub(super) fn hold(
    converse: sys::Converse,
    appdata: *mut c_void,
    notes: &[Note],
    prompt: Option<&Prompt>,
) -> Result<Option<Secret>, ConverseError> {
    let mut messages: Vec<(c_int, CString)> =
        notes.iter().map(|note| (style_of(note.style), terminated(&note.text))).collect();
    if let Some(prompt) = prompt {
        let style = if prompt.echo { sys::PROMPT_ECHO_ON } else { sys::PROMPT_ECHO_OFF };
        messages.push((style, terminated(&prompt.text)));
    }
    while messages.len() > MOST_MESSAGES {
        let rest = messages.split_off(MOST_MESSAGES);
        // Nothing but notes: that they could not be shown is no reason not to ask.
        let _ = call(converse, appdata, &messages);
        messages = rest;
    }
    if messages.is_empty() {
        return Ok(None);
    }
    let replies = call(converse, appdata, &messages)?;
    if prompt.is_none() { Ok(None) } else { replies.last() }
}

fn style_of(style: Style) -> c_int {
    match style {
        Style::Info => sys::TEXT_INFO,
        Style::Error => sys::ERROR_MSG,
    }
}

/// Text as C and a terminal may have it: of the control characters, only the newline is left.
fn terminated(text: &str) -> CString {
    let text: String = text.chars().filter(|c| *c == '\n' || !c.is_control()).collect();
    CString::new(text).unwrap_or_default()
}

fn call(
    converse: sys::Converse,
    appdata: *mut c_void,
    messages: &[(c_int, CString)],
) -> Result<Replies, ConverseError> {
    let count = c_int::try_from(messages.len()).map_err(|_| ConverseError::Failed)?;
    // Contiguous, and pointed to one by one: right for applications that read the argument as Linux-PAM means it and
    // for those that read it as Solaris does.
    let contiguous: Vec<sys::Message> =
        messages.iter().map(|(style, text)| sys::Message { style: *style, text: text.as_ptr() }).collect();
    let mut pointers: Vec<*const sys::Message> =
        (0..contiguous.len()).map(|index| contiguous.as_ptr().wrapping_add(index)).collect();
    let mut replies = ptr::null_mut();
    // SAFETY: `converse` and `appdata` come together from one PAM_CONV; `pointers` holds `count` pointers to messages
    // that outlive the call, as do their texts; `replies` is a place for one pointer.
    let result = unsafe { converse(count, pointers.as_mut_ptr(), &raw mut replies, appdata) };
    if result != sys::SUCCESS {
        // What it left in `replies` is undefined by contract, and freed already in some applications: not touched.
        return Err(ConverseError::Failed);
    }
    Ok(Replies { array: NonNull::new(replies), count: messages.len() })
}

/// What a conversation that succeeded gave: an array with a reply, or none, for each message. Dropped, it is wiped
/// and freed, whether it was read or not.
struct Replies {
    array: Option<NonNull<sys::Response>>,
    count: usize,
}

impl Replies {
    /// The reply to the last message, as text.
    fn last(&self) -> Result<Option<Secret>, ConverseError> {
        let Some(index) = self.count.checked_sub(1) else { return Ok(None) };
        let Some(reply) = self.reply(index) else { return Ok(None) };
        if reply.len() > LONGEST_REPLY {
            return Err(ConverseError::TooLong);
        }
        match String::from_utf8(reply.to_vec()) {
            Ok(text) => Ok(Some(Secret::new(text))),
            Err(error) => {
                error.into_bytes().zeroize();
                Err(ConverseError::NotText)
            }
        }
    }

    fn reply(&self, index: usize) -> Option<&[u8]> {
        let text = self.text_at(index)?;
        // SAFETY: a reply that is not null is a terminated string of the application's, ours since the call
        // succeeded, and not freed before `self` is dropped.
        Some(unsafe { CStr::from_ptr(text.as_ptr()) }.to_bytes())
    }

    fn text_at(&self, index: usize) -> Option<NonNull<std::ffi::c_char>> {
        let array = self.array.filter(|_| index < self.count)?;
        // SAFETY: a conversation that succeeds gives one response for each message, and `index` is below their count.
        NonNull::new(unsafe { array.add(index).as_ref() }.text)
    }
}

impl Drop for Replies {
    fn drop(&mut self) {
        for index in 0..self.count {
            let Some(text) = self.text_at(index) else { continue };
            let length = self.reply(index).map_or(0, <[u8]>::len);
            // SAFETY: these are the bytes of the string before its terminator, and no slice of them is left: `reply`
            // borrows `self`.
            unsafe { std::slice::from_raw_parts_mut(text.as_ptr().cast::<u8>(), length) }.zeroize();
            // SAFETY: each reply is a `malloc` of its own that the module must free, and this is the only place.
            unsafe { sys::free(text.as_ptr().cast()) };
        }
        if let Some(array) = self.array {
            // SAFETY: so is the array, and its replies are gone.
            unsafe { sys::free(array.as_ptr().cast()) };
        }
    }
}

#[cfg(test)]
#[path = "conversation_tests.rs"]
mod tests;
