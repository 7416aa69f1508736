//! Killed at any moment, and a writer that ends: what was answered as done is there, and nobody waits for ever.

use super::*;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write as _};
use std::process::Stdio;
use tokio::task::JoinSet;

/// Accounts that commit at once.
const ACCOUNTS: u32 = 12;

fn user(number: u32) -> Identity {
    identity(2000 + number, &format!("user{number}"))
}

fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
}

/// Uses up step after step of every account, and says so after each that is done.
fn commit_for_ever(place: &Path) {
    let store = open(place);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for number in 0..ACCOUNTS {
            let store = store.clone();
            tasks.spawn(async move {
                let whose = user(number);
                if account(&store, &whose).factors.is_empty() {
                    add_app(&store, &whose, SECRET).await;
                }
                loop {
                    let factor = account(&store, &whose).factors.remove(0);
                    let step = Step(app(&factor).used.0 + 1);
                    write(&store, &whose, vec![Write::UseStep { factor: factor.id, step }]).await;
                    say(&format!("done {number} {}", step.0));
                }
            });
        }
        tasks.join_all().await;
    });
}

#[test]
fn whatever_was_answered_as_done_is_there_after_kill_9() {
    if let Some(place) = as_child() {
        commit_for_ever(&place);
        return;
    }
    let directory = directory();
    let mut newest = BTreeMap::new();
    for round in 0..36usize {
        let name = "crash::whatever_was_answered_as_done_is_there_after_kill_9";
        let mut child = child(&["env"], name, directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        // Killed after a number of lines that differs from round to round, then what was said until then is read.
        let heard: Vec<_> = lines.by_ref().filter(|line| line.contains("done ")).take(round * 7 % 61).collect();
        child.kill().unwrap();
        for line in heard.into_iter().chain(lines) {
            // A line cut off by the kill says nothing for sure.
            if let Some((number, step)) = line.split_once("done ").and_then(|(_, rest)| rest.split_once(' ')) {
                let (number, step): (u32, i64) = (number.parse().unwrap(), step.parse().unwrap());
                let known = newest.entry(number).or_insert(step);
                *known = step.max(*known);
            }
        }
        child.wait().unwrap();
        check(&directory, &newest);
    }
    assert_eq!(newest.len(), ACCOUNTS as usize, "every account got to commit something");
}

/// All that was said is there, and steps and records agree.
fn check(directory: &TempDir, newest: &BTreeMap<u32, i64>) {
    let store = open(directory.path());
    assert!(store.problems(NOW).is_empty());
    for (number, step) in newest {
        let used = app(&account(&store, &user(*number)).factors[0]).used.0;
        assert!(used >= *step, "user{number}: {used}, said {step}");
        let records = format!("SELECT count(*) FROM audit WHERE uid = {} AND what = 'passed'", 2000 + number);
        // Begin and confirm, then one a step from 101 on.
        assert_eq!(super::number(directory, &records), used - 100 + 2);
    }
}

#[test]
fn killed_while_it_is_made_or_migrated_it_opens_the_next_time() {
    let ready = |place: &Path, steps| schema::ready(&mut Home::claim(place).unwrap(), &key(), steps).map(|_| ());
    const STEPS: &[&str] = &[schema::STEPS[0], "ALTER TABLE account ADD COLUMN colour TEXT;"];
    if let Some(place) = as_child() {
        let migrates = place.join("mfa.db").exists();
        say("now");
        ready(&place, if migrates { STEPS } else { schema::STEPS }).unwrap();
        say("then");
        return;
    }
    let mut stages = [0, 0];
    for _ in 0..20 {
        let directory = directory();
        for steps in [schema::STEPS, STEPS] {
            let name = "crash::killed_while_it_is_made_or_migrated_it_opens_the_next_time";
            let mut child = child(&["env"], name, directory.path()).stdout(Stdio::piped()).spawn().unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            let mut line = String::new();
            while !line.ends_with("now\n") {
                assert!(out.read_line(&mut line).unwrap() > 0, "{line}");
            }
            child.kill().unwrap();
            out.read_to_string(&mut line).unwrap();
            child.wait().unwrap();
            stages[usize::from(line.contains("then"))] += 1;
            ready(directory.path(), steps).unwrap();
            assert_eq!(number(&directory, "PRAGMA user_version"), i64::try_from(steps.len()).unwrap());
        }
    }
    assert!(stages[0] > 0, "some were killed before they had finished: {stages:?}");
}

fn panic_job() -> (Job, oneshot::Receiver<Result<Committed, StoreError>>) {
    let (answer, answered) = oneshot::channel();
    (Job { work: Work::Panic, context: root(), answer }, answered)
}

#[tokio::test]
async fn if_the_writer_panics_everybody_is_refused_at_once_and_nobody_waits_for_ever() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    assert!(store.problems(NOW).is_empty());
    let (job, answered) = panic_job();
    store.inner.queue.push(job).unwrap();
    assert!(answered.await.is_err());
    let commit = || commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Passed));
    for _ in 0..3 {
        assert_eq!(store.commit(commit(), root()).await.unwrap_err(), StoreError::Stopped);
    }
    assert_eq!(store.problems(NOW), [StoreError::Stopped.to_string()]);
    assert_eq!(account(&store, &alice()).factors.len(), 1);
    drop(store);
    done(&open(directory.path()), commit()).await;
}

#[tokio::test]
async fn what_was_queued_before_the_last_handle_goes_is_still_done() {
    let (directory, store) = new();
    let mut answers = Vec::new();
    for _ in 0..500 {
        let (answer, answered) = oneshot::channel();
        let commit = commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Denied));
        store.inner.queue.push(Job { work: Work::Commit(commit), context: root(), answer }).unwrap();
        answers.push(answered);
    }
    drop(store);
    for answered in answers {
        assert!(matches!(answered.await, Ok(Ok(Committed::Done(_)))));
    }
    assert_eq!(number(&directory, "SELECT count(*) FROM audit"), 500);
}
