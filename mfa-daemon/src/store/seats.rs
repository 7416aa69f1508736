//! What is kept for the license: how many seats are taken, what was last seen of accounts outside, and a few words about
//! the site.
//!
//! What is seen of an account outside (whether policy requires a factor of it, whether the system knows it) is no state of
//! its enrollment: it moves no version and makes no record. Suspending and restoring are commits like any other.

use super::queue::Work;
use super::read::suspension;
use super::{Committed, Store, StoreError};
use crate::audit::{Context, SiteRecord};
use mfa_core::Time;
use mfa_core::account::{Identity, Version};
use mfa_core::seats::Watch;
use rusqlite::{Connection, OptionalExtension, Row};
use std::sync::PoisonError;

/// How many accounts are how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Have a factor.
    pub(crate) enrolled: u64,
    /// Take a seat.
    pub(crate) seats: u64,
    /// Are suspended.
    pub(crate) suspended: u64,
}

impl Tally {
    /// Without one that was counted.
    #[must_use]
    pub(super) fn without(self, one: Self) -> Self {
        Self {
            enrolled: self.enrolled.saturating_sub(one.enrolled),
            seats: self.seats.saturating_sub(one.seats),
            suspended: self.suspended.saturating_sub(one.suspended),
        }
    }

    /// With one more.
    #[must_use]
    pub(super) fn with(self, one: Self) -> Self {
        Self {
            enrolled: self.enrolled + one.enrolled,
            seats: self.seats + one.seats,
            suspended: self.suspended + one.suspended,
        }
    }
}

/// What is kept of one account for the license.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    /// Whose record it is.
    pub(crate) identity: Identity,
    /// Its state.
    pub(crate) version: Version,
    /// Whether it has a factor.
    pub(crate) enrolled: bool,
    /// Whether it has or had one.
    pub(crate) ever_enrolled: bool,
    /// Its last login with a factor, or its enrollment, or the beginning of its record.
    pub(crate) last_seen: Time,
    /// What was seen of it last.
    pub(crate) seen: Sight,
    /// Since when it is missing or suspended.
    pub(crate) watch: Watch,
    /// Whether its owner was told that a factor is required.
    pub(crate) told_required: bool,
}

/// What was seen of an account outside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sight {
    /// Whether policy requires a factor of it.
    pub(crate) required: bool,
    /// Whether it is in this machine's own files.
    pub(crate) local: bool,
}

/// What is to be kept of a look at an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Observed {
    /// Whose record.
    pub(crate) identity: Identity,
    /// What was seen.
    pub(crate) seen: Sight,
    /// Since when it is missing.
    pub(crate) missing_since: Option<Time>,
}

/// A word about the site that changes if it still is what it was; with records of what that means.
#[derive(Debug)]
pub(crate) struct Note {
    /// Which word.
    pub(crate) name: &'static str,
    /// What it was.
    pub(crate) was: Option<String>,
    /// What it becomes.
    pub(crate) becomes: String,
    /// What happened.
    pub(crate) records: Vec<SiteRecord>,
    /// When.
    pub(crate) at: Time,
}

impl Store {
    /// How many accounts are how, as of the last commit. Nothing is read for it.
    #[must_use]
    pub(crate) fn tally(&self) -> Tally {
        *self.inner.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is kept of the accounts of these names, as far as anything is.
    ///
    /// # Errors
    /// The database cannot be read, or is damaged.
    pub(crate) async fn kept(&self, names: Vec<String>) -> Result<Vec<Option<Kept>>, StoreError> {
        self.look(move |connection| names.iter().map(|name| kept(connection, name)).collect()).await
    }

    /// Keeps what was seen of accounts outside; of those that have no record nothing.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn observe(&self, observed: Vec<Observed>) -> Result<(), StoreError> {
        if observed.is_empty() {
            return Ok(());
        }
        self.submit(Work::Observe(observed), Context::of_peer(0)).await.map(drop)
    }

    /// Who was let in with one factor for want of a seat since then, the latest first, `limit` at most.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn bypassed(&self, since: Time, limit: u32) -> Result<Vec<String>, StoreError> {
        self.look(move |connection| {
            let mut statement = connection.prepare_cached(BYPASSED)?;
            let names = statement.query_map((since.0, limit), |row| row.get(0))?;
            Ok(names.collect::<Result<_, _>>()?)
        })
        .await
    }

    /// How many they are.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn bypassed_count(&self, since: Time) -> Result<u64, StoreError> {
        self.look(move |connection| {
            Ok(connection.prepare_cached(BYPASSED_COUNT)?.query_row([since.0], |row| row.get(0))?)
        })
        .await
    }

    /// A word about the site.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) fn noted(&self, name: &str) -> Result<Option<String>, StoreError> {
        super::lock(&self.inner.reader).with(|connection| {
            let mut statement = connection.prepare_cached(NOTED)?;
            Ok(statement.query_row([name], |row| row.get(0)).optional()?)
        })
    }

    /// Changes a word about the site, if it still is what it was, and records what that means.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn note(&self, note: Note, context: Context) -> Result<Committed, StoreError> {
        self.submit(Work::Note(note), context).await
    }
}

pub(super) const BYPASSED: &str = "SELECT name FROM audit WHERE what = 'skipped' AND at >= ?1 AND reason = 'seats-full' \
     GROUP BY name ORDER BY max(at) DESC LIMIT ?2";
pub(super) const BYPASSED_COUNT: &str =
    "SELECT count(DISTINCT name) FROM audit WHERE what = 'skipped' AND at >= ?1 AND reason = 'seats-full'";
pub(super) const NOTED: &str = "SELECT value FROM site WHERE name = ?1";
/// Everybody; looked through once, when the database is opened or after a failure.
pub(super) const TALLY: &str = "SELECT coalesce(sum(factors > 0), 0), coalesce(sum(seat), 0), \
     coalesce(sum(suspended IS NOT NULL), 0) FROM account";
/// One account.
pub(super) const COUNTED: &str = "SELECT factors > 0, seat, suspended IS NOT NULL FROM account WHERE id = ?1";
pub(super) const KEPT: &str = "SELECT uid, name, version, factors > 0, ever_enrolled, max(last_seen, created), required, \
     local, missing_since, suspended, suspended_why, told_required FROM account WHERE name = ?1";

pub(super) fn tally(connection: &Connection) -> Result<Tally, StoreError> {
    Ok(connection.prepare_cached(TALLY)?.query_row((), tally_of)?)
}

pub(super) fn tally_of(row: &Row<'_>) -> rusqlite::Result<Tally> {
    Ok(Tally { enrolled: row.get(0)?, seats: row.get(1)?, suspended: row.get(2)? })
}

fn kept(connection: &Connection, name: &str) -> Result<Option<Kept>, StoreError> {
    let mut statement = connection.prepare_cached(KEPT)?;
    let mut rows = statement.query([name])?;
    let Some(row) = rows.next()? else { return Ok(None) };
    let missing_since = row.get::<_, Option<i64>>(8)?.map(Time);
    let suspended = match row.get::<_, Option<i64>>(9)? {
        Some(since) => Some(suspension(since, row.get::<_, Option<String>>(10)?.as_deref())?),
        None => None,
    };
    Ok(Some(Kept {
        identity: Identity { uid: row.get(0)?, name: row.get(1)? },
        version: Version(row.get(2)?),
        enrolled: row.get(3)?,
        ever_enrolled: row.get(4)?,
        last_seen: Time(row.get(5)?),
        seen: Sight { required: row.get(6)?, local: row.get(7)? },
        watch: Watch { missing_since, suspended },
        told_required: row.get(11)?,
    }))
}
