//! How much each user may ask of the daemon in a time. Every login and every attempt is recorded for good, so that
//! without this any user could fill the disk that everybody's logins need.

use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Requests that may come at once.
const BURST: u32 = 300;
/// How long it takes until one more may come.
const EACH: Duration = Duration::from_secs(1);

/// What every user has asked lately. Who has asked nothing for five minutes is not in it.
#[derive(Default)]
pub(crate) struct Paces {
    /// When all of it is paid off.
    even_at: HashMap<u32, Instant>,
    looked: Option<Instant>,
}

impl Paces {
    /// Takes one request of this user; false if there were too many.
    pub(crate) fn take(&mut self, uid: u32) -> bool {
        self.take_at(uid, Instant::now())
    }

    fn take_at(&mut self, uid: u32, now: Instant) -> bool {
        self.forget_the_even(now);
        let even_at = self.even_at.get(&uid).copied().unwrap_or(now).max(now) + EACH;
        let keeps = even_at.saturating_duration_since(now) <= EACH * BURST;
        if keeps {
            self.even_at.insert(uid, even_at);
        }
        keeps
    }

    fn forget_the_even(&mut self, now: Instant) {
        if self.looked.is_none_or(|looked| now.saturating_duration_since(looked) > EACH * BURST) {
            self.even_at.retain(|_, even_at| *even_at > now);
            self.looked = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_taken_then_one_a_second_and_others_are_not_concerned() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        assert_eq!((0..1000).filter(|_| paces.take_at(1000, now)).count(), 300);
        assert!(paces.take_at(1001, now));
        let later = now + Duration::from_secs(10);
        assert_eq!((0..1000).filter(|_| paces.take_at(1000, later)).count(), 10);
        let much_later = now + Duration::from_secs(1000);
        assert_eq!((0..1000).filter(|_| paces.take_at(1000, much_later)).count(), 300);
    }

    #[test]
    fn who_has_asked_nothing_lately_is_forgotten() {
        let (mut paces, now) = (Paces::default(), Instant::now());
        for uid in 0..10_000 {
            assert!(paces.take_at(uid, now));
        }
        assert!(paces.take_at(0, now + Duration::from_secs(1000)));
        assert_eq!(paces.even_at.len(), 1);
    }
}
