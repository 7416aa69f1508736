//! A security key out of software, plugged in where somebody sits.

use ed25519_dalek::{Signer, SigningKey};
use mfa_core::dialog::{Plugged, Sign, Signed};
use mfa_core::factor::security_key::{CoseKey, Credential, CredentialId, RelyingParty};
use sha2::{Digest, Sha256};

const SITE: &str = "lab.example";
/// It was touched: user present.
const TOUCHED: u8 = 1;

fn signing() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn id() -> CredentialId {
    CredentialId::new(vec![7; 16]).unwrap()
}

/// What is kept of it, before it has signed anything.
pub(super) fn credential() -> Credential {
    let key = CoseKey::eddsa(signing().verifying_key().as_bytes()).unwrap();
    let relying_party = RelyingParty::of_site(SITE).unwrap();
    Credential { id: id(), key, relying_party, counter: 0, aaguid: None, u2f: false }
}

/// As it is found.
pub(super) fn plugged() -> Plugged {
    Plugged { credentials: vec![id()], ..Plugged::default() }
}

/// What it signs when it is touched, with its own count.
pub(super) fn signed(sign: &Sign, counter: u32) -> Signed {
    let site: [u8; 32] = Sha256::digest(SITE).into();
    let said = [&site[..], &[TOUCHED], &counter.to_be_bytes()].concat();
    let signature = signing().sign(&[&said[..], &sign.client_data_hash].concat()).to_bytes().to_vec();
    Signed { credential: id().as_bytes().to_vec(), authenticator_data: said, signature }
}
