//! The packages are replaced by the next version, and by the one before, while people log in: who should get in does,
//! who should not does not, and who is in stays in.

use std::thread::scope;

use harness::{Ended, Enrolled, Failure, Knock, Lab, Outcome, Release, on_each_release};

use crate::packages::{apt, bring, clean, install};
use crate::steps::{CODE, PASSWORD, all_at_once, bring_programs, log_in, must_hold, password_given};

/// How many people log in all the while, each with ten codes that work once.
const PEOPLE: usize = 24;

/// A person's codes, and how many of them are used.
struct Person {
    name: String,
    codes: Vec<String>,
}

/// Codes that nobody has used, a person at a time.
struct Crowd {
    people: Vec<Person>,
    next: usize,
    /// A code of bob's that has let him in once.
    used: String,
}

impl Crowd {
    fn enroll(lab: &Lab) -> Outcome<Self> {
        let names: Vec<String> = (0..PEOPLE).map(|number| format!("user{number}")).collect();
        let enrolled: Vec<Enrolled> = lab.enroll_all(&names)?;
        let person = |(name, enrolled): (String, Enrolled)| Person { name, codes: enrolled.backup_codes };
        let used = lab.enroll("bob")?.backup_codes.swap_remove(0);
        log_in(lab, "bob", &used)?;
        Ok(Self { people: names.into_iter().zip(enrolled).map(person).collect(), next: 0, used })
    }

    /// Somebody, and a code of theirs.
    fn pass(&mut self) -> Outcome<(String, String)> {
        self.next += 1;
        let person = &mut self.people[self.next % PEOPLE];
        let code = person.codes.pop().ok_or_else(|| Failure::new("the codes did not last as long as the upgrade"))?;
        Ok((person.name.clone(), code))
    }
}

/// One moment of the day: somebody comes over ssh, three more with a right code; as bob come a used one and a guess.
fn some_logins(lab: &Lab, crowd: &mut Crowd) -> Outcome {
    let (user, code) = crowd.pass()?;
    log_in(lab, &user, &code)?;
    let right = [crowd.pass()?, crowd.pass()?, crowd.pass()?];
    let mut knocks: Vec<Knock<'_>> =
        right.iter().map(|(user, code)| Knock { user, answers: vec![PASSWORD, code, "", ""] }).collect();
    for wrong in [crowd.used.as_str(), "AAAA-BBBB-CCCC"] {
        knocks.push(Knock { user: "bob", answers: vec![PASSWORD, wrong, "", ""] });
    }
    let ended = all_at_once(lab, "sshd", &knocks)?;
    let got_in: Vec<bool> = ended.iter().map(Ended::is_in).collect();
    if got_in == [true, true, true, false, false] { Ok(()) } else { Err(Failure::new(format!("{ended:?}"))) }
}

fn refused_for_want_of_a_factor(lab: &Lab) -> Outcome {
    let mut login = password_given(lab, "bob")?;
    login.answer("Press Enter. ", "")?;
    login.expect_denied()?;
    Ok(())
}

/// Which version is installed, and that the daemon is of it: it runs a program that is still there.
fn version(lab: &Lab) -> Outcome<String> {
    let program = lab.sh("readlink /proc/$(systemctl show --property=MainPID --value mfa-daemon)/exe")?;
    assert_eq!(program.trim(), "/usr/libexec/mfa/mfa-daemon");
    Ok(lab.sh("dpkg-query --show --showformat='${Version} ' mfa libpam-mfa")?.trim().to_owned())
}

on_each_release! {
    fn during_an_upgrade_and_a_downgrade_nobody_is_refused_who_should_pass_and_nobody_passes_who_should_not(
        release: Release
    ) -> Outcome {
        let lab = (0..PEOPLE).fold(clean(release), |lab, number| lab.user(&format!("user{number}"), PASSWORD)).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        bring_programs(&lab)?;
        let mut crowd = Crowd::enroll(&lab)?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut held = log_in(&lab, "alice", &phone.code())?;
        let before = version(&lab)?;

        for edition in ["next", "now"] {
            let folder = bring(&lab, edition)?;
            let (waiting, code) = crowd.pass()?;
            let mut waiter = password_given(&lab, &waiting)?;
            waiter.expect(CODE)?;
            let replace = format!("install --no-install-recommends --allow-downgrades {folder}/*.deb");
            let moments = scope(|threads| -> Outcome<usize> {
                let replacing = threads.spawn(|| apt(&lab, &replace));
                let mut moments = 0;
                while !replacing.is_finished() {
                    some_logins(&lab, &mut crowd)?;
                    moments += 1;
                }
                replacing.join().map_err(|_| Failure::new("the upgrade's thread ended early"))??.success()?;
                Ok(moments)
            })?;
            assert!(moments > 0);
            some_logins(&lab, &mut crowd)?;
            // Whoever was at the question when the daemon was replaced answers the new one.
            waiter.send_line(&code)?;
            waiter.expect_shell()?;
            assert_eq!(version(&lab)? == before, edition == "now");
            assert_eq!(held.run("id -un")?, "alice");
        }
        assert_eq!(lab.run(["systemctl", "is-system-running"])?.stdout.trim(), "running");
        Ok(())
    }

    fn a_policy_that_was_edited_stays_through_an_upgrade(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let edited = "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\n";
        lab.write("/etc/mfa/policy.toml", edited, 0o644)?;
        lab.sh("systemctl reload mfa-daemon")?;
        refused_for_want_of_a_factor(&lab)?;
        install(&lab, "next")?;
        assert_eq!(lab.read("/etc/mfa/policy.toml")?, edited);
        refused_for_want_of_a_factor(&lab)
    }

    fn an_upgrade_does_not_restart_the_daemon_into_settings_that_would_refuse_everybody(release: Release) -> Outcome {
        let lab = clean(release).boot()?;
        install(&lab, "now")?;
        lab.sh("pam-auth-update --enable mfa")?;
        let mut phone = lab.enroll("alice")?.phone;
        // Nobody has reloaded it, so nobody was told; or root has taken it from the daemon's user.
        for slip in ["echo 'requier = \"always\"' >> /etc/mfa/policy.toml", "chmod 600 /etc/mfa/policy.toml"] {
            lab.sh(slip)?;
            must_hold(&lab.run(["mfactl", "doctor"])?.refused()?.stdout, &["the next start of the daemon"])?;
            let before = lab.sh("systemctl show --value --property=MainPID mfa-daemon")?;
            let said = apt(&lab, "install --reinstall --no-install-recommends /root/now/mfa_*.deb")?.success()?;
            must_hold(&said.to_string().replace('\n', " "), &["mfa-daemon was not restarted, and the old one goes on"])?;
            assert_eq!(lab.sh("systemctl show --value --property=MainPID mfa-daemon")?, before);
            log_in(&lab, "alice", &phone.code())?;
            lab.sh("sed -i /requier/d /etc/mfa/policy.toml; chmod 644 /etc/mfa/policy.toml")?;
        }
        Ok(())
    }
}
