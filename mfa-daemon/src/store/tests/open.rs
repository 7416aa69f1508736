//! What is opened, what is refused, and how an older database becomes a newer one.

use super::*;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::process::Command;

fn refused(directory: &Path) -> OpenError {
    match Store::open(directory, key()) {
        Ok(_) => panic!("opened"),
        Err(error) => error,
    }
}

/// A store with alice in it, closed.
async fn closed() -> TempDir {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    drop(store);
    directory
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[tokio::test]
async fn its_files_are_the_owners_alone() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let mut names = Vec::new();
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().mode() & 0o7777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["lock", "mfa.db", "mfa.db-shm", "mfa.db-wal"]);
}

#[tokio::test]
async fn when_it_is_closed_all_is_in_one_file() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    store.counts(NOW).await.unwrap();
    drop(store);
    let mut names: Vec<_> = fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["how-far", "lock", "mfa.db"]);
}

#[test]
fn a_missing_directory_is_told_with_the_command_that_makes_it() {
    let directory = directory();
    let error = refused(&directory.path().join("mfa"));
    assert!(matches!(error, OpenError::NoDirectory(_)));
    assert!(error.to_string().contains("install -d -m 0700"), "{error}");
}

#[test]
fn a_directory_that_others_may_enter_is_refused() {
    for open_mode in [0o701, 0o710, 0o750, 0o755, 0o777] {
        let directory = directory();
        mode(directory.path(), open_mode);
        let error = refused(directory.path());
        assert!(matches!(&error, OpenError::Untrusted { path, .. } if path == directory.path()), "{error}");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
    }
}

#[tokio::test]
async fn files_that_others_may_read_are_refused() {
    for name in ["mfa.db", "lock"] {
        let directory = closed().await;
        mode(&directory.path().join(name), 0o640);
        assert!(matches!(refused(directory.path()), OpenError::Untrusted { .. }), "{name}");
    }
}

#[tokio::test]
async fn links_pipes_and_directories_in_place_of_its_files_are_refused() {
    type Plant = fn(&Path, &Path);
    let plants: [Plant; 5] = [
        |path, elsewhere| {
            fs::rename(path, elsewhere).unwrap();
            symlink(elsewhere, path).unwrap();
        },
        |path, elsewhere| fs::hard_link(path, elsewhere).unwrap(),
        |path, _| {
            fs::remove_file(path).unwrap();
            assert!(Command::new("mkfifo").arg("-m600").arg(path).status().unwrap().success());
        },
        |path, _| {
            fs::remove_file(path).unwrap();
            fs::create_dir(path).unwrap();
        },
        |path, _| {
            fs::remove_file(path).unwrap();
            symlink("/dev/null", path).unwrap();
        },
    ];
    for name in ["mfa.db", "lock"] {
        for (number, plant) in plants.iter().enumerate() {
            let (directory, elsewhere) = (closed().await, directory());
            plant(&directory.path().join(name), &elsewhere.path().join("x"));
            assert!(matches!(refused(directory.path()), OpenError::Untrusted { .. }), "{name} {number}");
        }
    }
}

#[tokio::test]
async fn a_link_in_place_of_the_directory_or_the_log_is_not_followed() {
    let (directory, elsewhere) = (closed().await, self::directory());
    symlink(directory.path(), elsewhere.path().join("mfa")).unwrap();
    assert!(matches!(refused(&elsewhere.path().join("mfa")), OpenError::Untrusted { .. }));
    let victim = elsewhere.path().join("victim");
    fs::write(&victim, "not to be touched").unwrap();
    for name in ["mfa.db-wal", "mfa.db-shm"] {
        let path = directory.path().join(name);
        let _ = fs::remove_file(&path);
        symlink(&victim, &path).unwrap();
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Database(_) | OpenError::Untrusted { .. }), "{name}: {error}");
        assert_eq!(fs::read_to_string(&victim).unwrap(), "not to be touched");
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn a_second_daemon_is_refused_until_the_first_has_gone() {
    let (directory, store) = new();
    assert_eq!(refused(directory.path()), OpenError::InUse(directory.path().canonicalize().unwrap()));
    let other = store.clone();
    drop(store);
    assert!(matches!(refused(directory.path()), OpenError::InUse(_)));
    drop(other);
    open(directory.path());
}

#[tokio::test]
async fn a_lost_database_is_not_replaced_by_an_empty_one() {
    type Lose = fn(&Path);
    let ways: [Lose; 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::File::options().write(true).open(path).unwrap().set_len(0).unwrap(),
        |path| fs::write(path, "").unwrap(),
    ];
    for lose in ways {
        let directory = closed().await;
        lose(&directory.path().join("mfa.db"));
        let error = refused(directory.path());
        assert!(matches!(error, OpenError::Gone(_)), "{error}");
        assert!(error.to_string().contains("restore it from a backup"));
        // As the sentence says: whoever wants an empty one says so.
        let _ = fs::remove_file(directory.path().join("mfa.db"));
        fs::remove_file(directory.path().join("lock")).unwrap();
        assert_eq!(account(&open(directory.path()), &alice()).version, None);
    }
}

#[tokio::test]
async fn an_empty_database_put_in_its_place_is_refused_too() {
    let directory = closed().await;
    let path = directory.path().join("mfa.db");
    fs::remove_file(&path).unwrap();
    sql(&directory).execute_batch("PRAGMA journal_mode = WAL; CREATE TABLE t (x); DROP TABLE t;").unwrap();
    mode(&path, 0o600);
    assert!(matches!(refused(directory.path()), OpenError::Gone(_)));
}

#[test]
fn a_file_that_somebody_made_and_left_empty_before_the_first_start_becomes_the_database() {
    let directory = directory();
    fs::write(directory.path().join("mfa.db"), "").unwrap();
    mode(&directory.path().join("mfa.db"), 0o600);
    open(directory.path());
}

#[tokio::test]
async fn a_file_of_another_program_is_refused_and_left_as_it_is() {
    let (foreign, text) = (directory(), directory());
    sql(&foreign).execute_batch("CREATE TABLE cookies (x); PRAGMA user_version = 1;").unwrap();
    fs::write(text.path().join("mfa.db"), "dear diary".repeat(1000)).unwrap();
    for directory in [foreign, text] {
        let path = directory.path().join("mfa.db");
        mode(&path, 0o600);
        let before = fs::read(&path).unwrap();
        assert_eq!(refused(directory.path()), OpenError::NotOurs(path.canonicalize().unwrap()));
        assert_eq!(fs::read(&path).unwrap(), before);
    }
}

#[tokio::test]
async fn a_database_that_was_overwritten_is_told_as_damaged() {
    let directory = closed().await;
    fs::write(directory.path().join("mfa.db"), "dear diary".repeat(1000)).unwrap();
    let error = refused(directory.path());
    assert!(matches!(error, OpenError::Database(StoreError::Damaged(_))), "{error}");
    assert!(error.to_string().contains("restore it from a backup"));
}

#[tokio::test]
async fn a_wrong_key_is_told_at_once() {
    let directory = closed().await;
    let open = |key| Store::open(directory.path(), key).map(|_| ());
    assert_eq!(open(MasterKey::new(1, [8; 32])), Err(OpenError::WrongKey));
    assert_eq!(open(MasterKey::new(2, [7; 32])), Err(OpenError::WrongKey));
    assert_eq!(open(key()), Ok(()));
}

#[tokio::test]
async fn a_new_key_is_taken_along_with_the_old_one_and_the_old_is_then_asked_for() {
    let directory = closed().await;
    let open = |key| Store::open(directory.path(), key);
    let both = || MasterKey::new(2, [8; 32]).with_older(1, [7; 32]);
    let store = open(both()).unwrap();
    assert_eq!(app(&account(&store, &alice()).factors[0]).secret.expose(), SECRET);
    enroll(&store, &identity(5, "bob")).await;
    drop(store);
    assert_eq!(open(MasterKey::new(2, [8; 32])).err(), Some(OpenError::MissingKey(1)));
    assert_eq!(open(key()).err(), Some(OpenError::MissingKey(2)));
    assert_eq!(account(&open(both()).unwrap(), &identity(5, "bob")).factors.len(), 1);
}

#[tokio::test]
async fn a_database_of_a_later_version_is_refused_with_what_to_do() {
    let directory = closed().await;
    sql(&directory).execute_batch("PRAGMA user_version = 2").unwrap();
    let error = refused(directory.path());
    assert_eq!(error, OpenError::Newer { found: 2, known: 1 });
    assert!(error.to_string().contains("mfa.db.schema-1"), "{error}");
}

/// What a later version might do.
const STEPS: &[&str] = &[schema::STEPS[0], "ALTER TABLE account ADD COLUMN colour TEXT NOT NULL DEFAULT 'blue';"];

fn migrated(directory: &TempDir, steps: &[&str]) -> Result<(), OpenError> {
    schema::ready(&mut Home::claim(directory.path())?, &key(), steps).map(|_| ())
}

#[tokio::test]
async fn an_older_database_is_brought_up_to_date_and_a_copy_is_kept() {
    let directory = closed().await;
    migrated(&directory, STEPS).unwrap();
    assert_eq!(number(&directory, "SELECT count(*) FROM account WHERE colour = 'blue'"), 1);
    assert_eq!(number(&directory, "PRAGMA user_version"), 2);
    let copy = directory.path().join("mfa.db.schema-1");
    assert_eq!(fs::metadata(&copy).unwrap().mode() & 0o7777, 0o600);
    assert_eq!(refused(directory.path()), OpenError::Newer { found: 2, known: 1 });
    // The way back, as the refusal says.
    for name in ["mfa.db", "mfa.db-wal", "mfa.db-shm"] {
        let _ = fs::remove_file(directory.path().join(name));
    }
    fs::rename(copy, directory.path().join("mfa.db")).unwrap();
    let store = open(directory.path());
    assert_eq!(app(&account(&store, &alice()).factors[0]).secret.expose(), SECRET);
    enroll(&store, &identity(5, "bob")).await;
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_database_as_it_was_and_can_be_tried_again() {
    let directory = closed().await;
    for _ in 0..2 {
        let steps = [STEPS[0], STEPS[1], "CREATE TABLE halfway (x); SELECT no_such_function();"];
        assert!(matches!(migrated(&directory, &steps), Err(OpenError::Database(_))));
        assert_eq!(account(&open(directory.path()), &alice()).factors.len(), 1);
    }
    migrated(&directory, STEPS).unwrap();
}

#[tokio::test]
async fn steps_that_are_done_are_not_taken_again() {
    let directory = closed().await;
    migrated(&directory, STEPS).unwrap();
    let copy = fs::read(directory.path().join("mfa.db.schema-1")).unwrap();
    migrated(&directory, STEPS).unwrap();
    assert_eq!(fs::read(directory.path().join("mfa.db.schema-1")).unwrap(), copy);
}

#[test]
fn a_new_database_starts_with_the_newest_schema() {
    let directory = directory();
    migrated(&directory, STEPS).unwrap();
    assert_eq!(number(&directory, "PRAGMA user_version"), 2);
    assert!(!directory.path().join("mfa.db.schema-0").exists());
}

#[test]
fn what_it_is_set_to_is_set() {
    let (directory, store) = new();
    let path = directory.path().join("mfa.db");
    for role in [Role::Writer, Role::Reader, Role::Administrator] {
        let connection = connection::connect(&path, role).unwrap();
        let pragma = |name: &str| -> String {
            let value = connection.pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
            format!("{:?}", value.unwrap())
        };
        for (name, value) in [
            ("journal_mode", r#"Text("wal")"#),
            ("foreign_keys", "Integer(1)"),
            ("trusted_schema", "Integer(0)"),
            ("temp_store", "Integer(2)"),
            ("cell_size_check", "Integer(1)"),
            ("mmap_size", "Integer(0)"),
        ] {
            assert_eq!(pragma(name), value, "{name} of {role:?}");
        }
        let (writes, synchronous) = (role == Role::Writer, pragma("synchronous"));
        assert_eq!(pragma("query_only") == "Integer(0)", writes);
        assert!(!writes || (synchronous == "Integer(2)" && pragma("secure_delete") == "Integer(1)"), "{synchronous}");
        let write = connection.execute("UPDATE meta SET epoch = epoch", ());
        assert_eq!(write.is_ok(), writes, "{role:?}");
    }
    drop(store);
}

/// In a process of its own, since a umask is the whole process's.
#[test]
fn its_files_are_closed_and_usable_whatever_the_umask() {
    if let Some(place) = as_child() {
        drop(open(&place));
        return;
    }
    for umask in ["000", "077", "777"] {
        let directory = directory();
        let script = format!("umask {umask} && exec \"$@\"");
        let name = "open::its_files_are_closed_and_usable_whatever_the_umask";
        let child = child(&["sh", "-c", &script, "sh"], name, directory.path()).output().unwrap();
        assert!(child.status.success(), "umask {umask}: {child:?}");
        for entry in fs::read_dir(directory.path()).unwrap() {
            let entry = entry.unwrap();
            assert_eq!(entry.metadata().unwrap().mode() & 0o7777, 0o600, "{entry:?} with umask {umask}");
        }
        assert!(directory.path().join("mfa.db").exists());
        open(directory.path());
    }
}
