//! Logins that are not asked because of an earlier one, and what ends that.

use super::*;
use crate::policy::Fingerprint;
use crate::trust::{Bond, PolicyDigest, Session};

const KEY: &str = "SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU";

fn laptop() -> Fingerprint {
    KEY.parse().unwrap()
}

/// Alice with a key, where the policy gives a quarter of an hour and, to whoever wants it, a week.
fn with_key() -> World {
    let mut world = alice();
    world.plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: false, ask_again: 900, remember: 7 * 86_400 });
    world.ties.key = Some(laptop());
    world.ties.address = Some([192, 0, 2, 7].into());
    world
}

fn remembered(turn: &Turn) -> bool {
    turn.next == Next::Done(Verdict::Remembered)
}

#[test]
fn the_second_login_with_the_same_key_and_address_is_not_asked() {
    let mut world = with_key();
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&[&code], NOW)));
    assert!(remembered(&world.login(&[], NOW + 8)));
    let record = world.records.last().unwrap();
    assert_eq!((record.what, record.reason, record.covered_by), (What::Skipped, Some("remembered"), Some(1)));
    assert!(!remembered(&world.login(&[], NOW + 900)));
}

#[test]
fn another_key_another_address_or_no_key_is_asked() {
    let mut world = with_key();
    let code = world.code(NOW / 30);
    world.login(&[&code], NOW);
    let ties = world.ties.clone();
    world.ties.address = Some([192, 0, 2, 8].into());
    assert!(!remembered(&world.login(&[], NOW + 1)));
    world.ties.address = None;
    assert!(!remembered(&world.login(&[], NOW + 1)));
    world.ties = Ties { key: None, ..ties.clone() };
    assert!(!remembered(&world.login(&[], NOW + 1)));
    world.ties = Ties { policy: PolicyDigest([1; 32]), ..ties };
    assert!(!remembered(&world.login(&[], NOW + 1)));
}

#[test]
fn a_plus_after_the_code_remembers_the_key_from_anywhere() {
    for backup in [false, true] {
        let mut world = with_key();
        let code = if backup { world.codes[0].clone() } else { world.code(NOW / 30) };
        let turn = world.login(&[&format!("{code}+")], NOW);
        assert!(passed(&turn));
        assert!(turn.say.iter().any(|note| note.text.contains("not asked again for 7 days")), "{turn:?}");
        world.ties.address = None;
        assert!(remembered(&world.login(&[], NOW + 6 * 86_400)));
        assert!(!remembered(&world.login(&[], NOW + 7 * 86_400)));
    }
}

#[test]
fn a_plus_that_cannot_be_says_why_and_the_code_is_still_good() {
    let code = alice().code(NOW / 30);
    let plus = format!("{code} +");
    let (mut no_key, mut no_time) = (with_key(), with_key());
    no_key.ties.key = None;
    no_time.plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: false, ask_again: 900, remember: 0 });
    for (world, why) in [(&mut no_key, "Only a login by SSH key"), (&mut no_time, "Nobody is remembered here")] {
        let turn = world.login(&[&plus], NOW);
        assert!(turn.say.iter().any(|note| note.text.contains(why)), "{turn:?}");
        assert!(world.records.is_empty());
        assert!(passed(&world.login(&[&plus, &code], NOW)));
    }
}

#[test]
fn one_mistake_forgets_nothing_and_three_forget_all() {
    let mut world = with_key();
    let code = world.code(NOW / 30);
    world.login(&[&code], NOW);
    world.ties.address = Some([192, 0, 2, 8].into());
    world.login(&["000000"], NOW + 30);
    assert_eq!(world.account.trust.len(), 1);
    assert_eq!(denied(&world.login(&["000000", "000001", "000002"], NOW + 31)), Some(Denial::Wrong));
    assert!(world.account.trust.is_empty());
}

#[test]
fn trust_that_is_forgotten_while_it_is_looked_at_does_not_cover() {
    let mut world = with_key();
    let code = world.code(NOW / 30);
    world.login(&[&code], NOW);
    let step = world.begin(NOW + 1);
    world.write(&Write::ForgetAll);
    world.account.version = Some(Version(100));
    let (_, turn) = world.drive(step, NOW + 1);
    assert_eq!(prompt(&turn), "Verification code: ");
}

#[test]
fn a_login_session_is_covered_and_only_its_owner_in_it() {
    let mut world = with_key();
    let session = |number, uid| Some(Session { number, began: 1_600_000_000_000_000, leader: 50, uid });
    world.ties = Ties { session: session(3, 1000), ..Ties::default() };
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&[&code], NOW)));
    assert!(remembered(&world.login(&[], NOW + 60)));
    for other in [session(4, 1000), session(3, 1001), None] {
        world.ties.session = other;
        assert!(!remembered(&world.login(&[], NOW + 60)));
    }
    // What is proved in somebody else's session is worth nothing there later.
    let mut world = with_key();
    world.ties = Ties { session: session(3, 1001), ..Ties::default() };
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&[&code], NOW)));
    assert!(world.account.trust.is_empty());
}

#[test]
fn the_session_that_a_login_opens_is_covered_by_it() {
    let mut world = with_key();
    world.ties.opens = Some([51, 50]);
    let code = world.code(NOW / 30);
    world.login(&[&code], NOW);
    let session = |leader, began: i64| {
        let began = u64::try_from(began).unwrap() * 1_000_000;
        Ties { session: Some(Session { number: 3, began, leader, uid: 1000 }), ..Ties::default() }
    };
    world.ties = session(50, NOW + 1);
    assert!(remembered(&world.login(&[], NOW + 60)));
    for other in [session(49, NOW + 1), session(50, NOW - 1), session(50, NOW + 121)] {
        world.ties = other;
        assert!(!remembered(&world.login(&[], NOW + 200)));
    }
}

#[test]
fn where_nothing_can_be_asked_trust_covers_too() {
    let mut world = with_key();
    let code = world.code(NOW / 30);
    world.login(&[&code], NOW);
    world.interactive = false;
    assert!(remembered(&world.login(&[], NOW + 1)));
    assert_eq!(world.account.trust[0].earned.bond, Bond::KeyFrom(laptop(), [192, 0, 2, 7].into()));
}
