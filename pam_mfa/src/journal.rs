//! The lines in the authentication log: who, into what, from where, and why not. Whatever is foreign in them is
//! escaped, so that a hostile name is one word on one line; nothing secret ever reaches this file.

use crate::host::{Host, Item, Level};
use std::fmt::{self, Write};

/// The most characters shown of anything foreign.
const LONGEST: usize = 200;

/// Writes the line for a login that was refused.
pub(crate) fn refused(host: &dyn Host, level: Level, why: &str) {
    host.log(level, &format!("refused: {}; {}", Sentence(why), Who(host)));
}

/// Writes the line for a login that was let in without a second factor because nothing listens.
pub(crate) fn unguarded(host: &dyn Host) {
    let why = "LET IN WITHOUT A SECOND FACTOR: the mfa daemon is not running, and the stack says unavailable=allow";
    host.log(Level::Alert, &format!("{why}; {}", Who(host)));
}

/// Writes the line for a login in which `combined=split` ran, and `combined=verify` did not.
pub(crate) fn unverified(host: &dyn Host, due: bool) {
    let (level, what) = match due {
        true => (Level::Alert, "LET IN WITHOUT A SECOND FACTOR: "),
        false => (Level::Error, ""),
    };
    let why = "the stack says combined=split, and nowhere combined=verify after the password module";
    host.log(level, &format!("{what}{why}; {}", Who(host)));
}

/// Writes the line for a login that was let in by a break-glass code.
pub(crate) fn broken_glass(host: &dyn Host, number: u32, why: &str) {
    let line = format!("LET IN BY BREAK-GLASS CODE {number}: {}; {}", Sentence(why), Who(host));
    host.log(Level::Alert, &line);
}

/// Writes a line about what should be mended.
pub(crate) fn notice(host: &dyn Host, what: &str) {
    host.log(Level::Notice, what);
}

/// Writes a line that only `debug` asks for.
pub(crate) fn debug(host: &dyn Host, wanted: bool, what: &str) {
    if wanted {
        host.log(Level::Debug, &format!("{}; {}", Sentence(what), Who(host)));
    }
}

struct Who<'a>(&'a dyn Host);

impl fmt::Display for Who<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items = [("user", Item::User), ("service", Item::Service), ("rhost", Item::RemoteHost)];
        for (place, (name, item)) in items.into_iter().enumerate() {
            let value = self.0.item(item).unwrap_or_default();
            let gap = if place == 0 { "" } else { " " };
            write!(f, "{gap}{name}={}", Word(&String::from_utf8_lossy(&value)))?;
        }
        Ok(())
    }
}

/// One word: no blank, no control character, nothing that looks like another letter.
struct Word<'a>(&'a str);

impl fmt::Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, |c| c.is_ascii_graphic() && c != '\\')
    }
}

/// A sentence on one line.
struct Sentence<'a>(&'a str);

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(f, self.0, |c| (c.is_ascii_graphic() && c != '\\') || c == ' ')
    }
}

fn escaped(f: &mut fmt::Formatter<'_>, text: &str, plain: impl Fn(char) -> bool) -> fmt::Result {
    for c in text.chars().take(LONGEST) {
        if plain(c) { f.write_char(c)? } else { write!(f, "{}", c.escape_unicode())? }
    }
    if text.chars().nth(LONGEST).is_some() { f.write_str("...") } else { Ok(()) }
}

#[cfg(test)]
#[path = "journal_tests.rs"]
mod tests;
