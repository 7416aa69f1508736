//! The end on demand: what is being answered is answered, nobody else keeps the daemon, and nothing said is lost.

use crate::support::{Daemon, Place, SOON, as_root, left_out, me};
use crate::wire::{Wire, beginning, outcome};
use rustix::process::Signal;
use serde_json::json;
use std::time::{Duration, Instant};

/// Ends it; how long that took.
fn stop(daemon: &mut Daemon<'_>, signal: Signal) -> Duration {
    let begun = Instant::now();
    daemon.signal(signal);
    let status = daemon.wait(SOON);
    assert!(status.success(), "{status}\n{}", daemon.errors.all().join("\n"));
    begun.elapsed()
}

#[test]
fn idle_peers_open_dialogs_and_halves_of_calls_do_not_keep_it() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let mut daemon = place.start();
        daemon.connect().enroll(&me(), &place);
        let mut idle = daemon.connect();
        let mut half = daemon.connect();
        half.send(b"{\"method\":");
        let mut open = daemon.connect();
        open.begin(&me());
        let taken = stop(&mut daemon, signal);
        assert!(taken < Duration::from_secs(3), "{taken:?}");
        assert!(idle.is_hung_up() && half.is_hung_up() && open.is_hung_up());
        daemon.log.wait_for("abandoned user=", 1);
    }
}

#[test]
fn an_answer_on_its_way_is_delivered_and_recorded_before_the_end() {
    let place = Place::new();
    let mut daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    let code = phone.code(&place);
    let mut wire = daemon.connect();
    wire.begin(&me());
    wire.say(&json!({ "method": "io.mfa.Login.Answer", "parameters": { "answer": code } }).to_string());
    // The call is in the daemon's socket, whether it has seen it or not.
    let taken = stop(&mut daemon, Signal::TERM);
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    let answered = wire.receive().map(|answer| outcome(&answer["parameters"]));
    drop(daemon);
    let daemon = place.start();
    let again = daemon.connect().login(&me(), &code);
    match answered.as_deref() {
        Some("pass") => assert_ne!(again, "pass"),
        None => assert_eq!(again, "pass", "it did not happen"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_login_that_waits_for_the_name_service_is_waited_for() {
    if !as_root() {
        return left_out("a login that waits for the name service");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"never\"\n\n[[rule]]\nname = \"spirits\"\ngroups = [\"spirits\"]\nrequire = \"always\"\nenroll = \"deny\"\n");
    let mut daemon = place.start();
    place.name_service("ok", "hang");
    let mut wire = daemon.connect();
    wire.say(&json!({ "method": "io.mfa.Login.Begin", "parameters": beginning("ghost1") }).to_string());
    daemon.connect().ask("org.varlink.service.GetInfo", json!({})); // so that the daemon has seen the one before
    daemon.signal(Signal::TERM);
    daemon.wait_until_stopping();
    place.name_service("ok", "ok");
    assert_eq!(outcome(&wire.receive().unwrap()["parameters"]), "ask");
    assert!(daemon.wait(SOON).success());
}

#[test]
fn a_lookup_that_hangs_for_ever_does_not_keep_it() {
    if !as_root() {
        return left_out("a lookup that hangs for ever");
    }
    let place = Place::new();
    let mut daemon = place.start();
    place.name_service("hang", "hang");
    let mut wires: Vec<Wire> = (1..=20).map(|_| daemon.connect()).collect();
    for (number, wire) in (1..).zip(&mut wires) {
        let begin = beginning(&format!("ghost{number}"));
        wire.say(&json!({ "method": "io.mfa.Login.Begin", "parameters": begin }).to_string());
    }
    daemon.connect().ask("org.varlink.service.GetInfo", json!({}));
    let taken = stop(&mut daemon, Signal::TERM);
    assert!(taken < Duration::from_secs(7), "{taken:?}");
    for wire in &mut wires {
        assert!(wire.receive().is_none_or(|answer| outcome(&answer["parameters"]) == "broken"));
    }
}

#[test]
fn a_peer_that_always_has_another_call_does_not_keep_it() {
    let place = Place::new();
    let mut daemon = place.start();
    let mut wire = daemon.connect();
    let calls = format!("{}\0", json!({ "method": "org.varlink.service.GetInfo" })).repeat(20);
    let mut sender = Wire::new(wire.stream.try_clone().unwrap());
    let sending = std::thread::spawn(move || while sender.send(calls.as_bytes()) {});
    assert!(wire.receive().is_some());
    let reading = std::thread::spawn(move || while wire.receive().is_some() {});
    let taken = stop(&mut daemon, Signal::TERM);
    assert!(taken < Duration::from_secs(3), "{taken:?}");
    sending.join().unwrap();
    reading.join().unwrap();
}

#[test]
fn what_was_said_last_is_in_the_log() {
    for _ in 0..5 {
        let place = Place::new();
        let mut daemon = place.start();
        let (mut phone, _) = daemon.connect().enroll(&me(), &place);
        assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
        stop(&mut daemon, Signal::TERM);
        daemon.log.wait_for("passed user=", 1);
    }
}
