//! What a security key is asked in a login, and what comes back. Plain data: whoever carries it out decides nothing.

use crate::factor::security_key::{CoseKey, CredentialId, RelyingParty};
use std::fmt;
use zeroize::Zeroizing;

/// A credential that a key may hold, and for whom it was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What the key knows it by.
    pub id: CredentialId,
    /// For whom it was made.
    pub relying_party: RelyingParty,
    /// By its signatures a key shows that it holds it.
    pub public_key: CoseKey,
}

/// Which of these credentials are on a key that is plugged in? No key is to blink.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// All of one account's.
    pub credentials: Vec<Wanted>,
    /// Seconds it may take.
    pub seconds: u32,
}

/// The key that holds one of these credentials is to sign, once it is touched.
#[derive(Clone, PartialEq, Eq)]
pub struct Sign {
    /// All of one account's, and on one key.
    pub credentials: Vec<Wanted>,
    /// SHA-256 of the client data.
    pub client_data_hash: [u8; 32],
    /// The key's PIN.
    pub pin: Option<Zeroizing<String>>,
    /// Whether the key must check who touches it.
    pub verify_user: bool,
    /// Seconds it may take.
    pub seconds: u32,
}

impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { credentials, verify_user, seconds, .. } = self;
        write!(f, "Sign({credentials:?}, verify_user: {verify_user}, {seconds} s)")
    }
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyEvent {
    /// The keys that hold some of the credentials; none if none does.
    Found(Vec<Plugged>),
    /// What a key has signed.
    Signed(Signed),
    /// Nothing, for this reason.
    Failed(KeyTrouble),
}

/// What a key has signed: over the client data that it was given the hash of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed {
    /// With which credential.
    pub credential: Vec<u8>,
    /// As WebAuthn lays it out.
    pub authenticator_data: Vec<u8>,
    /// Over that and the hash.
    pub signature: Vec<u8>,
}

/// A key that is plugged in and holds credentials of the account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plugged {
    /// Which of them.
    pub credentials: Vec<CredentialId>,
    /// It has a PIN.
    pub pin_set: bool,
    /// Tries of it that are left, where the key says so.
    pub pin_left: Option<u8>,
    /// It does nothing without checking who touches it.
    pub always_verifies: bool,
    /// It knows its user's fingerprint, or the like.
    pub built_in_verification: bool,
    /// It knows U2F alone: it cannot tell who touches it.
    pub u2f_only: bool,
}

impl Plugged {
    /// Whether it does not sign without its PIN.
    #[must_use]
    pub fn needs_pin(&self, verify_user: bool) -> bool {
        self.pin_set && !self.built_in_verification && (verify_user || self.always_verifies)
    }

    /// Whether it can check who touches it.
    #[must_use]
    pub fn can_verify(&self) -> bool {
        !self.u2f_only && (self.pin_set || self.built_in_verification)
    }
}

/// Why no key has answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyTrouble {
    /// None is plugged in that holds one of the credentials.
    NotHere,
    /// It was not touched in time, or does not answer.
    TimedOut,
    /// Its user, or the key, said no.
    Denied,
    /// It was unplugged meanwhile.
    Unplugged,
    /// It does nothing without its PIN.
    PinNeeded,
    /// It has neither PIN nor fingerprint yet, and is to check its user.
    PinNotSet,
    /// The PIN was wrong; tries that are left, where the key says so.
    PinWrong(Option<u8>),
    /// The PIN was not sent: so few tries are left that a slip could lock the key.
    PinLastTries(u8),
    /// It takes no PIN any more.
    PinBlocked,
    /// It takes no PIN until it was unplugged.
    PinPause,
    /// Somebody else uses it.
    Busy,
    /// Whoever it was asked for does not sit at this machine any more.
    Elsewhere,
    /// It cannot do what is wanted.
    Unsupported,
    /// Anything else; the log says more.
    Broken,
}
