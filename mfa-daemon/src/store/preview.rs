//! What a preview of a policy wants to know: the kinds of factor of many accounts, and the logins there were. Read
//! only, and no secret is opened for it.

use super::{Store, StoreError};
use crate::audit::Event;
use mfa_core::Time;
use mfa_core::account::Identity;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::letter::Address;
use mfa_core::policy::Standing;
use rusqlite::{Connection, params};

/// Where a record is: whose chain, and its number in that.
pub(crate) type Place = (i64, i64);

/// What an account has to show.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// All but what the site's settings give it.
    pub(crate) standing: Standing,
    /// The mail address that its owner has verified.
    pub(crate) verified: Option<Address>,
}

/// A part of the record of logins, newest first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logins {
    /// The logins, each with its place.
    pub(crate) logins: Vec<(Place, Event)>,
    /// Where the next part begins; `None` if there is none.
    pub(crate) next: Option<Place>,
}

/// Seconds by which records may be out of order, since clocks are turned.
const DISORDER: i64 = 86_400;

impl Store {
    /// What each of these has to show; `None` where the record is somebody else's.
    ///
    /// # Errors
    /// The database cannot be read, or is damaged: never taken for "nothing is enrolled".
    pub(crate) async fn standings(&self, whose: Vec<Identity>) -> Result<Vec<Option<Shown>>, StoreError> {
        self.look(move |connection| whose.iter().map(|identity| standing(connection, identity)).collect()).await
    }

    /// The next logins since then, from the newest on; `limit` records are looked at, at the most.
    ///
    /// # Errors
    /// The database cannot be read, or a record in it is damaged.
    pub(crate) async fn logins(&self, since: Time, after: Option<Place>, limit: u32) -> Result<Logins, StoreError> {
        self.look(move |connection| logins(connection, since, after, limit)).await
    }
}

fn standing(connection: &Connection, whose: &Identity) -> Result<Option<Shown>, StoreError> {
    let select = "SELECT id, uid, name, factors, backup_codes, grace_began, invited_only, address \
                  FROM account WHERE uid = ?1 OR name = ?2";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![whose.uid, whose.name])?;
    let Some(row) = rows.next()? else { return Ok(Some(Shown::default())) };
    if row.get::<_, u32>(1)? != whose.uid || row.get::<_, String>(2)? != whose.name {
        return Ok(None);
    }
    let (account, count, codes): (i64, i64, i64) = (row.get(0)?, row.get(3)?, row.get(4)?);
    let kinds = kinds(connection, account, count)?;
    let enrolled = if codes > 0 { kinds.with(Kind::BackupCode) } else { kinds };
    let grace_began = row.get::<_, Option<i64>>(5)?.map(Time);
    let invited_only = row.get(6)?;
    // A second row has the uid or the name that the first one has, too.
    let verified = row.get::<_, Option<String>>(7)?.and_then(|address| address.parse().ok());
    let standing = Standing { enrolled, given: Kinds::NONE, grace_began, invited_only };
    Ok(rows.next()?.is_none().then_some(Shown { standing, verified }))
}

fn kinds(connection: &Connection, account: i64, count: i64) -> Result<Kinds, StoreError> {
    let mut statement = connection.prepare_cached("SELECT kind FROM factor WHERE account = ?1")?;
    let mut rows = statement.query([account])?;
    let (mut kinds, mut found) = (Kinds::NONE, 0);
    while let Some(row) = rows.next()? {
        let word: String = row.get(0)?;
        let unknown = |_| StoreError::Damaged(format!("a factor of account {account} is of an unknown kind"));
        kinds = kinds.with(word.parse().map_err(unknown)?);
        found += 1;
    }
    if found == count {
        Ok(kinds)
    } else {
        Err(StoreError::Damaged(format!("account {account} has lost or gained rows")))
    }
}

fn logins(connection: &Connection, since: Time, after: Option<Place>, limit: u32) -> Result<Logins, StoreError> {
    let select = "SELECT node, seq, at, what, record FROM audit WHERE (node, seq) < (?1, ?2) \
                  ORDER BY node DESC, seq DESC LIMIT ?3";
    let (node, seq) = after.unwrap_or((i64::MAX, i64::MAX));
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![node, seq, limit])?;
    let (mut part, mut looked_at, mut last) = (Logins::default(), 0, None);
    while let Some(row) = rows.next()? {
        let (place, at) = ((row.get(0)?, row.get(1)?), row.get::<_, i64>(2)?);
        (looked_at, last) = (looked_at + 1, Some(place));
        if at < since.0.saturating_sub(DISORDER) {
            return Ok(part);
        }
        let is_login = matches!(row.get_ref(3)?.as_str(), Ok("passed" | "skipped" | "denied"));
        if at >= since.0 && is_login {
            let event = Event::from_bytes(row.get_ref(4)?.as_blob().unwrap_or_default());
            let event = event.map_err(|_| StoreError::Damaged(format!("audit record {}", place.1)))?;
            part.logins.push((place, event));
        }
    }
    part.next = last.filter(|_| looked_at == limit);
    Ok(part)
}
