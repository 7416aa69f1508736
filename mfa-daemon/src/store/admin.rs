//! What administrators look at: counts, lists, the record. Read only, on a connection and threads of its own, so that
//! a long look does not keep a login waiting.

use super::read::{self, Moment};
use super::{Store, StoreError};
use crate::audit::{Event, Head};
use mfa_core::Time;
use mfa_core::account::Identity;
use mfa_core::throttle::{FAILURES_UNTIL_OFF, Gate, Guess};
use rusqlite::{Connection, OptionalExtension, Params, params};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many accounts are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// With at least one confirmed factor.
    pub(crate) enrolled: u64,
    /// With an enrollment begun that can still be confirmed.
    pub(crate) pending: u64,
    /// Whose codes are refused, for now or until something turns them on, whoever caused it.
    pub(crate) throttled: u64,
}

/// A page of accounts, in the order of their records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// The accounts.
    pub(crate) accounts: Vec<Summary>,
    /// What the next page begins after; `None` on the last.
    pub(crate) next: Option<i64>,
}

/// An account on one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Summary {
    /// Whose record it is.
    pub(crate) identity: Identity,
    /// Confirmed factors by kind.
    pub(crate) factors: BTreeMap<String, u32>,
    /// Unused backup codes.
    pub(crate) backup_codes: u32,
    /// Whether an enrollment was begun that can still be confirmed.
    pub(crate) pending: bool,
    /// Whether codes are refused, for now or until something turns them on, whoever caused it.
    pub(crate) throttled: bool,
}

/// What was refused in a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refused {
    /// How often, by what happened or, where it is known, by its reason: `wrong`, `replayed`, `throttled`.
    pub(crate) by_reason: BTreeMap<String, u64>,
    /// Who was refused because of earlier failures, the latest first, ten at most.
    pub(crate) throttled: Vec<String>,
}

impl Store {
    /// How many accounts are how.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn counts(&self, now: Time) -> Result<Counts, StoreError> {
        let enrolled = self.tally().enrolled;
        self.look(move |connection| counts(connection, enrolled, now)).await
    }

    /// Accounts after a place, `limit` at most; with a text, those that have it in their name, in any case.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn page(
        &self,
        (after, limit): (Option<i64>, usize),
        search: Option<String>,
        now: Time,
    ) -> Result<Page, StoreError> {
        self.look(move |connection| page(connection, (after.unwrap_or(0), limit), search.as_deref(), now)).await
    }

    /// The records of these login names, as far as there are any.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn named(&self, names: Vec<String>, now: Time) -> Result<Vec<Summary>, StoreError> {
        let found = move |connection: &Connection| {
            let found = names.iter().map(|name| find(connection, name, now));
            found.filter_map(Result::transpose).collect()
        };
        self.look(found).await
    }

    /// The record of this login name, also of one that the system does not know any more.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn find(&self, name: &str, now: Time) -> Result<Option<Summary>, StoreError> {
        let name = name.to_owned();
        self.look(move |connection| find(connection, &name, now)).await
    }

    /// What was refused since then.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn refused_since(&self, since: Time) -> Result<Refused, StoreError> {
        self.look(move |connection| refused_since(connection, since)).await
    }

    /// When a factor last let somebody in.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn last_pass(&self) -> Result<Option<Time>, StoreError> {
        self.look(|connection| {
            let mut statement = connection.prepare_cached(LAST_PASS)?;
            Ok(statement.query_row((), |row| row.get::<_, Option<i64>>(0))?.map(Time))
        })
        .await
    }

    /// The newest records about an account, newest first, `limit` at most.
    ///
    /// # Errors
    /// The database cannot be read, or a record in it is damaged.
    pub(crate) async fn recent(&self, whose: &Identity, limit: u32) -> Result<Vec<Event>, StoreError> {
        let whose = whose.clone();
        self.look(move |connection| records(connection, RECENT, &whose, limit)).await
    }

    /// The newest records of an account's logins and of tries, newest first, `limit` at most.
    ///
    /// # Errors
    /// The database cannot be read, or a record in it is damaged.
    pub(crate) async fn logins_of(&self, whose: &Identity, limit: u32) -> Result<Vec<Event>, StoreError> {
        let whose = whose.clone();
        self.look(move |connection| records(connection, LOGINS, &whose, limit)).await
    }

    /// Whether its owner has reported a login since then.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn reported_since(&self, whose: &Identity, since: Time) -> Result<bool, StoreError> {
        let whose = whose.clone();
        self.look(move |connection| {
            let mut statement = connection.prepare_cached(REPORTED)?;
            Ok(statement.exists(params![since.0, whose.uid, whose.name])?)
        })
        .await
    }

    pub(super) async fn look<T: Send + 'static>(
        &self,
        look: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        // One after the other, so that one thread at the most is taken from those who look accounts up.
        let mut slot = Arc::clone(&self.inner.administrator).lock_owned().await;
        let inner = Arc::clone(&self.inner);
        let task = tokio::task::spawn_blocking(move || {
            let found = slot.with(|connection| {
                let _moment = Moment::begin(connection)?;
                look(connection)
            });
            drop(slot);
            drop(inner); // after the slot, so that whoever drops the last of it can close the connection
            found
        });
        task.await.unwrap_or(Err(StoreError::Stopped))
    }
}

fn counts(connection: &Connection, enrolled: u64, now: Time) -> Result<Counts, StoreError> {
    let pending = connection.prepare_cached(BEGUN)?.query_row([now.0], |row| row.get(0))?;
    Ok(Counts { enrolled, pending, throttled: throttled(connection, now)? })
}

pub(super) const BEGUN: &str = "SELECT count(*) FROM pending WHERE until > ?1";

/// Accounts of which a bucket of codes may be closed; the core says which is.
pub(super) const MAYBE_CLOSED: &str = "SELECT account FROM throttle INDEXED BY throttle_until WHERE until > 0 AND until > ?1 \
     UNION SELECT account FROM throttle INDEXED BY throttle_off WHERE account > 0 AND in_a_row >= 100";
/// As the index and the statement above have it.
const _: () = assert!(FAILURES_UNTIL_OFF == 100);

fn throttled(connection: &Connection, now: Time) -> Result<u64, StoreError> {
    let mut statement = connection.prepare_cached(MAYBE_CLOSED)?;
    let mut rows = statement.query([now.0])?;
    let mut closed = 0;
    while let Some(row) = rows.next()? {
        closed += u64::from(is_throttled(connection, row.get(0)?, now)?);
    }
    Ok(closed)
}

fn is_throttled(connection: &Connection, account: i64, now: Time) -> Result<bool, StoreError> {
    let throttles = read::throttles(connection, account)?;
    Ok(throttles.strictest(Guess::Code, now).2 != Gate::Open)
}

/// Accounts as a [`Summary`] shows them; a condition follows.
const SUMMARIES: &str = "SELECT id, uid, name, backup_codes, \
     EXISTS (SELECT 1 FROM pending WHERE pending.account = account.id AND pending.until > ?1) FROM account";

fn page(
    connection: &Connection,
    (after, limit): (i64, usize),
    search: Option<&str>,
    now: Time,
) -> Result<Page, StoreError> {
    let folded = search.map(str::to_lowercase);
    let mut names = connection.prepare_cached("SELECT id, name FROM account WHERE id > ?1 ORDER BY id")?;
    let mut rows = names.query([after])?;
    let (mut accounts, mut last) = (Vec::new(), after);
    // Names first: what belongs to one is read of those alone that are wanted.
    while let Some(row) = rows.next()? {
        let name = row.get_ref(1)?.as_str().unwrap_or_default();
        if folded.as_ref().is_some_and(|text| !name.to_lowercase().contains(text)) {
            continue;
        }
        if accounts.len() == limit {
            return Ok(Page { accounts, next: Some(last) });
        }
        last = row.get(0)?;
        let one = summaries(connection, &format!("{SUMMARIES} WHERE id = ?2"), params![now.0, last], now)?;
        accounts.extend(one.into_iter().map(|(_, summary)| summary));
    }
    Ok(Page { accounts, next: None })
}

fn find(connection: &Connection, name: &str, now: Time) -> Result<Option<Summary>, StoreError> {
    let rows = summaries(connection, &format!("{SUMMARIES} WHERE name = ?2"), params![now.0, name], now);
    Ok(rows?.pop().map(|(_, summary)| summary))
}

fn summaries(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    now: Time,
) -> Result<Vec<(i64, Summary)>, StoreError> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        let identity = Identity { uid: row.get(1)?, name: row.get(2)? };
        let (factors, throttled) = (factors(connection, id)?, is_throttled(connection, id, now)?);
        let (backup_codes, pending) = (row.get(3)?, row.get(4)?);
        summaries.push((id, Summary { identity, factors, backup_codes, pending, throttled }));
    }
    Ok(summaries)
}

fn factors(connection: &Connection, account: i64) -> Result<BTreeMap<String, u32>, StoreError> {
    let select = "SELECT kind, count(*) FROM factor WHERE account = ?1 GROUP BY kind";
    let mut statement = connection.prepare_cached(select)?;
    let rows = statement.query_map([account], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

pub(super) const LAST_PASS: &str = "SELECT max(at) FROM audit WHERE what = 'passed'";
pub(super) const REFUSED: &str = "SELECT coalesce(reason, what), count(*) FROM audit \
     WHERE what IN ('denied', 'wrong', 'replayed', 'counter-back') AND at >= ?1 GROUP BY 1";
pub(super) const THROTTLED: &str = "SELECT name FROM audit WHERE what = 'denied' AND at >= ?1 \
     AND reason IN ('throttled', 'codes-off') GROUP BY name ORDER BY max(at) DESC LIMIT 10";
pub(super) const RECENT: &str =
    "SELECT record FROM audit WHERE uid = ?1 AND name = ?2 ORDER BY node DESC, seq DESC LIMIT ?3";

pub(super) const LOGINS: &str = "SELECT record FROM audit WHERE uid = ?1 AND name = ?2 \
     AND what IN ('passed', 'skipped', 'denied', 'wrong') ORDER BY node DESC, seq DESC LIMIT ?3";
pub(super) const REPORTED: &str = "SELECT 1 FROM audit WHERE what = 'reported' AND at >= ?1 AND uid = ?2 AND name = ?3";

fn refused_since(connection: &Connection, since: Time) -> Result<Refused, StoreError> {
    let mut statement = connection.prepare_cached(REFUSED)?;
    let rows = statement.query_map([since.0], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let by_reason = rows.collect::<Result<_, _>>()?;
    let mut statement = connection.prepare_cached(THROTTLED)?;
    let rows = statement.query_map([since.0], |row| row.get(0))?;
    Ok(Refused { by_reason, throttled: rows.collect::<Result<_, _>>()? })
}

fn records(connection: &Connection, select: &str, whose: &Identity, limit: u32) -> Result<Vec<Event>, StoreError> {
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![whose.uid, whose.name, limit])?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        let event = Event::from_bytes(row.get_ref(0)?.as_blob().unwrap_or_default());
        events.push(event.map_err(|_| StoreError::Damaged(format!("a record of {}", whose.name)))?);
    }
    Ok(events)
}

/// Records that are looked at when the database is opened.
const LOOKED_AT: i64 = 1000;

/// The number of the first of the newest records that was changed, or before which one was taken out; `None` if the
/// chain is whole.
pub(super) fn broken_record(connection: &Connection, head: &Head) -> Result<Option<i64>, StoreError> {
    let beginning = super::verify::anchor(connection, head.node)?.unwrap_or_else(|| Head::start(head.node));
    let first = head.seq.saturating_sub(LOOKED_AT).max(beginning.seq);
    let select = "SELECT seq, record, hash FROM audit WHERE node = ?1 AND seq > ?2 ORDER BY seq";
    let mut statement = connection.prepare(select)?;
    let mut rows = statement.query([head.node, first])?;
    // The first one looked at is taken as it is, unless it is the chain's first.
    let mut last = (first == beginning.seq).then_some(beginning);
    while let Some(row) = rows.next()? {
        let (seq, record, hash) = (row.get(0)?, row.get::<_, Vec<u8>>(1)?, row.get(2)?);
        let found = Head { node: head.node, seq, hash };
        if last.is_some_and(|last| last.next(&record) != found) {
            return Ok(Some(seq));
        }
        last = Some(found);
    }
    Ok(None)
}

/// The node, and the latest time of any commit.
pub(super) fn newest_time(connection: &Connection) -> Result<i64, StoreError> {
    let newest = connection.query_row("SELECT newest_time FROM meta", (), |row| row.get(0)).optional()?;
    newest.ok_or_else(|| StoreError::Damaged("it does not say what it is".to_owned()))
}
