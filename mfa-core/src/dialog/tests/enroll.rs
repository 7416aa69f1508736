//! Enrolling in the login itself: the picture, the codes to keep, going without, and what must not pass meanwhile.

use super::*;
use crate::policy::Enroll;
use data_encoding::BASE32_NOPAD;

const KINDS: Kinds = Kinds::ALL;
const WEEK: i64 = 7 * 86_400;

/// Nobody knows anything of bob, who must enroll.
fn bob(how: Enroll) -> World {
    let mut world = alice();
    world.account = Account::absent(Identity { uid: 1001, name: "bob".into() });
    world.plan = Plan::Enroll(how);
    world
}

fn at_login() -> World {
    bob(Enroll::AtLogin { kinds: KINDS })
}

fn grace() -> World {
    bob(Enroll::Grace { kinds: KINDS, seconds_left: WEEK })
}

/// What an app that scanned the picture shows now.
fn app_code(world: &World, step: i64) -> String {
    let secret = world.account.pending.as_ref().unwrap().secret.expose().to_vec();
    let app = totp_rs::Builder::new().with_secret(secret).build_noncompliant();
    app.generate(u64::try_from((NOW / 30 + step) * 30).unwrap()).to_string()
}

/// Plays until the picture is shown.
fn at_the_picture(world: &mut World) -> (Dialog, Turn) {
    let step = world.begin(NOW);
    let (dialog, _) = world.drive(step, NOW);
    world.answer(dialog, "", NOW)
}

fn shown(turn: &Turn) -> &str {
    match &turn.next {
        Next::Ask { prompt, .. } => prompt,
        other => panic!("{other:?}"),
    }
}

/// The group that the page of backup codes asks for.
fn asked_group(page: &str) -> String {
    let number: usize = page.rsplit("code ").next().unwrap().trim_end_matches(": ").parse().unwrap();
    let mut words = page.split_whitespace();
    words.by_ref().find(|word| *word == number.to_string());
    words.next().unwrap().rsplit('-').next().unwrap().to_owned()
}

#[test]
fn a_newcomer_enrolls_in_the_login_and_passes_by_the_code_that_confirms_it() {
    let mut world = at_login();
    let step = world.begin(NOW);
    let (dialog, turn) = world.drive(step, NOW);
    let offer = "ACME asks for a second factor.\nHave an authenticator app ready on your phone.\n\
                 Enter = show the QR code   q = stop: ";
    assert_eq!(shown(&turn), offer);
    let (dialog, turn) = world.answer(dialog, "", NOW);
    assert!(shown(&turn).starts_with('\n') && shown(&turn).ends_with("Verification code: "));
    let code = app_code(&world, 0);
    let (dialog, turn) = world.answer(dialog, &code, NOW);
    assert!(shown(&turn).contains("Backup codes, each works once."));
    assert_eq!(world.account.backup.codes.len(), 10);
    let (_, turn) = world.answer(dialog, "nothing", NOW);
    assert_eq!(turn.say[0].text, "That is not it. Write the codes down, then look again.");
}

#[test]
fn the_login_passes_once_a_part_of_a_backup_code_is_typed() {
    let mut world = at_login();
    let (dialog, _) = at_the_picture(&mut world);
    let code = app_code(&world, 0);
    let (dialog, turn) = world.answer(dialog, &code, NOW);
    let group = asked_group(shown(&turn)).to_lowercase();
    world.plan = factors(Kinds::ALL); // what the policy says from now on
    let (_, turn) = world.answer(dialog, &group, NOW);
    assert!(passed(&turn));
    assert!(world.records.iter().any(|record| record.what == What::Added));
}

#[test]
fn whoever_reads_the_backup_codes_while_the_policy_changes_or_all_is_reset_is_not_let_in() {
    for (what, plan, reset) in [
        ("nothing is asked", Plan::Skip(crate::policy::Skip::Exempt), false),
        ("a key is asked for", factors(Kinds::NONE.with(Kind::SecurityKey)), false),
        ("reset", at_login().plan, true),
        ("reset, and enrolled otherwise", factors(Kinds::ALL), true),
    ] {
        let mut world = at_login();
        let (dialog, _) = at_the_picture(&mut world);
        let code = app_code(&world, 0);
        let (dialog, turn) = world.answer(dialog, &code, NOW);
        let group = asked_group(shown(&turn));
        world.plan = plan;
        if reset {
            world.account.factors.clear();
        }
        let (_, turn) = world.answer(dialog, &group, NOW);
        assert!(!passed(&turn), "{what}");
    }
}

#[test]
fn the_code_that_confirmed_does_not_open_another_login() {
    let mut world = at_login();
    let (dialog, _) = at_the_picture(&mut world);
    let code = app_code(&world, 0);
    world.answer(dialog, &code, NOW);
    world.plan = factors(Kinds::ALL);
    assert!(world.login(&[&code], NOW).say[0].text.contains("just used"));
}

#[test]
fn a_dropped_line_goes_on_with_the_same_secret() {
    let mut world = at_login();
    at_the_picture(&mut world);
    let before = world.account.pending.as_ref().unwrap().secret.clone();
    let (_, turn) = at_the_picture(&mut world);
    assert_eq!(turn.say[0].text, "Your enrollment goes on where it stopped.");
    assert_eq!(world.account.pending.as_ref().unwrap().secret, before);
}

#[test]
fn the_picture_can_be_plain_or_text_and_a_wrong_code_or_clock_is_told() {
    let mut world = at_login();
    let (dialog, turn) = at_the_picture(&mut world);
    assert!(shown(&turn).contains('█'));
    let (dialog, turn) = world.answer(dialog, "a", NOW);
    assert!(shown(&turn).contains("##") && shown(&turn).is_ascii());
    let (dialog, turn) = world.answer(dialog, "t", NOW);
    let secret = BASE32_NOPAD.encode(world.account.pending.as_ref().unwrap().secret.expose());
    assert!(shown(&turn).contains(&format!("otpauth://totp/ACME:alice@web1?secret={secret}&issuer=ACME")));
    let (dialog, turn) = world.answer(dialog, "000000", NOW);
    assert_eq!((turn.say[0].text.as_str(), shown(&turn)), ("That code is not right.", "Verification code: "));
    let late = app_code(&world, -6);
    let (_, turn) = world.answer(dialog, &late, NOW);
    assert!(turn.say[0].text.starts_with("Your phone's clock is 3 minutes behind."));
    assert!(world.account.factors.is_empty());
}

#[test]
fn with_two_codes_the_second_must_follow_the_first() {
    let mut world = at_login();
    world.welcome.rules.confirm_codes = 2;
    let (dialog, _) = at_the_picture(&mut world);
    let codes: Vec<String> = (-1..=1).map(|step| app_code(&world, step)).collect();
    let (dialog, turn) = world.answer(dialog, &codes[0], NOW);
    assert_eq!(turn.say[0].text, "Right. Now the next code, when it appears.");
    let (dialog, turn) = world.answer(dialog, &codes[2], NOW);
    assert!(turn.say[0].text.starts_with("These two do not follow one another."));
    let (dialog, _) = world.answer(dialog, &codes[0], NOW);
    let (_, turn) = world.answer(dialog, &codes[1], NOW);
    assert!(shown(&turn).contains("Backup codes"));
}

#[test]
fn without_grace_leaving_is_a_denial_and_with_it_the_login_goes_on_and_its_beginning_is_kept() {
    let mut world = at_login();
    assert_eq!(denied(&world.login(&["q"], NOW)), Some(Denial::NotEnrolled));
    let mut world = grace();
    let turn = world.login(&["q"], NOW);
    assert_eq!(turn.next, Next::Done(Verdict::Skipped("grace")));
    assert_eq!(turn.say[0].text, "Set up your second factor within 7 days. Run: mfa-enroll");
    assert_eq!(world.account.grace_began, Some(Time(NOW)));
    world.login(&["q"], NOW + 86_400);
    assert_eq!(world.account.grace_began, Some(Time(NOW)), "it began once");
}

#[test]
fn where_no_picture_can_be_shown_it_is_said_where_to_enroll_and_grace_lets_in() {
    let mut world = at_login();
    world.welcome.terminal = false;
    let turn = world.login(&[], NOW);
    assert!(shown(&turn).contains("Set it up first, on a terminal: mfa-enroll"), "{}", shown(&turn));
    assert_eq!(denied(&world.login(&[""], NOW)), Some(Denial::NotEnrolled));
    let mut world = grace();
    world.interactive = false;
    assert_eq!(world.login(&[], NOW).next, Next::Done(Verdict::Skipped("grace")));
}

#[test]
fn a_newcomer_without_an_address_where_mail_alone_is_taken_is_told_whom_to_ask_and_not_to_enroll() {
    let kinds = Kinds::NONE.with(Kind::Email);
    for how in [Enroll::AtLogin { kinds }, Enroll::Invite { kinds }] {
        let mut world = bob(how);
        let turn = world.login(&[], NOW);
        let told = shown(&turn);
        assert!(told.contains("there is no address to mail it to.\nAsk"), "{told}");
        assert!(!told.contains("mfa-enroll") && !told.contains("QR"), "{told}");
        assert_eq!(denied(&world.login(&[""], NOW)), Some(Denial::CannotMail));
    }
    let mut world = bob(Enroll::Grace { kinds, seconds_left: WEEK });
    world.welcome.rules.kinds = kinds;
    let turn = world.login(&[], NOW);
    assert_eq!(turn.next, Next::Done(Verdict::Skipped("grace")));
    let told = &turn.say[0].text;
    assert!(
        told.starts_with("In 7 days a mailed code is required.\nThere is no address to mail it to.\nAsk"),
        "{told}"
    );
}

#[test]
fn nobody_enrolls_from_a_process_of_their_own_through_a_login() {
    let mut world = at_login();
    world.caller = Caller::Plain;
    assert_eq!(denied(&world.login(&[""], NOW)), Some(Denial::NotEnrolled));
    assert!(world.account.pending.is_none());
}

#[test]
fn of_two_logins_that_enroll_at_once_one_passes_and_the_other_starts_again() {
    let mut world = at_login();
    let (first, _) = at_the_picture(&mut world);
    let (second, _) = at_the_picture(&mut world);
    let code = app_code(&world, 0);
    let (_, turn) = world.answer(first, &code, NOW);
    assert!(shown(&turn).contains("Backup codes"));
    world.plan = factors(Kinds::ALL);
    let (_, turn) = world.answer(second, &code, NOW);
    assert_eq!(denied(&turn), Some(Denial::PolicyChanged));
    assert_eq!(world.account.factors.len(), 1);
}

#[test]
fn an_enrollment_that_took_too_long_starts_again() {
    let mut world = at_login();
    let (dialog, _) = at_the_picture(&mut world);
    let code = app_code(&world, 20);
    let (_, turn) = world.answer(dialog, &code, NOW + 600);
    assert_eq!(turn.say[0].text, "That took too long. Start again.");
    assert!(world.account.factors.is_empty());
}

#[test]
fn every_page_fits_80_columns_and_24_rows() {
    let mut world = at_login();
    let (dialog, turn) = at_the_picture(&mut world);
    let code = app_code(&world, 0);
    let (_, keep) = world.answer(dialog, &code, NOW);
    for page in [shown(&turn), shown(&keep)] {
        assert!(page.lines().count() <= 24, "{}", page.lines().count());
        assert!(page.lines().all(|line| line.chars().count() <= 80));
    }
}

/// Somebody else of the same name has enrolled since the dialog began.
fn enrolled_meanwhile(world: &mut World) {
    world.account = Account { identity: world.account.identity.clone(), ..alice().account };
    world.account.version = Some(Version(100));
    world.plan = factors(Kinds::ALL);
}

#[test]
fn a_login_left_open_in_its_grace_does_not_go_on_without_once_something_is_enrolled() {
    for began in [None, Some(Time(NOW - 60))] {
        let mut world = grace();
        (world.account.version, world.account.grace_began) = (began.map(|_| Version(1)), began);
        let step = world.begin(NOW);
        let (dialog, _) = world.drive(step, NOW);
        enrolled_meanwhile(&mut world);
        let step = dialog.step(typed("q"), &at(NOW)); // on the account as it was
        let (_, turn) = world.drive(step, NOW);
        assert_eq!(denied(&turn), Some(Denial::PolicyChanged), "{began:?}");
    }
}

#[test]
fn a_secret_that_has_become_a_factor_meanwhile_is_not_shown_again() {
    let mut world = at_login();
    at_the_picture(&mut world);
    let step = world.begin(NOW);
    let (dialog, _) = world.drive(step, NOW);
    enrolled_meanwhile(&mut world);
    let step = dialog.step(typed(""), &at(NOW)); // on the account as it was
    let (_, turn) = world.drive(step, NOW);
    assert_eq!(denied(&turn), Some(Denial::PolicyChanged));
}

#[test]
fn that_a_begun_secret_is_shown_again_is_recorded() {
    let mut world = at_login();
    at_the_picture(&mut world);
    at_the_picture(&mut world);
    let begun: Vec<_> = world.records.iter().filter(|record| record.what == What::Begun).collect();
    assert_eq!(begun.iter().map(|record| record.reason).collect::<Vec<_>>(), [None, Some("resumed")]);
}

#[test]
fn whoever_is_let_in_for_want_of_a_factor_is_asked_if_one_is_enrolled_at_that_moment() {
    for skip in [crate::policy::Skip::NotEnrolled, crate::policy::Skip::SeatsFull] {
        let mut world = at_login();
        world.plan = Plan::Skip(skip);
        let step = world.begin(NOW);
        enrolled_meanwhile(&mut world);
        let (_, turn) = world.drive(step, NOW);
        assert_eq!(prompt(&turn), "Verification code: ", "{skip:?}");
    }
}

#[test]
fn an_account_that_keeps_changing_is_not_let_in_by_its_grace() {
    let mut world = grace();
    let step = world.begin(NOW);
    let (mut dialog, _) = world.drive(step, NOW);
    let mut effect;
    (dialog, effect) = dialog.step(typed("q"), &at(NOW));
    for round in 1..=ROUNDS {
        assert!(matches!(effect, Effect::Commit(_)), "round {round}");
        let stale = Event::Stale(Box::new((world.plan.clone(), world.account.clone())));
        (dialog, effect) = dialog.step(stale, &at(NOW));
    }
    let stale = Event::Stale(Box::new((world.plan.clone(), world.account.clone())));
    let (_, effect) = dialog.step(stale, &at(NOW));
    let Effect::Turn(turn) = effect else { panic!("{effect:?}") };
    assert_eq!(denied(&turn), Some(Denial::Unsettled));
}
