//! What a signature says about itself, and what it is a signature of (OpenSSH's PROTOCOL.sshsig). Nothing is verified
//! here.

use super::{SignatureError, wire};
use crate::policy::quoted;
use sha2::{Digest, Sha256, Sha512};

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;

/// The parts of a signature.
pub(super) struct Envelope<'b> {
    /// The public key, as a blob.
    pub(super) key: &'b [u8],
    /// What it was made for.
    pub(super) namespace: &'b str,
    /// Its type and the rest of it.
    pub(super) signature: &'b [u8],
    hash: Hash,
}

#[derive(Clone, Copy)]
enum Hash {
    Sha256,
    Sha512,
}

impl<'b> Envelope<'b> {
    pub(super) fn decode(blob: &'b [u8]) -> Result<Self, SignatureError> {
        const BAD: SignatureError = SignatureError::Malformed;
        let mut rest = blob.strip_prefix(MAGIC).ok_or(BAD)?;
        let version = wire::number(&mut rest).ok_or(BAD)?;
        if version != VERSION {
            return Err(SignatureError::Version(version));
        }
        let key = wire::string(&mut rest).ok_or(BAD)?;
        let namespace = text(wire::string(&mut rest)).ok_or(BAD)?;
        let reserved = wire::string(&mut rest).ok_or(BAD)?;
        let hash = text(wire::string(&mut rest)).ok_or(BAD)?;
        let signature = wire::string(&mut rest).ok_or(BAD)?;
        // What a later OpenSSH may mean by `reserved` is not known, so it cannot be left aside.
        if namespace.is_empty() || !reserved.is_empty() || !rest.is_empty() {
            return Err(BAD);
        }
        let hash = Hash::of(hash).ok_or_else(|| SignatureError::Hash(quoted(hash)))?;
        Ok(Self { key, namespace, signature, hash })
    }

    /// The bytes that the key has signed, if it has signed this message.
    pub(super) fn signed(&self, message: &[u8]) -> Option<Vec<u8>> {
        let mut signed = MAGIC.to_vec();
        wire::put(&mut signed, self.namespace.as_bytes())?;
        wire::put(&mut signed, b"")?;
        match self.hash {
            Hash::Sha256 => {
                wire::put(&mut signed, b"sha256")?;
                wire::put(&mut signed, &Sha256::digest(message))?;
            }
            Hash::Sha512 => {
                wire::put(&mut signed, b"sha512")?;
                wire::put(&mut signed, &Sha512::digest(message))?;
            }
        }
        Some(signed)
    }
}

impl Hash {
    fn of(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }
}

fn text(bytes: Option<&[u8]>) -> Option<&str> {
    std::str::from_utf8(bytes?).ok()
}
