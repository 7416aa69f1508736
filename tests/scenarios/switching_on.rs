//! `mfactl setup` as an administrator uses it: the questions on a terminal, the plan that is shown, the login that
//! confirms it. What happens when it is not confirmed is played in `setup_back.rs`.

use std::path::PathBuf;

use harness::{Lab, LabBuilder, Outcome, Phone, Release, Terminal, on_each_release};
use serde_json::Value;

use crate::first_login::{acknowledge, phone_of};
use crate::packages::{apt, install};
use crate::steps::{CODE, PASSWORD, must_hold, password_given};

/// How the offer to enroll in the login ends.
const OFFER: &str = "q = stop: ";
const SUDO: &str = "[sudo] password for alice: ";
/// All that setup may change.
const FINGERPRINT: &str = "cd /etc && find pam.d ssh mfa -not -path '*/credentials*' -not -path '*/break-glass*' -type f \
                           -printf '%p %m %u ' -exec sha256sum {} \\; | sort | sha256sum; sshd -T | sha256sum";

/// A machine that asks nobody: alice administers it, bob is in nobody's group, ansible comes by key and has no password.
fn machine(release: Release) -> LabBuilder {
    let release = Lab::builder(release).user("alice", PASSWORD).user("bob", PASSWORD).user("ansible", PASSWORD);
    release.group("sre", &["alice"]).group("sudo", &["alice"]).before_boot("usermod --lock ansible")
}

/// A login of a program that can answer nothing.
fn silent_login(lab: &Lab, (user, key): (&str, &PathBuf)) -> Outcome<i32> {
    let login = lab.ssh_with(user).key(key).option("BatchMode=yes").command("echo done");
    Ok(login.start()?.expect_closed()?)
}

/// Boots it with the product laid out, and lets ansible be seen.
fn boot(builder: LabBuilder) -> Outcome<(Lab, PathBuf)> {
    let lab = builder.boot()?;
    lab.sh("systemctl enable -q mfa-reconcile.timer mfa-reconcile.path")?;
    let key = ansible_comes(&lab)?;
    Ok((lab, key))
}

/// ansible logs in by key, as the journal then knows. Anybody may write what sshd writes; it makes nobody a program.
fn ansible_comes(lab: &Lab) -> Outcome<PathBuf> {
    let key = lab.ssh_key("ansible")?;
    assert_eq!(silent_login(lab, ("ansible", &key))?, 0);
    let forged = "for i in $(seq 30); do logger -t sshd 'Accepted publickey for bob from 10.0.0.9 port 5 ssh2'; done";
    lab.run_as("bob", ["sh", "-c", forged])?.success()?;
    Ok(key)
}

/// Everything up to the last question, as whoever wants ssh and sudo for the group sre answers it.
fn answer_all(setup: &mut Terminal) -> Outcome {
    setup.answer("Where? [ssh sudo] ", "")?;
    setup.answer("The group: ", "sre")?;
    setup.expect("group sre: 1 member")?;
    setup.answer("Which? [1] ", "")?;
    setup.answer("Which? [1] ", "")?;
    setup.expect("ansible          1 login, last from 127.0.0.1")?;
    setup.answer("over ssh? [ansible] ", "")?;
    setup.answer("can enroll? [Y/n] ", "")?;
    setup.answer("Which? [1] ", "")?;
    Ok(())
}

/// What the doctor finds, notes aside.
fn found(lab: &Lab) -> Outcome<Vec<Value>> {
    let told: Value = serde_json::from_str(&lab.run(["mfactl", "doctor", "--json"])?.stdout)?;
    let findings = told["findings"].as_array().cloned().unwrap_or_default();
    Ok(findings.into_iter().filter(|finding| finding["severity"] != "note").collect())
}

/// The words behind the command that confirms.
fn code_of(setup: &mut Terminal) -> Outcome<String> {
    setup.expect("mfactl setup confirm ")?;
    setup.expect_closed()?;
    let code = setup.transcript().rsplit("mfactl setup confirm ").next().unwrap_or_default();
    Ok(code.trim().to_owned())
}

fn is_narrow(transcript: &str) {
    let too_wide = transcript.lines().find(|line| line.chars().count() > 80 && !line.starts_with(['+', '-', ' ', '@']));
    assert_eq!(too_wide, None);
}

/// A first login of alice's over ssh, in which she enrolls.
fn enrolls(lab: &Lab) -> Outcome<(Terminal, Phone)> {
    let mut login = password_given(lab, "alice")?;
    login.answer(OFFER, "")?;
    let mut phone = phone_of(&mut login)?;
    login.send_line(&phone.code())?;
    acknowledge(&mut login)?;
    login.expect_shell()?;
    Ok((login, phone))
}

on_each_release! {
    fn on_a_fresh_server_packages_are_installed_switched_on_confirmed_by_a_login_with_a_code_and_taken_back(release: Release) -> Outcome {
        let lab = machine(release).without_product().boot()?;
        install(&lab, "now")?;
        let before = lab.sh(FINGERPRINT)?;
        let ansible = ansible_comes(&lab)?;
        let mut setup = lab.pty(["mfactl", "setup"])?;
        setup.answer("Make five now? [Y/n] ", "")?;
        setup.answer("Then press Enter: ", "")?;
        answer_all(&mut setup)?;
        setup.answer("Apply for 5 minutes? [y/N], d = show the diff: ", "d")?;
        setup.expect("+auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so")?;
        setup.answer("Apply for 5 minutes? [y/N], d = show the diff: ", "y")?;
        let code = code_of(&mut setup)?;
        is_narrow(setup.transcript());

        // A terminal that was open before proves nothing.
        let early = lab.run(["mfactl", "setup", "confirm", &code])?;
        assert_eq!(early.code, 1, "{early}");
        let (mut login, mut phone) = enrolls(&lab)?;
        login.send_line(&format!("sudo mfactl setup confirm {code}"))?;
        login.answer(SUDO, PASSWORD)?;
        login.answer(CODE, &phone.code())?;
        login.expect("Confirmed: it stays.")?;
        login.expect_shell()?;
        drop(login);

        assert_eq!(found(&lab)?, [] as [Value; 0]);
        assert_eq!(silent_login(&lab, ("ansible", &ansible))?, 0);
        password_given(&lab, "bob")?.expect_shell()?;

        // The same answers once more find nothing to do.
        let mut again = lab.pty(["mfactl", "setup"])?;
        again.expect("In the safe: 5 break-glass codes.")?;
        again.answer("Where? [ssh sudo] ", "ssh,sudo")?;
        again.answer("The group: ", "nobody-knows")?;
        again.answer("The group: ", "sre")?;
        again.expect("group sre: 1 member, 1 enrolled")?;
        for prompt in ["Which? [1] ", "Which? [1] ", "over ssh? [ansible] ", "Which? [1] "] {
            again.answer(prompt, "")?;
        }
        again.expect("It is set up so already: nothing changes.")?;
        assert_eq!(again.expect_closed()?, 0);

        // Taken back, everything is as it was, and the packages can go.
        lab.run(["mfactl", "setup", "undo"])?.success()?;
        assert_eq!(lab.sh(FINGERPRINT)?, before);
        password_given(&lab, "alice")?.expect_shell()?;
        apt(&lab, "remove mfa libpam-mfa")?.success()?;
        Ok(())
    }

    fn an_administrator_types_a_login_before_it_is_live(release: Release) -> Outcome {
        let (lab, _) = boot(machine(release))?;
        let phone = &mut lab.enroll("alice")?.phone;
        let mut setup = lab.pty_as("alice", ["sudo", "mfactl", "setup"])?;
        setup.answer(SUDO, PASSWORD)?;
        setup.answer("Make five now? [Y/n] ", "n")?;
        answer_all(&mut setup)?;
        setup.answer("d = show the diff: ", "y")?;
        setup.answer("Log in as alice first, before it is live? [Y/n] ", "")?;
        setup.answer("Password: ", "not it")?;
        setup.expect("It was refused (PAM_AUTH_ERR).")?;
        assert!(!lab.sh("cat /etc/pam.d/sshd")?.contains("pam_mfa"), "it was live");
        setup.answer("q = take all back: ", "")?;
        setup.answer("Password: ", PASSWORD)?;
        setup.answer(CODE, &phone.code())?;
        setup.expect("That works. Its code is used up")?;
        code_of(&mut setup)?;
        is_narrow(setup.transcript());
        // What was typed is nowhere to be seen.
        assert!(!setup.transcript().contains(PASSWORD) && !setup.transcript().contains(phone.last_code().as_str()));
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        Ok(())
    }

    fn a_trial_begins_nothing_for_whom_it_is_tried(release: Release) -> Outcome {
        let (lab, _) = boot(machine(release).group("sre", &["alice", "bob"]).before_boot("passwd -d bob"))?;
        // What is known of them but that they were refused, and what was recorded of anything that begins.
        let seen = "for name in alice bob; do mfactl user $name | sed '/^When/,$d' | grep .; done; \
                    mfactl audit --json | grep -e alice -e bob | grep -c -e grace -e begun || true";
        let before = lab.sh(seen)?;
        for enroll in ["at-login", "grace", "invite"] {
            let answers = format!(
                "where = [\"ssh\", \"sudo\", \"console\"]\nssh = \"password-and-code\"\ngroup = \"sre\"\nautomation = []\n\
                 enroll = \"{enroll}\"\non_full = \"single-factor\"\nlogin_grace_time = \"as-is\"\nbreak_glass = false\n"
            );
            lab.write("/root/answers.toml", &answers, 0o600)?;
            for who in ["", "SUDO_USER=bob "] {
                lab.sh(&format!("{who}mfactl setup --anyway --answers /root/answers.toml >/dev/null; mfactl setup undo >/dev/null"))?;
                assert_eq!(lab.sh(seen)?, before, "{enroll}");
            }
        }
        Ok(())
    }

    fn by_key_alone_nobody_is_let_past_whom_the_system_lets_in_early(release: Release) -> Outcome {
        let (lab, _) = boot(machine(release))?;
        lab.enroll("bob")?;
        let key = lab.ssh_key("bob")?;
        let answers = "where = [\"ssh\"]\nssh = \"password-and-code\"\ngroup = \"sre\"\nautomation = []\nenroll = \"invite\"\n\
                       on_full = \"deny\"\nlogin_grace_time = \"as-is\"\nbreak_glass = false\n";
        lab.write("/root/answers.toml", answers, 0o600)?;
        lab.run(["mfactl", "setup", "--anyway", "--confirm-within", "never", "--answers", "/root/answers.toml"])?.success()?;
        // A password that has expired, and a system whose own accounts need no directory, end the account lines early.
        for early in [":", "chage -d 0 bob", "chage -d $(date +%F) bob; sed -i '1i account sufficient pam_localuser.so' /etc/pam.d/common-account"] {
            lab.sh(early)?;
            let mut login = lab.ssh_with("bob").key(&key).option("BatchMode=yes").command("echo in").start()?;
            assert_eq!(login.expect_closed()?, 255, "{early}: {}", login.transcript());
            assert!(!login.transcript().contains("expired"), "{}", login.transcript());
        }
        Ok(())
    }

    fn a_dry_run_and_a_second_thought_change_nothing(release: Release) -> Outcome {
        let (lab, _) = boot(machine(release))?;
        let before = lab.sh(FINGERPRINT)?;
        let mut dry = lab.pty(["mfactl", "setup", "--dry-run"])?;
        answer_all(&mut dry)?;
        dry.expect("A dry run: nothing was changed.")?;
        assert_eq!(dry.expect_closed()?, 0);
        is_narrow(dry.transcript());
        for (keys, code) in [("n\r", 1), ("\r", 1), ("\x03", 130), ("\x04", 1)] {
            let mut setup = lab.pty(["mfactl", "setup"])?;
            setup.answer("Make five now? [Y/n] ", "n")?;
            answer_all(&mut setup)?;
            setup.expect("d = show the diff: ")?;
            setup.send(keys)?;
            assert_eq!(setup.expect_closed()?, code, "{keys:?}: {}", setup.transcript());
        }
        assert_eq!(lab.sh(FINGERPRINT)?, before);
        let status = lab.run(["mfactl", "setup", "status"])?;
        must_hold(&status.stdout, &["Nothing that mfactl setup did is in force"])?;
        Ok(())
    }

    fn keys_and_codes_are_switched_on_by_a_file_of_answers(release: Release) -> Outcome {
        let (lab, ansible) = boot(machine(release))?;
        let phone = &mut lab.enroll("alice")?.phone;
        let keys = [lab.ssh_key("alice")?, lab.ssh_key("bob")?];
        let answers = "where = [\"ssh\"]\nssh = \"key-and-code\"\ngroup = \"sre\"\nenroll = \"invite\"\n\
                       on_full = \"deny\"\nlogin_grace_time = \"as-is\"\nbreak_glass = false\n";
        lab.write("/root/answers.toml", answers, 0o600)?;
        let setup = ["mfactl", "setup", "--json", "--confirm-within", "2m", "--answers", "/root/answers.toml"];
        let missing = lab.run(setup)?;
        assert_eq!(missing.code, 2, "{missing}");
        must_hold(&missing.stdout, &["Missing: automation.", "automation = [\\\"ansible\\\"]"])?;
        lab.write("/root/answers.toml", &format!("{answers}automation = [\"ansible\"]\n"), 0o600)?;
        let done = lab.run(setup)?.json()?;
        assert_eq!((&done["applied"], &done["locked_out"]), (&true.into(), &serde_json::json!([])), "{done}");

        let mut login = lab.ssh_with("alice").key(&keys[0]).start()?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        lab.ssh_with("bob").key(&keys[1]).start()?.expect_shell()?;
        assert_eq!(silent_login(&lab, ("ansible", &ansible))?, 0);
        let waits = lab.run(setup)?;
        assert_eq!(waits.code, 1, "{waits}");
        must_hold(&waits.stdout, &["still waits to be confirmed"])?;
        Ok(())
    }

    fn root_comes_by_key_as_before_and_as_a_member_by_key_and_code(release: Release) -> Outcome {
        let members = Lab::builder(release).user("alice", PASSWORD).group("sre", &["alice"]).group("ops", &["root"]);
        let lab = members.boot()?;
        let key = lab.ssh_key("alice")?;
        lab.sh("install -D -m 600 /home/alice/.ssh/authorized_keys /root/.ssh/authorized_keys")?;
        assert!(lab.sh("sshd -T")?.contains("permitrootlogin without-password"), "as Debian has it");
        let switch_on = |group: &str| -> Outcome {
            let answers = "where = [\"ssh\"]\nssh = \"key-and-code\"\nenroll = \"invite\"\non_full = \"deny\"\n\
                           login_grace_time = \"as-is\"\nbreak_glass = false\nautomation = []\n";
            lab.write("/root/answers.toml", &format!("{answers}group = \"{group}\"\n"), 0o600)?;
            lab.run(["mfactl", "setup", "--confirm-within", "never", "--answers", "/root/answers.toml"])?.success()?;
            Ok(())
        };
        switch_on("sre")?;
        lab.ssh_with("root").key(&key).start()?.expect_shell()?;
        let phone = &mut lab.enroll("root")?.phone;
        for group in ["ops", "sre"] {
            // Whoever has a factor is asked in any group, as the policy is shipped.
            switch_on(group)?;
            let mut login = lab.ssh_with("root").key(&key).start()?;
            login.answer(CODE, &phone.code())?;
            login.expect_shell()?;
        }
        // A password alone is as little use to root as before.
        lab.sh(&format!("echo 'root:{PASSWORD}' | chpasswd"))?;
        lab.ssh("root")?.expect_denied()?;
        Ok(())
    }

    fn whoever_would_be_locked_out_is_named_and_nothing_changes(release: Release) -> Outcome {
        let (lab, _) = boot(machine(release))?;
        password_given(&lab, "bob")?.expect_shell()?;
        let before = lab.sh(FINGERPRINT)?;
        let answers = "where = [\"ssh\"]\nssh = \"key-and-code\"\ngroup = \"sre\"\nenroll = \"at-login\"\n\
                       on_full = \"single-factor\"\nlogin_grace_time = \"10m\"\nbreak_glass = false\nautomation = []\n";
        lab.write("/root/answers.toml", answers, 0o600)?;
        let refused = lab.run(["mfactl", "setup", "--answers", "/root/answers.toml"])?;
        assert_eq!(refused.code, 1, "{refused}");
        must_hold(&refused.stdout, &["LOCKED OUT over ssh: bob has come without an SSH key (1 login in 30 days)."])?;
        must_hold(&refused.stdout, &["ansible looks like a program"])?;
        must_hold(&refused.stderr, &["Nothing was changed: bob could not get in any more."])?;
        assert_eq!(lab.sh(FINGERPRINT)?, before);
        Ok(())
    }
}
