//! Who somebody is, as the name service says: uid, canonical name, groups. Failing is never taken for "no such user".
//!
//! The name service blocks, sometimes for long, so it is asked on threads of its own, few, with a deadline, and apart
//! for root's logins, so that nobody else's can hold them up. Positive answers are kept for ten seconds.

mod cache;
mod nss;

use cache::Cache;
use mfa_core::account::Identity;
use mfa_core::policy::{Groups, Truth};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

/// How long a lookup may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Lookups at once in each lane, those past their deadline included: a thread that hangs in a module cannot be freed.
const THREADS: usize = 8;

/// An account that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Uid and canonical name.
    pub(crate) identity: Identity,
    /// The primary group.
    pub(crate) gid: u32,
}

/// The name service did not answer: nothing is known, not even that there is no such account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LookupError {
    /// It said that it failed.
    Failed,
    /// It did not answer in time, or too many lookups hang.
    TimedOut,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Failed => "the name service failed",
            Self::TimedOut => "the name service did not answer in time",
        })
    }
}

/// Whose lookups share threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lane {
    /// Root's applications.
    Root,
    /// Everybody's own processes.
    Plain,
}

/// The name service, asked once for each name at a time.
pub(crate) struct Accounts {
    cache: RefCell<Cache>,
    root: Arc<Semaphore>,
    plain: Arc<Semaphore>,
    asking: RefCell<HashMap<(Lane, String), Arc<Mutex<()>>>>,
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            cache: RefCell::new(Cache::default()),
            root: Arc::new(Semaphore::new(THREADS)),
            plain: Arc::new(Semaphore::new(THREADS)),
            asking: RefCell::new(HashMap::new()),
        }
    }

    /// The account of this login name; `None` if the name service says that there is none.
    ///
    /// # Errors
    /// When the name service does not say.
    pub(crate) async fn by_name(&self, name: &str, lane: Lane) -> Result<Option<Entry>, LookupError> {
        if let Some(entry) = self.cache.borrow_mut().entry(name) {
            return Ok(Some(entry));
        }
        let _turn = self.turn(lane, name).await;
        if let Some(entry) = self.cache.borrow_mut().entry(name) {
            return Ok(Some(entry)); // whoever asked before has brought it
        }
        let asked = name.to_owned();
        let entry = self.ask(lane, move || nss::by_name(&asked)).await?;
        if let Some(entry) = &entry {
            self.cache.borrow_mut().keep_entry(name, entry);
        }
        Ok(entry)
    }

    /// The account of this uid; `None` if the name service says that there is none.
    ///
    /// # Errors
    /// When the name service does not say.
    pub(crate) async fn by_uid(&self, uid: u32, lane: Lane) -> Result<Option<Entry>, LookupError> {
        self.ask(lane, move || nss::by_uid(uid)).await
    }

    /// Which of these groups the account is in. Never fails: what is not known is Unknown.
    pub(crate) async fn groups(&self, entry: &Entry, names: &[String], lane: Lane) -> Groups {
        let name = entry.identity.name.clone();
        if let Some(groups) = self.cache.borrow_mut().groups(&name, names) {
            return groups;
        }
        let _turn = self.turn(lane, &name).await;
        if let Some(groups) = self.cache.borrow_mut().groups(&name, names) {
            return groups;
        }
        let (asked, wanted) = (entry.clone(), names.to_vec());
        match self.ask(lane, move || Ok(nss::memberships(&asked, &wanted))).await {
            Ok(memberships) => {
                if memberships.iter().all(|(_, truth)| *truth != Truth::Unknown) {
                    self.cache.borrow_mut().keep_groups(&name, &memberships);
                }
                memberships.into_iter().collect()
            }
            Err(_) => Groups::unknown(),
        }
    }

    /// Forgets all that was kept.
    pub(crate) fn forget(&self) {
        *self.cache.borrow_mut() = Cache::default();
    }

    /// Waits until nobody else in this lane asks about the name.
    async fn turn(&self, lane: Lane, name: &str) -> OwnedMutexGuard<()> {
        let gate = {
            let mut asking = self.asking.borrow_mut();
            asking.retain(|_, gate| Arc::strong_count(gate) > 1); // those nobody waits for
            Arc::clone(asking.entry((lane, name.to_owned())).or_default())
        };
        gate.lock_owned().await
    }

    async fn ask<T: Send + 'static>(
        &self,
        lane: Lane,
        question: impl FnOnce() -> Result<T, LookupError> + Send + 'static,
    ) -> Result<T, LookupError> {
        let threads = match lane {
            Lane::Root => &self.root,
            Lane::Plain => &self.plain,
        };
        let asked = async {
            let permit = Arc::clone(threads).acquire_owned().await.map_err(|_| LookupError::Failed)?;
            let answer = tokio::task::spawn_blocking(move || {
                let answer = question();
                drop(permit); // a thread that hangs keeps its place, so that hanging ones cannot add up
                answer
            });
            answer.await.map_err(|_| LookupError::Failed)?
        };
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or(Err(LookupError::TimedOut))
    }
}
