//! An SSH key on a security key becomes a factor by a signature over who, where and a challenge.

use super::*;
use crate::account::{Identity, Seen, Ticket, What, Write};
use crate::enrollment::tests::{nobody, rules};
use crate::factor::Kinds;
use crate::sshsig::{SignatureError, wire};
use crate::{Secret, Time};
use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey};
use sha2::{Digest, Sha256, Sha512};

const NOW: Time = Time(1_795_392_000);
const TICKET: Ticket = Ticket(1);
const KIND: &[u8] = b"sk-ssh-ed25519@openssh.com";

/// The vector of this name.
macro_rules! vector {
    ($name:literal) => {
        include_str!(concat!("../../tests/vectors/", $name))
    };
}

fn strings(parts: &[&[u8]]) -> Vec<u8> {
    let mut out = Vec::new();
    parts.iter().for_each(|part| wire::put(&mut out, part).unwrap());
    out
}

fn private() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

fn blob() -> Vec<u8> {
    strings(&[KIND, private().verifying_key().as_bytes(), b"ssh:"])
}

/// As its `.pub` file has it.
fn line() -> String {
    format!("sk-ssh-ed25519@openssh.com {} alice@laptop", BASE64.encode(&blob()))
}

/// As ssh-keygen writes it, after a touch with these flags.
fn signature(text: &str, namespace: &str, flags: u8) -> String {
    let hash = Sha512::digest(text.as_bytes());
    let signed = [b"SSHSIG".to_vec(), strings(&[namespace.as_bytes(), b"", b"sha512", &hash])].concat();
    let about = [flags, 0, 0, 0, 9];
    let message = [&Sha256::digest(b"ssh:")[..], &about, &Sha256::digest(signed)].concat();
    let signature = [strings(&[KIND, &private().sign(&message).to_bytes()]), about.to_vec()].concat();
    let parts = strings(&[&blob(), namespace.as_bytes(), b"", b"sha512", &signature]);
    let base64 = BASE64.encode(&[b"SSHSIG\0\0\0\x01".to_vec(), parts].concat());
    format!("-----BEGIN SSH SIGNATURE-----\n{base64}\n-----END SSH SIGNATURE-----\n")
}

fn at(seed: u32) -> At {
    let bytes = (seed..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(At::FRESH).collect();
    At { now: NOW, fresh: Secret::new(bytes) }
}

/// A wish for this key.
fn wish(line: &str) -> Wish<'_> {
    Wish { line, name: None, place: ("ACME", "web1"), verify_user: false }
}

fn begin(line: &str) -> Result<Proving, NotAdded> {
    begin_ssh_key(&nobody(), &Permission::Unproved, &rules(1), &wish(line), &at(0))
}

fn confirm(account: &Account, proving: &Proving, signature: &str) -> Result<Commit, NotAdded> {
    let given = (&at(0), TICKET);
    confirm_ssh_key(account, &Permission::Root, &rules(1), (proving, signature), given).map(|(commit, _)| commit)
}

fn with_key() -> Account {
    let key = line().parse().unwrap();
    let detail = Detail::SshKey(SshKey { key });
    let (id, name) = (crate::account::FactorId(1), "laptop".to_owned());
    Account { factors: vec![crate::account::Factor { id, name, created: NOW, last_used: None, detail }], ..nobody() }
}

#[test]
fn a_signature_of_the_text_makes_a_factor_whether_or_not_the_user_was_verified() {
    for flags in [1, 5] {
        let proving = begin(&line()).unwrap();
        let said = signature(proving.text(), NAMESPACE, flags);
        let given = (&at(0), TICKET);
        let (commit, codes) =
            confirm_ssh_key(&nobody(), &Permission::Unproved, &rules(1), (&proving, &said), given).unwrap();
        assert_eq!((commit.seen, commit.record.what, codes.len()), (Seen::Absent, What::Added, 10));
        let Write::Add { name, detail } = &commit.writes[0] else { panic!("{:?}", commit.writes) };
        assert_eq!(name, "alice@laptop");
        assert_eq!(detail.ssh_key().unwrap().key, *proving.key());
    }
}

#[test]
fn the_text_says_what_it_is_for_and_is_another_each_time() {
    let text = begin(&line()).unwrap().text().to_owned();
    for part in ["ACME: alice (uid 1000) on web1 adds SHA256:", " as a second factor, once: "] {
        assert!(text.contains(part), "{text}");
    }
    let again = begin_ssh_key(&nobody(), &Permission::Root, &rules(1), &wish(&line()), &at(1)).unwrap();
    assert_ne!(again.text(), text);
}

#[test]
fn the_text_is_one_line_whatever_the_site_is_called() {
    let odd = Wish { place: ("Caf\u{e9}\n\u{1b}", "web1\r"), ..wish(vector!("sk-ecdsa.pub")) };
    let proving = begin_ssh_key(&nobody(), &Permission::Root, &rules(1), &odd, &at(0)).unwrap();
    assert!(proving.text().starts_with("Caf???: alice (uid 1000) on web1? adds"), "{}", proving.text());
    assert!(proving.text().bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '));
}

#[test]
fn where_the_user_must_be_verified_a_touch_alone_does_not_count() {
    let line = line();
    let verified = Wish { verify_user: true, ..wish(&line) };
    let proving = begin_ssh_key(&nobody(), &Permission::Unproved, &rules(1), &verified, &at(0)).unwrap();
    let touched = confirm(&nobody(), &proving, &signature(proving.text(), NAMESPACE, 1));
    assert_eq!(touched.unwrap_err(), NotAdded::Key(NotASecurityKey::Unverified));
    assert!(confirm(&nobody(), &proving, &signature(proving.text(), NAMESPACE, 5)).is_ok());
}

#[test]
fn without_a_touch_for_another_purpose_or_over_another_text_it_does_not_count() {
    let proving = begin(&line()).unwrap();
    let refused = |said: &str| match confirm(&nobody(), &proving, said).unwrap_err() {
        NotAdded::Signature(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(&signature(proving.text(), NAMESPACE, 0)), SignatureError::NoTouch);
    assert_eq!(refused(&signature("another", NAMESPACE, 1)), SignatureError::Wrong);
    let for_license = refused(&signature(proving.text(), "mfa-license", 1));
    assert!(matches!(for_license, SignatureError::Namespace { .. }), "{for_license:?}");
    assert!(matches!(refused(vector!("sk-ed25519.sig")), SignatureError::Namespace { .. }));
    assert_eq!(refused("hello"), SignatureError::NotArmored);
    let other = begin(vector!("sk-ed25519.pub")).unwrap();
    let by_other = confirm(&nobody(), &other, &signature(other.text(), NAMESPACE, 1)).unwrap_err();
    assert!(matches!(by_other, NotAdded::Signature(SignatureError::OtherKey(_))), "{by_other:?}");
}

#[test]
fn ordinary_keys_certificates_and_keys_of_web_sites_are_refused_with_the_reason() {
    let refused = |line: &str| match begin(line).unwrap_err() {
        NotAdded::Key(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(vector!("ed25519.pub")), NotASecurityKey::Ordinary);
    assert_eq!(refused(vector!("ecdsa.pub")), NotASecurityKey::Ordinary);
    let rsa = format!("ssh-rsa {}", BASE64.encode(&strings(&[b"ssh-rsa", &[1, 0, 1], &[0x55; 257]])));
    assert_eq!(refused(&rsa), NotASecurityKey::Ordinary);
    let certificate = "sk-ssh-ed25519-cert-v01@openssh.com";
    let line = format!("{certificate} {}", BASE64.encode(&strings(&[certificate.as_bytes(), b"x"])));
    assert_eq!(refused(&line), NotASecurityKey::Certificate);
    assert_eq!(refused(vector!("sk-ed25519-web.pub")), NotASecurityKey::NotAKey);
    for line in ["", "hello", "sk-ssh-ed25519@openssh.com", "ssh-ed25519 %%%"] {
        assert_eq!(refused(line), NotASecurityKey::NotAKey, "{line}");
    }
    assert!(NotASecurityKey::Ordinary.to_string().contains("ssh-keygen -t ed25519-sk"));
}

#[test]
fn both_kinds_of_security_key_are_taken_and_called_as_their_files_say() {
    for line in [vector!("sk-ed25519.pub"), vector!("sk-ecdsa.pub")] {
        assert!(begin(line).unwrap().key().kind().is_security_key());
    }
    let key = line();
    let bare: Vec<&str> = key.split(' ').take(2).collect();
    assert_eq!(begin(&bare.join(" ")).unwrap().name(), "ssh key");
    let odd = format!("{} my  work\tkey \n", bare.join(" "));
    assert_eq!(begin(&odd).unwrap().name(), "ssh key", "a name has no control characters");
    let work = Wish { name: Some(" work "), ..wish(&key) };
    let named = begin_ssh_key(&nobody(), &Permission::Root, &rules(1), &work, &at(0)).unwrap();
    assert_eq!(named.name(), "work");
}

#[test]
fn a_key_is_added_once_by_the_same_rules_as_every_factor() {
    let there = NotAdded::Refused(Refusal::AlreadyThere);
    let again = begin_ssh_key(&with_key(), &Permission::Root, &rules(1), &wish(&line()), &at(0));
    assert_eq!(again.unwrap_err(), there);
    let proving = begin(&line()).unwrap();
    let said = signature(proving.text(), NAMESPACE, 1);
    assert_eq!(confirm(&with_key(), &proving, &said).unwrap_err(), there);
    let not_taken = Rules { kinds: Kinds::ALL.without(Kind::SshKey), ..rules(1) };
    let refused = begin_ssh_key(&nobody(), &Permission::Root, &not_taken, &wish(&line()), &at(0));
    assert_eq!(refused.unwrap_err(), NotAdded::Refused(Refusal::NotTaken));
    let refused = begin_ssh_key(&with_key(), &Permission::Unproved, &rules(1), &wish(&line()), &at(0));
    assert_eq!(refused.unwrap_err(), NotAdded::Refused(Refusal::ProveFirst));
    let bob = Account::absent(Identity { uid: 1001, name: "bob".into() });
    assert_eq!(confirm(&bob, &proving, &said).unwrap_err(), NotAdded::Refused(Refusal::NotFound));
}
