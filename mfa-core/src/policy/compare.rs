//! What another policy would change for an account: where it is asked for more or for less, where it must enroll first,
//! and where it can get in no longer.
//!
//! From where and how somebody will come is not known here, so every service is tried with every condition that hangs on
//! that taken as Unknown, and all that may decide is looked at: something is *always* so if it is whatever those
//! conditions turn out to be, and *sometimes* if it hangs on them.

use super::calendar::LocalTime;
use super::evaluate::walk;
use super::facts::{Address, Caller, Origin, Person, Request, Standing};
use super::model::{Policy, rule_services};
use super::plan::{Deny, Enroll, Plan, Skip, plan};
use super::reach::Subject;
use super::service::{Class, Services};
use super::ssh_auth::SshAuth;
use crate::factor::{Kind, Kinds};
use std::collections::{BTreeMap, BTreeSet};

/// Two policies, ready to be compared for many accounts.
#[derive(Debug)]
pub struct Comparison<'p> {
    old: Option<&'p Policy>,
    new: &'p Policy,
    probes: Vec<Probe>,
}

/// One service for all that both policies treat alike, and what people call these.
#[derive(Debug)]
struct Probe {
    service: Box<str>,
    words: Vec<Box<str>>,
}

/// What changes for an account. Services are named as the policy does: `@ssh`, `cups`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Where it is asked, and was not, or only sometimes.
    pub newly_asked: Vec<String>,
    /// Where it is not asked any more, or only sometimes.
    pub less_asked: Vec<String>,
    /// Where its keys must check a PIN or a fingerprint, and need not, or only sometimes.
    pub newly_verified: Vec<String>,
    /// Where it cannot get in, however it comes.
    pub locked_out: Option<Refused>,
    /// Where it cannot get in, for some ways in which it may come.
    pub sometimes_locked_out: Option<Refused>,
    /// How it gets a factor, where it must have one and has none.
    pub enrolls: Option<Enrolls>,
    /// The conditions on which it hangs which of these it is.
    pub depends_on: BTreeSet<&'static str>,
}

/// Where an account cannot get in, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Where.
    pub services: Vec<String>,
    /// The rule that says so at the first of them; `None`: `[defaults]`.
    pub rule: Option<usize>,
    /// The kinds of factor that would do.
    pub needs: Kinds,
    /// Whether it is so at all of these under the old policy, too.
    pub as_before: bool,
}

/// How an account gets its first factor; the one that leaves the least choice comes last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Enrolls {
    /// In a while: until then it gets in without.
    Later,
    /// In its next login.
    AtLogin,
    /// By itself, before it can do this again: the service cannot show what enrolling needs.
    Elsewhere,
    /// With a code from an administrator.
    Invited,
}

impl Enrolls {
    /// The word in answers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Later => "later",
            Self::AtLogin => "at-login",
            Self::Elsewhere => "elsewhere",
            Self::Invited => "invited",
        }
    }
}

impl Change {
    /// Whether there is nothing to tell.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.newly_asked.is_empty()
            && self.less_asked.is_empty()
            && self.newly_verified.is_empty()
            && self.locked_out.is_none()
            && self.sometimes_locked_out.is_none()
            && self.enrolls.is_none()
    }
}

impl<'p> Comparison<'p> {
    /// The policy that holds (`None`: nothing is asked) and the one that would.
    #[must_use]
    pub fn new(old: Option<&'p Policy>, new: &'p Policy) -> Self {
        let sets: Vec<&Services> = old.into_iter().chain([new]).flat_map(Policy::service_sets).collect();
        let mut alike: BTreeMap<Vec<bool>, BTreeSet<&str>> = BTreeMap::new();
        for service in sets.iter().flat_map(|set| set.iter()) {
            let named = sets.iter().map(|set| set.contains(service));
            alike.entry(nature(service).into_iter().chain(named).collect()).or_default().insert(service);
        }
        let probes = alike.into_values().filter_map(|services| Probe::of(&services)).collect();
        Self { old, new, probes }
    }

    /// Every group that a rule of either hangs on, each once, in order.
    #[must_use]
    pub fn group_names(&self) -> BTreeSet<&'p str> {
        self.old.into_iter().chain([self.new]).flat_map(Policy::group_names).collect()
    }

    /// What changes for this account. The civil time is for the end of a time to enroll; at what hours somebody will
    /// come is not known.
    #[must_use]
    pub fn change(&self, subject: &Subject<'_>, standing: Standing, local: Option<LocalTime>) -> Change {
        let mut change = Change::default();
        for probe in &self.probes {
            let outlook = |policy| Outlook::of(policy, probe, (subject, standing, local));
            let (old, new) = (self.old.map_or_else(Outlook::default, outlook), outlook(self.new));
            change.add(probe, &old, &new);
        }
        change.in_order()
    }
}

impl Probe {
    /// The services of one kind of treatment; a class that is among them as a whole is called by its name.
    fn of(services: &BTreeSet<&str>) -> Option<Self> {
        let word = |service: &&str| -> Box<str> {
            match Class::of(service) {
                Some(class) if class.members().iter().all(|member| services.contains(member)) => class.as_str().into(),
                _ => (*service).into(),
            }
        };
        let words: BTreeSet<Box<str>> = services.iter().map(word).collect();
        Some(Self { service: (*services.first()?).into(), words: words.into_iter().collect() })
    }
}

/// All that may become of a login at a service.
#[derive(Default)]
struct Outlook {
    may: Vec<(Option<usize>, Plan)>,
    /// What the account has that can be shown there.
    usable: Kinds,
    hangs_on: BTreeSet<&'static str>,
}

impl Outlook {
    fn of(
        policy: &Policy,
        probe: &Probe,
        (subject, standing, local): (&Subject<'_>, Standing, Option<LocalTime>),
    ) -> Self {
        let request = request(subject, &probe.service, standing);
        let mut outlook = Self { usable: showable(&request, standing), ..Self::default() };
        let walked = walk(policy, &request, &mut |step| {
            // A rule that matches for sure ends the walk, one that does not is none of it.
            if step.truth == super::Truth::False {
                return;
            }
            let what = step
                .settings
                .map_or(Plan::Skip(Skip::ServiceNotCovered), |settings| plan(settings, standing, subject.now, local));
            outlook.may.push((step.rule.map(|(index, _)| index), what));
            outlook.hangs_on.extend(step.because.map(super::Condition::key));
        });
        if walked.is_err() {
            // Groups are given, so that none are needed; were one, nobody could say what becomes of it.
            outlook.may.push((None, Plan::Enroll(Enroll::Deny)));
        }
        outlook
    }

    fn asked(&self) -> Level {
        Level::of(self.may.iter().map(|(_, plan)| !plan.passes()))
    }

    fn refused(&self) -> Level {
        Level::of(self.may.iter().map(|(_, plan)| needs(plan, self.usable).is_some()))
    }

    fn verified(&self) -> Level {
        let keys = |kinds: Kinds| kinds.intersection(self.usable).iter().any(Kind::is_key);
        Level::of(
            self.may.iter().map(|(_, plan)| matches!(plan, Plan::Factors(ask) if ask.verify_user && keys(ask.kinds))),
        )
    }

    fn refusal(&self) -> Option<(Option<usize>, Kinds)> {
        self.may.iter().find_map(|(rule, plan)| needs(plan, self.usable).map(|needs| (*rule, needs)))
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Never,
    Sometimes,
    Always,
}

impl Level {
    fn of(cases: impl Iterator<Item = bool>) -> Self {
        let (mut some, mut all) = (false, true);
        for case in cases {
            some |= case;
            all &= case;
        }
        match (some, all) {
            (false, _) => Self::Never,
            (true, false) => Self::Sometimes,
            (true, true) => Self::Always,
        }
    }
}

impl Change {
    fn add(&mut self, probe: &Probe, old: &Outlook, new: &Outlook) {
        let words = || probe.words.iter().map(|word| String::from(&**word));
        let (before, after) = (old.asked(), new.asked());
        if after > before {
            self.newly_asked.extend(words());
        } else if after < before {
            self.less_asked.extend(words());
        }
        if after != before {
            for (_, outlook) in [(before, old), (after, new)].iter().filter(|(level, _)| *level == Level::Sometimes) {
                self.depends_on.extend(&outlook.hangs_on);
            }
        }
        if new.verified() > old.verified() {
            self.newly_verified.extend(words());
        }
        let place = match new.refused() {
            Level::Always => &mut self.locked_out,
            Level::Sometimes => &mut self.sometimes_locked_out,
            Level::Never => return self.enroll(new, probe),
        };
        let Some((rule, needs)) = new.refusal() else { return };
        let as_before = old.refused() >= new.refused();
        let refused = place.get_or_insert_with(|| Refused { services: Vec::new(), rule, needs, as_before: true });
        refused.services.extend(words());
        refused.as_before &= as_before;
        if new.refused() == Level::Sometimes {
            self.depends_on.extend(&new.hangs_on);
        }
    }

    /// Services in the order in which people read of them.
    fn in_order(mut self) -> Self {
        let refused = [&mut self.locked_out, &mut self.sometimes_locked_out].into_iter().flatten();
        let lists = refused.map(|refused| &mut refused.services);
        for words in lists.chain([&mut self.newly_asked, &mut self.less_asked, &mut self.newly_verified]) {
            words.sort_unstable_by_key(|word| {
                let class = Class::ALL.iter().position(|class| class.as_str() == word);
                (class.unwrap_or(usize::MAX), word.clone())
            });
        }
        self
    }

    /// Where all that asks asks to enroll, the account must.
    fn enroll(&mut self, new: &Outlook, probe: &Probe) {
        let [_, _, shown] = nature(&probe.service);
        let how = new.may.iter().filter(|(_, plan)| !plan.passes()).map(|(_, plan)| match plan {
            Plan::Enroll(Enroll::Grace { .. }) => Some(Enrolls::Later),
            Plan::Enroll(Enroll::AtLogin { .. }) if shown => Some(Enrolls::AtLogin),
            Plan::Enroll(Enroll::AtLogin { .. }) => Some(Enrolls::Elsewhere),
            Plan::Enroll(Enroll::Invite { .. }) => Some(Enrolls::Invited),
            _ => None,
        });
        // Whoever enrolls at a login need not do so elsewhere.
        let rank = |how: &Enrolls| (*how != Enrolls::Elsewhere, *how);
        if let Some(how) = how.flatten().chain(self.enrolls).max_by_key(rank) {
            self.enrolls = Some(how);
        }
    }
}

/// What would be needed where this plan lets nobody in who can show this; `None` where it may.
fn needs(plan: &Plan, usable: Kinds) -> Option<Kinds> {
    match plan {
        Plan::Factors(ask) if ask.kinds.intersection(usable).is_empty() => Some(ask.kinds),
        Plan::Deny(Deny::NoUsableFactor { needs }) => Some(*needs),
        Plan::Deny(Deny::CallerUnknown | Deny::SeatsFull) | Plan::Enroll(Enroll::Deny) => Some(Kinds::NONE),
        Plan::Enroll(Enroll::AtLogin { kinds } | Enroll::Invite { kinds }) if !can_enroll_one_of(*kinds) => {
            Some(*kinds)
        }
        Plan::Enroll(_) | Plan::Factors(_) | Plan::Skip(_) | Plan::Observe(_) => None,
    }
}

/// The kinds that an account of this standing can show in such a login, as far as that is known: a key that is plugged in
/// is never touched from elsewhere, and an SSH key has been shown to sshd or to nobody.
#[must_use]
pub fn showable(request: &Request<'_>, standing: Standing) -> Kinds {
    let is_ssh = Class::of(request.service) == Some(Class::Ssh);
    let ssh_key = is_ssh
        && match &request.ssh {
            SshAuth::Unknown => true,
            SshAuth::Methods(_) => request.ssh.keys().any(|key| key.security_key),
        };
    let has = standing.enrolled.union(standing.given);
    let has = if ssh_key { has } else { has.without(Kind::SshKey) };
    if is_ssh || request.origin == Some(Origin::Remote) { has.without(Kind::SecurityKey) } else { has }
}

/// Whether a login can enroll one of these.
fn can_enroll_one_of(kinds: Kinds) -> bool {
    kinds.contains(Kind::Totp)
}

/// What a service itself says of its logins: whether sshd verifies something, whether there can be an address, whether
/// enrolling can be shown.
fn nature(service: &str) -> [bool; 3] {
    let class = Class::of(service);
    [class == Some(Class::Ssh), Class::has_no_address(class), matches!(class, Some(Class::Ssh | Class::Login))]
}

/// The account at this service, whichever way it comes in. What the service itself says is known: nobody comes to sudo
/// from an address, and sshd verifies nothing for a console.
fn request<'a>(subject: &Subject<'a>, service: &'a str, standing: Standing) -> Request<'a> {
    let [is_ssh, has_no_address, _] = nature(service);
    Request {
        user: subject.user,
        service,
        address: if has_no_address { Address::None } else { Address::Unknown },
        origin: None,
        ssh: if is_ssh { SshAuth::Unknown } else { SshAuth::Methods(Vec::new()) },
        caller: Caller::Known(Person { user: subject.user, groups: Some(subject.groups), standing }),
        groups: Some(subject.groups),
        local_time: None,
        now: subject.now,
        behind: 0,
    }
}

/// How a login can be spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Nobody can be asked anything: the account phase of a login by key alone.
    Silent,
    /// Questions can be asked.
    Interactive,
    /// Questions can be asked, on a terminal on which enrolling can be shown.
    Terminal,
}

/// Whether such a login gets in under this plan, given that its answers are right and these kinds can be shown.
#[must_use]
pub fn gets_in(plan: &Plan, way: Way, showable: Kinds) -> bool {
    match plan {
        Plan::Skip(_) | Plan::Observe(_) | Plan::Enroll(Enroll::Grace { .. }) => true,
        Plan::Factors(ask) => way != Way::Silent && !ask.kinds.intersection(showable).is_empty(),
        Plan::Enroll(Enroll::AtLogin { kinds }) => way == Way::Terminal && can_enroll_one_of(*kinds),
        Plan::Enroll(Enroll::Invite { .. } | Enroll::Deny) | Plan::Deny(_) => false,
    }
}

impl Policy {
    /// What `[defaults]` and each rule are for.
    fn service_sets(&self) -> impl Iterator<Item = &Services> {
        std::iter::once(self.services()).chain(self.rules().iter().filter_map(rule_services))
    }
}
