//! What was measured. Times are in microseconds, rates a second.

use crate::systems::System;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// Everything that was measured in the lab.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Figures {
    /// Logins one after another, with the right code.
    pub alone: Vec<Logins>,
    /// Logins one after another, that end with one wrong code.
    pub wrong: Vec<Logins>,
    /// Two round trips over a Unix socket, and one `fdatasync`.
    pub floor: Spread,
    /// The `fdatasync` alone.
    pub sync: Spread,
    /// Logins at once.
    pub together: Vec<Crowd>,
    /// Logins at the daemon's socket.
    pub socket: Vec<AtSocket>,
    /// How the logins with right codes are spread; for plots.
    #[serde(default)]
    pub spreads: Vec<Percentiles>,
    /// Logins by how many come at once; for plots.
    #[serde(default)]
    pub crowds: Vec<CrowdOf>,
}

/// Where the times of one system's logins lie.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Percentiles {
    /// Whose.
    pub system: System,
    /// The shortest, then what one in a hundred of them stays below, and so on to 99.
    pub times: Vec<f64>,
}

/// So many at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrowdOf {
    /// How many.
    pub at_once: usize,
    /// What became of them.
    pub crowd: Crowd,
}

impl Percentiles {
    /// Of these.
    #[must_use]
    pub fn of(system: System, times: &[Duration]) -> Self {
        let mut micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        let at = |hundredth: usize| micros.get(micros.len() * hundredth / 100).copied();
        Self { system, times: (0..100).filter_map(at).collect() }
    }
}

/// The logins of one system.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Logins {
    /// Whose.
    pub system: System,
    /// How long one took, `pam_start` to `pam_end`.
    pub time: Spread,
    /// How many did not end as they should have.
    pub failed: usize,
}

/// Logins of one system, many at once.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Crowd {
    /// Whose.
    pub system: System,
    /// Logins that succeeded, a second: the median of the rounds.
    pub rate: f64,
    /// Logins that were tried.
    pub tried: usize,
    /// Logins that did not succeed.
    pub failed: usize,
}

/// Logins at the daemon's socket.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct AtSocket {
    /// Accounts enrolled in the store.
    pub enrolled: usize,
    /// Logins a second with accounts that the daemon has just looked up.
    pub cached: f64,
    /// Logins a second with accounts that it must look up.
    pub looked_up: f64,
    /// What the daemon's threads computed for one of the cached logins, by the thread's name; with what their system
    /// calls took.
    pub computed: BTreeMap<String, f64>,
    /// Logins that did not succeed.
    pub failed: usize,
    /// What the daemon has in memory afterwards, in KiB.
    pub resident: u64,
    /// How long a start takes until the daemon says that it is ready.
    pub start: f64,
}

/// Where times lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    /// Half of them are shorter.
    pub median: f64,
    /// All but one in a hundred are shorter.
    pub p99: f64,
    /// How many there are.
    pub count: usize,
}

impl Spread {
    /// Of these.
    #[must_use]
    pub fn of(times: &[Duration]) -> Self {
        let mut micros: Vec<f64> = times.iter().map(|time| time.as_secs_f64() * 1e6).collect();
        micros.sort_by(f64::total_cmp);
        let at = |share: usize| micros.get(micros.len() * share / 100).copied().unwrap_or_default();
        Self { median: at(50), p99: at(99), count: micros.len() }
    }
}

/// The middle one; 0 of none.
#[must_use]
pub fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or_default()
}

impl Figures {
    /// The logins of that system, right codes.
    #[must_use]
    pub fn alone(&self, system: System) -> Option<&Logins> {
        self.alone.iter().find(|logins| logins.system == system)
    }

    /// What that system adds to a login that asks nothing: the difference of the medians.
    #[must_use]
    pub fn added(&self, system: System) -> Option<f64> {
        Some(self.alone(system)?.time.median - self.alone(System::Permit)?.time.median)
    }

    /// The same for a wrong code.
    #[must_use]
    pub fn added_wrong(&self, system: System) -> Option<f64> {
        let wrong = self.wrong.iter().find(|logins| logins.system == system)?;
        Some(wrong.time.median - self.alone(System::Permit)?.time.median)
    }

    /// The crowd of that system.
    #[must_use]
    pub fn crowd(&self, system: System) -> Option<&Crowd> {
        self.together.iter().find(|crowd| crowd.system == system)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_where_the_middle_and_the_last_hundredth_are() {
        let times: Vec<_> = (0..200).rev().map(Duration::from_micros).collect();
        assert_eq!(Spread::of(&times), Spread { median: 100.0, p99: 198.0, count: 200 });
        assert_eq!(Spread::of(&[]), Spread::default());
        assert_eq!(median(vec![3.0, 1.0, 2.0]), 2.0);
    }
}
