//! Codes by mail: how many were mailed lately, and the address that is a factor. A code itself is in the outbox alone.

use super::apply::Halt;
use super::change::Change;
use super::read::sealed;
use super::seal::{Place, Sealed};
use super::{MasterKey, StoreError};
use mfa_core::account::{Detail, FactorId};
use mfa_core::factor::Kind;
use mfa_core::letter::Address;
use mfa_core::mailbox::{Mailings, Sends, Span};
use mfa_core::throttle::Caller;
use mfa_core::{Secret, Time};
use rusqlite::{Connection, Row, params};

pub(super) const MAILINGS: &str =
    "SELECT caller, hour_began, hour, day_began, day, last FROM mailing WHERE account = ?1";

impl Change<'_> {
    /// What the codes mailed lately come to; none, no row.
    pub(super) fn mailings(&self, caller: Caller, sends: &Sends) -> Result<(), Halt> {
        let caller = word(caller);
        if *sends == Sends::default() {
            return self.all("DELETE FROM mailing WHERE account = ?1 AND caller = ?2", params![self.account, caller]);
        }
        let Sends { hour, day, last } = sends;
        let replace = "INSERT OR REPLACE INTO mailing (account, caller, hour_began, hour, day_began, day, last) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
        let row = params![self.account, caller, hour.began.0, hour.count, day.began.0, day.count, last.0];
        self.one(replace, row)
    }

    /// A mailed code let somebody in.
    pub(super) fn use_mailed_code(&self, factor: Option<FactorId>) -> Result<(), Halt> {
        let Some(FactorId(id)) = factor else { return Ok(()) };
        let update = "UPDATE factor SET last_used = ?3 WHERE account = ?1 AND id = ?2 AND kind = ?4";
        self.one(update, params![self.account, id, self.at.0, Kind::Email.as_str()])
    }

    /// An address becomes a factor; stale if there is one already.
    pub(super) fn add_mail(&self, name: &str, address: &Address) -> Result<(), Halt> {
        let (id, kind) = (self.new_id()?, Kind::Email.as_str());
        let place = Place { table: "factor", account: self.account, id, kind, params: "" };
        let text = Secret::new(address.as_str().as_bytes().to_vec());
        let Sealed { key_id, nonce, bytes } = self.key.seal(&place, text.expose())?;
        let insert = "INSERT INTO factor (account, id, kind, name, created, params, last_step, replays, key_id, nonce, \
                      sealed) SELECT ?1, ?2, ?3, ?4, ?5, '', 0, 0, ?6, ?7, ?8 \
                      WHERE NOT EXISTS (SELECT 1 FROM factor WHERE account = ?1 AND kind = ?3)";
        self.one(insert, params![self.account, id, kind, name, self.at.0, key_id, nonce, bytes])?;
        self.one("UPDATE account SET factors = factors + 1, ever_enrolled = 1 WHERE id = ?1", [self.account])?;
        self.factors_changed()
    }
}

/// The address of a row of `factor` of this kind.
pub(super) fn own_address(key: &MasterKey, account: i64, row: &Row<'_>) -> Result<Detail, StoreError> {
    let id = row.get(0)?;
    let place = Place { table: "factor", account, id, kind: Kind::Email.as_str(), params: "" };
    let opened = key.open(&place, sealed(row)?)?;
    let address = std::str::from_utf8(opened.expose()).ok().and_then(|text| text.parse().ok());
    address.map(Detail::Email).ok_or_else(|| StoreError::Damaged(format!("row {id} of factor")))
}

/// The codes that were mailed lately.
pub(super) fn mailings(connection: &Connection, account: i64) -> Result<Mailings, StoreError> {
    let mut statement = connection.prepare_cached(MAILINGS)?;
    let mut rows = statement.query([account])?;
    let mut mailings = Mailings::default();
    while let Some(row) = rows.next()? {
        let known = [Caller::Root, Caller::Plain];
        let named = row.get::<_, String>(0)?;
        let caller = known.into_iter().find(|caller| word(*caller) == named);
        let caller = caller.ok_or_else(|| StoreError::Damaged(format!("mailings of account {account}")))?;
        let hour = Span { began: Time(row.get(1)?), count: row.get(2)? };
        let day = Span { began: Time(row.get(3)?), count: row.get(4)? };
        mailings.set(caller, Sends { hour, day, last: Time(row.get(5)?) });
    }
    Ok(mailings)
}

fn word(caller: Caller) -> &'static str {
    match caller {
        Caller::Root => "root",
        Caller::Plain => "plain",
    }
}
