//! Tells the daemon which codes were used: it can see neither the file nor a login it did not decide, and it is the
//! one that keeps the record and tells the administrators.

use mfa_cli::{Daemon, Failure};
use mfa_proto::admin::{BREAK_GLASS, BreakGlass, BreakGlassUse, BreakGlassUses};
use mfa_proto::break_glass::{Record, State};

/// Tells of every code that was used; of which it knew already, the daemon sees itself. How many were new to it.
///
/// # Errors
/// The daemon's.
pub(super) fn tell(daemon: &mut Daemon, records: &[Record]) -> Result<u32, Failure> {
    let used: Vec<BreakGlassUse> = records.iter().filter_map(used).collect();
    if used.is_empty() {
        return Ok(0);
    }
    let answer: BreakGlass = daemon.call(BREAK_GLASS, &BreakGlassUses { used })?;
    Ok(answer.recorded)
}

fn used(record: &Record) -> Option<BreakGlassUse> {
    let State::Used(by) = &record.state else { return None };
    Some(BreakGlassUse {
        number: record.number,
        made: record.made,
        at: by.at,
        user: by.user.clone(),
        service: by.service.clone(),
        rhost: Some(by.rhost.clone()).filter(|rhost| !rhost.is_empty()),
    })
}
