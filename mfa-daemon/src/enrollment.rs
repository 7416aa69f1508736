//! `io.mfa.Enrollment`: what users do with their own factors, and root with anybody's.
//!
//! What may be changed is decided by the core, on what [`Desk`] shows it; here requests become answers.

use crate::clock;
use crate::conversation::Conversation;
use crate::desk::{Desk, changed, refused};
use crate::listen::{Answer, Failure, Subject};
use crate::trust;
use mfa_core::Time;
use mfa_core::account::{Detail, Factor, FactorId, Pending};
use mfa_core::enrollment::{self as core, Begun, Confirming, Rules};
use mfa_core::factor::Kind;
use mfa_core::factor::security_key::spelled_aaguid;
use mfa_core::factor::totp::{Link, base32};
use mfa_core::letter::Address;
use mfa_core::throttle::{Gate, Guess};
use mfa_proto::Secret;
use mfa_proto::enrollment as wire;
use mfa_proto::frame::{Call, encode_reply};

/// `io.mfa.Enrollment.Status`
pub(crate) async fn status(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    let account = desk.account(conversation)?;
    let rules = desk.rules(conversation, &account).await;
    let accepted = desk.reach(conversation).await.acceptable(&account);
    let settings = &desk.loaded.config.settings;
    let now = clock::now();
    let (_, _, gate) = account.throttles.strictest(Guess::Code, now);
    let daemon = conversation.daemon();
    Ok(encode_reply(&wire::Enrolled {
        user: desk.whose.identity.name.clone(),
        uid: desk.whose.identity.uid,
        site: settings.site(&daemon.host).to_owned(),
        host: daemon.host.clone(),
        support: settings.support.clone(),
        required: rules.required,
        factors: account.factors.iter().map(|factor| factor_info(factor, Address::to_string)).collect(),
        backup_codes: count(account.backup.codes.len()),
        addable: addable(&rules),
        remembered: trust::remembered(&account, &desk.loaded, daemon),
        pending_for: account.pending.as_ref().and_then(|pending| seconds_left(pending.until, now)),
        authorize: !conversation.peer().is_root() && (account.is_enrolled() || rules.mail_first),
        mail: account.mailbox.as_ref().filter(|_| accepted.contains(Kind::Email)).map(|to| to.address.to_string()),
        throttled_for: match gate {
            Gate::Wait(seconds) => u32::try_from(seconds).ok(),
            Gate::Open | Gate::Off => None,
        },
        codes_off: gate == Gate::Off,
    })?)
}

/// `io.mfa.Enrollment.AddTotp`
pub(crate) async fn add_totp(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::AddTotp { name, fresh, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let resumed = desk.settle_by_rules(conversation, |view, rules| {
        let wish = (name.as_deref(), fresh);
        Ok(match core::begin_totp(&view.account, &view.permission, rules, wish, view.when()).map_err(refused)? {
            Begun::Resumed(pending) => (None, Some(pending.clone())),
            Begun::New(commit) => (Some(commit), None),
        })
    });
    match resumed.await? {
        Some(pending) => show(&desk, conversation, &pending, true),
        // Once it is committed it is read back, and shown as it will be confirmed.
        None => {
            let account = desk.account(conversation)?;
            show(&desk, conversation, &account.pending.ok_or_else(changed)?, false)
        }
    }
}

/// `io.mfa.Enrollment.Confirm`
pub(crate) async fn confirm(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::Confirm { id, codes, .. } = call.parameters()?;
    let codes: Vec<&str> = codes.iter().map(Secret::expose).collect();
    let desk = Desk::open(conversation, whose.known()?)?;
    let confirmed = desk.settle_by_rules(conversation, |view, rules| {
        let given = (FactorId(id), &codes[..]);
        let confirming = core::confirm(&view.account, &view.permission, given, rules, view.when());
        let ended = |result| wire::Confirmed { result, clock_offset: None, backup_codes: Vec::new() };
        Ok(match confirming.map_err(refused)? {
            Confirming::Right(commit, codes) => {
                let backup_codes = codes.into_iter().map(Secret::from).collect();
                (Some(*commit), wire::Confirmed { backup_codes, ..ended(wire::Confirmation::Done) })
            }
            Confirming::OneMore => (None, ended(wire::Confirmation::OneMore)),
            Confirming::Wrong(counted) => (counted.map(|commit| *commit), ended(wire::Confirmation::Wrong)),
            Confirming::ClockOff(offset) => {
                (None, wire::Confirmed { clock_offset: Some(offset), ..ended(wire::Confirmation::ClockOff) })
            }
            Confirming::NotConsecutive => (None, ended(wire::Confirmation::NotConsecutive)),
        })
    });
    Ok(encode_reply(&confirmed.await?)?)
}

/// `io.mfa.Enrollment.NewBackupCodes`
pub(crate) async fn new_codes(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    let codes = desk.settle(conversation, |view| {
        let made = core::new_backup_codes(&view.account, &view.permission, view.when());
        made.map(|(commit, codes)| (Some(commit), codes)).map_err(refused)
    });
    let backup_codes = codes.await?.into_iter().map(Secret::from).collect();
    Ok(encode_reply(&wire::BackupCodes { backup_codes })?)
}

/// `io.mfa.Enrollment.Remove`
pub(crate) async fn remove(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::FactorOf { id, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let removed = desk.settle_by_rules(conversation, |view, rules| {
        let removed = core::remove(&view.account, &view.permission, rules, FactorId(id), view.when());
        removed.map(|commit| (Some(commit), ())).map_err(refused)
    });
    removed.await?;
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Enrollment.Rename`
pub(crate) async fn rename(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::Rename { id, name, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let renamed = desk.settle(conversation, |view| {
        let renamed = core::rename(&view.account, &view.permission, FactorId(id), &name, view.when());
        renamed.map(|commit| (Some(commit), ())).map_err(refused)
    });
    renamed.await?;
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// The secret as apps and people take it.
fn show(desk: &Desk, conversation: &Conversation, pending: &Pending, resumed: bool) -> Result<Answer, Failure> {
    let settings = &desk.loaded.config.settings;
    let host = &conversation.daemon().host;
    let issuer = settings.issuer(host).to_owned();
    let label = format!("{}@{host}", desk.whose.identity.name);
    let link = Link { issuer: &issuer, label: &label, secret: &pending.secret, parameters: pending.parameters };
    let uri = Secret::from(link.spelled());
    Ok(encode_reply(&wire::PendingTotp {
        id: pending.id.0,
        secret: base32(&pending.secret).into(),
        uri,
        label,
        issuer,
        expires_in: seconds_left(pending.until, clock::now()).unwrap_or(0),
        resumed,
        confirm_codes: settings.confirm_codes,
        period: pending.parameters.period.into(),
    })?)
}

/// The kinds that may be added; a mail address not where the site alone says where mail goes.
fn addable(rules: &Rules) -> Vec<String> {
    let may_be = |kind: &Kind| *kind != Kind::BackupCode && (*kind != Kind::Email || rules.own_addresses);
    rules.kinds.iter().filter(may_be).map(|kind| kind.as_str().to_owned()).collect()
}

/// A factor as people see it, with its address spelled in full, or so that strangers do not learn it.
pub(crate) fn factor_info(factor: &Factor, spelled: impl Fn(&Address) -> String) -> wire::FactorInfo {
    let credential = factor.detail.security_key();
    wire::FactorInfo {
        id: factor.id.0,
        kind: factor.detail.kind().as_str().into(),
        name: factor.name.clone(),
        created: factor.created.0,
        last_used: factor.last_used.map(|at| at.0),
        address: match &factor.detail {
            Detail::Email(address) => Some(spelled(address)),
            Detail::Totp(_) | Detail::SecurityKey(_) | Detail::SshKey(_) => None,
        },
        fingerprint: factor.detail.ssh_key().map(|key| key.key.fingerprint().to_string()),
        aaguid: credential.and_then(|credential| credential.aaguid).map(|aaguid| spelled_aaguid(&aaguid)),
        u2f: credential.is_some_and(|credential| credential.u2f),
    }
}

/// As many as fit the wire.
pub(crate) fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Seconds until then; nothing once it is past.
pub(crate) fn seconds_left(until: Time, now: Time) -> Option<u32> {
    u32::try_from(until.since(now)).ok().filter(|seconds| *seconds > 0)
}
