//! The program that talks to USB keys, `mfa-key`, run as whoever runs this: one process, one call, one answer.
//!
//! It gets a connection as its standard input and nothing else: no arguments, no environment, no terminal. When this
//! command ends or is interrupted, it is ended, and the key stops blinking.

use mfa_cli::{Failure, Terminal};
use mfa_proto::frame::{Decoder, Reply, encode_call};
use mfa_proto::key::{self, Answer, GRACE};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// Where it is.
const PROGRAM: &str = "/usr/libexec/mfa/mfa-key";

/// How it is started.
pub(crate) struct Program {
    path: PathBuf,
}

/// How long a process may take to stop the key, once nobody waits for its answer.
const LAST_WORDS: Timespec = Timespec { tv_sec: 1, tv_nsec: 0 };

/// A process and the connection to it. It is ended when nobody waits for it any more: told so first, so that it can stop
/// the key, then killed.
struct Running {
    child: Child,
    stream: UnixStream,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw);
        if let Some(ended) = process.and_then(|process| pidfd_open(process, PidfdFlags::empty()).ok()) {
            let _ = poll(&mut [PollFd::new(&ended, PollFlags::IN)], Some(&LAST_WORDS));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Program {
    /// The one that is installed; a test's own, where there is a folder of those.
    pub(crate) fn installed(programs: Option<&std::path::Path>) -> Self {
        Self { path: programs.map_or_else(|| PROGRAM.into(), |folder| folder.join("mfa-key")) }
    }

    /// Asks, and waits as long as the operation may take, and a little.
    ///
    /// # Errors
    /// The program is not there, says nothing that can be read, or nothing in time; or the person interrupts.
    pub(crate) fn call<P: Serialize, R: DeserializeOwned>(
        &self,
        terminal: &mut Terminal,
        (method, parameters): (&str, &P),
        seconds: u32,
    ) -> Result<Result<R, key::Failure>, Failure> {
        let until = Instant::now() + Duration::from_secs((seconds + GRACE).into());
        let call = encode_call(method, parameters).map_err(|error| silent(&error))?;
        let mut running = self.start()?;
        running.stream.write_all(&call).map_err(|error| silent(&error))?;
        let frame = answer(&mut running.stream, terminal, until)?;
        let reply = Reply::parse(&frame).map_err(|error| silent(&error))?;
        if let Some(error) = reply.error {
            return Err(silent(&error));
        }
        let answer: Answer<R> = reply.parameters().map_err(|error| silent(&error))?;
        Ok(answer.into_result())
    }

    /// In a process group of its own, so that Ctrl-C is heard here alone, and ends it from here.
    fn start(&self) -> Result<Running, Failure> {
        let (stream, theirs) = UnixStream::pair().map_err(|error| self.not_started(&error))?;
        let started = Command::new(&self.path)
            .env_clear()
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ok(Running { child: started.map_err(|error| self.not_started(&error))?, stream })
    }

    fn not_started(&self, error: &io::Error) -> Failure {
        let path = self.path.display();
        Failure::refused(
            "key_program",
            format!("{path}, which talks to security keys, cannot be started: {error}. Tell your administrator."),
        )
    }
}

/// Waits for one frame.
fn answer(stream: &mut UnixStream, terminal: &mut Terminal, until: Instant) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut inbox = Decoder::default();
    let mut piece = [0u8; 4096];
    loop {
        if let Some(frame) = inbox.next_frame() {
            return Ok(frame);
        }
        if !terminal.wait_for(stream.as_fd(), until)? {
            return Err(silent(&"no answer in time"));
        }
        match stream.read(&mut piece).map_err(|error| silent(&error))? {
            0 => return Err(silent(&"it ended")),
            read => inbox.push(piece.get(..read).unwrap_or_default()).map_err(|error| silent(&error))?,
        }
    }
}

fn silent(why: &dyn std::fmt::Display) -> Failure {
    let why = mfa_cli::printable::line(&why.to_string());
    Failure::refused(
        "key_program",
        format!("The program that talks to security keys gave no answer that can be used ({why}). Try again."),
    )
}
