//! What need not be asked again, for its owner to see and to end; and "it was not me".
//!
//! Forgetting needs no factor: it only ever makes a login ask.

use crate::audit::Context;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::{Daemon, Loaded};
use crate::desk::{Desk, broken, refused};
use crate::enrollment::count;
use crate::listen::{Answer, Failure, Subject};
use crate::scene::{Facts, Times};
use mfa_core::account::{Account, Write};
use mfa_core::policy::{Class, Plan};
use mfa_core::trust::{self, Bond, PolicyDigest, Ties, Trust, TrustId};
use mfa_proto::admin::Event;
use mfa_proto::enrollment as wire;
use mfa_proto::frame::{Call, encode_reply};

/// Seconds within which one report is as good as many.
const REPORTS: i64 = 600;
/// Logins that go with a report.
const LOGINS: u32 = 10;

/// `io.mfa.Enrollment.Forget`
pub(crate) async fn forget(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::Forget { id, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let forgotten = desk.settle(conversation, |view| {
        let forgotten = count(id.map_or(view.account.trust.len(), |_| 1));
        let commit = trust::forget(&view.account, id.map(TrustId), view.when()).map_err(refused)?;
        Ok((commit, forgotten))
    });
    Ok(encode_reply(&wire::Forgotten { forgotten: forgotten.await? })?)
}

/// `io.mfa.Enrollment.Report`
pub(crate) async fn report(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    let store = conversation.daemon().store().map_err(|why| broken(&why))?;
    let (identity, since) = (desk.whose.identity.clone(), clock::now().plus(-REPORTS));
    let failed = |error: crate::store::StoreError| broken(&error.to_string());
    let is_new = !store.reported_since(&identity, since).await.map_err(failed)?;
    let recent = store.logins_of(&identity, LOGINS).await.map_err(failed)?;
    let recent: Vec<Event> = recent.iter().map(|event| Event { at: event.at, what: event.to_string() }).collect();
    let logins = recent.iter().map(|event| format!("{} {}", event.at, event.what)).collect();
    let context = Context { logins, ..conversation.context() };
    let reported = desk.settle_as(context, conversation, |view| {
        let forgotten = count(view.account.trust.len());
        let commit = trust::report(&view.account, view.when());
        // One more within minutes is not recorded again, unless there is something to end.
        let ends_something = |write: &Write| !matches!(write, Write::VoidEarned);
        let recorded = is_new || forgotten > 0 || commit.writes.iter().any(ends_something);
        Ok((recorded.then_some(commit), (forgotten, recorded)))
    });
    let (forgotten, recorded) = reported.await?;
    let support = desk.loaded.config.settings.support.clone();
    Ok(encode_reply(&wire::Reported { forgotten, recorded, recent, support })?)
}

/// What is remembered of an account and still counts.
pub(crate) fn remembered(account: &Account, loaded: &Loaded, daemon: &Daemon) -> Vec<wire::Remembered> {
    let (policy, latest) = (loaded.config.digest, Times::now(daemon).latest);
    let holding = account.trust.iter().filter_map(|trust| Some((trust, trust.could_cover(account, policy, latest)?)));
    holding.map(|(trust, until)| shown(trust, until.0)).collect()
}

/// Those that cover a login of these facts, under this policy; of sessions, any, since nobody said which it is.
pub(crate) fn covering(
    account: &Account,
    plan: &Plan,
    facts: &Facts,
    policy: (PolicyDigest, Times),
) -> Vec<wire::Remembered> {
    let Plan::Factors(ask) = plan else { return Vec::new() };
    let ties = facts.ties(policy.0, policy.1.latest);
    let in_a_session = Class::has_no_address(Class::of(&facts.service));
    let covering = account.trust.iter().filter_map(|trust| {
        let session = match &trust.earned.bond {
            Bond::Session(session) if in_a_session => Some(session.clone()),
            _ => None,
        };
        let until = trust.covers(account, ask, &Ties { session, ..ties.clone() })?;
        Some(shown(trust, until.0))
    });
    covering.collect()
}

/// One remembered pass, as it is told.
pub(crate) fn shown(trust: &Trust, until: i64) -> wire::Remembered {
    let Trust { id: TrustId(id), record, service, earned } = trust;
    let (key, address, session) = match &earned.bond {
        Bond::Key(key) => (Some(key.to_string()), None, None),
        Bond::KeyFrom(key, address) => (Some(key.to_string()), Some(address.to_string()), None),
        Bond::Session(session) => (None, None, Some(session.number)),
        Bond::OpenedBy(_) => (None, None, None),
    };
    wire::Remembered {
        id: *id,
        key,
        address,
        session,
        chosen: earned.bond.is_chosen(),
        service: service.clone(),
        at: earned.at.0,
        until,
        kind: earned.kind.as_str().to_owned(),
        record: *record,
    }
}
