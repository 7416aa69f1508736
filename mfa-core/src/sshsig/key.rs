//! Public keys that may sign, and the verification itself.
//!
//! Four kinds: `ssh-ed25519`, `ecdsa-sha2-nistp256`, and both on a security key (`sk-…@openssh.com`). RSA, the longer
//! curves and certificates are refused by name: none of them is needed where whoever signs can choose, and each is code
//! that hostile bytes would reach.

use super::{SignatureError, wire};
use crate::policy::{Fingerprint, quoted};
use data_encoding::BASE64;
use p256::ecdsa::signature::Verifier;
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// A public key of a kind that is verified here. Equal if its bytes are.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    kind: KeyKind,
    blob: Vec<u8>,
    material: Material,
    /// The SHA-256 of what a security key calls its relying party; unused for other keys.
    application: [u8; 32],
}

#[derive(Clone, PartialEq, Eq)]
enum Material {
    Ed25519(ed25519_dalek::VerifyingKey),
    P256(p256::ecdsa::VerifyingKey),
}

/// The kinds of key that are verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// `ssh-ed25519`
    Ed25519,
    /// `ecdsa-sha2-nistp256`
    EcdsaP256,
    /// `sk-ssh-ed25519@openssh.com`
    SkEd25519,
    /// `sk-ecdsa-sha2-nistp256@openssh.com`
    SkEcdsaP256,
}

impl KeyKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Ed25519, Self::EcdsaP256, Self::SkEd25519, Self::SkEcdsaP256];

    /// OpenSSH's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ssh-ed25519",
            Self::EcdsaP256 => "ecdsa-sha2-nistp256",
            Self::SkEd25519 => "sk-ssh-ed25519@openssh.com",
            Self::SkEcdsaP256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    /// Whether the private key is in a security key, which wants to be touched for each signature.
    #[must_use]
    pub fn is_security_key(self) -> bool {
        matches!(self, Self::SkEd25519 | Self::SkEcdsaP256)
    }
}

/// What a security key says about how a signature came about. Signed by it, so it is believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive] // made by a verification only
pub struct Touch {
    /// Whether it has verified who touched it, by PIN or fingerprint.
    pub user_verified: bool,
    /// Its count of signatures; 0 always for keys that do not count.
    pub counter: u32,
}

/// Somebody was there and touched the key (CTAP 2.1, "up").
const USER_PRESENT: u8 = 1;
/// The key knows who it was (CTAP 2.1, "uv").
const USER_VERIFIED: u8 = 4;

impl PublicKey {
    /// Reads the blob in which OpenSSH sends and hashes a key.
    ///
    /// # Errors
    /// Any other kind of key, or bytes that are none.
    pub fn from_blob(blob: &[u8]) -> Result<Self, KeyError> {
        let mut rest = blob;
        let name = wire::string(&mut rest).and_then(|name| std::str::from_utf8(name).ok()).ok_or(KeyError::NotAKey)?;
        let kind = KeyKind::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or_else(|| KeyError::other(name))?;
        let (material, application) = fields(kind, rest).ok_or(KeyError::NotAKey)?;
        Ok(Self { kind, blob: blob.to_vec(), material, application })
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The blob.
    #[must_use]
    pub fn blob(&self) -> &[u8] {
        &self.blob
    }

    /// `SHA256:…`, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.blob)
    }

    /// Verifies a signature as it is in an [`super::envelope::Envelope`] over these bytes.
    pub(super) fn verify(&self, signed: &[u8], signature: &[u8]) -> Result<Option<Touch>, SignatureError> {
        let mut rest = signature;
        let name = wire::string(&mut rest).ok_or(SignatureError::Malformed)?;
        let raw = wire::string(&mut rest).ok_or(SignatureError::Malformed)?;
        if name != self.kind.as_str().as_bytes() {
            return Err(SignatureError::Malformed);
        }
        if !self.kind.is_security_key() {
            return if rest.is_empty() {
                self.holds(signed, raw).map(|()| None)
            } else {
                Err(SignatureError::Malformed)
            };
        }
        let about = rest;
        let flags = wire::byte(&mut rest).ok_or(SignatureError::Malformed)?;
        let counter = wire::number(&mut rest).ok_or(SignatureError::Malformed)?;
        if !rest.is_empty() {
            return Err(SignatureError::Malformed);
        }
        // OpenSSH's PROTOCOL.u2f, "SSH U2F Signatures".
        let signed = [&self.application, about, Sha256::digest(signed).as_slice()].concat();
        self.holds(&signed, raw)?;
        if flags & USER_PRESENT == 0 {
            return Err(SignatureError::NoTouch);
        }
        Ok(Some(Touch { user_verified: flags & USER_VERIFIED != 0, counter }))
    }

    fn holds(&self, signed: &[u8], raw: &[u8]) -> Result<(), SignatureError> {
        match &self.material {
            Material::Ed25519(key) => {
                let signature = ed25519_dalek::Signature::from_slice(raw).map_err(|_| SignatureError::Malformed)?;
                key.verify_strict(signed, &signature).map_err(|_| SignatureError::Wrong)
            }
            Material::P256(key) => {
                let signature = p256_signature(raw).ok_or(SignatureError::Malformed)?;
                key.verify(signed, &signature).map_err(|_| SignatureError::Wrong)
            }
        }
    }
}

/// What follows the kind's name in a blob.
fn fields(kind: KeyKind, mut rest: &[u8]) -> Option<(Material, [u8; 32])> {
    let material = match kind {
        KeyKind::Ed25519 | KeyKind::SkEd25519 => {
            let key = ed25519_dalek::VerifyingKey::from_bytes(wire::string(&mut rest)?.try_into().ok()?).ok()?;
            // With one of the eight weak keys, one signature holds for almost every message.
            Material::Ed25519(Some(key).filter(|key| !key.is_weak())?)
        }
        KeyKind::EcdsaP256 | KeyKind::SkEcdsaP256 => {
            let curve = wire::string(&mut rest)?;
            let point = wire::string(&mut rest).filter(|point| curve == b"nistp256" && point.first() == Some(&4))?;
            Material::P256(p256::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?)
        }
    };
    let mut application = [0; 32];
    if kind.is_security_key() {
        // ssh-keygen makes no other: so no signature given to a web site is ever one of SSH.
        let name = wire::string(&mut rest).filter(|name| name.starts_with(b"ssh:"))?;
        application = Sha256::digest(name).into();
    }
    rest.is_empty().then_some((material, application))
}

fn p256_signature(mut raw: &[u8]) -> Option<p256::ecdsa::Signature> {
    let (r, s) = (wire::scalar(&mut raw)?, wire::scalar(&mut raw)?);
    if raw.is_empty() { p256::ecdsa::Signature::from_scalars(r, s).ok() } else { None }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// A line of a `.pub` file: the kind, the blob in Base64, perhaps a comment.
    fn from_str(line: &str) -> Result<Self, KeyError> {
        let mut words = line.split_ascii_whitespace();
        let (name, base64) = words.next().zip(words.next()).ok_or(KeyError::NotAKey)?;
        let blob = BASE64.decode(base64.as_bytes()).map_err(|_| KeyError::NotAKey)?;
        let key = Self::from_blob(&blob)?;
        if key.kind.as_str() == name { Ok(key) } else { Err(KeyError::NotAKey) }
    }
}

impl fmt::Display for PublicKey {
    /// As in a `.pub` file, without a comment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), BASE64.encode(&self.blob))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.fingerprint())
    }
}

/// Not a public key whose signatures are verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyError {
    /// Not a public key, or one that does not follow its own format.
    NotAKey,
    /// Another kind; its name, fit to be shown.
    Kind(String),
    /// A certificate; its name, fit to be shown.
    Certificate(String),
}

impl KeyError {
    fn other(name: &str) -> Self {
        if name.contains("-cert-v01@") { Self::Certificate(quoted(name)) } else { Self::Kind(quoted(name)) }
    }
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAKey => f.write_str("This is not a public key as ssh-keygen writes it: copy the whole line."),
            Self::Kind(name) => write!(
                f,
                "Keys of the kind {name} are not taken (nor is RSA): make one with ssh-keygen -t ed25519, ed25519-sk, \
                 ecdsa-sk, or ecdsa -b 256."
            ),
            Self::Certificate(name) => {
                write!(f, "Certificates ({name}) are not taken: sign with the key itself and list that.")
            }
        }
    }
}

impl std::error::Error for KeyError {}
