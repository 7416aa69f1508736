//! What happened to an account, in the words of the record and the log. Never input.

use super::FactorId;
use crate::factor::Kind;

/// What happened, for the audit record and the log; the daemon adds who asked, where and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What.
    pub what: What,
    /// With which factor.
    pub factor: Option<(Kind, Option<FactorId>)>,
    /// Why, in a word of the program's own; never input.
    pub reason: Option<&'static str>,
    /// Why, in an administrator's own words.
    pub words: Option<String>,
    /// The number of the record of the login that covers this one, so that nothing was asked.
    pub covered_by: Option<i64>,
}

impl Record {
    /// Only what happened.
    #[must_use]
    pub fn of(what: What) -> Self {
        Self { what, factor: None, reason: None, words: None, covered_by: None }
    }

    /// With the factor it happened to.
    #[must_use]
    pub fn with(self, kind: Kind, id: Option<FactorId>) -> Self {
        Self { factor: Some((kind, id)), ..self }
    }

    /// With the login that covers it.
    #[must_use]
    pub fn covered_by(self, record: i64) -> Self {
        Self { covered_by: Some(record), ..self }
    }

    /// With the reason.
    #[must_use]
    pub fn because(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }
}

/// The things that can happen to an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A login (or a confirmation of oneself) passed.
    Passed,
    /// The policy asked nothing.
    Skipped,
    /// Refused.
    Denied,
    /// A wrong code.
    Wrong,
    /// A used code again.
    Replayed,
    /// A security key answered rightly, but its counter did not move on: there may be a copy of it.
    CounterBack,
    /// An enrollment was begun.
    Begun,
    /// A factor was added.
    Added,
    /// A factor was taken over from another program by an administrator.
    Imported,
    /// A factor was removed.
    Removed,
    /// A factor was renamed.
    Renamed,
    /// New backup codes.
    NewBackupCodes,
    /// Everything was removed by an administrator.
    Reset,
    /// Failures were forgotten by an administrator.
    Unlocked,
    /// A record was given to another uid or name by an administrator.
    Rebound,
    /// A code was mailed.
    Mailed,
    /// The address for mail was changed.
    AddressChanged,
    /// A letter was given up, or refused for good.
    NotMailed,
    /// An administrator gave an enrollment code.
    Invited,
    /// A wrong enrollment code.
    InviteWrong,
    /// An administrator took an enrollment code, or the demand for one, back.
    InviteWithdrawn,
    /// An administrator gave a temporary code.
    TempCodeGiven,
    /// An administrator took a temporary code back.
    TempCodeWithdrawn,
    /// Its enrollment takes no seat any more: the account is gone, expired or out of use.
    Suspended,
    /// It is back, and its enrollment counts again.
    Returned,
    /// Its owner was told that a factor is required now.
    ToldRequired,
    /// What was remembered is asked again.
    Forgotten,
    /// The user says that a login was somebody else's.
    Reported,
}

impl What {
    /// Every one of them, for readers of stored records.
    pub const ALL: [Self; 28] = [
        Self::Passed,
        Self::Skipped,
        Self::Denied,
        Self::Wrong,
        Self::Replayed,
        Self::CounterBack,
        Self::Begun,
        Self::Added,
        Self::Imported,
        Self::Removed,
        Self::Renamed,
        Self::NewBackupCodes,
        Self::Reset,
        Self::Unlocked,
        Self::Rebound,
        Self::Mailed,
        Self::AddressChanged,
        Self::NotMailed,
        Self::Invited,
        Self::InviteWrong,
        Self::InviteWithdrawn,
        Self::TempCodeGiven,
        Self::TempCodeWithdrawn,
        Self::Suspended,
        Self::Returned,
        Self::ToldRequired,
        Self::Forgotten,
        Self::Reported,
    ];

    /// The word in records and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Skipped => "skipped",
            Self::Denied => "denied",
            Self::Wrong => "wrong",
            Self::Replayed => "replayed",
            Self::CounterBack => "counter-back",
            Self::Begun => "begun",
            Self::Added => "added",
            Self::Imported => "imported",
            Self::Removed => "removed",
            Self::Renamed => "renamed",
            Self::NewBackupCodes => "new-backup-codes",
            Self::Reset => "reset",
            Self::Unlocked => "unlocked",
            Self::Rebound => "rebound",
            Self::Mailed => "mailed",
            Self::AddressChanged => "address-changed",
            Self::NotMailed => "not-mailed",
            Self::Invited => "invited",
            Self::InviteWrong => "invite-wrong",
            Self::InviteWithdrawn => "invite-withdrawn",
            Self::TempCodeGiven => "temp-code-given",
            Self::TempCodeWithdrawn => "temp-code-withdrawn",
            Self::Suspended => "suspended",
            Self::Returned => "returned",
            Self::ToldRequired => "told-required",
            Self::Forgotten => "forgotten",
            Self::Reported => "reported",
        }
    }
}
