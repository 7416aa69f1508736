//! Letters: in with their commit, out when a server has them, and no code twice.

use super::*;
use crate::audit::{Site, SiteRecord};
use crate::store::outbox::{MOST_A_DAY, PATIENCE};
use mfa_core::letter::{Letter, Topic};

const CODE: &[u8] = b"49281730";

fn with_letters(store: &Store, letters: Vec<Letter>) -> Commit {
    Commit { letters, ..commit_now(store, &alice(), vec![new_pending(SECRET)]) }
}

fn notice() -> Letter {
    Letter::to_owner(Topic::FactorRemoved).saying("factor", "phone code").saying("name", "old")
}

fn code() -> Letter {
    let to = "alice@example.com".parse().unwrap();
    Letter::with_code(to, Secret::new(CODE.to_vec()), (NOW, NOW.plus(600)))
}

fn due(store: &Store, at: Time) -> Vec<Waiting> {
    store.due(at, 100).unwrap().letters
}

async fn change(store: &Store, change: Change) -> bool {
    store.change_outbox(change, NOW).await.unwrap()
}

async fn with_one(letter: Letter) -> (TempDir, Store, i64) {
    let (directory, store) = new();
    done(&store, with_letters(&store, vec![letter])).await;
    let id = due(&store, NOW)[0].id;
    (directory, store, id)
}

#[tokio::test]
async fn a_letter_is_there_if_its_commit_is_and_only_then() {
    let (_directory, store) = new();
    let commit = with_letters(&store, vec![notice()]);
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    assert!(is_stale(&store, commit).await);
    assert!(due(&store, NOW).is_empty());
    done(&store, with_letters(&store, vec![notice()])).await;
    let letters = due(&store, NOW);
    let Waiting { about, to, topic, values, created, until, tries, code, .. } = &letters[0];
    assert_eq!((about, to, *topic), (&alice(), &Recipient::Owner, Some(Topic::FactorRemoved)));
    assert_eq!((created, until, tries, code), (&NOW, &NOW.plus(PATIENCE), &0, &None));
    let said: Vec<_> = values.iter().map(|(field, value)| (field.as_str(), value.as_str())).collect();
    assert_eq!(said, [("factor", "phone code"), ("from", "10.0.0.9"), ("name", "old"), ("service", "sshd")]);
}

#[tokio::test]
async fn whoever_waits_for_letters_is_told_when_one_is_on_disk() {
    let (_directory, store) = new();
    write(&store, &alice(), vec![new_pending(SECRET)]).await;
    let waiting = store.letters_put_in();
    tokio::pin!(waiting);
    assert!(futures_now(waiting.as_mut()).await.is_none(), "nothing was put in yet");
    done(&store, with_letters(&store, vec![notice()])).await;
    waiting.await;
    assert_eq!(due(&store, NOW).len(), 1);
}

/// What a future has come to without waiting.
async fn futures_now<T>(future: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = std::future::ready(()) => None,
    }
}

#[tokio::test]
async fn a_notice_stays_until_a_server_has_it() {
    let (directory, store, id) = with_one(notice()).await;
    let mark = due(&store, NOW)[0].mark;
    assert!(change(&store, Change::Later { id, next: NOW.plus(30), why: "the server is away".into() }).await);
    assert!(due(&store, NOW.plus(29)).is_empty());
    assert_eq!(store.due(NOW, 100).unwrap().next, Some(NOW.plus(30)));
    drop(store);
    let store = open(directory.path());
    let again = due(&store, NOW.plus(30));
    assert_eq!((again[0].id, again[0].mark, again[0].tries), (id, mark, 1));
    let Outbox { waiting, since, problem, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, since, problem.as_deref()), (1, Some(NOW), Some("the server is away")));
    assert!(change(&store, Change::Sent(id)).await);
    assert!(!change(&store, Change::Sent(id)).await, "it is not there any more");
    let after = store.outbox().await.unwrap();
    assert_eq!((after.waiting, after.sent, after.problem), (0, 1, None));
}

#[tokio::test]
async fn a_code_that_was_handed_over_is_not_read_again_not_even_after_a_crash() {
    let (directory, store, id) = with_one(code()).await;
    assert_eq!(due(&store, NOW)[0].code.as_ref().unwrap().expose(), CODE);
    assert!(change(&store, Change::HandOver(id)).await);
    assert!(due(&store, NOW).is_empty());
    assert!(!change(&store, Change::HandOver(id)).await);
    drop(store);
    let store = open(directory.path());
    assert!(due(&store, NOW.plus(599)).is_empty());
    let Outbox { waiting, failed, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, failed), (0, 1));
}

#[tokio::test]
async fn a_code_that_surely_was_not_taken_is_tried_again() {
    let (_directory, store, id) = with_one(code()).await;
    assert!(change(&store, Change::HandOver(id)).await);
    assert!(change(&store, Change::Later { id, next: NOW.plus(5), why: "busy".into() }).await);
    let again = due(&store, NOW.plus(5));
    assert_eq!((again[0].tries, again[0].until), (1, NOW.plus(600)));
}

#[tokio::test]
async fn a_code_is_nowhere_in_the_files_in_the_clear() {
    let (directory, store, _) = with_one(code()).await;
    drop(store);
    for file in std::fs::read_dir(directory.path()).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(!bytes.windows(CODE.len()).any(|window| window == CODE));
    }
}

#[tokio::test]
async fn a_code_moved_to_another_letter_does_not_open() {
    let (directory, store, id) = with_one(code()).await;
    drop(store);
    sql(&directory).execute("UPDATE outbox SET id = id + 100 WHERE id = ?1", [id]).unwrap();
    let store = open(directory.path());
    assert_eq!(store.due(NOW, 100).unwrap_err(), StoreError::Unsealable { table: "outbox", id: id + 100 });
}

#[tokio::test]
async fn a_letter_that_is_given_up_is_on_record() {
    let (_directory, store, id) = with_one(notice()).await;
    assert!(change(&store, Change::Failed { id, why: "550 no such user".into() }).await);
    let events = store.recent(&alice(), 1).await.unwrap();
    assert_eq!((events[0].what.as_str(), events[0].reason.as_deref()), ("not-mailed", Some("factor-removed")));
    let Outbox { waiting, failed, problem, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, failed, problem.as_deref()), (0, 1, Some("550 no such user")));
}

#[tokio::test]
async fn letters_about_one_account_are_few_a_day_and_codes_aside_counted() {
    let (_directory, store) = new();
    for _ in 0..MOST_A_DAY + 3 {
        done(&store, with_letters(&store, vec![notice()])).await;
    }
    done(&store, with_letters(&store, vec![Letter::to_owner(Topic::Reset), code()])).await;
    let Outbox { waiting, dropped, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, dropped), (12, 3), "another topic and a code have room");
    let tomorrow = NOW.plus(86_400);
    done(&store, Commit { at: tomorrow, ..with_letters(&store, vec![notice()]) }).await;
    assert_eq!(store.outbox().await.unwrap().waiting, 13);
}

#[tokio::test]
async fn a_full_outbox_loses_its_oldest_notice_and_no_code() {
    let (directory, store) = new();
    done(&store, with_letters(&store, vec![code(), notice()])).await;
    let oldest = due(&store, NOW)[1].id;
    drop(store);
    let fill = "WITH RECURSIVE n (id) AS (VALUES (1000) UNION ALL SELECT id + 1 FROM n WHERE id < 10997) \
                INSERT INTO outbox (id, mark, uid, name, recipient, topic, fields, created, until, next_try) \
                SELECT n.id, mark, uid, name, recipient, topic, fields, created, until, next_try + 100 \
                FROM n, outbox WHERE outbox.id = ?1";
    sql(&directory).execute(fill, [oldest]).unwrap();
    let store = open(directory.path());
    done(&store, with_letters(&store, vec![Letter::to_owner(Topic::Reset)])).await;
    let left: Vec<_> = due(&store, NOW).into_iter().map(|letter| letter.topic).collect();
    assert_eq!(left, [Some(Topic::Code), Some(Topic::Reset)]);
    let Outbox { waiting, dropped, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, dropped), (10_000, 1));
}

#[tokio::test]
async fn what_happens_to_the_site_is_told_in_one_transaction_with_its_record() {
    let (_directory, store) = new();
    let jumped = || SiteRecord::of(Site::ClockJumped).because("turned").with("seconds", 90);
    store.record(jumped(), NOW, Context::of_daemon()).await.unwrap();
    store.record(SiteRecord::of(Site::Started), NOW, Context::of_daemon()).await.unwrap();
    let letters = due(&store, NOW);
    assert_eq!(
        (letters.len(), letters[0].topic, &letters[0].to),
        (1, Some(Topic::ClockJumped), &Recipient::Administrators)
    );
    assert_eq!(letters[0].values["detail"], "clock-jumped reason=turned seconds=90");
    for _ in 0..2 * MOST_A_DAY {
        store.record(jumped(), NOW, Context::of_daemon()).await.unwrap();
    }
    let Outbox { waiting, dropped, .. } = store.outbox().await.unwrap();
    assert_eq!((waiting, dropped), (10, 11), "a clock that jumps all day is told ten times");
}

#[tokio::test]
async fn a_code_is_not_behind_the_notices_that_wait() {
    let (_directory, store) = new();
    let old = (0..5).map(|_| notice()).collect();
    done(&store, with_letters(&store, old)).await;
    done(&store, with_letters(&store, vec![code()])).await;
    let letters = store.due(NOW, 2).unwrap().letters;
    assert_eq!(letters.iter().map(|letter| letter.code.is_some()).collect::<Vec<_>>(), [true, false, false]);
}

#[tokio::test]
async fn a_letter_to_several_becomes_one_for_each() {
    let (_directory, store) = new();
    done(&store, with_letters(&store, vec![Letter::to_administrators(Topic::SeatsFull)])).await;
    let id = due(&store, NOW)[0].id;
    let root = Recipient::Address("root@example.com".parse().unwrap());
    assert!(change(&store, Change::Divided(id, vec![root.clone(), Recipient::Webhook])).await);
    let letters = due(&store, NOW);
    let to: Vec<_> = letters.iter().map(|letter| letter.to.clone()).collect();
    assert_eq!(to, [root, Recipient::Webhook]);
    assert_ne!(letters[0].mark, letters[1].mark);
}

#[tokio::test]
async fn a_verified_address_is_kept_and_used_for_what_waits() {
    let (_directory, store, _) = with_one(notice()).await;
    let own: mfa_core::letter::Address = "me@home.example".parse().unwrap();
    write(&store, &alice(), vec![Write::Address(Some(own.clone()))]).await;
    assert_eq!(account(&store, &alice()).address, Some(own.clone()));
    assert_eq!(due(&store, NOW)[0].verified, Some(own));
    write(&store, &alice(), vec![Write::Address(None)]).await;
    assert_eq!((account(&store, &alice()).address, &due(&store, NOW)[0].verified), (None, &None));
}
