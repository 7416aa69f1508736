//! Enrolling security keys and SSH keys: what the key is to make or to sign, and what it made of that.
//!
//! The state of a begun enrollment belongs to its connection: every challenge is good once, for that connection, for
//! `expires_in` seconds. Nothing is kept of a key before it has proved, with a second signature, that it works.

use crate::key::{Asserted, Credential, Made};
use crate::{Bytes, Secret};
use serde::{Deserialize, Serialize};

/// Begins to enroll a security key: [`AddSecurityKey`] → [`KeyToMake`].
pub const ADD_SECURITY_KEY: &str = "io.mfa.Enrollment.AddSecurityKey";
/// What the key made: [`SecurityKeyMade`] → [`KeyToProve`]. What cannot be used is refused, and is over.
pub const SECURITY_KEY_MADE: &str = "io.mfa.Enrollment.SecurityKeyMade";
/// The first signature with it: [`ConfirmSecurityKey`] → [`AddedKey`]. A wrong one is refused, and is over.
pub const CONFIRM_SECURITY_KEY: &str = "io.mfa.Enrollment.ConfirmSecurityKey";
/// Begins to enroll an SSH key that lives on a security key: [`AddSshKey`] → [`TextToSign`].
pub const ADD_SSH_KEY: &str = "io.mfa.Enrollment.AddSshKey";
/// The signature, as `ssh-keygen -Y sign` makes it: [`ConfirmSshKey`] → [`AddedKey`]. A wrong one is refused; another one
/// may follow.
pub const CONFIRM_SSH_KEY: &str = "io.mfa.Enrollment.ConfirmSshKey";

/// Asks for a new security key.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddSecurityKey {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What to call the factor, 1 to 64 characters; "security key", or with a number, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
}

/// What a key is to make; the rest of [`crate::key::Make`] is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyToMake {
    /// For whom: the identifier of the relying party.
    pub relying_party: String,
    /// What the site calls itself.
    pub site: String,
    /// The account, as a number nobody recognizes.
    pub user_id: Bytes,
    /// The account's name, and this machine's.
    pub user_name: String,
    /// SHA-256 of the client data, which has the challenge in it.
    pub client_data_hash: Bytes,
    /// The one that is wanted most first.
    pub algorithms: Vec<i64>,
    /// The account's security keys: none of them is enrolled twice.
    #[serde(default)]
    pub exclude: Vec<KnownKey>,
    /// Whether the key must make sure of its user: by a PIN, or a fingerprint.
    pub verify_user: bool,
    /// Whether this site takes certain makes and models alone. Its user is asked before they are read.
    pub attestation: bool,
    /// Seconds until it is over.
    pub expires_in: u32,
}

/// A key that is enrolled already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownKey {
    /// How it is found.
    pub credential: Credential,
    /// What its owner calls it.
    pub name: String,
}

/// What the key made.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SecurityKeyMade {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As `mfa-key` gave it.
    #[serde(flatten)]
    pub made: Made,
}

/// What the new key is to sign.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyToProve {
    /// The one just made.
    pub credential: Credential,
    /// SHA-256 of the client data, which has another challenge in it.
    pub client_data_hash: Bytes,
    /// Whether the key must make sure of its user.
    pub verify_user: bool,
    /// Seconds until it is over.
    pub expires_in: u32,
}

/// What the new key signed.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmSecurityKey {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// As `mfa-key` gave it.
    #[serde(flatten)]
    pub asserted: Asserted,
}

/// The key counts from now on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AddedKey {
    /// What it is called.
    pub name: String,
    /// A new set of backup codes, if the account had none left; the only time they are shown.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub backup_codes: Vec<Secret>,
}

/// Asks for an SSH key to become a factor.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct AddSshKey {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What to call the factor, 1 to 64 characters; the key's comment, or "ssh key", if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The line of its `.pub` file.
    pub public_key: String,
}

/// What the key is to sign, with `ssh-keygen -Y sign -n NAMESPACE`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextToSign {
    /// The namespace of the signature.
    pub namespace: String,
    /// One line without its end, in visible ASCII and spaces: for whom, where, and a challenge.
    pub text: String,
    /// The key's fingerprint, as `ssh-keygen -l` shows it.
    pub fingerprint: String,
    /// What it will be called.
    pub name: String,
    /// Whether the key must make sure of its user: it was made with `-O verify-required`.
    pub verify_user: bool,
    /// Seconds until it is over.
    pub expires_in: u32,
}

/// The signature.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ConfirmSshKey {
    /// Login name; root may name anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// All of it: `-----BEGIN SSH SIGNATURE-----` to `-----END SSH SIGNATURE-----`.
    pub signature: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_key_made_travels_beside_whose_it_is() {
        let text = r#"{"user":"alice","credential":"hE2mpg","authenticator_data":"AAEC","format":"none",
            "statement":"oA","u2f_only":false}"#;
        let said: SecurityKeyMade = serde_json::from_str(text).unwrap();
        assert_eq!((said.user.as_deref(), said.made.format.as_str()), (Some("alice"), "none"));
        let again = serde_json::to_string(&said).unwrap();
        let again: SecurityKeyMade = serde_json::from_str(&again).unwrap();
        assert_eq!(again.made, said.made);
    }

    #[test]
    fn a_signature_that_is_not_spelled_in_base64url_is_no_signature() {
        let text = r#"{"credential":"hE2mpg","authenticator_data":"AA==","signature":"AAEC"}"#;
        assert!(serde_json::from_str::<ConfirmSecurityKey>(text).is_err());
    }
}
