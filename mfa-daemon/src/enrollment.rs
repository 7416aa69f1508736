//! `io.mfa.Enrollment`: what users do with their own factors, and root with anybody's.
//!
//! What may be changed is decided by the core; here the account is read, the change is committed, and a change that
//! came too late because something else changed first is decided again.

use crate::accounts::{Entry, Lane};
use crate::audit::Context;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Loaded;
use crate::journal::{self, Level, Quoted};
use crate::license;
use crate::listen::{Answer, Failure, Subject, refuse};
use crate::scene::{self, Purpose, Scene, Trouble};
use crate::store::Committed;
use crate::trust;
use mfa_core::account::{Account, Commit, Detail, Factor, FactorId, Pending, Ticket, What};
use mfa_core::enrollment::{self as core, Begun, Confirming, Permission, Refusal, Rules};
use mfa_core::factor::Kind;
use mfa_core::factor::totp::{Link, base32};
use mfa_core::letter::Address;
use mfa_core::seats::Claim;
use mfa_core::throttle::{Gate, Guess};
use mfa_core::{At, Time, policy};
use mfa_proto::Secret;
use mfa_proto::enrollment as wire;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// Times a change is decided again because something else changed first.
const ROUNDS: usize = 8;

/// `io.mfa.Enrollment.Status`
pub(crate) async fn status(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    let account = desk.account(conversation)?;
    let rules = desk.rules(conversation, &account).await;
    let accepted =
        desk.scene(conversation).acceptable(conversation.daemon(), &desk.loaded, &desk.whose, &account).await;
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
    let wire::AddTotp { name, mut fresh, .. } = call.parameters()?;
    let desk = Desk::open(conversation, whose.known()?)?;
    let mut made = false;
    for _ in 0..ROUNDS {
        let account = desk.account(conversation)?;
        let rules = desk.rules(conversation, &account).await;
        let (at, ticket) = (now()?, conversation.ticket());
        let permission = conversation.permission(&desk.whose.identity);
        let begun = core::begin_totp(&account, &permission, &rules, (name.as_deref(), fresh), (&at, ticket));
        match begun.map_err(refused)? {
            Begun::Resumed(pending) => return desk.show(conversation, pending, !made, at.now),
            // Once it is committed it is read back, and shown as it will be confirmed.
            Begun::New(commit) => {
                if desk.commit(conversation, commit).await? {
                    (made, fresh) = (true, false);
                }
            }
        }
    }
    Err(changed())
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
    for _ in 0..ROUNDS {
        let account = desk.account(conversation)?;
        let rules = desk.rules(conversation, &account).await;
        let (at, ticket) = (now()?, conversation.ticket());
        let permission = conversation.permission(&desk.whose.identity);
        let confirming = core::confirm(&account, &permission, (FactorId(id), &codes), &rules, (&at, ticket));
        let (result, clock_offset) = match confirming.map_err(refused)? {
            Confirming::Right(commit, backup_codes) => {
                if desk.commit(conversation, *commit).await? {
                    let backup_codes = backup_codes.into_iter().map(Secret::from).collect();
                    let done = wire::Confirmation::Done;
                    return Ok(encode_reply(&wire::Confirmed { result: done, clock_offset: None, backup_codes })?);
                }
                continue;
            }
            Confirming::OneMore => (wire::Confirmation::OneMore, None),
            Confirming::Wrong(counted) => {
                let settled = match counted {
                    Some(commit) => desk.commit(conversation, *commit).await?,
                    None => true,
                };
                if !settled {
                    continue;
                }
                (wire::Confirmation::Wrong, None)
            }
            Confirming::ClockOff(offset) => (wire::Confirmation::ClockOff, Some(offset)),
            Confirming::NotConsecutive => (wire::Confirmation::NotConsecutive, None),
        };
        return Ok(encode_reply(&wire::Confirmed { result, clock_offset, backup_codes: Vec::new() })?);
    }
    Err(changed())
}

/// `io.mfa.Enrollment.NewBackupCodes`
pub(crate) async fn new_codes(conversation: &mut Conversation, whose: Subject) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    for _ in 0..ROUNDS {
        let account = desk.account(conversation)?;
        let (at, ticket) = (now()?, conversation.ticket());
        let permission = conversation.permission(&desk.whose.identity);
        let (commit, codes) = core::new_backup_codes(&account, &permission, (&at, ticket)).map_err(refused)?;
        if desk.commit(conversation, commit).await? {
            let backup_codes = codes.into_iter().map(Secret::from).collect();
            return Ok(encode_reply(&wire::BackupCodes { backup_codes })?);
        }
    }
    Err(changed())
}

/// `io.mfa.Enrollment.Remove`
pub(crate) async fn remove(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::FactorOf { id, .. } = call.parameters()?;
    change(conversation, whose, |account, permission, rules, when| {
        core::remove(account, permission, rules, FactorId(id), when)
    })
    .await
}

/// `io.mfa.Enrollment.Rename`
pub(crate) async fn rename(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let wire::Rename { id, name, .. } = call.parameters()?;
    change(conversation, whose, |account, permission, _, when| {
        core::rename(account, permission, FactorId(id), &name, when)
    })
    .await
}

/// A change that answers with nothing but that it was made.
async fn change(
    conversation: &mut Conversation,
    whose: Subject,
    decide: impl Fn(&Account, &Permission<'_>, &Rules, (&At, Ticket)) -> Result<Commit, Refusal>,
) -> Result<Answer, Failure> {
    let desk = Desk::open(conversation, whose.known()?)?;
    for _ in 0..ROUNDS {
        let account = desk.account(conversation)?;
        let rules = desk.rules(conversation, &account).await;
        let (at, ticket) = (now()?, conversation.ticket());
        let permission = conversation.permission(&desk.whose.identity);
        let commit = decide(&account, &permission, &rules, (&at, ticket)).map_err(refused)?;
        if desk.commit(conversation, commit).await? {
            return Ok(encode_reply(&serde_json::Map::new())?);
        }
    }
    Err(changed())
}

/// Where one account's factors are looked after.
pub(crate) struct Desk {
    pub(crate) whose: Entry,
    pub(crate) loaded: Rc<Loaded>,
}

impl Desk {
    pub(crate) fn open(conversation: &Conversation, whose: Entry) -> Result<Self, Failure> {
        let loaded = conversation.daemon().loaded().ok_or_else(|| broken("there is no valid policy"))?;
        Ok(Self { whose, loaded })
    }

    pub(crate) fn account(&self, conversation: &Conversation) -> Result<Account, Failure> {
        scene::snapshot(conversation.daemon(), &self.whose.identity).map_err(troubled)
    }

    /// A change of this account's factors.
    fn scene(&self, conversation: &Conversation) -> Scene {
        Scene {
            lane: if conversation.peer().is_root() { Lane::Root } else { Lane::Plain },
            target: Some(self.whose.clone()),
            name: self.whose.identity.name.clone(),
            purpose: Purpose::Change,
        }
    }

    /// What site and policy say about this account's factors.
    pub(crate) async fn rules(&self, conversation: &Conversation, account: &Account) -> Rules {
        let (daemon, scene) = (conversation.daemon(), self.scene(conversation));
        let kinds = scene.addable(daemon, &self.loaded, &self.whose, account).await;
        let policy::Required { required, rule } = self.required(conversation).await;
        let policy = &self.loaded.config.policy;
        let deciding = rule.and_then(|rule| policy.rules().get(rule)).map_or(policy.defaults(), |rule| rule.settings());
        let by_invitation = account.invited_only || required && deciding.enroll == policy::Enrolling::Invite;
        let settings = &self.loaded.config.settings;
        let (confirm_codes, parameters) = (settings.confirm_codes, settings.parameters);
        let own_addresses = settings.mail.relay.is_some() && settings.mail.heeds_own(&self.whose.identity.name);
        let mail_first = scene.mail_first(daemon, &self.loaded, (&self.whose, account), kinds).await;
        let whose = (&self.whose, account);
        // Voluntary enrollment takes no seat, so that nobody fills them by themselves.
        let seat = if required { license::claim(daemon, whose, scene.lane).await } else { Claim::NotNeeded };
        Rules { confirm_codes, parameters, kinds, required, by_invitation, seat, own_addresses, mail_first }
    }

    /// Whether some login here requires a factor of this account.
    pub(crate) async fn required(&self, conversation: &Conversation) -> policy::Required {
        let lane = if conversation.peer().is_root() { Lane::Root } else { Lane::Plain };
        let groups = scene::all_groups(conversation.daemon(), &self.loaded, &self.whose, lane).await;
        let subject = policy::Subject { user: &self.whose.identity.name, groups: &groups, now: clock::now() };
        policy::required(&self.loaded.config.policy, &subject)
    }

    /// Whether it happened; if not, something else changed first.
    pub(crate) async fn commit(&self, conversation: &mut Conversation, commit: Commit) -> Result<bool, Failure> {
        self.commit_in(self.context(conversation), conversation, commit).await
    }

    /// As [`Desk::commit`], with more to go into the record.
    pub(crate) async fn commit_in(
        &self,
        context: Context,
        conversation: &mut Conversation,
        commit: Commit,
    ) -> Result<bool, Failure> {
        let daemon = Rc::clone(conversation.daemon());
        let store = daemon.store().map_err(|why| broken(&why))?;
        let (what, is_report) = (commit.record.what.as_str(), commit.record.what == What::Reported);
        let (user, changes) = (commit.identity.name.clone(), commit.changes_of_factors());
        // What was decided under another policy is decided again.
        if daemon.loaded().is_none_or(|loaded| loaded.epoch != self.loaded.epoch) {
            return Err(changed());
        }
        match store.commit(commit, context).await {
            Ok(Committed::Done(_)) => {
                conversation.changed_factors(&self.whose.identity, changes);
                let line = format!("{what} user={} peer={}", Quoted(&user), conversation.peer().uid);
                let level = if is_report { Level::Alert } else { Level::Notice };
                journal::login(level, line);
                Ok(true)
            }
            Ok(Committed::Stale) => Ok(false),
            Err(error) => {
                journal::operation(Level::Alert, &format!("a change could not be made: {error}"));
                Err(broken(&error.to_string()))
            }
        }
    }

    /// Who makes a change here, for the record: whoever is neither root nor the owner is of the help desk.
    fn context(&self, conversation: &Conversation) -> Context {
        let context = conversation.context();
        match conversation.peer().uid {
            own if own == self.whose.identity.uid || own == 0 => context,
            _ => Context { service: Some("helpdesk".into()), ..context },
        }
    }

    fn show(
        &self,
        conversation: &Conversation,
        pending: &Pending,
        resumed: bool,
        now: Time,
    ) -> Result<Answer, Failure> {
        let settings = &self.loaded.config.settings;
        let host = &conversation.daemon().host;
        let issuer = settings.issuer(host).to_owned();
        let label = format!("{}@{host}", self.whose.identity.name);
        let link = Link { issuer: &issuer, label: &label, secret: &pending.secret, parameters: pending.parameters };
        let uri = Secret::from(link.spelled());
        Ok(encode_reply(&wire::PendingTotp {
            id: pending.id.0,
            secret: base32(&pending.secret).into(),
            uri,
            label,
            issuer,
            expires_in: seconds_left(pending.until, now).unwrap_or(0),
            resumed,
            confirm_codes: settings.confirm_codes,
            period: pending.parameters.period.into(),
        })?)
    }
}

/// A factor as people see it, with its address spelled in full, or so that strangers do not learn it.
pub(crate) fn factor_info(factor: &Factor, spelled: impl Fn(&Address) -> String) -> wire::FactorInfo {
    wire::FactorInfo {
        id: factor.id.0,
        kind: factor.detail.kind().as_str().into(),
        name: factor.name.clone(),
        created: factor.created.0,
        last_used: factor.last_used.map(|at| at.0),
        address: match &factor.detail {
            Detail::Email(address) => Some(spelled(address)),
            Detail::Totp(_) => None,
        },
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

pub(crate) fn now() -> Result<At, Failure> {
    clock::at().map_err(|_| broken("the kernel gives no random numbers"))
}

pub(crate) fn broken(why: &str) -> Failure {
    refuse(RefusalCode::Broken, format!("Nothing can be changed now: {why}."))
}

pub(crate) fn troubled(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Broken(why) => broken(&why),
        Trouble::Conflict(why) => refuse(RefusalCode::Conflict, why),
    }
}

pub(crate) fn changed() -> Failure {
    refuse(RefusalCode::Changed, "Something else keeps changing this account. Try again.")
}

pub(crate) fn refused(refusal: Refusal) -> Failure {
    let code = match refusal {
        Refusal::ProveFirst => RefusalCode::AuthorizeFirst,
        Refusal::StrongerFirst | Refusal::SiteAddress => RefusalCode::NotAllowed,
        Refusal::BadAddress => RefusalCode::Invalid,
        Refusal::TooManyMails(_) => RefusalCode::Busy,
        Refusal::NotFound | Refusal::NothingEnrolled => RefusalCode::NotFound,
        Refusal::LastRequired | Refusal::NotTaken | Refusal::InvitedOnly | Refusal::NoSeat | Refusal::TooMany => {
            RefusalCode::NotAllowed
        }
        Refusal::BadName | Refusal::BadCodes => RefusalCode::Invalid,
        Refusal::Throttled(_) => RefusalCode::Busy,
        Refusal::Internal => RefusalCode::Broken,
    };
    refuse(code, refusal.to_string())
}
