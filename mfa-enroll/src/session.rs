//! One run of the command: whose factors, the connection, the screen and the keyboard.
//!
//! A change is made here and nowhere else: whoever already has a factor proves it first, on the same connection.

use clap::Args;
use mfa_cli::dialog::{self, Person};
use mfa_cli::{Daemon, Exit, Failure, Screen, Terminal};
use mfa_proto::enrollment::{AUTHORIZE, Enrolled, STATUS, Subject};
use serde::{Serialize, de::DeserializeOwned};
use std::path::{Path, PathBuf};

const NOT_PERMITTED: &str = "Only root may look at or change another account. Leave --user out, or run it with sudo.";

/// Options of every command.
#[derive(Args)]
pub(crate) struct Shared {
    /// Another account's factors (root only)
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) user: Option<String>,
    /// Data for scripts instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// The daemon's socket, for one that was started by hand
    #[arg(long, global = true, value_name = "PATH", hide = true)]
    pub(crate) socket: Option<PathBuf>,
    /// A folder with the programs that are started: in builds for tests alone, so that nobody who may run this as root
    /// may run anything as root
    #[cfg(debug_assertions)]
    #[arg(long, global = true, value_name = "FOLDER", hide = true)]
    pub(crate) programs: Option<PathBuf>,
}

/// What every command works with.
pub(crate) struct Session {
    shared: Shared,
    pub(crate) daemon: Daemon,
    pub(crate) screen: Screen,
    pub(crate) terminal: Terminal,
    authorized: bool,
}

impl Session {
    pub(crate) fn begin(shared: Shared) -> Result<Self, Failure> {
        let daemon = Daemon::connect(shared.socket.as_deref(), NOT_PERMITTED)?;
        Ok(Self { shared, daemon, screen: Screen::open(), terminal: Terminal::open(), authorized: false })
    }

    /// Whether a script reads the output.
    pub(crate) fn json(&self) -> bool {
        self.shared.json
    }

    /// The account that was named, if one was.
    pub(crate) fn user(&self) -> Option<String> {
        self.shared.user.clone()
    }

    /// The folder of the programs that are started, where a test has its own.
    pub(crate) fn programs(&self) -> Option<&Path> {
        #[cfg(debug_assertions)]
        return self.shared.programs.as_deref();
        #[cfg(not(debug_assertions))]
        None
    }

    /// Whether somebody reads and types here: then there may be questions, else never.
    pub(crate) fn is_interactive(&self) -> bool {
        !self.json() && self.screen.is_terminal() && self.terminal.is_interactive()
    }

    /// What the account has. A daemon that hung up since the last call (a person takes their time, and it may have
    /// been restarted) is connected to anew; asking again does no harm here.
    pub(crate) fn status(&mut self) -> Result<Enrolled, Failure> {
        let subject = self.subject();
        match self.daemon.call(STATUS, &subject) {
            Err(lost) if lost.exit == Exit::Unreachable => {
                self.daemon = Daemon::connect(self.shared.socket.as_deref(), NOT_PERMITTED)?;
                self.authorized = false;
                self.daemon.call(STATUS, &subject)
            }
            answer => answer,
        }
    }

    /// Changes something, after a factor was proved if the account has one.
    pub(crate) fn change<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
    ) -> Result<R, Failure> {
        if self.status()?.authorize && !self.authorized {
            self.authorize()?;
        }
        self.attempt(method, parameters)
    }

    /// Changes something that the daemon may take without a proof; if it does not, the proof is asked for.
    pub(crate) fn attempt<P: Serialize, R: DeserializeOwned>(
        &mut self,
        method: &str,
        parameters: &P,
    ) -> Result<R, Failure> {
        match self.daemon.call(method, parameters) {
            Err(refused) if refused.code == "authorize_first" => {
                self.authorize()?;
                self.daemon.call(method, parameters)
            }
            answer => answer,
        }
    }

    pub(crate) fn subject(&self) -> Subject {
        Subject { user: self.user() }
    }

    fn authorize(&mut self) -> Result<(), Failure> {
        let first = self.daemon.call(AUTHORIZE, &self.subject())?;
        let why = "To change your factors, prove it is you.";
        let mut person = Person::new(&mut self.terminal, Some(why));
        let verdict = dialog::drive(&mut self.daemon, first, &mut person)?;
        dialog::allowed(&verdict, "Nothing was changed.")?;
        self.authorized = true;
        Ok(())
    }
}
