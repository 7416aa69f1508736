//! What the daemon does around a key: it makes up challenges, keeps credentials, and believes nothing unverified.

use mfa_proto::Secret;
use mfa_proto::key::{
    ASSERT, Assert, Asserted, Credential, EDDSA, ES256, FIND, Failure, Find, Found, MAKE, Made, Make,
};
use virtual_key::{Finger, Model, VirtualKey};

use crate::site::{Reply, Site};

pub(crate) const RELYING_PARTY: &str = "web1.acme.example";
/// The time that each operation is given, in seconds: the least there is.
pub(crate) const SECONDS: u32 = 1;
/// Long enough not to matter.
pub(crate) const AMPLE: u32 = 20;

/// What kind of credential is wanted, and of what kind of key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Es256,
    EdDsa,
    U2f,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Es256, Self::EdDsa, Self::U2f];

    pub(crate) fn model(self) -> Model {
        Model { u2f_only: self == Self::U2f, ..Model::default() }
    }

    fn algorithms(self) -> Vec<i64> {
        match self {
            Self::Es256 => vec![ES256],
            Self::EdDsa | Self::U2f => vec![EDDSA, ES256],
        }
    }
}

/// A question to make a credential, as the daemon words it.
pub(crate) fn make(kind: Kind, seconds: u32) -> Make {
    Make {
        relying_party: RELYING_PARTY.into(),
        site: "Acme".into(),
        user_id: vec![7; 32].into(),
        user_name: "alice".into(),
        client_data_hash: vec![1; 32].into(),
        algorithms: kind.algorithms(),
        exclude: Vec::new(),
        pin: None,
        verify_user: false,
        attestation: false,
        seconds,
    }
}

/// A question to sign with one of those.
pub(crate) fn assert(credentials: &[Credential], seconds: u32) -> Assert {
    Assert {
        credentials: credentials.to_vec(),
        client_data_hash: vec![2; 32].into(),
        pin: None,
        verify_user: false,
        seconds,
    }
}

/// A credential on that key, made with a touch.
pub(crate) fn enroll(site: &Site, key: &VirtualKey, kind: Kind) -> Credential {
    key.always(Some(Finger::Touch));
    let made: Reply<Made> = site.ask(MAKE, &make(kind, AMPLE));
    key.always(None);
    let made = made.result.unwrap();
    Credential { id: made.credential, relying_party: RELYING_PARTY.into() }
}

pub(crate) fn find(site: &Site, credentials: &[Credential], seconds: u32) -> Reply<Found> {
    site.ask(FIND, &Find { credentials: credentials.to_vec(), seconds })
}

pub(crate) fn sign(site: &Site, wanted: &Assert) -> Reply<Asserted> {
    site.ask(ASSERT, wanted)
}

pub(crate) fn secret(pin: &str) -> Option<Secret> {
    Some(Secret::from(pin))
}

pub(crate) type Outcome = Result<(), Failure>;
