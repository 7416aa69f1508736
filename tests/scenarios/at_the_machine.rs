//! At the machine itself: `su`, `sudo`, the console's `login`, and what must go on without anybody to ask.

use harness::{Lab, LabBuilder, Outcome, Phone, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, all_lines, logged, people, policy};

/// A lab in which everything that includes `common-auth` asks for a code, as the module's profile makes it.
fn everywhere(release: Release) -> LabBuilder {
    people(release)
        .root_password(PASSWORD)
        .group("sudo", &["alice"])
        .pam(Service::CommonAuth, Stack::password_then_code())
}

/// A lab in which that service alone asks.
fn only(release: Release, service: Service) -> LabBuilder {
    people(release).root_password(PASSWORD).group("sudo", &["alice"]).pam(service, Stack::password_then_code())
}

/// Password and code at a prompt of sudo's.
fn prove(sudo: &mut Terminal, phone: &mut Phone) -> Outcome {
    sudo.answer("[sudo] password for alice: ", PASSWORD)?;
    sudo.answer(CODE, &phone.code())?;
    Ok(())
}

fn wrong_codes_end(terminal: &mut Terminal, phone: &Phone) -> Outcome {
    for code in phone.wrong_codes(3) {
        terminal.answer(CODE, &code)?;
    }
    Ok(())
}

/// Runs a line as cron does, now.
fn run_by_cron(lab: &Lab, user: &str, line: &str) -> Outcome {
    lab.write("/etc/cron.d/scenario", &format!("@reboot {user} {line}\n"), 0o644)?;
    lab.sh("rm -f /run/crond.reboot; systemctl start cron")?;
    Ok(())
}

on_each_release! {
    fn sudo_asks_for_the_code_of_whoever_calls_it(release: Release) -> Outcome {
        let lab = only(release, Service::Sudo).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut sudo = lab.pty_as("alice", ["sudo", "id", "-un"])?;
        prove(&mut sudo, &mut phone)?;
        sudo.expect("root")?;
        assert_eq!(sudo.expect_closed()?, 0);
        let line = logged(&lab, "passed", "alice")?.join("\n");
        assert!(line.contains("service=sudo "), "{line}");
        Ok(())
    }

    fn sudo_refuses_wrong_codes(release: Release) -> Outcome {
        let lab = only(release, Service::Sudo).boot()?;
        let phone = lab.enroll("alice")?.phone;
        let mut sudo = lab.pty_as("alice", ["sudo", "id", "-un"])?;
        sudo.answer("[sudo] password for alice: ", PASSWORD)?;
        wrong_codes_end(&mut sudo, &phone)?;
        // sudo itself starts anew, with the password.
        sudo.expect("Sorry, try again.")?;
        sudo.expect("[sudo] password for alice: ")?;
        Ok(())
    }

    fn sudo_i_is_a_service_of_its_own(release: Release) -> Outcome {
        let lab = only(release, Service::SudoLogin).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut sudo = lab.pty_as("alice", ["sudo", "-i"])?;
        prove(&mut sudo, &mut phone)?;
        sudo.expect_shell()?;
        assert_eq!(sudo.run("id -un")?, "root");
        let line = logged(&lab, "passed", "alice")?.join("\n");
        assert!(line.contains("service=sudo-i "), "{line}");
        Ok(())
    }

    fn sudo_within_its_own_time_asks_nothing_again(release: Release) -> Outcome {
        let lab = only(release, Service::Sudo).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut shell = lab.pty_as("alice", ["bash"])?;
        shell.expect_shell()?;
        shell.send_line("sudo id -un")?;
        prove(&mut shell, &mut phone)?;
        shell.expect_shell()?;
        assert_eq!(shell.run("sudo id -un")?, "root");
        Ok(())
    }

    fn su_asks_for_the_code_of_whom_one_becomes(release: Release) -> Outcome {
        let lab = only(release, Service::Su).boot()?;
        let mut phone = lab.enroll("bob")?.phone;
        let mut su = lab.pty_as("alice", ["su", "bob"])?;
        su.answer("Password: ", PASSWORD)?;
        su.answer(CODE, &phone.code())?;
        su.expect_shell()?;
        assert_eq!(su.run("id -un")?, "bob");
        Ok(())
    }

    fn su_refuses_wrong_codes(release: Release) -> Outcome {
        let lab = only(release, Service::Su).boot()?;
        let phone = lab.enroll("bob")?.phone;
        let mut su = lab.pty_as("alice", ["su", "bob"])?;
        su.answer("Password: ", PASSWORD)?;
        wrong_codes_end(&mut su, &phone)?;
        su.expect("su: Authentication failure")?;
        su.expect_denied()?;
        Ok(())
    }

    fn the_console_asks_for_a_code_and_starts_anew_after_wrong_ones(release: Release) -> Outcome {
        let lab = only(release, Service::Login).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut console = lab.pty(["login"])?;
        console.answer("login: ", "alice")?;
        console.answer("Password: ", PASSWORD)?;
        wrong_codes_end(&mut console, &phone)?;
        console.expect("Login incorrect")?;
        console.answer("login: ", "alice")?;
        console.answer("Password: ", PASSWORD)?;
        console.answer(CODE, &phone.code())?;
        console.expect_shell()?;
        assert_eq!(console.run("id -un")?, "alice");
        Ok(())
    }

    fn root_becomes_anybody_without_being_asked(release: Release) -> Outcome {
        let lab = everywhere(release).policy(&policy("always", "")).boot()?;
        let mut su = lab.pty(["su", "alice"])?;
        let before = su.expect_shell()?;
        assert!(!before.contains("assword") && !before.contains(CODE), "{before}");
        Ok(())
    }

    fn sudo_without_a_password_asks_for_nothing(release: Release) -> Outcome {
        let lab = everywhere(release)
            .policy(&policy("always", ""))
            .file("/etc/sudoers.d/scenario", "bob ALL=(ALL) NOPASSWD: ALL\n", 0o440)
            .boot()?;
        assert_eq!(lab.run_as("bob", ["sudo", "-n", "id", "-un"])?.success()?.stdout, "root\n");
        Ok(())
    }

    fn cron_runs_what_it_is_told_to(release: Release) -> Outcome {
        let lab = everywhere(release).policy(&policy("always", "")).boot()?;
        run_by_cron(&lab, "alice", "logger it ran as $(id -un)")?;
        lab.await_journal("it ran as alice")?;
        Ok(())
    }

    fn an_account_line_outside_of_sshd_stops_neither_cron_nor_sudo(release: Release) -> Outcome {
        // A mistake of an administrator's: it must not stop the machine, and it is told.
        let lab = everywhere(release)
            .policy(&policy("always", ""))
            .file("/etc/sudoers.d/scenario", "bob ALL=(ALL) NOPASSWD: ALL\n", 0o440)
            .before_boot("echo 'account required pam_mfa.so' >>/etc/pam.d/common-account")
            .boot()?;
        assert_eq!(lab.run_as("bob", ["sudo", "-n", "id", "-un"])?.success()?.stdout, "root\n");
        run_by_cron(&lab, "alice", "logger it ran as $(id -un)")?;
        lab.await_journal("it ran as alice")?;
        lab.await_journal("an account line is for pam.d/sshd only")?;
        Ok(())
    }

    fn sudo_in_an_ssh_session_asks_again_and_knows_where_it_is(release: Release) -> Outcome {
        let lab = everywhere(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh("alice")?;
        login.answer("Password: ", PASSWORD)?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        login.send_line("sudo id -un")?;
        prove(&mut login, &mut phone)?;
        login.expect_shell()?;
        let lines = all_lines(&lab, "passed")?;
        assert_eq!(lines.len(), 2, "{lines:?}");
        assert!(lines[1].contains("service=sudo") && lines[1].contains("tty="), "{lines:?}");
        Ok(())
    }

    fn a_rule_about_the_caller_asks_for_the_factor_of_whoever_logged_in(release: Release) -> Outcome {
        let rules = "[[rule]]\nname = \"callers\"\nservices = [\"@su\"]\nwho = \"caller\"\nrequire = \"always\"\n";
        let lab = only(release, Service::Su).policy(&policy("if-enrolled", rules)).boot()?;
        let mut phones = lab.enroll_all(&["alice", "bob"])?;
        let mut login = lab.ssh("alice")?;
        login.answer("Password: ", PASSWORD)?;
        login.expect_shell()?;
        login.send_line("su bob")?;
        login.answer("Password: ", PASSWORD)?;
        login.answer(CODE, &phones[1].phone.code())?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &phones[0].phone.code())?;
        login.expect_shell()?;
        assert_eq!(login.run("id -un")?, "bob");
        // Of a program without a login nobody knows who calls it.
        let mut su = lab.pty_as("alice", ["su", "bob"])?;
        su.answer("Password: ", PASSWORD)?;
        su.expect("it is not known who does.")?;
        su.answer("Press Enter. ", "")?;
        su.expect_denied()?;
        Ok(())
    }
}
