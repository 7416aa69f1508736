//! What need not be asked again: a pass that is remembered for a time, bound to something its owner cannot hand on.
//!
//! Trust only ever stands in for a factor that the plan asks for, never for less: it counts for the kind of factor that
//! earned it, under the policy and the factors it was earned with, for as long as the rule at hand allows. It is never
//! bound to an address alone, and nothing here creates it without a [`Match`] that is about to be committed.

mod bond;

pub use bond::{Bond, NotABond, Session};

use crate::Time;
use crate::account::{Account, Commit, Record, Seen, Ticket, What, Write};
use crate::factor::{Kind, Match};
use crate::policy::{Ask, Fingerprint};
use crate::{At, enrollment, given, letter};
use std::fmt;
use std::net::IpAddr;

/// The trust that an account may hold at once; beyond it the oldest goes.
pub const MOST: usize = 32;

/// Which text of the policy: SHA-256 of all its files. A daemon that reads the same text again trusts as before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyDigest(pub [u8; 32]);

/// Names a trust within the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TrustId(pub i64);

/// A pass that is remembered, as the store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// Its id.
    pub id: TrustId,
    /// The number of the record of the login that earned it.
    pub record: i64,
    /// The service of that login.
    pub service: String,
    /// What was earned.
    pub earned: Earned,
}

/// What a pass earns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Earned {
    /// To what it is bound.
    pub bond: Bond,
    /// By which kind of factor; where that would not do, this does not either.
    pub kind: Kind,
    /// Whether it was a key that had to check a PIN or a fingerprint; one that was only touched stands in for no such key.
    pub verified: bool,
    /// When.
    pub at: Time,
    /// Until when, under the settings of then.
    pub until: Time,
    /// The policy under which it was earned; another one voids it.
    pub policy: PolicyDigest,
    /// The account's factors by which it was earned; another generation voids it.
    pub factor_generation: i64,
}

/// What is known of a login that trust can be bound to. All of it is Unknown by default, and binds nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ties {
    /// The SSH key with which sshd has just let its owner in.
    pub key: Option<Fingerprint>,
    /// The numeric address that connection comes from.
    pub address: Option<IpAddr>,
    /// The login session out of which somebody asks: `sudo`, `polkit`, a lock.
    pub session: Option<Session>,
    /// The processes one of which will lead the session that this login opens.
    pub opens: Option<[u32; 2]>,
    /// The policy in force.
    pub policy: PolicyDigest,
    /// The later of the clock and the newest time on record, so that a clock turned back makes no trust live longer.
    pub latest: Time,
}

impl Trust {
    /// Until when it covers a login that is asked for this and has these ties; `None` if it does not.
    #[must_use]
    pub fn covers(&self, account: &Account, ask: &Ask, ties: &Ties) -> Option<Time> {
        let bound = match &self.earned.bond {
            Bond::Key(key) => ties.key == Some(*key),
            Bond::KeyFrom(key, address) => ties.key == Some(*key) && ties.address == Some(*address),
            Bond::Session(session) => ties.own_session(account).is_some_and(|own| own.is(session)),
            Bond::OpenedBy(processes) => {
                ties.own_session(account).is_some_and(|own| own.was_opened_by(*processes, self.earned.at))
            }
        };
        let until = self.until(ask);
        let in_time = self.earned.at <= ties.latest && ties.latest < until;
        let verified = !ask.verify_user || !self.earned.kind.is_key() || self.earned.verified;
        let enough = verified && ask.kinds.contains(self.earned.kind) && self.is_current(account, ties.policy);
        (bound && in_time && enough).then_some(until)
    }

    /// Until when it could cover anything, by the settings of when it was earned; `None` once that is over, or since
    /// factors or policy have changed.
    #[must_use]
    pub fn could_cover(&self, account: &Account, policy: PolicyDigest, latest: Time) -> Option<Time> {
        (self.is_current(account, policy) && latest < self.earned.until).then_some(self.earned.until)
    }

    fn is_current(&self, account: &Account, policy: PolicyDigest) -> bool {
        self.earned.policy == policy && self.earned.factor_generation == account.factor_generation
    }

    /// What it was given is one limit, what the rule at hand gives is another.
    fn until(&self, ask: &Ask) -> Time {
        let seconds = if self.earned.bond.is_chosen() { ask.remember } else { ask.ask_again };
        self.earned.until.min(self.earned.at.plus(seconds.into()))
    }
}

impl Ties {
    /// The session, if it is of the account that is asked: what somebody else proved in it is theirs.
    fn own_session(&self, account: &Account) -> Option<&Session> {
        self.session.as_ref().filter(|session| session.uid == account.identity.uid)
    }

    /// The bonds for `ask_again`.
    fn silent(&self, account: &Account) -> impl Iterator<Item = Bond> {
        let from = self.key.zip(self.address).map(|(key, address)| Bond::KeyFrom(key, address));
        let session = self.own_session(account).cloned().map(Bond::Session);
        from.into_iter().chain(session).chain(self.opens.map(Bond::OpenedBy))
    }

    /// Why a user cannot choose to be remembered here, if so.
    #[must_use]
    pub fn refuses_to_remember(&self, ask: &Ask) -> Option<NotRemembered> {
        match (ask.remember, self.key) {
            (0, _) => Some(NotRemembered::Policy),
            (_, None) => Some(NotRemembered::NoKey),
            (_, Some(_)) => None,
        }
    }
}

/// Why a user cannot choose to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotRemembered {
    /// The rule gives no time for it.
    Policy,
    /// The login was not by an SSH key that sshd has verified.
    NoKey,
}

impl fmt::Display for NotRemembered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Policy => "Nobody is remembered here. Give the code without the +.",
            Self::NoKey => "Only a login by SSH key can be remembered. Give the code without the +.",
        })
    }
}

/// The trust that covers a login, the one that does so for the longest, and until when.
#[must_use]
pub fn cover<'a>(account: &'a Account, ask: &Ask, ties: &Ties) -> Option<(&'a Trust, Time)> {
    let covering = account.trust.iter().filter_map(|trust| Some((trust, trust.covers(account, ask, ties)?)));
    covering.max_by_key(|(_, until)| *until)
}

/// What a login earns that is about to pass by this match; with `chosen`, its user wants to be remembered.
pub(crate) fn earn(
    account: &Account,
    ask: &Ask,
    ties: &Ties,
    (matched, chosen): (&Match, bool),
    at: Time,
) -> Vec<Write> {
    let silent = ties.silent(account).map(|bond| (bond, ask.ask_again));
    let chosen = ties.key.filter(|_| chosen).map(|key| (Bond::Key(key), ask.remember));
    // A temporary code is an administrator's: it is no factor of the rule's, and is good for the logins it was given for.
    let counts = ask.kinds.contains(matched.kind());
    let worth = silent.chain(chosen).filter(|(_, seconds)| counts && *seconds > 0);
    let earned = worth.map(|(bond, seconds)| Earned {
        bond,
        kind: matched.kind(),
        // What a plan asks that wants keys verified, no other key has answered.
        verified: ask.verify_user && matched.kind().is_key(),
        at,
        until: at.plus(seconds.into()),
        policy: ties.policy,
        factor_generation: account.factor_generation,
    });
    earned.map(Write::Trust).collect()
}

/// Forgets one trust, or all of them. Anybody may who speaks for the account: it only ever makes a login ask.
///
/// # Errors
/// There is none of this id.
pub fn forget(
    account: &Account,
    only: Option<TrustId>,
    (at, ticket): (&At, Ticket),
) -> Result<Option<Commit>, enrollment::Refusal> {
    let write = match only {
        Some(id) if account.trust.iter().any(|trust| trust.id == id) => Write::Forget(id),
        Some(_) => return Err(enrollment::Refusal::NotFound),
        None if account.trust.is_empty() => return Ok(None),
        None => Write::ForgetAll,
    };
    let Some(version) = account.version else { return Ok(None) };
    Ok(Some(commit(account, Seen::At(version), vec![write], What::Forgotten, (at, ticket))))
}

/// "It was not me": forgets all trust, and ends what whoever it was may have begun or been given to get in again. It is
/// recorded whether there was any of that or not.
#[must_use]
pub fn report(account: &Account, (at, ticket): (&At, Ticket)) -> Commit {
    let earned = (!account.enrolled().is_empty() || !account.trust.is_empty()).then_some(Write::VoidEarned);
    let pending = account.pending.as_ref().map(|_| Write::EndPending);
    let writes: Vec<Write> = earned.into_iter().chain(pending).chain(given::end_temp_code(account)).collect();
    let seen = match account.version {
        Some(version) if !writes.is_empty() => Seen::At(version),
        _ => Seen::Anything,
    };
    commit(account, seen, writes, What::Reported, (at, ticket))
}

fn commit(account: &Account, seen: Seen, writes: Vec<Write>, what: What, (at, ticket): (&At, Ticket)) -> Commit {
    let record = Record::of(what);
    let letters = letter::that_follow(&record, &writes, account);
    Commit { ticket, identity: account.identity.clone(), seen, writes, record, letters, at: at.now }
}

#[cfg(test)]
mod tests;
