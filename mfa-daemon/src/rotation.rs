//! What another master key leaves to be sealed anew is done here, beside the logins: a few rows, a pause, a few rows.

use crate::clock;
use crate::daemon::Daemon;
use crate::journal::{self, Level};
use crate::store::{Course, Store, StoreError};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// Between two steps: whoever logs in gets in between.
const PAUSE: Duration = Duration::from_millis(10);
/// Between two looks whether there is anything to do, and after an error.
const PATIENCE: Duration = Duration::from_secs(10);

/// Looks after it until the daemon is stopped.
pub(crate) async fn run(daemon: Rc<Daemon>) {
    let mut told = false;
    loop {
        if let Some(store) = daemon.store().ok().filter(Store::has_older_keys) {
            match seal_anew(&store).await {
                Ok(()) => return,
                Err(error) if !std::mem::replace(&mut told, true) => {
                    let text = format!("rows cannot be sealed with the new master key yet: {error}");
                    journal::operation(Level::Error, &text);
                }
                Err(_) => {}
            }
        }
        sleep(PATIENCE).await;
    }
}

/// All rows, then the old key is forgotten.
async fn seal_anew(store: &Store) -> Result<(), StoreError> {
    let before = store.rotation().await?;
    if before.needed == [before.current] {
        return Ok(());
    }
    let course = Arc::new(Course::default());
    let begun = format!("{} of {} rows are sealed anew with master key {}", before.left, before.rows, before.current);
    journal::operation(Level::Info, &begun);
    while store.reseal(&course).await? > 0 {
        sleep(PAUSE).await;
    }
    store.retire(clock::now()).await?;
    match course.damaged() {
        0 => journal::operation(Level::Info, &format!("all rows are sealed with master key {}", before.current)),
        damaged => {
            let text = format!("{damaged} rows do not open with any master key and keep the old one needed");
            journal::operation(Level::Alert, &text);
        }
    }
    Ok(())
}
