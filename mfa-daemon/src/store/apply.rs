//! One commit within the writer's transaction: the condition, the writes with a guard each, the record.
//!
//! `Halt::Stale` undoes all of it and is no error: the account is not as it was seen.

use super::read::{self, backup_code_place, spell_parameters};
use super::seal::Place;
use super::{MasterKey, Rebind, StoreError};
use crate::audit::{Context, Event, Head};
use mfa_core::Time;
use mfa_core::account::{Commit, FactorId, Identity, NewPending, Record, Seen, Version, What, Write};
use mfa_core::factor::Kind;
use mfa_core::factor::backup_code::{Digest, Salt};
use mfa_core::factor::totp::Step;
use mfa_core::throttle::{Bucket, Throttle};
use rusqlite::{Connection, OptionalExtension, Params, params};

/// Why a commit did not happen.
#[derive(Debug)]
pub(super) enum Halt {
    /// The account is not as it was seen.
    Stale,
    /// It failed.
    Failed(StoreError),
}

impl<E: Into<StoreError>> From<E> for Halt {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The writer's transaction.
pub(super) struct Transaction<'a> {
    /// In which BEGIN was done.
    pub(super) connection: &'a Connection,
    /// Seals new secrets.
    pub(super) key: &'a MasterKey,
    /// The chain of records, as it is if the transaction is committed.
    pub(super) head: Head,
}

impl Transaction<'_> {
    /// Checks the condition, performs the writes, appends the record. The caller undoes it if it halts.
    pub(super) fn commit(&mut self, commit: &Commit, context: &Context) -> Result<(), Halt> {
        let event = Event::new(&commit.identity, commit.at, &commit.record, context);
        if let Some(account) = self.condition(commit)? {
            let change = Change { connection: self.connection, key: self.key, account, at: commit.at };
            for write in &commit.writes {
                change.perform(write)?;
            }
        }
        self.record(&event)
    }

    /// Gives a record to another identity, in place of a record of that identity that has nothing.
    pub(super) fn rebind(&mut self, rebind: &Rebind, context: &Context) -> Result<(), Halt> {
        let Rebind { from, version: Version(version), to, at, .. } = rebind;
        let select = "SELECT id FROM account WHERE uid = ?1 AND name = ?2 AND version = ?3";
        let account: i64 = self.one(select, params![from.uid, from.name, version])?;
        self.make_way(account, to)?;
        let update = "UPDATE account SET uid = ?2, name = ?3, version = version + 1 WHERE id = ?1";
        self.changed_one(update, params![account, to.uid, to.name])?;
        Change { connection: self.connection, key: self.key, account, at: *at }.factors_changed()?;
        let event = Event::new(to, *at, &Record::of(What::Rebound), context).formerly(from);
        self.record(&event)
    }

    /// Removes the other record that has this uid or name, if it has nothing.
    fn make_way(&self, account: i64, to: &Identity) -> Result<(), Halt> {
        let others = "SELECT id, uid, name, factors + backup_codes FROM account \
                      WHERE (uid = ?1 OR name = ?2) AND id <> ?3";
        let mut statement = self.connection.prepare_cached(others)?;
        let mut rows = statement.query(params![to.uid, to.name, account])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(3)? > 0 {
                return Err(StoreError::Taken(Identity { uid: row.get(1)?, name: row.get(2)? }).into());
            }
            self.changed_one("DELETE FROM account WHERE id = ?1", [row.get::<_, i64>(0)?])?;
        }
        Ok(())
    }

    /// Checks the condition, and moves the version if something is written. The account's row, if one is written to.
    fn condition(&self, commit: &Commit) -> Result<Option<i64>, Halt> {
        let Identity { uid, name } = &commit.identity;
        let writes = !commit.writes.is_empty();
        let row = match commit.seen {
            Seen::Anything if writes => return Err(StoreError::Unconditional.into()),
            Seen::Anything => return Ok(None),
            Seen::At(Version(version)) if writes => {
                let update = "UPDATE account SET version = version + 1 WHERE uid = ?1 AND name = ?2 AND version = ?3 \
                              RETURNING id";
                self.one(update, params![uid, name, version])?
            }
            Seen::At(Version(version)) => {
                let select = "SELECT id FROM account WHERE uid = ?1 AND name = ?2 AND version = ?3";
                self.one(select, params![uid, name, version])?
            }
            Seen::Absent if writes => self.new_account(&commit.identity, commit.at)?,
            Seen::Absent => {
                let select = "SELECT id FROM account WHERE uid = ?1 OR name = ?2";
                let row =
                    self.connection.prepare_cached(select)?.query_row(params![uid, name], |_| Ok(())).optional()?;
                return if row.is_none() { Ok(None) } else { Err(Halt::Stale) };
            }
        };
        Ok(Some(row))
    }

    /// A version of its own that no account of this identity had before: each commit that moved one made a record,
    /// so versions are never ahead of the records.
    fn new_account(&self, whose: &Identity, at: Time) -> Result<i64, Halt> {
        let version = self.head.seq.saturating_add(1);
        let insert = "INSERT INTO account (uid, name, version, created) VALUES (?1, ?2, ?3, ?4) \
                      ON CONFLICT DO NOTHING RETURNING id";
        self.one(insert, params![whose.uid, whose.name, version, at.0])
    }

    fn record(&mut self, event: &Event) -> Result<(), Halt> {
        let bytes = event.to_bytes().map_err(|error| StoreError::Failed(error.to_string()))?;
        let head = self.head.next(&bytes);
        let insert = "INSERT INTO audit (node, seq, at, uid, name, what, reason, record, hash) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let Event { at, uid, user, what, reason, .. } = event;
        let row = params![head.node, head.seq, at, uid, user, what, reason, bytes, head.hash];
        self.connection.prepare_cached(insert)?.execute(row)?;
        self.head = head;
        Ok(())
    }

    /// The id a statement gives; stale if it gives none.
    fn one(&self, sql: &str, values: impl Params) -> Result<i64, Halt> {
        let id = self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        id.ok_or(Halt::Stale)
    }

    fn changed_one(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        changed_one(self.connection, sql, values)
    }
}

/// Exactly one row must change; otherwise the account is not as it was seen.
fn changed_one(connection: &Connection, sql: &str, values: impl Params) -> Result<(), Halt> {
    match connection.prepare_cached(sql)?.execute(values)? {
        1 => Ok(()),
        _ => Err(Halt::Stale),
    }
}

/// The writes to one account.
struct Change<'a> {
    connection: &'a Connection,
    key: &'a MasterKey,
    account: i64,
    at: Time,
}

impl Change<'_> {
    fn perform(&self, write: &Write) -> Result<(), Halt> {
        match write {
            Write::Throttle(bucket, throttle) => self.throttle(*bucket, throttle),
            Write::UseStep { factor: FactorId(id), step: Step(step) } => {
                let update = "UPDATE factor SET last_step = ?3, last_used = ?4, replays = 0 \
                              WHERE id = ?1 AND account = ?2 AND last_step < ?3";
                self.one(update, params![id, self.account, step, self.at.0])
            }
            Write::CountReplay { factor: FactorId(id), replays } => {
                let update = "UPDATE factor SET replays = ?3 WHERE id = ?1 AND account = ?2 AND replays < ?3";
                self.one(update, params![id, self.account, replays])
            }
            Write::UseBackupCode { id } => {
                self.one("DELETE FROM backup_code WHERE id = ?1 AND account = ?2", params![id, self.account])?;
                let update = "UPDATE account SET backup_codes = backup_codes - 1 WHERE id = ?1";
                self.one(update, [self.account])
            }
            Write::BeginGrace(Time(began)) => {
                let update = "UPDATE account SET grace_began = coalesce(grace_began, ?2) WHERE id = ?1";
                self.one(update, params![self.account, began])
            }
            Write::Begin(pending) => self.begin(pending),
            Write::Confirm { factor, step } => self.confirm(*factor, *step),
            Write::NewBackupCodes { salt, digests } => self.new_backup_codes(salt, digests),
            Write::Remove(FactorId(id)) => {
                self.one("DELETE FROM factor WHERE id = ?1 AND account = ?2", params![id, self.account])?;
                self.one("UPDATE account SET factors = factors - 1 WHERE id = ?1", [self.account])?;
                self.factors_changed()
            }
            Write::Rename(FactorId(id), name) => {
                let update = "UPDATE factor SET name = ?3 WHERE id = ?1 AND account = ?2";
                self.one(update, params![id, self.account, name])
            }
            Write::RemoveAll => self.remove_all(),
        }
    }

    /// No failures, no row.
    fn throttle(&self, bucket: Bucket, throttle: &Throttle) -> Result<(), Halt> {
        let bucket = bucket.number();
        if *throttle == Throttle::default() {
            return self.all("DELETE FROM throttle WHERE account = ?1 AND bucket = ?2", params![self.account, bucket]);
        }
        let Throttle { failures, in_a_row, last, until } = throttle;
        let upsert = "INSERT INTO throttle (account, bucket, failures, in_a_row, last, until) \
                      VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO UPDATE SET failures = excluded.failures, \
                      in_a_row = excluded.in_a_row, last = excluded.last, until = excluded.until";
        self.one(upsert, params![self.account, bucket, failures, in_a_row, last.0, until.0])
    }

    /// The row comes first, since its id is part of what the secret is sealed with.
    fn begin(&self, pending: &NewPending) -> Result<(), Halt> {
        self.all("DELETE FROM pending WHERE account = ?1", [self.account])?;
        let (kind, params) = (Kind::Totp.as_str(), spell_parameters(&pending.parameters));
        let insert = "INSERT INTO pending (account, kind, name, params, until, key_id, nonce, sealed) \
                      VALUES (?1, ?2, ?3, ?4, ?5, 0, x'', x'')";
        self.one(insert, params![self.account, kind, pending.name, params, pending.until.0])?;
        let id = self.connection.last_insert_rowid();
        let place = Place { table: "pending", account: self.account, id, kind, params: &params };
        self.seal("UPDATE pending SET key_id = ?2, nonce = ?3, sealed = ?4 WHERE id = ?1", &place, &pending.secret)
    }

    /// The secret is opened and sealed again: a pending one is of no use as a factor.
    fn confirm(&self, FactorId(id): FactorId, Step(step): Step) -> Result<(), Halt> {
        let select = "SELECT id, key_id, nonce, sealed, kind, params FROM pending \
                      WHERE id = ?1 AND account = ?2 AND until > ?3";
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query(params![id, self.account, self.at.0])?;
        let row = rows.next()?.ok_or(Halt::Stale)?;
        let (kind, params): (String, String) = (row.get(4)?, row.get(5)?);
        let place = Place { table: "pending", account: self.account, id, kind: &kind, params: &params };
        let secret = self.key.open(&place, read::sealed(row)?)?;
        let insert = "INSERT INTO factor (id, account, kind, name, created, params, last_step, replays, key_id, nonce, \
                      sealed) SELECT id, account, kind, name, ?2, params, ?3, 0, 0, x'', x'' FROM pending WHERE id = ?1";
        self.one(insert, params![id, self.at.0, step])?;
        let place = Place { table: "factor", ..place };
        self.seal("UPDATE factor SET key_id = ?2, nonce = ?3, sealed = ?4 WHERE id = ?1", &place, &secret)?;
        self.one("DELETE FROM pending WHERE id = ?1", [id])?;
        self.one("UPDATE account SET factors = factors + 1 WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }

    fn new_backup_codes(&self, salt: &Salt, digests: &[Digest]) -> Result<(), Halt> {
        self.all("DELETE FROM backup_code WHERE account = ?1", [self.account])?;
        for digest in digests {
            let insert = "INSERT INTO backup_code (account, key_id, nonce, sealed) VALUES (?1, 0, x'', x'')";
            self.one(insert, [self.account])?;
            let place = backup_code_place(self.account, self.connection.last_insert_rowid());
            let secret = mfa_core::Secret::new([salt.as_slice(), digest].concat());
            self.seal("UPDATE backup_code SET key_id = ?2, nonce = ?3, sealed = ?4 WHERE id = ?1", &place, &secret)?;
        }
        let count = i64::try_from(digests.len()).unwrap_or(i64::MAX);
        self.one("UPDATE account SET backup_codes = ?2 WHERE id = ?1", [self.account, count])?;
        self.factors_changed()
    }

    fn remove_all(&self) -> Result<(), Halt> {
        self.all("DELETE FROM factor WHERE account = ?1", [self.account])?;
        self.all("DELETE FROM backup_code WHERE account = ?1", [self.account])?;
        self.all("DELETE FROM pending WHERE account = ?1", [self.account])?;
        self.one("UPDATE account SET factors = 0, backup_codes = 0, grace_began = NULL WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }

    /// What was trusted because of other factors is trusted no more.
    fn factors_changed(&self) -> Result<(), Halt> {
        self.all("DELETE FROM trust WHERE account = ?1", [self.account])?;
        let update = "UPDATE account SET factor_generation = factor_generation + 1 WHERE id = ?1";
        self.one(update, [self.account])
    }

    fn seal(&self, update: &str, place: &Place<'_>, secret: &mfa_core::Secret) -> Result<(), Halt> {
        let sealed = self.key.seal(place, secret.expose())?;
        self.one(update, params![place.id, sealed.key_id, sealed.nonce, sealed.bytes])
    }

    /// Exactly one row must change.
    fn one(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        changed_one(self.connection, sql, values)
    }

    /// As many rows as there are.
    fn all(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
