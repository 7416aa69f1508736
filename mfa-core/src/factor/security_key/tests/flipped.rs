//! Every bit of what a key says, changed: nothing passes but what nobody has signed, and that is named.
//!
//! Attestation "none" is signed by nobody: there the id, the key and the flags are the word of whoever sends them, and
//! the second touch of an enrollment proves them. In "fido-u2f" the flags and the counter are not signed, either.

use super::specification::{GOOD, assertion, attested, challenge, makers, registered};
use super::*;

/// These bytes with one bit changed, for each of their bits.
fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len()).flat_map(|place| (0..8).map(move |bit| (place, bit))).map(|at| (at.0, flipped(bytes, at)))
}

/// These bytes with one bit changed in each of them: enough where it is hashes that tell.
fn some_flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len()).zip((0..8).cycle()).map(|at| (at.0, flipped(bytes, at)))
}

fn flipped(bytes: &[u8], (place, bit): (usize, u32)) -> Vec<u8> {
    let mut other = bytes.to_vec();
    other[place] ^= 1 << bit;
    other
}

#[test]
fn no_bit_of_a_login_can_be_changed() {
    for name in GOOD {
        let credential = registered(name, &any_key(&Makers::nobody())).unwrap();
        let asked = challenge(name, Purpose::Get);
        let right = Assertion { credential: credential.id.as_bytes().to_vec(), ..assertion(name) };
        let refused = |what: &str, place: usize, said: Assertion| {
            assert!(verdict(&credential, &asked, &said).is_err(), "{name}: {what}, byte {place}");
        };
        assert_eq!(verdict(&credential, &asked, &right), Ok(0));
        some_flips(&right.credential)
            .for_each(|(place, credential)| refused("id", place, Assertion { credential, ..right.clone() }));
        some_flips(&right.client_data)
            .for_each(|(place, client_data)| refused("client data", place, Assertion { client_data, ..right.clone() }));
        flips(&right.authenticator_data).for_each(|(place, authenticator_data)| {
            refused("authenticator data", place, Assertion { authenticator_data, ..right.clone() });
        });
        flips(&right.signature)
            .for_each(|(place, signature)| refused("signature", place, Assertion { signature, ..right.clone() }));
        for length in 0..right.signature.len() {
            refused(
                "cut signature",
                length,
                Assertion { signature: right.signature[..length].to_vec(), ..right.clone() },
            );
        }
        for (place, key) in flips(&credential.key.to_cose()) {
            let Some(key) = CoseKey::from_cose(&key) else { continue };
            let other = Credential { key, ..credential.clone() };
            assert!(verdict(&other, &asked, &right).is_err(), "{name}: key, byte {place}");
        }
        let bytes = asked.bytes;
        for (place, other) in some_flips(&bytes) {
            let asked = Challenge { bytes: other.try_into().unwrap(), ..asked.clone() };
            assert_eq!(verdict(&credential, &asked, &right), Err(Unacceptable::OtherChallenge), "byte {place}");
        }
    }
}

#[test]
fn no_bit_of_what_a_maker_vouches_for_can_be_changed() {
    let trusted = makers();
    let demand = any_key(&trusted);
    for name in ["packed.ES256", "packed.EdDSA"] {
        let asked = challenge(name, Purpose::Create);
        let right = attested(name);
        let refused = |what: &str, place: usize, said: &Attested| {
            assert!(register(&asked, said, &demand).is_err(), "{name}: {what}, byte {place}");
        };
        assert!(register(&asked, &right, &demand).is_ok());
        for (place, client_data) in some_flips(&right.client_data) {
            refused("client data", place, &Attested { client_data, ..right.clone() });
        }
        for (place, authenticator_data) in flips(&right.authenticator_data) {
            refused("authenticator data", place, &Attested { authenticator_data, ..right.clone() });
        }
        for (place, statement) in some_flips(&right.statement) {
            refused("statement", place, &Attested { statement, ..right.clone() });
        }
        for (place, format) in flips(right.format.as_bytes()) {
            let Ok(format) = String::from_utf8(format) else { continue };
            refused("format", place, &Attested { format, ..right.clone() });
        }
    }
}

#[test]
fn no_bit_of_what_a_key_vouches_for_itself_can_be_changed() {
    let nobody = Makers::nobody();
    let demand = Demand { attestation: true, ..any_key(&nobody) };
    let asked = challenge("packed-self.ES256", Purpose::Create);
    let right = attested("packed-self.ES256");
    for (place, client_data) in some_flips(&right.client_data) {
        assert!(register(&asked, &Attested { client_data, ..right.clone() }, &demand).is_err(), "client data {place}");
    }
    for (place, authenticator_data) in flips(&right.authenticator_data) {
        let said = Attested { authenticator_data, ..right.clone() };
        assert!(register(&asked, &said, &demand).is_err(), "authenticator data {place}");
    }
    for (place, statement) in some_flips(&right.statement) {
        assert!(register(&asked, &Attested { statement, ..right.clone() }, &demand).is_err(), "statement {place}");
    }
}

#[test]
fn of_a_real_u2f_attestation_only_flags_and_counter_are_unsigned() {
    let (right, hash) = real_keys::published("fido-u2f", None);
    let trusted = real_keys::makers();
    let now = Time(1_540_000_000);
    let holds = |said: &Attested, hash: &[u8; 32]| matches!(real_keys::weigh(said, hash), Ok(attestation::Told::ByMaker(chain)) if trusted.vouch(&chain, now));
    assert!(holds(&right, &hash));
    for (place, authenticator_data) in flips(&right.authenticator_data) {
        let passes = holds(&Attested { authenticator_data, ..right.clone() }, &hash);
        assert!(!passes || (32..37).contains(&place), "authenticator data, byte {place}");
    }
    for (place, statement) in some_flips(&right.statement) {
        assert!(!holds(&Attested { statement, ..right.clone() }, &hash), "statement, byte {place}");
    }
    for (place, other) in some_flips(&hash) {
        assert!(!holds(&right, &other.try_into().unwrap()), "hash, byte {place}");
    }
}

#[test]
fn without_attestation_no_bit_of_what_was_asked_can_be_changed_and_what_is_cut_is_refused() {
    let nobody = Makers::nobody();
    let asked = challenge("none.ES256", Purpose::Create);
    let right = attested("none.ES256");
    let accepted = |said: &Attested| register(&asked, said, &any_key(&nobody)).is_ok();
    for length in 0..right.authenticator_data.len() {
        let authenticator_data = right.authenticator_data[..length].to_vec();
        assert!(!accepted(&Attested { authenticator_data, ..right.clone() }), "{length}");
    }
    for (place, statement) in some_flips(&right.statement) {
        assert!(!accepted(&Attested { statement, ..right.clone() }), "statement, byte {place}");
    }
    // The hash of the relying party, and the flag that a credential follows.
    for (place, authenticator_data) in flips(&right.authenticator_data[..32]) {
        let data = [&authenticator_data, &right.authenticator_data[32..]].concat();
        assert!(!accepted(&Attested { authenticator_data: data, ..right.clone() }), "byte {place}");
    }
    let origin = br#""origin":"https://example.org""#;
    let at = right.client_data.windows(origin.len()).position(|window| window == origin).unwrap();
    // Up to the end of the origin everything counts; what a browser adds behind it, nobody has signed here.
    for (place, client_data) in some_flips(&right.client_data[..at + origin.len()]) {
        let client_data = [&client_data, &right.client_data[at + origin.len()..]].concat();
        assert!(!accepted(&Attested { client_data, ..right.clone() }), "client data, byte {place}");
    }
}
