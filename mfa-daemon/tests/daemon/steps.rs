//! Steps of a running daemon, counted and struck: a step is a call to the system that changes a file, or takes from or
//! gives to a socket. At the one that a test chose, the daemon is killed, or the system fails it (tests/fakes).

use crate::support::{Daemon, Place};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::process::{Command, Stdio};

/// How a step is struck.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Manner {
    /// Killed before it.
    DiesBefore = 1,
    /// Killed when half of what was to be written is.
    DiesHalfway,
    /// Killed after it.
    DiesAfter,
    /// An error of the device; of files alone.
    Fails,
    /// No space; of files alone.
    IsFull,
    /// An error of the device, though it was done; of files alone.
    FailsThoughDone,
}

impl Manner {
    /// The ways to be killed.
    pub(crate) const DEATHS: [Self; 3] = [Self::DiesBefore, Self::DiesHalfway, Self::DiesAfter];
    /// The ways to be failed.
    pub(crate) const FAILURES: [Self; 3] = [Self::Fails, Self::IsFull, Self::FailsThoughDone];
}

/// The page that the test shares with the daemon: what is left until the strike, its manner, what has passed.
pub(crate) struct Steps<'a> {
    place: &'a Place,
    page: File,
}

impl<'a> Steps<'a> {
    pub(crate) fn of(place: &'a Place) -> Self {
        place.write("steps", &[0; 24], 0o666);
        let page = OpenOptions::new().read(true).write(true).open(place.path("steps")).unwrap();
        Self { place, page }
    }

    pub(crate) fn place(&self) -> &'a Place {
        self.place
    }

    /// A command that starts a daemon whose steps are counted.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.place.command();
        command.env("FAKE_STEPS", self.place.path("steps"));
        command
    }

    /// The step to be struck, counted from now; 1 is the next one, 0 is none.
    pub(crate) fn strike(&self, step: i64, manner: Manner) {
        self.page.write_all_at(&0i64.to_ne_bytes(), 0).unwrap();
        self.page.write_all_at(&[(manner as i64).to_ne_bytes(), 0i64.to_ne_bytes()].concat(), 8).unwrap();
        self.page.write_all_at(&step.to_ne_bytes(), 0).unwrap();
    }

    /// Nothing is struck any more.
    pub(crate) fn spare(&self) {
        self.page.write_all_at(&0i64.to_ne_bytes(), 0).unwrap();
    }

    /// Steps since [`Steps::strike`].
    pub(crate) fn passed(&self) -> i64 {
        self.number(16)
    }

    fn number(&self, at: u64) -> i64 {
        let mut bytes = [0; 8];
        self.page.read_exact_at(&mut bytes, at).unwrap();
        i64::from_ne_bytes(bytes)
    }

    /// Starts a daemon that may be struck while it starts: nothing if it was killed.
    pub(crate) fn start_under_strike(&self) -> Option<Daemon<'a>> {
        let mut daemon = self.place.launch(&mut self.command(), Stdio::piped());
        loop {
            if daemon.errors.count("policy in force") > 0 {
                return Some(daemon);
            }
            if !daemon.is_alive() {
                return None;
            }
            daemon.errors.wait_for_more();
        }
    }
}
