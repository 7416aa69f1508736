//! Factors and codes in the store: each is used, kept, replaced and removed once, and by its owner.

use super::*;

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
