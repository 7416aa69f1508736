//! The record as it was written, a part at a time, in the order in which it was. Read only, beside the logins; no part
//! looks at more records than can be read in some milliseconds.

use super::{Place, Store, StoreError};
use crate::audit::Hash;
use mfa_core::Time;
use rusqlite::{Connection, OptionalExtension, Row, params};

/// Records that one part looks at.
const PART: u32 = 4000;
/// Seconds by which records may be out of order, since clocks are turned.
const DISORDER: i64 = 86_400;

/// What is looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sought {
    /// Only about this login name.
    pub(crate) user: Option<String>,
    /// Only of this word.
    pub(crate) what: Option<String>,
    /// Only of this time or later.
    pub(crate) since: Option<Time>,
    /// Whether the newest come first.
    pub(crate) newest_first: bool,
}

/// A record as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Written {
    /// Where.
    pub(crate) place: Place,
    /// Its hash.
    pub(crate) hash: Hash,
    /// Its bytes; if they were changed by something else, as much of them as is text.
    pub(crate) text: String,
}

/// A part of what was looked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Part {
    /// What was found.
    pub(crate) records: Vec<Written>,
    /// Where to go on.
    pub(crate) next: Option<Place>,
    /// Whether there is no more at the moment.
    pub(crate) done: bool,
}

impl Store {
    /// The next records that are looked for, after a place; as many as `holds` takes, one at least.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn records(
        &self,
        sought: Sought,
        after: Option<Place>,
        holds: impl FnMut(&Written) -> bool + Send + 'static,
    ) -> Result<Part, StoreError> {
        self.look(move |connection| Look { connection, sought: &sought, holds, left: PART }.part(after)).await
    }

    /// The hash of the record at each place; `None` where there is none.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn hashes(&self, places: Vec<Place>) -> Result<Vec<Option<Hash>>, StoreError> {
        self.look(move |connection| {
            let mut statement = connection.prepare_cached("SELECT hash FROM audit WHERE node = ?1 AND seq = ?2")?;
            let hash = |place: &Place| statement.query_row([place.0, place.1], |row| row.get(0)).optional();
            Ok(places.iter().map(hash).collect::<Result<_, _>>()?)
        })
        .await
    }
}

/// The chains there are, oldest first; the last is continued by this database.
pub(super) fn chains(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let own: i64 = connection.prepare_cached("SELECT node FROM meta")?.query_row((), |row| row.get(0))?;
    let mut statement = connection.prepare_cached(NEXT_CHAIN)?;
    let (mut chains, mut last) = (Vec::new(), -1i64);
    while let Some((node, at)) = statement.query_row([last], |row| Ok((row.get(0)?, row.get(1)?))).optional()? {
        chains.push((node == own, at, node));
        last = node;
    }
    chains.sort_unstable_by_key(|(is_own, at, node): &(bool, i64, i64)| (*is_own, *at, *node));
    Ok(chains.into_iter().map(|(_, _, node)| node).collect())
}

pub(super) const NEXT_CHAIN: &str = "SELECT node, at FROM audit WHERE node > ?1 ORDER BY node, seq LIMIT 1";
pub(super) const FORWARD: &str = "SELECT seq, at, what, hash, record FROM audit \
     WHERE node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
pub(super) const BACKWARD: &str = "SELECT seq, at, what, hash, record FROM audit \
     WHERE node = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";
pub(super) const FORWARD_OF: &str = "SELECT seq, at, what, hash, record FROM audit \
     WHERE name = ?4 AND node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
pub(super) const BACKWARD_OF: &str = "SELECT seq, at, what, hash, record FROM audit \
     WHERE name = ?4 AND node = ?1 AND seq < ?2 ORDER BY seq DESC LIMIT ?3";

/// One look at a part.
struct Look<'a, F> {
    connection: &'a Connection,
    sought: &'a Sought,
    holds: F,
    /// Records that may still be looked at.
    left: u32,
}

/// How the look at a chain ended.
enum End {
    /// The chain has no more.
    Chain,
    /// What is older was not looked for.
    Time,
    /// This part is full.
    Part,
}

impl<F: FnMut(&Written) -> bool> Look<'_, F> {
    fn part(mut self, after: Option<Place>) -> Result<Part, StoreError> {
        let mut chains = chains(self.connection)?;
        if self.sought.newest_first {
            chains.reverse();
        }
        let begun = after.and_then(|(node, _)| chains.iter().position(|chain| *chain == node)).unwrap_or(0);
        let mut part = Part { next: after, ..Part::default() };
        for node in chains.into_iter().skip(begun) {
            let from = match after {
                Some((chain, seq)) if chain == node => seq,
                _ => self.begin(node)?,
            };
            match self.chain(node, from, &mut part)? {
                End::Chain => {}
                End::Time => break,
                End::Part => return Ok(part),
            }
        }
        part.done = true;
        Ok(part)
    }

    fn chain(&mut self, node: i64, from: i64, part: &mut Part) -> Result<End, StoreError> {
        let Sought { user, what, since, newest_first } = self.sought;
        let sql = match (newest_first, user) {
            (false, None) => FORWARD,
            (true, None) => BACKWARD,
            (false, Some(_)) => FORWARD_OF,
            (true, Some(_)) => BACKWARD_OF,
        };
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = match user {
            None => statement.query(params![node, from, self.left])?,
            Some(user) => statement.query(params![node, from, self.left, user])?,
        };
        while let Some(row) = rows.next()? {
            let at: i64 = row.get(1)?;
            let is_before = |seconds: i64| since.is_some_and(|since| at < since.0.saturating_sub(seconds));
            if *newest_first && is_before(DISORDER) {
                return Ok(End::Time);
            }
            let is_sought =
                what.as_deref().is_none_or(|what| row.get_ref(2).is_ok_and(|word| word.as_str() == Ok(what)));
            let place = (node, row.get(0)?);
            if is_sought && !is_before(0) {
                let kept = kept(place, row)?;
                if !(self.holds)(&kept) && !part.records.is_empty() {
                    return Ok(End::Part);
                }
                part.records.push(kept);
            }
            part.next = Some(place);
            self.left = self.left.saturating_sub(1);
        }
        Ok(if self.left == 0 { End::Part } else { End::Chain })
    }

    /// Where to begin in a chain: what is certainly before the time looked for is passed over.
    fn begin(&self, node: i64) -> Result<i64, StoreError> {
        match self.sought.since {
            _ if self.sought.newest_first => Ok(i64::MAX),
            None => Ok(0),
            Some(since) => before(self.connection, node, since.plus(-DISORDER)),
        }
    }
}

/// A number in a chain before which all is older, as far as the clock went forward; found in a few looks.
pub(super) fn before(connection: &Connection, node: i64, time: Time) -> Result<i64, StoreError> {
    let ends = "SELECT min(seq), max(seq) FROM audit WHERE node = ?1";
    let ends = connection.prepare_cached(ends)?.query_row([node], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let (Some(first), Some(last)): (Option<i64>, Option<i64>) = ends else { return Ok(0) };
    let mut statement = connection.prepare_cached("SELECT at FROM audit WHERE node = ?1 AND seq >= ?2 LIMIT 1")?;
    let (mut older, mut newer) = (first.saturating_sub(1), last.saturating_add(1));
    while newer.saturating_sub(older) > 1 {
        let middle = older + (newer - older) / 2;
        match statement.query_row([node, middle], |row| row.get::<_, i64>(0)).optional()? {
            Some(at) if at < time.0 => older = middle,
            _ => newer = middle,
        }
    }
    Ok(older)
}

fn kept(place: Place, row: &Row<'_>) -> Result<Written, StoreError> {
    let text = String::from_utf8_lossy(row.get_ref(4)?.as_bytes().unwrap_or_default()).into_owned();
    Ok(Written { place, hash: super::verify::hash(row, 3)?, text })
}
