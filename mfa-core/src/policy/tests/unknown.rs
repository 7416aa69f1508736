//! What is not known never makes a login easier: random policies, random logins, and every fact taken away in turn.

use super::{NOW, decide, decider, enrolled, phone, plan, policy, request};
use crate::factor::{Kind, Kinds};
use crate::policy::{
    Address, Caller, Decision, Deny, Groups, LocalTime, Origin, Person, Plan, Policy, Request, Skip, SshAuth, Standing,
    Strictness, Truth, evaluate, explain, local_time,
};
use proptest::prelude::*;

#[test]
fn an_unknown_address_does_not_exempt_and_does_not_spare() {
    let exempt = policy("[defaults]\nrequire=\"always\"\n[[rule]]\nfrom=[\"10.0.0.0/8\"]\nrequire=\"never\"\n");
    let strict = policy("[[rule]]\nnot_from=[\"10.0.0.0/8\"]\nrequire=\"always\"\n");
    let groups = Groups::unknown();
    let named = Request { address: Address::of_rhost(Some("inside.example")), ..request(&groups) };
    assert!(matches!(plan(&exempt, &named, phone()), Plan::Factors(_)));
    assert_eq!(decider(&exempt, &named, phone()), "defaults");
    assert_eq!(decider(&strict, &named, phone()), "rule 1");
    assert!(!decide(&strict, &named, phone()).certain);
}

#[test]
fn strict_rules_hold_when_the_directory_does_not_answer() {
    let policy = policy(super::deciding::SITE);
    let unknown = Groups::unknown();
    let needs = [Kind::SecurityKey, Kind::SshKey, Kind::BackupCode].into_iter().collect::<Kinds>();
    let phone_only = enrolled(&[Kind::Totp]);
    assert_eq!(plan(&policy, &request(&unknown), phone_only), Plan::Deny(Deny::NoUsableFactor { needs }));
    assert_eq!(decider(&policy, &request(&unknown), enrolled(&[])), "production needs a hardware key");
}

#[test]
fn an_unknown_rule_counts_though_what_follows_is_stricter_than_nothing() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\nfactors=[\"security-key\"]\nown_factors=false\n\
         [[rule]]\norigin=\"local\"\nfactors=[\"totp\",\"security-key\"]\nask_again=\"8h\"\n",
    );
    let groups = Groups::unknown();
    let nowhere = Request { origin: None, ..request(&groups) };
    assert_eq!(decider(&policy, &nowhere, enrolled(&[Kind::Totp, Kind::SecurityKey])), "defaults", "the rule relaxes");
}

#[test]
fn what_may_be_remembered_is_the_least_of_what_may_hold() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\nask_again=\"1h\"\nremember=\"1d\"\n\
         [[rule]]\norigin=\"local\"\nfactors=[\"totp\"]\nown_factors=false\nask_again=\"8h\"\nremember=\"0s\"\n",
    );
    let groups = Groups::unknown();
    let decision = decide(&policy, &Request { origin: None, ..request(&groups) }, phone());
    let Plan::Factors(ask) = decision.plan else { panic!("{decision:?}") };
    assert_eq!((decision.rule, ask.ask_again, ask.remember), (Some(0), 3600, 0));
}

#[test]
fn between_two_that_ask_nothing_the_one_that_is_sure_decides() {
    let policy = policy("[[rule]]\norigin=\"local\"\nrequire=\"never\"\n");
    let groups = Groups::unknown();
    let decision = decide(&policy, &Request { origin: None, ..request(&groups) }, enrolled(&[]));
    assert_eq!((decision.rule, decision.plan), (None, Plan::Skip(Skip::NotEnrolled)));
}

/// Everything a decision can hang on, known.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) user: &'static str,
    pub(super) service: &'static str,
    address: Option<[u8; 4]>,
    origin: Origin,
    ssh: &'static str,
    caller: &'static str,
    offset: i32,
    target_groups: [bool; 2],
    caller_groups: [bool; 2],
    pub(super) target: Standing,
    callers: Standing,
}

/// Which facts are taken away.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    address: bool,
    origin: bool,
    ssh: bool,
    caller: bool,
    local_time: bool,
    target_groups: [bool; 2],
    caller_groups: [bool; 2],
}

const NAMES: [&str; 2] = ["sre", "staff"];

impl World {
    /// The same, asking for oneself, as it can be at its service: nobody comes to sudo from an address.
    pub(super) fn of_one_person(self) -> Self {
        let mut world = Self { caller: self.user, ..self };
        if matches!(world.service, "su" | "sudo" | "swaylock") {
            world.address = None;
        }
        if world.service != "sshd" {
            world.ssh = "";
        }
        world
    }

    /// What is decided, everything known.
    pub(super) fn known(&self, policy: &Policy) -> Decision {
        self.decide(policy, KNOWN).0
    }

    /// What can be shown, whichever way somebody comes to the service.
    pub(super) fn showable(&self) -> Kinds {
        let out_of_place = if self.service == "sshd" { Kind::SecurityKey } else { Kind::SshKey };
        self.target.enrolled.union(self.target.given).without(out_of_place)
    }

    pub(super) fn local_time(&self) -> Option<LocalTime> {
        local_time(NOW, self.offset)
    }

    pub(super) fn target_groups(&self) -> Vec<(&'static str, Truth)> {
        NAMES.iter().copied().zip(self.target_groups.map(Truth::from)).collect()
    }

    fn groups(member: [bool; 2], hidden: [bool; 2]) -> Groups {
        let truth = |index: usize| if hidden[index] { Truth::Unknown } else { member[index].into() };
        NAMES.iter().enumerate().map(|(index, name)| (*name, truth(index))).collect()
    }

    fn decide(&self, policy: &Policy, hidden: Hidden) -> (Decision, Strictness) {
        let groups = Self::groups(self.target_groups, hidden.target_groups);
        let callers = Self::groups(self.caller_groups, hidden.caller_groups);
        let same = self.caller == self.user;
        let standing = if same { self.target } else { self.callers };
        let person = Person { user: self.caller, groups: Some(if same { &groups } else { &callers }), standing };
        let request = Request {
            user: self.user,
            service: self.service,
            address: match self.address {
                _ if hidden.address => Address::Unknown,
                None => Address::None,
                Some(known) => Address::Known(known.into()),
            },
            origin: (!hidden.origin).then_some(self.origin),
            ssh: if hidden.ssh { SshAuth::Unknown } else { SshAuth::parse(self.ssh) },
            caller: if hidden.caller { Caller::Unknown } else { Caller::Known(person) },
            groups: Some(&groups),
            local_time: if hidden.local_time { None } else { local_time(NOW, self.offset) },
            now: NOW,
            behind: 0,
        };
        let decision = decide(policy, &request, self.target);
        assert_eq!(explain(policy, &request, &self.target).expect("groups are given").decision, decision);
        if let Ok(early) = evaluate(policy, &Request { groups: None, ..request.clone() }, &self.target) {
            assert_eq!(early, decision, "without groups the decision is the same, or there is none");
        }
        let asked = if decision.who == crate::policy::Who::Caller { standing } else { self.target };
        let strictness = decision.plan.strictness(asked);
        (decision, strictness)
    }
}

const KNOWN: Hidden = Hidden {
    address: false,
    origin: false,
    ssh: false,
    caller: false,
    local_time: false,
    target_groups: [false; 2],
    caller_groups: [false; 2],
};

fn any_standing() -> impl Strategy<Value = Standing> {
    let kinds = prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..4);
    (kinds, prop::option::of(0..2_000_000_i64)).prop_map(|(kinds, ago)| Standing {
        given: Kinds::NONE,
        invited_only: false,
        enrolled: kinds.into_iter().collect(),
        grace_began: ago.map(|ago| NOW.plus(-ago)),
    })
}

pub(super) fn any_world() -> impl Strategy<Value = World> {
    let who = (prop::sample::select(vec!["alice", "bob", "root"]), prop::sample::select(vec!["alice", "bob", "root"]));
    let service = prop::sample::select(vec!["sshd", "su", "sudo", "swaylock", "cups"]);
    let address = prop::option::of(prop::sample::select(vec![[10, 0, 0, 1], [192, 0, 2, 1]]));
    let origin = prop::sample::select(vec![Origin::Local, Origin::Remote]);
    let ssh = prop::sample::select(vec!["", "password\n", "gssapi-with-mic\n"]);
    let groups = (any::<[bool; 2]>(), any::<[bool; 2]>());
    let standings = (any_standing(), any_standing());
    (who, service, address, origin, ssh, -43_200..50_400_i32, groups, standings).prop_map(
        |((user, caller), service, address, origin, ssh, offset, (target_groups, caller_groups), (target, callers))| {
            World { user, service, address, origin, ssh, caller, offset, target_groups, caller_groups, target, callers }
        },
    )
}

fn any_hidden() -> impl Strategy<Value = Hidden> {
    (any::<[bool; 5]>(), any::<[bool; 2]>(), any::<[bool; 2]>()).prop_map(|(facts, target_groups, caller_groups)| {
        let [address, origin, ssh, caller, local_time] = facts;
        Hidden { address, origin, ssh, caller, local_time, target_groups, caller_groups }
    })
}

fn any_conditions() -> impl Strategy<Value = String> {
    let all = vec![
        "users=[\"alice\"]",
        "groups=[\"sre\"]",
        "groups=[\"staff\"]",
        "groups=[\"sre\",\"staff\"]",
        "services=[\"@ssh\"]",
        "services=[\"@su\",\"@sudo\",\"cups\"]",
        "from=[\"10.0.0.0/8\"]",
        "not_from=[\"10.0.0.0/8\"]",
        "origin=\"local\"",
        "origin=\"remote\"",
        "ssh_auth=[\"gssapi-with-mic\"]",
        "hours=[\"08:00-18:00\"]",
        "until=2026-11-23",
        "until=2026-11-22",
        "who=\"caller\"",
    ];
    prop::collection::vec(prop::sample::select(all), 1..4).prop_map(|lines| {
        let mut keys: Vec<&str> = Vec::new();
        let mut text = String::new();
        for line in lines {
            let key = line.split('=').next().expect("a key");
            if !keys.contains(&key) {
                keys.push(key);
                text.push_str(line);
                text.push('\n');
            }
        }
        text
    })
}

fn any_settings() -> impl Strategy<Value = String> {
    let require = prop::sample::select(vec!["always", "if-enrolled", "observe", "never"]);
    let factors = prop::sample::select(vec![
        "",
        "factors=[\"totp\",\"backup-code\"]",
        "factors=[\"security-key\",\"ssh-key\"]",
        "factors=[\"email\"]",
    ]);
    let enroll = prop::sample::select(vec![
        "",
        "enroll=\"grace\"",
        "enroll=\"grace\"\nenroll_by=2026-11-23",
        "enroll=\"invite\"",
        "enroll=\"deny\"",
    ]);
    let again =
        prop::sample::select(vec!["", "ask_again=\"8h\"", "remember=\"7d\"\nask_again=\"1m\"", "verify_user=true"]);
    (require, factors, any::<bool>(), enroll, again).prop_map(|(require, factors, own, enroll, again)| {
        format!("require=\"{require}\"\n{factors}\nown_factors={own}\n{enroll}\n{again}\n")
    })
}

pub(super) fn any_policy() -> impl Strategy<Value = Policy> {
    (any_settings(), prop::collection::vec((any_conditions(), any_settings()), 0..5)).prop_map(|(defaults, rules)| {
        let rules = rules.into_iter().map(|(conditions, settings)| {
            let services = if conditions.starts_with("who") && conditions.lines().count() == 1 {
                "services=[\"@su\"]\n"
            } else {
                ""
            };
            format!("[[rule]]\n{conditions}{services}{settings}")
        });
        policy(&format!("[defaults]\n{defaults}{}", rules.collect::<String>()))
    })
}

fn asks(plan: &Plan) -> Option<(u32, u32, bool)> {
    if let Plan::Factors(ask) = plan { Some((ask.ask_again, ask.remember, ask.verify_user)) } else { None }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The one that matters.
    #[test]
    fn not_knowing_never_makes_a_login_easier(policy in any_policy(), world in any_world(), hidden in any_hidden()) {
        let (known, known_strictness) = world.decide(&policy, KNOWN);
        let (blind, blind_strictness) = world.decide(&policy, hidden);
        prop_assert!(known.certain);
        prop_assert!(blind_strictness >= known_strictness, "known: {known:?}\nblind: {blind:?}");
        prop_assert!(known.plan.passes() || !blind.plan.passes());
        if let (Some(known), Some(blind)) = (asks(&known.plan), asks(&blind.plan)) {
            prop_assert!(blind.0 <= known.0 && blind.1 <= known.1, "remembered for longer");
            prop_assert!(blind.2 >= known.2, "a touch is enough");
        }
        if blind.certain {
            prop_assert_eq!(blind.rule, known.rule, "what is certain is so");
            if !hidden.caller && !hidden.local_time {
                prop_assert_eq!(blind.plan, known.plan);
            }
        }
    }

    #[test]
    fn a_plan_that_asks_can_be_answered(policy in any_policy(), world in any_world(), hidden in any_hidden()) {
        let (decision, _) = world.decide(&policy, hidden);
        let standing = if decision.who == crate::policy::Who::Caller { world.callers } else { world.target };
        match decision.plan {
            Plan::Factors(ask) => prop_assert!(!ask.kinds.intersection(standing.enrolled).is_empty()),
            Plan::Deny(Deny::NoUsableFactor { needs }) => {
                prop_assert!(standing.is_enrolled());
                prop_assert!(needs.intersection(standing.enrolled).is_empty());
            }
            Plan::Enroll(_) | Plan::Skip(Skip::NotEnrolled) => prop_assert!(!standing.is_enrolled()),
            _ => {}
        }
    }

    #[test]
    fn whoever_accepts_less_is_never_weaker(
        some in any_standing(), fewer in any_standing(), standing in any_standing(),
    ) {
        let wide = some.enrolled.union(fewer.enrolled);
        let ask = |kinds| Plan::Factors(crate::policy::Ask { kinds, verify_user: false, ask_again: 0, remember: 0 }).strictness(standing);
        prop_assert!(ask(fewer.enrolled) >= ask(wide));
    }
}
