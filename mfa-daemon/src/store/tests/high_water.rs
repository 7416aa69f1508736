//! An older database in the place of a newer one is noticed, and nothing that was good once is good in it.

use super::*;
use crate::clock;
use std::fs;

/// A database as it was, and the directory in which it went on.
async fn gone_on() -> (TempDir, Vec<u8>) {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    drop(store);
    let older = fs::read(directory.path().join("mfa.db")).unwrap();
    let store = open(directory.path());
    enroll(&store, &identity(4711, "bob")).await;
    drop(store);
    (directory, older)
}

#[tokio::test]
async fn an_older_database_put_back_begins_a_new_epoch_once_and_is_told_for_a_day() {
    let (directory, older) = gone_on().await;
    fs::write(directory.path().join("mfa.db"), older).unwrap();
    let store = open(directory.path());
    let account = account(&store, &alice());
    assert_eq!((account.factors.len(), account.backup.codes.len()), (1, 0));
    // Whatever code could have been seen until now is void.
    assert!(app(&account.factors[0]).used > Step(clock::now().0 / 30));
    let told = |store: &Store, later: i64| store.problems(clock::now().plus(later)).join("\n");
    assert!(told(&store, 0).contains("an older database was put back"));
    assert!(!told(&store, 90_000).contains("older"));
    drop(store);
    let store = open(directory.path());
    assert!(told(&store, 0).contains("an older database was put back"));
    drop(store);
    assert_eq!(number(&directory, "SELECT epoch FROM meta"), 2);
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'older-database'"), 1);
}

#[tokio::test]
async fn a_database_that_went_on_is_never_taken_for_an_older_one() {
    let (directory, _) = gone_on().await;
    let file = directory.path().join("how-far");
    let text = fs::read_to_string(&file).unwrap();
    let node = text.split(' ').next().unwrap();
    // As after a kill, of another database, lost, cut off, nonsense.
    let others = [format!("{node} 1\n"), "77 999999999\n".into(), String::new(), format!("{node} 99"), "\0\0".into()];
    for other in others {
        fs::write(&file, &other).unwrap();
        drop(open(directory.path()));
        assert_eq!(number(&directory, "SELECT epoch FROM meta"), 1, "{other:?}");
        assert_eq!(fs::read_to_string(&file).unwrap(), text, "{other:?}");
    }
}
