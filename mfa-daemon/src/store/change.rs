//! The writes of a commit, each with a guard of its own: what it expects to change is there, or the commit is stale.

use super::apply::Halt;
use super::read::{self, MOST_CODES, backup_set_place, set_and_place, spell_parameters};
use super::seal::{Place, Sealed};
use super::{MasterKey, StoreError, detail};
use mfa_core::account::{Detail, FactorId, NewPending, Write};
use mfa_core::factor::Kind;
use mfa_core::factor::totp::Step;
use mfa_core::letter::Address;
use mfa_core::printed::{Digest, Salt};
use mfa_core::seats::Suspension;
use mfa_core::throttle::{Bucket, Throttle};
use mfa_core::trust::{self, Earned, TrustId};
use mfa_core::{Secret, Time};
use rusqlite::{Connection, Params, params};

/// Changes to one account, within the writer's transaction.
pub(super) struct Change<'a> {
    pub(super) connection: &'a Connection,
    /// Seals new secrets.
    pub(super) key: &'a MasterKey,
    /// The account's row.
    pub(super) account: i64,
    /// When.
    pub(super) at: Time,
    /// The number that the record of this commit will have.
    pub(super) record: i64,
    /// The service through which it came.
    pub(super) service: &'a str,
}

impl Change<'_> {
    /// Performs one write. The caller undoes the commit if it halts.
    pub(super) fn perform(&self, write: &Write) -> Result<(), Halt> {
        match write {
            Write::Throttle(bucket, throttle) => self.throttle(*bucket, throttle),
            Write::UseStep { factor, step } => self.use_step(*factor, *step),
            Write::CountReplay { factor, replays } => self.count_replay(*factor, *replays),
            Write::UseBackupCode { id } => self.use_backup_code(*id),
            Write::UseMailedCode { factor } => self.use_mailed_code(*factor),
            Write::Mailings(caller, sends) => self.mailings(*caller, sends),
            Write::UseKey { factor, counter } => self.use_key(*factor, *counter),
            Write::UseSshKey { factor } => self.use_ssh_key(*factor),
            Write::Add { name, detail } => self.add(name, detail),
            Write::BeginGrace(began) => self.begin_grace(*began),
            Write::TellRequired => self.tell_required(),
            Write::Begin(pending) => self.begin(pending),
            Write::Confirm { factor, step } => self.confirm(*factor, *step),
            Write::NewBackupCodes { salt, digests } => self.new_backup_codes(salt, digests),
            Write::TakeSeat { .. } => self.take_seat(),
            Write::Suspend(suspension) => self.suspend(suspension),
            Write::Restore => self.restore(),
            Write::Remove(factor) => self.remove(*factor),
            Write::Rename(factor, name) => self.rename(*factor, name),
            Write::RemoveAll => self.remove_all(),
            Write::Address(address) => self.address(address.as_ref()),
            Write::EndPending => self.all("DELETE FROM pending WHERE account = ?1", [self.account]),
            Write::Give(new) => self.give(new),
            Write::Spend { id, purpose } => self.spend(*id, *purpose),
            Write::EndGiven(purpose) => self.end_given(*purpose),
            Write::InvitedOnly(only) => self.invited_only(*only),
            Write::Trust(earned) => self.trust(earned),
            Write::Forget(trust) => self.forget(*trust),
            Write::VoidEarned => self.factors_changed(),
            Write::ForgetAll => self.all("DELETE FROM trust WHERE account = ?1", [self.account]),
        }
    }

    /// What was trusted because of other factors is trusted no more.
    pub(super) fn factors_changed(&self) -> Result<(), Halt> {
        self.all("DELETE FROM trust WHERE account = ?1", [self.account])?;
        let update = "UPDATE account SET factor_generation = factor_generation + 1 WHERE id = ?1";
        self.one(update, [self.account])
    }

    /// Keeps a pass, and of the others as many as an account may have and could still cover something.
    fn trust(&self, earned: &Earned) -> Result<(), Halt> {
        let Earned { bond, kind, verified, at, until, policy, factor_generation } = earned;
        let over = "DELETE FROM trust WHERE account = ?1 AND (until <= ?2 OR policy <> ?3 OR factor_generation <> ?4)";
        self.all(over, params![self.account, at.0, policy.0, factor_generation])?;
        let replace = "INSERT OR REPLACE INTO trust \
                       (account, bond, kind, at, until, policy, factor_generation, record, service, verified) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (bond, kind, earned_by) = (bond.to_string(), kind.as_str(), factor_generation);
        let (record, service) = (self.record, &self.service);
        let row = params![self.account, bond, kind, at.0, until.0, policy.0, earned_by, record, service, verified];
        self.one(replace, row)?;
        let too_many = "DELETE FROM trust WHERE account = ?1 AND id NOT IN \
                        (SELECT id FROM trust WHERE account = ?1 ORDER BY id DESC LIMIT ?2)";
        self.all(too_many, params![self.account, trust::MOST])
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

    fn begin(&self, pending: &NewPending) -> Result<(), Halt> {
        let (id, kind, params) = (self.new_id()?, Kind::Totp.as_str(), spell_parameters(&pending.parameters));
        let place = Place { table: "pending", account: self.account, id, kind, params: &params };
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, pending.secret.expose())?;
        let replace = "INSERT OR REPLACE INTO pending (account, id, kind, name, params, until, key_id, nonce, sealed) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let (name, until) = (&pending.name, pending.until.0);
        self.one(replace, params![self.account, id, kind, name, params, until, key_id, nonce, bytes])
    }

    /// The secret is opened and sealed again: the bytes of a pending one are of no use as a factor.
    fn confirm(&self, FactorId(id): FactorId, Step(step): Step) -> Result<(), Halt> {
        let select = "SELECT id, key_id, nonce, sealed, kind, params FROM pending \
                      WHERE account = ?1 AND id = ?2 AND until > ?3";
        let mut statement = self.connection.prepare_cached(select)?;
        let mut rows = statement.query(params![self.account, id, self.at.0])?;
        let row = rows.next()?.ok_or(Halt::Stale)?;
        let (kind, params): (String, String) = (row.get(4)?, row.get(5)?);
        let place = Place { table: "pending", account: self.account, id, kind: &kind, params: &params };
        let secret = self.key.open(&place, read::sealed(row)?)?;
        let place = Place { table: "factor", ..place };
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, secret.expose())?;
        let insert = "INSERT INTO factor (account, id, kind, name, created, params, last_step, replays, key_id, nonce, \
                      sealed) SELECT account, id, kind, name, ?2, params, ?3, 0, ?4, ?5, ?6 FROM pending \
                      WHERE account = ?1";
        self.one(insert, params![self.account, self.at.0, step, key_id, nonce, bytes])?;
        self.one("DELETE FROM pending WHERE account = ?1", [self.account])?;
        self.one("UPDATE account SET factors = factors + 1, ever_enrolled = 1 WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }

    /// Something becomes a factor at once; stale if it is a second mail address.
    fn add(&self, name: &str, detail: &Detail) -> Result<(), Halt> {
        let detail::Columns { kind, params, last_step, secret } = detail::columns(detail)?;
        let (id, kind, alone) = (self.new_id()?, kind.as_str(), kind == Kind::Email);
        let place = Place { table: "factor", account: self.account, id, kind, params: &params };
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, secret.expose())?;
        let insert = "INSERT INTO factor (account, id, kind, name, created, params, last_step, replays, key_id, nonce, \
                      sealed) SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9, ?10 \
                      WHERE NOT (?11 AND EXISTS (SELECT 1 FROM factor WHERE account = ?1 AND kind = ?3))";
        let row = params![self.account, id, kind, name, self.at.0, params, last_step, key_id, nonce, bytes, alone];
        self.one(insert, row)?;
        self.one("UPDATE account SET factors = factors + 1, ever_enrolled = 1 WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }

    fn use_step(&self, FactorId(id): FactorId, Step(step): Step) -> Result<(), Halt> {
        let update = "UPDATE factor SET last_step = ?3, last_used = ?4, replays = 0 \
                      WHERE account = ?1 AND id = ?2 AND last_step < ?3";
        self.one(update, params![self.account, id, step, self.at.0])
    }

    fn count_replay(&self, FactorId(id): FactorId, replays: u32) -> Result<(), Halt> {
        let update = "UPDATE factor SET replays = ?3 WHERE account = ?1 AND id = ?2 AND replays < ?3";
        self.one(update, params![self.account, id, replays])
    }

    /// A counter moves on, or stays at 0 for a key that does not count (WebAuthn Level 3, section 7.2, step 22).
    fn use_key(&self, FactorId(id): FactorId, counter: u32) -> Result<(), Halt> {
        let update = "UPDATE factor SET last_step = ?3, last_used = ?4 WHERE account = ?1 AND id = ?2 AND kind = ?5 \
                      AND (last_step < ?3 OR (last_step = 0 AND ?3 = 0))";
        self.one(update, params![self.account, id, counter, self.at.0, Kind::SecurityKey.as_str()])
    }

    fn use_ssh_key(&self, FactorId(id): FactorId) -> Result<(), Halt> {
        let update = "UPDATE factor SET last_used = ?3 WHERE account = ?1 AND id = ?2 AND kind = ?4";
        self.one(update, params![self.account, id, self.at.0, Kind::SshKey.as_str()])
    }

    fn new_backup_codes(&self, salt: &Salt, digests: &[Digest]) -> Result<(), Halt> {
        let count = u32::try_from(digests.len()).ok().filter(|count| *count <= MOST_CODES);
        let count = count.ok_or_else(|| StoreError::Constraint("too many backup codes".to_owned()))?;
        let unused = u32::MAX.checked_shr(MOST_CODES - count).unwrap_or(0);
        let id = self.new_id()?;
        let parts = std::iter::once(salt.as_slice()).chain(digests.iter().map(<[u8; 32]>::as_slice));
        let set = Secret::new(parts.collect::<Vec<_>>().concat());
        let Sealed { key_id, nonce, bytes } = self.key.seal(&backup_set_place(self.account, id), set.expose())?;
        let replace = "INSERT OR REPLACE INTO backup_set (account, id, unused, key_id, nonce, sealed) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.one(replace, params![self.account, id, unused, key_id, nonce, bytes])?;
        self.one("UPDATE account SET backup_codes = ?2 WHERE id = ?1", (self.account, count))?;
        self.factors_changed()
    }

    fn use_backup_code(&self, id: i64) -> Result<(), Halt> {
        let (set, place) = set_and_place(id);
        let update = "UPDATE backup_set SET unused = unused & ~(1 << ?3) \
                      WHERE account = ?1 AND id = ?2 AND (unused >> ?3) & 1";
        self.one(update, params![self.account, set, place])?;
        self.one("UPDATE account SET backup_codes = backup_codes - 1 WHERE id = ?1", [self.account])
    }

    fn remove(&self, FactorId(id): FactorId) -> Result<(), Halt> {
        self.one("DELETE FROM factor WHERE account = ?1 AND id = ?2", params![self.account, id])?;
        self.one("UPDATE account SET factors = factors - 1 WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }

    fn remove_all(&self) -> Result<(), Halt> {
        self.all("DELETE FROM factor WHERE account = ?1", [self.account])?;
        self.all("DELETE FROM backup_set WHERE account = ?1", [self.account])?;
        self.all("DELETE FROM pending WHERE account = ?1", [self.account])?;
        self.all("DELETE FROM given_code WHERE account = ?1", [self.account])?;
        self.one(
            "UPDATE account SET factors = 0, backup_codes = 0, grace_began = NULL, address = NULL WHERE id = ?1",
            [self.account],
        )?;
        self.factors_changed()
    }

    fn rename(&self, FactorId(id): FactorId, name: &str) -> Result<(), Halt> {
        self.one("UPDATE factor SET name = ?3 WHERE account = ?1 AND id = ?2", params![self.account, id, name])
    }

    fn address(&self, address: Option<&Address>) -> Result<(), Halt> {
        let update = "UPDATE account SET address = ?2 WHERE id = ?1";
        self.one(update, params![self.account, address.map(Address::as_str)])
    }

    fn begin_grace(&self, Time(began): Time) -> Result<(), Halt> {
        let update = "UPDATE account SET grace_began = coalesce(grace_began, ?2) WHERE id = ?1";
        self.one(update, params![self.account, began])
    }

    fn tell_required(&self) -> Result<(), Halt> {
        let update = "UPDATE account SET told_required = 1 WHERE id = ?1 AND told_required = 0";
        self.one(update, [self.account])
    }

    /// Whether there is a seat is decided when all writes are done.
    fn take_seat(&self) -> Result<(), Halt> {
        self.one("UPDATE account SET required = 1 WHERE id = ?1 AND ever_enrolled", [self.account])
    }

    fn suspend(&self, Suspension { since, why }: &Suspension) -> Result<(), Halt> {
        let update = "UPDATE account SET suspended = ?2, suspended_why = ?3 WHERE id = ?1";
        self.one(update, params![self.account, since.0, why.as_str()])
    }

    fn restore(&self) -> Result<(), Halt> {
        let update = "UPDATE account SET suspended = NULL, suspended_why = NULL, missing_since = NULL WHERE id = ?1";
        self.one(update, [self.account])
    }

    fn forget(&self, TrustId(id): TrustId) -> Result<(), Halt> {
        self.one("DELETE FROM trust WHERE account = ?1 AND id = ?2", params![self.account, id])
    }

    pub(super) fn new_id(&self) -> Result<i64, StoreError> {
        let update = "UPDATE meta SET last_id = last_id + 1 RETURNING last_id";
        Ok(self.connection.prepare_cached(update)?.query_row((), |row| row.get(0))?)
    }

    /// Exactly one row must change; otherwise the account is not as it was seen.
    pub(super) fn one(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        match self.connection.prepare_cached(sql)?.execute(values)? {
            1 => Ok(()),
            _ => Err(Halt::Stale),
        }
    }

    /// As many rows as there are.
    pub(super) fn all(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        self.connection.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }
}
