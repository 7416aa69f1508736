//! For the tests: a daemon that follows a script.

use mfa_proto::frame::{Decoder, encode_reply};
use mfa_proto::login::{Next, Note, Outcome, Prompt, Style, Turn, Verdict};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::thread::{self, JoinHandle};

/// What the daemon does when a request has come.
pub(crate) enum Act {
    Reply(Turn),
    Raw(Vec<u8>),
    HangUp,
    /// Stops listening, then replies: the module's next request finds a broken pipe.
    ReplyDeaf(Turn),
    /// Says nothing, for as long as the module waits.
    Silence,
}

/// A daemon that acts once a request, then hangs up; and remembers what it was sent.
pub(crate) struct Daemon {
    thread: JoinHandle<Vec<String>>,
}

impl Daemon {
    /// Listens for one connection.
    pub(crate) fn playing(socket: &Path, script: Vec<Act>) -> Self {
        Self::restarted(socket, vec![script])
    }

    /// Listens for one connection after the other, as a daemon does that is restarted between them.
    pub(crate) fn restarted(socket: &Path, scripts: Vec<Vec<Act>>) -> Self {
        let listener = UnixListener::bind(socket).unwrap();
        let one = move |script| listener.accept().map(|(stream, _)| play(stream, script)).unwrap();
        Self { thread: thread::spawn(move || scripts.into_iter().flat_map(one).collect()) }
    }

    /// The requests that came, after the module has hung up.
    pub(crate) fn requests(self) -> Vec<String> {
        self.thread.join().unwrap()
    }
}

/// Follows the script on one connection; gives the requests that came.
pub(crate) fn play(stream: UnixStream, script: Vec<Act>) -> Vec<String> {
    let (mut script, mut requests) = (script.into_iter(), Vec::new());
    act(stream, |request| {
        requests.push(request.to_owned());
        script.next().unwrap_or(Act::HangUp)
    });
    requests
}

/// Answers one connection, as long as it lasts.
pub(crate) fn act(mut stream: UnixStream, mut decide: impl FnMut(&str) -> Act) {
    let mut inbox = Decoder::default();
    while let Some(request) = next_request(&mut stream, &mut inbox) {
        let sent = match decide(&request) {
            Act::Reply(turn) => stream.write_all(&encode_reply(&turn).unwrap()),
            Act::Raw(bytes) => stream.write_all(&bytes),
            Act::HangUp => return,
            Act::ReplyDeaf(turn) => {
                stream.shutdown(Shutdown::Read).unwrap();
                stream.write_all(&encode_reply(&turn).unwrap())
            }
            Act::Silence => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

fn next_request(stream: &mut UnixStream, inbox: &mut Decoder) -> Option<String> {
    let mut piece = [0; 1024];
    loop {
        if let Some(frame) = inbox.next_frame() {
            return Some(String::from_utf8(frame.to_vec()).unwrap());
        }
        match stream.read(&mut piece) {
            Ok(read) if read > 0 => inbox.push(&piece[..read]).unwrap(),
            _ => return None,
        }
    }
}

pub(crate) const CODE: &str = "Verification code: ";

/// Asks for a code.
pub(crate) fn asks() -> Act {
    Act::Reply(question())
}

/// The question for a code.
pub(crate) fn question() -> Turn {
    Turn { say: vec![], next: Next::Ask(Prompt { text: CODE.into(), echo: false }), patience: None }
}

/// Says something, then asks for a code.
pub(crate) fn says_and_asks(text: &str) -> Act {
    let say = vec![Note { style: Style::Info, text: text.into() }];
    Act::Reply(Turn { say, next: Next::Ask(Prompt { text: CODE.into(), echo: false }), patience: None })
}

/// Ends the dialog.
pub(crate) fn ends(outcome: Outcome) -> Act {
    Act::Reply(Turn { say: vec![], next: Next::Done(Verdict { outcome, reason: "because".into() }), patience: None })
}

/// Says something, then ends the dialog.
pub(crate) fn says_and_ends(text: &str, outcome: Outcome) -> Act {
    let say = vec![Note { style: Style::Info, text: text.into() }];
    Act::Reply(Turn { say, next: Next::Done(Verdict { outcome, reason: "because".into() }), patience: None })
}
