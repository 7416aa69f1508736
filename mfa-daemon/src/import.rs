//! `io.mfa.Admin.Import`, `ImportKey`: an app or a security key that another program knew becomes a factor.
//!
//! `mfactl` finds and reads the other program's files; here a secret comes in, is looked at by the core, and is sealed
//! with the commit. It is never answered back.

use crate::conversation::Conversation;
use crate::desk::{self, Desk};
use crate::listen::{Answer, Failure, Subject, refuse};
use data_encoding::BASE32_NOPAD;
use mfa_core::Secret;
use mfa_core::enrollment as core;
use mfa_core::factor::Kind;
use mfa_core::factor::security_key::{CoseKey, Credential, CredentialId};
use mfa_core::factor::totp::Parameters;
use mfa_core::import::{App, Refusal, import as decide, import_key as decide_key};
use mfa_proto::admin as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;

/// `io.mfa.Admin.Import`
pub(crate) async fn import(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wanted: wire::Import = call.parameters()?;
    let (secret, parameters) = (secret(&wanted)?, parameters(&wanted)?);
    let desk = Desk::open(conversation, whose.known()?)?;
    let outcome = desk.settle_by_rules(conversation, |view, rules| {
        if !rules.kinds.contains(Kind::Totp) {
            let text = "The policy takes no codes by an app of this account. See: mfactl policy explain";
            return Err(refuse(RefusalCode::NotAllowed, text));
        }
        let app = App { name: wanted.name.clone(), secret: secret.clone(), parameters };
        let seat = core::seat(&view.account, rules).map_err(desk::refused)?;
        let commit = decide(&view.account, app, (seat, wanted.beside), (view.at.now, view.ticket)).map_err(refused)?;
        let taken = if commit.is_some() { wire::ImportOutcome::Taken } else { wire::ImportOutcome::Present };
        Ok((commit.filter(|_| wanted.apply), taken))
    });
    Ok(encode_reply(&wire::Imported { outcome: outcome.await? })?)
}

/// `io.mfa.Admin.ImportKey`
pub(crate) async fn import_key(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wanted: wire::ImportKey = call.parameters()?;
    let text = "This is no credential of a security key: its id, public key or origin is none.";
    let credential = credential(&wanted).ok_or_else(|| refuse(RefusalCode::Invalid, text))?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let outcome = desk.settle_by_rules(conversation, |view, rules| {
        if !rules.kinds.contains(Kind::SecurityKey) {
            let text = "The policy takes no security key of this account. See: mfactl policy explain";
            return Err(refuse(RefusalCode::NotAllowed, text));
        }
        let seat = core::seat(&view.account, rules).map_err(desk::refused)?;
        let (key, at) = ((wanted.name.as_str(), credential.clone()), (view.at.now, view.ticket));
        let commit = decide_key(&view.account, key, (seat, wanted.beside), at).map_err(refused)?;
        let taken = if commit.is_some() { wire::ImportOutcome::Taken } else { wire::ImportOutcome::Present };
        Ok((commit.filter(|_| wanted.apply), taken))
    });
    Ok(encode_reply(&wire::Imported { outcome: outcome.await? })?)
}

fn credential(wanted: &wire::ImportKey) -> Option<Credential> {
    let point: &[u8] = &wanted.public_key;
    let key = match (wanted.algorithm.as_str(), point.split_first_chunk()) {
        ("es256", Some((x, y))) => CoseKey::es256(x, y.try_into().ok()?)?,
        ("eddsa", Some((point, []))) => CoseKey::eddsa(point)?,
        _ => return None,
    };
    let id = CredentialId::new(wanted.id.to_vec())?;
    let relying_party = wanted.relying_party.parse().ok()?;
    Some(Credential { id, key, relying_party, counter: 0, aaguid: None, u2f: wanted.u2f })
}

fn secret(wanted: &wire::Import) -> Result<Secret, Failure> {
    let bytes = BASE32_NOPAD.decode(wanted.secret.expose().as_bytes());
    bytes.map(Secret::new).map_err(|_| refuse(RefusalCode::Invalid, "The secret is not in Base32 without padding."))
}

fn parameters(wanted: &wire::Import) -> Result<Parameters, Failure> {
    let parameters = core::parameters(&wanted.algorithm, wanted.digits, wanted.period);
    parameters.map_err(|possible| refuse(RefusalCode::Invalid, format!("It cannot be used here: {possible}.")))
}

fn refused(refusal: Refusal) -> Failure {
    let code = match refusal {
        Refusal::Enrolled | Refusal::TooMany => RefusalCode::NotAllowed,
        Refusal::BadName | Refusal::TooShort | Refusal::TooLong => RefusalCode::Invalid,
        Refusal::NoTime => RefusalCode::Broken,
    };
    refuse(code, refusal.to_string())
}
