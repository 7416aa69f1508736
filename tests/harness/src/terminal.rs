//! A person at a terminal: waits for what the screen shows, types, and remembers all of it. Every wait has a deadline,
//! and every error carries the whole transcript.

use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

use crate::command::{DEFAULT_SIGNALS, become_user, enter};
use crate::guest::Machine;
use crate::keeper::Engine;
use crate::lab::Lab;
use crate::pty::{self, Pty};

/// How long the screen may take to show what is expected, unless [`Terminal::patience`] says otherwise.
fn patience(lab: &Lab) -> Duration {
    Duration::from_secs(match lab.keeper().engine() {
        Engine::Container => 30,
        Engine::Machine(_) => 120,
    })
}

/// A program on a terminal, and the person before it. Dropping it hangs up.
#[derive(Debug)]
pub struct Terminal {
    what: String,
    person: OwnedFd,
    program: Child,
    hostname: String,
    patience: Duration,
    transcript: String,
    read: usize,
    partial: Vec<u8>,
}

/// Why the screen did not show what the scenario expected. Prints the transcript.
#[derive(Debug)]
pub struct TerminalError {
    what: String,
    why: Why,
    transcript: String,
}

#[derive(Debug)]
enum Why {
    Start(io::Error),
    Io(io::Error),
    Late(String),
    Ended(String, ExitStatus),
    LetIn(i32),
}

impl fmt::Display for TerminalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = &self.what;
        match &self.why {
            Why::Start(error) => write!(f, "{what} did not start: {error}")?,
            Why::Io(error) => write!(f, "{what}: the terminal failed: {error}")?,
            Why::Late(wanted) => write!(f, "{what}: waited in vain for {wanted}")?,
            Why::Ended(wanted, status) => write!(f, "{what} ended ({status}) before {wanted}")?,
            Why::LetIn(code) => write!(f, "{what} should have been denied, and ended with {code}")?,
        }
        write!(f, "\n--- transcript\n{}\n---", self.transcript)
    }
}

impl std::error::Error for TerminalError {}

impl TerminalError {
    /// Whether nothing came in time: the program neither said what was expected nor ended.
    pub fn is_silence(&self) -> bool {
        matches!(self.why, Why::Late(_))
    }

    /// Whether the program ended before it said what was expected.
    pub fn has_ended(&self) -> bool {
        matches!(self.why, Why::Ended(..))
    }
}

impl Terminal {
    pub(crate) fn outside(lab: &Lab, what: &str, args: &[String]) -> Result<Self, TerminalError> {
        let mut command = Command::new("setsid");
        command
            .arg("--ctty")
            .args(DEFAULT_SIGNALS)
            .args(["nsenter", "--net", "--target", &lab.leader().to_string(), "--"])
            .args(args)
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("HOME", lab.keeper().state())
            .env("LANG", "C.UTF-8")
            .env("TERM", "dumb");
        Self::start(lab, what.to_owned(), command, pty::outside())
    }

    pub(crate) fn inside(lab: &Lab, user: Option<&str>, args: &[String]) -> Result<Self, TerminalError> {
        let what = args.join(" ");
        let failed = |why| TerminalError { what: what.clone(), why, transcript: String::new() };
        let uid = user.map_or_else(|| Ok("0".into()), |user| lab.run(["id", "-u", user]).map(|output| output.stdout));
        let uid = uid.map_err(|error| failed(Why::Start(io::Error::other(error))))?;
        let uid = uid.trim().parse().map_err(|_| failed(Why::Start(io::Error::other("no such user"))))?;
        let words = [become_user(user), args.to_owned()].concat();
        if let Engine::Machine(_) = lab.keeper().engine() {
            let command = Machine::enter(lab.keeper().state(), true, &Machine::on_own_terminal(uid, &words));
            return Self::start(lab, what.clone(), command, pty::outside());
        }
        let session = ["setsid", "--ctty", "--wait"].map(str::to_owned);
        let command = enter(lab.keeper(), &[&session, &words[..]].concat());
        Self::start(lab, what.clone(), command, pty::inside(lab.leader(), uid))
    }

    fn start(lab: &Lab, what: String, mut command: Command, pty: io::Result<Pty>) -> Result<Self, TerminalError> {
        let started = pty.and_then(|Pty { person, program }| {
            let child = command.stdin(program.try_clone()?).stdout(program.try_clone()?).stderr(program).spawn()?;
            // The command holds copies of the program's end; without them, our end learns when the program closes its own.
            drop(command);
            Ok((person, child))
        });
        match started {
            Ok((person, program)) => Ok(Self {
                what,
                person,
                program,
                hostname: lab.hostname().to_owned(),
                patience: patience(lab),
                transcript: String::new(),
                read: 0,
                partial: Vec::new(),
            }),
            Err(error) => Err(TerminalError { what, why: Why::Start(error), transcript: String::new() }),
        }
    }

    /// How long each later wait may take.
    pub fn patience(&mut self, patience: Duration) -> &mut Self {
        self.patience = patience;
        self
    }

    /// Waits until the screen shows that text after what was expected before; returns what came in between.
    pub fn expect(&mut self, text: &str) -> Result<String, TerminalError> {
        self.expect_any(&[text]).map(|(_, before)| before)
    }

    /// Waits for a prompt and types a line; returns what came before the prompt.
    pub fn answer(&mut self, prompt: &str, line: &str) -> Result<String, TerminalError> {
        let before = self.expect(prompt)?;
        self.send_line(line)?;
        Ok(before)
    }

    /// Waits for the first of several texts; returns which one it is, and what came before it.
    pub fn expect_any(&mut self, texts: &[&str]) -> Result<(usize, String), TerminalError> {
        let wanted = texts.iter().map(|text| format!("{text:?}")).collect::<Vec<_>>().join(" or ");
        self.wait_for(&wanted, |unread| {
            let found = texts.iter().enumerate().filter_map(|(which, text)| unread.find(text).map(|at| (at, which)));
            let (at, which) = found.min()?;
            Some(((which, unread[..at].to_owned()), at + texts[which].len()))
        })
    }

    /// Waits for the prompt of a shell in the lab; returns what came before it.
    pub fn expect_shell(&mut self) -> Result<String, TerminalError> {
        let host = format!("@{}:", self.hostname);
        self.wait_for("a shell", |unread| {
            let prompt = unread.rfind(&host)?;
            let ends = unread.ends_with("$ ") || unread.ends_with("# ");
            ends.then(|| (unread[..prompt].to_owned(), unread.len()))
        })
    }

    /// In a shell: runs a line, returns what it printed.
    pub fn run(&mut self, line: &str) -> Result<String, TerminalError> {
        self.send_line(line)?;
        let shown = self.expect_shell()?;
        let answer = shown.strip_prefix(line).unwrap_or(&shown).trim_start_matches('\n');
        Ok(answer.rsplit_once('\n').map_or("", |(answer, _user)| answer).to_owned())
    }

    /// Waits until the program ends; returns its exit code as a shell tells it: 255 when ssh was denied, 128 and the
    /// number when a signal ended it.
    pub fn expect_closed(&mut self) -> Result<i32, TerminalError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some(status) = self.read_on("its end", deadline)? {
                self.read = self.transcript.len();
                return Ok(status.code().or(status.signal().map(|signal| 128 + signal)).unwrap_or(-1));
            }
        }
    }

    /// Waits until the program ends without success and without ever having shown a shell; returns what it last said.
    pub fn expect_denied(&mut self) -> Result<String, TerminalError> {
        let unread = self.read;
        let code = self.expect_closed()?;
        let shell = self.transcript.contains(&format!("@{}:", self.hostname));
        if code == 0 || shell {
            return Err(self.error(Why::LetIn(code)));
        }
        Ok(self.transcript[unread..].to_owned())
    }

    /// Types a line and presses Enter.
    pub fn send_line(&mut self, line: &str) -> Result<(), TerminalError> {
        self.send(&format!("{line}\r"))
    }

    /// Types without Enter; `"\x03"` is Ctrl-C.
    pub fn send(&mut self, keys: &str) -> Result<(), TerminalError> {
        let mut keys = keys.as_bytes();
        let deadline = Instant::now() + self.patience;
        while !keys.is_empty() {
            match rustix::io::write(&self.person, keys) {
                Ok(written) => keys = &keys[written..],
                Err(Errno::AGAIN) if Instant::now() < deadline => self.take_in(Duration::from_millis(20))?,
                Err(error) => return Err(self.error(Why::Io(error.into()))),
            }
        }
        Ok(())
    }

    /// Everything the screen has shown so far.
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    /// Hangs up, as when the line is cut.
    pub fn hang_up(self) {
        drop(self);
    }

    /// Reads until `look` finds what it wants in the unread text (what it found, how much of the text is then read).
    fn wait_for<T>(&mut self, wanted: &str, look: impl Fn(&str) -> Option<(T, usize)>) -> Result<T, TerminalError> {
        let deadline = Instant::now() + self.patience;
        loop {
            if let Some((found, length)) = look(&self.transcript[self.read..]) {
                self.read += length;
                return Ok(found);
            }
            if let Some(status) = self.read_on(wanted, deadline)? {
                return Err(self.error(Why::Ended(wanted.to_owned(), status)));
            }
        }
    }

    /// Reads a little more. The exit status once the program has ended and all it said has been read.
    fn read_on(&mut self, wanted: &str, deadline: Instant) -> Result<Option<ExitStatus>, TerminalError> {
        // First whether it has ended, then what it said: so nothing it said before its end is missed.
        let status = self.program.try_wait().map_err(|error| self.error(Why::Io(error)))?;
        let before = self.transcript.len();
        self.take_in(Duration::from_millis(if status.is_some() { 0 } else { 20 }))?;
        if status.is_some() && self.transcript.len() == before {
            return Ok(status);
        }
        if Instant::now() >= deadline {
            return Err(self.error(Why::Late(wanted.to_owned())));
        }
        Ok(None)
    }

    /// Takes in what the program has written, waiting `at_most` for it.
    fn take_in(&mut self, at_most: Duration) -> Result<(), TerminalError> {
        let mut ready = [PollFd::new(&self.person, PollFlags::IN)];
        let wait = Timespec { tv_sec: 0, tv_nsec: at_most.subsec_nanos().into() };
        match poll(&mut ready, Some(&wait)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(self.error(Why::Io(error.into()))),
        }
        let mut buffer = [0; 4096];
        match rustix::io::read(&self.person, &mut buffer) {
            Ok(length) => self.show(&buffer[..length]),
            Err(Errno::AGAIN | Errno::INTR) => {}
            // Nobody has the other end open: `login` between two opens, or the end. The program's exit tells which.
            Err(Errno::IO) => std::thread::sleep(at_most.min(Duration::from_millis(5))),
            Err(error) => return Err(self.error(Why::Io(error.into()))),
        }
        Ok(())
    }

    /// Appends to the transcript: whole characters only, without carriage returns.
    fn show(&mut self, bytes: &[u8]) {
        self.partial.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.partial) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.partial.len(),
        };
        let rest = self.partial.split_off(whole);
        self.transcript.push_str(&String::from_utf8_lossy(&self.partial).replace('\r', ""));
        self.partial = rest;
    }

    fn error(&self, why: Why) -> TerminalError {
        TerminalError { what: self.what.clone(), why, transcript: self.transcript.clone() }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}
