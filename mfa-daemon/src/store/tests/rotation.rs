//! Another master key takes over: nothing is lost, nobody waits, and the old key is asked for exactly as long as it is
//! needed, whenever the process is killed.

use super::*;
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

fn both() -> MasterKey {
    MasterKey::new(2, [8; 32]).with_older(1, [7; 32])
}

fn new_one() -> MasterKey {
    MasterKey::new(2, [8; 32])
}

fn user(number: u32) -> Identity {
    identity(3000 + number, &format!("person{number}"))
}

/// A closed store with so many accounts, each with an app and backup codes, and one with something of every table.
async fn sealed_with_the_first(accounts: u32) -> TempDir {
    let (directory, store) = new();
    for number in 0..accounts {
        enroll(&store, &user(number)).await;
    }
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    drop(store);
    directory
}

async fn to_the_end(store: &Store) -> u64 {
    let course = Arc::new(Course::default());
    while store.reseal(&course).await.unwrap() > 0 {}
    store.retire(NOW).await.unwrap();
    course.damaged()
}

fn all_are_there(store: &Store, accounts: u32) {
    for number in 0..accounts {
        let account = account(store, &user(number));
        assert_eq!((app(&account.factors[0]).secret.expose(), account.backup.codes.len()), (&SECRET[..], 10));
    }
    assert_eq!(account(store, &alice()).pending.unwrap().secret.expose(), SECRET);
}

#[test]
fn every_table_that_seals_something_is_sealed_anew() {
    let (directory, store) = new();
    drop(store);
    let database = sql(&directory);
    let select = "SELECT t.name FROM sqlite_schema AS t JOIN pragma_table_info(t.name) AS c \
                  WHERE t.type = 'table' AND c.name = 'key_id' ORDER BY t.name";
    let mut statement = database.prepare(select).unwrap();
    let tables: Vec<String> = statement.query_map((), |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap();
    let mut known = crate::store::rotation::sealed_tables();
    known.sort_unstable();
    assert_eq!(tables, known);
}

#[tokio::test]
async fn when_everything_is_sealed_anew_the_old_key_is_not_asked_for_any_more() {
    let directory = sealed_with_the_first(50).await;
    let store = Store::open(directory.path(), both()).unwrap();
    let before = store.rotation().await.unwrap();
    assert_eq!((before.current, &before.held, &before.needed), (2, &vec![2, 1], &vec![1, 2]));
    assert_eq!((before.left, before.rows), (101, 101));
    assert_eq!(to_the_end(&store).await, 0);
    let after = store.rotation().await.unwrap();
    assert_eq!((after.needed, after.left), (vec![2], 0));
    all_are_there(&store, 50);
    drop(store);
    assert_eq!(Store::open(directory.path(), key()).err(), Some(OpenError::WrongKey));
    all_are_there(&Store::open(directory.path(), new_one()).unwrap(), 50);
    let records = "SELECT count(*) FROM audit WHERE what = 'master-key-rotated'";
    assert_eq!(number(&directory, records), 2, "that it began, and that the old one is retired");
}

#[tokio::test]
async fn versions_and_generations_do_not_move_and_logins_go_on_meanwhile() {
    let directory = sealed_with_the_first(120).await;
    let store = Store::open(directory.path(), both()).unwrap();
    let before = account(&store, &user(7));
    let logins = {
        let store = store.clone();
        tokio::spawn(async move {
            for step in 101..160 {
                let factor = account(&store, &user(1)).factors.remove(0);
                write(&store, &user(1), vec![Write::UseStep { factor: factor.id, step: Step(step) }]).await;
            }
        })
    };
    assert_eq!(to_the_end(&store).await, 0);
    logins.await.unwrap();
    let after = account(&store, &user(7));
    assert_eq!((after.version, after.factor_generation), (before.version, before.factor_generation));
    assert_eq!(app(&account(&store, &user(1)).factors[0]).used, Step(159));
    all_are_there(&store, 120);
}

#[tokio::test]
async fn the_old_key_stays_as_long_as_one_row_needs_it_and_a_row_that_does_not_open_stops_nobody() {
    let directory = sealed_with_the_first(80).await;
    sql(&directory).execute("UPDATE factor SET sealed = zeroblob(36) WHERE account IN (1, 40)", ()).unwrap();
    let store = Store::open(directory.path(), both()).unwrap();
    assert_eq!(to_the_end(&store).await, 2);
    let after = store.rotation().await.unwrap();
    assert_eq!((after.needed, after.left), (vec![1, 2], 2));
    drop(store);
    assert_eq!(Store::open(directory.path(), new_one()).err(), Some(OpenError::MissingKey(1)));
}

/// Seals anew, and says so after each step.
fn rotate_aloud(place: &Path) {
    let store = Store::open(place, both()).unwrap();
    let say = |line: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{line}").and_then(|()| out.flush()).unwrap();
    };
    say("step");
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        let course = Arc::new(Course::default());
        while store.reseal(&course).await.unwrap() > 0 {
            say("step");
        }
        store.retire(NOW).await.unwrap();
        say("step");
    });
    say("end");
}

#[test]
fn killed_after_any_step_it_goes_on_and_nothing_is_lost() {
    if let Some(place) = as_child() {
        rotate_aloud(&place);
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for steps in 0..9 {
        let directory = runtime.block_on(sealed_with_the_first(100));
        let name = "rotation::killed_after_any_step_it_goes_on_and_nothing_is_lost";
        let mut child = child(&["env"], name, directory.path()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
        let heard = lines.filter(|line| line.contains("step") || line.contains("end")).take(steps).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(heard, steps);
        // What was begun needs both keys, and with both it ends.
        let store = Store::open(directory.path(), both()).unwrap();
        all_are_there(&store, 100);
        assert_eq!(runtime.block_on(to_the_end(&store)), 0);
        drop(store);
        all_are_there(&Store::open(directory.path(), new_one()).unwrap(), 100);
    }
}
