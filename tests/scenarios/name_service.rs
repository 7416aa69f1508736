//! The directory that accounts and groups come from fails or hangs, for the daemon at least: nothing it does not say is
//! taken for a no, and whoever is known without it logs in as ever.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use harness::{Failure, Lab, LabBuilder, Outcome, Release, Service, Stack, on_each_release};

use crate::steps::{CODE, PASSWORD, log_in, must_hold, password_given, people, policy};

/// What the daemon's directory does; the programs around it have one that works.
const SAID: &str = "/run/directory-of-the-daemon";

/// A lab where people come from the files and then from a directory: `ghost1`, `ghost2`, … and the group `spirits`.
fn with_directory(builder: LabBuilder) -> Outcome<Lab> {
    let lab = builder.file("/etc/systemd/system/mfa-daemon.service.d/directory.conf", &drop_in(), 0o644).boot()?;
    let library = compile()?;
    lab.install(&library.join("libnss_fake.so.2"))?;
    lab.sh("install -m 0755 /usr/local/bin/libnss_fake.so.2 \"/usr/lib/$(uname -m)-linux-gnu/\"")?;
    lab.write("/run/fake-name-service", "passwd ok\ngroup ok\n", 0o644)?;
    says(&lab, "ok", "ok")?;
    lab.sh("sed -i 's/^\\(passwd\\|group\\):.*/\\1: files fake systemd/' /etc/nsswitch.conf")?;
    lab.run(["getent", "passwd", "ghost1"])?.success()?;
    lab.sh("systemctl restart mfa-daemon.service")?;
    Ok(lab)
}

fn drop_in() -> String {
    format!("[Service]\nEnvironment=FAKE_NAME_SERVICE={SAID}\n")
}

/// Compiles the fake directory once a program run; each caller has a copy of its own.
fn compile() -> Outcome<std::path::PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("name-service");
    std::fs::create_dir_all(&folder)?;
    let fresh = folder.join(format!("{:?}", std::thread::current().id()));
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fakes/name_service.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).args([&fresh, &source]).status()?;
    if !compiled.success() {
        return Err(Failure::new("the fake name service does not compile"));
    }
    std::fs::rename(&fresh, folder.join("libnss_fake.so.2"))?;
    Ok(folder)
}

/// What the daemon's directory does from now on, and what it kept of before is forgotten.
fn says(lab: &Lab, passwd: &str, group: &str) -> Outcome {
    lab.write(SAID, &format!("passwd {passwd}\ngroup {group}\n"), 0o644)?;
    lab.sh("if systemctl is-active --quiet mfa-daemon; then systemctl reload mfa-daemon; fi")?;
    Ok(())
}

const SPIRITS: &str =
    "\n[[rule]]\nname = \"spirits\"\ngroups = [\"spirits\"]\nrequire = \"always\"\nenroll = \"deny\"\n";

on_each_release! {
    fn a_rule_for_a_group_holds_for_everybody_while_nobody_can_say_who_is_in_it(release: Release) -> Outcome {
        let builder = people(release).pam(Service::Sshd, Stack::password_then_code());
        let lab = with_directory(builder.policy(&policy("never", SPIRITS)))?;
        let mut phone = lab.enroll("bob")?.phone;
        password_given(&lab, "alice")?.expect_shell()?;
        for failure in ["unavail", "tryagain"] {
            says(&lab, "ok", failure)?;
            let mut login = password_given(&lab, "alice")?;
            login.expect("A second factor is required here")?;
            login.send_line("")?;
            login.expect_denied()?;
            log_in(&lab, "bob", &phone.code())?;
        }
        says(&lab, "ok", "ok")?;
        password_given(&lab, "alice")?.expect_shell()?;
        Ok(())
    }

    fn an_account_that_cannot_be_looked_up_is_not_one_that_never_enrolled(release: Release) -> Outcome {
        let lab = with_directory(people(release))?;
        let shown = ["mfactl", "user", "ghost2"];
        lab.run(shown)?.success()?;
        for failure in ["unavail", "tryagain"] {
            says(&lab, failure, "ok")?;
            lab.run(["pamtester", "codes", "ghost2", "authenticate"])?.refused()?;
            for asked in [&shown[..], &["mfactl", "reset", "ghost2", "--yes"]] {
                let output = lab.run(asked.iter().copied())?.refused()?;
                must_hold(&output.stderr, &["cannot be looked up"])?;
            }
        }
        must_hold(&lab.journal(None)?, &["cannot be looked up: the name service failed", "user=ghost2"])?;
        says(&lab, "ok", "ok")?;
        lab.run(shown)?.success()?;
        Ok(())
    }

    fn a_directory_that_hangs_denies_its_own_in_time_and_nobody_else(release: Release) -> Outcome {
        let lab = with_directory(people(release).pam(Service::Sshd, Stack::password_then_code()))?;
        let mut phone = lab.enroll("alice")?.phone;
        says(&lab, "hang", "hang")?;
        let begun = Instant::now();
        let mut hanging = (1..=5)
            .map(|number| lab.pty(["pamtester", "codes", &format!("ghost{number}"), "authenticate"]))
            .collect::<Result<Vec<_>, _>>()?;
        log_in(&lab, "alice", &phone.code())?;
        for login in &mut hanging {
            assert_ne!(login.expect_closed()?, 0);
        }
        let taken = begun.elapsed();
        assert!(taken < Duration::from_secs(40), "{taken:?}");
        // It ends in its time with threads that never come back.
        let stopping = Instant::now();
        lab.sh("systemctl restart mfa-daemon.service")?;
        assert!(stopping.elapsed() < Duration::from_secs(9), "{:?}", stopping.elapsed());
        says(&lab, "ok", "ok")?;
        let mut login = lab.ssh("alice")?;
        login.answer("Password: ", PASSWORD)?;
        login.answer(CODE, &phone.code())?;
        login.expect_shell()?;
        Ok(())
    }
}
