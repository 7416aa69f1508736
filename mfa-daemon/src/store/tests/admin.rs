//! What administrators are shown, the record, and how fast it is found.

use super::*;
use crate::audit::{Head, Site};
use crate::store::admin::{Counts, LAST_PASS, Page, RECENT, REFUSED, THROTTLED};
use mfa_core::factor::Kind;
use mfa_core::throttle::{Bucket, FAILURES_UNTIL_OFF, Throttle};
use rusqlite::params;

const CODES: Bucket = Bucket::ALL[0];

fn user(number: u32) -> Identity {
    identity(2000 + number, &format!("user{number}"))
}

fn failed(times: u32) -> Write {
    Write::Throttle(CODES, (0..times).fold(Throttle::default(), |throttle, _| throttle.failed(NOW)))
}

#[tokio::test]
async fn accounts_are_counted_by_what_they_have() {
    let (_directory, store) = new();
    assert_eq!(store.counts(NOW).await.unwrap(), Counts::default());
    for number in 0..5 {
        enroll(&store, &user(number)).await;
    }
    add_app(&store, &user(0), b"a second app's secret").await;
    write(&store, &user(1), vec![Write::RemoveAll]).await;
    write(&store, &user(1), vec![new_pending(SECRET)]).await;
    write(&store, &user(9), vec![new_pending(SECRET)]).await;
    write(&store, &user(2), vec![failed(4)]).await;
    write(&store, &user(3), vec![failed(5)]).await;
    write(&store, &user(4), vec![failed(FAILURES_UNTIL_OFF)]).await;
    // By processes of their own, and at backup codes: the one counts, the other does not.
    let closed = |bucket| Write::Throttle(bucket, Throttle { failures: 5, until: NOW.plus(9), ..Throttle::default() });
    write(&store, &user(0), vec![closed(Bucket::ALL[2])]).await;
    write(&store, &user(3), vec![closed(Bucket::ALL[2])]).await;
    write(&store, &user(9), vec![closed(Bucket::ALL[1]), closed(Bucket::ALL[3])]).await;
    assert_eq!(store.counts(NOW).await.unwrap(), Counts { enrolled: 4, pending: 2, throttled: 3 });
    let later = NOW.plus(24 * 3600);
    assert_eq!(store.counts(later).await.unwrap(), Counts { enrolled: 4, pending: 0, throttled: 1 });
}

#[tokio::test]
async fn pages_list_every_account_once() {
    let (_directory, store) = new();
    for number in 0..25 {
        enroll(&store, &user(number)).await;
    }
    let (mut names, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let page = store.page((after, 10), None, NOW).await.unwrap();
        names.extend(page.accounts.into_iter().map(|summary| summary.identity.name));
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(names, (0..25).map(|number| format!("user{number}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_search_finds_a_part_of_a_name_in_any_case_and_goes_on_where_a_page_ended() {
    let (_directory, store) = new();
    for number in 0..25 {
        enroll(&store, &user(number)).await;
    }
    let search = |after, text: &str| store.page((after, 5), Some(text.to_owned()), NOW);
    let names = |page: &Page| page.accounts.iter().map(|one| one.identity.name.clone()).collect::<Vec<_>>();
    let first = search(None, "SER1").await.unwrap();
    assert_eq!(names(&first), ["user1", "user10", "user11", "user12", "user13"]);
    let last = search(search(first.next, "ser1").await.unwrap().next, "ser1").await.unwrap();
    assert_eq!((names(&last), last.next), (vec!["user19".to_owned()], None));
    for nothing in ["%", "_", "ser1%", "'"] {
        assert_eq!(search(None, nothing).await.unwrap(), Page::default(), "{nothing}");
    }
    let named = store.named(vec!["user7".into(), "nobody".into(), "user3".into()], NOW).await.unwrap();
    assert_eq!(named.iter().map(|one| one.identity.name.as_str()).collect::<Vec<_>>(), ["user7", "user3"]);
}

#[tokio::test]
async fn an_account_is_summed_up_on_one_line_and_found_by_name() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    add_app(&store, &alice(), b"a second app's secret").await;
    let id = account(&store, &alice()).backup.codes[0].id;
    write(&store, &alice(), vec![Write::UseBackupCode { id }, new_pending(SECRET), failed(5)]).await;
    let expected = Summary {
        identity: alice(),
        factors: [("totp".to_owned(), 2)].into(),
        backup_codes: 9,
        pending: true,
        throttled: true,
    };
    assert_eq!(store.page((None, 10), None, NOW).await.unwrap().accounts, std::slice::from_ref(&expected));
    assert_eq!(store.find("alice", NOW).await.unwrap(), Some(expected));
    for name in ["alic", "ALICE", "", "' OR 1 --"] {
        assert_eq!(store.find(name, NOW).await.unwrap(), None);
    }
    let later = store.find("alice", NOW.plus(3600)).await.unwrap().unwrap();
    assert_eq!((later.pending, later.throttled), (false, false));
}

#[tokio::test]
async fn refusals_are_counted_by_reason_within_their_time() {
    let (_directory, store) = new();
    let denied = |reason| Record::of(What::Denied).because(reason);
    for (whose, at, what) in [
        (alice(), NOW.plus(-1), Record::of(What::Wrong)),
        (alice(), NOW, Record::of(What::Wrong)),
        (alice(), NOW, Record::of(What::Wrong)),
        (alice(), NOW, Record::of(What::Replayed)),
        (alice(), NOW, Record::of(What::Passed)),
        (alice(), NOW, Record::of(What::Skipped).because("exempt")),
        (alice(), NOW, denied("not-enrolled")),
        (alice(), NOW, denied("throttled")),
        (identity(5, "bob"), NOW.plus(1), denied("throttled")),
        (identity(6, "carol"), NOW.plus(-1), denied("throttled")),
        (identity(7, "dave"), NOW.plus(2), denied("codes-off")),
    ] {
        record(&store, &whose, at, what).await;
    }
    let refused = store.refused_since(NOW).await.unwrap();
    let expected = [("wrong", 2), ("replayed", 1), ("not-enrolled", 1), ("throttled", 2), ("codes-off", 1)];
    assert_eq!(refused.by_reason, expected.map(|(reason, count)| (reason.to_owned(), count)).into());
    assert_eq!(refused.throttled, ["dave", "bob", "alice"]);
}

#[tokio::test]
async fn no_more_than_ten_throttled_users_are_named() {
    let (_directory, store) = new();
    for number in 0..30 {
        record(&store, &user(number), NOW, Record::of(What::Denied).because("throttled")).await;
    }
    assert_eq!(store.refused_since(NOW).await.unwrap().throttled.len(), 10);
}

#[tokio::test]
async fn a_clock_that_was_turned_back_is_told() {
    let (_directory, store) = new();
    record(&store, &alice(), NOW, Record::of(What::Denied)).await;
    assert!(store.problems(NOW.plus(-60)).is_empty());
    let problems = store.problems(NOW.plus(-61));
    assert!(problems.len() == 1 && problems[0].contains("61 s behind"), "{problems:?}");
}

#[tokio::test]
async fn the_last_pass_is_the_latest_one() {
    let (_directory, store) = new();
    assert_eq!(store.last_pass().await.unwrap(), None);
    record(&store, &alice(), NOW, Record::of(What::Passed)).await;
    record(&store, &alice(), NOW.plus(5), Record::of(What::Skipped)).await;
    assert_eq!(store.last_pass().await.unwrap(), Some(NOW));
}

#[tokio::test]
async fn recent_records_are_the_newest_of_this_account_and_tell_how_they_came() {
    let (_directory, store) = new();
    for number in 0..15 {
        record(&store, &alice(), NOW.plus(number), Record::of(What::Wrong)).await;
        record(&store, &identity(1000, "who had the uid before"), NOW, Record::of(What::Passed)).await;
    }
    let with = Record::of(What::Denied).with(Kind::Totp, Some(FactorId(7))).because("throttled");
    record(&store, &alice(), NOW, with).await;
    let events = store.recent(&alice(), 10).await.unwrap();
    assert_eq!(events.len(), 10);
    let newest = &events[0];
    assert_eq!((newest.what.as_str(), newest.reason.as_deref()), ("denied", Some("throttled")));
    assert_eq!((newest.service.as_deref(), newest.rhost.as_deref(), newest.by), (Some("sshd"), Some("10.0.0.9"), 0));
    assert_eq!(newest.factor.as_ref().map(|factor| (factor.kind.as_str(), factor.id)), Some(("totp", Some(7))));
    assert_eq!(events[1..].iter().map(|event| event.at - NOW.0).collect::<Vec<_>>(), [14, 13, 12, 11, 10, 9, 8, 7, 6]);
    assert_eq!(store.recent(&identity(9, "nobody"), 10).await.unwrap(), []);
}

/// A store with 30 records, closed.
async fn thirty_records() -> TempDir {
    let (directory, store) = new();
    for number in 0..30 {
        record(&store, &user(number), NOW, Record::of(What::Denied)).await;
    }
    drop(store);
    directory
}

#[tokio::test]
async fn records_form_one_chain_also_across_restarts_failures_and_stale_commits() {
    let (directory, mut store) = new();
    for round in 0..5i64 {
        enroll(&store, &user(0)).await;
        let stale = commit_of(&alice(), Seen::At(Version(99)), vec![Write::RemoveAll], Record::of(What::Reset));
        assert!(is_stale(&store, stale).await);
        let nameless = commit_of(&identity(9, ""), Seen::Absent, vec![new_pending(SECRET)], Record::of(What::Begun));
        assert!(store.commit(nameless, root()).await.is_err());
        record(&store, &user(1), NOW.plus(-round), Record::of(What::Denied)).await;
        drop(store);
        store = open(directory.path());
        assert!(store.problems(NOW).is_empty());
    }
    drop(store);
    let connection = sql(&directory);
    let mut statement = connection.prepare("SELECT node, seq, record, hash FROM audit ORDER BY seq").unwrap();
    let mut rows = statement.query(()).unwrap();
    let (mut head, mut count) = (None, 0);
    while let Some(row) = rows.next().unwrap() {
        let last = head.unwrap_or_else(|| Head::start(row.get(0).unwrap()));
        let next = last.next(&row.get::<_, Vec<u8>>(2).unwrap());
        assert_eq!((next.node, next.seq, next.hash), (row.get(0).unwrap(), row.get(1).unwrap(), row.get(3).unwrap()));
        (head, count) = (Some(next), count + 1);
    }
    assert_eq!(count, 20);
}

#[tokio::test]
async fn a_record_changed_or_taken_out_shows_at_the_next_start_and_logins_go_on() {
    for (change, first_wrong) in [
        ("UPDATE audit SET record = CAST(replace(record, 'user7\"', 'user8\"') AS BLOB) WHERE seq = 8", 8),
        ("DELETE FROM audit WHERE seq = 8", 9),
        ("DELETE FROM audit WHERE seq = 1", 2),
        ("UPDATE audit SET hash = zeroblob(32) WHERE seq = 30", 30),
        ("UPDATE audit SET seq = 31 WHERE seq = 30", 31),
    ] {
        let directory = thirty_records().await;
        assert!(open(directory.path()).problems(NOW).is_empty());
        assert_eq!(sql(&directory).execute(change, ()), Ok(1));
        let store = open(directory.path());
        let problems = store.problems(NOW);
        assert_eq!(problems.len(), 1, "{change}");
        assert!(problems[0].starts_with(&format!("audit record {first_wrong} ")), "{change}: {problems:?}");
        enroll(&store, &alice()).await;
    }
}

#[test]
fn no_statement_of_a_login_and_no_look_at_the_record_reads_a_whole_table() {
    let (directory, store) = new();
    drop(store);
    let connection = sql(&directory);
    let statements = [
        read::ACCOUNT,
        read::FACTORS,
        read::PENDING,
        read::BACKUP_SET,
        read::THROTTLES,
        crate::store::admin::BEGUN,
        crate::store::admin::MAYBE_CLOSED,
        LAST_PASS,
        REFUSED,
        THROTTLED,
        RECENT,
    ];
    for sql in statements {
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        for parameter in 1..=statement.parameter_count() {
            statement.raw_bind_parameter(parameter, 1).unwrap();
        }
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let plan: String = row.get(3).unwrap();
            assert!(!plan.contains("SCAN"), "{sql}: {plan}");
        }
    }
}

#[tokio::test]
async fn a_long_look_by_an_administrator_does_not_keep_logins_waiting() {
    let (_directory, store) = new();
    let factor = enroll(&store, &alice()).await;
    // An administrator's look that takes as long as this test wants.
    let (go_on, may_go_on) = std::sync::mpsc::channel();
    let long = {
        let store = store.clone();
        tokio::spawn(async move { store.look(move |_| Ok(may_go_on.recv())).await })
    };
    write(&store, &alice(), vec![Write::UseStep { factor, step: Step(200) }]).await;
    assert_eq!(app(&account(&store, &alice()).factors[0]).used, Step(200));
    assert!(!long.is_finished());
    go_on.send(()).unwrap();
    assert_eq!(long.await.unwrap(), Ok(Ok(())));
    assert_eq!(store.counts(NOW).await.unwrap().enrolled, 1);
}

/// Every word of `What` is found under that word.
#[tokio::test]
async fn every_kind_of_record_is_written_and_read_back() {
    let (directory, store) = new();
    for what in What::ALL {
        record(&store, &alice(), NOW, Record::of(what)).await;
    }
    let events = store.recent(&alice(), 100).await.unwrap();
    let words: Vec<_> = events.iter().rev().map(|event| event.what.as_str()).collect();
    assert_eq!(words, What::ALL.map(What::as_str));
    let agree = "SELECT count(*) FROM audit WHERE json_extract(CAST(record AS TEXT), '$.what') = what \
                 AND json_extract(CAST(record AS TEXT), '$.uid') = uid AND json_extract(CAST(record AS TEXT), '$.at') = at";
    let found: i64 = sql(&directory).query_row(agree, params![], |row| row.get(0)).unwrap();
    assert_eq!(found, i64::try_from(What::ALL.len()).unwrap());
}

#[tokio::test]
async fn what_happens_to_the_site_is_in_the_chain_and_in_no_accounts_history() {
    let (directory, store) = new();
    record(&store, &alice(), NOW, Record::of(What::Passed)).await;
    // An older database is a problem for a day: the tests about it say so.
    let all: Vec<Site> = Site::ALL.into_iter().filter(|what| *what != Site::OlderDatabase).collect();
    for what in &all {
        let happened = SiteRecord::of(*what).because("test").with("number", 7).with("text", "as\nit is");
        store.record(happened, NOW, Context::of_peer(0)).await.unwrap();
    }
    record(&store, &alice(), NOW, Record::of(What::Passed)).await;
    assert_eq!(store.recent(&alice(), 100).await.unwrap().len(), 2);
    drop(store);
    assert_eq!(open(directory.path()).problems(NOW), Vec::<String>::new());
    let of_no_account = "SELECT count(*) FROM audit WHERE uid IS NULL AND name IS NULL \
                         AND json_extract(CAST(record AS TEXT), '$.details.number') = 7";
    assert_eq!(number(&directory, of_no_account), i64::try_from(all.len()).unwrap());
}
