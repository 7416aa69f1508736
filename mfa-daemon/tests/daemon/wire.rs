//! A connection on which anything can be said, and a phone.

use crate::support::{Place, SOON};
use rustix::net::SendFlags;
use serde_json::{Value, json};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// One connection.
pub(crate) struct Wire {
    pub(crate) stream: UnixStream,
    inbox: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.set_write_timeout(Some(SOON)).unwrap();
        Self { stream, inbox: Vec::new() }
    }

    /// Sends bytes as they are; whether all of them were taken.
    pub(crate) fn send(&mut self, mut bytes: &[u8]) -> bool {
        while !bytes.is_empty() {
            match rustix::net::send(&self.stream, bytes, SendFlags::NOSIGNAL) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
        true
    }

    /// The next frame; nothing if the daemon hangs up.
    pub(crate) fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.inbox.iter().position(|byte| *byte == 0) {
                let frame: Vec<u8> = self.inbox.drain(..=end).collect();
                return Some(serde_json::from_slice(&frame[..end]).unwrap());
            }
            let mut piece = [0; 4096];
            match self.stream.read(&mut piece) {
                Ok(0) => return None,
                Ok(read) => self.inbox.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no answer: {error}"),
            }
        }
    }

    pub(crate) fn is_hung_up(&mut self) -> bool {
        self.receive().is_none()
    }

    /// Sends a frame.
    pub(crate) fn say(&mut self, text: &str) -> bool {
        self.send(&[text.as_bytes(), b"\0"].concat())
    }

    /// A call and its answer; nothing if the daemon hangs up.
    pub(crate) fn try_call(&mut self, method: &str, parameters: Value) -> Option<Value> {
        self.say(&json!({ "method": method, "parameters": parameters }).to_string()).then(|| self.receive()).flatten()
    }

    pub(crate) fn call(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.try_call(method, parameters);
        answer.unwrap_or_else(|| panic!("{method}: the daemon hung up"))
    }

    /// A call that must not be refused: its parameters.
    pub(crate) fn ask(&mut self, method: &str, parameters: Value) -> Value {
        let answer = self.call(method, parameters);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["parameters"].clone()
    }

    /// The kind of refusal, or of protocol error.
    pub(crate) fn refused(&mut self, method: &str, parameters: Value) -> String {
        let answer = self.call(method, parameters);
        match answer["error"].as_str() {
            Some("io.mfa.Login.Refused") => answer["parameters"]["code"].as_str().unwrap().to_owned(),
            Some(error) => error.rsplit('.').next().unwrap().to_owned(),
            None => panic!("{method} was not refused: {answer}"),
        }
    }

    /// Begins an sshd login that was given a password; the turn.
    pub(crate) fn begin(&mut self, user: &str) -> Value {
        self.ask("io.mfa.Login.Begin", beginning(user))
    }

    pub(crate) fn answer(&mut self, answer: &str) -> Value {
        self.ask("io.mfa.Login.Answer", json!({ "answer": answer }))
    }

    /// Begins a login, answers it with this, and says how that ended: `pass`, `denied`, …, or `ask` if it goes on.
    pub(crate) fn login(&mut self, user: &str, code: &str) -> String {
        let turn = self.begin(user);
        if turn.get("ask").is_none() {
            return outcome(&turn);
        }
        outcome(&self.answer(code))
    }

    /// Enrolls a phone for an account that has none, with the backup codes that come with it.
    pub(crate) fn enroll(&mut self, user: &str, place: &Place) -> (Phone, Vec<String>) {
        let pending = self.ask("io.mfa.Enrollment.AddTotp", json!({ "user": user }));
        let mut phone = Phone::of(pending["secret"].as_str().unwrap());
        let codes = [phone.code(place)];
        let done = self.ask("io.mfa.Enrollment.Confirm", json!({ "user": user, "id": pending["id"], "codes": codes }));
        assert_eq!(done["result"], "done");
        (phone, strings(&done["backup_codes"]))
    }

    pub(crate) fn status(&mut self, user: &str) -> Value {
        self.ask("io.mfa.Enrollment.Status", json!({ "user": user }))
    }

    /// Sends a byte each time the daemon could have read the one before, until it hangs up or the time is over.
    pub(crate) fn drip(&mut self, bytes: &[u8], pause: Duration, at_most: Duration) -> Duration {
        let begun = Instant::now();
        self.stream.set_read_timeout(Some(pause)).unwrap();
        for byte in bytes.iter().cycle() {
            assert!(begun.elapsed() < at_most, "the daemon still listens after {:?}", begun.elapsed());
            if self.stream.write_all(&[*byte]).is_err() {
                break;
            }
            match self.stream.read(&mut [0; 16]) {
                Ok(0) => break,
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                _ => {}
            }
        }
        begun.elapsed()
    }
}

/// A login by ssh, as root would say it.
pub(crate) fn beginning(user: &str) -> Value {
    json!({ "protocol": 1, "user": user, "service": "sshd", "rhost": "10.1.2.3", "password": true, "timeout": 120 })
}

/// How a turn ends: the outcome of the verdict, or what it wants.
pub(crate) fn outcome(turn: &Value) -> String {
    match (&turn["done"]["outcome"], &turn["ask"]) {
        (Value::String(outcome), _) => outcome.clone(),
        (_, Value::Object(_)) => "ask".to_owned(),
        _ => panic!("not a turn: {turn}"),
    }
}

pub(crate) fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().map(|text| text.as_str().unwrap().to_owned()).collect()
}

/// An authenticator app.
pub(crate) struct Phone {
    totp: totp_rs::Totp,
    used: i64,
}

impl Phone {
    pub(crate) fn of(secret: &str) -> Self {
        let secret = data_encoding::BASE32_NOPAD.decode(secret.as_bytes()).unwrap();
        Self { totp: totp_rs::Builder::new().with_secret(secret).build_noncompliant(), used: 0 }
    }

    /// A code that is right now and was not shown before; the daemon's clock is moved on if it has to be.
    pub(crate) fn code(&mut self, place: &Place) -> String {
        let now = place.clock() / 30;
        let step = (now - 1).max(self.used + 1);
        if step > now + 1 {
            place.set_clock((step - 1) * 30);
        }
        self.used = step;
        self.code_of(step)
    }

    pub(crate) fn last_code(&self) -> String {
        self.code_of(self.used)
    }

    pub(crate) fn code_of(&self, step: i64) -> String {
        self.totp.generate(u64::try_from(step * 30).unwrap()).to_string()
    }

    /// Numbers that are no codes of these minutes.
    pub(crate) fn wrong_codes(&self, place: &Place) -> impl Iterator<Item = String> {
        let now = place.clock() / 30;
        let right: Vec<String> = (now - 30..now + 30).map(|step| self.code_of(step)).collect();
        (0..1_000_000).map(|number| format!("{number:06}")).filter(move |code| !right.contains(code))
    }
}
