//! Signatures, keys and messages that somebody has tampered with.

use super::*;
use proptest::prelude::*;

#[test]
fn no_byte_of_a_signature_can_be_changed() {
    for (_, signature) in GOOD {
        let mut blob = blob(signature);
        for at in 0..blob.len() {
            for flipped in [0x01, 0x04, 0x80, 0xff] {
                blob[at] ^= flipped;
                assert!(check(MESSAGE, &armored(&blob)).is_err(), "byte {at} ^ {flipped}");
                blob[at] ^= flipped;
            }
        }
        assert!(check(MESSAGE, &armored(&blob)).is_ok());
    }
}

#[test]
fn no_byte_of_the_message_can_be_changed() {
    for (_, signature) in [GOOD[0], GOOD[3], GOOD[4], GOOD[7]] {
        let mut message = MESSAGE.to_vec();
        for at in 0..message.len() {
            message[at] ^= 1;
            assert_eq!(check(&message, signature), Err(SignatureError::Wrong), "byte {at}");
            message[at] ^= 1;
        }
        assert!(check(&message, signature).is_ok());
        for other in [[MESSAGE, b"\n"].concat(), MESSAGE[1..].to_vec(), MESSAGE[..MESSAGE.len() - 1].to_vec(), vec![]] {
            assert_eq!(check(&other, signature), Err(SignatureError::Wrong));
        }
    }
}

#[test]
fn the_armor_of_a_signature_can_be_changed_in_nothing_but_its_last_line_ends() {
    let original = GOOD[2].1;
    let meaning = blob(original);
    for at in 0..original.len() {
        for byte in 0..=u8::MAX {
            let mut changed = original.as_bytes().to_vec();
            changed[at] = byte;
            if let Ok(blob) = armor::decode(&changed) {
                assert!(blob != meaning || byte == original.as_bytes()[at] || at == original.len() - 1);
            }
        }
    }
}

#[test]
fn what_is_cut_off_anywhere_is_refused() {
    for (_, signature) in GOOD {
        for length in 0..signature.len() - 1 {
            assert!(check(MESSAGE, &signature[..length]).is_err(), "{length} of the text");
        }
        let blob = blob(signature);
        for length in 0..blob.len() {
            assert!(check(MESSAGE, &armored(&blob[..length])).is_err(), "{length} of the bytes");
            assert!(check(MESSAGE, &armored(&blob[length + 1..])).is_err(), "from {length} of the bytes");
        }
        assert!(check(MESSAGE, &armored(&[blob.as_slice(), b"\0"].concat())).is_err());
    }
}

#[test]
fn the_armor_may_come_through_another_system_but_not_with_other_text() {
    let original = GOOD[0].1;
    for same in [original.replace('\n', "\r\n"), original.trim_end().to_owned(), format!("{original}\n\r\n")] {
        assert!(check(MESSAGE, &same).is_ok(), "{same:?}");
    }
    let base64 = original.lines().nth(1).unwrap();
    for other in [
        String::new(),
        format!("\n{original}"),
        format!(" {original}"),
        format!("{original}x"),
        format!("{original}{original}"),
        original.replace("BEGIN", "begin"),
        original.replace("SSH SIGNATURE", "PGP SIGNATURE"),
        original.replace("-----END SSH SIGNATURE-----\n", ""),
        original.replace("-----END", "END"),
        original.replace(base64, &format!("{base64} ")),
        original.replace(base64, &format!("{base64}=")),
        original.replace(base64, &format!("{base64}\0")),
        "-----BEGIN SSH SIGNATURE-----".to_owned(),
        "-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----".to_owned(),
    ] {
        assert!(check(MESSAGE, &other).is_err(), "{other:?}");
    }
    let long = original.replace("\n-----END", &format!("{}\n-----END", "\n".repeat(17_000)));
    assert_eq!(check(MESSAGE, &long), Err(SignatureError::TooLong));
    assert!(verify(MESSAGE, b"\xff\xfe", NAMESPACE, &signers(), NOW).is_err());
}

#[test]
fn refusals_show_no_control_characters_of_the_signature() {
    let original = blob(GOOD[0].1);
    for (from, to) in [(b"mfa-license".as_slice(), b"\x1b]0;pwned\x07e".as_slice()), (b"sha512", b"\x1b[31mx")] {
        let at = original.windows(from.len()).position(|window| window == from).unwrap();
        let changed = [&original[..at], to, &original[at + from.len()..]].concat();
        let shown = check(MESSAGE, &armored(&changed)).unwrap_err().to_string();
        assert!(!shown.contains(char::is_control), "{shown:?}");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_pass(blob in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(check(MESSAGE, &armored(&blob)).is_err());
        prop_assert!(check(MESSAGE, &armored(&[b"SSHSIG\0\0\0\x01".as_slice(), &blob].concat())).is_err());
        prop_assert!(verify(MESSAGE, &blob, NAMESPACE, &signers(), NOW).is_err());
        prop_assert!(PublicKey::from_blob(&blob).is_err());
    }
}
