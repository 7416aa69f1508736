//! The connection to the daemon: which socket, how long to wait, and what its refusals mean to the person.

use crate::dialog::{self, Person};
use crate::{Failure, Terminal};
use mfa_proto::admin::{INTRODUCE, Introduce};
use mfa_proto::enrollment::{AUTHORIZE, Subject};
use mfa_proto::login::Turn;
use mfa_proto::{CallError, Client, ROOT_SOCKET, SOCKET, service};
use serde::{Serialize, de::DeserializeOwned};
use std::path::Path;
use std::time::{Duration, Instant};

/// What one answer may take; a directory that is slow to answer is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// One connection. A dialog, and what it proved, live and die with it.
pub struct Daemon {
    client: Client,
    not_permitted: &'static str,
    /// What a person is told who must prove first that it is them; not asked twice.
    why: Option<&'static str>,
}

impl Daemon {
    /// Connects to `socket`, else to the one that is meant for whoever runs this.
    /// `not_permitted` is the sentence for a method that the caller may not use.
    ///
    /// # Errors
    /// Exit code 3.
    pub fn connect(socket: Option<&Path>, not_permitted: &'static str) -> Result<Self, Failure> {
        let usual = if is_root() { ROOT_SOCKET } else { SOCKET };
        let client = Client::connect(socket.unwrap_or(Path::new(usual)), Instant::now() + PATIENCE)?;
        Ok(Self { client, not_permitted, why: None })
    }

    /// Lets the person prove a factor of theirs, once, when the daemon wants that first. `why` is said before.
    #[must_use]
    pub fn proving(self, why: &'static str) -> Self {
        Self { why: Some(why), ..self }
    }

    /// Says, if root runs this, who is behind it: the login that became root. The record names it.
    ///
    /// # Errors
    /// As [`Daemon::call`].
    pub fn introduce(&mut self, program: &str) -> Result<(), Failure> {
        if !is_root() {
            return Ok(());
        }
        let who = Introduce {
            program: program.to_owned(),
            login_uid: kernel_number("/proc/self/loginuid"),
            session: kernel_number("/proc/self/sessionid"),
        };
        self.call::<_, serde_json::Value>(INTRODUCE, &who).map(|_| ())
    }

    /// Calls, and waits for the answer as long as an answer may take.
    ///
    /// # Errors
    /// Exit code 1 with the daemon's own words, or 3.
    pub fn call<P: Serialize, R: DeserializeOwned>(&mut self, method: &str, parameters: &P) -> Result<R, Failure> {
        match self.call_within(Duration::ZERO, method, parameters) {
            Err(refused) if refused.code == "authorize_first" => match self.why.take() {
                Some(why) => {
                    self.prove(why)?;
                    self.call_within(Duration::ZERO, method, parameters)
                }
                None => Err(refused),
            },
            answer => answer,
        }
    }

    fn prove(&mut self, why: &str) -> Result<(), Failure> {
        let first: Turn = self.call_within(Duration::ZERO, AUTHORIZE, &Subject { user: None })?;
        let mut terminal = Terminal::open();
        let verdict = dialog::drive(self, first, &mut Person::new(&mut terminal, Some(why)))?;
        dialog::allowed(&verdict, "Nothing was done.")
    }

    /// As [`Daemon::call`], for an answer that waits for something outside: so much longer.
    ///
    /// # Errors
    /// As [`Daemon::call`].
    pub fn call_within<P: Serialize, R: DeserializeOwned>(
        &mut self,
        longer: Duration,
        method: &str,
        parameters: &P,
    ) -> Result<R, Failure> {
        self.client.set_deadline(Instant::now() + PATIENCE + longer);
        self.client.call(method, parameters).map_err(|error| match error {
            CallError::Protocol(name) if name == service::PERMISSION_DENIED => {
                Failure::refused("permission_denied", self.not_permitted)
            }
            error => error.into(),
        })
    }
}

/// A number that the kernel keeps for this process; none where it keeps none.
fn kernel_number(path: &str) -> Option<u32> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok().filter(|number| *number != u32::MAX)
}

/// Whether root runs this.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}
