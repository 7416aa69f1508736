//! `io.mfa.Admin`: what administrators see and do. Root's alone, for now.

use crate::enrollment::{FactorInfo, Remembered};
use crate::{Bytes, Secret};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// How things stand: `{}` → [`Status`].
pub const STATUS: &str = "io.mfa.Admin.Status";
/// Says who is behind the calls that follow on this connection, for the record: [`Introduce`] → `{}`.
pub const INTRODUCE: &str = "io.mfa.Admin.Introduce";
/// Accounts with a record, a page at a time: [`List`] → [`Page`].
pub const ACCOUNTS: &str = "io.mfa.Admin.Accounts";
/// One account in full: [`Named`] → [`Account`].
pub const ACCOUNT: &str = "io.mfa.Admin.Account";
/// Removes every factor, or one: [`Reset`] → [`WasReset`].
pub const RESET: &str = "io.mfa.Admin.Reset";
/// Forgets failures, turns codes on again: [`Named`] → `{}`.
pub const UNLOCK: &str = "io.mfa.Admin.Unlock";
/// Gives an enrollment code to somebody who has no factor, or takes it back: [`Invite`] → [`GivenCode`].
pub const INVITE: &str = "io.mfa.Admin.Invite";
/// Gives a code that stands in for a factor for a while, or takes it back: [`TempCode`] → [`GivenCode`].
pub const TEMP_CODE: &str = "io.mfa.Admin.TempCode";
/// Accepts that a record now belongs to what NSS says (a renamed or renumbered account): [`Named`] → `{}`.
pub const REBIND: &str = "io.mfa.Admin.Rebind";
/// Takes an app over from another program: [`Import`] → [`Imported`].
pub const IMPORT: &str = "io.mfa.Admin.Import";
/// Takes a security key over from another program: [`ImportKey`] → [`Imported`].
pub const IMPORT_KEY: &str = "io.mfa.Admin.ImportKey";

/// Who is behind root's calls: what the kernel keeps of the login that became root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Introduce {
    /// The program that asks, such as `mfactl`.
    pub program: String,
    /// `/proc/self/loginuid`, unless unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login_uid: Option<u32>,
    /// `/proc/self/sessionid`, unless unset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
}
/// Records that break-glass codes were used, each once however often it is told: [`BreakGlassUses`] → [`BreakGlass`].
pub const BREAK_GLASS: &str = "io.mfa.Admin.BreakGlass";

/// Sends a try to an address, and says what the server said: [`TestMail`] → [`crate::mail::Answer`].
pub const TEST_MAIL: &str = "io.mfa.Admin.TestMail";

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

/// To whom a try goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestMail {
    /// One address.
    pub address: String,
}

/// One rule, as `mfactl status` lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it requires.
    pub require: String,
}

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

/// Break-glass codes that let somebody in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BreakGlassUses {
    /// At most [`crate::break_glass::MOST`].
    pub used: Vec<BreakGlassUse>,
}

/// One use of one code. Its number and when it was made tell it from all others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlassUse {
    /// On its page.
    pub number: u32,
    /// When the code was made, seconds since the epoch.
    pub made: i64,
    /// When it was used, seconds since the epoch.
    pub at: i64,
    /// Into which account.
    pub user: String,
    /// By which PAM service.
    pub service: String,
    /// From where, as the application said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhost: Option<String>,
}

/// What was new.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakGlass {
    /// Uses of which there was no record yet.
    pub recorded: u32,
}
