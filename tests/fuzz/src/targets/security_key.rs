//! What security keys write: CBOR and COSE, attestations, assertions; raw, and behind a signature that is good.

use crate::{Feed, Target, sentence};
use ed25519_dalek::{Signer, SigningKey};
use mfa_core::account::FactorId;
use mfa_core::factor::security_key::{
    Assertion, Attested, Challenge, CoseKey, Credential, CredentialId, Demand, Finding, Makers, Purpose, RelyingParty,
    register, verify,
};
use mfa_core::{Secret, Time};
use sha2::{Digest, Sha256};

/// The first byte says what the bytes are meant to be.
pub const TARGET: Target = Target { name: "security_key", about: "CTAP's bytes", longest: 8 * 1024, try_it };

const PRESENT: u8 = 1;
const VERIFIED: u8 = 4;
const ID: &[u8] = b"the one credential";

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    match feed.choice() % 4 {
        0 => public_key(feed.rest()),
        1 => made(feed),
        2 => signed(feed),
        _ => client_data(feed.rest()),
    }
}

fn relying_party() -> RelyingParty {
    RelyingParty::of_site("web1.example").expect("a name")
}

fn challenge(purpose: Purpose) -> Challenge {
    Challenge::new(purpose, &relying_party(), &Secret::new(vec![5; 32])).expect("random bytes")
}

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn credential(counter: u32) -> Credential {
    let key = CoseKey::eddsa(key().verifying_key().as_bytes()).expect("a key");
    let id = CredentialId::new(ID.to_vec()).expect("a short one");
    Credential { id, key, relying_party: relying_party(), counter, aaguid: None, u2f: false }
}

/// One key has one spelling.
fn public_key(bytes: &[u8]) {
    if let Some(key) = CoseKey::from_cose(bytes) {
        assert_eq!(key.to_cose(), bytes);
    }
}

/// A new credential: authenticator data, format, statement.
fn made(mut feed: Feed<'_>) {
    let (flags, format) = (feed.choice(), ["none", "packed", "fido-u2f", ""][usize::from(feed.choice() % 4)]);
    let size = usize::from(feed.choice()) << 8 | usize::from(feed.choice());
    let (challenge, rest) = (challenge(Purpose::Create), feed.rest());
    let (data, statement) = rest.split_at(size.min(rest.len()));
    // The hash of the relying party is no fuzzer's to guess.
    let data = if flags & 2 == 0 { [&relying_party().hash(), data].concat() } else { data.to_vec() };
    let attested = Attested {
        client_data: challenge.client_data(),
        authenticator_data: data.clone(),
        format: format.to_owned(),
        statement: statement.to_vec(),
        u2f: false,
    };
    let makers = Makers::default();
    let demand = Demand {
        verify_user: flags & 1 != 0,
        attestation: flags & 4 != 0,
        aaguids: &[],
        makers: &makers,
        now: Time(1_795_428_000),
    };
    match register(&challenge, &attested, &demand) {
        Ok(credential) => {
            assert_eq!(credential.relying_party, relying_party());
            assert!((1..=1023).contains(&credential.id.as_bytes().len()));
            assert!(data[32] & PRESENT != 0, "nobody touched it");
            assert!(!demand.verify_user || data[32] & VERIFIED != 0, "nobody knows who touched it");
            assert!(!demand.attestation || format != "none", "no model was told");
            assert_eq!(CoseKey::from_cose(&credential.key.to_cose()).as_ref(), Some(&credential.key));
        }
        Err(why) => sentence::is_one(&why.to_string()),
    }
}

/// A login that the very key has signed, whatever it says.
fn signed(mut feed: Feed<'_>) {
    let (flags, before) = (feed.choice(), u32::from(feed.choice()));
    let challenge = challenge(Purpose::Get);
    let data = if flags & 2 == 0 { [&relying_party().hash(), feed.rest()].concat() } else { feed.rest().to_vec() };
    let (client_data, verify_user) = (challenge.client_data(), flags & 1 != 0);
    let signature = sign(&data, &client_data);
    let credential = credential(before);
    let assertion = Assertion { credential: ID.to_vec(), client_data, authenticator_data: data, signature };
    let said = &assertion.authenticator_data;
    let touched = |said: &[u8]| {
        assert_eq!(said.get(..32), Some(relying_party().hash().as_slice()), "for another site");
        assert!(said[32] & PRESENT != 0 && (!verify_user || said[32] & VERIFIED != 0), "nobody touched it");
        u32::from_be_bytes([said[33], said[34], said[35], said[36]])
    };
    match verify([(FactorId(1), &credential)].into_iter(), &challenge, &assertion, verify_user) {
        Finding::Right(_) => {
            let counter = touched(said);
            assert!(counter > before || counter == 0 && before == 0, "{counter} after {before}");
        }
        Finding::CounterBack(FactorId(1)) => assert!(touched(said) <= before),
        Finding::CounterBack(_) => panic!("another factor"),
        Finding::Wrong(why) => sentence::is_one(&why.to_string()),
    }
    // No other signature will do, and none of another credential.
    let spoiled = Assertion { signature: sign(said, b"{}"), ..assertion.clone() };
    assert!(matches!(verify([(FactorId(1), &credential)].into_iter(), &challenge, &spoiled, false), Finding::Wrong(_)));
}

/// Client data that the very key has signed: a browser's, or no answer to our challenge.
fn client_data(json: &[u8]) {
    let challenge = challenge(Purpose::Get);
    let authenticator_data = [&relying_party().hash()[..], &[PRESENT, 0, 0, 0, 9]].concat();
    let signature = sign(&authenticator_data, json);
    let assertion = Assertion { credential: Vec::new(), client_data: json.to_vec(), authenticator_data, signature };
    let credential = credential(8);
    match verify([(FactorId(1), &credential)].into_iter(), &challenge, &assertion, false) {
        Finding::Right(_) => {
            // As another reader has it: the last of what comes twice, where ours takes none.
            let said: serde_json::Value = serde_json::from_slice(json).expect("JSON");
            let ours: serde_json::Value = serde_json::from_slice(&challenge.client_data()).expect("JSON");
            for member in ["type", "challenge", "origin"] {
                assert_eq!(said[member], ours[member], "{member}");
            }
            assert_ne!(said["crossOrigin"], true);
            assert!(said.get("topOrigin").is_none_or(serde_json::Value::is_null));
        }
        Finding::CounterBack(_) => panic!("it went on"),
        Finding::Wrong(why) => sentence::is_one(&why.to_string()),
    }
}

fn sign(authenticator_data: &[u8], client_data: &[u8]) -> Vec<u8> {
    key().sign(&[authenticator_data, &Sha256::digest(client_data)].concat()).to_bytes().to_vec()
}
