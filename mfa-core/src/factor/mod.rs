//! The kinds of factor, and one verifier for each. A verifier takes facts, an input and the time, and returns what
//! it found; it never writes.

pub mod backup_code;
pub mod email;
pub mod security_key;
pub mod ssh_key;
pub mod temp_code;
pub mod totp;

use crate::account::{FactorId, Write};
use crate::given::Purpose;
use std::fmt;
use std::str::FromStr;
use totp::Step;

/// What a factor is, in the policy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `totp`: a code from an app (RFC 6238).
    Totp,
    /// `security-key`: a FIDO key plugged into this machine.
    SecurityKey,
    /// `ssh-key`: an `sk-ssh-*` key with which sshd has just authenticated the user.
    SshKey,
    /// `email`: a code by mail.
    Email,
    /// `backup-code`: one of ten codes printed at enrollment.
    BackupCode,
    /// `temp-code`: an administrator's word in place of a factor. No policy names it, and it is in no set of kinds:
    /// whoever gives one out has decided that it will do.
    TempCode,
}

impl Kind {
    /// Every kind that somebody can have, strongest habit first.
    pub const ALL: [Self; 5] = [Self::Totp, Self::SecurityKey, Self::SshKey, Self::Email, Self::BackupCode];

    /// The policy's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::SecurityKey => "security-key",
            Self::SshKey => "ssh-key",
            Self::Email => "email",
            Self::BackupCode => "backup-code",
            Self::TempCode => "temp-code",
        }
    }

    /// Whether it is a piece of hardware that is touched, and may check a PIN or a fingerprint.
    #[must_use]
    pub fn is_key(self) -> bool {
        matches!(self, Self::SecurityKey | Self::SshKey)
    }

    /// What people call it.
    #[must_use]
    pub fn spoken(self) -> &'static str {
        match self {
            Self::Totp => "phone code",
            Self::SecurityKey => "security key",
            Self::SshKey => "SSH security key",
            Self::Email => "mailed code",
            Self::BackupCode => "backup code",
            Self::TempCode => "temporary code",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What only a verifier can make: this input is right, on the account as it was seen. It becomes a proof once what it
/// uses up is committed.
#[derive(Debug)]
pub struct Match {
    kind: Kind,
    factor: Option<FactorId>,
    uses: Uses,
}

#[derive(Debug)]
enum Uses {
    Step(FactorId, Step),
    BackupCode(i64),
    TempCode(i64),
    MailedCode(Option<FactorId>),
    Key(FactorId, u32),
    SshKey(FactorId),
}

impl Match {
    fn totp(factor: FactorId, step: Step) -> Self {
        Self { kind: Kind::Totp, factor: Some(factor), uses: Uses::Step(factor, step) }
    }

    fn backup_code(id: i64) -> Self {
        Self { kind: Kind::BackupCode, factor: None, uses: Uses::BackupCode(id) }
    }

    fn temp_code(id: i64) -> Self {
        Self { kind: Kind::TempCode, factor: None, uses: Uses::TempCode(id) }
    }

    fn email(factor: Option<FactorId>) -> Self {
        Self { kind: Kind::Email, factor, uses: Uses::MailedCode(factor) }
    }

    fn security_key(factor: FactorId, counter: u32) -> Self {
        Self { kind: Kind::SecurityKey, factor: Some(factor), uses: Uses::Key(factor, counter) }
    }

    fn ssh_key(factor: FactorId) -> Self {
        Self { kind: Kind::SshKey, factor: Some(factor), uses: Uses::SshKey(factor) }
    }

    /// By which kind of factor.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// By which factor, if it is one of several.
    #[must_use]
    pub fn factor(&self) -> Option<FactorId> {
        self.factor
    }

    /// The counter of a security key.
    #[must_use]
    pub(crate) fn counter(&self) -> Option<u32> {
        match self.uses {
            Uses::Key(_, counter) => Some(counter),
            _ => None,
        }
    }

    /// What must be committed before it counts.
    #[must_use]
    pub fn uses_up(&self) -> Write {
        match self.uses {
            Uses::Step(factor, step) => Write::UseStep { factor, step },
            Uses::BackupCode(id) => Write::UseBackupCode { id },
            Uses::MailedCode(factor) => Write::UseMailedCode { factor },
            Uses::Key(factor, counter) => Write::UseKey { factor, counter },
            Uses::SshKey(factor) => Write::UseSshKey { factor },
            Uses::TempCode(id) => Write::Spend { id, purpose: Purpose::TempCode },
        }
    }
}

/// Not a kind of factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownKind;

impl fmt::Display for UnknownKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a factor; there are totp, security-key, ssh-key, email and backup-code")
    }
}

impl FromStr for Kind {
    type Err = UnknownKind;

    fn from_str(word: &str) -> Result<Self, UnknownKind> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word).ok_or(UnknownKind)
    }
}

/// A set of kinds.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Kinds(u8);

impl Kinds {
    /// No kind at all.
    pub const NONE: Self = Self(0);
    /// Every kind.
    pub const ALL: Self = Self(0b1_1111);

    /// Whether the set holds the kind.
    #[must_use]
    pub fn contains(self, kind: Kind) -> bool {
        self.0 & bit(kind) != 0
    }

    /// The set with the kind.
    #[must_use]
    pub fn with(self, kind: Kind) -> Self {
        Self(self.0 | bit(kind))
    }

    /// The set without the kind.
    #[must_use]
    pub fn without(self, kind: Kind) -> Self {
        Self(self.0 & !bit(kind))
    }

    /// The kinds of either set.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The kinds of both sets.
    #[must_use]
    pub fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Whether the set is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The kinds, in the order of [`Kind::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Kind> {
        Kind::ALL.into_iter().filter(move |kind| self.contains(*kind))
    }
}

impl FromIterator<Kind> for Kinds {
    fn from_iter<I: IntoIterator<Item = Kind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Kinds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

fn bit(kind: Kind) -> u8 {
    match kind {
        Kind::Totp => 1,
        Kind::SecurityKey => 1 << 1,
        Kind::SshKey => 1 << 2,
        Kind::Email => 1 << 3,
        Kind::BackupCode => 1 << 4,
        Kind::TempCode => 0,
    }
}
