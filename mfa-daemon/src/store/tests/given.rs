//! Codes that administrators gave out: kept, counted down, ended, and not to be prolonged behind the store's back.

use super::*;
use mfa_core::given::{NewGiven, Purpose};
use mfa_core::printed::Kept;

fn give(purpose: Purpose, left: u32) -> Write {
    let kept = Kept { salt: [3; 16], digest: DIGEST };
    Write::Give(NewGiven { purpose, kept, until: NOW.plus(3600), left, reason: Some("phone at home".to_owned()) })
}

#[tokio::test]
async fn what_was_given_is_read_back_also_after_a_restart_and_one_of_a_purpose() {
    let (directory, store) = new();
    write(&store, &alice(), vec![give(Purpose::Invite, 5), give(Purpose::TempCode, 2), Write::InvitedOnly(true)]).await;
    write(&store, &alice(), vec![give(Purpose::Invite, 4)]).await;
    drop(store);
    let account = account(&open(directory.path()), &alice());
    let (invite, temp_code) = (account.invite.unwrap(), account.temp_code.unwrap());
    assert_eq!((invite.left, invite.until, temp_code.left), (4, NOW.plus(3600), 2));
    assert_eq!((temp_code.reason.as_deref(), account.invited_only), (Some("phone at home"), true));
    assert!(temp_code.kept == Kept { salt: [3; 16], digest: DIGEST });
    assert_ne!(invite.id, temp_code.id);
    assert_eq!(number(&directory, "SELECT count(*) FROM given_code"), 2);
}

#[tokio::test]
async fn of_eight_that_spend_the_last_use_at_once_one_is_done() {
    let (_directory, store) = new();
    write(&store, &alice(), vec![give(Purpose::TempCode, 1)]).await;
    let id = account(&store, &alice()).temp_code.unwrap().id;
    let spend = || commit_now(&store, &alice(), vec![Write::Spend { id, purpose: Purpose::TempCode }]);
    let commits: Vec<_> = (0..8).map(|_| store.commit(spend(), root())).collect();
    let mut done = 0;
    for commit in commits {
        done += u32::from(matches!(commit.await.unwrap(), Committed::Done(_)));
    }
    assert_eq!((done, account(&store, &alice()).temp_code.unwrap().left), (1, 0));
    assert!(is_stale(&store, spend()).await, "none is left, whatever the version");
}

#[tokio::test]
async fn a_code_that_was_replaced_cannot_be_spent_and_an_ended_one_is_gone() {
    let (_directory, store) = new();
    write(&store, &alice(), vec![give(Purpose::Invite, 5)]).await;
    let old = account(&store, &alice()).invite.unwrap().id;
    write(&store, &alice(), vec![give(Purpose::Invite, 5)]).await;
    let spend = Write::Spend { id: old, purpose: Purpose::Invite };
    assert!(is_stale(&store, commit_now(&store, &alice(), vec![spend])).await);
    write(&store, &alice(), vec![Write::EndGiven(Purpose::Invite)]).await;
    assert!(account(&store, &alice()).invite.is_none());
    let end = Write::EndGiven(Purpose::Invite);
    assert!(is_stale(&store, commit_now(&store, &alice(), vec![end])).await);
}

#[tokio::test]
async fn a_reset_voids_what_was_given_and_keeps_the_demand_for_an_invitation() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    write(&store, &alice(), vec![give(Purpose::Invite, 5), give(Purpose::TempCode, 2), Write::InvitedOnly(true)]).await;
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    let account = account(&store, &alice());
    assert!(account.invite.is_none() && account.temp_code.is_none() && account.invited_only);
}

#[tokio::test]
async fn nobody_prolongs_a_code_or_gives_it_to_another_behind_the_stores_back() {
    for change in ["UPDATE given_code SET until = until + 1", "UPDATE given_code SET purpose = 'invite'"] {
        let (directory, store) = new();
        write(&store, &alice(), vec![give(Purpose::TempCode, 2)]).await;
        drop(store);
        assert_eq!(sql(&directory).execute(change, ()).unwrap(), 1);
        let store = open(directory.path());
        assert!(matches!(store.snapshot(&alice()), Err(StoreError::Unsealable { .. })), "{change}");
    }
}
