//! `mfactl import`, `export` and `restore` against a scripted daemon: what is told, as data too, and exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;

use scripted_daemon::{Answer, ScriptedDaemon};
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

const SECRET: &str = "3132333435363738393031323334353637383930";

fn run(daemon: &ScriptedDaemon, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mfactl"));
    command.args(arguments).arg("--socket").arg(daemon.socket()).env_clear().env("LC_ALL", "C.UTF-8");
    command.stdin(Stdio::null()).output().unwrap()
}

/// Its exit code and all that it says, which fits a terminal.
fn said(output: &Output) -> (i32, String) {
    let text = [output.stdout.clone(), output.stderr.clone()].concat();
    let text = String::from_utf8(text).unwrap();
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    (output.status.code().unwrap(), text)
}

/// A daemon whose records of users in `b…` do not open, and a file with these users.
fn importing(users: &[&str]) -> (ScriptedDaemon, String) {
    let daemon = ScriptedDaemon::start(|_, parameters| match parameters["user"].as_str().unwrap_or_default() {
        user if user.starts_with('b') => Answer::Refuse("broken", "The record does not open."),
        "carol" => Answer::Refuse("unknown_user", "There is no account carol."),
        _ => Answer::Reply(json!({ "outcome": "taken" })),
    });
    let file = daemon.folder().join("users.oath");
    let lines = users.iter().map(|user| format!("HOTP/T30 {user} - {SECRET}\n"));
    fs::write(&file, lines.collect::<String>()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap().to_owned();
    (daemon, file)
}

#[test]
fn a_user_for_whom_it_does_not_work_stops_nobody_elses_import() {
    let (daemon, file) = importing(&["alice", "bob", "carol", "bert", "dora"]);
    let output = run(&daemon, &["import", "oath", "--from", &file, "--apply", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let outcomes: Vec<_> = told.as_array().unwrap().iter().map(|one| one["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["taken", "cannot-be-taken", "cannot-be-taken", "cannot-be-taken", "taken"]);
    assert_eq!((&told[1]["reason"], &told[2]["reason"]), (&json!("broken"), &json!("unknown_user")));
    let (_, text) = said(&run(&daemon, &["import", "oath", "--from", &file]));
    for part in ["Would be taken over: 2 apps.", "Not possible: 3.", "Nothing was changed; do it with: --apply"] {
        assert!(text.replace('\n', " ").contains(part), "{text}");
    }
    // Secrets go to the daemon and nowhere else.
    assert!(!text.contains("GEZDGNBVGY3TQOJQ") && !text.contains(SECRET));
}

#[test]
fn an_import_that_works_for_nobody_any_more_stops_and_tells_what_was_done_until_then() {
    let (daemon, file) = importing(&["alice", "bob", "bea", "ben", "dora"]);
    let (code, text) = said(&run(&daemon, &["import", "oath", "--from", &file, "--apply"]));
    assert_eq!(code, 1);
    assert!(text.contains("alice: taken over") && text.contains("Taken over: 1 app."), "{text}");
    assert!(text.contains("The record does not open.") && !text.contains("dora"), "{text}");
    assert_eq!(daemon.methods().len(), 4);
}

#[test]
fn what_is_not_there_or_not_meant_is_said_with_what_to_do() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Refuse("conflict", "1 account is enrolled. Say --replace."));
    let (there, copy) = (daemon.folder().join("there"), daemon.folder().join("copy.age"));
    fs::write(&there, "").unwrap();
    let (there, copy) = (there.to_str().unwrap(), copy.to_str().unwrap());
    for (arguments, code, part) in [
        (&["import", "oath", "--from", "/nonexistent/users"][..], 1, "There is no /nonexistent/users."),
        (&["import", "palm"], 2, "palm"),
        (&["import"], 2, "Usage"),
        (&["export", copy], 2, "--passphrase"),
        (&["export", copy, "--passphrase", "--recipient", "x"], 2, "cannot be used with"),
        (&["export", "/", "--passphrase"], 2, "Name a file to write"),
        (&["export", there, "--passphrase"], 1, "is there already and stays"),
        (&["export", "/nonexistent/copy.age", "--passphrase"], 1, "/nonexistent/copy.age cannot be written"),
        (&["restore", copy], 1, "The copy cannot be read"),
        (&["restore", there], 1, "Say --replace."),
        (&["restore", there, "--replace"], 2, "Say so with --yes"),
        (&["restore"], 2, "Usage"),
        (&["master-key", "eat"], 2, "eat"),
    ] {
        let output = run(&daemon, arguments);
        let text = String::from_utf8([output.stdout.clone(), output.stderr.clone()].concat()).unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.replace('\n', " ").contains(part), "{arguments:?}: {text}");
    }
    assert!(fs::read_dir(daemon.folder()).unwrap().all(|entry| !entry.unwrap().path().ends_with("copy.age")));
    assert_eq!(fs::read(there).unwrap(), b"");
}
