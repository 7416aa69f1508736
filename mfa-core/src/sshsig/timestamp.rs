//! The times of `valid-after` and `valid-before`: `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with a `Z` for UTC.

use crate::Time;
use jiff::civil;

/// A time, exact or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timestamp {
    civil: Time,
    utc: bool,
}

/// Seconds by which any local time is at most off UTC.
const OFF: i64 = 14 * 3600;

impl Timestamp {
    /// `None` if it is not in this format, or no such day or time exists.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_suffix(['Z', 'z']).unwrap_or(text);
        if !matches!(digits.len(), 8 | 12 | 14) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let two = |at: usize| digits.get(at..at + 2).map_or(Some(0), |digits| digits.parse::<i8>().ok());
        let date = civil::Date::new(digits.get(..4)?.parse().ok()?, two(4)?, two(6)?).ok()?;
        let time = civil::Time::new(two(8)?, two(10)?, two(12)?, 0).ok()?;
        Some(Self { civil: Time::of_utc(date.to_datetime(time)), utc: digits.len() < text.len() })
    }

    /// When it has surely come. Without `Z` it is a local time of nobody knows where.
    pub(super) fn latest(self) -> Time {
        if self.utc { self.civil } else { self.civil.plus(OFF) }
    }

    /// Until when it has surely not come.
    pub(super) fn earliest(self) -> Time {
        if self.utc { self.civil } else { self.civil.plus(-OFF) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_of_all_lengths_are_read() {
        let exact = |text| Timestamp::parse(text).map(|time| (time.earliest().0, time.latest().0));
        assert_eq!(exact("19700101Z"), Some((0, 0)));
        assert_eq!(exact("197001010001z"), Some((60, 60)));
        assert_eq!(exact("20261122235959Z"), Some((1_795_391_999, 1_795_391_999)));
        assert_eq!(exact("19700101"), Some((-14 * 3600, 14 * 3600)));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        let bad = ["", "Z", "2026", "202611222", "20261322Z", "20260230Z", "202611222460Z", "20261122235960Z"];
        let odd = ["+2026112Z", "2026 1122", "20261122ZZ", "20261122+0100", "２０２６１１２２", "-20261122"];
        for text in bad.into_iter().chain(odd) {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }
}
