//! Codes by mail, with something that takes letters in place of `mfa-mail`.

use crate::support::{Daemon, NOBODY, Place, SOON, as_root, left_out};
use crate::wire::outcome;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::sync::mpsc::{Receiver, channel};

pub(crate) const MAIL: &str = "[mail]\nserver = \"localhost\"\ntls = \"plain\"\nfrom = \"mfa@acme.example\"\n\
                    address = \"{user}@acme.example\"\n";

/// A place where mail alone is taken.
fn place() -> Place {
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"email\"]\n");
    place.write("config/mfa.toml", MAIL.as_bytes(), 0o644);
    place
}

fn start(place: &Place) -> Daemon<'_> {
    let mut command = place.command();
    command.arg("--mail").arg(place.path("mail.sock"));
    place.start_by(command)
}

/// Takes every letter; they come out here.
pub(crate) fn post_office(place: &Place) -> Receiver<Value> {
    let listener = UnixListener::bind(place.path("mail.sock")).unwrap();
    let (sent, letters) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut call = Vec::new();
            BufReader::new(&stream).read_until(0, &mut call).unwrap();
            call.pop();
            let call: Value = serde_json::from_slice(&call).unwrap();
            let mut reply =
                json!({ "parameters": { "outcome": "taken", "detail": "250 ok" } }).to_string().into_bytes();
            reply.push(0);
            (&stream).write_all(&reply).unwrap();
            if sent.send(call["parameters"].clone()).is_err() {
                return;
            }
        }
    });
    letters
}

/// The address and the code of the next letter.
pub(crate) fn next(letters: &Receiver<Value>) -> (String, String) {
    let letter = letters.recv_timeout(SOON).expect("a letter");
    let body = letter["body"].as_str().unwrap();
    let digits = |word: &&str| word.len() == 8 && word.bytes().all(|byte| byte.is_ascii_digit());
    let code = body.split(|c: char| !c.is_ascii_alphanumeric()).find(digits).unwrap_or_else(|| panic!("{body}"));
    (letter["to"].as_str().unwrap().to_owned(), code.to_owned())
}

fn said(turn: &Value) -> &str {
    turn["say"][0]["text"].as_str().unwrap_or_default()
}

#[test]
fn with_mail_alone_the_code_comes_at_once_and_lets_in_the_login_that_asked_once() {
    if !as_root() {
        return left_out("codes by mail");
    }
    let place = place();
    let letters = post_office(&place);
    let daemon = start(&place);
    let mut wire = daemon.connect();
    let turn = wire.begin("ghost1");
    assert_eq!(said(&turn), "A code was mailed to g…@acme.example. It works for 10 minutes.");
    assert_eq!(turn["patience"], 600);
    let (to, code) = next(&letters);
    assert_eq!(to, "ghost1@acme.example");
    let mut other = daemon.connect();
    other.begin("ghost1");
    let (_, others) = next(&letters);
    assert_eq!(outcome(&other.answer(&code)), "ask", "a code of another login");
    assert_eq!(outcome(&wire.answer(&code)), "pass");
    assert_eq!(outcome(&daemon.connect().begin("ghost1")), "ask");
    assert_eq!(outcome(&other.answer(&others)), "pass");
}

#[test]
fn a_code_that_has_ended_lets_nobody_in() {
    if !as_root() {
        return left_out("a mailed code that has ended");
    }
    let place = place();
    let letters = post_office(&place);
    let daemon = start(&place);
    let mut wire = daemon.connect();
    wire.begin("ghost1");
    let (_, code) = next(&letters);
    place.set_clock(place.clock() + 601);
    assert!(said(&wire.answer(&code)).starts_with("That code has ended"));
}

#[test]
fn without_a_mail_server_it_is_said_and_nobody_waits() {
    if !as_root() {
        return left_out("mail that does not go out");
    }
    let place = place();
    let daemon = start(&place);
    daemon.connect().begin("ghost1");
    daemon.errors.wait_for("letters cannot be sent now", 1);
    let turn = daemon.connect().begin("ghost1");
    assert!(said(&turn).starts_with("Mail is not going out at the moment."), "{turn}");
}

#[test]
fn nothing_is_mailed_for_a_name_alone_nor_for_a_users_own_programs() {
    if !as_root() {
        return left_out("who has codes mailed");
    }
    let place = place();
    let daemon = start(&place);
    let nothing_before = json!({ "protocol": 1, "user": "ghost1", "service": "sshd", "timeout": 120 });
    let turn = daemon.connect().ask("io.mfa.Login.Begin", nothing_before);
    assert!(turn["ask"]["text"].as_str().unwrap().contains("none can be mailed from here"), "{turn}");
    let locker = json!({ "protocol": 1, "user": "nobody", "service": "swaylock", "password": true, "timeout": 120 });
    let turn = daemon.connect_as(NOBODY).ask("io.mfa.Login.Begin", locker);
    assert!(turn["done"]["outcome"] == "denied" && said(&turn).contains("none can be mailed from here"), "{turn}");
}

#[test]
fn whoever_must_have_a_factor_from_now_on_is_told_once_and_whoever_has_one_or_is_no_person_is_not() {
    if !as_root() {
        return left_out("letters about what is required");
    }
    let place = place();
    place.policy(
        "[defaults]\nrequire = \"if-enrolled\"\n\n[[rule]]\nname = \"all\"\ngroups = [\"spirits\", \"nogroup\"]\n\
        require = \"always\"\nfactors = [\"totp\"]\n",
    );
    let letters = post_office(&place);
    let daemon = start(&place);
    daemon.connect().enroll("ghost2", &place);
    assert_eq!(letters.recv_timeout(SOON).expect("of the enrollment")["to"], "ghost2@acme.example");
    let round = |daemon: &Daemon<'_>| {
        let mut wire = daemon.connect();
        let seen =
            |user: &str, uid: u32, nologin: bool| json!({ "user": user, "ids": [uid, 70_000], "nologin": nologin });
        let accounts = [seen("ghost1", 70_001, false), seen("ghost2", 70_002, false), seen("ghost3", 70_003, true)];
        wire.ask("io.mfa.License.Sighted", json!({ "accounts": accounts }));
        let nobody = json!({ "user": "nobody", "ids": [NOBODY, NOBODY], "nologin": false });
        wire.ask("io.mfa.License.Sighted", json!({ "accounts": [nobody] }));
        wire.ask("io.mfa.License.Reconcile", json!({}));
    };
    round(&daemon);
    let letter = letters.recv_timeout(SOON).expect("a letter");
    assert_eq!(letter["to"], "ghost1@acme.example");
    assert!(letter["body"].as_str().unwrap().contains("mfa-enroll"), "{letter}");
    round(&daemon);
    // Whatever else was written comes before this one.
    daemon.connect().ask("io.mfa.Admin.Reset", json!({ "user": "ghost2" }));
    assert_eq!(letters.recv_timeout(SOON).expect("of the reset")["to"], "ghost2@acme.example");
}
