//! What need not be asked again: a pass, bound to something its owner cannot hand on, for a time.
//!
//! A type for now: the dialog neither grants nor uses trust yet. It is part of the account's record so that every
//! change of factors or policy voids it.

use crate::Time;

/// To what a trust is bound. Never to an address alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Bound {
    /// An SSH key by its SHA-256 fingerprint, from anywhere.
    SshKey {
        /// `SHA256:…`, as `ssh-keygen -l` prints it.
        fingerprint: String,
    },
    /// An SSH key from one address.
    SshKeyFrom {
        /// `SHA256:…`, as `ssh-keygen -l` prints it.
        fingerprint: String,
        /// The numeric address.
        address: std::net::IpAddr,
    },
    /// One login session: the kernel's audit session number.
    Session(u32),
}

/// One pass that is remembered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trust {
    /// To what.
    pub bound: Bound,
    /// Until when.
    pub until: Time,
    /// The policy under which it was granted; another policy voids it.
    pub policy_epoch: i64,
    /// The factors under which it was granted; another generation voids it.
    pub factor_generation: i64,
}

impl Trust {
    /// Whether it holds. `now` must be the later of the clock and the newest time on record, so that a clock turned
    /// back does not make trust live longer.
    #[must_use]
    pub fn holds(&self, bound: &Bound, now: Time, policy_epoch: i64, factor_generation: i64) -> bool {
        self.bound == *bound
            && now < self.until
            && self.policy_epoch == policy_epoch
            && self.factor_generation == factor_generation
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trust_ends_with_its_time_its_policy_its_factors_and_its_bond() {
        let trust = Trust { bound: Bound::Session(7), until: Time(100), policy_epoch: 1, factor_generation: 1 };
        assert!(trust.holds(&Bound::Session(7), Time(99), 1, 1));
        assert!(!trust.holds(&Bound::Session(7), Time(100), 1, 1));
        assert!(!trust.holds(&Bound::Session(8), Time(99), 1, 1));
        assert!(!trust.holds(&Bound::Session(7), Time(99), 2, 1));
        assert!(!trust.holds(&Bound::Session(7), Time(99), 1, 2));
    }
}
