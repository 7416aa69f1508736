//! What the policy comes to for one login: the plan, which the dialog carries out; and which of two is the stricter.

use super::calendar::LocalTime;
use super::facts::Standing;
use super::model::{Enrolling, Grace, Requirement, Settings};
use crate::Time;
use crate::factor::{Kind, Kinds};
use std::cmp::Reverse;

/// What is asked of one login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing.
    Skip(Skip),
    /// It is refused, whatever is typed.
    Deny(Deny),
    /// A factor is required and none is enrolled.
    Enroll(Enroll),
    /// One factor out of these.
    Factors(Ask),
    /// Nothing, but it is recorded what would have been.
    Observe(Box<Plan>),
}

/// Why nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Neither a rule that matches nor `[defaults]` names the service.
    ServiceNotCovered,
    /// A rule says so: `never`.
    Exempt,
    /// `if-enrolled`, and nothing is enrolled.
    NotEnrolled,
    /// It would enroll, and there is no seat for it ([`crate::seats`]).
    SeatsFull,
}

impl Skip {
    /// The word in verdicts, records and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceNotCovered => "service-not-covered",
            Self::Exempt => "exempt",
            Self::NotEnrolled => "not-enrolled",
            Self::SeatsFull => "seats-full",
        }
    }
}

/// Why it is refused, whatever is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deny {
    /// Something is enrolled, but none of what the policy takes.
    NoUsableFactor {
        /// What it takes.
        needs: Kinds,
    },
    /// The rule is about the one who asks, and nobody knows who that is.
    CallerUnknown,
    /// It would enroll, there is no seat for it, and the site wants such logins refused ([`crate::seats`]).
    SeatsFull,
}

/// How an account that must have a factor gets its first one, of these kinds. Backup codes are not among them: they
/// come with every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enroll {
    /// During the login.
    AtLogin {
        /// What will do.
        kinds: Kinds,
    },
    /// During the login or later, until the time is over.
    Grace {
        /// What will do.
        kinds: Kinds,
        /// How long it can wait; at least one second.
        seconds_left: i64,
    },
    /// During the login, with a code from an administrator.
    Invite {
        /// What will do.
        kinds: Kinds,
    },
    /// Not at a login.
    Deny,
}

/// One factor out of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The kinds that count: the policy's and, where it allows, the user's own. At least one of them is enrolled.
    pub kinds: Kinds,
    /// Whether a key must have checked a PIN or a fingerprint; a touch alone will not do.
    pub verify_user: bool,
    /// Seconds within which the same key and address, or login session, is not asked again; 0 for never.
    pub ask_again: u32,
    /// Seconds for which the user may choose to be remembered; 0 for never.
    pub remember: u32,
}

impl Plan {
    /// Whether the login goes on without anything being asked.
    #[must_use]
    pub fn passes(&self) -> bool {
        matches!(self, Self::Skip(_) | Self::Observe(_))
    }

    /// How strict it is towards an account of this standing.
    #[must_use]
    pub fn strictness(&self, standing: Standing) -> Strictness {
        let (level, kinds, usable, grace) = match self {
            Self::Skip(_) | Self::Observe(_) => (0, Kinds::ALL, Kinds::ALL, 0),
            Self::Enroll(Enroll::Grace { kinds, seconds_left }) => (1, *kinds, *kinds, *seconds_left),
            Self::Enroll(Enroll::AtLogin { kinds }) => (2, *kinds, *kinds, 0),
            Self::Enroll(Enroll::Invite { kinds }) => (3, *kinds, *kinds, 0),
            Self::Factors(ask) => {
                let usable = standing.enrolled.union(standing.given);
                (4, ask.kinds, ask.kinds.intersection(usable), 0)
            }
            Self::Deny(_) | Self::Enroll(Enroll::Deny) => (5, Kinds::NONE, Kinds::NONE, 0),
        };
        Strictness {
            level,
            weakest: weakest(usable),
            usable: Reverse(usable.iter().count()),
            kinds: Reverse(kinds.iter().count()),
            verifies: matches!(self, Self::Factors(ask) if ask.verify_user),
            grace: Reverse(grace),
        }
    }
}

/// How much a plan asks of an account; the greater is the stricter.
///
/// A refusal is stricter than a factor, a factor than an enrollment (by invitation, at once, later), that than nothing.
/// Of two that ask for a factor, the one whose *weakest* acceptable kind is the stronger (a key is stronger than a code
/// from an app, that than a mailed one), then the one that accepts fewer, then the one that has keys check their user.
/// So whatever accepts a part of what another accepts is never the weaker one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strictness {
    level: u8,
    weakest: u8,
    usable: Reverse<usize>,
    kinds: Reverse<usize>,
    verifies: bool,
    grace: Reverse<i64>,
}

fn weakest(kinds: Kinds) -> u8 {
    let strength = |kind| match kind {
        Kind::Email => 1,
        Kind::Totp => 2,
        Kind::SecurityKey | Kind::SshKey => 3,
        Kind::BackupCode | Kind::TempCode => 4,
    };
    kinds.iter().map(strength).min().unwrap_or(4)
}

/// What these settings mean for an account of this standing.
pub(super) fn plan(settings: &Settings, standing: Standing, now: Time, local: Option<LocalTime>) -> Plan {
    match settings.require {
        Requirement::Never => Plan::Skip(Skip::Exempt),
        Requirement::IfEnrolled if !standing.is_enrolled() && !standing.invited_only => Plan::Skip(Skip::NotEnrolled),
        Requirement::Observe => Plan::Observe(Box::new(demand(settings, standing, now, local))),
        Requirement::Always | Requirement::IfEnrolled => demand(settings, standing, now, local),
    }
}

fn demand(settings: &Settings, standing: Standing, now: Time, local: Option<LocalTime>) -> Plan {
    let own = if settings.own_factors { standing.enrolled.without(Kind::BackupCode) } else { Kinds::NONE };
    let kinds = settings.factors.union(own);
    if !kinds.intersection(standing.enrolled).is_empty() || given_will_do(settings, standing) {
        let Settings { verify_user, ask_again, remember, .. } = *settings;
        return Plan::Factors(Ask { kinds, verify_user, ask_again, remember });
    }
    if standing.is_enrolled() {
        return Plan::Deny(Deny::NoUsableFactor { needs: settings.factors });
    }
    let kinds = settings.factors.without(Kind::BackupCode);
    Plan::Enroll(match settings.enroll {
        Enrolling::AtLogin | Enrolling::Grace if standing.invited_only => Enroll::Invite { kinds },
        Enrolling::AtLogin => Enroll::AtLogin { kinds },
        Enrolling::Invite => Enroll::Invite { kinds },
        Enrolling::Deny => Enroll::Deny,
        Enrolling::Grace => match grace_left(settings.grace, standing, now, local) {
            seconds_left @ 1.. => Enroll::Grace { kinds, seconds_left },
            _ => Enroll::AtLogin { kinds },
        },
    })
}

/// Whether what the account has without enrolling is enough. Whom an administrator has told to come with an invitation
/// is not let in by anything else, as long as there is something to enroll.
fn given_will_do(settings: &Settings, standing: Standing) -> bool {
    let to_enroll = settings.factors.without(Kind::BackupCode).without(Kind::Email);
    let invited = standing.invited_only && !standing.is_enrolled() && !to_enroll.is_empty();
    !invited && !settings.factors.intersection(standing.given).is_empty()
}

fn grace_left(grace: Grace, standing: Standing, now: Time, local: Option<LocalTime>) -> i64 {
    match grace {
        // A clock that was turned back gives nobody more than the whole.
        Grace::For(whole) => whole.saturating_sub(now.since(standing.grace_began.unwrap_or(now)).max(0)),
        Grace::By(end) => end.seconds_left(now, local),
    }
}
