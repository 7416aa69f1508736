//! The walk, told.

use super::deciding::SITE;
use super::{decide, member_of, phone, policy, request};
use crate::policy::{Address, Caller, Groups, Person, Policy, Request, SshAuth, Standing, Truth, explain};

fn told(policy: &Policy, request: &Request<'_>) -> Vec<String> {
    let explanation = explain(policy, request, &phone()).expect("groups are given");
    assert_eq!(explanation.decision, decide(policy, request, phone()));
    assert_eq!(explanation.considered.iter().filter(|one| one.decides).count(), 1);
    let line = |one: &crate::policy::Considered| format!("{}{} {one}", if one.decides { "*" } else { "" }, one.name);
    explanation.considered.iter().map(line).collect()
}

#[test]
fn every_rule_that_was_reached_says_why() {
    let policy = policy(SITE);
    let nobody = member_of(&[], &policy);
    assert_eq!(
        told(&policy, &request(&nobody)),
        [
            "case managers no: alice is not in staff",
            "production needs a hardware key no: alice is not in sre",
            "already signed in by Kerberos no: sshd has verified password",
            "automation no: alice is not among its users",
            "*defaults yes: if-enrolled",
        ]
    );
    let staff = member_of(&["staff"], &policy);
    assert_eq!(told(&policy, &request(&staff)), ["*case managers yes: always"], "what follows is not reached");
}

#[test]
fn an_unknown_rule_says_whether_it_counts() {
    let policy = policy(SITE);
    let nobody = member_of(&[], &policy);
    let blind = Request { user: "ansible", address: Address::Unknown, ssh: SshAuth::Unknown, ..request(&nobody) };
    assert_eq!(
        told(&policy, &blind)[2..],
        [
            "already signed in by Kerberos perhaps: it is not known what sshd has verified; \
         passed over, since something else that may match asks for no less",
            "automation perhaps: the network address is not known; passed over, since something else that may match asks for no less",
            "*defaults yes: if-enrolled",
        ]
    );
    let lines = told(&policy, &request(&Groups::unknown()));
    assert_eq!(
        lines[1],
        "*production needs a hardware key perhaps: it is not known whether alice is in sre; \
         it counts, since it asks for no less than what follows"
    );
}

#[test]
fn reasons_name_the_fact() {
    let cases = [
        ("from=['10.2.0.0/16']", "10.1.2.3 is not in 10.2.0.0/16"),
        ("not_from=['10.0.0.0/8']", "10.1.2.3 is in 10.0.0.0/8"),
        ("origin='local'", "the login is remote"),
        ("ssh_auth=['publickey']", "sshd has verified password"),
        ("ssh_key=['SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4']", "no SSH key of its list was used"),
        ("hours=['Sat,Sun 10:00-11:00']", "10:00 is not in Sat,Sun 10:00-11:00"),
        ("until=2026-11-01", "the end of 2026-11-01 is over"),
        ("services=['@su']", "sshd is not among its services"),
        ("groups=['a','b']", "alice is not in any of a, b"),
    ];
    for (condition, because) in cases {
        let policy = policy(&format!("[[rule]]\n{condition}\nrequire='always'\n"));
        let groups = member_of(&[], &policy);
        let explanation = explain(&policy, &request(&groups), &phone()).expect("groups are given");
        assert_eq!(explanation.considered[0].because, because, "{condition}");
        assert_eq!(explanation.considered[0].matched, Truth::False);
    }
}

#[test]
fn the_caller_and_an_uncovered_service_are_named() {
    let policy = policy(
        "[defaults]\nservices=['@su','@sudo','@polkit']\n[[rule]]\nwho='caller'\ngroups=['sre']\nrequire='always'\n",
    );
    let nobody = member_of(&[], &policy);
    let bob = Person { user: "bob", groups: Some(&nobody), standing: Standing::default() };
    let su = Request { user: "root", service: "su", caller: Caller::Known(bob), ..request(&nobody) };
    assert_eq!(told(&policy, &su)[0], "rule 1 no: bob, who asks, is not in sre");
    let unknown = Request { caller: Caller::Unknown, ..su.clone() };
    assert!(told(&policy, &unknown)[0].starts_with("*rule 1 perhaps: it is not known who asks; it counts"));
    let explanation = explain(&policy, &unknown, &phone()).expect("groups are given");
    assert_eq!(explanation.considered[0].condition, Some("who"));
    let cron = Request { service: "cron\u{1b}[2J", ..su };
    assert_eq!(told(&policy, &cron)[1], "*defaults yes: cron\\u{1b}[2J is not among the services of [defaults]");
}
