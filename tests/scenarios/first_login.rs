//! The first login of somebody who must enroll: the picture in the middle of ssh or at the console, and what happens
//! when the line drops, when there is time left, and where no picture can be shown.

use harness::{Outcome, Phone, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, account, password_given, web};

const ALWAYS: &str = "[defaults]\nrequire = \"always\"\n";
const OFFER: &str = "q = stop: ";

/// Asks for the text in place of the picture, and scans that.
pub(crate) fn phone_of(login: &mut Terminal) -> Outcome<Phone> {
    login.answer(CODE, "t")?;
    let page = login.expect(CODE)?;
    let link = page.lines().find(|line| line.starts_with("otpauth://")).unwrap_or_default();
    Ok(Phone::scan(link.trim())?)
}

/// Types the last group of the backup code that the page asks for.
pub(crate) fn acknowledge(login: &mut Terminal) -> Outcome<String> {
    let page = login.expect("Type the last group of code ")?;
    let asked = login.expect(": ")?;
    let number = asked.trim_end_matches(": ").trim();
    let mut words = page.split_whitespace();
    let code = words.by_ref().find(|word| *word == number).and_then(|_| words.next()).unwrap_or_default().to_owned();
    let group = code.rsplit('-').next().unwrap_or_default().to_owned();
    login.send_line(&group)?;
    Ok(code)
}

on_each_release! {
    fn whoever_must_enroll_does_so_in_the_ssh_login_and_comes_in(release: Release) -> Outcome {
        let lab = web(release).policy(ALWAYS).boot()?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("asks for a second factor.")?;
        login.answer(OFFER, "")?;
        let page = login.expect("a = plain QR")?;
        let seen = Phone::scan_screen(&page)?; // the picture survives sshd and the client
        let mut phone = phone_of(&mut login)?;
        assert_eq!(seen.account(), phone.account());
        login.send_line(&phone.wrong_code())?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &phone.code())?;
        let backup_code = acknowledge(&mut login)?;
        login.expect_shell()?;
        drop(login);

        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &backup_code)?;
        login.expect("Backup code used, 9 left.")?;
        login.expect_shell()?;
        Ok(())
    }

    fn a_dropped_line_goes_on_with_the_same_secret(release: Release) -> Outcome {
        let lab = web(release).policy(ALWAYS).boot()?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(OFFER, "")?;
        let mut phone = phone_of(&mut login)?;
        login.hang_up();

        let mut login = password_given(&lab, "alice")?;
        login.answer(OFFER, "")?;
        login.expect("Your enrollment goes on where it stopped.")?;
        login.answer(CODE, &phone.code())?;
        acknowledge(&mut login)?;
        login.expect_shell()?;
        Ok(())
    }

    fn at_the_console_it_is_the_same(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Login, Stack::password_then_code()).policy(ALWAYS).boot()?;
        let mut console = lab.pty(["login", "alice"])?;
        console.answer("Password: ", PASSWORD)?;
        console.answer(OFFER, "")?;
        let mut phone = phone_of(&mut console)?;
        console.send_line(&phone.code())?;
        acknowledge(&mut console)?;
        console.expect_shell()?;
        Ok(())
    }

    fn whoever_leaves_is_not_let_in_and_with_time_left_is(release: Release) -> Outcome {
        let lab = web(release).policy(ALWAYS).boot()?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(OFFER, "q")?;
        login.expect_denied()?;

        lab.write("/etc/mfa/policy.toml", "[defaults]\nrequire = \"always\"\nenroll = \"grace\"\ngrace = \"7d\"\n", 0o644)?;
        lab.sh("systemctl reload mfa-daemon")?;
        lab.await_journal("policy in force: 0 rules")?;
        let mut login = password_given(&lab, "alice")?;
        login.answer("q = later (7 days left): ", "q")?;
        login.expect_shell()?;
        Ok(())
    }

    fn sudo_says_where_to_enroll(release: Release) -> Outcome {
        let policy = "[defaults]\nservices = [\"@sudo\"]\nrequire = \"always\"\n";
        let lab = web(release).pam(Service::Sudo, Stack::password_then_code()).policy(policy).boot()?;
        let mut login = password_given(&lab, "alice")?;
        login.expect_shell()?;
        login.send_line("sudo -k id -u")?;
        login.answer("password for alice: ", PASSWORD)?;
        login.expect("Set it up first, on a terminal: mfa-enroll")?;
        login.answer("Press Enter. ", "")?;
        login.expect("Sorry, try again.")?;
        assert_eq!(account(&lab, "alice")?["factors"], serde_json::json!([]));
        Ok(())
    }

    fn where_nothing_was_asked_before_nobody_enrolls_a_phone_of_their_own(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::code_alone()).policy(ALWAYS).boot()?;
        let mut login = lab.ssh("alice")?;
        // Nor is she, or whoever uses her name, told that she has none.
        login.answer(CODE, "")?;
        login.answer(CODE, "000000")?;
        login.expect("That code is not right.")?;
        login.hang_up();
        assert_eq!(account(&lab, "alice")?["pending"], false);
        Ok(())
    }
}
