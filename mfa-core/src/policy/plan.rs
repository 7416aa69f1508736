//! What is to be done at a login, and which of two such plans is the stricter.

use super::calendar::LocalTime;
use super::facts::Standing;
use super::model::{Enrolling, Grace, Requirement, Settings};
use crate::Time;
use crate::factor::{Kind, Kinds};
use std::cmp::Reverse;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nothing is asked.
    Skip(Skip),
    /// Refused, whatever is shown.
    Deny(DenyPlan),
    /// A factor is enrolled first.
    Enroll(Enroll),
    /// A factor is asked for.
    Factors(Ask),
    /// Nothing is asked; this is what would be, to be recorded.
    Observe(Box<Plan>),
}

/// Why nothing is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skip {
    /// Neither a rule that matches nor `[defaults]` names the service.
    ServiceNotCovered,
    /// `require = "if-enrolled"`, and nothing is enrolled.
    NotEnrolled,
    /// `require = "never"`.
    Exempt,
}

/// Why nothing would help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DenyPlan {
    /// Factors are enrolled, and none of them will do here.
    NoUsableFactor {
        /// What would.
        needs: Kinds,
    },
    /// A factor is required, none is enrolled, and none may be enrolled at a login (`enroll = "deny"`).
    NotEnrolled,
    /// The rule is about the one who asks, and nobody knows who that is.
    CallerUnknown,
}

/// An enrollment at login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Enroll {
    /// Whether it can wait, and what it takes.
    pub mode: EnrollMode,
    /// What to offer; never backup codes, which come with every other kind.
    pub kinds: Kinds,
}

/// Whether an enrollment can wait, and what it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EnrollMode {
    /// Now.
    AtLogin,
    /// Now or later; it is over when no second is left.
    Grace {
        /// How long it can wait; at least one second.
        seconds_left: i64,
    },
    /// Now, with a code from an administrator.
    Invite,
}

/// What to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The kinds that will do: the policy's and, where it allows, the user's own. At least one of them is enrolled.
    pub kinds: Kinds,
    /// Seconds in which the same SSH key and address, or the same session, are not asked again. 0: always asked.
    pub ask_again: i64,
    /// Seconds for which the user may choose to be remembered. 0: not offered.
    pub remember: i64,
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
            Self::Enroll(Enroll { mode: EnrollMode::Grace { seconds_left }, kinds }) => (1, *kinds, *kinds, *seconds_left),
            Self::Enroll(Enroll { mode: EnrollMode::AtLogin, kinds }) => (2, *kinds, *kinds, 0),
            Self::Enroll(Enroll { mode: EnrollMode::Invite, kinds }) => (3, *kinds, *kinds, 0),
            Self::Factors(ask) => (4, ask.kinds, ask.kinds.intersection(standing.enrolled), 0),
            Self::Deny(_) => (5, Kinds::NONE, Kinds::NONE, 0),
        };
        Strictness {
            level,
            weakest: weakest(usable),
            usable: Reverse(usable.iter().count()),
            kinds: Reverse(kinds.iter().count()),
            grace: Reverse(grace),
        }
    }
}

/// How much a plan asks of an account; the greater is the stricter.
///
/// A refusal is stricter than a factor, a factor than an enrollment (by invitation, at once, later), that than nothing.
/// Of two that ask for a factor, the one whose *weakest* acceptable kind is the stronger (a key is stronger than a code
/// from an app, that than a mailed one), then the one that accepts fewer. So whatever accepts a part of what another
/// accepts is never the weaker one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Strictness {
    level: u8,
    weakest: u8,
    usable: Reverse<usize>,
    kinds: Reverse<usize>,
    grace: Reverse<i64>,
}

fn weakest(kinds: Kinds) -> u8 {
    let strength = |kind| match kind {
        Kind::Email => 1,
        Kind::Totp => 2,
        Kind::SecurityKey | Kind::SshKey => 3,
        Kind::BackupCode => 4,
    };
    kinds.iter().map(strength).min().unwrap_or(4)
}

/// What these settings mean for an account of this standing.
pub(super) fn plan(settings: &Settings, standing: Standing, now: Time, local: Option<LocalTime>) -> Plan {
    match settings.require {
        Requirement::Never => Plan::Skip(Skip::Exempt),
        Requirement::IfEnrolled if !standing.is_enrolled() => Plan::Skip(Skip::NotEnrolled),
        Requirement::Observe => Plan::Observe(Box::new(demand(settings, standing, now, local))),
        Requirement::Always | Requirement::IfEnrolled => demand(settings, standing, now, local),
    }
}

fn demand(settings: &Settings, standing: Standing, now: Time, local: Option<LocalTime>) -> Plan {
    let own = if settings.own_factors { standing.enrolled.without(Kind::BackupCode) } else { Kinds::NONE };
    let kinds = settings.factors.union(own);
    if !kinds.intersection(standing.enrolled).is_empty() {
        return Plan::Factors(Ask { kinds, ask_again: settings.ask_again, remember: settings.remember });
    }
    if standing.is_enrolled() {
        return Plan::Deny(DenyPlan::NoUsableFactor { needs: settings.factors });
    }
    let mode = match settings.enroll {
        Enrolling::Deny => return Plan::Deny(DenyPlan::NotEnrolled),
        Enrolling::AtLogin => EnrollMode::AtLogin,
        Enrolling::Invite => EnrollMode::Invite,
        Enrolling::Grace => match grace_left(settings.grace, standing, now, local) {
            seconds_left @ 1.. => EnrollMode::Grace { seconds_left },
            _ => EnrollMode::AtLogin,
        },
    };
    Plan::Enroll(Enroll { mode, kinds: settings.factors.without(Kind::BackupCode) })
}

fn grace_left(grace: Grace, standing: Standing, now: Time, local: Option<LocalTime>) -> i64 {
    match grace {
        // A clock that was turned back gives nobody more than the whole.
        Grace::For(whole) => whole.saturating_sub(now.since(standing.grace_began.unwrap_or(now)).max(0)),
        Grace::By(end) => end.seconds_left(now, local),
    }
}
