//! Times as a person reads them: dates on the reader's clock, spans in words. It never decides by them.

use crate::words::counted;
use jiff::civil::{DateTime, Time};
use jiff::{Timestamp, tz::TimeZone};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since the epoch, now.
#[must_use]
pub fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| i64::try_from(past.as_secs()).unwrap_or(i64::MAX))
}

/// Such as `2026-11-22`.
#[must_use]
pub fn date(seconds: i64) -> String {
    local(seconds, "%Y-%m-%d")
}

/// Such as `2026-11-22 09:14`.
#[must_use]
pub fn date_time(seconds: i64) -> String {
    local(seconds, "%Y-%m-%d %H:%M")
}

/// Such as `2026-11-22 09:14:31`.
#[must_use]
pub fn to_the_second(seconds: i64) -> String {
    local(seconds, "%Y-%m-%d %H:%M:%S")
}

/// Such as `09:14:31 +0100`: what this machine takes for the time.
#[must_use]
pub fn time_of_day(seconds: i64) -> String {
    local(seconds, "%H:%M:%S %z")
}

/// The moment that somebody writes as `2027-01-15`, `2027-01-15 08:00`, `08:00` (today) on this machine's clock, or
/// with an offset as `2027-01-15T08:00:00+01:00`; seconds since the epoch.
#[must_use]
pub fn parse(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(moment.as_second());
    }
    let today = || Some(Timestamp::from_second(now).ok()?.to_zoned(TimeZone::system()).date());
    let civil = match text.parse::<Time>() {
        Ok(time) if !text.contains('-') => today()?.to_datetime(time),
        _ => text.parse::<DateTime>().ok()?,
    };
    civil.to_zoned(TimeZone::system()).ok().map(|zoned| zoned.timestamp().as_second())
}

/// As [`parse`]; and how long ago (`45s`, `30m`, `2h`, `3d`, `1w`), `today` and `yesterday` (from midnight on).
#[must_use]
pub fn since(text: &str, now: i64) -> Option<i64> {
    let text = text.trim();
    let midnight = |days: i64| {
        let day = Timestamp::from_second(now).ok()?.to_zoned(TimeZone::system()).date();
        let day = day.checked_sub(jiff::Span::new().try_days(days).ok()?).ok()?;
        Some(day.to_zoned(TimeZone::system()).ok()?.timestamp().as_second())
    };
    match (text, parse_span(text)) {
        ("today", _) => midnight(0),
        ("yesterday", _) => midnight(1),
        (_, Ok(span)) => now.checked_sub(span.into()),
        (text, Err(_)) => parse(text, now),
    }
}

/// Units of a span, in seconds.
const UNITS: [(char, u32); 5] = [('s', 1), ('m', 60), ('h', 3600), ('d', 86_400), ('w', 604_800)];

/// How long ago: `12 s ago`, `5 min ago`, `3 h ago`, and after a day the date.
#[must_use]
pub fn ago(then: i64, now: i64) -> String {
    match now.saturating_sub(then) {
        0 => "just now".to_owned(),
        past @ 1..60 => format!("{past} s ago"),
        past @ 60..3600 => format!("{} min ago", past / 60),
        past @ 3600..86_400 => format!("{} h ago", past / 3600),
        _ => date(then),
    }
}

/// A wait as a clock counts it: `2:10`, `1:02:10`.
#[must_use]
pub fn countdown(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

/// A span in words, in its largest unit: `40 seconds`, `3 minutes`, `2 hours`, `5 days`.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (count, unit) = match seconds {
        0..90 => (seconds, "second"),
        90..5400 => ((seconds + 30) / 60, "minute"),
        5400..129_600 => ((seconds + 1800) / 3600, "hour"),
        _ => (seconds.saturating_add(43_200) / 86_400, "day"),
    };
    counted(count, unit)
}

/// The span that somebody writes as `90s`, `30m`, `12h`, `3d` or `2w`, in seconds.
///
/// # Errors
/// A sentence that says what it looks like.
pub fn parse_span(text: &str) -> Result<u32, &'static str> {
    const SHAPE: &str = "a time looks like 30m, 12h or 3d";
    let text = text.trim();
    let unit = UNITS.iter().find_map(|(letter, seconds)| Some((text.strip_suffix(*letter)?.trim_end(), *seconds)));
    let (digits, seconds) = unit.ok_or(SHAPE)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(SHAPE);
    }
    digits.parse::<u32>().ok().and_then(|count| count.checked_mul(seconds)).ok_or(SHAPE)
}

fn local(seconds: i64, format: &str) -> String {
    Timestamp::from_second(seconds).map_or_else(
        |_| "at no time a calendar knows".to_owned(),
        |moment| moment.to_zoned(TimeZone::system()).strftime(format).to_string(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_recent_is_told_in_its_largest_unit() {
        let now = 1_800_000_000;
        let told = [(0, "just now"), (12, "12 s ago"), (60, "1 min ago"), (7200, "2 h ago")];
        for (past, text) in told {
            assert_eq!(ago(now - past, now), text);
        }
        assert_eq!(ago(now - 86_400 * 40, now), date(now - 86_400 * 40));
    }

    #[test]
    fn a_time_ahead_of_the_clock_is_told_as_a_date() {
        assert_eq!(ago(1_800_000_500, 1_800_000_000), date(1_800_000_500));
    }

    #[test]
    fn waits_count_down_like_a_clock() {
        assert_eq!(countdown(130), "2:10");
        assert_eq!(countdown(5), "0:05");
        assert_eq!(countdown(3730), "1:02:10");
    }

    #[test]
    fn spans_are_words() {
        for (seconds, text) in [(1, "1 second"), (40, "40 seconds"), (179, "3 minutes"), (7200, "2 hours")] {
            assert_eq!(span(seconds), text);
        }
        assert_eq!(span(u64::MAX).split(' ').nth(1), Some("days"));
    }

    #[test]
    fn spans_are_read_as_people_write_them() {
        for (written, seconds) in [("90s", 90), ("30m", 1800), (" 12h ", 43_200), ("3d", 259_200), ("2w", 1_209_600)] {
            assert_eq!(parse_span(written), Ok(seconds));
        }
        for nonsense in ["", "h", "3", "1.5h", "-1d", "+1d", "3D", "99999999w", "3dd", "\u{e9}d"] {
            assert!(parse_span(nonsense).is_err(), "{nonsense}");
        }
    }

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now = 1_800_000_000;
        let written = parse("2027-01-15 08:00", now).unwrap();
        assert_eq!(date_time(written), "2027-01-15 08:00");
        assert_eq!(date_time(parse("2027-03-01", now).unwrap()), "2027-03-01 00:00");
        assert_eq!(date_time(parse(" 23:05 ", now).unwrap()), format!("{} 23:05", date(now)));
        assert_eq!(parse("2027-01-15T08:00:00Z", now), Some(1_800_000_000));
        assert_eq!(parse("2027-01-15T09:00:00+01:00", now), Some(1_800_000_000));
        for nonsense in ["", "tomorrow", "25:00", "2027-02-30", "2027-01-15 08:00 CET", "-1"] {
            assert_eq!(parse(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_beginning_is_read_as_people_write_it() {
        let now = 1_800_000_000;
        for (text, past) in [("45s", 45), ("30m", 1800), ("2h", 7200), (" 3 d ", 259_200), ("1w", 604_800)] {
            assert_eq!(since(text, now), Some(now - past), "{text}");
        }
        assert_eq!(date_time(since("today", now).unwrap()), format!("{} 00:00", date(now)));
        assert_eq!(date_time(since("yesterday", now).unwrap()), format!("{} 00:00", date(now - 86_400)));
        assert_eq!(since("2027-01-15T08:00:00Z", now), Some(now));
        for nonsense in ["", "h", "-2h", "2y", "two h", "99999999999h", "2h 3m"] {
            assert_eq!(since(nonsense, now), None, "{nonsense}");
        }
    }

    #[test]
    fn a_time_no_calendar_knows_is_no_crash() {
        assert_eq!(date(i64::MAX), "at no time a calendar knows");
        assert_eq!(date_time(i64::MIN), "at no time a calendar knows");
    }
}
