//! What becomes of a setup that nobody confirms: killed in the middle, left alone, the machine started anew; and of one
//! that is confirmed, and undone.

use std::collections::BTreeSet;

use harness::{Failure, Lab, LabBuilder, Outcome, Release, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, must_hold};

/// ssh for the group sre, with code.
const ANSWERS: &str = r#"
where = ["ssh"]
ssh = "password-and-code"
group = "sre"
automation = []
enroll = "at-login"
on_full = "single-factor"
login_grace_time = "5m"
break_glass = false
"#;
const FILE: &str = "/root/answers.toml";
/// What of `/etc` may be changed: each path with its kind, owner, permissions and bytes. The daemon makes its key when it
/// is first asked.
const LOOK: &str = "cd /etc; find pam.d ssh mfa -path mfa/credentials -prune -o -printf '%p %y %u %g %m %l\\n' | sort; \
                    find pam.d ssh mfa -path mfa/credentials -prune -o -type f -print | sort | xargs sha256sum";
/// Waits until nothing is pending any more; a minute at most.
const GONE: &str = "timeout 60 sh -c 'while [ -e /var/lib/mfa-setup/pending ]; do sleep 0.1; done'";

/// A machine as Debian has it. alice and root are in the group; alice may use sudo without a password.
fn machine(release: Release) -> LabBuilder {
    Lab::builder(release)
        .user("alice", PASSWORD)
        .user("bob", PASSWORD)
        .group("sre", &["alice"])
        .file("/etc/sudoers.d/scenario", "alice ALL=(ALL) NOPASSWD: ALL\n", 0o440)
        .file(FILE, ANSWERS, 0o600)
}

fn setup<'a>(within: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    [&["mfactl", "setup", "--answers", FILE, "--confirm-within", within, "--json"][..], more].concat()
}

/// Sets it up; the code that confirms.
fn set_up(lab: &Lab, within: &str) -> Outcome<String> {
    let told = lab.run(setup(within, &[]))?.json()?;
    assert_eq!(told["applied"], true, "{told}");
    Ok(told["code"].as_str().unwrap_or_default().to_owned())
}

/// Everything is as it was looked at before, to the last byte; else the lines that differ.
fn stands_as(lab: &Lab, before: &str) -> Outcome {
    let now = lab.sh(LOOK)?;
    let (before, now): (BTreeSet<&str>, BTreeSet<&str>) = (before.lines().collect(), now.lines().collect());
    let differ: Vec<&&str> = before.symmetric_difference(&now).collect();
    if differ.is_empty() { Ok(()) } else { Err(Failure::new(format!("not as before: {differ:#?}"))) }
}

fn with_password_alone(lab: &Lab, user: &str) -> Outcome<Terminal> {
    let mut login = lab.ssh(user)?;
    login.answer("Password: ", PASSWORD)?;
    login.expect_shell()?;
    Ok(login)
}

fn with_code(lab: &Lab, user: &str, code: &str) -> Outcome<Terminal> {
    let mut login = lab.ssh(user)?;
    login.answer("Password: ", PASSWORD)?;
    login.answer(CODE, code)?;
    login.expect_shell()?;
    Ok(login)
}

fn confirm(login: &mut Terminal, code: &str) -> Outcome<String> {
    // On a wide terminal a sentence is a line.
    Ok(login.run(&format!("sudo mfactl setup confirm {code} 2>&1 | tr '\\n' ' '; echo"))?)
}

on_each_release! {
    fn not_confirmed_in_time_everything_is_as_it_was_and_sshd_is_told(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = lab.sh(LOOK)?;
        set_up(&lab, "15s")?;
        assert!(stands_as(&lab, &before).is_err(), "nothing was done");
        with_code(&lab, "alice", &phone.code())?;
        must_hold(&lab.run(["mfactl", "setup", "status"])?.success()?.stdout, &["Waits to be confirmed until"])?;
        lab.sh(GONE)?;
        stands_as(&lab, &before)?;
        with_password_alone(&lab, "alice")?;
        must_hold(&lab.run(["mfactl", "setup", "status"])?.success()?.stdout, &["Nothing that mfactl setup did is in force."])?;
        // Once for the change, once for the way back.
        let reloads = lab.sh("journalctl -q -o cat | grep -c 'Received SIGHUP; restarting'")?;
        assert_eq!(reloads.trim(), "2");
        Ok(())
    }

    fn on_a_full_disk_everything_goes_back_all_the_same(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        // A disk of its own for each place that is changed, and for what setup keeps.
        lab.sh("mkdir -m 700 /var/lib/mfa-setup; for place in /etc/pam.d /etc/ssh /etc/mfa /var/lib/mfa-setup; do \
                disk=/mnt$place; mkdir -p $disk; mount -t tmpfs -o size=1m,mode=$(stat -c %a $place) small $disk; \
                cp -a $place/. $disk; mount --bind $disk $place; done")?;
        let before = lab.sh(LOOK)?;
        set_up(&lab, "10m")?;
        lab.sh("for place in /etc/pam.d /etc/ssh /etc/mfa /var/lib/mfa-setup; do ! dd if=/dev/zero of=$place/full bs=4k 2>/dev/null; \
                ! echo x >$place/more; done 2>/dev/null")?;
        must_hold(&lab.run(["mfactl", "setup", "undo"])?.success()?.stdout, &["As it was before:"])?;
        lab.sh("rm -f /etc/*/full /etc/*/more /var/lib/mfa-setup/full")?;
        stands_as(&lab, &before)?;
        lab.sh("! [ -e /var/lib/mfa-setup/pending ]")?;
        with_password_alone(&lab, "alice")?;
        Ok(())
    }

    fn a_new_login_confirms_and_an_old_one_or_none_does_not(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = lab.sh(LOOK)?;
        let mut old = with_password_alone(&lab, "alice")?;
        let code = set_up(&lab, "10m")?;
        let none = lab.run(["mfactl", "setup", "confirm", &code])?.refused()?;
        must_hold(&none.stderr, &["does not run in a login session"])?;
        must_hold(&confirm(&mut old, &code)?, &["older than the change"])?;
        let mut new = with_code(&lab, "alice", &phone.code())?;
        let wrong = if code == "1234" { "1235" } else { "1234" };
        must_hold(&confirm(&mut new, wrong)?, &["not the code"])?;
        // What a user says of the session counts for nothing, nor does a control group of one's own.
        let lie = format!("sudo XDG_SESSION_ID=99 systemd-run --quiet --pipe mfactl setup confirm {code} 2>&1 | tr '\\n' ' '; echo");
        must_hold(&old.run(&lie)?, &["does not run in a login session"])?;
        must_hold(&confirm(&mut new, &code)?, &["Confirmed"])?;
        let done = lab.sh(LOOK)?;
        lab.sh("systemctl list-timers --all | grep -c mfa-setup || true; systemctl start mfa-setup-rollback")?;
        assert_eq!(lab.sh("systemctl list-units --all --plain --no-legend 'mfa-setup-*.timer'")?.trim(), "");
        stands_as(&lab, &done)?;
        must_hold(&lab.run(["mfactl", "setup", "status"])?.success()?.stdout, &["Confirmed on"])?;
        let undone = lab.run(["mfactl", "setup", "undo"])?.success()?.stdout;
        must_hold(&undone, &["As it was before:", "/etc/pam.d/sshd"])?;
        stands_as(&lab, &before)?;
        with_password_alone(&lab, "alice")?;
        Ok(())
    }

    fn killed_wherever_it_is_everything_comes_back(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        let before = lab.sh(LOOK)?;
        // Each is to be seen from outside; the unit tests stop after every single step.
        for moment in [
            "-e /var/lib/mfa-setup/pending",
            "-e /etc/mfa/policy.d/10-setup.toml",
            "-d /var/lib/mfa-setup/trial -a -e /var/lib/mfa-setup/pending",
            "-n \"$(grep pam_mfa.so /etc/pam.d/sshd)\"",
            "-e /etc/ssh/sshd_config.d/01-mfa.conf",
        ] {
            let command = setup("10m", &[]).join(" ");
            let killed = lab.sh(&format!(
                "{command} >/root/said 2>&1 & pid=$!\n\
                 while ! [ {moment} ] && kill -0 $pid 2>/dev/null; do :; done\n\
                 kill -KILL $pid; wait $pid || echo $?"
            ))?;
            assert_eq!(killed.trim(), "137", "{moment}: {}", lab.read("/root/said")?);
            must_hold(&lab.run(["mfactl", "setup", "status"])?.success()?.stdout, &["Setup was interrupted"])?;
            // What would come by itself, two minutes later.
            lab.sh("systemctl is-active --quiet mfa-setup-guard.timer")?;
            lab.sh("systemctl start mfa-setup-rollback.service")?;
            stands_as(&lab, &before)?;
            lab.sh("! [ -e /var/lib/mfa-setup/pending ]")?;
        }
        with_password_alone(&lab, "alice")?;
        Ok(())
    }

    fn a_reboot_while_it_waits_takes_everything_back(release: Release) -> Outcome {
        let mut lab = machine(release).boot()?;
        let before = lab.sh(LOOK)?;
        set_up(&lab, "1h")?;
        assert!(stands_as(&lab, &before).is_err(), "nothing was done");
        lab.reboot()?;
        stands_as(&lab, &before)?;
        lab.sh("! [ -e /var/lib/mfa-setup/pending ]")?;
        with_password_alone(&lab, "alice")?;
        let mut order = lab.sh("systemctl show --value -p ExecMainStartTimestampMonotonic mfa-setup-rollback ssh")?;
        order.retain(|c| c.is_ascii_digit() || c == '\n');
        let order: Vec<u64> = order.lines().filter_map(|line| line.parse().ok()).collect();
        assert!(matches!(order.as_slice(), [back, ssh] if back < ssh), "{order:?}");
        Ok(())
    }

    fn what_was_edited_since_is_shown_before_it_is_undone(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        let before = lab.sh(LOOK)?;
        let told = lab.run(setup("never", &[]))?.json()?;
        assert_eq!(told["applied"], true, "{told}");
        lab.sh("echo '# my own line' >>/etc/pam.d/sshd")?;
        let edited = lab.sh(LOOK)?;
        must_hold(&lab.run(["mfactl", "setup", "undo"])?.refused()?.stderr, &["Changed by somebody", "--force"])?;
        stands_as(&lab, &edited)?;
        let mut undo = lab.pty(["mfactl", "setup", "undo"])?;
        undo.expect("+# my own line")?;
        undo.answer("[y/N] ", "n")?;
        assert_eq!(undo.expect_closed()?, 1);
        stands_as(&lab, &edited)?;
        let mut undo = lab.pty(["mfactl", "setup", "undo"])?;
        undo.answer("[y/N] ", "y")?;
        assert_eq!(undo.expect_closed()?, 0);
        stands_as(&lab, &before)?;
        lab.sh("grep -rq '# my own line' /var/lib/mfa-setup/kept-*/etc/pam.d/sshd")?;
        Ok(())
    }

    fn a_broken_module_is_found_before_anything_is_live(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        let before = lab.sh(LOOK)?;
        lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon; systemctl start mfa-daemon-root.socket")?;
        lab.sh("for so in /usr/lib/*/security/pam_mfa.so; do mv $so $so.away; echo rubbish >$so; done")?;
        let refused = lab.run(setup("10m", &["--anyway"]))?.refused()?;
        must_hold(&refused.stdout, &["A login was tried in the new stack of sshd"])?;
        stands_as(&lab, &before)?;
        with_password_alone(&lab, "bob")?;
        Ok(())
    }

    fn whoever_is_not_root_neither_confirms_nor_takes_back_nor_looks(release: Release) -> Outcome {
        let lab = machine(release).boot()?;
        // Programs of a user's own on root's PATH are not run.
        lab.sh("mkdir /tmp/own; for name in sshd systemctl systemd-run timeout; do \
                printf '#!/bin/sh\\ntouch /tmp/own/ran\\n' >/tmp/own/$name; done; chmod 755 /tmp/own/*")?;
        let command = setup("10m", &[]).join(" ");
        lab.sh(&format!("PATH=/tmp/own:$PATH {command} >/root/said"))?;
        lab.sh("! [ -e /tmp/own/ran ]")?;
        let told: serde_json::Value = serde_json::from_str(&lab.read("/root/said")?)?;
        let (done, code) = (lab.sh(LOOK)?, told["code"].as_str().unwrap_or_default().to_owned());
        for words in [&["confirm", &code][..], &["undo", "--force"], &["rollback"], &["status"]] {
            let refused = lab.run_as("bob", [&["mfactl", "setup"], words].concat())?.refused()?;
            must_hold(&refused.stderr, &["Only root"])?;
        }
        for look in ["ls /var/lib/mfa-setup", "cat /var/lib/mfa-setup/pending", "/usr/libexec/mfa/mfa-try-pam </dev/null"] {
            lab.run_as("bob", ["sh", "-c", look])?.refused()?;
        }
        lab.run_as("bob", ["systemctl", "start", "--no-ask-password", "mfa-setup-rollback.service"])?.refused()?;
        stands_as(&lab, &done)?;
        lab.sh("test $(stat -c %a%u /var/lib/mfa-setup) = 7000 && test $(stat -c %a%u /var/lib/mfa-setup/pending) = 6000")?;
        Ok(())
    }
}
