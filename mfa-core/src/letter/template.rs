//! The texts of letters: built in, or the site's own. `Subject: …` on the first line, then plain text; `{user}` is
//! replaced by a value, `{{` and `}}` are braces.
//!
//! A line with placeholders of which none has a value is left out. Values come from outside: they lose line ends and
//! control characters, so that none can become a line, a header or a second letter.

use super::topic::{COMMON, Topic};
use std::collections::BTreeMap;
use std::fmt;
use zeroize::Zeroizing;

/// Characters of a value at the most.
const LONGEST_VALUE: usize = 300;
/// What the first line begins with.
const SUBJECT: &str = "Subject:";

/// A text with places for values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    subject: Vec<Part>,
    body: Vec<Vec<Part>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(&'static str),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TemplateError {
    /// In which line, counted from 1.
    pub line: usize,
    /// At which character of it, counted from 1.
    pub column: usize,
    /// What is wrong and what to do.
    pub why: String,
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.why)
    }
}

/// A letter as it is read.
#[derive(Debug)]
pub struct Written {
    /// One line.
    pub subject: String,
    /// Lines, each with its line feed; it may hold a code.
    pub body: Zeroizing<String>,
}

/// The values of a letter, by their names.
pub type Values = BTreeMap<String, String>;

impl Template {
    /// The one that is used where the site has none of its own.
    #[must_use]
    pub fn built_in(topic: Topic) -> Self {
        // A test parses each of them.
        Self::parse(built_in(topic), topic).unwrap_or(Self { subject: Vec::new(), body: Vec::new() })
    }

    /// Reads a text.
    ///
    /// # Errors
    /// The first thing that is wrong in it, such as a placeholder that letters of this topic have no value for.
    pub fn parse(text: &str, topic: Topic) -> Result<Self, TemplateError> {
        let mut lines = text.lines().enumerate();
        let no_subject = || TemplateError {
            line: 1,
            column: 1,
            why: format!("the first line is the subject; it begins with {SUBJECT}"),
        };
        let subject = lines.next().and_then(|(_, line)| line.strip_prefix(SUBJECT)).ok_or_else(no_subject)?;
        let indent = subject.len() - subject.trim_start().len();
        let subject = parts(subject.trim(), (1, SUBJECT.len() + indent), topic)?;
        let body = lines.map(|(place, line)| parts(line.trim_end(), (place + 1, 0), topic));
        let mut body = body.collect::<Result<Vec<_>, _>>()?;
        if body.first().is_some_and(Vec::is_empty) {
            body.remove(0); // the line that sets the subject apart
        }
        Ok(Self { subject, body })
    }

    /// The letter with these values.
    #[must_use]
    pub fn write(&self, values: &Values) -> Written {
        let mut body = Zeroizing::new(String::with_capacity(4096));
        for line in self.body.iter().filter(|line| says_something(line, values)) {
            put(&mut body, line, values);
            body.push('\n');
        }
        let mut subject = String::new();
        put(&mut subject, &self.subject, values);
        Written { subject: clean(&subject), body }
    }
}

fn put(text: &mut String, line: &[Part], values: &Values) {
    for part in line {
        match part {
            Part::Text(part) => text.push_str(part),
            Part::Value(name) => text.push_str(&clean(values.get(*name).map_or("", String::as_str))),
        }
    }
}

/// Whether a line has no placeholder, or a value for one.
fn says_something(line: &[Part], values: &Values) -> bool {
    let mut named = line.iter().filter_map(|part| match part {
        Part::Value(name) => Some(values.get(*name).is_some_and(|value| !value.is_empty())),
        Part::Text(_) => None,
    });
    let first = named.next();
    first.is_none_or(|first| first || named.any(|has| has))
}

/// A value without anything that ends a line or acts on a terminal.
fn clean(value: &str) -> String {
    let unseen = |c: char| {
        c.is_control() || matches!(c, '\u{61c}' | '\u{200b}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    value.chars().take(LONGEST_VALUE).map(|c| if unseen(c) { ' ' } else { c }).collect()
}

/// The parts of one line, which begins after `indent` characters of the file's.
fn parts(line: &str, (number, indent): (usize, usize), topic: Topic) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = line.chars().enumerate().peekable();
    while let Some((place, character)) = rest.next() {
        let wrong = |why: String| TemplateError { line: number, column: indent + place + 1, why };
        let doubled = rest.next_if(|(_, next)| *next == character && matches!(character, '{' | '}')).is_some();
        match character {
            '{' if !doubled => {
                let name: String = std::iter::from_fn(|| rest.next_if(|(_, c)| *c != '}').map(|(_, c)| c)).collect();
                if rest.next().is_none() {
                    return Err(wrong("this brace is never closed; a brace itself is written {{".to_owned()));
                }
                let name = placeholder(&name, topic).map_err(wrong)?;
                if !text.is_empty() {
                    parts.push(Part::Text(std::mem::take(&mut text)));
                }
                parts.push(Part::Value(name));
            }
            '}' if !doubled => return Err(wrong("this brace closes nothing; a brace itself is written }}".to_owned())),
            _ => text.push(character),
        }
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    Ok(parts)
}

fn placeholder(name: &str, topic: Topic) -> Result<&'static str, String> {
    let known = || COMMON.iter().chain(topic.fields()).copied();
    known().find(|known| *known == name).ok_or_else(|| {
        let known: Vec<String> = known().map(|name| format!("{{{name}}}")).collect();
        format!("{{{name}}} is not known in {}; there are {}", topic.as_str(), known.join(" "))
    })
}

macro_rules! texts {
    ($($topic:ident => $file:literal),* $(,)?) => {
        fn built_in(topic: Topic) -> &'static str {
            match topic {
                $(Topic::$topic => include_str!(concat!("texts/", $file, ".txt")),)*
            }
        }
    };
}

texts! {
    FactorAdded => "factor-added",
    FactorRemoved => "factor-removed",
    Reset => "reset",
    Invited => "invited",
    TempCodeGiven => "temp-code-given",
    NewBackupCodes => "new-backup-codes",
    BackupCodeUsed => "backup-code-used",
    FewBackupCodes => "few-backup-codes",
    Throttled => "throttled",
    CodesOff => "codes-off",
    AddressChanged => "address-changed",
    Required => "required",
    Code => "code",
    Test => "test",
    SeatsNear => "seats-near",
    SeatsFull => "seats-full",
    LicenseEnds => "license-ends",
    CounterBack => "counter-back",
    Reported => "reported",
    BreakGlass => "break-glass",
    StoreBroken => "store-broken",
    StoreHandled => "store-handled",
    ClockJumped => "clock-jumped",
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
