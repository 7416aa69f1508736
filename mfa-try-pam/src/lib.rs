//! `mfa-try-pam`: one login through libpam, as `mfactl setup` tries it before a stack is live.
//!
//! An application that logs somebody in, and then does nothing with it: no session is opened, no credentials are set.
//! What libpam asks goes out, what it is answered comes in; nothing of an answer is kept, printed or logged.
#![deny(unsafe_code)]

mod answer;
mod attempt;
mod ffi;
mod lines;
mod names;
mod talk;

pub use answer::answer_of;
pub use attempt::{Attempt, Phase, Said, attempt};
pub use ffi::{Item, Login, SUCCESS, StartError};
pub use lines::{LONGEST_LINE, LineError, Lines};
pub use names::name_of;
pub use talk::{Message, Reply, Style, Talk};

/// Makes sure that root runs this, by itself and not for somebody else: libpam reads stacks and loads modules here.
///
/// # Errors
/// It is not, in a sentence.
pub fn admit() -> Result<(), String> {
    let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
    if real.is_root() && effective.is_root() { Ok(()) } else { Err("Only root tries logins.".to_owned()) }
}
