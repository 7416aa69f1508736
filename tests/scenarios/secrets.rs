//! Where secrets are, and who can read them: the daemon alone. And what the daemon itself may do: nearly nothing.

use harness::{Lab, Outcome, Release, Service, Stack, on_each_release};

use crate::steps::{PASSWORD, must_hold, web};

/// Runs a line in the daemon's own namespaces, as its user and with its (few) rights.
fn inside_the_sandbox(lab: &Lab, line: &str) -> Outcome<harness::Output> {
    let enter = "nsenter --all --target \"$(systemctl show --property=MainPID --value mfa-daemon)\" -- \
                 setpriv --reuid=_mfa --regid=_mfa --clear-groups --bounding-set=-all --no-new-privs sh -c \"$0\"";
    Ok(lab.run(["sh", "-c", enter, line])?)
}

/// What the kernel says about the daemon.
fn status_of_the_daemon(lab: &Lab) -> Outcome<String> {
    Ok(lab.sh("cat /proc/$(systemctl show --property=MainPID --value mfa-daemon)/status")?)
}

on_each_release! {
    fn their_owner_cannot_read_what_the_daemon_keeps(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        for path in ["/var/lib/mfa", "/etc/mfa/credentials", "/run/credentials/mfa-daemon.service"] {
            lab.run(["test", "-d", path])?.success()?;
            lab.run_as("alice", ["ls", path])?.refused()?;
        }
        let readable = "find / -xdev \\( -path /proc -o -path /sys \\) -prune -o -readable -type f -print";
        let readable = lab.run_as("alice", ["sh", "-c", &format!("{readable} 2>/dev/null || true")])?.success()?.stdout;
        for line in readable.lines() {
            assert!(!line.starts_with("/var/lib/mfa") && !line.starts_with("/etc/mfa/credentials"), "{line}");
        }
        Ok(())
    }

    fn the_store_holds_no_secret_in_the_clear(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let alice = lab.enroll("alice")?;
        let secret = &alice.phone.account().secret;
        let store = format!("/proc/{}/root/var/lib/mfa", lab.leader());
        let mut bytes = 0;
        for file in std::fs::read_dir(store)? {
            let content = std::fs::read(file?.path())?;
            bytes += content.len();
            assert!(!content.windows(secret.len()).any(|window| window == secret), "the secret is there as it is");
            for code in &alice.backup_codes {
                let bare = code.replace('-', "");
                for spelled in [code, &bare] {
                    let spelled = spelled.as_bytes();
                    assert!(!content.windows(spelled.len()).any(|window| window == spelled), "a backup code is there");
                }
            }
        }
        assert!(bytes > 0);
        Ok(())
    }

    fn nobody_looks_into_the_processes_that_hold_a_secret(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut setup = lab.pty_as("alice", ["mfa-enroll", "add", "totp"])?;
        setup.expect("Verification code: ")?;
        let look = "for process in /proc/[0-9]*; do \
                        name=$(cat $process/comm 2>/dev/null) || continue; \
                        case $name in mfa-*) ;; *) continue ;; esac; \
                        echo \"found $name\"; \
                        for part in mem environ maps fd/0; do cat $process/$part >/dev/null 2>&1 && echo \"$name $part\"; done; \
                    done; true";
        // Nor may another process of the daemon's own user.
        for user in ["alice", "_mfa"] {
            let seen = lab.run(["setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-c", look])?.success()?.stdout;
            must_hold(&seen, &["found mfa-daemon", "found mfa-enroll"])?;
            let open: Vec<&str> = seen.lines().filter(|line| !line.starts_with("found ")).collect();
            assert_eq!(open, [""; 0], "{user}");
        }
        let limits = lab.sh("systemctl show --property=LimitCORE,MemorySwapMax mfa-daemon")?;
        must_hold(&limits, &["LimitCORE=0", "MemorySwapMax=0"])
    }

    fn no_secret_is_in_a_command_line_an_environment_or_the_log_however_talkative(release: Release) -> Outcome {
        let talkative = Stack::password_then_code().with("debug");
        let lab = web(release).pam(Service::Sshd, talkative).sshd("LogLevel DEBUG3").boot()?;
        let mut setup = lab.pty_as("alice", ["mfa-enroll", "add", "totp"])?;
        setup.expect("Verification code: ")?;
        setup.send_line("t")?;
        setup.expect("secret=")?;
        setup.expect("\n")?;
        let link = setup.transcript().split_whitespace().find(|word| word.starts_with("otpauth://"));
        let mut phone = harness::Phone::scan(link.unwrap_or_default())?;
        let secret = link.unwrap_or_default().split_once("secret=").unwrap_or_default().1;
        let secret = secret.split('&').next().unwrap_or_default().to_owned();
        assert!(secret.len() >= 32, "{secret}");
        setup.answer("Verification code: ", &phone.code())?;
        setup.expect("Backup codes")?;
        let right = phone.code();
        let wrong = "7f3a9c21e5b8d640";
        let mut login = lab.ssh("alice")?;
        login.answer("Password: ", PASSWORD)?;
        login.answer("Verification code: ", wrong)?;
        login.answer("Verification code: ", &right)?;
        login.expect_shell()?;
        // While she is in: sshd's processes and her shell are there.
        let processes = lab.sh("cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ | tr '\\0' ' '")?;
        let journal = lab.journal(None)?;
        must_hold(&journal, &["debug1: ", "connected to the mfa daemon"])?;
        for needle in [&secret, "otpauth", PASSWORD, wrong, &format!(" {right} "), &format!("\"{right}\"")] {
            assert!(!processes.contains(needle) && !journal.contains(needle), "{needle}: {journal}");
        }
        Ok(())
    }

    fn the_daemon_is_nobody_in_particular_and_can_do_nothing(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        let status = status_of_the_daemon(&lab)?;
        let uid = lab.sh("id -u _mfa")?;
        let uid = uid.trim();
        must_hold(&status, &[
            &format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}"),
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ])
    }

    fn the_daemon_sees_no_network_no_homes_and_no_devices(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        let network = "nsenter --net --target \"$(systemctl show --property=MainPID --value mfa-daemon)\" \
                       cat /proc/self/net/dev; systemctl show --property=RestrictAddressFamilies mfa-daemon";
        let network = lab.sh(network)?;
        let mut lines = network.lines().skip(2).map(str::trim);
        assert!(lines.next().is_some_and(|line| line.starts_with("lo: ")), "{network}");
        assert_eq!(lines.collect::<Vec<_>>(), ["RestrictAddressFamilies=AF_UNIX"]);
        let seen = inside_the_sandbox(&lab, "ls /dev; ls -A /home /root 2>&1; ls -A /tmp; ls -d /proc/[0-9]*")?.stdout;
        let processes = seen.lines().filter(|line| line.starts_with("/proc/")).count();
        assert!(processes <= 3, "others' processes: {seen}");
        for absent in ["alice", "hidraw", "sda", "mem", "kmsg", "fuse"] {
            assert!(!seen.lines().any(|line| line == absent), "{absent}: {seen}");
        }
        Ok(())
    }

    fn the_daemon_can_write_its_state_and_nothing_else(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        inside_the_sandbox(&lab, "touch /var/lib/mfa/x && rm /var/lib/mfa/x")?.success()?;
        let script = "for place in / /etc /etc/mfa /usr /var /var/lib /var/log /run /run/mfa /home /root /boot /srv /opt; do \
                          touch $place/x 2>/dev/null && echo $place; done; true";
        assert_eq!(inside_the_sandbox(&lab, script)?.success()?.stdout, "");
        let modes = lab.sh("stat --format='%a %U %n' /var/lib/mfa /var/lib/mfa/* /run/mfa /run/mfa/* /etc/mfa/credentials")?;
        must_hold(&modes, &[
            "700 _mfa /var/lib/mfa\n",
            "600 _mfa /var/lib/mfa/mfa.db\n",
            "755 root /run/mfa\n",
            "666 root /run/mfa/mfa.sock\n",
            "600 root /run/mfa/root.sock\n",
            "700 root /etc/mfa/credentials\n",
        ])
    }
}
