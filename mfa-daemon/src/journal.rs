//! What is said about logins: one line each to authpriv, for people and for programs that watch for guessing; and what
//! is said about the daemon itself, to standard error, which systemd keeps with the level that `<N>` gives.
//!
//! The head of the audit chain goes to the journal as a field of its own, for `mfactl audit verify` to compare.
//!
//! Writing never makes a login wait: a thread of its own writes, and what it cannot keep up with is counted.
//! Nothing here is a secret, and no control character survives.

use crate::audit::Head;
use crate::store::hex;
use mfa_proto::audit::{HEAD_FIELD, HEAD_MESSAGE};
use std::fmt::{self, Write as _};
use std::io::Write as _;
use std::os::unix::net::UnixDatagram;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use syslog::{Facility, Formatter3164, Logger, LoggerBackend};

/// Lines that wait at the most.
const QUEUE: usize = 4096;
/// Characters of a value.
const LONGEST_VALUE: usize = 128;
/// How long the end of the process waits for them.
const LAST_WORDS: Duration = Duration::from_secs(1);

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

enum Entry {
    Line {
        to: To,
        level: Level,
        text: String,
    },
    /// The head of the audit chain: of no use to anybody but the journal.
    Head(Head),
    /// Everything before it is written.
    End(Sender<()>),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    Authpriv,
    StandardError,
}

struct Journal {
    queue: SyncSender<Entry>,
    lost: Arc<AtomicU64>,
}

static JOURNAL: OnceLock<Journal> = OnceLock::new();

/// Starts the thread that writes.
///
/// # Errors
/// When the thread cannot be started.
pub(crate) fn start() -> std::io::Result<()> {
    let (queue, entries) = sync_channel(QUEUE);
    let lost = Arc::new(AtomicU64::new(0));
    let journal = Journal { queue, lost: Arc::clone(&lost) };
    std::thread::Builder::new().name("journal".into()).spawn(move || write(&entries, &lost))?;
    let _ = JOURNAL.set(journal);
    Ok(())
}

/// Says something about a login, to authpriv.
pub(crate) fn login(level: Level, text: String) {
    say(To::Authpriv, level, text);
}

/// Says something about the daemon itself.
pub(crate) fn operation(level: Level, text: &str) {
    say(To::StandardError, level, text.to_owned());
}

/// Tells the journal how far the audit chain has come. Where there is no journal, nobody is told.
pub(crate) fn head(head: Head) {
    if let Some(journal) = JOURNAL.get() {
        // The next head says all that this one does.
        let _ = journal.queue.try_send(Entry::Head(head));
    }
}

/// Waits until what was said is written, but not for long: before the process ends.
pub(crate) fn finish() {
    let (end, ended) = channel();
    if JOURNAL.get().is_some_and(|journal| journal.queue.try_send(Entry::End(end)).is_ok()) {
        let _ = ended.recv_timeout(LAST_WORDS);
    }
}

fn say(to: To, level: Level, text: String) {
    let Some(journal) = JOURNAL.get() else { return to_standard_error(level, &text) };
    if journal.queue.try_send(Entry::Line { to, level, text }).is_err() {
        journal.lost.fetch_add(1, Ordering::Relaxed);
    }
}

/// Nobody may be there to read it; that is no reason to fail.
fn to_standard_error(level: Level, text: &str) {
    let _ = writeln!(std::io::stderr(), "<{}>{}", level as u8, Printable(text));
}

fn write(entries: &Receiver<Entry>, lost: &AtomicU64) {
    let mut logger = connect();
    while let Ok(entry) = entries.recv() {
        let lost = lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            to_standard_error(Level::Warning, &format!("{lost} log lines were lost: the system log did not keep up"));
        }
        let (to, level, text) = match entry {
            Entry::Line { to, level, text } => (to, level, text),
            Entry::Head(head) => {
                let _ = tell_journal(&head);
                continue;
            }
            Entry::End(ended) => {
                let _ = ended.send(());
                continue;
            }
        };
        let written = to == To::Authpriv && logger.as_mut().is_some_and(|logger| send(logger, level, &text));
        if !written {
            to_standard_error(level, &text);
            if to == To::Authpriv {
                logger = connect();
            }
        }
    }
}

/// Where journald takes messages with fields (systemd, "Native Journal Protocol"): a field a line, one datagram.
const JOURNALD: &str = "/run/systemd/journal/socket";

fn tell_journal(head: &Head) -> std::io::Result<()> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.send_to(spelled(head).as_bytes(), JOURNALD).map(|_| ())
}

fn spelled(head: &Head) -> String {
    let Head { node, seq, hash } = head;
    let head = format!("{node}:{seq}:{}", hex(hash));
    format!(
        "MESSAGE=audit head {head}\nMESSAGE_ID={HEAD_MESSAGE}\nPRIORITY=7\nSYSLOG_FACILITY=10\n\
         SYSLOG_IDENTIFIER=mfa-daemon\n{HEAD_FIELD}={head}\n"
    )
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

fn send(logger: &mut Logger<LoggerBackend, Formatter3164>, level: Level, text: &str) -> bool {
    let text = Printable(text);
    match level {
        Level::Alert => logger.alert(text),
        Level::Error => logger.err(text),
        Level::Warning => logger.warning(text),
        Level::Notice => logger.notice(text),
        Level::Info => logger.info(text),
    }
    .is_ok()
}

/// A value from outside, in a line of `key=value`: it cannot be taken for another field, nor push one out of the line.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.0.char_indices().nth(LONGEST_VALUE).map_or(self.0.len(), |(end, _)| end);
        let value = self.0.get(..end).unwrap_or_default();
        let is_plain = |c: char| c.is_alphanumeric() || "._:@%/\\$+-".contains(c);
        if !value.is_empty() && value.chars().all(is_plain) {
            f.write_str(value)
        } else {
            write!(f, "\"{}\"", Printable(&value.replace('\\', "\\\\").replace('"', "\\\"")))
        }
    }
}

/// Text from outside, with everything that is not printable escaped, and not too long.
pub(crate) struct Printable<'a>(pub(crate) &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for character in self.0.chars().take(1024) {
            let unseen =
                matches!(character, '\u{61c}' | '\u{200b}'..='\u{202f}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
            if character.is_control() || unseen {
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
        let hostile = "a\nb\u{1b}[31m\u{202e}c\u{7f}\0\u{9b}\u{2067}";
        assert_eq!(Printable(hostile).to_string(), "a\\nb\\u{1b}[31m\\u{202e}c\\u{7f}\\u{0}\\u{9b}\\u{2067}");
    }

    #[test]
    fn a_head_is_a_field_of_its_own() {
        let spelled = spelled(&Head { node: 7, seq: 12, hash: [0x0a; 32] });
        assert!(spelled.lines().all(|line| line.split_once('=').is_some_and(|(_, value)| !value.is_empty())));
        assert!(spelled.contains(&format!("\nMFA_AUDIT_HEAD=7:12:{}\n", "0a".repeat(32))), "{spelled}");
    }

    #[test]
    fn a_value_is_one_value_however_it_is_written() {
        assert_eq!(Quoted("10.1.2.3").to_string(), "10.1.2.3");
        assert_eq!(Quoted("DOMAIN\\alice").to_string(), "DOMAIN\\alice");
        assert_eq!(Quoted("").to_string(), "\"\"");
        assert_eq!(Quoted("x rhost=10.1.2.3").to_string(), "\"x rhost=10.1.2.3\"");
        assert_eq!(Quoted("a\"b\\\nc").to_string(), "\"a\\\"b\\\\\\nc\"");
        assert!(Quoted(&"x".repeat(60_000)).to_string().len() < 200);
        assert!(Quoted(&"\n".repeat(60_000)).to_string().len() < 400);
    }
}
