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
async fn all_parameters_are_kept() {
    let (_directory, store) = new();
    for algorithm in Algorithm::ALL {
        for (digits, period) in [(6, 30), (6, 60), (8, 30), (8, 60)] {
            let parameters = Parameters::new(algorithm, digits, period).unwrap();
            let secret = Secret::new(vec![9; 64]);
            let pending = NewPending { name: "x".to_owned(), secret, parameters, until: NOW.plus(1) };
            write(&store, &alice(), vec![Write::Begin(pending)]).await;
            assert_eq!(account(&store, &alice()).pending.unwrap().parameters, parameters);
        }
    }
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
async fn a_step_is_used_once_and_with_it_all_before() {
    let (_directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let use_step = |step| vec![Write::UseStep { factor, step: Step(step) }];
    write(&store, &alice(), vec![Write::CountReplay { factor, replays: 3 }]).await;
    let used = Commit { at: NOW.plus(7), ..commit_now(&store, &alice(), use_step(200)) };
    done(&store, used).await;
    for step in [200, 199, 0, -1] {
        assert!(is_stale(&store, commit_now(&store, &alice(), use_step(step))).await);
    }
    let account = account(&store, &alice());
    assert_eq!((app(&account.factors[0]).used, app(&account.factors[0]).replays), (Step(200), 0));
    assert_eq!(account.factors[0].last_used, Some(NOW.plus(7)));
}

#[tokio::test]
async fn replays_only_grow() {
    let (_directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let replays = |replays| vec![Write::CountReplay { factor, replays }];
    write(&store, &alice(), replays(1)).await;
    assert!(is_stale(&store, commit_now(&store, &alice(), replays(1))).await);
    write(&store, &alice(), replays(2)).await;
    assert_eq!(app(&account(&store, &alice()).factors[0]).replays, 2);
}

#[tokio::test]
async fn a_backup_code_is_used_once_and_only_by_its_owner() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    enroll(&store, &identity(5, "bob")).await;
    let id = account(&store, &alice()).backup.codes[3].id;
    let by_bob = commit_now(&store, &identity(5, "bob"), vec![Write::UseBackupCode { id }]);
    assert!(is_stale(&store, by_bob).await);
    write(&store, &alice(), vec![Write::UseBackupCode { id }]).await;
    assert!(is_stale(&store, commit_now(&store, &alice(), vec![Write::UseBackupCode { id }])).await);
    let left = account(&store, &alice()).backup.codes;
    assert_eq!(left.len(), 9);
    assert!(left.iter().all(|code| code.id != id));
}

#[tokio::test]
async fn a_new_set_of_codes_voids_the_old_one() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let old = account(&store, &alice()).backup;
    write(&store, &alice(), vec![Write::NewBackupCodes { salt: [6; 16], digests: vec![[1; 32], [2; 32]] }]).await;
    let new = account(&store, &alice()).backup;
    assert_eq!((new.salt, new.codes.len()), ([6; 16], 2));
    assert!(new.codes.iter().all(|code| old.codes.iter().all(|before| before.id != code.id)));
}

#[tokio::test]
async fn a_set_holds_up_to_32_codes_each_used_for_itself() {
    let (_directory, store) = new();
    for count in [0, 1, 31, 32u8] {
        let digests: Vec<_> = (0..count).map(|n| [n; 32]).collect();
        write(&store, &alice(), vec![Write::NewBackupCodes { salt: [1; 16], digests: digests.clone() }]).await;
        let found: Vec<_> = account(&store, &alice()).backup.codes.iter().map(|code| code.digest).collect();
        assert_eq!(found, digests);
    }
    let codes = account(&store, &alice()).backup.codes;
    for (used, code) in codes.iter().enumerate().rev() {
        write(&store, &alice(), vec![Write::UseBackupCode { id: code.id }]).await;
        let left: Vec<_> = account(&store, &alice()).backup.codes.iter().map(|code| code.digest).collect();
        assert_eq!(left, codes[..used].iter().map(|code| code.digest).collect::<Vec<_>>());
    }
    let too_many = Write::NewBackupCodes { salt: [1; 16], digests: vec![[0; 32]; 33] };
    let refused = store.commit(commit_now(&store, &alice(), vec![too_many]), root()).await;
    assert!(matches!(refused, Err(StoreError::Constraint(_))));
}

#[tokio::test]
async fn a_pending_enrollment_is_confirmed_once_in_time_and_by_its_owner() {
    let (_directory, store) = new();
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    enroll(&store, &identity(5, "bob")).await;
    let factor = account(&store, &alice()).pending.unwrap().id;
    let confirm = |whose: &Identity, at| Commit {
        at,
        ..commit_now(&store, whose, vec![Write::Confirm { factor, step: Step(1) }])
    };
    assert!(is_stale(&store, confirm(&alice(), NOW.plus(600))).await);
    assert!(is_stale(&store, confirm(&identity(5, "bob"), NOW)).await);
    done(&store, confirm(&alice(), NOW.plus(599))).await;
    assert!(is_stale(&store, confirm(&alice(), NOW)).await);
    assert_eq!(account(&store, &alice()).factors.len(), 1);
}

#[tokio::test]
async fn an_enrollment_begun_anew_replaces_the_one_before() {
    let (_directory, store) = new();
    write(&store, &alice(), vec![new_pending(b"first secret, twenty")]).await;
    let first = account(&store, &alice()).pending.unwrap().id;
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    let second = account(&store, &alice()).pending.unwrap();
    assert!(second.id > first && second.secret.expose() == SECRET);
    let confirm = commit_now(&store, &alice(), vec![Write::Confirm { factor: first, step: Step(1) }]);
    assert!(is_stale(&store, confirm).await);
}

#[tokio::test]
async fn factors_are_removed_and_renamed_one_by_one_and_only_by_their_owner() {
    let (_directory, store) = new();
    let first = enroll(&store, &alice()).await;
    let second = add_app(&store, &alice(), b"another secret of it").await;
    enroll(&store, &identity(5, "bob")).await;
    for write in [Write::Remove(first), Write::Rename(first, "mine".to_owned())] {
        assert!(is_stale(&store, commit_now(&store, &identity(5, "bob"), vec![write])).await);
    }
    write(&store, &alice(), vec![Write::Rename(second, "tablet".to_owned()), Write::Remove(first)]).await;
    let account = account(&store, &alice());
    assert_eq!((account.factors.len(), account.factors[0].name.as_str()), (1, "tablet"));
    assert!(is_stale(&store, commit_now(&store, &alice(), vec![Write::Remove(first)])).await);
}

#[tokio::test]
async fn ids_of_what_was_removed_are_not_given_again() {
    let (_directory, store) = new();
    let mut before = FactorId(0);
    for _ in 0..3 {
        let factor = enroll(&store, &alice()).await;
        assert!(factor > before);
        before = factor;
        write(&store, &alice(), vec![Write::RemoveAll]).await;
    }
}

#[tokio::test]
async fn removing_everything_leaves_an_account_that_has_nothing() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    let account = account(&store, &alice());
    assert!(account.enrolled().is_empty() && account.pending.is_none() && account.version.is_some());
    drop(store);
    assert_eq!(number(&directory, "SELECT (SELECT count(*) FROM factor) + (SELECT count(*) FROM backup_set)"), 0);
}

#[tokio::test]
async fn every_change_of_factors_voids_trust() {
    let (directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let second = add_app(&store, &alice(), b"another secret of it").await;
    let trusted = || {
        sql(&directory).execute_batch("INSERT INTO trust SELECT NULL, id, 'session 1 1 1 1', 'totp', 1, 9, zeroblob(32), 1, 1, 'sudo', 0 FROM account").unwrap();
    };
    let left = || number(&directory, "SELECT count(*) FROM trust");
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    let pending = account(&store, &alice()).pending.unwrap().id;
    let confirm = Write::Confirm { factor: pending, step: Step(9) };
    for change in [confirm, ten_codes(), Write::Remove(second), Write::RemoveAll] {
        trusted();
        let before = number(&directory, "SELECT factor_generation FROM account");
        write(&store, &alice(), vec![Write::UseStep { factor, step: Step(NOW.0 + before) }]).await;
        assert_eq!((left(), number(&directory, "SELECT factor_generation FROM account")), (1, before));
        write(&store, &alice(), vec![change]).await;
        assert_eq!((left(), number(&directory, "SELECT factor_generation FROM account")), (0, before + 1));
    }
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
