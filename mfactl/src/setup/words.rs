//! The words of the answers: where, how over ssh, who enrolls when, and what a full house means.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Where a second factor is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Where {
    /// Logins over ssh.
    Ssh,
    /// What makes somebody root: sudo, su, polkit.
    Sudo,
    /// The text console.
    Console,
    /// Login windows.
    Desktop,
}

impl Where {
    /// All of them, in the order in which they are asked.
    pub(crate) const ALL: [Self; 4] = [Self::Ssh, Self::Sudo, Self::Console, Self::Desktop];

    /// The policy's classes of services.
    pub(crate) fn classes(self) -> &'static [&'static str] {
        match self {
            Self::Ssh => &["@ssh"],
            Self::Sudo => &["@sudo", "@su", "@polkit"],
            Self::Console => &["@login"],
            Self::Desktop => &["@desktop"],
        }
    }

    /// As it is written.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Ssh => "ssh",
            Self::Sudo => "sudo",
            Self::Console => "console",
            Self::Desktop => "desktop",
        }
    }
}

impl fmt::Display for Where {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// What comes before the code over ssh.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SshWay {
    /// The password.
    PasswordAndCode,
    /// An SSH key; passwords let nobody in over ssh.
    KeyAndCode,
}

impl fmt::Display for SshWay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PasswordAndCode => "password-and-code",
            Self::KeyAndCode => "key-and-code",
        })
    }
}

/// What becomes of those who must have a factor and have none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Enroll {
    /// They enroll in their next login
    AtLogin,
    /// They may go on without for a while
    Grace,
    /// They enroll with a code from `mfactl invite`
    Invite,
    /// They are refused
    Deny,
}

impl Enroll {
    /// As the policy has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::AtLogin => "at-login",
            Self::Grace => "grace",
            Self::Invite => "invite",
            Self::Deny => "deny",
        }
    }

    /// Whether somebody may enroll in the middle of a login, which takes minutes.
    pub(crate) fn in_a_login(self) -> bool {
        self != Self::Deny
    }
}

/// What becomes of newcomers when all seats are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum OnFull {
    /// They get in with their first factor.
    SingleFactor,
    /// They are refused.
    Deny,
}

impl OnFull {
    /// As mfa.toml has it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::SingleFactor => "single-factor",
            Self::Deny => "deny",
        }
    }
}
