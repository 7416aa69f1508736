//! `io.mfa.Admin`: what administrators see and do.

use crate::accounts::Entry;
use crate::arrival::is_service;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Loaded;
use crate::desk::{Desk, broken, changed, refused};
use crate::enrollment::{count, factor_info, seconds_left};
use crate::given;
use crate::journal::{self, Level};
use crate::listen::{Answer, Failure, Subject, refuse};
use crate::mail;
use crate::store::{Committed, Rebind, Snapshot, Store, StoreError, Summary};
use crate::trust;
use mfa_core::account::{Account, FactorId};
use mfa_core::enrollment as core;
use mfa_core::letter::Address;
use mfa_core::policy::Rule;
use mfa_core::throttle::{Caller, Gate, Guess};
use mfa_proto::admin as wire;
use mfa_proto::frame::{Call, FrameError, encode_reply};
use mfa_proto::service::RefusalCode;

/// Seconds of a day.
const DAY: i64 = 86_400;
/// Accounts on a page, if their names are not so long that fewer fit a message.
const PAGE: usize = 400;
/// Problems, and characters of each, in a status that would not fit its message.
const MOST_PROBLEMS: usize = 5;
const MOST_TEXT: usize = 2000;
/// Records that are shown of an account.
const RECENT: u32 = 10;

/// `io.mfa.Admin.Status`
pub(crate) async fn status(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = conversation.daemon();
    let loaded = daemon.loaded();
    let mut status = wire::Status {
        healthy: false,
        problems: daemon.problems(),
        version: env!("CARGO_PKG_VERSION").into(),
        started: daemon.started.0,
        policy_loaded: loaded.as_ref().map(|loaded| loaded.at.0),
        rules: loaded.as_ref().map(|loaded| rules(loaded)).unwrap_or_default(),
        policy_warnings: loaded.as_ref().map(|loaded| daemon.policy_warnings(loaded)).unwrap_or_default(),
        master_key: daemon.protection().map(|protection| protection.as_str()).unwrap_or("none").into(),
        resealing: None,
        enrolled: 0,
        pending: 0,
        throttled: 0,
        mail: loaded.as_ref().map(|loaded| mail::configured(loaded)).unwrap_or_default(),
        last_pass: None,
        refused: std::collections::BTreeMap::new(),
        throttled_users: Vec::new(),
    };
    if let Ok(store) = daemon.store() {
        if let Err(error) = figures(&store, &mut status).await {
            status.problems.push(error.to_string());
        }
    }
    status.healthy = status.problems.is_empty();
    fitting(status)
}

/// As much of it as fits a message: a policy may have more rules, and more wrong with it, than anybody reads.
fn fitting(mut status: wire::Status) -> Result<Answer, Failure> {
    let (rules, warnings) = (status.rules.len(), status.policy_warnings.len());
    loop {
        match encode_reply(&status) {
            Err(FrameError::TooBig) => {}
            encoded => return Ok(encoded?),
        }
        status.problems.iter_mut().for_each(|problem| *problem = problem.chars().take(MOST_TEXT).collect());
        status.problems.truncate(MOST_PROBLEMS);
        status.rules.truncate(status.rules.len() * 3 / 4);
        status.policy_warnings.truncate(status.policy_warnings.len().saturating_sub(1) / 2);
        status.policy_warnings.push(format!("not all is shown of {rules} rules and {warnings} warnings"));
    }
}

async fn figures(store: &Store, status: &mut wire::Status) -> Result<(), StoreError> {
    let now = clock::now();
    let counts = store.counts(now).await?;
    let refused = store.refused_since(now.plus(-DAY)).await?;
    (status.enrolled, status.pending, status.throttled) = (counts.enrolled, counts.pending, counts.throttled);
    (status.refused, status.throttled_users) = (refused.by_reason, refused.throttled);
    let rotation = store.rotation().await?;
    let is_under_way = rotation.left > 0;
    status.resealing = is_under_way.then_some(wire::Resealing { left: rotation.left, rows: rotation.rows });
    mail::waiting(&store.outbox().await?, &mut status.mail);
    status.last_pass = store.last_pass().await?.map(|at| at.0);
    Ok(())
}

fn rules(loaded: &Loaded) -> Vec<wire::Rule> {
    let shown =
        |rule: &Rule| wire::Rule { name: rule.name().to_owned(), require: rule.settings().require.as_str().to_owned() };
    loaded.config.policy.rules().iter().map(shown).collect()
}

/// `io.mfa.Admin.Introduce`: root is believed about who is behind it.
pub(crate) async fn introduce(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let introduced: wire::Introduce = call.parameters()?;
    if !is_service(&introduced.program) {
        return Err(Failure::Parameter("program".into()));
    }
    conversation.introduced = Some(introduced);
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Admin.Accounts`
pub(crate) async fn accounts(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::List { after, search, names } = call.parameters()?;
    let (store, now) = (store(conversation)?, clock::now());
    if let Some(names) = names {
        if names.len() > wire::NAMES_AT_ONCE {
            return Err(Failure::Parameter("names".into()));
        }
        let accounts = store.named(names, now).await.map_err(failed)?;
        return Ok(encode_reply(&wire::Page { accounts: accounts.into_iter().map(summary).collect(), next: None })?);
    }
    let mut limit = PAGE;
    loop {
        let page = store.page((after, limit), search.clone(), now).await.map_err(failed)?;
        let accounts = page.accounts.into_iter().map(summary).collect();
        match encode_reply(&wire::Page { accounts, next: page.next }) {
            // Of the longest names there are, fewer fit.
            Err(FrameError::TooBig) if limit > 1 => limit /= 2,
            encoded => return Ok(encoded?),
        }
    }
}

fn summary(summary: Summary) -> wire::Summary {
    wire::Summary {
        user: summary.identity.name,
        uid: summary.identity.uid,
        factors: summary.factors,
        backup_codes: summary.backup_codes,
        pending: summary.pending,
        throttled: summary.throttled,
    }
}

/// `io.mfa.Admin.Account`
pub(crate) async fn account(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let entry = on_record(conversation, whose).await?;
    let desk = Desk::open(conversation, entry)?;
    let identity = &desk.whose.identity;
    let (account, conflict) = match store(conversation)?.snapshot(identity).map_err(failed)? {
        Snapshot::Account(account) => (account, None),
        Snapshot::Conflict(conflict) => (Account::absent(identity.clone()), Some(conflict.to_string())),
    };
    let required = desk.reach(conversation).await.required();
    let spelled = if conversation.peer().is_root() { Address::to_string } else { Address::masked };
    let mailbox = desk.loaded.config.settings.mail.mailbox(&identity.name, account.address.as_ref(), true);
    let recent = store(conversation)?.recent(identity, RECENT).await.map_err(failed)?;
    let now = clock::now();
    let (caller, throttle, gate) = account.throttles.strictest(Guess::Code, now);
    Ok(encode_reply(&wire::Account {
        user: identity.name.clone(),
        uid: identity.uid,
        required: required.required,
        rule: desk.loaded.config.policy.rule_name(required.rule).to_owned(),
        factors: account.factors.iter().map(|factor| factor_info(factor, spelled)).collect(),
        backup_codes: count(account.backup.codes.len()),
        pending: account.pending.as_ref().is_some_and(|pending| seconds_left(pending.until, now).is_some()),
        remembered: trust::remembered(&account, &desk.loaded, conversation.daemon()),
        invite: account.invite.as_ref().map(given::outstanding),
        invited_only: account.invited_only,
        temp_code: account.temp_code.as_ref().map(given::outstanding),
        mail: mailbox.map(|mailbox| spelled(&mailbox.address)),
        failures: throttle.in_a_row,
        by_own_programs: caller == Caller::Plain,
        throttled_for: match gate {
            Gate::Wait(seconds) => u32::try_from(seconds).ok(),
            Gate::Open | Gate::Off => None,
        },
        codes_off: gate == Gate::Off,
        conflict,
        recent: recent.iter().map(|event| wire::Event { at: event.at, what: event.to_string() }).collect(),
    })?)
}

/// `io.mfa.Admin.Reset`
pub(crate) async fn reset(conversation: &mut Conversation, whose: Subject, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Reset { factor, invite, .. } = call.parameters()?;
    let only = factor.map(FactorId);
    match (only, invite) {
        (Some(_), Some(_)) => return Err(Failure::Parameter("invite".into())),
        (None, Some(seconds)) => return given::reset_and_invite(conversation, whose, seconds).await,
        (_, None) => {}
    }
    let desk = Desk::open(conversation, on_record(conversation, whose).await?)?;
    let (factors, backup_codes) = desk
        .settle(conversation, |view| {
            let account = &view.account;
            let commit = core::reset(account, only, view.when()).map_err(refused)?;
            // With the last factor the backup codes go too.
            let everything = only.is_none() || account.factors.len() == 1;
            let ended = match &commit {
                Some(_) if everything => (count(account.factors.len()), count(account.backup.codes.len())),
                Some(_) => (1, 0),
                None => (0, 0),
            };
            Ok((commit, ended))
        })
        .await?;
    Ok(encode_reply(&wire::WasReset { factors, backup_codes, invite: None })?)
}

/// `io.mfa.Admin.Unlock`
pub(crate) async fn unlock(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, on_record(conversation, whose).await?)?;
    desk.settle(conversation, |view| Ok((core::unlock(&view.account, view.when()), ()))).await?;
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `io.mfa.Admin.Rebind`
pub(crate) async fn rebind(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let to = whose.known()?.identity;
    let store = store(conversation)?;
    let Snapshot::Conflict(conflict) = store.snapshot(&to).map_err(failed)? else {
        return Err(refuse(RefusalCode::NotFound, "Its record fits what the system says of the account already."));
    };
    let [held] = &conflict.held[..] else {
        let text = format!("{conflict}. Reset the one that is not wanted first: mfactl reset NAME");
        return Err(refuse(RefusalCode::Conflict, text));
    };
    let (from, version, at) = (held.identity.clone(), held.version, clock::now());
    let rebind = Rebind { ticket: conversation.ticket(), from, version, to, at };
    match store.rebind(rebind, conversation.context()).await {
        Ok(Committed::Done(_)) => {
            journal::login(Level::Notice, format!("rebound peer={} {conflict}", conversation.peer().uid));
            Ok(encode_reply(&serde_json::Map::new())?)
        }
        Ok(Committed::Stale) => Err(changed()),
        Err(error) => Err(refuse(RefusalCode::Conflict, error.to_string())),
    }
}

/// The account, or the record of one that the system does not know any more.
pub(crate) async fn on_record(conversation: &Conversation, whose: Subject) -> Result<Entry, Failure> {
    if whose.entry.is_none() {
        let kept = store(conversation)?.find(&whose.name, clock::now()).await.map_err(failed)?;
        if let Some(Summary { identity, .. }) = kept {
            return Ok(Entry { gid: u32::MAX, identity });
        }
    }
    whose.known()
}

fn store(conversation: &Conversation) -> Result<Store, Failure> {
    conversation.daemon().store().map_err(|why| broken(&why))
}

fn failed(error: StoreError) -> Failure {
    broken(&error.to_string())
}
