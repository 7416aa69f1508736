//! Letters that wait to be sent: put in with the commit they follow from, taken out when a mail server has them.
//!
//! A notice is sent at least once: it goes when the server has taken it. A code is sent at most once: it is handed over
//! before it is sent, and one that was handed over is never read again, but for a server that surely did not take it.

use super::apply::Halt;
use super::outbox_read::{due, outbox};
use super::seal::{Place, Sealed};
use super::{MasterKey, Store, StoreError, lock};
use crate::audit::Context;
use mfa_core::account::Identity;
use mfa_core::letter::{Address, Letter, To, Topic};
use mfa_core::{Secret, Time};
use rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeMap;

/// Letters that wait at the most; then the oldest notices go.
pub(super) const MOST: i64 = 10_000;
/// Letters of one topic about one account in a day at the most.
pub(super) const MOST_A_DAY: i64 = 10;
/// Seconds of a day.
const DAY: i64 = 86_400;
/// Seconds after which a notice is given up.
pub(crate) const PATIENCE: i64 = 3 * DAY;

/// A letter that is due.
#[derive(Debug)]
pub(crate) struct Waiting {
    /// Names it within the store.
    pub(crate) id: i64,
    /// The same for every try: a message id is made of it.
    pub(crate) mark: [u8; 16],
    /// About whom, as it was then.
    pub(crate) about: Identity,
    /// To whom.
    pub(crate) to: Recipient,
    /// The address that the account's owner has verified, as it is now.
    pub(crate) verified: Option<Address>,
    /// About what; `None` for a topic that this version does not know.
    pub(crate) topic: Option<Topic>,
    /// The values of its fields.
    pub(crate) values: BTreeMap<String, String>,
    /// When it was written.
    pub(crate) created: Time,
    /// After this it is not sent.
    pub(crate) until: Time,
    /// Tries so far.
    pub(crate) tries: u32,
    /// The code it carries.
    pub(crate) code: Option<Secret>,
}

/// To whom a waiting letter goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// The account's owner, at the address that holds now.
    Owner,
    /// The account's owner, at the address that the site has.
    Directory,
    /// This address.
    Address(Address),
    /// Administrators, before it is known who they are.
    Administrators,
    /// The webhook.
    Webhook,
}

impl Recipient {
    fn spelled(&self) -> &str {
        match self {
            Self::Owner => "owner",
            Self::Directory => "directory",
            Self::Address(address) => address.as_str(),
            Self::Administrators => "administrators",
            Self::Webhook => "webhook",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        match text {
            "owner" => Some(Self::Owner),
            "directory" => Some(Self::Directory),
            "administrators" => Some(Self::Administrators),
            "webhook" => Some(Self::Webhook),
            address => address.parse().ok().map(Self::Address),
        }
    }
}

impl From<&To> for Recipient {
    fn from(to: &To) -> Self {
        match to {
            To::Owner => Self::Owner,
            To::Directory => Self::Directory,
            To::Address(address) => Self::Address(address.clone()),
            To::Administrators => Self::Administrators,
        }
    }
}

/// What becomes of a letter that waits.
#[derive(Debug)]
pub(crate) enum Change {
    /// A code is about to be sent; from now on nobody reads it here.
    HandOver(i64),
    /// A server has it.
    Sent(i64),
    /// No server has it, for this reason; it is tried again then.
    Later {
        /// Which.
        id: i64,
        /// When.
        next: Time,
        /// Why.
        why: String,
    },
    /// It will not be sent, for this reason.
    Failed {
        /// Which.
        id: i64,
        /// Why.
        why: String,
    },
    /// Nobody is there to be sent it.
    Dropped(i64),
    /// It goes to each of these instead.
    Divided(i64, Vec<Recipient>),
}

/// How the outbox is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outbox {
    /// Letters that wait.
    pub(crate) waiting: u64,
    /// When the oldest of them was written.
    pub(crate) since: Option<Time>,
    /// Why the last try of one that waits failed.
    pub(crate) problem: Option<String>,
    /// Sent since there is this store.
    pub(crate) sent: u64,
    /// Given up, or refused for good.
    pub(crate) failed: u64,
    /// Not kept, because there were too many.
    pub(crate) dropped: u64,
}

/// Letters that are due, and when the next one is.
#[derive(Debug, Default)]
pub(crate) struct Due {
    /// Those that are, the longest waiting first.
    pub(crate) letters: Vec<Waiting>,
    /// When the next one will be, beyond these.
    pub(crate) next: Option<Time>,
}

impl Store {
    /// Letters that are due: codes, then notices, `limit` of each at most.
    ///
    /// # Errors
    /// The database cannot be read, or a code in it does not open.
    pub(crate) fn due(&self, now: Time, limit: u32) -> Result<Due, StoreError> {
        lock(&self.inner.reader).with(|connection| due(connection, &self.inner.key, now, limit))
    }

    /// Makes a change to the outbox. Whether it was made: not if the letter is not there any more.
    ///
    /// # Errors
    /// It was not made, or whether it was is unknown.
    pub(crate) async fn change_outbox(&self, change: Change, at: Time) -> Result<bool, StoreError> {
        let work = super::queue::Work::Outbox(change, at);
        let committed = self.submit(work, Context::of_daemon()).await?;
        Ok(matches!(committed, super::Committed::Done(_)))
    }

    /// Waits until letters were put in since this was last asked.
    pub(crate) async fn letters_put_in(&self) {
        self.inner.letters.notified().await;
    }

    /// How the outbox is.
    ///
    /// # Errors
    /// The database cannot be read.
    pub(crate) async fn outbox(&self) -> Result<Outbox, StoreError> {
        self.look(outbox).await
    }
}

/// The outbox within the writer's transaction.
pub(super) struct Tray<'a> {
    pub(super) connection: &'a Connection,
    pub(super) key: &'a MasterKey,
    pub(super) at: Time,
}

impl Tray<'_> {
    /// Puts letters in.
    pub(super) fn put(&self, about: &Identity, letters: &[Letter], context: &Context) -> Result<(), StoreError> {
        for letter in letters {
            if letter.code.is_some() || self.keeps_pace(about, letter.topic)? {
                self.make_room()?;
                self.put_one(about, letter, context)?;
            } else {
                self.count("letters_dropped")?;
            }
        }
        Ok(())
    }

    /// Makes a change; stale if its letter is not there.
    pub(super) fn change(&self, change: &Change) -> Result<(), Halt> {
        match change {
            Change::HandOver(id) => {
                let update = "UPDATE outbox SET handed_over = 1, tries = tries + 1 WHERE id = ?1 AND handed_over = 0";
                self.one(update, [id])
            }
            Change::Sent(id) => {
                self.take_out(*id)?;
                Ok(self.count("letters_sent")?)
            }
            Change::Later { id, next, why } => {
                let update = "UPDATE outbox SET handed_over = 0, tries = tries + (handed_over = 0), next_try = ?2, \
                              problem = ?3 WHERE id = ?1";
                self.one(update, params![id, next.0, why])
            }
            Change::Failed { id, why } => {
                self.take_out(*id)?;
                self.connection.prepare_cached("UPDATE meta SET letters_problem = ?1")?.execute([why])?;
                Ok(self.count("letters_failed")?)
            }
            Change::Dropped(id) => self.take_out(*id),
            Change::Divided(id, recipients) => self.divide(*id, recipients),
        }
    }

    fn put_one(&self, about: &Identity, letter: &Letter, context: &Context) -> Result<(), StoreError> {
        let id: i64 = {
            let update = "UPDATE meta SET last_id = last_id + 1 RETURNING last_id";
            self.connection.prepare_cached(update)?.query_row((), |row| row.get(0))?
        };
        let topic = letter.topic.as_str();
        let until = letter.code.as_ref().map_or(self.at.plus(PATIENCE), |code| code.until);
        let sealed = match &letter.code {
            Some(code) => Some(self.key.seal(&place(id, topic), code.text.expose())?),
            None => None,
        };
        let (key_id, nonce, bytes) = match sealed {
            Some(Sealed { key_id, nonce, bytes }) => (Some(key_id), Some(nonce), Some(bytes)),
            None => (None, None, None),
        };
        let insert = "INSERT INTO outbox (id, mark, uid, name, recipient, topic, fields, created, until, next_try, \
                      key_id, nonce, sealed) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?8, ?10, ?11, ?12)";
        let (recipient, fields) = (Recipient::from(&letter.to), fields(letter, context)?);
        let row = params![
            id,
            mark()?,
            about.uid,
            about.name,
            recipient.spelled(),
            topic,
            fields,
            self.at.0,
            until.0,
            key_id,
            nonce,
            bytes
        ];
        self.connection.prepare_cached(insert)?.execute(row)?;
        Ok(())
    }

    /// Whether another letter of this topic about this account fits its day.
    fn keeps_pace(&self, about: &Identity, topic: Topic) -> Result<bool, StoreError> {
        let forget = "DELETE FROM letter_pace WHERE since <= ?1 - ?2 OR since > ?1";
        self.connection.prepare_cached(forget)?.execute(params![self.at.0, DAY])?;
        let upsert = "INSERT INTO letter_pace (uid, topic, since, count) VALUES (?1, ?2, ?3, 1) \
                      ON CONFLICT DO UPDATE SET count = count + 1 RETURNING count";
        let row = params![about.uid, topic.as_str(), self.at.0];
        let count: i64 = self.connection.prepare_cached(upsert)?.query_row(row, |row| row.get(0))?;
        Ok(count <= MOST_A_DAY)
    }

    /// Takes the oldest notice out if there is no room for another letter.
    fn make_room(&self) -> Result<(), StoreError> {
        let waiting: i64 =
            self.connection.prepare_cached("SELECT count(*) FROM outbox")?.query_row((), |row| row.get(0))?;
        if waiting >= MOST {
            let oldest =
                "DELETE FROM outbox WHERE id = (SELECT id FROM outbox WHERE key_id IS NULL ORDER BY id LIMIT 1)";
            self.connection.prepare_cached(oldest)?.execute(())?;
            self.count("letters_dropped")?;
        }
        Ok(())
    }

    fn divide(&self, id: i64, recipients: &[Recipient]) -> Result<(), Halt> {
        for recipient in recipients {
            let copy = "INSERT INTO outbox (id, mark, uid, name, recipient, topic, fields, created, until, next_try) \
                        SELECT ?2, ?3, uid, name, ?4, topic, fields, created, until, next_try FROM outbox \
                        WHERE id = ?1 AND key_id IS NULL";
            let update = "UPDATE meta SET last_id = last_id + 1 RETURNING last_id";
            let new: i64 = self.connection.prepare_cached(update)?.query_row((), |row| row.get(0))?;
            self.one(copy, params![id, new, mark()?, recipient.spelled()])?;
        }
        self.take_out(id)
    }

    fn take_out(&self, id: i64) -> Result<(), Halt> {
        self.one("DELETE FROM outbox WHERE id = ?1", [id])
    }

    fn count(&self, what: &str) -> Result<(), StoreError> {
        let update = format!("UPDATE meta SET {what} = {what} + 1");
        self.connection.prepare_cached(&update)?.execute(())?;
        Ok(())
    }

    fn one(&self, sql: &str, values: impl rusqlite::Params) -> Result<(), Halt> {
        match self.connection.prepare_cached(sql)?.execute(values)? {
            1 => Ok(()),
            _ => Err(Halt::Stale),
        }
    }
}

/// About whom a letter is, for the record that it was given up: taken before it goes.
pub(super) fn about(connection: &Connection, id: i64) -> Result<Option<(Identity, Option<Topic>)>, StoreError> {
    let select = "SELECT uid, name, topic FROM outbox WHERE id = ?1";
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_row([id], |row| {
        Ok((Identity { uid: row.get(0)?, name: row.get(1)? }, Topic::of(&row.get::<_, String>(2)?)))
    });
    Ok(found.optional()?)
}

/// What was handed over when the daemon ended may have been sent: it is never sent again.
pub(super) fn forget_handed_over(connection: &Connection) -> Result<(), StoreError> {
    let gone = connection.execute("DELETE FROM outbox WHERE handed_over = 1", ())?;
    if gone > 0 {
        connection.execute("UPDATE meta SET letters_failed = letters_failed + ?1", [gone])?;
    }
    Ok(())
}

/// A number nobody can guess: the message id must not tell how many letters there are.
fn mark() -> Result<[u8; 16], StoreError> {
    let mut mark = [0; 16];
    getrandom::fill(&mut mark).map_err(|error| StoreError::Failed(format!("no random numbers: {error}")))?;
    Ok(mark)
}

pub(super) fn place(id: i64, topic: &str) -> Place<'_> {
    Place { table: "outbox", account: 0, id, kind: topic, params: "" }
}

/// The values of a letter, with how it came about.
fn fields(letter: &Letter, context: &Context) -> Result<String, StoreError> {
    let mut fields: BTreeMap<&str, &str> =
        letter.values.iter().map(|(field, value)| (*field, value.as_str())).collect();
    for (field, value) in [("service", &context.service), ("from", &context.rhost)] {
        if let Some(value) = value {
            fields.insert(field, value);
        }
    }
    serde_json::to_string(&fields).map_err(|error| StoreError::Failed(error.to_string()))
}
