//! `io.mfa.License`, the part that counts and frees seats: root tells of every account (`Sighted`), then it is decided
//! (`Reconcile`) whose enrollment is suspended, whose is back, and how many accounts the policy requires.
//!
//! Nothing is decided before all was told: one look-up that fails, about whomever, and nobody is suspended. No factor is
//! touched; whoever is suspended is asked for theirs as before.

use super::methods::COUNTS;
use super::{moment, told};
use crate::accounts::{Entry, Lane};
use crate::audit::Context;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::{Daemon, Loaded};
use crate::desk::{broken, changed};
use crate::journal::{self, Level, Quoted};
use crate::listen::{Answer, Failure, refuse};
use crate::store::{Committed, Kept, Note, Observed, Sight, Store, StoreError};
use mfa_core::Time;
use mfa_core::account::{Account, Commit, Identity, Record, Seen, Ticket, What, Write};
use mfa_core::factor::Kind;
use mfa_core::letter;
use mfa_core::policy::{self, Groups, Subject, Truth};
use mfa_core::seats::{self, Presence, Sighting, Watch};
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::license as wire;
use mfa_proto::service::RefusalCode;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Names in an answer.
const MOST_NAMES: usize = 100;
/// Groups that are counted.
const MOST_GROUPS: usize = 50;
/// People who are told in one round that a factor is required; the others in the next.
const TOLD_AT_ONCE: usize = 500;
/// Accounts below this are the system's own, and so is that of nobody in particular: nobody reads their mail.
const FIRST_PERSON: u32 = 1000;
const NOBODY: u32 = 65_534;
/// Accounts whose sights are kept in one transaction.
const AT_ONCE: usize = 500;

/// What root has told on a connection so far.
#[derive(Default)]
pub(crate) struct Round {
    /// Under which policy it was weighed; 0 before the first account.
    epoch: u64,
    /// Whether a look-up failed.
    failing: bool,
    required: u64,
    enrolled: u64,
    /// Members of each group of whom a factor is required, and how many of these have one.
    groups: BTreeMap<String, (u64, u64)>,
    /// Accounts with a record of which something may change.
    staged: Vec<Staged>,
    /// Of whom a factor is required, who have none, and were not told.
    untold: Vec<(Identity, Seen)>,
}

struct Staged {
    kept: Kept,
    sighting: Sighting,
    sight: Sight,
}

/// `io.mfa.License.Sighted`
pub(crate) async fn sighted(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Sightings { accounts } = call.parameters()?;
    if accounts.len() > wire::MOST_SIGHTINGS {
        return Err(Failure::Parameter("accounts".into()));
    }
    let daemon = Rc::clone(conversation.daemon());
    let loaded = daemon.loaded().ok_or_else(|| broken("there is no valid policy"))?;
    let round = &mut conversation.round;
    if round.epoch != 0 && round.epoch != loaded.epoch {
        *round = Round::default();
        return Err(changed());
    }
    round.epoch = loaded.epoch;
    let store = daemon.store().map_err(|why| broken(&why))?;
    let names = accounts.iter().map(|account| account.user.clone()).collect();
    let kept = store.kept(names).await.map_err(failed)?;
    let records = kept.iter().flatten().count();
    let entries = round.entries(&daemon, &accounts).await;
    let known: Vec<Entry> = entries.iter().flatten().cloned().collect();
    let groups: Vec<String> = loaded.config.policy.group_names().map(str::to_owned).collect();
    let mut memberships = daemon.accounts.groups_of_many(&known, &groups).await.into_iter();
    for ((account, entry), kept) in accounts.iter().zip(entries).zip(kept) {
        let groups = entry.as_ref().and_then(|_| memberships.next());
        round.weigh(&loaded, (account, entry.as_ref()), groups.as_ref(), kept);
    }
    Ok(encode_reply(&wire::Seen { records: u64::try_from(records).unwrap_or(0) })?)
}

impl Round {
    /// The accounts as the system has them. What root did not find is asked for here, where failing is not "no such
    /// account".
    async fn entries(&mut self, daemon: &Daemon, accounts: &[wire::Sighting]) -> Vec<Option<Entry>> {
        let mut entries = Vec::with_capacity(accounts.len());
        for account in accounts {
            let name = account.user.clone();
            entries.push(match account.ids {
                Some((uid, gid)) => Some(Entry { identity: Identity { uid, name }, gid }),
                // What fails once may hang for long the next time.
                None if self.failing => None,
                None => daemon.accounts.by_name(&name, Lane::Plain).await.unwrap_or_else(|_| {
                    self.failing = true;
                    None
                }),
            });
        }
        entries
    }

    fn weigh(
        &mut self,
        loaded: &Loaded,
        (account, entry): (&wire::Sighting, Option<&Entry>),
        groups: Option<&Groups>,
        kept: Option<Kept>,
    ) {
        let before = kept.as_ref().map(|kept| kept.seen).unwrap_or_default();
        let required = match (entry, groups) {
            (Some(entry), Some(groups)) => {
                let is_enrolled = kept.as_ref().is_some_and(|kept| kept.enrolled);
                self.count(loaded, entry, groups, is_enrolled).unwrap_or(before.required)
            }
            _ => before.required,
        };
        // A record in conflict is nobody's until it is rebound.
        let is_its = |kept: &Kept| entry.is_none_or(|entry| entry.identity == kept.identity);
        let is_person = |uid: u32| uid >= FIRST_PERSON && uid != NOBODY && !account.nologin;
        let must_enroll =
            |entry: &&Entry| required && is_person(entry.identity.uid) && !gets_codes_by_mail(loaded, entry, groups);
        if let Some(entry) = entry.filter(must_enroll).filter(|_| self.untold.len() < TOLD_AT_ONCE) {
            match &kept {
                None => self.untold.push((entry.identity.clone(), Seen::Absent)),
                Some(kept) if is_its(kept) && !kept.enrolled && !kept.told_required => {
                    self.untold.push((entry.identity.clone(), Seen::At(kept.version)));
                }
                Some(_) => {}
            }
        }
        let Some(kept) = kept.filter(|kept| kept.ever_enrolled && is_its(kept)) else { return };
        let presence = match entry {
            Some(_) => Presence::Present,
            None if self.failing => Presence::Unknown,
            None if before.local => Presence::Deleted,
            None => Presence::Vanished,
        };
        let sighting = Sighting {
            presence,
            expires: account.expires.map(Time),
            nologin: account.nologin,
            password_locked: account.locked,
            last_seen: kept.last_seen,
        };
        let local = if entry.is_some() { account.local } else { before.local };
        let sight = Sight { required, local };
        let is_news = presence != Presence::Present
            || sight != before
            || kept.watch != Watch::default()
            || may_suspend(&sighting, loaded);
        if is_news {
            self.staged.push(Staged { kept, sighting, sight });
        }
    }

    /// Counts an account; whether a factor is required of it, if that is known.
    fn count(&mut self, loaded: &Loaded, entry: &Entry, groups: &Groups, is_enrolled: bool) -> Option<bool> {
        let policy = &loaded.config.policy;
        let names: Vec<&str> = policy.group_names().collect();
        self.failing |= names.iter().any(|name| groups.membership(name) == Truth::Unknown);
        let subject = Subject { user: &entry.identity.name, groups, now: clock::now() };
        let required = policy::required(policy, &subject).required;
        if required {
            self.required += 1;
            self.enrolled += u64::from(is_enrolled);
            for name in names.into_iter().filter(|name| groups.membership(name) == Truth::True) {
                let is_new = !self.groups.contains_key(name);
                if is_new && self.groups.len() >= MOST_GROUPS {
                    continue;
                }
                let (members, enrolled) = self.groups.entry(name.to_owned()).or_default();
                *members += 1;
                *enrolled += u64::from(is_enrolled);
            }
        }
        (!self.failing).then_some(required)
    }

    fn counts(&self) -> wire::Counts {
        let group = |(name, (required, enrolled)): (&String, &(u64, u64))| wire::Group {
            name: name.clone(),
            required: *required,
            enrolled: *enrolled,
        };
        let groups = self.groups.iter().map(group).collect();
        wire::Counts { at: clock::now().0, required: self.required, enrolled: self.enrolled, groups }
    }
}

/// Whether the rule that requires a factor of the account takes codes by mail, and they can be mailed.
fn gets_codes_by_mail(loaded: &Loaded, entry: &Entry, groups: Option<&Groups>) -> bool {
    let policy = &loaded.config.policy;
    let Some(groups) = groups else { return false };
    let subject = Subject { user: &entry.identity.name, groups, now: clock::now() };
    let rule = policy::required(policy, &subject).rule.and_then(|rule| policy.rules().get(rule));
    let takes_mail = rule.map_or(policy.defaults(), |rule| rule.settings()).factors.contains(Kind::Email);
    takes_mail && !loaded.config.settings.mail.given(&entry.identity.name, None).is_empty()
}

/// Whether there may be a reason to suspend somebody who is there.
fn may_suspend(sighting: &Sighting, loaded: &Loaded) -> bool {
    let rules = loaded.config.settings.recycling;
    sighting.expires.is_some() || (rules.nologin && sighting.nologin) || rules.idle.is_some()
}

/// `io.mfa.License.Reconcile`
pub(crate) async fn reconcile(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = Rc::clone(conversation.daemon());
    let mut round = std::mem::take(&mut conversation.round);
    let loaded = daemon.loaded().ok_or_else(|| broken("there is no valid policy"))?;
    if round.epoch == 0 {
        return Err(refuse(RefusalCode::Invalid, "No account was told of. Run: mfactl reconcile"));
    }
    if round.epoch != loaded.epoch {
        return Err(changed());
    }
    let store = daemon.store().map_err(|why| broken(&why))?;
    let mut told = wire::Reconciled { uncertain: round.failing, ..wire::Reconciled::default() };
    let now = moment(&daemon);
    let mut observed = Vec::new();
    for Staged { kept, sighting, sight } in std::mem::take(&mut round.staged) {
        let watch = seats::reconcile(kept.watch, sighting, round.failing, loaded.config.settings.recycling, now);
        if sight != kept.seen || watch.missing_since != kept.watch.missing_since {
            let (identity, missing_since) = (kept.identity.clone(), watch.missing_since);
            observed.push(Observed { identity, seen: sight, missing_since });
        }
        if watch.suspended.is_some() != kept.watch.suspended.is_some() {
            let ticket = conversation.ticket();
            change(&store, kept, watch, (ticket, now), &mut told).await?;
        }
    }
    for part in observed.chunks(AT_ONCE) {
        store.observe(part.to_vec()).await.map_err(failed)?;
    }
    if !round.failing {
        tell_required(&store, &loaded, std::mem::take(&mut round.untold), conversation).await?;
        keep_counts(&store, &round.counts()).await?;
    }
    told::look(&daemon).await;
    Ok(encode_reply(&told)?)
}

/// Suspends or restores, if nobody has logged in meanwhile.
async fn change(
    store: &Store,
    kept: Kept,
    watch: Watch,
    (ticket, at): (Ticket, Time),
    told: &mut wire::Reconciled,
) -> Result<(), Failure> {
    let (write, record, why) = match watch.suspended {
        Some(suspension) => {
            let why = suspension.why.as_str();
            (Write::Suspend(suspension), Record::of(What::Suspended).because(why), why)
        }
        None => (Write::Restore, Record::of(What::Returned).because("found"), "found"),
    };
    let user = kept.identity.name.clone();
    let seen = Seen::At(kept.version);
    let commit = Commit { ticket, identity: kept.identity, seen, writes: vec![write], record, letters: Vec::new(), at };
    let context = Context { service: Some("mfactl".into()), ..Context::of_peer(0) };
    if let Committed::Done(_) = store.commit(commit, context).await.map_err(failed)? {
        let word = record_word(watch);
        journal::login(Level::Notice, format!("{word} user={} reason={why}", Quoted(&user)));
        let named = if watch.suspended.is_some() { &mut told.suspended } else { &mut told.restored };
        if named.len() < MOST_NAMES {
            named.push(wire::Changed { user, why: why.to_owned() });
        }
        told.changes += 1;
    }
    Ok(())
}

/// Mails those who must enroll now and can be reached, each once. Whoever gets codes by mail has nothing to do.
async fn tell_required(
    store: &Store,
    loaded: &Loaded,
    untold: Vec<(Identity, Seen)>,
    conversation: &mut Conversation,
) -> Result<(), Failure> {
    let mail = &loaded.config.settings.mail;
    let can_be_told = |(whose, _): &(Identity, Seen)| mail.mails() && mail.address_of(&whose.name, None).is_some();
    for (identity, seen) in untold.into_iter().filter(can_be_told) {
        let (writes, record) = (vec![Write::TellRequired], Record::of(What::ToldRequired));
        let letters = letter::that_follow(&record, &writes, &Account::absent(identity.clone()));
        let (ticket, at) = (conversation.ticket(), clock::now());
        let commit = Commit { ticket, identity, seen, writes, record, letters, at };
        let context = Context { service: Some("mfactl".into()), ..Context::of_peer(0) };
        // Whoever has logged in meanwhile is told in the next round, if it is still so.
        store.commit(commit, context).await.map_err(failed)?;
    }
    Ok(())
}

fn record_word(watch: Watch) -> &'static str {
    if watch.suspended.is_some() { What::Suspended.as_str() } else { What::Returned.as_str() }
}

async fn keep_counts(store: &Store, counts: &wire::Counts) -> Result<(), Failure> {
    let becomes = serde_json::to_string(counts).map_err(|error| broken(&error.to_string()))?;
    let was = store.noted(COUNTS).map_err(failed)?;
    let note = Note { name: COUNTS, was, becomes, records: Vec::new(), at: clock::now() };
    // Another round that ended meanwhile has counted the same.
    store.note(note, Context::of_daemon()).await.map(drop).map_err(failed)
}

fn failed(error: StoreError) -> Failure {
    broken(&error.to_string())
}
