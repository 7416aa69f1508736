//! `cargo xtask test`: everything that must hold before a change goes in. It goes on after a failure, so that one run
//! shows all of them, and closes with one plain line of numbers.

use std::path::PathBuf;

use crate::bench::count;
use crate::cargo::{Workspace, run};
use crate::mutants::still_fit;
use crate::package::{lint_for_labs, package_for_labs};
use crate::places::{installed, root, staged, target};
use crate::scenarios::scenarios;
use crate::setup::{ALL, setup};
use crate::soak::a_minute;
use crate::stage::stage_afresh;
use crate::tally::Tally;
use crate::{Command, Stop, no_more, take_profile};

pub(crate) const COMMAND: Command = Command {
    name: "test",
    summary: "Check and test everything, labs included",
    usage: "usage: cargo xtask test [--profile release|lab]

rustfmt, clippy, cargo-deny, whether the mutants still fit, the tests of both workspaces, packages and what lintian and
rpmlint say of them, then the scenarios in labs of every Debian release, and a minute of the soak. A table at the end says
what took how long.
Gets what it needs. The labs run as root, through sudo when you are not; the rest runs as you.

  --profile lab   the labs get a build that is made much faster",
    run: |words| {
        let mut words = words.to_vec();
        let profile = take_profile(&mut words)?;
        no_more(&words)?;
        test(&profile)
    },
};

/// cargo-deny is built from source once; this one is known to read `deny.toml`.
const DENY_VERSION: &str = "0.20.2";

fn test(profile: &str) -> Result<(), Stop> {
    let mut tally = Tally::new();
    tally.heading("what this machine lacks");
    tally.check("setup", setup(&ALL));
    checks(&mut tally);
    tally.heading("mutants still fit");
    tally.check("mutants still fit", still_fit());
    for (workspace, word) in Workspace::ALL {
        let step = format!("tests of the {word} workspace");
        tally.heading(&step);
        let mut command = workspace.cargo("test");
        command.args(["--workspace", "--locked", "--no-fail-fast"]);
        if let Workspace::Tests = workspace {
            command.args(["--exclude", "scenarios"]);
        }
        tally.tests(&step, &mut command);
    }
    tally.heading(&format!("stage and packages ({profile})"));
    let ready = stage_afresh(&staged(), profile).and_then(|()| package_for_labs(profile));
    if tally.check("stage", ready) {
        if profile == "release" {
            tally.heading("what one login costs");
            tally.check("what one login costs", count(&[]));
        } else {
            tally.skip("what one login costs", "It is counted of a release build.");
        }
        tally.heading("lintian and rpmlint");
        tally.check("lintian and rpmlint", lint_for_labs());
        scenarios(&mut tally, &[]);
        a_minute(&mut tally, profile);
    }
    tally.close()
}

/// What needs no test to run: format, lints, licenses.
fn checks(tally: &mut Tally) {
    tally.heading("cargo-deny itself");
    let deny = cargo_deny();
    for (workspace, word) in Workspace::ALL {
        let mut step = |name: &str, command: &mut std::process::Command| {
            let step = format!("{name}, {word}");
            tally.heading(&step);
            tally.check(&step, run(command, name));
        };
        step("rustfmt", workspace.cargo("fmt").args(["--all", "--check"]));
        let lints = ["--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
        step("clippy", workspace.cargo("clippy").args(lints));
        if let Ok(deny) = &deny {
            step("cargo-deny", &mut licenses(deny, workspace));
        }
    }
    tally.check("cargo-deny itself", deny.map(|_| ()));
}

fn licenses(deny: &PathBuf, workspace: Workspace) -> std::process::Command {
    let mut command = std::process::Command::new(deny);
    command.current_dir(root()).args(["--log-level", "error", "--locked", "--config", "deny.toml"]);
    if let Workspace::Tests = workspace {
        command.args(["--manifest-path", "tests/Cargo.toml"]);
    }
    command.args(["check", "licenses", "bans", "sources"]);
    command
}

/// The cargo-deny of this machine, else one built into `target/tools`.
fn cargo_deny() -> Result<PathBuf, Stop> {
    let tools = target().join("tools");
    let own = tools.join("bin/cargo-deny");
    if own.is_file() {
        return Ok(own);
    }
    if installed("cargo-deny") {
        return Ok("cargo-deny".into());
    }
    println!("Building cargo-deny {DENY_VERSION} into {} (some minutes, once).", tools.display());
    let mut install = Workspace::Product.cargo("install");
    install.args(["--quiet", "--locked", "--debug", "--version", DENY_VERSION, "--root"]).arg(&tools).arg("cargo-deny");
    run(&mut install, "cargo install cargo-deny").map(|()| own)
}
