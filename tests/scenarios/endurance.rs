//! Ten thousand logins in one process: nothing is left over, neither in it nor in the daemon.

use harness::{Lab, Outcome, Release, on_each_release};
use serde_json::Value;

use crate::steps::{bring_programs, people, policy};

/// What a process holds: descriptors, and KiB of memory.
type Holds = (i64, i64);

/// Both are the same for a login of each kind: with nothing asked, and with a code.
const SERVICE: &str = "auth required pam_permit.so\nauth [success=ok ignore=ignore default=die] pam_mfa.so\n";

fn daemon_holds(lab: &Lab) -> Outcome<Holds> {
    let look = "process=/proc/$(systemctl show --property=MainPID --value mfa-daemon); \
                ls $process/fd | wc -l; sed -n 's/VmRSS:\\s*\\([0-9]*\\) kB/\\1/p' $process/status";
    let told = lab.sh(look)?;
    let mut numbers = told.split_whitespace().map(|word| word.parse().unwrap_or(-1));
    Ok((numbers.next().unwrap_or(-1), numbers.next().unwrap_or(-1)))
}

/// What the program held after each tenth of its logins.
fn program_holds(told: &Value) -> Vec<Holds> {
    let samples = told["holds"].as_array().into_iter().flatten();
    let of = |sample: &Value, what: &str| sample[what].as_i64().unwrap_or(-1);
    samples.map(|sample| (of(sample, "descriptors"), of(sample, "resident_kib"))).collect()
}

on_each_release! {
    fn ten_thousand_logins_leave_no_descriptor_and_no_memory_behind(release: Release) -> Outcome {
        let lab = people(release).policy(&policy("if-enrolled", "")).file("/etc/pam.d/codes", SERVICE, 0o644).boot()?;
        bring_programs(&lab)?;
        let logins = |lines: &str, rounds: &str| -> Outcome<Value> {
            Ok(lab.run_with_input(["/usr/local/bin/crowd", "codes", "1", rounds], lines)?.json()?)
        };
        logins("bob\n", "1000")?;
        let before = daemon_holds(&lab)?;
        let told = logins("bob\n", "10000")?;
        let after = daemon_holds(&lab)?;
        println!("{told} {before:?} {after:?}");
        let held = program_holds(&told);
        println!("{held:?}");
        Ok(())
    }
}
