//! One commit within the writer's transaction: the condition, the writes, the record.
//!
//! `Halt::Stale` undoes all of it and is no error: the account is not as it was seen.

use super::change::Change;
use super::outbox::{self, Tray};
use super::seats::{self, COUNTED, NOTED, Tally};
use super::{MasterKey, Note, Observed, Rebind, StoreError};
use crate::audit::{Context, Event, Head, Site, SiteRecord};
use mfa_core::Time;
use mfa_core::account::{Commit, Identity, Record, Seen, Version, What, Write};
use mfa_core::letter::Topic;
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
    /// The latest time of any record.
    pub(super) newest: i64,
    /// How many accounts are how, as it is if the transaction is committed.
    pub(super) tally: Tally,
    /// Whether letters were put into the outbox.
    pub(super) letters: bool,
}

impl Transaction<'_> {
    /// Checks the condition, performs the writes, appends the record. The caller undoes it if it halts.
    pub(super) fn commit(&mut self, commit: &Commit, context: &Context) -> Result<(), Halt> {
        let event = Event::new(&commit.identity, commit.at, &commit.record, context);
        let mut returned = false;
        if let Some((account, suspended)) = self.condition(commit)? {
            let counts = suspended || commit.writes.iter().any(changes_the_count);
            let before = if counts { self.counted(account)? } else { Tally::default() };
            let service = context.service.as_deref().unwrap_or_default();
            let change = self.change(account, commit.at, service);
            for write in &commit.writes {
                change.perform(write)?;
            }
            if suspended && comes_back(commit) {
                change.perform(&Write::Restore)?;
                returned = true;
            }
            if counts {
                self.tally = self.tally.without(before).with(self.counted(account)?);
            }
            self.check_seat(commit)?;
        }
        if !commit.letters.is_empty() {
            self.letters = true;
            self.tray(commit.at).put(&commit.identity, &commit.letters, context)?;
        }
        self.record(&event)?;
        if returned {
            let record = Record::of(What::Returned).because("login");
            self.record(&Event::new(&commit.identity, commit.at, &record, context))?;
        }
        Ok(())
    }

    /// Changes the outbox. That a letter was given up is recorded.
    pub(super) fn outbox(&mut self, change: &outbox::Change, at: Time) -> Result<(), Halt> {
        let given_up = match change {
            outbox::Change::Failed { id, .. } => outbox::about(self.connection, *id)?,
            _ => None,
        };
        self.tray(at).change(change)?;
        self.letters |= matches!(change, outbox::Change::Divided(..));
        match given_up {
            Some((about, topic)) if about.name.is_empty() => {
                let record = SiteRecord::of(Site::NotNotified).because(topic.map_or("unknown", Topic::as_str));
                self.record(&Event::of_site(at, &record, &Context::of_daemon()))
            }
            Some((about, topic)) => {
                let record = Record::of(What::NotMailed).because(topic.map_or("unknown", Topic::as_str));
                self.record(&Event::new(&about, at, &record, &Context::of_daemon()))
            }
            None => Ok(()),
        }
    }

    fn tray(&self, at: Time) -> Tray<'_> {
        Tray { connection: self.connection, key: self.key, at }
    }

    /// Gives a record to another identity, in place of a record of that identity that has nothing.
    pub(super) fn rebind(&mut self, rebind: &Rebind, context: &Context) -> Result<(), Halt> {
        let Rebind { from, version: Version(version), to, at, .. } = rebind;
        let select = "SELECT id FROM account WHERE uid = ?1 AND name = ?2 AND version = ?3";
        let account: i64 = self.one(select, params![from.uid, from.name, version])?;
        self.make_way(account, to)?;
        let update = "UPDATE account SET uid = ?2, name = ?3, version = version + 1 WHERE id = ?1";
        self.changed_one(update, params![account, to.uid, to.name])?;
        self.change(account, *at, "").factors_changed()?;
        let event = Event::new(to, *at, &Record::of(What::Rebound), context).formerly(from);
        self.record(&event)
    }

    /// Records what happened to the site.
    pub(super) fn site(&mut self, record: &SiteRecord, at: Time, context: &Context) -> Result<(), Halt> {
        if let Some(letter) = record.letter() {
            self.letters = true;
            let nobody = Identity { uid: u32::MAX, name: String::new() };
            self.tray(at).put(&nobody, &[letter], context)?;
        }
        self.record(&Event::of_site(at, record, context))
    }

    /// Counts everybody, where accounts came otherwise than by commits.
    pub(super) fn recount(&mut self) -> Result<(), Halt> {
        self.tally = seats::tally(self.connection)?;
        Ok(())
    }

    /// How this account is counted.
    fn counted(&self, account: i64) -> Result<Tally, Halt> {
        Ok(self.connection.prepare_cached(COUNTED)?.query_row([account], seats::tally_of)?)
    }

    /// Whoever wants the last seat at once with somebody else comes here one after the other.
    fn check_seat(&self, commit: &Commit) -> Result<(), Halt> {
        let taken = self.tally.seats;
        let too_late = |write: &Write| matches!(write, Write::TakeSeat { of: Some(there_are) } if taken > *there_are);
        if commit.writes.iter().any(too_late) { Err(Halt::Stale) } else { Ok(()) }
    }

    /// Keeps what was seen of accounts outside; whose record is gone or somebody else's meanwhile is left out.
    pub(super) fn observe(&mut self, observed: &[Observed]) -> Result<(), Halt> {
        let update = "UPDATE account SET required = ?2, local = ?3, missing_since = ?4 WHERE id = ?1";
        let mut statement = self.connection.prepare_cached(update)?;
        for Observed { identity, seen, missing_since } in observed {
            let select = "SELECT id FROM account WHERE uid = ?1 AND name = ?2";
            let of = params![identity.uid, identity.name];
            let account = self.connection.prepare_cached(select)?.query_row(of, |row| row.get(0)).optional()?;
            let Some(account) = account else { continue };
            let before = self.counted(account)?;
            statement.execute(params![account, seen.required, seen.local, missing_since.map(|Time(since)| since)])?;
            self.tally = self.tally.without(before).with(self.counted(account)?);
        }
        Ok(())
    }

    /// Changes a word about the site, with its records.
    pub(super) fn note(&mut self, note: &Note, context: &Context) -> Result<(), Halt> {
        let now: Option<String> =
            self.connection.prepare_cached(NOTED)?.query_row([note.name], |row| row.get(0)).optional()?;
        if now != note.was {
            return Err(Halt::Stale);
        }
        let upsert = "INSERT INTO site (name, value) VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
        self.changed_one(upsert, params![note.name, note.becomes])?;
        for record in &note.records {
            self.site(record, note.at, context)?;
        }
        Ok(())
    }

    fn change<'a>(&'a self, account: i64, at: Time, service: &'a str) -> Change<'a> {
        let record = self.head.seq.saturating_add(1);
        Change { connection: self.connection, key: self.key, account, at, record, service }
    }

    /// Removes the other record that has this uid or name, if it has nothing.
    fn make_way(&mut self, account: i64, to: &Identity) -> Result<(), Halt> {
        let others = "SELECT id, uid, name, factors + backup_codes FROM account \
                      WHERE (uid = ?1 OR name = ?2) AND id <> ?3";
        let mut statement = self.connection.prepare_cached(others)?;
        let mut rows = statement.query(params![to.uid, to.name, account])?;
        while let Some(row) = rows.next()? {
            if row.get::<_, i64>(3)? > 0 {
                return Err(StoreError::Taken(Identity { uid: row.get(1)?, name: row.get(2)? }).into());
            }
            let other = row.get(0)?;
            self.tally = self.tally.without(self.counted(other)?);
            self.changed_one("DELETE FROM account WHERE id = ?1", [other])?;
        }
        Ok(())
    }

    /// Checks the condition, and moves the version if something is written. The account's row, if there is one, and
    /// whether it is suspended.
    fn condition(&self, commit: &Commit) -> Result<Option<(i64, bool)>, Halt> {
        let Identity { uid, name } = &commit.identity;
        let writes = !commit.writes.is_empty();
        let row = match commit.seen {
            Seen::Anything if writes => return Err(StoreError::Unconditional.into()),
            Seen::Anything => return Ok(None),
            Seen::At(Version(version)) if writes => {
                let update = "UPDATE account SET version = version + 1, last_seen = max(last_seen, ?4) \
                              WHERE uid = ?1 AND name = ?2 AND version = ?3 RETURNING id, suspended IS NOT NULL";
                let seen_now = if comes_back(commit) { commit.at.0 } else { 0 };
                let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
                let mut statement = self.connection.prepare_cached(update)?;
                let row = statement.query_row(params![uid, name, version, seen_now], row).optional()?;
                row.ok_or(Halt::Stale)?
            }
            Seen::At(Version(version)) => {
                let select = "SELECT id FROM account WHERE uid = ?1 AND name = ?2 AND version = ?3";
                (self.one(select, params![uid, name, version])?, false)
            }
            Seen::Absent if writes => (self.new_account(&commit.identity, commit.at)?, false),
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
        self.newest = self.newest.max(*at);
        self.head = head;
        Ok(())
    }

    /// The id a statement gives; stale if it gives none.
    fn one(&self, sql: &str, values: impl Params) -> Result<i64, Halt> {
        let id = self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0)).optional()?;
        id.ok_or(Halt::Stale)
    }

    /// Exactly one row must change.
    fn changed_one(&self, sql: &str, values: impl Params) -> Result<(), Halt> {
        match self.connection.prepare_cached(sql)?.execute(values)? {
            1 => Ok(()),
            _ => Err(Halt::Stale),
        }
    }
}

/// Whether an account may be counted otherwise after this: not after what nearly every login does.
fn changes_the_count(write: &Write) -> bool {
    !matches!(write, Write::UseStep { .. } | Write::Throttle(..) | Write::CountReplay { .. } | Write::Trust(_))
}

/// Whoever logs in with a factor, or enrolls one, is there, whatever was thought of the account.
fn comes_back(commit: &Commit) -> bool {
    matches!(commit.record.what, What::Passed | What::Added)
}
