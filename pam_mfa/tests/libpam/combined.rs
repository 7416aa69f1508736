//! Password and code in one line, through libpam itself: what the module between the two lines is given, and what is
//! left of it all.

use crate::daemon::{Act, asks, ends, play};
use crate::result::*;
use crate::stage::{PLAIN_UID, RECOMMENDED, Stage};
use mfa_proto::frame::encode_reply;
use mfa_proto::login::{Due, Outcome};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};

/// A daemon that is called once for each script.
fn daemon(socket: &Path, scripts: Vec<Vec<Act>>) -> JoinHandle<Vec<String>> {
    let _ = std::fs::remove_file(socket);
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || scripts.into_iter().flat_map(|script| play(listener.accept().unwrap().0, script)).collect())
}

fn due(due: bool) -> Vec<Act> {
    let digits = if due { vec![6] } else { vec![] };
    vec![Act::Raw(encode_reply(&Due { due, digits }).unwrap().to_vec())]
}

/// The two lines around a module that writes the password down that it is given; says where.
fn stack(stage: &Stage, service: &str, before: &str) -> PathBuf {
    let seen = stage.socket().with_file_name("seen");
    let password = format!("auth required pam_exec.so expose_authtok log={} /bin/cat", seen.display());
    let lines =
        [before, &format!("{RECOMMENDED} combined=split"), &password, &format!("{RECOMMENDED} combined=verify")];
    stage.stack(service, &lines.join("\n"));
    seen
}

fn password_in(seen: &Path) -> String {
    let text = std::fs::read_to_string(seen).unwrap();
    text.lines().next_back().unwrap_or_default().trim_end_matches('\0').to_owned()
}

#[test]
fn one_prompt_gives_the_password_to_the_module_between_and_the_code_to_the_daemon() {
    let stage = Stage::new();
    let seen = stack(&stage, "sddm", "");
    let asked = daemon(&stage.root_socket(), vec![due(true), vec![asks(), ends(Outcome::Pass)]]);
    let played = stage.play("sddm", "alice", &["reply=hunter2492817", "auth", "setcred"]);
    assert_eq!(played.lines, ["conversation 1", "message 1 Password, then code: ", "auth 0", "setcred 0"]);
    assert_eq!(password_in(&seen), "hunter2");
    let requests = asked.join().unwrap();
    assert!(requests[0].contains("io.mfa.Login.Due") && requests[2].contains(r#"{"answer":"492817"}"#));
    assert!(requests.iter().all(|request| !request.contains("hunter2")));
    assert_eq!(played.log, Vec::<String>::new());
}

#[test]
fn a_password_that_came_before_is_taken_apart_too() {
    let stage = Stage::new();
    let seen = stack(&stage, "sddm", "auth [default=ignore] pam_unix.so nodelay");
    let asked = daemon(&stage.root_socket(), vec![due(true), vec![asks(), ends(Outcome::Pass)]]);
    let played = stage.play("sddm", "alice", &["reply=hunter2492817", "auth"]);
    assert_eq!((played.result("auth"), played.count("conversation")), (SUCCESS, 1));
    assert_eq!(password_in(&seen), "hunter2");
    drop(asked);
}

#[test]
fn where_nothing_is_due_the_module_between_is_given_the_whole_line() {
    let stage = Stage::new();
    let seen = stack(&stage, "sddm", "");
    let _daemon = daemon(&stage.root_socket(), vec![due(false), vec![ends(Outcome::Skipped)]]);
    let played = stage.play("sddm", "alice", &["reply=hunter2492817", "auth"]);
    assert_eq!((played.result("auth"), password_in(&seen).as_str()), (SUCCESS, "hunter2492817"));
}

#[test]
fn without_a_password_or_without_a_code_nobody_gets_in() {
    let stage = Stage::new();
    let seen = stack(&stage, "sddm", "");
    for (line, expected) in [("reply=", AUTH_ERR), ("reply=@null", AUTH_ERR), ("reply=@8KiB", AUTH_ERR)] {
        assert_eq!(stage.play("sddm", "alice", &[line, "auth"]).result("auth"), expected, "{line}");
    }
    let _daemon = daemon(&stage.root_socket(), vec![due(true)]);
    assert_eq!(stage.play("sddm", "alice", &["reply=492817", "auth"]).result("auth"), AUTH_ERR);
    assert!(!seen.exists(), "the module between was never called");
    let _daemon = daemon(&stage.root_socket(), vec![due(true), vec![asks(), ends(Outcome::Pass)]]);
    assert_eq!(stage.play("sddm", "alice", &["reply=hunter2", "reply=hunter2", "auth"]).result("auth"), AUTH_ERR);
    assert_eq!(password_in(&seen), "hunter2");
}

#[test]
fn a_line_that_lacks_the_other_lets_nobody_in_or_says_that_it_has() {
    let stage = Stage::new();
    stage.stack("sddm", &format!("auth required pam_permit.so\n{RECOMMENDED} combined=verify"));
    assert_eq!(stage.play("sddm", "alice", &["reply=hunter2492817", "auth"]).result("auth"), SYSTEM_ERR);
    stage.stack("sddm", &format!("{RECOMMENDED} combined=split\nauth required pam_permit.so"));
    let _daemon = daemon(&stage.root_socket(), vec![due(true)]);
    let played = stage.play("sddm", "alice", &["reply=hunter2492817", "auth", "setcred", "setcred"]);
    assert_eq!((played.result("auth"), played.result("setcred")), (SUCCESS, SUCCESS));
    // 80 is authpriv, 1 is alert.
    assert!(played.log.len() == 1 && played.log[0].starts_with("<81>"), "{:?}", played.log);
    assert!(played.log[0].contains("LET IN WITHOUT A SECOND FACTOR: the stack says combined=split"));
    stage.stack("sddm", &format!("{RECOMMENDED} combined=split"));
    let _daemon = daemon(&stage.root_socket(), vec![due(true)]);
    let alone = stage.play("sddm", "alice", &["reply=hunter2492817", "auth"]);
    assert_eq!(alone.result("auth"), IGNORED, "with no password module at all");
}

#[test]
fn nothing_of_the_line_is_left_in_memory_whether_it_is_verified_or_not() {
    let stage = Stage::new();
    let (password, code) = ("a-needle-of-a-password", "7KQF-2MZT-9XWA");
    let reply = format!("reply={password} {code}");
    let (copies, whole) = (format!("copies={code}"), format!("copies={password}"));
    let both = format!("{RECOMMENDED} combined=split\n{RECOMMENDED} combined=verify");
    for (stack, scripts) in [
        (both.as_str(), vec![due(true), vec![asks(), ends(Outcome::Pass)]]),
        (both.as_str(), vec![due(true), vec![asks(), ends(Outcome::Denied)]]),
        (both.as_str(), vec![due(true), vec![Act::HangUp]]),
    ] {
        stage.stack("sddm", stack);
        let _daemon = daemon(&stage.root_socket(), scripts);
        let played = stage.play("sddm", "alice", &[&reply, "auth", &copies, &whole]);
        assert_eq!(played.figures("copies"), [0, 0], "{played:?}");
    }
    // What no line has taken is wiped by the next attempt, and with the handle.
    stage.stack("sddm", &format!("{RECOMMENDED} combined=split\nauth requisite pam_deny.so"));
    let _daemon = daemon(&stage.root_socket(), vec![due(true)]);
    let played = stage.play("sddm", "alice", &[&reply, "reply=", "auth", &copies, "auth", &copies]);
    assert_eq!(played.figures("copies"), [1, 0], "{played:?}");
}

#[test]
fn a_locker_that_runs_as_the_user_asks_at_everybodys_socket() {
    let stage = Stage::new();
    stage.stack("swaylock", &format!("{RECOMMENDED} combined=split\n{RECOMMENDED} combined=verify"));
    let asked = daemon(&stage.socket(), vec![due(true), vec![asks(), ends(Outcome::Pass)]]);
    std::fs::set_permissions(stage.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let uid = format!("uid={PLAIN_UID}");
    let played = stage.play("swaylock", "nobody", &[&uid, "reply=hunter2 492817", "auth"]);
    assert_eq!(played.result("auth"), SUCCESS);
    assert_eq!(asked.join().unwrap().len(), 3);
}
