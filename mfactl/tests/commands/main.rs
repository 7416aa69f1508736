//! `mfactl` against a scripted daemon: texts, data, questions, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "../../../mfa-cli/testing/pty.rs"]
mod pty;
#[path = "../../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;

mod given;

use pty::Person;
use scripted_daemon::{Answer, ScriptedDaemon};
use serde_json::{Value, json};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mfactl");
const NASTY: &str = "evil\x1b[2J\x07\u{202e}\n\u{9b}31m";

fn status(healthy: bool) -> Value {
    json!({
        "healthy": healthy, "problems": if healthy { json!([]) } else { json!(["The store is full: make room in \
        /var/lib/mfa, then: systemctl restart mfa-daemon"]) }, "version": "0.1.0", "started": 1_790_000_000,
        "policy_loaded": 1_790_000_000, "rules": [
            { "name": "case managers", "require": "always" },
            { "name": "at night", "require": "never" },
        ], "policy_warnings": [], "master_key": "credential", "enrolled": 371, "pending": 41, "throttled": 1,
        "last_pass": 1_790_000_000, "refused": { "wrong_code": 14, "throttled": 1 }, "throttled_users": ["bob"],
        "mail": { "waiting": 0, "sent": 0, "failed": 0, "dropped": 0, "webhook": false },
    })
}

fn account(user: &str) -> Value {
    json!({
        "user": user, "uid": 1000, "required": true, "rule": "case managers",
        "factors": [{ "id": 3, "kind": "totp", "name": "phone", "created": 1_790_000_000 }],
        "backup_codes": 7, "pending": false, "invited_only": false, "failures": 5, "by_own_programs": false, "throttled_for": 130, "codes_off": false,
        "recent": [{ "at": 1_790_000_000, "what": "refused at sshd from 10.1.2.3: wrong code" }],
    })
}

fn summary(user: &str, uid: u32, pending: bool) -> Value {
    let factors = if pending { json!({}) } else { json!({ "totp": 2 }) };
    json!({
        "user": user, "uid": uid, "factors": factors, "backup_codes": 7, "pending": pending, "throttled": false,
    })
}

fn invite() -> Value {
    json!({ "code": "7KQF-2MZT-9XWA-4HTR", "until": 1_800_000_000, "asked_for": true, "withdrawn": false })
}

fn temp_code() -> Value {
    json!({ "code": "7KQF-2MZT-9XWA", "until": 1_800_000_000, "asked_for": true, "withdrawn": false })
}

fn daemon() -> ScriptedDaemon {
    ScriptedDaemon::start(|method, parameters| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(status(true)),
        "Account" => Answer::Reply(account("alice")),
        "Accounts" if parameters.get("after").is_none() => {
            Answer::Reply(json!({ "accounts": [summary("root", 0, false)], "next": 7 }))
        }
        "Accounts" => Answer::Reply(json!({ "accounts": [summary("gone-with-the-wind", 4_000_001, true)] })),
        "Reset" if parameters.get("invite").is_some() => {
            Answer::Reply(json!({ "factors": 1, "backup_codes": 7, "invite": invite() }))
        }
        "Reset" => Answer::Reply(json!({ "factors": 1, "backup_codes": 7 })),
        "Invite" if parameters["withdraw"] == false => Answer::Reply(invite()),
        "TempCode" if parameters["withdraw"] == false => Answer::Reply(temp_code()),
        "Invite" | "TempCode" => Answer::Reply(json!({ "asked_for": false, "withdrawn": true })),
        _ => Answer::Reply(json!({})),
    })
}

fn command(daemon: &ScriptedDaemon, arguments: &[&str]) -> Command {
    let mut command = Command::new(PROGRAM);
    command.args(arguments).arg("--socket").arg(daemon.socket());
    command.env_clear().env("LC_ALL", "C.UTF-8").env("TERM", "xterm-256color");
    command
}

fn run(daemon: &ScriptedDaemon, arguments: &[&str]) -> Output {
    command(daemon, arguments).stdin(Stdio::null()).output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

fn code_of(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines() {
        assert!(line.chars().count() <= 80, "{} columns: {line:?}", line.chars().count());
        assert!(!line.chars().any(|c| c.is_control() || c == '\u{202e}'), "{line:?}");
    }
}

#[test]
fn status_says_first_whether_all_is_well() {
    let daemon = daemon();
    let output = run(&daemon, &["status"]);
    let screen = stdout(&output);
    fits(&screen);
    assert_eq!(code_of(&output), 0);
    assert!(screen.starts_with("Healthy. Last code login: "), "{screen}");
    for part in ["Enrolled 371   pending 41   throttled 1", "1 throttled (bob), 14 wrong code", "  1 case managers"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert_eq!(json_of(&run(&daemon, &["status", "--json"])), status(true));
}

#[test]
fn a_daemon_that_is_not_well_is_exit_code_one_with_its_problems() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Reply(status(false)));
    let output = run(&daemon, &["status"]);
    fits(&stdout(&output));
    assert_eq!(code_of(&output), 1);
    assert!(stdout(&output).starts_with("NOT HEALTHY. "));
    assert!(stdout(&output).contains("PROBLEM  The store is full: make room in"));
    let data = run(&daemon, &["status", "--json"]);
    assert_eq!((code_of(&data), json_of(&data)), (1, status(false)));
}

#[test]
fn users_merges_the_system_with_every_page_of_the_daemon() {
    let daemon = daemon();
    let output = run(&daemon, &["users"]);
    let table = stdout(&output);
    fits(&table);
    assert_eq!(code_of(&output), 0, "{}", stderr(&output));
    let row = |user: &str| table.lines().find(|line| line.starts_with(user)).map(str::to_owned);
    let root = row("root ").unwrap();
    assert!(root.contains("2 phone apps") && root.ends_with("enrolled"), "{root}");
    let gone = row("gone-with-the-wind").unwrap();
    assert!(gone.contains("(no such account)") && gone.ends_with("pending"), "{gone}");
    assert_eq!(row("nobody "), None, "the system's own accounts are left out");
    assert_eq!(daemon.parameters_of("Accounts"), [json!({}), json!({ "after": 7 })]);
}

#[test]
fn a_search_finds_by_name_and_the_systems_own_only_by_their_exact_one() {
    let daemon = daemon();
    let names = |text: &str| {
        let output = run(&daemon, &["users", "--search", text, "--json"]);
        assert_eq!(code_of(&output), 0, "{}", stderr(&output));
        let found = json_of(&output);
        found.as_array().unwrap().iter().map(|entry| entry["user"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("THE-WIND"), ["gone-with-the-wind"]);
    assert_eq!(names("nobody"), ["nobody"]);
    assert!(!names("nobod").contains(&"nobody".to_owned()));
    assert_eq!(names("no-such-text-anywhere"), [""; 0]);
    let none = run(&daemon, &["users", "--search", "no-such-text-anywhere"]);
    assert_eq!((code_of(&none), stdout(&none).as_str()), (0, "Nobody is found.\n"));
}

#[test]
fn users_for_scripts_is_one_array() {
    let daemon = daemon();
    let entries = json_of(&run(&daemon, &["users", "--json"]));
    let gone = entries.as_array().unwrap().iter().find(|entry| entry["user"] == "gone-with-the-wind").unwrap();
    let expected = json!({
        "user": "gone-with-the-wind", "uid": 4_000_001, "name": null, "state": "pending", "factors": {},
        "backup_codes": 7, "pending": true, "throttled": false,
    });
    assert_eq!(*gone, expected);
}

#[test]
fn hundreds_of_records_are_all_listed_once() {
    let daemon = ScriptedDaemon::start(|_, parameters| {
        let after = parameters.get("after").and_then(Value::as_u64).unwrap_or(0);
        let accounts: Vec<Value> = (after + 1..=after + 200)
            .map(|at| summary(&format!("account{at:04}"), u32::try_from(2_000_000 + at).unwrap(), false))
            .collect();
        let mut page = json!({ "accounts": accounts });
        if after < 400 {
            page["next"] = json!(after + 200);
        }
        Answer::Reply(page)
    });
    let table = stdout(&run(&daemon, &["users", "--search", "account"]));
    let names: Vec<&str> = table.lines().filter(|line| line.starts_with("account")).collect();
    assert_eq!(names.len(), 600);
    assert!(names.is_sorted());
    fits(&table);
}

#[test]
fn pages_that_never_end_are_an_error() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Reply(json!({ "accounts": [], "next": 7 })));
    let output = run(&daemon, &["users", "--json"]);
    assert_eq!((code_of(&output), &json_of(&output)["error"]["code"]), (1, &json!("protocol")));
}

#[test]
fn one_account_is_told_in_full() {
    let daemon = daemon();
    let output = run(&daemon, &["user", "alice"]);
    let screen = stdout(&output);
    fits(&screen);
    for part in ["uid 1000: enrolled", "required here (case managers)", "phone app", "7 backup codes left", "in 2:10"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert!(screen.contains("wrong code"), "{screen}");
    assert_eq!(json_of(&run(&daemon, &["user", "alice", "--json"])), account("alice"));
}

#[test]
fn rebind_and_unlock_name_their_account() {
    let daemon = daemon();
    assert_eq!(code_of(&run(&daemon, &["user", "rebind", "alice"])), 0);
    assert_eq!(code_of(&run(&daemon, &["unlock", "alice", "--json"])), 0);
    assert_eq!(daemon.parameters_of("Rebind"), [json!({ "user": "alice" })]);
    assert_eq!(daemon.parameters_of("Unlock"), [json!({ "user": "alice" })]);
    assert_eq!(code_of(&run(&daemon, &["user", "rebind"])), 2);
    assert_eq!(code_of(&run(&daemon, &["user"])), 2);
}

#[test]
fn reset_asks_a_person_and_takes_only_yes_for_yes() {
    for (answer, code) in [("n", 1), ("", 1), ("yess", 1), ("y", 0)] {
        let daemon = daemon();
        let mut person = Person::at(&mut command(&daemon, &["reset", "alice"]));
        let told = person.sees("Reset? [y/N] ").replace('\r', "");
        fits(&told);
        assert!(told.contains("1 phone, 7 codes stop working."), "{told}");
        person.types(answer);
        let (status, screen) = person.leaves();
        assert_eq!(status.code(), Some(code), "{answer:?}: {screen}");
        assert_eq!(daemon.parameters_of("Reset").len(), usize::from(code == 0));
    }
}

#[test]
fn reset_without_a_person_wants_to_be_told_that_it_is_meant() {
    let daemon = daemon();
    for arguments in [&["reset", "alice"][..], &["reset", "alice", "--json"]] {
        assert_eq!(code_of(&run(&daemon, arguments)), 2);
    }
    assert_eq!(daemon.parameters_of("Reset"), [json!(null); 0]);
    let done = run(&daemon, &["reset", "alice", "--factor", "3", "--yes"]);
    assert!(stdout(&done).ends_with("Done: 1 factor and 7 backup codes no longer work.\n"), "{}", stdout(&done));
    assert_eq!(daemon.parameters_of("Reset"), [json!({ "user": "alice", "factor": 3 })]);
    let data = run(&daemon, &["reset", "alice", "--yes", "--json"]);
    assert_eq!(json_of(&data), json!({ "factors": 1, "backup_codes": 7 }));
    assert_eq!(code_of(&run(&daemon, &["reset", "alice", "--factor", "99", "--yes"])), 1);
}

#[test]
fn who_has_nothing_is_not_asked_about_and_nothing_is_done() {
    let daemon = ScriptedDaemon::start(|method, parameters| match method.rsplit('.').next().unwrap() {
        "Reset" => Answer::Reply(json!({ "factors": 0, "backup_codes": 0, "invite": invite() })),
        _ => {
            let mut nothing = account(parameters["user"].as_str().unwrap_or_default());
            (nothing["factors"], nothing["backup_codes"]) = (json!([]), json!(0));
            Answer::Reply(nothing)
        }
    });
    let output = run(&daemon, &["reset", "alice"]);
    assert_eq!((code_of(&output), stdout(&output).as_str()), (0, "alice has nothing.\n"));
    let data = run(&daemon, &["reset", "alice", "--json"]);
    assert_eq!(json_of(&data), json!({ "factors": 0, "backup_codes": 0 }));
    assert_eq!(daemon.parameters_of("Reset"), [json!(null); 0]);
    let invited = run(&daemon, &["reset", "alice", "--invite"]);
    assert!(stdout(&invited).contains("\n  7KQF-2MZT-9XWA-4HTR\n"), "{}", stdout(&invited));
}

#[test]
fn whoever_is_not_root_is_told_what_to_do() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Error("org.varlink.service.PermissionDenied"));
    let output = run(&daemon, &["status"]);
    assert_eq!(
        (code_of(&output), stderr(&output).as_str()),
        (
            1,
            "mfactl: Only root may do this. Try it with sudo.\n\
             Members of mfa-helpdesk may use: users, user, reset, unlock, invite, temp-code\n"
        )
    );
    let data = run(&daemon, &["users", "--json"]);
    assert_eq!((code_of(&data), &json_of(&data)["error"]["code"]), (1, &json!("permission_denied")));
}

#[test]
fn a_daemon_that_is_not_there_is_exit_code_three() {
    let output = Command::new(PROGRAM).args(["status", "--socket", "/nowhere/mfa.sock"]).output().unwrap();
    assert_eq!(code_of(&output), 3);
    assert!(stderr(&output).contains("systemctl start mfa-daemon.socket"));
    fits(&stderr(&output));
}

#[test]
fn a_refusal_is_the_daemons_own_sentence() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Refuse("unknown_user", "There is no account bob."));
    let output = run(&daemon, &["unlock", "bob"]);
    assert_eq!((code_of(&output), stderr(&output).as_str()), (1, "mfactl: There is no account bob.\n"));
}

#[test]
fn names_from_elsewhere_move_no_cursor() {
    let daemon = ScriptedDaemon::start(|method, _| match method.rsplit('.').next().unwrap() {
        "Status" => {
            let mut status = status(false);
            for key in ["version", "master_key"] {
                status[key] = json!(NASTY);
            }
            status["problems"] = json!([NASTY]);
            status["policy_warnings"] = json!([NASTY]);
            status["throttled_users"] = json!([NASTY]);
            status["refused"] = json!({ NASTY: 1, "throttled": 1 });
            status["rules"] = json!([{ "name": NASTY, "require": NASTY }]);
            Answer::Reply(status)
        }
        "Account" => {
            let mut account = account(NASTY);
            account["rule"] = json!(NASTY);
            account["conflict"] = json!(NASTY);
            account["factors"][0]["name"] = json!(NASTY);
            account["factors"][0]["kind"] = json!(NASTY);
            account["recent"][0]["what"] = json!(NASTY);
            Answer::Reply(account)
        }
        "Accounts" => {
            let mut one = summary(NASTY, 1, false);
            one["factors"] = json!({ NASTY: 2 });
            Answer::Reply(json!({ "accounts": [one, summary(&"x".repeat(200), 2, false)] }))
        }
        _ => Answer::Refuse("changed", "Changed\x1b[2J\u{202e}."),
    });
    let calls: [&[&str]; 6] = [
        &["status"],
        &["users"],
        &["user", NASTY],
        &["unlock", NASTY],
        &["reset", NASTY, "--yes"],
        &["user", "rebind", NASTY],
    ];
    for arguments in calls {
        let output = run(&daemon, arguments);
        fits(&stdout(&output));
        fits(&stderr(&output));
    }
}

#[test]
fn every_help_has_an_example_and_fits_in_eighty_columns() {
    let commands: [&[&str]; 7] =
        [&[], &["status"], &["users"], &["user"], &["user", "rebind"], &["reset"], &["unlock"]];
    for command in commands {
        let help = stdout(&Command::new(PROGRAM).args(command).arg("--help").env_clear().output().unwrap());
        fits(&help);
        assert!(help.contains("Example") && help.contains("  mfactl"), "{help}");
        assert!(!help.contains("--socket"), "{help}");
    }
}
