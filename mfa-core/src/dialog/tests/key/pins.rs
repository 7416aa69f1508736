//! PINs: when a key is given one, how often, and that nobody learns it.

use super::*;

#[test]
fn a_pin_is_asked_for_where_the_policy_or_the_key_wants_it_and_goes_along() {
    let always = TestKey::new(8).with_pin(8);
    let always = TestKey { plugged: Plugged { always_verifies: true, ..always.plugged.clone() }, ..always };
    for (plan, key) in [(verifying(), TestKey::new(7).with_pin(8)), (factors(Kinds::ALL), always)] {
        let mut world = World::with_keys(&[key]);
        world.plan = plan;
        let (dialog, turn) = world.sit_down();
        assert_eq!(prompt(&turn), "Security key: sudo on web1 as alice\nPIN of your security key (Enter = code): ");
        let (dialog, turn) = world.answer(dialog, " 1234", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
        assert_eq!(world.blinks.as_ref().unwrap().pin.as_ref().map(|pin| pin.as_str()), Some(" 1234"));
        assert!(passed(&world.touch(dialog, true).1));
    }
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "a PIN that nobody wants is not asked for");
}

#[test]
fn a_wrong_pin_is_told_and_asked_for_once_more_but_never_with_three_tries_left() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let pin = |world: &mut World, dialog, left| {
        let (dialog, turn) = world.answer(dialog, "1234", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
        world.fails(dialog, KeyTrouble::PinWrong(left))
    };
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = pin(&mut world, dialog, Some(7));
    assert_eq!(said(&turn), "That PIN is wrong, 7 tries left.");
    assert!(prompt(&turn).contains("PIN of your security key"));
    let (_, turn) = pin(&mut world, dialog, Some(6));
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That PIN is wrong, 6 tries left.", text::CODE_PROMPT));
    let (dialog, _) = world.sit_down();
    let (_, turn) = pin(&mut world, dialog, Some(3));
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
    world.port = vec![TestKey::new(7).with_pin(3)];
    let (_, turn) = world.sit_down();
    assert!(said(&turn).starts_with("Only 3 tries are left for this key's PIN"), "{turn:?}");
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
}

#[test]
fn each_wrong_pin_is_recorded_and_throttles_nothing_since_the_key_counts_it() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let throttles = world.account.throttles;
    let (mut dialog, _) = world.sit_down();
    for left in [7, 6] {
        (dialog, _) = world.answer(dialog, "1234", NOW);
        (dialog, _) = world.fails(dialog, KeyTrouble::PinWrong(Some(left)));
        assert_eq!(last(&world), (What::Wrong, Some((Kind::SecurityKey, None))));
        assert_eq!(world.records.last().unwrap().reason, Some("pin"));
    }
    assert_eq!(world.records.iter().filter(|record| record.what == What::Wrong).count(), 2);
    assert_eq!(world.account.throttles, throttles);
    assert!(!dialog.is_over());
}

#[test]
fn no_more_than_two_pins_are_sent_in_a_dialog_however_often_the_key_is_looked_for() {
    for trouble in [KeyTrouble::PinWrong(Some(7)), KeyTrouble::TimedOut] {
        let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
        world.plan = verifying();
        let (mut dialog, mut turn) = world.sit_down();
        for _ in 0..2 {
            if prompt(&turn) == text::CODE_PROMPT {
                (dialog, turn) = world.answer(dialog, "k", NOW);
            }
            assert!(prompt(&turn).contains("PIN of your security key"), "{turn:?}");
            (dialog, turn) = world.answer(dialog, "1234", NOW);
            assert!(matches!(turn.next, Next::Wait { .. }), "{turn:?}");
            (dialog, turn) = world.fails(dialog, trouble);
        }
        world.blinks = None;
        let searches = world.searches;
        let (_, turn) = world.answer(dialog, "k", NOW);
        assert_eq!(world.searches, searches + 1, "the key is found again");
        assert_eq!(said(&turn), "That is enough of PINs for this login. The key takes its PIN in the next one.");
        assert_eq!(prompt(&turn), text::CODE_PROMPT);
        assert!(world.blinks.is_none());
    }
}

#[test]
fn enter_at_the_pin_asks_for_a_code_and_what_can_be_no_pin_goes_to_no_key() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = world.answer(dialog, "123", NOW);
    assert_eq!(said(&turn), "A PIN has 4 to 63 characters. It was not sent.");
    assert!(world.blinks.is_none());
    let (_, turn) = world.answer(dialog, "", NOW);
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
}

#[test]
fn a_key_that_says_only_when_touched_that_it_wants_its_pin_is_given_it() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    let (dialog, turn) = world.fails(dialog, KeyTrouble::PinNeeded);
    assert!(prompt(&turn).contains("PIN of your security key"));
    let (dialog, _) = world.answer(dialog, "1234", NOW);
    let (_, turn) = world.fails(dialog, KeyTrouble::PinNeeded);
    assert_eq!(prompt(&turn), text::CODE_PROMPT, "and once only");
}

#[test]
fn a_key_that_cannot_tell_who_touches_it_does_not_do_where_that_is_wanted() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    world.plan = verifying();
    let (_, turn) = world.sit_down();
    assert!(said(&turn).starts_with("A PIN or a fingerprint is wanted here, and this key has none yet."));
    world.port = vec![TestKey::new(7).with_pin(8)];
    let (dialog, _) = world.sit_down();
    let (dialog, _) = world.answer(dialog, "1234", NOW);
    let (_, turn) = world.touch(dialog, false);
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That key's answer was not accepted.", text::CODE_PROMPT));
    assert_eq!(last(&world), (What::Wrong, Some((Kind::SecurityKey, None))));
    let key = TestKey::new(9);
    let old = TestKey { plugged: Plugged { u2f_only: true, ..key.plugged.clone() }, ..key };
    let mut world = World::with_keys_alone(std::slice::from_ref(&old));
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "where it is not wanted, it does");
    world.plan = verifying();
    let (_, turn) = world.sit_down();
    assert!(prompt(&turn).starts_with("A PIN or a fingerprint is wanted here, and your security key knows neither."));
}

#[test]
fn of_two_keys_the_one_that_needs_no_pin_blinks_and_no_other() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8), TestKey::new(8)]);
    let always = &mut world.port[0].plugged;
    always.always_verifies = true;
    let (dialog, _) = world.sit_down();
    let sign = world.blinks.take().unwrap();
    assert_eq!(sign.credentials.len(), 1);
    assert_eq!(sign.credentials[0].id, world.port[1].plugged.credentials[0]);
    let event = world.port[1].sign(&sign, false);
    assert!(passed(&world.key(dialog, event).1));
    assert_eq!(last(&world).1, Some((Kind::SecurityKey, Some(FactorId(8)))));
}

#[test]
fn of_two_keys_the_one_that_can_tell_who_touches_it_is_asked_where_that_is_wanted() {
    for (pin_typed, plan) in [(false, verifying()), (true, factors(Kinds::ALL))] {
        let mut world = World::with_keys(&[TestKey::new(7), TestKey::new(8).with_pin(8)]);
        (world.pin_typed, world.plan) = (pin_typed, plan);
        let (dialog, turn) = world.sit_down();
        assert!(prompt(&turn).ends_with("PIN of your security key (Enter = code): "), "{turn:?}");
        world.answer(dialog, "2468", NOW);
        assert_eq!(world.blinks.unwrap().credentials[0].id, TestKey::new(8).plugged.credentials[0]);
    }
}

#[test]
fn what_a_key_is_asked_is_not_told_with_its_pin() {
    let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
    world.plan = verifying();
    let (dialog, _) = world.sit_down();
    world.answer(dialog, "12345678", NOW);
    assert!(!format!("{:?}", world.blinks).contains("12345678"));
}

#[test]
fn a_touch_is_remembered_for_a_touch_and_not_for_a_pin() {
    let remembers = |verify_user| Plan::Factors(Ask { kinds: Kinds::ALL, verify_user, ask_again: 900, remember: 0 });
    let session = crate::trust::Session { number: 3, began: 1, leader: 50, uid: 1000 };
    for (earned_by, asked_by, covered) in
        [(false, false, true), (false, true, false), (true, true, true), (true, false, true)]
    {
        let mut world = World::with_keys(&[TestKey::new(7).with_pin(8)]);
        world.ties.session = Some(session.clone());
        world.plan = remembers(earned_by);
        let (dialog, turn) = world.sit_down();
        let dialog = if matches!(turn.next, Next::Ask { .. }) { world.answer(dialog, "1234", NOW).0 } else { dialog };
        assert!(passed(&world.touch(dialog, earned_by).1));
        world.plan = remembers(asked_by);
        let (_, turn) = world.sit_down();
        assert_eq!(turn.next == Next::Done(Verdict::Remembered), covered, "{earned_by} {asked_by}");
    }
}

#[test]
fn where_factors_are_changed_a_key_counts_with_its_typed_pin_alone() {
    let mut with_finger = TestKey::new(7).with_pin(8);
    with_finger.plugged.built_in_verification = true;
    for key in [TestKey::new(7).with_pin(8), with_finger] {
        let mut world = World::with_keys(&[key]);
        world.pin_typed = true;
        let (dialog, turn) = world.sit_down();
        assert!(prompt(&turn).ends_with("PIN of your security key (Enter = code): "), "{turn:?}");
        let (dialog, _) = world.answer(dialog, "2468", NOW);
        let sign = world.blinks.clone().unwrap();
        assert!(sign.verify_user && sign.pin.as_ref().is_some_and(|pin| pin.as_str() == "2468"));
        assert!(passed(&world.touch(dialog, true).1));

        // Signed without the PIN, by a program that has talked the key into it.
        let (dialog, _) = world.sit_down();
        let (dialog, _) = world.answer(dialog, "2468", NOW);
        let (_, turn) = world.touch(dialog, false);
        assert!(!passed(&turn), "{turn:?}");
    }
}

#[test]
fn where_factors_are_changed_a_key_without_a_pin_is_no_way_and_the_code_is() {
    let finger_alone = Plugged { built_in_verification: true, ..TestKey::new(7).plugged };
    for plugged in [TestKey::new(7).plugged, finger_alone] {
        let mut world = World::with_keys(&[TestKey { plugged, ..TestKey::new(7) }]);
        world.pin_typed = true;
        let (_, turn) = world.sit_down();
        assert_eq!((said(&turn), prompt(&turn)), (key_text::no_pin_to_type(), text::CODE_PROMPT));
        assert!(world.blinks.is_none());
    }
    let mut old = TestKey::new(7);
    old.plugged.u2f_only = true;
    let mut world = World::with_keys(&[old]);
    world.pin_typed = true;
    let (dialog, turn) = world.sit_down();
    assert_eq!((prompt(&turn), world.searches), (text::CODE_PROMPT, 0));
    let (_, turn) = world.answer(dialog, "k", NOW);
    assert_eq!(said(&turn), key_text::no_key_that_does());
}
