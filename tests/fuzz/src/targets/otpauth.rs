//! `otpauth://` addresses: what we write, a phone reads as it was meant, whatever a site and a user call themselves.

use crate::otpauth::{Hash, Otpauth};
use crate::{Feed, Target};
use mfa_core::Secret;
use mfa_core::factor::totp::{Algorithm, Link, Parameters};

/// Parameters, issuer, label, secret.
pub const TARGET: Target = Target { name: "otpauth", about: "otpauth addresses", longest: 1024, try_it };

fn try_it(data: &[u8]) {
    let mut feed = Feed::new(data);
    let choice = feed.choice();
    let (issuer, label, secret) = (feed.text(), feed.text(), feed.rest());
    phone(&issuer);
    let algorithm = Algorithm::ALL[usize::from(choice) % 3];
    let (digits, period) = (if choice & 4 == 0 { 6 } else { 8 }, if choice & 8 == 0 { 30 } else { 60 });
    let parameters = Parameters::new(algorithm, digits, period).expect("what apps can do");
    if secret.is_empty() || secret.len() > 64 || issuer.contains(':') || issuer.chars().count() > 80 {
        return; // a site's name has none of them
    }
    let secret = Secret::new(secret.to_vec());
    let link = Link { issuer: &issuer, label: &label, secret: &secret, parameters }.spelled();
    assert!(link.len() <= 8192 && link.bytes().all(|byte| byte.is_ascii_graphic()), "{}", *link);
    let read: Otpauth = link.parse().expect("a phone reads what we write");
    assert_eq!((read.issuer, read.account.as_str()), (issuer, label.trim_start()));
    assert_eq!(read.secret, secret.expose());
    assert_eq!((read.digits, read.period), (u32::from(digits), u64::from(period)));
    let hash = match algorithm {
        Algorithm::Sha1 => Hash::Sha1,
        Algorithm::Sha256 => Hash::Sha256,
        Algorithm::Sha512 => Hash::Sha512,
    };
    assert_eq!(read.hash, hash);
}

/// The phone of our own tests must stand anything, too: it judges what the product shows.
fn phone(text: &str) {
    let _ = text.parse::<Otpauth>();
}
