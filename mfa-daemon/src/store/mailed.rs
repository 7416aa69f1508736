//! Codes by mail: how many were mailed lately, and that one let somebody in. A code itself is in the outbox alone.

use super::StoreError;
use super::apply::Halt;
use super::change::Change;
use mfa_core::Time;
use mfa_core::account::FactorId;
use mfa_core::factor::Kind;
use mfa_core::mailbox::{Mailings, Sends, Span};
use mfa_core::throttle::Caller;
use rusqlite::{Connection, params};

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
