//! Many cases at once: they wait, and seldom work.

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

/// Cases that wait at once.
const AT_ONCE: usize = 24;

/// Plays each case; all are played, then those that failed are named.
pub(crate) fn each<C: Debug + Send + Sync>(cases: Vec<C>, play: impl Fn(&C) + Sync) {
    let (left, failed) = (Mutex::new(cases.iter()), Mutex::new(Vec::new()));
    assert!(!cases.is_empty());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let Some(case) = left.lock().unwrap().next() else { return };
                    // What went wrong was printed when it did.
                    if catch_unwind(AssertUnwindSafe(|| play(case))).is_err() {
                        failed.lock().unwrap().push(format!("{case:?}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "{} of {} failed:\n{}", failed.len(), cases.len(), failed.join("\n"));
}
