//! Trust in the store: kept with the number of its record, replaced by its like, and never more than there may be.

use super::*;
use mfa_core::factor::Kind;
use mfa_core::trust::{Bond, Earned, MOST, PolicyDigest, Session, TrustId};

const TEXT: PolicyDigest = PolicyDigest([7; 32]);

fn session(number: u32) -> Bond {
    Bond::Session(Session { number, began: 1_600_000_000_000_000, leader: 50, uid: 1000 })
}

fn earned(store: &Store, bond: Bond) -> Earned {
    let factor_generation = account(store, &alice()).factor_generation;
    Earned { bond, kind: Kind::Totp, verified: true, at: NOW, until: NOW.plus(900), policy: TEXT, factor_generation }
}

async fn trust(store: &Store, earned: Earned) {
    write(store, &alice(), vec![Write::Trust(earned)]).await;
}

#[tokio::test]
async fn what_is_earned_is_read_back_with_its_record_also_after_a_restart() {
    let (directory, store) = new();
    enroll(&store, &alice()).await;
    let key = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap();
    let bonds =
        [Bond::Key(key), Bond::KeyFrom(key, "2001:db8::7".parse().unwrap()), session(3), Bond::OpenedBy([51, 50])];
    for bond in &bonds {
        trust(&store, earned(&store, bond.clone())).await;
    }
    let newest = number(&directory, "SELECT max(seq) FROM audit");
    drop(store);
    let store = open(directory.path());
    let held = account(&store, &alice()).trust;
    assert_eq!(held.iter().map(|one| one.earned.bond.clone()).collect::<Vec<_>>(), bonds);
    assert_eq!((held[3].record, held[3].service.as_str()), (newest, "sshd"));
    assert_eq!(held[3].earned, earned(&store, bonds[3].clone()));
}

#[tokio::test]
async fn a_second_pass_takes_the_place_of_the_first_with_the_same_bond() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let first = earned(&store, session(1));
    trust(&store, first.clone()).await;
    trust(&store, Earned { at: NOW.plus(5), until: NOW.plus(905), ..first }).await;
    let held = account(&store, &alice()).trust;
    assert_eq!((held.len(), held[0].earned.at), (1, NOW.plus(5)));
}

#[tokio::test]
async fn an_account_holds_so_many_and_what_is_over_goes_first() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    let over = [
        Earned { until: NOW, ..earned(&store, session(1000)) },
        Earned { policy: PolicyDigest([8; 32]), ..earned(&store, session(1001)) },
        Earned { factor_generation: 0, ..earned(&store, session(1002)) },
    ];
    for one in over {
        trust(&store, one).await;
    }
    for number in 0..u32::try_from(MOST).unwrap() + 3 {
        trust(&store, earned(&store, session(number))).await;
    }
    let held = account(&store, &alice()).trust;
    assert_eq!(held.len(), MOST);
    assert_eq!(held[0].earned.bond, session(3));
}

#[tokio::test]
async fn one_is_forgotten_or_all_and_what_is_not_there_is_stale() {
    let (_directory, store) = new();
    enroll(&store, &alice()).await;
    for number in 0..3 {
        trust(&store, earned(&store, session(number))).await;
    }
    let TrustId(id) = account(&store, &alice()).trust[1].id;
    write(&store, &alice(), vec![Write::Forget(TrustId(id))]).await;
    assert_eq!(account(&store, &alice()).trust.len(), 2);
    assert!(is_stale(&store, commit_now(&store, &alice(), vec![Write::Forget(TrustId(id))])).await);
    write(&store, &alice(), vec![Write::ForgetAll]).await;
    assert!(account(&store, &alice()).trust.is_empty());
}

#[tokio::test]
async fn a_row_that_was_changed_is_an_error_and_no_trust() {
    for change in ["bond = 'from 10.0.0.1'", "kind = 'friend'", "policy = zeroblob(5)"] {
        let (directory, store) = new();
        enroll(&store, &alice()).await;
        trust(&store, earned(&store, session(1))).await;
        sql(&directory).execute_batch(&format!("UPDATE trust SET {change}")).unwrap();
        assert!(store.snapshot(&alice()).is_err(), "{change}");
    }
}
