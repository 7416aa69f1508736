//! `cargo xtask bench`: what a second factor costs, measured side by side with other modules in one lab.

use crate::cargo::{Workspace, executable, run};
use crate::places::{root, staged};
use crate::privilege::as_root;
use crate::scenarios::NO_ROOT;
use crate::setup::{ALL, setup};
use crate::stage::stage_afresh;
use crate::{Command, Stop, take_flag};
use std::path::PathBuf;

pub(crate) const COMMAND: Command = Command {
    name: "bench",
    summary: "Measure what a login costs, side by side with other modules",
    usage: "usage: cargo xtask bench [--quick] [--large] [--rounds N] [--accounts N] [--socket N] [--json FILE]
                         [--from FILE] [--plots FOLDER]
                         [--no-stage]
       cargo xtask bench --count [--renew] [--calls] [--profiles FOLDER] [--no-stage]

Stages a release build, boots a lab, and logs in there with pam_permit, pam_mfa, pam_google_authenticator and pam_oath:
one after another, 64 at once, with wrong codes; then at the daemon's socket. Some minutes; let nothing else run.

  --quick       half a minute, to see that it runs; its figures say little
  --large       also a store with a million accounts (half an hour more)
  --rounds N    how often everybody logs in (3)
  --accounts N  how many local accounts there are (1000)
  --socket N    how many accounts log in at the socket (70000; 0 leaves that out)
  --json FILE   also writes everything that was measured
  --from FILE   measures nothing, and shows what --json wrote there
  --plots FOLDER  also measures what plots need (two minutes more), and writes performance.md there, with its plots
  --no-stage    measures what was staged last

With --count it counts, under valgrind and without a lab, the instructions and system calls of one login in the module
and in the daemon, and compares them with tests/benches/counts.txt: half a minute, on a busy machine, too.

  --renew            keeps these counts instead
  --calls            says which system calls there are
  --profiles FOLDER  keeps what callgrind wrote in a new folder, for callgrind_annotate",
    run: |words| {
        let mut words = words.to_vec();
        setup(&ALL)?;
        if !take_flag(&mut words, "--no-stage") {
            stage_afresh(&staged(), "release")?;
        }
        if take_flag(&mut words, "--count") {
            return count(&words);
        }
        let build = &mut Workspace::Tests.cargo("build");
        let packages = ["--locked", "--release", "--package", "benches", "--package", "nss_bench"];
        let program = executable(build.args(packages), "bench")?;
        let crates = foreign_crates()?.to_string();
        let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
        run(command.args(words).args(["--crates", &crates]), "the benchmark")
    },
};

/// Counts what one login costs, with what was staged last.
pub(crate) fn count(words: &[String]) -> Result<(), Stop> {
    let build = &mut Workspace::Tests.cargo("build");
    let program = executable(build.args(["--locked", "--release", "--package", "benches", "--bin", "count"]), "count")?;
    let (daemon, module) = (staged().join("usr/libexec/mfa/mfa-daemon"), staged_module()?);
    let mut command = as_root(program).ok_or_else(|| Stop::Failed(NO_ROOT.into()))?;
    command.arg("--daemon").arg(daemon).arg("--module").arg(module);
    command.arg("--fakes").arg(root().join("tests/fakes")).arg("--kept").arg(root().join("tests/benches/counts.txt"));
    run(command.args(words), "counting")
}

/// The module lies in a folder of this processor's.
fn staged_module() -> Result<PathBuf, Stop> {
    let folders = std::fs::read_dir(staged().join("usr/lib")).into_iter().flatten().flatten();
    let mut found = folders.map(|folder| folder.path().join("security/pam_mfa.so")).filter(|path| path.is_file());
    found.next().ok_or_else(|| Stop::Failed("Nothing is staged. Leave out --no-stage.".into()))
}

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
