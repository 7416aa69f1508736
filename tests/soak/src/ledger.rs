//! What was seen from outside: who came in when, what was counted, and whatever should not have happened.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use harness::Holds;

/// Somebody came in by a factor.
#[derive(Clone, Debug)]
pub(crate) struct Pass {
    /// Who.
    pub(crate) user: String,
    /// The PAM service.
    pub(crate) service: &'static str,
    /// Seconds since 1970 between which it was.
    pub(crate) between: (i64, i64),
}

/// Something that must never happen, and happened.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// What must hold.
    pub(crate) what: &'static str,
    /// What was seen.
    pub(crate) evidence: String,
}

#[derive(Default)]
pub(crate) struct Written {
    pub(crate) passes: Vec<Pass>,
    pub(crate) counts: BTreeMap<&'static str, u64>,
    pub(crate) broken: Vec<Broken>,
    pub(crate) held: Vec<Holds>,
}

/// All of it; each line is written whole.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Written>);

impl Ledger {
    /// To read or to write.
    pub(crate) fn open(&self) -> MutexGuard<'_, Written> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more of those.
    pub(crate) fn count(&self, what: &'static str) {
        *self.open().counts.entry(what).or_default() += 1;
    }

    /// Something that must hold does not.
    pub(crate) fn broken(&self, what: &'static str, evidence: impl Into<String>) {
        let broken = Broken { what, evidence: evidence.into() };
        println!("BROKEN: {what}\n{}", broken.evidence);
        self.open().broken.push(broken);
    }
}
