//! `io.mfa.Key`: what is asked of `mfa-key`, which talks to USB keys and to nothing else. One call a connection; the
//! [`Answer`] says what became of it, and comes in time whatever the key does.
//!
//! Whoever calls hangs up to stop an operation: the key stops blinking, and the process ends.

use crate::{Bytes, Secret};
use serde::{Deserialize, Serialize};

/// The socket of `mfa-key` (mode 0600, `_mfa`).
pub const SOCKET: &str = "/run/mfa/key.sock";
/// Which keys are plugged in: [`List`] → [`Answer`] of [`Keys`].
pub const LIST: &str = "io.mfa.Key.List";
/// Which of these credentials are on a key that is plugged in, asking for no touch: [`Find`] → [`Answer`] of [`Found`].
pub const FIND: &str = "io.mfa.Key.Find";
/// Makes a credential on a key: [`Make`] → [`Answer`] of [`Made`].
pub const MAKE: &str = "io.mfa.Key.Make";
/// Has the key that holds one of these credentials sign: [`Assert`] → [`Answer`] of [`Asserted`].
pub const ASSERT: &str = "io.mfa.Key.Assert";
/// The interface in Varlink's own notation.
pub const DESCRIPTION: &str = include_str!("../interfaces/io.mfa.Key.varlink");

/// Seconds that an operation may take at the most, whatever the caller asks for.
pub const LONGEST: u32 = 120;
/// Seconds after an operation's time within which its answer, or the end of the process, has come.
pub const GRACE: u32 = 3;
/// Credentials in one call, at the most.
pub const MOST_CREDENTIALS: usize = 64;
/// Bytes of a credential's identifier, at the most: what CTAP 2.1 lets a relying party expect.
pub const LONGEST_ID: usize = 1023;
/// With this many tries of its PIN left, or fewer, a key is sent none: one slip more could lock it for good.
pub const LAST_TRIES: u8 = 3;

/// ECDSA over P-256 with SHA-256, as COSE numbers it (RFC 9053).
pub const ES256: i64 = -7;
/// Ed25519, as COSE numbers it (RFC 9053).
pub const EDDSA: i64 = -8;

/// A credential on a key, and for whom it was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Credential {
    /// What the key knows it by.
    pub id: Bytes,
    /// The relying party it was made for.
    pub relying_party: String,
    /// Its public key, as COSE_Key in CTAP's one spelling (CTAP 2.1, section 8): a key that can sign without a touch has
    /// to before it is believed to hold the credential. Left out, its word is enough, but it is never sent a PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub public_key: Option<Bytes>,
}

/// Lists the keys that are plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct List {
    /// Whether make and model are wanted: only where the user was asked.
    #[serde(default)]
    pub models: bool,
    /// Seconds it may take.
    pub seconds: u32,
}

/// The keys that are plugged in and answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keys {
    /// One each, in no particular order.
    pub keys: Vec<Key>,
}

/// A key that is plugged in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// What it calls itself; only where `models` is set. Printable, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Who made it, in its own words; only where `models` is set. Printable, on one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manufacturer: Option<String>,
    /// The AAGUID; only where `models` is set, and never of a key that knows U2F alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Bytes>,
    /// What it can do.
    #[serde(flatten)]
    pub can: Can,
}

/// What a key can do to make sure of who holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Can {
    /// It has a PIN, which may be asked for.
    pub pin_set: bool,
    /// It does nothing without verifying its user, whatever the policy says.
    pub always_verifies: bool,
    /// Tries of the PIN that are left, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin_left: Option<u8>,
    /// It knows a fingerprint (or the like) of its user, and verifies by itself.
    pub built_in_verification: bool,
    /// It knows U2F alone: no PIN, no fingerprint.
    pub u2f_only: bool,
}

impl Can {
    /// Whether a PIN has to be given with the operation for it to succeed, where the policy demands that the user is
    /// verified (`verify_user`) or not.
    #[must_use]
    pub fn needs_pin(&self, verify_user: bool) -> bool {
        self.pin_set && !self.built_in_verification && (verify_user || self.always_verifies)
    }

    /// Whether the key can make sure of its user at all.
    #[must_use]
    pub fn can_verify(&self) -> bool {
        !self.u2f_only && (self.pin_set || self.built_in_verification)
    }
}

/// Looks, without a touch, which of these credentials are on a key that is plugged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Find {
    /// All of one account's.
    pub credentials: Vec<Credential>,
    /// Seconds it may take.
    pub seconds: u32,
}

/// What is plugged in. With no key, or none that holds one of the credentials, `matches` is empty: that is an answer,
/// and no failure.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Found {
    /// Keys that are plugged in, whether they answer or not.
    pub plugged_in: u32,
    /// The keys that hold one of the credentials or several.
    pub matches: Vec<Match>,
}

/// A key that holds some of the credentials.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Match {
    /// Identifiers of those it holds, never empty.
    pub credentials: Vec<Bytes>,
    /// What it can do.
    #[serde(flatten)]
    pub can: Can,
}

/// Makes a credential on the one key that is plugged in and holds none of those in `exclude`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Make {
    /// For whom: the identifier of the relying party.
    pub relying_party: String,
    /// What a key with a display shows of the relying party.
    pub site: String,
    /// The account, as a number nobody recognizes; 1 to 64 bytes.
    pub user_id: Bytes,
    /// What a key with a display shows of the account.
    pub user_name: String,
    /// SHA-256 of the client data.
    pub client_data_hash: Bytes,
    /// [`ES256`] and [`EDDSA`], the one that is wanted most first; the first that the key knows is taken.
    pub algorithms: Vec<i64>,
    /// The account's credentials: a key that holds one of them is not used.
    #[serde(default)]
    pub exclude: Vec<Credential>,
    /// The key's PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Secret>,
    /// Whether the key must make sure of its user.
    #[serde(default)]
    pub verify_user: bool,
    /// Whether make and model are wanted: only where the user was asked. Without, they are taken out.
    #[serde(default)]
    pub attestation: bool,
    /// Seconds it may take.
    pub seconds: u32,
}

/// A credential that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// What the key knows it by.
    pub credential: Bytes,
    /// As WebAuthn lays it out, not wrapped in CBOR; without `attestation` its AAGUID is zero.
    pub authenticator_data: Bytes,
    /// Of the attestation: `packed`, `fido-u2f`, or `none`.
    pub format: String,
    /// The attestation statement, a CBOR map; an empty one with `none`.
    pub statement: Bytes,
    /// Whether the key knows U2F alone.
    pub u2f_only: bool,
}

/// Has the key sign. Which key holds one of the credentials is found first, without a touch, and that one alone
/// blinks; the PIN goes to no other, and only to one that has shown it by a signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assert {
    /// One account's; with a PIN, those of the one [`Match`] whose PIN it is.
    pub credentials: Vec<Credential>,
    /// SHA-256 of the client data.
    pub client_data_hash: Bytes,
    /// The key's PIN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pin: Option<Secret>,
    /// Whether the key must make sure of its user.
    #[serde(default)]
    pub verify_user: bool,
    /// Seconds it may take.
    pub seconds: u32,
}

/// What the key signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asserted {
    /// Which of the credentials; one of those that were asked about.
    pub credential: Bytes,
    /// As WebAuthn lays it out, not wrapped in CBOR.
    pub authenticator_data: Bytes,
    /// Over that and the hash: DER for ES256, 64 bytes for EdDSA.
    pub signature: Bytes,
}

/// What became of an operation: `outcome` is `done`, with what the method gives beside it, or a [`Failure`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Answer<T> {
    /// It was done.
    Done(T),
    /// It was not done.
    #[serde(untagged)]
    Not(Failure),
}

impl<T> Answer<T> {
    /// What was done, or why not.
    ///
    /// # Errors
    /// The [`Failure`] it carries.
    pub fn into_result(self) -> Result<T, Failure> {
        match self {
            Self::Done(done) => Ok(done),
            Self::Not(failure) => Err(failure),
        }
    }
}

impl<T> From<Result<T, Failure>> for Answer<T> {
    fn from(result: Result<T, Failure>) -> Self {
        match result {
            Ok(done) => Self::Done(done),
            Err(failure) => Self::Not(failure),
        }
    }
}

/// Why an operation was not done. None of them says anything of the credential that a key did not say.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Failure {
    /// No key is plugged in.
    NoKey,
    /// Keys are plugged in, and none of them holds one of the credentials.
    NotHere,
    /// Making: every key that is plugged in holds an excluded credential.
    AlreadyThere,
    /// Making: several keys could be meant; the user leaves the right one in.
    Several {
        /// How many.
        keys: u32,
    },
    /// No touch, or no answer, within the time.
    TimedOut,
    /// The user, or the key, said no.
    Denied,
    /// The key was unplugged meanwhile.
    Unplugged,
    /// The key does not do it without its PIN, and none was given.
    PinNeeded,
    /// The user is to be verified, and the key has neither a PIN nor a fingerprint yet.
    PinNotSet,
    /// The PIN was wrong.
    PinWrong {
        /// Tries that are left, where the key says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tries_left: Option<u8>,
    },
    /// The PIN was not sent: no more than [`LAST_TRIES`] are left. The user unlocks the key with the maker's tool.
    PinLastTries {
        /// Tries that are left.
        tries_left: u8,
    },
    /// The key takes no PIN any more until it is reset.
    PinBlocked,
    /// The key takes no PIN until it was unplugged and plugged in again.
    PinPause,
    /// Other programs held the key for the whole time.
    Busy,
    /// The key cannot do what is asked, such as verifying its user when it knows U2F alone.
    Unsupported,
    /// Anything else.
    Failed {
        /// Why, printable, on one line.
        detail: String,
    },
}

#[cfg(test)]
#[path = "key_tests.rs"]
mod tests;
