//! What the policy comes to for one login: the plan, which the dialog carries out. (The lead's file: the dialog is
//! written against it; extend it, keep the names.)

use crate::factor::Kinds;

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
    /// No rule speaks of this service.
    ServiceNotCovered,
    /// A rule says so.
    Exempt,
    /// `if-enrolled`, and nothing is enrolled.
    NotEnrolled,
}

impl Skip {
    /// The word in verdicts, records and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceNotCovered => "service-not-covered",
            Self::Exempt => "exempt",
            Self::NotEnrolled => "not-enrolled",
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
}

/// How an account that must have a factor gets its first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enroll {
    /// During the login.
    AtLogin,
    /// Later, until a date.
    Grace,
    /// During the login, with a code from an administrator.
    Invite,
    /// Not at a login.
    Deny,
}

/// One factor out of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ask {
    /// The kinds that count.
    pub kinds: Kinds,
    /// Seconds within which the same key and address, or login session, is not asked again; 0 for never.
    pub ask_again: u32,
    /// Seconds for which the user may choose to be remembered; 0 for never.
    pub remember: u32,
}
