//! Signatures by `ssh-keygen -Y sign` (OpenSSH's PROTOCOL.sshsig), verified over raw bytes.
//!
//! ```text
//! ssh-keygen -Y sign -f KEY -n NAMESPACE FILE      writes FILE.sig
//! ```
//!
//! [`verify`] asks whether one of the [`AllowedSigners`] has signed; [`verify_key`] whether this one key has. The
//! namespace keeps a signature for one purpose from serving another, so each purpose has its own and none is empty.
//! Of a security key it is demanded that somebody touched it (ssh-keygen itself does not ask). Everything is read as if
//! an enemy had written it: what is not understood is refused, and refused is the default.
//!
//! Nothing is signed here, and no file, clock or agent is touched.

mod allowed;
mod armor;
mod envelope;
mod error;
mod key;
mod pattern;
#[cfg(test)]
mod tests;
mod timestamp;
pub(crate) mod wire;

pub use allowed::{AllowedSigners, BadSigners};
pub use error::SignatureError;
pub use key::{KeyError, KeyKind, PublicKey, Touch};
pub use pattern::Patterns;

use crate::Time;
use crate::policy::{Fingerprint, quoted};
use envelope::Envelope;

/// Who has signed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive] // made by a verification only
pub struct Signer {
    /// Whose key it is, as the list of signers says.
    pub principals: Patterns,
    /// The key.
    pub fingerprint: Fingerprint,
    /// What the security key says, if it is one.
    pub touch: Option<Touch>,
}

/// Whether one of the allowed signers has signed the message, for this namespace.
///
/// `now` decides which of the signers are allowed (`valid-after`, `valid-before`).
///
/// # Errors
/// Every other case.
pub fn verify(
    message: &[u8],
    armored: &[u8],
    namespace: &str,
    signers: &AllowedSigners,
    now: Time,
) -> Result<Signer, SignatureError> {
    let blob = armor::decode(armored)?;
    let envelope = opened(&blob, namespace)?;
    let key = PublicKey::from_blob(envelope.key)?;
    let principals = signers.find(&key, namespace, now)?.clone();
    let touch = weigh(&envelope, &key, message)?;
    Ok(Signer { principals, fingerprint: key.fingerprint(), touch })
}

/// Whether this key has signed the message, for this namespace; what it says about the touch if it is a security key.
///
/// # Errors
/// Every other case.
pub fn verify_key(
    message: &[u8],
    armored: &[u8],
    namespace: &str,
    key: &PublicKey,
) -> Result<Option<Touch>, SignatureError> {
    let blob = armor::decode(armored)?;
    let envelope = opened(&blob, namespace)?;
    if envelope.key != key.blob() {
        return Err(SignatureError::OtherKey(Fingerprint::of(envelope.key)));
    }
    weigh(&envelope, key, message)
}

fn opened<'b>(blob: &'b [u8], namespace: &str) -> Result<Envelope<'b>, SignatureError> {
    let envelope = Envelope::decode(blob)?;
    if envelope.namespace != namespace {
        let (found, wanted) = (quoted(envelope.namespace), namespace.to_owned());
        return Err(SignatureError::Namespace { found, wanted });
    }
    Ok(envelope)
}

fn weigh(envelope: &Envelope<'_>, key: &PublicKey, message: &[u8]) -> Result<Option<Touch>, SignatureError> {
    let signed = envelope.signed(message).ok_or(SignatureError::Malformed)?;
    key.verify(&signed, envelope.signature)
}
