//! The program as it is built, with the system's libpam and its modules, over a folder of stacks of its own. As root.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "in a test, that is how to fail")]

use serde_json::{Value, json};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, Command, Stdio};
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_mfa-try-pam");
const PASSWORD: &str = "no password of this machine";

/// A folder with that stack for `service`, and none for others.
fn stacks(stack: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("service", stack), ("other", "auth required pam_deny.so\n")] {
        fs::write(folder.path().join(name), text).unwrap();
    }
    folder
}

/// What came of it: the lines of standard output, the exit code, and what it complained of.
#[derive(Debug)]
struct Tried {
    lines: Vec<Value>,
    code: Option<i32>,
    complaint: String,
}

impl Tried {
    /// `authenticate 7 PAM_AUTH_ERR` and the like.
    fn results(&self) -> Vec<String> {
        let results = self.lines.iter().filter_map(|line| line.get("result"));
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        results.map(|it| format!("{} {} {}", text(&it["phase"]), it["code"], text(&it["name"]))).collect()
    }

    fn messages(&self) -> Vec<(&str, &str)> {
        let messages = self.lines.iter().filter_map(|line| line.get("message"));
        messages.map(|it| (it["style"].as_str().unwrap(), it["text"].as_str().unwrap())).collect()
    }
}

fn start(program: &mut Command) -> Child {
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).env_clear().spawn().unwrap()
}

fn say(stdin: &mut ChildStdin, line: &Value) {
    writeln!(stdin, "{line}").unwrap();
}

/// Tries that, answering each question with that.
fn attempt(wanted: &Value, reply: &Value) -> Tried {
    let mut child = start(&mut Command::new(PROGRAM));
    let mut stdin = child.stdin.take().unwrap();
    say(&mut stdin, wanted);
    let mut lines = Vec::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        if matches!(line["message"]["style"].as_str(), Some("hidden" | "shown")) {
            say(&mut stdin, reply);
        }
        lines.push(line);
    }
    let output = child.wait_with_output().unwrap();
    Tried { lines, code: output.status.code(), complaint: String::from_utf8(output.stderr).unwrap() }
}

fn with(folder: &TempDir, reply: &Value) -> Tried {
    let wanted = json!({ "service": "service", "user": "root", "folder": folder.path(), "seconds": 60 });
    attempt(&wanted, reply)
}

#[test]
fn a_question_goes_out_its_answer_comes_in_and_the_result_has_its_name() {
    let folder = stacks("auth required pam_unix.so nodelay\n");
    let tried = with(&folder, &json!({ "reply": PASSWORD }));
    assert_eq!(tried.messages(), [("hidden", "Password: ")]);
    assert_eq!(tried.results(), ["authenticate 7 PAM_AUTH_ERR"]);
    assert_eq!((tried.code, tried.complaint.as_str()), (Some(0), ""));
}

#[test]
fn nothing_of_an_answer_is_said_again() {
    let folder = stacks("auth required pam_unix.so nodelay\n");
    for reply in [json!({ "reply": PASSWORD }), json!({ "reply": PASSWORD, "more": 1 }), json!([PASSWORD])] {
        let tried = with(&folder, &reply);
        assert!(!format!("{tried:?}").contains(PASSWORD), "{tried:?}");
        assert_ne!(tried.results(), ["authenticate 0 PAM_SUCCESS"]);
    }
}

#[test]
fn the_account_is_tried_when_somebody_would_be_in() {
    let folder = stacks("auth required pam_permit.so\naccount required pam_deny.so\n");
    let tried = with(&folder, &json!({ "reply": "" }));
    assert_eq!(tried.results(), ["authenticate 0 PAM_SUCCESS", "account 7 PAM_AUTH_ERR"]);
}

#[test]
fn a_module_that_is_not_there_is_told_apart_from_a_refusal() {
    let folder = stacks("auth required pam_of_nobody.so\n");
    assert_eq!(with(&folder, &json!({ "reply": "" })).results(), ["authenticate 28 PAM_MODULE_UNKNOWN"]);
}

#[test]
fn whoever_hangs_up_is_refused() {
    let folder = stacks("auth required pam_unix.so nodelay\n");
    for reply in [json!({ "reply": null }), json!("no object"), json!({ "reply": "with\u{0}in" })] {
        let tried = with(&folder, &reply);
        assert_eq!(tried.results().len(), 1, "{tried:?}");
        assert_ne!(tried.results(), ["authenticate 0 PAM_SUCCESS"]);
    }
}

#[test]
fn a_stack_comes_from_the_folder_alone_and_is_told_what_an_application_tells() {
    let folder = stacks("auth required pam_exec.so stdout /usr/bin/env\n");
    let variable = "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA";
    let wanted = json!({
        "service": "service", "user": "root", "folder": folder.path(), "terminal": "ssh", "remote_host": "192.0.2.7",
        "variables": [variable], "seconds": 60,
    });
    let tried = attempt(&wanted, &json!({ "reply": "" }));
    let said: String = tried.messages().iter().map(|(_, text)| format!("{text}\n")).collect();
    for line in [variable, "PAM_TTY=ssh", "PAM_RHOST=192.0.2.7", "PAM_SERVICE=service", "PAM_USER=root"] {
        assert!(said.contains(line), "{line}: {said}");
    }
    // sshd has a stack on this machine, or not; in this folder it has none, and `other` denies.
    let elsewhere = json!({ "service": "sshd", "user": "root", "folder": folder.path(), "seconds": 60 });
    assert_eq!(attempt(&elsewhere, &json!({ "reply": "" })).results(), ["authenticate 7 PAM_AUTH_ERR"]);
}

#[test]
fn a_module_that_hangs_ends_with_the_time() {
    let folder = stacks("auth required pam_exec.so /bin/sleep 15\n");
    let wanted = json!({ "service": "service", "user": "root", "folder": folder.path(), "seconds": 1 });
    let tried = attempt(&wanted, &json!({ "reply": "" }));
    assert_eq!((tried.code, tried.results()), (None, Vec::new()));
}

#[test]
fn what_is_no_attempt_is_not_tried() {
    for wanted in
        [json!({ "service": "service" }), json!([]), json!({ "service": "s", "user": "u", "seconds": 1, "x": 1 })]
    {
        let tried = attempt(&wanted, &json!({ "reply": "" }));
        assert_eq!((tried.code, tried.lines.len()), (Some(1), 0), "{tried:?}");
        assert!(tried.complaint.starts_with("That is no attempt"), "{tried:?}");
    }
}

#[test]
fn nobody_but_root_tries_logins() {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let copy = folder.path().join("mfa-try-pam");
    fs::copy(PROGRAM, &copy).unwrap();
    let mut child = start(Command::new(copy).uid(65534).gid(65534));
    drop(child.stdin.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "Only root tries logins.\n");
    assert!(output.stdout.is_empty());
}
