//! What an administrator does: look, reset, unlock, and say who somebody is after a renaming.

use harness::{Lab, Outcome, Release, on_each_release};

use crate::steps::{CODE, account, log_in, logged, must_hold, password_given, web};

fn mfactl(lab: &Lab, words: &[&str]) -> Outcome<String> {
    Ok(lab.run([&["mfactl"], words].concat())?.success()?.stdout)
}

on_each_release! {
    fn after_a_reset_the_login_is_that_of_somebody_never_enrolled(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let alice = lab.enroll("alice")?;
        let mut reset = lab.pty(["mfactl", "reset", "alice"])?;
        reset.expect("alice: 1 phone, 10 codes stop working.")?;
        reset.answer("Reset? [y/N] ", "n")?;
        assert_eq!(reset.expect_closed()?, 1);
        assert_eq!(account(&lab, "alice")?["backup_codes"], 10);
        let gone = lab.run(["mfactl", "reset", "alice", "--yes", "--json"])?.json()?;
        assert_eq!((&gone["factors"], &gone["backup_codes"]), (&1.into(), &10.into()));
        let before = password_given(&lab, "alice")?.expect_shell()?;
        assert!(!before.contains(CODE), "{before}");
        // She enrolls anew; what the old phone shows is worth nothing then.
        let mut new = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        let mut old = alice.phone;
        login.answer(CODE, &old.code())?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &new.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn a_reset_without_a_terminal_wants_to_be_meant(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        let output = lab.run(["mfactl", "reset", "alice"])?;
        assert_eq!(output.code, 2, "{output}");
        must_hold(&output.stderr, &["--yes"])?;
        assert_eq!(account(&lab, "alice")?["backup_codes"], 10);
        Ok(())
    }

    fn a_login_that_is_being_asked_ends_when_its_account_is_reset(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        mfactl(&lab, &["reset", "alice", "--yes"])?;
        login.send_line(&phone.code())?;
        login.expect_denied()?;
        Ok(())
    }

    fn one_lost_phone_is_reset_alone(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let first = lab.enroll("alice")?;
        let mut second = lab.enroll("alice")?;
        mfactl(&lab, &["reset", "alice", "--factor", &first.id, "--yes"])?;
        log_in(&lab, "alice", &second.phone.code())?;
        let mut login = password_given(&lab, "alice")?;
        let mut lost = first.phone;
        login.answer(CODE, &lost.code())?;
        login.expect("That code is not right.")?;
        Ok(())
    }

    fn everybody_is_listed_with_what_they_have(release: Release) -> Outcome {
        let lab = web(release).before_boot("usermod --comment 'Alice Ng' alice").boot()?;
        lab.enroll("alice")?;
        let listed = lab.run(["mfactl", "users", "--json"])?.json()?;
        let of = |user: &str| {
            let mut users = listed.as_array().into_iter().flatten();
            users.find(|entry| entry["user"] == user).cloned().unwrap_or_default()
        };
        assert_eq!((&of("alice")["factors"]["totp"], &of("alice")["backup_codes"]), (&1.into(), &10.into()), "{listed}");
        assert_eq!(of("bob")["state"], "none", "{listed}");
        let found = mfactl(&lab, &["users", "--search", "alice ng"])?;
        assert!(found.contains("alice") && !found.contains("bob"), "{found}");
        must_hold(&mfactl(&lab, &["status"])?, &["Healthy.", "Enrolled 1 "])
    }

    fn an_account_that_was_renumbered_is_nobodys_until_an_administrator_says_so(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.sh("usermod --uid 4321 alice && chown -R alice /home/alice && systemctl reload mfa-daemon")?;
        password_given(&lab, "alice")?.expect_denied()?;
        assert_eq!(logged(&lab, "conflict", "alice")?.len(), 1);
        must_hold(&mfactl(&lab, &["user", "alice"])?, &["CONFLICT", "mfactl user rebind alice"])?;
        mfactl(&lab, &["user", "rebind", "alice"])?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_new_account_with_the_number_of_an_old_one_does_not_get_its_factors(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        lab.sh("usermod --login mallory alice && systemctl reload mfa-daemon")?;
        password_given(&lab, "mallory")?.expect_denied()?;
        assert_eq!(logged(&lab, "conflict", "mallory")?.len(), 1);
        Ok(())
    }

    fn the_help_desk_resets_a_lost_phone_after_a_code_of_its_own_and_no_administrator(release: Release) -> Outcome {
        let lab = web(release).before_boot("usermod --append --groups mfa-helpdesk bob").boot()?;
        lab.enroll("alice")?;
        let mut own = lab.enroll("bob")?.phone;
        let mut reset = lab.pty_as("bob", ["mfactl", "reset", "alice"])?;
        reset.expect("To do this, prove it is you.")?;
        reset.answer(CODE, &own.code())?;
        reset.answer("Reset? [y/N] ", "y")?;
        assert_eq!(reset.expect_closed()?, 0);
        assert_eq!(account(&lab, "alice")?["factors"], serde_json::json!([]));
        must_hold(&mfactl(&lab, &["user", "alice"])?, &["reset at helpdesk"])?;

        let mut root = lab.pty_as("bob", ["mfactl", "reset", "root", "--yes"])?;
        root.answer(CODE, &own.code())?;
        root.expect("Only root looks after it.")?;
        assert_eq!(root.expect_closed()?, 1);
        let alice = lab.run_as("alice", ["mfactl", "reset", "bob", "--yes"])?;
        assert_eq!(alice.code, 1, "{alice}");
        must_hold(&alice.stderr, &["Only root may do this."])?;
        assert_eq!(account(&lab, "bob")?["backup_codes"], 10);
        Ok(())
    }
}
