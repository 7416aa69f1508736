//! The one thread that writes. It takes all that waits, gives each job a savepoint in one transaction, commits once
//! (one sync to disk for all of them), and only then answers. Nothing waits for a batch to fill.
//!
//! A job that fails or is stale leaves no trace and harms no other. If the transaction itself fails, every job in it
//! is answered with the error. If this thread ends, everything is refused from then on.

use super::apply::{Halt, Transaction};
use super::connection::{self, Slot};
use super::queue::{Job, Queue, Work};
use super::seats::{self, Tally};
use super::{Committed, MasterKey, Receipt, StoreError, log};
use crate::audit::Head;
use crate::meters::StoreMeters;
use mfa_core::account::Ticket;
use rusqlite::{Connection, OptionalExtension};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::{Notify, watch};

/// What the thread has.
pub(super) struct Writer {
    pub(super) slot: Slot,
    pub(super) key: Arc<MasterKey>,
    pub(super) queue: Arc<Queue>,
    /// The latest time of any commit.
    pub(super) newest: Arc<AtomicI64>,
    /// Told when letters were put into the outbox.
    pub(super) letters: Arc<Notify>,
    /// How many accounts are how.
    pub(super) tally: Arc<Mutex<Tally>>,
    /// The end of the chain of records; `None` if it must be read again.
    pub(super) head: Option<Head>,
    /// The number of the write-ahead log that the next commit begins, if it does.
    pub(super) begins_log: Option<i64>,
    /// Tells how far the chain has come, once that is on disk.
    pub(super) heads: watch::Sender<Head>,
    /// Counts what is done.
    pub(super) meters: Arc<StoreMeters>,
}

/// Of what no proof can belong to: the receipt of a site's record goes to nobody.
const NO_TICKET: Ticket = Ticket(u32::MAX);

/// What became of a job, before anybody is told.
pub(super) type Outcome = Result<Committed, StoreError>;

impl Writer {
    /// Works until the queue is closed and empty.
    pub(super) fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let _at_the_end = Died(&queue);
        while let Some(jobs) = queue.take() {
            let outcomes = self.perform(&jobs);
            for (job, outcome) in jobs.into_iter().zip(outcomes) {
                queue.answered(job.context.peer_uid);
                // Whoever asked may have hung up; what happened has happened.
                let _ = job.answer.send(outcome);
            }
            // If this fails, the log grows until a later one succeeds; no commit depends on it.
            if let Ok(Some(number)) = connection::checkpoint_if_due(&mut self.slot) {
                self.begins_log = Some(number);
            }
        }
    }

    /// Does all jobs in one transaction; an outcome for each.
    fn perform(&mut self, jobs: &[Job]) -> Vec<Outcome> {
        let Self { slot, key, head, begins_log, newest, letters, tally, heads, meters, .. } = self;
        let begun = Instant::now();
        let known = head.map(|head| (head, *counted(tally)));
        let newest_time = newest.load(Ordering::Acquire);
        let done = slot.with(|connection| {
            let known =
                known.map_or_else(|| Ok((head_of(connection)?, seats::tally(connection)?)), Ok::<_, StoreError>);
            let (head, tally) = known?;
            let batch = Batch {
                transaction: Transaction { connection, key, head, newest: newest_time, tally, letters: false },
                begins_log: *begins_log,
            };
            // An error drops the connection, and with it what was begun.
            batch.perform(jobs)
        });
        meters.commits.add(begun.elapsed());
        meters.jobs.fetch_add(u64::try_from(jobs.len()).unwrap_or(0), Ordering::Relaxed);
        match done {
            Ok(Done { outcomes, head: new_head, tally: new_tally, newest_time, letters: put_in }) => {
                // After an error the chain is read again, in case it is not what it was thought to be.
                *head = outcomes.iter().all(Result::is_ok).then_some(new_head);
                *counted(tally) = new_tally;
                *begins_log = None;
                newest.store(newest_time, Ordering::Release);
                if put_in {
                    letters.notify_one();
                }
                heads.send_if_modified(|told| std::mem::replace(told, new_head) != new_head);
                outcomes
            }
            Err(error) => {
                meters.failures.fetch_add(1, Ordering::Relaxed);
                *head = None;
                jobs.iter().map(|_| Err(error.clone())).collect()
            }
        }
    }
}

/// One transaction on its way.
pub(super) struct Batch<'a> {
    pub(super) transaction: Transaction<'a>,
    /// The number of the write-ahead log that it begins, if it does.
    pub(super) begins_log: Option<i64>,
}

/// What a transaction came to.
struct Done {
    outcomes: Vec<Outcome>,
    head: Head,
    tally: Tally,
    newest_time: i64,
    /// Whether letters were put into the outbox.
    letters: bool,
}

impl Batch<'_> {
    fn perform(mut self, jobs: &[Job]) -> Result<Done, StoreError> {
        self.begin()?;
        let before = self.transaction.newest;
        let outcomes = match self.all_or_none(jobs)? {
            Some(outcomes) => outcomes,
            None => jobs.iter().map(|job| self.job(job)).collect::<Result<_, _>>()?,
        };
        let newest = self.transaction.newest;
        if newest > before {
            let update = "UPDATE meta SET newest_time = ?1 WHERE newest_time < ?1";
            self.transaction.connection.prepare_cached(update)?.execute([newest])?;
        }
        self.execute("COMMIT")?;
        let Transaction { head, tally, letters, .. } = self.transaction;
        Ok(Done { outcomes, head, tally, newest_time: newest, letters })
    }

    fn begin(&self) -> Result<(), StoreError> {
        self.execute("BEGIN IMMEDIATE")?;
        self.begins_log.map_or(Ok(()), |number| log::begin(self.transaction.connection, number))
    }

    /// All of them without savepoints, which is a third of the work less: nearly always they are commits, and none is
    /// stale. If one is, nothing has happened to any of them, and the transaction is begun anew.
    fn all_or_none(&mut self, jobs: &[Job]) -> Result<Option<Vec<Outcome>>, StoreError> {
        if !jobs.iter().all(|job| matches!(job.work, Work::Commit(_))) {
            return Ok(None);
        }
        let Transaction { head, newest, tally, letters, .. } = self.transaction;
        let mut outcomes = Vec::with_capacity(jobs.len());
        for job in jobs {
            match self.work(job) {
                Ok(ticket) => outcomes.push(Ok(Committed::Done(Receipt { ticket }))),
                Err(Halt::Failed(error)) if !error.is_of_one_commit() => return Err(error),
                Err(_) => {
                    self.execute("ROLLBACK")?;
                    let transaction = &mut self.transaction;
                    (transaction.head, transaction.newest, transaction.tally, transaction.letters) =
                        (head, newest, tally, letters);
                    self.begin()?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(outcomes))
    }

    /// One job in its savepoint. An error is the whole transaction's; that of the job alone is in its outcome.
    pub(super) fn job(&mut self, job: &Job) -> Result<Outcome, StoreError> {
        self.execute("SAVEPOINT job")?;
        let before = (self.transaction.head, self.transaction.newest, self.transaction.tally);
        let outcome = match self.work(job) {
            Ok(ticket) => Ok(Committed::Done(Receipt { ticket })),
            Err(Halt::Failed(error)) if !error.is_of_one_commit() => return Err(error),
            Err(halt) => {
                (self.transaction.head, self.transaction.newest, self.transaction.tally) = before;
                self.execute("ROLLBACK TO job")?;
                match halt {
                    Halt::Stale => Ok(Committed::Stale),
                    Halt::Failed(error) => Err(error),
                }
            }
        };
        self.execute("RELEASE job")?;
        Ok(outcome)
    }

    /// What the job is about. The caller undoes it if it halts.
    fn work(&mut self, job: &Job) -> Result<Ticket, Halt> {
        match &job.work {
            Work::Commit(commit) => self.transaction.commit(commit, &job.context).map(|()| commit.ticket),
            Work::Rebind(rebind) => self.transaction.rebind(rebind, &job.context).map(|()| rebind.ticket),
            Work::Site(record, at) => self.transaction.site(record, *at, &job.context).map(|()| NO_TICKET),
            Work::Outbox(change, at) => self.transaction.outbox(change, *at).map(|()| NO_TICKET),
            Work::Observe(observed) => self.transaction.observe(observed).map(|()| NO_TICKET),
            Work::Note(note) => self.transaction.note(note, &job.context).map(|()| NO_TICKET),
            Work::Restore(restoring, at) => {
                let restored = self.transaction.restore(restoring, *at, &job.context);
                restored.and_then(|()| self.transaction.recount()).map(|()| NO_TICKET)
            }
            Work::Reseal(course) => self.transaction.reseal(course).map(|()| NO_TICKET),
            Work::Retire(at) => self.transaction.retire(*at).map(|()| NO_TICKET),
            Work::Cut(cut) => self.transaction.cut(cut, &job.context).map(|()| NO_TICKET),
            #[cfg(test)]
            Work::Panic => panic!("as the test wants it"),
        }
    }

    fn execute(&self, sql: &str) -> Result<(), StoreError> {
        self.transaction.connection.prepare_cached(sql)?.execute(())?;
        Ok(())
    }
}

/// A count is whole whatever happened to who held it.
fn counted(tally: &Mutex<Tally>) -> MutexGuard<'_, Tally> {
    tally.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads where the chain of records ends.
pub(super) fn head_of(connection: &Connection) -> Result<Head, StoreError> {
    let node = connection.query_row("SELECT node FROM meta", (), |row| row.get(0))?;
    let select = "SELECT seq, hash FROM audit WHERE node = ?1 ORDER BY seq DESC LIMIT 1";
    let mut statement = connection.prepare_cached(select)?;
    let newest = statement.query_row([node], |row| Ok(Head { node, seq: row.get(0)?, hash: row.get(1)? }));
    Ok(newest.optional()?.unwrap_or_else(|| Head::start(node)))
}

/// Tells the queue that the thread has ended, also when it ends by a panic.
struct Died<'a>(&'a Queue);

impl Drop for Died<'_> {
    fn drop(&mut self) {
        self.0.die();
    }
}
