//! What is to be packaged: which version, of which day, built how, and where the packages go.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Stop;
use crate::places::{root, target};
use crate::stage::machine::Machine;

/// One run.
pub(crate) struct Order {
    /// Where the packages go.
    pub(crate) folder: PathBuf,
    /// What was built: `release` or `lab`.
    pub(crate) profile: String,
    /// What was appended to the version, and is in `release` already.
    pub(crate) suffix: String,
    /// What it was built for.
    pub(crate) machine: Machine,
    /// The version of the project, such as `0.1.0`.
    pub(crate) upstream: String,
    /// The packages' release, such as `1`, with the suffix that was asked for.
    pub(crate) release: String,
    /// The moment that every file in them carries, in seconds since 1970: that of the changelog's newest entry.
    pub(crate) moment: String,
    /// Whether labs alone will have them: then nothing is compressed.
    pub(crate) for_labs: bool,
}

impl Order {
    /// As Debian's changelog says, whose newest version must be the project's.
    pub(crate) fn new(folder: &Path, profile: &str, suffix: &str, machine: Machine) -> Result<Self, Stop> {
        let (version, moment) = (changelog("Version")?, changelog("Timestamp")?);
        let (upstream, release) = version.rsplit_once('-').unwrap_or((&version, "1"));
        if upstream != env!("CARGO_PKG_VERSION") && suffix.is_empty() {
            return Err(Stop::Failed(format!(
                "packaging/deb/debian/changelog says {upstream}, the project is {}: add an entry.",
                env!("CARGO_PKG_VERSION")
            )));
        }
        Ok(Self {
            folder: std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned()),
            profile: profile.to_owned(),
            suffix: suffix.to_owned(),
            machine,
            upstream: upstream.to_owned(),
            release: format!("{release}{suffix}"),
            moment,
            for_labs: profile != "release",
        })
    }

    /// The same, made quickly.
    pub(crate) fn for_labs(self) -> Self {
        Self { for_labs: true, ..self }
    }

    /// Where the packages' trees are laid out; apart for each machine.
    pub(crate) fn work(&self, kind: &str) -> PathBuf {
        target().join("package").join(self.machine.debian()).join(kind)
    }

    /// As Debian writes it.
    pub(crate) fn version(&self) -> String {
        format!("{}-{}", self.upstream, self.release)
    }
}

fn changelog(field: &str) -> Result<String, Stop> {
    let mut parse = Command::new("dpkg-parsechangelog");
    parse.arg("-l").arg(root().join("packaging/deb/debian/changelog")).args(["-S", field]);
    answer(&mut parse, "dpkg-parsechangelog")
}

/// What a program prints that succeeds, without the line's end.
pub(crate) fn answer(command: &mut Command, what: &str) -> Result<String, Stop> {
    let output = command.output().map_err(|error| Stop::Failed(format!("{what} did not start: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned());
    }
    Err(Stop::Failed(format!("{what} failed: {}", String::from_utf8_lossy(&output.stderr).trim_end())))
}
