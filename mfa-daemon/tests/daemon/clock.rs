//! The clock as it must not be: before 1970, turned back, far ahead. A used code stays used, nobody is locked out for
//! longer than the longest wait, and nothing that has ended begins again.

use crate::support::{BEGINNING, Place, as_root, left_out, me};
use crate::wire::{Phone, outcome};
use serde_json::json;

const DAY: i64 = 86_400;

#[test]
fn before_1970_no_code_is_right_and_a_backup_code_still_is() {
    let place = Place::new();
    let mut daemon = place.start();
    let (phone, backup_codes) = daemon.connect().enroll(&me(), &place);
    for (before, backup_code) in [-1, -30, -BEGINNING, i64::from(i32::MIN), -1 << 40].into_iter().zip(&backup_codes) {
        place.set_clock(before);
        let mut wire = daemon.connect();
        wire.begin(&me());
        assert_eq!(outcome(&wire.answer(&phone.code_of(0))), "ask", "{before}");
        assert_eq!(outcome(&wire.answer(&phone.code_of(BEGINNING / 30))), "ask", "{before}");
        assert_eq!(outcome(&wire.answer(backup_code)), "pass", "{before}");
    }
    assert!(daemon.is_alive());
}

#[test]
fn before_1970_nothing_is_confirmed() {
    let place = Place::new();
    let daemon = place.start();
    place.set_clock(-1000);
    let mut wire = daemon.connect();
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    let phone = Phone::of(pending["secret"].as_str().unwrap());
    for step in [0, 1, BEGINNING / 30] {
        let confirm = json!({ "id": pending["id"], "codes": [phone.code_of(step)] });
        assert_ne!(wire.call("io.mfa.Enrollment.Confirm", confirm)["parameters"]["result"], "done");
    }
    assert_eq!(wire.status(&me())["factors"], json!([]));
}

#[test]
fn the_ends_of_time_do_not_end_the_daemon() {
    let place = Place::new();
    let mut daemon = place.start();
    let (phone, _) = daemon.connect().enroll(&me(), &place);
    for end in [i64::MAX, i64::MAX - 1, i64::MIN, i64::MIN + 1, 1 << 62, -(1 << 62), 253_402_300_800, -62_135_596_801] {
        place.set_clock(end);
        let mut wire = daemon.connect();
        let turn = wire.begin(&me());
        if outcome(&turn) == "ask" {
            assert_ne!(outcome(&wire.answer(&phone.last_code())), "pass", "{end}");
        }
        if as_root() {
            daemon.connect().call("io.mfa.Admin.Status", json!({}));
            daemon.connect().call("io.mfa.Admin.Account", json!({ "user": me() }));
        }
        assert!(daemon.is_alive(), "{end}");
    }
}

#[test]
fn a_code_that_was_used_stays_used_when_the_clock_is_turned_back() {
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    let code = phone.code(&place);
    assert_eq!(daemon.connect().login(&me(), &code), "pass");
    let now = place.clock();
    for back in [1, 30, 90, 3600, DAY, 400 * DAY] {
        place.set_clock(now - back);
        let mut wire = daemon.connect();
        wire.begin(&me());
        let right_then = phone.code_of((now - back) / 30);
        let turn = wire.answer(&right_then);
        assert_eq!(outcome(&turn), "ask", "{back} s: a step before the one that was used");
        assert!(turn["say"].to_string().contains("used"), "{back} s: {turn}");
    }
    place.set_clock(now + 30);
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
}

#[test]
fn at_the_boundary_of_a_step_a_code_is_good_once_whichever_way_the_clock_steps() {
    let place = Place::new();
    let daemon = place.start();
    let (phone, _) = daemon.connect().enroll(&me(), &place);
    for step in (BEGINNING / 30 + 10..).step_by(10).take(4) {
        let code = phone.code_of(step);
        // The first second in which it is taken, and then both sides of every boundary near it.
        place.set_clock((step - 1) * 30 - 1);
        assert_ne!(daemon.connect().login(&me(), &code), "pass", "a second before");
        place.set_clock((step - 1) * 30);
        assert_eq!(daemon.connect().login(&me(), &code), "pass", "in its first second");
        for later in [29, 30, 0, -1, 59, 60, 29, 89, 90] {
            place.set_clock((step - 1) * 30 + later);
            assert_ne!(daemon.connect().login(&me(), &code), "pass", "{later} s later");
        }
        // Nor is one of a step before it, which nobody used.
        place.set_clock(step * 30);
        assert_ne!(daemon.connect().login(&me(), &phone.code_of(step - 1)), "pass");
        // In the last second in which it is taken, the next one is.
        place.set_clock((step + 3) * 30 - 1);
        assert_eq!(daemon.connect().login(&me(), &phone.code_of(step + 1)), "pass", "in its last second");
        place.set_clock((step + 3) * 30);
        assert_ne!(daemon.connect().login(&me(), &phone.code_of(step + 1)), "pass");
    }
}

#[test]
fn codes_used_while_the_clock_was_ahead_are_told_as_used_until_their_time_and_a_backup_code_helps() {
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, backup_codes) = daemon.connect().enroll(&me(), &place);
    place.set_clock(BEGINNING + DAY);
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
    place.set_clock(BEGINNING + 300);
    let mut wire = daemon.connect();
    wire.begin(&me());
    let turn = wire.answer(&phone.code_of((BEGINNING + 300) / 30));
    assert!(turn["say"].to_string().contains("clock"), "{turn}");
    assert_eq!(outcome(&wire.answer(&backup_codes[0])), "pass");
}

#[test]
fn a_clock_turned_back_makes_nobody_wait_for_longer_than_the_longest_wait() {
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    let wrong: Vec<String> = phone.wrong_codes(&place).take(5).collect();
    let mut begun = daemon.connect();
    begun.begin(&me());
    for (count, code) in (1..).zip(&wrong) {
        if outcome(&begun.answer(code)) == "denied" {
            begun = daemon.connect();
            let turn = begun.begin(&me());
            assert!(!turn["ask"]["text"].to_string().contains("Too many"), "after {count}");
        }
    }
    let mut throttled = daemon.connect();
    assert!(throttled.begin(&me())["ask"]["text"].to_string().contains("0:30"));
    place.set_clock(BEGINNING + 3600);
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass", "the clock goes on: the wait is over");

    let mut begun = daemon.connect();
    begun.begin(&me());
    for code in &wrong {
        if outcome(&begun.answer(code)) == "denied" {
            begun = daemon.connect();
            begun.begin(&me());
        }
    }
    place.set_clock(BEGINNING + 1800);
    // A code of this time, and the wait of a time that has not come: it is looked at, and found used.
    let turn = { daemon.connect().begin(&me()) };
    assert_eq!(turn["ask"]["text"], "Verification code: ", "{turn}");
}

#[test]
fn an_enrollment_ends_in_its_time_and_a_clock_that_jumps_ends_it_too() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    let phone = Phone::of(pending["secret"].as_str().unwrap());
    let confirm = |at: i64| json!({ "id": pending["id"], "codes": [phone.code_of(at / 30)] });
    place.set_clock(BEGINNING + 601);
    assert_eq!(wire.refused("io.mfa.Enrollment.Confirm", confirm(BEGINNING + 601)), "not_found");
    let again = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    assert_eq!(again["resumed"], false);
    assert_ne!(again["secret"], pending["secret"]);
}

#[test]
fn a_proof_does_not_outlive_its_minutes_whichever_way_the_clock_goes() {
    if !as_root() {
        return left_out("a plain peer's proof, while root enrolls");
    }
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("ghost1", &place);
    for jump in [301, DAY, -1, -DAY] {
        let mut wire = daemon.connect_as(70_001);
        assert_eq!(wire.refused("io.mfa.Enrollment.NewBackupCodes", json!({})), "authorize_first");
        wire.ask("io.mfa.Enrollment.Authorize", json!({}));
        assert_eq!(outcome(&wire.answer(&phone.code(&place))), "pass");
        let now = place.clock();
        place.set_clock(now + jump);
        assert_eq!(wire.refused("io.mfa.Enrollment.NewBackupCodes", json!({})), "authorize_first", "{jump}");
        place.set_clock(now);
        wire.ask("io.mfa.Enrollment.NewBackupCodes", json!({}));
    }
}
