//! Seats: who is counted, the last one, and who is back.

use super::*;
use crate::store::{Note, Observed, Sight};
use mfa_core::seats::{Reason, Suspension};

async fn newcomer(store: &Store, whose: &Identity) -> FactorId {
    write(store, whose, vec![new_pending(SECRET)]).await;
    account(store, whose).pending.unwrap().id
}

fn confirming(store: &Store, whose: &Identity, factor: FactorId, of: Option<u64>) -> Commit {
    let writes = vec![Write::Confirm { factor, step: Step(100) }, Write::TakeSeat { of }];
    let seen = Seen::At(account(store, whose).version.unwrap());
    commit_of(whose, seen, writes, Record::of(What::Added))
}

fn seats(store: &Store) -> u64 {
    store.tally().seats
}

#[tokio::test]
async fn of_two_newcomers_who_saw_one_seat_free_one_takes_it() {
    let (directory, store) = new();
    let people = [identity(1, "one"), identity(2, "two")];
    let mut commits = Vec::new();
    for whose in &people {
        let factor = newcomer(&store, whose).await;
        commits.push(confirming(&store, whose, factor, Some(1)));
    }
    let both = commits.into_iter().map(|commit| store.commit(commit, root()));
    let both: Vec<_> = futures(both.collect()).await;
    assert_eq!(both.iter().filter(|done| matches!(done, Committed::Done(_))).count(), 1);
    assert_eq!((seats(&store), store.tally().enrolled), (1, 1));
    drop(store);
    assert_eq!(seats(&open(directory.path())), 1);
}

/// All of them at the same time.
async fn futures(all: Vec<impl Future<Output = Result<Committed, StoreError>>>) -> Vec<Committed> {
    let mut all: Vec<_> = all.into_iter().map(Box::pin).collect();
    let mut done = Vec::new();
    std::future::poll_fn(|context| {
        all.retain_mut(|one| match one.as_mut().poll(context) {
            std::task::Poll::Ready(result) => {
                done.push(result.unwrap());
                false
            }
            std::task::Poll::Pending => true,
        });
        if all.is_empty() { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
    done
}

#[tokio::test]
async fn a_seat_is_kept_through_a_reset_and_given_back_by_a_suspension() {
    let (directory, store) = new();
    let factor = newcomer(&store, &alice()).await;
    done(&store, confirming(&store, &alice(), factor, Some(5))).await;
    assert_eq!(seats(&store), 1);
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    assert_eq!((seats(&store), store.tally().enrolled), (1, 0));
    assert!(account(&store, &alice()).ever_enrolled);
    let suspension = Suspension { since: NOW, why: Reason::Idle };
    let suspend = commit_now(&store, &alice(), vec![Write::Suspend(suspension)]);
    done(&store, Commit { record: Record::of(What::Suspended).because("idle"), ..suspend }).await;
    assert_eq!((seats(&store), store.tally().suspended), (0, 1));
    assert_eq!(account(&store, &alice()).suspended, Some(suspension));
    drop(store);
    let store = open(directory.path());
    assert_eq!((seats(&store), store.tally().suspended), (0, 1));
}

#[tokio::test]
async fn whoever_logs_in_with_a_factor_is_back_over_the_seats_if_need_be_and_that_is_recorded() {
    let (_directory, store) = new();
    let factor = newcomer(&store, &alice()).await;
    done(&store, confirming(&store, &alice(), factor, Some(1))).await;
    let suspension = Suspension { since: NOW, why: Reason::Vanished };
    let suspend = commit_now(&store, &alice(), vec![Write::Suspend(suspension)]);
    done(&store, Commit { record: Record::of(What::Suspended), ..suspend }).await;
    let bob = identity(2, "bob");
    let other = newcomer(&store, &bob).await;
    done(&store, confirming(&store, &bob, other, Some(1))).await;
    write(&store, &alice(), vec![Write::UseStep { factor, step: Step(200) }]).await;
    assert_eq!((seats(&store), store.tally().suspended), (2, 0));
    assert_eq!(account(&store, &alice()).suspended, None);
    let recent: Vec<String> = store.recent(&alice(), 2).await.unwrap().into_iter().map(|event| event.what).collect();
    assert_eq!(recent, ["returned", "passed"]);
}

#[tokio::test]
async fn voluntary_enrollment_takes_no_seat_until_the_policy_requires_it() {
    let (_directory, store) = new();
    add_app(&store, &alice(), SECRET).await;
    assert_eq!((seats(&store), store.tally().enrolled), (0, 1));
    let version = account(&store, &alice()).version;
    let looked_at =
        |required| Observed { identity: alice(), seen: Sight { required, local: true }, missing_since: None };
    store.observe(vec![looked_at(true)]).await.unwrap();
    assert_eq!(seats(&store), 1);
    store.observe(vec![looked_at(false)]).await.unwrap();
    assert_eq!(seats(&store), 0);
    // Whoever was about to log in is not disturbed by a look.
    assert_eq!(account(&store, &alice()).version, version);
    let stranger = Observed { identity: identity(9, "alice"), ..looked_at(true) };
    store.observe(vec![stranger]).await.unwrap();
    assert_eq!(seats(&store), 0);
}

#[tokio::test]
async fn a_word_about_the_site_changes_once_for_those_who_saw_the_same() {
    let (_directory, store) = new();
    let note = |was: Option<&str>, becomes: &str| Note {
        name: "told",
        was: was.map(str::to_owned),
        becomes: becomes.to_owned(),
        records: Vec::new(),
        at: NOW,
    };
    assert!(matches!(store.note(note(None, "a"), root()).await.unwrap(), Committed::Done(_)));
    assert!(matches!(store.note(note(None, "b"), root()).await.unwrap(), Committed::Stale));
    assert!(matches!(store.note(note(Some("a"), "c"), root()).await.unwrap(), Committed::Done(_)));
    assert_eq!(store.noted("told").unwrap().as_deref(), Some("c"));
}
