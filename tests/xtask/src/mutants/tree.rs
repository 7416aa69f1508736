//! A copy of the tree with a build of its own, in which something is taken out. The libraries of others are built once:
//! what the checkout has built already is taken over.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command as Process, Output};

use crate::Stop;
use crate::cargo::run;
use crate::places::{root, target};

/// Seconds that one test may take; without a protection some wait for ever.
const LONGEST: u32 = 600;

/// The copy.
pub(super) struct Tree {
    root: PathBuf,
    /// What ships, crate by crate.
    packages: Vec<String>,
}

/// What became of a test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Passed,
    Failed,
    /// Not run, not to its end, or not in time.
    Otherwise,
}

impl Tree {
    /// The tree as it is now, with what is not committed.
    pub(super) fn of_now() -> Result<Self, Stop> {
        let files = files()?;
        let packages = files
            .iter()
            .filter_map(|file| file.strip_suffix("/Cargo.toml").filter(|name| !name.contains('/') && *name != "tests"));
        let packages = packages.map(str::to_owned).collect();
        let tree = Self { root: target().join("mutants/tree"), packages };
        for file in &files {
            tree.restore(file)?;
        }
        let kept: BTreeSet<PathBuf> = files.iter().map(|file| tree.root.join(file)).collect();
        remove_others(&tree.root, &tree.root.join("target"), &kept).map_err(|error| failed(&tree.root, &error))?;
        tree.take_over_what_is_built()?;
        Ok(tree)
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Puts a text in a file's place.
    pub(super) fn replace(&self, file: &str, text: &str) -> Result<(), Stop> {
        fs::write(self.root.join(file), text).map_err(|error| failed(Path::new(file), &error))
    }

    /// The file as it is in the checkout; not touched when it is that already, so that nothing is built again.
    pub(super) fn restore(&self, file: &str) -> Result<(), Stop> {
        let (from, to) = (root().join(file), self.root.join(file));
        let text = fs::read(&from).map_err(|error| failed(&from, &error))?;
        if fs::read(&to).is_ok_and(|there| there == text) {
            return Ok(());
        }
        let folder = to.parent().unwrap_or(&self.root);
        fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
        // With its permissions: some are programs.
        fs::copy(&from, &to).map(|_| ()).map_err(|error| failed(&to, &error))
    }

    /// Builds the tests of a target; an error is the compiler's first.
    pub(super) fn build(&self, target: &[String]) -> Result<(), String> {
        let output = self.cargo(target).arg("--no-run").output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let first = said.lines().skip_while(|line| !line.starts_with("error")).take(8);
        Err(format!("does not compile:\n{}", first.collect::<Vec<_>>().join("\n")))
    }

    /// Runs these tests of a target, and says of each how it ended.
    pub(super) fn run(&self, target: &[String], tests: &[&str]) -> Result<Vec<Ended>, Stop> {
        let output = self.cargo(target).arg("--no-fail-fast").arg("--").args(tests).output();
        let output = output.map_err(|error| Stop::Failed(format!("cargo test did not start: {error}")))?;
        Ok(tests.iter().map(|test| ended(&output, test)).collect())
    }

    fn cargo(&self, target: &[String]) -> Process {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Process::new("timeout");
        command.args(["--kill-after=10", &LONGEST.to_string()]).arg(cargo);
        command.current_dir(&self.root).env("CARGO_TARGET_DIR", self.root.join("target"));
        // Ours without what a debugger wants, which is half of the time; others' as in the checkout's build.
        for package in &self.packages {
            command.args(["--config", &format!("profile.dev.package.{package}.debug=false")]);
        }
        command.args(["test", "--locked"]).args(target);
        command
    }

    fn take_over_what_is_built(&self) -> Result<(), Stop> {
        let (from, to) = (target().join("debug"), self.root.join("target/debug"));
        if to.exists() || !from.exists() {
            return Ok(());
        }
        fs::create_dir_all(&to).map_err(|error| failed(&to, &error))?;
        println!("Taking over what is built of other people's crates (links, no copies).");
        let parts = ["deps", "build", ".fingerprint"].map(|part| from.join(part));
        let there = parts.iter().filter(|part| part.exists());
        run(Process::new("cp").args(["--archive", "--link"]).args(there).arg(&to), "cp --link")
    }
}

/// What the test program printed of this one.
fn ended(output: &Output, test: &str) -> Ended {
    let text = String::from_utf8_lossy(&output.stdout);
    let of_it = |line: &&str| {
        let path = line.strip_prefix("test ").and_then(|line| line.split_once(" ... "));
        path.is_some_and(|(path, _)| path.trim_end_matches(" - should panic").rsplit("::").next() == Some(test))
    };
    let mut lines = text.lines().filter(of_it).peekable();
    if lines.peek().is_none() {
        return Ended::Otherwise;
    }
    let mut ended = Ended::Passed;
    for line in lines {
        match line.rsplit(" ... ").next() {
            Some("ok") => {}
            Some("FAILED") => ended = Ended::Failed,
            _ => return Ended::Otherwise,
        }
    }
    ended
}

/// What git knows of, or would.
fn files() -> Result<Vec<String>, Stop> {
    let mut git = Process::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().map_err(|error| Stop::Failed(format!("git did not start: {error}")))?;
    if !output.status.success() {
        return Err(Stop::Failed("git ls-files failed: mutants are made of a checkout.".into()));
    }
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let there = names.split('\0').filter(|name| !name.is_empty() && root().join(name).is_file());
    Ok(there.map(str::to_owned).collect())
}

/// The names of all functions of the checkout.
pub(super) fn functions() -> BTreeSet<String> {
    let rust = files().unwrap_or_default().into_iter().filter(|file| file.ends_with(".rs"));
    let texts = rust.filter_map(|file| fs::read_to_string(root().join(file)).ok());
    let name = |line: &str| Some(line.split_once("fn ")?.1.split(['(', '<']).next()?.trim().to_owned());
    texts.flat_map(|text| text.lines().filter_map(name).collect::<Vec<_>>()).collect()
}

/// Files of an earlier copy that are no more.
fn remove_others(folder: &Path, but: &Path, kept: &BTreeSet<PathBuf>) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if path == but {
            continue;
        }
        if entry.file_type()?.is_dir() {
            remove_others(&path, but, kept)?;
        } else if !kept.contains(&path) {
            fs::remove_file(&path)?;
        }
    }
    Ok(())
}

fn failed(path: &Path, error: &std::io::Error) -> Stop {
    Stop::Failed(format!("{}: {error}", path.display()))
}
