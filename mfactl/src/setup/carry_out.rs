//! The plan is carried out: tried first, then applied, with the way back armed; and what is to be done next is said.

use super::answers::{Answers, Within};
use super::apply::{Pending, apply};
use super::show::Shown;
use super::trial::tried;
use super::words::Where;
use crate::Desk;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, moment, printable};
use std::time::UNIX_EPOCH;

pub(super) fn run(shown: &Shown, within: Within, answers: &Answers, desk: &mut Desk) -> Result<Exit, Failure> {
    let plan = &shown.planned.plan;
    tried(&plan.trials).map_err(|error| Failure::refused("trial", format!("{error}\nNothing was changed.")))?;
    let time = match within {
        Within::After(time) => Some(time),
        Within::Never => None,
    };
    let pending = apply(plan, time).map_err(|error| Failure::refused("not_applied", error.to_string()))?;
    let waits = time.map(|_| (pending.code.as_str(), seconds(&pending)));
    if desk.json {
        desk.screen.json(&shown.data(true, waits))?;
    } else {
        told(shown, waits, answers, &desk.screen)?;
    }
    Ok(Exit::Done)
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
