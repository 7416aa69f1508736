//! A directory that fails: what it does not say is unknown, never "no such user", "not a member" or "not enrolled". One
//! that hangs holds up whoever is looked up there, and nobody else.

use crate::support::{Place, as_root, left_out, me};
use crate::wire::{Wire, beginning, outcome};
use serde_json::json;
use std::time::{Duration, Instant};

const STRICT_FOR_SPIRITS: &str = r#"
[defaults]
require = "never"

[[rule]]
name = "spirits"
groups = ["spirits"]
require = "always"
enroll = "deny"
"#;

const RELAXED_FOR_SPIRITS: &str = r#"
[defaults]
require = "always"
enroll = "deny"

[[rule]]
name = "spirits"
groups = ["spirits"]
require = "never"
"#;

#[test]
fn an_account_that_cannot_be_looked_up_is_neither_unknown_nor_free() {
    if !as_root() {
        return left_out("accounts of a directory that fails");
    }
    for failure in ["unavail", "tryagain"] {
        let place = Place::new();
        place.policy("[defaults]\nrequire = \"if-enrolled\"\n");
        let daemon = place.start();
        let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
        assert!(daemon.reload(), "what was kept of the directory is forgotten");
        place.name_service(failure, failure);
        for user in ["ghost1", "ghost2", "no-such-user"] {
            assert_eq!(daemon.connect().refused("io.mfa.Login.Begin", beginning(user)), "broken", "{failure} {user}");
            let about = json!({ "user": user });
            for method in ["Enrollment.Status", "Enrollment.AddTotp", "Admin.Account", "Admin.Reset", "Admin.Rebind"] {
                assert_eq!(daemon.connect().refused(&format!("io.mfa.{method}"), about.clone()), "broken", "{method}");
            }
        }
        assert_eq!(daemon.connect().login("root", ""), "skipped", "who is in the files is found as ever");
        place.name_service("ok", "ok");
        assert_eq!(daemon.connect().login("ghost1", &phone.code(&place)), "pass", "nothing of the failure is kept");
        assert_eq!(daemon.connect().login("ghost2", ""), "skipped");
    }
}

#[test]
fn a_group_that_cannot_be_looked_up_relaxes_nothing() {
    let user = if as_root() { "ghost1".to_owned() } else { me() };
    for failure in ["unavail", "tryagain"] {
        for (policy, when_it_works) in
            [(STRICT_FOR_SPIRITS, ["ask", "skipped"]), (RELAXED_FOR_SPIRITS, ["skipped", "ask"])]
        {
            let place = Place::new();
            place.policy(policy);
            let daemon = place.start();
            let expected = when_it_works[usize::from(!as_root())];
            assert_eq!(outcome(&daemon.connect().begin(&user)), expected);
            assert_eq!(outcome(&daemon.connect().begin(&me())), when_it_works[1], "not a member");
            assert!(daemon.reload(), "what was kept of the directory is forgotten");
            place.name_service("ok", failure);
            for user in [&user, &me()] {
                assert_eq!(outcome(&daemon.connect().begin(user)), "ask", "{failure}: {policy}");
            }
            place.name_service("ok", "ok");
            assert_eq!(outcome(&daemon.connect().begin(&user)), expected, "nothing of the failure is kept");
        }
    }
}

#[test]
fn while_a_directory_fails_nobody_removes_their_last_factor() {
    let user = if as_root() { "ghost1".to_owned() } else { me() };
    let place = Place::new();
    place.policy(STRICT_FOR_SPIRITS);
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&user, &place);
    place.name_service("ok", "unavail");
    assert!(daemon.reload());
    let uid = if as_root() { 70_001 } else { rustix::process::geteuid().as_raw() };
    let mut wire = daemon.connect_as(uid);
    let id = wire.ask("io.mfa.Enrollment.Status", json!({}))["factors"][0]["id"].clone();
    wire.ask("io.mfa.Enrollment.Authorize", json!({}));
    assert_eq!(outcome(&wire.answer(&phone.code(&place))), "pass");
    assert_eq!(wire.refused("io.mfa.Enrollment.Remove", json!({ "id": id })), "not_allowed");
}

#[test]
fn a_directory_that_hangs_holds_up_its_own_accounts_for_a_while_and_nobody_else() {
    if !as_root() {
        return left_out("a directory that hangs");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"if-enrolled\"\n");
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("root", &place);
    place.name_service("hang", "hang");
    assert!(daemon.reload());
    let begun = Instant::now();
    // Many logins of more accounts than there are threads to ask about them.
    let mut hanging: Vec<Wire> = (0..60).map(|_| daemon.connect()).collect();
    for (number, wire) in hanging.iter_mut().enumerate() {
        let begin = beginning(&format!("ghost{}", number % 30 + 1));
        wire.say(&json!({ "method": "io.mfa.Login.Begin", "parameters": begin }).to_string());
    }
    for _ in 0..3 {
        let asked = Instant::now();
        assert_eq!(daemon.connect().login("root", &phone.code(&place)), "pass");
        assert!(asked.elapsed() < Duration::from_secs(2), "{:?}", asked.elapsed());
    }
    for wire in &mut hanging {
        assert_eq!(wire.receive().unwrap()["parameters"]["code"], "broken");
    }
    let taken = begun.elapsed();
    assert!((Duration::from_secs(9)..Duration::from_secs(15)).contains(&taken), "{taken:?}");
    place.name_service("ok", "ok");
    assert_eq!(daemon.connect().login("ghost1", ""), "skipped");
    assert_eq!(daemon.connect().login("ghost2", ""), "skipped");
}

#[test]
fn a_user_whose_lookups_hang_holds_up_no_login_of_root() {
    if !as_root() {
        return left_out("a user whose lookups hang");
    }
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    place.name_service("hang", "ok");
    assert!(daemon.reload());
    let mut hanging: Vec<Wire> = (70_002..70_030).map(|uid| daemon.connect_as(uid)).collect();
    for wire in &mut hanging {
        wire.say(&json!({ "method": "io.mfa.Enrollment.Status", "parameters": {} }).to_string());
    }
    // They hang on threads of their own: another lane's lookup is not one of theirs.
    let mut own = daemon.connect();
    own.say(&json!({ "method": "io.mfa.Login.Begin", "parameters": beginning("root") }).to_string());
    assert_eq!(outcome(&own.receive().unwrap()["parameters"]), "ask");
    place.name_service("ok", "ok");
    assert_eq!(daemon.connect().login("ghost1", &phone.code(&place)), "pass");
}

#[test]
fn groups_that_never_come_are_unknown_after_a_while() {
    let place = Place::new();
    place.policy(STRICT_FOR_SPIRITS);
    let daemon = place.start();
    place.name_service("ok", "hang");
    let begun = Instant::now();
    assert_eq!(outcome(&daemon.connect().begin(&me())), "ask");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    place.name_service("ok", "ok");
    assert_eq!(outcome(&daemon.connect().begin(&me())), "skipped");
}

#[test]
fn a_name_that_belongs_to_another_uid_now_is_a_conflict_until_an_administrator_says_otherwise() {
    if !as_root() {
        return left_out("a renumbered account");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"if-enrolled\"\n");
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    place.name_service("moved", "ok");
    assert!(daemon.reload());
    assert_eq!(daemon.connect().login("ghost1", &phone.code(&place)), "denied");
    daemon.log.wait_for("conflict user=ghost1", 1);
    assert_eq!(daemon.connect().refused("io.mfa.Enrollment.Status", json!({ "user": "ghost1" })), "conflict");
    assert_eq!(daemon.connect().refused("io.mfa.Enrollment.AddTotp", json!({ "user": "ghost1" })), "conflict");
    let account = daemon.connect().ask("io.mfa.Admin.Account", json!({ "user": "ghost1" }));
    assert!(account["conflict"].is_string(), "{account}");
    // The owner of the new uid does not get what the old one had, nor a fresh start.
    assert_eq!(daemon.connect_as(70_101).refused("io.mfa.Enrollment.AddTotp", json!({})), "conflict");
    daemon.connect().ask("io.mfa.Admin.Rebind", json!({ "user": "ghost1" }));
    assert_eq!(daemon.connect().login("ghost1", &phone.last_code()), "pass");
}
