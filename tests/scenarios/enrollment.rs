//! Enrolling a phone: guided on a terminal, interrupted, by a script; and what must be proved before anything is changed.

use harness::{Lab, Outcome, Phone, Release, acknowledge, on_each_release};

use crate::steps::{CODE, account, be_refused, log_in, must_hold, password_given, policy, web};

/// Whether the daemon has that account as enrolled.
fn factors(lab: &Lab, user: &str) -> Outcome<usize> {
    Ok(account(lab, user)?["factors"].as_array().map_or(0, Vec::len))
}

on_each_release! {
    fn the_guided_setup_leads_from_the_picture_to_the_first_login(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, mut phone) = lab.setup_up_to_the_picture("alice")?;
        assert_eq!(phone.account().account, "alice@lab");
        setup.send_line(&phone.wrong_code())?;
        setup.expect("That is not the code of this secret.")?;
        setup.answer(CODE, &phone.code_with_clock_off_by(-300))?;
        setup.expect("Your phone's clock is 5 minutes behind.")?;
        assert_eq!(factors(&lab, "alice")?, 0);
        setup.answer(CODE, &phone.code())?;
        setup.expect("Right: your app counts as a second factor from now on.")?;
        let codes = acknowledge(&mut setup)?;
        assert_eq!(codes.len(), 10);
        setup.answer("Enter = done: ", "")?;
        assert_eq!(setup.expect_closed()?, 0);
        log_in(&lab, "alice", &phone.code())?;
        log_in(&lab, "alice", &codes[7])?;
        Ok(())
    }

    fn a_wrong_group_of_a_backup_code_is_asked_for_again(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, mut phone) = lab.setup_up_to_the_picture("alice")?;
        setup.send_line(&phone.code())?;
        setup.expect("Type the last group of code ")?;
        setup.answer(": ", "XXXX")?;
        setup.expect(" does not end so. Look again.")?;
        acknowledge(&mut setup)?;
        setup.expect("Enter = done: ")?;
        Ok(())
    }

    fn backup_codes_count_whether_they_were_written_down_or_not(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, mut phone) = lab.setup_up_to_the_picture("alice")?;
        setup.send_line(&phone.code())?;
        setup.expect("Type the last group of code ")?;
        setup.send("\x04")?;
        setup.expect("\nThey count all the same. If you have not kept them: mfa-enroll codes")?;
        assert_eq!(account(&lab, "alice")?["backup_codes"], 10);
        Ok(())
    }

    fn pictures_in_plain_characters_and_the_link_say_the_same(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, phone) = lab.setup_up_to_the_picture("alice")?;
        setup.send_line("a")?;
        let plain = setup.expect(CODE)?;
        assert_eq!(Phone::scan_screen(&plain)?.account(), phone.account());
        setup.send_line("t")?;
        let link = setup.expect(CODE)?;
        let link = link.split_whitespace().find(|word| word.starts_with("otpauth://")).unwrap_or_default();
        assert_eq!(Phone::scan(link)?.account(), phone.account());
        Ok(())
    }

    fn an_interrupted_enrollment_goes_on_with_the_same_secret(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, first) = lab.setup_up_to_the_picture("alice")?;
        setup.send("\x03")?;
        assert_ne!(setup.expect_closed()?, 0);
        // Nothing counts yet: the password alone is enough.
        password_given(&lab, "alice")?.expect_shell()?;
        let (setup, second) = lab.setup_up_to_the_picture("alice")?;
        must_hold(setup.transcript(), &["You began this before: the secret is the same, and waits for"])?;
        assert_eq!(second.account(), first.account());
        setup.hang_up();
        let (mut setup, mut third) = lab.setup_up_to_the_picture("alice")?;
        assert_eq!(third.account(), first.account());
        setup.send_line(&third.code())?;
        acknowledge(&mut setup)?;
        log_in(&lab, "alice", &third.code())?;
        Ok(())
    }

    fn a_new_secret_makes_the_one_shown_before_worthless(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let (mut setup, mut old) = lab.setup_up_to_the_picture("alice")?;
        setup.send_line("n")?;
        setup.expect(CODE)?;
        let mut new = Phone::scan_screen(setup.transcript())?;
        assert_ne!(new.account(), old.account());
        setup.send_line(&old.code())?;
        setup.expect("That is not the code of this secret.")?;
        setup.answer(CODE, &new.code())?;
        setup.expect("Right: your app counts")?;
        Ok(())
    }

    fn where_two_codes_are_wanted_one_is_not_enough(release: Release) -> Outcome {
        let lab = web(release).settings("[enrollment]\nconfirm_codes = 2\n").boot()?;
        let (mut setup, mut phone) = lab.setup_up_to_the_picture("alice")?;
        setup.send_line(&phone.code())?;
        setup.expect("Right. Now the next code, when it appears")?;
        assert_eq!(factors(&lab, "alice")?, 0);
        setup.answer(": ", &phone.code())?;
        setup.expect("Right: your app counts")?;
        Ok(())
    }

    fn a_script_enrolls_without_a_terminal(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let added = lab.run_as("alice", ["mfa-enroll", "add", "totp", "--json"])?.json()?;
        let mut phone = Phone::scan(added["uri"].as_str().unwrap_or_default())?;
        let id = added["id"].to_string();
        let confirm = |code: &str| lab.run_as("alice", ["mfa-enroll", "confirm", &id, code, "--json"]);
        let refused = confirm(&phone.wrong_code())?.refused()?;
        must_hold(&refused.stdout, &["\"code\":\"wrong\""])?;
        let done = confirm(&phone.code())?.json()?;
        assert_eq!(done["backup_codes"].as_array().map(Vec::len), Some(10), "{done}");
        let test = |code: &str| lab.run_as("alice", ["mfa-enroll", "test", code]);
        must_hold(&test(&phone.code())?.success()?.stdout, &["Right: "])?;
        must_hold(&test(&phone.last_code())?.refused()?.stderr, &["That code was just used"])?;
        let status = lab.run_as("alice", ["mfa-enroll", "status", "--json"])?.json()?;
        assert_eq!((&status["backup_codes"], &status["user"]), (&10.into(), &"alice".into()), "{status}");
        Ok(())
    }

    fn a_second_app_is_added_only_with_a_code_of_the_first(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let add = ["mfa-enroll", "add", "totp", "--name", "tablet"];
        let mut setup = lab.pty_as("alice", add)?;
        for code in phone.wrong_codes(3) {
            setup.answer(CODE, &code)?;
        }
        assert_eq!(setup.expect_closed()?, 1);
        assert!(!setup.transcript().contains("Secret: "), "{}", setup.transcript());

        let mut setup = lab.pty_as("alice", add)?;
        setup.expect("prove it is you")?;
        setup.answer(CODE, &phone.code())?;
        setup.expect("Secret: ")?;
        setup.expect(CODE)?;
        let mut tablet = Phone::scan_screen(setup.transcript())?;
        setup.send_line(&tablet.code())?;
        setup.expect("Your backup codes stay as they are: 10 left.")?;
        log_in(&lab, "alice", &tablet.code())?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn new_backup_codes_void_the_old_ones(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut alice = lab.enroll("alice")?;
        let mut setup = lab.pty_as("alice", ["mfa-enroll", "codes"])?;
        setup.expect("New backup codes replace the 10 codes you have.")?;
        setup.answer(CODE, &alice.phone.code())?;
        let codes = acknowledge(&mut setup)?;
        assert_eq!(codes.len(), 10);
        must_hold(&be_refused(&lab, "alice", &alice.backup_codes[0])?, &["That code is not right."])?;
        log_in(&lab, "alice", &codes[0])?;
        Ok(())
    }

    fn a_backup_code_replaces_what_was_lost(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("always", "")).boot()?;
        let alice = lab.enroll("alice")?;
        let mut setup = lab.pty_as("alice", ["mfa-enroll", "add", "totp", "--name", "new phone"])?;
        setup.answer(CODE, &alice.backup_codes[0])?;
        setup.expect("Secret: ")?;
        setup.expect(CODE)?;
        let mut phone = Phone::scan_screen(setup.transcript())?;
        setup.send_line(&phone.code())?;
        setup.expect_closed()?;
        let lost = lab.run_as_with_input(
            "alice",
            ["mfa-enroll", "remove", &alice.id],
            &format!("{}\n", alice.backup_codes[1]),
        )?;
        must_hold(&lost.success()?.stdout, &["Removed: \"phone\"."])?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn the_last_factor_stays_where_one_is_required(release: Release) -> Outcome {
        let lab = web(release).policy(&policy("always", "")).boot()?;
        let mut alice = lab.enroll("alice")?;
        let remove = ["mfa-enroll", "remove", &alice.id];
        let refused = lab.run_as_with_input("alice", remove, &(alice.phone.code() + "\n"))?.refused()?;
        must_hold(&refused.stderr, &["A second factor is required here, and this is your last."])?;
        assert_eq!(factors(&lab, "alice")?, 1);
        // Where none is required, it may go, and the backup codes with it.
        lab.write("/etc/mfa/policy.toml", &policy("if-enrolled", ""), 0o644)?;
        lab.sh("systemctl reload mfa-daemon")?;
        lab.run_as_with_input("alice", remove, &(alice.backup_codes[0].clone() + "\n"))?.success()?;
        assert_eq!(account(&lab, "alice")?["backup_codes"], 0);
        password_given(&lab, "alice")?.expect_shell()?;
        Ok(())
    }
}
