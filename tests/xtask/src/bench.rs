//! `cargo xtask bench`: what a second factor costs, measured side by side with other modules in one lab.

use crate::cargo::{Workspace, executable, run};
use crate::places::staged;
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::{Command, Stop, take_flag};

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure what a login costs, side by side with other modules",
    usage: "usage: cargo xtask bench [--quick] [--large] [--rounds N] [--accounts N] [--socket N] [--json FILE]
                         [--no-stage]

Stages a release build, boots a lab, and logs in there with pam_permit, pam_mfa, pam_google_authenticator and pam_oath:
one after another, 64 at once, with wrong codes; then at the daemon's socket. Some minutes; let nothing else run.

  --quick       half a minute, to see that it runs; its figures say little
  --large       also a store with a million accounts (some ten minutes more)
  --rounds N    how often everybody logs in (3)
  --accounts N  how many local accounts there are (1000)
  --socket N    how many accounts log in at the socket (70000; 0 leaves that out)
  --json FILE   also writes everything that was measured
  --no-stage    measures what was staged last",
    run: |words| {
        let mut words = words.to_vec();
        setup(&ALL)?;
        if !take_flag(&mut words, "--no-stage") {
            stage_afresh(&staged(), "release")?;
        }
        let build = &mut Workspace::Tests.cargo("build");
        let packages = ["--locked", "--release", "--package", "benches", "--package", "nss_bench"];
        let program = executable(build.args(packages), "bench")?;
        let crates = foreign_crates()?.to_string();
        let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(words).args(["--crates", &crates]), "the benchmark")
    },
};

/// How many crates are linked into the module that are not ours. Ours are named with their folder.
fn foreign_crates() -> Result<usize, Stop> {
    let mut tree = Workspace::Product.cargo("tree");
    tree.args(["--locked", "--package", "pam_mfa", "--edges", "normal,no-proc-macro", "--prefix", "none"]);
    let output = tree.output().map_err(|error| Stop::Failed(format!("cargo tree did not start: {error}")))?;
    if !output.status.success() {
        return Err(Stop::Failed(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let tree = String::from_utf8_lossy(&output.stdout);
    let mut foreign: Vec<&str> = tree.lines().filter(|line| !line.contains('/')).collect();
    foreign.sort_unstable();
    foreign.dedup_by_key(|line| line.trim_end_matches(" (*)"));
    Ok(foreign.len())
}
