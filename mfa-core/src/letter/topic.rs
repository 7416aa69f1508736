//! What letters are about.

/// What a letter is about. Its word names the template, `/etc/mfa/mail/TOPIC.txt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Topic {
    /// A factor was added.
    FactorAdded,
    /// A factor was removed.
    FactorRemoved,
    /// An administrator removed a factor, or all of them.
    Reset,
    /// An administrator made an enrollment code.
    Invited,
    /// An administrator made a code that stands in for a factor.
    TempCodeGiven,
    /// A new set of backup codes.
    NewBackupCodes,
    /// A backup code was used.
    BackupCodeUsed,
    /// A backup code was used, and few are left.
    FewBackupCodes,
    /// Too many wrong codes: the next one has to wait.
    Throttled,
    /// So many wrong codes in a row that codes are off.
    CodesOff,
    /// The address for mail was changed; to the old one and the new one.
    AddressChanged,
    /// A second factor has become required.
    Required,
    /// A code to log in with.
    Code,
    /// A try, asked for by an administrator.
    Test,
    /// Administrators: most seats of the license are taken.
    SeatsNear,
    /// Administrators: all seats are taken.
    SeatsFull,
    /// Administrators: the license ends soon, or has ended.
    LicenseEnds,
    /// A security key's counter did not move on: there may be a copy of it.
    CounterBack,
    /// Administrators: somebody says that it was not them.
    Reported,
    /// Administrators: a break-glass code was used.
    BreakGlass,
    /// Administrators: the store or its record is broken.
    StoreBroken,
    /// Administrators: the master key was changed, or the store was written to a file or put back from one.
    StoreHandled,
    /// Administrators: the clock jumped.
    ClockJumped,
}

impl Topic {
    /// Every one of them.
    pub const ALL: [Self; 23] = [
        Self::FactorAdded,
        Self::FactorRemoved,
        Self::Reset,
        Self::Invited,
        Self::TempCodeGiven,
        Self::NewBackupCodes,
        Self::BackupCodeUsed,
        Self::FewBackupCodes,
        Self::Throttled,
        Self::CodesOff,
        Self::AddressChanged,
        Self::Required,
        Self::Code,
        Self::Test,
        Self::SeatsNear,
        Self::SeatsFull,
        Self::LicenseEnds,
        Self::CounterBack,
        Self::Reported,
        Self::BreakGlass,
        Self::StoreBroken,
        Self::StoreHandled,
        Self::ClockJumped,
    ];

    /// The word in the store, in names of templates and in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FactorAdded => "factor-added",
            Self::FactorRemoved => "factor-removed",
            Self::Reset => "reset",
            Self::Invited => "invited",
            Self::TempCodeGiven => "temp-code-given",
            Self::NewBackupCodes => "new-backup-codes",
            Self::BackupCodeUsed => "backup-code-used",
            Self::FewBackupCodes => "few-backup-codes",
            Self::Throttled => "throttled",
            Self::CodesOff => "codes-off",
            Self::AddressChanged => "address-changed",
            Self::Required => "required",
            Self::Code => "code",
            Self::Test => "test",
            Self::SeatsNear => "seats-near",
            Self::SeatsFull => "seats-full",
            Self::LicenseEnds => "license-ends",
            Self::CounterBack => "counter-back",
            Self::Reported => "reported",
            Self::BreakGlass => "break-glass",
            Self::StoreBroken => "store-broken",
            Self::StoreHandled => "store-handled",
            Self::ClockJumped => "clock-jumped",
        }
    }

    /// The topic of this word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|topic| topic.as_str() == word)
    }

    /// What letters of this topic say beyond what all of them can ([`COMMON`]).
    #[must_use]
    pub fn fields(self) -> &'static [&'static str] {
        match self {
            Self::FactorAdded | Self::FactorRemoved | Self::CounterBack => &["factor", "name"],
            Self::Reset => &["factor"],
            Self::BackupCodeUsed | Self::FewBackupCodes => &["left"],
            Self::AddressChanged => &["old", "new"],
            Self::Code => &["code", "minutes"],
            Self::SeatsNear | Self::SeatsFull => &["used", "total"],
            Self::LicenseEnds | Self::BreakGlass | Self::StoreBroken | Self::StoreHandled | Self::ClockJumped => {
                &["detail"]
            }
            Self::Invited
            | Self::TempCodeGiven
            | Self::NewBackupCodes
            | Self::Throttled
            | Self::CodesOff
            | Self::Required
            | Self::Test
            | Self::Reported => &[],
        }
    }
}

/// What every letter can say: whom it is about, this machine, the site and whom to ask for help, when it happened, and
/// by which service and from where it was caused.
pub const COMMON: [&str; 7] = ["user", "host", "site", "support", "when", "service", "from"];
