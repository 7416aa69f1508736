//! Logins as they go when nothing is broken.

use crate::daemon::{Act, CODE, asks, ends, says_and_asks, says_and_ends};
use crate::result::*;
use crate::stage::{PLAIN_UID, RECOMMENDED, Stage};
use mfa_proto::login::{Next, Note, Outcome, Prompt, Style, Turn};
use std::os::unix::fs::PermissionsExt;

#[test]
fn a_code_lets_in_and_two_round_trips_are_all_it_takes() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    let daemon = stage.daemon(vec![asks(), ends(Outcome::Pass)]);
    let steps = ["item=rhost=192.0.2.7", "item=tty=ssh", "item=ruser=bob", "reply=492817", "auth"];
    let played = stage.play("sshd", "alice", &steps);
    assert_eq!(played.lines, ["conversation 1", &format!("message 1 {CODE}"), "auth 0"]);
    let requests = daemon.requests();
    assert_eq!(requests.len(), 2);
    for told in [r#""user":"alice""#, r#""rhost":"192.0.2.7""#, r#""ruser":"bob""#, r#""tty":"ssh""#] {
        assert!(requests[0].contains(told), "{told} in {}", requests[0]);
    }
    assert_eq!(played.log, Vec::<String>::new());
}

#[test]
fn each_verdict_has_its_result() {
    let stage = Stage::new();
    for (outcome, expected) in [
        (Outcome::Pass, SUCCESS),
        (Outcome::Skipped, IGNORED),
        (Outcome::Denied, AUTH_ERR),
        (Outcome::Broken, AUTHINFO_UNAVAIL),
    ] {
        let _daemon = stage.daemon(vec![ends(outcome)]);
        assert_eq!(stage.auth("", &[]), expected, "{outcome:?}");
    }
}

#[test]
fn a_denial_is_one_line_for_authpriv_with_the_name_escaped() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    let _daemon = stage.daemon(vec![ends(Outcome::Denied)]);
    let played = stage.play("sshd", "al ice%n%s", &["item=rhost=192.0.2.7", "auth"]);
    assert_eq!(played.log.len(), 1);
    // 80 is authpriv, 5 is notice.
    assert!(played.log[0].starts_with("<85>"), "{:?}", played.log);
    let line = r"pam_mfa(sshd:auth): refused: because; user=al\u{20}ice%n%s service=sshd rhost=192.0.2.7";
    assert!(played.log[0].ends_with(line), "{:?}", played.log);
}

#[test]
fn notes_come_in_one_conversation_with_the_question_and_as_its_beginning_when_silent() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    let told = ["message 4 one\\ntwo", "message 3 three[2J", "message 2 Name: ", "message 4 Bye"];
    let silent = ["message 2 one\\ntwo\\nthree[2J\\nName: "];
    for (before, expected) in [(&[][..], &told[..]), (&["silent"], &silent)] {
        let say = vec![
            Note { style: Style::Info, text: "one\ntwo".into() },
            Note { style: Style::Error, text: "three\x1b[2J".into() },
        ];
        let question = Turn { say, next: Next::Ask(Prompt { text: "Name: ".into(), echo: true }), patience: None };
        let _daemon = stage.daemon(vec![Act::Reply(question), says_and_ends("Bye", Outcome::Pass)]);
        let played = stage.play("sshd", "alice", &[before, &["reply=x", "auth"]].concat());
        assert_eq!(played.result("auth"), SUCCESS);
        let messages: Vec<&String> = played.lines.iter().filter(|line| line.starts_with("message")).collect();
        assert_eq!(messages, expected);
        assert_eq!(played.count("conversation"), if before.is_empty() { 2 } else { 1 });
    }
}

#[test]
fn the_password_that_was_just_typed_never_leaves_the_process() {
    let stage = Stage::new();
    stage.stack("sshd", &format!("auth [default=ignore] pam_unix.so nodelay\n{RECOMMENDED}"));
    let daemon = stage.daemon(vec![asks(), ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["reply=hunter2", "reply=hunter2", "reply=492817", "auth"]);
    assert_eq!(played.result("auth"), SUCCESS);
    assert!(played.lines.iter().any(|line| line.ends_with("That was your password. Verification code: ")));
    assert!(daemon.requests().iter().all(|request| !request.contains("hunter2")));
    let daemon = stage.daemon(vec![asks(), ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["reply=hunter2", "reply=hunter2", "reply=hunter2", "auth"]);
    assert_eq!(played.result("auth"), AUTH_ERR);
    assert_eq!(daemon.requests().len(), 1);
    assert!(!format!("{played:?}").contains("hunter2"));
}

#[test]
fn a_program_that_is_started_during_a_login_inherits_nothing_of_it() {
    let stage = Stage::new();
    stage.stack("sshd", &format!("{RECOMMENDED} debug"));
    let _daemon = stage.daemon(vec![says_and_asks("Hello"), asks(), ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["tell-inherited", "reply=000000", "reply=492817", "auth"]);
    let open =
        |line: &&String| line.strip_prefix("inherited 0 of ").is_some_and(|open| open.parse::<u8>().unwrap() > 4);
    assert_eq!((played.result("auth"), played.lines.iter().filter(open).count()), (SUCCESS, 2), "{played:?}");
    let codes = crate::break_glass::safe_of(&stage, 1);
    std::fs::remove_file(stage.root_socket()).unwrap();
    let played = stage.play("sshd", "alice", &["tell-inherited", &codes[0], "auth"]);
    assert_eq!(played.result("auth"), SUCCESS);
    assert!(played.lines.iter().any(|line| line.starts_with("inherited 0 of ")), "{played:?}");
}

#[test]
fn what_was_typed_is_nowhere_in_memory_afterwards() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    let code = "7KQF-2MZT-9XWA-492817-7KQF-2MZT-9XWA";
    for last in [ends(Outcome::Pass), ends(Outcome::Denied), Act::HangUp] {
        let daemon = stage.daemon(vec![asks(), asks(), last]);
        let reply = format!("reply={code}");
        let copies = format!("copies={code}");
        let played = stage.play("sshd", "alice", &[&reply, &reply, "auth", &copies]);
        assert!(daemon.requests()[1].contains(code));
        assert_eq!(played.figures("copies"), [0]);
    }
    let played = stage.play("sshd", "alice", &["item=tty=a-needle-to-find", "copies=a-needle-to-find"]);
    assert_ne!(played.figures("copies"), [0], "the search does find what is there");
}

#[test]
fn a_plain_users_process_asks_at_everybodys_socket() {
    let stage = Stage::new();
    stage.stack("locker", RECOMMENDED);
    let daemon = crate::daemon::Daemon::playing(&stage.socket(), vec![asks(), ends(Outcome::Pass)]);
    std::fs::set_permissions(stage.socket(), std::fs::Permissions::from_mode(0o666)).unwrap();
    let uid = format!("uid={PLAIN_UID}");
    let played = stage.play("locker", "nobody", &[&uid, "reply=492817", "auth", "setcred"]);
    assert_eq!((played.result("auth"), played.result("setcred")), (SUCCESS, SUCCESS));
    assert_eq!(daemon.requests().len(), 2);
}

#[test]
fn a_public_key_counts_from_the_pam_environment_and_from_nowhere_else() {
    let stage = Stage::new();
    let key = "env=SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAA";
    for (service, step, expected) in [
        ("sshd", key, SUCCESS),
        ("sudo", key, AUTH_ERR),
        // The application of these tests has the variable in its own environment.
        ("sshd", "silent", AUTH_ERR),
        ("sshd", "env=SSH_AUTH_INFO_0=password", AUTH_ERR),
    ] {
        stage.stack(service, &format!("{RECOMMENDED} require_publickey exempt=success"));
        let _daemon = stage.daemon(vec![ends(Outcome::Skipped)]);
        assert_eq!(stage.play(service, "alice", &[step, "auth"]).result("auth"), expected, "{service} {step}");
    }
    let _daemon = stage.daemon(vec![ends(Outcome::Skipped)]);
    assert_eq!(stage.auth("exempt=success", &[key]), IGNORED, "a key that the stack does not demand");
}

#[test]
fn account_passes_what_auth_has_passed_and_asks_the_daemon_about_the_rest() {
    let stage = Stage::new();
    stage.stack("sshd", "auth required MODULE\naccount required MODULE");
    for (outcome, expected) in [(Outcome::Pass, SUCCESS), (Outcome::Skipped, IGNORED)] {
        let daemon = stage.daemon(vec![ends(outcome)]);
        assert_eq!(stage.play("sshd", "alice", &["auth", "account"]).result("account"), expected);
        assert_eq!(daemon.requests().len(), 1);
    }
    let daemon = stage.daemon(vec![says_and_ends("Use a code.", Outcome::Denied)]);
    let played = stage.play("sshd", "alice", &["account"]);
    assert_eq!(played.lines, ["conversation 1", "message 3 Use a code.", "account 7"]);
    assert!(daemon.requests()[0].contains(r#""phase":"account""#));
}

#[test]
fn account_does_not_take_one_user_for_another() {
    let stage = Stage::new();
    stage.stack("sshd", "auth required MODULE\naccount required MODULE unavailable=allow");
    let _daemon = stage.daemon(vec![ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["auth", "item=user=root", "account"]);
    assert_eq!((played.result("auth"), played.result("account")), (SUCCESS, AUTH_ERR));
}

#[test]
fn a_user_who_is_changed_while_the_code_is_typed_is_refused() {
    let stage = Stage::new();
    let daemon = stage.daemon(vec![asks(), ends(Outcome::Pass)]);
    assert_eq!(stage.auth("", &["change-user=root", "reply=492817"]), AUTH_ERR);
    assert_eq!(daemon.requests().len(), 1);
}

#[test]
fn account_outside_sshd_has_no_say_and_a_question_in_account_is_not_asked() {
    let stage = Stage::new();
    stage.stack("cron", "account required MODULE\nauth required MODULE");
    let played = stage.play("cron", "alice", &["account", "setcred"]);
    assert_eq!((played.result("account"), played.result("setcred")), (IGNORED, SUCCESS));
    assert!(played.log[0].contains("pam.d/sshd only"), "{:?}", played.log);
    stage.stack("sshd", "account required MODULE");
    let _daemon = stage.daemon(vec![says_and_asks("Hello"), ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["reply=492817", "account"]);
    assert_eq!(played.result("account"), SYSTEM_ERR);
    assert!(!played.lines.iter().any(|line| line.contains(CODE)));
}

#[test]
fn a_stack_that_names_the_module_for_sessions_or_passwords_is_told_that_it_has_none() {
    let stage = Stage::new();
    stage.stack("sshd", "session required MODULE\npassword required MODULE");
    let played = stage.play("sshd", "alice", &["session", "password"]);
    assert_eq!((played.result("session"), played.result("password")), (MODULE_UNKNOWN, MODULE_UNKNOWN));
}
