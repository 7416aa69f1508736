//! The daemon as systemd runs it: what it has in memory, and how long it takes to start.

use harness::{Failure, Outcome};
use std::process::Command;

const UNIT: &str = "mfa-daemon.service";

/// What it has in memory, in KiB.
pub(crate) fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", property("MainPID")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.ok_or_else(|| Failure::new("the kernel does not say how much memory it has"))?.trim().parse()?)
}

/// Starts it anew. From its first instruction until it says that it is ready, in microseconds.
pub(crate) fn restart() -> Outcome<f64> {
    systemctl(&["restart", UNIT])?;
    let ready: f64 = property("ActiveEnterTimestampMonotonic")?.parse()?;
    let started: f64 = property("ExecMainStartTimestampMonotonic")?.parse()?;
    Ok(ready - started)
}

fn property(name: &str) -> Outcome<String> {
    systemctl(&["show", "--value", "--property", name, UNIT])
}

fn systemctl(words: &[&str]) -> Outcome<String> {
    let output = Command::new("systemctl").args(words).output()?;
    if !output.status.success() {
        return Err(Failure::new(String::from_utf8_lossy(&output.stderr)));
    }
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
