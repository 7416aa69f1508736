//! What waits to be committed. Nobody waits here without bound, and nobody can keep others out: a plain user's
//! processes have a share each, all of them together leave room for root's, and what does not fit is refused at once.

use super::copy::Restoring;
use super::prune::Cut;
use super::{Change, Committed, Course, Note, Observed, Rebind, StoreError};
use crate::audit::{Context, SiteRecord};
use mfa_core::Time;
use mfa_core::account::Commit;
use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// All that may wait.
pub(super) const MOST: usize = 1024;
/// All that may wait of peers other than root.
pub(super) const MOST_PLAIN: usize = 768;
/// All that may wait of one uid other than root.
pub(super) const MOST_OF_ONE: usize = 64;

/// One thing to commit, and who waits for it.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) context: Context,
    pub(super) answer: oneshot::Sender<Result<Committed, StoreError>>,
}

/// The kinds of things that are committed.
pub(super) enum Work {
    Commit(Commit),
    Rebind(Rebind),
    Site(SiteRecord, Time),
    /// A change to the outbox, and when.
    Outbox(Change, Time),
    /// A step of putting a copy back.
    Restore(Arc<Restoring>, Time),
    /// Rows are sealed with another master key.
    Reseal(Arc<Course>),
    /// Master keys that no row needs are forgotten.
    Retire(Time),
    Observe(Vec<Observed>),
    Note(Note),
    Cut(Cut),
    /// An error of this program, to see that nobody waits for ever then.
    #[cfg(test)]
    Panic,
}

/// The queue between those who commit and the thread that writes.
pub(super) struct Queue {
    state: Mutex<State>,
    filled: Condvar,
}

#[derive(Default)]
struct State {
    jobs: Vec<Job>,
    /// Queued and not yet answered, by peer.
    waiting: HashMap<u32, usize>,
    all: usize,
    end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// What is queued is still done, nothing new is taken.
    Draining,
    /// Nobody takes anything off the queue any more.
    Dead,
}

impl Queue {
    pub(super) fn new() -> Self {
        Self { state: Mutex::default(), filled: Condvar::new() }
    }

    /// Queues a job, or says why not.
    pub(super) fn push(&self, job: Job) -> Result<(), StoreError> {
        let mut state = self.state();
        if state.end.is_some() {
            return Err(StoreError::Stopped);
        }
        let peer = job.context.peer_uid;
        if !state.has_room_for(peer) {
            return Err(StoreError::Busy);
        }
        *state.waiting.entry(peer).or_default() += 1;
        state.all += 1;
        state.jobs.push(job);
        drop(state);
        self.filled.notify_one();
        Ok(())
    }

    /// Waits for jobs and takes all of them; `None` when there will be no more.
    pub(super) fn take(&self) -> Option<Vec<Job>> {
        let mut state = self.state();
        while state.jobs.is_empty() {
            if state.end.is_some() {
                return None;
            }
            state = self.filled.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Some(std::mem::take(&mut state.jobs))
    }

    /// A job of this peer was answered.
    pub(super) fn answered(&self, peer: u32) {
        let mut state = self.state();
        state.all = state.all.saturating_sub(1);
        if let Some(count) = state.waiting.get_mut(&peer) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                state.waiting.remove(&peer);
            }
        }
    }

    /// Takes nothing new; what is queued is still done.
    pub(super) fn close(&self) {
        self.state().end.get_or_insert(End::Draining);
        self.filled.notify_one();
    }

    /// The writer has ended: whoever waits is told by having nobody left to answer, and so is whoever comes.
    pub(super) fn die(&self) {
        let mut state = self.state();
        state.end = Some(End::Dead);
        let unanswered = std::mem::take(&mut state.jobs);
        drop(state);
        drop(unanswered);
    }

    /// Whether the writer has ended.
    pub(super) fn is_dead(&self) -> bool {
        self.state().end == Some(End::Dead)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Each change above is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn has_room_for(&self, peer: u32) -> bool {
        if self.all >= MOST {
            return false;
        }
        let of = |uid: &u32| self.waiting.get(uid).copied().unwrap_or(0);
        peer == 0 || (of(&peer) < MOST_OF_ONE && self.all.saturating_sub(of(&0)) < MOST_PLAIN)
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
