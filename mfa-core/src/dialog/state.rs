//! What a dialog is told when it begins, and what it keeps between two steps.

use super::turn::{Denial, Note};
use super::{Front, Welcome};
use crate::Time;
use crate::account::FactorId;
use crate::factor::Match;
use crate::throttle::Caller;
use crate::trust::Ties;
use zeroize::Zeroizing;

/// What a dialog is told when it begins.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Whose attempts are counted.
    pub caller: Caller,
    /// Whether anything can be asked; not in PAM's account phase, nor where no code stood in the one line.
    pub interactive: bool,
    /// What asks the user.
    pub front: Front,
    /// When it is over, whatever happens.
    pub until: Time,
    /// Whether a temporary code will do: in logins through root's applications, and never to change factors.
    pub temp_codes: bool,
    /// Seconds by which the clock on the wall here is ahead of UTC.
    pub utc_offset: i32,
    /// Whom to ask for help; may be empty.
    pub support: String,
    /// What an account that must enroll first is told.
    pub welcome: Welcome,
    /// To what a remembered pass would be bound, and what one that covers this login must be bound to.
    pub ties: Ties,
    /// Whether codes are mailed: not for whoever has shown nothing else yet, nor for a user's own programs.
    pub mails: bool,
}

pub(super) enum State {
    Asking(Question),
    Committing { then: Then, again: Option<Again> },
    Over,
}

/// What the user was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing yet.
    Nothing,
    /// For a code of whatever kind.
    Code,
    /// To have read why it is refused.
    Farewell(Denial),
    /// For a temporary code, where nothing else would do; or to have read why it is refused.
    TempCode(Denial),
    /// For the enrollment code of an invitation.
    Invite,
    /// Whether to enroll now.
    Offer,
    /// For a code of the app that is being enrolled.
    Picture,
    /// For a part of a backup code, to show that they are kept.
    Keep,
}

/// What an answer came to, once it is committed.
#[derive(Debug)]
pub(super) enum Then {
    Pass(Match, Vec<Note>),
    Skip(&'static str),
    Cover,
    Deny(Denial),
    Explain(Denial, String),
    Wrong,
    Used { wait: i64 },
    Mailed,
    WrongInvite { left: u32 },
    Begun(Vec<Note>),
    Enrolled(FactorId),
    Without(&'static str, String),
}

/// An answer that is weighed again if the account had changed.
pub(super) struct Again {
    pub(super) question: Question,
    pub(super) answer: Zeroizing<String>,
    pub(super) rounds: u8,
}

impl Again {
    /// What happens before anything is asked.
    pub(super) fn of_nothing(rounds: u8) -> Self {
        Self { question: Question::Nothing, answer: Zeroizing::default(), rounds }
    }
}
