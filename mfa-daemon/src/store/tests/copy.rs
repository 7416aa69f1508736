//! A copy comes back whole or not at all, and nothing that was good once is good after it.

use super::*;
use crate::store::copy::Ticket as Restore;
use mfa_proto::keep::KeptAccount;

async fn copied(store: &Store) -> Vec<KeptAccount> {
    let (mut accounts, mut after) = (Vec::new(), None);
    loop {
        let page = store.export(after, 2000).await.unwrap();
        accounts.extend(page.accounts);
        after = page.next;
        if after.is_none() {
            return accounts;
        }
    }
}

async fn put_back(store: &Store, accounts: Vec<KeptAccount>, replace: bool) -> Result<u64, StoreError> {
    let count = accounts.len() as u64;
    let ticket = Restore::fresh(replace).unwrap();
    store.begin_restore(&ticket, NOW).await?;
    for account in accounts {
        store.stage(&ticket, vec![account], NOW).await?;
    }
    Ok(store.finish_restore(ticket, (count, NOW.0), NOW, root()).await?.factors)
}

async fn a_copy(of: u32) -> Vec<KeptAccount> {
    let (_directory, store) = new();
    for number in 0..of {
        enroll(&store, &identity(4000 + number, &format!("person{number}"))).await;
    }
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    copied(&store).await
}

#[tokio::test]
async fn a_copy_put_back_elsewhere_has_the_same_secrets_and_nothing_that_is_good_once() {
    let copy = a_copy(25).await;
    assert_eq!(copy.len(), 26);
    let (directory, store) = new();
    assert_eq!(put_back(&store, copy, false).await, Ok(25));
    drop(store);
    let store = open(directory.path());
    let person = account(&store, &identity(4007, "person7"));
    let app = app(&person.factors[0]);
    // Step 60,000,000 is current; the one after it can have been taken early.
    assert_eq!((app.secret.expose(), app.used), (&SECRET[..], Step(60_000_001)));
    assert!(person.backup.codes.is_empty());
    assert!(account(&store, &alice()).pending.is_none());
    drop(store);
    assert_eq!(number(&directory, "SELECT epoch FROM meta"), 2);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'restored'"), 1);
    assert_eq!(number(&directory, "SELECT count(*) FROM staged_account"), 0);
}

#[tokio::test]
async fn whoever_is_enrolled_is_not_replaced_unless_that_is_meant() {
    let copy = a_copy(2).await;
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    assert_eq!(put_back(&store, copy.clone(), false).await, Err(StoreError::NotEmpty(1)));
    let before = account(&store, &alice());
    assert_eq!((before.factors.len(), before.backup.codes.len()), (1, 10));
    assert_eq!(put_back(&store, copy, true).await, Ok(2));
    let after = account(&store, &alice());
    assert!(after.factors.is_empty() && after.version > before.version);
    assert_eq!(store.tally().enrolled, 2);
}

#[tokio::test]
async fn a_copy_that_breaks_off_or_is_not_one_changes_nothing() {
    let copy = a_copy(3).await;
    let (_directory, store) = new();
    let unchanged = || account(&store, &identity(4000, "person0")).version.is_none();
    // Fewer came than were announced.
    let ticket = Restore::fresh(false).unwrap();
    store.begin_restore(&ticket, NOW).await.unwrap();
    store.stage(&ticket, copy[..2].to_vec(), NOW).await.unwrap();
    let refused = store.finish_restore(ticket, (3, 0), NOW, root()).await;
    assert!(matches!(refused, Err(StoreError::BadCopy(_))) && unchanged());
    // Somebody else began meanwhile.
    let (first, second) = (Restore::fresh(false).unwrap(), Restore::fresh(false).unwrap());
    store.begin_restore(&first, NOW).await.unwrap();
    store.begin_restore(&second, NOW).await.unwrap();
    assert!(matches!(store.stage(&first, copy.clone(), NOW).await, Err(StoreError::BadCopy(_))));
    // Values that no store of ours has.
    let spoiled: [fn(&mut KeptAccount); 8] = [
        |account| account.user = "a\nb".into(),
        |account| account.user = String::new(),
        |account| drop(account.record.insert("version); DROP TABLE audit".into(), 1.into())),
        |account| drop(account.record.insert("created".into(), "never".into())),
        |account| account.factors[0].secret = "not base32!".into(),
        |account| account.factors[0].kind = "palm".into(),
        |account| account.factors[0].params = "SHA1 7 31".into(),
        |account| account.factors = vec![account.factors[0].clone(); 21],
    ];
    for (place, spoil) in spoiled.iter().enumerate() {
        let mut bad = copy.clone();
        spoil(&mut bad[0]);
        assert!(put_back(&store, bad, false).await.is_err(), "{place}");
        assert!(unchanged(), "{place}");
    }
    let twice = vec![copy[0].clone(), copy[0].clone()];
    assert!(put_back(&store, twice, false).await.is_err() && unchanged());
    assert_eq!(put_back(&store, copy, false).await, Ok(3));
}
