//! Where an account's codes can be mailed, and how many: the only place with this arithmetic.
//!
//! Three codes at once, then the next one waits: a minute, doubling up to ten; ten in an hour and thirty in a day
//! at the most. Nobody's mailbox is flooded, and whoever mistypes an address of theirs gets another try. What root's
//! applications have mailed and what a user's own processes have is counted apart, so that no program of a user can
//! use up what their next login needs.

use crate::Time;
use crate::letter::Address;
use crate::throttle::Caller;

/// Codes that are mailed without waiting.
pub const FREE_CODES: u32 = 3;
/// Codes in an hour at the most.
pub const MOST_AN_HOUR: u32 = 10;
/// Codes in a day at the most.
pub const MOST_A_DAY: u32 = 30;
/// The first wait, in seconds.
const FIRST_WAIT: i64 = 60;
/// The longest wait after a code, in seconds.
const LONGEST_WAIT: i64 = 10 * 60;
/// Seconds of an hour.
const HOUR: i64 = 3_600;
/// Seconds of a day.
const DAY: i64 = 86_400;

/// Where codes can be mailed to now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The address.
    pub address: Address,
    /// Whether it is the one that the account's owner has verified; else the site knows it.
    pub own: bool,
    /// Whether mail goes out: not, as far as is known, if the last try failed and nothing was sent since.
    pub goes_out: bool,
}

/// Codes within some time, counted from the first of them on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    /// When the first of them was mailed.
    pub began: Time,
    /// How many.
    pub count: u32,
}

impl Span {
    /// As it is at this moment: one that is over is empty, and so is one that a clock which was turned back has put
    /// into the future.
    fn at(self, now: Time, length: i64) -> Self {
        if (0..length).contains(&now.since(self.began)) { self } else { Self { began: now, count: 0 } }
    }

    fn one_more(self) -> Self {
        Self { count: self.count.saturating_add(1), ..self }
    }
}

/// The codes that were mailed lately.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sends {
    /// In this hour.
    pub hour: Span,
    /// On this day.
    pub day: Span,
    /// When the last one was.
    pub last: Time,
}

impl Sends {
    /// Seconds until another code may be mailed, 1 or more; `None`: now.
    #[must_use]
    pub fn wait(&self, now: Time) -> Option<i64> {
        let (hour, day) = (self.hour.at(now, HOUR), self.day.at(now, DAY));
        let until_over = |span: Span, length: i64| length - now.since(span.began);
        let after_last = match hour.count.checked_sub(FREE_CODES) {
            None => 0,
            Some(beyond) => {
                let wait = FIRST_WAIT.saturating_mul(1 << beyond.min(5)).min(LONGEST_WAIT);
                let left = wait - now.since(self.last);
                if left > wait { 0 } else { left } // more than the whole: the clock was turned back
            }
        };
        let of_hour = if hour.count >= MOST_AN_HOUR { until_over(hour, HOUR) } else { 0 };
        let of_day = if day.count >= MOST_A_DAY { until_over(day, DAY) } else { 0 };
        Some(after_last.max(of_hour).max(of_day)).filter(|wait| *wait > 0)
    }

    /// After one more.
    #[must_use]
    pub fn sent(self, now: Time) -> Self {
        Self { hour: self.hour.at(now, HOUR).one_more(), day: self.day.at(now, DAY).one_more(), last: now }
    }
}

/// The codes that were mailed for an account, by who had them mailed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mailings {
    root: Sends,
    plain: Sends,
}

impl Mailings {
    /// Those of one kind of caller.
    #[must_use]
    pub fn get(&self, caller: Caller) -> Sends {
        match caller {
            Caller::Root => self.root,
            Caller::Plain => self.plain,
        }
    }

    /// Puts those of one kind of caller.
    pub fn set(&mut self, caller: Caller, sends: Sends) {
        match caller {
            Caller::Root => self.root = sends,
            Caller::Plain => self.plain = sends,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Time = Time(1_000_000);

    /// Has a code mailed whenever it may be, until then; when each was.
    fn greedy(until: Time) -> Vec<Time> {
        let (mut sends, mut now, mut sent) = (Sends::default(), NOW, Vec::new());
        while now < until {
            match sends.wait(now) {
                Some(wait) => now = now.plus(wait),
                None => {
                    sends = sends.sent(now);
                    sent.push(now);
                }
            }
        }
        sent
    }

    #[test]
    fn three_codes_at_once_then_each_waits_longer_up_to_ten_minutes() {
        let sent = greedy(NOW.plus(HOUR));
        let waits: Vec<i64> = sent.windows(2).map(|pair| pair[1].since(pair[0])).collect();
        assert_eq!(waits, [0, 0, 60, 120, 240, 480, 600, 600, 600]);
    }

    #[test]
    fn the_limits_of_hour_and_day_hold_however_it_is_tried() {
        assert_eq!(greedy(NOW.plus(HOUR)).len(), MOST_AN_HOUR as usize);
        assert_eq!(greedy(NOW.plus(DAY)).len(), MOST_A_DAY as usize);
    }

    #[test]
    fn the_wait_of_a_full_day_is_told() {
        let day = Span { began: NOW, count: MOST_A_DAY };
        let sends = Sends { day, ..Sends::default() };
        assert_eq!(sends.wait(NOW.plus(100)), Some(DAY - 100));
        assert_eq!(sends.wait(NOW.plus(DAY)), None);
    }

    #[test]
    fn callers_are_counted_apart() {
        let mut mailings = Mailings::default();
        mailings.set(Caller::Plain, Sends::default().sent(NOW));
        assert_eq!(mailings.get(Caller::Root), Sends::default());
        assert_eq!(mailings.get(Caller::Plain).hour.count, 1);
    }

    proptest! {
        #[test]
        fn no_wait_is_longer_than_a_day_and_after_it_a_code_goes(
            moments in prop::collection::vec(-5_000i64..5_000, 0..60),
            then in -100_000i64..200_000,
        ) {
            let mut now = NOW;
            let mut sends = Sends::default();
            for moment in moments {
                now = now.plus(moment);
                sends = sends.sent(now);
            }
            let now = now.plus(then);
            if let Some(wait) = sends.wait(now) {
                prop_assert!((1..=DAY).contains(&wait));
                prop_assert_eq!(sends.wait(now.plus(DAY)), None);
            }
        }
    }
}
