//! The core's words for keys and those of the wire, one for one. What a key has said wrongly is nothing that was found.

use mfa_core::dialog::{KeyTrouble, Plugged, Search, Sign, Signed, Wanted};
use mfa_core::factor::security_key::CredentialId;
use mfa_proto::key::{Assert, Asserted, Credential, Failure, Find, Found};
use mfa_proto::{Bytes, Secret};

pub(super) fn find(search: Search) -> Find {
    Find { credentials: credentials(search.credentials), seconds: search.seconds }
}

pub(super) fn assert(sign: Sign) -> Assert {
    let Sign { credentials: wanted, client_data_hash, pin, verify_user, seconds } = sign;
    let pin = pin.map(Secret::from);
    let client_data_hash = Bytes::from(client_data_hash.as_slice());
    Assert { credentials: credentials(wanted), client_data_hash, pin, verify_user, seconds }
}

fn credentials(wanted: Vec<Wanted>) -> Vec<Credential> {
    let one = |Wanted { id, relying_party, public_key }: Wanted| Credential {
        id: Bytes::from(id.as_bytes()),
        relying_party: relying_party.as_str().to_owned(),
        public_key: Some(Bytes::from(public_key.to_cose())),
    };
    wanted.into_iter().map(one).collect()
}

pub(super) fn found(found: Found) -> Vec<Plugged> {
    let plugged = found.matches.into_iter().map(|one| Plugged {
        credentials: one.credentials.into_iter().filter_map(|id| CredentialId::new(id.into_vec())).collect(),
        pin_set: one.can.pin_set,
        pin_left: one.can.pin_left,
        always_verifies: one.can.always_verifies,
        built_in_verification: one.can.built_in_verification,
        u2f_only: one.can.u2f_only,
    });
    plugged.filter(|one| !one.credentials.is_empty()).collect()
}

pub(super) fn signed(asserted: Asserted) -> Signed {
    let Asserted { credential, authenticator_data, signature } = asserted;
    Signed {
        credential: credential.into_vec(),
        authenticator_data: authenticator_data.into_vec(),
        signature: signature.into_vec(),
    }
}

pub(super) fn trouble(failure: &Failure) -> KeyTrouble {
    match failure {
        Failure::NoKey | Failure::NotHere => KeyTrouble::NotHere,
        Failure::TimedOut => KeyTrouble::TimedOut,
        Failure::Denied => KeyTrouble::Denied,
        Failure::Unplugged => KeyTrouble::Unplugged,
        Failure::PinNeeded => KeyTrouble::PinNeeded,
        Failure::PinNotSet => KeyTrouble::PinNotSet,
        Failure::PinWrong { tries_left } => KeyTrouble::PinWrong(*tries_left),
        Failure::PinLastTries { tries_left } => KeyTrouble::PinLastTries(*tries_left),
        Failure::PinBlocked => KeyTrouble::PinBlocked,
        Failure::PinPause => KeyTrouble::PinPause,
        Failure::Busy => KeyTrouble::Busy,
        Failure::Unsupported => KeyTrouble::Unsupported,
        Failure::AlreadyThere | Failure::Several { .. } | Failure::Failed { .. } => KeyTrouble::Broken,
    }
}
