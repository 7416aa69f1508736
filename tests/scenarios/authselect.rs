//! The profile for authselect, which no system here has: what authselect would make of its templates is written where
//! Fedora's services include it, and Debian's libpam runs it. authselect itself, its own services and SELinux are not
//! tried by that.

use harness::{Lab, Outcome, Release, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, log_in, people, policy};

const SYSTEM_AUTH: &str = include_str!("../../packaging/authselect/mfa/system-auth");
const PASSWORD_AUTH: &str = include_str!("../../packaging/authselect/mfa/password-auth");
const FINGERPRINT_AUTH: &str = include_str!("../../packaging/authselect/mfa/fingerprint-auth");

/// As Fedora's service has them, as far as Debian has the modules.
const SSHD: &str = "auth substack password-auth\naccount required pam_nologin.so\naccount include password-auth\n\
                    session required pam_unix.so\nsession optional pam_systemd.so\n";
const SUDO: &str = "auth include system-auth\naccount include system-auth\nsession required pam_unix.so\n";

/// What can be chosen of what a jump passes.
const CHOICES: [&[&str]; 4] =
    [&[], &["with-faillock"], &["with-sssd"], &["with-sssd", "with-faillock", "without-nullok"]];

/// What authselect makes of a template: `man authselect-profiles` has the grammar, of which ours need this much.
fn rendered(template: &str, chosen: &[&str]) -> String {
    template.lines().filter_map(|line| line_of(line, chosen)).map(|line| line + "\n").collect()
}

fn line_of(line: &str, chosen: &[&str]) -> Option<String> {
    let Some((before, rest)) = line.split_once('{') else { return Some(line.trim_end().to_owned()) };
    let (operator, after) = rest.split_once('}').expect("an operator ends");
    let (word, rest) = operator.split_once("if ").expect("an operator has an if");
    let (condition, values) = rest.split_once(':').unwrap_or((rest, ""));
    let holds = match condition.strip_prefix("not ") {
        Some(feature) => !chosen.contains(&feature.trim_matches('"')),
        None => chosen.contains(&condition.trim_matches('"')),
    };
    let put = match word.trim_end() {
        "include" if holds => "",
        "exclude" if !holds => "",
        "include" | "exclude" => return None,
        "" if holds => values.split('|').next().unwrap_or_default(),
        "" => values.split('|').nth(1).unwrap_or_default(),
        other => panic!("{other} is no operator"),
    };
    line_of(&format!("{before}{put}{after}"), chosen)
}

fn select(lab: &Lab, chosen: &[&str]) -> Outcome {
    // What only changes passwords is not there.
    for (name, template) in [("system-auth", SYSTEM_AUTH), ("password-auth", PASSWORD_AUTH)] {
        let text = rendered(template, chosen);
        let logs_in = text.lines().filter(|line| line.starts_with("auth") || line.starts_with("account"));
        let text: String = logs_in.map(|line| format!("{line}\n")).collect();
        lab.write(&format!("/etc/pam.d/{name}"), &text, 0o644)?;
    }
    Ok(())
}

/// A login that has been given a password that is not hers.
fn wrong_password(lab: &Lab) -> Outcome<Terminal> {
    let mut login = lab.ssh("alice")?;
    login.answer("assword: ", "not hers")?;
    Ok(login)
}

on_each_release! {
    fn the_stacks_of_the_authselect_profile_ask_for_both_and_a_wrong_password_ends_before_the_code(
        release: Release
    ) -> Outcome {
        let lab = people(release).group("sudo", &["alice"]).policy(&policy("if-enrolled", "")).boot()?;
        lab.write("/etc/pam.d/sshd", SSHD, 0o644)?;
        lab.write("/etc/pam.d/sudo", SUDO, 0o644)?;
        let codes = lab.enroll("alice")?.backup_codes;
        for (chosen, codes) in CHOICES.iter().zip(codes.chunks(2)) {
            select(&lab, chosen)?;
            let mut shell = log_in(&lab, "alice", &codes[0])?;
            shell.send_line("sudo id -un")?;
            shell.answer("assword", PASSWORD)?;
            shell.answer(CODE, &codes[1])?;
            shell.expect("root")?;

            let mut login = wrong_password(&lab)?;
            let (_, said) = login.expect_any(&["assword: ", "denied"])?;
            assert!(!said.contains(CODE), "{chosen:?}: {said}");
            lab.sh("rm -rf /run/faillock")?;

            // Without the daemon nobody gets in, whatever was chosen.
            lab.sh("systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service")?;
            let mut login = lab.ssh("alice")?;
            login.answer("assword: ", PASSWORD)?;
            login.expect_denied()?;
            lab.sh("systemctl start mfa-daemon.socket mfa-daemon-root.socket && rm -rf /run/faillock")?;
        }
        Ok(())
    }

    fn the_doctor_has_nothing_against_the_stacks_of_the_authselect_profile(release: Release) -> Outcome {
        let lab = Lab::builder(release).user("alice", PASSWORD).boot()?;
        lab.write("/etc/pam.d/sshd", SSHD, 0o644)?;
        lab.write("/etc/pam.d/fingerprint-auth", FINGERPRINT_AUTH, 0o644)?;
        for chosen in [CHOICES[0], CHOICES[1]] {
            select(&lab, chosen)?;
            let told = lab.run(["mfactl", "doctor", "--json"])?;
            let told: serde_json::Value = serde_json::from_str(&told.stdout)?;
            let of_the_stack = |finding: &&serde_json::Value| {
                let evidence = finding["evidence"].as_str().unwrap_or_default();
                finding["severity"] == "fail" && evidence.starts_with("/etc/pam.d/")
            };
            let found: Vec<_> = told["findings"].as_array().into_iter().flatten().filter(of_the_stack).collect();
            assert!(found.is_empty(), "{chosen:?}: {found:?}");
        }
        Ok(())
    }
}
