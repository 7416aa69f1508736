//! What sshd says that it has verified: the text of `SSH_AUTH_INFO_0`.
//!
//! One line per completed method, `method[/submethod] [key-type base64] [words]`. Only sshd can set it, but it is read
//! as if an enemy had: whatever is not understood makes the whole text [`SshAuth::Unknown`], never an empty list.
//! Signatures are not checked here; sshd has done that.

use super::condition::Truth;
use crate::sshsig::wire::{string, take};
use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};
use std::fmt;
use std::str::FromStr;

/// What sshd has verified before it asked PAM.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SshAuth {
    /// Not known: somebody not to be believed, the account phase (where sshd has not written it down yet), or a text
    /// that cannot be read.
    #[default]
    Unknown,
    /// These methods; none for a login that is not over SSH, or where PAM comes first.
    Methods(Vec<SshMethod>),
}

/// A completed method.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshMethod {
    /// Which.
    pub method: Method,
    /// The key, for `publickey` only: the key of `hostbased` is a machine's. sshd always names it; a question such as
    /// "what if it were by public key" need not.
    pub key: Option<SshKey>,
}

impl SshMethod {
    /// Whether it was by one of these keys.
    pub(super) fn used_one_of(&self, keys: &[Fingerprint]) -> Truth {
        match (&self.key, self.method) {
            (Some(key), _) => key.is_one_of(keys).into(),
            (None, Method::Publickey) => Truth::Unknown,
            (None, _) => Truth::False,
        }
    }
}

/// The authentication methods of OpenSSH.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// `publickey`
    Publickey,
    /// `password`
    Password,
    /// `keyboard-interactive`
    KeyboardInteractive,
    /// `hostbased`
    Hostbased,
    /// `gssapi-with-mic`: Kerberos.
    GssapiWithMic,
    /// `gssapi-keyex`: Kerberos, in the key exchange.
    GssapiKeyex,
    /// `none`: an account without a password.
    None,
}

impl Method {
    pub(super) const WORDS: [(&'static str, Self); 7] = [
        ("publickey", Self::Publickey),
        ("password", Self::Password),
        ("keyboard-interactive", Self::KeyboardInteractive),
        ("hostbased", Self::Hostbased),
        ("gssapi-with-mic", Self::GssapiWithMic),
        ("gssapi-keyex", Self::GssapiKeyex),
        ("none", Self::None),
    ];

    /// OpenSSH's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        Self::WORDS.iter().find(|(_, method)| *method == self).map_or("none", |(word, _)| word)
    }
}

/// A public key that sshd has verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// Of the key; for a certificate, of the key in it, as `ssh-keygen -l` shows.
    pub fingerprint: Fingerprint,
    /// Of the key that certified it.
    pub ca: Option<Fingerprint>,
    /// It is kept in a security key (`sk-ssh-…`).
    pub security_key: bool,
}

impl SshKey {
    fn is_one_of(&self, keys: &[Fingerprint]) -> bool {
        keys.contains(&self.fingerprint) || self.ca.is_some_and(|ca| keys.contains(&ca))
    }
}

/// The SHA-256 of a public key, shown as OpenSSH does: `SHA256:` and Base64 without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

impl Fingerprint {
    /// Of a public key's blob.
    pub(crate) fn of(blob: &[u8]) -> Self {
        Self(Sha256::digest(blob).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", BASE64_NOPAD.encode(&self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Neither a fingerprint nor a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotAFingerprint;

impl fmt::Display for NotAFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a key: write its fingerprint, SHA256:…, as ssh-keygen -l shows it, or the public key itself")
    }
}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// `SHA256:…`, or a line of a `.pub` file.
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        if let Some(digest) = text.strip_prefix("SHA256:") {
            let bytes = BASE64_NOPAD.decode(digest.trim_end_matches('=').as_bytes()).map_err(|_| NotAFingerprint)?;
            return bytes.try_into().map(Self).map_err(|_| NotAFingerprint);
        }
        let mut words = text.split_ascii_whitespace();
        let key = words.next().zip(words.next()).and_then(|(kind, blob)| key(kind, blob));
        key.map(|key| key.fingerprint).ok_or(NotAFingerprint)
    }
}

/// As records keep it: `publickey SHA256:… ca SHA256:… sk, password`, a method each; `unknown`.
impl fmt::Display for SshAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Methods(methods) = self else { return f.write_str(UNKNOWN) };
        for (index, one) in methods.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, one.method.as_str())?;
            if let Some(SshKey { fingerprint, ca, security_key }) = &one.key {
                write!(f, " {fingerprint}")?;
                ca.map_or(Ok(()), |ca| write!(f, " ca {ca}"))?;
                f.write_str(if *security_key { " sk" } else { "" })?;
            }
        }
        Ok(())
    }
}

/// The word for [`SshAuth::Unknown`].
const UNKNOWN: &str = "unknown";

/// Not what sshd has verified, in any way of writing it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotSshAuth;

impl fmt::Display for NotSshAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = Method::WORDS.iter().map(|(word, _)| *word).collect();
        write!(f, "not a method of sshd ({}), nor a list of what it has verified", words.join(", "))
    }
}

impl std::error::Error for NotSshAuth {}

impl FromStr for SshAuth {
    type Err = NotSshAuth;

    /// What [`fmt::Display`] writes. An empty text means that nothing has been verified.
    fn from_str(text: &str) -> Result<Self, NotSshAuth> {
        match text {
            "" => Ok(Self::Methods(Vec::new())),
            UNKNOWN => Ok(Self::Unknown),
            _ if text.len() > LONGEST => Err(NotSshAuth),
            _ => text.split(", ").map(spelled).collect::<Option<Vec<_>>>().map(Self::Methods).ok_or(NotSshAuth),
        }
    }
}

/// `publickey SHA256:… ca SHA256:… sk`, or a method alone.
fn spelled(text: &str) -> Option<SshMethod> {
    let mut words = text.split(' ').peekable();
    let method = method(words.next()?)?;
    let fingerprint = words.next().map(Fingerprint::from_str).transpose().ok()?;
    let ca = match words.next_if_eq(&"ca") {
        Some(_) => Some(words.next()?.parse().ok()?),
        None => None,
    };
    let security_key = words.next_if_eq(&"sk").is_some();
    let key = fingerprint.map(|fingerprint| SshKey { fingerprint, ca, security_key });
    let fits = key.is_none() || method == Method::Publickey;
    (fits && words.next().is_none()).then_some(SshMethod { method, key })
}

/// The method of OpenSSH's word.
fn method(word: &str) -> Option<Method> {
    Method::WORDS.iter().find(|(known, _)| *known == word).map(|(_, method)| *method)
}

/// The longest text that is read, in bytes; sshd's own is a few hundred per method.
const LONGEST: usize = 64 * 1024;

/// The most methods that are read.
const MOST: usize = 32;

impl SshAuth {
    /// Reads `SSH_AUTH_INFO_0`. An empty text means that nothing has been verified.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let lines = text.strip_suffix('\n').unwrap_or(text);
        if text.is_empty() {
            return Self::Methods(Vec::new());
        }
        if text.len() > LONGEST || lines.split('\n').count() > MOST {
            return Self::Unknown;
        }
        lines.split('\n').map(line).collect::<Option<Vec<_>>>().map_or(Self::Unknown, Self::Methods)
    }

    /// The keys with which the user has authenticated.
    pub fn keys(&self) -> impl Iterator<Item = &SshKey> {
        let methods = if let Self::Methods(methods) = self { methods.as_slice() } else { &[] };
        methods.iter().filter_map(|one| one.key.as_ref())
    }
}

fn line(line: &str) -> Option<SshMethod> {
    let mut words = line.split(' ');
    let method = method(words.next()?.split('/').next()?)?;
    let key = match method {
        Method::Publickey => Some(key(words.next()?, words.next()?)?),
        _ => None,
    };
    Some(SshMethod { method, key })
}

/// Reads a key as `.pub` files hold it: the name of its type, and its blob in Base64.
fn key(kind: &str, base64: &str) -> Option<SshKey> {
    let blob = BASE64.decode(base64.as_bytes()).ok()?;
    let mut rest = blob.as_slice();
    if string(&mut rest)? != kind.as_bytes() || rest.is_empty() {
        return None;
    }
    let security_key = kind.starts_with("sk-");
    let Some(plain) = kind.strip_suffix("-cert-v01@openssh.com") else {
        return Some(SshKey { fingerprint: Fingerprint::of(&blob), ca: None, security_key });
    };
    let (fingerprint, ca) = certificate(plain, rest)?;
    Some(SshKey { fingerprint, ca: Some(ca), security_key })
}

/// The key in a certificate, and the key that signed it (OpenSSH's PROTOCOL.certkeys).
fn certificate(plain: &str, mut rest: &[u8]) -> Option<(Fingerprint, Fingerprint)> {
    let (name, fields) = match plain {
        "ssh-ed25519" => ("ssh-ed25519", 1),
        "ssh-rsa" | "rsa-sha2-256" | "rsa-sha2-512" => ("ssh-rsa", 2),
        "ecdsa-sha2-nistp256" | "ecdsa-sha2-nistp384" | "ecdsa-sha2-nistp521" => (plain, 2),
        "sk-ssh-ed25519" => ("sk-ssh-ed25519@openssh.com", 2),
        "sk-ecdsa-sha2-nistp256" => ("sk-ecdsa-sha2-nistp256@openssh.com", 3),
        _ => return None,
    };
    string(&mut rest)?; // the nonce
    let from = rest;
    for _ in 0..fields {
        string(&mut rest)?;
    }
    let key = from.get(..from.len() - rest.len())?;
    take(&mut rest, 8 + 4)?; // serial number, kind of certificate
    string(&mut rest)?; // key id
    string(&mut rest)?; // principals
    take(&mut rest, 8 + 8)?; // valid after, valid before
    for _ in 0..3 {
        string(&mut rest)?; // critical options, extensions, reserved
    }
    let ca = string(&mut rest)?;
    string(&mut rest)?; // signature
    if ca.is_empty() || !rest.is_empty() {
        return None;
    }
    let length = u32::try_from(name.len()).ok()?.to_be_bytes();
    let blob = [&length, name.as_bytes(), key].concat();
    Some((Fingerprint::of(&blob), Fingerprint::of(ca)))
}
