//! An account as one consistent read shows it, and the one way to change it, a [`Commit`].

mod commit;
mod record;

pub use commit::{Commit, NewPending, Seen, Ticket, Write};
pub use record::{Record, What};

use crate::factor::security_key::Credential;
use crate::factor::ssh_key::SshKey;
use crate::factor::totp::{Parameters, Step};
use crate::factor::{Kind, Kinds};
use crate::given::Given;
use crate::letter::Address;
use crate::mailbox::{Mailbox, Mailings};
use crate::printed::{Digest, Salt};
use crate::seats::Suspension;
use crate::throttle::Throttles;
use crate::trust::Trust;
use crate::{Secret, Time};
use std::fmt;

/// Who somebody is: what NSS says, both halves of it. A record that matches one half only is a conflict, not this
/// account.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The numeric user id.
    pub uid: u32,
    /// The canonical login name.
    pub name: String,
}

/// Names a factor or a pending enrollment within the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FactorId(pub i64);

/// Moves with every commit that touches the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version(pub i64);

/// One consistent read of what is kept about an account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Whose it is.
    pub identity: Identity,
    /// Which state this is; `None` when nothing is kept, which is proved by the read and not assumed.
    pub version: Option<Version>,
    /// Confirmed factors, backup codes aside.
    pub factors: Vec<Factor>,
    /// The unused backup codes.
    pub backup: BackupSet,
    /// An enrollment begun and not confirmed; there is one at most.
    pub pending: Option<Pending>,
    /// The invitation to enroll that is outstanding.
    pub invite: Option<Given>,
    /// Whether its first factor takes an invitation, whatever the policy says: an administrator has said so, with a
    /// reset.
    pub invited_only: bool,
    /// The temporary code that is outstanding.
    pub temp_code: Option<Given>,
    /// When its time to enroll began, if it ever did.
    pub grace_began: Option<Time>,
    /// Moves with every change of factors, and voids what was earned by others: proofs and trust.
    pub factor_generation: i64,
    /// The latest time of any commit, whoever's: what makes things easier ends by it, however the clock was turned.
    pub newest_time: Time,
    /// Whether it has a factor or ever had one, through resets and all.
    pub ever_enrolled: bool,
    /// Its enrollment takes no seat for now. It is asked for its factor all the same.
    pub suspended: Option<Suspension>,
    /// Failures so far.
    pub throttles: Throttles,
    /// The address for mail that its owner has verified.
    pub address: Option<Address>,
    /// What need not be asked again, whether it still holds or not.
    pub trust: Vec<Trust>,
    /// The codes that were mailed for it lately.
    pub mailings: Mailings,
    /// Where its codes can be mailed. That is not kept with it: whoever reads the account knows the site's settings.
    pub mailbox: Option<Mailbox>,
}

impl Account {
    /// An account of which nothing is kept.
    #[must_use]
    pub fn absent(identity: Identity) -> Self {
        Self {
            identity,
            version: None,
            factors: Vec::new(),
            backup: BackupSet::default(),
            pending: None,
            invite: None,
            invited_only: false,
            temp_code: None,
            grace_began: None,
            factor_generation: 0,
            newest_time: Time(i64::MIN),
            ever_enrolled: false,
            suspended: None,
            throttles: Throttles::default(),
            address: None,
            trust: Vec::new(),
            mailings: Mailings::default(),
            mailbox: None,
        }
    }

    /// The kinds of factor that could be used now.
    #[must_use]
    pub fn enrolled(&self) -> Kinds {
        let backup = (!self.backup.codes.is_empty()).then_some(Kind::BackupCode);
        self.factors.iter().map(|factor| factor.detail.kind()).chain(backup).collect()
    }

    /// Whether it has a factor, or what is left of one.
    #[must_use]
    pub fn is_enrolled(&self) -> bool {
        !self.factors.is_empty() || !self.backup.codes.is_empty()
    }

    /// The time by which what makes things easier ends: a clock that was turned back prolongs nothing.
    #[must_use]
    pub fn latest(&self, now: Time) -> Time {
        now.max(self.newest_time)
    }

    /// The factor that is the mail address of its owner's own.
    #[must_use]
    pub fn own_mail(&self) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.detail.kind() == Kind::Email)
    }

    /// The security keys, each with the factor that it is.
    pub fn security_keys(&self) -> impl Iterator<Item = (FactorId, &Credential)> {
        self.factors.iter().filter_map(|factor| Some((factor.id, factor.detail.security_key()?)))
    }

    /// The SSH keys, each with the factor that it is.
    pub fn ssh_keys(&self) -> impl Iterator<Item = (FactorId, &SshKey)> {
        self.factors.iter().filter_map(|factor| Some((factor.id, factor.detail.ssh_key()?)))
    }

    /// A confirmed factor by its id.
    #[must_use]
    pub fn factor(&self, id: FactorId) -> Option<&Factor> {
        self.factors.iter().find(|factor| factor.id == id)
    }
}

/// A confirmed factor.
#[derive(Clone, Debug)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// What its owner calls it.
    pub name: String,
    /// When it was confirmed.
    pub created: Time,
    /// When it last let somebody in.
    pub last_used: Option<Time>,
    /// What its verifier needs.
    pub detail: Detail,
}

/// What a factor's verifier needs; a variant for each kind that is enrolled one by one.
#[derive(Clone, Debug)]
pub enum Detail {
    /// An authenticator app.
    Totp(Totp),
    /// A mail address that its owner has verified; there is one at the most, and it is [`Account::address`].
    Email(Address),
    /// A security key.
    SecurityKey(Credential),
    /// An SSH key on a security key.
    SshKey(SshKey),
}

impl Detail {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Totp(_) => Kind::Totp,
            Self::Email(_) => Kind::Email,
            Self::SecurityKey(_) => Kind::SecurityKey,
            Self::SshKey(_) => Kind::SshKey,
        }
    }

    /// What an authenticator app's verifier needs.
    #[must_use]
    pub fn app(&self) -> Option<&Totp> {
        match self {
            Self::Totp(app) => Some(app),
            Self::Email(_) | Self::SecurityKey(_) | Self::SshKey(_) => None,
        }
    }

    /// What a security key's verifier needs.
    #[must_use]
    pub fn security_key(&self) -> Option<&Credential> {
        match self {
            Self::SecurityKey(credential) => Some(credential),
            Self::Totp(_) | Self::Email(_) | Self::SshKey(_) => None,
        }
    }

    /// The SSH key.
    #[must_use]
    pub fn ssh_key(&self) -> Option<&SshKey> {
        match self {
            Self::SshKey(key) => Some(key),
            Self::Totp(_) | Self::Email(_) | Self::SecurityKey(_) => None,
        }
    }
}

/// An authenticator app's secret and how far it is used up.
#[derive(Clone, Debug)]
pub struct Totp {
    /// The shared secret, at least 128 bits (RFC 4226, section 4, R6), but for imported ones.
    pub secret: Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
    /// The newest step that was used; it and all before it are void.
    pub used: Step,
    /// How many used codes were given again since then; they are not counted as guesses up to a cap.
    pub replays: u32,
}

/// The backup codes that are left of a set.
#[derive(Clone, Debug, Default)]
pub struct BackupSet {
    /// Of the whole set.
    pub salt: Salt,
    /// One for each unused code.
    pub codes: Vec<BackupCode>,
}

/// One unused backup code. Its hash is not printed: whoever has it may try codes against it at leisure.
#[derive(Clone)]
pub struct BackupCode {
    /// Names it within the store.
    pub id: i64,
    /// Salted hash of it.
    pub digest: Digest,
}

impl fmt::Debug for BackupCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BackupCode").field("id", &self.id).finish_non_exhaustive()
    }
}

/// An enrollment begun and not confirmed.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The id the factor will have.
    pub id: FactorId,
    /// The name it will have.
    pub name: String,
    /// The secret to be proved.
    pub secret: Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
    /// After this it cannot be confirmed any more.
    pub until: Time,
}
