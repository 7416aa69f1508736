//! The administrators: they read, reload, break the policy and mend it, copy, restart, and pull the plug.

use std::time::Duration;

use harness::Outcome;

use crate::chance::Chance;
use crate::play::Play;
use crate::site::POLICIES;

/// Something they do.
type Work = fn(&Play, &mut Chance) -> Outcome;

const WORKS: [(usize, (&str, Work)); 7] = [
    (4, ("reloads", reload)),
    (1, ("bad policies", bad_policy)),
    (3, ("looks", look)),
    (1, ("copies", copy)),
    (1, ("chains verified", verify)),
    (2, ("restarts", restart)),
    (2, ("kills", kill)),
];

/// From here on nobody restarts it: what a daemon holds at the end shows what it keeps.
const QUIET: f64 = 0.6;

/// Works until it is over.
pub(crate) fn keep_working(play: &Play) {
    let mut chance = Chance::of(play.seed, u64::MAX);
    loop {
        play.pause(Duration::from_millis(1500 + 250 * chance.below(20) as u64));
        if play.is_over() {
            return;
        }
        let (name, work) = chance.one_of(&WORKS);
        if play.part() > QUIET && matches!(name, "restarts" | "kills") {
            continue;
        }
        match work(play, &mut chance) {
            Ok(()) => play.ledger.count(name),
            Err(failure) => play.ledger.broken("administrators can do their work", format!("{name}: {failure}")),
        }
    }
}

fn put_in_force(play: &Play, policy: &str) -> Outcome<i32> {
    play.lab.write("/etc/mfa/policy.toml", policy, 0o644)?;
    Ok(play.lab.run(["mfactl", "policy", "reload"])?.code)
}

fn reload(play: &Play, chance: &mut Chance) -> Outcome {
    match put_in_force(play, POLICIES[chance.below(POLICIES.len())])? {
        0 => Ok(()),
        code => Err(harness::Failure::new(format!("a good policy was refused ({code})"))),
    }
}

/// The old one stays in force meanwhile.
fn bad_policy(play: &Play, chance: &mut Chance) -> Outcome {
    if put_in_force(play, "[defaults]\nrequire = \"sometimes\"\n")? == 0 {
        return Err(harness::Failure::new("a policy that makes no sense was taken"));
    }
    reload(play, chance)
}

fn look(play: &Play, _: &mut Chance) -> Outcome {
    for words in [&["users"][..], &["status"], &["metrics"], &["license", "status"], &["user", "user3"]] {
        play.lab.run([&["mfactl"], words, &["--json"]].concat())?.json()?;
    }
    Ok(())
}

fn copy(play: &Play, _: &mut Chance) -> Outcome {
    play.lab.sh("rm -f /root/copy.age; mfactl export /root/copy.age --recipient /root/key.pub >/dev/null 2>&1")?;
    Ok(())
}

fn verify(play: &Play, _: &mut Chance) -> Outcome {
    play.lab.run(["mfactl", "audit", "verify"])?.success()?;
    Ok(())
}

fn restart(play: &Play, _: &mut Chance) -> Outcome {
    play.disturb(|| play.lab.sh("systemctl restart mfa-daemon && mfactl status >/dev/null"))?;
    Ok(())
}

fn kill(play: &Play, _: &mut Chance) -> Outcome {
    play.disturb(|| play.lab.sh("systemctl kill --signal=KILL mfa-daemon && mfactl status >/dev/null"))?;
    Ok(())
}
