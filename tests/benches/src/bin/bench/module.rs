//! What the module is as a file: how large, what it needs, how much of it is not ours.

use harness::{Failure, Lab, Outcome};
use serde::{Deserialize, Serialize};
use std::process::Command;

/// The module.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Module {
    /// Bytes of the staged file.
    pub(crate) size: u64,
    /// Libraries it makes its application load.
    pub(crate) needed: Vec<String>,
    /// Crates in it that are not ours, if cargo was asked.
    pub(crate) crates: Option<usize>,
}

/// The one that is in the lab.
pub(crate) fn look_at(lab: &Lab, crates: Option<usize>) -> Outcome<Module> {
    let path = lab.sh("ls /usr/lib/*-linux-gnu/security/pam_mfa.so")?;
    let file = format!("/proc/{}/root{}", lab.leader(), path.trim());
    let size = std::fs::metadata(&file)?.len();
    let output = Command::new("readelf").args(["--dynamic", "--wide", &file]).output()?;
    if !output.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    let needed = text.lines().filter(|line| line.contains("(NEEDED)"));
    let needed = needed.filter_map(|line| Some(line.split(['[', ']']).nth(1)?.to_owned())).collect();
    Ok(Module { size, needed, crates })
}
