//! A security key becomes a factor in two touches: it makes a credential, and then proves that it has it.
//!
//! What is on its way is bound to whoever began it and kept nowhere, like a mail address that waits for its code. Each
//! question is good for one answer: whoever asks it takes it by value.

use super::adding::{add, may_add};
use super::{NotAdded, OnItsWay, Permission, Refusal, Rules, checked_name};
use crate::At;
use crate::account::{Account, Commit, Detail, FactorId, Ticket};
use crate::factor::Kind;
use crate::factor::security_key::{
    Assertion, Attested, Challenge, Credential, CredentialId, Demand, Finding, Purpose, RelyingParty, Unacceptable,
    register, verify,
};
use zeroize::Zeroizing;

/// What a key may be called that nobody has named.
const UNNAMED: &str = "security key";
/// Random bytes by which a key calls the account: nobody recognizes it by them.
const USER_ID: usize = 16;

/// A key that was asked to make a credential.
#[derive(Clone, Debug)]
pub struct Making {
    way: OnItsWay,
    challenge: Challenge,
    user_id: [u8; USER_ID],
}

impl Making {
    /// What the key signs.
    #[must_use]
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// How the key calls the account.
    #[must_use]
    pub fn user_id(&self) -> &[u8] {
        &self.user_id
    }

    /// What it will be called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.way.name
    }
}

/// A key that has made a credential, and was asked to prove that it has it.
#[derive(Clone, Debug)]
pub struct Made {
    way: OnItsWay,
    challenge: Challenge,
    credential: Credential,
    verify_user: bool,
}

impl Made {
    /// What the key signs.
    #[must_use]
    pub fn challenge(&self) -> &Challenge {
        &self.challenge
    }

    /// The credential it must prove.
    #[must_use]
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

/// What an account's keys must not have already, when one is added: each credential with its relying party.
pub fn enrolled_keys(account: &Account) -> impl Iterator<Item = (&CredentialId, &RelyingParty)> {
    account.security_keys().map(|(_, credential)| (&credential.id, &credential.relying_party))
}

/// Asks for a new credential. Nothing is written.
///
/// # Errors
/// `ProveFirst`, `InvitedOnly`, `NotTaken`, `TooMany`, `NoSeat`, `BadName`, `Internal`.
pub fn begin_security_key(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (name, relying_party): (Option<&str>, &RelyingParty),
    at: &At,
) -> Result<Making, Refusal> {
    may_add(account, permission, rules, Kind::SecurityKey, at)?;
    let name = name.map_or_else(|| Ok(unnamed(account)), checked_name)?;
    let way = OnItsWay::begin(account, name, at.now);
    let challenge = Challenge::new(Purpose::Create, relying_party, &at.fresh).ok_or(Refusal::Internal)?;
    let user_id = at.fresh.expose().last_chunk().copied().ok_or(Refusal::Internal)?;
    Ok(Making { way, challenge, user_id })
}

/// What a key is called that nobody has named: a number tells the second from the first.
fn unnamed(account: &Account) -> String {
    let is_taken = |name: &str| account.factors.iter().any(|factor| factor.name == name);
    let numbered = (2..=account.factors.len() + 2).map(|number| format!("{UNNAMED} {number}"));
    let mut names = std::iter::once(UNNAMED.to_owned()).chain(numbered);
    names.find(|name| !is_taken(name)).unwrap_or_else(|| UNNAMED.to_owned())
}

/// Weighs the new credential, and asks for the second touch. Nothing is written.
///
/// # Errors
/// [`NotAdded`]
pub fn security_key_made(
    account: &Account,
    making: Making,
    attested: &Attested,
    demand: &Demand<'_>,
    at: &At,
) -> Result<Made, NotAdded> {
    let Making { way, challenge, .. } = making;
    way.must_go_on(account, at.now)?;
    let credential = register(&challenge, attested, demand)?;
    if has(account, &credential) {
        return Err(Refusal::AlreadyThere.into());
    }
    let challenge = Challenge::new(Purpose::Get, challenge.relying_party(), &at.fresh).ok_or(Refusal::Internal)?;
    Ok(Made { way, challenge, credential, verify_user: demand.verify_user })
}

/// Weighs the second touch: the key is a factor once this is committed, with these backup codes if there were none. If
/// the account has changed meanwhile, the same touch is weighed again.
///
/// # Errors
/// [`NotAdded`]
pub fn confirm_security_key(
    account: &Account,
    permission: &Permission<'_>,
    rules: &Rules,
    (made, assertion): (&Made, &Assertion),
    (at, ticket): (&At, Ticket),
) -> Result<(Commit, Vec<Zeroizing<String>>), NotAdded> {
    may_add(account, permission, rules, Kind::SecurityKey, at)?;
    let Made { way, challenge, credential, verify_user } = made;
    way.must_go_on(account, at.now)?;
    if has(account, credential) {
        return Err(Refusal::AlreadyThere.into());
    }
    let only = std::iter::once((FactorId(0), credential));
    let counter = match verify(only, challenge, assertion, *verify_user) {
        Finding::Right(matched) => matched.counter().ok_or(Refusal::Internal)?,
        // A key that is this new and counts back is broken.
        Finding::CounterBack(_) => return Err(Unacceptable::Signature.into()),
        Finding::Wrong(why) => return Err(why.into()),
    };
    let detail = Detail::SecurityKey(Credential { counter, ..credential.clone() });
    Ok(add(account, rules, (&way.name, detail), (at, ticket))?)
}

/// Whether a key of the account has this credential.
fn has(account: &Account, credential: &Credential) -> bool {
    account.security_keys().any(|(_, known)| known.id == credential.id || known.key == credential.key)
}

#[cfg(test)]
#[path = "security_key_tests.rs"]
mod tests;
