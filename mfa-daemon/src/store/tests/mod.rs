//! Tests of the store as a whole, each on a database of its own.

mod admin;
mod chain;
mod commit;
mod copy;
mod crash;
mod factors;
mod faults;
mod given;
mod high_water;
mod import;
mod keys;
mod mailed;
mod model;
mod open;
mod outbox;
mod race;
mod rotation;
mod seats;
mod secrecy;
mod trust;

use super::*;
use mfa_core::Secret;
use mfa_core::account::{Factor, FactorId, NewPending, Record, What, Write};
use mfa_core::factor::totp::{Algorithm, Parameters, Step};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tempfile::TempDir;

/// A moment, step 60,000,000 of a 30 s app.
const NOW: Time = Time(1_800_000_000);
/// A secret that is easily found wherever it should not be.
const SECRET: &[u8; 20] = b"find-me-in-the-clear";
const DIGEST: [u8; 32] = *b"hash-that-must-not-be-in-clear!!";

fn key() -> MasterKey {
    MasterKey::new(1, [7; 32])
}

fn open(directory: &Path) -> Store {
    Store::open(directory, key()).unwrap()
}

/// A directory closed to others.
fn directory() -> TempDir {
    tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o700)).tempdir().unwrap()
}

/// A new store in a directory of its own.
fn new() -> (TempDir, Store) {
    let directory = directory();
    let store = open(directory.path());
    (directory, store)
}

fn identity(uid: u32, name: &str) -> Identity {
    Identity { uid, name: name.to_owned() }
}

fn alice() -> Identity {
    identity(1000, "alice")
}

fn root() -> Context {
    Context { service: Some("sshd".to_owned()), rhost: Some("10.0.0.9".to_owned()), ..Context::of_peer(0) }
}

fn account(store: &Store, whose: &Identity) -> Account {
    match store.snapshot(whose).unwrap() {
        Snapshot::Account(account) => account,
        Snapshot::Conflict(conflict) => panic!("{conflict:?}"),
    }
}

fn conflict(store: &Store, whose: &Identity) -> Vec<Held> {
    match store.snapshot(whose).unwrap() {
        Snapshot::Account(account) => panic!("{account:?}"),
        Snapshot::Conflict(conflict) => conflict.held,
    }
}

fn commit_of(whose: &Identity, seen: Seen, writes: Vec<Write>, record: Record) -> Commit {
    Commit { ticket: Ticket(1), identity: whose.clone(), seen, writes, record, letters: Vec::new(), at: NOW }
}

/// On the account as it is now.
fn commit_now(store: &Store, whose: &Identity, writes: Vec<Write>) -> Commit {
    let seen = account(store, whose).version.map_or(Seen::Absent, Seen::At);
    commit_of(whose, seen, writes, Record::of(What::Passed))
}

async fn done(store: &Store, commit: Commit) -> Receipt {
    match store.commit(commit, root()).await.unwrap() {
        Committed::Done(receipt) => receipt,
        Committed::Stale => panic!("stale"),
    }
}

async fn write(store: &Store, whose: &Identity, writes: Vec<Write>) -> Receipt {
    done(store, commit_now(store, whose, writes)).await
}

async fn is_stale(store: &Store, commit: Commit) -> bool {
    matches!(store.commit(commit, root()).await.unwrap(), Committed::Stale)
}

async fn record(store: &Store, whose: &Identity, at: Time, record: Record) {
    done(store, Commit { at, ..commit_of(whose, Seen::Anything, Vec::new(), record) }).await;
}

fn new_pending(secret: &[u8]) -> Write {
    Write::Begin(NewPending {
        name: "phone".to_owned(),
        secret: Secret::new(secret.to_vec()),
        parameters: Parameters::default(),
        until: NOW.plus(600),
    })
}

fn ten_codes() -> Write {
    let digests = (0..10u8).map(|n| DIGEST.map(|byte| byte.wrapping_add(n))).collect();
    Write::NewBackupCodes { salt: [5; 16], digests }
}

/// Begins and confirms an app with this secret.
async fn add_app(store: &Store, whose: &Identity, secret: &[u8]) -> FactorId {
    write(store, whose, vec![new_pending(secret)]).await;
    let factor = account(store, whose).pending.unwrap().id;
    write(store, whose, vec![Write::Confirm { factor, step: Step(100) }]).await;
    factor
}

/// One app and ten codes.
async fn enroll(store: &Store, whose: &Identity) -> FactorId {
    let factor = add_app(store, whose, SECRET).await;
    write(store, whose, vec![ten_codes()]).await;
    factor
}

fn app(factor: &Factor) -> &mfa_core::account::Totp {
    factor.detail.app().unwrap()
}

/// Looks into a database that nobody has open, or changes it behind the store's back.
fn sql(directory: &TempDir) -> rusqlite::Connection {
    rusqlite::Connection::open(directory.path().join("mfa.db")).unwrap()
}

/// What a query gives, as one number.
fn number(directory: &TempDir, query: &str) -> i64 {
    sql(directory).query_row(query, (), |row| row.get(0)).unwrap()
}

/// Where a test that runs itself in another process tells it to work.
const PLACE: &str = "MFA_STORE_TEST_PLACE";

/// The place to work in, if this process is such a child.
fn as_child() -> Option<PathBuf> {
    std::env::var_os(PLACE).map(PathBuf::from)
}

/// This test program, to run one of the tests here as a child, below a command that prepares something.
fn child(below: &[&str], test: &str, place: &Path) -> Command {
    let (program, arguments) = below.split_first().unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut command = Command::new(program);
    command.args(arguments).arg(std::env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--nocapture", "--test-threads=1"]);
    command.env(PLACE, place);
    command
}
