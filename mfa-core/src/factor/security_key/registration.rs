//! Whether a new credential is one to keep (WebAuthn Level 3, section 7.1).

use super::assertion::must_be;
use super::attestation::{self, Told};
use super::authenticator_data::{AttestedCredential, AuthenticatorData};
use super::challenge::{Challenge, Purpose};
use super::client_data;
use super::makers::Makers;
use super::{Credential, Unacceptable};
use crate::Time;

/// What came back from a key that was asked to make a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attested {
    /// JSON: [`Challenge::client_data`], or what a browser made of it.
    pub client_data: Vec<u8>,
    /// As WebAuthn lays it out.
    pub authenticator_data: Vec<u8>,
    /// Of the statement: `none`, `packed` or `fido-u2f`.
    pub format: String,
    /// What vouches for the key's make and model: a CBOR map.
    pub statement: Vec<u8>,
    /// Whether the key is one of before FIDO2, as whoever talked to it says.
    pub u2f: bool,
}

/// What is demanded of a new key.
#[derive(Clone, Copy, Debug)]
pub struct Demand<'a> {
    /// It must know who touches it.
    pub verify_user: bool,
    /// It must tell its make and model.
    pub attestation: bool,
    /// The models that are taken; empty: every one. The word of the key counts for as much as its maker's does: without
    /// `makers` it keeps from mistakes, and no liar out.
    pub aaguids: &'a [[u8; 16]],
    /// One of these must vouch for it; none: nobody need.
    pub makers: &'a Makers,
    /// Certificates must hold at this time.
    pub now: Time,
}

/// Weighs a new credential, which answers a challenge of its own.
///
/// # Errors
/// [`Unacceptable`]
pub fn register(challenge: &Challenge, attested: &Attested, demand: &Demand<'_>) -> Result<Credential, Unacceptable> {
    let hash = client_data::answering(challenge, &attested.client_data)?;
    if challenge.purpose() != Purpose::Create {
        return Err(Unacceptable::OtherPurpose);
    }
    let data = AuthenticatorData::parse(&attested.authenticator_data, Purpose::Create);
    let mut data = data.ok_or(Unacceptable::AuthenticatorData)?;
    if *data.relying_party != challenge.relying_party().hash() {
        return Err(Unacceptable::OtherRelyingParty);
    }
    must_be(&data, demand.verify_user)?;
    let new = data.attested.take().ok_or(Unacceptable::AuthenticatorData)?;
    let told = attestation::told(attested, &new, (data.relying_party, &hash))?;
    must_be_of(&told, &new, demand)?;
    let AttestedCredential { aaguid, id, key } = new;
    // What nobody has signed for is not kept.
    let aaguid = Some(aaguid).filter(|aaguid| !matches!(told, Told::Nothing) && *aaguid != [0; 16]);
    let relying_party = challenge.relying_party().clone();
    let u2f = attested.u2f || attested.format == attestation::FIDO_U2F;
    Ok(Credential { id, key, relying_party, counter: data.counter, aaguid, u2f })
}

/// Of a make and model that is taken.
fn must_be_of(told: &Told, new: &AttestedCredential, demand: &Demand<'_>) -> Result<(), Unacceptable> {
    let choosy = demand.attestation || !demand.aaguids.is_empty() || !demand.makers.is_empty();
    if choosy && matches!(told, Told::Nothing) {
        return Err(Unacceptable::ModelUntold);
    }
    if !demand.aaguids.is_empty() && !demand.aaguids.contains(&new.aaguid) {
        return Err(Unacceptable::OtherModel);
    }
    match told {
        _ if demand.makers.is_empty() => Ok(()),
        Told::ByMaker(chain) if demand.makers.vouch(chain, demand.now) => Ok(()),
        _ => Err(Unacceptable::OtherMaker),
    }
}
