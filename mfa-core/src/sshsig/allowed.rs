//! Files of allowed signers (ssh-keygen(1), ALLOWED SIGNERS): who may sign, with which key, for what, and when.
//!
//! ```text
//! vendor@example.com namespaces="mfa-license",valid-before="20300101Z" ssh-ed25519 AAAA…
//! ```
//!
//! A file is taken whole or not at all. It is read at least as strictly as ssh-keygen reads it: a signature that counts
//! here counts there too. Certificate authorities are not taken.

use super::pattern::Patterns;
use super::timestamp::Timestamp;
use super::{KeyError, PublicKey, SignatureError};
use crate::Time;
use crate::policy::quoted;
use std::fmt;

/// Who may sign.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedSigners(Vec<Entry>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Entry {
    principals: Patterns,
    options: Options,
    key: PublicKey,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Options {
    namespaces: Option<Patterns>,
    after: Option<Time>,
    before: Option<Time>,
}

/// The longest file, in bytes.
const LONGEST: usize = 256 * 1024;

impl AllowedSigners {
    /// Reads a file. One that is empty, or has only comments, allows nobody.
    ///
    /// # Errors
    /// The first line that is not understood. Nothing of such a file may be used.
    pub fn parse(file: &[u8]) -> Result<Self, BadSigners> {
        if file.len() > LONGEST {
            return Err(BadSigners { line: 1, why: Why::TooLong });
        }
        let mut entries = Vec::new();
        for (index, bytes) in file.split(|byte| *byte == b'\n').enumerate() {
            let entry = line(bytes).map_err(|why| BadSigners { line: index + 1, why })?;
            entries.extend(entry);
        }
        Ok(Self(entries))
    }

    /// These and the others.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    /// Whether nobody may sign.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whose key this is, if it may sign for the namespace now.
    pub(super) fn find(&self, key: &PublicKey, namespace: &str, now: Time) -> Result<&Patterns, SignatureError> {
        let mut why = SignatureError::UnknownSigner(key.fingerprint());
        for entry in self.0.iter().filter(|entry| entry.key == *key) {
            match entry.options.refusal(key, namespace, now) {
                None => return Ok(&entry.principals),
                Some(refusal) => why = refusal,
            }
        }
        Err(why)
    }
}

impl Options {
    fn refusal(&self, key: &PublicKey, namespace: &str, now: Time) -> Option<SignatureError> {
        if self.namespaces.as_ref().is_some_and(|patterns| !patterns.matches(namespace)) {
            return Some(SignatureError::NotForThis(key.fingerprint()));
        }
        if self.after.is_some_and(|after| now < after) {
            return Some(SignatureError::NotYet(key.fingerprint()));
        }
        self.before.filter(|before| now >= *before).map(|_| SignatureError::NoLonger(key.fingerprint()))
    }

    /// Options separated by commas, each once, without spaces outside quotes.
    fn parse(text: &str) -> Result<Self, Why> {
        let (mut options, mut rest) = (Self::default(), text);
        loop {
            let end = rest.find(['=', ',']).unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end).unwrap_or_default();
            if name.eq_ignore_ascii_case("cert-authority") {
                return Err(Why::Authority);
            }
            let (value, after) = after.strip_prefix('=').and_then(quoted_value).ok_or(Why::Option(quoted(name)))?;
            options.set(name, &value)?;
            match after.strip_prefix(',') {
                Some(more) => rest = more,
                None if after.is_empty() => return options.judged(),
                None => return Err(Why::Option(quoted(name))),
            }
        }
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), Why> {
        let twice = match name.to_ascii_lowercase().as_str() {
            "namespaces" => self.namespaces.replace(Patterns::new(value).ok_or(Why::Empty)?).is_some(),
            "valid-after" => self.after.replace(time(value)?.latest()).is_some(),
            "valid-before" => self.before.replace(time(value)?.earliest()).is_some(),
            _ => return Err(Why::Option(quoted(name))),
        };
        if twice { Err(Why::Twice(quoted(name))) } else { Ok(()) }
    }

    fn judged(self) -> Result<Self, Why> {
        if self.after.zip(self.before).is_some_and(|(after, before)| before <= after) {
            Err(Why::Never)
        } else {
            Ok(self)
        }
    }
}

fn time(value: &str) -> Result<Timestamp, Why> {
    Timestamp::parse(value).ok_or_else(|| Why::Time(quoted(value)))
}

/// One line: `None` for a blank one or a comment.
fn line(bytes: &[u8]) -> Result<Option<Entry>, Why> {
    let text = std::str::from_utf8(bytes.strip_suffix(b"\r").unwrap_or(bytes)).map_err(|_| Why::NotText)?;
    let text = text.trim_matches(BLANK);
    if text.is_empty() || text.starts_with('#') {
        return Ok(None);
    }
    if text.contains(|c: char| c.is_control() && c != '\t') {
        return Err(Why::NotText);
    }
    let (principals, rest) = match text.strip_prefix('"') {
        Some(quoted) => quoted.split_once('"').filter(|(_, rest)| rest.starts_with(BLANK)).ok_or(Why::Quotes)?,
        None => text.split_once(BLANK).unwrap_or((text, "")),
    };
    if principals.contains('"') {
        return Err(Why::Quotes);
    }
    let principals = Patterns::new(principals).ok_or(Why::Empty)?;
    let rest = rest.trim_start_matches(BLANK);
    let (first, after) = rest.split_at_checked(word(rest)).unwrap_or_default();
    if ["ssh-", "ecdsa-", "sk-", "rsa-"].iter().any(|kind| first.starts_with(kind)) {
        return Ok(Some(Entry { principals, options: Options::default(), key: rest.parse().map_err(Why::Key)? }));
    }
    if first.is_empty() {
        return Err(Why::Key(KeyError::NotAKey));
    }
    Ok(Some(Entry { principals, options: Options::parse(first)?, key: after.parse().map_err(Why::Key)? }))
}

const BLANK: [char; 2] = [' ', '\t'];

/// Where the first word ends, blanks in quotes aside.
fn word(text: &str) -> usize {
    let (mut inside, mut escaped) = (false, false);
    let end = text.char_indices().find(|(_, c)| {
        inside ^= *c == '"' && !escaped;
        escaped = *c == '\\';
        !inside && BLANK.contains(c)
    });
    end.map_or(text.len(), |(at, _)| at)
}

/// A value in quotes, with `\"` for a quote in it; and what follows it.
fn quoted_value(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text.strip_prefix('"')?;
    loop {
        let (before, after) = rest.split_once('"')?;
        match before.strip_suffix('\\') {
            Some(before) => value.extend([before, "\""]),
            None => {
                value.push_str(before);
                return Some((value, after));
            }
        }
        rest = after;
    }
}

/// A file of signers that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSigners {
    /// The line, from 1.
    pub line: usize,
    why: Why,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Why {
    TooLong,
    NotText,
    Quotes,
    Empty,
    Authority,
    Option(String),
    Twice(String),
    Time(String),
    Never,
    Key(KeyError),
}

impl fmt::Display for BadSigners {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        match &self.why {
            Why::TooLong => f.write_str("The file is longer than 256 KiB."),
            Why::NotText => f.write_str("Something here is not text."),
            Why::Quotes => f.write_str("A quote is not closed."),
            Why::Empty => f.write_str("A list has nothing in it, or nothing between two commas."),
            Why::Authority => f.write_str("Certificate authorities are not taken: list the key that signs."),
            Why::Option(name) => write!(
                f,
                "{name} is not understood. There are namespaces=\"…\", valid-after=\"…\" and valid-before=\"…\", with \
                 quotes, with commas between them and without spaces."
            ),
            Why::Twice(name) => write!(f, "{name} is said twice."),
            Why::Time(text) => write!(f, "{text} is not a time: write YYYYMMDDZ or YYYYMMDDHHMMSSZ."),
            Why::Never => f.write_str("valid-before is not after valid-after."),
            Why::Key(why) => why.fmt(f),
        }
    }
}

impl std::error::Error for BadSigners {}
