//! Accounts as administrators see them, and what they do to one: reset, invite, let in for a while.

use crate::Secret;
use crate::enrollment::{FactorInfo, Remembered};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A page of accounts.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct List {
    /// Continue after this; absent for the first page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<i64>,
    /// Only those whose name has this text in it, in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<String>,
    /// Only those of these names, and all of them at once; at most [`NAMES_AT_ONCE`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub names: Option<Vec<String>>,
}

/// Accounts that may be asked for by name in one call.
pub const NAMES_AT_ONCE: usize = 100;

/// Accounts in the order of their records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// As many as fit a message.
    pub accounts: Vec<Summary>,
    /// Where the next page begins; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// One line of `mfactl users`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The name it was enrolled under.
    pub user: String,
    /// The uid it was enrolled under.
    pub uid: u32,
    /// Confirmed factors by kind.
    pub factors: BTreeMap<String, u32>,
    /// Unused backup codes.
    pub backup_codes: u32,
    /// Whether an enrollment was begun and not confirmed.
    pub pending: bool,
    /// Whether codes are refused for now, or off.
    pub throttled: bool,
}

/// An account by its login name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Named {
    /// Login name.
    pub user: String,
}

/// All about an account, secrets aside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// The canonical login name.
    pub user: String,
    /// The numeric user id.
    pub uid: u32,
    /// Whether some service of this machine asks it for a second factor.
    pub required: bool,
    /// The rule that says so, or the defaults.
    pub rule: String,
    /// Confirmed factors, backup codes aside.
    pub factors: Vec<FactorInfo>,
    /// Unused backup codes.
    pub backup_codes: u32,
    /// Whether an enrollment was begun and not confirmed.
    pub pending: bool,
    /// Where nothing is asked for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<Remembered>,
    /// The enrollment code that is outstanding; `left` is wrong tries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<Outstanding>,
    /// Whether the first factor takes an enrollment code, whatever the policy says, since a reset.
    #[serde(default)]
    pub invited_only: bool,
    /// The temporary code that is outstanding; `left` is logins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temp_code: Option<Outstanding>,
    /// Failures in a row of codes by app and mail.
    pub failures: u32,
    /// Whether those were by programs of the account's own (a screen locker, `mfa-enroll`), and not at logins.
    #[serde(default)]
    pub by_own_programs: bool,
    /// Where codes can be mailed; in full for root, as `a…@example.com` for the help desk.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Seconds until such codes are taken again there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_for: Option<u32>,
    /// Whether such codes are off until another factor or an unlock.
    pub codes_off: bool,
    /// Set when the record and NSS disagree about who this is, with what each says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<String>,
    /// The newest records about it, newest first, at most ten.
    pub recent: Vec<Event>,
}

/// A code that was given out, as far as it can be told again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outstanding {
    /// Its end, seconds since the epoch; it may have passed.
    pub until: i64,
    /// Tries or logins that are left; maybe none.
    pub left: u32,
    /// Why it was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One line of the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Seconds since the epoch.
    pub at: i64,
    /// What happened, as a short sentence.
    pub what: String,
}

/// What to remove.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Reset {
    /// Login name.
    pub user: String,
    /// Only this factor; absent for all of them, backup codes included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub factor: Option<i64>,
    /// Give an enrollment code at once, good for so many seconds: the next enrollment takes it, whatever the policy
    /// says. Not together with `factor`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<u32>,
}

/// What was removed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct WasReset {
    /// How many factors stopped working, backup codes aside.
    pub factors: u32,
    /// How many backup codes stopped working.
    pub backup_codes: u32,
    /// The enrollment code, if one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invite: Option<GivenCode>,
}

/// An enrollment code for somebody, or the end of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Invite {
    /// Login name.
    pub user: String,
    /// For how long it is good, 300 to 2,592,000; absent for three days.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// Take it back, and the demand for one that a reset left, in place of giving one.
    #[serde(default)]
    pub withdraw: bool,
}

/// A temporary code for somebody, or the end of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TempCode {
    /// Login name.
    pub user: String,
    /// For how long it is good, 300 to 604,800.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u32>,
    /// For how many logins, 1 to 20; absent for one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses: Option<u32>,
    /// Why: 1 to 200 characters, kept in the record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Take it back, in place of giving one.
    #[serde(default)]
    pub withdraw: bool,
}

/// A code that was given, the only time it is shown; or only that there is none any more.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GivenCode {
    /// The code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<Secret>,
    /// Its end, seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// Whether logins ask for it: for an enrollment code what policy and resets say, for a temporary code always.
    pub asked_for: bool,
    /// Whether one was taken back.
    pub withdrawn: bool,
}
