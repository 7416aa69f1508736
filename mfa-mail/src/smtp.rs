//! One letter to one mail server: connect, protect, log in, hand over.
//!
//! Each step knows whether the server can have the letter when it fails: before the letter is offered it surely has
//! not; while it is offered, nobody knows, unless the server says no.

use crate::call::one_line;
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use mfa_proto::mail::{Answer, Letter, Outcome};
use mfa_settings::{Relay, Tls, file, mail};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// The credential of the unit that holds the password.
const CREDENTIAL: &str = "mfa-smtp-password";

/// Sends it. Everything that can go wrong is an answer.
pub(crate) fn send(letter: &Letter, config: &Path) -> Answer {
    sent(letter, config).unwrap_or_else(|answer| answer)
}

fn sent(letter: &Letter, config: &Path) -> Result<Answer, Answer> {
    let relay = relay(config).map_err(|why| answer(Outcome::Later, &why))?;
    let (envelope, text) = written(letter, &relay).map_err(|why| answer(Outcome::Refused, &why))?;
    let mut connection = connected(&relay)?;
    let taken = connection.send(&envelope, &text).map_err(|error| failed(&error, Outcome::Unknown))?;
    let said = taken.message().collect::<Vec<_>>().join(" ");
    let _ = connection.quit(); // it has the letter, whatever it says to a good-bye
    Ok(answer(Outcome::Taken, &format!("{} {said}", taken.code())))
}

fn relay(config: &Path) -> Result<Relay, String> {
    let (mail, _) = mail::load(config).map_err(|error| error.to_string())?;
    let relay = mail.relay().map_err(|why| format!("{}, [mail]: {why}", config.display()))?;
    relay.ok_or_else(|| format!("no server is set in {}, [mail]", config.display()))
}

/// The message as it goes over the line.
fn written(letter: &Letter, relay: &Relay) -> Result<(Envelope, Zeroizing<Vec<u8>>), String> {
    if letter.subject.chars().any(char::is_control) {
        return Err("the subject has control characters".to_owned());
    }
    if letter.message_id.is_empty() || !letter.message_id.bytes().all(is_of_message_id) {
        return Err("that is no message id".to_owned());
    }
    let to: Address = letter.to.parse().map_err(|error| format!("the recipient is no address: {error}"))?;
    let from: Mailbox = relay.from.parse().map_err(|error| format!("from is no address: {error}"))?;
    let sender = from.email.clone();
    let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
    let written = u64::try_from(letter.date).unwrap_or(0);
    let message = Message::builder()
        .from(from)
        .to(Mailbox::new(None, to.clone()))
        .subject(&letter.subject)
        .message_id(Some(format!("<{}>", letter.message_id)))
        .date(SystemTime::UNIX_EPOCH + Duration::from_secs(written))
        // No out-of-office answers (RFC 3834).
        .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()))
        .header(ContentType::TEXT_PLAIN)
        .body(letter.body.expose().to_owned())
        .map_err(|error| format!("the letter cannot be written: {error}"))?;
    let envelope = Envelope::new(Some(sender), vec![to]).map_err(|error| error.to_string())?;
    Ok((envelope, Zeroizing::new(message.formatted())))
}

fn is_of_message_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@.-".contains(&byte)
}

/// A connection on which letters are taken. Nothing was offered yet, so whatever fails, the server has nothing.
fn connected(relay: &Relay) -> Result<SmtpConnection, Answer> {
    let not_yet = |error: Error| failed(&error, Outcome::Later);
    let hello = hello();
    let tls = || TlsParameters::builder(relay.server.clone()).build_rustls().map_err(not_yet);
    let address = (relay.server.as_str(), relay.port);
    let connect = |tls: Option<&TlsParameters>| {
        SmtpConnection::connect(address, Some(PATIENCE), &hello, tls, None).map_err(not_yet)
    };
    let mut connection = match relay.tls {
        Tls::Plain => connect(None)?,
        Tls::Implicit => connect(Some(&tls()?))?,
        Tls::Starttls => {
            let mut connection = connect(None)?;
            connection.starttls(&tls()?, &hello).map_err(not_yet)?;
            connection
        }
    };
    if let Some(user) = &relay.user {
        let password = password(relay).map_err(|why| answer(Outcome::Later, &why))?;
        let credentials = Credentials::new(user.clone(), password.to_string());
        connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).map_err(not_yet)?;
    }
    Ok(connection)
}

/// What this machine calls itself, if a server can be told that.
fn hello() -> ClientId {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b".-".contains(&b));
    if is_name { ClientId::Domain(name) } else { ClientId::default() }
}

/// The password: a credential of the unit, or a file that nobody else can read.
fn password(relay: &Relay) -> Result<Zeroizing<String>, String> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    let credential = credentials.map(|folder| folder.join(CREDENTIAL)).filter(|path| path.exists());
    let text = match (&relay.password_file, credential) {
        (Some(path), _) => Zeroizing::new(file::read_secret(path).map_err(|error| error.to_string())?),
        (None, Some(path)) => {
            // systemd made it for this process alone.
            Zeroizing::new(std::fs::read_to_string(&path).map_err(|error| format!("{CREDENTIAL}: {error}"))?)
        }
        (None, None) => {
            return Err(format!(
                "there is no password for {}: put it into /etc/credstore/{CREDENTIAL}, or set password_file",
                one_line(relay.user.as_deref().unwrap_or_default())
            ));
        }
    };
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}

/// What a failure means: what the server said, or what is the case if it said nothing.
fn failed(error: &Error, silent: Outcome) -> Answer {
    // A refusal to log in, or of our certificate, is mended by an administrator: the letters wait for that.
    let outcome = match (error.is_permanent(), error.is_transient(), silent) {
        (true, _, Outcome::Unknown) => Outcome::Refused,
        (true, ..) | (_, true, _) => Outcome::Later,
        _ => silent,
    };
    answer(outcome, &chain(error))
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

fn answer(outcome: Outcome, detail: &str) -> Answer {
    Answer { outcome, detail: one_line(detail) }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
