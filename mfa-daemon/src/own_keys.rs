//! `io.mfa.Enrollment`, keys: `AddSecurityKey`, `SecurityKeyMade`, `ConfirmSecurityKey`, `AddSshKey`, `ConfirmSshKey`.
//!
//! The key is talked to by whoever calls; here its answers are verified. What was asked of it is known to this connection
//! alone, is good for one answer, and is kept nowhere until the last one was right.

use crate::clock;
use crate::conversation::Conversation;
use crate::desk::{Desk, broken, changed, now, refused};
use crate::enrollment::seconds_left;
use crate::listen::{Answer, Failure, Subject, refuse};
use mfa_core::Time;
use mfa_core::account::Account;
use mfa_core::enrollment::{self as core, NotAdded, PENDING_SECONDS};
use mfa_core::factor::Kind;
use mfa_core::factor::security_key::{
    Assertion, Attested, Credential, Demand, EDDSA, ES256, Makers, RelyingParty, Unacceptable,
};
use mfa_proto::enrollment as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::key;
use mfa_proto::service::RefusalCode;
use mfa_proto::{Bytes, Secret};
use zeroize::Zeroizing;

/// A key on its way to become a factor, on one connection.
pub(crate) enum OnItsWay {
    /// A security key was asked to make a credential.
    Making(core::Making, Time),
    /// It did, under this name, and was asked to prove it.
    Made(Box<core::Made>, String),
    /// An SSH key was asked to sign.
    Proving(core::Proving),
}

/// `io.mfa.Enrollment.AddSecurityKey`
pub(crate) async fn add_security_key(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::AddSecurityKey { name, .. } = call.parameters()?;
    conversation.key = None;
    let desk = Desk::open(conversation, whose.known()?)?;
    let named = relying_party(&desk, conversation)?;
    let begun = desk.settle_by_rules(conversation, |view, rules| {
        let wish = (name.as_deref(), &named);
        let making = core::begin_security_key(&view.account, &view.permission, rules, wish, &view.at);
        Ok((None, (making.map_err(refused)?, view.account.clone(), view.at.now.plus(PENDING_SECONDS))))
    });
    let (making, account, until) = begun.await?;
    // Only now: a name that is fixed for ever is not for whoever may add nothing.
    let relying_party = fixed(&desk, conversation).await?;
    if relying_party != named {
        return Err(changed());
    }
    let verify_user = desk.reach(conversation).await.verifies_new(&account, Kind::SecurityKey);
    let (settings, host) = (&desk.loaded.config.settings, &conversation.daemon().host);
    let asked = wire::KeyToMake {
        relying_party: relying_party.to_string(),
        site: settings.site(host).to_owned(),
        user_id: making.user_id().into(),
        user_name: format!("{}@{host}", desk.whose.identity.name),
        client_data_hash: making.challenge().client_data_hash()[..].into(),
        algorithms: vec![ES256, EDDSA],
        exclude: known(&account),
        verify_user,
        attestation: settings.security_keys.attestation,
        expires_in: seconds_left(until, clock::now()).unwrap_or(0),
    };
    conversation.key = Some(OnItsWay::Making(making, until));
    Ok(encode_reply(&asked)?)
}

/// `io.mfa.Enrollment.SecurityKeyMade`
pub(crate) async fn security_key_made(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::SecurityKeyMade { made, .. } = call.parameters()?;
    let Some(OnItsWay::Making(making, until)) = conversation.key.take() else { return Err(not_begun()) };
    let desk = Desk::open(conversation, whose.known()?)?;
    let account = desk.account(conversation)?;
    let verify_user = desk.reach(conversation).await.verifies_new(&account, Kind::SecurityKey);
    let (at, keys) = (now()?, &desk.loaded.config.settings.security_keys);
    let makers = Makers::new(&keys.roots)
        .map_err(|number| broken(&format!("certificate {number} in `roots` of [security_keys] is none")))?;
    let (attestation, aaguids) = (keys.attestation, &keys.aaguids[..]);
    let demand = Demand { verify_user, attestation, aaguids, makers: &makers, now: at.now };
    let attested = Attested {
        client_data: making.challenge().client_data(),
        authenticator_data: made.authenticator_data.into_vec(),
        format: made.format,
        statement: made.statement.into_vec(),
        u2f: made.u2f_only,
    };
    let name = making.name().to_owned();
    let made = core::security_key_made(&account, making, &attested, &demand, &at).map_err(not_added)?;
    let asked = wire::KeyToProve {
        credential: to_prove(made.credential()),
        client_data_hash: made.challenge().client_data_hash()[..].into(),
        verify_user,
        expires_in: seconds_left(until, at.now).unwrap_or(0),
    };
    conversation.key = Some(OnItsWay::Made(Box::new(made), name));
    Ok(encode_reply(&asked)?)
}

/// `io.mfa.Enrollment.ConfirmSecurityKey`
pub(crate) async fn confirm_security_key(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::ConfirmSecurityKey { asserted, .. } = call.parameters()?;
    let Some(OnItsWay::Made(made, name)) = conversation.key.take() else { return Err(not_begun()) };
    let desk = Desk::open(conversation, whose.known()?)?;
    let assertion = Assertion {
        credential: asserted.credential.into_vec(),
        client_data: made.challenge().client_data(),
        authenticator_data: asserted.authenticator_data.into_vec(),
        signature: asserted.signature.into_vec(),
    };
    let codes = desk.settle_by_rules(conversation, |view, rules| {
        let touched = (&*made, &assertion);
        let confirmed = core::confirm_security_key(&view.account, &view.permission, rules, touched, view.when());
        confirmed.map(|(commit, codes)| (Some(commit), codes)).map_err(not_added)
    });
    added(name, codes.await?)
}

/// `io.mfa.Enrollment.AddSshKey`
pub(crate) async fn add_ssh_key(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::AddSshKey { name, public_key, .. } = call.parameters()?;
    conversation.key = None;
    let desk = Desk::open(conversation, whose.known()?)?;
    let account = desk.account(conversation)?;
    let verify_user = desk.reach(conversation).await.verifies_new(&account, Kind::SshKey);
    let host = conversation.daemon().host.clone();
    let site = desk.loaded.config.settings.site(&host).to_owned();
    let begun = desk.settle_by_rules(conversation, |view, rules| {
        let wish = core::SshWish { line: &public_key, name: name.as_deref(), place: (&site, &host), verify_user };
        let proving = core::begin_ssh_key(&view.account, &view.permission, rules, &wish, &view.at);
        Ok((None, (proving.map_err(not_added)?, view.at.now)))
    });
    let (proving, begun) = begun.await?;
    let asked = wire::TextToSign {
        namespace: core::NAMESPACE.to_owned(),
        text: proving.text().to_owned(),
        fingerprint: proving.key().fingerprint().to_string(),
        name: proving.name().to_owned(),
        verify_user,
        expires_in: seconds_left(begun.plus(PENDING_SECONDS), begun).unwrap_or(0),
    };
    conversation.key = Some(OnItsWay::Proving(proving));
    Ok(encode_reply(&asked)?)
}

/// `io.mfa.Enrollment.ConfirmSshKey`
pub(crate) async fn confirm_ssh_key(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::ConfirmSshKey { signature, .. } = call.parameters()?;
    let Some(OnItsWay::Proving(proving)) = conversation.key.take() else { return Err(not_begun()) };
    let desk = Desk::open(conversation, whose.known()?)?;
    let mut may_follow = false;
    let codes = desk.settle_by_rules(conversation, |view, rules| {
        let signed = (&proving, signature.as_str());
        let confirmed = core::confirm_ssh_key(&view.account, &view.permission, rules, signed, view.when());
        // Half a paste is no guess: nobody finds a signature by trying.
        may_follow = matches!(confirmed, Err(NotAdded::Signature(_) | NotAdded::Key(_)));
        confirmed.map(|(commit, codes)| (Some(commit), codes)).map_err(not_added)
    });
    let codes = codes.await;
    let name = proving.name().to_owned();
    if may_follow {
        conversation.key = Some(OnItsWay::Proving(proving));
    }
    added(name, codes?)
}

/// For whom keys are made here: as the site says, else as this host was called at the first need.
fn relying_party(desk: &Desk, conversation: &Conversation) -> Result<RelyingParty, Failure> {
    let daemon = conversation.daemon();
    if let Some(chosen) = &desk.loaded.config.settings.security_keys.relying_party {
        return RelyingParty::of_site(chosen).map_err(|error| broken(&error.to_string()));
    }
    let store = daemon.store().map_err(|why| broken(&why))?;
    store.relying_party(&daemon.host).map_err(|error| broken(&error.to_string()))
}

/// The same, from now on for good.
async fn fixed(desk: &Desk, conversation: &Conversation) -> Result<RelyingParty, Failure> {
    let daemon = conversation.daemon();
    if desk.loaded.config.settings.security_keys.relying_party.is_some() {
        return relying_party(desk, conversation);
    }
    let store = daemon.store().map_err(|why| broken(&why))?;
    store.fix_relying_party(&daemon.host, clock::now()).await.map_err(|error| broken(&error.to_string()))
}

/// The keys of the account, so that none is enrolled twice.
fn known(account: &Account) -> Vec<wire::KnownKey> {
    let keys = account.factors.iter().filter_map(|factor| Some((factor, factor.detail.security_key()?)));
    keys.map(|(factor, key)| wire::KnownKey { credential: spelled(key), name: factor.name.clone() }).collect()
}

fn spelled(credential: &Credential) -> key::Credential {
    let id = Bytes::from(credential.id.as_bytes());
    key::Credential { id, relying_party: credential.relying_party.to_string(), public_key: None }
}

/// With its public key: the PIN goes to the key that made it, and to none that only says so.
fn to_prove(credential: &Credential) -> key::Credential {
    key::Credential { public_key: Some(Bytes::from(credential.key.to_cose())), ..spelled(credential) }
}

fn added(name: String, codes: Vec<Zeroizing<String>>) -> Result<Answer, Failure> {
    let backup_codes = codes.into_iter().map(Secret::from).collect();
    Ok(encode_reply(&wire::AddedKey { name, backup_codes })?)
}

fn not_begun() -> Failure {
    let text = "No key was begun on this connection, or its answer was given already. Begin again: mfa-enroll";
    refuse(RefusalCode::NotFound, text)
}

fn not_added(why: NotAdded) -> Failure {
    let code = match &why {
        NotAdded::Refused(refusal) => return refused(*refusal),
        NotAdded::Unacceptable(
            Unacceptable::NotVerified
            | Unacceptable::ModelUntold
            | Unacceptable::Attestation
            | Unacceptable::AttestationSignature
            | Unacceptable::OtherMaker
            | Unacceptable::OtherModel,
        ) => RefusalCode::NotAllowed,
        NotAdded::Unacceptable(_) | NotAdded::Key(_) | NotAdded::Signature(_) => RefusalCode::Invalid,
    };
    refuse(code, why.to_string())
}
