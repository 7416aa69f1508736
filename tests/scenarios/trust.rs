//! Not asked again: by SSH key and address, by choice, within a login session; and what ends that.

use harness::{Lab, LabBuilder, Outcome, Phone, Release, Service, Stack, Terminal, on_each_release};
use std::path::Path;

use crate::steps::{CODE, PASSWORD, all_lines, must_hold, password_given, people, policy, web};

/// A policy under which nobody is asked twice within that time, and may choose to be remembered for a week.
fn patient(more: &str) -> String {
    policy("if-enrolled", "").replace("[defaults]\n", &format!("[defaults]\nask_again = \"15m\"\n{more}"))
}

/// A lab in which a key and a code are asked for.
fn by_key(release: Release) -> LabBuilder {
    web(release).pam(Service::Sshd, Stack::key_then_code()).policy(&patient("remember = \"7d\"\n"))
}

fn login(lab: &Lab, key: &Path, from: &str) -> Outcome<Terminal> {
    Ok(lab.ssh_with("alice").key(key).option(&format!("BindAddress={from}")).start()?)
}

fn is_asked(lab: &Lab, key: &Path, from: &str) -> Outcome {
    login(lab, key, from)?.expect(CODE)?;
    Ok(())
}

fn is_not_asked(lab: &Lab, key: &Path, from: &str) -> Outcome {
    let said = login(lab, key, from)?.expect_shell()?;
    assert!(!said.contains(CODE), "{said}");
    Ok(())
}

fn proves(lab: &Lab, key: &Path, code: &str) -> Outcome {
    let mut login = login(lab, key, HERE)?;
    login.answer(CODE, code)?;
    login.expect_shell()?;
    Ok(())
}

const HERE: &str = "127.0.0.1";
const ELSEWHERE: &str = "127.0.0.2";

/// `sudo` with its password, as if it had never asked.
fn sudo(shell: &mut Terminal) -> Outcome {
    shell.send_line("sudo -k; sudo id -un")?;
    shell.answer("[sudo] password for alice: ", PASSWORD)?;
    Ok(())
}

fn sudo_with_code(shell: &mut Terminal, phone: &mut Phone) -> Outcome {
    sudo(shell)?;
    shell.answer(CODE, &phone.code())?;
    shell.expect("root")?;
    shell.expect_shell()?;
    Ok(())
}

fn sudo_without_code(shell: &mut Terminal) -> Outcome {
    sudo(shell)?;
    let said = shell.expect("root")?;
    assert!(!said.contains(CODE), "{said}");
    shell.expect_shell()?;
    Ok(())
}

on_each_release! {
    fn scp_right_after_a_login_asks_nothing_with_the_same_key_and_address(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut phone) = (lab.ssh_key("alice")?, lab.enroll("alice")?.phone);
        proves(&lab, &key, &phone.code())?;
        is_not_asked(&lab, &key, HERE)?;
        is_asked(&lab, &key, ELSEWHERE)?;
        let lines = all_lines(&lab, "skipped")?.join("\n");
        must_hold(&lines, &["reason=remembered covered_by="])?;
        Ok(())
    }

    fn without_a_key_every_login_is_asked(release: Release) -> Outcome {
        let lab = web(release).policy(&patient("")).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        for code in [phone.code(), phone.code()] {
            let mut login = password_given(&lab, "alice")?;
            login.answer(CODE, &code)?;
            login.expect_shell()?;
        }
        Ok(())
    }

    fn a_plus_after_the_code_remembers_the_key_until_it_is_forgotten(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut phone) = (lab.ssh_key("alice")?, lab.enroll("alice")?.phone);
        proves(&lab, &key, &format!("{}+", phone.code()))?;
        is_not_asked(&lab, &key, ELSEWHERE)?;
        let other = lab.ssh_key("alice")?;
        is_asked(&lab, &other, HERE)?;
        let status = lab.run_as("alice", ["mfa-enroll", "status"])?.success()?.stdout;
        must_hold(&status, &["Not asked again", "SSH key SHA256:", "from anywhere", "from 127.0.0.1"])?;
        lab.run_as("alice", ["mfa-enroll", "forget", "--all"])?.success()?;
        is_asked(&lab, &key, HERE)?;
        Ok(())
    }

    fn a_plus_that_cannot_be_says_why_and_the_code_still_works(release: Release) -> Outcome {
        let lab = web(release).policy(&patient("remember = \"7d\"\n")).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let code = phone.code();
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &format!("{code}+"))?;
        login.expect("Only a login by SSH key can be remembered.")?;
        login.answer(CODE, &code)?;
        login.expect_shell()?;
        Ok(())
    }

    fn another_policy_voids_it_and_the_same_text_read_again_does_not(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut phone) = (lab.ssh_key("alice")?, lab.enroll("alice")?.phone);
        proves(&lab, &key, &phone.code())?;
        lab.sh("systemctl reload mfa-daemon && systemctl restart mfa-daemon")?;
        is_not_asked(&lab, &key, HERE)?;
        lab.sh("echo '# changed' >>/etc/mfa/policy.toml; mfactl policy check && systemctl reload mfa-daemon")?;
        lab.await_journal("policy in force")?;
        lab.sh("systemctl restart mfa-daemon")?;
        is_asked(&lab, &key, HERE)?;
        Ok(())
    }

    fn three_wrong_codes_and_a_reset_void_it(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut phone) = (lab.ssh_key("alice")?, lab.enroll("alice")?.phone);
        proves(&lab, &key, &phone.code())?;
        let mut guess = login(&lab, &key, ELSEWHERE)?;
        for code in phone.wrong_codes(3) {
            guess.answer(CODE, &code)?;
        }
        guess.expect_denied()?;
        is_asked(&lab, &key, HERE)?;
        proves(&lab, &key, &format!("{}+", phone.code()))?;
        lab.run(["mfactl", "reset", "alice", "--yes"])?.success()?;
        lab.enroll("alice")?;
        is_asked(&lab, &key, HERE)?;
        Ok(())
    }

    fn a_report_voids_it_and_tells_the_administrators(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut phone) = (lab.ssh_key("alice")?, lab.enroll("alice")?.phone);
        proves(&lab, &key, &format!("{}+", phone.code()))?;
        let said = lab.run_as("alice", ["mfa-enroll", "report"])?.success()?.stdout;
        must_hold(&said, &["Reported", "remembered logins forgotten", "change your password", "passed at sshd"])?;
        lab.await_journal("reported user=alice")?;
        is_asked(&lab, &key, HERE)?;
        let again = lab.run_as("alice", ["mfa-enroll", "report"])?.success()?.stdout;
        must_hold(&again, &["reported a moment ago"])?;
        Ok(())
    }

    fn two_logins_at_once_with_one_key_both_pass_and_are_remembered_once(release: Release) -> Outcome {
        let lab = by_key(release).boot()?;
        let (key, mut alice) = (lab.ssh_key("alice")?, lab.enroll("alice")?);
        let (mut first, mut second) = (login(&lab, &key, HERE)?, login(&lab, &key, HERE)?);
        first.expect(CODE)?;
        second.expect(CODE)?;
        first.send_line(&alice.phone.code())?;
        second.send_line(&alice.backup_codes[0])?;
        first.expect_shell()?;
        second.expect_shell()?;
        let status = lab.run_as("alice", ["mfa-enroll", "status", "--json"])?.json()?;
        let keys = status["remembered"].as_array().into_iter().flatten().filter(|one| one["key"].is_string());
        assert_eq!(keys.count(), 1, "{status}");
        Ok(())
    }

    fn sudo_is_asked_once_in_a_session_and_again_in_another(release: Release) -> Outcome {
        let lab = people(release)
            .group("sudo", &["alice"])
            .pam(Service::Sudo, Stack::password_then_code())
            .policy(&patient(""))
            .boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut shell = password_given(&lab, "alice")?;
        shell.expect_shell()?;
        sudo_with_code(&mut shell, &mut phone)?;
        sudo_without_code(&mut shell)?;
        let mut other = password_given(&lab, "alice")?;
        other.expect_shell()?;
        sudo(&mut other)?;
        other.expect(CODE)?;
        Ok(())
    }

    fn sudo_in_a_session_that_a_code_opened_asks_nothing(release: Release) -> Outcome {
        let lab = web(release)
            .group("sudo", &["alice"])
            .pam(Service::Sudo, Stack::password_then_code())
            .policy(&patient(""))
            .boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut shell = password_given(&lab, "alice")?;
        shell.answer(CODE, &phone.code())?;
        shell.expect_shell()?;
        sudo_without_code(&mut shell)?;
        Ok(())
    }

    fn where_only_ssh_is_patient_sudo_asks(release: Release) -> Outcome {
        let impatient = "[[rule]]\nservices = [\"@sudo\"]\nask_again = \"0s\"\n";
        let lab = web(release)
            .group("sudo", &["alice"])
            .pam(Service::Sudo, Stack::password_then_code())
            .policy(&(patient("") + impatient))
            .boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut shell = password_given(&lab, "alice")?;
        shell.answer(CODE, &phone.code())?;
        shell.expect_shell()?;
        sudo_with_code(&mut shell, &mut phone)?;
        sudo(&mut shell)?;
        shell.expect(CODE)?;
        Ok(())
    }

    fn a_rule_for_the_machine_itself_holds_in_a_session_at_its_seat_and_not_over_ssh(release: Release) -> Outcome {
        let local = "[[rule]]\nname = \"desk\"\nservices = [\"@sudo\"]\norigin = \"local\"\nrequire = \"never\"\n";
        let lab = people(release)
            .group("sudo", &["alice"])
            .pam(Service::Sudo, Stack::password_then_code())
            .policy(&policy("if-enrolled", local))
            // A seat without a screen, as containers have none.
            .before_boot("sed -i '1i session required pam_env.so conffile=/etc/security/seat.conf' /etc/pam.d/login")
            .file("/etc/security/seat.conf", "XDG_SEAT DEFAULT=seat0\n", 0o644)
            .boot()?;
        lab.enroll("alice")?;
        let mut console = lab.pty(["login"])?;
        console.answer("login: ", "alice")?;
        console.answer("Password: ", PASSWORD)?;
        console.expect_shell()?;
        sudo_without_code(&mut console)?;
        let mut shell = password_given(&lab, "alice")?;
        shell.expect_shell()?;
        sudo(&mut shell)?;
        shell.expect(CODE)?;
        Ok(())
    }
}
