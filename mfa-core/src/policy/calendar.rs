//! Hours of the week, last days and lengths of time, as the policy writes them. Civil times are the machine's own; no
//! time zone is known here and no clock is read.

use super::condition::Truth;
use crate::Time;
use jiff::SignedDuration;
use jiff::civil::{Date, DateTime, Weekday};
use std::fmt;

/// A civil date and time on this machine.
pub type LocalTime = DateTime;

/// Seconds in a day.
pub(super) const DAY: i64 = 86_400;

/// The civil time at a moment where local time is `offset` seconds ahead of UTC. `None` beyond the years -9999…9999.
#[must_use]
pub fn local_time(now: Time, offset: i32) -> Option<LocalTime> {
    EPOCH.checked_add(SignedDuration::from_secs(now.0.checked_add(i64::from(offset))?)).ok()
}

/// So many seconds later, by a clock that is not set meanwhile.
pub(super) fn later(local: LocalTime, seconds: i64) -> Option<LocalTime> {
    local.checked_add(SignedDuration::from_secs(seconds)).ok()
}

/// The moment of a civil time that is `offset` seconds ahead of UTC.
pub(super) fn instant(civil: DateTime, offset: i64) -> Time {
    Time::of_utc(civil).plus(offset.saturating_neg())
}

const EPOCH: DateTime = DateTime::constant(1970, 1, 1, 0, 0, 0, 0);

/// The last moment of something: `until`, `enroll_by`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// A day, this machine's, to its end.
    Day(Date),
    /// A civil time on this machine; that second no longer counts.
    Local(DateTime),
    /// A moment; it no longer counts.
    Instant(Time),
}

impl End {
    /// Whether it is over. Without the civil time, a day on either side of a date is Unknown.
    #[must_use]
    pub fn is_over(self, now: Time, local: Option<LocalTime>) -> Truth {
        let Some(end) = self.civil() else { return Truth::from(self.instant().is_none_or(|end| now >= end)) };
        if let Some(local) = local {
            return Truth::from(local >= end);
        }
        let (end, now) = (instant(end, 0), now);
        match now.since(end) {
            late if late >= DAY => Truth::True,
            late if late < -DAY => Truth::False,
            _ => Truth::Unknown,
        }
    }

    /// Seconds until it is over, negative afterwards; the least it can be where the civil time is not known.
    pub(super) fn seconds_left(self, now: Time, local: Option<LocalTime>) -> i64 {
        match (self.civil(), local) {
            (Some(end), Some(local)) => end.duration_since(local).as_secs(),
            (Some(end), None) => instant(end, 0).since(now).saturating_sub(DAY),
            (None, _) => self.instant().map_or(0, |end| end.since(now)),
        }
    }

    fn civil(self) -> Option<DateTime> {
        match self {
            Self::Day(day) => Some(day.tomorrow().map_or(DateTime::MAX, |next| next.at(0, 0, 0, 0))),
            Self::Local(civil) => Some(civil),
            Self::Instant(_) => None,
        }
    }

    fn instant(self) -> Option<Time> {
        if let Self::Instant(moment) = self { Some(moment) } else { None }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Day(day) => write!(f, "the end of {day}"),
            Self::Local(civil) => write!(f, "{} {}", civil.date(), civil.time()),
            Self::Instant(moment) => match local_time(*moment, 0) {
                Some(civil) => write!(f, "{} {} UTC", civil.date(), civil.time()),
                None => write!(f, "second {} of Unix time", moment.0),
            },
        }
    }
}

/// Times of the week, such as `Mon-Fri 08:00-18:00`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hours(Vec<Window>);

/// Minutes of a day on some days of the week. One that ends before it begins runs over midnight and belongs to the
/// day on which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// A bit per day, Monday lowest.
    days: u8,
    from: u16,
    to: u16,
}

impl Hours {
    pub(super) fn new(windows: Vec<Window>) -> Self {
        Self(windows)
    }

    /// Whether the civil time is among them.
    #[must_use]
    pub fn contains(&self, local: LocalTime) -> bool {
        let minute = u16::from(local.hour().unsigned_abs()) * 60 + u16::from(local.minute().unsigned_abs());
        let today = day_bit(local.weekday());
        let yesterday = day_bit(local.weekday().previous());
        self.0.iter().any(|window| {
            let begins = window.days & today != 0 && minute >= window.from;
            if window.from < window.to {
                begins && minute < window.to
            } else {
                begins || (window.days & yesterday != 0 && minute < window.to)
            }
        })
    }
}

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

fn day_bit(day: Weekday) -> u8 {
    1 << (day.to_monday_zero_offset() & 7)
}

/// Not hours of the week; what is wrong, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadHours(&'static str);

impl fmt::Display for BadHours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::str::FromStr for Window {
    type Err = BadHours;

    /// `Mon-Fri 08:00-18:00`, `Sat,Sun`, `22:00-06:00`.
    fn from_str(text: &str) -> Result<Self, BadHours> {
        let mut words = text.split_ascii_whitespace();
        let (first, second) = (words.next().ok_or(BadHours("the hours are empty"))?, words.next());
        if words.next().is_some() {
            return Err(BadHours("hours are days, then one span of time"));
        }
        let timed = first.starts_with(|c: char| c.is_ascii_digit());
        let (days, times) = match (timed, second) {
            (true, None) => (0b111_1111, Some(first)),
            (true, Some(_)) => return Err(BadHours("the days come before the time")),
            (false, times) => (days(first)?, times),
        };
        let (from, to) = times.map_or(Ok((0, 1440)), span)?;
        Ok(Self { days, from, to })
    }
}

fn days(text: &str) -> Result<u8, BadHours> {
    let mut bits = 0;
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        bits |= 1 << at;
        while at != last {
            at = (at + 1) % 7;
            bits |= 1 << at;
        }
    }
    Ok(bits)
}

fn day(word: &str) -> Result<usize, BadHours> {
    let known = DAYS.iter().position(|day| day.eq_ignore_ascii_case(word));
    known.ok_or(BadHours("days are Mon, Tue, Wed, Thu, Fri, Sat and Sun"))
}

fn span(text: &str) -> Result<(u16, u16), BadHours> {
    let (from, to) = text.split_once('-').ok_or(BadHours("a span of time is HH:MM-HH:MM"))?;
    let (from, to) = (minutes(from)?, minutes(to)?);
    if from == to || from == 1440 {
        return Err(BadHours("a span of time must begin and end at different times, and begin before 24:00"));
    }
    Ok((from, to))
}

fn minutes(text: &str) -> Result<u16, BadHours> {
    const BAD: BadHours = BadHours("a time is HH:MM, from 00:00 to 24:00");
    let two_digits = |part: &str| -> Option<u16> {
        (part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit())).then(|| part.parse().ok()).flatten()
    };
    let (hour, minute) = text.split_once(':').ok_or(BAD)?;
    let (hour, minute) = (two_digits(hour).ok_or(BAD)?, two_digits(minute).ok_or(BAD)?);
    let all = hour * 60 + minute;
    if minute < 60 && all <= 1440 { Ok(all) } else { Err(BAD) }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.days != 0b111_1111 {
            let names = DAYS.iter().enumerate().filter(|(index, _)| self.days & (1 << index) != 0);
            for (count, (_, name)) in names.enumerate() {
                write!(f, "{}{name}", if count == 0 { "" } else { "," })?;
            }
            f.write_str(" ")?;
        }
        write!(f, "{:02}:{:02}-{:02}:{:02}", self.from / 60, self.from % 60, self.to / 60, self.to % 60)
    }
}

impl fmt::Display for Hours {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, window) in self.0.iter().enumerate() {
            write!(f, "{}{window}", if index == 0 { "" } else { "; " })?;
        }
        Ok(())
    }
}

/// The longest length of time that a policy may state: ten years.
const LONGEST: u64 = 3650 * 86_400;

/// A length of time such as `14d`, `8h`, `30m`, `45s`, in seconds; `None` for anything else or more than ten years.
pub(super) fn duration(text: &str) -> Option<u32> {
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => 60,
        b'h' => 3600,
        b'd' => 86_400,
        b'w' => 7 * 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len() - 1)?;
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let seconds = digits.parse::<u64>().ok()?.checked_mul(unit)?;
    u32::try_from(seconds).ok().filter(|_| seconds <= LONGEST)
}
