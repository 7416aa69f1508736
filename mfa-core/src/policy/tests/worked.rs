//! The policies of `docs/POLICIES.md`: each parses, nothing is odd about it, and the logins in the table below it end as
//! the table says.

use super::{NOW, plan, policy, shown, warnings};
use crate::factor::Kind;
use crate::policy::plan::Ask;
use crate::policy::{Address, Caller, Enroll, Groups, Origin, Person, Plan, Policy, Request, SshAuth, Standing, Truth};
use crate::policy::{lint, local_time};

const DOCUMENT: &str = include_str!("../../../../docs/POLICIES.md");

/// One heading: its policy and its rows.
struct Site<'d> {
    name: &'d str,
    policy: &'d str,
    rows: Vec<(&'d str, &'d str)>,
}

fn sites() -> Vec<Site<'static>> {
    DOCUMENT.split("\n## ").skip(1).map(site).collect()
}

fn site(text: &'static str) -> Site<'static> {
    let (name, text) = text.split_once('\n').unwrap();
    let mut policies = text.split("```toml\n").skip(1).map(|rest| rest.split_once("```").unwrap().0);
    let policy = policies.next().unwrap_or_else(|| panic!("{name}: there is no policy"));
    assert!(policies.next().is_none(), "{name}: there are two policies");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | "));
    let rows: Vec<_> = rows.filter(|row| row.0 != "a login").collect();
    Site { name, policy, rows }
}

/// The words of a person: `alice`, or `alice, in admins staff`, or `alice, in groups unknown`.
fn person<'d>(words: &'d str, policy: &Policy) -> (&'d str, Groups) {
    let (name, groups) = words.split_once(", in ").unwrap_or((words, ""));
    if groups == "groups unknown" {
        return (name, Groups::unknown());
    }
    let groups: Vec<&str> = groups.split_whitespace().collect();
    let named: Vec<&str> = policy.group_names().collect();
    assert!(groups.iter().all(|group| named.contains(group)), "{words}: no rule names that group");
    (name, named.into_iter().map(|group| (group, Truth::from(groups.contains(&group)))).collect())
}

/// What sshd would tell of that method.
fn done(method: Option<&str>) -> SshAuth {
    let key = include_str!("ssh_keys.txt").lines().nth(1).unwrap().splitn(4, ' ').skip(2);
    SshAuth::parse(&match method {
        Some("publickey") => format!("publickey {}\n", key.collect::<Vec<_>>().join(" ")),
        Some(method) => format!("{method}\n"),
        None => String::new(),
    })
}

fn standing(words: &str) -> Standing {
    let kind = |word: &str| Kind::ALL.into_iter().find(|kind| kind.as_str() == word);
    let kinds = words.split(", ").filter(|word| *word != "nothing");
    super::enrolled(&kinds.map(|word| kind(word).unwrap_or_else(|| panic!("{word} is no factor"))).collect::<Vec<_>>())
}

/// Takes what follows a word off the end of the words.
fn cut<'d>(words: &mut &'d str, at: &str) -> Option<&'d str> {
    let (before, after) = words.split_once(at)?;
    *words = before;
    Some(after)
}

/// What the policy does to the login that the words describe, groups being those that `whole` names:
/// `USER[, called by USER]: SERVICE[ at the machine][ from ADDRESS][ by METHOD]; has FACTOR[, FACTOR]…`.
fn happens(policy: &Policy, whole: &Policy, login: &str) -> String {
    let mut words = login;
    let has = standing(cut(&mut words, "; has ").unwrap());
    let mut service = cut(&mut words, ": ").unwrap();
    let method = cut(&mut service, " by ");
    let address = cut(&mut service, " from ");
    let is_here = cut(&mut service, " at the machine").is_some();
    let caller = cut(&mut words, ", called by ").map(|caller| person(caller, whole));
    let (user, groups) = person(words, whole);
    let origin = if is_here { Some(Origin::Local) } else { address.map(|_| Origin::Remote) };
    let caller = caller
        .as_ref()
        .map_or(Caller::Unknown, |(user, groups)| Caller::Known(Person { user, groups: Some(groups), standing: has }));
    let request = Request {
        user,
        service,
        address: address.map_or(Address::None, |address| Address::of_rhost(Some(address))),
        origin,
        ssh: done(method),
        caller,
        groups: Some(&groups),
        local_time: local_time(NOW, 0),
        now: NOW,
        behind: 0,
    };
    told(&plan(policy, &request, has), has)
}

fn told(plan: &Plan, has: Standing) -> String {
    match plan {
        Plan::Skip(_) => "nothing is asked".to_owned(),
        Plan::Deny(_) | Plan::Enroll(Enroll::Deny) => "refused".to_owned(),
        Plan::Enroll(Enroll::AtLogin { .. }) => "enrolls in the login".to_owned(),
        Plan::Enroll(Enroll::Grace { .. }) => "asked to enroll, and may wait".to_owned(),
        Plan::Enroll(Enroll::Invite { .. }) => "enrolls with an invitation".to_owned(),
        Plan::Factors(ask) => asked(ask, has),
        Plan::Observe(_) => "observed".to_owned(),
    }
}

fn asked(ask: &Ask, has: Standing) -> String {
    let kinds: Vec<_> = ask.kinds.intersection(has.enrolled).iter().map(Kind::as_str).collect();
    let mut told = format!("asked for {}", kinds.join(" or "));
    if ask.verify_user {
        told += " with PIN or fingerprint";
    }
    if ask.ask_again > 0 {
        told += &format!(", then not for {} minutes", ask.ask_again / 60);
    }
    if ask.remember > 0 {
        told += &format!(", remembered for {} days if wanted", ask.remember / 86_400);
    }
    told
}

#[test]
fn nothing_is_wrong_or_odd_about_the_worked_policies() {
    let sites = sites();
    assert_eq!(sites.len(), 8);
    for Site { name, policy: text, .. } in sites {
        let parsed = policy(text);
        assert_eq!(warnings(text), "", "{name}");
        assert_eq!(shown(&lint(&parsed, NOW)), "", "{name}");
    }
}

#[test]
fn the_logins_below_the_worked_policies_end_as_the_tables_say() {
    for Site { name, policy: text, rows } in sites() {
        let policy = policy(text);
        assert!(rows.len() >= 4, "{name}: who is asked what?");
        for (login, end) in rows {
            assert_eq!(happens(&policy, &policy, login), end, "{name}: {login}");
        }
    }
}

#[test]
fn without_any_one_of_their_rules_a_row_would_end_otherwise() {
    for Site { name, policy: text, rows } in sites() {
        let parts: Vec<&str> = text.split("[[rule]]").collect();
        for left_out in 1..parts.len() {
            let others = parts.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, part)| *part);
            let without = policy(&others.collect::<Vec<_>>().join("[[rule]]"));
            let otherwise = rows.iter().any(|(login, end)| happens(&without, &policy(text), login) != *end);
            assert!(otherwise, "{name}: no row shows what rule {left_out} is for");
        }
    }
}
