//! Whether a key that is enrolled has signed (WebAuthn Level 3, section 7.2), and its counter.

use super::authenticator_data::AuthenticatorData;
use super::challenge::{Challenge, Purpose};
use super::client_data;
use super::{Credential, Unacceptable};
use crate::account::FactorId;
use crate::factor::Match;

/// What came back from a key that was asked to prove itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assertion {
    /// The credential's id; may be empty if only one was asked for.
    pub credential: Vec<u8>,
    /// JSON: [`Challenge::client_data`], or what a browser made of it.
    pub client_data: Vec<u8>,
    /// As WebAuthn lays it out.
    pub authenticator_data: Vec<u8>,
    /// Over that and the SHA-256 of the client data.
    pub signature: Vec<u8>,
}

/// What an assertion turned out to be.
#[derive(Debug)]
pub enum Finding {
    /// Right, of this factor; its counter moves on with the commit.
    Right(Match),
    /// Right in all else, but the counter of this factor did not move on: there may be a copy of the key.
    CounterBack(FactorId),
    /// Anything else.
    Wrong(Unacceptable),
}

/// Weighs an assertion by one of these credentials. `verify_user`: the key must know who touched it.
pub fn verify<'a>(
    allowed: impl Iterator<Item = (FactorId, &'a Credential)>,
    challenge: &Challenge,
    assertion: &Assertion,
    verify_user: bool,
) -> Finding {
    let right = client_data::answering(challenge, &assertion.client_data).and_then(|hash| {
        if challenge.purpose() != Purpose::Get {
            return Err(Unacceptable::OtherPurpose);
        }
        let (factor, credential) = named(allowed, &assertion.credential).ok_or(Unacceptable::OtherCredential)?;
        let counter = weigh(credential, &hash, assertion, verify_user)?;
        Ok((factor, credential.counter, counter))
    });
    match right {
        // A key that does not count says 0 always (section 7.2, step 22).
        Ok((factor, before, now)) if now > before || (before, now) == (0, 0) => {
            Finding::Right(Match::security_key(factor, now))
        }
        Ok((factor, ..)) => Finding::CounterBack(factor),
        Err(why) => Finding::Wrong(why),
    }
}

/// The credential of this id. Without an id it is the only one there is (CTAP 2.1, section 6.2.2).
fn named<'a>(
    mut allowed: impl Iterator<Item = (FactorId, &'a Credential)>,
    id: &[u8],
) -> Option<(FactorId, &'a Credential)> {
    if id.is_empty() {
        return allowed.next().filter(|_| allowed.next().is_none());
    }
    allowed.find(|(_, credential)| credential.id.as_bytes() == id)
}

/// The counter that this credential has signed with, if it has signed this.
pub(super) fn weigh(
    credential: &Credential,
    client_data_hash: &[u8; 32],
    assertion: &Assertion,
    verify_user: bool,
) -> Result<u32, Unacceptable> {
    let said = &assertion.authenticator_data;
    let data = AuthenticatorData::parse(said, Purpose::Get).ok_or(Unacceptable::AuthenticatorData)?;
    if *data.relying_party != credential.relying_party.hash() {
        return Err(Unacceptable::OtherRelyingParty);
    }
    let signed = [said.as_slice(), client_data_hash].concat();
    if !credential.key.holds(&signed, &assertion.signature) {
        return Err(Unacceptable::Signature);
    }
    must_be(&data, verify_user)?;
    Ok(data.counter)
}

/// Touched always, by somebody known where that is demanded.
pub(super) fn must_be(data: &AuthenticatorData<'_>, verify_user: bool) -> Result<(), Unacceptable> {
    match (data.touched(), data.verified() || !verify_user) {
        (false, _) => Err(Unacceptable::NotTouched),
        (true, false) => Err(Unacceptable::NotVerified),
        (true, true) => Ok(()),
    }
}
