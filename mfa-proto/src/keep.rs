//! `io.mfa.Keep`: what is kept, as a whole: the key it is sealed with, a copy of it, and a copy put back. Root's alone.

use crate::Secret;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// The master keys, and how far a change of them is: `{}` → [`MasterKeys`].
pub const MASTER_KEYS: &str = "io.mfa.Keep.MasterKeys";
/// Everybody with what they have, a page at a time: [`Export`] → [`Exported`].
pub const EXPORT: &str = "io.mfa.Keep.Export";
/// Records that a copy was made: [`ExportDone`] → `{}`.
pub const EXPORT_DONE: &str = "io.mfa.Keep.ExportDone";
/// Begins to put a copy back: [`RestoreBegin`] → `{}`.
pub const RESTORE_BEGIN: &str = "io.mfa.Keep.RestoreBegin";
/// Some accounts of the copy: [`RestoreAccounts`] → `{}`.
pub const RESTORE_ACCOUNTS: &str = "io.mfa.Keep.RestoreAccounts";
/// All accounts of the copy came; they are put in place of what was there: [`RestoreFinish`] → [`Restored`].
pub const RESTORE_FINISH: &str = "io.mfa.Keep.RestoreFinish";

/// The master keys.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct MasterKeys {
    /// The number of the one that seals.
    pub current: u32,
    /// Those that the daemon has, the current one first.
    pub held: Vec<u32>,
    /// Those that the database asks for.
    pub needed: Vec<u32>,
    /// Rows that are still sealed with another one.
    pub left: u64,
    /// Rows that are sealed at all; 0 when no change is under way.
    pub rows: u64,
    /// How they are protected: `credential` or `file`.
    pub protection: String,
}

/// A page of everybody.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Export {
    /// Continue after this; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
}

/// Accounts with what they have.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Exported {
    /// The accounts, in the order of their records.
    pub accounts: Vec<KeptAccount>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// An account as a copy keeps it. What is good once is not in a copy: it is void when that is put back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KeptAccount {
    /// The login name.
    pub user: String,
    /// The uid.
    pub uid: u32,
    /// What else its record says, by the names of its columns: numbers, texts, nothing.
    pub record: BTreeMap<String, Value>,
    /// How many backup codes it had, for telling people.
    #[serde(default)]
    pub backup_codes: u32,
    /// Its factors.
    pub factors: Vec<KeptFactor>,
}

/// A factor as a copy keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct KeptFactor {
    /// The policy's word for its kind.
    pub kind: String,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created: i64,
    /// When it last let somebody in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
    /// How its secret is used.
    pub params: String,
    /// The newest step that was used.
    pub last_step: i64,
    /// The secret, in Base32 (RFC 4648) without padding.
    pub secret: Secret,
}

impl PartialEq for KeptFactor {
    /// Its secret aside.
    fn eq(&self, other: &Self) -> bool {
        (&self.kind, &self.name, self.created, &self.params) == (&other.kind, &other.name, other.created, &other.params)
    }
}

/// A copy was made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportDone {
    /// With so many accounts.
    pub accounts: u64,
}

/// A copy is to be put back.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreBegin {
    /// Whether it may take the place of accounts that are there.
    pub replace: bool,
}

/// Accounts of a copy.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreAccounts {
    /// As many as fit a message.
    pub accounts: Vec<KeptAccount>,
}

/// The copy is complete.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RestoreFinish {
    /// So many accounts were sent.
    pub accounts: u64,
    /// When the copy was made.
    pub made: i64,
}

/// A copy was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// Accounts that are there now.
    pub accounts: u64,
    /// Factors they have.
    pub factors: u64,
    /// Accounts that were there before and are gone.
    pub replaced: u64,
}
