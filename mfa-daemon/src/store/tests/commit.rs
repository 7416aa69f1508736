//! What a commit does, and all the ways in which it does nothing.

use super::*;
use mfa_core::throttle::{Bucket, Throttle};
use proptest::prelude::*;
use std::future::Future;

const BUCKET: Bucket = Bucket::ALL[0];

#[tokio::test]
async fn of_an_account_never_seen_nothing_is_kept_and_the_read_says_so() {
    let (_directory, store) = new();
    let account = account(&store, &alice());
    assert_eq!((account.identity.clone(), account.version), (alice(), None));
    assert!(account.enrolled().is_empty());
}

#[tokio::test]
async fn what_is_enrolled_is_read_back_also_after_a_restart() {
    let (directory, store) = new();
    let id = enroll(&store, &alice()).await;
    drop(store);
    let account = account(&open(directory.path()), &alice());
    let factor = account.factor(id).unwrap();
    assert_eq!((factor.name.as_str(), factor.created, factor.last_used), ("phone", NOW, None));
    assert_eq!(app(factor).secret.expose(), SECRET);
    assert_eq!((app(factor).used, app(factor).replays, app(factor).parameters), (Step(100), 0, Parameters::default()));
    assert_eq!((account.backup.salt, account.backup.codes.len()), ([5; 16], 10));
    assert_eq!(account.backup.codes[0].digest, DIGEST);
    assert!(account.pending.is_none());
}

#[tokio::test]
async fn a_receipt_bears_the_ticket_of_its_commit() {
    let (_directory, store) = new();
    for ticket in [Ticket(41), Ticket(7)] {
        let commit = commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Denied));
        assert_eq!(done(&store, Commit { ticket, ..commit }).await.ticket(), ticket);
    }
}

#[tokio::test]
async fn a_commit_on_another_version_is_stale_and_leaves_nothing_behind() {
    let (directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let Version(version) = account(&store, &alice()).version.unwrap();
    for other in [version - 1, version + 1, 0, i64::MAX] {
        let write = Write::UseStep { factor, step: Step(101) };
        let commit = commit_of(&alice(), Seen::At(Version(other)), vec![write], Record::of(What::Passed));
        assert!(is_stale(&store, commit).await);
    }
    assert_eq!(app(&account(&store, &alice()).factors[0]).used, Step(100));
    drop(store);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit"), 3);
}

#[tokio::test]
async fn a_record_alone_is_made_on_the_version_that_was_seen_and_on_no_other() {
    let (_directory, store) = new();
    add_app(&store, &alice(), SECRET).await;
    let Version(now) = account(&store, &alice()).version.unwrap();
    let skip = |version| commit_of(&alice(), Seen::At(Version(version)), Vec::new(), Record::of(What::Skipped));
    for other in [now - 1, now + 1] {
        assert!(is_stale(&store, skip(other)).await, "{other}");
    }
    done(&store, skip(now)).await;
}

#[tokio::test]
async fn a_commit_needs_uid_and_name_both() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let version = account(&store, &alice()).version.unwrap();
    for whose in [identity(1000, "alicia"), identity(1001, "alice"), identity(1001, "alicia")] {
        let commit = commit_of(&whose, Seen::At(version), vec![Write::RemoveAll], Record::of(What::Reset));
        assert!(is_stale(&store, commit).await);
    }
}

#[tokio::test]
async fn absence_is_a_condition_like_any_other() {
    let (_directory, store) = new();
    let begin = |whose: &Identity| commit_of(whose, Seen::Absent, vec![new_pending(SECRET)], Record::of(What::Begun));
    done(&store, begin(&alice())).await;
    for whose in [alice(), identity(1000, "alicia"), identity(1001, "alice")] {
        assert!(is_stale(&store, begin(&whose)).await);
        let only_record = commit_of(&whose, Seen::Absent, Vec::new(), Record::of(What::Denied));
        assert!(is_stale(&store, only_record).await);
    }
    done(&store, commit_of(&identity(5, "bob"), Seen::Absent, Vec::new(), Record::of(What::Denied))).await;
    assert_eq!(account(&store, &identity(5, "bob")).version, None);
}

#[tokio::test]
async fn each_write_moves_the_version_by_one_and_a_record_alone_does_not() {
    let (_directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let Version(before) = account(&store, &alice()).version.unwrap();
    write(&store, &alice(), vec![Write::UseStep { factor, step: Step(101) }]).await;
    assert_eq!(account(&store, &alice()).version, Some(Version(before + 1)));
    write(&store, &alice(), Vec::new()).await;
    record(&store, &alice(), NOW, Record::of(What::Denied)).await;
    assert_eq!(account(&store, &alice()).version, Some(Version(before + 1)));
}

#[tokio::test]
async fn the_generation_of_factors_moves_as_much_as_the_commit_says() {
    let (_directory, store) = new();
    let first = enroll(&store, &alice()).await;
    let second = add_app(&store, &alice(), SECRET).await;
    let rename = Write::Rename(first, "x".to_owned());
    for writes in [
        vec![failure(), rename, new_pending(SECRET)],
        vec![Write::UseStep { factor: first, step: Step(500) }, Write::BeginGrace(NOW)],
        vec![ten_codes(), Write::Remove(second)],
        vec![Write::RemoveAll],
    ] {
        let before = account(&store, &alice()).factor_generation;
        let commit = commit_now(&store, &alice(), writes);
        let moves = commit.changes_of_factors();
        done(&store, commit).await;
        assert_eq!(account(&store, &alice()).factor_generation, before + moves);
    }
    assert_eq!(account(&store, &alice()).factor_generation, 6);
}

#[tokio::test]
async fn an_account_that_was_removed_and_came_back_never_has_a_version_it_had() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    for _ in 0..50 {
        write(&store, &alice(), vec![failure()]).await;
    }
    let before = account(&store, &alice()).version.unwrap();
    drop(store);
    sql(&directory).execute_batch("PRAGMA foreign_keys = ON; DELETE FROM account").unwrap();
    let store = open(directory.path());
    enroll(&store, &alice()).await;
    assert!(account(&store, &alice()).version.unwrap() > before);
}

#[tokio::test]
async fn changes_without_a_condition_are_refused() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let commit = commit_of(&alice(), Seen::Anything, vec![Write::RemoveAll], Record::of(What::Reset));
    assert_eq!(store.commit(commit, root()).await.unwrap_err(), StoreError::Unconditional);
    assert_eq!(account(&store, &alice()).factors.len(), 1);
}

#[tokio::test]
async fn throttles_are_kept_apart_and_no_failures_are_no_row() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let failed = |n: usize| (0..n).fold(Throttle::default(), |throttle, _| throttle.failed(NOW));
    let writes = (1..).zip(Bucket::ALL).map(|(n, bucket)| Write::Throttle(bucket, failed(n))).collect();
    write(&store, &alice(), writes).await;
    for (n, bucket) in (1..).zip(Bucket::ALL) {
        assert_eq!(account(&store, &alice()).throttles.get(bucket), failed(n));
    }
    write(&store, &alice(), Bucket::ALL.map(|bucket| Write::Throttle(bucket, Throttle::default())).into()).await;
    assert_eq!(account(&store, &alice()).throttles, mfa_core::throttle::Throttles::default());
    assert_eq!(number(&directory, "SELECT count(*) FROM throttle"), 0);
}

#[tokio::test]
async fn if_the_last_write_fails_its_guard_the_first_has_not_happened() {
    let (_directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let before = format!("{:?}", account(&store, &alice()));
    for guard in [
        Write::UseStep { factor, step: Step(100) },
        Write::CountReplay { factor, replays: 0 },
        Write::UseBackupCode { id: -1 },
        Write::Confirm { factor, step: Step(1) },
        Write::Remove(FactorId(-1)),
        Write::Rename(FactorId(-1), "x".to_owned()),
    ] {
        let writes = vec![Write::RemoveAll, new_pending(SECRET), failure(), guard];
        assert!(is_stale(&store, commit_now(&store, &alice(), writes)).await);
    }
    assert_eq!(format!("{:?}", account(&store, &alice())), before);
}

fn failure() -> Write {
    Write::Throttle(BUCKET, Throttle::default().failed(NOW))
}

#[tokio::test]
async fn a_record_that_matches_by_uid_or_name_alone_is_a_conflict() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    enroll(&store, &identity(5, "bob")).await;
    let held = |whose: &Identity| conflict(&store, whose).into_iter().map(|held| held.identity).collect::<Vec<_>>();
    assert_eq!(held(&identity(1000, "alicia")), [alice()]);
    assert_eq!(held(&identity(1001, "alice")), [alice()]);
    let mut both = held(&identity(1000, "bob"));
    both.sort_by_key(|identity| identity.uid);
    assert_eq!(both, [identity(5, "bob"), alice()]);
    assert_eq!(account(&store, &identity(6, "carol")).version, None);
}

fn rebind(held: &Held, to: Identity) -> Rebind {
    Rebind { ticket: Ticket(3), from: held.identity.clone(), version: held.version, to, at: NOW }
}

#[tokio::test]
async fn a_record_is_given_to_a_renamed_account_with_all_it_has_and_that_is_recorded() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let now = identity(1000, "alicia");
    let held = conflict(&store, &now).remove(0);
    let Committed::Done(receipt) = store.rebind(rebind(&held, now.clone()), root()).await.unwrap() else {
        panic!("stale")
    };
    assert_eq!(receipt.ticket(), Ticket(3));
    let account = account(&store, &now);
    assert_eq!((account.factors.len(), account.backup.codes.len()), (1, 10));
    assert!(account.version > Some(held.version));
    let event = store.recent(&now, 1).await.unwrap().remove(0);
    assert_eq!((event.what.as_str(), event.was.unwrap().user.as_str()), ("rebound", "alice"));
    let again = store.rebind(rebind(&held, identity(7, "mallory")), root()).await.unwrap();
    assert!(matches!(again, Committed::Stale));
}

#[tokio::test]
async fn a_record_with_factors_is_never_displaced_and_an_empty_one_is() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    enroll(&store, &identity(5, "bob")).await;
    let now = identity(1000, "bob");
    let of_bob = || conflict(&store, &now).into_iter().find(|held| held.identity.name == "bob").unwrap();
    let refused = store.rebind(rebind(&of_bob(), now.clone()), root()).await;
    assert_eq!(refused.unwrap_err(), StoreError::Taken(alice()));
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    let done = store.rebind(rebind(&of_bob(), now.clone()), root()).await.unwrap();
    assert!(matches!(done, Committed::Done(_)));
    assert_eq!(account(&store, &now).factors.len(), 1);
    assert_eq!(conflict(&store, &alice()).len(), 1);
}

#[tokio::test]
async fn the_newest_time_is_never_turned_back() {
    let (directory, store) = new();
    assert_eq!(store.newest_time(), Time(0));
    record(&store, &alice(), NOW.plus(60), Record::of(What::Denied)).await;
    record(&store, &alice(), NOW, Record::of(What::Denied)).await;
    record(&store, &alice(), Time(-5), Record::of(What::Denied)).await;
    assert_eq!(store.newest_time(), NOW.plus(60));
    drop(store);
    assert_eq!(open(directory.path()).newest_time(), NOW.plus(60));
}

#[tokio::test]
async fn whoever_asked_may_go_away_and_what_was_queued_still_happens() {
    let (directory, store) = new();
    for _ in 0..100 {
        let commit = commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Denied));
        let mut asked = Box::pin(store.commit(commit, root()));
        // Polled once, so that it is queued, then dropped.
        let waits = std::future::poll_fn(|context| std::task::Poll::Ready(asked.as_mut().poll(context).is_pending()));
        waits.await;
        drop(asked);
    }
    drop(store);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit"), 100);
}

#[tokio::test]
async fn a_value_the_schema_does_not_take_fails_alone() {
    let (_directory, store) = new();
    let nameless = commit_of(&identity(9, ""), Seen::Absent, vec![new_pending(SECRET)], Record::of(What::Begun));
    let good = commit_of(&alice(), Seen::Absent, vec![new_pending(SECRET)], Record::of(What::Begun));
    let (bad, good) = tokio::join!(store.commit(nameless, root()), store.commit(good, root()));
    assert!(matches!(bad, Err(StoreError::Constraint(_))), "{bad:?}");
    assert!(matches!(good, Ok(Committed::Done(_))), "{good:?}");
}

#[tokio::test]
async fn whatever_is_committed_together_with_something_stale_happens_once() {
    let (directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let version = account(&store, &alice()).version.unwrap();
    let using = |step| {
        let write = Write::UseStep { factor, step: Step(step) };
        store.commit(commit_of(&alice(), Seen::At(version), vec![write], Record::of(What::Passed)), root())
    };
    let denied = || commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Denied));
    // While somebody else holds the database nothing is committed, so those that come wait for one transaction.
    let other = sql(&directory);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let let_go = async { other.execute_batch("ROLLBACK").unwrap() };
    let (first, right, late, last, ()) =
        tokio::join!(store.commit(denied(), root()), using(101), using(102), store.commit(denied(), root()), let_go);
    assert!([first, right, last].iter().all(|done| matches!(done, Ok(Committed::Done(_)))));
    assert!(matches!(late, Ok(Committed::Stale)), "{late:?}");
    assert_eq!(app(&account(&store, &alice()).factors[0]).used, Step(101));
    drop(store);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit"), 3 + 3);
    assert_eq!(number(&directory, "SELECT max(seq) FROM audit"), 3 + 3);
    drop(open(directory.path()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever happens to an account, one read shows what a simple list of it would.
    #[test]
    fn any_sequence_of_writes_reads_back_as_a_model_of_it(choices in prop::collection::vec(0u8..7, 1..25)) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let (_directory, store) = new();
            let (mut apps, mut codes): (Vec<(FactorId, i64)>, usize) = (Vec::new(), 0);
            for choice in choices {
                match (choice, apps.last_mut()) {
                    (0, _) => apps.push((add_app(&store, &alice(), SECRET).await, 100)),
                    (1, Some((factor, used))) => {
                        *used += 1;
                        write(&store, &alice(), vec![Write::UseStep { factor: *factor, step: Step(*used) }]).await;
                    }
                    (2, Some((factor, _))) => {
                        write(&store, &alice(), vec![Write::Remove(*factor)]).await;
                        apps.pop();
                    }
                    (3, _) => { write(&store, &alice(), vec![ten_codes()]).await; codes = 10; }
                    (4, _) if codes > 0 => {
                        let id = account(&store, &alice()).backup.codes[0].id;
                        write(&store, &alice(), vec![Write::UseBackupCode { id }]).await;
                        codes -= 1;
                    }
                    (5, _) => { write(&store, &alice(), vec![Write::RemoveAll]).await; apps.clear(); codes = 0; }
                    _ => { write(&store, &alice(), vec![new_pending(SECRET)]).await; }
                }
                let now = account(&store, &alice());
                let found: Vec<_> = now.factors.iter().map(|factor| (factor.id, app(factor).used.0)).collect();
                assert_eq!(found, apps);
                assert_eq!(now.backup.codes.len(), codes);
            }
        });
    }
}
