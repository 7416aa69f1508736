//! What is known of a login, and what the policy makes of it: gathered once, weighed as often as something changes.

use crate::accounts::{Entry, Lane, Presence};
use crate::clock;
use crate::daemon::{Daemon, Loaded};
use crate::license;
use crate::reach::Reach;
use crate::store::Snapshot;
use mfa_core::Time;
use mfa_core::account::{Account, Identity};
use mfa_core::factor::{Kind, Kinds};
use mfa_core::mailbox::Mailbox;
use mfa_core::policy::{
    self, Address, Ask, Caller, Class, Enroll, Groups, NeedGroups, Origin, Person, Plan, Policy, Request, SshAuth,
    Standing, Who,
};
use mfa_core::seats::Claim;
use mfa_core::trust::{PolicyDigest, Session, Ties};
use std::collections::BTreeSet;
use std::rc::Rc;

/// A login, or a change of factors, before anything is asked.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    /// Whose threads ask the name service.
    pub(crate) lane: Lane,
    /// The account; `None` if there is none of this name.
    pub(crate) target: Option<Entry>,
    /// As it was named.
    pub(crate) name: String,
    /// What is wanted of it.
    pub(crate) purpose: Purpose,
}

/// What is wanted.
#[derive(Clone, Debug)]
pub(crate) enum Purpose {
    /// To log in.
    Login(Box<Facts>),
    /// To change factors.
    Change,
    /// To try a factor, and no more.
    Trial,
}

/// What is known of a login.
#[derive(Clone, Debug)]
pub(crate) struct Facts {
    /// The PAM service.
    pub(crate) service: String,
    /// Where it comes from.
    pub(crate) address: Address,
    /// At this machine or not.
    pub(crate) origin: Option<Origin>,
    /// By what whoever asks is known to sit at this machine; of a user's own program this says nothing.
    pub(crate) presence: Presence,
    /// What sshd has verified.
    pub(crate) ssh: SshAuth,
    /// Whether another factor came first: a password earlier in the stack, or a method that sshd has completed.
    pub(crate) after_another: bool,
    /// Whether a password was typed earlier in the stack.
    pub(crate) password: bool,
    /// Whether the application shows text that is no prompt.
    pub(crate) shows_text: bool,
    /// Who is logged in and asks, if that is known.
    pub(crate) caller: Option<Entry>,
    /// The login session out of which it is asked, if that is known.
    pub(crate) session: Option<Session>,
    /// The processes one of which will lead the session that this login opens.
    pub(crate) opens: Option<[u32; 2]>,
}

impl Facts {
    /// To what a remembered pass can be bound, under this policy at this time.
    pub(crate) fn ties(&self, policy: PolicyDigest, latest: Time) -> Ties {
        let class = Class::of(&self.service);
        // Of several keys the first: whoever has shown them all has shown that one.
        let key = self.ssh.keys().next().filter(|_| class == Some(Class::Ssh)).map(|key| key.fingerprint);
        let address = match self.address {
            Address::Known(address) => Some(address),
            Address::None | Address::Unknown => None,
        };
        let session = self.session.clone().filter(|_| Class::has_no_address(class));
        let opens = self.opens.filter(|_| matches!(class, Some(Class::Ssh | Class::Login | Class::Desktop)));
        Ties { key, address, session, opens, policy, latest }
    }
}

/// What the policy makes of it now.
pub(crate) struct Weighed {
    /// The plan.
    pub(crate) plan: Plan,
    /// The account that is asked.
    pub(crate) account: Account,
    /// What enrolling in it would do about a seat.
    pub(crate) seat: Claim,
    /// The rule that decided.
    pub(crate) rule: String,
    /// The configuration it was weighed under.
    pub(crate) epoch: u64,
}

impl Weighed {
    /// Whether this is somebody who must enroll first, and has been given nothing that would do instead.
    fn is_a_newcomers(&self) -> bool {
        matches!(self.plan, Plan::Enroll(Enroll::AtLogin { .. } | Enroll::Invite { .. } | Enroll::Deny))
            && !self.account.is_enrolled()
            && self.account.temp_code.is_none()
    }
}

impl Facts {
    /// Whether somebody comes over the network and has shown nothing yet: of them not even the name is known to be theirs.
    fn is_before_any_factor(&self) -> bool {
        let nothing_verified = matches!(&self.ssh, SshAuth::Methods(methods) if methods.is_empty());
        Class::of(&self.service) == Some(Class::Ssh) && nothing_verified && !self.password
    }
}

/// Why nothing can be decided.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// No policy, no store, or the store fails: a sentence for the log.
    Broken(String),
    /// The record and the name service disagree about who this is: a sentence for the log.
    Conflict(String),
}

impl Scene {
    /// Whether another factor came before this one.
    pub(crate) fn is_after_another(&self) -> bool {
        matches!(&self.purpose, Purpose::Login(facts) if facts.after_another)
    }

    /// To what this login can be bound; a change of factors, or a word that is not root's, to nothing.
    pub(crate) fn ties(&self, daemon: &Daemon, loaded: &Loaded) -> Ties {
        let (digest, latest) = (loaded.config.digest, Times::now(daemon).latest);
        match &self.purpose {
            Purpose::Login(facts) => facts.ties(digest, latest),
            Purpose::Change | Purpose::Trial => Ties { policy: digest, latest, ..Ties::default() },
        }
    }

    /// Reads the account anew, and evaluates the policy in force.
    pub(crate) async fn weigh(&self, daemon: &Daemon) -> Result<Weighed, Trouble> {
        let loaded = daemon.loaded().ok_or_else(|| Trouble::Broken("there is no valid policy".into()))?;
        match (&self.target, &self.purpose) {
            (None, _) => Ok(nobody(&self.name, &loaded)),
            (Some(target), Purpose::Change | Purpose::Trial) => self.weigh_change(daemon, &loaded, target).await,
            (Some(target), Purpose::Login(facts)) => {
                let weighed = self.weigh_login(daemon, &loaded, target, facts).await?;
                if facts.is_before_any_factor() && weighed.is_a_newcomers() {
                    return Ok(Weighed { rule: weighed.rule, ..nobody(&self.name, &loaded) });
                }
                Ok(weighed)
            }
        }
    }

    async fn weigh_change(&self, daemon: &Daemon, loaded: &Loaded, target: &Entry) -> Result<Weighed, Trouble> {
        let account = snapshot(daemon, &target.identity)?;
        let reach = Reach::of(daemon, loaded, target, self.lane).await;
        let kinds = reach.acceptable(&account);
        let plan = if !account.is_enrolled() && !reach.mail_first(&account, kinds) {
            Plan::Skip(policy::Skip::NotEnrolled)
        } else {
            let verify_user = reach.verifies(&account);
            Plan::Factors(Ask { kinds, verify_user, ask_again: 0, remember: 0 })
        };
        let (seat, rule) = (Claim::NotNeeded, "change of factors".into());
        Ok(Weighed { plan, account, seat, rule, epoch: loaded.epoch })
    }

    async fn weigh_login(
        &self,
        daemon: &Daemon,
        loaded: &Loaded,
        target: &Entry,
        facts: &Facts,
    ) -> Result<Weighed, Trouble> {
        let policy = &loaded.config.policy;
        let login = (target, facts, Times::now(daemon));
        let evaluate = |request: &Request<'_>, standing: &Standing| policy::evaluate(policy, request, standing);
        let decided = decide(daemon, &[policy], self.lane, login, evaluate).await?;
        let rule = policy.rule_name(decided.outcome.rule).to_owned();
        let (who, plan) = (decided.outcome.who, decided.outcome.plan);
        let asked = facts.caller.as_ref().filter(|_| who == Who::Caller).unwrap_or(target);
        let account = decided.parties.asked(who);
        let (plan, seat) = license::settle(daemon, loaded, (asked, &account), (plan, self.lane)).await?;
        Ok(Weighed { plan, account, seat, rule, epoch: loaded.epoch })
    }
}

/// When a login is decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times {
    /// By the clock, or by whoever asks what would be.
    pub(crate) now: Time,
    /// The later of the clock and the newest time on record: by it, what makes a login easier is over.
    pub(crate) latest: Time,
}

impl Times {
    /// Now.
    pub(crate) fn now(daemon: &Daemon) -> Self {
        let now = clock::now();
        let newest = daemon.store().map_or(now, |store| store.newest_time());
        Self { now, latest: now.max(newest) }
    }

    /// As if it were then, by a clock that was never turned back.
    pub(crate) fn supposed(now: Time) -> Self {
        Self { now, latest: now }
    }
}

/// What was decided about a login, and for whom.
pub(crate) struct Decided<T> {
    /// What was decided.
    pub(crate) outcome: T,
    /// The accounts as they were read for it.
    pub(crate) parties: Parties,
}

/// The accounts of a login.
pub(crate) struct Parties {
    /// The one that is logged in to.
    pub(crate) target: Account,
    /// The one of whoever asks, where that is known and matters.
    pub(crate) caller: Option<Account>,
}

impl Parties {
    /// The one that is asked.
    pub(crate) fn asked(self, who: Who) -> Account {
        match (who, self.caller) {
            (Who::Caller, Some(account)) => account,
            _ => self.target,
        }
    }
}

/// Reads everything that these policies weigh of a login, and lets `ask` decide with it: every decision about a login,
/// whether it is carried out or only told, comes from here. Groups are looked up if it turns out that they matter.
pub(crate) async fn decide<T>(
    daemon: &Daemon,
    policies: &[&Policy],
    lane: Lane,
    (target, facts, times): (&Entry, &Facts, Times),
    ask: impl Fn(&Request<'_>, &Standing) -> Result<T, NeedGroups>,
) -> Result<Decided<T>, Trouble> {
    let account = snapshot(daemon, &target.identity)?;
    let caller = match &facts.caller {
        Some(caller) if policies.iter().any(|policy| policy.hangs_on_caller()) => {
            Some((caller, snapshot(daemon, &caller.identity)?))
        }
        _ => None,
    };
    let (mut groups, mut caller_groups): (Option<Groups>, Option<Groups>) = (None, None);
    let outcome = loop {
        let person = caller.as_ref().map(|(entry, account)| Person {
            user: &entry.identity.name,
            groups: caller_groups.as_ref(),
            standing: standing(account),
        });
        let request = request(target, facts, (groups.as_ref(), person), times);
        match ask(&request, &standing(&account)) {
            Ok(outcome) => break outcome,
            Err(NeedGroups { of: Who::Target }) if groups.is_none() => {
                groups = Some(groups_of(daemon, policies, target, lane).await);
            }
            Err(NeedGroups { of: Who::Caller }) if caller_groups.is_none() => {
                let asked = caller.as_ref().map_or(target, |(entry, _)| entry);
                caller_groups = Some(groups_of(daemon, policies, asked, lane).await);
            }
            Err(NeedGroups { .. }) => return Err(Trouble::Broken("the policy asks for groups twice".into())),
        }
    };
    Ok(Decided { outcome, parties: Parties { target: account, caller: caller.map(|(_, account)| account) } })
}

fn request<'a>(
    target: &'a Entry,
    facts: &'a Facts,
    (groups, caller): (Option<&'a Groups>, Option<Person<'a>>),
    Times { now, latest }: Times,
) -> Request<'a> {
    Request {
        user: &target.identity.name,
        service: &facts.service,
        address: facts.address,
        origin: facts.origin,
        ssh: facts.ssh.clone(),
        caller: caller.map_or(Caller::Unknown, Caller::Known),
        groups,
        local_time: clock::local(now),
        now,
        behind: latest.since(now),
    }
}

/// An account of which only the name is known is asked like one that has an app, and never passes: whether it exists,
/// and has a factor, is not for strangers to learn.
fn nobody(name: &str, loaded: &Rc<Loaded>) -> Weighed {
    let identity = Identity { uid: u32::MAX, name: name.to_owned() };
    let plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: false, ask_again: 0, remember: 0 });
    let (account, seat) = (Account::absent(identity), Claim::NotNeeded);
    Weighed { plan, account, seat, rule: "no such account".into(), epoch: loaded.epoch }
}

/// One consistent read; failing is never "nothing is enrolled".
pub(crate) fn snapshot(daemon: &Daemon, whose: &Identity) -> Result<Account, Trouble> {
    let store = daemon.store().map_err(Trouble::Broken)?;
    match store.snapshot(whose) {
        Ok(Snapshot::Account(account)) => Ok(Account { mailbox: mailbox(daemon, &account), ..account }),
        Ok(Snapshot::Conflict(conflict)) => Err(Trouble::Conflict(conflict.to_string())),
        Err(error) => Err(Trouble::Broken(error.to_string())),
    }
}

/// Where codes for this account can be mailed, as the settings in force say.
fn mailbox(daemon: &Daemon, account: &Account) -> Option<Mailbox> {
    let loaded = daemon.loaded()?;
    let mail = &loaded.config.settings.mail;
    mail.mailbox(&account.identity.name, account.address.as_ref(), daemon.mail_goes_out.get())
}

/// The account's place in all groups that rules of these policies hang on.
pub(crate) async fn groups_of(daemon: &Daemon, policies: &[&Policy], entry: &Entry, lane: Lane) -> Groups {
    let names: BTreeSet<&str> = policies.iter().flat_map(|policy| policy.group_names()).collect();
    if names.is_empty() {
        return Groups::default();
    }
    let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
    daemon.accounts.groups(entry, &names, lane).await
}

/// What the policy wants to know of an account's factors.
pub(crate) fn standing(account: &Account) -> Standing {
    Standing {
        enrolled: account.enrolled(),
        given: account.mailbox.iter().map(|_| Kind::Email).collect(),
        grace_began: account.grace_began,
        invited_only: account.invited_only,
    }
}
