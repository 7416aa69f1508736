//! What applying and taking back do beyond files: the way back is armed, the daemon and sshd are told, logins are tried.
//!
//! Programs are found in root's own folders whatever `PATH` says, are given no environment of ours, and are not waited
//! for without end.

use super::meant::{HERE, connection};
use super::plan::Trial;
use super::trial::{self, Treats, TrialError};
use super::typed::{self, Typed};
use crate::sshd::Effective;
use mfa_cli::{Failure, printable};
use mfa_proto::policy::{EXPLAIN, Explanation, Findings, Question, RELOAD};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// The unit that takes back what is pending: at boot, and when a timer says so.
const UNIT: &str = "mfa-setup-rollback.service";
/// Where programs are looked for, and all they are told.
const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin";
/// sshd's privilege separation needs it; where sshd is started by a socket it may not be there between logins.
const SSHD_FOLDER: &str = "/run/sshd";

/// A timer of systemd's that starts [`UNIT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// As long as files are being changed.
    Guard,
    /// While the change waits to be confirmed.
    Confirm,
    /// Until it is tried once more to take everything back.
    Again,
}

impl Timer {
    /// Each.
    const ALL: [Self; 3] = [Self::Guard, Self::Confirm, Self::Again];

    fn unit(self) -> &'static str {
        match self {
            Self::Guard => "mfa-setup-guard",
            Self::Confirm => "mfa-setup-confirm",
            Self::Again => "mfa-setup-again",
        }
    }
}

/// This machine, or a made-up one in tests. What goes wrong is said in a sentence.
pub(crate) trait World {
    /// Where the configuration is.
    fn etc(&self) -> &Path {
        Path::new("/etc")
    }
    /// Has everything taken back after that time, also if this process is gone, and at the next boot.
    fn arm(&self, timer: Timer, after: Duration) -> Result<(), String>;
    /// Stops that timer.
    fn disarm(&self, timer: Timer);
    /// The daemon takes its folder as it is now, whole, or says what is wrong. One that does not run need not.
    fn load_policy(&self) -> Result<(), String>;
    /// sshd would take its configuration as it is now.
    fn check_sshd(&self) -> Result<(), String>;
    /// What sshd would do with that connection, with its configuration as it is now.
    fn sshd_of(&self, connection: &str) -> Result<Effective, String>;
    /// sshd takes it, if it would. One that does not run need not.
    fn reload_sshd(&self) -> Result<(), String>;
    /// Each stack refuses whoever answers nothing, and nothing in it is broken.
    fn try_logins(&self, trials: &[Trial], folder: &Path) -> Result<(), TrialError>;
    /// Whoever types a login gets in, or goes on without it.
    fn try_typed(&self, typed: &mut Typed<'_>, folder: &Path) -> Result<(), TrialError>;
}

/// This machine.
pub(crate) struct ThisMachine;

impl World for ThisMachine {
    fn arm(&self, timer: Timer, after: Duration) -> Result<(), String> {
        let state = run(&["systemctl", "show", "--property=LoadState", "--value", UNIT])?;
        if state.trim() != "loaded" {
            return Err(format!("{UNIT} is {}. Without it nothing would be taken back at a boot", state.trim()));
        }
        self.disarm(timer);
        let (unit, after) = (format!("--unit={}", timer.unit()), format!("--on-active={}ms", after.as_millis()));
        let timer = ["systemd-run", "--quiet", "--collect", &unit, &after, "--timer-property=AccuracySec=100ms"];
        let command = ["--", "systemctl", "--no-block", "start", UNIT];
        run(&[&timer[..], &command].concat()).map(drop)
    }

    fn disarm(&self, timer: Timer) {
        let unit = format!("{}.timer", timer.unit());
        let _ = run(&["systemctl", "stop", &unit]); // it may be over, or never have been
        let _ = run(&["systemctl", "reset-failed", &unit]);
    }

    fn load_policy(&self) -> Result<(), String> {
        if !Path::new(mfa_proto::ROOT_SOCKET).exists() {
            return Ok(());
        }
        let mut daemon = crate::connect(None).map_err(|failure| failure.message)?;
        let findings: Findings = daemon.call(RELOAD, &serde_json::json!({})).map_err(|failure| failure.message)?;
        match findings.errors.first() {
            None => Ok(()),
            Some(error) => {
                let line = error.line.map(|line| format!(":{line}")).unwrap_or_default();
                Err(format!("{}{line}: {}", printable::line(&error.file), printable::lines(&error.message)))
            }
        }
    }

    fn check_sshd(&self) -> Result<(), String> {
        make_sshd_folder()?;
        run(&["sshd", "-t"])?;
        // Of somebody: where a Match asks for the port, sshd says nothing of nobody.
        run(&["sshd", "-T", "-C", &connection("root", HERE)]).map(drop)
    }

    fn sshd_of(&self, connection: &str) -> Result<Effective, String> {
        let said = run(&["sshd", "-T", "-C", connection])?;
        Effective::of(said.lines().map(str::to_owned)).ok_or_else(|| "sshd -T says nothing".to_owned())
    }

    fn reload_sshd(&self) -> Result<(), String> {
        let active = |unit: &&&str| run(&["systemctl", "is-active", "--quiet", unit]).is_ok();
        match ["ssh.service", "sshd.service"].iter().find(active) {
            Some(unit) => {
                run(&["sshd", "-t"])?;
                run(&["systemctl", "reload", unit])?;
                run(&["systemctl", "is-active", "--quiet", unit]).map(drop)
            }
            None => Ok(()),
        }
    }

    fn try_logins(&self, trials: &[Trial], folder: &Path) -> Result<(), TrialError> {
        trial::all_refuse(trials, folder, &treats)
    }

    fn try_typed(&self, typed: &mut Typed<'_>, folder: &Path) -> Result<(), TrialError> {
        typed::gets_in(typed, folder)
    }
}

/// What sshd needs to look at its own configuration; it is made where sshd has not run yet.
pub(crate) fn make_sshd_folder() -> Result<(), String> {
    if Path::new(SSHD_FOLDER).exists() {
        return Ok(());
    }
    let made = DirBuilder::new().mode(0o755).create(SSHD_FOLDER);
    made.map_err(|error| format!("{SSHD_FOLDER} cannot be made: {error}"))
}

/// What the policy does with this login, whatever was proved before. To become root by su is somebody else's question: of
/// whoever calls it.
fn treats(trial: &Trial, ssh_auth: &str) -> Treats {
    if trial.stands_for.starts_with("su") && !trial.stands_for.starts_with("sudo") {
        return Treats::MayBegin;
    }
    let (user, service, ssh_auth) = (trial.account.clone(), trial.stands_for.clone(), Some(ssh_auth.to_owned()));
    let question = Question { user, service, ssh_auth, ..Question::default() };
    let explained: Result<Explanation, Failure> =
        crate::connect(None).and_then(|mut daemon| daemon.call(EXPLAIN, &question));
    // What the daemon cannot say is no reason to believe a stack that asks nothing, or to answer what it asks.
    explained.map_or(Treats::Offers, |explained| treats_so(&explained))
}

fn treats_so(explained: &Explanation) -> Treats {
    let outcome = &explained.outcome;
    let is_remembered = outcome.ask_again.is_some() || outcome.remember.is_some();
    match (outcome.what.as_str(), outcome.reason.as_deref()) {
        _ if explained.observed => Treats::Otherwise,
        ("factors", _) if !is_remembered => Treats::Demands,
        ("enroll", Some("grace")) => Treats::MayBegin,
        ("enroll", Some("at-login" | "invite")) => Treats::Offers,
        _ => Treats::Otherwise,
    }
}

/// Stops all that may be armed.
pub(crate) fn disarm_all(world: &dyn World) {
    Timer::ALL.into_iter().for_each(|timer| world.disarm(timer));
}

/// What a program prints, if it succeeds within a minute; else what it complains of.
fn run(words: &[&str]) -> Result<String, String> {
    let output = Command::new("/usr/bin/timeout")
        .args(["--kill-after=5", "60"])
        .args(words)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .current_dir("/")
        .stdin(Stdio::null())
        .output();
    let command = words.join(" ");
    let output = output.map_err(|error| format!("{command} cannot be run: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let complaint = printable::lines(complaint.trim());
    Err(if complaint.is_empty() {
        format!("{command} failed ({})", output.status)
    } else {
        format!("{command}: {complaint}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_the_policy_does_is_read_from_what_the_daemon_explains() {
        let explained = |outcome: serde_json::Value, observed: bool| -> Explanation {
            let mut whole = json!({
                "user": "alice", "service": "sshd", "ssh_auth": "", "at": 1_790_000_000, "considered": [],
                "left_out": 0, "rule": "setup: the group", "observed": observed, "asked": "alice", "enrolled": [],
                "certain": true,
            });
            whole["outcome"] = outcome;
            serde_json::from_value(whole).unwrap()
        };
        let of = |what: &str, reason: Option<&str>| json!({ "what": what, "reason": reason, "kinds": ["totp"] });
        for (outcome, expected) in [
            (of("factors", None), Treats::Demands),
            (json!({ "what": "factors", "kinds": ["totp"], "ask_again": 300 }), Treats::Otherwise),
            (of("enroll", Some("at-login")), Treats::Offers),
            (of("enroll", Some("invite")), Treats::Offers),
            (of("enroll", Some("grace")), Treats::MayBegin),
            (of("enroll", Some("deny")), Treats::Otherwise),
            (of("skip", Some("exempt")), Treats::Otherwise),
        ] {
            assert_eq!(treats_so(&explained(outcome.clone(), false)), expected, "{outcome}");
            assert_eq!(treats_so(&explained(outcome.clone(), true)), Treats::Otherwise, "{outcome}");
        }
    }

    #[test]
    fn a_program_says_what_it_prints_or_complains_of_and_is_told_nothing() {
        assert_eq!(run(&["echo", "yes"]).unwrap(), "yes\n");
        assert_eq!(run(&["sh", "-c", "echo bad >&2; exit 1"]).unwrap_err(), "sh -c echo bad >&2; exit 1: bad");
        assert!(run(&["false"]).unwrap_err().starts_with("false failed"));
        assert!(run(&["no-such-program"]).is_err());
        assert_eq!(run(&["printenv", "PATH"]).unwrap(), "/usr/sbin:/usr/bin:/sbin:/bin\n");
        assert!(run(&["printenv", "HOME"]).is_err());
    }
}
