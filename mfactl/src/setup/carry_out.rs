//! The plan is carried out: applied, with the way back armed and tried before it is live; and what is to be done next is said.

use super::answers::{Answers, Within};
use super::apply::{Pending, apply};
use super::show::Shown;
use super::typed::Typed;
use super::words::Where;
use crate::Desk;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, moment, printable};
use nix::sys::signal::{SigSet, Signal};
use std::time::UNIX_EPOCH;

/// Carries it out; `typed` is a login that somebody wants to type before.
pub(super) fn run<'a>(
    shown: &'a Shown,
    within: Within,
    answers: &Answers,
    typed: Option<Typed<'a>>,
    desk: &mut Desk,
) -> Result<Exit, Failure> {
    let plan = &shown.planned.plan;
    hold_signals();
    let time = match within {
        Within::After(time) => Some(time),
        Within::Never => None,
    };
    let pending = apply(plan, time, typed).map_err(|error| Failure::refused("not_applied", error.to_string()))?;
    let waits = time.map(|_| (pending.code.as_str(), seconds(&pending)));
    if desk.json {
        desk.screen.json(&shown.data(true, waits))?;
    } else {
        told(shown, waits, answers, &desk.screen)?;
    }
    Ok(Exit::Done)
}

/// From here to the end of the program keys at the terminal, and losing it, end and stop nothing: half of it would be
/// done until the timer comes, or nobody would know the code.
fn hold_signals() {
    let held: SigSet = [Signal::SIGINT, Signal::SIGHUP, Signal::SIGTSTP].into_iter().collect();
    let _ = held.thread_block(); // without it the way back is armed all the same
}

/// When it goes back, in seconds since the epoch.
fn seconds(pending: &Pending) -> i64 {
    let since = pending.until.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn told(shown: &Shown, pending: Option<(&str, i64)>, answers: &Answers, screen: &Screen) -> Result<(), Failure> {
    let changed = u64::try_from(shown.planned.plan.files.len()).unwrap_or(u64::MAX);
    let changed = format!("{} changed", counted(changed, "file"));
    let Some((code, until)) = pending else {
        return screen.line(&format!("Done, for good: {changed}. The way back: mfactl setup undo"));
    };
    let at = moment::time_of_day(until);
    let done = format!("Done: {changed}. At {at} it all goes back by itself, unless you confirm it.");
    screen.line(&printable::wrap(&done))?;
    let next = format!("Leave this terminal open. Log in from ANOTHER one{}, and run there:", by(answers));
    screen.line(&printable::wrap(&next))?;
    screen.line(&screen.strong(&format!("  sudo mfactl setup confirm {code}")))
}

/// What that login must come through.
fn by(answers: &Answers) -> &'static str {
    if answers.places.contains(&Where::Ssh) {
        " over ssh"
    } else if answers.places.contains(&Where::Desktop) || answers.places.contains(&Where::Console) {
        " at this machine"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_key_ends_or_stops_it_in_the_middle() {
        hold_signals();
        let held = SigSet::thread_get_mask().unwrap();
        assert!([Signal::SIGINT, Signal::SIGHUP, Signal::SIGTSTP].into_iter().all(|signal| held.contains(signal)));
        // Whoever wants it ended can have that.
        assert!(!held.contains(Signal::SIGTERM) && !held.contains(Signal::SIGQUIT));
    }
}
