//! What is said about logins: one line each to authpriv, for people and for programs that watch for guessing; and what
//! is said about the daemon itself, to standard error, which systemd keeps with the level that `<N>` gives.
//!
//! Writing never makes a login wait: a thread of its own writes, and what it cannot keep up with is counted.
//! Nothing here is a secret, and no control character survives.

use std::fmt::{self, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, OnceLock};
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

/// Lines that wait at the most.
const QUEUE: usize = 4096;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// Somebody must act now.
    Alert = 1,
    /// Something does not work.
    Error = 3,
    /// Something is odd.
    Warning = 4,
    /// Somebody was refused.
    Notice = 5,
    /// The usual.
    Info = 6,
}

struct Line {
    level: Level,
    text: String,
}

struct Journal {
    queue: SyncSender<Line>,
    lost: Arc<AtomicU64>,
}

static JOURNAL: OnceLock<Journal> = OnceLock::new();

/// Starts the thread that writes to authpriv.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start() -> std::io::Result<()> {
    let (queue, lines) = sync_channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let journal = Journal { queue, lost: Arc::clone(&lost) };
    std::thread::Builder::new().name("journal".into()).spawn(move || write(&lines, &lost))?;
    let _ = JOURNAL.set(journal);
    Ok(())
}

/// Says something about a login, to authpriv.
pub(crate) fn login(level: Level, text: String) {
    let Some(journal) = JOURNAL.get() else { return operation(level, &text) };
    if journal.queue.try_send(Line { level, text }).is_err() {
        journal.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Says something about the daemon itself.
#[expect(clippy::print_stderr, reason = "standard error is the daemon's own log, which systemd keeps")]
pub(crate) fn operation(level: Level, text: &str) {
    eprintln!("<{}>{}", level as u8, Printable(text));
}

fn write(lines: &Receiver<Line>, lost: &AtomicU64) {
    let mut logger = connect();
    while let Ok(line) = lines.recv() {
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            operation(Level::Warning, &format!("{lost} log lines were lost: the system log did not keep up"));
        }
        let written = logger.as_mut().is_some_and(|logger| send(logger, &line));
        if !written {
            operation(line.level, &line.text);
            logger = connect();
        }
    }
}

fn connect() -> Option<Logger<LoggerBackend, Formatter3164>> {
    let formatter = Formatter3164 {
        facility: Facility::LOG_AUTHPRIV,
        hostname: None,
        process: "mfa-daemon".into(),
        pid: std::process::id(),
    };
    syslog::unix(formatter).ok()
}

fn send(logger: &mut Logger<LoggerBackend, Formatter3164>, line: &Line) -> bool {
    match line.level {
        Level::Alert => logger.alert(&line.text),
        Level::Error => logger.err(&line.text),
        Level::Warning => logger.warning(&line.text),
        Level::Notice => logger.notice(&line.text),
        Level::Info => logger.info(&line.text),
    }
    .is_ok()
}

/// Text from outside, with everything that is not printable escaped, and not too long.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars().take(1024) {
            if character.is_control() || ('\u{200b}'..='\u{202f}').contains(&character) {
                write!(f, "{}", character.escape_default())?;
            } else {
                f.write_char(character)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_control_character_survives() {
        let hostile = "a\nb\u{1b}[31m\u{202e}c\u{7f}\0";
        assert_eq!(Printable(hostile).to_string(), "a\\nb\\u{1b}[31m\\u{202e}c\\u{7f}\\u{0}");
    }
}
