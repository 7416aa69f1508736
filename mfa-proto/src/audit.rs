//! `io.mfa.Audit`: the record of what happened, as it was written, and whether its chain holds. Root's alone.

pub use crate::policy::Place;
use serde::{Deserialize, Serialize};

/// A part of the record: [`Query`] → [`Records`].
pub const RECORDS: &str = "io.mfa.Audit.Records";
/// Checks the next part of the chains: [`Verify`] → [`Verified`].
pub const VERIFY: &str = "io.mfa.Audit.Verify";
/// What the chain has at these places: [`Places`] → [`Hashes`].
pub const HASHES: &str = "io.mfa.Audit.Hashes";

/// The journal's `MESSAGE_ID` of the heads of the chain that the daemon writes there.
pub const HEAD_MESSAGE: &str = "241f922b546e40a081ed19da38d75f7f";
/// The journal's field with a head: node, number and hash in hexadecimal digits, with colons between.
pub const HEAD_FIELD: &str = "MFA_AUDIT_HEAD";

/// Places that can be asked about at once.
pub const MOST_PLACES: usize = 500;

/// What is looked for, and where.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Query {
    /// Only records about this login name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Only records of this word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub what: Option<String>,
    /// Only records of this second or later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// Go on after this place, as the answer before said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Place>,
    /// From the newest backwards.
    #[serde(default)]
    pub newest_first: bool,
}

/// A part of what was looked for; it may be empty and not the last.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Records {
    /// In the order asked for.
    pub records: Vec<Record>,
    /// Where to go on, now or when more has happened; absent if there is no record at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Place>,
    /// Whether there is no more at the moment.
    pub done: bool,
}

/// One record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Whose chain it is in.
    pub node: i64,
    /// Its number there.
    pub seq: i64,
    /// Its hash as it is kept, in hexadecimal digits.
    pub hash: String,
    /// The record as it is kept: an object of JSON, in printable ASCII.
    pub record: String,
}

/// How far it was checked; nothing for the beginning.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Verify {
    /// As the answer before said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Walked>,
}

/// A place in the check.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Walked {
    /// The record checked last.
    pub place: Place,
    /// Its hash, in hexadecimal digits.
    pub hash: String,
    /// The latest time of any record so far, seconds since the epoch.
    pub newest: i64,
}

/// What became of a part of the check.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verified {
    /// Records checked in this part.
    pub checked: u64,
    /// Records in all chains.
    pub total: u64,
    /// What is wrong; a hundred at most.
    pub findings: Vec<Finding>,
    /// Where to go on; absent when all was checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Walked>,
    /// The chains there are, oldest first; in the last part only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chains: Vec<Chain>,
    /// The uid that the daemon runs as: who else writes heads to the journal is not believed.
    pub uid: u32,
}

/// Something that is wrong with a chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Where it shows.
    pub place: Place,
    /// `changed`, `missing`, `columns`, `cut_off`, `anchor`.
    pub what: String,
    /// For `missing`: the first number that is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first: Option<i64>,
}

/// A chain: the newest is continued.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    /// Whose it is.
    pub node: i64,
    /// The number up to which records were removed because of their age; 0 if none were.
    pub removed: i64,
    /// The newest number.
    pub last: i64,
}

/// Places that are asked about; [`MOST_PLACES`] at most.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Places {
    /// The places.
    pub places: Vec<Place>,
}

/// The hash of the record at each place, in hexadecimal digits; empty if there is none.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashes {
    /// In the order asked for.
    pub hashes: Vec<String>,
}
