//! The moment at which something is decided, and the random bytes it may use. Both are given, never taken.

use crate::Secret;
use jiff::civil::DateTime;
use std::fmt;

/// Seconds since 1970-01-01 00:00:00 UTC, without leap seconds. Negative before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(pub i64);

impl Time {
    /// This much later; stays at the end of time rather than wrap.
    #[must_use]
    pub fn plus(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// The moment of a civil time in UTC.
    pub(crate) fn of_utc(civil: DateTime) -> Self {
        Self(civil.duration_since(DateTime::constant(1970, 1, 1, 0, 0, 0, 0)).as_secs())
    }

    /// Seconds from `earlier` to this; negative if it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

/// A wait as people read it: `0:42`, `12:05`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Countdown(pub i64);

impl fmt::Display for Countdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.max(0);
        write!(f, "{}:{:02}", seconds / 60, seconds % 60)
    }
}

/// What a step of the core is given from outside: the clock and fresh randomness.
#[derive(Debug)]
pub struct At {
    /// The wall clock.
    pub now: Time,
    /// Random bytes nobody has seen; an enrollment needs the most, [`At::FRESH`].
    pub fresh: Secret,
}

impl At {
    /// Bytes of randomness to bring.
    pub const FRESH: usize = 160;
}
