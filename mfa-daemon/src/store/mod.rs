//! The store: what is kept about accounts, and the record of what happened.
//!
//! Two operations serve a login. [`Store::snapshot`] reads an account as it is at one moment. [`Store::commit`] does
//! all of a commit, record included, if the account is still as it was seen, and nothing otherwise; when it says
//! `Done`, it is on disk. Nothing writes a factor or a code any other way, [`Store::rebind`] moves a whole record.
//!
//! ```text
//!   snapshot ──▶ read ──▶ SQLite (read only)        one thread writes:
//!   commit ──▶ queue ──▶ writer ──▶ apply ──▶ BEGIN · a savepoint a job · COMMIT ──▶ answers
//!   counts, page, … ──▶ admin ──▶ SQLite (read only, beside the logins)
//! ```
//!
//! `home` guards the directory, `schema` makes and migrates the tables, `seal` encrypts what is secret. An error is
//! never an account without factors.

mod admin;
mod apply;
mod change;
mod connection;
mod copy;
mod detail;
mod error;
mod given;
mod high_water;
mod history;
mod home;
mod log;
mod mailed;
mod outbox;
mod outbox_read;
mod preview;
mod prune;
mod queue;
mod read;
mod relying_party;
mod rotation;
mod schema;
mod seal;
mod seats;
mod source;
mod verify;
mod writer;

pub(crate) use admin::Summary;
pub(crate) use copy::Ticket as RestoreTicket;
pub(crate) use error::{OpenError, StoreError};
pub(crate) use history::{Sought, Written};
pub(crate) use outbox::{Change, Outbox, Recipient, Waiting};
pub(crate) use preview::{Place, Shown};
pub(crate) use rotation::{Course, Rotation};
pub(crate) use seal::MasterKey;
pub(crate) use seats::{Kept, Note, Observed, Sight};
pub(crate) use source::Source;
pub(crate) use verify::{Chain, Finding, Walked, Wrong, from_hex, hex};

use crate::audit::{Context, Head, SiteRecord};
use crate::meters::{self, StoreMeters};
use connection::{Role, Slot};
use home::Home;
use mfa_core::Time;
use mfa_core::account::{Account, Commit, Identity, Seen, Ticket, Version};
use queue::{Job, Queue, Work};
use seats::Tally;
use std::fmt;
use std::path::Path;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use tokio::sync::{Notify, oneshot, watch};

/// Seconds by which the clock may be behind what it was before nobody is told.
const CLOCK_TOLERANCE: i64 = 60;

/// What a read of an identity finds.
#[derive(Clone, Debug)]
pub(crate) enum Snapshot {
    /// Its account; [`Account::absent`] if nothing is kept.
    Account(Account),
    /// Records that have its uid or its name, but not both.
    Conflict(Conflict),
}

/// Records in conflict with what NSS says: whoever has the uid or the name now is not who enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Conflict {
    /// One or two records.
    pub(crate) held: Vec<Held>,
}

/// Whose a record is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    /// The uid and name it was enrolled under.
    pub(crate) identity: Identity,
    /// Its state.
    pub(crate) version: Version,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held: Vec<_> =
            self.held.iter().map(|held| format!("{} ({})", held.identity.name, held.identity.uid)).collect();
        write!(f, "the record was made for {}, which the system now calls otherwise", held.join(" and for "))
    }
}

/// What became of a commit.
#[derive(Debug)]
pub(crate) enum Committed {
    /// It happened and is on disk.
    Done(Receipt),
    /// The account is not as it was seen; nothing happened.
    Stale,
}

/// Says that a commit is on disk. Only the store makes one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Receipt {
    ticket: Ticket,
}

impl Receipt {
    /// Of which commit.
    #[must_use]
    pub(crate) fn ticket(&self) -> Ticket {
        self.ticket
    }
}

/// Gives a record to another identity: an administrator's word that both are the same person.
#[derive(Debug)]
pub(crate) struct Rebind {
    /// Comes back in the receipt.
    pub(crate) ticket: Ticket,
    /// Whose the record is.
    pub(crate) from: Identity,
    /// The state in which it was seen.
    pub(crate) version: Version,
    /// Whose it becomes. A record that has this uid or name already is removed if it has no factor and no code;
    /// otherwise [`StoreError::Taken`].
    pub(crate) to: Identity,
    /// When.
    pub(crate) at: Time,
}

/// A handle on the store. The last one that goes waits until all that was queued is on disk.
#[derive(Clone)]
pub(crate) struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    key: Arc<MasterKey>,
    reader: Mutex<Slot>,
    administrator: Arc<tokio::sync::Mutex<Slot>>,
    queue: Arc<Queue>,
    newest: Arc<AtomicI64>,
    tally: Arc<Mutex<Tally>>,
    /// Told when letters were put into the outbox.
    letters: Arc<Notify>,
    heads: watch::Receiver<Head>,
    meters: Arc<StoreMeters>,
    broken_record: Option<i64>,
    /// When an older database was last put in its place.
    put_back: Option<Time>,
    writer: Option<JoinHandle<()>>,
    /// Unlocks the directory when all else is closed.
    home: Home,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The writer's connection is the last to be closed: only it can then put the log into the database.
        lock(&self.reader).close();
        if let Ok(mut slot) = self.administrator.try_lock() {
            slot.close(); // whoever looks holds this store, so nobody does now
        }
        self.queue.close();
        if let Some(writer) = self.writer.take() {
            // An error is a panic of the writer, which everybody was told when it happened.
            let _ = writer.join();
            // Without it, the next start compares with a minute ago.
            let _ = high_water::remember(&self.home, &self.heads.borrow());
        }
    }
}

impl Store {
    /// Opens the store of a directory, and makes it if there never was one. The directory must be there, belong to
    /// this process's user and be closed to others (0700).
    ///
    /// # Errors
    /// Anything that is not as it must be, with what to do.
    pub(crate) fn open(directory: &Path, key: MasterKey) -> Result<Self, OpenError> {
        let mut home = Home::claim(directory)?;
        log::belongs(&home)?;
        let connection = schema::ready(&mut home, &key, schema::STEPS)?;
        outbox::forget_handed_over(&connection)?;
        high_water::compare(&connection, &key, &home, crate::clock::now())?;
        // A log that cannot be put in now, because there is no room, goes on being this one.
        let begins_log = log::put_in(&connection).unwrap_or(None);
        let newest = Arc::new(AtomicI64::new(admin::newest_time(&connection)?));
        let tally = Arc::new(Mutex::new(seats::tally(&connection)?));
        let head = writer::head_of(&connection)?;
        let broken_record = admin::broken_record(&connection, &head)?;
        let put_back = high_water::last_put_back(&connection)?;
        let meters = Arc::new(StoreMeters::default());
        let (told, heads) = watch::channel(head);
        let path = home.file(schema::FILE);
        let slot = |role| Slot::new(&path, role);
        let (key, queue) = (Arc::new(key), Arc::new(Queue::new()));
        let letters = Arc::new(Notify::new());
        let writer = writer::Writer {
            slot: slot(Role::Writer)?,
            key: Arc::clone(&key),
            queue: Arc::clone(&queue),
            newest: Arc::clone(&newest),
            tally: Arc::clone(&tally),
            letters: Arc::clone(&letters),
            head: Some(head),
            begins_log,
            heads: told,
            meters: Arc::clone(&meters),
        };
        let thread = std::thread::Builder::new().name("mfa-store".to_owned()).spawn(move || writer.run());
        let thread = thread.map_err(|error| StoreError::Failed(format!("no thread to write with: {error}")))?;
        let inner = Inner {
            key,
            reader: Mutex::new(slot(Role::Reader)?),
            administrator: Arc::new(tokio::sync::Mutex::new(slot(Role::Administrator)?)),
            queue,
            newest,
            tally,
            letters,
            heads,
            meters,
            broken_record,
            put_back,
            writer: Some(thread),
            home,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Reads all that is kept about an identity, at one moment. Takes some tens of microseconds and waits for nobody.
    ///
    /// # Errors
    /// It cannot be read or does not open: never taken for "nothing is kept".
    pub(crate) fn snapshot(&self, whose: &Identity) -> Result<Snapshot, StoreError> {
        let found = lock(&self.inner.reader).with(|connection| read::snapshot(connection, &self.inner.key, whose))?;
        Ok(match found {
            Snapshot::Account(account) => Snapshot::Account(Account { newest_time: self.newest_time(), ..account }),
            conflict => conflict,
        })
    }

    /// Does all of it if the account is still as it was seen, and nothing otherwise. `Done` comes when it is on disk.
    /// Once called, it may happen even if nobody waits for the answer.
    ///
    /// # Errors
    /// It did not happen, or whether it did is unknown: deny.
    pub(crate) async fn commit(&self, commit: Commit, context: Context) -> Result<Committed, StoreError> {
        if commit.seen == Seen::Anything && !commit.writes.is_empty() {
            return Err(StoreError::Unconditional);
        }
        let (what, factor, reason) = meters::counted(&commit.record);
        let committed = self.submit(Work::Commit(commit), context).await;
        if matches!(committed, Ok(Committed::Done(_))) {
            self.inner.meters.count(what, factor, reason);
        }
        committed
    }

    /// Gives a record to another identity if it is still as it was seen, and records that.
    ///
    /// # Errors
    /// As [`Store::commit`], and [`StoreError::Taken`].
    pub(crate) async fn rebind(&self, rebind: Rebind, context: Context) -> Result<Committed, StoreError> {
        self.submit(Work::Rebind(rebind), context).await
    }

    /// Records what happened to the site, and to no account. It is on disk when this returns.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub(crate) async fn record(&self, record: SiteRecord, at: Time, context: Context) -> Result<(), StoreError> {
        self.submit(Work::Site(record, at), context).await.map(|_| ())
    }

    /// The latest time of any commit, however the clock was turned since; 0 before the first.
    #[must_use]
    pub(crate) fn newest_time(&self) -> Time {
        Time(self.inner.newest.load(Ordering::Acquire))
    }

    /// What was done since the start.
    pub(crate) fn meters(&self) -> &StoreMeters {
        &self.inner.meters
    }

    /// How far the chain of records has come on disk, now and as it goes on; it ends with the store.
    pub(crate) fn heads(&self) -> watch::Receiver<Head> {
        self.inner.heads.clone()
    }

    /// What an administrator should look into, a sentence each.
    #[must_use]
    pub(crate) fn problems(&self, now: Time) -> Vec<String> {
        let stopped = self.inner.queue.is_dead().then(|| StoreError::Stopped.to_string());
        let broken = self.inner.broken_record.map(|seq| {
            format!("audit record {seq} was changed, or one before it was taken out, by something else than mfa-daemon")
        });
        let ahead = self.newest_time().since(now);
        let turned_back = (ahead > CLOCK_TOLERANCE).then(|| {
            format!(
                "the clock is {ahead} s behind the newest audit record; codes by app will not fit: timedatectl status"
            )
        });
        let put_back = high_water::problem(self.inner.put_back, now);
        stopped.into_iter().chain(broken).chain(put_back).chain(turned_back).collect()
    }

    async fn submit(&self, work: Work, context: Context) -> Result<Committed, StoreError> {
        let (answer, answered) = oneshot::channel();
        self.inner.queue.push(Job { work, context, answer })?;
        answered.await.unwrap_or(Err(StoreError::Stopped))
    }
}

/// A slot is whole whatever happened to who held it: after a panic its connection is gone and made anew.
fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
