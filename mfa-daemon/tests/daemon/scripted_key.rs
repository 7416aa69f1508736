//! Something that plays `mfa-key` by a script, a key out of software behind it, and a daemon that asks them.

use crate::soft_key::SoftKey;
use crate::support::{Daemon, Place, SOON};
use crate::wire::Wire;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::mpsc::{Receiver, Sender, channel};

/// What comes back for a search that finds this credential.
pub(crate) fn found(credential: &Value) -> Value {
    json!({ "outcome": "done", "plugged_in": 1, "matches": [{ "credentials": [credential], "pin_set": false,
        "always_verifies": false, "built_in_verification": false, "u2f_only": false }] })
}

pub(crate) fn nothing_found() -> Value {
    json!({ "outcome": "done", "plugged_in": 0, "matches": [] })
}

/// One operation, as `mfa-key` is asked for it.
pub(crate) struct Operation {
    method: String,
    pub(crate) asked: Value,
    stream: UnixStream,
}

impl Operation {
    pub(crate) fn answer(mut self, parameters: &Value) {
        let mut reply = json!({ "parameters": parameters }).to_string().into_bytes();
        reply.push(0);
        self.stream.write_all(&reply).unwrap();
    }

    /// Comes back once whoever asked has hung up.
    pub(crate) fn until_called_off(mut self) {
        self.stream.set_read_timeout(Some(SOON)).unwrap();
        assert_eq!(self.stream.read(&mut [0; 1]).unwrap(), 0, "{}", self.method);
    }
}

/// Plays `mfa-key`: every operation comes out here.
pub(crate) struct Port(Receiver<Operation>);

impl Port {
    pub(crate) fn of(place: &Place) -> Self {
        let listener = UnixListener::bind(place.path("key.sock")).unwrap();
        let (sent, operations) = channel();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if !Self::take(stream, &sent) {
                    return;
                }
            }
        });
        Self(operations)
    }

    fn take(stream: UnixStream, sent: &Sender<Operation>) -> bool {
        let mut call = Vec::new();
        BufReader::new(&stream).read_until(0, &mut call).unwrap();
        call.pop();
        let Ok(call) = serde_json::from_slice::<Value>(&call) else { return true };
        let method = call["method"].as_str().unwrap().rsplit('.').next().unwrap().to_owned();
        sent.send(Operation { method, asked: call["parameters"].clone(), stream }).is_ok()
    }

    pub(crate) fn next(&self, method: &str) -> Operation {
        let operation = self.0.recv_timeout(SOON).expect("mfa-key is asked");
        assert_eq!(operation.method, method);
        operation
    }

    pub(crate) fn is_asked_nothing(&self) -> bool {
        self.0.try_recv().is_err()
    }
}

/// A daemon whose account `ghost1` has a key, and whose keys are played.
pub(crate) struct Scene<'p> {
    pub(crate) daemon: Daemon<'p>,
    pub(crate) port: Port,
    pub(crate) key: SoftKey,
    pub(crate) credential: Value,
}

impl<'p> Scene<'p> {
    pub(crate) fn new(place: &'p Place) -> Self {
        let port = Port::of(place);
        let mut command = place.command();
        command.arg("--key").arg(place.path("key.sock"));
        let daemon = place.start_by(command);
        let mut key = SoftKey::new(1);
        let credential = enroll(&mut daemon.connect(), "ghost1", &mut key);
        Self { daemon, port, key, credential }
    }

    /// Somebody at the machine, up to the touch that is waited for.
    pub(crate) fn waiting(&self, wire: &mut Wire) -> Operation {
        say_begin(wire, at_the_console("ghost1"));
        self.port.next("Find").answer(&found(&self.credential));
        let turn = wire.receive().unwrap()["parameters"].clone();
        assert_eq!(turn["wait"], 20, "{turn}");
        assert!(turn["say"][0]["text"].as_str().unwrap().starts_with("Touch your security key: login on "), "{turn}");
        self.port.next("Assert")
    }

    pub(crate) fn touched(&mut self, operation: Operation) {
        let asked = json!({ "credential": operation.asked["credentials"][0],
            "client_data_hash": operation.asked["client_data_hash"] });
        let mut signed = self.key.prove(&asked);
        signed["outcome"] = json!("done");
        operation.answer(&signed);
    }
}

pub(crate) fn enroll(wire: &mut Wire, user: &str, key: &mut SoftKey) -> Value {
    let with_user = |mut parameters: Value| {
        parameters["user"] = json!(user);
        parameters
    };
    let asked = wire.ask("io.mfa.Enrollment.AddSecurityKey", with_user(json!({})));
    let proving = wire.ask("io.mfa.Enrollment.SecurityKeyMade", with_user(key.make(&asked)));
    wire.ask("io.mfa.Enrollment.ConfirmSecurityKey", with_user(key.prove(&proving)));
    proving["credential"]["id"].clone()
}

/// A login at a text console, before there is a session.
pub(crate) fn at_the_console(user: &str) -> Value {
    json!({ "protocol": 1, "user": user, "service": "login", "tty": "tty1", "password": true, "timeout": 120 })
}

pub(crate) fn say_begin(wire: &mut Wire, parameters: Value) {
    assert!(wire.say(&json!({ "method": "io.mfa.Login.Begin", "parameters": parameters }).to_string()));
}

pub(crate) fn say_wait(wire: &mut Wire) {
    assert!(wire.say(r#"{"method":"io.mfa.Login.Wait"}"#));
}

pub(crate) fn turn(wire: &mut Wire) -> Value {
    wire.receive().expect("a turn")["parameters"].clone()
}
