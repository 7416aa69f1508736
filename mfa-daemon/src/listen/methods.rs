//! The one table of what can be called: name, who may, and who serves it. Nowhere else is that decided.

use crate::accounts::{Entry, Lane, LookupError};
use crate::conversation::Conversation;
use crate::{
    admin, break_glass, due, enrollment, given, history, import, license, login, mail, metrics, policy, staff, trust,
};
use crate::{keep, own_keys, own_mail};
use mfa_proto::frame::{Call, FrameError, encode_error, encode_reply};
use mfa_proto::keep as k;
use mfa_proto::metrics::METRICS;
use mfa_proto::service::{self, Refusal, RefusalCode};
use mfa_proto::{admin as a, audit, enrollment as e, license as s, login as l, policy as p};
use serde::{Deserialize, Serialize};
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::time::sleep;
use zeroize::Zeroizing;

/// An answer, framed.
pub(crate) type Answer = Zeroizing<Vec<u8>>;
/// An answer that may take a while.
type Pending<'a> = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + 'a>>;

/// Who may call, and who serves it.
enum Serves {
    /// Anybody, about the daemon itself.
    Anybody(fn(&Call<'_>) -> Result<Answer, Failure>),
    /// Whoever began something on this connection, about that.
    Holder(for<'a> fn(&'a mut Conversation, &'a Call<'a>) -> Pending<'a>),
    /// Root about anybody, and everybody about themselves.
    Own(for<'a> fn(&'a mut Conversation, Subject, &'a Call<'a>) -> Pending<'a>),
    /// Root about the daemon.
    Root(for<'a> fn(&'a mut Conversation) -> Pending<'a>),
    /// Root, with parameters.
    RootWith(for<'a> fn(&'a mut Conversation, &'a Call<'a>) -> Pending<'a>),
    /// Root and the help desk, about accounts in general.
    Staff(for<'a> fn(&'a mut Conversation, &'a Call<'a>) -> Pending<'a>),
    /// Root about anybody, the help desk about whoever is not privileged.
    StaffAbout(for<'a> fn(&'a mut Conversation, Subject, &'a Call<'a>) -> Pending<'a>),
    /// Root about one account, which must exist.
    RootAbout(for<'a> fn(&'a mut Conversation, Subject, &'a Call<'a>) -> Pending<'a>),
}

/// Every method there is.
const METHODS: &[(&str, Serves)] = &[
    (service::GET_INFO, Serves::Anybody(info)),
    (service::GET_INTERFACE_DESCRIPTION, Serves::Anybody(interface)),
    (l::BEGIN, Serves::Own(|conversation, whose, call| Box::pin(login::begin(conversation, whose, call)))),
    (l::DUE, Serves::Own(|conversation, whose, call| Box::pin(due::due(conversation, whose, call)))),
    (l::ANSWER, Serves::Holder(|conversation, call| Box::pin(login::answer(conversation, call)))),
    (l::WAIT, Serves::Holder(|conversation, call| Box::pin(login::wait(conversation, call)))),
    (e::STATUS, Serves::Own(|conversation, whose, _| Box::pin(enrollment::status(conversation, whose)))),
    (e::AUTHORIZE, Serves::Own(|conversation, whose, call| Box::pin(login::authorize(conversation, whose, call)))),
    (e::ADD_TOTP, Serves::Own(|conversation, whose, call| Box::pin(enrollment::add_totp(conversation, whose, call)))),
    (e::ADD_EMAIL, Serves::Own(|conversation, whose, call| Box::pin(own_mail::add(conversation, whose, call)))),
    (e::CONFIRM_EMAIL, Serves::Own(|conversation, whose, call| Box::pin(own_mail::confirm(conversation, whose, call)))),
    (
        e::ADD_SECURITY_KEY,
        Serves::Own(|conversation, whose, call| Box::pin(own_keys::add_security_key(conversation, whose, call))),
    ),
    (
        e::SECURITY_KEY_MADE,
        Serves::Own(|conversation, whose, call| Box::pin(own_keys::security_key_made(conversation, whose, call))),
    ),
    (
        e::CONFIRM_SECURITY_KEY,
        Serves::Own(|conversation, whose, call| Box::pin(own_keys::confirm_security_key(conversation, whose, call))),
    ),
    (
        e::ADD_SSH_KEY,
        Serves::Own(|conversation, whose, call| Box::pin(own_keys::add_ssh_key(conversation, whose, call))),
    ),
    (
        e::CONFIRM_SSH_KEY,
        Serves::Own(|conversation, whose, call| Box::pin(own_keys::confirm_ssh_key(conversation, whose, call))),
    ),
    (e::CONFIRM, Serves::Own(|conversation, whose, call| Box::pin(enrollment::confirm(conversation, whose, call)))),
    (e::NEW_BACKUP_CODES, Serves::Own(|conversation, whose, _| Box::pin(enrollment::new_codes(conversation, whose)))),
    (e::REMOVE, Serves::Own(|conversation, whose, call| Box::pin(enrollment::remove(conversation, whose, call)))),
    (e::RENAME, Serves::Own(|conversation, whose, call| Box::pin(enrollment::rename(conversation, whose, call)))),
    (e::FORGET, Serves::Own(|conversation, whose, call| Box::pin(trust::forget(conversation, whose, call)))),
    (e::REPORT, Serves::Own(|conversation, whose, _| Box::pin(trust::report(conversation, whose)))),
    (a::STATUS, Serves::Root(|conversation| Box::pin(admin::status(conversation)))),
    (METRICS, Serves::Root(|conversation| Box::pin(metrics::metrics(conversation)))),
    (a::INTRODUCE, Serves::RootWith(|conversation, call| Box::pin(admin::introduce(conversation, call)))),
    (a::ACCOUNTS, Serves::Staff(|conversation, call| Box::pin(admin::accounts(conversation, call)))),
    (a::ACCOUNT, Serves::StaffAbout(|conversation, whose, _| Box::pin(admin::account(conversation, whose)))),
    (a::RESET, Serves::StaffAbout(|conversation, whose, call| Box::pin(admin::reset(conversation, whose, call)))),
    (a::UNLOCK, Serves::StaffAbout(|conversation, whose, _| Box::pin(admin::unlock(conversation, whose)))),
    (a::INVITE, Serves::StaffAbout(|conversation, whose, call| Box::pin(given::invite(conversation, whose, call)))),
    (
        a::TEMP_CODE,
        Serves::StaffAbout(|conversation, whose, call| Box::pin(given::temp_code(conversation, whose, call))),
    ),
    (a::TEST_MAIL, Serves::RootWith(|conversation, call| Box::pin(mail::test_mail(conversation, call)))),
    (a::REBIND, Serves::RootAbout(|conversation, whose, _| Box::pin(admin::rebind(conversation, whose)))),
    (audit::RECORDS, Serves::RootWith(|conversation, call| Box::pin(history::records(conversation, call)))),
    (audit::VERIFY, Serves::RootWith(|conversation, call| Box::pin(history::verify(conversation, call)))),
    (audit::HASHES, Serves::RootWith(|conversation, call| Box::pin(history::hashes(conversation, call)))),
    (
        a::IMPORT_KEY,
        Serves::RootAbout(|conversation, whose, call| Box::pin(import::import_key(conversation, whose, call))),
    ),
    (a::IMPORT, Serves::RootAbout(|conversation, whose, call| Box::pin(import::import(conversation, whose, call)))),
    (a::BREAK_GLASS, Serves::RootWith(|conversation, call| Box::pin(break_glass::told(conversation, call)))),
    (k::MASTER_KEYS, Serves::Root(|conversation| Box::pin(keep::master_keys(conversation)))),
    (k::EXPORT, Serves::RootWith(|conversation, call| Box::pin(keep::export(conversation, call)))),
    (k::EXPORT_DONE, Serves::RootWith(|conversation, call| Box::pin(keep::export_done(conversation, call)))),
    (k::RESTORE_BEGIN, Serves::RootWith(|conversation, call| Box::pin(keep::restore_begin(conversation, call)))),
    (k::RESTORE_ACCOUNTS, Serves::RootWith(|conversation, call| Box::pin(keep::restore_accounts(conversation, call)))),
    (k::RESTORE_FINISH, Serves::RootWith(|conversation, call| Box::pin(keep::restore_finish(conversation, call)))),
    (p::DRAFT, Serves::RootWith(|conversation, call| Box::pin(policy::draft(conversation, call)))),
    (p::CHECK, Serves::Root(|conversation| Box::pin(policy::check(conversation)))),
    (p::RELOAD, Serves::Root(|conversation| Box::pin(policy::reload(conversation)))),
    (p::EXPLAIN, Serves::RootAbout(|conversation, whose, call| Box::pin(policy::explain(conversation, whose, call)))),
    (p::PREVIEW, Serves::RootWith(|conversation, call| Box::pin(policy::preview(conversation, call)))),
    (s::STATUS, Serves::Root(|conversation| Box::pin(license::status(conversation)))),
    (s::CHECK, Serves::RootWith(|conversation, call| Box::pin(license::check(conversation, call)))),
    (s::RELOAD, Serves::Root(|conversation| Box::pin(license::reload(conversation)))),
    (s::BYPASSED, Serves::RootWith(|conversation, call| Box::pin(license::bypassed(conversation, call)))),
    (s::SIGHTED, Serves::RootWith(|conversation, call| Box::pin(license::sighted(conversation, call)))),
    (s::RECONCILE, Serves::Root(|conversation| Box::pin(license::reconcile(conversation)))),
    (p::REPLAY, Serves::RootWith(|conversation, call| Box::pin(policy::replay(conversation, call)))),
];

/// The account a request is about.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    /// As it was named.
    pub(crate) name: String,
    /// As the name service knows it; `None` if it knows that there is none.
    pub(crate) entry: Option<Entry>,
}

impl Subject {
    /// The account, which must exist.
    ///
    /// # Errors
    /// `UnknownUser`
    pub(crate) fn known(self) -> Result<Entry, Failure> {
        self.entry.ok_or_else(|| refuse(RefusalCode::UnknownUser, "There is no such account. Check the name."))
    }
}

/// Why a call has no answer of its own kind.
#[derive(Debug)]
pub(crate) enum Failure {
    /// No such method.
    NoMethod,
    /// No such interface.
    NoInterface(String),
    /// Parameters that are not of the method's shape; where.
    Parameter(String),
    /// The peer may not call this, or not about this account.
    NotAllowed,
    /// With a sentence for a person.
    Refused(Refusal),
}

impl From<FrameError> for Failure {
    fn from(error: FrameError) -> Self {
        Self::Parameter(error.to_string())
    }
}

/// A refusal with its sentence.
pub(crate) fn refuse(code: RefusalCode, message: impl Into<String>) -> Failure {
    Failure::Refused(Refusal { code, message: message.into() })
}

/// What goes back, and whether the connection ends with it.
pub(super) struct Answered {
    pub(super) reply: Answer,
    pub(super) hang_up: bool,
}

/// The interface whose answers somebody at a prompt waits for.
const LOGIN: &str = "io.mfa.Login.";

/// Whether a frame asks what became of a key.
pub(super) fn is_wait(frame: &[u8]) -> bool {
    Call::parse(frame).is_ok_and(|call| call.method == l::WAIT)
}

/// How long whoever asks too much waits before they are told so: on all their connections together they get no more
/// answers than those are in this time.
const TOO_MUCH: Duration = Duration::from_secs(1);

/// Answers one frame.
pub(super) async fn answer(conversation: &mut Conversation, frame: &[u8]) -> Answered {
    // Whatever it is, also what nobody serves: it is read and answered on the thread on which root's logins are.
    let keeps_pace = conversation.keeps_pace();
    if !keeps_pace {
        sleep(TOO_MUCH).await;
    }
    let Ok(call) = Call::parse(frame) else { return hung_up() };
    if call.oneway || call.upgrade {
        return hung_up();
    }
    if !keeps_pace {
        let told = "Too many requests in a short time. Wait a minute, then try again.";
        return failed(call.method.as_ref(), refuse(RefusalCode::Busy, told));
    }
    let begun = Instant::now();
    let dispatched = dispatch(conversation, &call).await;
    if call.method.starts_with(LOGIN) {
        conversation.daemon().answers.add(begun.elapsed());
    }
    match dispatched {
        Ok(reply) => Answered { reply, hang_up: false },
        Err(failure) => failed(&call.method, failure),
    }
}

async fn dispatch(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let (_, serves) = METHODS.iter().find(|(name, _)| *name == call.method).ok_or(Failure::NoMethod)?;
    let is_root = conversation.peer().is_root();
    match serves {
        Serves::Anybody(serve) => serve(call),
        Serves::Holder(serve) => serve(conversation, call).await,
        Serves::Own(serve) if is_root => {
            let whose = anybody(conversation, call).await?;
            serve(conversation, whose, call).await
        }
        Serves::Own(serve) => {
            let whose = oneself(conversation, call).await?;
            serve(conversation, whose, call).await
        }
        Serves::Root(serve) if is_root => serve(conversation).await,
        Serves::RootWith(serve) if is_root => serve(conversation, call).await,
        Serves::Staff(serve) if is_root => serve(conversation, call).await,
        Serves::Staff(serve) => {
            staff::on_duty(conversation).await?;
            serve(conversation, call).await
        }
        Serves::RootAbout(serve) | Serves::StaffAbout(serve) if is_root => {
            let whose = named(conversation, call, Lane::Root).await?;
            serve(conversation, whose, call).await
        }
        Serves::StaffAbout(serve) => {
            staff::on_duty(conversation).await?;
            let whose = named(conversation, call, Lane::Plain).await?;
            let whose = staff::unprivileged(conversation, whose).await?;
            serve(conversation, whose, call).await
        }
        Serves::Root(_) | Serves::RootWith(_) | Serves::RootAbout(_) => Err(Failure::NotAllowed),
    }
}

/// What every request about an account has.
#[derive(Deserialize)]
struct Named {
    #[serde(default)]
    user: Option<String>,
}

impl Named {
    /// The name, if there is one and it can be one.
    fn checked(call: &Call<'_>) -> Result<Option<String>, Failure> {
        let Self { user } = call.parameters()?;
        match user {
            Some(name) if !is_name(&name) => Err(Failure::Parameter("user".into())),
            user => Ok(user),
        }
    }
}

/// Whom a call is about that must name somebody.
async fn named(conversation: &Conversation, call: &Call<'_>, lane: Lane) -> Result<Subject, Failure> {
    let name = Named::checked(call)?.ok_or_else(|| Failure::Parameter("user".into()))?;
    let entry = conversation.daemon().accounts.by_name(&name, lane).await.map_err(unanswered)?;
    Ok(Subject { name, entry })
}

/// Whom root's call is about: whom it names, or root.
async fn anybody(conversation: &Conversation, call: &Call<'_>) -> Result<Subject, Failure> {
    let accounts = &conversation.daemon().accounts;
    let user = Named::checked(call)?;
    let found = match &user {
        Some(name) => accounts.by_name(name, Lane::Root).await,
        None => accounts.by_uid(conversation.peer().uid, Lane::Root).await,
    };
    let entry = found.map_err(unanswered)?;
    let name = user.or_else(|| entry.as_ref().map(|entry| entry.identity.name.clone())).unwrap_or_default();
    Ok(Subject { name, entry })
}

/// Whom anybody else's call is about: themselves, whether they say so or not. Who names somebody else is refused before
/// anything is looked up, so that nobody learns or holds up anything by naming others.
async fn oneself(conversation: &Conversation, call: &Call<'_>) -> Result<Subject, Failure> {
    let user = Named::checked(call)?;
    let found = conversation.daemon().accounts.by_uid(conversation.peer().uid, Lane::Plain).await;
    // A uid without an account is nobody, who may ask nothing.
    let entry = found.map_err(unanswered)?.ok_or(Failure::NotAllowed)?;
    let own = entry.identity.name.clone();
    // Some directories do not tell letters' case apart.
    match user {
        Some(name) if !name.eq_ignore_ascii_case(&own) => Err(Failure::NotAllowed),
        _ => Ok(Subject { name: own, entry: Some(entry) }),
    }
}

fn unanswered(error: LookupError) -> Failure {
    refuse(
        RefusalCode::Broken,
        format!("Accounts cannot be looked up: {error}. On this machine: getent passwd NAME; is sssd running?"),
    )
}

/// What can be a login name at all; whether it is one, the name service knows.
fn is_name(name: &str) -> bool {
    (1..=256).contains(&name.len()) && !name.chars().any(|c| c.is_control() || matches!(c, ':' | '/' | ' '))
}

fn info(_: &Call<'_>) -> Result<Answer, Failure> {
    Ok(encode_reply(&service::Info {
        vendor: "mfa".into(),
        product: "mfa-daemon".into(),
        version: env!("CARGO_PKG_VERSION").into(),
        url: "file:/usr/share/doc/mfa".into(),
        interfaces: service::INTERFACES.iter().map(|(name, _)| (*name).to_owned()).collect(),
    })?)
}

fn interface(call: &Call<'_>) -> Result<Answer, Failure> {
    let service::Interface { interface } = call.parameters()?;
    let known = service::INTERFACES.iter().find(|(name, _)| *name == interface);
    let (_, description) = known.ok_or(Failure::NoInterface(interface))?;
    Ok(encode_reply(&service::Description { description: (*description).to_owned() })?)
}

fn failed(method: &str, failure: Failure) -> Answered {
    let nothing = serde_json::Map::new();
    let reply = match failure {
        Failure::NoMethod => error(service::METHOD_NOT_FOUND, &service::MethodNotFound { method: clip(method) }),
        Failure::NoInterface(interface) => {
            error(service::INTERFACE_NOT_FOUND, &service::Interface { interface: clip(&interface) })
        }
        Failure::Parameter(parameter) => error(service::INVALID_PARAMETER, &service::InvalidParameter { parameter }),
        Failure::NotAllowed => error(service::PERMISSION_DENIED, &nothing),
        Failure::Refused(refusal) => error(service::REFUSED, &refusal),
    };
    Answered { reply, hang_up: false }
}

fn error<T: Serialize>(name: &str, parameters: &T) -> Answer {
    encode_error(name, parameters).unwrap_or_default()
}

fn clip(text: &str) -> String {
    text.chars().take(100).collect()
}

fn hung_up() -> Answered {
    Answered { reply: Answer::default(), hang_up: true }
}

#[cfg(test)]
#[path = "methods_tests.rs"]
mod tests;
