//! Client data as WebAuthn reads it (Level 3, sections 7.1 and 7.2): ours, or a browser's, which may hold more than is
//! known here.

use super::Unacceptable;
use super::challenge::Challenge;
use data_encoding::BASE64URL_NOPAD;
use serde::Deserialize;
use serde::de::IgnoredAny;
use sha2::{Digest, Sha256};

/// The longest that is read, in bytes; a browser's has a few hundred.
const LONGEST: usize = 4096;

/// A member that comes twice is an error, one that is not known is none.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    purpose: String,
    challenge: String,
    origin: String,
    #[serde(rename = "crossOrigin", default)]
    cross_origin: bool,
    #[serde(rename = "topOrigin")]
    top_origin: Option<IgnoredAny>,
}

/// The SHA-256 of client data that answers this challenge.
pub(super) fn answering(challenge: &Challenge, json: &[u8]) -> Result<[u8; 32], Unacceptable> {
    if json.len() > LONGEST {
        return Err(Unacceptable::ClientData);
    }
    let data: ClientData = serde_json::from_slice(json).map_err(|_| Unacceptable::ClientData)?;
    let bytes = BASE64URL_NOPAD.decode(data.challenge.as_bytes()).map_err(|_| Unacceptable::ClientData)?;
    if data.purpose != challenge.purpose.as_str() {
        return Err(Unacceptable::OtherPurpose);
    }
    if bytes != challenge.bytes {
        return Err(Unacceptable::OtherChallenge);
    }
    if data.origin != challenge.origin || data.cross_origin || data.top_origin.is_some() {
        return Err(Unacceptable::OtherOrigin);
    }
    Ok(Sha256::digest(json).into())
}
