//! The one connection of a login, with the one deadline that everything in it has: connecting, every call, and the
//! time a person takes to type.

use mfa_proto::login::{ANSWER, Answer, BEGIN, Begin, Turn, WAIT};
use mfa_proto::{CallError, Client, ConnectError, ROOT_SOCKET, SOCKET, Secret};
use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
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

/// A connection to the daemon, for one dialog.
pub(crate) struct Link {
    client: Client,
    deadline: Instant,
}

impl Link {
    /// Connects; from now on the whole login has `timeout`.
    ///
    /// # Errors
    /// [`Unreached`].
    pub(crate) fn open(socket: &Path, timeout: Duration) -> Result<Self, Unreached> {
        let deadline = Instant::now().checked_add(timeout).ok_or(Unreached::Other(ConnectError::TimedOut))?;
        match Client::connect(socket, deadline) {
            Ok(client) => Ok(Self { client, deadline }),
            Err(ConnectError::NothingListens) => Err(Unreached::NothingListens(NothingListens(()))),
            Err(other) => Err(Unreached::Other(other)),
        }
    }

    /// Whether the time for the whole login is over.
    pub(crate) fn is_late(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// Begins the dialog.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn begin(&mut self, begin: &Begin) -> Result<Turn, CallError> {
        self.client.call(BEGIN, begin)
    }

    /// Answers what the last turn asked.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn answer(&mut self, answer: Secret) -> Result<Turn, CallError> {
        self.client.call(ANSWER, &Answer { answer })
    }

    /// Waits for what the last turn waits for.
    ///
    /// # Errors
    /// [`CallError`]
    pub(crate) fn wait(&mut self) -> Result<Turn, CallError> {
        self.client.call(WAIT, &BTreeMap::<String, String>::new())
    }
}
