//! What all who act share: the lab, the people, the ledger, the end, and whether somebody disturbs at this moment.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use harness::{Failure, Lab, RunError, TerminalError};

use crate::ledger::{Ledger, Pass};
use crate::options::Options;
use crate::people::{Home, Person};

/// The stage.
pub(crate) struct Play {
    pub(crate) lab: Lab,
    pub(crate) home: Home,
    pub(crate) ledger: Ledger,
    pub(crate) seed: u64,
    pub(crate) begun: Instant,
    pub(crate) time: Duration,
    /// Odd while the daemon is restarted or killed.
    disturbances: AtomicU64,
    over: (Mutex<bool>, Condvar),
}

/// Why an act was not played to its end.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Something that must hold does not.
    Broken(&'static str, String),
    /// Nothing came in time.
    Silence(String),
    /// It ended otherwise than it should.
    Otherwise(String),
}

impl From<TerminalError> for Stopped {
    fn from(error: TerminalError) -> Self {
        if error.is_silence() { Self::Silence(error.to_string()) } else { Self::Otherwise(error.to_string()) }
    }
}

impl From<RunError> for Stopped {
    fn from(error: RunError) -> Self {
        Self::Otherwise(error.to_string())
    }
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Otherwise(failure.to_string())
    }
}

impl Play {
    pub(crate) fn new(lab: Lab, people: Vec<Person>, options: &Options) -> Self {
        Self {
            lab,
            home: Home::new(people),
            ledger: Ledger::default(),
            seed: options.seed,
            begun: Instant::now(),
            time: options.time,
            disturbances: AtomicU64::new(0),
            over: (Mutex::new(false), Condvar::new()),
        }
    }

    /// Whether nobody begins anything new.
    pub(crate) fn is_over(&self) -> bool {
        self.begun.elapsed() >= self.time || *self.over.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How much of the time is gone, of 1.
    pub(crate) fn part(&self) -> f64 {
        self.begun.elapsed().as_secs_f64() / self.time.as_secs_f64()
    }

    /// Waits for so long, or until it is over.
    pub(crate) fn pause(&self, long: Duration) {
        let left = self.time.saturating_sub(self.begun.elapsed()).min(long);
        let over = self.over.0.lock().unwrap_or_else(PoisonError::into_inner);
        drop(self.over.1.wait_timeout_while(over, left, |over| !*over));
    }

    /// A number that is the same before and after whatever nobody disturbed; `None` while somebody does.
    pub(crate) fn undisturbed(&self) -> Option<u64> {
        Some(self.disturbances.load(Ordering::SeqCst)).filter(|number| number % 2 == 0)
    }

    /// Does what may cut off whoever is logging in.
    pub(crate) fn disturb<T>(&self, how: impl FnOnce() -> T) -> T {
        self.disturbances.fetch_add(1, Ordering::SeqCst);
        let done = how();
        self.disturbances.fetch_add(1, Ordering::SeqCst);
        done
    }

    /// Notes that somebody came in.
    pub(crate) fn came_in(&self, user: &str, service: &'static str, since: i64) {
        self.ledger.count("came in");
        self.ledger.open().passes.push(Pass { user: user.into(), service, between: (since, now()) });
    }
}

/// Seconds since 1970.
pub(crate) fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
