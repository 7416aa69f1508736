//! The daemon is down, hangs, is full, restarts, is killed: nobody gets in for it, nobody waits for ever, and the next
//! login works.

use std::time::{Duration, Instant};

use harness::{Lab, LabBuilder, Outcome, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, be_refused, log_in, must_hold, password_given, policy, web};

const DOWN: &str = "systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service";

/// A lab whose ssh logins may take three seconds.
fn hasty(release: Release) -> LabBuilder {
    web(release).pam(Service::Sshd, Stack::password_then_code().with("timeout=3"))
}

/// Waits for the denial of a login that was given the password; how long that took.
fn denied_after(mut login: Terminal) -> Outcome<Duration> {
    let begun = Instant::now();
    login.expect_denied()?;
    Ok(begun.elapsed())
}

/// Three seconds, and what a loaded machine may add.
fn must_be_in_time(took: Duration) {
    assert!((2..20).contains(&took.as_secs()), "{took:?}");
}

fn daemon_pid(lab: &Lab) -> Outcome<String> {
    Ok(lab.sh("systemctl show --property=MainPID --value mfa-daemon.service")?.trim().to_owned())
}

/// Starts the daemon, which a socket has not needed yet, and stops it in its tracks.
fn freeze(lab: &Lab) -> Outcome {
    lab.run(["mfactl", "status"])?.success()?;
    lab.sh("systemctl kill --signal=STOP mfa-daemon.service")?;
    Ok(())
}

on_each_release! {
    fn with_nothing_listening_nobody_logs_in_and_the_log_says_why(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        lab.sh(DOWN)?;
        for user in ["alice", "bob"] {
            password_given(&lab, user)?.expect_denied()?;
        }
        must_hold(&lab.journal(None)?, &["refused: the mfa daemon is not running; user=bob service=sshd"])?;
        let status = lab.run(["mfactl", "status"])?;
        assert_eq!(status.code, 3, "{status}");
        must_hold(&status.stderr, &["The mfa daemon is not running.", "systemctl start mfa-daemon.socket"])
    }

    fn unavailable_allow_lets_in_with_the_password_and_alarms(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with("unavailable=allow");
        let lab = web(release).pam(Service::Sshd, stack).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.sh(DOWN)?;
        password_given(&lab, "alice")?.expect_shell()?;
        let alarms = lab.sh("journalctl --quiet --no-pager --output=cat --priority=alert")?;
        must_hold(&alarms, &["LET IN WITHOUT A SECOND FACTOR", "user=alice service=sshd"])?;
        lab.sh("systemctl start mfa-daemon.socket mfa-daemon-root.socket")?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn unavailable_allow_does_not_mean_a_daemon_that_hangs(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with("unavailable=allow timeout=3");
        let lab = web(release).pam(Service::Sshd, stack).boot()?;
        freeze(&lab)?;
        must_be_in_time(denied_after(password_given(&lab, "bob")?)?);
        Ok(())
    }

    fn a_daemon_that_hangs_denies_in_time_and_works_on_when_it_wakes(release: Release) -> Outcome {
        let lab = hasty(release).boot()?;
        freeze(&lab)?;
        must_be_in_time(denied_after(password_given(&lab, "bob")?)?);
        lab.await_journal("refused: the mfa daemon did not answer in time; user=bob")?;
        lab.sh("systemctl kill --signal=CONT mfa-daemon.service")?;
        password_given(&lab, "bob")?.expect_shell()?;
        Ok(())
    }

    fn a_full_backlog_denies_in_time(release: Release) -> Outcome {
        let small = "[Socket]\nBacklog=1\n";
        let lab = hasty(release)
            .file("/etc/systemd/system/mfa-daemon-root.socket.d/small.conf", small, 0o644)
            .boot()?;
        freeze(&lab)?;
        // These wait for their answers, and hold the few places there are.
        let _waiting: Vec<Terminal> =
            (0..3).map(|_| lab.pty(["pamtester", "codes", "bob", "authenticate"])).collect::<Result<_, _>>()?;
        lab.sh("until [ \"$(grep -c /run/mfa/root.sock /proc/net/unix)\" -ge 3 ]; do :; done")?;
        must_be_in_time(denied_after(password_given(&lab, "bob")?)?);
        lab.await_journal("refused: the mfa daemon did not take the connection in time; user=bob")?;
        Ok(())
    }

    fn a_login_that_waits_too_long_for_its_code_is_denied(release: Release) -> Outcome {
        let lab = hasty(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        lab.await_journal("abandoned user=alice")?;
        // The right code, too late.
        login.send_line(&phone.code())?;
        login.expect_denied()?;
        Ok(())
    }

    fn a_daemon_restarted_during_a_login_keeps_nobody_out_and_lets_nobody_in(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        lab.sh("systemctl restart mfa-daemon.service")?;
        // What was typed for the old daemon is weighed by the new one: it was never used.
        login.send_line(&phone.code())?;
        login.expect_shell()?;
        let mut again = password_given(&lab, "alice")?;
        again.expect(CODE)?;
        lab.sh("systemctl restart mfa-daemon.service")?;
        again.send_line(&phone.last_code())?;
        must_hold(&again.expect(CODE)?, &["That code was just used"])
    }

    fn a_killed_daemon_leaves_its_sockets_and_the_next_login_starts_it(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let before = daemon_pid(&lab)?;
        let mut login = password_given(&lab, "alice")?;
        login.expect(CODE)?;
        lab.sh("systemctl kill --signal=KILL mfa-daemon.service")?;
        log_in(&lab, "alice", &phone.code())?;
        assert_ne!(daemon_pid(&lab)?, before);
        // The one who waited is asked by the next daemon, too.
        login.send_line(&phone.last_code())?;
        must_hold(&login.expect(CODE)?, &["That code was just used"])?;
        // A used code stays used, whatever happens to the daemon.
        lab.sh("systemctl kill --signal=KILL mfa-daemon.service")?;
        let said = be_refused(&lab, "alice", &phone.last_code())?;
        must_hold(&said, &["That code was just used"])?;
        Ok(())
    }

    fn a_daemon_killed_again_and_again_never_closes_its_sockets(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        for _ in 0..12 {
            lab.sh("mfactl status >/dev/null && systemctl kill --signal=KILL mfa-daemon.service")?;
        }
        password_given(&lab, "bob")?.expect_shell()?;
        Ok(())
    }

    fn stopping_the_service_alone_does_not_open_a_door(release: Release) -> Outcome {
        let stack = Stack::password_then_code().with("unavailable=allow");
        let lab = web(release).pam(Service::Sshd, stack).policy(&policy("if-enrolled", "")).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        lab.sh("systemctl stop mfa-daemon.service 2>/dev/null")?;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }
}
