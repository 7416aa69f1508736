//! Licenses: the file, its signature, the list of who may issue; and what stands behind a signature that is good.

use crate::{Feed, Target, sentence};
use data_encoding::BASE64;
use ed25519_dalek::{Signer, SigningKey};
use mfa_core::Time;
use mfa_core::license::{Installed, License, NAMESPACE};
use mfa_core::sshsig::{AllowedSigners, PublicKey, verify_key};
use sha2::{Digest, Sha512};

/// The first byte says what is the vendor's own and what is not.
pub const TARGET: Target = Target { name: "license", about: "licenses and signatures", longest: 20 * 1024, try_it };

const NOW: Time = Time(1_795_428_000);

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    match feed.choice() % 3 {
        0 => signed(feed.rest()),
        1 => forged(feed.part(), feed.part(), feed.rest()),
        _ => listed(feed.rest()),
    }
}

fn vendor() -> SigningKey {
    SigningKey::from_bytes(&[7; 32])
}

/// What is in a license whose signature holds.
fn signed(file: &[u8]) {
    let signature = armored(&envelope(file));
    let issuers = AllowedSigners::parse(line("vendor@example.com").as_bytes()).expect("a line");
    match License::read(file, signature.as_bytes(), &issuers, NOW) {
        Ok(license) => {
            let written = written(&license);
            let signature = armored(&envelope(written.as_bytes()));
            let again = License::read(written.as_bytes(), signature.as_bytes(), &issuers, NOW);
            assert_eq!(again.as_ref(), Ok(&license), "{written}");
            sentence::is_one(&license.customer);
            sentence::is_one(&license.id);
            assert!((1..=100_000_000).contains(&license.seats) && license.issued <= license.ends);
            let installed = Installed::License(license.clone());
            for used in [0, license.seats, u64::MAX] {
                let seats = installed.seats(used, NOW);
                assert!(seats.total == license.seats || seats.total == 25);
                assert!(!installed.state(used, NOW).as_str().is_empty());
            }
        }
        Err(error) => shown(&error.to_string()),
    }
}

/// Without the vendor's key nothing is a license, whatever it and its signature say.
fn forged(file: &[u8], signature: &[u8], issuers: &[u8]) {
    let key: PublicKey = line("").trim().parse().expect("a key");
    let issuers = AllowedSigners::parse(issuers).unwrap_or_default();
    if let Err(error) = License::read(file, signature, &issuers, NOW) {
        shown(&error.to_string());
    }
    let good = armored(&envelope(file));
    match verify_key(file, signature, NAMESPACE, &key) {
        // Of Ed25519 there is one signature, and of a signature one text, but for the ends of its lines.
        Ok(touch) => {
            assert_eq!(touch, None);
            let spelled = String::from_utf8_lossy(signature).replace(['\r', '\n'], "");
            assert_eq!(spelled, good.replace('\n', ""));
        }
        Err(error) => shown(&error.to_string()),
    }
    assert_eq!(verify_key(file, good.as_bytes(), NAMESPACE, &key), Ok(None));
}

/// Lists of who may issue: whoever is refused is told in which line.
fn listed(issuers: &[u8]) {
    match AllowedSigners::parse(issuers) {
        Ok(signers) => {
            let file = b"any";
            let _ = License::read(file, armored(&envelope(file)).as_bytes(), &signers, NOW)
                .map_err(|error| shown(&error.to_string()));
        }
        Err(error) => shown(&error.to_string()),
    }
}

/// Sentences, and perhaps the place in a file below.
fn shown(text: &str) {
    text.lines().filter(|line| !line.is_empty()).for_each(sentence::is_one);
    assert!(text.lines().count() <= 6, "{text}");
}

fn written(license: &License) -> String {
    let quote = |text: &str| serde_json::to_string(text).expect("a text");
    format!(
        "format = 1\nid = {}\ncustomer = {}\nseats = {}\nissued = {}\nends = {}\ngrace = {}\n",
        quote(&license.id),
        quote(&license.customer),
        license.seats,
        license.issued,
        license.ends,
        license.grace_days
    )
}

/// OpenSSH's string: its length, then its bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).expect("a short one").to_be_bytes(), bytes].concat()
}

fn blob() -> Vec<u8> {
    [string(b"ssh-ed25519"), string(vendor().verifying_key().as_bytes())].concat()
}

fn line(principal: &str) -> String {
    format!("{principal} ssh-ed25519 {}", BASE64.encode(&blob()))
}

/// What `ssh-keygen -Y sign` makes (OpenSSH's PROTOCOL.sshsig).
fn envelope(message: &[u8]) -> Vec<u8> {
    let parts = [string(NAMESPACE.as_bytes()), string(b""), string(b"sha512")].concat();
    let to_sign = [b"SSHSIG".as_slice(), &parts, &string(&Sha512::digest(message))].concat();
    let signature = vendor().sign(&to_sign).to_bytes();
    let signature = string(&[string(b"ssh-ed25519"), string(&signature)].concat());
    [b"SSHSIG".as_slice(), &[0, 0, 0, 1], &string(&blob()), &parts, &signature].concat()
}

fn armored(envelope: &[u8]) -> String {
    format!("-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n", BASE64.encode(envelope))
}
