//! `io.mfa.Policy`: whether the site's policy is right, what it says about a login, what another one would change.
//! Root's alone.

use crate::enrollment::Remembered;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Puts a file in place of the folder's, for this connection: [`Draft`] → `{}`.
pub const DRAFT: &str = "io.mfa.Policy.Draft";
/// Whether the folder and the drafts would be taken: `{}` → [`Findings`].
pub const CHECK: &str = "io.mfa.Policy.Check";
/// Takes the folder as it is now, or nothing of it: `{}` → [`Findings`].
pub const RELOAD: &str = "io.mfa.Policy.Reload";
/// What is decided about a login, and why: [`Question`] → [`Explanation`].
pub const EXPLAIN: &str = "io.mfa.Policy.Explain";
/// What the drafts would change for accounts: [`Accounts`] → [`Changes`].
pub const PREVIEW: &str = "io.mfa.Policy.Preview";
/// Recorded logins, decided by the drafts: [`Replay`] → [`Replayed`].
pub const REPLAY: &str = "io.mfa.Policy.Replay";

/// Accounts of one [`PREVIEW`], at the most: what is told of them fits a message.
pub const MOST_ACCOUNTS: usize = 64;
/// Bytes of all drafts of a connection, at the most.
pub const LARGEST_DRAFT: usize = 2 * 1024 * 1024;

/// A file of policy, or the next piece of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Draft {
    /// `policy.toml` or `policy.d/NAME.toml`.
    pub file: String,
    /// Absent: as if there were no such file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Whether the text follows what was sent before.
    #[serde(default)]
    pub append: bool,
}

/// What is wrong, and what is odd.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Findings {
    /// The files that were read.
    pub files: Vec<String>,
    /// Rules, if nothing is wrong.
    pub rules: u64,
    /// With one of these nothing of it is taken.
    pub errors: Vec<Diagnostic>,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
    /// Errors and warnings that did not fit.
    pub left_out: u64,
}

/// One thing that is wrong or odd, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    /// The file, as the folder calls it.
    pub file: String,
    /// The line, from 1; absent where it is about the whole file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The column in characters, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub column: Option<u64>,
    /// What it is.
    pub message: String,
    /// What to do about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The line, or the part of it that matters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Characters of it before those that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Characters that are meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u64>,
}

/// A login that might be.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Question {
    /// The account that is logged in to.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// `PAM_RHOST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhost: Option<String>,
    /// `local` or `remote`, if it is to be one of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What sshd has verified: the text of `SSH_AUTH_INFO_0`, or methods; empty for nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ssh_auth: Option<String>,
    /// Login name of whoever is logged in and asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// Seconds since the epoch; absent: now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<i64>,
}

/// What is decided about a login, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The canonical login name.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// The address that counts, `none` if there is none; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// `local` or `remote`; absent if it is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<String>,
    /// What sshd has verified, `unknown` if that is so; empty for nothing.
    pub ssh_auth: String,
    /// Whoever asks; absent if that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// The moment, seconds since the epoch.
    pub at: i64,
    /// Every rule that was looked at, in order, and `defaults` if it came to that.
    pub considered: Vec<Considered>,
    /// Rules that did not decide and did not fit.
    pub left_out: u64,
    /// The rule that decides, or `defaults`.
    pub rule: String,
    /// What is to be done.
    pub outcome: Outcome,
    /// Whether it is only recorded that it would be.
    pub observed: bool,
    /// Whose factors it is about.
    pub asked: String,
    /// The kinds that this one has enrolled.
    pub enrolled: Vec<String>,
    /// Whether nothing that matters was unknown.
    pub certain: bool,
    /// Earlier logins that cover this one, so that it is not asked: by the key and address of the question, or in these
    /// sessions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered: Vec<Remembered>,
    /// For SSH: what is decided where nobody can be asked, since a key is enough for sshd.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent: Option<Outcome>,
    /// For SSH and a rule that exempts: the lines by which sshd lets such a login in without asking.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub match_block: Option<Vec<String>>,
}

/// A rule that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Considered {
    /// Its number among all rules, from 1; absent for `defaults`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Its name, or `defaults`.
    pub name: String,
    /// `file:line` where it begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// `yes`, `no` or `unknown`.
    pub matched: String,
    /// The key of the condition that says so, unless all of them hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<String>,
    /// Why, in a few words.
    pub because: String,
    /// Whether it decides.
    pub decides: bool,
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// `skip`, `deny`, `enroll` or `factors`.
    pub what: String,
    /// `skip`: `service-not-covered`, `exempt`, `not-enrolled`; `deny`: `no-usable-factor`, `caller-unknown`;
    /// `enroll`: `at-login`, `grace`, `invite`, `deny`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The kinds of factor that will do.
    pub kinds: Vec<String>,
    /// `grace`: seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds_left: Option<i64>,
    /// `factors`: of a key, a touch is not enough; it must have checked a PIN or a fingerprint.
    #[serde(default)]
    pub verify_user: bool,
    /// `factors`: seconds in which the same is not asked again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask_again: Option<u32>,
    /// `factors`: seconds for which users may ask to be remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember: Option<u32>,
}

/// A page of accounts, [`MOST_ACCOUNTS`] at the most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Accounts {
    /// As the system lists them.
    pub accounts: Vec<Account>,
}

/// An account as the system lists it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Login name.
    pub user: String,
    /// The numeric user id.
    pub uid: u32,
    /// The primary group.
    pub gid: u32,
}

/// What changes for a page of accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changes {
    /// Of how many accounts, from the first; the others did not fit. Never none of some.
    pub done: u64,
    /// Those of them for which there is something to tell.
    pub changes: Vec<Change>,
    /// Groups of which it is not known whether one of these accounts is in them.
    pub unknown_groups: Vec<String>,
    /// Accounts whose record is somebody else's, and which are refused whatever the policy says.
    pub conflicts: Vec<String>,
    /// Whether there is a policy in force to compare with.
    pub in_force: bool,
}

/// What changes for an account. Services are named as the policy does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Login name.
    pub user: String,
    /// Where it is asked and was not, or only sometimes.
    pub newly_asked: Vec<String>,
    /// Where it is not asked any more, or only sometimes.
    pub less_asked: Vec<String>,
    /// Where its keys must check a PIN or a fingerprint, and need not, or only sometimes.
    #[serde(default)]
    pub newly_verified: Vec<String>,
    /// Where it cannot get in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked_out: Option<LockedOut>,
    /// Where it cannot get in for some of the ways in which it may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sometimes_locked_out: Option<LockedOut>,
    /// It must have a factor and has none: `later`, `at-login`, `elsewhere`, `invited`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrolls: Option<String>,
    /// The kinds of its factors.
    pub enrolled: Vec<String>,
    /// The conditions on which "sometimes" hangs.
    pub depends_on: Vec<String>,
}

/// Where somebody cannot get in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedOut {
    /// Where.
    pub services: Vec<String>,
    /// The rule that says so, or `defaults`.
    pub rule: String,
    /// The kinds of factor that would do.
    pub needs: Vec<String>,
    /// Whether it is so today, too.
    pub as_before: bool,
}

/// A part of the record of logins.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Replay {
    /// Go on after this; absent for the newest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Place>,
}

/// A place in the record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// Whose record.
    pub node: i64,
    /// The number in it.
    pub seq: i64,
}

/// What became of a part of the record of logins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replayed {
    /// Logins in this part.
    pub logins: u64,
    /// Of these, those unlike any before on this connection: by account, service, address and way.
    pub different: u64,
    /// Of the different ones, those that are asked where they were not.
    pub asked: u64,
    /// Of the different ones, those that are not asked where they were.
    pub spared: u64,
    /// Different ones for which a condition was not known, by its key.
    pub uncertain: BTreeMap<String, u64>,
    /// Different ones of accounts that there are no more, or that cannot be looked up.
    pub gone: u64,
    /// Different ones that got in and would not.
    pub failing: Vec<Login>,
    /// Where the next part begins; absent after the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
}

/// A recorded login that would not get in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Login name.
    pub user: String,
    /// The PAM service.
    pub service: String,
    /// Where it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rhost: Option<String>,
    /// When it last was, seconds since the epoch.
    pub at: i64,
    /// Whether nobody could be asked anything.
    pub silent: bool,
    /// The rule that refuses it, or `defaults`.
    pub rule: String,
    /// What is to be done with it.
    pub outcome: Outcome,
    /// Whether it would not get in today either.
    pub as_before: bool,
    /// Whether nothing that matters was unknown.
    pub certain: bool,
}
