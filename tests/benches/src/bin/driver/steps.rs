//! Which step's code an account uses next: each once, none that is too old or too new to be taken.

use std::time::{Duration, SystemTime};

/// Seconds of a step.
const PERIOD: u64 = 30;
/// A code of the previous step is not used when its acceptance might end before it arrives: seconds to spare.
const SPARE: u64 = 8;

/// The oldest step whose code is taken for some seconds more.
pub(crate) fn oldest() -> u64 {
    (now().as_secs() + SPARE) / PERIOD - 1
}

/// The step after those that were used.
pub(crate) fn next(used: u64) -> u64 {
    oldest().max(used + 1)
}

/// Waits until nobody's next step is too new.
pub(crate) fn await_next(used: u64) {
    // The step after the present one is taken, too.
    let begins = Duration::from_secs(used * PERIOD);
    std::thread::sleep(begins.saturating_sub(now()));
}

fn now() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}
