//! How the daemon is: its policy, its key, its mail, who was refused.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How the daemon is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether logins are being decided; `problems` says why not.
    pub healthy: bool,
    /// A sentence each, with what to do.
    pub problems: Vec<String>,
    /// Program version.
    pub version: String,
    /// When the daemon started, seconds since the epoch.
    pub started: i64,
    /// When the policy in force was loaded, seconds since the epoch; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_loaded: Option<i64>,
    /// Rules in force, in order.
    pub rules: Vec<Rule>,
    /// What is odd about the policy, a sentence each.
    pub policy_warnings: Vec<String>,
    /// How the master key is protected: `credential` or `file`.
    pub master_key: String,
    /// How far a change of the master key is; absent when none is under way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resealing: Option<Resealing>,
    /// Accounts with at least one confirmed factor.
    pub enrolled: u64,
    /// Accounts with an enrollment begun and not confirmed.
    pub pending: u64,
    /// Accounts whose codes are refused for now, or off.
    pub throttled: u64,
    /// How mail goes.
    #[serde(default)]
    pub mail: Mail,
    /// When a code last let somebody in, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_pass: Option<i64>,
    /// Refusals of the last 24 hours, by reason.
    pub refused: BTreeMap<String, u64>,
    /// Login names refused as throttled in the last 24 hours, at most ten.
    pub throttled_users: Vec<String>,
}

/// How far a change of the master key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resealing {
    /// Rows that are still sealed with the old key.
    pub left: u64,
    /// Rows that are sealed at all.
    pub rows: u64,
}

/// How letters and notices to administrators go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mail {
    /// The server they go to; absent if no mail is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    /// Whether there is a webhook.
    pub webhook: bool,
    /// How many wait to be sent.
    pub waiting: u64,
    /// When the oldest of them was written, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Why the last try failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// Sent since there is this store.
    pub sent: u64,
    /// Given up, or refused for good.
    pub failed: u64,
    /// Not kept, because there were too many.
    pub dropped: u64,
    /// What is odd about the site's own texts, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<String>,
}

/// One rule, as `mfactl status` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it requires.
    pub require: String,
}
