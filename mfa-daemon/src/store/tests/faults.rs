//! A full disk, a file that is gone, locked or cut short: errors, never a login, never an account without factors;
//! and when the fault is mended, it goes on.

use super::*;
use std::fs::{self, File};
use std::io::Write as _;

fn denied() -> Commit {
    commit_of(&alice(), Seen::Anything, Vec::new(), Record::of(What::Denied))
}

/// A child with a small file system of its own over its place; it vanishes with the child.
fn on_a_small_disk(test: &str, place: &Path) -> Command {
    let mount = "mount -t tmpfs -o size=1m,mode=0700 small \"$MFA_STORE_TEST_PLACE\" && exec \"$@\"";
    if rustix::process::geteuid().is_root() {
        return child(&["unshare", "--mount", "sh", "-c", mount, "sh"], test, place);
    }
    child(&["unshare", "--mount", "--user", "--map-root-user", "sh", "-c", mount, "sh"], test, place)
}

/// Leaves no space at all.
fn fill(place: &Path) {
    let mut file = File::create(place.join("ballast")).unwrap();
    while file.write_all(&[0; 512]).is_ok() {}
}

fn passes(mut child: Command) {
    let output = child.output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

#[test]
fn on_a_full_disk_nothing_is_done_and_with_space_again_it_goes_on() {
    let Some(place) = as_child() else {
        passes(on_a_small_disk(
            "faults::on_a_full_disk_nothing_is_done_and_with_space_again_it_goes_on",
            directory().path(),
        ));
        return;
    };
    block_on(async {
        let store = open(&place);
        let factor = enroll(&store, &alice()).await;
        let mut records = 3;
        for step in 0..3 {
            fill(&place);
            let error = loop {
                match store.commit(denied(), root()).await {
                    Ok(_) => records += 1,
                    Err(error) => break error,
                }
            };
            assert_eq!(error, StoreError::DiskFull);
            let use_step = commit_now(&store, &alice(), vec![Write::UseStep { factor, step: Step(200 + step) }]);
            assert_eq!(store.commit(use_step, root()).await.unwrap_err(), StoreError::DiskFull);
            // Many in few transactions: each is told.
            let mut many = tokio::task::JoinSet::new();
            for _ in 0..40 {
                let store = store.clone();
                many.spawn(async move { store.commit(denied(), root()).await.unwrap_err() });
            }
            assert_eq!(many.join_all().await, vec![StoreError::DiskFull; 40]);
            assert_eq!(account(&store, &alice()).backup.codes.len(), 10);
            fs::remove_file(place.join("ballast")).unwrap();
            write(&store, &alice(), vec![Write::UseStep { factor, step: Step(200 + step) }]).await;
            records += 1;
        }
        drop(store);
        let store = open(&place);
        assert!(store.problems(NOW).is_empty());
        drop(store);
        let kept = rusqlite::Connection::open(place.join("mfa.db")).unwrap();
        let kept: i64 = kept.query_row("SELECT max(seq) FROM audit", (), |row| row.get(0)).unwrap();
        assert_eq!(kept, records, "what failed left no record");
    });
}

#[test]
fn on_a_disk_that_is_full_from_the_start_it_does_not_open_and_later_it_does() {
    let Some(place) = as_child() else {
        passes(on_a_small_disk(
            "faults::on_a_disk_that_is_full_from_the_start_it_does_not_open_and_later_it_does",
            directory().path(),
        ));
        return;
    };
    fill(&place);
    let error = Store::open(&place, key()).err().unwrap();
    assert!(matches!(error, OpenError::Database(StoreError::DiskFull | StoreError::Failed(_))), "{error:?}");
    fs::remove_file(place.join("ballast")).unwrap();
    assert_eq!(account(&open(&place), &alice()).version, None);
}

#[test]
fn on_a_read_only_file_system_it_does_not_open_and_says_so() {
    let Some(place) = as_child() else {
        passes(on_a_small_disk("faults::on_a_read_only_file_system_it_does_not_open_and_says_so", directory().path()));
        return;
    };
    drop(open(&place));
    assert!(Command::new("mount").args(["-o", "remount,bind,ro"]).arg(&place).status().unwrap().success());
    let error = Store::open(&place, key()).err().unwrap();
    assert!(matches!(error, OpenError::Io { .. }) && error.to_string().contains("Read-only"), "{error}");
}

#[test]
fn when_writing_fails_for_another_reason_what_was_done_before_is_there() {
    let name = "faults::when_writing_fails_for_another_reason_what_was_done_before_is_there";
    if let Some(place) = as_child() {
        let store = open(&place);
        let mut records = 0;
        let error = block_on(async {
            enroll(&store, &alice()).await;
            loop {
                match store.commit(denied(), root()).await {
                    Ok(_) => records += 1,
                    Err(error) => break error,
                }
            }
        });
        assert!(matches!(error, StoreError::Failed(_) | StoreError::DiskFull), "{error:?}");
        assert_eq!(account(&store, &alice()).factors.len(), 1);
        fs::write(place.join("records"), format!("{records}")).unwrap();
        return;
    }
    let directory = directory();
    // No file may grow beyond 3 MB: writes fail with EFBIG.
    let limit = "trap '' XFSZ && ulimit -f 6000 && exec \"$@\"";
    passes(child(&["sh", "-c", limit, "sh"], name, directory.path()));
    let records: i64 = fs::read_to_string(directory.path().join("records")).unwrap().parse().unwrap();
    let store = open(directory.path());
    assert!(records > 50 && store.problems(NOW).is_empty());
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'denied'"), records);
}

#[tokio::test]
async fn a_database_removed_or_replaced_while_in_use_is_an_error_until_it_is_back() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let (path, away) = (directory.path().join("mfa.db"), directory.path().join("away"));
    fs::rename(&path, &away).unwrap();
    for put in [None, Some(""), Some("something else")] {
        if let Some(text) = put {
            fs::write(&path, text).unwrap();
        }
        assert_eq!(store.snapshot(&alice()).unwrap_err(), StoreError::Replaced);
        assert_eq!(store.snapshot(&identity(9, "nobody")).unwrap_err(), StoreError::Replaced);
        assert_eq!(store.commit(denied(), root()).await.unwrap_err(), StoreError::Replaced);
        assert_eq!(store.counts(NOW).await.unwrap_err(), StoreError::Replaced);
    }
    fs::rename(&away, &path).unwrap();
    assert_eq!(account(&store, &alice()).factors.len(), 1);
    done(&store, denied()).await;
}

#[tokio::test]
async fn a_database_cut_short_while_in_use_never_looks_like_nobody_is_enrolled() {
    let (directory, store) = new();
    for number in 0..50 {
        enroll(&store, &identity(2000 + number, &format!("user{number}"))).await;
    }
    drop(store);
    let path = directory.path().join("mfa.db");
    let pages = fs::metadata(&path).unwrap().len() / 4096;
    let store = open(directory.path());
    for left in (0..pages).rev() {
        File::options().write(true).open(&path).unwrap().set_len(left * 4096).unwrap();
        for number in [0, 25, 49] {
            match store.snapshot(&identity(2000 + number, &format!("user{number}"))) {
                Ok(Snapshot::Account(account)) => assert_eq!(account.factors.len(), 1, "{left} pages left"),
                Ok(Snapshot::Conflict(_)) | Err(_) => {}
            }
        }
    }
}

#[tokio::test]
async fn somebody_who_holds_the_database_makes_commits_fail_and_then_they_go_on() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let other = sql(&directory);
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.commit(denied(), root()).await.unwrap_err();
    assert!(matches!(error, StoreError::Failed(_)), "{error:?}");
    assert_eq!(account(&store, &alice()).factors.len(), 1);
    other.execute_batch("ROLLBACK").unwrap();
    done(&store, denied()).await;
}
