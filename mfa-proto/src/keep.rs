//! `io.mfa.Keep`: what is kept, as a whole: the key it is sealed with, a copy of it, and a copy put back. Root's alone.

use serde::{Deserialize, Serialize};

/// The master keys, and how far a change of them is: `{}` → [`MasterKeys`].
pub const MASTER_KEYS: &str = "io.mfa.Keep.MasterKeys";

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
