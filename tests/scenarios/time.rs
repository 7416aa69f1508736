//! What takes time: waits, codes that are off, enrollments that end, clocks that jump. The daemon alone sees another
//! time than the machine, so that nobody has to wait for it.

use harness::{Lab, LabBuilder, Outcome, Phone, Release, on_each_release};

use crate::steps::{CODE, account, all_at_once, bring_programs, must_hold, password_given, policy, web};
use harness::{Ended, Knock};

const CLOCK: &str = "/etc/scenario-clock";

/// A lab whose daemon reads from [`CLOCK`] how far its time is ahead.
pub(crate) fn another_time(release: Release) -> LabBuilder {
    let preload = "[Service]\nEnvironment=LD_PRELOAD=/usr/$LIB/faketime/libfaketime.so.1 FAKETIME_NO_CACHE=1 \
                   FAKETIME_DONT_FAKE_MONOTONIC=1 FAKETIME_TIMESTAMP_FILE=/etc/scenario-clock\n";
    web(release).file(CLOCK, "+0s", 0o644).file("/etc/systemd/system/mfa-daemon.service.d/clock.conf", preload, 0o644)
}

/// Sets the daemon's clock to so many seconds from now.
pub(crate) fn set_clock(lab: &Lab, seconds: i64) -> Outcome {
    Ok(lab.write(CLOCK, &format!("{seconds:+}s"), 0o644)?)
}

/// One login after another, with one answer each.
fn try_each(lab: &Lab, user: &str, answers: &[String]) -> Outcome<Vec<Ended>> {
    let mut ended = Vec::new();
    for answer in answers {
        ended.extend(all_at_once(lab, "codes", &[Knock { user, answers: vec![answer] }])?);
    }
    Ok(ended)
}

fn try_one(lab: &Lab, user: &str, answer: &str) -> Outcome<Ended> {
    let mut ended = try_each(lab, user, &[answer.to_owned()])?;
    Ok(ended.remove(0))
}

/// Seconds until that hour of tomorrow, in UTC, which is the labs' time.
fn until_tomorrow_at(hour: i64) -> Outcome<i64> {
    let now = i64::try_from(std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs())?;
    Ok(86_400 - now % 86_400 + hour * 3600)
}

/// What the phone shows then.
fn code_in(phone: &Phone, seconds: i64) -> String {
    phone.code_with_clock_off_by(seconds)
}

on_each_release! {
    fn a_rule_for_office_hours_holds_in_them_and_not_at_night(release: Release) -> Outcome {
        let rule = "[[rule]]\nname = \"office\"\nhours = [\"08:00-18:00\"]\nrequire = \"never\"\n";
        let lab = another_time(release).policy(&policy("always", rule)).boot()?;
        lab.enroll("alice")?;
        for (hour, is_asked) in [(7, true), (12, false), (22, true)] {
            set_clock(&lab, until_tomorrow_at(hour)?)?;
            let mut login = password_given(&lab, "alice")?;
            if is_asked {
                login.expect(CODE)?;
            } else {
                let before = login.expect_shell()?;
                assert!(!before.contains(CODE), "{before}");
            }
        }
        Ok(())
    }

    fn after_the_wait_codes_are_taken_again(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        bring_programs(&lab)?;
        let phone = lab.enroll("alice")?.phone;
        let ended = try_each(&lab, "alice", &phone.wrong_codes(6))?;
        must_hold(&ended[5].screen, &["Too many wrong codes. The next try is in 0:"])?;
        set_clock(&lab, 60)?;
        assert!(try_one(&lab, "alice", &code_in(&phone, 60))?.is_in());
        Ok(())
    }

    fn waits_grow_and_are_told_in_minutes(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        bring_programs(&lab)?;
        let phone = lab.enroll("alice")?.phone;
        try_each(&lab, "alice", &phone.wrong_codes(5))?;
        for (later, told, or_told) in [(40, "in 1:00", "in 0:5"), (110, "in 2:00", "in 1:5"), (240, "in 4:00", "in 3:5")] {
            set_clock(&lab, later)?;
            try_one(&lab, "alice", &phone.wrong_code())?;
            let screen = try_one(&lab, "alice", &code_in(&phone, later))?.screen;
            assert!(screen.contains(told) || screen.contains(or_told), "{screen}");
        }
        Ok(())
    }

    fn after_a_hundred_wrong_codes_in_a_row_a_backup_code_turns_them_on_again(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        bring_programs(&lab)?;
        let alice = lab.enroll("alice")?;
        let wrong = alice.phone.wrong_codes(5);
        let mut later = 0;
        for _ in 0..20 {
            later += 3600;
            set_clock(&lab, later)?;
            let knocks: Vec<Knock<'_>> =
                wrong.iter().map(|code| Knock { user: "alice", answers: vec![code] }).collect();
            all_at_once(&lab, "codes", &knocks)?;
        }
        assert_eq!(account(&lab, "alice")?["failures"], 100);
        later += 30 * 86_400;
        set_clock(&lab, later)?;
        let ended = try_one(&lab, "alice", &code_in(&alice.phone, later))?;
        assert!(!ended.is_in());
        must_hold(&ended.screen, &["Too many wrong codes in a row: codes by phone and mail are off."])?;
        let told = lab.run(["mfactl", "user", "alice"])?.success()?.stdout;
        must_hold(&told, &["CODES OFF: 100 wrong codes in a row."])?;
        assert!(try_one(&lab, "alice", &alice.backup_codes[0])?.is_in());
        assert!(try_one(&lab, "alice", &code_in(&alice.phone, later))?.is_in());
        Ok(())
    }

    fn an_enrollment_left_for_ten_minutes_is_gone(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        let add = || lab.run_as("alice", ["mfa-enroll", "add", "totp", "--json"]);
        let first = add()?.json()?;
        set_clock(&lab, 9 * 60)?;
        assert_eq!(add()?.json()?["secret"], first["secret"]);
        set_clock(&lab, 10 * 60 + 5)?;
        let phone = Phone::scan(first["uri"].as_str().unwrap_or_default())?;
        let code = code_in(&phone, 10 * 60 + 5);
        let late = lab.run_as("alice", ["mfa-enroll", "confirm", &first["id"].to_string(), &code])?.refused()?;
        must_hold(&late.stderr, &["enrollment has ended"])?;
        assert_ne!(add()?.json()?["secret"], first["secret"]);
        Ok(())
    }

    fn a_clock_turned_back_makes_no_used_code_new(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        bring_programs(&lab)?;
        let phone = lab.enroll("alice")?.phone;
        set_clock(&lab, 3600)?;
        let code = code_in(&phone, 3600);
        assert!(try_one(&lab, "alice", &code)?.is_in());
        for seconds in [3600, 0, -3600] {
            set_clock(&lab, seconds)?;
            for code in [&code, &code_in(&phone, seconds)] {
                let ended = try_one(&lab, "alice", code)?;
                assert!(!ended.is_in(), "{seconds}: {ended:?}");
            }
        }
        Ok(())
    }

    fn a_clock_turned_back_makes_nobody_wait_for_the_old_time(release: Release) -> Outcome {
        let lab = another_time(release).boot()?;
        bring_programs(&lab)?;
        let phone = lab.enroll("alice")?.phone;
        set_clock(&lab, 86_400 * 365)?;
        try_each(&lab, "alice", &phone.wrong_codes(5))?;
        must_hold(&try_one(&lab, "alice", "000000")?.screen, &["The next try is in 0:"])?;
        // Waits run by the new clock: one try is evaluated, and the next one waits a minute.
        set_clock(&lab, 0)?;
        must_hold(&try_one(&lab, "alice", &phone.wrong_code())?.screen, &["The next try is in "])?;
        set_clock(&lab, 61)?;
        assert!(try_one(&lab, "alice", &code_in(&phone, 61))?.is_in());
        Ok(())
    }
}
