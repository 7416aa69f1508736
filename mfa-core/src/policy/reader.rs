//! Values of one policy file, read into types. What does not fit becomes a diagnostic at its place and the reading goes
//! on, so that one run tells everything that is wrong.

use super::calendar::{self, End, Hours};
use super::condition::{Names, Networks};
use super::diagnostic::{Diagnostic, quoted};
use super::literal;
use super::service::{Class, Services};
use super::ssh_auth::{Fingerprint, Method};
use super::suggest::suggest;
use crate::factor::{Kind, Kinds};
use std::ops::Range;
use std::str::FromStr;
use toml::Spanned;
use toml::de::DeValue;

/// A value with its place.
pub(super) type Value<'i> = Spanned<DeValue<'i>>;

/// Reads one file and collects what is wrong with it.
pub(super) struct Reader<'s> {
    file: &'s str,
    text: &'s str,
    pub(super) errors: Vec<Diagnostic>,
    pub(super) warnings: Vec<Diagnostic>,
}

/// The most errors or warnings that one file is told.
const MOST: usize = 50;

/// The longest name of a user or group, in bytes.
const LONGEST_NAME: usize = 256;

impl<'s> Reader<'s> {
    pub(super) fn new(file: &'s str, text: &'s str) -> Self {
        Self { file, text, errors: Vec::new(), warnings: Vec::new() }
    }

    pub(super) fn at(&self, span: &Range<usize>, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.file, self.text, span, message.into())
    }

    pub(super) fn error(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        if self.errors.len() < MOST {
            let diagnostic = self.at(span, message).hint(hint);
            self.errors.push(diagnostic);
        }
    }

    pub(super) fn warn(&mut self, span: &Range<usize>, message: impl Into<String>, hint: Option<String>) {
        if self.warnings.len() < MOST {
            let diagnostic = self.at(span, message).hint(hint);
            self.warnings.push(diagnostic);
        }
    }

    /// One of these words.
    pub(super) fn word<T: Copy>(&mut self, key: &str, value: &Value<'_>, words: &[(&'static str, T)]) -> Option<T> {
        let text = self.string(key, value)?;
        self.one_of(text, &value.span(), &format!("`{key}`"), words)
    }

    pub(super) fn string<'v>(&mut self, key: &str, value: &'v Value<'_>) -> Option<&'v str> {
        let text = value.get_ref().as_str();
        if text.is_none() {
            self.wrong_type(key, value, "a string in quotes");
        }
        text
    }

    pub(super) fn boolean(&mut self, key: &str, value: &Value<'_>) -> Option<bool> {
        let known = value.get_ref().as_bool();
        if known.is_none() {
            self.wrong_type(key, value, "true or false, without quotes");
        }
        known
    }

    /// A length of time, in seconds.
    pub(super) fn duration(&mut self, key: &str, value: &Value<'_>) -> Option<u32> {
        let text = self.string(key, value)?;
        let seconds = calendar::duration(text);
        if seconds.is_none() {
            let hint = "a whole number and s, m, h, d or w, up to ten years: \"45s\", \"30m\", \"8h\", \"14d\"";
            self.error(&value.span(), format!("{} is not a length of time", quoted(text)), Some(hint.to_owned()));
        }
        seconds
    }

    /// A day or a moment.
    pub(super) fn end(&mut self, key: &str, value: &Value<'_>) -> Option<End> {
        let DeValue::Datetime(written) = value.get_ref() else {
            self.wrong_type(key, value, "a date such as 2027-01-15, or a date and time, without quotes");
            return None;
        };
        if value.span().end == self.text.len() {
            let hint = "end the last line, so that a date that was cut off is never taken for a whole one";
            self.error(&value.span(), "the file ends in the middle of a line", Some(hint.to_owned()));
            return None;
        }
        let end = literal::end(written);
        if end.is_none() {
            let hint = "write a date such as 2027-01-15, or a date and time such as 2027-01-15T18:00:00";
            self.error(&value.span(), format!("`{key}` must be a date that exists"), Some(hint.to_owned()));
        }
        end
    }

    pub(super) fn users(&mut self, key: &str, value: &Value<'_>) -> Option<Names> {
        let hint = "names are compared as they are: no wildcards, no negation; a group goes into `groups`";
        self.names(key, value, hint)
    }

    pub(super) fn groups(&mut self, key: &str, value: &Value<'_>) -> Option<Names> {
        let hint = "names are compared as they are: no wildcards, no negation, no % before them";
        self.names(key, value, hint)
    }

    fn names(&mut self, key: &str, value: &Value<'_>, hint: &str) -> Option<Names> {
        let entries = self.entries(key, value, |reader, text, span| {
            let bad = text.len() > LONGEST_NAME
                || text.trim() != text
                || text.contains(|c: char| c.is_control() || matches!(c, ':' | '/' | '*' | '?'))
                || text.starts_with(['%', '@', '!', '+', '-']);
            if bad {
                reader.error(span, format!("{} cannot be a name", quoted(text)), Some(hint.to_owned()));
            } else if text.contains(',') {
                let hint = "if these are several names, give each its own quotes".to_owned();
                reader.warn(span, format!("{} is taken as one name", quoted(text)), Some(hint));
            }
            (!bad).then(|| text.to_owned())
        })?;
        Some(Names::new(entries))
    }

    pub(super) fn services(&mut self, key: &str, value: &Value<'_>) -> Option<Services> {
        let (mut classes, mut names) = (Vec::new(), Vec::new());
        let entries = self.entries(key, value, |reader, text, span| {
            if text.starts_with('@') {
                let words = Class::ALL.map(|class| (class.as_str(), class));
                return reader.one_of(text, span, "a class of services", &words).map(Ok);
            }
            let valid = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            let class = Class::ALL.into_iter().find(|class| class.as_str().strip_prefix('@') == Some(text));
            let hint = match class.filter(|class| !class.members().contains(&text)) {
                Some(class) => {
                    format!("did you mean {:?}, which holds {}?", class.as_str(), class.members().join(", "))
                }
                None if text.bytes().all(valid) => return Some(Err(text.to_owned())),
                None => "a service is named like its file in /etc/pam.d, a class like @ssh".to_owned(),
            };
            reader.error(span, format!("{} is not a service", quoted(text)), Some(hint));
            None
        })?;
        for entry in &entries {
            match entry {
                Ok(class) => classes.push(*class),
                Err(name) => names.push(name.as_str()),
            }
        }
        Some(Services::new(&classes, &names))
    }

    pub(super) fn factors(&mut self, key: &str, value: &Value<'_>) -> Option<Kinds> {
        let words = Kind::ALL.map(|kind| (kind.as_str(), kind));
        let kinds: Kinds = self
            .entries(key, value, |reader, text, span| reader.one_of(text, span, "a factor", &words))?
            .into_iter()
            .collect();
        if kinds.without(Kind::BackupCode).is_empty() {
            let hint = "backup codes are made when another factor is enrolled; name one".to_owned();
            self.error(&value.span(), "backup codes alone can never be enrolled", Some(hint));
            return None;
        }
        Some(kinds)
    }

    pub(super) fn networks(&mut self, key: &str, value: &Value<'_>) -> Option<Networks> {
        let entries = self.entries(key, value, |reader, text, span| match literal::network(text) {
            Ok(network) => Some(network),
            Err(hint) => {
                reader.error(span, format!("{} is not a network", quoted(text)), Some(hint));
                None
            }
        })?;
        Some(Networks::new(entries))
    }

    pub(super) fn ssh_methods(&mut self, key: &str, value: &Value<'_>) -> Option<Vec<Method>> {
        self.entries(key, value, |reader, text, span| reader.one_of(text, span, "a method of sshd", &Method::WORDS))
    }

    pub(super) fn ssh_keys(&mut self, key: &str, value: &Value<'_>) -> Option<Vec<Fingerprint>> {
        self.entries(key, value, |reader, text, span| reader.parsed(text, span))
    }

    pub(super) fn hours(&mut self, key: &str, value: &Value<'_>) -> Option<Hours> {
        let windows = self.entries(key, value, |reader, text, span| reader.parsed(text, span))?;
        Some(Hours::new(windows))
    }

    fn parsed<T: FromStr<Err: ToString>>(&mut self, text: &str, span: &Range<usize>) -> Option<T> {
        let parsed = text.parse::<T>();
        parsed.map_err(|error| self.error(span, format!("{} does not fit", quoted(text)), Some(error.to_string()))).ok()
    }

    fn one_of<T: Copy>(
        &mut self,
        text: &str,
        span: &Range<usize>,
        what: &str,
        words: &[(&'static str, T)],
    ) -> Option<T> {
        let known = words.iter().find(|(word, _)| *word == text);
        if known.is_none() {
            let all: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            let hint = match suggest(text, all.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => format!("there are {}", all.join(", ")),
            };
            let message = if what.starts_with('`') {
                format!("{what} cannot be {}", quoted(text))
            } else {
                format!("{} is not {what}", quoted(text))
            };
            self.error(span, message, Some(hint));
        }
        known.map(|(_, value)| *value)
    }

    /// The entries of a list of strings that is not empty. All of it or nothing: an entry that is not understood is
    /// never left out silently.
    fn entries<T>(
        &mut self,
        key: &str,
        value: &Value<'_>,
        mut read: impl FnMut(&mut Self, &str, &Range<usize>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let Some(array) = value.get_ref().as_array() else {
            self.wrong_type(key, value, "a list of strings, in brackets");
            return None;
        };
        if array.is_empty() {
            let hint = "leave the key out where nothing is to be said".to_owned();
            self.error(&value.span(), format!("`{key}` is an empty list"), Some(hint));
        }
        let (mut entries, mut seen) = (Vec::new(), Vec::new());
        for entry in array.iter() {
            let span = entry.span();
            match entry.get_ref().as_str() {
                None => self.wrong_type(key, entry, "a list of strings"),
                Some("") => self.error(&span, format!("`{key}` has an empty string in it"), None),
                Some(text) => {
                    if seen.contains(&text) {
                        self.warn(&span, format!("{} is in the list twice", quoted(text)), None);
                    }
                    seen.push(text);
                    entries.extend(read(self, text, &span));
                }
            }
        }
        (!array.is_empty() && entries.len() == array.len()).then_some(entries)
    }

    pub(super) fn wrong_type(&mut self, key: &str, value: &Value<'_>, wanted: &str) {
        let found = match value.get_ref() {
            DeValue::String(_) => "a string",
            DeValue::Integer(_) | DeValue::Float(_) => "a number",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        let hint = match value.get_ref() {
            DeValue::String(text) if wanted.starts_with("a list") => {
                Some(format!("write {key} = [{:?}]", text.as_ref()))
            }
            _ => None,
        };
        self.error(&value.span(), format!("`{key}` must be {wanted}; this is {found}"), hint);
    }
}
