//! The policy, decided twice: by the product, and by what its manual says, for policies and logins of all kinds.

use differential::second::{Does, If, Login, Policy, Rule, Says, Somebody};
use mfa_core::Time;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::policy::{
    Address, Caller, Enroll, Groups, Origin, Person, Plan, Request, Source, SshAuth, Standing, Truth, evaluate,
    local_time, parse,
};
use proptest::prelude::*;

/// Monday, 2026-11-23, 10:00 UTC.
const NOW: Time = Time(1_795_428_000);
const GROUPS: [&str; 2] = ["sre", "staff"];
const NAMES: [&str; 3] = ["alice", "bob", "root"];

/// Which facts are not known.
#[derive(Clone, Copy, Debug, Default)]
struct Hidden {
    address: bool,
    origin: bool,
    ssh: bool,
    groups: bool,
}

fn decided(policy: &mfa_core::policy::Policy, login: &Login, hidden: Hidden) -> (Does, Option<usize>) {
    let membership = |somebody: &Somebody| -> Groups {
        let known = |name| if hidden.groups { Truth::Unknown } else { Truth::from(somebody.groups.contains(&name)) };
        GROUPS.iter().map(|name| (*name, known(*name))).collect()
    };
    let standing = |somebody: &Somebody| Standing {
        enrolled: somebody.enrolled.iter().copied().collect(),
        given: Kinds::NONE,
        grace_began: None,
        invited_only: false,
    };
    let (groups, callers) = (membership(&login.target), membership(&login.caller));
    let person = Person { user: login.caller.name, groups: Some(&callers), standing: standing(&login.caller) };
    let request = Request {
        user: login.target.name,
        service: login.service,
        address: match login.address {
            _ if hidden.address => Address::Unknown,
            None => Address::None,
            Some(address) => Address::Known(address.into()),
        },
        origin: (!hidden.origin).then_some(if login.local { Origin::Local } else { Origin::Remote }),
        ssh: if hidden.ssh { SshAuth::Unknown } else { SshAuth::parse(login.ssh) },
        caller: Caller::Known(person),
        groups: Some(&groups),
        local_time: local_time(NOW, 0),
        now: NOW,
        behind: 0,
    };
    let decision = evaluate(policy, &request, &standing(&login.target)).expect("groups are given");
    (done(&decision.plan), decision.rule)
}

/// The product's plan in the manual's words.
fn done(plan: &Plan) -> Does {
    match plan {
        Plan::Skip(why) => Does::Skips(why.as_str()),
        Plan::Observe(would) => Does::Observes(Box::new(done(would))),
        Plan::Factors(ask) => Does::Asks(ask.kinds, ask.verify_user, ask.ask_again, ask.remember),
        Plan::Enroll(Enroll::AtLogin { .. }) => Does::Enrolls("at-login"),
        Plan::Enroll(Enroll::Grace { .. }) => Does::Enrolls("grace"),
        Plan::Enroll(Enroll::Invite { .. }) => Does::Enrolls("invite"),
        Plan::Enroll(Enroll::Deny) => Does::Enrolls("deny"),
        Plan::Deny(mfa_core::policy::Deny::NoUsableFactor { needs }) => Does::Refuses(*needs),
        Plan::Deny(other) => panic!("{other:?} with everything known"),
    }
}

fn any_kinds() -> impl Strategy<Value = Vec<Kind>> {
    let every = vec![Kind::Totp, Kind::SecurityKey, Kind::SshKey, Kind::Email, Kind::BackupCode];
    prop::sample::subsequence(every, 1..=5)
}

fn any_says() -> impl Strategy<Value = Says> {
    let services = prop::sample::subsequence(vec!["@ssh", "@login", "@sudo", "@su", "@lock", "cups"], 1..4);
    let require = prop::sample::select(vec!["always", "if-enrolled", "observe", "never"]);
    let enroll = prop::sample::select(vec!["at-login", "grace", "invite", "deny"]);
    let flags = (prop::option::of(any::<bool>()), prop::option::of(any::<bool>()));
    let times = (prop::option::of(0..7200_u32), prop::option::of(0..86_400_u32));
    let factors = prop::option::of(any_kinds());
    (prop::option::of(services), prop::option::of(require), factors, flags, prop::option::of(enroll), times).prop_map(
        |(services, require, factors, (own_factors, verify_user), enroll, (ask_again, remember))| Says {
            services,
            require,
            factors,
            own_factors,
            verify_user,
            enroll,
            ask_again,
            remember,
        },
    )
}

/// At most one of each kind: a key stands in a rule once.
fn any_conditions() -> impl Strategy<Value = Vec<If>> {
    let nets = [("10.1.0.0/16", [10, 1]), ("192.0.0.0/16", [192, 0])];
    let names = prop::option::of(prop::sample::subsequence(NAMES.to_vec(), 1..3).prop_map(If::Users));
    let groups = prop::option::of(prop::sample::subsequence(GROUPS.to_vec(), 1..=2).prop_map(If::Groups));
    let from = prop::option::of(prop::sample::select(nets.to_vec()).prop_map(|(net, bytes)| If::From(net, bytes)));
    let not_from =
        prop::option::of(prop::sample::select(nets.to_vec()).prop_map(|(net, bytes)| If::NotFrom(net, bytes)));
    let origin = prop::option::of(prop::sample::select(vec!["local", "remote"]).prop_map(If::Origin));
    let methods = vec!["password", "gssapi-with-mic", "keyboard-interactive"];
    let ssh = prop::option::of(prop::sample::select(methods).prop_map(If::SshAuth));
    let hours =
        vec![("Mon-Fri 08:00-18:00", true), ("Sat 09:00-13:00", false), ("10:00-10:01", true), ("09:00-10:00", false)];
    let hours =
        prop::option::weighted(0.2, prop::sample::select(hours).prop_map(|(text, holds)| If::Hours(text, holds)));
    let days = vec![("2026-11-23", true), ("2026-11-22", false), ("2035-12-31", true)];
    let until =
        prop::option::weighted(0.2, prop::sample::select(days).prop_map(|(text, holds)| If::Until(text, holds)));
    (names, groups, from, not_from, origin, ssh, hours, until).prop_map(
        |(names, groups, from, not_from, origin, ssh, hours, until)| {
            [names, groups, from, not_from, origin, ssh, hours, until].into_iter().flatten().collect()
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let rule = (any::<bool>(), any_conditions(), any_says());
    let rule = rule.prop_map(|(caller, conditions, says)| Rule { caller, conditions, says });
    (any_says(), prop::collection::vec(rule, 0..5)).prop_map(|(defaults, rules)| Policy { defaults, rules })
}

fn any_somebody() -> impl Strategy<Value = Somebody> {
    let groups = prop::sample::subsequence(GROUPS.to_vec(), 0..=2);
    let every = vec![Kind::Totp, Kind::SecurityKey, Kind::SshKey, Kind::Email, Kind::BackupCode];
    (prop::sample::select(NAMES.to_vec()), groups, prop::sample::subsequence(every, 0..4))
        .prop_map(|(name, groups, enrolled)| Somebody { name, groups, enrolled })
}

fn any_login() -> impl Strategy<Value = Login> {
    let service =
        prop::sample::select(vec!["sshd", "login", "sudo", "sudo-i", "su", "swaylock", "polkit-1", "cups", "cron"]);
    let address = prop::option::of(prop::sample::select(vec![[10, 1, 2, 3], [192, 0, 2, 7], [172, 16, 0, 1]]));
    let ssh = prop::sample::select(vec!["", "password\n", "gssapi-with-mic\n", "password\nkeyboard-interactive\n"]);
    (any_somebody(), any_somebody(), service, address, any::<bool>(), ssh).prop_map(
        |(target, caller, service, address, local, ssh)| {
            // One person is one person, whichever way they are looked at.
            let caller = if caller.name == target.name { target.clone() } else { caller };
            Login { target, caller, service, address, local, ssh }
        },
    )
}

fn any_hidden() -> impl Strategy<Value = Hidden> {
    any::<[bool; 4]>().prop_map(|[address, origin, ssh, groups]| Hidden { address, origin, ssh, groups })
}

/// Every login that this one may be, as far as facts are hidden.
fn possible(login: &Login, hidden: Hidden) -> Vec<Login> {
    let mut logins = vec![login.clone()];
    let mut each = |may_differ: bool, ways: &dyn Fn(&Login) -> Vec<Login>| {
        if may_differ {
            logins = logins.iter().flat_map(ways).collect();
        }
    };
    each(hidden.address, &|login| {
        let addresses = [None, Some([10, 1, 2, 3]), Some([192, 0, 2, 7]), Some([172, 16, 0, 1])];
        addresses.map(|address| Login { address, ..login.clone() }).to_vec()
    });
    each(hidden.origin, &|login| [true, false].map(|local| Login { local, ..login.clone() }).to_vec());
    each(hidden.ssh, &|login| {
        ["", "password\n", "gssapi-with-mic\n", "keyboard-interactive\n"]
            .map(|ssh| Login { ssh, ..login.clone() })
            .to_vec()
    });
    each(hidden.groups, &|login| {
        let sets: [&[&'static str]; 4] = [&[], &["sre"], &["staff"], &["sre", "staff"]];
        let with = |target: &[&'static str], caller: &[&'static str]| Login {
            target: Somebody { groups: target.to_vec(), ..login.target.clone() },
            caller: Somebody { groups: caller.to_vec(), ..login.caller.clone() },
            ..login.clone()
        };
        let same = login.target.name == login.caller.name;
        let pairs = sets.iter().flat_map(|target| sets.iter().map(move |caller| (*target, *caller)));
        pairs
            .filter(|(target, caller)| !same || target == caller)
            .map(|(target, caller)| with(target, caller))
            .collect()
    });
    logins
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_product_decides_what_its_manual_says(policy in any_policy(), login in any_login(), hidden in any_hidden()) {
        let text = policy.written();
        // What the product refuses to read (a rule that says nothing, or exempts everybody) is nobody's policy.
        let Ok(parsed) = parse(&[Source { name: "policy.toml", text: &text }]) else { return Ok(()) };
        let wanted = policy.decides(&login);
        prop_assert_eq!(decided(&parsed.policy, &login, Hidden::default()), wanted, "{}", text);
        // What is not known makes no login easier than whatever it may be in truth.
        let (blind, _) = decided(&parsed.policy, &login, hidden);
        for login in possible(&login, hidden) {
            let (does, _) = policy.decides(&login);
            prop_assert!(blind.strictness() >= does.strictness(), "{blind:?} and not {does:?} of {login:?}\n{text}");
            if let (Does::Asks(_, verified, again, remember), Does::Asks(_, blind_verified, blind_again, blind_remember)) =
                (&does, &blind)
            {
                prop_assert!(blind_verified >= verified && blind_again <= again && blind_remember <= remember, "{text}");
            }
        }
    }
}

#[test]
fn most_of_what_is_made_up_is_a_policy() {
    use proptest::strategy::ValueTree;
    use proptest::test_runner::TestRunner;
    let mut runner = TestRunner::deterministic();
    let texts = (0..300).map(|_| any_policy().new_tree(&mut runner).expect("a policy").current().written());
    let good = texts.filter(|text| parse(&[Source { name: "policy.toml", text }]).is_ok()).count();
    assert!(good >= 200, "{good} of 300");
}
