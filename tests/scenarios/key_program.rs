//! The program that talks to USB keys, as systemd starts it: it answers whom it must, and can do nothing else. What it
//! makes of keys is told where keys are.

use harness::{Lab, LabBuilder, Outcome, Release, on_each_release};

use crate::steps::{bring_programs, must_hold, web};

const LIST: &str = "{\"method\":\"io.mfa.Key.List\",\"parameters\":{\"seconds\":2}}\n";
const SOCKET: &str = "/run/mfa/key.sock";

/// Asks which keys are plugged in as that user, who need not have a home.
fn list_as(lab: &Lab, user: &str) -> Outcome<harness::Output> {
    let [uid, gid] = [format!("--reuid={user}"), format!("--regid={user}")];
    Ok(lab.run_with_input(["setpriv", &uid, &gid, "--clear-groups", "frames", SOCKET], LIST)?)
}

/// A lab in which the unit runs that line in the program's place, sandbox and all, and answers with what it printed.
fn in_its_place(release: Release, line: &str) -> LabBuilder {
    let unit = "[Service]\nExecStart=\nExecStart=-/bin/sh /etc/look\nStandardOutput=socket\n";
    let look = format!("head -c 3 >/dev/null\n{{ {line}\n}} 2>&1 | tr '\\n' '|'\nprintf '\\0'\n");
    web(release).file("/etc/systemd/system/mfa-key@.service.d/look.conf", unit, 0o644).file("/etc/look", &look, 0o644)
}

/// What it printed, line by line.
fn looked(lab: &Lab) -> Outcome<String> {
    bring_programs(lab)?;
    Ok(lab.run_with_input(["frames", SOCKET], "{}\n")?.success()?.stdout.replace('|', "\n"))
}

on_each_release! {
    fn it_answers_root_and_the_daemon_and_nobody_else(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        let answer = "{\"parameters\":{\"outcome\":\"done\",\"keys\":[]}}";
        must_hold(&lab.run_with_input(["frames", SOCKET], LIST)?.success()?.stdout, &[answer])?;
        must_hold(&list_as(&lab, "_mfa")?.success()?.stdout, &[answer])?;
        for other in ["alice", "_mfa-key", "_mfa-mail"] {
            must_hold(&list_as(&lab, other)?.refused()?.stderr, &["PermissionDenied"])?;
        }
        // It has said nothing but its answers.
        let journal = lab.sh("journalctl --quiet --output=cat _COMM=mfa-key")?;
        assert_eq!(journal, "");
        Ok(())
    }

    fn it_is_nobody_in_particular_and_can_do_nothing(release: Release) -> Outcome {
        let lab = in_its_place(release, "cat /proc/self/status; ulimit -c").boot()?;
        let status = looked(&lab)?;
        let uid = lab.sh("id -u _mfa-key")?;
        let uid = uid.trim();
        must_hold(&status, &[
            &format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}"),
            "CapPrm:\t0000000000000000",
            "CapEff:\t0000000000000000",
            "CapBnd:\t0000000000000000",
            "CapAmb:\t0000000000000000",
            "NoNewPrivs:\t1",
            "Seccomp:\t2",
        ])?;
        assert!(status.trim_end().ends_with("\n0"), "{status}");
        Ok(())
    }

    fn it_has_no_network_and_not_even_a_socket_of_its_own(release: Release) -> Outcome {
        let socket = "perl -MSocket -e 'for (AF_UNIX, AF_INET, AF_INET6, 16) { \
                          print socket(my $s, $_, SOCK_STREAM, 0) ? \"socket $_\\n\" : \"none $_\\n\" }'";
        let lab = in_its_place(release, &format!("tail -n +3 /proc/self/net/dev; {socket}")).boot()?;
        let seen = looked(&lab)?;
        let interfaces: Vec<&str> = seen.lines().filter(|line| line.contains(": ")).collect();
        assert!(interfaces.len() <= 1 && interfaces.iter().all(|line| line.trim().starts_with("lo:")), "{seen}");
        assert_eq!(seen.matches("none ").count(), 4, "{seen}");
        assert!(!seen.contains("socket "), "{seen}");
        Ok(())
    }

    fn it_sees_no_store_no_settings_no_homes_and_no_other_process(release: Release) -> Outcome {
        let look = "for place in /var/lib/mfa /etc/mfa /home /root; do ls -A $place; done; cat /etc/shadow; \
                    ls -d /proc/[0-9]*";
        let lab = in_its_place(release, look).boot()?;
        lab.enroll("alice")?;
        let seen = looked(&lab)?;
        for absent in ["mfa.db", "policy.toml", "credentials", "alice", "root:"] {
            assert!(!seen.contains(absent), "{absent}: {seen}");
        }
        assert!(seen.matches("/proc/").count() <= 5, "others' processes: {seen}");
        Ok(())
    }

    fn it_can_write_nowhere_and_open_no_device_but_keys(release: Release) -> Outcome {
        let look = "for place in / /etc /usr /var /var/lib /var/log /run /run/mfa /dev /sys /boot /srv /opt; do \
                        touch $place/x 2>/dev/null && echo wrote $place; done; \
                    for device in kmsg mem fuse ptmx input/event0 loop-control; do \
                        (: </dev/$device) 2>/dev/null && echo opened $device; done; \
                    : </dev/null && ls -d /sys/class && echo looked";
        let lab = in_its_place(release, look).boot()?;
        let seen = looked(&lab)?;
        must_hold(&seen, &["/sys/class", "looked"])?;
        // Pseudo-terminals are nobody's in particular, and systemd's closed policy leaves them.
        assert!(!seen.contains("wrote ") && !seen.replace("opened ptmx", "").contains("opened "), "{seen}");
        let allowed = lab.sh("systemctl show --property=DevicePolicy --property=DeviceAllow mfa-key@x.service")?;
        must_hold(&allowed, &["DevicePolicy=closed", "DeviceAllow=char-hidraw rw"])
    }

    fn it_is_sandboxed_as_well_as_systemd_can_tell(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.sh("systemd-analyze security --threshold=15 mfa-key@x.service >/dev/null")?;
        Ok(())
    }
}
