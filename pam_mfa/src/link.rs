//! The one connection of a login, with the one deadline that everything in it has: connecting, every call, and the
//! time a person takes to type.

use mfa_proto::login::{ANSWER, Answer, BEGIN, Begin, DUE, Due, LONGEST_LOGIN, Turn, WAIT};
use mfa_proto::{CallError, Client, ConnectError, ROOT_SOCKET, SOCKET};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Proof that nothing listens: no socket, or nobody behind it. The one failure a stack may let pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NothingListens(());

/// Why there is no link.
#[derive(Debug)]
pub(crate) enum Unreached {
    /// `ENOENT` or `ECONNREFUSED`.
    NothingListens(NothingListens),
    /// Everything else: a listener that must not be, a full backlog, no permission.
    Other(ConnectError),
}

impl fmt::Display for Unreached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingListens(_) => ConnectError::NothingListens.fmt(f),
            Self::Other(error) => error.fmt(f),
        }
    }
}

/// The socket for this process: root's own, which no local user can crowd, or everybody's.
pub(crate) fn socket() -> &'static Path {
    Path::new(if rustix::process::geteuid().is_root() { ROOT_SOCKET } else { SOCKET })
}

/// How long the daemon may take for an answer that waits for nothing outside. Shorter than a login, so that there is
/// time left for a break-glass code where sshd itself ends logins after two minutes.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);

/// A connection to the daemon, for one dialog.
pub(crate) struct Link {
    client: Client,
    socket: PathBuf,
    /// Whether a daemon that was restarted has been called again. Once is enough for an upgrade.
    called_again: bool,
    opened: Instant,
    timeout: Duration,
    deadline: Instant,
}

impl Link {
    /// Connects; from now on the whole login has `timeout`, or longer while somebody enrolls.
    ///
    /// # Errors
    /// [`Unreached`].
    pub(crate) fn open(socket: &Path, timeout: Duration) -> Result<Self, Unreached> {
        let opened = Instant::now();
        let deadline = opened.checked_add(timeout).ok_or(Unreached::Other(ConnectError::TimedOut))?;
        match connect(socket, deadline) {
            Ok(client) => {
                Ok(Self { client, socket: socket.to_owned(), called_again: false, opened, timeout, deadline })
            }
            Err(ConnectError::NothingListens) => Err(Unreached::NothingListens(NothingListens(()))),
            Err(other) => Err(Unreached::Other(other)),
        }
    }

    /// Connects once more to a daemon that has hung up, as it does when it is restarted; once in a login, whose deadline
    /// stays what it is. Nothing is known there of the dialog that was. Whether it is connected again.
    pub(crate) fn call_again(&mut self) -> bool {
        if std::mem::replace(&mut self.called_again, true) {
            return false;
        }
        match connect(&self.socket, self.deadline) {
            Ok(client) => {
                self.client = client;
                true
            }
            Err(_) => false,
        }
    }

    /// Whether the time for the whole login is over.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Asks whether the dialog would ask for a code.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn due(&mut self, begin: &Begin) -> Result<Due, CallError> {
        self.set_deadline(LONGEST_ANSWER);
        match self.client.call(DUE, begin) {
            Err(CallError::HungUp) if self.call_again() => {
                self.set_deadline(LONGEST_ANSWER);
                self.client.call(DUE, begin)
            }
            told => told,
        }
    }

    /// Begins the dialog.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn begin(&mut self, begin: &Begin) -> Result<Turn, CallError> {
        match self.call(BEGIN, begin, LONGEST_ANSWER) {
            Err(CallError::HungUp) if self.call_again() => self.call(BEGIN, begin, LONGEST_ANSWER),
            begun => begun,
        }
    }

    /// Answers what the last turn asked.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn answer(&mut self, answer: &Answer) -> Result<Turn, CallError> {
        self.call(ANSWER, answer, LONGEST_ANSWER)
    }

    /// Waits for what the last turn waits for: so many seconds, and then as long as any answer may take.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn wait(&mut self, at_most: u32) -> Result<Turn, CallError> {
        let longest = LONGEST_ANSWER.saturating_add(Duration::from_secs(at_most.into()));
        self.call(WAIT, &BTreeMap::<String, String>::new(), longest)
    }

    /// A person may be given longer, the daemon never is.
    fn call(&mut self, method: &str, parameters: &impl Serialize, longest: Duration) -> Result<Turn, CallError> {
        self.set_deadline(longest);
        let turn: Turn = self.client.call(method, parameters)?;
        if let Some(seconds) = turn.patience {
            let patience = Duration::from_secs(seconds.min(LONGEST_LOGIN).into());
            self.deadline = self.opened.checked_add(patience).map_or(self.deadline, |later| self.deadline.max(later));
        }
        Ok(turn)
    }

    fn set_deadline(&mut self, longest: Duration) {
        let answered_by = Instant::now().checked_add(longest.min(self.timeout)).unwrap_or(self.deadline);
        self.client.set_deadline(self.deadline.min(answered_by));
    }
}

fn connect(socket: &Path, deadline: Instant) -> Result<Client, ConnectError> {
    let soon = Instant::now().checked_add(LONGEST_ANSWER);
    Client::connect(socket, soon.map_or(deadline, |soon| soon.min(deadline)))
}

#[cfg(test)]
#[path = "link_tests.rs"]
mod tests;
