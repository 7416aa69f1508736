//! Enrolling in the middle of a login, while the policy changes, an administrator resets, another login does the same,
//! the daemon is killed; and enrolling by those who should not.

use crate::support::{NOBODY, Place, as_root, left_out, me};
use crate::wire::{Phone, Wire, beginning, outcome};
use rustix::process::Signal;
use serde_json::{Value, json};

const AT_LOGIN: &str = "[defaults]\nrequire = \"always\"\nenroll = \"at-login\"\n";

fn place() -> Place {
    let place = Place::new();
    place.policy(AT_LOGIN);
    place
}

/// Plays a login of somebody new up to the picture; the phone that has scanned it.
fn to_the_picture(wire: &mut Wire, user: &str) -> Phone {
    wire.begin(user);
    wire.answer("");
    // As text, which is easier to read than a picture.
    let page = wire.answer("t");
    let text = page["ask"]["text"].as_str().unwrap().to_owned();
    let secret = text.split("secret=").nth(1).unwrap_or_else(|| panic!("{text}")).split('&').next().unwrap();
    Phone::of(secret.trim())
}

/// The group of a backup code that is asked for, to show that they are kept.
fn wanted(turn: &Value) -> String {
    let page = turn["ask"]["text"].as_str().unwrap();
    let number = page.rsplit("code ").next().unwrap().trim_end_matches(": ").to_owned();
    let mut words = page.split_whitespace();
    words.by_ref().find(|word| *word == number);
    words.next().unwrap().rsplit('-').next().unwrap().to_owned()
}

#[test]
fn a_newcomer_enrolls_and_the_confirming_code_is_good_for_this_login_alone() {
    if !as_root() {
        return left_out("enrolling in a login");
    }
    let place = place();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut phone = to_the_picture(&mut wire, "ghost1");
    let page = wire.answer(&phone.code(&place));
    assert_eq!(outcome(&wire.answer(&wanted(&page))), "pass");
    assert_eq!(daemon.connect().login("ghost1", &phone.last_code()), "ask");
    assert_eq!(daemon.connect().login("ghost1", &phone.code(&place)), "pass");
}

#[test]
fn what_changes_while_the_backup_codes_are_read_is_heeded() {
    if !as_root() {
        return left_out("enrolling in a login while something changes");
    }
    type Happening = (&'static str, fn(&Place, &crate::support::Daemon<'_>));
    let happenings: [Happening; 3] = [
        ("a reset", |_, daemon| {
            daemon.connect().ask("io.mfa.Admin.Reset", json!({ "user": "ghost1" }));
        }),
        ("a policy that takes keys alone", |place, daemon| {
            place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"security-key\"]\nown_factors = false\n");
            assert!(daemon.reload());
        }),
        ("a directory in which the name is somebody else's", |place, daemon| {
            place.name_service("moved", "ok");
            assert!(daemon.reload());
        }),
    ];
    for (what, happen) in happenings {
        let place = place();
        let daemon = place.start();
        let mut wire = daemon.connect();
        let mut phone = to_the_picture(&mut wire, "ghost1");
        let page = wire.answer(&phone.code(&place));
        let group = wanted(&page);
        happen(&place, &daemon);
        let end = outcome(&wire.answer(&group));
        if what.contains("directory") {
            // The account was read for this login before; its next login is a conflict.
            assert_ne!(daemon.connect().login("ghost1", &phone.code(&place)), "pass", "{what}");
        } else {
            assert_eq!(end, "denied", "{what}");
        }
    }
}

#[test]
fn of_many_logins_that_enroll_at_once_one_does() {
    if !as_root() {
        return left_out("many logins that enroll at once");
    }
    let place = place();
    let daemon = place.start();
    let mut wires: Vec<Wire> = (0..8).map(|_| daemon.connect()).collect();
    let mut phones: Vec<Phone> = wires.iter_mut().map(|wire| to_the_picture(wire, "ghost1")).collect();
    let code = phones[0].code(&place);
    assert!(phones.iter().all(|phone| phone.code_of(1) == phones[0].code_of(1)), "all see one secret");
    let confirm = json!({ "method": "io.mfa.Login.Answer", "parameters": { "answer": code } }).to_string();
    for wire in &mut wires {
        wire.say(&confirm);
    }
    let pages: Vec<Value> = wires.iter_mut().map(|wire| wire.receive().unwrap()["parameters"].clone()).collect();
    let shown =
        pages.iter().filter(|page| page["ask"]["text"].as_str().is_some_and(|text| text.contains("Backup codes")));
    assert_eq!(shown.count(), 1, "{pages:?}");
    assert_eq!(daemon.connect().status("ghost1")["factors"].as_array().unwrap().len(), 1);
}

#[test]
fn a_login_that_waits_at_the_offer_is_worth_nothing_once_its_owner_has_enrolled() {
    if !as_root() {
        return left_out("a login that waits while another enrolls");
    }
    let grace = "[defaults]\nrequire = \"always\"\nenroll = \"grace\"\ngrace = \"14d\"\n";
    for (policy, what) in [(grace, "q"), (grace, ""), (AT_LOGIN, "")] {
        let place = Place::new();
        place.policy(policy);
        let daemon = place.start();
        if policy == grace {
            assert_eq!(daemon.connect().login("ghost1", "q"), "skipped", "the grace has begun");
        }
        // Somebody knows the password, begins enrolling or not, and waits.
        let mut thief = daemon.connect();
        thief.begin("ghost1");
        let mut owner = daemon.connect();
        let mut phone = to_the_picture(&mut owner, "ghost1");
        let page = owner.answer(&phone.code(&place));
        assert_eq!(outcome(&owner.answer(&wanted(&page))), "pass");
        let turn = thief.answer(what);
        assert_eq!(outcome(&turn), "denied", "{what:?}: {turn}");
    }
}

#[test]
fn a_login_that_is_cut_off_anywhere_leaves_all_of_an_enrollment_or_none_of_it() {
    if !as_root() {
        return left_out("a login that is cut off while enrolling");
    }
    for pages in 0..4 {
        let place = place();
        let mut daemon = place.start();
        let mut wire = daemon.connect();
        let mut phone = None;
        match pages {
            0 => {
                wire.begin("ghost1");
            }
            1 => phone = Some(to_the_picture(&mut wire, "ghost1")),
            _ => {
                let mut scanned = to_the_picture(&mut wire, "ghost1");
                let page = wire.answer(&scanned.code(&place));
                if pages == 3 {
                    assert_eq!(outcome(&wire.answer(&wanted(&page))), "pass");
                }
                phone = Some(scanned);
            }
        }
        if pages % 2 == 0 {
            daemon.kill()
        } else {
            daemon.signal(Signal::TERM)
        }
        let _ = daemon.wait(crate::support::SOON);
        drop(daemon);
        let daemon = place.start();
        let status = daemon.connect().status("ghost1");
        let enrolled = status["factors"].as_array().unwrap().len();
        assert_eq!(enrolled, usize::from(pages >= 2), "{pages}");
        assert_eq!(status["backup_codes"], 10 * enrolled);
        match phone {
            Some(mut phone) if enrolled == 1 => {
                assert_eq!(daemon.connect().login("ghost1", &phone.last_code()), "ask", "it confirmed");
                assert_eq!(daemon.connect().login("ghost1", &phone.code(&place)), "pass");
            }
            Some(phone) => {
                let again = to_the_picture(&mut daemon.connect(), "ghost1");
                assert_eq!(again.code_of(1), phone.code_of(1), "the same secret goes on");
            }
            None => {}
        }
    }
}

#[test]
fn nobody_enrolls_through_a_process_of_their_own_where_a_login_would_ask() {
    let place = place();
    let daemon = place.start();
    let uid = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid)).unwrap().unwrap().name;
    for service in ["sshd", "login", "swaylock", "sudo"] {
        let mut begin = beginning(&user);
        begin["service"] = json!(service);
        let mut wire = daemon.connect_as(uid);
        let turn = wire.ask("io.mfa.Login.Begin", begin);
        assert!(!turn.to_string().contains("QR"), "{service}: {turn}");
        // A window is told at once; at a terminal it is a question, so that it is read.
        let end = if turn["done"].is_null() { wire.answer("") } else { turn };
        assert_eq!(outcome(&end), "denied", "{service}");
    }
}

#[test]
fn the_pending_secret_is_not_found_by_trying_codes() {
    let place = place();
    let daemon = place.start();
    let uid = if as_root() { 70_001 } else { rustix::process::geteuid().as_raw() };
    let mut wire = daemon.connect_as(uid);
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    let mut phone = Phone::of(pending["secret"].as_str().unwrap());
    let mut wrong = phone.wrong_codes(&place).collect::<Vec<_>>().into_iter();
    let mut looked_at = 0;
    // On a connection each: a new one is no new beginning.
    for code in wrong.by_ref().take(50) {
        let confirm = json!({ "id": pending["id"], "codes": [code] });
        let answer = daemon.connect_as(uid).call("io.mfa.Enrollment.Confirm", confirm);
        match answer["parameters"]["code"].as_str() {
            Some("busy") => break,
            _ => assert_eq!(answer["parameters"]["result"], "wrong"),
        }
        looked_at += 1;
    }
    assert_eq!(looked_at, 5);
    let right = json!({ "id": pending["id"], "codes": [phone.code(&place)] });
    assert_eq!(wire.refused("io.mfa.Enrollment.Confirm", right), "busy", "not even the right one is looked at");
    place.set_clock(place.clock() + 60);
    let right = json!({ "id": pending["id"], "codes": [phone.code(&place)] });
    assert_eq!(wire.ask("io.mfa.Enrollment.Confirm", right)["result"], "done");
}

#[test]
fn who_has_a_factor_changes_nothing_without_it() {
    let place = Place::new();
    let daemon = place.start();
    let uid = if as_root() { 70_001 } else { rustix::process::geteuid().as_raw() };
    let user = if as_root() { "ghost1".to_owned() } else { me() };
    let (mut phone, codes) = daemon.connect().enroll(&user, &place);
    let id = daemon.connect().status(&user)["factors"][0]["id"].clone();
    let changes = [
        ("AddTotp", json!({})),
        ("NewBackupCodes", json!({})),
        ("Remove", json!({ "id": id })),
        ("Rename", json!({ "id": id, "name": "mine" })),
    ];
    let mut wire = daemon.connect_as(uid);
    let refused = |wire: &mut Wire| {
        for (method, parameters) in &changes {
            let method = format!("io.mfa.Enrollment.{method}");
            assert_eq!(wire.refused(&method, parameters.clone()), "authorize_first", "{method}");
        }
    };
    refused(&mut wire);
    // A login's pass is not the right to change factors, nor is half of an authorization, nor another connection's.
    assert_eq!(wire.login(&user, &phone.code(&place)), "pass");
    refused(&mut wire);
    wire.ask("io.mfa.Enrollment.Authorize", json!({}));
    refused(&mut wire);
    assert_eq!(outcome(&wire.answer("000000")), "ask");
    refused(&mut wire);
    assert_eq!(outcome(&wire.answer(&codes[0])), "pass");
    refused(&mut daemon.connect_as(uid));
    wire.ask("io.mfa.Enrollment.Rename", json!({ "id": id, "name": "mine" }));
    place.set_clock(place.clock() + 301);
    refused(&mut wire);
}

#[test]
fn names_of_factors_are_names() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    for name in ["", " ", "a\nb", "\u{1b}[2J", &"x".repeat(65), &"x".repeat(60_000), "\u{9b}31m"] {
        assert_eq!(wire.refused("io.mfa.Enrollment.AddTotp", json!({ "name": name })), "invalid", "{name:?}");
    }
    assert_eq!(wire.status(&me())["pending_for"], Value::Null);
}

#[test]
fn a_report_ends_what_was_proved_on_every_open_connection() {
    let place = Place::new();
    let daemon = place.start();
    let user = me();
    let about = || json!({ "user": user });
    let (mut phone, _) = daemon.connect().enroll(&user, &place);
    let uid = rustix::process::getuid().as_raw();
    // Root proves nothing, so as root this is somebody else.
    let (uid, about): (u32, Box<dyn Fn() -> Value>) = if as_root() {
        let (other, _) = daemon.connect().enroll("nobody", &place);
        phone = other;
        (NOBODY, Box::new(|| json!({})))
    } else {
        (uid, Box::new(about))
    };
    let mut thief = daemon.connect_as(uid);
    thief.ask("io.mfa.Enrollment.Authorize", about());
    assert_eq!(outcome(&thief.answer(&phone.code(&place))), "pass");
    daemon.connect_as(uid).ask("io.mfa.Enrollment.Report", about());
    assert_eq!(thief.refused("io.mfa.Enrollment.NewBackupCodes", about()), "authorize_first");
}
