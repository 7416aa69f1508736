//! Where nothing but a key would do, or nothing else does for now.

use super::*;

#[test]
fn where_nothing_but_a_key_would_do_it_is_asked_for() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    let keys = std::mem::take(&mut world.port);
    let (dialog, turn) = world.sit_down();
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in: ");
    world.port = keys;
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert_eq!(said(&turn), "Touch your security key: sudo on web1 as alice (15 s)");
    let (dialog, turn) = world.fails(dialog, KeyTrouble::TimedOut);
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in: ");
    let (dialog, _) = world.answer(dialog, "", NOW);
    assert!(passed(&world.touch(dialog, false).1));
    let mut with_codes = World::with_keys(&[TestKey::new(7)]);
    with_codes.account.factors.retain(|factor| factor.id != PHONE);
    with_codes.port.clear();
    let (dialog, turn) = with_codes.sit_down();
    assert_eq!(prompt(&turn), "Press Enter with your security key plugged in, or type a backup code: ");
    let code = with_codes.codes[0].clone();
    assert!(passed(&with_codes.answer(dialog, &code, NOW).1));
}

#[test]
fn whoever_has_only_a_key_and_is_elsewhere_is_told_so_before_the_end() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    world.at_the_machine = false;
    let (dialog, turn) = world.sit_down();
    assert!(prompt(&turn).starts_with("Your security key works only for somebody who sits at this machine.\n"));
    assert!(prompt(&turn).ends_with("Press Enter. "));
    assert_eq!(denied(&world.answer(dialog, "", NOW).1), Some(Denial::KeyNotShown));
    let mut with_codes = World::with_keys(&[TestKey::new(7)]);
    with_codes.at_the_machine = false;
    with_codes.account.factors.retain(|factor| factor.id != PHONE);
    let (dialog, turn) = with_codes.sit_down();
    assert!(prompt(&turn).ends_with("A backup code works as well. Verification code: "), "{turn:?}");
    let code = with_codes.codes[0].clone();
    assert!(passed(&with_codes.answer(dialog, &code, NOW).1));
}

#[test]
fn keys_that_never_answer_end_a_login_that_takes_nothing_else() {
    let mut world = World::with_keys_alone(&[TestKey::new(7)]);
    let (mut dialog, _) = world.sit_down();
    for _ in 0..3 {
        let (after, _) = world.fails(dialog, KeyTrouble::TimedOut);
        (dialog, _) = world.answer(after, "", NOW);
    }
    let (dialog, turn) = world.fails(dialog, KeyTrouble::TimedOut);
    assert!(prompt(&turn).starts_with("The key was not touched within 15 s.\nThis login takes only your security key"));
    assert_eq!(denied(&world.answer(dialog, "", NOW).1), Some(Denial::KeyFailed));
}

#[test]
fn while_codes_are_throttled_a_key_works() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let keys = std::mem::take(&mut world.port);
    for _ in 0..2 {
        world.login(&["000000", "000000", "000000"], NOW);
    }
    let (dialog, turn) = world.sit_down();
    assert!(prompt(&turn).contains("A backup code or your security key works now."), "{turn:?}");
    world.port = keys;
    let (dialog, turn) = world.answer(dialog, "k", NOW);
    assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
    assert!(passed(&world.touch(dialog, false).1));
}
