//! A daemon for tests: it listens on a socket of its own, answers as the test says, and remembers what it heard.
#![allow(dead_code)] // each test uses what it needs

use mfa_proto::admin::INTRODUCE;
use mfa_proto::frame::{Call, Decoder, encode_error, encode_reply};
use mfa_proto::service::REFUSED;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread;

/// What is answered to one call.
pub(crate) enum Answer {
    Reply(Value),
    Refuse(&'static str, &'static str),
    Error(&'static str),
    HangUp,
}

type Heard = Arc<Mutex<Vec<(String, Value)>>>;

pub(crate) struct ScriptedDaemon {
    folder: tempfile::TempDir,
    heard: Heard,
}

impl ScriptedDaemon {
    /// Answers each call, of one connection after another, by the function.
    pub(crate) fn start(mut answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let listener = UnixListener::bind(folder.path().join("mfa.sock")).unwrap();
        let heard = Heard::default();
        let remembered = Arc::clone(&heard);
        thread::spawn(move || {
            for connection in listener.incoming() {
                serve(&mut connection.unwrap(), &mut answer, &remembered);
            }
        });
        Self { folder, heard }
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("mfa.sock")
    }

    /// A place for files of the test.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The methods called so far, without their interface.
    pub(crate) fn methods(&self) -> Vec<String> {
        let last = |method: &String| method.rsplit('.').next().unwrap().to_owned();
        self.heard.lock().unwrap().iter().map(|(method, _)| last(method)).collect()
    }

    /// The parameters of every call of the method.
    pub(crate) fn parameters_of(&self, method: &str) -> Vec<Value> {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|(called, _)| called.ends_with(method)).map(|(_, parameters)| parameters.clone()).collect()
    }
}

fn serve(stream: &mut UnixStream, answer: &mut impl FnMut(&str, &Value) -> Answer, heard: &Heard) {
    let mut inbox = Decoder::default();
    let mut piece = [0u8; 1024];
    loop {
        while let Some(frame) = inbox.next_frame() {
            let call = Call::parse(&frame).unwrap();
            let parameters: Value = call.parameters().unwrap();
            if call.method == INTRODUCE {
                stream.write_all(&encode_reply(&json!({})).unwrap()).unwrap();
                continue;
            }
            heard.lock().unwrap().push((call.method.to_string(), parameters.clone()));
            let bytes = match answer(&call.method, &parameters) {
                Answer::Reply(value) => encode_reply(&value).unwrap(),
                Answer::Refuse(code, message) => {
                    encode_error(REFUSED, &json!({ "code": code, "message": message })).unwrap()
                }
                Answer::Error(name) => encode_error(name, &json!({})).unwrap(),
                Answer::HangUp => return,
            };
            if stream.write_all(&bytes).is_err() {
                return;
            }
        }
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => return,
            Ok(read) => inbox.push(&piece[..read]).unwrap(),
        }
    }
}
