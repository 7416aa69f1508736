//! What `mfa-enroll` and `mfactl` do the same way: reach the daemon, speak to a person, speak to a script, fail.
//!
//! Nothing is decided here, and nothing of the module or the daemon is built on it.
#![forbid(unsafe_code)]

mod daemon;
pub mod dialog;
pub mod factors;
mod failure;
pub mod moment;
pub mod printable;
pub mod remembered;
mod screen;
mod table;
mod terminal;
pub mod words;

pub use daemon::Daemon;
pub use failure::{Exit, Failure, finish};
pub use screen::Screen;
pub use table::Table;
pub use terminal::{InputError, Terminal};

/// Columns a line of ours takes at most, whatever the terminal.
pub const WIDTH: usize = 80;
