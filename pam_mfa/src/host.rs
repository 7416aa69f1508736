//! What the module asks of the application that runs it: a few items, a conversation, a line in the log, and a note
//! kept between two hooks. libpam answers in earnest (`ffi`), a stand-in in the tests.
//!
//! Whatever implements [`Host`] decides nothing.

use mfa_proto::Secret;
use mfa_proto::login::{Note, Prompt};
use std::fmt;
use zeroize::Zeroizing;

/// The items read, all of them text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Who logs in.
    User,
    /// Into what.
    Service,
    /// From where; the application's word.
    RemoteHost,
    /// Who called `su` or `sudo`.
    RemoteUser,
    /// At which terminal.
    Terminal,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::User => "PAM_USER",
            Self::Service => "PAM_SERVICE",
            Self::RemoteHost => "PAM_RHOST",
            Self::RemoteUser => "PAM_RUSER",
            Self::Terminal => "PAM_TTY",
        })
    }
}

/// Why a conversation brought no answer. None of these is counted as a guess; all of them end the login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConverseError {
    /// The application has no conversation, or it failed: a hang-up, Ctrl-C, a program that cannot ask.
    Failed,
    /// It said it succeeded, and gave no answer.
    NoReply,
    /// More than [`LONGEST_REPLY`] bytes.
    TooLong,
    /// Not UTF-8.
    NotText,
}

impl fmt::Display for ConverseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed => f.write_str("the application could not ask, or the user hung up"),
            Self::NoReply => f.write_str("the application asked and gave no answer"),
            Self::TooLong => write!(f, "the answer is longer than {LONGEST_REPLY} bytes"),
            Self::NotText => f.write_str("the answer is not UTF-8 text"),
        }
    }
}

/// The most bytes an answer may have: `PAM_MAX_RESP_SIZE` of `<security/_pam_types.h>`.
pub(crate) const LONGEST_REPLY: usize = 512;

/// How much a line in the log matters: the `syslog(3)` levels that are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Somebody was let in though the daemon has not decided: by the stack's word, or by a break-glass code.
    Alert,
    /// The module itself is at fault.
    Critical,
    /// A mistake in the stack, or the daemon cannot be reached or understood.
    Error,
    /// A login was refused.
    Notice,
    /// Only with `debug`.
    Debug,
}

/// What `combined=split` leaves for `combined=verify`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Aside {
    /// For whom.
    pub(crate) user: String,
    /// Whether a code was due.
    pub(crate) due: bool,
    /// The code that stood behind the password.
    pub(crate) code: Option<Secret>,
}

/// The application, its user and its log.
pub(crate) trait Host {
    /// A copy of an item's bytes; `None` when it is not set.
    fn item(&self, item: Item) -> Option<Vec<u8>>;

    /// A copy of a variable of the PAM environment; never of the process's.
    fn pam_variable(&self, name: &std::ffi::CStr) -> Option<Vec<u8>>;

    /// Whether the answer is what `PAM_AUTHTOK` holds: the password typed before. An empty one is no password.
    fn is_password(&self, answer: &Secret) -> bool;

    /// Whether a password was typed earlier in the stack (`PAM_AUTHTOK`); empty ones are none.
    fn has_password(&self) -> bool;

    /// A copy of `PAM_AUTHTOK`, which may be empty; `None` if nobody has asked for it.
    fn password(&self) -> Option<Zeroizing<Vec<u8>>>;

    /// Puts this password in the place of the one there is. It has no NUL in it. Says whether that worked.
    fn set_password(&mut self, password: &[u8]) -> bool;

    /// Shows the notes, then asks, in one call of the conversation.
    fn ask(&mut self, notes: &[Note], prompt: &Prompt) -> Result<Secret, ConverseError>;

    /// Shows the notes. That they could not be shown is nobody's concern: many applications cannot.
    fn show(&mut self, notes: &[Note]);

    /// Writes a line to the authentication log. The caller has escaped what is foreign in it.
    fn log(&self, level: Level, line: &str);

    /// Keeps a line of text with the PAM handle, for a later hook; `None` removes it. Says whether that worked.
    fn keep(&mut self, line: Option<&str>) -> bool;

    /// What [`Host::keep`] kept last.
    fn kept(&self) -> Option<String>;

    /// Keeps what was taken off a line with the PAM handle; `None` wipes it. Says whether that worked.
    fn put_aside(&mut self, aside: Option<Aside>) -> bool;

    /// A copy of what [`Host::put_aside`] kept.
    fn aside(&self) -> Option<Aside>;
}
