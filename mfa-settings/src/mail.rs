//! `[mail]` and `[notify]` of `mfa.toml`: to whom mail goes, and by which server.
//!
//! Addresses stay text here; the daemon and `mfa-mail` each read them with their own eyes before they use them.

use crate::file::{self, FileError};
use serde::Deserialize;
use std::fmt;
use std::path::{Path, PathBuf};

/// The port of submission (RFC 6409).
const SUBMISSION: u16 = 587;
/// The port of submission within TLS from the start (RFC 8314).
const SUBMISSIONS: u16 = 465;
/// The port of a mail server on this machine.
const SMTP: u16 = 25;

/// `[mail]`
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// The server that takes our mail; empty: no mail is sent.
    pub server: String,
    /// Its port; 0: the usual one.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// As whom we log in there; empty: not at all.
    pub user: String,
    /// Where the password is, if it is not a credential of the unit.
    pub password_file: Option<PathBuf>,
    /// From whom our mail is.
    pub from: String,
    /// Where users get their mail: `{user}@example.com`.
    pub address: String,
    /// A file of `user: address`.
    pub addresses: Option<PathBuf>,
    /// Whether an address that a user has verified comes before `address`.
    pub own_addresses: bool,
    /// Who is told what concerns the whole site.
    pub administrators: Vec<String>,
}

impl Default for Mail {
    fn default() -> Self {
        Self {
            server: String::new(),
            port: 0,
            tls: Tls::Starttls,
            user: String::new(),
            password_file: None,
            from: String::new(),
            address: String::new(),
            addresses: None,
            own_addresses: true,
            administrators: Vec::new(),
        }
    }
}

/// `[notify]`
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// What administrators are told is also sent here, as JSON; empty: nowhere.
    pub webhook: String,
}

/// How the connection to the server is protected.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Tls {
    /// In the clear until STARTTLS, which must succeed.
    Starttls,
    /// From the first byte.
    Implicit,
    /// Not at all: to this machine only.
    Plain,
}

/// A server that takes our mail, as far as that can be said without asking it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    /// Its name, which its certificate must bear.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: Tls,
    /// As whom we log in.
    pub user: Option<String>,
    /// Where the password is, if it is not a credential.
    pub password_file: Option<PathBuf>,
    /// From whom our mail is.
    pub from: String,
}

impl Mail {
    /// The server; `None` if no mail is to be sent.
    ///
    /// # Errors
    /// A sentence about the setting that is wrong.
    pub fn relay(&self) -> Result<Option<Relay>, &'static str> {
        if self.server.is_empty() {
            return Ok(None);
        }
        if self.server.contains(|c: char| !c.is_ascii_alphanumeric() && !".-:".contains(c)) {
            return Err("server is the name or the address of one machine; its port is a setting of its own");
        }
        if self.from.is_empty() {
            return Err("from is missing: from whom the mail is, such as mfa@example.com");
        }
        if self.user.is_empty() && self.password_file.is_some() {
            return Err("password_file takes a user");
        }
        if self.user.chars().any(char::is_control) {
            return Err("user has no control characters");
        }
        if self.tls == Tls::Plain && !is_this_machine(&self.server) {
            return Err("tls = \"plain\" is for a server on this machine alone: localhost, 127.0.0.1 or ::1");
        }
        let usual = match self.tls {
            Tls::Starttls => SUBMISSION,
            Tls::Implicit => SUBMISSIONS,
            Tls::Plain => SMTP,
        };
        Ok(Some(Relay {
            server: self.server.clone(),
            port: if self.port == 0 { usual } else { self.port },
            tls: self.tls,
            user: Some(self.user.clone()).filter(|user| !user.is_empty()),
            password_file: self.password_file.clone(),
            from: self.from.clone(),
        }))
    }
}

impl Notify {
    /// The webhook; `None` if there is none.
    ///
    /// # Errors
    /// A sentence about what is wrong with it.
    pub fn webhook(&self) -> Result<Option<&str>, &'static str> {
        let url = self.webhook.as_str();
        if url.is_empty() {
            return Ok(None);
        }
        if !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err("webhook is a URL of printable ASCII without spaces");
        }
        let host = |rest: &str| {
            let authority = rest.split(['/', '?', '#']).next().unwrap_or_default().to_owned();
            (!authority.contains('@')).then_some(authority).filter(|authority| !authority.is_empty())
        };
        match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) if host(rest).is_some() => Ok(Some(url)),
            (_, Some(rest)) if host(rest).is_some_and(|host| is_this_machine(without_port(&host))) => Ok(Some(url)),
            _ => Err("webhook is https://HOST/…, without a user in it; http:// is for this machine alone"),
        }
    }
}

fn without_port(authority: &str) -> &str {
    if let Some(inside) = authority.strip_prefix('[') {
        return inside.split(']').next().unwrap_or_default();
    }
    authority.split(':').next().unwrap_or_default()
}

/// Whether mail and notices to this server cannot be read on the way.
#[must_use]
pub fn is_this_machine(host: &str) -> bool {
    ["localhost", "127.0.0.1", "::1"].contains(&host)
}

/// Why there are no settings for mail.
#[derive(Debug)]
pub enum MailError {
    /// The file is not taken.
    File(FileError),
    /// It is not what it should be: the place and what to do.
    Wrong(String),
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(error) => error.fmt(f),
            Self::Wrong(why) => f.write_str(why),
        }
    }
}

impl std::error::Error for MailError {}

/// The two sections, out of a file of which the rest is not looked at.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Sections {
    mail: Mail,
    notify: Notify,
}

/// Reads both sections of a file, usually `/etc/mfa/mfa.toml`. An absent file is an empty one.
///
/// # Errors
/// [`MailError`]
pub fn load(path: &Path) -> Result<(Mail, Notify), MailError> {
    if file::is_absent(path) {
        return Ok((Mail::default(), Notify::default()));
    }
    let text = file::read(path, file::LARGEST).map_err(MailError::File)?;
    let Sections { mail, notify } =
        toml::from_str(&text).map_err(|error| MailError::Wrong(format!("{}: {error}", path.display())))?;
    Ok((mail, notify))
}

#[cfg(test)]
#[path = "mail_tests.rs"]
mod tests;
