//! A policy after parsing: only valid values, every rule complete with what `[defaults]` lends it.

use super::calendar::{DAY, End};
use super::condition::Condition;
use super::service::Services;
use crate::factor::Kinds;
use std::collections::{BTreeMap, BTreeSet};

/// When a factor is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// `always`: from everybody.
    Always,
    /// `if-enrolled`: from whoever has enrolled one.
    IfEnrolled,
    /// `observe`: from nobody; what `always` would do is decided and recorded.
    Observe,
    /// `never`: from nobody.
    Never,
}

impl Requirement {
    pub(super) const WORDS: [(&'static str, Self); 4] = [
        ("always", Self::Always),
        ("if-enrolled", Self::IfEnrolled),
        ("observe", Self::Observe),
        ("never", Self::Never),
    ];

    /// The policy's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Always => "always",
            Self::IfEnrolled => "if-enrolled",
            Self::Observe => "observe",
            Self::Never => "never",
        }
    }

    /// How much it asks, least first; for warnings, which know no account.
    pub(super) fn rank(self) -> u8 {
        match self {
            Self::Never | Self::Observe => 0,
            Self::IfEnrolled => 1,
            Self::Always => 2,
        }
    }
}

/// What becomes of somebody who must show a factor and has enrolled none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enrolling {
    /// `at-login`: they enroll one now.
    AtLogin,
    /// `grace`: they may do so later, for a while.
    Grace,
    /// `invite`: they enroll one now, with a code from an administrator.
    Invite,
    /// `deny`: they are refused.
    Deny,
}

impl Enrolling {
    pub(super) const WORDS: [(&'static str, Self); 4] =
        [("at-login", Self::AtLogin), ("grace", Self::Grace), ("invite", Self::Invite), ("deny", Self::Deny)];
}

/// How long `enroll = "grace"` waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grace {
    /// `grace`: seconds from when the account was first told.
    For(i64),
    /// `enroll_by`: the same last moment for everybody.
    By(End),
}

/// Whom `users` and `groups` of a rule are about, and who is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Who {
    /// The account that is logged in to.
    #[default]
    Target,
    /// `caller`: the one who is logged in and asks (su, sudo, pkexec). At services where one logs in, or unlocks
    /// one's own session, that is the account itself.
    Caller,
}

impl Who {
    pub(super) const WORDS: [(&'static str, Self); 2] = [("target", Self::Target), ("caller", Self::Caller)];
}

/// What is asked, once a rule has matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// `require`
    pub require: Requirement,
    /// `factors`: the kinds that will do.
    pub factors: Kinds,
    /// `own_factors`: any other kind that the user has enrolled will do as well.
    pub own_factors: bool,
    /// `verify_user`: of a key a touch is not enough, it must have checked a PIN or a fingerprint as well.
    pub verify_user: bool,
    /// `enroll`
    pub enroll: Enrolling,
    /// `grace` or `enroll_by`
    pub grace: Grace,
    /// `ask_again`: seconds in which the same key and address, or session, are not asked again.
    pub ask_again: u32,
    /// `remember`: seconds for which users may ask to be remembered; 0: they may not.
    pub remember: u32,
}

impl Settings {
    /// What holds where no file says otherwise.
    pub(super) const BUILT_IN: Self = Self {
        require: Requirement::IfEnrolled,
        factors: Kinds::ALL,
        own_factors: true,
        verify_user: false,
        enroll: Enrolling::AtLogin,
        grace: Grace::For(14 * DAY),
        ask_again: 0,
        remember: 0,
    };
}

/// A rule: if all its conditions hold, its settings do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) name: String,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) who: Who,
    pub(super) conditions: Vec<Condition>,
    pub(super) settings: Settings,
    /// The keys that the rule itself writes.
    pub(super) written: Vec<&'static str>,
}

impl Rule {
    /// Its name, or `rule 3` for the third one without.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file and line where it begins.
    #[must_use]
    pub fn place(&self) -> (&str, usize) {
        (&self.file, self.line)
    }

    /// Whom it is about.
    #[must_use]
    pub fn who(&self) -> Who {
        self.who
    }

    /// Its conditions, in the order in which they are tried. `services` is always among them.
    #[must_use]
    pub fn conditions(&self) -> &[Condition] {
        &self.conditions
    }

    /// What it asks, with what `[defaults]` lends it.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whether the rule itself writes this key.
    #[must_use]
    pub fn writes(&self, key: &str) -> bool {
        self.written.contains(&key)
    }
}

/// A whole policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    services: Services,
    defaults: Settings,
    rules: Vec<Rule>,
    groups: Vec<Box<str>>,
    probes: Vec<Box<str>>,
}

impl Policy {
    /// The policy of an empty file: whoever has enrolled a factor is asked for it, everywhere.
    #[must_use]
    pub fn built_in() -> Self {
        Self::new(Services::all_classes(), Settings::BUILT_IN, Vec::new())
    }

    pub(super) fn new(services: Services, defaults: Settings, rules: Vec<Rule>) -> Self {
        let conditions = rules.iter().flat_map(|rule| &rule.conditions);
        let mut groups: Vec<Box<str>> = conditions
            .filter_map(|condition| if let Condition::Groups(names) = condition { Some(names) } else { None })
            .flat_map(|names| names.iter().map(Box::from))
            .collect();
        groups.sort_unstable();
        groups.dedup();
        let probes = probes(&services, &rules);
        Self { services, defaults, rules, groups, probes }
    }

    /// The rules, in the order in which they are tried.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The name of the rule that decided ([`super::Decision::rule`]), `defaults` if none did.
    #[must_use]
    pub fn rule_name(&self, rule: Option<usize>) -> &str {
        rule.and_then(|index| self.rules.get(index)).map_or("defaults", Rule::name)
    }

    /// What holds where no rule matches.
    #[must_use]
    pub fn defaults(&self) -> &Settings {
        &self.defaults
    }

    /// The services that `[defaults]` covers.
    #[must_use]
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// Every group that a rule hangs on, each once, in order.
    pub fn group_names(&self) -> impl Iterator<Item = &str> {
        self.groups.iter().map(AsRef::as_ref)
    }

    /// Whether a rule is about the caller, so that the caller of `su` and `sudo` must be found out.
    #[must_use]
    pub fn hangs_on_caller(&self) -> bool {
        self.rules.iter().any(|rule| rule.who == Who::Caller)
    }

    /// Whether some rule, or `[defaults]`, covers the service at all.
    #[must_use]
    pub fn covers(&self, service: &str) -> bool {
        self.services.contains(service) || self.rules.iter().filter_map(rule_services).any(|own| own.contains(service))
    }

    /// One service for each set of services that all rules treat alike: what holds for these holds for every one that
    /// the policy covers.
    pub(super) fn probes(&self) -> impl Iterator<Item = &str> {
        self.probes.iter().map(AsRef::as_ref)
    }
}

pub(super) fn rule_services(rule: &Rule) -> Option<&Services> {
    rule.conditions.iter().find_map(|condition| match condition {
        Condition::Services(services) => Some(services),
        _ => None,
    })
}

fn probes(services: &Services, rules: &[Rule]) -> Vec<Box<str>> {
    let sets: Vec<&Services> = std::iter::once(services).chain(rules.iter().filter_map(rule_services)).collect();
    let mut alike: BTreeMap<Vec<bool>, &str> = BTreeMap::new();
    let services: BTreeSet<&str> = sets.iter().flat_map(|set| set.iter()).collect();
    for service in services {
        alike.entry(sets.iter().map(|set| set.contains(service)).collect()).or_insert(service);
    }
    alike.into_values().map(Box::from).collect()
}
