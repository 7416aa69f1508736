//! What is compared: modules, each alone in a stack of its own.

use serde::{Deserialize, Serialize};

/// A module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// Lets everybody in: what libpam itself costs.
    Permit,
    /// Ours.
    Mfa,
    /// `pam_google_authenticator`, told that a code may be used once.
    GoogleAuthenticator,
    /// `pam_oath` with one file for all users, as it is made to be used.
    Oath,
}

/// The file of `pam_oath`.
pub const OATH_FILE: &str = "/srv/users.oath";
/// What the floor writes to.
pub const FLOOR_FILE: &str = "/srv/floor";

impl System {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Permit, Self::Mfa, Self::GoogleAuthenticator, Self::Oath];
    /// Those that ask for a code.
    pub const ASKING: [Self; 3] = [Self::Mfa, Self::GoogleAuthenticator, Self::Oath];
    /// Those that others wrote.
    pub const PEERS: [Self; 2] = [Self::GoogleAuthenticator, Self::Oath];

    /// The module's name.
    #[must_use]
    pub fn module(self) -> &'static str {
        match self {
            Self::Permit => "pam_permit",
            Self::Mfa => "pam_mfa",
            Self::GoogleAuthenticator => "pam_google_authenticator",
            Self::Oath => "pam_oath",
        }
    }

    /// The PAM service with the module in it.
    #[must_use]
    pub fn service(self) -> String {
        format!("bench-{}", self.module().replace('_', "-"))
    }

    /// The file of that service.
    #[must_use]
    pub fn stack(self) -> String {
        let options = match self {
            Self::Oath => format!(" usersfile={OATH_FILE} digits=6"),
            _ => String::new(),
        };
        format!("auth required {}.so{options}\n", self.module())
    }
}
