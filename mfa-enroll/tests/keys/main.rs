//! Adding security keys and SSH keys as a person at a terminal and a script meet it, with a daemon and keys that do what
//! the test says.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "../../testing/fake_key.rs"]
mod fake_key;
#[path = "../../../mfa-cli/testing/pty.rs"]
mod pty;
#[path = "../../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;
mod ssh;

use fake_key::{Programs, asserted, failed, keys, made};
use pty::Person;
use rustix::termios::LocalModes;
use scripted_daemon::{Answer, ScriptedDaemon};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

const KEY: &str = include_str!("../../../mfa-core/tests/vectors/sk-ed25519.pub");
const OTHER_KEY: &str = include_str!("../../../mfa-core/tests/vectors/sk-ecdsa.pub");
const SIGNATURE: [&str; 3] = ["-----BEGIN SSH SIGNATURE-----", "U1NIU0lH", "-----END SSH SIGNATURE-----"];

/// A daemon that takes every key, and asks of it what `demands` says.
fn daemon(demands: &Value) -> ScriptedDaemon {
    let demands = demands.clone();
    let mut backup_codes: Vec<String> = (0..10).map(|at| format!("7KQF-2MZT-9XW{at}")).collect();
    let (mut factors, mut named) = (json!([]), String::new());
    ScriptedDaemon::start(move |method, parameters| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(json!({
            "user": "alice", "uid": 1000, "site": "ACME", "host": "web1", "support": "", "required": true,
            "factors": factors, "backup_codes": 10 - backup_codes.len(), "authorize": false, "codes_off": false,
            "addable": ["totp", "security-key", "ssh-key"],
        })),
        "AddSecurityKey" => {
            named = parameters["name"].as_str().unwrap_or("security key").to_owned();
            let mut wanted = json!({
                "relying_party": "web1.acme.example", "site": "ACME", "user_id": "AQID", "user_name": "alice@web1",
                "client_data_hash": "AAAA", "algorithms": [-7, -8], "exclude": [], "verify_user": false,
                "attestation": false, "expires_in": 300,
            });
            wanted.as_object_mut().unwrap().extend(demands.as_object().unwrap().clone());
            Answer::Reply(wanted)
        }
        "SecurityKeyMade" => Answer::Reply(json!({
            "credential": { "id": parameters["credential"], "relying_party": "web1.acme.example" },
            "client_data_hash": "BBBB", "verify_user": false, "expires_in": 300,
        })),
        "AddSshKey" => Answer::Reply(json!({
            "namespace": "mfa-enroll", "text": "ACME: alice on web1 adds this key, 6tZq", "verify_user": false,
            "fingerprint": "SHA256:Pn7w", "name": "laptop", "expires_in": 300,
        })),
        "ConfirmSshKey" if !parameters["signature"].as_str().unwrap().contains("U1NIU0lH") => {
            Answer::Refuse("invalid", "That is not a signature of this key.")
        }
        "ConfirmSecurityKey" | "ConfirmSshKey" => {
            factors = json!([{ "id": 3, "kind": "security-key", "name": named, "created": 1_790_000_000 }]);
            Answer::Reply(json!({ "name": named, "backup_codes": std::mem::take(&mut backup_codes) }))
        }
        other => Answer::Reply(json!({ "unexpected": other })),
    })
}

fn command(daemon: &ScriptedDaemon, programs: &Programs, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfa-enroll"));
    command.args(arguments).arg("--socket").arg(daemon.socket()).arg("--programs").arg(programs.folder());
    command.current_dir(daemon.folder()).env_clear().env("HOME", daemon.folder());
    command.env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    command
}

fn person(daemon: &ScriptedDaemon, programs: &Programs, arguments: &[&str]) -> Person {
    Person::at(&mut command(daemon, programs, arguments))
}

/// As a script runs it, with nothing to read.
fn script(daemon: &ScriptedDaemon, programs: &Programs, arguments: &[&str]) -> Output {
    command(daemon, programs, arguments).stdin(Stdio::null()).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(text).unwrap().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The backup codes that follow are kept, and it ends well.
fn keeps_the_codes(mut person: Person) -> String {
    person.sees("Type the last group of code ");
    let number: usize = person.sees(": ").parse().unwrap();
    person.types(&format!("9xw{}", number - 1));
    person.sees("Enter = done: ");
    person.types("");
    let (status, screen) = person.leaves();
    assert!(status.success(), "{screen}");
    let plain = screen.replace("\x1b[1m", "").replace("\x1b[0m", "").replace('\r', "");
    assert!(plain.lines().all(|line| line.chars().count() <= 80 || line.starts_with("printf")), "{plain}");
    screen
}

#[test]
fn two_touches_add_a_key_and_backup_codes_come_with_the_first_factor() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[keys(&[false]), made(), asserted()]));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("Touch your security key (1 of 2).");
    person.sees("Touch it again to confirm (2 of 2).");
    person.sees("Right: \"security key\" counts from now on.");
    keeps_the_codes(person);
    let asked = programs.asked();
    assert_eq!(programs.methods(), ["List", "Make", "Assert"]);
    assert_eq!(asked[0].1["models"], false, "make and model are not read");
    assert_eq!(asked[1].1["relying_party"], "web1.acme.example");
    assert_eq!(asked[1].1["attestation"], false);
    assert_eq!(asked[1].1.get("pin"), None);
    assert_eq!(asked[2].1["credentials"][0]["id"], "hE2mpg");
    assert_eq!(daemon.parameters_of("SecurityKeyMade")[0]["authenticator_data"], "AAEC");
    assert_eq!(daemon.parameters_of("ConfirmSecurityKey")[0]["signature"], "AwQF");
}

#[test]
fn the_program_that_talks_to_keys_gets_no_environment() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[keys(&[false]), made(), asserted()]));
    let mut adding = command(&daemon, &programs, &["add", "security-key", "--json"]);
    let output = adding.env("FIDO_DEBUG", "1").env("LD_PRELOAD", "").stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", told(&output));
    let environment = programs.read("environment");
    assert!(!environment.contains("FIDO_DEBUG") && !environment.contains("HOME"), "{environment}");
    let data: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&data["name"], data["backup_codes"].as_array().unwrap().len()), (&json!("security key"), 10));
    assert!(String::from_utf8_lossy(&output.stderr).contains("Touch your security key (1 of 2)."));
}

#[test]
fn without_a_key_it_waits_for_one_and_can_be_left() {
    let answers = [keys(&[]), failed("no_key"), keys(&[false]), made(), asserted()];
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&answers));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    for _ in 0..2 {
        person.sees("Plug in your security key.");
        person.sees("Enter = go on   q = stop: ");
        person.types("");
    }
    person.sees("Touch your security key (1 of 2).");
    keeps_the_codes(person);

    let programs = Programs::answering(&[keys(&[])]);
    let mut person = self::person(&daemon, &programs, &["add", "security-key"]);
    person.sees("q = stop: ");
    person.types("q");
    let (status, screen) = person.leaves();
    assert_eq!(status.code(), Some(1));
    assert!(screen.contains("Nothing was changed."), "{screen}");
}

#[test]
fn over_ssh_it_is_told_in_a_sentence_where_the_key_must_be_and_what_to_do_instead() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[keys(&[])]));
    let mut adding = command(&daemon, &programs, &["add", "security-key"]);
    let (status, screen) = Person::at(adding.env("SSH_CONNECTION", "192.0.2.7 1 192.0.2.8 22")).leaves();
    assert_eq!(status.code(), Some(1));
    let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(screen.contains("it must be plugged into web1 itself."), "{screen}");
    assert!(screen.contains("mfa-enroll add ssh-key"), "{screen}");
}

#[test]
fn a_key_with_a_pin_is_asked_for_it_unseen_and_a_wrong_one_says_how_many_tries_are_left() {
    let wrong = json!({ "outcome": "pin_wrong", "tries_left": 5 });
    let answers = [keys(&[true]), wrong, made(), asserted()];
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&answers));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("PIN of your security key: ");
    assert!(!person.modes().local_modes.contains(LocalModes::ECHO));
    person.types("0000");
    person.sees("That PIN is not right; 5 tries left.");
    person.sees("PIN of your security key: ");
    person.types("1234");
    person.sees("(2 of 2)");
    let screen = keeps_the_codes(person);
    assert!(!screen.contains("1234") && !screen.contains("0000"), "{screen}");
    let pins: Vec<Value> = programs.asked()[1..].iter().map(|(_, asked)| asked["pin"].clone()).collect();
    assert_eq!(pins, ["0000", "1234", "1234"]);
    assert!(daemon.parameters_of("Key").iter().all(|said| !said.to_string().contains("1234")), "the daemon heard it");
}

#[test]
fn a_pin_that_the_key_asks_for_only_then_is_asked_for_then() {
    let answers = [keys(&[false, false]), failed("pin_needed"), made(), failed("pin_pause"), asserted()];
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&answers));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("Touch your security key (1 of 2).");
    person.sees("PIN of your security key: ");
    person.types("1234");
    person.sees("Touch it again to confirm (2 of 2).");
    person.sees("unplug it and plug it in again");
    person.sees("q = stop: ");
    person.types("");
    keeps_the_codes(person);
    assert_eq!(programs.asked()[1].1.get("pin"), None);
    assert_eq!(programs.asked()[2].1["pin"], "1234");
}

#[test]
fn a_pin_is_never_given_to_the_key_that_is_plugged_in_next() {
    let answers = [
        keys(&[true]),
        failed("already_there"),
        json!({ "outcome": "done", "plugged_in": 1, "matches": [{
        "credentials": ["b2xk"], "pin_set": true, "always_verifies": false, "built_in_verification": false,
        "u2f_only": false }] }),
        keys(&[false]),
        made(),
        asserted(),
    ];
    let known = json!({ "credential": { "id": "b2xk", "relying_party": "web1.acme.example" }, "name": "work key" });
    let other = json!({ "credential": { "id": "bmV3", "relying_party": "web1.acme.example" }, "name": "home key" });
    let (daemon, programs) = (daemon(&json!({ "exclude": [other, known] })), Programs::answering(&answers));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("PIN of your security key: ");
    person.types("1234");
    person.sees("This key is already enrolled, as \"work key\".");
    person.sees("Plug in the one that is to be added, and no other.");
    person.sees("q = stop: ");
    person.types("");
    person.sees("Touch your security key (1 of 2).");
    keeps_the_codes(person);
    let asked = programs.asked();
    assert_eq!(asked[1].1["exclude"].as_array().unwrap().len(), 2);
    assert_eq!(asked[4].0, "Make");
    assert_eq!(asked[4].1.get("pin"), None, "the PIN of the key before");
}

#[test]
fn a_key_that_is_locked_or_has_no_pin_is_told_with_the_way_out() {
    for (answer, part) in [
        (json!({ "outcome": "pin_last_tries", "tries_left": 3 }), "3 tries of its PIN left, and none is spent here"),
        (failed("pin_blocked"), "Only a reset"),
        (failed("pin_not_set"), "has no PIN yet"),
        (failed("unsupported"), "Use another key"),
    ] {
        let (daemon, programs) =
            (daemon(&json!({ "verify_user": true })), Programs::answering(&[keys(&[false, false]), answer]));
        let (status, screen) = person(&daemon, &programs, &["add", "security-key"]).leaves();
        assert_eq!(status.code(), Some(1));
        let screen = screen.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(screen.contains(part), "{part} in {screen}");
        assert_eq!(programs.asked()[1].1["verify_user"], true);
        assert_eq!(daemon.methods().last().unwrap(), "AddSecurityKey", "nothing was made");
    }
}

#[test]
fn where_its_user_must_be_verified_a_key_that_cannot_is_not_even_touched() {
    let old = json!({ "outcome": "done", "keys": [{ "pin_set": false, "always_verifies": false,
        "built_in_verification": false, "u2f_only": true }] });
    for (listed, part) in [(keys(&[false]), "has no PIN yet"), (old, "too old to know PINs")] {
        let (daemon, programs) = (daemon(&json!({ "verify_user": true })), Programs::answering(&[listed]));
        let output = script(&daemon, &programs, &["add", "security-key"]);
        assert!(told(&output).contains(part), "{}", told(&output));
        assert_eq!(programs.methods(), ["List"]);
    }
}

#[test]
fn several_keys_are_told_and_a_touch_that_does_not_come_can_be_tried_again() {
    let several = json!({ "outcome": "several", "keys": 2 });
    let answers = [keys(&[false, false]), several, keys(&[false]), failed("timed_out"), made(), asserted()];
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&answers));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("2 security keys are plugged in. Leave in the one to add.");
    person.sees("q = stop: ");
    person.types("");
    person.sees("It was not touched in time.");
    person.sees("q = stop: ");
    person.types("");
    keeps_the_codes(person);
    assert_eq!(programs.methods(), ["List", "Make", "List", "Make", "Make", "Assert"]);
}

#[test]
fn make_and_model_are_read_only_where_the_site_wants_them_and_the_user_agrees() {
    let product = json!({ "outcome": "done", "keys": [{ "product": "YubiKey 5 NFC", "manufacturer": "Yubico",
        "pin_set": false, "always_verifies": false, "built_in_verification": false, "u2f_only": false }] });
    let wanted = json!({ "attestation": true });
    let (daemon, programs) = (daemon(&wanted), Programs::answering(&[keys(&[false]), product, made(), asserted()]));
    let mut person = self::person(&daemon, &programs, &["add", "security-key"]);
    person.sees("ACME takes keys of certain makes alone.");
    person.sees("Read them? [y/N] ");
    person.types("y");
    person.sees("Right: \"YubiKey 5 NFC\" counts from now on.");
    keeps_the_codes(person);
    let asked = programs.asked();
    assert_eq!((&asked[1].1["models"], &asked[2].1["attestation"]), (&json!(true), &json!(true)));

    let programs = Programs::answering(&[keys(&[false])]);
    let mut person = self::person(&daemon, &programs, &["add", "security-key"]);
    person.sees("Read them? [y/N] ");
    person.types("");
    let (status, screen) = person.leaves();
    assert_eq!(status.code(), Some(1));
    assert!(screen.contains("Nothing was changed"), "{screen}");
    assert_eq!(programs.methods(), ["List"]);
    let refused = script(&daemon, &Programs::answering(&[keys(&[false])]), &["add", "security-key", "--json"]);
    assert!(told(&refused).contains("--read-model"), "{}", told(&refused));
}

#[test]
fn ctrl_c_stops_the_key_and_leaves_the_terminal_as_it_was() {
    let (daemon, programs) = (daemon(&json!({})), Programs::answering(&[keys(&[false])]));
    let mut person = person(&daemon, &programs, &["add", "security-key"]);
    person.sees("Touch your security key (1 of 2).");
    programs.await_file("asked.1");
    person.presses_ctrl_c();
    assert!(person.modes_at_the_end().local_modes.contains(LocalModes::ECHO | LocalModes::ISIG));
    let (status, _) = person.leaves();
    assert_eq!(status.signal(), Some(2));
    programs.await_file("hung-up");
}

#[test]
fn scripts_are_told_what_to_do_in_one_sentence() {
    for (answers, code) in [
        (vec![keys(&[])], "no_key"),
        (vec![keys(&[false]), failed("already_there"), json!({ "outcome": "no_key" })], "already_there"),
        (vec![keys(&[false]), failed("timed_out")], "timed_out"),
        (vec![keys(&[true])], "input"),
        (vec![keys(&[false]), json!({ "nonsense": true })], "key_program"),
    ] {
        let daemon = daemon(&json!({}));
        let output = script(&daemon, &Programs::answering(&answers), &["add", "security-key", "--json"]);
        assert_eq!(output.status.code(), Some(1), "{code}: {}", told(&output));
        let data: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(data["error"]["code"], code, "{data}");
    }
}
