//! What happens to the site as a whole, and to no account: the words, and a record of its own type, so that neither
//! kind of record can be made where the other is meant.

use super::clip;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// The things that can happen to a site. No word of [`mfa_core::account::What`] is among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Site {
    /// The daemon began to serve.
    Started,
    /// The daemon ended as it was told to.
    Stopped,
    /// A configuration was put in force.
    PolicyLoaded,
    /// A configuration was not taken; the one before stays in force, if there is one.
    PolicyRefused,
    /// The clock was turned, or runs behind the newest record.
    ClockJumped,
    /// The chain of records does not hold.
    AuditBroken,
    /// The store could not be used for a while.
    StoreBroken,
    /// Records beyond their time were removed from the beginning of the chain.
    Pruned,
    /// A license was installed.
    LicenseInstalled,
    /// A license was not taken.
    LicenseRefused,
    /// A license ends soon, goes on in its grace, or has ended.
    LicenseEnding,
    /// Seats taken have reached a mark.
    SeatsCrossed,
    /// A break-glass code let somebody in.
    BreakGlassUsed,
    /// Secrets are sealed with another master key.
    MasterKeyRotated,
    /// The store was written to a file, sealed.
    Exported,
    /// The store was put back from such a file.
    Restored,
    /// An older database was found in place of the one that was there.
    OlderDatabase,
    /// A letter to administrators was given up, or refused for good.
    NotNotified,
}

impl Site {
    /// Every one of them, for readers of stored records.
    pub(crate) const ALL: [Self; 18] = [
        Self::Started,
        Self::Stopped,
        Self::PolicyLoaded,
        Self::PolicyRefused,
        Self::ClockJumped,
        Self::AuditBroken,
        Self::StoreBroken,
        Self::Pruned,
        Self::LicenseInstalled,
        Self::LicenseRefused,
        Self::LicenseEnding,
        Self::SeatsCrossed,
        Self::BreakGlassUsed,
        Self::MasterKeyRotated,
        Self::Exported,
        Self::Restored,
        Self::OlderDatabase,
        Self::NotNotified,
    ];

    /// The word in records and logs.
    #[must_use]
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Stopped => "stopped",
            Self::PolicyLoaded => "policy-loaded",
            Self::PolicyRefused => "policy-refused",
            Self::ClockJumped => "clock-jumped",
            Self::AuditBroken => "audit-broken",
            Self::StoreBroken => "store-broken",
            Self::Pruned => "pruned",
            Self::LicenseInstalled => "license-installed",
            Self::LicenseRefused => "license-refused",
            Self::LicenseEnding => "license-ending",
            Self::SeatsCrossed => "seats-crossed",
            Self::BreakGlassUsed => "break-glass-used",
            Self::MasterKeyRotated => "master-key-rotated",
            Self::Exported => "exported",
            Self::Restored => "restored",
            Self::OlderDatabase => "older-database",
            Self::NotNotified => "not-notified",
        }
    }
}

/// What happened to the site; the daemon adds who did it, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SiteRecord {
    /// What.
    pub(super) what: Site,
    /// Why, in a word of the program's own.
    pub(super) reason: Option<&'static str>,
    /// What more is to be said of it.
    pub(super) details: Details,
}

impl SiteRecord {
    /// Only what happened.
    #[must_use]
    pub(crate) fn of(what: Site) -> Self {
        Self { what, reason: None, details: Details::new() }
    }

    /// With the reason, a word of the program's own; never input.
    #[must_use]
    pub(crate) fn because(self, reason: &'static str) -> Self {
        Self { reason: Some(reason), ..self }
    }

    /// With something more, under a word of the program's own: `("rules", 5)`. Texts are clipped; never a secret.
    #[must_use]
    pub(crate) fn with(mut self, word: &'static str, detail: impl Into<Detail>) -> Self {
        self.details.insert(word.to_owned(), detail.into());
        self
    }
}

/// As a line of the log says it: `policy-loaded rules=5`.
impl fmt::Display for SiteRecord {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.what.as_str())?;
        if let Some(reason) = self.reason {
            write!(f, " reason={reason}")?;
        }
        self.details.iter().try_for_each(|(word, detail)| write!(f, " {word}={detail}"))
    }
}

/// What more a record says, by words of the program's own.
pub(crate) type Details = BTreeMap<String, Detail>;

/// A number or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Detail {
    /// Such as a count, a size, seconds.
    Number(i64),
    /// Such as a name or a place in a file.
    Text(String),
}

impl From<i64> for Detail {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<&str> for Detail {
    fn from(text: &str) -> Self {
        Self::Text(clip(text))
    }
}

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Text(text) => crate::journal::Quoted(text).fmt(f),
        }
    }
}
