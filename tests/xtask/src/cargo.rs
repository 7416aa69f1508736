//! Running cargo in either workspace, and finding what it built.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::Stop;
use crate::places::{root, tests_manifest};

/// One of the project's two workspaces.
#[derive(Clone, Copy)]
pub(crate) enum Workspace {
    /// What ships.
    Product,
    /// What tests it.
    Tests,
}

impl Workspace {
    /// Both of them, with the word for it in headings.
    pub(crate) const ALL: [(Self, &str); 2] = [(Self::Product, "product"), (Self::Tests, "tests")];

    /// Cargo with that subcommand, in this workspace.
    pub(crate) fn cargo(self, subcommand: &str) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.arg(subcommand).current_dir(root());
        if let Self::Tests = self {
            command.arg("--manifest-path").arg(tests_manifest());
        }
        command
    }
}

/// Runs it; what it prints is seen. An error names `what` failed.
pub(crate) fn run(command: &mut Command, what: &str) -> Result<(), Stop> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Stop::Failed(format!("{what} failed ({status})."))),
        Err(error) => Err(Stop::Failed(format!("{what} did not start: {error}"))),
    }
}

/// Builds with the arguments given and returns the program that starts with `name`.
pub(crate) fn executable(command: &mut Command, name: &str) -> Result<PathBuf, Stop> {
    let failed = |why: String| Stop::Failed(format!("building {name} failed: {why}"));
    let command = command.arg("--message-format=json-render-diagnostics").stderr(Stdio::inherit());
    let output = command.output().map_err(|error| failed(error.to_string()))?;
    if !output.status.success() {
        return Err(failed(output.status.to_string()));
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let programs = messages.lines().filter_map(|line| line.split_once("\"executable\":\"")?.1.split('"').next());
    let found = programs.map(PathBuf::from).find(|path| {
        let file = path.file_name().map(|file| file.to_string_lossy().into_owned()).unwrap_or_default();
        file == name || file.starts_with(&format!("{name}-"))
    });
    found.ok_or_else(|| failed("cargo names no such program".into()))
}
