//! `cargo xtask bench`: what a second factor costs, measured side by side with other modules in one lab.

use crate::cargo::{Workspace, executable, run};
use crate::places::staged;
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::{Command, Stop};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure what a login costs, side by side with other modules",
    usage: "usage: cargo xtask bench [WORDS]

Stages a release build and runs tests/benches in a lab. WORDS go to the benchmark.",
    run: |words| {
        setup(&ALL)?;
        stage_afresh(&staged(), "release")?;
        let build = &mut Workspace::Tests.cargo("build");
        let program =
            executable(build.args(["--locked", "--release", "--package", "benches", "--bin", "bench"]), "bench")?;
        let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(words), "the benchmark")
    },
};
