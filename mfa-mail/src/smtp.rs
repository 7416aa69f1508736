//! One letter to one mail server: connect, protect, log in, hand over.
//!
//! Each step knows whether the server can have the letter when it fails: before the letter is offered it surely has
//! not; while it is offered, nobody knows, unless the server says no.

use crate::call::one_line;
use crate::session::{Session, Trouble};
use lettre::address::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::response::{Response, Severity};
use mfa_proto::mail::{Answer, Letter, Outcome};
use mfa_settings::{Relay, file, mail};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use zeroize::Zeroizing;

/// The credential of the unit that holds the password.
const CREDENTIAL: &str = "mfa-smtp-password";

/// Sends it. Everything that can go wrong is an answer.
pub(crate) fn send(letter: &Letter, config: &Path) -> Answer {
    sent(letter, config).unwrap_or_else(|answer| answer)
}

fn sent(letter: &Letter, config: &Path) -> Result<Answer, Answer> {
    let relay = relay(config).map_err(|why| answer(Outcome::Later, &why))?;
    let Written { from, to, text } = written(letter, &relay).map_err(|why| answer(Outcome::Refused, &why))?;
    let mut session = connected(&relay)?;
    let taken = session.offer((&from, &to), &text).map_err(|trouble| failed(&trouble, Outcome::Unknown))?;
    session.close(); // it has the letter, whatever it says to a good-bye
    Ok(answer(Outcome::Taken, &said(&taken)))
}

fn relay(config: &Path) -> Result<Relay, String> {
    let (mail, _) = mail::load(config).map_err(|error| error.to_string())?;
    let relay = mail.relay().map_err(|why| format!("{}, [mail]: {why}", config.display()))?;
    relay.ok_or_else(|| format!("no server is set in {}, [mail]", config.display()))
}

/// A message as it goes over the line.
struct Written {
    from: Address,
    to: Address,
    text: Zeroizing<Vec<u8>>,
}

fn written(letter: &Letter, relay: &Relay) -> Result<Written, String> {
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
    let text = Zeroizing::new(message.formatted());
    let is_plain = text.is_ascii() && AsRef::<str>::as_ref(&to).is_ascii() && AsRef::<str>::as_ref(&sender).is_ascii();
    let written = Written { from: sender, to, text };
    if is_plain { Ok(written) } else { Err("addresses are ASCII here".to_owned()) }
}

fn is_of_message_id(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"@.-".contains(&byte)
}

/// A connection on which letters are taken. Nothing was offered yet, so whatever fails, the server has nothing.
fn connected(relay: &Relay) -> Result<Session, Answer> {
    let not_yet = |trouble: Trouble| failed(&trouble, Outcome::Later);
    let mut session = Session::open(relay, &hello()).map_err(not_yet)?;
    if let Some(user) = &relay.user {
        let password = password(relay).map_err(|why| answer(Outcome::Later, &why))?;
        let credentials = Credentials::new(user.clone(), password.to_string());
        session.log_in(&credentials).map_err(not_yet)?;
    }
    Ok(session)
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
fn failed(trouble: &Trouble, silent: Outcome) -> Answer {
    // A refusal to log in, or of our certificate, is mended by an administrator: the letters wait for that.
    match (trouble, silent) {
        (Trouble::Silent(why), _) => answer(silent, why),
        (Trouble::Said(no), Outcome::Unknown) if is_permanent(no) => answer(Outcome::Refused, &said(no)),
        (Trouble::Said(no), _) => answer(Outcome::Later, &said(no)),
    }
}

fn is_permanent(response: &Response) -> bool {
    response.code().severity == Severity::PermanentNegativeCompletion
}

fn said(response: &Response) -> String {
    format!("{} {}", response.code(), response.message().collect::<Vec<_>>().join(" "))
}

fn answer(outcome: Outcome, detail: &str) -> Answer {
    Answer { outcome, detail: one_line(detail) }
}

#[cfg(test)]
#[path = "smtp_tests.rs"]
mod tests;
