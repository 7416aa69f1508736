//! Codes that an administrator gives: the one with which somebody enrolls where a password alone must not do, and the
//! one for a phone left at home.

use harness::{Lab, Outcome, Phone, Release, Terminal, on_each_release};

use crate::first_login::{acknowledge, phone_of};
use crate::steps::{CODE, CODES, account, log_in, must_hold, password_given, web};
use crate::time::{another_time, set_clock};

const INVITE: &str = "[defaults]\nrequire = \"always\"\nenroll = \"invite\"\n";
const AT_LOGIN: &str = "[defaults]\nrequire = \"always\"\n";
const PAGE: &str = "Enrollment code: ";
const WRONG: &str = "2222-2222-2222-2222";
const TEMP: &[&str] = &["mfactl", "temp-code", "alice", "--reason", "phone at home", "--json", "--for", "1h"];

/// The code that a command gives, for scripts.
fn code_of(lab: &Lab, command: &[&str]) -> Outcome<String> {
    let given = lab.run(command.iter().copied())?.json()?;
    let code = given["code"].as_str().or_else(|| given["invite"]["code"].as_str());
    Ok(code.unwrap_or_default().to_owned())
}

fn invite(lab: &Lab) -> Outcome<String> {
    code_of(lab, &["mfactl", "invite", "alice", "--json"])
}

/// Plays a login up to the picture; the phone that has scanned it.
fn to_the_picture(lab: &Lab, code: &str) -> Outcome<(Terminal, Phone)> {
    let mut login = password_given(lab, "alice")?;
    login.answer(PAGE, code)?;
    let phone = phone_of(&mut login)?;
    Ok((login, phone))
}

on_each_release! {
    fn with_the_enrollment_code_a_newcomer_enrolls_and_comes_in_and_it_is_used_up(release: Release) -> Outcome {
        let lab = web(release).policy(INVITE).boot()?;
        let code = invite(&lab)?;
        must_hold(&lab.run(["mfactl", "user", "alice"])?.success()?.stdout, &["INVITED", "5 tries left"])?;
        let (mut login, mut phone) = to_the_picture(&lab, &code.to_lowercase())?;
        login.send_line(&phone.code())?;
        acknowledge(&mut login)?;
        login.expect_shell()?;
        assert!(account(&lab, "alice")?["invite"].is_null());
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_stolen_password_without_the_code_enrolls_nobody(release: Release) -> Outcome {
        let lab = web(release).policy(INVITE).boot()?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("you need an enrollment code.")?;
        login.answer("Press Enter. ", "")?;
        login.expect_denied()?;
        invite(&lab)?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(PAGE, WRONG)?;
        login.expect("That is not it, 4 tries left.")?;
        login.answer(PAGE, "q")?;
        login.expect_denied()?;
        let refused = lab.run_as("alice", ["mfa-enroll", "add", "totp", "--json"])?.refused()?;
        must_hold(&refused.stdout, &["enrollment code"])?;
        let alice = account(&lab, "alice")?;
        assert_eq!((&alice["factors"], &alice["pending"]), (&serde_json::json!([]), &false.into()));
        Ok(())
    }

    fn five_wrong_tries_end_it_and_a_new_one_works(release: Release) -> Outcome {
        let lab = web(release).policy(INVITE).boot()?;
        let code = invite(&lab)?;
        let mut login = password_given(&lab, "alice")?;
        for _ in 0..5 {
            login.answer(PAGE, WRONG)?;
        }
        login.expect("Too many wrong enrollment codes: yours works no more. Ask for a new one.")?;
        login.answer("Press Enter. ", "")?;
        login.expect_denied()?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("Too many wrong enrollment codes")?;
        login.answer("Press Enter. ", &code)?;
        login.expect_denied()?;
        let code = invite(&lab)?;
        to_the_picture(&lab, &code)?;
        Ok(())
    }

    fn a_line_that_drops_after_the_code_goes_on_and_of_two_lines_one_enrolls(release: Release) -> Outcome {
        let lab = web(release).policy(INVITE).boot()?;
        let code = invite(&lab)?;
        let (login, dropped) = to_the_picture(&lab, &code)?;
        login.hang_up();
        let (mut first, mut phone) = to_the_picture(&lab, &code)?;
        assert_eq!(dropped.account(), phone.account());
        let (mut second, _) = to_the_picture(&lab, &code)?;
        let app = phone.code();
        first.send_line(&app)?;
        acknowledge(&mut first)?;
        first.expect_shell()?;
        second.send_line(&app)?;
        second.expect_denied()?;
        assert_eq!(account(&lab, "alice")?["factors"].as_array().map(Vec::len), Some(1));
        Ok(())
    }

    fn after_a_reset_with_an_invitation_a_password_alone_enrolls_nobody_though_the_policy_says_so(release: Release) -> Outcome {
        let lab = web(release).policy(AT_LOGIN).boot()?;
        lab.enroll("alice")?;
        let code = code_of(&lab, &["mfactl", "reset", "alice", "--invite", "--yes", "--json"])?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(PAGE, "q")?;
        login.expect_denied()?;
        let (mut login, mut phone) = to_the_picture(&lab, &code)?;
        login.send_line(&phone.code())?;
        acknowledge(&mut login)?;
        login.expect_shell()?;
        assert_eq!(account(&lab, "alice")?["invited_only"], false);
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        password_given(&lab, "alice")?.expect("Enter = show the QR code")?;
        Ok(())
    }

    fn codes_that_have_ended_say_so_or_are_wrong(release: Release) -> Outcome {
        let lab = another_time(release).policy(INVITE).boot()?;
        let code = invite(&lab)?;
        let temporary = code_of(&lab, TEMP)?;
        set_clock(&lab, 4 * 86_400)?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("Your enrollment code has ended. Ask for a new one.")?;
        login.answer("Press Enter. ", &code)?;
        login.expect_denied()?;
        set_clock(&lab, 0)?; // the clock is turned back, and prolongs nothing
        let mut login = password_given(&lab, "alice")?;
        let page = login.expect("Press Enter. ")?;
        assert!(page.contains("has ended") && !page.contains("temporary"), "{page}");
        login.send_line(&temporary)?;
        login.expect_denied()?;
        Ok(())
    }

    fn a_temporary_code_lets_in_once_and_a_reset_ends_it(release: Release) -> Outcome {
        let lab = web(release).policy(AT_LOGIN).boot()?;
        lab.enroll("alice")?;
        let code = code_of(&lab, TEMP)?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &code)?;
        login.expect("Temporary code used, no uses left.")?;
        login.expect_shell()?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &code)?;
        login.expect("That code is not right.")?;
        must_hold(&lab.run(["mfactl", "user", "alice"])?.success()?.stdout, &["temp-code", "phone at home"])?;

        let code = code_of(&lab, TEMP)?;
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &code)?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn a_temporary_code_opens_no_program_of_ones_own_and_changes_no_factors(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        let code = code_of(&lab, TEMP)?;
        let line = format!("{code}\n");
        lab.run_as_with_input("alice", ["pamtester", CODES.file(), "alice", "authenticate"], &line)?.refused()?;
        let mut wizard = lab.pty_as("alice", ["mfa-enroll", "codes"])?;
        wizard.answer(CODE, &code)?;
        wizard.expect("That code is not right.")?;
        drop(wizard);
        log_in(&lab, "alice", &code)?;
        Ok(())
    }

    fn who_has_nothing_yet_comes_in_once_by_a_temporary_code_and_enrolls_later(release: Release) -> Outcome {
        let lab = web(release).policy(AT_LOGIN).boot()?;
        let code = code_of(&lab, TEMP)?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("Or type your temporary code.")?;
        login.answer("q = stop: ", &code)?;
        login.expect_shell()?;
        let page = password_given(&lab, "alice")?.expect("q = stop: ")?;
        assert!(!page.contains("temporary"), "{page}");
        Ok(())
    }
}
