//! Who somebody is, as the name service says: uid, canonical name, groups. Failing is never taken for "no such user".
//!
//! The name service blocks, sometimes for long, so it is asked on threads of its own, few, with a deadline, and apart
//! for root's logins, so that nobody else's can hold them up. Positive answers are kept for ten seconds.

mod cache;
mod logind;
mod many;
mod nss;
mod seats;
mod sessions;

pub(crate) use logind::{Logind, Presence};
pub(crate) use sessions::LoginSession;

use cache::Cache;
use mfa_core::account::Identity;
use mfa_core::policy::{Groups, Truth};
use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, Semaphore};

/// How long a lookup may take.
const DEADLINE: Duration = Duration::from_secs(10);
/// Lookups at once in each lane, those past their deadline included: a thread that hangs in a module cannot be freed.
const THREADS: usize = 16;
/// Of these, about the same account: a second one finds out whether the name service answers again while the first
/// still hangs, and an account whose lookup hangs does not take them all.
const THREADS_EACH: usize = 2;
/// Beyond these, for accounts of the system's own file while lookups that hang take all of root's: the owner of the
/// machine gets in although a directory does not answer.
const THREADS_LOCAL: usize = 4;

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

/// Groups, and whether an account is in them.
type Memberships = Vec<(String, Truth)>;

/// The name service, asked once for each name at a time.
pub(crate) struct Accounts {
    cache: RefCell<Cache>,
    root: Arc<Semaphore>,
    plain: Arc<Semaphore>,
    local: Arc<Semaphore>,
    many: Arc<Semaphore>,
    asking: RefCell<HashMap<(Lane, About), Gate>>,
}

/// One question at a time.
#[derive(Clone)]
struct Gate {
    /// Held by whoever asks, until the answer is kept or the time is over.
    turn: Arc<Mutex<()>>,
    /// Held by the threads that ask, however long they hang.
    threads: Arc<Semaphore>,
}

/// What is asked about.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum About {
    Name(String),
    Uid(u32),
    Groups(String),
}

impl Accounts {
    pub(crate) fn new() -> Self {
        Self {
            cache: RefCell::new(Cache::default()),
            root: Arc::new(Semaphore::new(THREADS)),
            plain: Arc::new(Semaphore::new(THREADS)),
            local: Arc::new(Semaphore::new(THREADS_LOCAL)),
            many: Arc::new(Semaphore::new(many::THREADS)),
            asking: RefCell::new(HashMap::new()),
        }
    }

    /// The account of this login name; `None` if the name service says that there is none.
    ///
    /// # Errors
    /// When the name service does not say.
    pub(crate) async fn by_name(&self, name: &str, lane: Lane) -> Result<Option<Entry>, LookupError> {
        let kept = || self.cache.borrow_mut().entry(name).map(Some);
        let keep = |answer: &Option<Entry>| {
            if let Some(entry) = answer {
                self.cache.borrow_mut().keep_entry(name, entry);
            }
        };
        let asked = name.to_owned();
        self.ask((lane, About::Name(name.to_owned())), (kept, keep), move || nss::by_name(&asked)).await
    }

    /// The account of this uid; `None` if the name service says that there is none.
    ///
    /// # Errors
    /// When the name service does not say.
    pub(crate) async fn by_uid(&self, uid: u32, lane: Lane) -> Result<Option<Entry>, LookupError> {
        let kept = || self.cache.borrow_mut().entry_of(uid).map(Some);
        let keep = |answer: &Option<Entry>| {
            if let Some(entry) = answer {
                self.cache.borrow_mut().keep_entry_of(uid, entry);
            }
        };
        self.ask((lane, About::Uid(uid)), (kept, keep), move || nss::by_uid(uid)).await
    }

    /// Which of these groups the account is in. Never fails: what is not known is Unknown.
    pub(crate) async fn groups(&self, entry: &Entry, names: &[String], lane: Lane) -> Groups {
        let name = &entry.identity.name;
        let kept = || self.cache.borrow_mut().groups(name, names);
        let keep = |memberships: &Memberships| {
            if memberships.iter().all(|(_, truth)| *truth != Truth::Unknown) {
                self.cache.borrow_mut().keep_groups(name, memberships);
            }
        };
        let (asked, wanted) = (entry.clone(), names.to_vec());
        let question = move || Ok(nss::memberships(&asked, &wanted));
        match self.ask((lane, About::Groups(name.clone())), (kept, keep), question).await {
            Ok(memberships) => memberships.into_iter().collect(),
            Err(_) => Groups::unknown(),
        }
    }

    /// Forgets all that was kept.
    pub(crate) fn forget(&self) {
        *self.cache.borrow_mut() = Cache::default();
    }

    /// What is kept, or else what the name service says, if it says so in time. One question about the same is asked
    /// at a time: those that come meanwhile find what it has brought, or wait no longer than it may take.
    async fn ask<T: Send + 'static>(
        &self,
        (lane, about): (Lane, About),
        (kept, keep): (impl Fn() -> Option<T>, impl Fn(&T)),
        question: impl FnOnce() -> Result<T, LookupError> + Send + 'static,
    ) -> Result<T, LookupError> {
        if let Some(answer) = kept() {
            return Ok(answer);
        }
        // On the heap: what a look-up needs is large, and every login that needs none would carry it around.
        let asked = Box::pin(async {
            let gate = self.gate((lane, about.clone()));
            let _turn = gate.turn.lock().await;
            if let Some(answer) = kept() {
                return Ok(answer); // whoever asked before has brought it
            }
            let own = gate.threads.clone().acquire_owned().await.map_err(|_| LookupError::Failed)?;
            let permit = self.threads(lane, &about).acquire_owned().await.map_err(|_| LookupError::Failed)?;
            let asked = tokio::task::spawn_blocking(move || {
                let answer = question();
                drop((own, permit)); // a thread that hangs keeps its places, so that hanging ones cannot add up
                answer
            });
            let answer = asked.await.map_err(|_| LookupError::Failed)??;
            keep(&answer);
            Ok(answer)
        });
        tokio::time::timeout(DEADLINE, asked).await.unwrap_or(Err(LookupError::TimedOut))
    }

    /// The threads that may ask this.
    fn threads(&self, lane: Lane, about: &About) -> Arc<Semaphore> {
        Arc::clone(match lane {
            Lane::Root if self.root.available_permits() == 0 && nss::is_local(about) => &self.local,
            Lane::Root => &self.root,
            Lane::Plain => &self.plain,
        })
    }

    /// Where those wait who ask about the same in this lane.
    fn gate(&self, about: (Lane, About)) -> Gate {
        let mut asking = self.asking.borrow_mut();
        asking.retain(|_, gate| Arc::strong_count(&gate.turn) > 1 || gate.threads.available_permits() < THREADS_EACH);
        let fresh = || Gate { turn: Arc::default(), threads: Arc::new(Semaphore::new(THREADS_EACH)) };
        asking.entry(about).or_insert_with(fresh).clone()
    }
}
