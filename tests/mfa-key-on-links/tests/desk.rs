//! What the daemon does around a key: it makes up challenges, keeps credentials, and believes nothing that its own
//! verifier does not.

use mfa_core::account::FactorId;
use mfa_core::factor::security_key::{
    Assertion, Attested, Challenge, Credential, Demand, Finding, Makers, Purpose, RelyingParty, register, verify,
};
use mfa_core::{Secret, Time};
use mfa_proto::key::{
    ASSERT, Assert, Asserted, Credential as Wanted, EDDSA, ES256, FIND, Failure, Find, Found, MAKE, Made, Make,
};
use virtual_key::{Finger, Model, VirtualKey};

use crate::site::{Pending, Site};

/// The time that an operation is given when it will need it, in seconds: the least there is.
pub(crate) const SHORT: u32 = 1;
/// As long as a login takes to look which keys are plugged in.
pub(crate) const LOOKING: u32 = 3;
/// Long enough not to matter.
pub(crate) const AMPLE: u32 = 20;

const FACTOR: FactorId = FactorId(1);

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

/// How an operation is wanted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How<'a> {
    pub(crate) pin: Option<&'a str>,
    pub(crate) verify_user: bool,
    pub(crate) attestation: bool,
    pub(crate) seconds: u32,
}

impl How<'_> {
    pub(crate) fn within(seconds: u32) -> Self {
        Self { pin: None, verify_user: false, attestation: false, seconds }
    }
}

/// A challenge of this desk's.
fn challenge(purpose: Purpose) -> Challenge {
    let relying_party = RelyingParty::of_site("web1.acme.example").unwrap();
    Challenge::new(purpose, &relying_party, &Secret::new(vec![0x5a; 32])).unwrap()
}

fn wire(credential: &Credential) -> Wanted {
    let public_key = Some(credential.key.to_cose().into());
    Wanted { id: credential.id.as_bytes().into(), relying_party: credential.relying_party.as_str().into(), public_key }
}

/// A credential on the one key there is that holds none of `others`.
pub(crate) fn make(site: &Site, kind: Kind, how: &How<'_>, others: &[Credential]) -> Result<Credential, Failure> {
    make_by(site, kind, how, others, &Makers::nobody())
}

/// The same, of a key for which one of the makers vouches; of whatever key where there is none.
pub(crate) fn make_by(
    site: &Site,
    kind: Kind,
    how: &How<'_>,
    others: &[Credential],
    makers: &Makers,
) -> Result<Credential, Failure> {
    let challenge = challenge(Purpose::Create);
    let wanted = Make {
        relying_party: challenge.relying_party().as_str().into(),
        site: "Acme".into(),
        user_id: vec![7; 32].into(),
        user_name: "alice".into(),
        client_data_hash: challenge.client_data_hash().to_vec().into(),
        algorithms: kind.algorithms(),
        exclude: others.iter().map(wire).collect(),
        pin: how.pin.map(mfa_proto::Secret::from),
        verify_user: how.verify_user,
        attestation: how.attestation,
        seconds: how.seconds,
    };
    let made = site.call(MAKE, &wanted).end::<Made>()?;
    let attested = Attested {
        client_data: challenge.client_data(),
        authenticator_data: made.authenticator_data.into_vec(),
        format: made.format,
        statement: made.statement.into_vec(),
        u2f: made.u2f_only,
    };
    let (verify_user, attestation) = (how.verify_user, how.attestation);
    let demand = Demand { verify_user, attestation, aaguids: &[], makers, now: now() };
    let credential = register(&challenge, &attested, &demand).expect("what was made is acceptable");
    assert_eq!(credential.id.as_bytes(), &*made.credential);
    assert_eq!((credential.u2f, credential.key.algorithm()), (kind == Kind::U2f, algorithm(kind)));
    Ok(credential)
}

fn algorithm(kind: Kind) -> i64 {
    if kind == Kind::EdDsa { EDDSA } else { ES256 }
}

fn now() -> Time {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    Time(now.as_secs().try_into().unwrap())
}

/// A credential on the one key there is, made with a touch.
pub(crate) fn enroll(site: &Site, key: &VirtualKey, kind: Kind) -> Credential {
    key.always(Some(Finger::Touch));
    let credential = make(site, kind, &How::within(AMPLE), &[]).unwrap();
    key.always(None);
    credential
}

/// Which of these are on keys that are plugged in.
pub(crate) fn find(site: &Site, credentials: &[&Credential], seconds: u32) -> Result<Found, Failure> {
    let credentials = credentials.iter().map(|credential| wire(credential)).collect();
    site.call(FIND, &Find { credentials, seconds }).end::<Found>()
}

/// A signature by one of these, which is right.
pub(crate) fn sign(site: &Site, credentials: &[&Credential], how: &How<'_>) -> Result<(), Failure> {
    match finding(begin(site, credentials, how).end(), credentials, how)? {
        Finding::Right(right) => {
            assert_eq!(right.factor(), Some(FACTOR));
            Ok(())
        }
        other => panic!("{other:?}"),
    }
}

/// The same by a caller that does not know the credential's public key.
pub(crate) fn sign_unproven(site: &Site, credential: &Credential, how: &How<'_>) -> Result<(), Failure> {
    let credentials = vec![Wanted { public_key: None, ..wire(credential) }];
    let pending = site.call(ASSERT, &to_sign(credentials, how));
    finding(pending.end(), &[credential], how).map(|found| assert!(matches!(found, Finding::Right(_)), "{found:?}"))
}

/// A signature that is being made.
pub(crate) fn begin(site: &Site, credentials: &[&Credential], how: &How<'_>) -> Pending {
    let credentials = credentials.iter().map(|credential| wire(credential)).collect();
    site.call(ASSERT, &to_sign(credentials, how))
}

fn to_sign(credentials: Vec<Wanted>, how: &How<'_>) -> Assert {
    Assert {
        credentials,
        client_data_hash: challenge(Purpose::Get).client_data_hash().to_vec().into(),
        pin: how.pin.map(mfa_proto::Secret::from),
        verify_user: how.verify_user,
        seconds: how.seconds,
    }
}

/// What the daemon makes of it.
pub(crate) fn finding(
    answer: Result<Asserted, Failure>,
    credentials: &[&Credential],
    how: &How<'_>,
) -> Result<Finding, Failure> {
    let challenge = challenge(Purpose::Get);
    let asserted = answer?;
    let assertion = Assertion {
        credential: asserted.credential.into_vec(),
        client_data: challenge.client_data(),
        authenticator_data: asserted.authenticator_data.into_vec(),
        signature: asserted.signature.into_vec(),
    };
    let allowed = credentials.iter().map(|credential| (FACTOR, *credential));
    Ok(verify(allowed, &challenge, &assertion, how.verify_user))
}
