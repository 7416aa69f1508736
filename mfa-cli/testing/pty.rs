//! A person at a terminal, for tests: sees what a command prints, and types when a question is there.
#![allow(dead_code)] // each test uses what it needs

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Termios, Winsize, tcgetattr, tcsetwinsize};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Person {
    master: File,
    slave: File,
    child: Child,
    seen: String,
    read: usize,
}

impl Person {
    /// Starts the command on a terminal of 80 columns and 24 rows.
    pub(crate) fn at(command: &mut Command) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = OpenOptions::new().read(true).write(true).open(name).unwrap();
        tcsetwinsize(&slave, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let end = || OwnedFd::from(slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        Self { master: File::from(master), slave, child, seen: String::new(), read: 0 }
    }

    /// Waits until the text is on the screen, and returns all that came before it since the last such wait.
    pub(crate) fn sees(&mut self, text: &str) -> String {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen[self.read..].find(text) {
                let before = self.seen[self.read..self.read + at].to_owned();
                self.read += at + text.len();
                return before;
            }
            assert!(Instant::now() < deadline, "{text:?} did not come after:\n{}", &self.seen[self.read..]);
            self.look(deadline);
        }
    }

    pub(crate) fn types(&mut self, line: &str) {
        self.master.write_all(line.as_bytes()).unwrap();
        self.master.write_all(b"\n").unwrap();
    }

    pub(crate) fn presses_ctrl_c(&mut self) {
        self.master.write_all(&[3]).unwrap();
    }

    /// How the terminal is set now.
    pub(crate) fn modes(&self) -> Termios {
        tcgetattr(&self.slave).unwrap()
    }

    /// How the terminal is set once the command has ended.
    pub(crate) fn modes_at_the_end(&mut self) -> Termios {
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "the command does not end:\n{}", &self.seen);
            self.look(Instant::now() + Duration::from_millis(5));
        }
        self.modes()
    }

    /// Waits for the command to end; returns how it did, and everything that was on the screen.
    pub(crate) fn leaves(mut self) -> (ExitStatus, String) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look(Instant::now() + Duration::from_millis(20));
            if let Some(status) = self.child.try_wait().unwrap() {
                while self.look(Instant::now()) {}
                return (status, self.seen);
            }
            assert!(Instant::now() < deadline, "the command does not end:\n{}", &self.seen);
        }
    }

    /// Reads what there is, or waits for some until the deadline; false if none came.
    fn look(&mut self, deadline: Instant) -> bool {
        use rustix::event::{PollFd, PollFlags, Timespec, poll};
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = Timespec { tv_sec: 0, tv_nsec: i64::try_from(left.as_nanos().min(100_000_000)).unwrap() };
        let mut watched = [PollFd::new(&self.master, PollFlags::IN)];
        poll(&mut watched, Some(&wait)).unwrap();
        if watched[0].revents().is_empty() {
            return false;
        }
        let mut piece = [0u8; 65536];
        // The error is the terminal's end: nobody holds its other side any more.
        let read = self.master.read(&mut piece).unwrap_or(0);
        self.seen.push_str(&String::from_utf8_lossy(&piece[..read]));
        read > 0
    }
}
