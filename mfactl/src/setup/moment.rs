//! Moments by a clock that nobody sets: when a setup goes back that is not confirmed.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment, by a clock that nobody sets: which boot it was, and how long that had lasted, sleep included.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    boot: String,
    milliseconds: u64,
}

impl Moment {
    pub(crate) fn now() -> Self {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned();
        let now = clock_gettime(ClockId::Boottime);
        let now = Duration::try_from(now).unwrap_or_default();
        Self { boot, milliseconds: u64::try_from(now.as_millis()).unwrap_or(u64::MAX) }
    }

    pub(crate) fn after(&self, time: Duration) -> Self {
        let time = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        Self { boot: self.boot.clone(), milliseconds: self.milliseconds.saturating_add(time) }
    }

    /// What is left until this; nothing once it has come, or the machine has booted since.
    pub(crate) fn left(&self) -> Option<Duration> {
        let now = Self::now();
        let left = self.milliseconds.checked_sub(now.milliseconds).filter(|left| *left > 0 && now.boot == self.boot);
        left.map(Duration::from_millis)
    }
}

/// Seconds since the epoch.
pub(crate) fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_passes_and_does_not_outlive_its_boot() {
        let now = Moment::now();
        assert!(now.left().is_none());
        assert!(now.after(Duration::from_secs(600)).left().is_some_and(|left| left <= Duration::from_secs(600)));
        let elsewhere = Moment { boot: "another".into(), ..now.after(Duration::from_secs(600)) };
        assert!(elsewhere.left().is_none());
    }
}
