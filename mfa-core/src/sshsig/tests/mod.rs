//! Signatures that OpenSSH made. Those of security keys were put together with another implementation of both curves,
//! since no such key is at hand where tests run; ssh-keygen has verified them all, and does so again in
//! `tests/ssh_keygen.rs`.

mod allowed;
mod crafted;
mod hostile;

use super::*;

pub(super) const MESSAGE: &[u8] = include_bytes!("../../../tests/vectors/license.toml");
pub(super) const NAMESPACE: &str = "mfa-license";
pub(super) const NOW: Time = Time(1_795_392_000); // 2026-11-23

/// The vector of this name.
macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../../tests/vectors/", $name))
    };
}
pub(super) use vector;

/// A key that may sign, and one of its signatures over [`MESSAGE`], for each kind and hash.
pub(super) const GOOD: [(&str, &str); 8] = [
    (vector!("ed25519.pub"), vector!("ed25519.sig")),
    (vector!("ed25519.pub"), vector!("ed25519-sha256.sig")),
    (vector!("ecdsa.pub"), vector!("ecdsa.sig")),
    (vector!("ecdsa.pub"), vector!("ecdsa-sha256.sig")),
    (vector!("sk-ed25519.pub"), vector!("sk-ed25519.sig")),
    (vector!("sk-ed25519.pub"), vector!("sk-ed25519-verified.sig")),
    (vector!("sk-ecdsa.pub"), vector!("sk-ecdsa.sig")),
    (vector!("sk-ecdsa.pub"), vector!("sk-ecdsa-verified.sig")),
];

pub(super) fn signers() -> AllowedSigners {
    AllowedSigners::parse(vector!("issuers").as_bytes()).unwrap()
}

pub(super) fn check(message: &[u8], armored: &str) -> Result<Signer, SignatureError> {
    verify(message, armored.as_bytes(), NAMESPACE, &signers(), NOW)
}

/// The text of a signature, around other bytes.
pub(super) fn armored(blob: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(blob);
    format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n")
}

pub(super) fn blob(armored: &str) -> Vec<u8> {
    armor::decode(armored.as_bytes()).unwrap()
}

#[test]
fn what_ssh_keygen_signed_is_verified_with_every_kind_of_key_and_both_hashes() {
    for (key, signature) in GOOD {
        let key: PublicKey = key.parse().unwrap();
        let signer = check(MESSAGE, signature).unwrap();
        assert_eq!(signer.principals.to_string(), "vendor@example.com");
        assert_eq!(signer.fingerprint, key.fingerprint());
        assert_eq!(verify_key(MESSAGE, signature.as_bytes(), NAMESPACE, &key), Ok(signer.touch));
        assert_eq!(signer.touch.is_some(), key.kind().is_security_key());
    }
}

#[test]
fn an_empty_message_can_be_signed() {
    assert!(check(b"", vector!("ed25519-empty.sig")).is_ok());
    assert_eq!(check(b"\n", vector!("ed25519-empty.sig")), Err(SignatureError::Wrong));
}

#[test]
fn a_touch_tells_the_count_and_whether_the_key_knows_who_it_was() {
    for (touched, verified) in [
        (vector!("sk-ed25519.sig"), vector!("sk-ed25519-verified.sig")),
        (vector!("sk-ecdsa.sig"), vector!("sk-ecdsa-verified.sig")),
    ] {
        assert_eq!(check(MESSAGE, touched).unwrap().touch, Some(Touch { user_verified: false, counter: 7 }));
        assert_eq!(check(MESSAGE, verified).unwrap().touch, Some(Touch { user_verified: true, counter: 8 }));
    }
}

#[test]
fn a_security_key_that_nobody_touched_does_not_count() {
    for untouched in [vector!("sk-ed25519-untouched.sig"), vector!("sk-ecdsa-untouched.sig")] {
        assert_eq!(check(MESSAGE, untouched), Err(SignatureError::NoTouch));
    }
}

#[test]
fn a_signature_for_one_purpose_serves_no_other() {
    for for_files in [vector!("ed25519-file.sig"), vector!("ecdsa-file.sig")] {
        let refused = check(MESSAGE, for_files).unwrap_err();
        assert_eq!(refused, SignatureError::Namespace { found: "`file`".to_owned(), wanted: "mfa-license".to_owned() });
        // Renamed within the signature, it fits the name and no longer the key.
        let (from, to) = (b"\0\0\0\x04file".as_slice(), b"\0\0\0\x0bmfa-license".as_slice());
        let blob = blob(for_files);
        let at = blob.windows(from.len()).position(|window| window == from).unwrap();
        let renamed = [&blob[..at], to, &blob[at + from.len()..]].concat();
        assert_eq!(check(MESSAGE, &armored(&renamed)), Err(SignatureError::Wrong));
    }
    let (key, signature) = GOOD[0];
    for other in ["", "mfa", "mfa-license ", "mfa-licens", "MFA-LICENSE", "mfa-enroll", "mfa-license\0"] {
        let key = key.parse().unwrap();
        let refused = verify_key(MESSAGE, signature.as_bytes(), other, &key).unwrap_err();
        assert!(matches!(refused, SignatureError::Namespace { .. }), "{other:?}: {refused:?}");
    }
}

#[test]
fn keys_that_are_not_taken_are_named_in_the_refusal() {
    let kind = |signature| match check(MESSAGE, signature) {
        Err(SignatureError::Key(why)) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(kind(vector!("rsa.sig")), KeyError::Kind("`ssh-rsa`".to_owned()));
    assert_eq!(kind(vector!("ecdsa384.sig")), KeyError::Kind("`ecdsa-sha2-nistp384`".to_owned()));
    assert_eq!(
        kind(vector!("ed25519-cert.sig")),
        KeyError::Certificate("`ssh-ed25519-cert-v01@openssh.com`".to_owned())
    );
    assert!(kind(vector!("rsa.sig")).to_string().contains("ssh-keygen -t ed25519"));
}

#[test]
fn a_security_key_that_also_signs_for_web_sites_is_no_ssh_key() {
    for (key, signature) in [
        (vector!("sk-ed25519-web.pub"), vector!("sk-ed25519-web.sig")),
        (vector!("sk-ecdsa-web.pub"), vector!("sk-ecdsa-web.sig")),
    ] {
        assert_eq!(key.parse::<PublicKey>(), Err(KeyError::NotAKey));
        assert_eq!(check(MESSAGE, signature), Err(SignatureError::Key(KeyError::NotAKey)));
    }
}

#[test]
fn another_key_s_signature_is_not_this_key_s() {
    for (key, _) in GOOD {
        let key: PublicKey = key.parse().unwrap();
        for (other, signature) in GOOD {
            let other: PublicKey = other.parse().unwrap();
            let verdict = verify_key(MESSAGE, signature.as_bytes(), NAMESPACE, &key);
            if key == other {
                assert!(verdict.is_ok());
            } else {
                assert_eq!(verdict, Err(SignatureError::OtherKey(other.fingerprint())));
            }
        }
    }
}

#[test]
fn a_key_reads_as_it_is_written() {
    for (line, _) in GOOD {
        let key: PublicKey = line.parse().unwrap();
        assert!(line.starts_with(&format!("{key} ")));
        assert_eq!(PublicKey::from_blob(key.blob()), Ok(key.clone()));
        assert_eq!(format!("{key:?}"), format!("{} {}", key.kind().as_str(), key.fingerprint()));
    }
    assert_eq!(
        vector!("ed25519.pub").parse::<PublicKey>().unwrap().fingerprint().to_string(),
        "SHA256:2QGouHJPelMmJNCAXPj1QdGwEMmBW4ZI+1GABYw6iS0" // ssh-keygen -l
    );
}
