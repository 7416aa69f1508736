//! What all connections share: the configuration in force, the store, the name service.

use crate::accounts::{Accounts, Logind};
use crate::audit::{Context, Site, SiteRecord};
use crate::clock;
use crate::config::{self, Config, ConfigError, Drafts};
use crate::journal::{self, Level};
use crate::keys::{self, Keys};
use crate::license::{self, License};
use crate::listen::Peer;
use crate::mail::Line;
use crate::master_key::Protection;
use crate::meters::Histogram;
use crate::pace::Paces;
use crate::store::{Source, Store};
use mfa_core::Time;
use mfa_core::policy;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;
use tokio::sync::Mutex;

/// Seconds between two lines about the same trouble.
const QUIET: i64 = 60;

/// The service.
pub(crate) struct Daemon {
    /// The folder of the configuration.
    folder: PathBuf,
    loaded: RefCell<Option<Rc<Loaded>>>,
    /// Why the newest configuration is not in force, if it is not.
    config_problem: RefCell<Option<String>>,
    /// Where the store and its key are.
    source: Source,
    /// The store, or why there is none.
    store: RefCell<Result<Store, String>>,
    /// How the master key was handed over.
    protection: Cell<Option<Protection>>,
    /// The license that is installed.
    pub(crate) license: License,
    /// The way to `mfa-mail`.
    pub(crate) mail: Line,
    /// The way to security keys, through `mfa-key`.
    pub(crate) keys: Rc<Keys>,
    /// Who sits where.
    pub(crate) logind: Logind,
    /// The name service.
    pub(crate) accounts: Accounts,
    /// What every user has asked lately.
    pub(crate) paces: RefCell<Paces>,
    /// When this process started.
    pub(crate) started: Time,
    /// How long answers at logins took.
    pub(crate) answers: Histogram,
    /// Connections now.
    pub(crate) connections: Cell<u32>,
    /// What this machine calls itself.
    pub(crate) host: String,
    epochs: Cell<u64>,
    /// Held while the configuration is taken anew.
    loading: Mutex<()>,
    crowd_told: Cell<Time>,
    untaken_told: Cell<Time>,
    unmailed_told: Cell<Time>,
    /// Whether mail goes out: not if the last try failed and none has succeeded since.
    pub(crate) mail_goes_out: Cell<bool>,
}

/// Ways to what is beside it.
pub(crate) struct Ways {
    /// To `mfa-mail`.
    pub(crate) mail: Line,
    /// To `mfa-key`.
    pub(crate) keys: keys::Line,
    /// To what systemd-logind keeps.
    pub(crate) logind: Logind,
}

#[cfg(test)]
impl Ways {
    /// To what a test has put into this folder.
    pub(crate) fn below(folder: &std::path::Path) -> Self {
        let (mail, keys) = (Line(folder.join("mail.sock")), keys::Line(folder.join("key.sock")));
        Self { mail, keys, logind: Logind::new(folder) }
    }
}

/// A configuration in force.
pub(crate) struct Loaded {
    /// The configuration.
    pub(crate) config: Config,
    /// Moves with every load, so that a dialog notices.
    pub(crate) epoch: u64,
    /// When it was loaded.
    pub(crate) at: Time,
}

impl Daemon {
    /// A daemon with what could be had; what could not be had makes it answer that it cannot decide.
    pub(crate) fn new(folder: PathBuf, source: Source, Ways { mail, keys, logind }: Ways) -> Self {
        let (store, protection) = source.open();
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let newest = store.as_ref().map_or(Time(i64::MIN), Store::newest_time);
        let license = License::load(folder.clone(), clock::now().max(newest));
        let daemon = Self {
            folder,
            license,
            loaded: RefCell::new(None),
            config_problem: RefCell::new(None),
            source,
            store: RefCell::new(store),
            protection: Cell::new(protection),
            mail,
            keys: Rc::new(Keys::new(keys, logind.clone())),
            logind,
            accounts: Accounts::new(),
            paces: RefCell::default(),
            started: clock::now(),
            answers: Histogram::default(),
            connections: Cell::new(0),
            host,
            epochs: Cell::new(0),
            loading: Mutex::default(),
            crowd_told: Cell::new(Time(i64::MIN)),
            untaken_told: Cell::new(Time(i64::MIN)),
            unmailed_told: Cell::new(Time(i64::MIN)),
            mail_goes_out: Cell::new(true),
        };
        let _ = daemon.take(config::load(&daemon.folder)); // without a valid one every login is refused, loudly
        daemon
    }

    /// Loads the configuration anew: all of it, or the old one stays in force. Logins go on meanwhile.
    pub(crate) async fn reload(&self) {
        license::reread(self, Context::of_daemon()).await;
        let _ = self.load_anew(Context::of_daemon()).await; // what is wrong was said loudly
    }

    /// As [`Daemon::reload`], for whoever wants to know.
    ///
    /// # Errors
    /// What is wrong; the old configuration stays in force.
    pub(crate) async fn load_anew(&self, context: Context) -> Result<(), ConfigError> {
        // One after the other: what was read first must not be put in force last.
        let _turn = self.loading.lock().await;
        let loaded = self.load_with(Drafts::new()).await;
        let taken = self.take(loaded);
        self.record(self.policy_record(), context).await;
        taken
    }

    /// Records what happened to the site. What cannot be recorded has happened all the same, and is said loudly.
    pub(crate) async fn record(&self, record: SiteRecord, context: Context) {
        let told = record.to_string();
        let recorded = match self.store() {
            Ok(store) => store.record(record, clock::now(), context).await.map_err(|error| error.to_string()),
            Err(why) => Err(why),
        };
        if let Err(why) = recorded {
            journal::operation(Level::Alert, &format!("not in the audit record: {told}: {why}"));
        }
    }

    /// What became of the configuration that was read last.
    pub(crate) fn policy_record(&self) -> SiteRecord {
        let rules = self.loaded().map_or(0, |loaded| loaded.config.policy.rules().len());
        let rules = i64::try_from(rules).unwrap_or(i64::MAX);
        match self.config_problem.borrow().as_deref() {
            None => SiteRecord::of(Site::PolicyLoaded).with("rules", rules),
            Some(problem) => {
                let reason = if self.loaded.borrow().is_some() { "old-stays" } else { "none-in-force" };
                let problem = problem.lines().next().unwrap_or_default();
                SiteRecord::of(Site::PolicyRefused).because(reason).with("problem", problem)
            }
        }
    }

    /// The store.
    ///
    /// # Errors
    /// Why there is none.
    pub(crate) fn store(&self) -> Result<Store, String> {
        self.store.borrow().clone()
    }

    /// How the master key was handed over, if it was.
    pub(crate) fn protection(&self) -> Option<Protection> {
        self.protection.get()
    }

    /// Opens the store, if it could not be opened before: never two at once. Whether it was opened now.
    ///
    /// # Errors
    /// Why it still cannot be opened.
    pub(crate) async fn open_store_again(&self) -> Result<bool, String> {
        let _turn = self.loading.lock().await;
        if self.store.borrow().is_ok() {
            return Ok(false);
        }
        let source = self.source.clone();
        let opened = tokio::task::spawn_blocking(move || source.open()).await;
        let (store, protection) = opened.map_err(|error| error.to_string())?;
        let outcome = store.as_ref().map(|_| true).map_err(Clone::clone);
        self.protection.set(protection);
        *self.store.borrow_mut() = store;
        outcome
    }

    /// What the folder, with these drafts, would be as a configuration. Nothing changes.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(crate) async fn load_with(&self, drafts: Drafts) -> Result<Config, ConfigError> {
        let folder = self.folder.clone();
        let loading = tokio::task::spawn_blocking(move || config::load_with(&folder, &drafts)).await;
        loading.unwrap_or_else(|error| Err(ConfigError::Unreadable(self.folder.clone(), std::io::Error::other(error))))
    }

    fn take(&self, loaded: Result<Config, ConfigError>) -> Result<(), ConfigError> {
        self.accounts.forget();
        match loaded {
            Ok(config) => {
                self.put_in_force(config);
                Ok(())
            }
            Err(error) => {
                self.keep_old(&error);
                Err(error)
            }
        }
    }

    fn put_in_force(&self, config: Config) {
        for warning in &config.warnings {
            journal::operation(Level::Warning, &warning.to_string());
        }
        self.epochs.set(self.epochs.get() + 1);
        let loaded = Loaded { config, epoch: self.epochs.get(), at: clock::now() };
        journal::operation(Level::Info, &format!("policy in force: {} rules", loaded.config.policy.rules().len()));
        *self.loaded.borrow_mut() = Some(Rc::new(loaded));
        *self.config_problem.borrow_mut() = None;
        if self.epochs.get() > 1 {
            self.source.ask_for_recount();
        }
    }

    fn keep_old(&self, error: &ConfigError) {
        let consequence = match *self.loaded.borrow() {
            Some(_) => "The policy loaded before stays in force.",
            None => "Without a valid policy every login is refused.",
        };
        for line in error.to_string().lines() {
            journal::operation(Level::Alert, line);
        }
        journal::operation(Level::Alert, consequence);
        *self.config_problem.borrow_mut() = Some(format!("{error}\n{consequence}"));
    }

    /// The configuration in force, if there is one.
    pub(crate) fn loaded(&self) -> Option<Rc<Loaded>> {
        self.loaded.borrow().clone()
    }

    /// Everything that is wrong, a sentence each.
    pub(crate) fn problems(&self) -> Vec<String> {
        let store = match &*self.store.borrow() {
            Ok(store) => store.problems(clock::now()),
            Err(why) => vec![why.clone()],
        };
        self.config_problem.borrow().clone().into_iter().chain(store).collect()
    }

    /// What is odd about the policy: as it was written, and as of now.
    pub(crate) fn policy_warnings(&self, loaded: &Loaded) -> Vec<String> {
        let dated = policy::lint(&loaded.config.policy, clock::now()).into_iter().map(|oddity| oddity.to_string());
        loaded.config.warnings.iter().map(ToString::to_string).chain(dated).collect()
    }

    /// Says, once in a while, that a user takes more connections than there are for one.
    pub(crate) fn note_crowd(&self, peer: Peer) {
        let text = format!("uid {} has too many connections; more are closed at once", peer.uid);
        say_once_in_a_while(&self.crowd_told, Level::Warning, &text);
    }

    /// Says, once in a while, that letters cannot be sent.
    pub(crate) fn note_unmailed(&self, why: &str) {
        say_once_in_a_while(&self.unmailed_told, Level::Warning, &format!("letters cannot be sent now: {why}"));
    }

    /// Says, once in a while, that connections cannot be taken.
    pub(crate) fn note_untaken(&self, error: &std::io::Error) {
        say_once_in_a_while(&self.untaken_told, Level::Error, &format!("connections cannot be taken: {error}"));
    }
}

fn say_once_in_a_while(told: &Cell<Time>, level: Level, text: &str) {
    let now = clock::now();
    if now.since(told.get()) >= QUIET || now < told.get() {
        told.set(now);
        journal::operation(level, text);
    }
}
