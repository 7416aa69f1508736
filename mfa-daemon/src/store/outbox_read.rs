//! What waits in the outbox, as it is read: the letters that are due, and how many there are.

use super::outbox::{Due, Outbox, Recipient, Waiting, place};
use super::seal::Sealed;
use super::{MasterKey, StoreError};
use mfa_core::Time;
use mfa_core::account::Identity;
use mfa_core::letter::Topic;
use rusqlite::{Connection, Row, params};

/// The columns of a letter that is read.
const LETTER: &str = "SELECT id, key_id, nonce, sealed, mark, outbox.uid, outbox.name, recipient, topic, fields, \
     created, until, tries, (SELECT address FROM account WHERE account.uid = outbox.uid AND account.name = outbox.name) \
     FROM outbox";

/// Codes first: somebody waits for them, and notices that wait for a dead server can be many.
pub(super) fn due(connection: &Connection, key: &MasterKey, now: Time, limit: u32) -> Result<Due, StoreError> {
    let mut letters = Vec::new();
    for which in ["key_id IS NOT NULL", "key_id IS NULL"] {
        let select =
            format!("{LETTER} WHERE {which} AND handed_over = 0 AND next_try <= ?1 ORDER BY next_try, id LIMIT ?2");
        let mut statement = connection.prepare_cached(&select)?;
        let mut rows = statement.query(params![now.0, limit])?;
        while let Some(row) = rows.next()? {
            letters.push(waiting(row, key)?);
        }
    }
    let select = "SELECT min(next_try) FROM outbox WHERE handed_over = 0 AND next_try > ?1";
    let next: Option<i64> = connection.prepare_cached(select)?.query_row([now.0], |row| row.get(0))?;
    Ok(Due { letters, next: next.map(Time) })
}

fn waiting(row: &Row<'_>, key: &MasterKey) -> Result<Waiting, StoreError> {
    let id: i64 = row.get(0)?;
    let damaged = || StoreError::Damaged(format!("row {id} of outbox"));
    let (topic, recipient, fields): (String, String, String) = (row.get(8)?, row.get(7)?, row.get(9)?);
    let code = match row.get::<_, Option<u32>>(1)? {
        Some(key_id) => {
            let sealed = Sealed { key_id, nonce: row.get(2)?, bytes: row.get(3)? };
            Some(key.open(&place(id, &topic), sealed)?)
        }
        None => None,
    };
    let verified = row.get::<_, Option<String>>(13)?;
    Ok(Waiting {
        id,
        mark: row.get(4)?,
        about: Identity { uid: row.get(5)?, name: row.get(6)? },
        to: Recipient::parse(&recipient).ok_or_else(damaged)?,
        verified: verified.and_then(|address| address.parse().ok()),
        topic: Topic::of(&topic),
        values: serde_json::from_str(&fields).map_err(|_| damaged())?,
        created: Time(row.get(10)?),
        until: Time(row.get(11)?),
        tries: row.get(12)?,
        code,
    })
}

pub(super) fn outbox(connection: &Connection) -> Result<Outbox, StoreError> {
    let select = "SELECT count(*), min(created), \
                  coalesce((SELECT problem FROM outbox WHERE problem IS NOT NULL ORDER BY next_try DESC LIMIT 1), \
                  (SELECT letters_problem FROM meta)), (SELECT letters_sent FROM meta), \
                  (SELECT letters_failed FROM meta), (SELECT letters_dropped FROM meta) FROM outbox";
    Ok(connection.prepare_cached(select)?.query_row((), |row| {
        Ok(Outbox {
            waiting: row.get(0)?,
            since: row.get::<_, Option<i64>>(1)?.map(Time),
            problem: row.get(2)?,
            sent: row.get(3)?,
            failed: row.get(4)?,
            dropped: row.get(5)?,
        })
    })?)
}
