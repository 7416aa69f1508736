//! One moment of the world, and all that can come of it: depth first, each state once. What a step writes is written in a
//! savepoint of a real database, and taken back before the next one is tried.

use super::key;
use super::login::Look;
use super::process::{Around, Came, Process};
use super::*;
use crate::scene::standing;
use crate::store::apply::Transaction;
use crate::store::writer::{Batch, head_of};
use crate::store::{read, seats};
use mfa_core::account::Detail;
use mfa_core::factor::Kind;
use mfa_core::mailbox::Mailbox;
use mfa_core::policy::{
    Address, Caller as Asking, Groups, Origin, Plan, Policy, Request, Source, SshAuth, evaluate, parse,
};
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
    /// Logins that a factor let in, as is on the disk.
    pub(super) passed: u32,
    /// Which of the processes these were.
    pub(super) passed_by: Vec<usize>,
    /// Logins that were told so.
    pub(super) told: u32,
    /// Answers of a key that came behind a later one.
    pub(super) counter_back: u32,
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
    /// What became of it, where that was not said yet: the ticket, if it is done.
    written: Vec<Option<Option<u32>>>,
    /// How many policies were in force before, and which is.
    epoch: usize,
    policy: usize,
    now: Time,
    /// The latest time of any record.
    newest: Time,
    /// The codes that were mailed last, for each.
    mail: Vec<Option<String>>,
    /// How often the key has signed.
    signatures: u32,
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
    /// Whether the site knows an address of alice's.
    has_address: bool,
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
        let (has_address, known, explored) = Default::default();
        Self { connection, key: super::key(), policies, has_address, known, explored, _directory: directory }
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

    /// The site knows where alice's mail goes.
    pub(super) fn with_address(self) -> Self {
        Self { has_address: true, ..self }
    }

    /// alice has a key, too.
    pub(super) fn with_key(mut self) -> Self {
        self.prepare(Write::Add { name: "key".to_owned(), detail: Detail::SecurityKey(key::credential()) });
        self
    }

    /// So many guesses were wrong already.
    pub(super) fn fail(&mut self, times: usize) {
        let throttle = (0..times).fold(mfa_core::throttle::Throttle::default(), |failed, _| failed.failed(NOW));
        self.prepare(Write::Throttle(Bucket::ALL[0], throttle));
    }

    fn prepare(&mut self, write: Write) {
        let version = self.account(NOW).version.unwrap();
        let seen = mfa_core::account::Seen::At(version);
        let commit = commit_of(&alice(), seen, vec![write], Record::of(What::Wrong));
        assert!(self.write(&mut World { newest: NOW, ..World::default() }, &job(commit)).is_some());
    }

    /// Goes everywhere, and has every end looked at.
    pub(super) fn explore(&mut self, processes: Vec<Process>, at_end: impl Fn(&End<'_>)) -> Explored {
        let processes: Vec<_> = processes.into_iter().enumerate().map(|(who, one)| one.numbered(who)).collect();
        let (waiting, written, mail) = (nothing(&processes), nothing(&processes), nothing(&processes));
        let (now, newest) = (NOW, NOW);
        self.visit(World { processes, waiting, written, mail, now, newest, ..World::default() }, &at_end);
        std::mem::take(&mut self.explored)
    }

    fn visit(&mut self, world: World, at_end: &dyn Fn(&End<'_>)) {
        let account = self.account(world.newest);
        if !self.known.insert(digest(&world, &account)) {
            return;
        }
        self.explored.states += 1;
        assert!(world.path.len() < 200, "it does not end: {}", world.path.join("\n"));
        let can_go_on = |process: &Process| !process.is_over() && !process.is_blocked(&world.mail);
        let able: Vec<usize> = (0..world.processes.len()).filter(|who| can_go_on(&world.processes[*who])).collect();
        if able.is_empty() {
            self.explored.ends += 1;
            at_end(&End { seen: &world.seen, account, path: &world.path });
        }
        let is_disturbed = world.processes.iter().any(Process::disturbs);
        let to_itself = |who: &&usize| {
            let waits = world.waiting[**who].is_some() || world.written[**who].is_some();
            !waits && world.processes[**who].keeps_to_itself(is_disturbed)
        };
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
        let came = match (world.written[who].take(), world.waiting[who].take()) {
            (Some(ticket), _) => {
                world.path.push(format!("{who} hears of it"));
                world.tell(who, ticket)
            }
            (None, Some(job)) => {
                let ticket = self.write(&mut world, &job).map(|receipt| receipt.ticket().0);
                world.path.push(format!("{who}: {}", if ticket.is_some() { "done" } else { "stale" }));
                if let (Work::Commit(commit), true) = (&job.work, ticket.is_some()) {
                    self.happened(&mut world, who, commit);
                }
                if world.can_crash() {
                    // Between the disk and the answer there is a moment.
                    world.written[who] = Some(ticket);
                    return world;
                }
                world.tell(who, ticket)
            }
            (None, None) => {
                let look = (world.policy, world.epoch, world.now, world.newest);
                let (process, mut around) = world.around(who);
                process.step(&mut around, || self.look(look))
            }
        };
        self.came(&mut world, who, came);
        world
    }

    fn came(&self, world: &mut World, who: usize, came: Came) {
        match came {
            Came::Nothing => world.path.push(format!("{who} goes on")),
            Came::Reloaded(policy) => {
                (world.epoch, world.policy) = (world.epoch + 1, policy);
                world.path.push(format!("policy {policy}"));
            }
            Came::Moved(seconds) => {
                world.now = world.now.plus(seconds);
                world.path.push(format!("the clock by {seconds}"));
            }
            Came::Crashed => {
                (world.waiting, world.written) = (nothing(&world.processes), nothing(&world.processes));
                world.processes.iter_mut().for_each(Process::crashed);
                world.path.push("killed".to_owned());
            }
            Came::ToWrite(commit) => {
                world.path.push(format!("{who} hands over: {}", commit.record.what.as_str()));
                world.waiting[who] = Some(Rc::new(job(commit)));
            }
            Came::Pass => {
                world.seen.told += 1;
                world.path.push(format!("{who} is in"));
            }
        }
    }

    /// The writer's own: the condition, the writes, the record, in a savepoint.
    fn write(&mut self, world: &mut World, job: &Job) -> Option<Receipt> {
        let (connection, key) = (&self.connection, &self.key);
        let (head, tally) =
            world.chain.unwrap_or_else(|| (head_of(connection).unwrap(), seats::tally(connection).unwrap()));
        let transaction = Transaction { connection, key, head, newest: world.newest.0, tally, letters: false };
        let mut batch = Batch { transaction, begins_log: None };
        let outcome = batch.job(job).unwrap().unwrap();
        world.chain = Some((batch.transaction.head, batch.transaction.tally));
        world.newest = Time(batch.transaction.newest);
        match outcome {
            Committed::Done(receipt) => Some(receipt),
            Committed::Stale => None,
        }
    }

    /// What must hold of everything that happens, at the moment it does.
    fn happened(&self, world: &mut World, who: usize, commit: &Commit) {
        let path = world.path.join("\n  ");
        let code = commit.letters.iter().find_map(|letter| letter.code.as_ref());
        if let Some(code) = code {
            world.mail[who] = Some(String::from_utf8(code.text.expose().to_vec()).unwrap());
        }
        match commit.record.what {
            What::Passed => {
                assert!(!world.seen.reset, "in after a reset:\n  {path}");
                let (kind, _) = commit.record.factor.expect("a pass is by a factor");
                let policy = world.processes[who].handed_under();
                let takes = self.takes(world, policy, kind);
                assert!(takes, "in by a factor that the policy does not take:\n  {path}");
                world.seen.passed += 1;
                world.seen.passed_by.push(who);
                world.seen.passed_after_wrong = Some(world.seen.wrong);
            }
            What::Wrong => world.seen.wrong += 1,
            What::CounterBack => world.seen.counter_back += 1,
            What::Reset => world.seen.reset = true,
            _ => {}
        }
        let failures = self.account(world.newest).throttles.get(Bucket::ALL[0]).failures;
        world.seen.most_in_a_row = world.seen.most_in_a_row.max(failures);
    }

    fn takes(&self, world: &World, policy: usize, kind: Kind) -> bool {
        let look = self.look((policy, world.epoch, world.now, world.newest));
        matches!(look.plan, Plan::Factors(ask) if ask.kinds.contains(kind))
    }

    fn account(&self, newest: Time) -> Account {
        let address = || Mailbox { address: "alice@lab.example".parse().unwrap(), own: false, goes_out: true };
        let mailbox = self.has_address.then(address);
        match read::found(&self.connection, &self.key, &alice()).unwrap() {
            Snapshot::Account(account) => Account { newest_time: newest, mailbox, ..account },
            Snapshot::Conflict(conflict) => panic!("{conflict:?}"),
        }
    }

    /// As it is before anything has happened.
    pub(super) fn first_look(&self) -> Look {
        self.look((0, 0, NOW, NOW))
    }

    /// The account as it is, and what the policy in force says of it, as a login would have it.
    fn look(&self, (policy, epoch, now, newest): (usize, usize, Time, Time)) -> Look {
        let account = self.account(newest);
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
            now,
            behind: newest.since(now).max(0),
        };
        let plan = evaluate(&self.policies[policy], &request, &standing(&account)).unwrap().plan;
        let mut hasher = DefaultHasher::new();
        format!("{plan:?} {account:?} {epoch}").hash(&mut hasher);
        Look { plan, account: Rc::new(account), epoch, digest: hasher.finish() }
    }
}

impl World {
    fn around(&mut self, who: usize) -> (&mut Process, Around<'_>) {
        let Self { processes, epoch, policy, now, mail, signatures, .. } = self;
        let around = Around { epoch: *epoch, policy: *policy, now: *now, mail, signatures };
        (&mut processes[who], around)
    }

    /// What the writer says.
    fn tell(&mut self, who: usize, ticket: Option<u32>) -> Came {
        let (process, mut around) = self.around(who);
        process.written(ticket.map(|ticket| Receipt { ticket: Ticket(ticket) }), &mut around)
    }

    fn can_crash(&self) -> bool {
        self.processes.iter().any(|process| matches!(process, Process::Crash(false)))
    }
}

/// For each of them.
fn nothing<T>(processes: &[Process]) -> Vec<Option<T>> {
    processes.iter().map(|_| None).collect()
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
    (&world.written, &world.mail, world.signatures).hash(&mut hasher);
    (world.epoch, world.policy, world.now.0, world.newest.0, &world.seen).hash(&mut hasher);
    hasher.finish()
}
