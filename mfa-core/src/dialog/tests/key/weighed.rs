//! What a key has signed is weighed, once, on what is true by then; and what does not fit ends the dialog.

use super::*;

#[test]
fn one_touch_lets_in_one_dialog_alone() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (one, _) = world.sit_down();
    let first = world.blinks.take().unwrap();
    let (other, _) = world.sit_down();
    let second = world.blinks.take().unwrap();
    // Two dialogs at one moment have other random bytes; here they are given the same, so let time go on.
    let later = world.begin(NOW + 1);
    let (other_still, _) = world.drive(later, NOW + 1);
    drop(other);
    let event = world.port[0].sign(&first, false);
    let Event::Key(KeyEvent::Signed(signed)) = event else { panic!() };
    assert!(passed(&world.key(one, Event::Key(KeyEvent::Signed(signed.clone()))).1));
    let step = other_still.step(Event::Key(KeyEvent::Signed(signed)), &at(NOW + 1));
    let (_, turn) = world.drive(step, NOW + 1);
    assert_eq!(said(&turn), "That key's answer was not accepted.");
    assert_eq!(second.client_data_hash, first.client_data_hash);
}

#[test]
fn the_same_answer_is_weighed_again_on_what_is_true_now() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    world.account.version = Some(Version(99));
    assert!(passed(&world.touch(dialog, false).1), "something else has changed");
    let (dialog, _) = world.sit_down();
    world.account.version = Some(Version(199));
    world.account.factors.retain(|factor| factor.id == PHONE);
    let (_, turn) = world.touch(dialog, false);
    assert_eq!((said(&turn).as_str(), prompt(&turn)), ("That key's answer was not accepted.", text::CODE_PROMPT));
}

#[test]
fn a_policy_that_changes_while_a_touch_is_waited_for_is_the_one_that_counts() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let plans = [
        (factors(Kinds::ALL.without(Kind::SecurityKey)), None),
        (verifying(), None),
        (Plan::Deny(Deny::NoUsableFactor { needs: Kinds::NONE }), Some(Denial::PolicyChanged)),
        (Plan::Skip(Skip::Exempt), Some(Denial::PolicyChanged)),
    ];
    for (plan, denial) in plans {
        world.plan = factors(Kinds::ALL);
        let (mut dialog, _) = world.sit_down();
        world.plan = plan;
        dialog.refresh(world.plan.clone(), world.account.clone());
        let (_, turn) = world.touch(dialog, false);
        assert_eq!(denied(&turn), denial);
        assert!(!passed(&turn), "{turn:?}");
    }
}

#[test]
fn a_counter_that_went_back_is_recorded_by_its_name_and_does_not_let_in() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (dialog, _) = world.sit_down();
    assert!(passed(&world.touch(dialog, false).1));
    world.port[0].counter -= 1;
    let (dialog, _) = world.sit_down();
    let (_, turn) = world.touch(dialog, false);
    assert!(said(&turn).contains("there may be a copy of the key"), "{turn:?}");
    assert_eq!(prompt(&turn), text::CODE_PROMPT);
    assert_eq!(last(&world), (What::CounterBack, Some((Kind::SecurityKey, Some(FactorId(7))))));
    assert!(!world.letters.is_empty(), "administrators are told");
}

#[test]
fn rubbish_in_place_of_signatures_has_a_limit_of_its_own() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    for _ in 0..5 {
        let (dialog, turn) = world.sit_down();
        assert!(matches!(turn.next, Next::Wait { .. }));
        let signed = Signed { credential: vec![7; 16], authenticator_data: vec![0; 37], signature: vec![0; 64] };
        world.key(dialog, Event::Key(KeyEvent::Signed(signed)));
    }
    let searches = world.searches;
    let (dialog, turn) = world.sit_down();
    assert_eq!((world.searches, prompt(&turn)), (searches, text::CODE_PROMPT));
    let code = world.code(NOW / 30);
    assert!(passed(&world.answer(dialog, &code, NOW).1), "codes are not throttled by it");
    assert!(matches!(world.sit_down().1.next, Next::Wait { .. }), "and the code makes keys good again");
}

#[test]
fn a_dialog_waits_for_a_few_touches_and_no_more() {
    let mut world = World::with_keys(&[TestKey::new(7)]);
    let (mut dialog, _) = world.sit_down();
    for _ in 0..3 {
        let (after, _) = world.fails(dialog, KeyTrouble::TimedOut);
        let (after, turn) = world.answer(after, "k", NOW);
        assert!(matches!(turn.next, Next::Wait { .. }));
        dialog = after;
    }
    let (dialog, _) = world.fails(dialog, KeyTrouble::TimedOut);
    let (_, turn) = world.answer(dialog, "k", NOW);
    assert_eq!(said(&turn), "That is enough of keys for now. Try again later.");
}

#[test]
fn an_event_that_does_not_fit_ends_in_a_denial() {
    let keys = [TestKey::new(7)];
    let signed = || Signed { credential: vec![], authenticator_data: vec![], signature: vec![] };
    let states: [fn(&mut World) -> Dialog; 4] = [
        |world| world.begin(NOW).0, // looking for keys
        |world| world.sit_down().0, // waiting for a touch
        |world| {
            let (dialog, _) = world.sit_down();
            world.fails(dialog, KeyTrouble::TimedOut).0 // asking for a code
        },
        |world| {
            let (dialog, _) = world.sit_down();
            let sign = world.blinks.take().unwrap();
            dialog.step(world.port[0].sign(&sign, false), &at(NOW)).0 // committing
        },
    ];
    let fits = |place: usize, event: &Event| match event {
        Event::Key(KeyEvent::Found(_)) => place == 0,
        Event::Key(KeyEvent::Signed(_)) => place == 1,
        Event::Key(KeyEvent::Failed(_)) => place < 2,
        Event::Answer(_) => place == 2,
        Event::Committed | Event::Stale(_) | Event::Failed => place == 3,
        Event::Deadline => false,
    };
    for (place, state) in states.iter().enumerate() {
        let mut world = World::with_keys(&keys);
        let stale = Event::Stale(Box::new((world.plan.clone(), world.account.clone())));
        let events = [
            Event::Key(KeyEvent::Found(Vec::new())),
            Event::Key(KeyEvent::Signed(signed())),
            Event::Key(KeyEvent::Failed(KeyTrouble::Denied)),
            typed(&world.code(NOW / 30)),
            Event::Committed,
            stale,
            Event::Failed,
            Event::Deadline,
        ];
        for event in events {
            let (fits, shown) = (fits(place, &event), format!("{place}: {event:?}"));
            let is_commit = matches!(event, Event::Committed);
            let (dialog, effect) = state(&mut world).step(event, &at(NOW));
            let denied = matches!(&effect, Effect::Turn(turn) if denied(turn).is_some());
            let passes = matches!(&effect, Effect::Turn(turn) if passed(turn));
            assert!(fits || (denied && dialog.is_over()), "{shown}: {effect:?}");
            assert_eq!(passes, is_commit && place == 3, "{shown}");
        }
    }
}
