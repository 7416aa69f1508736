//! The record of what happened: an administrator reads it, watches it, and finds out that somebody wrote in it.

use harness::{Lab, Outcome, Release, on_each_release};

use crate::steps::{be_refused, log_in, must_hold, web};

fn mfactl(lab: &Lab, words: &[&str]) -> Outcome<String> {
    Ok(lab.run([&["mfactl"], words].concat())?.success()?.stdout)
}

/// Changes the database behind the daemon's back.
fn sqlite(lab: &Lab, statements: &str) -> Outcome {
    lab.run(["sqlite3", "-cmd", ".timeout 5000", "/var/lib/mfa/mfa.db", statements])?.success()?;
    Ok(())
}

/// What a check finds, and that it says so by its exit code, too.
fn found(lab: &Lab) -> Outcome<String> {
    let checked = lab.run(["mfactl", "audit", "verify"])?;
    assert_eq!(checked.code, 1, "{checked}");
    must_hold(&checked.stdout, &["NOT WHOLE"])?;
    Ok(checked.stdout)
}

on_each_release! {
    fn what_happened_is_shown_newest_last_with_who_did_it(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        be_refused(&lab, "alice", "000000")?;
        log_in(&lab, "alice", &phone.code())?;
        mfactl(&lab, &["policy", "reload"])?;
        let told = mfactl(&lab, &["audit", "--since", "1h"])?;
        must_hold(&told, &["site: started, version ", "alice added, phone app ", "alice wrong at sshd from "])?;
        must_hold(&told, &["alice passed at sshd from ", "site: policy-loaded, rules 0, by root with mfactl"])?;
        let (wrong, passed) = (told.find("alice wrong"), told.find("alice passed"));
        assert!(wrong < passed, "{told}");

        let of_alice = mfactl(&lab, &["audit", "--user", "alice", "--limit", "1"])?;
        assert!(of_alice.contains("alice passed") && of_alice.lines().count() == 1, "{of_alice}");
        let wrong = mfactl(&lab, &["audit", "--what", "wrong", "--json"])?;
        let wrong: serde_json::Value = serde_json::from_str(&wrong)?;
        assert_eq!((&wrong["record"]["user"], &wrong["record"]["service"]), (&"alice".into(), &"sshd".into()));
        let unknown = lab.run(["mfactl", "audit", "--what", "nonsense"])?;
        assert_eq!(unknown.code, 1, "{unknown}");
        must_hold(&unknown.stderr, &["policy-loaded", "passed"])
    }

    fn a_login_is_seen_as_it_comes_also_after_the_daemon_was_restarted(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut watching = lab.pty(["mfactl", "audit", "--follow", "--user", "alice"])?;
        watching.expect("alice added")?;
        log_in(&lab, "alice", &phone.code())?;
        watching.expect("alice passed at sshd from ")?;
        lab.sh("systemctl restart mfa-daemon")?;
        log_in(&lab, "alice", &phone.code())?;
        watching.expect("alice passed at sshd from ")?;
        watching.send("\x03")?;
        assert_ne!(watching.expect_closed()?, 0);
        Ok(())
    }

    fn a_record_that_somebody_changed_is_found(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        be_refused(&lab, "alice", "000000")?;
        lab.await_journal("audit head ")?;
        must_hold(&mfactl(&lab, &["audit", "verify"])?, &["none is missing.", "in the journal agree"])?;
        sqlite(&lab, "UPDATE audit SET what = 'skipped', record = CAST(replace(record, 'wrong', 'skipped') AS BLOB) \
                      WHERE what = 'wrong'")?;
        must_hold(&found(&lab)?, &["was changed, or another one put in its place."])
    }

    fn records_that_somebody_cut_off_are_found_by_the_journal(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        for code in ["000000", "111111"] {
            be_refused(&lab, "alice", code)?;
        }
        lab.sh("systemctl stop mfa-daemon")?;
        // Somebody who knows the database well, and not the journal.
        sqlite(&lab, "DELETE FROM audit WHERE seq >= (SELECT min(seq) FROM audit WHERE what = 'wrong'); \
                      UPDATE meta SET newest_time = (SELECT max(at) FROM audit)")?;
        lab.sh("systemctl start mfa-daemon")?;
        must_hold(&found(&lab)?, &["the journal has seen"])
    }

    fn what_any_user_writes_to_the_journal_is_no_head(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        lab.enroll("alice")?;
        let forged = format!("MESSAGE_ID=241f922b546e40a081ed19da38d75f7f\nMFA_AUDIT_HEAD=7:999999:{}\n", "0a".repeat(32));
        lab.run_as_with_input("bob", ["logger", "--journald"], &forged)?.success()?;
        must_hold(&mfactl(&lab, &["audit", "verify"])?, &["none is missing."])
    }
}
