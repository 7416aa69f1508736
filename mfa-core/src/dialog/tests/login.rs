//! Logging in with codes: right, wrong, used, throttled, refused, asked nothing.

use super::*;
use crate::policy::{Enroll, Skip};
use crate::throttle::{FAILURES_UNTIL_OFF, Throttle};

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
