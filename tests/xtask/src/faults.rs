//! `cargo xtask faults`: the daemon killed, failed by the system and cut off from power, more often than in every run.

use crate::cargo::{Workspace, executable, run};
use crate::privilege::as_root;
use crate::setup::{ALL, setup};
use crate::{Command, Stop, no_more, take_value};

pub(crate) const COMMAND: Command = Command {
    name: "faults",
    summary: "Kill the daemon at every step, fail its system calls, cut the power",
    usage: "usage: cargo xtask faults [--rounds 1000]

A real daemon is killed at every step of what people do with it, while it starts and while it stops; its writes and
syncs are made to fail; the power is cut while it writes. After each round, what clients were told is compared with
what the store has. `cargo xtask test` does some tens of each. A thousand rounds take about half an hour. Root is
needed: of other accounts, and for the device that loses what was not synced.",
    run: |words| {
        let mut words = words.to_vec();
        let rounds = take_value(&mut words, "--rounds")?.unwrap_or_else(|| "1000".into());
        no_more(&words)?;
        if !rounds.parse::<usize>().is_ok_and(|rounds| (10..=1_000_000).contains(&rounds)) {
            return Err(Stop::Usage(format!("{rounds} is no number of rounds, of which ten are the least.")));
        }
        faults(&rounds)
    },
};

/// What is played more often: these files of the daemon's tests.
const SUBJECTS: [&str; 2] = ["struck::", "power::"];

fn faults(rounds: &str) -> Result<(), Stop> {
    setup(&ALL)?;
    let mut build = Workspace::Product.cargo("test");
    build.args(["--locked", "--package", "mfa-daemon", "--test", "daemon", "--no-run"]);
    let program = executable(&mut build, "daemon")?;
    let mut played = as_root("env").ok_or_else(|| Stop::Failed("It takes root, and there is no sudo.".into()))?;
    played.arg(format!("MFA_ROUNDS={rounds}")).arg(program);
    run(played.args(SUBJECTS).args(["--nocapture", "--test-threads=2"]), "A round")
}
