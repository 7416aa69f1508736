//! The master key is replaced while people log in, killed in the middle, lost, and typed in again from paper.

use harness::{Lab, Outcome, Release, on_each_release};

use crate::steps::{be_refused, log_in, must_hold, password_given, web};

const ROTATE: [&str; 3] = ["mfactl", "master-key", "rotate"];
const KEYS: &str = "ls /etc/mfa/credentials /var/lib/mfa | grep master-key || true";
/// So many accounts that to seal them anew takes some seconds.
const MANY: u32 = 12_000;

/// A copy with many people in it, as `mfactl export` writes one.
fn many() -> String {
    let header = "{\"mfa-copy\":{\"format\":1,\"host\":\"web1\",\"made\":1790000000}}\n".to_owned();
    let accounts = (0..MANY).map(|number| {
        format!(
            "{{\"account\":{{\"user\":\"person{number}\",\"uid\":{uid},\"record\":{{\"created\":1790000000,\
             \"ever_enrolled\":1}},\"factors\":[{{\"kind\":\"totp\",\"name\":\"phone\",\"created\":1790000000,\
             \"params\":\"SHA1 6 30\",\"last_step\":0,\"secret\":\"JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP\"}}]}}}}\n",
            uid = 100_000 + number
        )
    });
    header + &accounts.collect::<String>() + &format!("{{\"end\":{MANY}}}\n")
}

/// The key as it is printed for the safe.
fn printed(lab: &Lab) -> Outcome<Vec<String>> {
    let copy = lab.run(["mfactl", "master-key", "recovery-copy", "--json"])?.json()?;
    Ok(copy["key"].as_str().unwrap_or_default().lines().map(str::to_owned).collect())
}

fn enter(lab: &Lab, lines: &[String]) -> Outcome<(i32, String)> {
    let mut terminal = lab.pty(["mfactl", "master-key", "enter"])?;
    for (place, line) in lines.iter().enumerate() {
        terminal.answer(&format!("Line {}: ", place + 1), line)?;
    }
    let code = terminal.expect_closed()?;
    Ok((code, terminal.transcript().to_owned()))
}

on_each_release! {
    fn the_master_key_is_replaced_while_people_log_in(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut enrolled = lab.enroll_all(&["alice", "bob"])?;
        let (mut bob, mut alice) = (enrolled.remove(1), enrolled.remove(0));
        assert_eq!(lab.sh(KEYS)?.trim(), "master-key");
        let waiting = password_given(&lab, "bob")?;
        let output = lab.run(ROTATE)?;
        assert_eq!(output.code, 0, "{output}");
        must_hold(&output.stdout.replace('\n', " "), &["Done: everything is sealed with master key 2", "recovery-copy"])?;
        assert_eq!(lab.sh(KEYS)?.trim(), "master-key-2");
        waiting.hang_up();
        log_in(&lab, "alice", &alice.phone.code())?;
        lab.sh("systemctl restart mfa-daemon.service")?;
        log_in(&lab, "bob", &bob.backup_codes.remove(0))?;
        log_in(&lab, "bob", &bob.phone.code())?;
        must_hold(&lab.run(["mfactl", "audit", "--json"])?.stdout, &["master-key-rotated"])?;
        must_hold(&lab.run(["mfactl", "status"])?.success()?.stdout, &["Healthy."])
    }

    fn killed_in_the_middle_of_a_change_of_keys_it_goes_on_and_nothing_is_lost(release: Release) -> Outcome {
        let lab = web(release).before_boot("ssh-keygen -q -t ed25519 -N '' -f /root/key").boot()?;
        lab.run_with_input(["age", "-R", "/root/key.pub", "-o", "/root/many.age"], &many())?.success()?;
        lab.run(["mfactl", "restore", "/root/many.age", "--identity", "/root/key"])?.success()?;
        let mut phone = lab.enroll("alice")?.phone;
        let rotation = lab.sh("mfactl master-key rotate > /root/rotate.log 2>&1 & \
            until journalctl -q -o cat -u mfa-daemon | grep -q 'rows are sealed anew'; do :; done
            systemctl kill --signal=KILL mfa-daemon.service; wait $!; echo $?; cat /root/rotate.log")?;
        log_in(&lab, "alice", &phone.code())?;
        let output = lab.run(ROTATE)?;
        assert_eq!(output.code, 0, "{rotation} {output}");
        // Whether the first one saw it to its end is left to it; each finished change is one number more.
        let keys = lab.sh(KEYS)?;
        assert!(["master-key-2", "master-key-3"].contains(&keys.trim()), "{rotation} {keys}");
        log_in(&lab, "alice", &phone.code())?;
        let enrolled = lab.run(["mfactl", "status", "--json"])?.json()?;
        assert_eq!(enrolled["enrolled"], MANY + 1, "{enrolled}");
        // All of it opens.
        lab.run(["mfactl", "export", "/root/again.age", "--recipient", "/root/key.pub"])?.success()?;
        Ok(())
    }

    fn a_master_key_that_does_not_open_any_more_is_found_and_replaced_from_paper(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let lines = printed(&lab)?;
        // As after another board, or another TPM.
        let spoil = "cd /etc/mfa/credentials && head -c 60 master-key > /root/cut && cat /root/cut > master-key";
        lab.sh(spoil)?;
        let found = lab.run(["mfactl", "doctor"])?.refused()?.stdout.replace('\n', " ");
        must_hold(&found, &["/etc/mfa/credentials/master-key does not open on this machine", "mfactl master-key enter"])?;
        lab.sh("systemctl restart mfa-daemon.service || true")?;
        let (code, screen) = enter(&lab, &lines)?;
        assert_eq!(code, 0, "{screen}");
        must_hold(&screen, &["does not open on this machine", "Master key 1 is there again."])?;
        lab.sh("systemctl restart mfa-daemon.service")?;
        log_in(&lab, "alice", &phone.code())?;
        must_hold(&lab.run(["mfactl", "status"])?.success()?.stdout, &["Healthy."])
    }

    fn a_lost_master_key_is_typed_in_again_from_paper(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let shown = lab.run(["mfactl", "master-key", "recovery-copy"])?.success()?.stdout;
        let lines = printed(&lab)?;
        must_hold(&shown, &lines.iter().map(String::as_str).collect::<Vec<_>>())?;
        must_hold(&shown, &["Master key 1 of ", "keep it in a safe"])?;
        let (code, screen) = enter(&lab, &lines)?;
        assert_eq!(code, 1, "{screen}");
        must_hold(&screen, &["There is a master key 1 already; it stays."])?;

        lab.sh("systemctl stop mfa-daemon.service; rm /etc/mfa/credentials/* /var/lib/mfa/master-key* -f
            systemctl start mfa-daemon.service || true")?;
        let status = lab.run(["mfactl", "status"])?;
        assert_ne!(status.code, 0, "{status}");
        must_hold(&status.to_string().replace('\n', " "), &["mfactl master-key enter"])?;
        let mut refused = password_given(&lab, "alice")?;
        refused.expect_denied()?;
        let mut slip = lines.clone();
        slip[1] = slip[1].chars().rev().collect();
        let (code, screen) = enter(&lab, &slip)?;
        assert_eq!(code, 1, "{screen}");
        must_hold(&screen, &["compare it letter by letter"])?;
        assert!(!screen.contains(&lines[0]), "{screen}");
        let (code, screen) = enter(&lab, &lines)?;
        assert_eq!(code, 0, "{screen}");
        must_hold(&screen, &["Master key 1 is there again."])?;
        lab.sh("systemctl restart mfa-daemon.service")?;
        be_refused(&lab, "alice", &phone.last_code())?;
        log_in(&lab, "alice", &phone.code())?;
        must_hold(&lab.run(["mfactl", "status"])?.success()?.stdout, &["Healthy."])
    }
}
