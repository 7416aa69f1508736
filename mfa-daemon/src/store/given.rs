//! The rows of codes that administrators gave out: written, counted down, ended and read.

use super::apply::Halt;
use super::change::Change;
use super::seal::{Place, Sealed};
use super::{MasterKey, StoreError};
use mfa_core::given::{Given, NewGiven, Purpose};
use mfa_core::printed::Kept;
use mfa_core::{Secret, Time};
use rusqlite::{Connection, params};

pub(super) const GIVEN: &str =
    "SELECT id, key_id, nonce, sealed, purpose, until, left, reason FROM given_code WHERE account = ?1";

impl Change<'_> {
    /// Gives a code in place of the one before.
    pub(super) fn give(&self, new: &NewGiven) -> Result<(), Halt> {
        let NewGiven { purpose, kept, until: Time(until), left, reason } = new;
        let (id, params) = (self.new_id()?, until.to_string());
        let code = Secret::new([kept.salt.as_slice(), kept.digest.as_slice()].concat());
        let place = place(self.account, id, (*purpose, &params));
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, code.expose())?;
        let replace = "INSERT OR REPLACE INTO given_code (account, purpose, id, until, left, reason, key_id, nonce, \
                       sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
        let row = params![self.account, purpose.as_str(), id, until, left, reason, key_id, nonce, bytes];
        self.one(replace, row)
    }

    /// One try or use less; stale if none was left, or if it is another code by now.
    pub(super) fn spend(&self, id: i64, purpose: Purpose) -> Result<(), Halt> {
        let update =
            "UPDATE given_code SET left = left - 1 WHERE account = ?1 AND purpose = ?2 AND id = ?3 AND left > 0";
        self.one(update, params![self.account, purpose.as_str(), id])
    }

    /// Ends the code that there is; stale if there is none.
    pub(super) fn end_given(&self, purpose: Purpose) -> Result<(), Halt> {
        let delete = "DELETE FROM given_code WHERE account = ?1 AND purpose = ?2";
        self.one(delete, params![self.account, purpose.as_str()])
    }

    /// Whether a first factor takes an invitation, whatever the policy says.
    pub(super) fn invited_only(&self, only: bool) -> Result<(), Halt> {
        self.one("UPDATE account SET invited_only = ?2 WHERE id = ?1", params![self.account, only])
    }
}

/// The codes that were given to an account: its invitation and its temporary code.
pub(super) fn given(
    connection: &Connection,
    key: &MasterKey,
    account: i64,
) -> Result<(Option<Given>, Option<Given>), StoreError> {
    let mut statement = connection.prepare_cached(GIVEN)?;
    let mut rows = statement.query([account])?;
    let (mut invite, mut temp_code) = (None, None);
    while let Some(row) = rows.next()? {
        let (id, until): (i64, i64) = (row.get(0)?, row.get(5)?);
        let damaged = || StoreError::Damaged(format!("row {id} of given_code"));
        let word = row.get::<_, String>(4)?;
        let purpose = Purpose::ALL.into_iter().find(|purpose| purpose.as_str() == word).ok_or_else(damaged)?;
        let params = until.to_string();
        let sealed = Sealed { key_id: row.get(1)?, nonce: row.get(2)?, bytes: row.get(3)? };
        let opened = key.open(&place(account, id, (purpose, &params)), sealed)?;
        let (salt, digest) = opened.expose().split_first_chunk().ok_or_else(damaged)?;
        let kept = Kept { salt: *salt, digest: digest.try_into().map_err(|_| damaged())? };
        let given = Given { id, kept, until: Time(until), left: row.get(6)?, reason: row.get(7)? };
        match purpose {
            Purpose::Invite => invite = Some(given),
            Purpose::TempCode => temp_code = Some(given),
        }
    }
    Ok((invite, temp_code))
}

/// Where a code's bytes belong: to its row, its purpose and its end.
fn place<'a>(account: i64, id: i64, (purpose, until): (Purpose, &'a str)) -> Place<'a> {
    Place { table: "given_code", account, id, kind: purpose.as_str(), params: until }
}
