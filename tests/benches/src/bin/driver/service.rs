//! The daemon as systemd runs it: what it has in memory, and how long it takes to start.

use harness::{Failure, Outcome};
use std::collections::BTreeMap;
use std::process::Command;

const UNIT: &str = "mfa-daemon.service";

/// What it has in memory, in KiB.
pub(crate) fn resident() -> Outcome<u64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", property("MainPID")?))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let number = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(number.ok_or_else(|| Failure::new("the kernel does not say how much memory it has"))?.trim().parse()?)
}

/// How long its threads have run, in microseconds, by the thread's name.
pub(crate) fn computed() -> Outcome<BTreeMap<String, f64>> {
    let mut sums = BTreeMap::new();
    for thread in std::fs::read_dir(format!("/proc/{}/task", property("MainPID")?))? {
        let thread = thread?.path();
        let name = std::fs::read_to_string(thread.join("comm"))?.trim().to_owned();
        let times = std::fs::read_to_string(thread.join("schedstat"))?;
        let nanos: f64 = times.split(' ').next().unwrap_or_default().parse()?;
        *sums.entry(name).or_default() += nanos / 1e3;
    }
    Ok(sums)
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
