//! Codes from the safe: the owner's way in while the daemon cannot decide, once each, and for nobody else.

use harness::{Lab, LabBuilder, Outcome, Release, Service, Stack, Terminal, on_each_release};

use crate::steps::{CODE, PASSWORD, must_hold, people, policy};

const STOP: &str = "systemctl stop mfa-daemon.socket mfa-daemon-root.socket mfa-daemon.service";
const START: &str = "systemctl start mfa-daemon.socket mfa-daemon-root.socket";
const FILE: &str = "/etc/mfa/break-glass/codes";

/// A lab where ssh, the console and `su` ask for a code, and root may come by password.
fn owned(release: Release) -> LabBuilder {
    people(release)
        .root_password(PASSWORD)
        .policy(&policy("always", ""))
        .pam(Service::Sshd, Stack::password_then_code())
        .pam(Service::Su, Stack::password_then_code())
        .sshd("PermitRootLogin yes")
}

/// Makes codes; gives them as they are on the page.
fn codes(lab: &Lab, more: &[&str]) -> Outcome<Vec<String>> {
    let words = ["mfactl", "break-glass", "create", "--json"].into_iter().chain(more.iter().copied());
    let made = lab.run(words)?.json()?;
    let codes = made["codes"].as_array().into_iter().flatten();
    Ok(codes.filter_map(|code| code["code"].as_str().map(str::to_owned)).collect())
}

fn states(lab: &Lab) -> Outcome<Vec<String>> {
    let status = lab.run(["mfactl", "break-glass", "status", "--json"])?.json()?;
    let codes = status["codes"].as_array().into_iter().flatten();
    Ok(codes.filter_map(|code| code["state"].as_str().map(str::to_owned)).collect())
}

fn password_given(lab: &Lab, user: &str) -> Outcome<Terminal> {
    let mut login = lab.ssh(user)?;
    login.answer("Password: ", PASSWORD)?;
    Ok(login)
}

/// Logs in by a code from the safe.
fn gets_in_by(lab: &Lab, user: &str, code: &str) -> Outcome<Terminal> {
    let mut login = password_given(lab, user)?;
    login.expect("The second factor cannot be checked now. A break-glass code works.")?;
    login.answer(&format!("Break-glass code for {user}: "), code)?;
    login.expect_shell()?;
    assert_eq!(login.run("id -un")?, user);
    Ok(login)
}

/// Whoever is not asked for such a code, and not let in.
fn is_refused_unasked(lab: &Lab, user: &str) -> Outcome {
    let said = password_given(lab, user)?.expect_denied()?;
    assert!(!said.contains("Break-glass"), "{said}");
    Ok(())
}

/// What the daemon said when it made records of uses: one line each.
fn uses_on_record(lab: &Lab) -> Outcome<Vec<String>> {
    let journal = lab.journal(Some("mfa-daemon"))?;
    Ok(journal.lines().filter(|line| line.starts_with("break-glass-used ")).map(str::to_owned).collect())
}

on_each_release! {
    fn with_the_daemon_down_a_code_from_the_safe_lets_root_in_once(release: Release) -> Outcome {
        let lab = owned(release).boot()?;
        let page = lab.run(["mfactl", "break-glass", "create"])?.success()?.stdout;
        must_hold(&page, &["BREAK-GLASS CODES of ", "Keep this page in a safe.", "For root, ", "  [ ]    1   "])?;
        let code = page.lines().find_map(|line| line.strip_prefix("  [ ]    1   ")).unwrap_or_default().to_owned();
        lab.sh(STOP)?;
        gets_in_by(&lab, "root", &code)?;
        let alarm = lab.await_journal("LET IN BY BREAK-GLASS CODE 1: the mfa daemon is not running; user=root")?;
        assert!(alarm.contains("service=sshd rhost=127.0.0.1"), "{alarm}");
        let raised = lab.sh("journalctl --quiet -p alert SYSLOG_FACILITY=10 --output=cat --grep 'CODE 1'")?;
        assert!(raised.contains("LET IN BY BREAK-GLASS CODE 1"), "{raised}");

        let mut again = password_given(&lab, "root")?;
        again.answer("Break-glass code for root: ", &code)?;
        again.expect("Code 1 was used or voided before. Take another.")?;
        again.answer("Break-glass code for root: ", "")?;
        again.expect_denied()?;
        // Nobody but those the codes are for is asked for one.
        is_refused_unasked(&lab, "alice")?;
        let shown = lab.run(["mfactl", "break-glass", "status"])?.success()?.stdout;
        must_hold(&shown, &["4 left for root", "as root, sshd from 127.0.0.1", "unused"])?;
        assert!(!page.lines().any(|line| line.chars().count() > 80) && !shown.contains(&code), "{page}");
        Ok(())
    }

    fn a_used_code_stays_used_when_the_machine_starts_anew(release: Release) -> Outcome {
        let mut lab = owned(release).on_disk("/etc/mfa/break-glass").boot()?;
        lab.sh("chmod 700 /etc/mfa/break-glass")?;
        let codes = codes(&lab, &["--count", "2"])?;
        lab.sh(STOP)?;
        gets_in_by(&lab, "root", &codes[0])?;
        lab.reboot()?;
        lab.sh(STOP)?;
        let mut again = password_given(&lab, "root")?;
        again.answer("Break-glass code for root: ", &codes[0])?;
        again.expect("Code 1 was used or voided before.")?;
        again.answer("Break-glass code for root: ", &codes[1])?;
        again.expect_shell()?;
        assert_eq!(states(&lab)?, ["used", "used"]);
        Ok(())
    }

    fn with_a_broken_policy_a_code_lets_in_and_the_daemon_hears_of_it_once(release: Release) -> Outcome {
        let lab = owned(release).policy("[defaults]\nrequire = \"sometimes\"\n").boot()?;
        let codes = codes(&lab, &["--for", "alice", "root", "--count", "3"])?;
        gets_in_by(&lab, "alice", &codes[0])?;
        let mut root = gets_in_by(&lab, "root", &codes[1])?;
        root.run("printf '[defaults]\\nrequire = \"always\"\\n' >/etc/mfa/policy.toml")?;
        root.run("systemctl reload mfa-daemon")?;
        // Mended: nobody is asked for such a code any more, and a denial is one.
        let mut phone = lab.enroll("bob")?.phone;
        let mut login = password_given(&lab, "bob")?;
        for wrong in phone.wrong_codes(3) {
            login.answer(CODE, &wrong)?;
        }
        let said = login.expect_denied()?;
        assert!(!said.contains("Break-glass"), "{said}");
        let _ = phone.code();

        lab.run(["mfactl", "reconcile"])?.success()?;
        for _ in 0..2 {
            lab.run(["mfactl", "break-glass", "status"])?.success()?;
        }
        let used = uses_on_record(&lab)?;
        assert_eq!(used.len(), 2, "{used:?}");
        must_hold(&used[0], &["account=alice code=1 "])?;
        must_hold(&used[1], &["account=root code=2 "])?;
        Ok(())
    }

    fn a_daemon_that_hangs_is_given_up_in_time_for_a_code(release: Release) -> Outcome {
        let lab = owned(release).pam(Service::Sshd, Stack::password_then_code().with("timeout=5")).boot()?;
        let codes = codes(&lab, &["--count", "1"])?;
        lab.sh("mfactl status >/dev/null && systemctl kill -s STOP mfa-daemon.service")?;
        let mut login = password_given(&lab, "root")?;
        login.answer("Break-glass code for root: ", "wrong")?;
        login.expect("That is mistyped: a break-glass code has seven groups of four.")?;
        login.answer("Break-glass code for root: ", &codes[0])?;
        login.expect_shell()?;
        lab.sh("systemctl kill -s CONT mfa-daemon.service")?;
        Ok(())
    }

    fn a_plain_user_can_neither_read_the_codes_nor_is_asked_for_one(release: Release) -> Outcome {
        let lab = owned(release).file("/etc/pam.d/locker", "auth required pam_mfa.so\n", 0o644).boot()?;
        codes(&lab, &["--for", "alice"])?;
        lab.run_as("alice", ["cat", FILE])?.refused()?;
        lab.run_as("alice", ["ls", "/etc/mfa/break-glass"])?.refused()?;
        lab.run_as("alice", ["mfactl", "break-glass", "status"])?.refused()?;
        lab.run_as("alice", ["mfactl", "break-glass", "create"])?.refused()?;
        let modes = lab.run(["stat", "-c", "%U:%G %a", "/etc/mfa/break-glass", FILE])?.success()?.stdout;
        assert_eq!(modes, "root:root 700\nroot:root 600\n");
        // Nor can the daemon.
        lab.run(["runuser", "-u", "_mfa", "--", "cat", FILE])?.refused()?;
        lab.sh(STOP)?;
        let mut locker = lab.pty_as("alice", ["pamtester", "locker", "alice", "authenticate"])?;
        let said = locker.expect_denied()?;
        assert!(!said.contains("Break-glass"), "{said}");
        // By a program of root's she may have, it is the code that counts.
        let mut su = lab.pty_as("bob", ["su", "alice"])?;
        su.answer("Password: ", PASSWORD)?;
        for _ in 0..3 {
            su.answer("Break-glass code for alice: ", "2222-2222-2222-2222-2222-2222-2222")?;
        }
        su.expect_denied()?;
        Ok(())
    }

    fn of_two_logins_with_one_code_one_gets_in(release: Release) -> Outcome {
        let lab = owned(release).boot()?;
        let codes = codes(&lab, &["--count", "1"])?;
        lab.sh(STOP)?;
        let mut logins = (0..2).map(|_| password_given(&lab, "root")).collect::<Outcome<Vec<_>>>()?;
        for login in &mut logins {
            login.expect("Break-glass code for root: ")?;
        }
        for login in &mut logins {
            login.send_line(&codes[0])?;
        }
        let mut inside = 0;
        for login in &mut logins {
            let (which, _) = login.expect_any(&["Take another.", "is used up", "$ ", "# "])?;
            inside += usize::from(which > 0);
        }
        assert_eq!(inside, 1);
        assert_eq!(states(&lab)?, ["used"]);
        Ok(())
    }

    fn a_code_that_cannot_be_struck_out_lets_nobody_in(release: Release) -> Outcome {
        let lab = owned(release).boot()?;
        let codes = codes(&lab, &["--count", "1"])?;
        lab.sh(STOP)?;
        lab.sh("mount --bind /etc/mfa/break-glass /etc/mfa/break-glass && mount -o remount,bind,ro /etc/mfa/break-glass")?;
        let mut login = password_given(&lab, "root")?;
        login.answer("Break-glass code for root: ", &codes[0])?;
        login.expect_denied()?;
        lab.await_journal("a break-glass code was given and does not count: their file cannot be opened")?;
        lab.sh("umount /etc/mfa/break-glass && chmod 640 /etc/mfa/break-glass/codes")?;
        is_refused_unasked(&lab, "root")?;
        lab.await_journal("break-glass codes cannot be used: their file could have been")?;
        let told = lab.run(["mfactl", "break-glass", "status"])?.refused()?;
        must_hold(&told.stderr, &["could have been read or written", "mfactl break-glass create"])?;
        lab.sh("chmod 600 /etc/mfa/break-glass/codes")?;
        gets_in_by(&lab, "root", &codes[0])?;
        Ok(())
    }

    fn unavailable_allow_and_require_publickey_come_before_any_code(release: Release) -> Outcome {
        let lab = owned(release).pam(Service::Sshd, Stack::password_then_code().with("unavailable=allow")).boot()?;
        codes(&lab, &["--for", "alice", "root"])?;
        lab.sh(STOP)?;
        let before = password_given(&lab, "alice")?.expect_shell()?;
        assert!(!before.contains("Break-glass"), "{before}");

        let lab = owned(release).pam(Service::Sshd, Stack::code_alone().with("require_publickey")).boot()?;
        codes(&lab, &["--for", "alice", "root"])?;
        lab.sh(STOP)?;
        let said = lab.ssh("alice")?.expect_denied()?;
        assert!(!said.contains("Break-glass"), "{said}");
        Ok(())
    }

    fn a_lost_page_is_voided_and_new_codes_are_counted_on(release: Release) -> Outcome {
        let lab = owned(release).boot()?;
        let old = codes(&lab, &["--count", "2"])?;
        let mut question = lab.pty(["mfactl", "break-glass", "void"])?;
        question.answer("Void 2 unused codes?", "y")?;
        question.expect("2 codes of the page in the safe no longer let anybody in.")?;
        let new = codes(&lab, &["--count", "1"])?;
        lab.sh(STOP)?;
        let mut login = password_given(&lab, "root")?;
        login.answer("Break-glass code for root: ", &old[0])?;
        login.expect("That is not a break-glass code that works here.")?;
        login.answer("Break-glass code for root: ", &new[0])?;
        login.expect_shell()?;
        let status = lab.run(["mfactl", "break-glass", "status", "--json"])?.json()?;
        assert_eq!((&status["codes"][0]["number"], &status["left"]["root"]), (&3.into(), &0.into()), "{status}");
        lab.sh(START)?;
        let nobody = lab.run(["mfactl", "break-glass", "create", "--for", "mallory"])?.refused()?;
        must_hold(&nobody.stderr, &["There is no account mallory."])?;
        Ok(())
    }
}
