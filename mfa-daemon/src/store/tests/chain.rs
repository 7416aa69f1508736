//! Tests of the chain of records: what is looked for in it, what is found wrong with it, and what becomes of old ones.

use super::super::history::{BACKWARD, BACKWARD_OF, FORWARD, FORWARD_OF, NEXT_CHAIN};
use super::super::verify::{Walked, Wrong, verify};
use super::*;
use crate::audit::{Head, Site};
use proptest::prelude::*;

const DAY: i64 = 86_400;

/// So many records, a minute apart, of three accounts in turn.
async fn filled(store: &Store, count: i64) {
    for (number, (uid, name)) in (0..count).zip([(1000, "alice"), (1001, "bob"), (1002, "carol")].into_iter().cycle()) {
        let who = identity(uid, name);
        let what = if number % 5 == 0 { What::Denied } else { What::Passed };
        record(store, &who, NOW.plus(60 * number), Record::of(what)).await;
    }
}

/// Everything that is found, looking at `most` records at a time.
fn found(directory: &TempDir, most: u32) -> Vec<(i64, Wrong)> {
    let connection = sql(directory);
    let (mut after, mut findings, mut checked) = (None::<Walked>, Vec::new(), 0);
    loop {
        let part = verify(&connection, after, most).unwrap();
        checked += part.checked;
        findings.extend(part.findings.iter().map(|finding| (finding.place.1, finding.wrong)));
        if part.next.is_none() {
            assert!(checked == part.total || !findings.is_empty());
            return findings;
        }
        after = part.next;
    }
}

#[tokio::test]
async fn a_chain_that_nobody_touched_is_whole_however_it_is_divided() {
    let (directory, store) = new();
    filled(&store, 40).await;
    for most in [1, 7, 40, 1000] {
        assert_eq!(found(&directory, most), [], "{most} at a time");
    }
}

#[tokio::test]
async fn every_kind_of_tampering_is_found_where_it_was_done() {
    let swap = "UPDATE audit SET seq = 99 WHERE seq = 8; UPDATE audit SET seq = 8 WHERE seq = 9;
                UPDATE audit SET seq = 9 WHERE seq = 99";
    let copied = "UPDATE audit SET (record, hash) = (SELECT record, hash FROM audit WHERE seq = 12) WHERE seq = 11";
    let tampered: [(&str, &[(i64, Wrong)]); 14] = [
        (
            "UPDATE audit SET record = CAST(replace(record, 'denied', 'passed') AS BLOB) WHERE seq = 11",
            &[(11, Wrong::Changed)],
        ),
        ("UPDATE audit SET record = x'' WHERE seq = 11", &[(11, Wrong::Changed)]),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 11", &[(11, Wrong::Changed), (12, Wrong::Changed)]),
        ("UPDATE audit SET hash = x'00' WHERE seq = 30", &[(30, Wrong::Changed)]),
        ("DELETE FROM audit WHERE seq = 8", &[(9, Wrong::Missing(8))]),
        ("DELETE FROM audit WHERE seq BETWEEN 8 AND 12", &[(13, Wrong::Missing(8))]),
        ("DELETE FROM audit WHERE seq = 1", &[(2, Wrong::Missing(1))]),
        (swap, &[(8, Wrong::Changed), (9, Wrong::Changed), (10, Wrong::Changed)]),
        (copied, &[(11, Wrong::Changed), (12, Wrong::Changed)]),
        ("UPDATE audit SET name = 'mallory' WHERE seq = 11", &[(11, Wrong::Columns)]),
        ("UPDATE audit SET what = 'passed', reason = NULL WHERE seq = 11", &[(11, Wrong::Columns)]),
        ("DELETE FROM audit WHERE seq > 25", &[(25, Wrong::CutOff)]),
        ("DELETE FROM audit", &[(0, Wrong::CutOff)]),
        (
            "INSERT INTO anchor SELECT node, seq, hash, at FROM audit WHERE seq = 5; DELETE FROM audit WHERE seq <= 5",
            &[(5, Wrong::Anchor)],
        ),
    ];
    for (tampering, expected) in tampered {
        let (directory, store) = new();
        filled(&store, 30).await;
        drop(store);
        sql(&directory).execute_batch(tampering).unwrap();
        for most in [1, 1000] {
            assert_eq!(found(&directory, most), expected, "{tampering}");
        }
    }
}

#[tokio::test]
async fn what_was_cut_off_under_a_running_daemon_leaves_a_gap() {
    let (directory, store) = new();
    filled(&store, 10).await;
    sql(&directory).execute_batch("DELETE FROM audit WHERE seq > 7").unwrap();
    filled(&store, 12).await;
    assert_eq!(found(&directory, 1000), [(11, Wrong::Missing(8))]);
}

#[tokio::test]
async fn old_records_go_and_the_chain_still_holds() {
    let (directory, store) = new();
    record(&store, &alice(), NOW.plus(900 * DAY), Record::of(What::Passed)).await; // by a clock that was far ahead
    filled(&store, 1000).await;
    filled(&store, 3).await;
    record(&store, &alice(), NOW.plus(500 * DAY), Record::of(What::Denied)).await;
    let later = NOW.plus(500 * DAY);
    assert_eq!(store.prune(400 * DAY, later).await, Ok(1004));
    assert_eq!(number(&directory, "SELECT count(*) FROM audit"), 2, "the newest, and what says that the others went");
    assert_eq!(number(&directory, "SELECT count(*) FROM audit WHERE what = 'pruned'"), 1);
    assert_eq!(found(&directory, 1), []);
    assert_eq!(store.prune(400 * DAY, later).await, Ok(0));
    drop(store);
    let store = open(directory.path());
    assert_eq!(store.problems(later.plus(500 * DAY)), Vec::<String>::new());
    filled(&store, 3).await;
    assert_eq!(found(&directory, 1000), []);
    sql(&directory).execute_batch("UPDATE anchor SET seq = seq + 1").unwrap();
    assert!(found(&directory, 1000).iter().any(|(_, wrong)| *wrong == Wrong::Anchor));
}

#[tokio::test]
async fn a_removal_that_was_interrupted_is_gone_on_with_and_shows_nowhere() {
    let (directory, store) = new();
    filled(&store, 10).await;
    let later = NOW.plus(500 * DAY);
    let hash = store.hashes(vec![(own(&directory), 10)]).await.unwrap()[0].unwrap();
    let pruned = SiteRecord::of(Site::Pruned).with("node", own(&directory)).with("seq", 10i64);
    let pruned = pruned.with("hash", hex(&hash).as_str());
    store.record(pruned, later, root()).await.unwrap();
    sql(&directory).execute("INSERT INTO anchor VALUES (?1, 10, ?2, 0)", (own(&directory), hash)).unwrap();
    sql(&directory).execute_batch("DELETE FROM audit WHERE seq <= 4").unwrap();
    assert_eq!(found(&directory, 1000), []);
    assert_eq!(store.prune(400 * DAY, later).await, Ok(0));
    assert_eq!(number(&directory, "SELECT min(seq) FROM audit"), 11);
    assert_eq!(found(&directory, 1000), []);
}

fn own(directory: &TempDir) -> i64 {
    number(directory, "SELECT node FROM meta")
}

/// The numbers of all that is found, a few at a time.
async fn sought(store: &Store, sought: Sought, at_once: usize) -> Vec<i64> {
    let (mut after, mut numbers) = (None, Vec::new());
    loop {
        let mut room = at_once;
        let holds = move |_: &Written| {
            room = room.saturating_sub(1);
            room > 0
        };
        let part = store.records(sought.clone(), after, holds).await.unwrap();
        numbers.extend(part.records.iter().map(|record| record.place.1));
        after = part.next;
        if part.done {
            return numbers;
        }
    }
}

#[tokio::test]
async fn records_are_found_by_account_word_and_time_in_both_directions() {
    let (_directory, store) = new();
    filled(&store, 30).await;
    let everything = Sought::default();
    let of_bob = Sought { user: Some("bob".into()), ..Sought::default() };
    let denied = Sought { what: Some("denied".into()), ..Sought::default() };
    let late = Sought { since: Some(NOW.plus(60 * 25)), ..Sought::default() };
    let bob_late = Sought { since: late.since, ..of_bob.clone() };
    for at_once in [1, 4, 100] {
        for (filter, expected) in [
            (&everything, (1..=30).collect::<Vec<i64>>()),
            (&of_bob, (0..10).map(|n| 2 + 3 * n).collect()),
            (&denied, (0..6).map(|n| 1 + 5 * n).collect()),
            (&late, (26..=30).collect()),
            (&bob_late, vec![26, 29]),
        ] {
            assert_eq!(sought(&store, filter.clone(), at_once).await, expected, "{filter:?}");
            let backwards = Sought { newest_first: true, ..filter.clone() };
            let mut numbers = sought(&store, backwards, at_once).await;
            numbers.reverse();
            assert_eq!(numbers, expected, "{filter:?} backwards");
        }
    }
}

#[tokio::test]
async fn whoever_waits_at_the_end_goes_on_where_it_was() {
    let (_directory, store) = new();
    assert!(store.records(Sought::default(), None, |_| true).await.unwrap().done);
    filled(&store, 3).await;
    let part = store.records(Sought::default(), None, |_| true).await.unwrap();
    assert_eq!((part.records.len(), part.done), (3, true));
    let again = store.records(Sought::default(), part.next, |_| true).await.unwrap();
    assert_eq!((again.records.len(), again.done, again.next), (0, true, part.next));
    filled(&store, 1).await;
    let more = store.records(Sought::default(), part.next, |_| true).await.unwrap();
    assert_eq!(more.records.iter().map(|record| record.place.1).collect::<Vec<_>>(), [4]);
}

#[tokio::test]
async fn the_beginning_of_a_time_is_found_in_a_long_chain() {
    let (directory, store) = new();
    filled(&store, 500).await;
    let connection = sql(&directory);
    for (time, number) in
        [(NOW.plus(-1), 0), (NOW, 0), (NOW.plus(1), 1), (NOW.plus(60 * 200), 200), (Time(i64::MAX), 500)]
    {
        assert_eq!(super::super::history::before(&connection, own(&directory), time).unwrap(), number, "{time:?}");
    }
}

#[test]
fn no_look_at_the_chain_reads_or_sorts_a_whole_table() {
    let (directory, store) = new();
    drop(store);
    let connection = sql(&directory);
    for sql in [NEXT_CHAIN, FORWARD, BACKWARD, FORWARD_OF, BACKWARD_OF] {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for parameter in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(parameter, 1).unwrap();
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let plan: String = row.get(3).unwrap();
            assert!(!plan.contains("SCAN") && !plan.contains("TEMP B-TREE"), "{sql}: {plan}");
        }
    }
}

proptest! {
    #[test]
    fn a_hash_is_spelled_and_read_back(hash in any::<[u8; 32]>(), text in "\\PC{0,70}|[0-9a-f]{64}") {
        prop_assert_eq!(from_hex(&hex(&hash)), Some(hash));
        if let Some(read) = from_hex(&text) {
            prop_assert_eq!(hex(&read), text.to_lowercase());
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_check_may_be_told_any_place_to_go_on_from(node in any::<i64>(), seq in any::<i64>()) {
        let (directory, store) = new();
        drop(store);
        let head = Head { node, seq, hash: [1; 32] };
        let part = verify(&sql(&directory), Some(Walked { head, newest: Time(0) }), 10);
        prop_assert!(part.is_ok());
    }
}
