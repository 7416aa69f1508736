//! Secrets on disk: never in the clear, never in another row, never wrong.

use super::*;
use std::collections::BTreeSet;
use std::fs;

/// All bytes of all files of a directory.
fn all_bytes(directory: &TempDir) -> Vec<u8> {
    let files = fs::read_dir(directory.path()).unwrap();
    files.flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect()
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[tokio::test]
async fn no_secret_is_in_any_file_in_the_clear() {
    let (directory, store) = new();
    let check = |directory: &TempDir| {
        let bytes = all_bytes(directory);
        assert!(contains(&bytes, b"alice"), "the files are looked at");
        for secret in [SECRET.as_slice(), &DIGEST, &[7; 32], b"This is the master key"] {
            assert!(!contains(&bytes, secret));
        }
    };
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    check(&directory);
    let factor = account(&store, &alice()).pending.unwrap().id;
    write(&store, &alice(), vec![Write::Confirm { factor, step: Step(1) }, ten_codes()]).await;
    check(&directory);
    drop(store);
    check(&directory);
    schema::ready(&mut Home::claim(directory.path()).unwrap(), &key(), &[schema::STEPS[0], "SELECT 1;"]).unwrap();
    assert!(directory.path().join("mfa.db.schema-1").exists());
    check(&directory);
}

#[tokio::test]
async fn what_was_removed_is_not_left_in_the_database() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let sealed: Vec<u8> = sql(&directory).query_row("SELECT sealed FROM factor", (), |row| row.get(0)).unwrap();
    drop(store);
    assert!(contains(&fs::read(directory.path().join("mfa.db")).unwrap(), &sealed));
    let store = open(directory.path());
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    drop(store);
    assert!(!contains(&all_bytes(&directory), &sealed));
}

#[tokio::test]
async fn an_account_read_back_does_not_print_its_secrets() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let printed = format!("{:?}", account(&store, &alice()));
    assert!(!printed.contains("find-me") && !printed.contains(&format!("{:?}", &SECRET[..4])), "{printed}");
}

/// Two accounts with two apps and codes each, then a change behind the store's back; the error of reading alice.
async fn after(change: &str) -> StoreError {
    let (directory, store) = new();
    for whose in [alice(), identity(5, "bob")] {
        enroll(&store, &whose).await;
        add_app(&store, &whose, b"a second app's secret").await;
        write(&store, &whose, vec![new_pending(b"one that is pending ")]).await;
    }
    drop(store);
    sql(&directory).execute_batch(change).unwrap();
    let store = open(directory.path());
    match store.snapshot(&alice()) {
        Err(error) => error,
        Ok(found) => panic!("{change}: {found:?}"),
    }
}

#[tokio::test]
async fn sealed_bytes_moved_to_another_row_do_not_open() {
    let swap = |table: &str, columns: &str, one: i64, other: i64| {
        format!(
            "CREATE TEMP TABLE t AS SELECT id, {columns} FROM {table}; \
             UPDATE {table} SET ({columns}) = (SELECT {columns} FROM t WHERE id = {other}) WHERE id = {one};"
        )
    };
    let sealed = "key_id, nonce, sealed";
    // Ids: 1 alice's app, 2 her codes, 3 her second app, 4 pending; 5 to 8 the same of bob.
    for change in [
        swap("factor", sealed, 1, 3),
        swap("factor", sealed, 1, 5),
        swap("backup_set", sealed, 2, 6),
        swap("pending", sealed, 4, 8),
        "UPDATE factor SET (key_id, nonce, sealed) = (SELECT key_id, nonce, sealed FROM pending WHERE pending.id = 4) \
         WHERE id = 1"
            .to_owned(),
        "UPDATE factor SET params = 'SHA1 8 30' WHERE id = 1".to_owned(),
        "UPDATE factor SET key_id = 2 WHERE id = 1".to_owned(),
        "UPDATE factor SET id = 9 WHERE id = 1".to_owned(),
        "UPDATE pending SET id = 9 WHERE id = 4".to_owned(),
        "UPDATE backup_set SET id = 9 WHERE id = 2".to_owned(),
        "UPDATE factor SET sealed = x'' WHERE id = 1".to_owned(),
    ] {
        let error = after(&change).await;
        assert!(matches!(error, StoreError::Unsealable { .. }), "{change}: {error:?}");
    }
}

#[tokio::test]
async fn whole_rows_moved_lost_or_made_up_are_errors() {
    for change in [
        "UPDATE factor SET account = 2 WHERE id = 1",
        "UPDATE factor SET account = 1 WHERE id = 5",
        "DELETE FROM factor WHERE id = 1",
        "DELETE FROM factor",
        "DELETE FROM backup_set WHERE id = 2",
        "DELETE FROM backup_set WHERE id = 2; UPDATE backup_set SET account = 1",
        "UPDATE backup_set SET unused = unused - 1",
        "UPDATE backup_set SET unused = 2047",
        "UPDATE account SET factors = 0, backup_codes = 0",
        "UPDATE factor SET kind = 'email' WHERE id = 1",
        "UPDATE factor SET nonce = x'00' WHERE id = 1",
        "UPDATE throttle SET bucket = 9; INSERT INTO throttle VALUES (1, 9, 1, 1, 1, 1)",
        "INSERT INTO throttle VALUES (1, 0, -1, 1, 1, 1)",
    ] {
        let error = after(change).await;
        assert!(matches!(error, StoreError::Damaged(_) | StoreError::Unsealable { .. }), "{change}: {error:?}");
    }
}

#[tokio::test]
async fn an_enrollment_whose_bytes_were_moved_cannot_be_confirmed() {
    let (directory, store) = new();
    for whose in [alice(), identity(5, "bob")] {
        write(&store, &whose, vec![new_pending(SECRET)]).await;
    }
    let FactorId(id) = account(&store, &alice()).pending.unwrap().id;
    let commit = commit_now(&store, &alice(), vec![Write::Confirm { factor: FactorId(id), step: Step(1) }]);
    sql(&directory)
        .execute_batch("UPDATE pending SET nonce = (SELECT nonce FROM pending WHERE id <> 1) WHERE id = 1")
        .unwrap();
    let refused = store.commit(commit, root()).await.unwrap_err();
    assert_eq!(refused, StoreError::Unsealable { table: "pending", id });
}

/// One bit in one byte, anywhere: what is read is right, or it is an error. It is never a wrong secret, and never an
/// account that has nothing.
#[tokio::test]
async fn a_flipped_bit_anywhere_in_the_file_never_gives_a_wrong_account() {
    let (directory, store) = new();
    for whose in [alice(), identity(5, "bob")] {
        enroll(&store, &whose).await;
    }
    drop(store);
    let path = directory.path().join("mfa.db");
    let whole = fs::read(&path).unwrap();
    let mut kinds = BTreeSet::new();
    // Some of all bytes, each bit in turn, and all that say where things are.
    let places = (0..100).chain((100..whole.len()).step_by(41));
    for (place, bit) in places.zip((0..8).cycle()) {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << bit;
        fs::write(&path, bytes).unwrap();
        kinds.insert(reading(&path, place));
    }
    assert!(kinds.contains("right") && kinds.contains("error"), "{kinds:?}");
}

fn reading(path: &Path, place: usize) -> &'static str {
    let read = Slot::new(path, Role::Reader)
        .and_then(|mut slot| slot.with(|connection| read::snapshot(connection, &key(), &alice())));
    match read {
        Ok(Snapshot::Account(account)) => {
            assert!(account.version.is_some(), "byte {place}");
            assert_eq!(account.factors.len(), 1, "byte {place}");
            assert_eq!(app(&account.factors[0]).secret.expose(), SECRET, "byte {place}");
            assert_eq!((account.backup.codes.len(), account.backup.salt), (10, [5; 16]), "byte {place}");
            assert_eq!(account.backup.codes[0].digest, DIGEST, "byte {place}");
            "right"
        }
        Ok(Snapshot::Conflict(_)) => "conflict",
        Err(_) => "error",
    }
}
