//! `io.mfa.Login`: one dialog a connection, begun by the module, answered turn by turn.

use crate::Secret;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroize;

/// Begins the dialog of this connection; the reply is a [`Turn`].
pub const BEGIN: &str = "io.mfa.Login.Begin";
/// Answers what the last turn asked; the reply is a [`Turn`].
pub const ANSWER: &str = "io.mfa.Login.Answer";
/// Waits for what the last turn waits for (a key, a phone); the reply is a [`Turn`].
pub const WAIT: &str = "io.mfa.Login.Wait";

/// Whether [`BEGIN`] with the same facts would ask for a code; the reply is [`Due`]. Nothing is begun or recorded.
pub const DUE: &str = "io.mfa.Login.Due";

/// Seconds a login may take at the most, enrollment included.
pub const LONGEST_LOGIN: u32 = 600;

/// The PAM hook that asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// `pam_sm_authenticate`: may ask.
    #[default]
    Auth,
    /// `pam_sm_acct_mgmt` without an `auth` before it: decides without a prompt.
    Account,
}

/// What stood behind the password, where the application asks once for both (`combined=` in its stack).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Combined {
    /// A code: the one answer there will be.
    Code,
    /// Nothing: no question can be answered.
    Nothing,
}

/// Who wants in, where and how. Root is believed; of anyone else only `user` and `service` count, and `user`
/// must be the peer's own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Begin {
    /// [`crate::PROTOCOL`] of the caller.
    pub protocol: u32,
    /// `PAM_USER`.
    pub user: String,
    /// `PAM_SERVICE`, such as `sshd` or `sudo`.
    pub service: String,
    /// Which hook asks.
    #[serde(default)]
    pub phase: Phase,
    /// `PAM_RHOST`: a numeric address, or a name that proves nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhost: Option<String>,
    /// `PAM_RUSER`: who called, for `su` and `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ruser: Option<String>,
    /// `PAM_TTY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tty: Option<String>,
    /// `SSH_AUTH_INFO_0` from the PAM environment, as sshd put it: a line for each completed method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_auth: Option<String>,
    /// Whether a password was typed earlier in the stack (`PAM_AUTHTOK` is set).
    #[serde(default)]
    pub password: bool,
    /// `/proc/self/loginuid`, unless unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// `/proc/self/sessionid` (the kernel's audit session), unless unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_session: Option<u32>,
    /// The name of the login session in whose control group the caller is, as systemd-logind gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// The process that asks, and its parent: one of them will lead the session that this login opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub processes: Option<[u32; 2]>,
    /// Set where the application asks once, for password and code in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub combined: Option<Combined>,
    /// Whether the application wants no text shown (`PAM_SILENT`): what must be read goes into a prompt.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub silent: bool,
    /// Seconds the caller will wait for the whole login.
    pub timeout: u32,
}

/// Whether a code is due, and how it looks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Due {
    /// Whether the login would ask for one.
    pub due: bool,
    /// How many digits the codes of this account's apps have, longest first. Codes on paper are told by their dashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub digits: Vec<u8>,
}

/// What the user typed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Answer {
    /// The line, without its newline.
    pub answer: Secret,
}

/// Text to show before anything else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// How to show it.
    pub style: Style,
    /// Plain text, possibly several lines; control characters other than newline never occur.
    pub text: String,
}

/// PAM's two ways of saying something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// `PAM_TEXT_INFO`
    Info,
    /// `PAM_ERROR_MSG`
    Error,
}

/// A question. Wiped when it goes: whoever enrolls is shown a secret and backup codes in one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompt {
    /// Shown as it is.
    pub text: String,
    /// Whether what is typed may be seen.
    pub echo: bool,
}

impl Drop for Prompt {
    fn drop(&mut self) {
        self.text.zeroize();
    }
}

/// How a login ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What the module turns into a PAM code.
    pub outcome: Outcome,
    /// For the log line: a short word or sentence, never a secret.
    pub reason: String,
}

/// The ends of a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// A factor was proved, and the proof is recorded.
    Pass,
    /// The policy asks nothing of this login.
    Skipped,
    /// Nothing was asked: a factor proved at an earlier login, with the same key or in the same session, covers this one.
    Remembered,
    /// Refused.
    Denied,
    /// The daemon cannot decide (no valid policy, lost key, corrupt store): refused, unless a break-glass code is given.
    Broken,
}

/// What the module does next: show the notes, then one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "TurnOnTheWire", into = "TurnOnTheWire")]
pub struct Turn {
    /// Shown first, in order.
    pub say: Vec<Note>,
    /// Then this.
    pub next: Next,
    /// Seconds the caller may give the whole login from its beginning, because somebody is enrolling. It only ever
    /// lengthens what the caller had in mind, and never beyond [`LONGEST_LOGIN`].
    pub patience: Option<u32>,
}

/// The one thing a turn ends in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// Ask, and call [`ANSWER`].
    Ask(Prompt),
    /// Call [`WAIT`]: something outside will happen within so many seconds, or will not.
    Wait {
        /// Seconds.
        at_most: u32,
    },
    /// The end.
    Done(Verdict),
}

#[derive(Serialize, Deserialize)]
struct TurnOnTheWire {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    say: Vec<Note>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ask: Option<Prompt>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    wait: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    done: Option<Verdict>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patience: Option<u32>,
}

/// A turn that does not end in exactly one thing.
#[derive(Debug)]
pub struct AmbiguousTurn;

impl fmt::Display for AmbiguousTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a turn must ask, wait or be done, and only one of these")
    }
}

impl TryFrom<TurnOnTheWire> for Turn {
    type Error = AmbiguousTurn;

    fn try_from(wire: TurnOnTheWire) -> Result<Self, AmbiguousTurn> {
        let next = match (wire.ask, wire.wait, wire.done) {
            (Some(prompt), None, None) => Next::Ask(prompt),
            (None, Some(at_most), None) => Next::Wait { at_most },
            (None, None, Some(verdict)) => Next::Done(verdict),
            _ => return Err(AmbiguousTurn),
        };
        Ok(Self { say: wire.say, next, patience: wire.patience })
    }
}

impl From<Turn> for TurnOnTheWire {
    fn from(turn: Turn) -> Self {
        let (ask, wait, done) = match turn.next {
            Next::Ask(prompt) => (Some(prompt), None, None),
            Next::Wait { at_most } => (None, Some(at_most), None),
            Next::Done(verdict) => (None, None, Some(verdict)),
        };
        Self { say: turn.say, ask, wait, done, patience: turn.patience }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_ends_in_exactly_one_thing() {
        for bad in [
            "{}",
            r#"{"say":[]}"#,
            r#"{"wait":3,"ask":{"text":"?","echo":false}}"#,
            r#"{"ask":{"text":"?","echo":false},"done":{"outcome":"pass","reason":""}}"#,
        ] {
            assert!(serde_json::from_str::<Turn>(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_outcome_this_version_does_not_know_is_an_error() {
        assert!(serde_json::from_str::<Turn>(r#"{"done":{"outcome":"success","reason":""}}"#).is_err());
    }

    #[test]
    fn turns_survive_the_wire() {
        let note = Note { style: Style::Error, text: "Not right.".into() };
        for next in [
            Next::Ask(Prompt { text: "Verification code: ".into(), echo: false }),
            Next::Wait { at_most: 15 },
            Next::Done(Verdict { outcome: Outcome::Pass, reason: "totp".into() }),
        ] {
            let turn = Turn { say: vec![note.clone()], next, patience: Some(600) };
            let json = serde_json::to_string(&turn).unwrap();
            assert_eq!(serde_json::from_str::<Turn>(&json).unwrap(), turn);
        }
    }
}
