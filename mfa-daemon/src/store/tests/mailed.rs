//! Codes by mail: counted with the letter that carries them, and an address that is a factor.

use super::*;
use mfa_core::account::Detail;
use mfa_core::factor::Kind;
use mfa_core::letter::{Address, Letter};
use mfa_core::mailbox::{FREE_CODES, Sends};
use mfa_core::throttle::Caller;
use tokio::task::JoinSet;

/// Times an answer is weighed again; the dialog's own limit.
const ROUNDS: u32 = 8;

fn address(text: &str) -> Address {
    text.parse().unwrap()
}

fn add_mail(text: &str) -> Vec<Write> {
    vec![
        Write::Add { name: "mail".to_owned(), detail: Detail::Email(address(text)) },
        Write::Address(Some(address(text))),
    ]
}

fn one_code(store: &Store, caller: Caller, sends: Sends) -> Commit {
    let letter = Letter::with_code(address("alice@acme.example"), Secret::new(vec![b'1'; 8]), (NOW, NOW.plus(600)));
    Commit { letters: vec![letter], ..commit_now(store, &alice(), vec![Write::Mailings(caller, sends)]) }
}

/// Has a code mailed if one may be; weighed again when stale, as a dialog does.
async fn mail(store: &Store) -> bool {
    for _ in 0..=ROUNDS {
        let seen = account(store, &alice());
        let sends = seen.mailings.get(Caller::Root);
        if sends.wait(NOW).is_some() {
            return false;
        }
        let seen = seen.version.map_or(Seen::Absent, Seen::At);
        let commit = Commit { seen, ..one_code(store, Caller::Root, sends.sent(NOW)) };
        if matches!(store.commit(commit, root()).await.unwrap(), Committed::Done(_)) {
            return true;
        }
    }
    false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_logins_that_have_codes_mailed_at_once_no_more_do_than_the_limit_lets() {
    let (_directory, store) = new();
    let mut tasks = JoinSet::new();
    for _ in 0..64 {
        let store = store.clone();
        tasks.spawn(async move { mail(&store).await });
    }
    let mailed = tasks.join_all().await.into_iter().filter(|mailed| *mailed).count();
    assert_eq!(mailed, FREE_CODES as usize);
    assert_eq!(store.due(NOW, 100).unwrap().letters.len(), mailed, "a letter for each that was counted");
    assert_eq!(account(&store, &alice()).mailings.get(Caller::Root).hour.count, FREE_CODES);
}

#[tokio::test]
async fn codes_are_counted_by_who_had_them_mailed_and_survive_a_restart() {
    let (directory, store) = new();
    let sends = Sends::default().sent(NOW.plus(-7)).sent(NOW);
    done(&store, one_code(&store, Caller::Root, sends)).await;
    drop(store);
    let store = open(directory.path());
    let mailings = account(&store, &alice()).mailings;
    assert_eq!((mailings.get(Caller::Root), mailings.get(Caller::Plain)), (sends, Sends::default()));
    assert!(!account(&store, &alice()).is_enrolled(), "whoever is mailed a code has enrolled nothing by it");
    write(&store, &alice(), vec![Write::Mailings(Caller::Root, Sends::default())]).await;
    assert_eq!(account(&store, &alice()).mailings.get(Caller::Root), Sends::default());
}

#[tokio::test]
async fn an_address_is_a_factor_until_it_is_removed_and_there_is_one_at_the_most() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    write(&store, &alice(), add_mail("a@home.example")).await;
    let kept = account(&store, &alice());
    let factor = kept.own_mail().unwrap();
    assert!(matches!(&factor.detail, Detail::Email(own) if *own == address("a@home.example")));
    assert_eq!(kept.address, Some(address("a@home.example")));
    assert!(is_stale(&store, commit_now(&store, &alice(), add_mail("b@home.example"))).await, "a second one");
    let (id, used) = (factor.id, NOW);
    write(&store, &alice(), vec![Write::UseMailedCode { factor: Some(id) }]).await;
    assert_eq!(account(&store, &alice()).own_mail().unwrap().last_used, Some(used));
    write(&store, &alice(), vec![Write::Remove(id), Write::Address(None)]).await;
    let left = account(&store, &alice());
    assert!(left.own_mail().is_none() && left.address.is_none() && left.enrolled().contains(Kind::Totp));
}

#[tokio::test]
async fn a_reset_takes_the_address_too() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    write(&store, &alice(), add_mail("a@home.example")).await;
    write(&store, &alice(), vec![Write::RemoveAll]).await;
    assert_eq!(account(&store, &alice()).address, None);
}

#[tokio::test]
async fn an_address_that_was_changed_behind_the_stores_back_is_an_error_and_no_other_mailbox() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    write(&store, &alice(), add_mail("a@home.example")).await;
    drop(store);
    sql(&directory).execute("UPDATE account SET address = 'thief@evil.example'", ()).unwrap();
    let store = open(directory.path());
    assert!(matches!(store.snapshot(&alice()), Err(StoreError::Damaged(_))));
}
