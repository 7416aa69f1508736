//! Enrollment codes and temporary codes in logins.

use super::*;
use crate::policy::{Deny, Enroll};

const WISH: given::Wish<'static> = given::Wish { seconds: 3600, uses: 2, reason: "phone at home" };
const INVITE: Plan = Plan::Enroll(Enroll::Invite { kinds: Kinds::ALL });
const WRONG: &str = "2222-2222-2222-2222";

/// Other random bytes than those of which the backup codes were made.
fn of_administrator(now: i64) -> At {
    At { now: Time(now), fresh: Secret::new(fresh(2 * At::FRESH).split_off(At::FRESH)) }
}

/// Bob has nothing, and enrolling takes an invitation.
fn bob() -> World {
    let mut world = alice();
    world.account = Account::absent(Identity { uid: 1001, name: "bob".into() });
    world.plan = INVITE;
    world
}

fn invited() -> (World, String) {
    let mut world = bob();
    let giving = given::invite(&world.account, given::INVITE_DEFAULT, (&of_administrator(NOW), Ticket(1)));
    let code = world.administer(giving);
    (world, code)
}

fn with_temp_code(mut world: World, wish: &given::Wish<'_>) -> (World, String) {
    let giving = given::temp_code(&world.account, wish, (&of_administrator(NOW), Ticket(1)));
    let code = world.administer(giving);
    (world, code)
}

fn shown(turn: &Turn) -> &str {
    match &turn.next {
        Next::Ask { prompt, .. } => prompt,
        other => panic!("{other:?}"),
    }
}

fn app_code(world: &World) -> String {
    let secret = world.account.pending.as_ref().unwrap().secret.expose().to_vec();
    let app = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    app.generate(u64::try_from(NOW).unwrap()).to_string()
}

fn to_the_picture(world: &mut World, code: &str) -> Dialog {
    let step = world.begin(NOW);
    let (dialog, turn) = world.drive(step, NOW);
    assert!(shown(&turn).ends_with("q = stop   Enrollment code: "), "{}", shown(&turn));
    let (dialog, turn) = world.answer(dialog, code, NOW);
    assert!(shown(&turn).contains("a = plain QR"), "{}", shown(&turn));
    dialog
}

#[test]
fn the_enrollment_code_shows_the_picture_and_is_used_up_by_the_confirmation() {
    let (mut world, code) = invited();
    let dialog = to_the_picture(&mut world, &code);
    assert!(world.account.invite.is_some(), "a dropped line goes on with it");
    let (_, turn) = world.answer(dialog, &app_code(&world), NOW);
    assert!(shown(&turn).contains("Backup codes, each works once."));
    assert!(world.account.invite.is_none() && world.account.factors.len() == 1);
}

#[test]
fn a_line_that_drops_after_the_code_goes_on_with_code_and_secret() {
    let (mut world, code) = invited();
    to_the_picture(&mut world, &code);
    let before = world.account.pending.as_ref().unwrap().secret.clone();
    let dialog = to_the_picture(&mut world, &code);
    assert_eq!(world.account.pending.as_ref().unwrap().secret, before);
    let (_, turn) = world.answer(dialog, &app_code(&world), NOW);
    assert!(shown(&turn).contains("Backup codes"));
}

#[test]
fn without_a_code_or_with_a_wrong_one_nothing_is_begun() {
    let mut world = bob();
    let turn = world.login(&[], NOW);
    assert!(shown(&turn).contains("you need an enrollment code.\nAsk for help: helpdesk@acme.example"));
    assert_eq!(denied(&world.login(&[""], NOW)), Some(Denial::NotInvited));
    let (mut world, _) = invited();
    let turn = world.login(&["", "492817", WRONG], NOW);
    assert_eq!(turn.say[0].text, "That is not it, 4 tries left.");
    assert!(world.account.pending.is_none());
    assert_eq!(world.records.last().unwrap().what, What::InviteWrong);
    assert_eq!(denied(&world.login(&["q"], NOW)), Some(Denial::NotEnrolled));
}

#[test]
fn what_cannot_be_an_enrollment_code_is_told_and_not_counted() {
    let (mut world, _) = invited();
    let turn = world.login(&["", "492817"], NOW);
    assert!(turn.say[0].text.ends_with("(not counted)."));
    assert_eq!(world.account.invite.as_ref().unwrap().left, 5);
}

#[test]
fn five_wrong_codes_over_many_logins_end_the_invitation_and_the_right_one_comes_too_late() {
    let (mut world, code) = invited();
    world.login(&[WRONG, WRONG], NOW);
    let turn = world.login(&[WRONG, WRONG], NOW);
    assert_eq!(turn.say[0].text, "That is not it, 1 try left.");
    let turn = world.login(&[WRONG], NOW);
    assert!(shown(&turn).starts_with("Too many wrong enrollment codes: yours works no more. Ask for a new one."));
    assert_eq!(denied(&world.login(&[&code], NOW)), Some(Denial::NotInvited));
    assert!(world.account.pending.is_none());
}

#[test]
fn an_invitation_that_has_ended_says_so_also_when_the_clock_was_turned_back() {
    let (mut world, code) = invited();
    let end = NOW + i64::from(given::INVITE_DEFAULT);
    let turn = world.login(&[&code], end - 1);
    assert!(shown(&turn).contains("a = plain QR"));
    assert!(shown(&world.login(&[], end)).starts_with("Your enrollment code has ended. Ask for a new one."));
    world.account.newest_time = Time(end);
    assert!(shown(&world.login(&[], NOW)).starts_with("Your enrollment code has ended."));
}

#[test]
fn of_two_logins_with_one_invitation_one_enrolls() {
    let (mut world, code) = invited();
    let first = to_the_picture(&mut world, &code);
    let second = to_the_picture(&mut world, &code);
    let app = app_code(&world);
    let (_, turn) = world.answer(first, &app, NOW);
    assert!(shown(&turn).contains("Backup codes"));
    world.plan = factors(Kinds::ALL);
    let (_, turn) = world.answer(second, &app, NOW);
    assert_eq!(denied(&turn), Some(Denial::PolicyChanged));
    assert_eq!(world.account.factors.len(), 1);
}

#[test]
fn whoever_is_at_the_picture_when_the_invitation_is_taken_back_or_replaced_does_not_enroll() {
    for replaced in [false, true] {
        let (mut world, code) = invited();
        let dialog = to_the_picture(&mut world, &code);
        let app = app_code(&world);
        if replaced {
            let giving = given::invite(&world.account, 3600, (&of_administrator(NOW + 1), Ticket(1)));
            world.administer(giving);
        } else {
            let commit = given::withdraw(&world.account, Purpose::Invite, (&of_administrator(NOW), Ticket(1))).unwrap();
            assert!(world.commit(&commit));
        }
        let (_, turn) = world.answer(dialog, &app, NOW);
        assert!(shown(&turn).contains("nrollment code"), "{}", shown(&turn));
        assert!(world.account.factors.is_empty());
    }
}

#[test]
fn whoever_was_offered_the_picture_is_asked_for_the_code_once_the_policy_wants_one() {
    let (mut world, code) = invited();
    world.plan = Plan::Enroll(Enroll::AtLogin { kinds: Kinds::ALL });
    let step = world.begin(NOW);
    let (dialog, _) = world.drive(step, NOW);
    world.plan = INVITE;
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert!(shown(&turn).ends_with("Enrollment code: ") && world.account.pending.is_none());
    let (dialog, _) = world.answer(dialog, &code, NOW);
    let (_, turn) = world.answer(dialog, &app_code(&world), NOW);
    assert!(shown(&turn).contains("Backup codes"));
}

#[test]
fn a_locker_takes_no_enrollment_code_and_says_where_one_is_taken() {
    let (mut world, code) = invited();
    (world.caller, world.temp_codes) = (Caller::Plain, false);
    let turn = world.login(&[], NOW);
    assert!(shown(&turn).contains("Log in over ssh or at the console, with your enrollment code."));
    assert_eq!(denied(&world.login(&[&code], NOW)), Some(Denial::NotEnrolled));
    assert!(world.account.pending.is_none());
}

#[test]
fn after_a_reset_with_an_invitation_the_demand_ends_with_the_enrollment() {
    let mut world = alice();
    let giving = given::reset_and_invite(&world.account, given::INVITE_DEFAULT, (&of_administrator(NOW), Ticket(1)));
    let code = world.administer(giving);
    assert!(world.account.invited_only && world.account.factors.is_empty());
    world.plan = INVITE; // as the policy has it for such an account
    let dialog = to_the_picture(&mut world, &code);
    world.answer(dialog, &app_code(&world), NOW);
    assert!(!world.account.invited_only && world.account.factors.len() == 1);
}

#[test]
fn a_temporary_code_lets_in_as_often_as_it_says_and_no_more() {
    let (mut world, code) = with_temp_code(alice(), &WISH);
    let turn = world.login(&[&code.to_lowercase()], NOW);
    assert!(passed(&turn));
    assert_eq!(turn.say[0].text, "Temporary code used, 1 use left, until 13:26.");
    let turn = world.login(&[&code], NOW);
    assert_eq!(turn.say[0].text, "Temporary code used, no uses left.");
    let used = world.records.last().unwrap();
    assert_eq!((used.what, used.words.as_deref()), (What::Passed, Some("phone at home")));
    let turn = world.login(&[&code], NOW);
    assert_eq!(turn.say[0].text, "That code is not right.");
    assert_eq!(world.account.throttles.get(Bucket::ALL[1]).failures, 1, "counted with backup codes");
    assert_eq!(world.account.backup.codes.len(), 10);
}

#[test]
fn its_end_is_told_by_the_clock_on_the_wall_and_with_the_day_if_that_is_another() {
    use super::super::text::on_the_clock;
    assert_eq!(on_the_clock(Time(NOW + 60), Time(NOW), 7200), "14:27");
    assert_eq!(on_the_clock(Time(NOW + 86_400), Time(NOW), 7200), "2020-09-14 14:26");
    assert_eq!(on_the_clock(Time(i64::MAX), Time(NOW), 0), "it is taken back");
}

#[test]
fn a_temporary_code_ends_by_its_time_also_when_the_clock_is_turned_back() {
    let (mut world, code) = with_temp_code(alice(), &WISH);
    assert!(!passed(&world.login(&[&code], NOW + 3600)));
    world.account.newest_time = Time(NOW + 3600);
    assert!(!passed(&world.login(&[&code], NOW)));
    world.account.newest_time = Time(NOW + 3599);
    assert!(passed(&world.login(&[&code], NOW)));
}

#[test]
fn two_logins_with_the_last_use_of_a_temporary_code_do_not_both_pass() {
    let (mut world, code) = with_temp_code(alice(), &given::Wish { uses: 1, ..WISH });
    let (first, second) = (world.begin(NOW), world.begin(NOW));
    let (first, _) = world.drive(first, NOW);
    let (second, _) = world.drive(second, NOW);
    // Both have been weighed on the same account before either is committed.
    let (first, second) = (first.step(typed(&code), &at(NOW)), second.step(typed(&code), &at(NOW)));
    assert!(passed(&world.drive(first, NOW).1));
    assert!(!passed(&world.drive(second, NOW).1));
}

#[test]
fn where_factors_are_changed_or_a_locker_asks_a_temporary_code_is_a_wrong_code() {
    let (mut world, code) = with_temp_code(alice(), &WISH);
    world.temp_codes = false;
    assert_eq!(world.login(&[&code], NOW).say[0].text, "That code is not right.");
    world.plan = INVITE;
    assert!(!shown(&world.login(&[], NOW)).contains("temporary code"));
}

#[test]
fn whatever_factor_the_policy_wants_the_administrators_word_stands_in_for_it() {
    let key = Kinds::NONE.with(Kind::SecurityKey);
    for plan in [factors(key), Plan::Deny(Deny::NoUsableFactor { needs: key }), Plan::Deny(Deny::SeatsFull)] {
        let (mut world, code) = with_temp_code(alice(), &WISH);
        world.plan = plan;
        let turn = world.login(&["492817", &code], NOW);
        assert!(passed(&turn), "{turn:?}");
    }
}

#[test]
fn whoever_is_refused_otherwise_is_told_of_the_temporary_code_and_leaves_with_enter() {
    let needs = Kinds::NONE.with(Kind::SecurityKey);
    let (mut world, _) = with_temp_code(alice(), &WISH);
    world.plan = Plan::Deny(Deny::NoUsableFactor { needs });
    let turn = world.login(&[], NOW);
    assert!(prompt(&turn).ends_with("\nA temporary code works now.\nPress Enter, or type it: "));
    assert_eq!(denied(&world.login(&[""], NOW)), Some(Denial::NoUsableFactor));
    assert_eq!(denied(&world.login(&["2222-2222-2222"; 3], NOW)), Some(Denial::Wrong));
}

#[test]
fn who_has_nothing_yet_logs_in_with_it_once_and_is_asked_to_enroll_the_next_time() {
    for how in [
        Enroll::AtLogin { kinds: Kinds::ALL },
        Enroll::Grace { kinds: Kinds::ALL, seconds_left: 86_400 },
        Enroll::Invite { kinds: Kinds::ALL },
        Enroll::Deny,
    ] {
        let mut world = bob();
        let giving = given::invite(&world.account, given::INVITE_DEFAULT, (&of_administrator(NOW), Ticket(1)));
        world.administer(giving);
        let (mut world, code) = with_temp_code(world, &given::Wish { uses: 1, ..WISH });
        world.plan = Plan::Enroll(how);
        assert!(shown(&world.login(&[], NOW)).contains("temporary code"), "{how:?}");
        assert!(passed(&world.login(&[&code], NOW)), "{how:?}");
        assert!(world.account.factors.is_empty() && world.account.pending.is_none());
        assert!(!shown(&world.login(&[], NOW)).contains("temporary code"), "{how:?}");
    }
}

#[test]
fn throttled_people_are_told_of_a_temporary_code_and_it_opens_the_gate() {
    let (mut world, code) = with_temp_code(alice(), &WISH);
    world.account.backup = BackupSet::default();
    world.login(&["000000"; 3], NOW);
    let turn = world.login(&["000000"; 2], NOW);
    assert!(prompt(&turn).ends_with("A temporary code works now.\nPress Enter, or type it: "));
    assert!(passed(&world.login(&[&code], NOW)));
    let right = world.code(NOW / 30);
    assert!(passed(&world.login(&[&right], NOW)));
}

#[test]
fn guessing_at_temporary_codes_is_throttled_and_then_the_page_is_a_plain_refusal() {
    let (mut world, code) = with_temp_code(bob(), &WISH);
    for _ in 0..5 {
        world.login(&["2222-2222-2222"], NOW);
    }
    assert!(!passed(&world.login(&[&code], NOW)));
    assert!(passed(&world.login(&[&code], NOW + 31)));
}

#[test]
fn every_page_with_codes_fits_80_columns() {
    let (mut world, _) = invited();
    let invite = world.login(&[WRONG], NOW);
    let (mut world, _) = with_temp_code(world, &WISH);
    for turn in [invite, world.login(&[], NOW)] {
        assert!(shown(&turn).lines().all(|line| line.chars().count() <= 80), "{}", shown(&turn));
    }
}

#[test]
fn a_temporary_code_earns_nothing_beyond_the_login_it_opened() {
    let (mut world, code) = with_temp_code(alice(), &WISH);
    world.plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: false, ask_again: 900, remember: 7 * 86_400 });
    world.ties.key = Some("SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU".parse().unwrap());
    world.ties.address = Some([192, 0, 2, 7].into());
    assert!(passed(&world.login(&[&format!("{code}+")], NOW)));
    assert!(world.account.trust.is_empty(), "{:?}", world.account.trust);
    assert!(prompt(&world.login(&[], NOW + 8)).ends_with("Verification code: "));
}
