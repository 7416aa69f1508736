//! How far a slow listing has come, for a person who waits: on standard error, from the second second on.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Nobody needs to be told about less.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two tellings.
const PACE: Duration = Duration::from_millis(200);

/// A line that is rewritten in place, and gone before anything else is printed.
pub(crate) struct Progress {
    shown_to: Option<io::Stderr>,
    next: Instant,
    is_shown: bool,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        let stderr = io::stderr();
        Self { shown_to: stderr.is_terminal().then_some(stderr), next: Instant::now() + PATIENCE, is_shown: false }
    }

    /// So many so far.
    pub(crate) fn tell(&mut self, count: usize, what: &str) {
        if let Some(stderr) = self.shown_to.as_mut().filter(|_| Instant::now() >= self.next) {
            let _ = write!(stderr, "\r{count} {what} read ");
            self.next = Instant::now() + PACE;
            self.is_shown = true;
        }
    }

    /// Takes the line away, for good.
    pub(crate) fn end(&mut self) {
        if let Some(stderr) = self.shown_to.take().filter(|_| self.is_shown).as_mut() {
            let _ = write!(stderr, "\r{:40}\r", "");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end();
    }
}
