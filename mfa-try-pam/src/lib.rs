//! `mfa-try-pam`: one login through libpam, as `mfactl setup` tries it before a stack is live.
//!
//! An application that logs somebody in, and then does nothing with it: no session is opened, no credentials are set.
//! What libpam asks goes out, what it is answered comes in; nothing of an answer is kept, printed or logged.
#![deny(unsafe_code)]

mod attempt;
mod ffi;
mod lines;
mod names;
mod talk;

pub use attempt::{Attempt, Phase, Said, attempt};
pub use ffi::{Item, Login, SUCCESS, StartError};
pub use lines::{LONGEST_LINE, LineError, Lines};
pub use names::name_of;
pub use talk::{Message, Reply, Style, Talk};

use rustix::process::{DumpableBehavior, Resource, Rlimit};

/// Keeps what is answered out of dumps and tracers. A panic says nothing: its text could hold an answer.
///
/// # Errors
/// The kernel refuses, in a sentence.
pub fn leave_nothing_behind() -> Result<(), String> {
    std::panic::set_hook(Box::new(|_| {}));
    let refused = |errno| format!("this process cannot be kept from dumping its memory: {errno}");
    rustix::process::setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) }).map_err(refused)?;
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable).map_err(refused)
}

/// Makes sure that root runs this, by itself and not for somebody else: libpam reads stacks and loads modules here.
///
/// # Errors
/// It is not, in a sentence.
pub fn admit() -> Result<(), String> {
    let (real, effective) = (rustix::process::getuid(), rustix::process::geteuid());
    if real.is_root() && effective.is_root() { Ok(()) } else { Err("Only root tries logins.".to_owned()) }
}
