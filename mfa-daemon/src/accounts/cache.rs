//! Positive answers of the name service, for ten seconds and never beyond a change of the local files.

use super::{Entry, Memberships};
use std::collections::HashMap;
use std::os::unix::fs::MetadataExt;
use std::time::{Duration, Instant};

/// How long an answer is kept.
const KEPT: Duration = Duration::from_secs(10);
/// Names kept at the most; beyond that, all are dropped.
const MOST: usize = 10_000;
/// A change of these drops everything.
const LOCAL: [&str; 3] = ["/etc/passwd", "/etc/group", "/etc/nsswitch.conf"];

/// Modification time and inode of a file, or that it cannot be read.
type Stamp = Option<(i64, i64, u64)>;

#[derive(Default)]
pub(super) struct Cache {
    stamps: [Stamp; LOCAL.len()],
    entries: HashMap<String, (Instant, Entry)>,
    uids: HashMap<u32, (Instant, Entry)>,
    groups: HashMap<String, (Instant, Memberships)>,
}

impl Cache {
    pub(super) fn entry(&mut self, name: &str) -> Option<Entry> {
        self.drop_if_changed();
        fresh(self.entries.get(name)).cloned()
    }

    pub(super) fn keep_entry(&mut self, name: &str, entry: &Entry) {
        if self.entries.len() >= MOST {
            self.entries.clear();
        }
        self.entries.insert(name.to_owned(), (Instant::now(), entry.clone()));
    }

    pub(super) fn entry_of(&mut self, uid: u32) -> Option<Entry> {
        self.drop_if_changed();
        fresh(self.uids.get(&uid)).cloned()
    }

    pub(super) fn keep_entry_of(&mut self, uid: u32, entry: &Entry) {
        if self.uids.len() >= MOST {
            self.uids.clear();
        }
        self.uids.insert(uid, (Instant::now(), entry.clone()));
    }

    /// The memberships, if all of these groups were asked about before.
    pub(super) fn groups(&mut self, name: &str, wanted: &[String]) -> Option<Memberships> {
        self.drop_if_changed();
        let known = fresh(self.groups.get(name))?;
        let all_known = wanted.iter().all(|group| known.iter().any(|(known, _)| known == group));
        all_known.then(|| known.clone())
    }

    pub(super) fn keep_groups(&mut self, name: &str, memberships: &Memberships) {
        if self.groups.len() >= MOST {
            self.groups.clear();
        }
        // Some ask about other groups than others do; all of it ages together.
        let (since, mut known) = match fresh_since(self.groups.remove(name)) {
            Some(kept) => kept,
            None => (Instant::now(), Memberships::new()),
        };
        known.retain(|(group, _)| !memberships.iter().any(|(newer, _)| newer == group));
        known.extend(memberships.iter().cloned());
        self.groups.insert(name.to_owned(), (since, known));
    }

    fn drop_if_changed(&mut self) {
        let stamps = LOCAL.map(stamp);
        if stamps != self.stamps {
            self.entries.clear();
            self.uids.clear();
            self.groups.clear();
            self.stamps = stamps;
        }
    }
}

fn fresh<T>(kept: Option<&(Instant, T)>) -> Option<&T> {
    kept.filter(|(since, _)| since.elapsed() < KEPT).map(|(_, answer)| answer)
}

fn fresh_since<T>(kept: Option<(Instant, T)>) -> Option<(Instant, T)> {
    kept.filter(|(since, _)| since.elapsed() < KEPT)
}

fn stamp(path: &str) -> Stamp {
    let file = std::fs::metadata(path).ok()?;
    Some((file.mtime(), file.mtime_nsec(), file.ino()))
}
