//! The one call of a connection: who may make it, reading it, answering it.

use mfa_proto::frame::{Call as Frame, encode_error, encode_reply};
use mfa_proto::mail::{Answer, Letter, NOTIFY, Notice, SEND};
use mfa_proto::one_call::{receive, send};
use mfa_proto::service;
use std::os::unix::net::UnixStream;

/// The daemon's user.
const DAEMON: &str = "_mfa";

/// What is wanted.
pub(crate) enum Call {
    /// A letter is to be sent.
    Letter(Letter),
    /// The webhook is to be told.
    Notice(Notice),
}

impl Call {
    /// For the log: what it is, and never what it says.
    pub(crate) fn about(&self) -> String {
        match self {
            // What is before the @ is somebody's name.
            Self::Letter(letter) => {
                let domain = letter.to.rsplit('@').next().unwrap_or_default();
                format!("a letter to {}", one_line(domain))
            }
            Self::Notice(_) => "a notice to the webhook".to_owned(),
        }
    }
}

/// Makes sure of who has connected: the daemon, or root.
pub(crate) fn admit(stream: &UnixStream) -> Result<(), String> {
    let peer = rustix::net::sockopt::socket_peercred(stream);
    let peer = peer.map_err(|error| format!("standard input is no connection: {error}"))?.uid.as_raw();
    if may_call(peer, rustix::process::geteuid().as_raw(), daemon()) {
        Ok(())
    } else {
        Err(format!("uid {peer} has connected, which must not: this sends mail for {DAEMON} alone"))
    }
}

/// Root, the daemon, and whoever runs this by hand.
fn may_call(peer: u32, own: u32, daemon: Option<u32>) -> bool {
    peer == 0 || peer == own || Some(peer) == daemon
}

fn daemon() -> Option<u32> {
    nix::unistd::User::from_name(DAEMON).ok().flatten().map(|user| user.uid.as_raw())
}

/// Reads the call.
pub(crate) fn read(stream: &mut UnixStream) -> Result<Call, String> {
    let frame = receive(stream)?;
    let call = Frame::parse(&frame).map_err(|error| error.to_string())?;
    let read = match &*call.method {
        SEND => call.parameters().map(Call::Letter),
        NOTIFY => call.parameters().map(Call::Notice),
        other => {
            let method = service::MethodNotFound { method: one_line(other) };
            let reply = encode_error(service::METHOD_NOT_FOUND, &method).unwrap_or_default();
            send(stream, &reply)?;
            return Err(format!("there is no method {}", method.method));
        }
    };
    match read {
        Ok(call) => Ok(call),
        Err(error) => {
            let parameter = service::InvalidParameter { parameter: error.to_string() };
            send(stream, &encode_error(service::INVALID_PARAMETER, &parameter).unwrap_or_default())?;
            Err(error.to_string())
        }
    }
}

/// Answers it.
pub(crate) fn answer(stream: &mut UnixStream, answer: &Answer) -> Result<(), String> {
    let reply = encode_reply(answer).map_err(|error| error.to_string())?;
    send(stream, &reply)
}

/// A text from outside, for a log or an answer: printable, on one line, not long.
pub(crate) fn one_line(text: &str) -> String {
    let printable = text.chars().map(|c| if c.is_control() || !c.is_ascii() { ' ' } else { c });
    let line: String = printable.take(300).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;

    fn read_of(bytes: &[u8]) -> Result<Call, String> {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        theirs.write_all(bytes).unwrap();
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        read(&mut ours)
    }

    #[test]
    fn the_daemon_and_root_may_call_and_nobody_else() {
        assert!(may_call(0, 990, Some(991)) && may_call(991, 990, Some(991)) && may_call(990, 990, None));
        assert!(!may_call(1000, 990, Some(991)) && !may_call(1000, 990, None));
    }

    #[test]
    fn a_letter_is_read_and_what_is_none_is_refused() {
        let letter = br#"{"method":"io.mfa.Mail.Send","parameters":{"to":"a@b.example","subject":"s","body":"b","message_id":"i@h","date":1}}"#;
        assert!(matches!(read_of(&[letter.as_slice(), &[0]].concat()), Ok(Call::Letter(_))));
        for bad in [
            &b"{}\0"[..],
            b"nonsense\0",
            b"",
            b"{\"method\":\"io.mfa.Mail.Send\"}\0",
            b"{\"method\":\"io.mfa.Mail.Read\"}\0",
            b"{\"method\":\"io.mfa.Mail.Notify\",\"parameters\":{\"json\":\"{}\",\"url\":\"https://evil.example\"}}\0",
        ] {
            assert!(read_of(bad).is_err(), "{}", String::from_utf8_lossy(bad));
        }
    }

    #[test]
    fn the_log_learns_the_domain_and_not_the_person() {
        let letter = Letter {
            to: "alice@acme.example".into(),
            subject: "secret".into(),
            body: "secret".into(),
            message_id: "x".into(),
            date: 0,
        };
        assert_eq!(Call::Letter(letter).about(), "a letter to acme.example");
    }

    #[test]
    fn what_a_server_says_stays_on_one_line() {
        assert_eq!(one_line("550 no\r\nsuch\u{1b}[31m üser"), "550 no such [31m ser");
        assert!(one_line(&"x".repeat(10_000)).len() <= 300);
    }
}
