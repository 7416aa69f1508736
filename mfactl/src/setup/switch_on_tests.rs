//! Whom sshd would refuse, as the daemon explains it, and what is refused for want of a journal.

use super::*;
use crate::setup::answers::Grace;
use crate::setup::automation::tests::{accepted, journal};
use crate::setup::machines::bookworm;
use crate::setup::words::{Enroll, OnFull, SshWay, Where};
use crate::system::made_up::MadeUp;
use serde_json::{Value, json};

#[path = "../../../mfa-cli/testing/scripted_daemon.rs"]
mod scripted_daemon;
use scripted_daemon::{Answer, ScriptedDaemon};

fn answers(places: &[Where]) -> Answers {
    Answers {
        places: places.to_vec(),
        way: SshWay::PasswordAndCode,
        group: "sre".into(),
        automation: Vec::new(),
        enroll: Enroll::AtLogin,
        on_full: OnFull::SingleFactor,
        grace: Grace::AsIs,
        break_glass: false,
    }
}

fn args(anyway: bool) -> Args {
    Args { answers: None, dry_run: false, confirm_within: None, anyway, after: None }
}

/// dave has a factor, is in nobody's group, and comes by key.
fn machine() -> MadeUp {
    journal(bookworm(), &accepted("publickey", "dave", 1))
}

/// An explanation in which dave is asked that where sshd asks nothing.
fn explained(silent: &str, observed: bool) -> Value {
    json!({
        "user": "dave", "service": "sshd", "ssh_auth": "publickey", "at": 1_790_000_000, "considered": [],
        "left_out": 0, "rule": "defaults", "outcome": { "what": "factors", "kinds": ["totp"] }, "observed": observed,
        "asked": "dave", "enrolled": ["totp"], "certain": true, "silent": { "what": silent, "kinds": [] },
    })
}

/// Whom sshd would refuse where the daemon answers so, and what it was asked.
fn refused(answer: impl Fn() -> Answer + Send + 'static) -> (Result<Vec<String>, Failure>, Vec<Value>) {
    let daemon = ScriptedDaemon::start(move |_, _| answer());
    let socket = daemon.socket();
    let connected = connect(Some(&socket)).unwrap();
    let mut desk = Desk { daemon: connected, socket: Some(socket), screen: Screen::open(), json: true };
    let machine = machine();
    let facts = Facts::seen(&machine, ["dave".to_owned()].into(), 0).unwrap();
    let out = refused_by_sshd(&answers(&[Where::Ssh]), &facts, &mut desk);
    let told = out.map(|out| out.into_iter().map(|out| format!("{} {}", out.user, out.why)).collect());
    (told, daemon.parameters_of("Explain"))
}

#[test]
fn the_daemon_says_whom_a_login_without_a_question_would_be_refused() {
    let (out, asked) = refused(|| Answer::Reply(explained("deny", false)));
    assert!(out.unwrap()[0].starts_with("dave comes without being asked, and has a second factor"));
    assert_eq!(asked, [json!({ "user": "dave", "service": "sshd", "rhost": "10.0.0.9" })]);
    let none: Vec<String> = Vec::new();
    assert_eq!(refused(|| Answer::Reply(explained("skip", false))).0.unwrap(), none);
    assert_eq!(refused(|| Answer::Reply(explained("deny", true))).0.unwrap(), none, "it is only recorded");
}

#[test]
fn what_the_daemon_does_not_explain_stops_setup() {
    for answer in [|| Answer::Refuse("unknown_user", "There is no such account."), || Answer::HangUp] {
        assert!(refused(answer).0.is_err());
    }
}

#[test]
fn without_a_journal_nobody_knows_who_could_not_get_in_over_ssh_any_more() {
    let (known, unknown) = (machine(), bookworm());
    let [known, unknown] = [&known, &unknown].map(|machine| Facts::seen(machine, BTreeSet::new(), 0).unwrap());
    let (ssh, sudo) = (answers(&[Where::Ssh]), answers(&[Where::Sudo]));
    let refused = known_enough(&args(false), &ssh, &unknown).unwrap_err();
    assert!(refused.message.starts_with("Nothing was changed: the journal cannot be read or is empty"));
    assert!(known_enough(&args(true), &ssh, &unknown).is_ok());
    assert!(known_enough(&args(false), &sudo, &unknown).is_ok());
    assert!(known_enough(&args(false), &ssh, &known).is_ok());
}
