//! What no order of events, and no number of dialogs at once, lets through; and that every sentence fits a terminal.

use super::*;
use crate::policy::{Enroll, Skip};
use proptest::prelude::*;

#[test]
fn of_eight_dialogs_with_one_code_exactly_one_passes_whatever_the_order() {
    for rotation in 0..8 {
        let mut world = alice();
        let code = world.code(NOW / 30);
        let weighed: Vec<Step> = (0..8)
            .map(|_| {
                let step = world.begin(NOW);
                let (dialog, _) = world.drive(step, NOW);
                dialog.step(typed(&code), &at(NOW)) // all weighed on the same snapshot
            })
            .collect();
        let mut passes = 0;
        let (late, early): (Vec<_>, Vec<_>) = weighed.into_iter().enumerate().partition(|(place, _)| *place < rotation);
        for (_, step) in early.into_iter().chain(late) {
            passes += usize::from(passed(&world.drive(step, NOW).1));
        }
        assert_eq!(passes, 1);
    }
}

#[test]
fn of_twenty_wrong_guesses_at_once_no_more_than_the_limit_are_evaluated() {
    let mut world = alice();
    let weighed: Vec<Step> = (0..20)
        .map(|guess| {
            let step = world.begin(NOW);
            let (dialog, _) = world.drive(step, NOW);
            dialog.step(typed(&format!("{guess:06}")), &at(NOW))
        })
        .collect();
    for step in weighed {
        world.drive(step, NOW);
    }
    assert_eq!(world.records.iter().filter(|record| record.what == What::Wrong).count(), 5);
}

#[test]
fn an_account_that_never_settles_ends_in_a_denial() {
    let world = alice();
    let (mut dialog, mut effect) = world.begin(NOW);
    (dialog, effect) = match effect {
        Effect::Turn(_) => dialog.step(typed(&world.code(NOW / 30)), &at(NOW)),
        other => panic!("{other:?}"),
    };
    for _ in 0..=ROUNDS {
        assert!(matches!(effect, Effect::Commit(_)));
        let stale = Event::Stale(Box::new((world.plan.clone(), world.account.clone())));
        (dialog, effect) = dialog.step(stale, &at(NOW));
    }
    assert!(matches!(effect, Effect::Turn(turn) if denied(&turn) == Some(Denial::Unsettled)));
    assert!(dialog.is_over());
}

#[test]
fn a_policy_that_stops_asking_while_a_code_is_weighed_does_not_let_it_pass() {
    let world = alice();
    let (dialog, _) = world.begin(NOW);
    let (dialog, _) = dialog.step(typed(&world.code(NOW / 30)), &at(NOW));
    let stale =
        Event::Stale(Box::new((Plan::Deny(Deny::NoUsableFactor { needs: Kinds::NONE }), world.account.clone())));
    let (_, effect) = dialog.step(stale, &at(NOW));
    assert!(matches!(effect, Effect::Turn(turn) if denied(&turn) == Some(Denial::PolicyChanged)));
}

/// Every state a dialog can be in.
fn every_state(world: &mut World) -> Vec<(&'static str, Dialog)> {
    let asking = |world: &mut World| {
        let step = world.begin(NOW);
        world.drive(step, NOW).0
    };
    let right = world.code(NOW / 30);
    let mut states = vec![("asking", asking(world))];
    for (name, answer) in [("committing a right code", right.as_str()), ("committing a wrong code", "000000")] {
        let dialog = asking(world);
        states.push((name, dialog.step(typed(answer), &at(NOW)).0));
    }
    let dialog = asking(world);
    states.push(("over", dialog.step(Event::Deadline, &at(NOW)).0));
    let usual = std::mem::replace(&mut world.plan, Plan::Enroll(Enroll::Deny));
    states.push(("recording a refusal", world.begin(NOW).0));
    states.push(("saying good-bye", asking(world)));
    world.plan = Plan::Skip(Skip::Exempt);
    states.push(("recording a skip", world.begin(NOW).0));
    world.plan = usual;
    states
}

#[test]
fn every_event_in_every_state_passes_only_where_a_right_code_was_committed() {
    let events: [fn(&World) -> Event; 7] = [
        |world| typed(&world.code(NOW / 30)),
        |_| typed("000000"),
        |_| typed(""),
        |_| Event::Committed,
        |world| Event::Stale(Box::new((world.plan.clone(), world.account.clone()))),
        |_| Event::Failed,
        |_| Event::Deadline,
    ];
    for (place, event) in events.iter().enumerate() {
        for (name, dialog) in every_state(&mut alice()) {
            let event = event(&alice());
            let shown = format!("{name} × event {place} {event:?}");
            let committed = matches!(event, Event::Committed);
            let (dialog, effect) = dialog.step(event, &at(NOW));
            match effect {
                Effect::Turn(turn) => match turn.next {
                    Next::Done(Verdict::Pass(_)) => assert!(committed && name == "committing a right code", "{shown}"),
                    Next::Done(Verdict::Skipped(_)) => assert!(committed && name == "recording a skip", "{shown}"),
                    Next::Done(_) => assert!(dialog.is_over(), "{shown}"),
                    Next::Ask { .. } | Next::Wait { .. } => assert!(!dialog.is_over(), "{shown}"),
                },
                Effect::Commit(_) | Effect::Search(_) | Effect::Touch(..) => assert!(!dialog.is_over(), "{shown}"),
            }
        }
    }
}

#[test]
fn a_proof_names_the_commit_that_made_it_true() {
    let world = alice();
    let (dialog, _) = world.begin(NOW);
    let (dialog, effect) = dialog.step(typed(&world.code(NOW / 30)), &at(NOW));
    let Effect::Commit(commit) = effect else { panic!() };
    let (_, effect) = dialog.step(Event::Committed, &at(NOW));
    let Effect::Turn(Turn { next: Next::Done(Verdict::Pass(proof)), .. }) = effect else { panic!() };
    assert_eq!((proof.ticket(), proof.kind(), proof.factor()), (commit.ticket, Kind::Totp, Some(PHONE)));
}

#[test]
fn no_sentence_is_wider_than_a_terminal() {
    let support = "helpdesk@acme.example";
    let texts = [
        text::wrong(),
        text::used(22),
        text::used(100_000),
        text::throttled(Gate::Wait(899), support),
        text::throttled(Gate::Off, ""),
        text::throttled_but_for_backup_codes(Gate::Wait(899)),
        text::backup_codes_throttled(Gate::Wait(899)),
        text::backup_code_used(0),
        text::not_enrolled(""),
        text::no_usable_factor(Kinds::NONE.with(Kind::SecurityKey), support),
        text::cannot_ask(Front::Terminal),
        text::cannot_ask(Front::Combined),
        key_text::key_failed(support),
        key_text::throttled_but_for_a_key(Gate::Wait(899), true),
        key_text::throttled_but_for_a_key(Gate::Off, false),
        key_text::counter_back(),
        key_text::but_for_a_backup_code(&key_text::Missing::SshKeyAlone),
        text::ways(&Kinds::ALL.without(Kind::SshKey).iter().collect::<Vec<_>>(), None, support),
    ];
    for text in texts {
        for (number, line) in text.lines().enumerate() {
            // The ssh client puts "(alice@web1) " before the first line.
            let room = if number == 0 { 80 - 13 } else { 80 };
            assert!(line.chars().count() <= room, "{line}");
        }
    }
    let at_the_machine = [
        key_text::touch("polkit-1 on web1 as alice", 60, true),
        key_text::ready("polkit-1 on web1 as alice", true),
        key_text::pin("polkit-1 on web1 as alice", true),
        key_text::plug(true).into(),
        key_text::no_pin_to_type(),
        key_text::key_trouble(KeyTrouble::Elsewhere, 0),
    ];
    for line in at_the_machine.iter().flat_map(|text| text.lines()) {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

proptest! {
    #[test]
    fn nothing_typed_ever_passes_but_a_right_code(answers in prop::collection::vec("\\PC{0,20}|[0-9]{6}|[2-9A-Z-]{12,14}", 0..14)) {
        let mut world = alice();
        let right: Vec<String> = (-1..=1).map(|early| world.code(NOW / 30 + early)).collect();
        let answers: Vec<&str> = answers.iter().map(String::as_str).filter(|answer| !right.iter().any(|code| code == answer.trim())).collect();
        prop_assert!(!passed(&world.login(&answers, NOW)));
    }

    #[test]
    fn however_logins_interleave_a_code_passes_once_and_guesses_stay_within_the_limit(
        order in prop::collection::vec((0usize..6, any::<bool>()), 1..60)
    ) {
        let mut world = alice();
        let right = world.code(NOW / 30);
        let mut dialogs: Vec<Option<Step>> = (0..6).map(|_| Some(world.begin(NOW))).collect();
        let mut passes = 0;
        for (who, guess) in order {
            let Some((dialog, effect)) = dialogs[who].take() else { continue };
            if dialog.is_over() { continue }
            let event = match effect {
                Effect::Turn(_) if guess => typed("000000"),
                Effect::Turn(_) => typed(&right),
                Effect::Commit(commit) if world.commit(&commit) => Event::Committed,
                Effect::Commit(_) => Event::Stale(Box::new((world.plan.clone(), world.account.clone()))),
                other => panic!("{other:?}"),
            };
            let (dialog, effect) = dialog.step(event, &at(NOW));
            if let Effect::Turn(turn) = &effect { passes += usize::from(passed(turn)); }
            dialogs[who] = Some((dialog, effect));
        }
        prop_assert!(passes <= 1);
        let evaluated = world.records.iter().filter(|record| record.what == What::Wrong).count();
        // A pass in between forgets what came before it, once: the code passes once.
        prop_assert!(evaluated <= 5 + 5 * passes);
    }
}
