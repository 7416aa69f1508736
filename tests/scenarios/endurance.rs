//! Ten thousand logins in one process: nothing is left over, neither in it nor in the daemon.

use harness::{Failure, Lab, Outcome, Release, on_each_release};
use serde_json::Value;

use crate::steps::{bring_programs, people, policy};

/// What a process holds: descriptors, and KiB of memory.
type Holds = (i64, i64);

/// Both are the same for a login of each kind: with nothing asked, and with a code.
const SERVICE: &str = "auth required pam_permit.so\nauth [success=ok ignore=ignore default=die] pam_mfa.so\n";

fn daemon_holds(lab: &Lab) -> Outcome<Holds> {
    let held = lab.daemon_holds()?.ok_or_else(|| Failure::new("there is no daemon"))?;
    Ok((held.descriptors, held.resident_kib))
}

/// What the program held after each tenth of its logins.
fn program_holds(told: &Value) -> Vec<Holds> {
    let samples = told["holds"].as_array().into_iter().flatten();
    let of = |sample: &Value, what: &str| sample[what].as_i64().unwrap_or(-1);
    samples.map(|sample| (of(sample, "descriptors"), of(sample, "resident_kib"))).collect()
}

/// Plays those logins in one process; what it held before, on the way and after.
fn play(lab: &Lab, logins: &str, rounds: &str) -> Outcome<(Value, Vec<Holds>)> {
    let told = lab.run_with_input(["/usr/local/bin/crowd", "codes", "4", rounds], logins)?.json()?;
    let held = program_holds(&told);
    Ok((told["codes"].clone(), held))
}

/// The C library keeps one descriptor, from the first line for the log on.
fn must_have_closed(held: &[Holds]) {
    let (Some((before, _)), Some((after, _))) = (held.first(), held.last()) else { panic!("nothing was held") };
    assert!((*before..=before + 1).contains(after), "descriptors: {held:?}");
}

on_each_release! {
    fn ten_thousand_logins_leave_no_descriptor_and_no_memory_behind(release: Release) -> Outcome {
        let lab = people(release).policy(&policy("if-enrolled", "")).file("/etc/pam.d/codes", SERVICE, 0o644).boot()?;
        bring_programs(&lab)?;
        let wrong = lab.enroll("alice")?.phone.wrong_code();
        // bob is asked nothing, alice is asked and refused.
        let logins = format!("bob\nbob\nbob\nalice\t{wrong}\n");
        // The daemon's caches fill up first.
        play(&lab, &logins, "2500")?;
        let before = daemon_holds(&lab)?;
        let (codes, held) = play(&lab, &logins, "2500")?;
        let after = daemon_holds(&lab)?;
        assert_eq!((&codes["0"], &codes["7"]), (&7500.into(), &2500.into()), "{codes}");
        must_have_closed(&held);
        assert!(held[9].1 - held[1].1 < 200, "memory in KiB: {held:?}");
        assert_eq!(before.0, after.0, "descriptors of the daemon");
        assert!(after.1 - before.1 < 512, "memory of the daemon in KiB: {before:?}, then {after:?}");
        Ok(())
    }

    fn hundreds_of_logins_with_codes_right_and_wrong_leave_no_descriptor_behind(release: Release) -> Outcome {
        let users: Vec<String> = (1..=25).map(|number| format!("user{number}")).collect();
        let made: String = users.iter().map(|user| format!("useradd --no-create-home {user}\n")).collect();
        let lab = people(release).file("/etc/pam.d/codes", SERVICE, 0o644).before_boot(&made).boot()?;
        bring_programs(&lab)?;
        let mut logins = String::new();
        for (user, mut enrolled) in users.iter().zip(lab.enroll_all(&users)?) {
            let wrong = enrolled.phone.wrong_codes(3).join("\t");
            let codes = enrolled.backup_codes.into_iter().chain([enrolled.phone.code()]);
            logins.extend(codes.map(|code| format!("{user}\t{code}\n")));
            logins += &format!("{user}\t{wrong}\n");
        }
        let before = daemon_holds(&lab)?;
        let (codes, held) = play(&lab, &logins, "1")?;
        assert_eq!((&codes["0"], &codes["7"]), (&275.into(), &25.into()), "{codes}");
        must_have_closed(&held);
        assert_eq!(before.0, daemon_holds(&lab)?.0, "descriptors of the daemon");
        Ok(())
    }
}
