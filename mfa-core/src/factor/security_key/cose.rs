//! The public keys of security keys, as COSE_Key writes them (RFC 9052, section 7; RFC 9053): ES256 over P-256 and EdDSA
//! over Ed25519. Nothing else is taken, and a key that has more to say than it needs is none.

use super::cbor::{self, Map, Value};
use p256::ecdsa::signature::Verifier;
use std::fmt;

/// A public key, and how it signs.
#[derive(Clone, PartialEq, Eq)]
pub enum CoseKey {
    /// ECDSA over P-256 with SHA-256 (COSE algorithm −7).
    Es256(p256::ecdsa::VerifyingKey),
    /// EdDSA over Ed25519 (COSE algorithm −8).
    EdDsa(ed25519_dalek::VerifyingKey),
}

/// COSE's number of ES256.
pub const ES256: i64 = -7;
/// COSE's number of EdDSA.
pub const EDDSA: i64 = -8;

/// Labels and values of RFC 9052, section 7.1, and RFC 9053, section 7.
const KEY_TYPE: i64 = 1;
const ALGORITHM: i64 = 3;
const CURVE: i64 = -1;
const X: i64 = -2;
const Y: i64 = -3;
const OKP: i64 = 1;
const EC2: i64 = 2;
const P256: i64 = 1;
const ED25519: i64 = 6;

impl CoseKey {
    /// Reads a key that is all there is. `None` for other algorithms, points that are not on their curve, and Ed25519's
    /// weak keys, under which one signature would hold for almost every message.
    #[must_use]
    pub fn from_cose(bytes: &[u8]) -> Option<Self> {
        Self::of(&cbor::whole_map(bytes)?)
    }

    /// Reads a key off the front.
    pub(super) fn take(rest: &mut &[u8]) -> Option<Self> {
        Self::of(&cbor::map(rest)?)
    }

    fn of(map: &Map<'_>) -> Option<Self> {
        let number = |label| map.number(label).and_then(Value::as_number);
        let part = |label| map.number(label).and_then(Value::as_bytes).and_then(|part| <[u8; 32]>::try_from(part).ok());
        match (number(KEY_TYPE)?, number(ALGORITHM)?, number(CURVE)?, map.len()) {
            (EC2, ES256, P256, 5) => Self::es256(&part(X)?, &part(Y)?),
            (OKP, EDDSA, ED25519, 4) => Self::eddsa(&part(X)?),
            _ => None,
        }
    }

    /// The key of a point on P-256.
    #[must_use]
    pub fn es256(x: &[u8; 32], y: &[u8; 32]) -> Option<Self> {
        let point = [[4].as_slice(), x, y].concat(); // SEC 1, section 2.3.3: uncompressed
        p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok().map(Self::Es256)
    }

    /// The key of a point on Ed25519.
    #[must_use]
    pub fn eddsa(point: &[u8; 32]) -> Option<Self> {
        ed25519_dalek::VerifyingKey::from_bytes(point).ok().filter(|key| !key.is_weak()).map(Self::EdDsa)
    }

    /// As COSE_Key: [`CoseKey::from_cose`] reads it back.
    #[must_use]
    pub fn to_cose(&self) -> Vec<u8> {
        match self {
            Self::Es256(key) => {
                let point = key.to_sec1_point(false);
                let part = |part: Option<_>| part.map_or([0; 32], |part: &p256::FieldBytes| (*part).into());
                let (x, y): ([u8; 32], [u8; 32]) = (part(point.x()), part(point.y()));
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20][..], &x, &[0x22, 0x58, 0x20], &y].concat()
            }
            Self::EdDsa(key) => {
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20][..], key.as_bytes().as_slice()].concat()
            }
        }
    }

    /// Whether this is its signature of the message: of ES256 in DER, of EdDSA 64 bytes, each in its one spelling.
    #[must_use]
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            // Both of an ECDSA signature's halves are taken (s and n − s): keys do not choose between them.
            Self::Es256(key) => p256::ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::EdDsa(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }

    /// A point on P-256 as U2F spells it (SEC 1, section 2.3.3).
    pub(super) fn uncompressed(&self) -> Option<Vec<u8>> {
        match self {
            Self::Es256(key) => Some(key.to_sec1_point(false).as_bytes().to_vec()),
            Self::EdDsa(_) => None,
        }
    }

    /// COSE's number of its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> i64 {
        match self {
            Self::Es256(_) => ES256,
            Self::EdDsa(_) => EDDSA,
        }
    }
}

impl fmt::Debug for CoseKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Es256(_) => "Es256(…)",
            Self::EdDsa(_) => "EdDsa(…)",
        })
    }
}
