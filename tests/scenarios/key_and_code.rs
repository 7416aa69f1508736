//! Logging in over ssh with a public key and a code, the stacks that must not be built that way, and logins by key
//! alone, about which only the account phase can say anything.

use harness::{Lab, LabBuilder, Outcome, Release, Service, Stack, on_each_release};

use crate::steps::{CODE, PASSWORD, policy, web};

/// A lab whose sshd asks PAM without having seen a key or a password.
fn factor_only(release: Release, options: &str) -> LabBuilder {
    web(release).pam(Service::Sshd, Stack::code_alone().with(options))
}

/// A lab whose sshd is content with a key; PAM is asked about the account alone.
fn key_alone(release: Release) -> LabBuilder {
    web(release).pam(Service::Sshd, Stack::password_then_code().with_account()).sshd("AuthenticationMethods publickey")
}

fn denied_without_a_question(lab: &Lab, user: &str) -> Outcome<String> {
    let said = lab.ssh(user)?.expect_denied()?;
    assert!(!said.contains(CODE), "{said}");
    Ok(said)
}

on_each_release! {
    fn a_key_and_a_code_open_a_shell_and_no_password_is_asked(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::key_then_code()).boot()?;
        let key = lab.ssh_key("alice")?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh_with("alice").key(key).start()?;
        let before = login.answer(CODE, &phone.code())?;
        assert!(!before.contains("assword"), "{before}");
        login.expect_shell()?;
        Ok(())
    }

    fn a_key_and_a_wrong_code_do_not(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::key_then_code()).boot()?;
        let key = lab.ssh_key("alice")?;
        let phone = lab.enroll("alice")?.phone;
        let mut login = lab.ssh_with("alice").key(key).start()?;
        for code in phone.wrong_codes(3) {
            login.answer(CODE, &code)?;
        }
        login.expect_denied()?;
        Ok(())
    }

    fn a_code_without_the_key_is_not_even_asked_for(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::key_then_code()).boot()?;
        lab.enroll("alice")?;
        denied_without_a_question(&lab, "alice")?;
        Ok(())
    }

    fn require_publickey_holds_where_sshd_was_not_told_to_demand_the_key(release: Release) -> Outcome {
        let lab = factor_only(release, "require_publickey").boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        denied_without_a_question(&lab, "alice")?;
        lab.await_journal("no public key was accepted before")?;
        // Nor is a code taken that comes unasked, as an answer to whatever sshd itself may ask.
        lab.ssh("alice")?.send_line(&phone.code())?;
        denied_without_a_question(&lab, "alice")?;
        Ok(())
    }

    fn whoever_is_asked_nothing_is_not_let_in_by_a_stack_of_nothing_else(release: Release) -> Outcome {
        let exempt = "[[rule]]\nname = \"exempt\"\nusers = [\"alice\"]\nrequire = \"never\"\n";
        let lab = factor_only(release, "").policy(&policy("if-enrolled", exempt)).boot()?;
        lab.enroll("alice")?;
        // alice is exempt, bob has no factor: both are ignored, and an ignored stack denies.
        denied_without_a_question(&lab, "alice")?;
        denied_without_a_question(&lab, "bob")?;
        Ok(())
    }

    fn exempt_success_gives_nothing_without_require_publickey(release: Release) -> Outcome {
        let lab = factor_only(release, "exempt=success").boot()?;
        denied_without_a_question(&lab, "bob")?;
        Ok(())
    }

    fn exempt_success_lets_pass_whoever_showed_a_key(release: Release) -> Outcome {
        let stack = Stack::key_then_code().with("exempt=success");
        let lab = web(release).pam(Service::Sshd, stack).boot()?;
        let key = lab.ssh_key("bob")?;
        lab.ssh_with("bob").key(key).start()?.expect_shell()?;
        // With another way in than the key, there is no key to stand for it.
        lab.write("/etc/ssh/sshd_config.d/05-no-key.conf", "AuthenticationMethods keyboard-interactive\n", 0o644)?;
        lab.sh("systemctl reload ssh")?;
        denied_without_a_question(&lab, "bob")?;
        Ok(())
    }

    fn a_key_and_no_factor_is_denied_where_skipping_is_not_success(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::key_then_code()).boot()?;
        let key = lab.ssh_key("bob")?;
        let mut login = lab.ssh_with("bob").key(key).start()?;
        let said = login.expect_denied()?;
        assert!(!said.contains(CODE), "{said}");
        Ok(())
    }

    fn by_key_alone_whoever_has_a_factor_is_denied_and_told_why(release: Release) -> Outcome {
        let lab = key_alone(release).boot()?;
        let key = lab.ssh_key("alice")?;
        lab.enroll("alice")?;
        let said = lab.ssh_with("alice").key(key).option("LogLevel=INFO").start()?.expect_denied()?;
        assert!(said.contains("A second factor is required"), "{said}");
        Ok(())
    }

    fn by_key_alone_whoever_has_none_or_is_exempt_passes(release: Release) -> Outcome {
        let exempt = "[[rule]]\nname = \"backup\"\nusers = [\"alice\"]\nservices = [\"@ssh\"]\nrequire = \"never\"\n";
        let lab = key_alone(release).policy(&policy("if-enrolled", exempt)).boot()?;
        lab.enroll("alice")?;
        for user in ["alice", "bob"] {
            let key = lab.ssh_key(user)?;
            lab.ssh_with(user).key(key).start()?.expect_shell()?;
        }
        Ok(())
    }

    fn an_exemption_for_a_kind_of_key_does_not_hold_where_sshd_names_none(release: Release) -> Outcome {
        // In the account phase sshd has not said yet how somebody came: unknown, and unknown relaxes nothing.
        let by_key = "[[rule]]\nname = \"by key\"\nssh_auth = [\"publickey\"]\nrequire = \"never\"\n";
        let lab = key_alone(release).policy(&policy("if-enrolled", by_key)).boot()?;
        let key = lab.ssh_key("alice")?;
        lab.enroll("alice")?;
        lab.ssh_with("alice").key(key).start()?.expect_denied()?;
        Ok(())
    }

    fn what_auth_has_passed_the_account_line_passes(release: Release) -> Outcome {
        let lab = web(release).pam(Service::Sshd, Stack::password_then_code().with_account()).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        for (user, code) in [("alice", Some(phone.code())), ("bob", None)] {
            let mut login = lab.ssh(user)?;
            login.answer("Password: ", PASSWORD)?;
            if let Some(code) = code {
                login.answer(CODE, &code)?;
            }
            login.expect_shell()?;
        }
        Ok(())
    }

    fn by_key_alone_neither_a_local_account_nor_an_expired_password_passes_by_the_account_line(
        release: Release
    ) -> Outcome {
        let lab = key_alone(release).boot()?;
        let key = lab.ssh_key("alice")?;
        lab.enroll("alice")?;
        // As a directory's package has it: for whom /etc/passwd knows, nothing behind this line is looked at.
        lab.sh("cp /etc/pam.d/common-account /root/ && echo 'account sufficient pam_localuser.so' >>/etc/pam.d/common-account")?;
        lab.ssh_with("alice").key(&key).start()?.expect_denied()?;
        // And as every Debian has it: a password that is too old ends the stack, and is changed.
        lab.sh("cp /root/common-account /etc/pam.d/ && chage -d 0 alice")?;
        lab.ssh_with("alice").key(&key).start()?.expect_denied()?;
        Ok(())
    }

    fn by_key_alone_nobody_passes_while_the_daemon_is_down(release: Release) -> Outcome {
        let lab = key_alone(release).boot()?;
        let key = lab.ssh_key("bob")?;
        lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
        let said = lab.ssh_with("bob").key(key).option("LogLevel=INFO").start()?.expect_denied()?;
        assert!(said.contains("cannot be checked right now"), "{said}");
        Ok(())
    }
}
