//! The guided setup as a person at a terminal meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "../../mfa-cli/testing/pty.rs"]
mod pty;
#[path = "../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;

use pty::Person;
use rustix::termios::LocalModes;
use scripted_daemon::{Answer, ScriptedDaemon};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use std::sync::{Arc, Mutex};

const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn codes() -> Vec<String> {
    (0..10).map(|at| format!("7KQF-2MZT-9XW{at}")).collect()
}

/// A daemon with a small memory: alice enrolls, and from then on has to prove who she is.
fn daemon(begun: &Value) -> ScriptedDaemon {
    let factors = Arc::new(Mutex::new(begun.clone()));
    ScriptedDaemon::start(move |method, parameters| {
        let mut factors = factors.lock().unwrap();
        let enrolled = !factors.as_array().unwrap().is_empty();
        match method.rsplit('.').next().unwrap() {
            "Status" => Answer::Reply(json!({
                "user": "alice", "uid": 1000, "site": "ACME", "host": "web1", "support": "", "required": true,
                "factors": *factors, "backup_codes": if enrolled { 10 } else { 0 }, "authorize": enrolled,
                "codes_off": false,
            })),
            "AddTotp" => {
                let fresh = parameters["fresh"] == json!(true);
                let secret = if fresh { "NEWSECRETNEWSECRETNEWSECRETNEWSE" } else { SECRET };
                Answer::Reply(json!({
                    "id": 4, "secret": secret, "uri": format!("otpauth://totp/ACME:alice@web1?secret={secret}"),
                    "label": "alice@web1", "issuer": "ACME", "expires_in": 600, "resumed": !fresh, "confirm_codes": 1,
                    "period": 30,
                }))
            }
            "Confirm" if parameters["codes"] == json!(["492817"]) => {
                let added = json!({ "id": 4, "kind": "totp", "name": "phone", "created": 1_790_000_000 });
                factors.as_array_mut().unwrap().push(added);
                Answer::Reply(json!({ "result": "done", "backup_codes": codes() }))
            }
            "Confirm" => Answer::Reply(json!({ "result": "wrong" })),
            "Authorize" => Answer::Reply(json!({ "ask": { "text": "Verification code: ", "echo": false } })),
            "Answer" => Answer::Reply(json!({ "done": { "outcome": "pass", "reason": "totp" } })),
            "NewBackupCodes" => Answer::Reply(json!({ "backup_codes": codes() })),
            _ => Answer::Reply(json!({})),
        }
    })
}

fn wizard(daemon: &ScriptedDaemon) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfa-enroll"));
    command.arg("--socket").arg(daemon.socket()).current_dir(daemon.folder());
    command.env_clear().env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    command
}

fn phone() -> Value {
    json!([{ "id": 3, "kind": "totp", "name": "phone", "created": 1_790_000_000 }])
}

/// What is on the screen without colours; no line may pass the edge.
#[track_caller]
fn fits(screen: &str) {
    let mut plain = String::new();
    let mut pieces = screen.split('\x1b');
    plain.push_str(pieces.next().unwrap());
    for piece in pieces {
        plain.push_str(piece.split_once('m').expect("nothing but colours").1);
    }
    for line in plain.replace('\r', "").lines().filter(|line| !line.contains("otpauth://")) {
        assert!(line.chars().count() <= 80, "{} columns: {line:?}", line.chars().count());
    }
}

/// Answers the question for the end of a code.
fn types_the_end_asked_for(person: &mut Person) {
    person.sees("Type the last group of code ");
    let number: usize = person.sees(": ").parse().unwrap();
    person.types(&format!("9xw{}", number - 1));
}

#[test]
fn the_first_time_ends_with_a_phone_and_backup_codes_kept() {
    let daemon = daemon(&json!([]));
    let mut person = Person::at(&mut wizard(&daemon));
    assert!(person.sees("Have you an authenticator app").contains("Second factor for alice on web1: none yet."));
    person.types("n");
    assert!(person.sees("Enter = it is installed").contains("Aegis"));
    person.types("");
    let drawn = person.sees("Verification code: ");
    assert!(drawn.contains("JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP"), "{drawn}");
    let rows = drawn[drawn.find("\x1b[38").unwrap()..].lines().count();
    assert!(rows <= 24, "picture, secret, keys and question fit one window, not {rows} rows");
    person.types("000000");
    person.sees("That is not the code of this secret.");
    person.sees("Verification code: ");
    person.types("492 817");
    person.sees("Right: your app counts");
    person.sees("Type the last group of code ");
    person.types("wrong");
    person.sees("does not end so. Look again.");
    types_the_end_asked_for(&mut person);
    person.sees("Enter = done: ");
    person.types("s");
    person.sees("Name of the new file: ");
    person.types("codes.txt");
    person.sees("The backup codes are in codes.txt");
    person.sees("Enter = done: ");
    person.types("p");
    person.sees(".html or .txt: ");
    person.types("codes.txt");
    person.sees("codes.txt exists already");
    person.sees("Enter = done: ");
    person.types("p");
    person.sees(".html or .txt: ");
    person.types("page.html");
    person.sees("Enter = done: ");
    person.types("");
    let (status, screen) = person.leaves();
    assert_eq!(status.code(), Some(0), "{screen}");
    fits(&screen);
    assert!(fs::read_to_string(daemon.folder().join("codes.txt")).unwrap().ends_with("7KQF-2MZT-9XW9\n"));
    assert!(fs::read_to_string(daemon.folder().join("page.html")).unwrap().contains("JBSW Y3DP"));
}

#[test]
fn a_secret_that_was_begun_before_can_be_thrown_away() {
    let daemon = daemon(&json!([]));
    let mut person = Person::at(&mut wizard(&daemon));
    person.sees("[Y/n] ");
    person.types("");
    assert!(person.sees("Verification code: ").contains("You began this before"));
    person.types("n");
    assert!(person.sees("Verification code: ").contains("NEWS ECRE TNEW SECR"));
    person.types("t");
    assert!(person.sees("Verification code: ").contains("otpauth://totp/ACME:alice@web1?secret=NEWS"));
    person.types("a");
    assert!(person.sees("Verification code: ").contains("##"));
    person.types("q");
    let (status, screen) = person.leaves();
    assert_eq!(status.code(), Some(1));
    assert!(screen.contains("The secret waits for 10 minutes"), "{screen}");
    assert_eq!(daemon.parameters_of("AddTotp")[1], json!({ "fresh": true }));
    fits(&screen);
}

#[test]
fn without_colours_the_picture_can_be_turned_over() {
    let daemon = daemon(&json!([]));
    let mut person = Person::at(wizard(&daemon).env("NO_COLOR", "1"));
    person.sees("[Y/n] ");
    person.types("y");
    let light = person.sees("Verification code: ");
    assert!(light.contains("████") && light.contains("i = inverse") && !light.contains('\x1b'), "{light}");
    person.types("i");
    let dark = person.sees("Verification code: ");
    assert_ne!(light.matches('█').count(), dark.matches('█').count());
    person.types("q");
    assert!(!person.leaves().1.contains('\x1b'));
}

#[test]
fn whoever_has_a_factor_gets_a_menu_and_proves_it_once() {
    let daemon = daemon(&phone());
    let mut person = Person::at(&mut wizard(&daemon));
    assert!(person.sees("q = done: ").contains("10 backup codes left."));
    person.types("n");
    person.sees("ID: ");
    person.types("3");
    person.sees("New name: ");
    person.types("old phone");
    person.sees("prove it is you.");
    person.sees("Verification code: ");
    person.types("118203");
    person.sees("is now called \"old phone\".");
    person.sees("q = done: ");
    person.types("s");
    assert!(person.sees("ControlPersist 15m").contains("ControlMaster auto"));
    person.sees("q = done: ");
    person.types("r");
    person.sees("ID: ");
    person.types("77");
    person.sees("There is no factor 77.");
    person.sees("q = done: ");
    person.types("r");
    person.sees("ID: ");
    person.types("3");
    person.sees("Remove \"phone\"? [y/N] ");
    person.types("y");
    person.sees("Removed: \"phone\".");
    person.sees("q = done: ");
    person.types("c");
    person.sees("[y/N] ");
    person.types("");
    person.sees("q = done: ");
    person.types("c");
    person.sees("[y/N] ");
    person.types("y");
    types_the_end_asked_for(&mut person);
    person.sees("Enter = done: ");
    person.types("");
    person.sees("q = done: ");
    person.types("t");
    person.sees("Verification code: ");
    person.types("118203");
    person.sees("Right: phone app. It is used up now.");
    person.sees("q = done: ");
    person.types("q");
    let (status, screen) = person.leaves();
    assert_eq!(status.code(), Some(0), "{screen}");
    fits(&screen);
    assert_eq!(daemon.parameters_of("Remove"), [json!({ "id": 3 })]);
    assert_eq!(daemon.parameters_of("NewBackupCodes").len(), 1);
    assert_eq!(daemon.parameters_of("Authorize").len(), 2, "once for all changes, once for the test");
}

#[test]
fn a_hidden_code_is_not_echoed() {
    let daemon = daemon(&phone());
    let mut person = Person::at(wizard(&daemon).arg("codes"));
    person.sees("Verification code: ");
    person.types("118203");
    types_the_end_asked_for(&mut person);
    person.sees("Enter = done: ");
    person.types("");
    assert!(!person.leaves().1.contains("118203"));
}

#[test]
fn ctrl_c_at_a_hidden_question_leaves_the_terminal_as_it_was() {
    let daemon = daemon(&phone());
    let mut person = Person::at(wizard(&daemon).args(["codes", "--save", "codes.txt"]));
    let before = person.modes();
    assert!(before.local_modes.contains(LocalModes::ECHO));
    person.sees("Verification code: ");
    assert!(!person.modes().local_modes.contains(LocalModes::ECHO));
    person.presses_ctrl_c();
    let after = person.modes_at_the_end();
    let (status, _) = person.leaves();
    assert_eq!(status.signal(), Some(2), "it ends as Ctrl-C ends everything");
    assert_eq!((after.local_modes, after.input_modes), (before.local_modes, before.input_modes));
    assert_eq!(format!("{:?}", after.special_codes), format!("{:?}", before.special_codes));
    assert!(!daemon.folder().join("codes.txt").exists());
    assert!(daemon.parameters_of("NewBackupCodes").is_empty());
}

#[test]
fn ctrl_c_at_an_open_question_ends_it_too() {
    let daemon = daemon(&json!([]));
    let mut person = Person::at(&mut wizard(&daemon));
    person.sees("[Y/n] ");
    person.presses_ctrl_c();
    assert_eq!(person.leaves().0.signal(), Some(2));
}
