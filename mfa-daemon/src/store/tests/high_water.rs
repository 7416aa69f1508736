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

/// Copies the database as it is on the disk at this moment, its log with it: as a killed daemon leaves it.
fn left_by_a_kill(from: &TempDir) -> TempDir {
    let left = directory();
    for name in ["mfa.db", "mfa.db-wal", "how-far", "lock"] {
        fs::copy(from.path().join(name), left.path().join(name)).unwrap();
        fs::set_permissions(left.path().join(name), std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    left
}

#[tokio::test]
async fn an_older_database_beside_the_log_of_a_newer_one_is_refused_and_its_used_codes_stay_void() {
    let (directory, older) = gone_on().await;
    let store = open(directory.path());
    let id = account(&store, &alice()).backup.codes[0].id;
    write(&store, &alice(), vec![Write::UseBackupCode { id }]).await;
    drop(store); // the file has it now
    let store = open(directory.path());
    record(&store, &identity(4711, "bob"), NOW, Record::of(What::Denied)).await;
    let left = left_by_a_kill(&directory);
    drop(open(left.path()));

    // The older file with the newer log would have all records, and a code that was used.
    let left = left_by_a_kill(&directory);
    fs::write(left.path().join("mfa.db"), &older).unwrap();
    let log = left.path().join("mfa.db-wal");
    let before = fs::read(&log).unwrap();
    for _ in 0..2 {
        assert_eq!(Store::open(left.path(), key()).err(), Some(OpenError::NotItsLog(log.clone())));
        assert_eq!(fs::read(&log).unwrap(), before, "nothing is lost by asking");
    }
    // What the message says: the older one without that log, and all that is good once is void.
    fs::remove_file(&log).unwrap();
    let store = open(left.path());
    assert_eq!(account(&store, &alice()).backup.codes.len(), 0);
}

#[tokio::test]
async fn a_log_is_its_own_files_wherever_it_was_put_in_and_of_an_older_file_it_is_not() {
    let (directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    let mut files = Vec::new();
    for step in 0..700 {
        write(&store, &alice(), vec![Write::UseStep { factor, step: Step(200 + step) }]).await;
        let file = fs::read(directory.path().join("mfa.db")).unwrap();
        if files.last() != Some(&file) {
            files.push(file);
        }
        if step % 20 == 0 {
            store.remember_how_far().unwrap();
            let left = left_by_a_kill(&directory);
            let opened = open(left.path());
            assert_eq!(app(&account(&opened, &alice()).factors[0]).used, Step(200 + step));
        }
    }
    // Each time the log was put in, there was another file; to the log of today the last two belong.
    assert!(files.len() > 3, "{}", files.len());
    let last = files.len() - 1;
    for file in &files[..last - 1] {
        let left = left_by_a_kill(&directory);
        fs::write(left.path().join("mfa.db"), file).unwrap();
        assert!(matches!(Store::open(left.path(), key()).err(), Some(OpenError::NotItsLog(_))));
    }
}
