//! Tests of sealing: what opens, and all that does not.

use super::*;
use proptest::prelude::*;

const PLACE: Place<'static> = Place { table: "factor", account: 3, id: 7, kind: "totp", params: "SHA1 6 30" };

fn key() -> MasterKey {
    MasterKey::new(1, [7; 32])
}

#[test]
fn what_is_sealed_opens_in_its_place() {
    let sealed = key().seal(&PLACE, b"secret").unwrap();
    assert_eq!(key().open(&PLACE, sealed).unwrap().expose(), b"secret");
}

#[test]
fn it_opens_in_no_other_place() {
    let sealed = key().seal(&PLACE, b"secret").unwrap();
    for place in [
        Place { table: "pending", ..PLACE },
        Place { account: 4, ..PLACE },
        Place { id: 8, ..PLACE },
        Place { account: 7, id: 3, ..PLACE },
        Place { kind: "email", ..PLACE },
        Place { params: "SHA1 8 30", ..PLACE },
        Place { kind: "", params: "totpSHA1 6 30", ..PLACE },
    ] {
        let refused = key().open(&place, sealed.clone()).unwrap_err();
        assert_eq!(refused, StoreError::Unsealable { table: place.table, id: place.id });
    }
}

#[test]
fn another_key_does_not_open_it_also_if_it_has_the_same_number() {
    let sealed = key().seal(&PLACE, b"secret").unwrap();
    assert!(MasterKey::new(1, [8; 32]).open(&PLACE, sealed.clone()).is_err());
    assert!(MasterKey::new(2, [7; 32]).open(&PLACE, sealed).is_err());
}

#[test]
fn an_older_key_still_opens_and_no_longer_seals() {
    let sealed = key().seal(&PLACE, b"secret").unwrap();
    let rotated = MasterKey::new(2, [8; 32]).with_older(1, [7; 32]);
    assert_eq!(rotated.open(&PLACE, sealed).unwrap().expose(), b"secret");
    assert_eq!(rotated.seal(&PLACE, b"secret").unwrap().key_id, 2);
}

#[test]
fn the_same_secret_never_looks_the_same() {
    let (one, two) = (key().seal(&PLACE, b"secret").unwrap(), key().seal(&PLACE, b"secret").unwrap());
    assert_ne!(one.nonce, two.nonce);
    assert_ne!(one.bytes, two.bytes);
}

#[test]
fn a_master_key_does_not_print_itself() {
    assert_eq!(format!("{:?}", MasterKey::new(1, [0xab; 32])), "MasterKey(1, …)");
}

/// Appendix A.3.1 of draft-irtf-cfrg-xchacha: the cipher under all this is the one that it is said to be.
#[test]
fn the_vector_of_the_xchacha_draft_comes_out() {
    let hex = |text: &str| -> Vec<u8> {
        let digit = |place: usize| u8::from_str_radix(&text[place..place + 2], 16).unwrap();
        (0..text.len()).step_by(2).map(digit).collect()
    };
    let cipher = XChaCha20Poly1305::new_from_slice(&(0x80..=0x9f).collect::<Vec<u8>>()).unwrap();
    let nonce: Nonce = (0x40..=0x57).collect::<Vec<u8>>().try_into().unwrap();
    let mut bytes = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it."
        .to_vec();
    cipher.encrypt_in_place(&nonce.into(), &hex("50515253c0c1c2c3c4c5c6c7"), &mut bytes).unwrap();
    assert_eq!(bytes[..16], hex("bd6d179d3e83d43b9576579493c0e939")[..]);
    assert_eq!(bytes[114..], hex("c0875924c1c7987947deafd8780acf49")[..]);
}

proptest! {
    #[test]
    fn any_secret_comes_back_and_no_changed_byte_does(
        secret in prop::collection::vec(any::<u8>(), 0..100), place in any::<prop::sample::Index>(), bit in 0u8..8
    ) {
        let sealed = key().seal(&PLACE, &secret).unwrap();
        let opened = key().open(&PLACE, sealed.clone()).unwrap();
        prop_assert_eq!(opened.expose(), &secret[..]);
        let mut changed = sealed.clone();
        let place = place.index(changed.bytes.len() + changed.nonce.len());
        match place.checked_sub(changed.nonce.len()) {
            Some(place) => changed.bytes[place] ^= 1 << bit,
            None => changed.nonce[place] ^= 1 << bit,
        }
        prop_assert!(key().open(&PLACE, changed).is_err());
        let mut shorter = sealed;
        shorter.bytes.truncate(place.min(shorter.bytes.len() - 1));
        prop_assert!(key().open(&PLACE, shorter).is_err());
    }
}
