//! Many at once: the store decides who was first, and nobody is first twice.

use super::*;
use mfa_core::throttle::{Bucket, FREE_FAILURES, Gate};
use std::sync::atomic::AtomicU32;
use tokio::task::JoinSet;

const BUCKET: Bucket = Bucket::ALL[0];
/// Times an answer is weighed again; the dialog's own limit.
const ROUNDS: u32 = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_that_use_one_code_at_once_exactly_one_is_done() {
    let (_directory, store) = new();
    let factor = add_app(&store, &alice(), SECRET).await;
    for round in 0..20 {
        let mut tasks = JoinSet::new();
        for _ in 0..64 {
            let store = store.clone();
            tasks.spawn(async move { use_step(&store, factor, Step(1000 + round)).await });
        }
        let done = tasks.join_all().await.into_iter().filter(|passed| *passed).count();
        assert_eq!(done, 1, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn whoever_has_a_right_code_passes_however_many_log_in_at_once() {
    let (_directory, store) = new();
    let mut people = Vec::new();
    for n in 0..64 {
        let whose = identity(2000 + n, &format!("user{n}"));
        people.push((add_app(&store, &whose, SECRET).await, whose));
    }
    let mut tasks = JoinSet::new();
    for (factor, whose) in people {
        let store = store.clone();
        tasks.spawn(async move { use_step_of(&store, &whose, factor, Step(1000)).await });
    }
    assert!(tasks.join_all().await.into_iter().all(|passed| passed), "nobody is in anybody's way");
}

async fn use_step(store: &Store, factor: FactorId, step: Step) -> bool {
    use_step_of(store, &alice(), factor, step).await
}

/// Verifies on a snapshot and commits; weighed again when stale, as a dialog does.
async fn use_step_of(store: &Store, whose: &Identity, factor: FactorId, step: Step) -> bool {
    for _ in 0..=ROUNDS {
        let account = account(store, whose);
        if app(account.factor(factor).unwrap()).used >= step {
            return false;
        }
        let seen = Seen::At(account.version.unwrap());
        let writes = vec![Write::UseStep { factor, step }];
        let commit = commit_of(whose, seen, writes, Record::of(What::Passed));
        match store.commit(commit, root()).await.unwrap() {
            Committed::Done(_) => return true,
            Committed::Stale => {}
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_640_wrong_guesses_at_once_no_more_are_evaluated_than_the_throttle_lets() {
    let (directory, store) = new();
    add_app(&store, &alice(), SECRET).await;
    let evaluated = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for _ in 0..640 {
        let (store, evaluated) = (store.clone(), Arc::clone(&evaluated));
        tasks.spawn(async move { guess(&store, &evaluated).await });
    }
    tasks.join_all().await;
    assert_eq!(evaluated.load(Ordering::Relaxed), FREE_FAILURES);
    let throttle = account(&store, &alice()).throttles.get(BUCKET);
    assert_eq!((throttle.failures, throttle.gate(BUCKET, NOW)), (FREE_FAILURES, Gate::Wait(30)));
    drop(store);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'wrong'"), i64::from(FREE_FAILURES));
}

/// A wrong code: counted if its commit is done, which is when its verdict would be told.
async fn guess(store: &Store, evaluated: &AtomicU32) {
    for _ in 0..=ROUNDS {
        let account = account(store, &alice());
        let throttle = account.throttles.get(BUCKET);
        if throttle.gate(BUCKET, NOW) != Gate::Open {
            return;
        }
        let writes = vec![Write::Throttle(BUCKET, throttle.failed(NOW))];
        let commit = commit_of(&alice(), Seen::At(account.version.unwrap()), writes, Record::of(What::Wrong));
        match store.commit(commit, root()).await {
            Ok(Committed::Done(_)) => {
                evaluated.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Ok(Committed::Stale) | Err(StoreError::Busy) => {}
            Err(other) => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_code_given_32_times_at_once_lets_one_in() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    for left in (0..10usize).rev() {
        let account = account(&store, &alice());
        let (id, version) = (account.backup.codes[0].id, account.version.unwrap());
        let mut tasks = JoinSet::new();
        for _ in 0..32 {
            let writes = vec![Write::UseBackupCode { id }];
            let commit = commit_of(&alice(), Seen::At(version), writes, Record::of(What::Passed));
            let store = store.clone();
            tasks.spawn(async move { matches!(store.commit(commit, root()).await, Ok(Committed::Done(_))) });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|done| *done).count(), 1);
        assert_eq!(super::account(&store, &alice()).backup.codes.len(), left);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_32_that_enroll_the_same_account_first_one_does() {
    // Of the same uid, of the same name: in each other's way, all the same.
    for other in [alice(), identity(1000, "alicia"), identity(1001, "alice")] {
        let (_directory, store) = new();
        let mut tasks = JoinSet::new();
        for n in 0..32u8 {
            let whose = if n % 2 == 0 { alice() } else { other.clone() };
            let commit = commit_of(&whose, Seen::Absent, vec![new_pending(&[n; 20])], Record::of(What::Begun));
            let store = store.clone();
            tasks.spawn(async move { matches!(store.commit(commit, root()).await, Ok(Committed::Done(_))) });
        }
        assert_eq!(tasks.join_all().await.into_iter().filter(|done| *done).count(), 1, "{other:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_while_commits_happen_never_sees_half_of_one() {
    let (_directory, store) = new();
    let factor = add_app(&store, &alice(), SECRET).await;
    let writing = {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0..300 {
                // A name and a step that always go together.
                let step = Step(1000 + n);
                let writes = vec![Write::UseStep { factor, step }, Write::Rename(factor, step.0.to_string())];
                write(&store, &alice(), writes).await;
            }
        })
    };
    let mut seen = 0;
    while !writing.is_finished() {
        let account = account(&store, &alice());
        let factor = &account.factors[0];
        assert!(factor.name == "phone" || factor.name == app(factor).used.0.to_string());
        seen += 1;
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
    assert!(seen > 0);
}

#[tokio::test]
async fn one_users_flood_neither_fills_the_queue_nor_keeps_root_out() {
    let (_directory, store) = new();
    let mut flood = JoinSet::new();
    for _ in 0..5000 {
        let store = store.clone();
        let commit = commit_of(&identity(5, "bob"), Seen::Anything, Vec::new(), Record::of(What::Denied));
        flood.spawn(async move { store.commit(commit, Context::of_peer(5)).await });
    }
    let login = {
        let store = store.clone();
        let commit = commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Passed));
        async move { store.commit(commit, root()).await }
    };
    let (flood, login) = tokio::join!(flood.join_all(), login);
    assert!(matches!(login, Ok(Committed::Done(_))), "{login:?}");
    let busy = flood.iter().filter(|outcome| matches!(outcome, Err(StoreError::Busy))).count();
    let done = flood.iter().filter(|outcome| matches!(outcome, Ok(Committed::Done(_)))).count();
    assert!(busy > 0 && done >= queue::MOST_OF_ONE && busy + done == 5000, "{busy} busy, {done} done");
}
