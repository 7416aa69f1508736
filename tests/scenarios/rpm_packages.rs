//! The packages for Red Hat's systems. No such system can be had here, so they are installed with rpm on a Debian: what
//! their scripts do, what stays of a site's configuration, and that they refuse to go while a stack names the module.

use harness::{Lab, Outcome, Output, Release, on_each_release, packages};

use crate::packages::clean;
use crate::steps::{log_in, must_hold, password_given};

/// Where Red Hat's systems have PAM modules; Debian's libpam takes the path.
const LINE: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] /usr/lib64/security/pam_mfa.so";

fn rpm(lab: &Lab, words: &str) -> Outcome<Output> {
    // Debian's older rpm wants to be told that it is meant.
    let meant = if lab.release() == Release::Bookworm { "--force-debian" } else { "" };
    Ok(lab.run(["sh", "-c", &format!("rpm {meant} {words}")])?)
}

/// Installs, or upgrades to, that edition.
fn install(lab: &Lab, edition: &str, how: &str) -> Outcome<Output> {
    let folder = format!("/root/{edition}");
    lab.bring(&packages(edition, "rpm")?, &folder)?;
    Ok(rpm(lab, &format!("--nodeps {how} {folder}/*.rpm"))?.success()?)
}

on_each_release! {
    fn installed_upgraded_and_erased_by_rpm_they_keep_people_in_and_a_sites_policy(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now", "--install")?;
        lab.sh("systemctl is-active mfa-daemon.socket mfa-daemon-root.socket mfa-mail.socket mfa-reconcile.timer")?;
        lab.run(["mfactl", "status"])?.success()?;
        password_given(&lab, "alice")?.expect_shell()?;

        lab.sh(&format!("sed -i '/include common-auth/a {LINE}' /etc/pam.d/sshd"))?;
        let mut phone = lab.enroll("alice")?.phone;
        log_in(&lab, "alice", &phone.code())?;
        let edited = "# ours\n[defaults]\nrequire = \"if-enrolled\"\n";
        lab.write("/etc/mfa/policy.toml", edited, 0o644)?;
        install(&lab, "next", "--upgrade")?;
        must_hold(&rpm(&lab, "--query mfa pam-mfa")?.success()?.stdout, &["mfa-0.1.0-1+next", "pam-mfa-0.1.0-1+next"])?;
        assert_eq!(lab.read("/etc/mfa/policy.toml")?, edited);
        log_in(&lab, "alice", &phone.code())?;

        let refused = rpm(&lab, "--erase mfa pam-mfa")?.refused()?;
        must_hold(&refused.stderr, &["/etc/pam.d/sshd:", "Take these lines out"])?;
        lab.sh("test -e /usr/lib64/security/pam_mfa.so && systemctl is-active mfa-daemon-root.socket")?;
        rpm(&lab, "--query mfa pam-mfa")?.success()?;
        password_given(&lab, "alice")?.expect("Verification code: ")?;

        lab.sh("sed -i '/pam_mfa/d' /etc/pam.d/sshd")?;
        let erased = rpm(&lab, "--erase mfa pam-mfa")?.success()?;
        must_hold(&erased.stdout, &["To delete it for good: rm -r /var/lib/mfa /etc/mfa"])?;
        lab.run(["sh", "-c", "ls /usr/lib64/security/pam_mfa.so /usr/bin/mfactl /usr/libexec/mfa /usr/share/mfa"])?.refused()?;
        assert_eq!(lab.read("/etc/mfa/policy.toml.rpmsave")?, edited);
        password_given(&lab, "alice")?.expect_shell()?;
        Ok(())
    }
}
