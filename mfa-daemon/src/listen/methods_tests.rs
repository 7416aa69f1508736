//! The table has every method once, and each of them is for whom it is meant.

use super::*;

#[test]
fn every_method_of_every_interface_is_served_and_no_other() {
    let described: Vec<String> = service::INTERFACES
        .iter()
        .flat_map(|(interface, text)| {
            text.lines()
                .filter_map(|line| line.strip_prefix("method "))
                .filter_map(|rest| rest.split('(').next())
                .map(move |method| format!("{interface}.{method}"))
        })
        .collect();
    let mut served: Vec<&str> = METHODS.iter().map(|(name, _)| *name).collect();
    let mut described: Vec<&str> = described.iter().map(String::as_str).collect();
    served.sort_unstable();
    described.sort_unstable();
    assert_eq!(served, described);
}

#[test]
fn whatever_is_not_expressly_open_to_others_is_roots_alone() {
    let helpdesk = [a::ACCOUNTS, a::ACCOUNT, a::RESET, a::UNLOCK, a::INVITE, a::TEMP_CODE];
    for (name, serves) in METHODS {
        let (interface, _) = name.rsplit_once('.').unwrap();
        let right = match interface {
            "org.varlink.service" => matches!(serves, Serves::Anybody(_)),
            "io.mfa.Login" | "io.mfa.Enrollment" => matches!(serves, Serves::Own(_) | Serves::Holder(_)),
            _ if helpdesk.contains(name) => matches!(serves, Serves::Staff(_) | Serves::StaffAbout(_)),
            _ => matches!(serves, Serves::Root(_) | Serves::RootWith(_) | Serves::RootAbout(_)),
        };
        assert!(right, "{name}");
    }
}

#[test]
fn names_that_could_be_taken_for_something_else_are_none() {
    for bad in ["", "a\nb", "a:b", "../x", "a\0b", "a b", &"x".repeat(300)] {
        assert!(!is_name(bad), "{bad:?}");
    }
    for good in ["alice", "DOMAIN\\alice", "alice@acme.example", "%u", "..", "machine$"] {
        assert!(is_name(good), "{good:?}");
    }
}
