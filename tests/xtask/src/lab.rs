//! `cargo xtask lab`: a lab to look around in by hand.

use crate::cargo::{Workspace, executable, run};
use crate::places::staged;
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::{Command, Stop, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "lab",
    summary: "Boot a lab and open root's shell in it",
    usage: "usage: cargo xtask lab [bookworm|trixie] [--plain] [--guest] [--profile lab|release]

  --plain   a Debian without the product
  --guest   in a machine of software, with Debian's own kernel
The lab ends with the shell.",
    run: |words| {
        let mut words = words.to_vec();
        let profile = take_profile(&mut words)?;
        setup(&ALL)?;
        if !words.iter().any(|word| word == "--plain") {
            stage_afresh(&staged(), &profile)?;
        }
        let build = &mut Workspace::Tests.cargo("build");
        let program = executable(build.args(["--locked", "--package", "scenarios", "--bin", "lab"]), "lab")?;
        let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(words), "the lab")
    },
};
