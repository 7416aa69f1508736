//! `cargo xtask demo`: one real login in a lab, for people who want to see it.

use crate::cargo::{Workspace, executable, run};
use crate::package::package_for_demo;
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::build;
use crate::stage::machine::Machine;
use crate::{Command, Stop, no_more, take_flag, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "demo",
    summary: "Show a real ssh login with password and code, and codes that are refused",
    usage: "usage: cargo xtask demo [--keep] [--profile release|lab]

Gets what it needs (and says what it installs), builds and packages, boots a Debian in a container, has apt install
the packages there, enrolls a user, logs in over ssh, tries a wrong code and a used one, and prints what was on the
screen. Nothing of this machine is changed.

  --keep   leaves the container up, to try it with your own phone and your own ssh",
    run: |words| {
        let mut words = words.to_vec();
        let (keep, profile) = (take_flag(&mut words, "--keep"), take_profile(&mut words)?);
        no_more(&words)?;
        setup(&ALL)?;
        build(&profile, Machine::This)?;
        package_for_demo(&profile)?;
        let program = executable(Workspace::Tests.cargo("build").args(["--locked", "--package", "demo"]), "demo")?;
        let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(keep.then_some("--keep")), "the demo")
    },
};
