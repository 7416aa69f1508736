//! Logging in over ssh with a password and a code: the everyday case, and what is not let in.

use harness::{Lab, Outcome, Release, Service, Stack, on_each_release};

fn web(release: Release) -> Outcome<Lab> {
    let lab = Lab::builder(release).user("alice", "correct horse").user("bob", "battery staple");
    Ok(lab.pam(Service::Sshd, Stack::password_then_code()).boot()?)
}

on_each_release! {
    fn a_password_and_a_code_open_a_shell(release: Release) -> Outcome {
        let lab = web(release)?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        login.expect("Verification code: ")?;
        login.send_line(&phone.code())?;
        login.expect_shell()?;
        assert_eq!(login.run("id -un")?, "alice");
        Ok(())
    }

    fn a_used_code_is_told_and_the_next_one_opens_the_shell(release: Release) -> Outcome {
        let lab = web(release)?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        login.expect("Verification code: ")?;
        login.send_line(&phone.last_code())?;
        login.expect("just used")?;
        login.expect("Verification code: ")?;
        login.send_line(&phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn three_wrong_codes_end_the_login(release: Release) -> Outcome {
        let lab = web(release)?;
        let phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh("alice")?;
        login.expect("Password: ")?;
        login.send_line("correct horse")?;
        for code in phone.wrong_codes(3) {
            login.expect("Verification code: ")?;
            login.send_line(&code)?;
        }
        login.expect_denied()?;
        Ok(())
    }

    fn who_never_enrolled_needs_only_the_password(release: Release) -> Outcome {
        let lab = web(release)?;
        let mut login = lab.ssh("bob")?;
        login.expect("Password: ")?;
        login.send_line("battery staple")?;
        login.expect_shell()?;
        Ok(())
    }

    fn with_no_daemon_nobody_logs_in(release: Release) -> Outcome {
        let lab = web(release)?;
        lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
        for (user, password) in [("alice", "correct horse"), ("bob", "battery staple")] {
            let mut login = lab.ssh(user)?;
            login.expect("Password: ")?;
            login.send_line(password)?;
            login.expect_denied()?;
        }
        Ok(())
    }
}
