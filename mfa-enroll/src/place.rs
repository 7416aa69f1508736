//! Where whoever runs this sits, as far as it can be told: at this machine, or at another one. What is said here is a
//! hint for sentences and decides nothing.

use std::fs;

/// Whether the session came over the network.
pub(crate) fn is_elsewhere() -> bool {
    let says = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    says("SSH_CONNECTION") || says("SSH_TTY") || session_is_remote().unwrap_or(false)
}

/// What systemd keeps of the login session; sudo takes the environment away, and not the session.
fn session_is_remote() -> Option<bool> {
    let session: u32 = fs::read_to_string("/proc/self/sessionid").ok()?.trim().parse().ok()?;
    let kept = fs::read_to_string(format!("/run/systemd/sessions/{session}")).ok()?;
    Some(kept.lines().any(|line| line == "REMOTE=1"))
}
