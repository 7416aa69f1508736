//! `io.mfa.License`: the license, its seats, and the look at the system's accounts that frees some of them. Root's alone.

use serde::{Deserialize, Serialize};

/// How the license and the seats are: `{}` → [`Status`].
pub const STATUS: &str = "io.mfa.License.Status";
/// What a license is, before it is installed: [`Files`] → [`License`].
pub const CHECK: &str = "io.mfa.License.Check";
/// Reads what is installed anew: `{}` → [`Status`].
pub const RELOAD: &str = "io.mfa.License.Reload";
/// Accounts as root sees them, a part at a time; kept with the connection until [`RECONCILE`]: [`Sightings`] → [`Seen`].
pub const SIGHTED: &str = "io.mfa.License.Sighted";
/// All accounts were told; now it is decided whose enrollment is suspended and whose is back: `{}` → [`Reconciled`].
pub const RECONCILE: &str = "io.mfa.License.Reconcile";
/// Who was let in with the first factor alone since then, because the seats were full: [`Since`] → [`Bypassed`].
pub const BYPASSED: &str = "io.mfa.License.Bypassed";

/// Sightings in one call, at the most.
pub const MOST_SIGHTINGS: usize = 200;

/// How the license and the seats are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// `none`, `valid`, `ends soon`, `in grace`, `ended`, `full`, `over` or `not valid`.
    pub state: String,
    /// The same in one or two sentences.
    pub sentence: String,
    /// What is installed, if it is a license.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<License>,
    /// The seats.
    pub seats: Seats,
    /// What happens to newcomers when they are full: `single-factor` or `deny`.
    pub on_full: String,
    /// Enrolled accounts that take no seat for now.
    pub suspended: u64,
    /// Accounts that were let in with one factor today because the seats were full.
    pub bypassed_today: u64,
    /// Accounts by what the policy requires of them, as they were counted last; absent before the first time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<Counts>,
    /// Names the installation: random, made once.
    pub site: String,
    /// What the site calls itself.
    pub site_name: String,
    /// The text of a request for as many seats as there are now; programs put in the number they want.
    pub request: String,
}

/// A license.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Names it, for its issuer.
    pub id: String,
    /// Whose it is.
    pub customer: String,
    /// How many seats.
    pub seats: u64,
    /// The first day, `2027-03-01`.
    pub issued: String,
    /// The last day.
    pub ends: String,
    /// Days after the last one during which it goes on.
    pub grace_days: u32,
}

/// How many seats there are and are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seats {
    /// There are so many.
    pub total: u64,
    /// So many are taken; may be more than there are.
    pub used: u64,
    /// So many can be taken.
    pub free: u64,
}

/// Accounts by what the policy requires of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// When they were counted, seconds since the epoch.
    pub at: i64,
    /// The policy requires a factor of so many.
    pub required: u64,
    /// So many of these have one.
    pub enrolled: u64,
    /// The same by group of the policy, in the order of their names.
    pub groups: Vec<Group>,
}

/// A group of the policy.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The policy requires a factor of so many members.
    pub required: u64,
    /// So many of these have one.
    pub enrolled: u64,
}

/// A license that is not installed yet.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Files {
    /// The license, byte for byte.
    pub license: String,
    /// Its signature, as ssh-keygen wrote it.
    pub signature: String,
}

/// Accounts as root sees them.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sightings {
    /// At most [`MOST_SIGHTINGS`].
    pub accounts: Vec<Sighting>,
}

/// An account as root sees it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// The login name.
    pub user: String,
    /// Its uid and primary group; absent if the account was not found: the daemon looks for it itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ids: Option<(u32, u32)>,
    /// Whether it is in this machine's own `/etc/passwd`.
    #[serde(default)]
    pub local: bool,
    /// When the account expires, seconds since the epoch; not its password.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<i64>,
    /// Whether its shell lets nobody in.
    #[serde(default)]
    pub nologin: bool,
    /// Whether its password is locked.
    #[serde(default)]
    pub locked: bool,
}

/// What was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// So many of them have a record.
    pub records: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reconciled {
    /// Whose enrollment takes no seat any more, and why; a hundred at most.
    pub suspended: Vec<Changed>,
    /// Whose enrollment counts again; a hundred at most.
    pub restored: Vec<Changed>,
    /// How many of both, also those that are not named.
    pub changes: u64,
    /// Whether a look-up failed, so that nobody was suspended.
    pub uncertain: bool,
}

/// An enrollment that was suspended or is back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// The login name.
    pub user: String,
    /// Why: `deleted`, `vanished`, `expired`, `nologin`, `idle`, or `found`.
    pub why: String,
}

/// Since when.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Since {
    /// Seconds since the epoch; absent for today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
}

/// Who was let in with one factor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bypassed {
    /// Login names, the latest first, a thousand at most.
    pub users: Vec<String>,
}
