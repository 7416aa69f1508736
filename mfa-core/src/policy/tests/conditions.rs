//! One condition at a time: when it holds, when it does not, when nobody can tell.

use super::{NOW, member_of, policy, request};
use crate::policy::condition::{Condition, Truth};
use crate::policy::{
    Address, Caller, Groups, LocalTime, NeedGroups, Origin, Person, Request, SshAuth, Standing, Who, local_time,
};
use Truth::{False, True, Unknown};
use std::net::IpAddr;

/// Whether the second condition of the one rule (the first is `services`) holds.
fn truth(rule: &str, change: impl FnOnce(&mut Request<'_>)) -> Truth {
    let policy = policy(&format!("[[rule]]\nrequire = \"always\"\n{rule}\n"));
    let [rule] = policy.rules() else { panic!("one rule") };
    let condition = rule.conditions().last().expect("a condition");
    let groups = member_of(&[], &policy);
    let mut request = request(&groups);
    change(&mut request);
    condition.truth(rule.who(), &request).expect("groups are given")
}

fn address(text: &str) -> Address {
    Address::of_rhost(Some(text))
}

/// A name of 300 bytes.
const LONG: &str = {
    const BYTES: [u8; 300] = [b'a'; 300];
    match std::str::from_utf8(&BYTES) {
        Ok(name) => name,
        Err(_) => "",
    }
};

#[test]
fn users_are_compared_as_they_are() {
    let users = r#"users = ["alice", "CORP\\bob", "carol@corp.example"]"#;
    let cases = [
        ("alice", True),
        ("CORP\\bob", True),
        ("carol@corp.example", True),
        ("Alice", False),
        ("alic", False),
        ("", False),
    ];
    for (user, expected) in cases {
        assert_eq!(truth(users, |request| request.user = user), expected, "{user}");
    }
    for hostile in ["alice\n", "alice:", "alice/", "..", "alice\0", "%s", LONG] {
        assert_eq!(truth(users, |request| request.user = hostile), False, "{hostile:?}");
    }
}

#[test]
fn groups_hold_if_one_does_and_are_unknown_if_one_might() {
    let both = r#"groups = ["ops", "sre"]"#;
    let cases = [
        (True, False, True),
        (False, True, True),
        (False, False, False),
        (Unknown, False, Unknown),
        (Unknown, True, True),
        (Unknown, Unknown, Unknown),
    ];
    for (ops, sre, expected) in cases {
        let groups: Groups = [("ops", ops), ("sre", sre)].into_iter().collect();
        let policy = policy(&format!("[[rule]]\nrequire = \"always\"\n{both}\n"));
        let condition = policy.rules()[0].conditions().last().expect("groups");
        assert_eq!(condition.truth(Who::Target, &request(&groups)), Ok(expected), "{ops:?} {sre:?}");
    }
    let groups = Groups::unknown();
    let policy = policy(&format!("[[rule]]\nrequire = \"always\"\n{both}\n"));
    let condition = policy.rules()[0].conditions().last().expect("groups");
    assert_eq!(condition.truth(Who::Target, &request(&groups)), Ok(Unknown), "a group nobody asked about");
    let unasked = Request { groups: None, ..request(&groups) };
    assert_eq!(condition.truth(Who::Target, &unasked), Err(NeedGroups { of: Who::Target }));
}

#[test]
fn addresses_are_numeric_and_nothing_else() {
    let known = |text: &str| Address::Known(text.parse::<IpAddr>().expect("an address"));
    assert_eq!(Address::of_rhost(None), Address::None);
    assert_eq!(address("10.1.2.3"), known("10.1.2.3"));
    assert_eq!(address("::ffff:10.1.2.3"), known("10.1.2.3"), "IPv4 in IPv6 is IPv4");
    assert_eq!(address("fe80::1%eth0"), known("fe80::1"), "the scope is dropped");
    let names = [
        "",
        "localhost",
        "gateway.example",
        "10.1.2",
        "10.1.2.3 ",
        "010.1.2.3",
        "0x0a.1.2.3",
        "10.1.2.3/8",
        "10.1.2.3%eth0",
        "fe80::1%",
        "[::1]",
        "10.1.2.3\n10.0.0.1",
        "10.1.2.3\0",
        "%",
        &"1".repeat(70_000),
    ];
    for name in names {
        assert_eq!(address(name), Address::Unknown, "{name:?}");
    }
}

#[test]
fn from_and_not_from_are_opposites_where_an_address_is_known_or_absent() {
    let networks = r#"["10.0.0.0/8", "192.0.2.7", "fd00::/8", "::ffff:198.51.100.0/120"]"#;
    let cases = [
        ("10.255.0.1", True),
        ("11.0.0.1", False),
        ("192.0.2.7", True),
        ("192.0.2.8", False),
        ("fd12::1", True),
        ("fe80::1", False),
        ("198.51.100.9", True),
        ("198.51.101.9", False),
        ("host.example", Unknown),
    ];
    for (text, expected) in cases {
        let from = truth(&format!("from = {networks}"), |request| request.address = address(text));
        let not_from = truth(&format!("not_from = {networks}"), |request| request.address = address(text));
        assert_eq!((from, not_from), (expected, !expected), "{text}");
    }
    assert_eq!(truth(&format!("from = {networks}"), |request| request.address = Address::None), False);
    assert_eq!(truth(&format!("not_from = {networks}"), |request| request.address = Address::None), True);
}

#[test]
fn a_mapped_address_is_folded_even_where_the_daemon_did_not() {
    let mapped = Address::Known("::ffff:10.0.0.1".parse::<IpAddr>().expect("an address"));
    assert_eq!(truth(r#"from = ["10.0.0.0/8"]"#, |request| request.address = mapped), True);
    assert_eq!(truth(r#"from = ["::/0"]"#, |request| request.address = mapped), False, "it is an IPv4 address");
}

#[test]
fn origin_is_local_remote_or_not_known() {
    assert_eq!(truth(r#"origin = "local""#, |request| request.origin = Some(Origin::Local)), True);
    assert_eq!(truth(r#"origin = "local""#, |request| request.origin = Some(Origin::Remote)), False);
    assert_eq!(truth(r#"origin = "remote""#, |request| request.origin = Some(Origin::Remote)), True);
    assert_eq!(truth(r#"origin = "remote""#, |request| request.origin = None), Unknown);
}

#[test]
fn an_ssh_method_holds_once_it_has_completed() {
    let kerberos = r#"ssh_auth = ["gssapi-with-mic", "gssapi-keyex"]"#;
    let after = |text: &'static str| truth(kerberos, |request| request.ssh = SshAuth::parse(text));
    assert_eq!(after("gssapi-with-mic alice@EXAMPLE\n"), True);
    assert_eq!(after("password\ngssapi-keyex\n"), True);
    assert_eq!(after("password\n"), False);
    assert_eq!(after(""), False);
    assert_eq!(after("gssapi-with-mic\nnonsense\n"), Unknown, "a text that is not understood says nothing");
    assert_eq!(truth(kerberos, |request| request.ssh = SshAuth::Unknown), Unknown);
}

#[test]
fn hours_need_the_local_time() {
    let office = r#"hours = ["Mon-Fri 08:00-18:00"]"#;
    let at = |time: Option<LocalTime>| truth(office, |request| request.local_time = time);
    assert_eq!(at(local_time(NOW, 0)), True);
    assert_eq!(at(local_time(NOW, 10 * 3600)), False, "it is evening ten hours further east");
    assert_eq!(at(None), Unknown);
}

#[test]
fn until_holds_until_its_moment() {
    assert_eq!(truth("until = 2026-11-23", |_| ()), True);
    assert_eq!(truth("until = 2026-11-22", |_| ()), False);
    assert_eq!(truth("until = 2026-11-23T10:00:01Z", |_| ()), True);
    assert_eq!(truth("until = 2026-11-23T10:00:00Z", |_| ()), False);
    assert_eq!(truth("until = 2026-11-23T12:00:00+02:00", |_| ()), False);
    assert_eq!(truth("until = 2026-11-23T10:00:01", |_| ()), True);
    assert_eq!(truth("until = 2026-11-23T10:00:00", |_| ()), False);
    assert_eq!(truth("until = 2026-11-23", |request| request.local_time = None), Unknown);
    assert_eq!(truth("until = 2026-11-20", |request| request.local_time = None), False);
}

#[test]
fn a_rule_about_the_caller_looks_at_the_one_who_asks() {
    let rule = "who = \"caller\"\nusers = [\"bob\"]";
    let bob = Person { user: "bob", groups: None, standing: Standing::default() };
    let ask = |service: &'static str, caller: Caller<'static>| {
        truth(rule, |request| {
            (request.user, request.service, request.caller) = ("root", service, caller);
        })
    };
    assert_eq!(ask("su", Caller::Known(bob)), True);
    assert_eq!(ask("sudo-i", Caller::Known(Person { user: "eve", ..bob })), False);
    assert_eq!(ask("su-l", Caller::Unknown), Unknown);
    for own in ["sshd", "login", "gdm-password", "swaylock"] {
        assert_eq!(ask(own, Caller::Known(bob)), False, "{own}: root logs in as root, whoever started the process");
    }
}

#[test]
fn a_caller_needs_groups_of_their_own() {
    let policy = policy("[[rule]]\nwho = \"caller\"\ngroups = [\"sre\"]\nrequire = \"always\"\n");
    let (nobody, sre) = (member_of(&[], &policy), member_of(&["sre"], &policy));
    let condition: &Condition = policy.rules()[0].conditions().last().expect("groups");
    let su = |caller| Request { user: "root", service: "su", caller, ..request(&nobody) };
    let bob = Person { user: "bob", groups: None, standing: Standing::default() };
    assert_eq!(condition.truth(Who::Caller, &su(Caller::Known(bob))), Err(NeedGroups { of: Who::Caller }));
    let bob = Person { groups: Some(&sre), ..bob };
    assert_eq!(condition.truth(Who::Caller, &su(Caller::Known(bob))), Ok(True));
    assert_eq!(condition.truth(Who::Caller, &su(Caller::Unknown)), Ok(Unknown));
    let root = Person { user: "root", groups: None, ..bob };
    assert_eq!(
        condition.truth(Who::Caller, &su(Caller::Known(root))),
        Ok(False),
        "root who becomes root is the target"
    );
}

#[test]
fn services_are_names_and_classes_in_any_case() {
    let services = r#"services = ["@su", "cups"]"#;
    for (service, expected) in [
        ("su", True),
        ("su-l", True),
        ("SU-L", True),
        ("cups", True),
        ("CUPS", True),
        ("sudo", False),
        ("runuser", False),
        ("", False),
    ] {
        assert_eq!(truth(services, |request| request.service = service), expected, "{service}");
    }
}
