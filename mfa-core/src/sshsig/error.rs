//! Why a signature does not count, in words for the person who has it.

use super::KeyError;
use crate::policy::Fingerprint;
use std::fmt;

/// Why a signature does not count. Texts in it are fit to be shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignatureError {
    /// Longer than any signature is.
    TooLong,
    /// Not a text that `ssh-keygen -Y sign` writes.
    NotArmored,
    /// The parts do not fit together.
    Malformed,
    /// A version of the format that is not known.
    Version(u32),
    /// Made for something else.
    Namespace {
        /// What for.
        found: String,
        /// What it must be for.
        wanted: String,
    },
    /// Made with a hash that is not taken.
    Hash(String),
    /// Made by a kind of key that is not taken.
    Key(KeyError),
    /// Made by a key that nobody has listed.
    UnknownSigner(Fingerprint),
    /// Made by a key that is listed for other namespaces only.
    NotForThis(Fingerprint),
    /// The key's time has not begun.
    NotYet(Fingerprint),
    /// The key's time is over.
    NoLonger(Fingerprint),
    /// Made by another key than the one asked for.
    OtherKey(Fingerprint),
    /// The security key says that nobody touched it.
    NoTouch,
    /// Not the signature of this message by this key.
    Wrong,
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => f.write_str("The signature is longer than 16 KiB: this is some other file."),
            Self::NotArmored => f.write_str(
                "This is not a signature of ssh-keygen -Y sign, which begins with -----BEGIN SSH SIGNATURE----- and \
                 ends with -----END SSH SIGNATURE-----: take the whole file.",
            ),
            Self::Malformed => f.write_str("The signature is damaged: get the file again."),
            Self::Version(version) => {
                write!(
                    f,
                    "The signature has version {version}, which is not known here: sign with OpenSSH's ssh-keygen."
                )
            }
            Self::Namespace { found, wanted } => {
                write!(f, "The signature was made for {found}: sign again with ssh-keygen -Y sign -n {wanted}.")
            }
            Self::Hash(name) => {
                write!(f, "The hash {name} is not taken: sign with sha512, which is ssh-keygen's own choice.")
            }
            Self::Key(why) => why.fmt(f),
            Self::UnknownSigner(key) => {
                write!(f, "The signature is by the key {key}, which is not among those allowed to sign.")
            }
            Self::NotForThis(key) => {
                write!(f, "The key {key} is allowed to sign, but not for this: its line says namespaces=\"…\".")
            }
            Self::NotYet(key) => {
                write!(f, "The key {key} may not sign yet (valid-after): is this machine's clock right?")
            }
            Self::NoLonger(key) => {
                write!(f, "The key {key} may no longer sign (valid-before): get a signature by a newer one.")
            }
            Self::OtherKey(key) => write!(f, "The signature is by another key, {key}: sign with the one you named."),
            Self::NoTouch => f.write_str("The security key signed without being touched: sign again, and touch it."),
            Self::Wrong => f.write_str("The signature does not fit: it or what it signs was changed. Get both again."),
        }
    }
}

impl std::error::Error for SignatureError {}

impl From<KeyError> for SignatureError {
    fn from(why: KeyError) -> Self {
        Self::Key(why)
    }
}
