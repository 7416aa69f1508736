//! Which login session this process belongs to, and when that began: what makes a confirmation worth something.
//!
//! Nothing is taken from the environment. logind's word is read where `sd-login` reads it, by the name of our control
//! group, which only root could have given us: a user's own manager can make control groups, but only below its own.
//! Where there is no logind the kernel's audit session says it, and the oldest of our ancestors in it when it began.

use rustix::time::{ClockId, clock_gettime};
use std::fs;
use std::path::Path;
use std::time::Duration;

const SESSIONS: &str = "/run/systemd/sessions";
const PROC: &str = "/proc";
/// What the kernel writes for "not in one".
const NO_SESSION: &str = "4294967295";
/// The kernel's ticks of a second, in which it says when a process began: the same on every Linux that runs us.
const TICKS: u64 = 100;
/// More ancestors than any process has.
const MOST_ANCESTORS: usize = 1000;

/// A login session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What it is called.
    pub(crate) name: String,
    /// When it began: microseconds of the monotonic clock.
    pub(crate) began: u64,
    /// The PAM service that it came through, where that is known.
    pub(crate) service: Option<String>,
}

impl Session {
    /// The one this process is in.
    pub(crate) fn own() -> Option<Self> {
        by_logind(Path::new(PROC), Path::new(SESSIONS)).or_else(|| by_audit(Path::new(PROC)))
    }
}

/// Now, by the clock of [`Session::began`].
pub(crate) fn now() -> u64 {
    let now = Duration::try_from(clock_gettime(ClockId::Monotonic)).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn by_logind(proc: &Path, sessions: &Path) -> Option<Session> {
    let groups = fs::read_to_string(proc.join("self/cgroup")).ok()?;
    let name = session_among(&groups)?;
    let text = fs::read_to_string(sessions.join(name)).ok()?;
    let value = |key: &str| {
        let mut values = text.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        // What is said twice is not understood.
        values.next().filter(|_| values.next().is_none())
    };
    value("CLASS").filter(|class| *class == "user" || class.starts_with("user-"))?;
    let began = value("MONOTONIC")?.parse().ok().filter(|began| *began > 0)?;
    Some(Session { name: name.to_owned(), began, service: value("SERVICE").map(str::to_owned) })
}

/// `7` of `0::/user.slice/user-1000.slice/session-7.scope`. Only slices lie between: what lies below a user's own
/// manager is called what that user likes.
fn session_among(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (_, below) = line.split_once("/user.slice/")?;
        let (slices, scope) = below.rsplit_once('/')?;
        let name = scope.strip_prefix("session-")?.strip_suffix(".scope")?;
        let is_name = (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
        (is_name && slices.split('/').all(|part| part.ends_with(".slice"))).then_some(name)
    })
}

fn by_audit(proc: &Path) -> Option<Session> {
    let session_of = |process: &str| {
        let text = fs::read_to_string(proc.join(process).join("sessionid")).ok()?;
        Some(text.trim().to_owned()).filter(|session| session != NO_SESSION)
    };
    let own = session_of("self")?;
    let (mut process, mut began) = ("self".to_owned(), None);
    for _ in 0..MOST_ANCESTORS {
        if session_of(&process).as_ref() != Some(&own) {
            break;
        }
        let (parent, ticks) = parent_and_start(&fs::read_to_string(proc.join(&process).join("stat")).ok()?)?;
        began = Some(ticks);
        process = parent;
    }
    let began = began?.checked_mul(1_000_000 / TICKS)?;
    Some(Session { name: format!("audit {own}"), began, service: None })
}

/// The fourth and the twenty-second word; the second, in parentheses, may have anything in it.
fn parent_and_start(stat: &str) -> Option<(String, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    Some(((*words.get(1)?).to_owned(), words.get(19)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, write};

    const SSH: &str =
        "UID=1000\nCLASS=user\nSERVICE=sshd\nLEADER=52\nREALTIME=1795333291059462\nMONOTONIC=13382454291\n";

    fn machine(group: &str, session: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        create_dir_all(folder.path().join("self")).unwrap();
        create_dir_all(folder.path().join("sessions")).unwrap();
        write(folder.path().join("self/cgroup"), format!("0::{group}\n")).unwrap();
        write(folder.path().join("sessions/7"), session).unwrap();
        folder
    }

    fn found(group: &str, session: &str) -> Option<Session> {
        let machine = machine(group, session);
        by_logind(machine.path(), &machine.path().join("sessions"))
    }

    #[test]
    fn a_login_is_known_by_its_control_group_and_logind_says_when_it_began() {
        let session = Session { name: "7".into(), began: 13_382_454_291, service: Some("sshd".into()) };
        assert_eq!(found("/user.slice/user-1000.slice/session-7.scope", SSH), Some(session));
    }

    #[test]
    fn what_a_user_could_have_named_is_no_login() {
        for group in [
            "/user.slice/user-1000.slice/user@1000.service/session-7.scope",
            "/user.slice/user-1000.slice/user@1000.service/app.slice/session-7.scope",
            "/user.slice/user-1000.slice/session-8.scope",
            "/user.slice/user-1000.slice/session-../7.scope",
            "/system.slice/ssh.service",
            "/",
        ] {
            assert_eq!(found(group, SSH), None, "{group}");
        }
        let group = "/user.slice/user-1000.slice/session-7.scope";
        for odd in [
            SSH.replace("CLASS=user", "CLASS=background"),
            SSH.replace("MONOTONIC=13382454291\n", ""),
            SSH.replace("MONOTONIC=", "MONOTONIC=1\nMONOTONIC="),
        ] {
            assert_eq!(found(group, &odd), None, "{odd}");
        }
    }

    #[test]
    fn without_logind_the_oldest_process_of_the_audit_session_says_it() {
        let folder = tempfile::tempdir().unwrap();
        let stat = |parent: u32, start: u64| format!("9 (a ) b) S {parent} {} {start} 0", "0 ".repeat(17).trim());
        for (process, session, parent, start) in
            [("self", "5", 20, 900), ("20", "5", 10, 700), ("10", NO_SESSION, 1, 100)]
        {
            create_dir_all(folder.path().join(process)).unwrap();
            write(folder.path().join(process).join("sessionid"), session).unwrap();
            write(folder.path().join(process).join("stat"), stat(parent, start)).unwrap();
        }
        let session = Session { name: "audit 5".into(), began: 7_000_000, service: None };
        assert_eq!(by_audit(folder.path()), Some(session));
        write(folder.path().join("self/sessionid"), NO_SESSION).unwrap();
        assert_eq!(by_audit(folder.path()), None);
    }

    #[test]
    fn the_clock_of_sessions_is_that_of_this_process_too() {
        let stat = fs::read_to_string("/proc/self/stat").unwrap();
        let (_, ticks) = parent_and_start(&stat).unwrap();
        assert!(ticks * (1_000_000 / TICKS) <= now() + 1_000_000);
    }
}
