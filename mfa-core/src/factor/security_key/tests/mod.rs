//! What the specification and real keys have signed, every part of it changed, and what only a forger would send.

mod crafted;
mod flipped;
mod hostile;
mod real_keys;
mod specification;

use super::*;
use crate::account::FactorId;
use crate::{Secret, Time};
use data_encoding::HEXLOWER;
use p256::ecdsa::SigningKey;

fn es256() -> CoseKey {
    CoseKey::Es256(*SigningKey::from_slice(&[7; 32]).unwrap().verifying_key())
}

fn eddsa() -> CoseKey {
    CoseKey::EdDsa(ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key())
}

#[test]
fn a_key_reads_as_it_is_written_and_in_no_other_way() {
    for key in [es256(), eddsa()] {
        let written = key.to_cose();
        assert_eq!(CoseKey::from_cose(&written).as_ref(), Some(&key));
        assert_eq!(CoseKey::from_cose(&[written.as_slice(), &[0]].concat()), None, "a byte too many");
        for length in 0..written.len() {
            assert_eq!(CoseKey::from_cose(&written[..length]), None, "{length}");
        }
    }
    assert_eq!((es256().algorithm(), eddsa().algorithm()), (ES256, EDDSA));
}

#[test]
fn other_algorithms_curves_and_points_off_the_curve_are_no_keys() {
    let with = |key: CoseKey, place: usize, byte: u8| {
        let mut bytes = key.to_cose();
        bytes[place] = byte;
        CoseKey::from_cose(&bytes)
    };
    assert!(with(es256(), 2, 2).is_some());
    assert_eq!(with(es256(), 2, 1), None, "the kind of key");
    assert_eq!(with(es256(), 4, 0x27), None, "the algorithm");
    assert_eq!(with(es256(), 4, 0x22), None, "ES384's neighbour");
    assert_eq!(with(es256(), 6, 2), None, "the curve");
    assert_eq!(with(eddsa(), 6, 4), None, "X25519");
    let last = es256().to_cose().len() - 1;
    let y = es256().to_cose()[last];
    assert_eq!(with(es256(), last, y ^ 1), None, "off the curve");
    // The identity of Ed25519, under which one signature holds for every message.
    assert_eq!(CoseKey::eddsa(&[[1].as_slice(), &[0; 31]].concat().try_into().unwrap()), None);
    assert_eq!(CoseKey::es256(&[0; 32], &[0; 32]), None);
}

#[test]
fn ids_are_neither_empty_nor_longer_than_any_key_gives() {
    assert_eq!(CredentialId::new(Vec::new()), None);
    assert_eq!(CredentialId::new(vec![0; 1024]), None);
    assert_eq!(CredentialId::new(vec![1; 1023]).unwrap().as_bytes().len(), 1023);
}

#[test]
fn make_and_model_are_written_as_people_look_them_up() {
    let aaguid = HEXLOWER.decode(b"cb69481e8ff7403993ec0a2729a154a8").unwrap().try_into().unwrap();
    assert_eq!(spelled_aaguid(&aaguid), "cb69481e-8ff7-4039-93ec-0a2729a154a8");
}

/// A line of a file of vectors: its name, what it is of it, and the value.
fn vector<'a>(file: &'a str, name: &str, what: &str) -> &'a str {
    let wanted = format!("{name} {what} ");
    file.lines().find_map(|line| line.strip_prefix(&wanted)).unwrap_or_else(|| panic!("no {wanted}"))
}

fn hex(digits: &str) -> Vec<u8> {
    HEXLOWER.decode(digits.as_bytes()).unwrap()
}

const KEY: FactorId = FactorId(7);

/// What a verification comes to: the new counter, or why not.
fn verdict(credential: &Credential, challenge: &Challenge, assertion: &Assertion) -> Result<u32, Unacceptable> {
    weighed(credential, challenge, assertion, false)
}

fn weighed(
    credential: &Credential,
    challenge: &Challenge,
    assertion: &Assertion,
    verify_user: bool,
) -> Result<u32, Unacceptable> {
    match verify(std::iter::once((KEY, credential)), challenge, assertion, verify_user) {
        Finding::Right(matched) => {
            assert_eq!((matched.kind(), matched.factor()), (crate::factor::Kind::SecurityKey, Some(KEY)));
            Ok(matched.counter().unwrap())
        }
        Finding::CounterBack(factor) => panic!("{factor:?} counts back"),
        Finding::Wrong(why) => Err(why),
    }
}

/// Any key will do, at this time.
fn any_key(makers: &Makers) -> Demand<'_> {
    Demand { verify_user: false, attestation: false, aaguids: &[], makers, now: Time(1_795_392_000) }
}
