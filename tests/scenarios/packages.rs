//! The packages for Debian on a machine that has never seen the product: what installing, upgrading, removing and
//! purging them does to those who log in.

use harness::{Lab, LabBuilder, Outcome, Output, Release, on_each_release};

use crate::steps::{CODE, PASSWORD, log_in, must_hold, password_given};

/// A line that an administrator adds to a stack.
const LINE: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";

/// A clean Debian with alice and bob.
pub(crate) fn clean(release: Release) -> LabBuilder {
    Lab::builder(release).without_product().user("alice", PASSWORD).user("bob", PASSWORD)
}

/// The .debs of that edition in a folder of the lab; that folder.
pub(crate) fn bring(lab: &Lab, edition: &str) -> Outcome<String> {
    lab.bring_packages(edition)
}

/// As an administrator without a terminal does it: whatever asked a question would fail.
pub(crate) fn apt(lab: &Lab, words: &str) -> Outcome<Output> {
    lab.apt(words)
}

/// Installs, or upgrades to, that edition.
pub(crate) fn install(lab: &Lab, edition: &str) -> Outcome<Output> {
    lab.install_packages(edition)
}

/// Every file that libpam reads, with what is in it.
fn stacks(lab: &Lab) -> Outcome<String> {
    Ok(lab.sh("cd /etc/pam.d && grep -r '' .")?)
}

/// Both packages stay as they are installed, and so do the stacks and the logins.
fn must_stay(lab: &Lab, refused: &Output, before: &str, code: &str) -> Outcome {
    assert_eq!(stacks(lab)?, before);
    let state = lab.sh("dpkg-query --show --showformat='${Package} ${Status}\\n' mfa libpam-mfa")?;
    assert_eq!(state.matches(" ok installed").count(), 2, "{state}\n{refused}");
    log_in(lab, "alice", code)?;
    Ok(())
}

on_each_release! {
    fn installing_asks_nobody_anything_and_everything_is_up(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        let before = stacks(&lab)?;
        let said = install(&lab, "now")?;
        must_hold(&said.stdout, &["mfa is installed and asks nobody yet.", "mfactl master-key recovery-copy"])?;
        lab.sh("systemctl is-active mfa-daemon.socket mfa-daemon-root.socket mfa-mail.socket mfa-reconcile.timer \
                mfa-reconcile.path mfa-daemon.service")?;
        assert_eq!(lab.run(["systemctl", "is-system-running"])?.stdout.trim(), "running");
        lab.run(["mfactl", "status"])?.success()?;
        assert_eq!(stacks(&lab)?, before);
        password_given(&lab, "alice")?.expect_shell()?;
        Ok(())
    }

    fn with_its_profile_turned_on_logins_ask_for_a_code_also_after_a_reboot(release: Release) -> Outcome {
        let mut lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let mut phone = lab.enroll("alice")?.phone;
        log_in(&lab, "alice", &phone.code())?;
        lab.reboot()?;
        log_in(&lab, "alice", &phone.code())?;
        password_given(&lab, "bob")?.expect_shell()?;
        Ok(())
    }

    fn removing_is_refused_before_anything_is_changed_while_a_stack_names_the_module(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        // The profile as well, which could be taken out by itself; then half of it would be gone.
        lab.sh("pam-auth-update --enable mfa")?;
        let profile_alone = stacks(&lab)?;
        lab.sh(&format!("sed -i '/include common-auth/a {LINE}' /etc/pam.d/sshd"))?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = stacks(&lab)?;
        for packages in ["libpam-mfa", "mfa", "mfa libpam-mfa"] {
            let refused = apt(&lab, &format!("remove {packages}"))?.refused()?;
            must_hold(&(refused.stdout.clone() + &refused.stderr), &["/etc/pam.d/sshd:", "Nothing was changed."])?;
            assert_eq!(stacks(&lab)?, before);
        }
        let refused = lab.run(["dpkg", "--purge", "libpam-mfa"])?.refused()?;
        assert_eq!(stacks(&lab)?, before);
        lab.sh("sed -i '/pam_mfa/d' /etc/pam.d/sshd")?;
        // What setup did beside the stacks would be left, and nobody would know what was there before.
        lab.sh("install -d -m 700 /var/lib/mfa-setup; : > /var/lib/mfa-setup/applied-1")?;
        let undo = apt(&lab, "remove mfa")?.refused()?;
        must_hold(&undo.to_string(), &["Undo it first: mfactl setup undo.", "Nothing was changed."])?;
        assert_eq!(stacks(&lab)?, profile_alone);
        lab.sh("rm /var/lib/mfa-setup/applied-1")?;
        must_stay(&lab, &refused, &profile_alone, &phone.code())
    }

    fn removing_is_refused_while_the_profiles_block_was_edited_by_hand(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let edit = "sed -i '/pam_mfa.so/i auth optional pam_faildelay.so delay=1' /etc/pam.d/common-auth";
        lab.sh(edit)?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = stacks(&lab)?;
        let refused = apt(&lab, "remove mfa")?.refused()?;
        must_hold(&(refused.stdout.clone() + &refused.stderr), &["/etc/pam.d/common-auth:"])?;
        must_stay(&lab, &refused, &before, &phone.code())
    }

    fn a_removal_that_begins_and_fails_leaves_the_profile_on(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = stacks(&lab)?;
        // As on a full disk: what it was to do is done, and then it fails.
        let real = "/usr/sbin/pam-auth-update";
        let failing = format!("#!/bin/sh\n{real}.real \"$@\" || exit\ncase \"$*\" in *--remove*) exit 1 ;; esac\n");
        lab.sh(&format!("mv {real} {real}.real"))?;
        lab.write(real, &failing, 0o755)?;
        let refused = apt(&lab, "remove libpam-mfa")?.refused()?;
        must_stay(&lab, &refused, &before, &phone.code())?;
        lab.run(["ls", "/var/lib/libpam-mfa"])?.refused()?;
        // One whose profile was off is off after it, too.
        lab.sh("pam-auth-update --disable mfa")?;
        let off = stacks(&lab)?;
        let refused = apt(&lab, "remove libpam-mfa")?.refused()?;
        assert_eq!(stacks(&lab)?, off, "{refused}");

        lab.sh(&format!("mv {real}.real {real} && pam-auth-update --enable mfa"))?;
        apt(&lab, "remove libpam-mfa")?.success()?;
        lab.run(["ls", "/var/lib/libpam-mfa"])?.refused()?;
        password_given(&lab, "alice")?.expect_shell()?;
        Ok(())
    }

    fn after_a_removal_that_stops_halfway_installing_it_again_turns_the_profile_on(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = stacks(&lab)?;
        // A file that dpkg cannot take away; it runs no script after that.
        lab.sh("module=$(echo /usr/lib/*/security/pam_mfa.so) && mount --bind $module $module")?;
        let refused = apt(&lab, "remove libpam-mfa")?.refused()?;
        must_hold(&(refused.stdout.clone() + &refused.stderr), &["Logins ask for no second factor from now on."])?;
        assert_ne!(stacks(&lab)?, before);
        lab.sh("umount /usr/lib/*/security/pam_mfa.so")?;
        apt(&lab, "install --reinstall --no-install-recommends /root/now/libpam-mfa_*.deb")?.success()?;
        must_stay(&lab, &refused, &before, &phone.code())
    }

    fn a_stack_elsewhere_that_is_included_keeps_the_module(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.write("/usr/local/etc/factor", &format!("# pam_mfa.so\n{}\n", LINE.replace("] ", "] \\\n  ")), 0o644)?;
        lab.sh("sed -i '/include common-auth/a auth include /usr/local/etc/factor' /etc/pam.d/su")?;
        lab.sh("sed -i '1i # pam_mfa.so was here' /etc/pam.d/sshd && cp /etc/pam.d/su /etc/pam.d/login.dpkg-old")?;
        let refused = apt(&lab, "remove mfa")?.refused()?;
        let said = refused.stdout.clone() + &refused.stderr;
        must_hold(&said, &["  /usr/local/etc/factor:2"])?;
        assert!(!said.contains("/etc/pam.d/sshd"), "{said}");
        Ok(())
    }

    fn removed_it_takes_its_profile_with_it_and_purged_it_says_what_it_keeps(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        let before = stacks(&lab)?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        lab.enroll("alice")?;
        password_given(&lab, "alice")?.expect(CODE)?;

        apt(&lab, "remove mfa")?.success()?;
        assert_eq!(stacks(&lab)?, before);
        password_given(&lab, "alice")?.expect_shell()?;
        let left = lab.run(["systemctl", "list-units", "--no-legend", "mfa-*"])?.success()?.stdout;
        assert_eq!(left.trim(), "");
        assert_eq!(lab.run(["systemctl", "is-system-running"])?.stdout.trim(), "running");

        let purged = apt(&lab, "purge mfa libpam-mfa")?.success()?;
        must_hold(&purged.stdout, &["To delete it for good: rm -r /var/lib/mfa /etc/mfa/credentials"])?;
        let left = lab.sh("find / -xdev -not -path '/proc/*' -not -path '/root/*' -not -path '/tmp/*' \
                           \\( -name '*mfa*' -o -path '*/mfa/*' \\) | sort")?;
        assert_eq!(left.lines().collect::<Vec<_>>(), KEPT, "{left}");

        // And with it everybody's factors are back.
        install(&lab, "now")?;
        assert_eq!(lab.run(["mfactl", "user", "alice", "--json"])?.json()?["factors"][0]["kind"], "totp");
        Ok(())
    }
}

/// All that is left after a purge.
const KEPT: [&str; 7] = [
    "/etc/mfa",
    "/etc/mfa/credentials",
    "/etc/mfa/credentials/master-key",
    "/var/lib/mfa",
    "/var/lib/mfa/how-far",
    "/var/lib/mfa/lock",
    "/var/lib/mfa/mfa.db",
];
