//! `mfa-enroll` as scripts use it: data on standard output, answers on standard input, exit codes.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on fails

#[path = "../../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;
mod written;

use scripted_daemon::{Answer, ScriptedDaemon};
use serde_json::{Value, json};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_mfa-enroll");
const SECRET: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

fn enrolled(factors: &Value, authorize: bool) -> Value {
    json!({
        "user": "alice", "uid": 1000, "site": "ACME", "host": "web1", "support": "helpdesk@acme.example",
        "required": true, "factors": factors, "backup_codes": 7, "authorize": authorize, "codes_off": false,
    })
}

fn phone() -> Value {
    json!([{ "id": 3, "kind": "totp", "name": "phone", "created": 1_790_000_000 }])
}

fn pending() -> Value {
    json!({
        "id": 3, "secret": SECRET, "uri": format!("otpauth://totp/ACME:alice@web1?secret={SECRET}"),
        "label": "alice@web1", "issuer": "ACME", "expires_in": 600, "resumed": false, "confirm_codes": 1, "period": 30,
    })
}

fn ten_codes() -> Vec<String> {
    (0..10).map(|at| format!("7KQF-2MZT-9XW{at}")).collect()
}

/// A daemon that knows alice: without a factor, or with one that has to be proved by 492817.
fn daemon(factors: Value) -> ScriptedDaemon {
    let authorize = factors != json!([]);
    let mut tries = 0;
    ScriptedDaemon::start(move |method, parameters| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(enrolled(&factors, authorize)),
        "Authorize" => Answer::Reply(json!({ "ask": { "text": "Verification code: ", "echo": false } })),
        "Answer" if parameters["answer"] == "492817" => {
            Answer::Reply(json!({ "done": { "outcome": "pass", "reason": "totp" } }))
        }
        "Answer" => {
            tries += 1;
            if tries % 4 == 3 {
                return Answer::Reply(json!({ "done": { "outcome": "denied", "reason": "wrong code" } }));
            }
            Answer::Reply(json!({ "ask": { "text": "That code is wrong.\nVerification code: ", "echo": false } }))
        }
        "AddTotp" => Answer::Reply(pending()),
        "Confirm" if parameters["codes"] == json!(["118203"]) => {
            Answer::Reply(json!({ "result": "done", "backup_codes": ten_codes() }))
        }
        "Confirm" if parameters["codes"] == json!(["000003"]) => {
            Answer::Reply(json!({ "result": "clock_off", "clock_offset": -180 }))
        }
        "Confirm" => Answer::Reply(json!({ "result": "wrong" })),
        "NewBackupCodes" => Answer::Reply(json!({ "backup_codes": ten_codes() })),
        _ => Answer::Reply(json!({})),
    })
}

fn run(daemon: &ScriptedDaemon, arguments: &[&str], typed: &str) -> Output {
    run_at(&daemon.socket(), arguments, typed, "C.UTF-8")
}

fn run_at(socket: &Path, arguments: &[&str], typed: &str, locale: &str) -> Output {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .arg("--socket")
        .arg(socket)
        .env_clear()
        .env("LC_ALL", locale)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that asks nothing may be gone before it is answered.
    let _ = child.stdin.take().unwrap().write_all(typed.as_bytes());
    child.wait_with_output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json_of(output: &Output) -> Value {
    assert_eq!(stdout(output).lines().count(), 1, "{}", stdout(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn code_of(output: &Output) -> i32 {
    output.status.code().unwrap()
}

#[track_caller]
fn fits(text: &str) {
    for line in text.lines().filter(|line| !line.contains("otpauth://")) {
        assert!(line.chars().count() <= 80, "{} columns: {line:?}", line.chars().count());
        assert!(!line.chars().any(char::is_control), "{line:?}");
    }
}

#[test]
fn status_gives_the_daemons_data_to_scripts_and_a_screen_to_people() {
    let daemon = daemon(phone());
    let data = run(&daemon, &["status", "--json"], "");
    assert_eq!((code_of(&data), json_of(&data)), (0, enrolled(&phone(), true)));
    let text = run(&daemon, &["status"], "");
    let screen = stdout(&text);
    fits(&screen);
    for part in ["Second factor for alice on web1: set up.", "It is required here.", "phone app", "7 backup codes"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert!(!screen.contains('\x1b'), "no colours where nobody looks");
}

#[test]
fn a_script_enrolls_in_two_steps() {
    let daemon = daemon(json!([]));
    let added = run(&daemon, &["add", "totp", "--json", "--name", "tablet"], "");
    assert_eq!(code_of(&added), 0);
    let data = json_of(&added);
    assert_eq!((&data["id"], &data["secret"]), (&json!(3), &json!(SECRET)));
    assert!(data["uri"].as_str().unwrap().starts_with("otpauth://totp/"));
    assert_eq!(daemon.parameters_of("AddTotp"), [json!({ "name": "tablet", "fresh": false })]);

    let confirmed = run(&daemon, &["confirm", "3", "118 203", "--json"], "");
    assert_eq!((code_of(&confirmed), json_of(&confirmed)), (0, json!({ "backup_codes": ten_codes() })));
    assert_eq!(daemon.parameters_of("Confirm"), [json!({ "id": 3, "codes": ["118203"] })]);
}

#[test]
fn a_code_that_does_not_confirm_is_exit_code_one_with_a_word_and_a_sentence() {
    let daemon = daemon(json!([]));
    let wrong = run(&daemon, &["confirm", "3", "999999", "--json"], "");
    assert_eq!((code_of(&wrong), &json_of(&wrong)["error"]["code"]), (1, &json!("wrong")));
    let off = run(&daemon, &["confirm", "3", "000003", "--json"], "");
    let error = &json_of(&off)["error"];
    assert_eq!((code_of(&off), &error["code"]), (1, &json!("clock_off")));
    assert!(error["message"].as_str().unwrap().contains("3 minutes behind"), "{error}");
    assert_eq!(stderr(&off), "");
}

#[test]
fn a_piped_line_proves_who_it_is_before_anything_changes() {
    let daemon = daemon(phone());
    let made = run(&daemon, &["codes", "--json"], "492817\n");
    assert_eq!((code_of(&made), json_of(&made)), (0, json!({ "backup_codes": ten_codes() })));
    assert_eq!(daemon.methods(), ["Status", "Status", "Authorize", "Answer", "NewBackupCodes"]);
    assert!(stderr(&made).contains("To change your factors, prove it is you."));
}

#[test]
fn whoever_cannot_prove_it_changes_nothing() {
    let daemon = daemon(phone());
    let wrong = run(&daemon, &["remove", "3"], "000000\n111111\n222222\n");
    assert_eq!(code_of(&wrong), 1);
    assert!(!daemon.methods().contains(&"Remove".to_owned()));
    assert!(stderr(&wrong).contains("Nothing was changed."), "{}", stderr(&wrong));
    let replayed = run(&daemon, &["remove", "3", "--json"], "000000\n");
    assert_eq!(json_of(&replayed)["error"], json!({ "code": "wrong", "message": "That code is wrong." }));
    let silent = run(&daemon, &["remove", "3", "--json"], "");
    assert_eq!((code_of(&silent), &json_of(&silent)["error"]["code"]), (1, &json!("input")));
}

#[test]
fn a_proof_that_has_run_out_is_asked_for_again() {
    let mut first = true;
    let daemon = ScriptedDaemon::start(move |method, _| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(enrolled(&phone(), false)),
        "Authorize" => Answer::Reply(json!({ "ask": { "text": "Code: ", "echo": true } })),
        "Answer" => Answer::Reply(json!({ "done": { "outcome": "pass", "reason": "totp" } })),
        "Rename" if std::mem::take(&mut first) => Answer::Refuse("authorize_first", "A factor is needed first."),
        _ => Answer::Reply(json!({})),
    });
    let renamed = run(&daemon, &["rename", "3", "old phone"], "492817\n");
    assert_eq!(code_of(&renamed), 0, "{}", stderr(&renamed));
    assert_eq!(stdout(&renamed), "\"phone\" is now called \"old phone\".\n");
    assert_eq!(daemon.methods(), ["Status", "Status", "Rename", "Authorize", "Answer", "Rename"]);
}

#[test]
fn a_daemon_that_was_restarted_is_found_again() {
    let mut calls = 0;
    let daemon = ScriptedDaemon::start(move |method, _| {
        calls += 1;
        match method.rsplit('.').next().unwrap() {
            "Status" if calls == 2 => Answer::HangUp,
            "Status" => Answer::Reply(enrolled(&phone(), false)),
            _ => Answer::Reply(json!({})),
        }
    });
    let removed = run(&daemon, &["remove", "3", "--json"], "");
    assert_eq!((code_of(&removed), json_of(&removed)), (0, json!({})));
    assert_eq!(daemon.methods(), ["Status", "Status", "Status", "Remove"]);
}

#[test]
fn a_change_whose_answer_was_lost_is_not_repeated() {
    let daemon = ScriptedDaemon::start(|method, _| match method.rsplit('.').next().unwrap() {
        "NewBackupCodes" => Answer::HangUp,
        _ => Answer::Reply(enrolled(&json!([]), false)),
    });
    let lost = run(&daemon, &["codes", "--json"], "");
    assert_eq!((code_of(&lost), &json_of(&lost)["error"]["code"]), (3, &json!("unreachable")));
    assert_eq!(daemon.parameters_of("NewBackupCodes").len(), 1);
}

#[test]
fn a_guided_enrollment_reads_codes_from_a_pipe_until_one_is_right() {
    let daemon = daemon(json!([]));
    let (page, picture) = (daemon.folder().join("page.html"), daemon.folder().join("qr.png"));
    let files = ["--print", page.to_str().unwrap(), "--qr-file", picture.to_str().unwrap()];
    let output = run(&daemon, &[&["add", "totp"], &files[..]].concat(), "t\nhello\n999999\n118203\n");
    assert_eq!(code_of(&output), 0, "{}", stderr(&output));
    let screen = stdout(&output);
    fits(&screen);
    assert!(screen.contains("JBSW Y3DP EHPK 3PXP"));
    assert!(screen.contains("\notpauth://totp/ACME:alice@web1?secret="), "{screen}");
    assert!(screen.contains(" 1  7KQF-2MZT-9XW0") && screen.contains("10  7KQF-2MZT-9XW9"), "{screen}");
    assert!(screen.contains("Do not delete the app"));
    assert!(stderr(&output).contains("That is not the code of this secret."));
    let html = fs::read_to_string(&page).unwrap();
    assert!(html.contains("<svg") && html.contains("7KQF-2MZT-9XW9") && html.contains("JBSW Y3DP"));
    for file in [page, picture] {
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o7777, 0o600);
    }
}

#[test]
fn an_enrollment_that_runs_out_of_codes_says_what_was_wrong_with_the_last() {
    let daemon = daemon(json!([]));
    let page = daemon.folder().join("page.txt");
    let output = run(&daemon, &["add", "totp", "--print", page.to_str().unwrap()], "000003\n");
    assert_eq!(code_of(&output), 1);
    assert!(stderr(&output).contains("3 minutes behind"), "{}", stderr(&output));
    assert!(!page.exists());
}

#[test]
fn two_codes_in_a_row_are_sent_together() {
    let daemon = ScriptedDaemon::start(|method, parameters| match method.rsplit('.').next().unwrap() {
        "Status" => Answer::Reply(enrolled(&json!([]), false)),
        "AddTotp" => Answer::Reply(pending()),
        _ if parameters["codes"] == json!(["111111"]) => Answer::Reply(json!({ "result": "one_more" })),
        _ if parameters["codes"] == json!(["111111", "222222"]) => Answer::Reply(json!({ "result": "done" })),
        _ => Answer::Reply(json!({ "result": "not_consecutive" })),
    });
    let output = run(&daemon, &["add", "totp"], "111111\n333333\n111111\n222222\n");
    assert_eq!(code_of(&output), 0, "{}", stderr(&output));
    let asked = stderr(&output);
    assert!(asked.contains("Right. Now the next code, when it appears (within 30 s): "), "{asked}");
    assert!(asked.contains("one does not follow the other"), "{asked}");
    assert!(stdout(&output).contains("Your backup codes stay as they are: 7 left."));
}

#[test]
fn a_tested_code_says_which_factor_it_was_and_that_it_is_used_up() {
    let daemon = daemon(phone());
    let right = run(&daemon, &["test", "492817"], "");
    assert_eq!(code_of(&right), 0);
    assert!(stdout(&right).contains("phone app") && stdout(&right).contains("used up"), "{}", stdout(&right));
    let data = run(&daemon, &["test", "492817", "--json"], "");
    assert_eq!(json_of(&data), json!({ "outcome": "pass", "factor": "totp" }));
}

#[test]
fn a_wrong_code_given_to_test_is_told_and_nothing_more_is_tried() {
    let daemon = daemon(phone());
    let wrong = run(&daemon, &["test", "000000"], "492817\n");
    assert_eq!((code_of(&wrong), stderr(&wrong).as_str()), (1, "mfa-enroll: That code is wrong.\n"));
    assert_eq!(daemon.parameters_of("Answer"), [json!({ "answer": "000000" })]);
}

#[test]
fn another_account_is_roots_alone_and_says_so() {
    let daemon = ScriptedDaemon::start(|_, _| Answer::Error("org.varlink.service.PermissionDenied"));
    let refused = run(&daemon, &["status", "--user", "bob", "--json"], "");
    let error = &json_of(&refused)["error"];
    assert_eq!((code_of(&refused), &error["code"]), (1, &json!("permission_denied")));
    assert!(error["message"].as_str().unwrap().starts_with("Only root may"));
    assert_eq!(daemon.parameters_of("Status"), [json!({ "user": "bob" })]);
}

#[test]
fn a_daemon_that_is_not_there_is_exit_code_three() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("none.sock");
    let text = run_at(&socket, &["status"], "", "C.UTF-8");
    assert_eq!((code_of(&text), stdout(&text).as_str()), (3, ""));
    assert!(stderr(&text).contains("The mfa daemon is not running.\nAs root: systemctl start"));
    fits(&stderr(&text));
    let data = run_at(&socket, &["status", "--json"], "", "C.UTF-8");
    assert_eq!((code_of(&data), &json_of(&data)["error"]["code"]), (3, &json!("unreachable")));
}

#[test]
fn calls_that_cannot_work_are_exit_code_two() {
    let daemon = daemon(json!([]));
    let calls: [&[&str]; 6] = [
        &["add", "totp", "--qr-file", "qr.jpg"],
        &["add", "totp", "--print", "page.pdf"],
        &["add", "totp", "--json", "--save", "codes.txt"],
        &["confirm"],
        &["remove", "phone"],
        &[],
    ];
    for arguments in calls {
        let output = run(&daemon, arguments, "");
        assert_eq!(code_of(&output), 2, "{arguments:?}: {}", stderr(&output));
    }
    assert_eq!(daemon.methods(), [""; 0]);
}
