//! What the daemon does by itself once in a while: it tries to open a store that could not be opened, looks whether the
//! clock was turned, and records that it started and stopped. No login waits for any of it.

use crate::audit::{Context, Head, Site, SiteRecord};
use crate::clock;
use crate::daemon::Daemon;
use crate::journal::{self, Level};
use crate::license;
use mfa_core::Time;
use std::rc::Rc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

/// Between two looks.
const PACE: Duration = Duration::from_secs(10);
/// Looks between two removals of old records: an hour.
const PRUNING: u32 = 360;
/// Looks between two times that is remembered how far the database has come: a minute.
const REMEMBERING: u32 = 6;
/// Between two heads that the journal is told: so many records may be lost to it, and no login waits for it.
const PACE_OF_HEADS: Duration = Duration::from_secs(1);
/// Seconds by which a clock may be corrected before anybody is told.
const TOLERANCE: i64 = 60;
/// Looks between two complaints about a store that still cannot be opened: ten minutes.
const COMPLAINTS: u32 = 60;
/// How long the end waits for its record.
const LAST_RECORD: Duration = Duration::from_secs(2);

/// Looks after the daemon until it is stopped.
pub(crate) async fn run(daemon: Rc<Daemon>) {
    started(&daemon).await;
    let mut clocks = Clocks::now();
    let (mut complaints, mut until_pruning, mut until_remembering) = (0, 0, 0);
    let mut looks = interval(PACE);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        complaints = retry(&daemon, complaints).await;
        if until_pruning == 0 {
            tokio::task::spawn_local(prune(Rc::clone(&daemon)));
        }
        if until_remembering == 0 {
            tokio::task::spawn_local(remember(Rc::clone(&daemon)));
        }
        until_remembering = (until_remembering + 1) % REMEMBERING;
        until_pruning = (until_pruning + 1) % PRUNING;
        license::look(&daemon).await;
        if let Some(jump) = clocks.jump(Clocks::now()) {
            told_of_jump(&daemon, "turned", jump).await;
        }
    }
}

/// SIGHUP: the configuration anew, and the store if it could not be opened.
pub(crate) async fn hung_up(daemon: &Daemon) {
    let _ = retry(daemon, 0).await;
    daemon.reload().await;
}

/// Records the end, and tells the journal where the chain ends, if that takes no time.
pub(crate) async fn stopped(daemon: &Daemon) {
    if let Ok(store) = daemon.store() {
        let _ = timeout(LAST_RECORD, daemon.record(SiteRecord::of(Site::Stopped), Context::of_daemon())).await;
        journal::head(*store.heads().borrow());
    }
}

/// Records the start, what became of the policy, and a clock that is behind what was recorded before.
async fn started(daemon: &Daemon) {
    let Ok(store) = daemon.store() else { return };
    tokio::task::spawn_local(tell_heads(store.heads()));
    let behind = store.newest_time().since(clock::now());
    let record = SiteRecord::of(Site::Started).with("version", env!("CARGO_PKG_VERSION"));
    daemon.record(record, Context::of_daemon()).await;
    daemon.record(daemon.policy_record(), Context::of_daemon()).await;
    if behind > TOLERANCE {
        told_of_jump(daemon, "behind-the-record", behind.saturating_neg()).await;
    }
}

/// Removes records that were kept as long as `[audit] keep` says.
async fn prune(daemon: Rc<Daemon>) {
    let keep = daemon.loaded().and_then(|loaded| loaded.config.settings.keep);
    let (Some(keep), Ok(store)) = (keep, daemon.store()) else { return };
    match store.prune(keep, clock::now()).await {
        Ok(0) => {}
        Ok(records) => journal::operation(Level::Info, &format!("{records} audit records were removed: [audit] keep")),
        Err(error) => journal::operation(Level::Warning, &format!("old audit records could not be removed: {error}")),
    }
}

/// Remembers outside of the database how far it has come; no login waits for that.
async fn remember(daemon: Rc<Daemon>) {
    let Ok(store) = daemon.store() else { return };
    let written = tokio::task::spawn_blocking(move || store.remember_how_far()).await;
    if let Ok(Err(error)) = written {
        let text = format!("how far the database has come cannot be remembered: {error}");
        journal::operation(Level::Warning, &text);
    }
}

/// Tells the journal how far the chain has come, once in a while, until the store is closed. What was committed in the
/// pace before the machine lost its power may not be told.
async fn tell_heads(mut heads: watch::Receiver<Head>) {
    loop {
        let head = *heads.borrow_and_update();
        if head.seq > 0 {
            journal::head(head);
        }
        sleep(PACE_OF_HEADS).await;
        if heads.changed().await.is_err() {
            return;
        }
    }
}

async fn told_of_jump(daemon: &Daemon, reason: &'static str, seconds: i64) {
    let way = if seconds < 0 { "back" } else { "forward" };
    let told = format!("the clock was turned {way} by {} s ({reason})", seconds.unsigned_abs());
    journal::operation(Level::Alert, &told);
    let record = SiteRecord::of(Site::ClockJumped).because(reason).with("seconds", seconds);
    daemon.record(record, Context::of_daemon()).await;
}

/// Tries to open a store that could not be opened; what cannot be opened is complained about once in a while.
async fn retry(daemon: &Daemon, complaints: u32) -> u32 {
    let before = daemon.store().err();
    match daemon.open_store_again().await {
        Ok(false) => 0,
        Ok(true) => {
            journal::operation(Level::Alert, "the store could be opened now; logins are decided again");
            let why = before.unwrap_or_default();
            let record = SiteRecord::of(Site::StoreBroken).because("opened-again").with("was", why.as_str());
            daemon.record(record, Context::of_daemon()).await;
            started(daemon).await;
            0
        }
        Err(why) => {
            if complaints == 0 || before.as_ref() != Some(&why) {
                journal::operation(Level::Alert, &format!("{why}; it is tried again every {} s", PACE.as_secs()));
            }
            (complaints + 1) % COMPLAINTS
        }
    }
}

/// The wall clock, and one that nobody turns.
#[derive(Clone, Copy)]
struct Clocks {
    wall: Time,
    since_boot: i64,
}

impl Clocks {
    /// What both say. A suspended machine is asleep for both.
    fn now() -> Self {
        let since_boot = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        Self { wall: clock::now(), since_boot: since_boot.tv_sec }
    }

    /// By how many seconds the wall clock was turned since the last look, if it was; backwards is negative.
    fn jump(&mut self, now: Self) -> Option<i64> {
        let passed = now.since_boot.saturating_sub(self.since_boot);
        let jump = now.wall.since(self.wall).saturating_sub(passed);
        *self = now;
        (jump.saturating_abs() > TOLERANCE).then_some(jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(wall: i64, since_boot: i64) -> Clocks {
        Clocks { wall: Time(wall), since_boot }
    }

    #[test]
    fn a_clock_that_was_turned_is_noticed_once_either_way() {
        let mut last = clocks(1_800_000_000, 500);
        assert_eq!(last.jump(clocks(1_800_000_010, 510)), None);
        assert_eq!(last.jump(clocks(1_800_003_620, 520)), Some(3600));
        assert_eq!(last.jump(clocks(1_800_003_630, 530)), None);
        assert_eq!(last.jump(clocks(1_800_000_000, 540)), Some(-3640));
        assert_eq!(last.jump(clocks(1_800_000_010, 550)), None);
        assert_eq!(last.jump(clocks(i64::MIN, 560)), Some(i64::MIN));
        assert_eq!(last.jump(clocks(i64::MAX, 570)), Some(i64::MAX - 10));
    }

    #[test]
    fn a_small_correction_and_a_sleeping_machine_are_no_jump() {
        let mut last = clocks(1_800_000_000, 500);
        assert_eq!(last.jump(clocks(1_800_000_070, 510)), None);
        assert_eq!(last.jump(clocks(1_800_030_070, 30_510)), None);
        assert_eq!(last.jump(clocks(1_800_030_020, 30_520)), None);
    }
}
