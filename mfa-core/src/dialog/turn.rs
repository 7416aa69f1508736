//! What goes into a dialog and what comes out: events, effects, turns, verdicts. Plain data, all of it.

use super::Proof;
use super::asked_key::{KeyEvent, Search, Sign};
use crate::account::{Account, Commit};
use crate::policy::Plan;
use std::fmt;
use zeroize::Zeroizing;

/// Everything that can happen to a dialog.
pub enum Event {
    /// The user typed a line.
    Answer(Zeroizing<String>),
    /// The commit that was asked for happened.
    Committed,
    /// It did not, because the account or the policy had changed: what is true now.
    Stale(Box<(Plan, Account)>),
    /// It did not, and cannot.
    Failed,
    /// What came of it that a key was asked.
    Key(KeyEvent),
    /// Time is up.
    Deadline,
}

impl fmt::Debug for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answer(_) => "Answer(…)",
            Self::Committed => "Committed",
            Self::Stale(_) => "Stale",
            Self::Failed => "Failed",
            Self::Key(event) => return write!(f, "Key({event:?})"),
            Self::Deadline => "Deadline",
        })
    }
}

/// What the daemon is to do next.
#[derive(Debug)]
pub enum Effect {
    /// Send this to the caller.
    Turn(Turn),
    /// Perform this, then report `Committed`, `Stale` or `Failed`.
    Commit(Commit),
    /// Look which keys are plugged in, then report [`Event::Key`]; nothing is said meanwhile.
    Search(Search),
    /// Send this to the caller, which waits, and have a key sign at the same time; then report [`Event::Key`].
    Touch(Turn, Sign),
}

/// What the user sees, and what is wanted next.
#[derive(Debug, PartialEq, Eq)]
pub struct Turn {
    /// Shown first.
    pub say: Vec<Note>,
    /// Then this.
    pub next: Next,
}

/// Text to show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Whether it tells of something that went wrong.
    pub error: bool,
    /// Plain text.
    pub text: String,
}

/// The one thing a turn ends in.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask for a line.
    Ask {
        /// Shown as it is; wiped when it goes, since secrets and backup codes are shown in one.
        prompt: Zeroizing<String>,
        /// Whether what is typed may be seen.
        echo: bool,
    },
    /// Wait: something happens outside within so many seconds, or it is said that it did not.
    Wait {
        /// Seconds.
        at_most: u32,
    },
    /// The end.
    Done(Verdict),
}

/// How a dialog ends.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// A factor was proved. Counts only with the store's receipt of the same ticket.
    Pass(Proof),
    /// Nothing was asked, for this reason.
    Skipped(&'static str),
    /// Nothing was asked, since an earlier login's factor covers this one.
    Remembered,
    /// Refused.
    Denied(Denial),
    /// Refused, since nothing can be decided or recorded.
    Broken,
}

/// Why a login is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// Three wrong codes.
    Wrong,
    /// Too many failures lately.
    Throttled,
    /// Too many failures in a row.
    CodesOff,
    /// A factor is required, and none is enrolled.
    NotEnrolled,
    /// The first factor takes an invitation, and there is none that is good.
    NotInvited,
    /// A factor is enrolled, but none that the policy takes.
    NoUsableFactor,
    /// It would enroll, and there is no seat for it.
    SeatsFull,
    /// The rule is about the one who asks (`who = "caller"`), and nobody knows who that is.
    CallerUnknown,
    /// Nothing but a mailed code would do, and none can be mailed.
    CannotMail,
    /// Nothing but a mailed code would do, and too many were mailed lately.
    MailLimit,
    /// Nothing but a key would do, and it cannot be used here, or was not shown.
    KeyNotShown,
    /// Nothing but a key would do, and none answered.
    KeyFailed,
    /// Nothing can be asked here.
    CannotAsk,
    /// Too many answers that were no codes.
    TooManyAnswers,
    /// The one answer that the application can give was not right.
    NoMoreAnswers,
    /// Time is up.
    TimedOut,
    /// The account kept changing.
    Unsettled,
    /// The policy changed meanwhile.
    PolicyChanged,
    /// The record and the system disagree about whose account it is.
    Conflict,
    /// An event that does not fit: an error of this program.
    Unexpected,
}

impl Denial {
    /// The word in verdicts, records and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Wrong => "wrong",
            Self::Throttled => "throttled",
            Self::CodesOff => "codes-off",
            Self::NotEnrolled => "not-enrolled",
            Self::NotInvited => "not-invited",
            Self::NoUsableFactor => "no-usable-factor",
            Self::SeatsFull => "seats-full",
            Self::CallerUnknown => "caller-unknown",
            Self::CannotMail => "cannot-mail",
            Self::MailLimit => "mail-limit",
            Self::KeyNotShown => "key-not-shown",
            Self::KeyFailed => "key-failed",
            Self::CannotAsk => "cannot-ask",
            Self::TooManyAnswers => "too-many-answers",
            Self::NoMoreAnswers => "no-more-answers",
            Self::TimedOut => "timed-out",
            Self::Unsettled => "unsettled",
            Self::PolicyChanged => "policy-changed",
            Self::Conflict => "conflict",
            Self::Unexpected => "unexpected",
        }
    }
}
