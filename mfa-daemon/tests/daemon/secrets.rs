//! What is secret is nowhere but where it must be: not in what the daemon says, not in its files, and not in its memory
//! once it is done with it.

use crate::support::{Daemon, Place, as_root, left_out, me};
use crate::wire::outcome;
use serde_json::json;
use std::fs;
use std::os::unix::fs::FileExt;

/// Everything the daemon has said and written.
fn everything(place: &Place, daemon: &Daemon<'_>) -> Vec<u8> {
    let mut all = [daemon.errors.all(), daemon.log.all()].concat().join("\n").into_bytes();
    for file in fs::read_dir(place.path("state")).unwrap() {
        all.extend(fs::read(file.unwrap().path()).unwrap());
    }
    all
}

pub(crate) fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window[0] == needle[0] && window == needle)
}

#[test]
fn neither_secret_nor_code_is_in_the_log_or_in_a_file() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    let secret = pending["secret"].as_str().unwrap().to_owned();
    let mut phone = crate::wire::Phone::of(&secret);
    let confirm = json!({ "id": pending["id"], "codes": [phone.code(&place)] });
    let confirmed = wire.ask("io.mfa.Enrollment.Confirm", confirm);
    let backup_codes = crate::wire::strings(&confirmed["backup_codes"]);
    assert_eq!(daemon.connect().login(&me(), &backup_codes[0]), "pass");
    let right = phone.code(&place);
    assert_eq!(daemon.connect().login(&me(), &right), "pass");
    let typed = "correct horse battery";
    assert_eq!(daemon.connect().login(&me(), typed), "ask");
    daemon.log.wait_for("wrong user=", 1);
    let all = everything(&place, &daemon);
    assert!(all.len() > 10_000);
    let raw = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    for (what, needle) in [
        ("the secret", raw.as_slice()),
        ("the secret in Base32", secret.as_bytes()),
        ("a used backup code", backup_codes[0].as_bytes()),
        ("a backup code", backup_codes[1].as_bytes()),
        ("a backup code without dashes", backup_codes[1].replace('-', "").as_bytes()),
        ("what was typed instead of a code", typed.as_bytes()),
        ("the master key", &[7; 32]),
    ] {
        assert!(!holds(&all, needle), "{what}");
    }
}

/// Whether any twelve bytes of it are there in a row: malloc itself writes over the beginning of what is freed, and leaves
/// the rest.
pub(crate) fn traces(haystack: &[u8], needle: &[u8]) -> bool {
    let length = needle.len().min(12);
    let parts: Vec<&[u8]> = needle.windows(length).collect();
    let mut begins = [false; 256];
    parts.iter().for_each(|part| begins[usize::from(part[0])] = true);
    haystack.windows(length).any(|window| begins[usize::from(window[0])] && parts.contains(&window))
}

/// All that the daemon has in its memory.
pub(crate) fn memory(daemon: &Daemon<'_>) -> Option<Vec<u8>> {
    let maps = fs::read_to_string(format!("/proc/{}/maps", daemon.child.id())).ok()?;
    let memory = fs::File::open(format!("/proc/{}/mem", daemon.child.id())).ok()?;
    let mut all = Vec::new();
    for line in maps.lines().filter(|line| line.contains(" rw-p ")) {
        let (from, to) = line.split_once(' ')?.0.split_once('-')?;
        let (from, to) = (u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?);
        let mut part = vec![0; usize::try_from(to - from).ok()?];
        if memory.read_exact_at(&mut part, from).is_ok() {
            all.extend(part);
        }
    }
    Some(all)
}

/// Plays a dialog in which nothing is typed, so that buffers were used for something else since, and waits for its end:
/// while it is open the daemon has the account's secrets in its memory.
pub(crate) fn an_idle_dialog_later(daemon: &Daemon<'_>) {
    let before = daemon.log.count("abandoned user=");
    daemon.connect().begin(&me());
    daemon.log.wait_for("abandoned user=", before + 1);
    daemon.connect().ask("org.varlink.service.GetInfo", json!({}));
}

#[test]
fn what_was_typed_is_wiped_once_the_login_is_over() {
    let place = Place::new();
    let daemon = place.start();
    daemon.connect().enroll(&me(), &place);
    let typed = "what-was-typed-7f3a9c21e5b8d640";
    let mut wire = daemon.connect();
    wire.begin(&me());
    assert_eq!(outcome(&wire.answer(typed)), "ask");
    drop(wire);
    an_idle_dialog_later(&daemon);
    let Some(memory) = memory(&daemon).filter(|memory| holds(memory, b"mfa-daemon")) else {
        assert!(!as_root(), "root reads a child's memory");
        return left_out("what is left in memory");
    };
    assert!(!traces(&memory, typed.as_bytes()));
}

#[test]
fn what_was_shown_is_wiped_once_it_is_shown() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    let secret = pending["secret"].as_str().unwrap().to_owned();
    let mut phone = crate::wire::Phone::of(&secret);
    let confirm = json!({ "id": pending["id"], "codes": [phone.code(&place)] });
    let confirmed = wire.ask("io.mfa.Enrollment.Confirm", confirm);
    let backup_codes = crate::wire::strings(&confirmed["backup_codes"]);
    assert_eq!(wire.login(&me(), &phone.code(&place)), "pass");
    assert_eq!(wire.login(&me(), &backup_codes[0]), "pass");
    drop(wire);
    an_idle_dialog_later(&daemon);
    let Some(memory) = memory(&daemon).filter(|memory| holds(memory, b"mfa-daemon")) else {
        assert!(!as_root(), "root reads a child's memory");
        return left_out("what is left in memory");
    };
    let raw = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
    let found: Vec<&str> = [
        ("the secret", raw.as_slice()),
        ("the secret in Base32", secret.as_bytes()),
        ("a used backup code", backup_codes[0].as_bytes()),
        ("a backup code", backup_codes[1].as_bytes()),
        ("a backup code without dashes", backup_codes[1].replace('-', "").as_bytes()),
    ]
    .into_iter()
    .filter_map(|(what, needle)| traces(&memory, needle).then_some(what))
    .collect();
    assert_eq!(found, [""; 0]);
}

#[test]
fn what_a_login_showed_is_wiped_once_it_is_over() {
    if !as_root() {
        return left_out("what is left of enrolling in a login");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\nenroll = \"at-login\"\n");
    let daemon = place.start();
    let mut wire = daemon.connect();
    wire.begin("ghost1");
    wire.answer("");
    wire.answer("a");
    let page = wire.answer("t")["ask"]["text"].as_str().unwrap().to_owned();
    let secret = page.split("secret=").nth(1).unwrap().split('&').next().unwrap().trim().to_owned();
    let mut phone = crate::wire::Phone::of(&secret);
    let page = wire.answer(&phone.code(&place))["ask"]["text"].as_str().unwrap().to_owned();
    let code = page.split_whitespace().find(|word| word.len() == 14 && word.matches('-').count() == 2).unwrap();
    drop(wire);
    daemon.log.wait_for("abandoned user=", 1);
    an_idle_dialog_later(&daemon);
    let memory = memory(&daemon).expect("root reads a child's memory");
    for (what, needle) in [("the secret", secret.as_str()), ("a backup code", code)] {
        assert!(!traces(&memory, needle.as_bytes()), "{what}");
    }
}
