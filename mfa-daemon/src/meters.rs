//! What is counted while the daemon runs: in memory, from zero at each start, and never by user. Adding to a count takes
//! some nanoseconds and waits for nobody.

use mfa_core::account::{Record, What};
use mfa_core::factor::Kind;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// What a record was, in words of the program's own.
pub(crate) type Key = (&'static str, &'static str, &'static str);

/// What the store has done.
#[derive(Debug, Default)]
pub(crate) struct StoreMeters {
    records: Mutex<BTreeMap<Key, u64>>,
    /// How long transactions took, the sync to disk included.
    pub(crate) commits: Histogram,
    /// Transactions that failed.
    pub(crate) failures: AtomicU64,
    /// Things committed: many of them share a transaction.
    pub(crate) jobs: AtomicU64,
}

impl StoreMeters {
    /// One more record was committed.
    pub(crate) fn count(&self, what: What, factor: Option<Kind>, reason: Option<&'static str>) {
        let key = (what.as_str(), factor.map_or("", Kind::as_str), reason.unwrap_or_default());
        *self.records.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    }

    /// Records committed so far, by what, factor and reason.
    pub(crate) fn records(&self) -> BTreeMap<Key, u64> {
        self.records.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What is counted of a record.
pub(crate) fn counted(record: &Record) -> (What, Option<Kind>, Option<&'static str>) {
    (record.what, record.factor.map(|(kind, _)| kind), record.reason)
}

/// Upper ends of the buckets, in microseconds.
pub(crate) const ENDS: [u64; 14] =
    [100, 250, 500, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// How long something took, in buckets.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; ENDS.len() + 1],
    micros: AtomicU64,
}

/// A histogram at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Measured {
    /// So many took at most the bucket's end, and all of them.
    pub(crate) up_to: Vec<u64>,
    /// All of them together, in microseconds.
    pub(crate) micros: u64,
}

impl Histogram {
    /// It took so long once more.
    pub(crate) fn add(&self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let place = ENDS.partition_point(|end| *end < micros);
        if let Some(bucket) = self.buckets.get(place) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// As it is now.
    pub(crate) fn measured(&self) -> Measured {
        let mut all = 0;
        let up_to = self.buckets.iter().map(|bucket| {
            all += bucket.load(Ordering::Relaxed);
            all
        });
        Measured { up_to: up_to.collect(), micros: self.micros.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_long_is_in_no_lower_bucket() {
        let histogram = Histogram::default();
        for micros in [0, 100, 101, 5_000_000, 5_000_001] {
            histogram.add(Duration::from_micros(micros));
        }
        let Measured { up_to, micros } = histogram.measured();
        assert_eq!((up_to[0], up_to[1], up_to[12], up_to[13], up_to[14]), (2, 3, 3, 4, 5));
        assert_eq!(micros, 10_000_202);
    }

    #[test]
    fn records_are_counted_by_what_they_are() {
        let meters = StoreMeters::default();
        for reason in [None, Some("throttled"), Some("throttled")] {
            meters.count(What::Denied, Some(Kind::Totp), reason);
        }
        let expected = BTreeMap::from([(("denied", "totp", ""), 1), (("denied", "totp", "throttled"), 2)]);
        assert_eq!(meters.records(), expected);
    }
}
