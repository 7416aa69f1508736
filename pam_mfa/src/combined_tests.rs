//! The two lines around a password module, with a stand-in for all three.

use super::*;
use crate::host::{ConverseError, Item, Level};
use crate::stand_in::*;
use crate::{Call, Places, auth, setcred};
use mfa_proto::frame::{encode_error, encode_reply};
use mfa_proto::login::Outcome;
use mfa_proto::service::{REFUSED, Refusal, RefusalCode};

const SUCCESS: i32 = 0;
const SYSTEM_ERR: i32 = 4;
const AUTH_ERR: i32 = 7;
const AUTHINFO_UNAVAIL: i32 = 9;
const IGNORE: i32 = 25;

fn hook(script: Option<Vec<Act>>, application: &mut Application, options: &[&str]) -> (i32, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let daemon = script.map(|script| Daemon::playing(&socket, script));
    let arguments = options.iter().map(|option| (*option).to_owned()).collect();
    let codes = Some(folder.path()); // codes from the safe are never asked for here
    let code = auth(&Places { socket: &socket, codes }, application, &Call { arguments, silent: false }).raw();
    (code, daemon.map(Daemon::requests).unwrap_or_default())
}

fn split(script: Vec<Act>, application: &mut Application) -> (i32, Vec<String>) {
    hook(Some(script), application, &["combined=split"])
}

fn verify(script: Vec<Act>, application: &mut Application) -> (i32, Vec<String>) {
    hook(Some(script), application, &["combined=verify"])
}

fn says_due(digits: &[u8]) -> Vec<Act> {
    vec![Act::Raw(encode_reply(&Due { due: true, digits: digits.to_vec() }).unwrap().to_vec())]
}

fn says_not_due() -> Vec<Act> {
    vec![Act::Raw(encode_reply(&Due { due: false, digits: vec![] }).unwrap().to_vec())]
}

/// A locker whose user types this line at its one prompt.
fn locker(line: &str) -> Application {
    let mut application = Application::sshd().typing(&[line]);
    application.set(Item::Service, "swaylock");
    application.unset(Item::RemoteHost);
    application
}

fn code_of(application: &Application) -> Option<String> {
    application.put_aside.as_ref()?.code.as_ref().map(|code| code.expose().to_owned())
}

/// Who types what, what the password module sees, and what is left for the daemon.
#[test]
fn a_line_is_taken_apart_where_a_code_of_that_length_ends_it() {
    for (line, digits, password, code) in [
        ("hunter2492817", &[6][..], "hunter2", Some("492817")),
        ("hunter2 492817", &[6], "hunter2", Some("492817")),
        ("hunter42492817", &[6], "hunter42", Some("492817")),
        ("hunter42 492817", &[8, 6], "hunter42", Some("492817")),
        ("hunter42492817", &[8, 6], "hunter", Some("42492817")),
        ("hunter 42492817", &[8, 6], "hunter", Some("42492817")),
        ("correct horse 7492817", &[6], "correct horse 7", Some("492817")),
        ("correct horse 7kqf-2mzt-9xwa", &[6], "correct horse", Some("7kqf-2mzt-9xwa")),
        ("hunter2 7KQF-2MZT-9XWA", &[], "hunter2", Some("7KQF-2MZT-9XWA")),
        ("two  492817", &[6], "two ", Some("492817")),
        // No code ends these.
        ("hunter2", &[6], "hunter2", None),
        ("hunter49281", &[6], "hunter49281", None),
        ("hunter2492817", &[], "hunter2492817", None),
        ("hunter2492817 ", &[6], "hunter2492817 ", None),
        ("hunter2７７７７７７", &[6], "hunter2７７７７７７", None),
        ("hunter27KQF-2MZT-9XWA", &[6], "hunter27KQF-2MZT-9XWA", None),
        ("true conversation", &[6], "true conversation", None),
        ("ärger über öl", &[6, 8], "ärger über öl", None),
        ("a-b c-d-e", &[6], "a-b c-d-e", None),
        ("12345", &[6], "12345", None),
        ("hunter2", &[0], "hunter2", None),
        ("hunter2 ", &[0], "hunter2 ", None),
    ] {
        let mut application = locker(line);
        assert_eq!(split(says_due(digits), &mut application).0, IGNORE, "{line:?}");
        assert_eq!(application.password.as_deref(), Some(password), "{line:?}");
        assert_eq!(code_of(&application).as_deref(), code, "{line:?}");
    }
}

#[test]
fn a_line_without_a_password_is_refused_whether_a_code_is_due_or_not() {
    for line in ["492817", " 492817", " 7KQF-2MZT-9XWA"] {
        let mut application = locker(line);
        assert_eq!(split(says_due(&[6]), &mut application).0, AUTH_ERR, "{line:?}");
        assert!(application.put_aside.is_none() && application.password.is_none(), "{line:?}");
    }
    let mut application = locker("");
    assert_eq!(hook(None, &mut application, &["combined=split", "unavailable=allow"]).0, AUTH_ERR);
}

#[test]
fn where_nothing_is_due_the_line_stays_as_it_is() {
    for line in ["hunter2492817", "hunter2 492817", "492817", "a 7KQF-2MZT-9XWA"] {
        let mut application = locker(line);
        assert_eq!(split(says_not_due(), &mut application).0, IGNORE);
        assert_eq!((application.password.as_deref(), code_of(&application)), (Some(line), None));
        let (code, requests) = verify(vec![ends(Outcome::Skipped)], &mut application);
        assert_eq!(code, IGNORE);
        assert!(requests[0].contains(r#""combined":"nothing""#), "{}", requests[0]);
    }
}

#[test]
fn password_and_code_let_in_and_the_user_is_asked_once() {
    let mut application = locker("hunter2492817");
    let (code, requests) = split(says_due(&[6]), &mut application);
    assert_eq!(code, IGNORE);
    assert!(requests.len() == 1 && requests[0].contains("io.mfa.Login.Due"), "{requests:?}");
    assert!(!requests[0].contains("hunter2") && !requests[0].contains("492817"));
    assert_eq!(application.line, None, "nobody has passed yet");
    let (code, requests) = verify(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert_eq!(code, SUCCESS);
    assert!(requests[0].contains(r#""combined":"code""#) && requests[1].contains(r#"{"answer":"492817"}"#));
    assert!(requests.iter().all(|request| !request.contains("hunter2")));
    assert_eq!(application.prompts(), [PROMPT]);
    assert!(application.log().is_empty() && application.put_aside.is_none());
    setcred(&mut application, &Call { arguments: vec!["combined=split".into()], silent: false });
    assert!(application.log().is_empty());
}

#[test]
fn a_password_that_an_earlier_module_has_asked_for_is_taken_apart_and_nobody_is_asked() {
    let mut application = locker("never asked");
    application.password = Some("hunter2492817".into());
    assert_eq!(split(says_due(&[6]), &mut application).0, IGNORE);
    assert_eq!((application.password.as_deref(), application.asked.len()), (Some("hunter2"), 0));
}

#[test]
fn a_second_question_is_answered_with_nothing_and_refused() {
    let mut application = locker("hunter2000000");
    split(says_due(&[6]), &mut application);
    let script = vec![asks(), says_and_asks("That code is not right."), ends(Outcome::Pass)];
    let (code, requests) = verify(script, &mut application);
    assert_eq!((code, requests.len()), (AUTH_ERR, 2), "Begin and one answer");
    assert_eq!(application.shown[0].text, "That code is not right.");
    assert_eq!(application.asked.len(), 1);
    assert!(requests.iter().all(|request| !request.contains("hunter2")));
}

#[test]
fn a_question_is_refused_where_no_code_stood_in_the_line() {
    let mut application = locker("hunter2");
    split(says_due(&[6]), &mut application);
    let (code, requests) = verify(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert_eq!((code, requests.len()), (AUTH_ERR, 1));
    assert!(requests[0].contains(r#""combined":"nothing""#));
}

#[test]
fn verify_takes_what_split_has_left_once_and_for_the_same_user() {
    let mut application = locker("hunter2492817");
    let (code, requests) = hook(None, &mut application, &["combined=verify", "unavailable=allow"]);
    assert_eq!((code, requests.len()), (SYSTEM_ERR, 0), "without split");
    assert!(application.log()[0].1.contains("the stack needs both lines"));
    split(says_due(&[6]), &mut application);
    assert_eq!(verify(vec![asks(), ends(Outcome::Pass)], &mut application).0, SUCCESS);
    assert_eq!(hook(None, &mut application, &["combined=verify"]).0, SYSTEM_ERR, "a second time");
    let mut application = locker("hunter2492817");
    split(says_due(&[6]), &mut application);
    application.set(Item::User, "root");
    let (code, requests) = hook(None, &mut application, &["combined=verify", "unavailable=allow"]);
    assert_eq!((code, requests.len()), (AUTH_ERR, 0));
    assert!(application.put_aside.is_none());
}

#[test]
fn a_later_split_forgets_the_code_of_an_earlier_one_even_when_it_fails() {
    let mut application = locker("hunter2492817");
    split(says_due(&[6]), &mut application);
    application.password = None;
    application.replies = [Err(ConverseError::Failed)].into();
    assert_eq!(hook(None, &mut application, &["combined=split"]).0, AUTH_ERR, "a hang-up");
    assert_eq!(hook(None, &mut application, &["combined=verify"]).0, SYSTEM_ERR);
}

#[test]
fn split_without_verify_is_told_when_somebody_was_let_in_by_it() {
    for (script, level, told) in [
        (says_due(&[6]), Level::Alert, "LET IN WITHOUT A SECOND FACTOR: the stack says combined=split"),
        (says_not_due(), Level::Error, "the stack says combined=split"),
    ] {
        let mut application = locker("hunter2492817");
        split(script, &mut application);
        assert_eq!(application.line, None, "account must not be told that auth has passed");
        setcred(&mut application, &Call { arguments: vec![], silent: false });
        assert!(application.log().is_empty(), "another line of the stack");
        for _ in 0..2 {
            setcred(&mut application, &Call { arguments: vec!["combined=split".into()], silent: false });
        }
        let log = application.log();
        assert_eq!(log.len(), 1, "once");
        assert!(log[0].0 == level && log[0].1.starts_with(told) && log[0].1.contains("user=alice"), "{log:?}");
    }
}

#[test]
fn a_code_that_is_the_password_stays_here() {
    let mut application = locker("492817492817");
    split(says_due(&[6]), &mut application);
    let (code, requests) = verify(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert_eq!((code, requests.len()), (AUTH_ERR, 1));
}

#[test]
fn a_split_that_cannot_be_done_refuses_and_leaves_no_code() {
    let refused = |code| {
        let refusal = Refusal { code, message: "No.".into() };
        vec![Act::Raw(encode_error(REFUSED, &refusal).unwrap().to_vec())]
    };
    for (what, script, expected) in [
        ("hangs up", vec![Act::HangUp], SYSTEM_ERR),
        ("junk", vec![Act::Raw(b"\x7fELF\0".to_vec())], SYSTEM_ERR),
        ("a turn", vec![ends(Outcome::Pass)], SYSTEM_ERR),
        ("not due, but how", vec![Act::Raw(b"{\"parameters\":{\"digits\":[6]}}\0".to_vec())], SYSTEM_ERR),
        (
            "lengths that are none",
            vec![Act::Raw(b"{\"parameters\":{\"due\":true,\"digits\":[-6]}}\0".to_vec())],
            SYSTEM_ERR,
        ),
        ("broken", refused(RefusalCode::Broken), AUTHINFO_UNAVAIL),
        ("busy", refused(RefusalCode::Busy), AUTH_ERR),
    ] {
        let mut application = locker("hunter2492817");
        let (code, _) = hook(Some(script), &mut application, &["combined=split", "unavailable=allow", "timeout=2"]);
        assert_eq!(code, expected, "{what}");
        assert!(application.put_aside.is_none() && application.password.is_none(), "{what}");
    }
    for (refuses_to_keep, refuses_passwords) in [(true, false), (false, true)] {
        let mut application = locker("hunter2492817");
        (application.refuses_to_keep, application.refuses_passwords) = (refuses_to_keep, refuses_passwords);
        assert_eq!(split(says_due(&[6]), &mut application).0, SYSTEM_ERR);
        assert!(application.put_aside.is_none());
    }
}

#[test]
fn nothing_listening_refuses_unless_both_lines_allow_it() {
    let (split, verify) = ("combined=split", "combined=verify");
    let mut application = locker("hunter2492817");
    assert_eq!(hook(None, &mut application, &[split]).0, AUTHINFO_UNAVAIL);
    let mut application = locker("hunter2492817");
    assert_eq!(hook(None, &mut application, &[split, "unavailable=allow"]).0, IGNORE);
    assert_eq!(application.password.as_deref(), Some("hunter2492817"), "as it was typed");
    assert_eq!(hook(None, &mut application, &[verify]).0, AUTHINFO_UNAVAIL);
    let mut application = locker("hunter2");
    assert_eq!(hook(None, &mut application, &[split, "unavailable=allow"]).0, IGNORE);
    assert_eq!(hook(None, &mut application, &[verify, "unavailable=allow"]).0, IGNORE);
    assert_eq!(application.log().iter().filter(|(level, _)| *level == Level::Alert).count(), 1);
    let mut application = locker("hunter2");
    hook(None, &mut application, &[split, "unavailable=allow"]);
    let (code, _) = hook(Some(vec![asks(), ends(Outcome::Pass)]), &mut application, &[verify, "unavailable=allow"]);
    assert_eq!(code, AUTH_ERR, "the daemon came back between the two");
}

#[test]
fn a_user_who_is_changed_while_the_line_is_typed_is_whom_both_lines_are_about() {
    let mut application = locker("hunter2492817");
    application.meanwhile = Some(Box::new(|items| {
        items.insert("user", b"bob".to_vec());
    }));
    let (_, requests) = split(says_due(&[6]), &mut application);
    assert!(requests[0].contains(r#""user":"bob""#));
    application.set(Item::User, "alice");
    assert_eq!(hook(None, &mut application, &["combined=verify"]).0, AUTH_ERR);
}
