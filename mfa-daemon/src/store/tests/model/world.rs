//! One moment of the world, and all that can come of it: depth first, each state once. What a step writes is written in a
//! savepoint of a real database, and taken back before the next one is tried.

use super::process::{Came, Look, Process};
use super::*;
use crate::scene::standing;
use crate::store::apply::Transaction;
use crate::store::writer::{Batch, head_of};
use crate::store::{read, seats};
use mfa_core::policy::{Address, Caller as Asking, Groups, Origin, Policy, Request, Source, SshAuth, evaluate, parse};
use mfa_core::throttle::Bucket;
use rusqlite::Connection;
use std::collections::HashSet;
use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

/// Which backup code is there; its digest is in the store.
const BACKUP_CODE: &str = "7KQF-2MZT-9XWA";

/// What has been seen to happen, as far as something must hold of it.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Seen {
    /// Logins that a factor let in.
    pub(super) passed: u32,
    /// Guesses that were looked at and were wrong.
    pub(super) wrong: u32,
    /// How many of them were there when one passed.
    pub(super) passed_after_wrong: Option<u32>,
    /// The most failures that the account ever showed.
    pub(super) most_in_a_row: u32,
    /// Everything was reset.
    pub(super) reset: bool,
}

/// One moment.
#[derive(Clone, Default)]
pub(super) struct World {
    processes: Vec<Process>,
    /// What each waits to have written.
    waiting: Vec<Option<Rc<Job>>>,
    /// The policy in force.
    epoch: usize,
    pub(super) seen: Seen,
    /// The end of the chain of records, and how accounts are counted.
    chain: Option<(Head, Tally)>,
    /// How it came to this.
    path: Vec<String>,
}

/// An end of all things: nobody has anything left to do.
pub(super) struct End<'a> {
    pub(super) seen: &'a Seen,
    pub(super) account: Account,
    path: &'a [String],
}

impl fmt::Display for End<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} after:\n  {}", self.seen, self.path.join("\n  "))
    }
}

/// How much there was.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    pub(super) ends: usize,
}

/// A database with one account in it, and two policies.
pub(super) struct Explorer {
    connection: Connection,
    key: MasterKey,
    policies: [Policy; 2],
    known: HashSet<u64>,
    explored: Explored,
    _directory: TempDir,
}

pub(super) fn wrong_code() -> &'static str {
    "000000"
}

impl Explorer {
    /// alice has an app and ten backup codes.
    pub(super) fn new(policies: [&str; 2]) -> Self {
        let (directory, store) = new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            add_app(&store, &alice(), SECRET).await;
            let salt = [5; 16];
            let mut digests: Vec<_> = (0..10u8).map(|n| [n; 32]).collect();
            let code = mfa_core::factor::backup_code::normalize(BACKUP_CODE).unwrap();
            digests[3] = mfa_core::printed::digest(&salt, &code);
            write(&store, &alice(), vec![Write::NewBackupCodes { salt, digests }]).await;
        });
        drop(store);
        let connection = sql(&directory);
        connection.execute_batch("BEGIN").unwrap();
        let policies = policies.map(|text| parse(&[Source { name: "policy.toml", text }]).unwrap().policy);
        let (known, explored) = Default::default();
        Self { connection, key: key(), policies, known, explored, _directory: directory }
    }

    /// The code of this moment.
    pub(super) fn right_code(&self) -> String {
        let totp = totp_rs::Builder::new().with_secret(SECRET.to_vec()).build_noncompliant();
        let code = totp.generate(u64::try_from(NOW.0).unwrap()).to_string();
        assert_ne!(code, wrong_code());
        code
    }

    pub(super) fn backup_code(&self) -> String {
        BACKUP_CODE.to_owned()
    }

    /// So many guesses were wrong already.
    pub(super) fn fail(&mut self, times: usize) {
        let (bucket, version) = (Bucket::ALL[0], self.account().version.unwrap());
        let throttle = (0..times).fold(mfa_core::throttle::Throttle::default(), |failed, _| failed.failed(NOW));
        let record = Record::of(What::Wrong);
        let commit =
            commit_of(&alice(), mfa_core::account::Seen::At(version), vec![Write::Throttle(bucket, throttle)], record);
        let mut world = World::default();
        assert!(self.write(&mut world, &job(commit)).is_some());
    }

    /// Goes everywhere, and has every end looked at.
    pub(super) fn explore(&mut self, processes: Vec<Process>, at_end: impl Fn(&End<'_>)) -> Explored {
        let waiting = processes.iter().map(|_| None).collect();
        self.visit(World { processes, waiting, ..World::default() }, &at_end);
        std::mem::take(&mut self.explored)
    }

    fn visit(&mut self, world: World, at_end: &dyn Fn(&End<'_>)) {
        let account = self.account();
        if !self.known.insert(digest(&world, &account)) {
            return;
        }
        self.explored.states += 1;
        assert!(world.path.len() < 200, "it does not end: {}", world.path.join("\n"));
        let able: Vec<usize> = (0..world.processes.len()).filter(|who| !world.processes[*who].is_over()).collect();
        if able.is_empty() {
            self.explored.ends += 1;
            at_end(&End { seen: &world.seen, account, path: &world.path });
        }
        let policy_may_change = able.iter().any(|who| matches!(world.processes[*who], Process::Reload { .. }));
        let to_itself =
            |who: &&usize| world.waiting[**who].is_none() && world.processes[**who].keeps_to_itself(policy_may_change);
        // Where it does not matter when a step is taken, one order stands for all.
        let alone = able.iter().find(to_itself).copied();
        for who in alone.map_or(able, |who| vec![who]) {
            self.connection.execute_batch("SAVEPOINT branch").unwrap();
            let next = self.step(world.clone(), who);
            self.visit(next, at_end);
            self.connection.execute_batch("ROLLBACK TO branch; RELEASE branch").unwrap();
        }
    }

    /// The world after a step of this process.
    fn step(&mut self, mut world: World, who: usize) -> World {
        let epoch = world.epoch;
        let came = match world.waiting[who].take() {
            Some(job) => {
                let receipt = self.write(&mut world, &job);
                let done = if receipt.is_some() { "done" } else { "stale" };
                world.path.push(format!("{who}: {done}"));
                if let (Work::Commit(commit), true) = (&job.work, receipt.is_some()) {
                    let handed_under = world.processes[who].handed_under();
                    self.happened(&mut world, commit, handed_under);
                }
                world.processes[who].written(receipt, epoch)
            }
            None => {
                let look = || self.look(epoch);
                world.processes[who].step(epoch, look)
            }
        };
        match came {
            Came::Nothing => world.path.push(format!("{who} goes on")),
            Came::Reloaded => {
                world.epoch = 1;
                world.path.push("another policy".to_owned());
            }
            Came::ToWrite(commit) => {
                world.path.push(format!("{who} hands over: {}", commit.record.what.as_str()));
                world.waiting[who] = Some(Rc::new(job(commit)));
            }
            Came::Pass => world.path.push(format!("{who} is in")),
        }
        world
    }

    /// The writer's own: the condition, the writes, the record, in a savepoint.
    fn write(&mut self, world: &mut World, job: &Job) -> Option<Receipt> {
        let (connection, key) = (&self.connection, &self.key);
        let (head, tally) =
            world.chain.unwrap_or_else(|| (head_of(connection).unwrap(), seats::tally(connection).unwrap()));
        let transaction = Transaction { connection, key, head, newest: NOW.0, tally, letters: false };
        let mut batch = Batch { transaction, begins_log: None };
        let outcome = batch.job(job).unwrap().unwrap();
        world.chain = Some((batch.transaction.head, batch.transaction.tally));
        match outcome {
            Committed::Done(receipt) => Some(receipt),
            Committed::Stale => None,
        }
    }

    /// What must hold of everything that happens, at the moment it does.
    fn happened(&self, world: &mut World, commit: &Commit, handed_under: usize) {
        let (seen, path) = (&mut world.seen, world.path.join("\n  "));
        match commit.record.what {
            What::Passed => {
                assert!(!seen.reset, "in after a reset:\n  {path}");
                assert_eq!(handed_under, 0, "in by a factor that the policy does not take:\n  {path}");
                seen.passed += 1;
                seen.passed_after_wrong = Some(seen.wrong);
            }
            What::Wrong => seen.wrong += 1,
            What::Reset => seen.reset = true,
            _ => {}
        }
        seen.most_in_a_row = seen.most_in_a_row.max(self.account().throttles.get(Bucket::ALL[0]).failures);
    }

    fn account(&self) -> Account {
        match read::found(&self.connection, &self.key, &alice()).unwrap() {
            Snapshot::Account(account) => Account { newest_time: NOW, ..account },
            Snapshot::Conflict(conflict) => panic!("{conflict:?}"),
        }
    }

    /// The account as it is, and what the policy in force says of it, as a login would have it.
    fn look(&self, epoch: usize) -> Look {
        let account = self.account();
        let unknown = Groups::unknown();
        let request = Request {
            user: "alice",
            service: "sshd",
            address: Address::Known([192, 0, 2, 7].into()),
            origin: Some(Origin::Remote),
            ssh: SshAuth::parse("password\n"),
            caller: Asking::Unknown,
            groups: Some(&unknown),
            local_time: None,
            now: NOW,
            behind: 0,
        };
        let plan = evaluate(&self.policies[epoch], &request, &standing(&account)).unwrap().plan;
        let mut hasher = DefaultHasher::new();
        format!("{plan:?} {account:?} {epoch}").hash(&mut hasher);
        Look { plan, account: Rc::new(account), epoch, digest: hasher.finish() }
    }
}

fn job(commit: Commit) -> Job {
    let (answer, _) = oneshot::channel();
    Job { work: Work::Commit(commit), context: root(), answer }
}

/// Two moments with the same are the same: what is kept, and all that everybody has seen and been told. How it came to
/// that, and what the chain of records says of it, makes no difference to anybody.
fn digest(world: &World, account: &Account) -> u64 {
    let mut hasher = DefaultHasher::new();
    format!("{account:?}").hash(&mut hasher);
    world.processes.hash(&mut hasher);
    for waiting in &world.waiting {
        waiting.is_some().hash(&mut hasher);
    }
    (world.epoch, &world.seen).hash(&mut hasher);
    hasher.finish()
}
