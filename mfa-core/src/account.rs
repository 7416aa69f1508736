//! An account as one consistent read shows it, and the one way to change it: a [`Commit`] that happens as a whole if
//! the account is still as it was seen, or not at all.

use crate::factor::totp::{Parameters, Step};
use crate::factor::{Kind, Kinds};
use crate::given::{Given, NewGiven, Purpose};
use crate::letter::{Address, Letter};
use crate::mailbox::{Mailbox, Mailings, Sends};
use crate::printed::{Digest, Salt};
use crate::seats::Suspension;
use crate::throttle::{Bucket, Caller, Throttle, Throttles};
use crate::trust::{Earned, Trust, TrustId};
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
}

impl Detail {
    /// The kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::Totp(_) => Kind::Totp,
            Self::Email(_) => Kind::Email,
        }
    }

    /// What an authenticator app's verifier needs.
    #[must_use]
    pub fn app(&self) -> Option<&Totp> {
        match self {
            Self::Totp(app) => Some(app),
            Self::Email(_) => None,
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

/// Which commit of a dialog or session this is. A proof and a receipt belong together only if their tickets are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket(pub u32);

/// On what a commit depends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// On nothing: it only records.
    Anything,
    /// That nothing is kept about the account.
    Absent,
    /// That the account is in this state.
    At(Version),
}

/// All of it, or nothing: the writes and the record, if the account is still as it was seen.
#[derive(Debug)]
pub struct Commit {
    /// Comes back in the receipt.
    pub ticket: Ticket,
    /// Whose it is.
    pub identity: Identity,
    /// The condition. `Anything` goes with no writes.
    pub seen: Seen,
    /// What changes.
    pub writes: Vec<Write>,
    /// What happened.
    pub record: Record,
    /// What is mailed about it: [`crate::letter::that_follow`], and codes to log in with.
    pub letters: Vec<Letter>,
    /// When.
    pub at: Time,
}

impl Commit {
    /// By how much it moves the account's `factor_generation`.
    #[must_use]
    pub fn changes_of_factors(&self) -> i64 {
        self.writes.iter().map(|write| i64::from(write.changes_factors())).sum()
    }
}

/// One change to an account.
#[derive(Debug)]
pub enum Write {
    /// What failures come to.
    Throttle(Bucket, Throttle),
    /// A TOTP step is used up, with all before it; replays start anew.
    UseStep {
        /// Of which factor.
        factor: FactorId,
        /// The step.
        step: Step,
    },
    /// A used code was given again.
    CountReplay {
        /// Of which factor.
        factor: FactorId,
        /// How many times now.
        replays: u32,
    },
    /// A backup code is used up.
    UseBackupCode {
        /// Its id.
        id: i64,
    },
    /// A mailed code let somebody in.
    UseMailedCode {
        /// The factor it belongs to, if its owner has added the address.
        factor: Option<FactorId>,
    },
    /// What the codes mailed lately come to.
    Mailings(Caller, Sends),
    /// A mail address that was verified becomes a factor.
    AddMail {
        /// What it is called.
        name: String,
        /// The address.
        address: Address,
    },
    /// The time to enroll begins, unless it has.
    BeginGrace(Time),
    /// Its owner is told that a factor is required; once.
    TellRequired,
    /// An enrollment begins, in place of one begun before.
    Begin(NewPending),
    /// The pending enrollment becomes a factor, with the confirming step used up.
    Confirm {
        /// The pending one's id.
        factor: FactorId,
        /// The newest step that confirmed it.
        step: Step,
    },
    /// An app that another program knew becomes a factor without being confirmed.
    Import(Imported),
    /// A new set of backup codes; the old is void.
    NewBackupCodes {
        /// Of the new set.
        salt: Salt,
        /// Their hashes.
        digests: Vec<Digest>,
    },
    /// A required account that was enrolled takes its seat, if with it no more than so many are taken; `None`: however
    /// many are.
    TakeSeat {
        /// How many there are.
        of: Option<u64>,
    },
    /// It takes no seat from now on.
    Suspend(Suspension),
    /// It takes a seat again, if it is required.
    Restore,
    /// A factor stops working.
    Remove(FactorId),
    /// A factor is called something else.
    Rename(FactorId, String),
    /// Every factor, backup code, pending enrollment and given code stops working.
    RemoveAll,
    /// Its owner has verified another address for mail; `None`: the site's holds again.
    Address(Option<Address>),
    /// An enrollment that was begun cannot be confirmed any more.
    EndPending,
    /// A code is given out, in place of the one of this purpose before.
    Give(NewGiven),
    /// One try or use less is left of a given code.
    Spend {
        /// Its id.
        id: i64,
        /// Its purpose.
        purpose: Purpose,
    },
    /// A given code stops working.
    EndGiven(Purpose),
    /// The first factor takes an invitation, whatever the policy says; or does not any more.
    InvitedOnly(bool),
    /// A pass is remembered, in place of one with the same bond; what does not hold any more goes.
    Trust(Earned),
    /// One remembered pass is forgotten.
    Forget(TrustId),
    /// All of them are.
    ForgetAll,
    /// Everything that a factor has earned so far is void: remembered passes, and proofs on open connections.
    VoidEarned,
}

impl Write {
    /// Whether it moves the account's `factor_generation`, and the proof of whoever did it stays good.
    #[must_use]
    pub fn changes_factors(&self) -> bool {
        match self {
            Self::Confirm { .. }
            | Self::Import(_)
            | Self::AddMail { .. }
            | Self::NewBackupCodes { .. }
            | Self::Remove(_)
            | Self::RemoveAll => true,
            Self::Throttle(..)
            | Self::UseStep { .. }
            | Self::CountReplay { .. }
            | Self::UseBackupCode { .. }
            | Self::UseMailedCode { .. }
            | Self::Mailings(..)
            | Self::BeginGrace(_)
            | Self::TellRequired
            | Self::Begin(_)
            | Self::Rename(..)
            | Self::Address(_)
            | Self::EndPending
            | Self::Give(_)
            | Self::Spend { .. }
            | Self::EndGiven(_)
            | Self::InvitedOnly(_)
            | Self::TakeSeat { .. }
            | Self::Suspend(_)
            | Self::Restore
            | Self::Trust(_)
            | Self::Forget(_)
            | Self::ForgetAll
            | Self::VoidEarned => false,
        }
    }
}

/// A secret that waits to be confirmed.
#[derive(Debug)]
pub struct NewPending {
    /// The name the factor will have.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
    /// After this it cannot be confirmed any more.
    pub until: Time,
}

/// An app as another program kept it.
#[derive(Debug)]
pub struct Imported {
    /// The name the factor will have.
    pub name: String,
    /// The secret.
    pub secret: Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
    /// It and all before it are void: the other program may have taken their codes.
    pub used: Step,
}

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
    pub const ALL: [Self; 27] = [
        Self::Passed,
        Self::Skipped,
        Self::Denied,
        Self::Wrong,
        Self::Replayed,
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
