//! Whether the chains of records hold, a part at a time: each record's bytes, its place, what the table's columns repeat
//! of it, and whether the newest are still there. What it finds, it tells; it never mends anything.

use super::{Place, Store, StoreError, history};
use crate::audit::{Event, Hash, Head};
use mfa_core::Time;
use rusqlite::{Connection, OptionalExtension, Row};

/// Records that one part checks.
const PART: u32 = 20_000;
/// Findings that one part tells.
const MOST_FINDINGS: usize = 100;

/// How far it was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Walked {
    /// The record checked last.
    pub(crate) head: Head,
    /// The latest time of any record so far.
    pub(crate) newest: Time,
}

/// What a part of the check came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Verified {
    /// Records checked in this part.
    pub(crate) checked: u64,
    /// Records in all chains.
    pub(crate) total: u64,
    /// What is wrong.
    pub(crate) findings: Vec<Finding>,
    /// Where to go on; `None` when all was checked.
    pub(crate) next: Option<Walked>,
    /// The chains there are, oldest first.
    pub(crate) chains: Vec<Chain>,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Where it shows.
    pub(crate) place: Place,
    /// What.
    pub(crate) wrong: Wrong,
}

/// What can be wrong with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// It does not fit the one before it: one of them is not what was written there.
    Changed,
    /// Those from this number on, up to this one, are not there.
    Missing(i64),
    /// The columns that are looked at do not say what the record says.
    Columns,
    /// The newest records are not there: the database knows of a later time than any of them.
    CutOff,
    /// No record says that those before the chain's beginning were removed because of their age.
    Anchor,
}

/// A chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// Where it begins: what comes before was removed because of its age.
    pub(crate) anchor: Head,
    /// The newest number.
    pub(crate) last: i64,
    /// The latest time of what was removed.
    newest: Time,
}

impl Store {
    /// Checks the next records.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn verify(&self, after: Option<Walked>) -> Result<Verified, StoreError> {
        self.look(move |connection| verify(connection, after, PART)).await
    }
}

/// Checks `most` records at the most.
pub(super) fn verify(connection: &Connection, after: Option<Walked>, most: u32) -> Result<Verified, StoreError> {
    let nodes = history::chains(connection)?;
    let chains = nodes.into_iter().map(|node| chain(connection, node)).collect::<Result<Vec<_>, _>>()?;
    let begun = after.and_then(|walked| chains.iter().position(|chain| chain.anchor.node == walked.head.node));
    let mut check = Check {
        connection,
        left: most,
        newest: after.map_or(Time(i64::MIN), |walked| walked.newest),
        told: Verified::default(),
    };
    check.told.total =
        chains.iter().map(|chain| u64::try_from(chain.last.saturating_sub(chain.anchor.seq)).unwrap_or(0)).sum();
    for (number, chain) in chains.iter().enumerate().skip(begun.unwrap_or(0)) {
        // Records that were removed meanwhile, because of their age, are not missing.
        let gone_on = after.filter(|walked| begun == Some(number) && walked.head.seq >= chain.anchor.seq);
        if gone_on.is_none() {
            check.anchor(chain)?;
        }
        check.newest = check.newest.max(chain.newest);
        let reached = check.chain(gone_on.map_or(chain.anchor, |walked| walked.head))?;
        if check.left == 0 {
            check.told.next = Some(Walked { head: reached, newest: check.newest });
            return Ok(check.told);
        }
    }
    check.end(chains.last())?;
    check.told.chains = chains;
    Ok(check.told)
}

fn chain(connection: &Connection, node: i64) -> Result<Chain, StoreError> {
    let anchor = anchor(connection, node)?.unwrap_or_else(|| Head::start(node));
    let mut statement = connection.prepare_cached("SELECT newest FROM anchor WHERE node = ?1")?;
    let newest = Time(statement.query_row([node], |row| row.get(0)).optional()?.unwrap_or(i64::MIN));
    let select = "SELECT max(seq) FROM audit WHERE node = ?1";
    let last: Option<i64> = connection.prepare_cached(select)?.query_row([node], |row| row.get(0))?;
    Ok(Chain { anchor, last: last.unwrap_or(anchor.seq), newest })
}

/// The last record of a chain that was removed because of its age.
pub(super) fn anchor(connection: &Connection, node: i64) -> Result<Option<Head>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT seq, hash FROM anchor WHERE node = ?1")?;
    Ok(statement.query_row([node], |row| Ok(Head { node, seq: row.get(0)?, hash: row.get(1)? })).optional()?)
}

struct Check<'a> {
    connection: &'a Connection,
    /// Records that may still be checked.
    left: u32,
    newest: Time,
    told: Verified,
}

impl Check<'_> {
    /// Walks on from a record; the last one reached.
    fn chain(&mut self, from: Head) -> Result<Head, StoreError> {
        let select = "SELECT seq, hash, record, at, uid, name, what, reason FROM audit \
                      WHERE node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query((from.node, from.seq, self.left))?;
        let mut last = from;
        while let Some(row) = rows.next()? {
            let found = Head { node: from.node, seq: row.get(0)?, hash: hash(row, 1)? };
            let record = row.get_ref(2)?.as_bytes().unwrap_or_default();
            if found.seq != last.seq.saturating_add(1) {
                self.find(found, Wrong::Missing(last.seq.saturating_add(1)));
            } else if last.next(record) != found {
                self.find(found, Wrong::Changed);
            } else if !repeats(row, record)? {
                self.find(found, Wrong::Columns);
            }
            self.newest = self.newest.max(Time(row.get(3)?));
            last = found;
            self.left = self.left.saturating_sub(1);
            self.told.checked += 1;
        }
        Ok(last)
    }

    /// A chain that does not begin with its first record needs a record that says why.
    fn anchor(&mut self, chain: &Chain) -> Result<(), StoreError> {
        let anchor = chain.anchor;
        if anchor.seq > 0 && !is_covered(self.connection, &anchor)? {
            self.find(anchor, Wrong::Anchor);
        }
        Ok(())
    }

    /// Each commit notes its time, so some record must be of the latest one.
    fn end(&mut self, newest: Option<&Chain>) -> Result<(), StoreError> {
        let noted = super::admin::newest_time(self.connection)?;
        if self.newest.0 < noted && noted > 0 {
            let head = newest.map_or(Head::start(0), |chain| Head { seq: chain.last, ..chain.anchor });
            self.find(head, Wrong::CutOff);
        }
        Ok(())
    }

    fn find(&mut self, at: Head, wrong: Wrong) {
        if self.told.findings.len() < MOST_FINDINGS {
            self.told.findings.push(Finding { place: (at.node, at.seq), wrong });
        }
    }
}

/// Whether a record, whose place in a chain is checked like any other's, says that these were removed.
fn is_covered(connection: &Connection, anchor: &Head) -> Result<bool, StoreError> {
    let select = "SELECT record FROM audit WHERE what = 'pruned' ORDER BY at DESC LIMIT 100";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let event = Event::from_bytes(row.get_ref(0)?.as_bytes().unwrap_or_default());
        if event.is_ok_and(|event| event.anchors(anchor)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the other columns say what the record says.
fn repeats(row: &Row<'_>, record: &[u8]) -> Result<bool, StoreError> {
    let Ok(event) = Event::from_bytes(record) else { return Ok(false) };
    let (at, uid): (i64, Option<u32>) = (row.get(3)?, row.get(4)?);
    let (name, what, reason): (Option<String>, String, Option<String>) = (row.get(5)?, row.get(6)?, row.get(7)?);
    Ok(at == event.at && uid == event.uid && name == event.user && what == event.what && reason == event.reason)
}

/// The hash in a column; what is none is one that fits nothing.
pub(super) fn hash(row: &Row<'_>, column: usize) -> Result<Hash, StoreError> {
    Ok(row.get_ref(column)?.as_bytes().ok().and_then(|bytes| bytes.try_into().ok()).unwrap_or_default())
}

/// A hash in hexadecimal digits.
pub(crate) fn hex(hash: &Hash) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A hash from its digits.
pub(crate) fn from_hex(text: &str) -> Option<Hash> {
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    let mut hash = Hash::default();
    for (place, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * place..2 * place + 2)?, 16).ok()?;
    }
    Some(hash)
}
