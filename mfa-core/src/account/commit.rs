//! The one way to change an account: a commit that happens as a whole if the account is still as it was seen, or not at
//! all; with every change there is.

use super::record::Record;
use super::{Detail, FactorId, Identity, Version};
use crate::factor::totp::{Parameters, Step};
use crate::given::{NewGiven, Purpose};
use crate::letter::{Address, Letter};
use crate::mailbox::Sends;
use crate::printed::{Digest, Salt};
use crate::seats::Suspension;
use crate::throttle::{Bucket, Caller, Throttle};
use crate::trust::{Earned, TrustId};
use crate::{Secret, Time};

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
    /// A security key let somebody in, and its counter moved; or stayed at 0, for a key that does not count.
    UseKey {
        /// Of which factor.
        factor: FactorId,
        /// The counter now.
        counter: u32,
    },
    /// An SSH key with which sshd has authenticated somebody let them in.
    UseSshKey {
        /// Which factor it is.
        factor: FactorId,
    },
    /// Something becomes a factor at once: what was verified without waiting in the store, and what another program
    /// knew.
    Add {
        /// What it is called.
        name: String,
        /// What its verifier needs. Of mail addresses there is one at the most.
        detail: Detail,
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
            | Self::Add { .. }
            | Self::NewBackupCodes { .. }
            | Self::Remove(_)
            | Self::RemoveAll => true,
            Self::Throttle(..)
            | Self::UseStep { .. }
            | Self::CountReplay { .. }
            | Self::UseBackupCode { .. }
            | Self::UseMailedCode { .. }
            | Self::UseKey { .. }
            | Self::UseSshKey { .. }
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
