//! The client's side of one SMTP connection (RFC 5321): says a line, reads its answer.
//!
//! Commands and answers are lettre's. The conversation is ours for one reason: lettre's own keeps what was read before
//! STARTTLS and takes it for what the server says under its protection. Here such bytes end it.

use crate::wire::Wire;
use lettre::Address;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::commands::{Auth, Data, Ehlo, Mail, Quit, Rcpt, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension, ServerInfo};
use lettre::transport::smtp::response::{Response, Severity};
use mfa_settings::{Relay, Tls};
use std::fmt::Display;
use std::io::{BufRead, BufReader, Read, Write};
use zeroize::Zeroizing;

/// Bytes of one answer at the most.
const LONGEST: usize = 16 * 1024;
/// Questions of the server's in one login at the most.
const QUESTIONS: usize = 4;

/// Why it does not go on.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The server says no.
    Said(Response),
    /// It says nothing that could be understood, or cannot be reached.
    Silent(String),
}

/// A connection to a server that has greeted.
pub(crate) struct Session {
    stream: BufReader<Wire>,
    offers: ServerInfo,
}

impl Session {
    /// Connects, protects the connection as the settings want it, and says hello.
    pub(crate) fn open(relay: &Relay, hello: &ClientId) -> Result<Self, Trouble> {
        let mut wire = Wire::connect(&relay.server, relay.port).map_err(|error| cut(&error))?;
        if relay.tls == Tls::Implicit {
            wire.protect(&relay.server).map_err(|error| cut(&error))?;
        }
        let mut session = Self { stream: BufReader::new(wire), offers: ServerInfo::default() };
        session.answer()?;
        session.hello(hello)?;
        if relay.tls == Tls::Starttls {
            session.protect(&relay.server)?;
            session.hello(hello)?;
        }
        Ok(session)
    }

    /// Logs in.
    pub(crate) fn log_in(&mut self, credentials: &Credentials) -> Result<(), Trouble> {
        let known = [Mechanism::Plain, Mechanism::Login];
        let no_way = || Trouble::Silent("the server offers no way to log in that is known here".to_owned());
        let mechanism = self.offers.get_auth_mechanism(&known).ok_or_else(no_way)?;
        let mut answer = self.command(Auth::new(mechanism, credentials.clone(), None)?)?;
        for _ in 0..QUESTIONS {
            if !answer.has_code(334) {
                return Ok(());
            }
            answer = self.command(Auth::new_from_response(mechanism, credentials.clone(), &answer)?)?;
        }
        Err(Trouble::Silent("the server asks for more than a name and a password".to_owned()))
    }

    /// Offers a letter of ASCII lines that end in CR LF. What the server says when it has it.
    pub(crate) fn offer(&mut self, (from, to): (&Address, &Address), text: &[u8]) -> Result<Response, Trouble> {
        self.command(Mail::new(Some(from.clone()), Vec::new()))?;
        self.command(Rcpt::new(to.clone(), Vec::new()))?;
        let go_on = self.command(Data)?;
        if !go_on.has_code(354) {
            return Err(Trouble::Silent("the server does not want the letter that it has agreed to".to_owned()));
        }
        self.say(&stuffed(text))?;
        let taken = self.answer()?;
        let is_taken = taken.code().severity == Severity::PositiveCompletion;
        if is_taken { Ok(taken) } else { Err(Trouble::Silent("the server does not say whether it has it".to_owned())) }
    }

    /// Says good-bye, whatever the server makes of it.
    pub(crate) fn close(mut self) {
        let _ = self.command(Quit);
    }

    fn hello(&mut self, name: &ClientId) -> Result<(), Trouble> {
        let answer = self.command(Ehlo::new(name.clone()))?;
        self.offers = ServerInfo::from_response(&answer)?;
        Ok(())
    }

    fn protect(&mut self, server: &str) -> Result<(), Trouble> {
        if !self.offers.supports_feature(Extension::StartTls) {
            return Err(Trouble::Silent("STARTTLS is not offered by this server".to_owned()));
        }
        self.command(Starttls)?;
        if !self.stream.buffer().is_empty() {
            let text = "more was said in the clear after STARTTLS than its answer: somebody may sit in between";
            return Err(Trouble::Silent(text.to_owned()));
        }
        self.stream.get_mut().protect(server).map_err(|error| cut(&error))
    }

    fn command(&mut self, command: impl Display) -> Result<Response, Trouble> {
        self.say(Zeroizing::new(command.to_string()).as_bytes())?;
        self.answer()
    }

    fn say(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).map_err(|error| cut(&error))
    }

    /// One answer of one or more lines; a positive one.
    fn answer(&mut self) -> Result<Response, Trouble> {
        let mut text = Vec::new();
        loop {
            let begin = text.len();
            let room = u64::try_from(LONGEST.saturating_sub(begin)).unwrap_or(0);
            self.stream.by_ref().take(room).read_until(b'\n', &mut text).map_err(|error| cut(&error))?;
            let line = text.get(begin..).unwrap_or_default();
            if !line.ends_with(b"\n") {
                let why = if text.len() >= LONGEST { "the server talks without end" } else { "the server hung up" };
                return Err(Trouble::Silent(why.to_owned()));
            }
            if line.get(3) != Some(&b'-') {
                break;
            }
        }
        let response: Response = String::from_utf8_lossy(&text).parse()?;
        if response.is_positive() { Ok(response) } else { Err(Trouble::Said(response)) }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Silent(chain(&error))
    }
}

fn cut(error: &std::io::Error) -> Trouble {
    Trouble::Silent(chain(error))
}

/// An error with what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut behind = error.source();
    while let Some(error) = behind {
        let next = error.to_string();
        if !text.contains(&next) {
            text = format!("{text}: {next}");
        }
        behind = error.source();
    }
    text
}

/// The letter with its end: a dot that begins a line is doubled (RFC 5321, 4.5.2).
fn stuffed(text: &[u8]) -> Zeroizing<Vec<u8>> {
    let mut stuffed = Zeroizing::new(Vec::with_capacity(text.len() * 2 + 8));
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        if line.starts_with(b".") {
            stuffed.push(b'.');
        }
        stuffed.extend_from_slice(line);
    }
    if !stuffed.ends_with(b"\r\n") {
        stuffed.extend_from_slice(b"\r\n");
    }
    stuffed.extend_from_slice(b".\r\n");
    stuffed
}
