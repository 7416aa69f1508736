//! `serve` with ports that are no ports: whatever they do, the caller has one answer, in time.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test that cannot go on fails

use mfa_key::{Port, Ports, Wire, serve};
use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What `serve` answers to that call with those ports, and how long it took.
fn answer(ports: impl Ports + 'static, method: &str, parameters: &Value) -> (Value, Duration) {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let call = json!({"method": format!("io.mfa.Key.{method}"), "parameters": parameters}).to_string() + "\0";
    theirs.write_all(call.as_bytes()).unwrap();
    let began = Instant::now();
    serve(ours, Arc::new(ports)).unwrap();
    let mut frame = Vec::new();
    // What is still under way may hold the connection.
    let mut byte = [0];
    while theirs.read(&mut byte).unwrap() == 1 && byte != [0] {
        frame.push(byte[0]);
    }
    (serde_json::from_slice::<Value>(&frame).unwrap()["parameters"].take(), began.elapsed())
}

fn assert_call(seconds: u32) -> Value {
    let credentials = json!([{"id": "AQID", "relying_party": "web1"}]);
    json!({"credentials": credentials, "client_data_hash": "A".repeat(43), "seconds": seconds})
}

fn make_call() -> Value {
    json!({
        "relying_party": "web1", "site": "ACME", "user_id": "AQID", "user_name": "alice",
        "client_data_hash": "A".repeat(43), "algorithms": [-7, -8], "seconds": 5,
    })
}

struct Nothing;

impl Ports for Nothing {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        Ok(Vec::new())
    }
}

struct Broken;

impl Ports for Broken {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        Err(io::Error::other("no bus"))
    }
}

/// A port whose opening does not come back while the other end of its channel is there; then it fails.
struct Stuck(Mutex<Option<Receiver<()>>>);

impl Stuck {
    fn new() -> (Self, Sender<()>) {
        let (hold, held) = channel();
        (Self(Mutex::new(Some(held))), hold)
    }
}

impl Ports for Stuck {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        let held = self.0.lock().unwrap().take();
        Ok(held.into_iter().map(|held| -> Box<dyn Port> { Box::new(StuckPort(Mutex::new(held))) }).collect())
    }
}

struct StuckPort(Mutex<Receiver<()>>);

impl Port for StuckPort {
    fn open(&self) -> io::Result<Wire> {
        let _ = self.0.lock().unwrap().recv();
        Err(io::ErrorKind::NotFound.into())
    }

    fn product(&self) -> &str {
        ""
    }

    fn manufacturer(&self) -> &str {
        ""
    }
}

/// Ports that cannot even be looked at, for as long as the other end of the channel is there.
struct Lost(Mutex<Receiver<()>>);

impl Ports for Lost {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        let _ = self.0.lock().unwrap().recv();
        Ok(Vec::new())
    }
}

#[test]
fn with_nothing_plugged_in_there_is_no_key_and_finding_none_is_no_failure() {
    let find = json!({"credentials": [{"id": "AQID", "relying_party": "web1"}], "seconds": 5});
    assert_eq!(answer(Nothing, "Find", &find).0, json!({"outcome": "done", "plugged_in": 0, "matches": []}));
    assert_eq!(answer(Nothing, "List", &json!({"seconds": 5})).0, json!({"outcome": "done", "keys": []}));
    assert_eq!(answer(Nothing, "Assert", &assert_call(5)).0, json!({"outcome": "no_key"}));
    assert_eq!(answer(Nothing, "Make", &make_call()).0, json!({"outcome": "no_key"}));
}

#[test]
fn ports_that_cannot_be_looked_at_are_told() {
    for (method, call) in [("Assert", assert_call(5)), ("Make", make_call())] {
        assert_eq!(answer(Broken, method, &call).0, json!({"outcome": "failed", "detail": "no bus"}));
    }
}

#[test]
fn a_key_that_is_gone_when_it_is_opened_was_unplugged() {
    let (stuck, hold) = Stuck::new();
    drop(hold);
    assert_eq!(answer(stuck, "Assert", &assert_call(5)).0, json!({"outcome": "unplugged"}));
}

#[test]
fn a_port_that_does_not_come_back_is_answered_for_in_time() {
    let (stuck, _hold) = Stuck::new();
    let (told, took) = answer(stuck, "Assert", &assert_call(1));
    assert_eq!(told, json!({"outcome": "timed_out"}));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn an_operation_that_does_not_come_back_is_answered_without_it() {
    let (_hold, held) = channel();
    let (told, took) = answer(Lost(Mutex::new(held)), "Assert", &assert_call(1));
    assert_eq!(told, json!({"outcome": "timed_out"}));
    assert!(took >= Duration::from_secs(1) && took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn who_calls_and_hangs_up_is_not_complained_about() {
    let (ours, mut theirs) = UnixStream::pair().unwrap();
    let call = json!({"method": "io.mfa.Key.Assert", "parameters": assert_call(1)}).to_string() + "\0";
    theirs.write_all(call.as_bytes()).unwrap();
    drop(theirs);
    let (stuck, hold) = Stuck::new();
    let serving = thread::spawn(move || serve(ours, Arc::new(stuck)));
    drop(hold);
    assert_eq!(serving.join().unwrap(), Ok(()));
}
