//! Being root for the few things that need it: apt-get, and the labs. Everything else runs as whoever called.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Command;

use crate::places::{installed, packed, staged};

/// Variables that reach what runs as root, where they are set.
const KEPT: [&str; 6] = ["XDG_CACHE_HOME", "CI", "RUST_BACKTRACE", "http_proxy", "https_proxy", "TERM"];

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A command that runs as root: directly, or through sudo. `None` where neither is possible. Labs that it boots have
/// in them what was staged last, and find the packages that were made last.
pub(crate) fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Option<Command> {
    let stage = std::env::var_os("MFA_STAGE").map_or_else(staged, PathBuf::from);
    if is_root() {
        let mut command = Command::new(program);
        command.env("MFA_STAGE", stage).env("MFA_PACKAGES", packed());
        return Some(command);
    }
    if !installed("sudo") {
        return None;
    }
    let mut command = Command::new("sudo");
    command.arg("env").arg(format!("MFA_STAGE={}", stage.display()));
    command.arg(format!("MFA_PACKAGES={}", packed().display()));
    for name in KEPT {
        command.args(std::env::var(name).ok().map(|value| format!("{name}={value}")));
    }
    command.arg(program);
    Some(command)
}
