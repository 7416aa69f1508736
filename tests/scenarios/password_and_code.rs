//! Logging in over ssh with a password and a code: the everyday case, and what is not let in.

use harness::{Outcome, Release, on_each_release};

use crate::steps::{CODE, PASSWORD, account, be_refused, log_in, logged, must_hold, password_given, web};

on_each_release! {
    fn a_password_and_a_code_open_a_shell(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = log_in(&lab, "alice", &phone.code())?;
        assert_eq!(login.run("id -un")?, "alice");
        Ok(())
    }

    fn a_used_code_is_told_and_the_next_one_opens_the_shell(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &phone.last_code())?;
        login.expect("That code was just used (not counted). The next one comes in ")?;
        login.expect(CODE)?;
        assert_eq!(account(&lab, "alice")?["failures"], 0);
        login.send_line(&phone.code())?;
        login.expect_shell()?;
        assert_eq!(logged(&lab, "replayed", "alice")?.len(), 1);
        Ok(())
    }

    fn a_code_that_let_somebody_in_lets_nobody_in_again(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let _inside = log_in(&lab, "alice", &phone.code())?;
        let said = be_refused(&lab, "alice", &phone.last_code())?;
        assert!(said.contains("That code was just used"), "{said}");
        Ok(())
    }

    fn a_wrong_code_is_told_and_the_right_one_opens_the_shell(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &phone.wrong_code())?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn three_wrong_codes_end_the_login(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        for code in phone.wrong_codes(3) {
            login.answer(CODE, &code)?;
        }
        login.expect_denied()?;
        assert_eq!(account(&lab, "alice")?["failures"], 3);
        Ok(())
    }

    fn the_code_of_a_neighbor_is_wrong(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phones = lab.enroll_all(&["alice", "bob"])?;
        let said = be_refused(&lab, "alice", &phones[1].phone.code())?;
        assert!(said.contains("That code is not right."), "{said}");
        Ok(())
    }

    fn codes_of_a_clock_minutes_off_are_wrong(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        for seconds in [-120, 120] {
            login.answer(CODE, &phone.code_with_clock_off_by(seconds))?;
            login.expect("That code is not right.")?;
        }
        Ok(())
    }

    fn who_has_only_a_wrong_password_is_never_asked_for_a_code(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        for user in ["alice", "nobody-of-that-name"] {
            let mut login = lab.ssh(user)?;
            login.answer("Password: ", "battery staple")?;
            let said = login.expect_denied()?;
            assert!(!said.contains("ode"), "{said}");
        }
        // Nor can they make the owner of the account wait.
        assert_eq!(account(&lab, "alice")?["failures"], 0);
        Ok(())
    }

    fn nothing_typed_is_no_guess_and_a_question_mark_lists_the_ways(release: Release) -> Outcome {
        let lab = web(release).settings("[site]\nsupport = \"helpdesk@acme.example\"\n").boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, "")?;
        login.answer(CODE, "?")?;
        login.expect("Phone code · Backup code")?;
        login.expect("Lost everything? helpdesk@acme.example")?;
        login.expect(CODE)?;
        assert_eq!(account(&lab, "alice")?["failures"], 0);
        login.send_line(&phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn a_password_typed_where_the_code_belongs_stays_in_the_module(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, PASSWORD)?;
        login.expect("That was your password. ")?;
        assert_eq!(account(&lab, "alice")?["failures"], 0);
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        assert!(!lab.journal(None)?.contains(PASSWORD));
        Ok(())
    }

    fn two_enrolled_people_do_not_wait_for_each_other(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phones = lab.enroll_all(&["alice", "bob"])?;
        let mut alices = password_given(&lab, "alice")?;
        alices.expect(CODE)?;
        log_in(&lab, "bob", &phones[1].phone.code())?;
        alices.send_line(&phones[0].phone.code())?;
        alices.expect_shell()?;
        Ok(())
    }

    fn the_log_tells_who_from_where_and_never_a_code(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let wrong = phone.wrong_code();
        be_refused(&lab, "alice", &wrong)?;
        log_in(&lab, "alice", &phone.code())?;
        for word in ["wrong", "passed"] {
            let lines = logged(&lab, word, "alice")?.join("\n");
            must_hold(&lines, &["service=sshd", "rhost=127.0.0.1", "peer=0", "factor=totp"])?;
        }
        let journal =
            lab.sh("journalctl --quiet --no-pager --output=cat -t mfa-daemon -t sshd -t sshd-session")?;
        for secret in [&wrong, &phone.last_code()] {
            assert!(!journal.contains(secret.as_str()), "{secret} in {journal}");
        }
        Ok(())
    }
}
