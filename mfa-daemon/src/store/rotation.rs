//! Another master key takes over: what the old one sealed is sealed anew, a few rows at a time, and the old key is
//! forgotten when no row needs it.
//!
//! Both keys open meanwhile. Each step is a job like any login's, whole or not at all, and knows nothing of the one
//! before: whenever the process is killed, the next one goes on. Nothing but the sealed bytes of a row changes.

use super::apply::{Halt, Transaction};
use super::queue::Work;
use super::seal::{Place, Sealed};
use super::{MasterKey, Store, StoreError};
use crate::audit::{Context, Site, SiteRecord};
use mfa_core::Time;
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Rows of a step: less than a millisecond of work.
const ROWS: u32 = 32;

/// A table in which rows are sealed, and how a row says where its bytes belong.
struct Table {
    name: &'static str,
    account: &'static str,
    kind: &'static str,
    params: &'static str,
    /// By which rows of one key are told apart, as far as an index goes.
    order: &'static str,
}

/// Every table that has a `key_id`; a test compares it with the schema.
const SEALED: [Table; 5] = [
    Table { name: "factor", account: "account", kind: "kind", params: "params", order: "account, id" },
    Table { name: "pending", account: "account", kind: "kind", params: "params", order: "account, id" },
    Table { name: "backup_set", account: "account", kind: "''", params: "''", order: "account, id" },
    Table {
        name: "given_code",
        account: "account",
        kind: "purpose",
        params: "CAST(until AS TEXT)",
        order: "account, id",
    },
    Table { name: "outbox", account: "0", kind: "topic", params: "''", order: "id" },
];

/// How far a rotation is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rotation {
    /// The number of the key that seals.
    pub(crate) current: u32,
    /// The keys that this process has, the current one first.
    pub(crate) held: Vec<u32>,
    /// The keys that the database knows, which are asked for at the next start.
    pub(crate) needed: Vec<u32>,
    /// Rows that another key than the current one sealed.
    pub(crate) left: u64,
    /// Rows that are sealed at all.
    pub(crate) rows: u64,
}

/// What this process has found while it sealed anew.
#[derive(Debug, Default)]
pub(crate) struct Course {
    /// Rows of each table that do not open, and are left as they are.
    damaged: [AtomicU64; SEALED.len()],
    /// Rows of the last step.
    sealed: AtomicU64,
}

impl Course {
    /// Rows that do not open.
    pub(crate) fn damaged(&self) -> u64 {
        self.damaged.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl Store {
    /// Whether there are keys besides the current one.
    #[must_use]
    pub(crate) fn has_older_keys(&self) -> bool {
        self.inner.key.held().nth(1).is_some()
    }

    /// How far a rotation is; without one, there is nothing to count.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn rotation(&self) -> Result<Rotation, StoreError> {
        let (current, held) = (self.inner.key.current(), self.inner.key.held().collect());
        self.look(move |connection| {
            let needed = known(connection)?;
            let count = |condition: &str| -> Result<u64, StoreError> {
                SEALED.iter().try_fold(0u64, |sum, table| {
                    let select = format!("SELECT count(*) FROM {} WHERE key_id {condition}", table.name);
                    let rows: u64 = connection.prepare_cached(&select)?.query_row((), |row| row.get(0))?;
                    Ok(sum.saturating_add(rows))
                })
            };
            let is_under_way = needed.iter().any(|id| *id != current);
            let left = if is_under_way { count(&format!("< {current}"))? } else { 0 };
            let rows = if is_under_way { count("IS NOT NULL")? } else { 0 };
            Ok(Rotation { current, held, needed, left, rows })
        })
        .await
    }

    /// Seals some rows anew; how many it were. None are left, but those that do not open, when it says 0.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn reseal(&self, course: &Arc<Course>) -> Result<u64, StoreError> {
        self.submit(Work::Reseal(Arc::clone(course)), Context::of_daemon()).await?;
        Ok(course.sealed.load(Ordering::Relaxed))
    }

    /// Forgets the older keys that no row needs, and records that.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn retire(&self, at: Time) -> Result<(), StoreError> {
        self.submit(Work::Retire(at), Context::of_daemon()).await.map(|_| ())
    }
}

impl Transaction<'_> {
    /// One step.
    pub(super) fn reseal(&self, course: &Course) -> Result<(), Halt> {
        let mut sealed = 0;
        for (table, damaged) in SEALED.iter().zip(&course.damaged) {
            let rows = self.sealed_before(table, damaged.load(Ordering::Relaxed))?;
            for row in rows {
                let place =
                    Place { table: table.name, account: row.account, id: row.id, kind: &row.kind, params: &row.params };
                match self.key.open(&place, row.sealed) {
                    Ok(secret) => {
                        self.put(table, (row.account, row.id), &self.key.seal(&place, secret.expose())?)?;
                        sealed += 1;
                    }
                    Err(StoreError::Unsealable { .. }) => {
                        damaged.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            if sealed >= u64::from(ROWS) {
                break;
            }
        }
        course.sealed.store(sealed, Ordering::Relaxed);
        Ok(())
    }

    /// Rows that an older key sealed, beyond those that were found not to open: they stay first in the index.
    fn sealed_before(&self, table: &Table, beyond: u64) -> Result<Vec<Row>, StoreError> {
        let Table { name, account, kind, params, order } = table;
        let select = format!(
            "SELECT id, key_id, nonce, sealed, {account}, {kind}, {params} FROM {name} WHERE key_id < ?1 \
             ORDER BY key_id, {order} LIMIT {ROWS} OFFSET ?2"
        );
        let mut statement = self.connection.prepare_cached(&select)?;
        let rows = statement.query_map(params![self.key.current(), beyond], |row| {
            let (account, id) = (row.get(4)?, row.get(0)?);
            let sealed = Sealed { key_id: row.get(1)?, nonce: row.get(2)?, bytes: row.get(3)? };
            Ok(Row { account, id, kind: row.get(5)?, params: row.get(6)?, sealed })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    fn put(&self, table: &Table, (account, id): (i64, i64), sealed: &Sealed) -> Result<(), Halt> {
        let Sealed { key_id, nonce, bytes } = sealed;
        let Table { name, account: of, .. } = table;
        let update = format!("UPDATE {name} SET key_id = ?3, nonce = ?4, sealed = ?5 WHERE {of} = ?1 AND id = ?2");
        match self.connection.prepare_cached(&update)?.execute(params![account, id, key_id, nonce, bytes])? {
            1 => Ok(()),
            _ => Err(Halt::Stale),
        }
    }

    /// Forgets older keys that no row needs.
    pub(super) fn retire(&mut self, at: Time) -> Result<(), Halt> {
        for id in known(self.connection)?.into_iter().filter(|id| *id != self.key.current()) {
            if SEALED.iter().try_fold(false, |found, table| Ok::<_, StoreError>(found | self.is_used(table, id)?))? {
                continue;
            }
            self.connection.prepare_cached("DELETE FROM master_key WHERE id = ?1")?.execute([id])?;
            let record = SiteRecord::of(Site::MasterKeyRotated).because("retired").with("key", i64::from(id));
            self.site(&record, at, &Context::of_daemon())?;
        }
        Ok(())
    }

    fn is_used(&self, table: &Table, id: u32) -> Result<bool, StoreError> {
        let select = format!("SELECT EXISTS (SELECT 1 FROM {} WHERE key_id = ?1)", table.name);
        Ok(self.connection.prepare_cached(&select)?.query_row([id], |row| row.get(0))?)
    }
}

struct Row {
    account: i64,
    id: i64,
    kind: String,
    params: String,
    sealed: Sealed,
}

/// The keys that the database knows.
fn known(connection: &Connection) -> Result<Vec<u32>, StoreError> {
    let mut statement = connection.prepare_cached("SELECT id FROM master_key ORDER BY id")?;
    let ids = statement.query_map((), |row| row.get(0))?;
    Ok(ids.collect::<Result<_, _>>()?)
}

/// Makes a new current key known to the database before anything is sealed with it, and records that.
pub(super) fn introduce(connection: &Connection, key: &MasterKey, at: Time) -> Result<(), StoreError> {
    let transaction = connection.unchecked_transaction()?;
    super::schema::introduce(connection, key)?;
    let head = super::writer::head_of(connection)?;
    let record = SiteRecord::of(Site::MasterKeyRotated).because("begun").with("key", i64::from(key.current()));
    let tally = super::seats::tally(connection)?;
    let newest = super::admin::newest_time(connection)?;
    let mut writing = Transaction { connection, key, head, letters: false, tally, newest };
    match writing.site(&record, at, &Context::of_daemon()) {
        Ok(()) => {
            connection.execute("UPDATE meta SET newest_time = max(newest_time, ?1)", [at.0])?;
            Ok(transaction.commit()?)
        }
        Err(Halt::Failed(error)) => Err(error),
        Err(Halt::Stale) => Err(StoreError::Failed("a record of the site was stale".to_owned())),
    }
}

/// The tables of the list, for the test that compares it with the schema.
#[cfg(test)]
pub(super) fn sealed_tables() -> Vec<&'static str> {
    SEALED.iter().map(|table| table.name).collect()
}
