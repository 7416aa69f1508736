//! What real keys have said.

use super::*;
use attestation::{Told, told};
use authenticator_data::AuthenticatorData;

const FILE: &str = include_str!("../../../../tests/vectors/webauthn/real-keys.txt");
/// When both certificates of the file held.
const THEN: Time = Time(1_540_000_000);

fn bytes(name: &str, what: &str) -> Vec<u8> {
    hex(vector(FILE, name, what))
}

pub(super) fn makers() -> Makers {
    Makers::new(&[bytes("yubico-u2f-root", "certificate")]).unwrap()
}

/// A CBOR head for so many bytes.
fn head(kind: u8, length: usize) -> Vec<u8> {
    let [high, low] = u16::try_from(length).unwrap().to_be_bytes();
    match length {
        0..24 => vec![kind << 5 | low],
        24..0x100 => vec![kind << 5 | 24, low],
        _ => vec![kind << 5 | 25, high, low],
    }
}

pub(super) fn text(word: &str) -> Vec<u8> {
    [head(3, word.len()), word.as_bytes().to_vec()].concat()
}

pub(super) fn blob(bytes: &[u8]) -> Vec<u8> {
    [head(2, bytes.len()), bytes.to_vec()].concat()
}

/// A statement of these parts.
pub(super) fn statement(algorithm: Option<u8>, signature: &[u8], chain: &[&[u8]]) -> Vec<u8> {
    let parts = 1 + usize::from(algorithm.is_some()) + usize::from(!chain.is_empty());
    let mut out = head(5, parts);
    if let Some(algorithm) = algorithm {
        out.extend([text("alg"), vec![algorithm]].concat());
    }
    out.extend([text("sig"), blob(signature)].concat());
    if !chain.is_empty() {
        out.extend([text("x5c"), head(4, chain.len())].concat());
        out.extend(chain.iter().flat_map(|one| blob(one)));
    }
    out
}

/// The one certificate at the end of a statement.
pub(super) fn certificate_in(statement: &[u8]) -> Vec<u8> {
    let map = cbor::whole_map(statement).unwrap();
    let chain = map.word("x5c").and_then(cbor::Value::as_array).unwrap();
    chain[0].as_bytes().unwrap().to_vec()
}

const ES256: Option<u8> = Some(0x26);

/// A published attestation and the hash of its client data.
pub(super) fn published(name: &str, algorithm: Option<u8>) -> (Attested, [u8; 32]) {
    let statement = statement(algorithm, &bytes(name, "signature"), &[&bytes(name, "certificate")]);
    let authenticator_data = bytes(name, "authenticator-data");
    let attested = Attested { client_data: Vec::new(), authenticator_data, format: name.into(), statement, u2f: false };
    (attested, bytes(name, "client-data-hash").try_into().unwrap())
}

pub(super) fn weigh(attested: &Attested, hash: &[u8; 32]) -> Result<Told, Unacceptable> {
    let mut data = AuthenticatorData::parse(&attested.authenticator_data, Purpose::Create)
        .ok_or(Unacceptable::AuthenticatorData)?;
    let new = data.attested.take().ok_or(Unacceptable::AuthenticatorData)?;
    told(attested, &new, (data.relying_party, hash))
}

#[test]
fn what_keys_of_yubico_tell_is_their_makers_word() {
    for (name, algorithm) in [("fido-u2f", None), ("fido-u2f", ES256), ("packed", ES256)] {
        let (attested, hash) = published(name, algorithm);
        let Ok(Told::ByMaker(chain)) = weigh(&attested, &hash) else { panic!("{name}") };
        assert_eq!(chain, [bytes(name, "certificate")]);
        let trusted = makers().vouch(&chain, THEN);
        assert_eq!(trusted, name == "fido-u2f", "{name}: the other one is from a preview");
    }
}

#[test]
fn a_root_vouches_with_rsa_for_a_key_of_before_fido2_and_only_in_its_time() {
    let chain = [bytes("fido-u2f", "certificate")];
    assert!(makers().vouch(&chain, Time(1_795_392_000)));
    assert!(!makers().vouch(&chain, Time(1_406_851_199)), "a second before it begins");
    assert!(!makers().vouch(&chain, Time(2_545_862_401)), "a second after it ends");
    assert!(!makers().vouch(&[], THEN));
    assert!(!Makers::nobody().vouch(&chain, THEN));
    let mut spoiled = chain.clone();
    let last = spoiled[0].len() - 1;
    spoiled[0][last] ^= 1;
    assert!(!makers().vouch(&spoiled, THEN));
}

#[test]
fn what_real_keys_have_signed_holds_and_nothing_else_does() {
    for name in ["ES256", "EdDSA"] {
        let key = CoseKey::from_cose(&bytes(name, "key")).unwrap();
        let (signed, signature) = (bytes(name, "signed"), bytes(name, "signature"));
        assert!(key.holds(&signed, &signature), "{name}");
        assert_eq!(key.to_cose(), bytes(name, "key"));
        let data = AuthenticatorData::parse(&signed[..37], Purpose::Get).unwrap();
        assert_eq!(
            (data.touched(), data.verified(), data.counter),
            (true, false, if name == "ES256" { 44 } else { 5 })
        );
        for (place, bit) in (0..signed.len()).zip((0..8).cycle()) {
            let mut other = signed.clone();
            other[place] ^= 1 << bit;
            assert!(!key.holds(&other, &signature), "{name}, byte {place}");
        }
        for (place, bit) in (0..signature.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))) {
            let mut other = signature.clone();
            other[place] ^= 1 << bit;
            assert!(!key.holds(&signed, &other), "{name}, bit {bit} of byte {place} of the signature");
        }
    }
}

#[test]
fn a_real_login_is_right_where_it_was_made_for() {
    let credential = Credential {
        id: CredentialId::new(vec![1]).unwrap(),
        key: CoseKey::from_cose(&bytes("EdDSA", "key")).unwrap(),
        relying_party: RelyingParty::of_site("example.com").unwrap(),
        counter: 4,
        aaguid: None,
        u2f: false,
    };
    let signed = bytes("EdDSA", "signed");
    let hash = signed[37..].try_into().unwrap();
    let said = Assertion {
        credential: vec![1],
        client_data: Vec::new(),
        authenticator_data: signed[..37].to_vec(),
        signature: bytes("EdDSA", "signature"),
    };
    assert_eq!(super::super::assertion::weigh(&credential, &hash, &said, false), Ok(5));
    assert_eq!(super::super::assertion::weigh(&credential, &hash, &said, true), Err(Unacceptable::NotVerified));
    let other = Credential { relying_party: RelyingParty::of_site("example.org").unwrap(), ..credential };
    let refused = super::super::assertion::weigh(&other, &hash, &said, false);
    assert_eq!(refused, Err(Unacceptable::OtherRelyingParty));
}
