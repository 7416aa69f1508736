//! The one clock and the one source of randomness; the core gets both as arguments.

use mfa_core::policy::{LocalTime, local_time};
use mfa_core::{At, Secret, Time};
use std::time::{SystemTime, UNIX_EPOCH};

/// Now, and random bytes for one step of the core.
///
/// # Errors
/// When the kernel gives no random bytes; nothing may be decided then.
pub(crate) fn at() -> Result<At, getrandom::Error> {
    let mut fresh = vec![0u8; At::FRESH];
    getrandom::fill(&mut fresh)?;
    Ok(At { now: now(), fresh: Secret::new(fresh) })
}

/// Now, without randomness, for steps that need none.
pub(crate) fn bare() -> At {
    At { now: now(), fresh: Secret::new(Vec::new()) }
}

/// The wall clock, negative before 1970.
pub(crate) fn now() -> Time {
    let seconds = |duration: std::time::Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => Time(seconds(after)),
        Err(before) => Time(-seconds(before.duration())),
    }
}

/// Seconds by which the clock on the wall here is ahead of UTC.
pub(crate) fn utc_offset(now: Time) -> i32 {
    let moment = jiff::Timestamp::from_second(now.0).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    jiff::tz::TimeZone::system().to_offset(moment).seconds()
}

/// The civil time of this machine's time zone.
pub(crate) fn local(now: Time) -> Option<LocalTime> {
    local_time(now, utc_offset(now))
}
