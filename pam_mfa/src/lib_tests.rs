//! The hooks as a whole, between an application and a daemon that are stand-ins. Libpam itself comes in `tests/`.

#[path = "account_tests.rs"]
mod account;

use super::*;
use crate::host::{ConverseError, Item};
use crate::stand_in::*;
use mfa_proto::frame::{MAX_FRAME, encode_error, encode_reply};
use mfa_proto::login::{Next, Outcome, Prompt, Turn, Verdict};
use mfa_proto::service::{REFUSED, Refusal, RefusalCode};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::{Duration, Instant};

const SUCCESS: i32 = 0;
const SYSTEM_ERR: i32 = 4;
const AUTH_ERR: i32 = 7;
const AUTHINFO_UNAVAIL: i32 = 9;
const IGNORE: i32 = 25;

fn call(options: &[&str]) -> Call {
    Call { arguments: options.iter().map(|option| (*option).to_owned()).collect(), silent: false }
}

/// That socket, and no break-glass codes.
fn at(socket: &Path) -> Places<'_> {
    Places { socket, codes: None }
}

/// Plays one `auth`; gives the code and what the daemon was sent.
fn auth_against(script: Vec<Act>, application: &mut Application, options: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let daemon = Daemon::playing(&socket, script);
    let code = auth(&at(&socket), application, &call(options)).raw();
    (code, daemon.requests())
}

fn account_against(script: Vec<Act>, application: &mut Application) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let daemon = Daemon::playing(&socket, script);
    let code = account(&at(&socket), application, &call(&[])).raw();
    (code, daemon.requests())
}

/// A socket at which nobody has ever listened.
fn nobody(folder: &Path) -> PathBuf {
    folder.join("none.sock")
}

fn refused(code: RefusalCode) -> Act {
    let refusal = Refusal { code, message: "Too many dialogs. Try again in a minute.".into() };
    Act::Raw(encode_error(REFUSED, &refusal).unwrap().to_vec())
}

#[test]
fn a_right_code_lets_in_and_the_daemon_hears_who_where_and_what() {
    let mut application = Application::sshd().typing(&["492817"]);
    application.pam_environment.insert("SSH_AUTH_INFO_0", b"publickey ssh-ed25519 AAAA\n".to_vec());
    let (code, requests) = auth_against(vec![asks(), ends(Outcome::Pass)], &mut application, &["timeout=30", "debug"]);
    assert_eq!(code, SUCCESS);
    assert_eq!(requests.len(), 2);
    for told in [
        r#""user":"alice""#,
        r#""service":"sshd""#,
        r#""rhost":"192.0.2.7""#,
        "publickey ssh-ed25519",
        r#""timeout":30"#,
    ] {
        assert!(requests[0].contains(told), "{told} in {}", requests[0]);
    }
    assert!(requests[1].contains("io.mfa.Login.Answer") && requests[1].contains("492817"));
    assert!(application.log().iter().all(|(level, line)| *level == Level::Debug && !line.contains("492817")));
}

#[test]
fn each_verdict_has_its_code() {
    for (outcome, expected) in [
        (Outcome::Pass, SUCCESS),
        (Outcome::Skipped, IGNORE),
        (Outcome::Remembered, IGNORE),
        (Outcome::Denied, AUTH_ERR),
        (Outcome::Broken, AUTHINFO_UNAVAIL),
    ] {
        let mut application = Application::sshd();
        assert_eq!(auth_against(vec![ends(outcome)], &mut application, &[]).0, expected, "{outcome:?}");
    }
}

#[test]
fn a_denial_is_logged_with_who_and_why_and_nothing_else_is() {
    let mut application = Application::sshd();
    auth_against(vec![ends(Outcome::Denied)], &mut application, &[]);
    let line = "refused: because; user=alice service=sshd rhost=192.0.2.7".to_owned();
    assert_eq!(application.log(), [(Level::Notice, line)]);
    let mut application = Application::sshd();
    auth_against(vec![ends(Outcome::Pass)], &mut application, &[]);
    assert_eq!(application.log(), []);
}

#[test]
fn a_skip_is_success_only_with_a_key_that_was_shown_and_a_stack_that_says_so() {
    let key: &[u8] = b"publickey ssh-ed25519 AAAA";
    let both: &[&str] = &["exempt=success", "require_publickey"];
    for (environment, options, expected) in [
        (Some(key), both, IGNORE),
        (Some(key), &["exempt=success"], IGNORE),
        (Some(key), &["require_publickey"], IGNORE),
        (Some(key), &["exempt=ignore", "require_publickey"], IGNORE),
        (None, &["exempt=success"], IGNORE),
    ] {
        let expected = if options == both { SUCCESS } else { expected };
        let mut application = Application::sshd();
        application.pam_environment.extend(environment.map(|shown| ("SSH_AUTH_INFO_0", shown.to_vec())));
        let (code, _) = auth_against(vec![ends(Outcome::Skipped)], &mut application, options);
        assert_eq!(code, expected, "{options:?}");
        let mut application = Application::sshd();
        application.pam_environment.extend(environment.map(|shown| ("SSH_AUTH_INFO_0", shown.to_vec())));
        let (code, _) = auth_against(vec![ends(Outcome::Denied)], &mut application, options);
        assert_eq!(code, AUTH_ERR, "a denial, {options:?}");
    }
}

#[test]
fn without_a_public_key_require_publickey_refuses_before_anybody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    for (service, shown) in [
        ("sshd", None),
        ("sshd", Some("")),
        ("sshd", Some("password")),
        ("sshd", Some("gssapi-with-mic publickey ssh-ed25519")),
        ("sshd", Some("publickeyless x")),
        ("sshd", Some("publickey")),
        ("sudo", Some("publickey ssh-ed25519 AAAA")),
        ("login", Some("publickey ssh-ed25519 AAAA")),
    ] {
        let mut application = Application::sshd().typing(&["492817"]);
        application.set(Item::Service, service);
        application.pam_environment.extend(shown.map(|shown| ("SSH_AUTH_INFO_0", shown.into())));
        let options = call(&["require_publickey", "exempt=success", "unavailable=allow"]);
        let code = auth(&at(&nobody(folder.path())), &mut application, &options);
        assert_eq!(code.raw(), AUTH_ERR, "{service} {shown:?}");
        assert!(application.asked.is_empty());
        assert_eq!(application.log()[0].0, Level::Notice);
    }
}

#[test]
fn nothing_listening_refuses_unless_the_stack_allows_it_and_then_it_alarms() {
    let folder = tempfile::tempdir().unwrap();
    let abandoned = folder.path().join("abandoned.sock");
    drop(std::os::unix::net::UnixListener::bind(&abandoned).unwrap());
    for socket in [nobody(folder.path()), abandoned] {
        let mut application = Application::sshd();
        assert_eq!(auth(&at(&socket), &mut application, &call(&[])).raw(), AUTHINFO_UNAVAIL);
        assert_eq!(application.log()[0].0, Level::Error);
        assert_eq!(application.shown.len(), 1, "the user hears that it is not their mistake");
        assert_eq!(auth(&at(&socket), &mut application, &call(&["unavailable=deny"])).raw(), AUTHINFO_UNAVAIL);
        let mut application = Application::sshd();
        assert_eq!(auth(&at(&socket), &mut application, &call(&["unavailable=allow"])).raw(), IGNORE);
        let (level, line) = &application.log()[0];
        assert_eq!(*level, Level::Alert);
        assert!(line.contains("user=alice") && line.contains("rhost=192.0.2.7"), "{line}");
    }
}

#[test]
fn what_is_not_nothing_listening_refuses_even_with_unavailable_allow() {
    let folder = tempfile::tempdir().unwrap();
    let looping = folder.path().join("loop");
    std::os::unix::fs::symlink(&looping, &looping).unwrap();
    let under_a_file = tempfile::NamedTempFile::new().unwrap();
    let too_long = folder.path().join("x".repeat(200));
    for socket in [looping, under_a_file.path().join("mfa.sock"), too_long] {
        let mut application = Application::sshd();
        let code = auth(&at(&socket), &mut application, &call(&["unavailable=allow"]));
        assert_eq!(code.raw(), SYSTEM_ERR, "{}", socket.display());
    }
}

#[test]
fn a_daemon_that_misbehaves_lets_nobody_in() {
    let pass = Turn {
        say: vec![],
        next: Next::Done(Verdict { outcome: Outcome::Pass, reason: String::new() }),
        patience: None,
    };
    let pass = encode_reply(&pass).unwrap().to_vec();
    let asks_frame = encode_reply(&question()).unwrap().to_vec();
    let scripts: [(&str, Vec<Act>); 13] = [
        ("hangs up at once", vec![Act::HangUp]),
        ("hangs up mid-dialog", vec![asks(), Act::HangUp]),
        ("hangs up while the user types", vec![Act::ReplyDeaf(question())]),
        ("junk", vec![Act::Raw(b"\x7fELF\0".to_vec())]),
        ("an empty frame", vec![Act::Raw(b"\0".to_vec())]),
        ("half a frame", vec![Act::Raw(pass[..pass.len() / 2].to_vec()), Act::HangUp]),
        ("too big", vec![Act::Raw(vec![b' '; MAX_FRAME + 1])]),
        ("two frames at once", vec![Act::Raw([asks_frame, pass].concat())]),
        (
            "an unknown outcome",
            vec![Act::Raw(b"{\"parameters\":{\"done\":{\"outcome\":\"success\",\"reason\":\"\"}}}\0".to_vec())],
        ),
        ("an unknown error", vec![Act::Raw(b"{\"error\":\"io.mfa.Login.Whatever\"}\0".to_vec())]),
        (
            "two ends",
            vec![Act::Raw(b"{\"parameters\":{\"wait\":1,\"done\":{\"outcome\":\"pass\",\"reason\":\"\"}}}\0".to_vec())],
        ),
        ("no parameters", vec![Act::Raw(b"{}\0".to_vec())]),
        (
            "a pass that is an error",
            vec![Act::Raw(
                b"{\"error\":\"a.b\",\"parameters\":{\"done\":{\"outcome\":\"pass\",\"reason\":\"\"}}}\0".to_vec(),
            )],
        ),
    ];
    for (what, script) in scripts {
        let mut application = Application::sshd().typing(&["492817"]);
        let options = ["unavailable=allow", "timeout=2"];
        let (code, _) = auth_against(script, &mut application, &options);
        assert_eq!(code, SYSTEM_ERR, "{what}");
        assert_eq!(application.line, None, "{what}: account must not be told that auth has passed");
        assert!(application.log().iter().any(|(level, _)| *level == Level::Error), "{what}");
    }
}

#[test]
fn a_silent_daemon_is_given_up_at_the_deadline() {
    for script in [vec![Act::Silence], vec![asks(), Act::Silence]] {
        let began = Instant::now();
        let mut application = Application::sshd().typing(&["492817"]);
        let (code, _) = auth_against(script, &mut application, &["timeout=1", "unavailable=allow"]);
        assert_eq!(code, SYSTEM_ERR);
        assert!((Duration::from_millis(900)..Duration::from_secs(30)).contains(&began.elapsed()));
    }
}

#[test]
fn an_answer_that_comes_after_the_deadline_is_not_sent() {
    let mut application = Application::sshd().typing(&["492817"]);
    let (_nobody_calls, phone) = mpsc::channel::<()>();
    application.meanwhile = Some(Box::new(move |_| {
        let _ = phone.recv_timeout(Duration::from_millis(1100));
    }));
    let (code, requests) = auth_against(vec![asks(), ends(Outcome::Pass)], &mut application, &["timeout=1"]);
    assert_eq!(code, AUTH_ERR);
    assert_eq!(requests.len(), 1, "nothing after Begin");
    assert!(application.shown[0].text.starts_with("Too late"));
}

#[test]
fn refusals_of_the_daemon_refuse_and_only_busy_is_told_to_the_user() {
    for (refusal, expected, told) in [
        (RefusalCode::UnknownUser, AUTH_ERR, false),
        (RefusalCode::Conflict, AUTH_ERR, false),
        (RefusalCode::NotAllowed, AUTH_ERR, false),
        (RefusalCode::Changed, AUTH_ERR, false),
        (RefusalCode::Busy, AUTH_ERR, true),
        (RefusalCode::Broken, AUTHINFO_UNAVAIL, false),
    ] {
        let mut application = Application::sshd();
        let (code, _) = auth_against(vec![refused(refusal)], &mut application, &["unavailable=allow"]);
        assert_eq!(code, expected, "{refusal:?}");
        assert_eq!(application.shown.iter().any(|note| note.text.contains("Too many dialogs")), told, "{refusal:?}");
    }
}

#[test]
fn a_conversation_that_brings_no_answer_refuses_and_sends_none() {
    for failure in [ConverseError::Failed, ConverseError::NoReply, ConverseError::TooLong, ConverseError::NotText] {
        for answered_before in [0, 1, 2] {
            let mut application = Application::sshd().typing(&["000000", "000001"][..answered_before]);
            application.replies.push_back(Err(failure));
            let script = vec![asks(), asks(), asks(), ends(Outcome::Pass)];
            let (code, requests) = auth_against(script, &mut application, &[]);
            assert_eq!(code, AUTH_ERR, "{failure:?}");
            assert_eq!(requests.len(), 1 + answered_before, "{failure:?}");
        }
    }
}

#[test]
fn an_empty_answer_is_an_answer_and_the_daemon_weighs_it() {
    let mut application = Application::sshd().typing(&[""]);
    application.password = Some(String::new());
    let (code, requests) = auth_against(vec![asks(), ends(Outcome::Denied)], &mut application, &[]);
    assert_eq!(code, AUTH_ERR);
    assert!(requests[1].contains(r#"{"answer":""}"#), "{}", requests[1]);
}

#[test]
fn wrong_options_refuse_and_are_named_on_one_line() {
    let folder = tempfile::tempdir().unwrap();
    for option in ["combined=both", "nullok", "timeout=0", "timeout=601", "exempt=yes", "unavailable=Allow", "\n"] {
        let mut application = Application::sshd();
        let options = call(&["unavailable=allow", option]);
        let code = auth(&at(&nobody(folder.path())), &mut application, &options);
        assert_eq!(code.raw(), SYSTEM_ERR, "{option}");
        let log = application.log();
        assert_eq!(log.len(), 1);
        assert_eq!(log[0].0, Level::Error);
        assert!(log[0].1.contains(&option.replace('\n', r"\u{a}")) && !log[0].1.contains('\n'), "{}", log[0].1);
    }
}

#[test]
fn hostile_names_reach_the_daemon_whole_or_not_at_all_and_the_log_escaped() {
    for name in ["alice\nroot", "al\x1b[2Jice", "a\0b"] {
        let mut application = Application::sshd();
        application.set(Item::User, name);
        let (code, requests) = refused_unseen(&mut application);
        assert_eq!((code, requests), (AUTH_ERR, 0), "{name:?}");
        assert!(application.log().iter().all(|(_, line)| !line.chars().any(char::is_control)), "{name:?}");
    }
    for name in ["a:b", "../../etc/passwd", "..", "%n%s", "a b", "-rf", "älice"] {
        let mut application = Application::sshd();
        application.set(Item::User, name);
        let (code, requests) = auth_against(vec![ends(Outcome::Denied)], &mut application, &[]);
        assert_eq!(code, AUTH_ERR);
        assert!(requests[0].contains(&format!("\"user\":\"{name}\"")), "{}", requests[0]);
        let line = &application.log()[0].1;
        assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{line}");
    }
    let too_long = "x".repeat(300);
    for (item, value) in [
        (Item::User, too_long.as_bytes()),
        (Item::User, b"\xff\xfe"),
        (Item::User, b""),
        (Item::Service, too_long.as_bytes()),
        (Item::Service, b""),
        (Item::RemoteHost, b"evil\nhost"),
        (Item::RemoteHost, b"\xc3\x28"),
        (Item::RemoteHost, &[b'h'; 2000]),
        (Item::RemoteUser, &[b'r'; 2000]),
        (Item::Terminal, b"\x1b]0;x\x07"),
    ] {
        let mut application = Application::sshd();
        application.set(item, value);
        assert_eq!(refused_unseen(&mut application), (AUTH_ERR, 0), "{item}");
    }
    for item in [Item::User, Item::Service] {
        let mut application = Application::sshd();
        application.unset(item);
        assert_eq!(refused_unseen(&mut application), (AUTH_ERR, 0), "no {item}");
    }
}

/// The code, and how many connections there were.
fn refused_unseen(application: &mut Application) -> (i32, usize) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    listener.set_nonblocking(true).unwrap();
    let code = auth(&at(&socket), application, &call(&[])).raw();
    (code, usize::from(listener.accept().is_ok()))
}

#[test]
fn a_user_who_is_changed_while_typing_or_reading_is_refused() {
    for script in [vec![asks(), ends(Outcome::Pass)], vec![says_and_asks("Hello"), ends(Outcome::Skipped)]] {
        let mut application = Application::sshd().typing(&["492817"]);
        application.meanwhile = Some(Box::new(|items| {
            items.insert("user", b"root".to_vec());
        }));
        let (code, requests) = auth_against(script, &mut application, &[]);
        assert_eq!((code, requests.len()), (AUTH_ERR, 1));
        assert_eq!(application.line, None);
    }
}

#[test]
fn a_silent_application_is_shown_no_text_but_what_a_question_is_about_and_what_a_touch_is_for() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let touch = Note { style: Style::Info, text: "Touch your key".into() };
    let wait = Act::Reply(Turn { say: vec![touch.clone()], next: Next::Wait { at_most: 15 }, patience: None });
    let daemon = Daemon::playing(&socket, vec![says_and_asks("Hello"), wait, says_and_ends("Bye", Outcome::Pass)]);
    let mut application = Application::sshd().typing(&["492817"]);
    let silent = Call { arguments: vec![], silent: true };
    assert_eq!(auth(&at(&socket), &mut application, &silent).raw(), SUCCESS);
    assert_eq!(std::mem::take(&mut application.shown), [touch]);
    assert_eq!(application.asked, [(vec![], Prompt { text: format!("Hello\n{CODE}"), echo: false })]);
    let requests = daemon.requests();
    assert_eq!(requests.len(), 3);
    assert!(requests[0].contains("\"silent\":true"), "what must be read is to come as a prompt");
    auth(&at(&nobody(folder.path())), &mut application, &silent);
    assert!(application.shown.is_empty());
}
