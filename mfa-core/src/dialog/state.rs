//! What a dialog is told when it begins, and what it keeps between two steps.

use super::key::Touching;
use super::turn::{Denial, Note};
use super::{Front, Welcome};
use crate::Time;
use crate::account::FactorId;
use crate::factor::Match;
use crate::policy::SshAuth;
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
    /// What is asked for, as people read it before they touch a key: `sudo on web1 as alice`.
    pub occasion: String,
    /// Whether somebody sits at this machine, and a key that is plugged in can be theirs: never over the network.
    pub at_the_machine: bool,
    /// Whether a key counts only with its PIN, typed into this dialog: where factors are changed from a program of the
    /// user's own, whoever touches a blinking key, with whichever finger, need not know for which program.
    pub pin_typed: bool,
    /// Seconds in which a key is to be touched.
    pub touch_wait: u32,
    /// Whether text is shown that is no prompt; some applications drop it.
    pub shows_text: bool,
    /// What sshd says that it has verified, and what stands beside it; `None` for every other login.
    pub ssh: Option<Ssh>,
}

impl Setting {
    /// Somebody far away, of whom nothing is known but their account: no key, no mail, no temporary code.
    #[cfg(test)]
    pub(crate) fn distant(caller: Caller, welcome: Welcome, until: Time) -> Self {
        let (utc_offset, support, ties, occasion) = Default::default();
        let (temp_codes, mails, at_the_machine, pin_typed) = (false, false, false, false);
        let (interactive, shows_text, front, touch_wait, ssh) = (true, true, Front::Terminal, 15, None);
        Self {
            caller,
            interactive,
            front,
            until,
            temp_codes,
            utc_offset,
            support,
            welcome,
            ties,
            mails,
            occasion,
            at_the_machine,
            pin_typed,
            touch_wait,
            shows_text,
            ssh,
        }
    }
}

/// An ssh login, as far as sshd has come with it.
#[derive(Clone, Debug)]
pub struct Ssh {
    /// What it has verified.
    pub auth: SshAuth,
    /// Whether a password was typed before this dialog.
    pub password: bool,
    /// The administrator says that sshd lets in no key that has not checked its user.
    pub verify_required: bool,
}

#[derive(Default)]
pub(super) enum State {
    Asking(Question),
    /// Waiting for which keys are plugged in; `asked` by the user, who is told if there is none.
    Searching {
        asked: bool,
    },
    /// Waiting for a touch.
    Touching(Touching),
    Committing {
        then: Then,
        again: Option<Again>,
    },
    #[default]
    Over,
}

/// What the user was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Question {
    /// Nothing yet.
    Nothing,
    /// For a code of whatever kind.
    Code,
    /// To plug in a key and press Enter, or for a code.
    Plug,
    /// To press Enter and touch the key that was found, or for a code: where no text is shown.
    Ready,
    /// For the PIN of the key that was found.
    Pin,
    /// Nothing more: a key was touched.
    Touched,
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
    KeyWrong(String),
    PinWrong(Option<u8>),
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
