//! `io.mfa.Admin`: what administrators see and do. Root's alone, but for what the help desk may.

mod accounts;
mod import;
mod status;

pub use accounts::{
    Account, Event, GivenCode, Invite, List, NAMES_AT_ONCE, Named, Outstanding, Page, Reset, Summary, TempCode,
    WasReset,
};
pub use import::{Import, ImportKey, ImportOutcome, Imported};
pub use status::{Mail, Resealing, Rule, Status};

use serde::{Deserialize, Serialize};

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
/// Records that break-glass codes were used, each once however often it is told: [`BreakGlassUses`] → [`BreakGlass`].
pub const BREAK_GLASS: &str = "io.mfa.Admin.BreakGlass";
/// Sends a try to an address, and says what the server said: [`TestMail`] → [`crate::mail::Answer`].
pub const TEST_MAIL: &str = "io.mfa.Admin.TestMail";

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

/// To whom a try goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct TestMail {
    /// One address.
    pub address: String,
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
