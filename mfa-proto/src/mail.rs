//! `io.mfa.Mail`: what the daemon, which has no network, asks of `mfa-mail`, which has nothing else. One call a
//! connection; the answer says what became of it.

use crate::Secret;
use serde::{Deserialize, Serialize};

/// The socket of `mfa-mail` (mode 0600, `_mfa`).
pub const SOCKET: &str = "/run/mfa/mail.sock";
/// Sends one letter: [`Letter`] → [`Answer`].
pub const SEND: &str = "io.mfa.Mail.Send";
/// Tells the webhook something: [`Notice`] → [`Answer`].
pub const NOTIFY: &str = "io.mfa.Mail.Notify";
/// The interface in Varlink's own notation.
pub const DESCRIPTION: &str = include_str!("../interfaces/io.mfa.Mail.varlink");
/// Seconds after which an answer comes, whatever the other end does.
pub const LONGEST: u64 = 60;

/// A letter, ready to be sent. From whom it is, `mfa-mail` knows.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Letter {
    /// One address.
    pub to: String,
    /// One line.
    pub subject: String,
    /// Plain text, lines ending in a line feed. It may hold a code.
    pub body: Secret,
    /// The same for every try, without its angle brackets.
    pub message_id: String,
    /// When it was written, seconds since the epoch.
    pub date: i64,
}

/// What the webhook is told: a JSON object, which goes out as it is.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// The object, as text.
    pub json: String,
}

/// What became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// In a word.
    pub outcome: Outcome,
    /// What the server said, or why it could not be asked; printable, on one line.
    pub detail: String,
}

/// What can become of a letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server has it.
    Taken,
    /// The server surely does not have it; later it may take it.
    Later,
    /// The server may have it or not: the line was cut while it was sent.
    Unknown,
    /// The server will never take it.
    Refused,
}
