//! When a letter is tried again, and how long all notices hold back while no server can be talked to.

use std::time::{Duration, Instant};

/// The first wait of a notice, in seconds; then it doubles.
const FIRST: i64 = 30;
/// The longest one.
const LONGEST: i64 = 3600;
/// The first wait of a code: somebody sits and waits for it.
const FIRST_OF_CODE: i64 = 2;
/// The longest one of a code.
const LONGEST_OF_CODE: i64 = 60;
/// The first and the longest time in which no notice is tried.
const HOLD: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));

/// Seconds until the next try, after so many before this one; up to a fifth more, so that letters do not march in step.
pub(super) fn wait(tries: u32, is_code: bool) -> i64 {
    let (first, longest) = if is_code { (FIRST_OF_CODE, LONGEST_OF_CODE) } else { (FIRST, LONGEST) };
    let wait = first.saturating_mul(1i64.checked_shl(tries.min(20)).unwrap_or(i64::MAX)).min(longest);
    let mut random = [0u8];
    let _ = getrandom::fill(&mut random); // without, there is no scatter, and nothing else is lost
    wait.saturating_add(wait.saturating_mul(i64::from(random[0])) / (5 * 256))
}

/// Holds all notices back while the way is cut: ten thousand letters need not try a dead server one by one.
#[derive(Default)]
pub(super) struct Hold {
    until: Option<Instant>,
    last: Duration,
}

impl Hold {
    /// How long it still holds.
    pub(super) fn left(&self, now: Instant) -> Option<Duration> {
        let left = self.until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// Another one came back with nothing done.
    pub(super) fn longer(&mut self, now: Instant) {
        let (first, longest) = HOLD;
        self.last = if self.last.is_zero() { first } else { self.last.saturating_mul(2).min(longest) };
        self.until = Some(now + self.last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_from_half_a_minute_to_an_hour_with_some_scatter() {
        for (tries, least) in [(0, 30), (1, 60), (2, 120), (6, 1920), (7, 3600), (8, 3600), (u32::MAX, 3600)] {
            let wait = wait(tries, false);
            assert!((least..=least + least / 5).contains(&wait), "{tries}: {wait}");
        }
    }

    #[test]
    fn a_code_is_tried_soon_again() {
        for (tries, least) in [(0, 2), (1, 4), (9, 60)] {
            let wait = wait(tries, true);
            assert!((least..=least + least / 5).contains(&wait), "{tries}: {wait}");
        }
    }

    #[test]
    fn notices_hold_back_longer_and_longer_but_not_for_ever() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        assert_eq!(hold.left(now), None);
        for seconds in [5, 10, 20, 40, 60, 60] {
            hold.longer(now);
            assert_eq!(hold.left(now), Some(Duration::from_secs(seconds)));
        }
        assert_eq!(hold.left(now + Duration::from_secs(60)), None);
    }
}
