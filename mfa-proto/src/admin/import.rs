//! What other programs knew of a factor, on its way to become one here.

use crate::{Bytes, Secret};
use serde::{Deserialize, Serialize};

/// An app that another program knew.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Import {
    /// Login name.
    pub user: String,
    /// What the factor will be called.
    pub name: String,
    /// The secret, in Base32 (RFC 4648) without padding.
    pub secret: Secret,
    /// `SHA1`, `SHA256` or `SHA512`.
    pub algorithm: String,
    /// 6 or 8.
    pub digits: u8,
    /// Seconds a code lives, 30 or 60.
    pub period: u8,
    /// Whether it may join factors that are there already.
    pub beside: bool,
    /// Whether it is to be done; otherwise the answer says what it would come to.
    pub apply: bool,
}

/// A security key as another program kept it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ImportKey {
    /// Login name.
    pub user: String,
    /// What the factor will be called.
    pub name: String,
    /// What the key knows its credential by.
    pub id: Bytes,
    /// `es256` or `eddsa`.
    pub algorithm: String,
    /// Of ES256 the point's x and y, 32 bytes each; of EdDSA 32 bytes.
    pub public_key: Bytes,
    /// For whom it was made, such as `pam://host`.
    pub relying_party: String,
    /// Whether it was made as a U2F key.
    pub u2f: bool,
    /// Whether it may join factors that are there already.
    pub beside: bool,
    /// Whether it is to be done; otherwise the answer says what it would come to.
    pub apply: bool,
}

/// What became of an app or a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Imported {
    /// What it came to.
    pub outcome: ImportOutcome,
}

/// What taking an app or a key over came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImportOutcome {
    /// It is a factor of the account now, or would be.
    Taken,
    /// The account has it already; nothing was changed.
    Present,
}
