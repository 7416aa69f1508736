//! Records whose time is over are removed from the beginning of a chain, and the chain still holds: where it begins now
//! is kept beside it and is in a record of its own. The records go in small steps, so that no login waits for them.

use super::apply::{Halt, Transaction};
use super::queue::Work;
use super::{Committed, Store, StoreError, history, verify};
use crate::audit::{Context, Head, Site, SiteRecord};
use mfa_core::Time;
use rusqlite::{Connection, params};
use std::time::Duration;

/// Seconds of a day: records are removed once a day at the most, and what claims to be from tomorrow is not believed.
const DAY: i64 = 86_400;
/// Records that are looked at in one run; the next run goes on.
const MOST: u32 = 200_000;
/// Records that one step removes.
const STEP: u32 = 200;
/// Between two steps.
const PAUSE: Duration = Duration::from_millis(20);

/// One step.
#[derive(Clone, Debug)]
pub(super) enum Cut {
    /// The chain begins after this record from now on.
    Anchor { last: Head, records: i64, newest: Time, at: Time },
    /// Some of the records before a chain's beginning go; stale if there are none.
    Remove { node: i64 },
}

impl Store {
    /// Removes what is older than `keep` seconds. How many records.
    ///
    /// # Errors
    /// As [`Store::commit`]; the next run goes on where this one ended.
    pub(crate) async fn prune(&self, keep: i64, now: Time) -> Result<i64, StoreError> {
        let (due, nodes) =
            self.look(move |connection| Ok((due(connection, keep, now)?, anchored(connection)?))).await?;
        let mut records = 0;
        let mut nodes = nodes;
        for cut in due {
            if let Cut::Anchor { last, records: count, .. } = &cut {
                records += count;
                nodes.push(last.node);
            }
            self.submit(Work::Cut(cut), Context::of_daemon()).await?;
        }
        for node in nodes {
            while let Committed::Done(_) = self.submit(Work::Cut(Cut::Remove { node }), Context::of_daemon()).await? {
                tokio::time::sleep(PAUSE).await;
            }
        }
        Ok(records)
    }
}

/// Where each chain that has old records should begin.
fn due(connection: &Connection, keep: i64, now: Time) -> Result<Vec<Cut>, StoreError> {
    let mut cuts = Vec::new();
    for node in history::chains(connection)? {
        let anchor = verify::anchor(connection, node)?.unwrap_or_else(|| Head::start(node));
        let (mut last, mut records) = (anchor, 0);
        let (mut oldest, mut newest) = (None, Time(i64::MIN));
        let select = "SELECT seq, at, hash FROM audit WHERE node = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
        let mut statement = connection.prepare_cached(select)?;
        let mut rows = statement.query(params![node, anchor.seq, MOST])?;
        while let Some(row) = rows.next()? {
            let at = Time(row.get(1)?);
            // A record of a clock that was far ahead is as old as those around it.
            let is_old = now.since(at) > keep || at.since(now) > DAY;
            if !is_old {
                break;
            }
            (oldest, newest) = (oldest.or(Some(at)), newest.max(at));
            (last, records) = (Head { node, seq: row.get(0)?, hash: verify::hash(row, 2)? }, records + 1);
        }
        if oldest.is_some_and(|at| now.since(at) > keep.saturating_add(DAY) || at > now) {
            cuts.push(Cut::Anchor { last, records, newest, at: now });
        }
    }
    Ok(cuts)
}

/// Chains that do not begin with their first record: a removal may have been interrupted.
fn anchored(connection: &Connection) -> Result<Vec<i64>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT node FROM anchor")?;
    let nodes = statement.query_map((), |row| row.get(0))?;
    Ok(nodes.collect::<Result<_, _>>()?)
}

impl Transaction<'_> {
    /// Performs one step.
    pub(super) fn cut(&mut self, cut: &Cut, context: &Context) -> Result<(), Halt> {
        match cut {
            Cut::Anchor { last: Head { node, seq, hash }, records, newest, at } => {
                let upsert = "INSERT INTO anchor (node, seq, hash, newest) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO \
                              UPDATE SET seq = excluded.seq, hash = excluded.hash, \
                              newest = max(newest, excluded.newest) WHERE seq < excluded.seq";
                self.connection.prepare_cached(upsert)?.execute(params![node, seq, hash, newest.0])?;
                let record = SiteRecord::of(Site::Pruned)
                    .with("node", *node)
                    .with("seq", *seq)
                    .with("hash", super::hex(hash).as_str())
                    .with("records", *records);
                self.site(&record, *at, context)
            }
            Cut::Remove { node } => {
                let delete = "DELETE FROM audit WHERE node = ?1 AND seq IN (SELECT seq FROM audit WHERE node = ?1 \
                              AND seq <= (SELECT seq FROM anchor WHERE node = ?1) ORDER BY seq LIMIT ?2)";
                match self.connection.prepare_cached(delete)?.execute(params![node, STEP])? {
                    0 => Err(Halt::Stale),
                    _ => Ok(()),
                }
            }
        }
    }
}
