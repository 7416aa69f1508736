//! Bytes that are no text, in messages that are: unpadded base64url (RFC 4648, section 5), as WebAuthn writes them.
//!
//! Nothing secret travels like this: see [`crate::Secret`] for what must be wiped.

use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::ops::Deref;

/// What a key made or wants: an identifier, a hash, a signature.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

impl Bytes {
    /// The bytes, for whoever keeps them.
    #[must_use]
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl From<Vec<u8>> for Bytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl From<&[u8]> for Bytes {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
        bytes.map(Self).map_err(|_| de::Error::custom("not unpadded base64url"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_travel_as_unpadded_base64url() {
        let bytes = Bytes::from(vec![0xfb, 0xff, 0xfe, 0x00]);
        assert_eq!(serde_json::to_string(&bytes).unwrap(), "\"-__-AA\"");
        assert_eq!(serde_json::from_str::<Bytes>("\"-__-AA\"").unwrap(), bytes);
    }

    #[test]
    fn other_spellings_of_the_same_bytes_are_refused() {
        for text in ["\"-__-AA==\"", "\"+//+AA\"", "\"-__-AB\"", "\"-__-A\"", "\" -__-AA\"", "7"] {
            assert!(serde_json::from_str::<Bytes>(text).is_err(), "{text}");
        }
    }
}
