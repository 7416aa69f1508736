//! Security keys: FIDO2 and U2F keys plugged into this machine, asked and believed as WebAuthn says (Level 3).
//!
//! A [`Challenge`] is what a key is asked to sign; a [`Credential`] is what is kept of a key that was enrolled. Nothing
//! in a credential is secret: whoever reads it can recognize the key's owner elsewhere, and nothing more.
//! [`register`] makes one out of what a new key says, [`verify`] weighs what an enrolled one has signed. Whatever cannot
//! be read to the last byte is refused.

mod assertion;
mod attestation;
mod authenticator_data;
mod cbor;
mod certificate;
mod challenge;
mod client_data;
mod cose;
mod error;
mod makers;
mod registration;

pub use assertion::{Assertion, Finding, verify};
pub use challenge::{Challenge, NotARelyingParty, Purpose, RelyingParty};
pub use cose::{CoseKey, EDDSA, ES256};
pub use error::Unacceptable;
pub use makers::Makers;
pub use registration::{Attested, Demand, register};

/// The bytes of a credential's id at the most (WebAuthn Level 3, section 4, "credential id").
pub const LONGEST_ID: usize = 1023;

/// What is kept of a key that was enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// By which the key knows it.
    pub id: CredentialId,
    /// Verifies its signatures.
    pub key: CoseKey,
    /// For whom it was made.
    pub relying_party: RelyingParty,
    /// The newest count of signatures; 0 for keys that do not count, and before the first.
    pub counter: u32,
    /// The key's make and model, where the site wants to know it.
    pub aaguid: Option<[u8; 16]>,
    /// Made by a key of before FIDO2, which knows no PIN and cannot tell who touched it.
    pub u2f: bool,
}

/// Names a credential: 1 to 1023 bytes that the key has chosen.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CredentialId(Vec<u8>);

impl CredentialId {
    /// `None` for none, and for more bytes than any key gives.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Option<Self> {
        (1..=LONGEST_ID).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for CredentialId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&data_encoding::BASE64URL_NOPAD.encode(&self.0))
    }
}

/// Make and model as people write it (RFC 9562, section 4): `cb69481e-8ff7-4039-93ec-0a2729a154a8`.
#[must_use]
pub fn spelled_aaguid(aaguid: &[u8; 16]) -> String {
    let digits = data_encoding::HEXLOWER.encode(aaguid);
    let part = |range| digits.get(range).unwrap_or_default();
    [part(0..8), part(8..12), part(12..16), part(16..20), part(20..32)].join("-")
}

#[cfg(test)]
mod tests;
