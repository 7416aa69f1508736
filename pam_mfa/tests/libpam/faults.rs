//! Everything that can be wrong with the application, the daemon, the stack and the names. Nobody gets in.

use crate::daemon::{Act, asks, ends, question};
use crate::result::*;
use crate::stage::{PLAIN_UID, RECOMMENDED, Stage, program};
use mfa_proto::frame::{MAX_FRAME, encode_error, encode_reply};
use mfa_proto::login::Outcome;
use mfa_proto::service::{REFUSED, Refusal, RefusalCode};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Stacks in which a module that is ignored, or wrongly succeeds, lets in.
const STACKS: [&str; 4] = [
    "auth required MODULE OPTIONS",
    "auth sufficient MODULE OPTIONS\nauth required pam_deny.so",
    "auth [success=1 ignore=ignore default=die] MODULE OPTIONS\nauth required pam_deny.so\nauth required pam_permit.so",
    "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] MODULE OPTIONS\nauth required pam_permit.so",
];

/// Plays one login in each stack.
fn refused_in_every_stack(stage: &Stage, options: &str, script: fn() -> Vec<Act>, steps: &[&str], what: &str) {
    for stack in STACKS {
        stage.stack("sshd", &stack.replace("OPTIONS", options));
        let _daemon = stage.daemon(script());
        let played = stage.play("sshd", "alice", &[steps, &["auth"]].concat());
        assert_ne!(played.result("auth"), SUCCESS, "{what} in {stack}");
        assert_eq!(played.log.len(), 1, "{what}: one line says why: {:?}", played.log);
    }
}

#[test]
fn replies_that_are_none_let_nobody_in_at_any_prompt() {
    let stage = Stage::new();
    for reply in ["reply=@null", "reply=@noarray", "reply=@fail", "reply=@8KiB", "reply=@garbled"] {
        for before in 0..3 {
            let mut steps = vec!["reply=000000"; before];
            steps.push(reply);
            let daemon = stage.daemon(vec![asks(), asks(), asks(), ends(Outcome::Pass)]);
            assert_eq!(stage.auth("exempt=success unavailable=allow", &steps), AUTH_ERR, "{reply} after {before}");
            assert_eq!(daemon.requests().len(), 1 + before, "{reply}: it is not sent");
        }
        let script = || vec![asks(), ends(Outcome::Pass)];
        refused_in_every_stack(&stage, "unavailable=allow", script, &[reply], reply);
    }
}

#[test]
fn an_empty_reply_is_the_daemons_to_weigh() {
    let stage = Stage::new();
    let daemon = stage.daemon(vec![asks(), ends(Outcome::Denied)]);
    assert_eq!(stage.auth("", &["reply="]), AUTH_ERR);
    assert!(daemon.requests()[1].contains(r#"{"answer":""}"#));
}

#[test]
fn an_application_without_a_conversation_lets_nobody_in() {
    let stage = Stage::new();
    refused_in_every_stack(&stage, "", || vec![asks(), ends(Outcome::Pass)], &["item=conv="], "no conversation");
}

#[test]
fn hostile_names_let_nobody_in_and_stay_on_their_line() {
    let stage = Stage::new();
    stage.stack("sshd", &format!("{RECOMMENDED} unavailable=allow"));
    let long = "x".repeat(300);
    for user in ["alice\nroot", "al\x1bice", long.as_str(), "", "@none"] {
        let _daemon = stage.daemon(vec![ends(Outcome::Pass)]);
        let played = stage.play("sshd", user, &["auth"]);
        assert_eq!(played.result("auth"), AUTH_ERR, "{user:?}");
        assert_eq!(played.count("conversation"), 0, "the module asks for no name");
        assert!(played.log.len() == 1 && !played.log[0].chars().any(char::is_control), "{:?}", played.log);
    }
    for user in ["a:b", "/etc/passwd", "../..", "%n%n%s", "-", " "] {
        let daemon = stage.daemon(vec![ends(Outcome::Denied)]);
        assert_eq!(stage.play("sshd", user, &["auth"]).result("auth"), AUTH_ERR, "{user:?}");
        assert!(daemon.requests()[0].contains(&format!("\"user\":\"{user}\"")));
    }
    for step in ["item=rhost=evil\nhost", "item=tty=\x1b]0;x\x07", "item=ruser=a\rb"] {
        let _daemon = stage.daemon(vec![ends(Outcome::Pass)]);
        assert_eq!(stage.play("sshd", "alice", &[step, "auth"]).result("auth"), AUTH_ERR, "{step:?}");
    }
    for rhost in ["item=rhost=%s%n user=root", "item=rhost=$(reboot)", "item=rhost=::1%eth0"] {
        let _daemon = stage.daemon(vec![ends(Outcome::Denied)]);
        let played = stage.play("sshd", "alice", &[rhost, "auth"]);
        assert_eq!(played.log[0].matches(" user=").count(), 1, "{:?}", played.log);
    }
}

#[test]
fn a_daemon_that_misbehaves_lets_nobody_in_and_kills_nobody() {
    type Fault = (&'static str, fn() -> Vec<Act>);
    let faults: [Fault; 9] = [
        ("hangs up", || vec![Act::HangUp]),
        ("hangs up mid-dialog", || vec![asks(), Act::HangUp]),
        ("hangs up while the user types", || vec![Act::ReplyDeaf(question())]),
        ("junk", || vec![Act::Raw(b"\x7fELF\0".to_vec())]),
        ("too big", || vec![Act::Raw(vec![b'{'; MAX_FRAME + 1])]),
        ("two frames", || {
            let pass = b"{\"parameters\":{\"done\":{\"outcome\":\"pass\",\"reason\":\"\"}}}\0";
            vec![Act::Raw([&encode_reply(&question()).unwrap(), pass.as_slice()].concat())]
        }),
        ("an unknown outcome", || {
            vec![Act::Raw(b"{\"parameters\":{\"done\":{\"outcome\":\"success\",\"reason\":\"\"}}}\0".to_vec())]
        }),
        ("an unknown error", || vec![Act::Raw(b"{\"error\":\"io.mfa.Login.Whatever\"}\0".to_vec())]),
        ("a refusal", || {
            let refusal = Refusal { code: RefusalCode::Busy, message: "Too many dialogs.".into() };
            vec![Act::Raw(encode_error(REFUSED, &refusal).unwrap().to_vec())]
        }),
    ];
    let stage = Stage::new();
    for (what, script) in faults {
        refused_in_every_stack(&stage, "unavailable=allow timeout=5", script, &["reply=492817"], what);
    }
}

#[test]
fn a_silent_daemon_and_a_full_backlog_end_at_the_timeout() {
    let stage = Stage::new();
    for script in [vec![Act::Silence], vec![asks(), Act::Silence]] {
        let _daemon = stage.daemon(script);
        let began = Instant::now();
        assert_eq!(stage.auth("unavailable=allow timeout=1", &["reply=492817"]), SYSTEM_ERR);
        assert!((Duration::from_millis(900)..Duration::from_secs(30)).contains(&began.elapsed()));
    }
    std::fs::remove_file(stage.root_socket()).unwrap();
    let _listener = UnixListener::bind(stage.root_socket()).unwrap();
    let mut waiting = Vec::new();
    let soon = || Instant::now() + Duration::from_millis(200);
    while let Ok(client) = mfa_proto::Client::connect(&stage.root_socket(), soon()) {
        waiting.push(client);
    }
    let began = Instant::now();
    assert_eq!(stage.auth("unavailable=allow timeout=1", &[]), SYSTEM_ERR);
    assert!((Duration::from_millis(900)..Duration::from_secs(30)).contains(&began.elapsed()));
}

#[test]
fn nothing_listening_refuses_unless_the_stack_allows_it_and_then_it_alarms() {
    let stage = Stage::new();
    for abandoned in [false, true] {
        if abandoned {
            drop(UnixListener::bind(stage.root_socket()).unwrap());
        }
        assert_eq!(stage.auth("", &[]), AUTHINFO_UNAVAIL);
        assert_eq!(stage.auth("unavailable=deny", &[]), AUTHINFO_UNAVAIL);
        stage.stack("sshd", &format!("{RECOMMENDED} unavailable=allow"));
        let played = stage.play("sshd", "alice", &["auth"]);
        assert_eq!(played.result("auth"), IGNORED);
        // 80 is authpriv, 1 is alert.
        assert!(played.log.len() == 1 && played.log[0].starts_with("<81>"), "{:?}", played.log);
    }
}

#[test]
fn a_socket_that_cannot_be_reached_is_not_one_that_nobody_holds() {
    let stage = Stage::new();
    symlink(stage.root_socket(), stage.root_socket()).unwrap();
    assert_eq!(stage.auth("unavailable=allow", &[]), SYSTEM_ERR, "ELOOP");
    std::fs::remove_file(stage.root_socket()).unwrap();
    let _listener = UnixListener::bind(stage.socket()).unwrap();
    std::fs::set_permissions(stage.socket(), std::fs::Permissions::from_mode(0o600)).unwrap();
    let uid = format!("uid={PLAIN_UID}");
    assert_eq!(stage.auth("unavailable=allow", &[&uid]), SYSTEM_ERR, "EACCES");
}

#[test]
fn a_listener_that_is_neither_root_nor_the_owner_of_the_folder_is_not_believed() {
    let stage = Stage::new();
    let mut stranger = Command::new(program("stranger"))
        .arg(stage.root_socket())
        .arg(PLAIN_UID.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(stranger.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    assert_eq!(ready, "ready\n");
    stage.stack("sshd", &format!("{RECOMMENDED} unavailable=allow"));
    let played = stage.play("sshd", "alice", &["auth"]);
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
    assert_eq!(played.result("auth"), SYSTEM_ERR);
    assert!(played.log[0].contains("held by uid 65534"), "{:?}", played.log);
}

#[test]
fn wrong_options_refuse_in_every_stack_and_are_named() {
    let stage = Stage::new();
    for options in ["nullok unavailable=allow", "unavailable=allow combined=split", "timeout=0", "debug debug"] {
        refused_in_every_stack(&stage, options, || vec![ends(Outcome::Pass)], &[], options);
    }
    stage.stack("sshd", &format!("{RECOMMENDED} nullok"));
    let played = stage.play("sshd", "alice", &["auth", "setcred"]);
    assert_eq!(played.result("auth"), SYSTEM_ERR);
    assert_eq!(played.log.len(), 1);
    assert!(played.log[0].contains(r#"unknown option "nullok""#), "{:?}", played.log);
}

#[test]
fn a_second_auth_on_the_same_handle_takes_back_what_the_first_has_passed() {
    let stage = Stage::new();
    stage.stack("sshd", "auth required MODULE timeout=1\naccount required MODULE timeout=1");
    let daemon = stage.daemon(vec![ends(Outcome::Pass)]);
    let played = stage.play("sshd", "alice", &["auth", "auth", "account"]);
    assert_eq!(played.lines.iter().filter(|line| *line == "auth 0").count(), 1);
    assert_ne!(played.result("account"), SUCCESS);
    assert_eq!(daemon.requests().len(), 1);
}
