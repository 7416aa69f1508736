//! The daemon is killed in the middle of everything: what it answered has happened, what it did not answer happened as a
//! whole or not at all, and a code is good for one login at the most.

use crate::support::{Daemon, Place, as_root, left_out, me};
use crate::wire::{Phone, Wire, beginning, outcome, strings};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Moments after a call is sent at which the daemon is killed; `None` is when it has answered.
const MOMENTS: [Option<u64>; 10] =
    [Some(0), Some(30), Some(60), Some(120), Some(250), Some(500), Some(1000), Some(2000), Some(4000), None];

/// Makes a call and kills the daemon; the answer, if there was one.
fn call_and_kill(
    daemon: &mut Daemon<'_>,
    wire: &mut Wire,
    method: &str,
    parameters: &Value,
    moment: Option<u64>,
) -> Value {
    assert!(wire.say(&json!({ "method": method, "parameters": parameters }).to_string()));
    let answer = match moment {
        Some(microseconds) => {
            let until = Instant::now() + Duration::from_micros(microseconds);
            while Instant::now() < until {
                std::hint::spin_loop(); // a moment to strike at, not one to wait for
            }
            daemon.kill();
            wire.receive()
        }
        None => {
            let answer = wire.receive();
            daemon.kill();
            answer
        }
    };
    answer.map_or(Value::Null, |answer| answer["parameters"].clone())
}

#[test]
fn an_enrollment_is_whole_or_not_at_all_whenever_the_daemon_is_killed() {
    for moment in MOMENTS {
        let place = Place::new();
        let mut daemon = place.start();
        let mut wire = daemon.connect();
        let begun = call_and_kill(&mut daemon, &mut wire, "io.mfa.Enrollment.AddTotp", &json!({}), moment);
        drop(daemon);

        let mut daemon = place.start();
        let mut wire = daemon.connect();
        let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
        if begun["secret"].is_string() {
            assert_eq!(
                (&begun["secret"], &begun["id"]),
                (&pending["secret"], &pending["id"]),
                "what was shown goes on"
            );
        }
        let mut phone = Phone::of(pending["secret"].as_str().unwrap());
        let confirm = json!({ "id": pending["id"], "codes": [phone.code(&place)] });
        let confirmed = call_and_kill(&mut daemon, &mut wire, "io.mfa.Enrollment.Confirm", &confirm, moment);
        drop(daemon);

        let daemon = place.start();
        let mut wire = daemon.connect();
        let status = wire.status(&me());
        let enrolled = status["factors"].as_array().unwrap().len();
        if confirmed["result"] == "done" {
            assert_eq!(enrolled, 1, "{moment:?}: what was answered has happened");
        }
        if enrolled == 0 {
            assert_eq!((&status["backup_codes"], &status["pending_for"]), (&json!(0), &json!(600)), "{moment:?}");
            assert_eq!(wire.ask("io.mfa.Enrollment.Confirm", confirm)["result"], "done");
        } else {
            assert_eq!((&status["backup_codes"], &status["pending_for"]), (&json!(10), &Value::Null), "{moment:?}");
            assert_eq!(wire.refused("io.mfa.Enrollment.Confirm", confirm), "not_found");
        }
        assert_eq!(daemon.connect().login(&me(), &phone.last_code()), "ask", "{moment:?}: it was used to confirm");
        assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass", "{moment:?}");
        for code in strings(&confirmed["backup_codes"]) {
            assert_eq!(daemon.connect().login(&me(), &code), "pass", "{moment:?}: a backup code that was shown");
        }
    }
}

#[test]
fn a_code_lets_in_once_whenever_the_daemon_is_killed() {
    let place = Place::new();
    let mut daemon = place.start();
    let (mut phone, backup_codes) = daemon.connect().enroll(&me(), &place);
    for (moment, backup_code) in MOMENTS.into_iter().zip(&backup_codes) {
        for code in [phone.code(&place), backup_code.clone()] {
            let mut wire = daemon.connect();
            wire.begin(&me());
            let answered =
                call_and_kill(&mut daemon, &mut wire, "io.mfa.Login.Answer", &json!({ "answer": code }), moment);
            drop(daemon);
            daemon = place.start();
            let mut passes = usize::from(!answered.is_null() && outcome(&answered) == "pass");
            for _ in 0..2 {
                passes += usize::from(daemon.connect().login(&me(), &code) == "pass");
            }
            assert!(passes <= 1, "{moment:?}: {passes} logins with one code");
            assert!(passes == 1 || answered.is_null(), "{moment:?}: {answered}");
            place.set_clock(place.clock() + 1000); // wrong backup codes of the second tries are forgiven
        }
    }
}

#[test]
fn a_wrong_code_that_was_answered_is_counted_whenever_the_daemon_is_killed() {
    if !as_root() {
        return left_out("how many wrong codes were counted");
    }
    let place = Place::new();
    let mut daemon = place.start();
    let (phone, _) = daemon.connect().enroll("ghost1", &place);
    let (mut sent, mut answered) = (0, 0);
    for (moment, code) in MOMENTS.into_iter().zip(phone.wrong_codes(&place)) {
        let mut wire = daemon.connect();
        wire.begin("ghost1");
        let turn = call_and_kill(&mut daemon, &mut wire, "io.mfa.Login.Answer", &json!({ "answer": code }), moment);
        sent += 1;
        answered += u64::from(!turn.is_null());
        drop(daemon);
        daemon = place.start();
        let account = daemon.connect().ask("io.mfa.Admin.Account", json!({ "user": "ghost1" }));
        let failures = account["failures"].as_u64().unwrap();
        assert!((answered..=sent).contains(&failures), "{moment:?}: {failures} of {answered} to {sent}");
        (sent, answered) = (failures, failures);
        if account["throttled_for"].is_u64() {
            place.set_clock(place.clock() + 2000);
        }
    }
    assert!(answered > 0);
}

#[test]
fn a_dialog_dies_with_its_connection_and_its_tries_do_not_come_back() {
    let place = Place::new();
    let mut daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll(&me(), &place);
    let mut wrong = phone.wrong_codes(&place).take(5).collect::<Vec<_>>().into_iter();
    for _ in 0..5 {
        let mut wire = daemon.connect();
        wire.begin(&me());
        assert_eq!(outcome(&wire.answer(&wrong.next().unwrap())), "ask");
        daemon.kill();
        assert!(wire.is_hung_up());
        drop(daemon);
        daemon = place.start();
        assert_eq!(daemon.connect().refused("io.mfa.Login.Answer", json!({ "answer": phone.last_code() })), "invalid");
    }
    let turn = daemon.connect().ask("io.mfa.Login.Begin", beginning(&me()));
    assert!(turn["ask"]["text"].as_str().unwrap().contains("Too many wrong codes"), "{turn}");
    place.set_clock(place.clock() + 60);
    assert_eq!(daemon.connect().login(&me(), &phone.code(&place)), "pass");
}

#[test]
fn a_new_set_of_backup_codes_is_whole_or_the_old_one_stays() {
    for moment in MOMENTS {
        let place = Place::new();
        let mut daemon = place.start();
        let (mut phone, old) = daemon.connect().enroll(&me(), &place);
        let mut wire = daemon.connect();
        if !as_root() {
            wire.ask("io.mfa.Enrollment.Authorize", json!({}));
            wire.answer(&phone.code(&place));
        }
        let answer = call_and_kill(&mut daemon, &mut wire, "io.mfa.Enrollment.NewBackupCodes", &json!({}), moment);
        drop(daemon);
        let daemon = place.start();
        assert_eq!(daemon.connect().status(&me())["backup_codes"], 10, "{moment:?}");
        let new = strings(&answer["backup_codes"]);
        let works = |code: &String| daemon.connect().login(&me(), code) == "pass";
        match new.first() {
            Some(code) => assert!(works(code) && !works(&old[0]), "{moment:?}: what was shown is what counts"),
            None => {
                let old_works = old.iter().take(3).filter(|code| works(code)).count();
                assert!(old_works == 0 || old_works == 3, "{moment:?}: {old_works} of 3");
            }
        }
    }
}
