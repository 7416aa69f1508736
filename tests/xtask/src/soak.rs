//! `cargo xtask soak`: mixed logins for as long as one likes, with what must hold looked at all the while.

use crate::cargo::{Workspace, executable, run};
use crate::package::package_for_demo;
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::build;
use crate::stage::machine::Machine;
use crate::tally::Tally;
use crate::{Command, Stop, take_flag, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "soak",
    summary: "Mixed logins for an hour, with restarts and kills, and what must hold",
    usage: "usage: cargo xtask soak [--minutes N] [--seed N] [--at-once N] [--bookworm] [--profile release|lab]
                         [--no-build]

Builds and packages, boots a Debian 13 in a container, has apt install the packages there, and lets 24 people log in over
ssh, by sudo and at the console, eight at once: with right, wrong, used, backup and temporary codes, one code many times
at once, or not to the end; while administrators reset them, reload good and bad policies, restart and kill the daemon.
No code may let in twice, nobody may get in after a reset, every pass must have its record, no login may go unanswered,
nothing may grow. A line each ten seconds; at the end a table, and exit code 1 with the evidence if something broke.

  --minutes N   for how long (60)
  --seed N      what all choices follow from; it is printed
  --at-once N   how many people log in at once (8)
  --bookworm    on Debian 12
  --no-build    plays what was built last",
    run: |words| {
        let mut words = words.to_vec();
        let (no_build, profile) = (take_flag(&mut words, "--no-build"), take_profile(&mut words)?);
        setup(&ALL)?;
        if !no_build {
            build(&profile, Machine::This)?;
        }
        package_for_demo(&profile)?;
        let mut command = program()?.ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(words), "the soak")
    },
};

/// A minute of it, with what was built last.
pub(crate) fn a_minute(tally: &mut Tally, profile: &str) {
    tally.heading("soak, a minute");
    match package_for_demo(profile).and_then(|()| program()) {
        Ok(Some(mut command)) => {
            tally.check("soak, a minute", run(command.args(["--minutes", "1"]), "the soak"));
        }
        // As the scenarios: what is missing in an automatic run is a failure, and they have said so.
        Ok(None) => tally.skip("soak, a minute", NO_ROOT),
        Err(stop) => tally.fail("soak, a minute", stop),
    }
}

/// The program, as root; `None` where nobody can be.
fn program() -> Result<Option<std::process::Command>, Stop> {
    let build = &mut Workspace::Tests.cargo("build");
    let program = executable(build.args(["--locked", "--package", "soak", "--package", "scenarios"]), "soak")?;
    Ok(as_root(program))
}
