use super::*;
use crate::policy::{Enroll, Skip};
use crate::throttle::{FAILURES_UNTIL_OFF, Throttle};
use proptest::prelude::*;

#[test]
fn a_right_code_passes_once_and_is_told_as_used_after() {
    let mut world = alice();
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&[&code], NOW)));
    let turn = world.login(&[&code], NOW + 8);
    assert_eq!(turn.say[0].text, "That code was just used (not counted). The next one comes in 22 s.");
    assert_eq!(prompt(&turn), "Verification code: ");
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]), Throttle::default());
}

#[test]
fn after_a_used_code_the_next_one_works_in_the_same_dialog() {
    let mut world = alice();
    let (code, next) = (world.code(NOW / 30), world.code(NOW / 30 + 1));
    assert!(passed(&world.login(&[&code], NOW)));
    assert!(passed(&world.login(&[&code, &next], NOW)));
}

#[test]
fn three_wrong_codes_end_a_dialog_and_each_is_counted() {
    let mut world = alice();
    let turn = world.login(&["000000", "000001", "password"], NOW);
    assert_eq!(denied(&turn), Some(Denial::Wrong));
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]).failures, 3);
    assert!(world.records.iter().all(|record| record.what == What::Wrong));
}

#[test]
fn used_codes_are_counted_from_the_eleventh_on() {
    let mut world = alice();
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&[&code], NOW)));
    for _ in 0..10 {
        world.login(&[&code], NOW);
    }
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]).failures, 0);
    world.login(&[&code], NOW);
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]).failures, 1);
}

#[test]
fn a_backup_code_passes_once_and_says_how_many_are_left() {
    let mut world = alice();
    let code = world.codes[0].clone();
    let turn = world.login(&[&code], NOW);
    assert!(passed(&turn));
    assert_eq!(turn.say[0].text, "Backup code used, 9 left. New phone? Run: mfa-enroll");
    let turn = world.login(&[&code], NOW);
    assert_eq!(turn.say[0].text, "That code is not right.");
}

#[test]
fn five_failures_throttle_with_the_time_told_and_a_backup_code_still_works() {
    let mut world = alice();
    world.login(&["000000"; 3], NOW);
    let turn = world.login(&["000000"; 2], NOW);
    let expected = "Too many wrong codes. The next try is in 0:30.\n\
                    A backup code works now.\nPress Enter, or type a backup code: ";
    assert_eq!(prompt(&turn), expected);
    let (right, backup) = (world.code(NOW / 30), world.codes[3].clone());
    assert_eq!(prompt(&world.login(&[&right], NOW + 1)), expected.replace("0:30", "0:29"));
    assert_eq!(denied(&world.login(&[""], NOW + 1)), Some(Denial::Throttled));
    assert!(passed(&world.login(&[&backup], NOW + 1)));
    assert!(passed(&world.login(&[&right], NOW + 1)), "a backup code opens the gate again");
}

#[test]
fn a_throttled_account_without_backup_codes_is_told_and_refused() {
    let mut world = alice();
    world.account.backup = BackupSet::default();
    world.login(&["000000"; 3], NOW);
    world.login(&["000000"; 2], NOW);
    let step = world.begin(NOW);
    let (dialog, turn) = world.drive(step, NOW);
    assert_eq!(
        prompt(&turn),
        "Too many wrong codes. The next try is in 0:30.\nAsk for help: helpdesk@acme.example\nPress Enter. "
    );
    let right = world.code(NOW / 30);
    assert_eq!(denied(&world.answer(dialog, &right, NOW).1), Some(Denial::Throttled));
}

#[test]
fn codes_that_are_off_stay_off_until_a_backup_code() {
    let mut world = alice();
    let worn = (0..FAILURES_UNTIL_OFF).fold(Throttle::default(), |throttle, _| throttle.failed(Time(NOW)));
    world.account.throttles.set(Bucket::ALL[0], worn);
    let later = NOW + 400 * 86_400;
    let right = world.code(later / 30);
    assert!(
        prompt(&world.login(&[&right], later))
            .starts_with("Too many wrong codes in a row: codes by phone and mail are off.")
    );
    let backup = world.codes[0].clone();
    assert!(passed(&world.login(&[&backup], later)));
    assert!(passed(&world.login(&[&right], later)));
}

#[test]
fn wrong_backup_codes_have_a_limit_of_their_own() {
    let mut world = alice();
    for _ in 0..5 {
        world.login(&["2222-2222-2222"], NOW);
    }
    let (right, backup) = (world.code(NOW / 30), world.codes[0].clone());
    let turn = world.login(&[&backup], NOW);
    assert_eq!(prompt(&turn), "Verification code: ");
    assert_eq!(turn.say[0].text, "Too many wrong backup codes. The next one is taken in 0:30.");
    assert_eq!(world.account.backup.codes.len(), 10, "not evaluated while throttled");
    assert!(passed(&world.login(&[&right], NOW)), "phone codes are not throttled by it");
}

#[test]
fn an_empty_answer_is_asked_again_and_not_counted() {
    let mut world = alice();
    let right = world.code(NOW / 30);
    assert!(passed(&world.login(&["", "  ", &right], NOW)));
    assert_eq!(world.records.len(), 1);
}

#[test]
fn answers_that_are_no_codes_come_to_an_end() {
    let mut world = alice();
    assert_eq!(denied(&world.login(&[""; 50], NOW)), Some(Denial::TooManyAnswers));
    assert_eq!(denied(&world.login(&["?"; 50], NOW)), Some(Denial::TooManyAnswers));
}

#[test]
fn a_question_mark_lists_the_ways_and_the_help() {
    let mut world = alice();
    let turn = world.login(&["?"], NOW);
    assert_eq!(turn.say[0].text, "Phone code · Backup code\nLost everything? helpdesk@acme.example");
}

#[test]
fn only_kinds_that_the_plan_takes_are_weighed() {
    let mut world = alice();
    let (right, backup) = (world.code(NOW / 30), world.codes[0].clone());
    world.plan = factors(Kinds::NONE.with(Kind::BackupCode));
    assert!(!passed(&world.login(&[&right], NOW)));
    world.plan = factors(Kinds::NONE.with(Kind::Totp));
    assert!(!passed(&world.login(&[&backup], NOW)));
    assert!(passed(&world.login(&[&right], NOW)));
}

#[test]
fn refusals_that_must_be_read_are_prompts_and_end_in_a_denial_whatever_is_typed() {
    let mut world = alice();
    let (right, backup) = (world.code(NOW / 30), world.codes[0].clone());
    for (plan, denial) in [
        (Plan::Enroll(Enroll::Deny), Denial::NotEnrolled),
        (Plan::Deny(Deny::NoUsableFactor { needs: Kinds::NONE.with(Kind::SecurityKey) }), Denial::NoUsableFactor),
    ] {
        world.plan = plan;
        assert!(prompt(&world.login(&[], NOW)).ends_with("\nPress Enter. "));
        for answer in ["", right.as_str(), backup.as_str()] {
            assert_eq!(denied(&world.login(&[answer], NOW)), Some(denial));
        }
    }
}

#[test]
fn where_nothing_can_be_asked_a_required_factor_denies_with_its_text() {
    let mut world = alice();
    world.interactive = false;
    let turn = world.login(&[], NOW);
    assert_eq!(denied(&turn), Some(Denial::CannotAsk));
    assert!(turn.say[0].error && turn.say[0].text.contains("KbdInteractiveAuthentication"));
    world.plan = Plan::Skip(Skip::Exempt);
    assert_eq!(world.login(&[], NOW).next, Next::Done(Verdict::Skipped("exempt")));
}

#[test]
fn a_skipped_login_is_recorded_before_it_passes() {
    let mut world = alice();
    world.plan = Plan::Skip(Skip::NotEnrolled);
    assert!(matches!(world.begin(NOW).1, Effect::Commit(_)));
    assert_eq!(world.login(&[], NOW).next, Next::Done(Verdict::Skipped("not-enrolled")));
    assert_eq!(world.records, [Record::of(What::Skipped).because("not-enrolled")]);
}

#[test]
fn where_it_is_only_observed_nothing_is_asked_and_what_would_be_is_recorded() {
    let mut world = alice();
    for (would, recorded) in [
        (factors(Kinds::ALL), "observed-would-ask"),
        (Plan::Enroll(Enroll::Deny), "observed-would-enroll"),
        (Plan::Deny(Deny::CallerUnknown), "observed-would-deny"),
    ] {
        world.plan = Plan::Observe(Box::new(would));
        assert_eq!(world.login(&[], NOW).next, Next::Done(Verdict::Skipped("observed")));
        assert_eq!(world.records.last(), Some(&Record::of(What::Skipped).because(recorded)));
    }
}

#[test]
fn an_account_of_which_nothing_is_kept_is_asked_like_any_other_and_never_passes() {
    let mut world = alice();
    let right = world.code(NOW / 30);
    world.account = Account::absent(world.account.identity.clone());
    assert_eq!(prompt(&world.login(&[], NOW)), "Verification code: ");
    assert_eq!(denied(&world.login(&[&right, "000000", "2222-2222-2222"], NOW)), Some(Denial::Wrong));
}

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
