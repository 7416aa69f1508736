//! `cargo xtask scenarios`: sessions played in labs, as root, several labs at a time.

use std::path::PathBuf;
use std::process::Command as Process;
use std::thread::available_parallelism;

use crate::cargo::{Workspace, executable, run};
use crate::package::package_for_labs;
use crate::places::{staged, unattended};
use crate::privilege::as_root;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::tally::Tally;
use crate::{Command, Stop, take_flag, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "scenarios",
    summary: "Stage, then play the scenarios whose names contain a word",
    usage: "usage: cargo xtask scenarios [--profile lab|release] [--no-stage] [WORD…]

  WORD         only scenarios with this in their name, such as sudo or on_trixie
  --no-stage   play with what was staged last
example: cargo xtask scenarios --profile lab sshd::",
    run: |words| {
        let mut words = words.to_vec();
        let profile = take_profile(&mut words)?;
        let stage = !take_flag(&mut words, "--no-stage");
        if let Some(word) = words.iter().find(|word| word.starts_with('-')) {
            return Err(Stop::Usage(format!("{word} is not understood here.")));
        }
        setup(&ALL)?;
        if stage {
            stage_afresh(&staged(), &profile)?;
            package_for_labs(&profile)?;
        }
        let mut tally = Tally::new();
        scenarios(&mut tally, &words);
        tally.close()
    },
};

/// Plays what was staged.
pub(crate) fn scenarios(tally: &mut Tally, words: &[String]) {
    tally.heading("scenarios");
    let program = match build() {
        Ok(program) => program,
        Err(stop) => return tally.fail("scenarios", stop),
    };
    let Some(mut command) = as_root(&program) else {
        return match unattended() {
            true => tally.fail("scenarios", Stop::Failed(NO_ROOT.into())),
            false => tally.skip("scenarios", NO_ROOT),
        };
    };
    let guests = std::env::consts::ARCH == "x86_64";
    // What is asked for by its name is played as it is asked for.
    if guests && !words.is_empty() {
        return tally.tests("scenarios", player(&mut command, words));
    }
    tally.tests("scenarios", player(&mut command, words).args(["--skip", GUESTS]));
    match as_root(&program) {
        // One at a time and nothing beside it: a machine in software wants all that there is.
        Some(mut command) if guests => {
            tally.heading("scenarios in guests");
            tally.tests("scenarios in guests", command.args(["--test-threads=1", GUESTS]));
        }
        _ if unattended() => tally.fail("scenarios in guests", Stop::Failed(NO_GUESTS.into())),
        _ => tally.skip("scenarios in guests", NO_GUESTS),
    }
}

/// Plays those with that word, one at a time, with what they print.
pub(crate) fn aloud(word: &str) -> Result<(), Stop> {
    let mut command = as_root(build()?).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
    run(command.args(["--nocapture", "--test-threads=1", word]), "the scenarios")
}

/// Those whose labs are machines in software.
const GUESTS: &str = "real_keys::";

/// What an ordinary user without sudo is told.
pub(crate) const NO_ROOT: &str = "Labs need root, and there is no sudo. Run as root: cargo xtask scenarios";

/// What is said where the machine is of another architecture.
const NO_GUESTS: &str = "Guests are amd64 machines and have in them what is built here; run them on an amd64.";

fn build() -> Result<PathBuf, Stop> {
    executable(Workspace::Tests.cargo("test").args(["--locked", "--package", "scenarios", "--no-run"]), "scenarios")
}

/// Two labs a core: much of a login is waiting.
fn player<'a>(command: &'a mut Process, words: &[String]) -> &'a mut Process {
    let labs = available_parallelism().map_or(2, usize::from) * 2;
    command.arg(format!("--test-threads={labs}")).args(words)
}
