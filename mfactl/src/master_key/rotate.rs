//! `mfactl master-key rotate`: another key takes over, and the old one goes when nothing is sealed with it any more.
//!
//! Each step can be the last: whenever this is interrupted, running it again goes on from there. The old key is taken
//! away only after the daemon has forgotten it, which it does only when no row needs it.

use super::files::{self, Place};
use super::{failed, to_be_printed};
use crate::Desk;
use crate::progress::Progress;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::keep::{MASTER_KEYS, MasterKeys};
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Between two looks how far it is.
const PACE: Duration = Duration::from_millis(300);

pub(super) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    let before = keys(desk)?;
    files::seal_those_in_files().map_err(|error| failed("The master keys cannot be sealed", &error))?;
    let there = files::all().map_err(|error| failed("The master keys cannot be listed", &error))?;
    let Some((newest, place)) = there.last().copied().filter(|(newest, _)| *newest >= before.current) else {
        let text = "The master key is not where mfactl keeps it (--master-key). Put a second one beside it by hand: the \
                    same name with -2.";
        return Err(Failure::refused("elsewhere", text));
    };
    if newest == before.current && before.needed == [before.current] && there.len() == 1 {
        let key = files::fresh().map_err(|error| failed("The kernel gives no random numbers", &error))?;
        let made = files::put(&key, before.current.saturating_add(1), place);
        made.map_err(|error| failed("The new master key cannot be kept", &error))?;
    }
    let newest =
        files::all().map_err(|error| failed("The master keys cannot be listed", &error))?.last().map(|key| key.0);
    if newest.is_some_and(|newest| newest > before.current) {
        restart()?;
        desk.connect_anew()?;
    }
    let after = wait(desk)?;
    take_away(&after)?;
    told(desk, &after)
}

fn keys(desk: &mut Desk) -> Result<MasterKeys, Failure> {
    desk.daemon.call(MASTER_KEYS, &json!({}))
}

/// The daemon takes new keys when it starts; its sockets stay open meanwhile.
fn restart() -> Result<(), Failure> {
    let mut systemctl = Command::new("/usr/bin/systemctl");
    let systemctl = systemctl.args(["restart", "mfa-daemon.service"]).stdin(Stdio::null()).stdout(Stdio::null());
    match systemctl.stderr(Stdio::null()).status() {
        Ok(status) if status.success() => Ok(()),
        _ => {
            let text = "The new key is there, but the daemon could not be restarted. Restart it, then run this again: \
                        mfactl master-key rotate";
            Err(Failure::refused("not_restarted", text))
        }
    }
}

/// Until nothing is sealed with another key; it goes on without this program.
fn wait(desk: &mut Desk) -> Result<MasterKeys, Failure> {
    let mut progress = Progress::begin();
    let mut last = (u64::MAX, 0u32);
    loop {
        let now = match keys(desk) {
            Err(failure) if failure.exit == Exit::Unreachable => {
                desk.connect_anew()?;
                continue;
            }
            now => now?,
        };
        if now.needed == [now.current] {
            return Ok(now);
        }
        // Rows that do not open stay as they are, and keep the old key.
        last = if now.left < last.0 { (now.left, 0) } else { (last.0, last.1 + 1) };
        if last.1 > 100 {
            let text = format!(
                "{} rows stay under the old key, which is kept. See: mfactl status, journalctl -u mfa-daemon",
                now.left
            );
            return Err(Failure::refused("stuck", text));
        }
        progress.tell(usize::try_from(now.rows.saturating_sub(now.left)).unwrap_or(0), "rows sealed anew, all");
        std::thread::sleep(PACE);
    }
}

/// The keys that nothing needs any more.
fn take_away(keys: &MasterKeys) -> Result<(), Failure> {
    let there = files::all().map_err(|error| failed("The master keys cannot be listed", &error))?;
    for (number, place) in there.into_iter().filter(|(number, _)| *number < keys.current) {
        files::remove(number, place).map_err(|error| failed("The old master key cannot be removed", &error))?;
    }
    Ok(())
}

fn told(desk: &mut Desk, keys: &MasterKeys) -> Result<Exit, Failure> {
    if desk.json {
        desk.screen.json(keys)?;
        return Ok(Exit::Done);
    }
    let text = format!(
        "Done: everything is sealed with master key {}, and the one before is gone. {} The copy of the one before is \
         worth keeping as long as copies of the database from before are.",
        keys.current,
        to_be_printed()
    );
    desk.screen.line(&printable::wrap(&text))?;
    Ok(Exit::Done)
}

/// Whether keys lie where this program puts them, and which is the newest.
pub(super) fn newest() -> std::io::Result<Option<(u32, Place)>> {
    Ok(files::all()?.last().copied())
}
