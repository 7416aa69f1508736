//! `mfactl doctor` on a machine that is well, and on one with a fault at a time: planted as administrators do it.

use harness::{Lab, LabBuilder, Outcome, Release, Service, Stack, on_each_release};
use serde_json::Value;

use crate::steps::{PASSWORD, must_hold};

/// A machine set up as README says.
fn machine(release: Release) -> LabBuilder {
    let stack = Stack::password_then_code().with_account();
    let policy = "[defaults]\nrequire = \"if-enrolled\"\n";
    Lab::builder(release).user("alice", PASSWORD).pam(Service::Sshd, stack).policy(policy)
}

/// With codes in the safe.
fn boot(builder: LabBuilder) -> Outcome<Lab> {
    let lab = builder.boot()?;
    lab.run(["mfactl", "break-glass", "create", "--count", "1", "--json"])?.success()?;
    lab.run(["systemctl", "enable", "mfa-reconcile.timer", "mfa-reconcile.path"])?.success()?;
    Ok(lab)
}

/// What it finds, notes aside: the check, how bad it is, and where.
fn found(lab: &Lab) -> Outcome<Vec<(String, String, String)>> {
    let output = lab.run(["mfactl", "doctor", "--json"])?;
    let told: Value = serde_json::from_str(&output.stdout)?;
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap_or_default().to_owned();
    let findings = told["findings"].as_array().cloned().unwrap_or_default();
    let findings = findings.iter().filter(|finding| finding["severity"] != "note");
    let found: Vec<_> = findings
        .map(|finding| (text(finding, "check"), text(finding, "severity"), text(finding, "evidence")))
        .collect();
    let fails = found.iter().any(|(_, severity, _)| severity == "fail");
    assert_eq!(output.code, i32::from(fails), "{output}");
    Ok(found)
}

/// A fault, and the check and the place by which it is found.
type Fault = (&'static str, &'static str, &'static str, &'static str);

/// Each is undone before the next: the files of PAM and sshd are put back.
const FAULTS: &[Fault] = &[
    ("sed -i 's/^auth.*pam_mfa.so/auth optional pam_mfa.so/' /etc/pam.d/sshd", "no-is-no", "fail", "/etc/pam.d/sshd:"),
    (
        "sed -i 's/^auth.*pam_mfa.so/auth sufficient pam_mfa.so/' /etc/pam.d/sshd",
        "no-is-no",
        "fail",
        "/etc/pam.d/sshd:",
    ),
    ("sed -i '1i auth sufficient pam_unix.so' /etc/pam.d/sshd", "always-reached", "fail", "/etc/pam.d/sshd:1"),
    ("sed -i '/@include common-auth/d' /etc/pam.d/sshd", "sshd-factor-only", "fail", "/etc/ssh/sshd_config"),
    (
        "sed -i '/^auth.*pam_mfa/d; 1i auth [success=ok ignore=ignore default=die] pam_mfa.so' /etc/pam.d/sshd",
        "after-password",
        "fail",
        "/etc/pam.d/sshd:1",
    ),
    ("sed -i '1i auth required pam_env.so user_readenv=1' /etc/pam.d/sshd", "environment", "fail", "/etc/pam.d/sshd:1"),
    (
        "sed -i '/^account.*pam_mfa/d' /etc/pam.d/sshd && echo 'account required pam_mfa.so' >>/etc/pam.d/sshd",
        "account-reached",
        "fail",
        "/etc/pam.d/common-account:",
    ),
    ("echo 'account required pam_mfa.so' >>/etc/pam.d/cron", "account-line", "warn", "/etc/pam.d/cron:"),
    ("echo 'auth required pam_mfa.so' >>/etc/pam.d/sudo", "ways-to-root", "warn", "/etc/pam.d/"),
    (
        "sed -i 's/pam_mfa.so/pam_mfa_old.so/;s/pam_mfa_old/pam_mfa/;s/pam_mfa.so/\\/nowhere\\/pam_mfa.so/' /etc/pam.d/sshd",
        "module-there",
        "fail",
        "/etc/pam.d/sshd:",
    ),
    ("sed -i 's/pam_mfa.so/pam_mfa.so exempt=success/' /etc/pam.d/sshd", "exempt", "warn", "/etc/pam.d/sshd:"),
    ("sed -i 's/pam_mfa.so/pam_mfa.so unavailable=allow/' /etc/pam.d/sshd", "unavailable", "warn", "/etc/pam.d/sshd:"),
    (
        "echo 'LoginGraceTime 20' >/etc/ssh/sshd_config.d/00-x.conf",
        "sshd-grace",
        "warn",
        "/etc/ssh/sshd_config.d/00-x.conf:1",
    ),
    ("echo 'UsePAM no' >/etc/ssh/sshd_config.d/00-x.conf", "sshd-pam", "fail", "/etc/ssh/sshd_config.d/00-x.conf:1"),
    (
        "echo 'PasswordAuthentication yes' >/etc/ssh/sshd_config.d/00-x.conf",
        "sshd-password",
        "warn",
        "/etc/ssh/sshd_config.d/00-x.conf:1",
    ),
    (
        "printf 'Match Address 10.9.0.0/16\\nPasswordAuthentication yes\\n' >>/etc/ssh/sshd_config",
        "sshd-match",
        "warn",
        "/etc/ssh/sshd_config:",
    ),
    (
        "printf 'Match LocalPort 2222\\nPasswordAuthentication yes\\n' >>/etc/ssh/sshd_config",
        "sshd-match",
        "warn",
        "/etc/ssh/sshd_config:",
    ),
    ("echo 'Nonsense yes' >/etc/ssh/sshd_config.d/00-x.conf", "sshd-answers", "fail", "/etc/ssh/sshd_config"),
    ("chmod 0666 /etc/mfa/policy.toml", "permissions", "fail", "/etc/mfa/policy.toml"),
    ("chmod 0666 /run/mfa/root.sock", "sockets", "fail", "/run/mfa/root.sock"),
    ("systemctl disable -q mfa-daemon.socket", "units", "fail", "systemctl is-enabled mfa-daemon.socket"),
    ("mv /etc/mfa/break-glass /etc/mfa/break-glass.away", "break-glass", "warn", "mfactl break-glass status"),
];

const SAVE: &str = "mkdir /root/as-it-was && cp -a /etc/pam.d /etc/ssh /etc/mfa /root/as-it-was/";
const RESTORE: &str = "rm -rf /etc/pam.d /etc/ssh /etc/mfa && cp -a /root/as-it-was/* /etc/ && \
                       chmod 0600 /run/mfa/root.sock && systemctl enable -q mfa-daemon.socket";

on_each_release! {
    fn each_fault_is_found_by_its_place(release: Release) -> Outcome {
        let lab = boot(machine(release))?;
        lab.sh(SAVE)?;
        for (fault, check, severity, place) in FAULTS {
            lab.sh(fault)?;
            let found = found(&lab)?;
            let is_it = |(of, how, at): &&(String, String, String)| of == check && how == severity && at.starts_with(place);
            assert!(found.iter().any(|finding| is_it(&finding)), "{fault}: {found:?}");
            lab.sh(RESTORE)?;
        }
        assert_eq!(found(&lab)?, []);
        Ok(())
    }

    fn the_doctor_finds_nothing_on_a_healthy_machine(release: Release) -> Outcome {
        assert_eq!(found(&boot(machine(release))?)?, []);
        Ok(())
    }

    fn a_machine_whose_daemon_is_down_is_told_and_so_is_whoever_is_not_root(release: Release) -> Outcome {
        let lab = boot(machine(release))?;
        lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
        let output = lab.run(["mfactl", "doctor"])?;
        assert_eq!(output.code, 1, "{output}");
        must_hold(&output.stdout, &["FAIL  The daemon does not answer", "mend: systemctl start mfa-daemon.socket"])?;
        must_hold(&output.stdout, &["not made: policy: the daemon does not answer"])?;
        assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{output}");
        let alice = lab.run_as("alice", ["mfactl", "doctor"])?;
        must_hold(&alice.stdout, &["only root may"])?;
        Ok(())
    }
}
