//! Signatures that a holder of the key made, and no ssh-keygen would: put together here, part by part.

use super::*;
use ed25519_dalek::Signer as _;
use sha2::{Digest, Sha256, Sha512};

/// A length and the bytes, for each.
fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    parts.iter().for_each(|part| wire::put(&mut out, part).unwrap());
    out
}

fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
}

fn p256() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn point() -> Vec<u8> {
    p256().verifying_key().to_sec1_point(false).as_bytes().to_vec()
}

fn plain_key() -> Vec<u8> {
    strings(&[b"ssh-ed25519", ed25519().verifying_key().as_bytes()])
}

fn sk_key() -> Vec<u8> {
    strings(&[b"sk-ssh-ed25519@openssh.com", ed25519().verifying_key().as_bytes(), b"ssh:"])
}

fn signed() -> Vec<u8> {
    [b"SSHSIG".to_vec(), strings(&[b"mfa-license", b"", b"sha512", &Sha512::digest(MESSAGE)])].concat()
}

fn envelope(key: &[u8], signature: &[u8]) -> String {
    armored(&[b"SSHSIG\0\0\0\x01".to_vec(), strings(&[key, b"mfa-license", b"", b"sha512", signature])].concat())
}

fn weighed(key: &[u8], signature: &[u8]) -> Result<Option<Touch>, SignatureError> {
    let known = PublicKey::from_blob(key).map_err(SignatureError::Key)?;
    verify_key(MESSAGE, envelope(key, signature).as_bytes(), NAMESPACE, &known)
}

fn sk_signature(name: &[u8], about: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest(signed());
    let data = [Sha256::digest(b"ssh:").as_slice(), about, digest.as_slice()].concat();
    [strings(&[name, &ed25519().sign(&data).to_bytes()]), about.to_vec()].concat()
}

#[test]
fn the_parts_fit_as_they_should() {
    let signature = strings(&[b"ssh-ed25519", &ed25519().sign(&signed()).to_bytes()]);
    assert_eq!(weighed(&plain_key(), &signature), Ok(None));
    let touch = weighed(&sk_key(), &sk_signature(b"sk-ssh-ed25519@openssh.com", b"\x01\0\0\x01\x02"));
    assert_eq!(touch, Ok(Some(Touch { user_verified: false, counter: 258 })));
}

#[test]
fn every_combination_of_flags_without_a_touch_is_refused() {
    for flags in 0..=u8::MAX {
        let verdict = weighed(&sk_key(), &sk_signature(b"sk-ssh-ed25519@openssh.com", &[flags, 0, 0, 0, 1]));
        if flags & 1 == 0 {
            assert_eq!(verdict, Err(SignatureError::NoTouch), "{flags:#x}");
        } else {
            let touch = Touch { user_verified: flags & 4 != 0, counter: 1 };
            assert_eq!(verdict, Ok(Some(touch)), "{flags:#x}");
        }
    }
}

#[test]
fn a_signature_of_one_type_is_not_taken_for_another() {
    let raw = ed25519().sign(&signed()).to_bytes();
    let touched = b"\x01\0\0\0\x01";
    for (key, signature) in [
        (plain_key(), sk_signature(b"sk-ssh-ed25519@openssh.com", touched)),
        (plain_key(), sk_signature(b"ssh-ed25519", touched)),
        (plain_key(), [strings(&[b"ssh-ed25519", &raw]), b"\0".to_vec()].concat()),
        (plain_key(), strings(&[b"ssh-rsa", &raw])),
        (plain_key(), strings(&[b"", &raw])),
        (sk_key(), strings(&[b"ssh-ed25519", &raw])),
        (sk_key(), strings(&[b"sk-ssh-ed25519@openssh.com", &raw])),
        (sk_key(), sk_signature(b"ssh-ed25519", touched)),
        (sk_key(), sk_signature(b"webauthn-sk-ecdsa-sha2-nistp256@openssh.com", touched)),
        (sk_key(), sk_signature(b"sk-ssh-ed25519@openssh.com", b"\x01\0\0\0")),
        (sk_key(), sk_signature(b"sk-ssh-ed25519@openssh.com", b"\x01\0\0\0\x01\0")),
    ] {
        assert_eq!(weighed(&key, &signature), Err(SignatureError::Malformed));
    }
    // Signed without what the security key says about it, and said afterwards.
    let signature = [strings(&[b"sk-ssh-ed25519@openssh.com", &raw]), touched.to_vec()].concat();
    assert_eq!(weighed(&sk_key(), &signature), Err(SignatureError::Wrong));
}

#[test]
fn an_ed25519_signature_has_one_form_only() {
    // L, the order of the group: S + L is the same number and another signature.
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut raw = ed25519().sign(&signed()).to_bytes();
    let mut carry = 0;
    for (digit, more) in raw[32..].iter_mut().zip(L) {
        let sum = u16::from(*digit) + u16::from(more) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
    assert!(weighed(&plain_key(), &strings(&[b"ssh-ed25519", &raw])).is_err());
}

#[test]
fn weak_and_odd_public_keys_are_no_keys() {
    let ed25519 = |point: &[u8]| strings(&[b"ssh-ed25519", point]);
    let p256 = |curve: &[u8], point: &[u8]| strings(&[b"ecdsa-sha2-nistp256", curve, point]);
    let identity = [[1].as_slice(), &[0; 31]].concat();
    let compressed = [[2 + (point()[64] & 1)].as_slice(), &point()[1..33]].concat();
    let off_the_curve = [&point()[..64], &[point()[64] ^ 1]].concat();
    assert!(PublicKey::from_blob(&p256(b"nistp256", &point())).is_ok());
    for bad in [
        ed25519(&identity),
        ed25519(&[0; 32]),
        ed25519(&[0; 31]),
        ed25519(&[]),
        p256(b"nistp384", &point()),
        p256(b"nistp256", &compressed),
        p256(b"nistp256", &off_the_curve),
        p256(b"nistp256", &[0]),
        p256(b"nistp256", &[]),
        [plain_key(), b"\0".to_vec()].concat(),
        strings(&[
            b"sk-ssh-ed25519@openssh.com",
            ed25519_dalek::SigningKey::from_bytes(&[7; 32]).verifying_key().as_bytes(),
        ]),
        strings(&[b"ssh-ed25519"]),
        strings(&[b"\xff"]),
    ] {
        assert_eq!(PublicKey::from_blob(&bad), Err(KeyError::NotAKey), "{bad:?}");
    }
}

#[test]
fn an_ecdsa_signature_is_two_numbers_in_range() {
    let key = strings(&[b"ecdsa-sha2-nistp256", b"nistp256", &point()]);
    let order = [0xff_u8; 32];
    for (r, s) in
        [(vec![], vec![]), (vec![0], vec![1]), (vec![1], vec![]), ([&[0], order.as_slice()].concat(), vec![1])]
    {
        let signature = strings(&[b"ecdsa-sha2-nistp256", &strings(&[&r, &s])]);
        assert_eq!(weighed(&key, &signature), Err(SignatureError::Malformed));
    }
    let signature = strings(&[b"ecdsa-sha2-nistp256", &strings(&[&[1], &[1]])]);
    assert_eq!(weighed(&key, &signature), Err(SignatureError::Wrong));
}

#[test]
fn other_versions_hashes_and_reserved_bytes_are_refused() {
    let signature = strings(&[b"ssh-ed25519", &ed25519().sign(&signed()).to_bytes()]);
    let key = PublicKey::from_blob(&plain_key()).unwrap();
    let weigh = |magic: &[u8], reserved: &[u8], hash: &[u8]| {
        let parts = strings(&[&plain_key(), b"mfa-license", reserved, hash, &signature]);
        verify_key(MESSAGE, armored(&[magic, &parts].concat()).as_bytes(), NAMESPACE, &key)
    };
    assert_eq!(weigh(b"SSHSIG\0\0\0\x01", b"", b"sha512"), Ok(None));
    assert_eq!(weigh(b"SSHSIG\0\0\0\x02", b"", b"sha512"), Err(SignatureError::Version(2)));
    assert_eq!(weigh(b"SSHSIG\0\0\0\0", b"", b"sha512"), Err(SignatureError::Version(0)));
    assert_eq!(weigh(b"SSHSIg\0\0\0\x01", b"", b"sha512"), Err(SignatureError::Malformed));
    assert_eq!(weigh(b"SSHSIG\0\0\0\x01", b"x", b"sha512"), Err(SignatureError::Malformed));
    assert_eq!(weigh(b"SSHSIG\0\0\0\x01", b"", b"md5"), Err(SignatureError::Hash("`md5`".to_owned())));
    assert_eq!(weigh(b"SSHSIG\0\0\0\x01", b"", b""), Err(SignatureError::Hash("``".to_owned())));
    assert_eq!(weigh(b"SSHSIG\0\0\0\x01", b"", b"sha256"), Err(SignatureError::Wrong));
}
