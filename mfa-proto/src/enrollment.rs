//! `io.mfa.Enrollment`: what users do with their own factors, and root with anybody's.
//!
//! Every request may name a `user`; anyone but root may only name themselves. A change to an account that already
//! has a factor needs [`AUTHORIZE`] first, on the same connection; its dialog is answered with `io.mfa.Login.Answer`.

mod keys;

pub use keys::{
    ADD_SECURITY_KEY, ADD_SSH_KEY, AddSecurityKey, AddSshKey, AddedKey, CONFIRM_SECURITY_KEY, CONFIRM_SSH_KEY,
    ConfirmSecurityKey, ConfirmSshKey, KeyToMake, KeyToProve, KnownKey, SECURITY_KEY_MADE, SecurityKeyMade, TextToSign,
};

use crate::Secret;
use serde::{Deserialize, Serialize};

/// What the account has: [`Subject`] → [`Enrolled`].
pub const STATUS: &str = "io.mfa.Enrollment.Status";
/// Begins a dialog that asks for a factor: [`Subject`] → [`crate::login::Turn`]. Once passed, this connection may
/// change factors for [`AUTHORIZED_SECONDS`]; a code is used up by it.
pub const AUTHORIZE: &str = "io.mfa.Enrollment.Authorize";
/// Makes, or shows again, the pending secret: [`AddTotp`] → [`PendingTotp`].
pub const ADD_TOTP: &str = "io.mfa.Enrollment.AddTotp";
/// Proves that the app has the secret: [`Confirm`] → [`Confirmed`].
pub const CONFIRM: &str = "io.mfa.Enrollment.Confirm";
/// Mails a code to an address that is to become a factor: [`AddEmail`] → [`MailedCode`]. What was mailed is known to this
/// connection alone.
pub const ADD_EMAIL: &str = "io.mfa.Enrollment.AddEmail";
/// Proves that the mail was read: [`ConfirmEmail`] → [`VerifiedEmail`].
pub const CONFIRM_EMAIL: &str = "io.mfa.Enrollment.ConfirmEmail";
/// Makes a new set of backup codes and voids the old: [`Subject`] → [`BackupCodes`].
pub const NEW_BACKUP_CODES: &str = "io.mfa.Enrollment.NewBackupCodes";
/// Removes a factor: [`FactorOf`] → `{}`.
pub const REMOVE: &str = "io.mfa.Enrollment.Remove";
/// Gives a factor another name: [`Rename`] → `{}`.
pub const RENAME: &str = "io.mfa.Enrollment.Rename";

/// Asks again where it was remembered that nothing need be asked: [`Forget`] → [`Forgotten`]. Needs no [`AUTHORIZE`].
pub const FORGET: &str = "io.mfa.Enrollment.Forget";
/// "It was not me": forgets all of it and tells the administrators: [`Subject`] → [`Reported`]. Needs no [`AUTHORIZE`].
pub const REPORT: &str = "io.mfa.Enrollment.Report";

/// How long a passed [`AUTHORIZE`] lets its connection change factors, in seconds.
pub const AUTHORIZED_SECONDS: u32 = 300;

/// The account meant; absent means the peer's own.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Subject {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// Who is to prove a factor of theirs, and how.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Authorize {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A code is at hand: no security key is looked for first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub code_at_hand: bool,
    /// A factor is only tried: what it proves lets nothing be changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trial: bool,
}

/// One enrolled factor, without its secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactorInfo {
    /// Names the factor in `remove` and `rename`.
    pub id: i64,
    /// The policy's word for its kind, such as `totp`.
    pub kind: String,
    /// What its owner calls it.
    pub name: String,
    /// Seconds since the epoch.
    pub created: i64,
    /// Seconds since the epoch; absent if never used since it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used: Option<i64>,
    /// Of a mail address: the address. In full for its owner and root, as `a…@example.com` for others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of an SSH key: its fingerprint, as `ssh-keygen -l` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Of a security key: its make and model, as the key itself has said, where the site wants to know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aaguid: Option<String>,
    /// Whether it is a security key of before FIDO2, which can ask for neither PIN nor fingerprint.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub u2f: bool,
}

/// What an account has, and what is asked of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolled {
    /// The canonical login name.
    pub user: String,
    /// The numeric user id.
    pub uid: u32,
    /// What the site calls itself.
    pub site: String,
    /// This machine's name.
    pub host: String,
    /// Whom to ask for help; may be empty.
    pub support: String,
    /// Whether some service of this machine asks this account for a second factor, enrolled or not.
    pub required: bool,
    /// Confirmed factors, backup codes aside.
    pub factors: Vec<FactorInfo>,
    /// Unused backup codes.
    pub backup_codes: u32,
    /// The policy's words for the kinds of factor that may be added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub addable: Vec<String>,
    /// Where nothing is asked for a while.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<Remembered>,
    /// Seconds for which a begun enrollment can still be resumed, if one is pending.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_for: Option<u32>,
    /// Whether a change needs [`AUTHORIZE`] first (never for root).
    pub authorize: bool,
    /// Where codes can be mailed at logins, if the policy takes such codes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mail: Option<String>,
    /// Seconds until guessable codes are taken again; absent when they are now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub throttled_for: Option<u32>,
    /// Whether codes by app and mail are off until another factor or an administrator turns them on.
    pub codes_off: bool,
}

/// A pass that is remembered: what it is bound to need not prove a factor again until then. One of `key` and `session`
/// is set, or neither: the session that the login opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Names it in [`FORGET`].
    pub id: i64,
    /// The fingerprint of an SSH key, as `ssh-keygen -l` shows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The one address from which that key is not asked; absent: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The login session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<u32>,
    /// Whether the user chose it, with a `+` after the code.
    pub chosen: bool,
    /// The service of the login that was asked.
    pub service: String,
    /// When that was, seconds since the epoch.
    pub at: i64,
    /// Until when it counts at the latest, seconds since the epoch.
    pub until: i64,
    /// The policy's word for the kind of factor that was proved.
    pub kind: String,
    /// The number of that login's record.
    pub record: i64,
}

/// What to forget.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Forget {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From [`Remembered`]; absent for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<i64>,
}

/// What is asked again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forgotten {
    /// How many.
    pub forgotten: u32,
}

/// What became of a report.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reported {
    /// How many remembered passes were forgotten.
    pub forgotten: u32,
    /// Whether it was recorded for the administrators now; otherwise it was a moment ago.
    pub recorded: bool,
    /// The newest logins, newest first: which of them was not the user?
    pub recent: Vec<crate::admin::Event>,
    /// Whom to ask for help; may be empty.
    pub support: String,
}

/// Asks for a new phone app secret.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddTotp {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What to call the factor, 1 to 64 characters; "phone" if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Throw a pending secret away instead of resuming it.
    #[serde(default)]
    pub fresh: bool,
}

/// A secret that counts once it is confirmed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct PendingTotp {
    /// Names it in [`CONFIRM`].
    pub id: i64,
    /// Base32 (RFC 4648), without padding.
    pub secret: Secret,
    /// The `otpauth://` link that apps scan.
    pub uri: Secret,
    /// The account as apps show it: `user@host`.
    pub label: String,
    /// The issuer as apps show it.
    pub issuer: String,
    /// Seconds until it can no longer be confirmed.
    pub expires_in: u32,
    /// Whether this is the secret of an enrollment that was begun before.
    pub resumed: bool,
    /// How many consecutive codes confirm it: 1 or 2.
    pub confirm_codes: u8,
    /// Seconds a code lives.
    pub period: u32,
}

/// Codes from the app, in the order they appeared.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Confirm {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From [`PendingTotp`].
    pub id: i64,
    /// As many as `confirm_codes` says.
    pub codes: Vec<Secret>,
}

/// What became of the codes. A wrong one is not an error of the call: it can be tried again.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Confirmed {
    /// What became of them.
    pub result: Confirmation,
    /// With `clock_off`: seconds by which the app's clock is ahead (negative: behind).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock_offset: Option<i64>,
    /// With `done`: a new set of backup codes, if the account had none left.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backup_codes: Vec<Secret>,
}

/// The ends of a confirmation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confirmation {
    /// The factor counts from now on.
    Done,
    /// The first code is right; the next one is needed too.
    OneMore,
    /// Not a code of this secret.
    Wrong,
    /// A code of this secret, but for another time: a clock is wrong.
    ClockOff,
    /// Both are right, but one does not follow the other.
    NotConsecutive,
}

/// Asks for a code by mail, to an address that is to become a factor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddEmail {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// One mail address.
    pub address: String,
    /// What to call the factor, 1 to 64 characters; "mail" if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// A code was handed over to be mailed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct MailedCode {
    /// To which address.
    pub address: String,
    /// Seconds until it can no longer be confirmed.
    pub expires_in: u32,
    /// Whether mail goes out at the moment, as far as is known.
    pub goes_out: bool,
}

/// The code that was in the mail.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmEmail {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As it was typed; spaces and dashes do not count.
    pub code: Secret,
}

/// What became of the code. A wrong one is not an error of the call: it can be tried again.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct VerifiedEmail {
    /// What became of it.
    pub result: Verification,
}

/// The ends of a verification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verification {
    /// The address counts as a factor from now on, in place of the one before.
    Done,
    /// Not the code.
    Wrong,
    /// The code, too late: begin again.
    Ended,
}

/// A new set of backup codes; the only time they are shown.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct BackupCodes {
    /// Each works once.
    pub backup_codes: Vec<Secret>,
}

/// One factor of an account.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct FactorOf {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From [`FactorInfo`].
    pub id: i64,
}

/// Another name for a factor.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Rename {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From [`FactorInfo`].
    pub id: i64,
    /// 1 to 64 characters, none of them control characters.
    pub name: String,
}
