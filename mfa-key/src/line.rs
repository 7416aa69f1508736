//! The line to a key: whole reports, one at a time, with a deadline, and only those that are meant for us.
//!
//! Several programs may talk to a key at once, each on a channel of its own, and all of them see every report of the
//! key. What belongs to another channel, or answers somebody else's `INIT`, is passed over here. Whoever started the
//! operation may hang up meanwhile; then no wait goes on.
//!
//! Programs lock a key to take turns at it. A turn is respected while the key is at work for whoever has it; a lock and
//! nothing behind it keeps nobody from the key for longer than a second.

use mfa_proto::key::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// A report, without its number.
const REPORT: usize = 64;
/// How often a key that another program holds is looked at again.
pub(crate) const NEXT_TURN: Duration = Duration::from_millis(50);
/// How long a lock keeps us from a key that is silent. At work it says so every 100 ms (CTAP 2.1, section 11.2.9.2.1),
/// and one that knows U2F alone is asked as often whether it was touched; a machine may be slow.
pub(crate) const QUIET: Duration = Duration::from_secs(1);
/// How long a key may take to take a report once the operation has ended: enough to be told to stop blinking.
const LAST_WORD: Duration = Duration::from_millis(100);
/// `INIT`, and an error, as they stand in a report; the error that another program's channel is being served.
const INIT: u8 = 0x86;
const ERROR: u8 = 0xbf;
const CHANNEL_BUSY: u8 = 0x06;

/// How long an operation may go on, and for whom.
#[derive(Clone)]
pub(crate) struct Within {
    /// It ends then, whatever the key does.
    pub(crate) until: Instant,
    /// It ends when this connection does.
    pub(crate) caller: Arc<OwnedFd>,
}

/// Why a line carries nothing any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// The time is up.
    Late,
    /// The caller hung up.
    HungUp,
    /// The key is gone.
    Gone,
    /// The key is serving another program, which took no turn.
    Busy,
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Late => Self::TimedOut,
            Trouble::HungUp => Self::Failed { detail: "the caller hung up".into() },
            Trouble::Gone => Self::Unplugged,
            Trouble::Busy => Self::Busy,
        }
    }
}

/// What the owner of a device can see and change of its line, which libfido2 holds.
#[derive(Clone)]
pub(crate) struct Watch(Arc<Mutex<(Within, Option<Trouble>)>>);

impl Watch {
    /// A line that may be used as long as that.
    pub(crate) fn new(within: Within) -> Self {
        Self(Arc::new(Mutex::new((within, None))))
    }

    /// From now on the line may be used until then.
    pub(crate) fn set_until(&self, until: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.until = until;
    }

    /// What has gone wrong on the line.
    pub(crate) fn trouble(&self) -> Option<Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1
    }

    fn within(&self) -> Within {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    fn note(&self, trouble: Trouble) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).1.get_or_insert(trouble);
    }
}

/// An open port: reports go in and out. A node of the kernel, or, in tests, a connection to a virtual key.
pub struct Wire {
    /// Carries one report a read and one a write. It must not block.
    pub io: OwnedFd,
    /// What programs lock to take turns at this key; absent, `io` itself.
    pub turn: Option<File>,
    /// Whether a report is written with its number, a zero byte, before it, as the kernel's nodes want it.
    pub numbered: bool,
}

/// A wire in use.
pub(crate) struct Line {
    wire: Wire,
    watch: Watch,
    /// The channel we talk on: of the last report that was written.
    channel: [u8; 4],
    /// What the answer to our last `INIT` repeats.
    nonce: Option<[u8; 8]>,
}

impl Line {
    /// Waits until no other program uses the key, and takes it.
    ///
    /// Whoever could ever open the key may have locked it for good, and be gone from the desk. So a lock is waited for as
    /// long as the key is heard to be at work, and for [`QUIET`] after that. To go on at once would spoil the turn of
    /// programs which take an answer to somebody else for a broken one to them.
    ///
    /// # Errors
    /// `Busy` when the time is up before that; `Unplugged`.
    pub(crate) fn take(wire: Wire, watch: &Watch) -> Result<Self, Failure> {
        let within = watch.within();
        let mut heard = Instant::now();
        loop {
            let held = wire.turn.as_ref().map_or_else(|| wire.io.as_fd(), AsFd::as_fd);
            match flock(held, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => break,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(errno) => return Err(Failure::Failed { detail: format!("the key cannot be locked: {errno}") }),
            }
            if heard.elapsed() >= QUIET {
                break;
            }
            let left = left(within.until).ok_or(Failure::Busy)?;
            if listen(&wire.io, &within, left.min(NEXT_TURN))? {
                heard = Instant::now();
            }
        }
        Ok(Self { wire, watch: watch.clone(), channel: [0xff; 4], nonce: None })
    }

    /// The next report that is meant for us.
    pub(crate) fn read(&mut self, report: &mut [u8]) -> Option<usize> {
        loop {
            self.wait(PollFlags::IN, None)?;
            match rustix::io::read(&self.wire.io, &mut *report) {
                Ok(REPORT) if self.is_for_us(report) => {
                    if (report.get(4), report.get(7)) == (Some(&ERROR), Some(&CHANNEL_BUSY)) {
                        self.watch.note(Trouble::Busy); // libfido2 only says that it understands no answer
                    }
                    return Some(REPORT);
                }
                Ok(REPORT) => {}
                // The other end of a connection is gone, or a report is not one.
                Ok(0) => return self.end(Trouble::Gone),
                Ok(_) => return None,
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return self.end(Trouble::Gone),
            }
        }
    }

    /// Sends a report, which libfido2 gives with its number. After the end of the operation a last word may be said.
    pub(crate) fn write(&mut self, numbered: &[u8]) -> Option<usize> {
        let report = numbered.get(1..)?;
        self.channel = report.get(..4)?.try_into().ok()?;
        if report.get(4) == Some(&INIT) {
            self.nonce = report.get(7..15).and_then(|nonce| nonce.try_into().ok());
        }
        loop {
            self.wait(PollFlags::OUT, Some(LAST_WORD))?;
            match rustix::io::write(&self.wire.io, if self.wire.numbered { numbered } else { report }) {
                Ok(_) => return Some(numbered.len()),
                Err(Errno::AGAIN | Errno::INTR) => {}
                Err(_) => return self.end(Trouble::Gone),
            }
        }
    }

    fn is_for_us(&self, report: &[u8]) -> bool {
        if report.get(..4) != Some(&self.channel) {
            return false;
        }
        report.get(4) != Some(&INIT) || self.nonce.as_ref().is_none_or(|nonce| report.get(7..15) == Some(nonce))
    }

    /// Waits until the wire is ready; `None` is the end. With a `grace`, the end comes that much later.
    fn wait(&self, ready: PollFlags, grace: Option<Duration>) -> Option<()> {
        let Within { until, caller } = self.watch.within();
        loop {
            // A wire that is always ready must not outlast the time either.
            let Some(left) = left(until).or(grace) else { return self.end(Trouble::Late) };
            // A caller that hung up is no reason to leave the key blinking: the last word is still said.
            let mut ends = vec![PollFd::new(&self.wire.io, ready)];
            if grace.is_none() {
                ends.push(PollFd::new(&*caller, PollFlags::empty()));
            }
            match poll(&mut ends, Timespec::try_from(left).ok().as_ref()) {
                Ok(0) => return self.end(Trouble::Late),
                Ok(_) if ends.get(1).is_some_and(|caller| !caller.revents().is_empty()) => {
                    return self.end(Trouble::HungUp);
                }
                // Whether the wire is ready or broken, the next read or write tells.
                Ok(_) => return Some(()),
                Err(Errno::INTR) => {}
                Err(_) => return None,
            }
        }
    }

    fn end<T>(&self, trouble: Trouble) -> Option<T> {
        self.watch.note(trouble);
        None
    }
}

/// Whether the key says something to whomever within that time.
fn listen(io: &OwnedFd, within: &Within, long: Duration) -> Result<bool, Trouble> {
    let mut ends = [PollFd::new(&*within.caller, PollFlags::empty()), PollFd::new(io, PollFlags::IN)];
    match poll(&mut ends, Timespec::try_from(long).ok().as_ref()) {
        Ok(0) | Err(_) => return Ok(false),
        Ok(_) if ends.first().is_some_and(|caller| !caller.revents().is_empty()) => return Err(Trouble::HungUp),
        Ok(_) => {}
    }
    match rustix::io::read(io, &mut [0; REPORT]) {
        Ok(0) => Err(Trouble::Gone),
        Ok(_) => Ok(true),
        Err(Errno::AGAIN | Errno::INTR) => Ok(false),
        Err(_) => Err(Trouble::Gone),
    }
}

/// Rests for that long, unless the caller hangs up.
pub(crate) fn rest(within: &Within, long: Duration) -> Option<Trouble> {
    let mut caller = [PollFd::new(&*within.caller, PollFlags::empty())];
    match poll(&mut caller, Timespec::try_from(long).ok().as_ref()) {
        Ok(0) | Err(_) => None,
        Ok(_) => Some(Trouble::HungUp),
    }
}

/// Time that is left, if any.
pub(crate) fn left(until: Instant) -> Option<Duration> {
    until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
}

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
