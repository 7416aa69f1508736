//! The one read of a login: an account as it is, whole and at one moment, or an error.
//!
//! A row that is missing, moved or changed is an error and never an account with less than it has: the account's row
//! counts its factors and codes, and sealed bytes open in their own row only.

use super::given::given;
use super::mailed::mailings;
use super::seal::{Place, Sealed};
use super::{Conflict, Held, MasterKey, Snapshot, StoreError, detail};
use mfa_core::account::{Account, BackupCode, BackupSet, Detail, Factor, FactorId, Identity, Pending, Version};
use mfa_core::factor::Kind;
use mfa_core::factor::totp::{Algorithm, Parameters};
use mfa_core::printed::Digest;
use mfa_core::seats::{Reason, Suspension};
use mfa_core::throttle::{Bucket, Throttle, Throttles};
use mfa_core::trust::{Earned, PolicyDigest, Trust, TrustId};
use mfa_core::{Secret, Time};
use rusqlite::{Connection, Row};

pub(super) const ACCOUNT: &str = "SELECT id, uid, name, version, factors, backup_codes, grace_began, factor_generation, \
     address, invited_only, ever_enrolled, suspended, suspended_why FROM account WHERE uid = ?1 OR name = ?2";
pub(super) const FACTORS: &str = "SELECT id, key_id, nonce, sealed, kind, params, name, created, last_used, last_step, \
     replays FROM factor WHERE account = ?1 ORDER BY id";
pub(super) const PENDING: &str =
    "SELECT id, key_id, nonce, sealed, kind, params, name, until FROM pending WHERE account = ?1";
pub(super) const BACKUP_SET: &str = "SELECT id, key_id, nonce, sealed, unused FROM backup_set WHERE account = ?1";
pub(super) const TRUST: &str = "SELECT id, bond, kind, at, until, policy, factor_generation, record, service, verified FROM trust \
     WHERE account = ?1 ORDER BY id";
pub(super) const THROTTLES: &str = "SELECT bucket, failures, in_a_row, last, until FROM throttle WHERE account = ?1";

/// Reads everything kept about an identity in one transaction.
pub(super) fn snapshot(connection: &Connection, key: &MasterKey, whose: &Identity) -> Result<Snapshot, StoreError> {
    let _moment = Moment::begin(connection)?;
    found(connection, key, whose)
}

/// The same, at the moment of the caller's transaction.
pub(super) fn found(connection: &Connection, key: &MasterKey, whose: &Identity) -> Result<Snapshot, StoreError> {
    let mut rows = held(connection, whose)?;
    match (rows.pop(), rows.is_empty()) {
        (None, _) => Ok(Snapshot::Account(Account::absent(whose.clone()))),
        (Some(row), true) if row.held.identity == *whose => {
            Ok(Snapshot::Account(Rows { connection, key, account: row.id }.account(row)?))
        }
        (Some(row), _) => {
            rows.push(row);
            Ok(Snapshot::Conflict(Conflict { held: rows.into_iter().map(|row| row.held).collect() }))
        }
    }
}

/// A read transaction: everything within is of one moment.
pub(super) struct Moment<'a>(&'a Connection);

impl<'a> Moment<'a> {
    pub(super) fn begin(connection: &'a Connection) -> Result<Self, StoreError> {
        connection.prepare_cached("BEGIN")?.execute(())?;
        Ok(Self(connection))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        // Nothing was written. If this fails, the next BEGIN does too, and the connection is made anew.
        let _ = self.0.prepare_cached("ROLLBACK").and_then(|mut statement| statement.execute(()));
    }
}

/// A row of the table of accounts.
struct AccountRow {
    id: i64,
    held: Held,
    factors: usize,
    backup_codes: usize,
    grace_began: Option<i64>,
    factor_generation: i64,
    address: Option<String>,
    invited_only: bool,
    ever_enrolled: bool,
    suspended: Option<(i64, Option<String>)>,
}

/// The rows that have this uid or this name: none, one or two.
fn held(connection: &Connection, whose: &Identity) -> Result<Vec<AccountRow>, StoreError> {
    let mut statement = connection.prepare_cached(ACCOUNT)?;
    let rows = statement.query_map((whose.uid, &whose.name), |row| {
        Ok(AccountRow {
            id: row.get(0)?,
            held: Held { identity: Identity { uid: row.get(1)?, name: row.get(2)? }, version: Version(row.get(3)?) },
            factors: row.get(4)?,
            backup_codes: row.get(5)?,
            grace_began: row.get(6)?,
            factor_generation: row.get(7)?,
            address: row.get(8)?,
            invited_only: row.get(9)?,
            ever_enrolled: row.get(10)?,
            suspended: suspended_since(row)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Since when, and why.
fn suspended_since(row: &Row<'_>) -> rusqlite::Result<Option<(i64, Option<String>)>> {
    match row.get(11)? {
        Some(since) => Ok(Some((since, row.get(12)?))),
        None => Ok(None),
    }
}

/// The rows of one account.
struct Rows<'a> {
    connection: &'a Connection,
    key: &'a MasterKey,
    account: i64,
}

impl Rows<'_> {
    fn account(&self, row: AccountRow) -> Result<Account, StoreError> {
        let factors = self.factors()?;
        let backup = self.backup_set()?;
        if factors.len() != row.factors || backup.codes.len() != row.backup_codes {
            return Err(StoreError::Damaged(format!("account {} has lost or gained rows", self.account)));
        }
        let Held { identity, version } = row.held;
        let (pending, throttles) = (self.pending()?, throttles(self.connection, self.account)?);
        let (version, grace_began) = (Some(version), row.grace_began.map(Time));
        let damaged = |_| StoreError::Damaged(format!("the address of account {}", self.account));
        let address = row.address.map(|address| address.parse().map_err(damaged)).transpose()?;
        let (invite, temp_code) = given(self.connection, self.key, self.account)?;
        let (factor_generation, invited_only) = (row.factor_generation, row.invited_only);
        let suspended = row.suspended.map(|(since, why)| suspension(since, why.as_deref())).transpose()?;
        let (trust, mailings) = (self.trust()?, mailings(self.connection, self.account)?);
        let is_other = |factor: &Factor| matches!(&factor.detail, Detail::Email(own) if address.as_ref() != Some(own));
        if factors.iter().any(is_other) {
            return Err(StoreError::Damaged(format!("the address of account {}", self.account)));
        }
        Ok(Account {
            version,
            factors,
            backup,
            pending,
            invite,
            invited_only,
            temp_code,
            grace_began,
            factor_generation,
            ever_enrolled: row.ever_enrolled,
            suspended,
            throttles,
            address,
            trust,
            mailings,
            ..Account::absent(identity)
        })
    }

    fn factors(&self) -> Result<Vec<Factor>, StoreError> {
        let mut statement = self.connection.prepare_cached(FACTORS)?;
        let mut rows = statement.query([self.account])?;
        let mut factors = Vec::new();
        while let Some(row) = rows.next()? {
            let detail = detail::of_row(self.key, self.account, row)?;
            factors.push(Factor {
                id: FactorId(row.get(0)?),
                name: row.get(6)?,
                created: Time(row.get(7)?),
                last_used: row.get::<_, Option<i64>>(8)?.map(Time),
                detail,
            });
        }
        Ok(factors)
    }

    fn pending(&self) -> Result<Option<Pending>, StoreError> {
        let mut statement = self.connection.prepare_cached(PENDING)?;
        let mut rows = statement.query([self.account])?;
        let Some(row) = rows.next()? else { return Ok(None) };
        let (secret, parameters) = self.totp(row)?;
        let (id, name, until) = (FactorId(row.get(0)?), row.get(6)?, Time(row.get(7)?));
        Ok(Some(Pending { id, name, secret, parameters, until }))
    }

    fn trust(&self) -> Result<Vec<Trust>, StoreError> {
        let mut statement = self.connection.prepare_cached(TRUST)?;
        let mut rows = statement.query([self.account])?;
        let mut trust = Vec::new();
        while let Some(row) = rows.next()? {
            let id = row.get(0)?;
            let damaged = || StoreError::Damaged(format!("row {id} of trust"));
            let (bond, kind): (String, String) = (row.get(1)?, row.get(2)?);
            let earned = Earned {
                bond: bond.parse().map_err(|_| damaged())?,
                kind: kind.parse().map_err(|_| damaged())?,
                verified: row.get(9)?,
                at: Time(row.get(3)?),
                until: Time(row.get(4)?),
                policy: PolicyDigest(row.get(5)?),
                factor_generation: row.get(6)?,
            };
            trust.push(Trust { id: TrustId(id), record: row.get(7)?, service: row.get(8)?, earned });
        }
        Ok(trust)
    }

    /// The secret of a row of `pending`.
    fn totp(&self, row: &Row<'_>) -> Result<(Secret, Parameters), StoreError> {
        let id = row.get(0)?;
        let (kind, params): (String, String) = (row.get(4)?, row.get(5)?);
        if kind != Kind::Totp.as_str() {
            return Err(StoreError::Damaged(format!("row {id} of pending is of an unknown kind")));
        }
        let place = Place { table: "pending", account: self.account, id, kind: &kind, params: &params };
        let secret = self.key.open(&place, sealed(row)?)?;
        let parameters = parse_parameters(&params)
            .ok_or_else(|| StoreError::Damaged(format!("row {id} of pending has unknown parameters")))?;
        Ok((secret, parameters))
    }

    fn backup_set(&self) -> Result<BackupSet, StoreError> {
        let mut statement = self.connection.prepare_cached(BACKUP_SET)?;
        let mut rows = statement.query([self.account])?;
        let Some(row) = rows.next()? else { return Ok(BackupSet::default()) };
        let (id, unused): (i64, u32) = (row.get(0)?, row.get(4)?);
        let opened = self.key.open(&backup_set_place(self.account, id), sealed(row)?)?;
        let damaged = || StoreError::Damaged(format!("row {id} of backup_set"));
        let (salt, digests) = opened.expose().split_first_chunk().ok_or_else(damaged)?;
        let digests = digests.chunks(size_of::<Digest>()).filter_map(|digest| digest.try_into().ok());
        let is_unused = |place: u32| unused.checked_shr(place).is_some_and(|bits| bits & 1 == 1);
        let codes = (0..).zip(digests).filter(|(place, _)| is_unused(*place));
        let codes: Vec<_> = codes.map(|(place, digest)| BackupCode { id: code_id(id, place), digest }).collect();
        if usize::try_from(unused.count_ones()) != Ok(codes.len()) {
            return Err(damaged());
        }
        Ok(BackupSet { salt: *salt, codes })
    }
}

/// A suspension as a row keeps it.
pub(super) fn suspension(since: i64, why: Option<&str>) -> Result<Suspension, StoreError> {
    let why = Reason::ALL.into_iter().find(|reason| Some(reason.as_str()) == why);
    let why = why.ok_or_else(|| StoreError::Damaged("an account is suspended for an unknown reason".to_owned()))?;
    Ok(Suspension { since: Time(since), why })
}

/// What failures of an account have come to.
pub(super) fn throttles(connection: &Connection, account: i64) -> Result<Throttles, StoreError> {
    let mut statement = connection.prepare_cached(THROTTLES)?;
    let mut rows = statement.query([account])?;
    let mut throttles = Throttles::default();
    while let Some(row) = rows.next()? {
        let bucket = bucket(row.get(0)?)?;
        let (failures, in_a_row) = (row.get(1)?, row.get(2)?);
        let (last, until) = (Time(row.get(3)?), Time(row.get(4)?));
        throttles.set(bucket, Throttle { failures, in_a_row, last, until });
    }
    Ok(throttles)
}

/// The bucket of this number.
fn bucket(number: i64) -> Result<Bucket, StoreError> {
    let place = usize::try_from(number).ok();
    let bucket = place.and_then(|place| Bucket::ALL.get(place)).copied();
    bucket.ok_or_else(|| StoreError::Damaged(format!("throttle of an unknown bucket, {number}")))
}

/// Codes that a set can hold: one a bit.
pub(super) const MOST_CODES: u32 = 32;

/// The id of a code: that of its set, and its place in it.
fn code_id(set: i64, place: u32) -> i64 {
    set.saturating_mul(MOST_CODES.into()).saturating_add(place.into())
}

/// The set and the place of a code.
pub(super) fn set_and_place(code_id: i64) -> (i64, i64) {
    (code_id.div_euclid(MOST_CODES.into()), code_id.rem_euclid(MOST_CODES.into()))
}

/// Where a set's bytes belong.
pub(super) fn backup_set_place(account: i64, id: i64) -> Place<'static> {
    Place { table: "backup_set", account, id, kind: "", params: "" }
}

/// Columns 1 to 3 of a row that has something sealed.
pub(super) fn sealed(row: &Row<'_>) -> Result<Sealed, StoreError> {
    Ok(Sealed { key_id: row.get(1)?, nonce: row.get(2)?, bytes: row.get(3)? })
}

/// Parameters as a row keeps them: `SHA1 6 30`.
pub(super) fn spell_parameters(parameters: &Parameters) -> String {
    format!("{} {} {}", parameters.algorithm.as_str(), parameters.digits, parameters.period)
}

pub(super) fn parse_parameters(text: &str) -> Option<Parameters> {
    let mut words = text.split(' ');
    let algorithm = words.next()?;
    let algorithm = Algorithm::ALL.into_iter().find(|known| known.as_str() == algorithm)?;
    let (digits, period) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    match words.next() {
        None => Parameters::new(algorithm, digits, period),
        Some(_) => None,
    }
}
