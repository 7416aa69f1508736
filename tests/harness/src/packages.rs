//! The packages that `cargo xtask` has made, and a lab in which apt installs them as an administrator would.

use std::path::PathBuf;
use std::{env, fs};

use crate::command::Output;
use crate::lab::Lab;
use crate::outcome::{Failure, Outcome};

/// The two packages of a kind, `deb` or `rpm`, of an edition: `now`, `next` or `demo`.
///
/// # Errors
/// When they were not made, with the command that makes them.
pub fn packages(edition: &str, kind: &str) -> Outcome<Vec<PathBuf>> {
    let folder = env::var_os("MFA_PACKAGES").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/packages-for-labs")),
        PathBuf::from,
    );
    let folder = folder.join(edition);
    let is_one = |path: &PathBuf| path.extension().is_some_and(|ending| ending == kind);
    let made: Vec<PathBuf> = fs::read_dir(&folder)?.flatten().map(|entry| entry.path()).filter(is_one).collect();
    if made.len() == 2 {
        return Ok(made);
    }
    let make = if edition == "demo" { "demo" } else { "scenarios" };
    Err(Failure::new(format!("{}: {made:?}. Run: cargo xtask {make}", folder.display())))
}

impl Lab {
    /// Puts the .debs of that edition into a folder of the lab; that folder.
    pub fn bring_packages(&self, edition: &str) -> Outcome<String> {
        let folder = format!("/root/{edition}");
        self.bring(&packages(edition, "deb")?, &folder)?;
        Ok(folder)
    }

    /// `apt-get` with those words, as an administrator without a terminal does it: whatever asked a question would fail.
    pub fn apt(&self, words: &str) -> Outcome<Output> {
        Ok(self.run([
            "sh",
            "-c",
            &format!("DEBIAN_FRONTEND=noninteractive apt-get --quiet --yes {words} </dev/null"),
        ])?)
    }

    /// Installs, or upgrades to, that edition.
    pub fn install_packages(&self, edition: &str) -> Outcome<Output> {
        let folder = self.bring_packages(edition)?;
        Ok(self.apt(&format!("install --no-install-recommends {folder}/*.deb"))?.success()?)
    }
}
