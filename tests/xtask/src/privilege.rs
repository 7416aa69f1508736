//! Being root for the few things that need it: apt-get, and the labs. Everything else runs as whoever called.

use std::os::unix::fs::MetadataExt;
use std::process::Command;

use crate::places::installed;

/// Variables that reach what runs as root, where they are set.
const KEPT: [&str; 7] = ["XDG_CACHE_HOME", "MFA_STAGE", "CI", "RUST_BACKTRACE", "http_proxy", "https_proxy", "TERM"];

/// Whether this process is root.
pub(crate) fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// A command that runs as root: directly, or through sudo. `None` where neither is possible.
pub(crate) fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Option<Command> {
    if is_root() {
        return Some(Command::new(program));
    }
    if !installed("sudo") {
        return None;
    }
    let mut command = Command::new("sudo");
    command.arg("env");
    for name in KEPT {
        command.args(std::env::var(name).ok().map(|value| format!("{name}={value}")));
    }
    command.arg(program);
    Some(command)
}
