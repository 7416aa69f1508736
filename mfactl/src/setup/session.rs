//! Which login session this process belongs to, and when that began: what makes a confirmation worth something.
//!
//! Nothing is taken from the environment. logind's word is read where `sd-login` reads it, by the name of our control
//! group, which only root could have given us: a user's own manager can make control groups, but only below its own.
//! What runs below that manager, as a desktop's terminal does, belongs to its user's newest session at a seat. Where
//! nobody tells logind of logins the kernel's audit session says it, and the oldest of our ancestors in it when it began and
//! what let it in: the kernel gives cron's jobs sessions, too.
//!
//! A session is as old as the process that asked for the password: one that asked before a change asked the old way.

use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::Path;
use std::time::Duration;

const SESSIONS: &str = "/run/systemd/sessions";
const PROC: &str = "/proc";
const STACKS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
/// What the kernel writes for "not in one".
const NO_SESSION: &str = "4294967295";
/// The kernel's ticks of a second, in which it says when a process began: the same on every Linux that runs us.
const TICKS: u64 = 100;
/// Programs that let people in, and the PAM service of each. What others begin, as cron does, is no login.
const LETS_IN: [(&str, &str); 7] = [
    ("sshd", "sshd"),
    ("sshd-session", "sshd"),
    ("login", "login"),
    ("gdm-session-worker", "gdm-password"),
    ("lightdm", "lightdm"),
    ("lxdm-session", "lxdm"),
    ("greetd", "greetd"),
];
/// More ancestors than any process has.
const MOST_ANCESTORS: usize = 1000;
/// How sessions at a seat are drawn; others there are consoles, whose programs are not below a user's manager.
const DRAWN: [&str; 3] = ["wayland", "x11", "mir"];

/// A login session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    /// What it is called.
    pub(crate) name: String,
    /// When the process began that let it in: microseconds of the clock that goes on while the machine sleeps.
    pub(crate) began: u64,
    /// When logind opened it: microseconds of the clock that sleeps with the machine; `None` without logind.
    pub(crate) opened: Option<u64>,
    /// The PAM service that it came through, where that is known.
    pub(crate) service: Option<String>,
}

/// A moment, by both clocks that a session's beginning is told in; neither is made into the other, since nobody knows
/// when the machine slept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Instant {
    /// Microseconds since the boot, sleep included: the kernel's clock for processes.
    all: u64,
    /// The same without sleep: logind's clock.
    awake: u64,
}

impl Instant {
    /// Now.
    pub(crate) fn now() -> Self {
        Self { all: microseconds(ClockId::Boottime), awake: microseconds(ClockId::Monotonic) }
    }
}

impl Session {
    /// The one this process is in.
    pub(crate) fn own() -> Option<Self> {
        Self::of(Path::new(PROC), Path::new(SESSIONS), &STACKS.map(Path::new))
    }

    fn of(proc: &Path, sessions: &Path, stacks: &[&Path]) -> Option<Self> {
        // Where logind is told of logins, what it does not call one is none: the kernel gives cron's jobs sessions, too.
        let is_told = sessions.is_dir() && stacks.iter().any(|folder| tells_logind(folder));
        if is_told { by_logind(proc, sessions) } else { by_audit(proc) }
    }

    /// Whether it began, and was asked for, after that.
    pub(crate) fn is_later_than(&self, moment: Instant) -> bool {
        self.began > moment.all && self.opened.is_none_or(|opened| opened > moment.awake)
    }
}

/// Whether a stack there tells logind of logins; that of users' own managers, which is systemd's, is about none.
fn tells_logind(folder: &Path) -> bool {
    let is_line = |line: &str| !line.trim_start().starts_with('#') && line.contains("pam_systemd");
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let texts = entries.filter(|entry| entry.file_name() != "systemd-user").map(|entry| fs::read(entry.path()));
    texts.filter_map(Result::ok).any(|text| String::from_utf8_lossy(&text).lines().any(is_line))
}

fn microseconds(clock: ClockId) -> u64 {
    let now = Duration::try_from(clock_gettime(clock)).unwrap_or_default();
    u64::try_from(now.as_micros()).unwrap_or(u64::MAX)
}

fn by_logind(proc: &Path, sessions: &Path) -> Option<Session> {
    let groups = fs::read_to_string(proc.join("self/cgroup")).ok()?;
    if let Some(name) = session_among(&groups) {
        return Said::read(sessions, name)?.session(name, proc);
    }
    let user = manager_among(&groups)?;
    let names = fs::read_dir(sessions).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let at_seat = names.filter(|name| is_name(name)).filter_map(|name| {
        let said = Said::read(sessions, &name).filter(|said| said.is_at_seat_of(user))?;
        said.session(&name, proc)
    });
    at_seat.max_by_key(|session| session.opened)
}

/// What logind has written down of a session.
struct Said(String);

impl Said {
    fn read(sessions: &Path, name: &str) -> Option<Self> {
        fs::read_to_string(sessions.join(name)).ok().map(Self)
    }

    fn value(&self, key: &str) -> Option<&str> {
        let mut values = self.0.lines().filter_map(|line| line.strip_prefix(key)?.strip_prefix('='));
        // What is said twice is not understood.
        values.next().filter(|_| values.next().is_none())
    }

    fn is_at_seat_of(&self, user: &str) -> bool {
        let is_drawn = self.value("TYPE").is_some_and(|kind| DRAWN.contains(&kind));
        is_drawn && self.value("UID") == Some(user) && self.value("SEAT").is_some_and(|seat| !seat.is_empty())
    }

    /// Its leader is who let it in: sshd's process of the connection, `login`, the login window's.
    fn session(&self, name: &str, proc: &Path) -> Option<Session> {
        self.value("CLASS").filter(|class| *class == "user" || class.starts_with("user-"))?;
        let opened = self.value("MONOTONIC")?.parse().ok().filter(|opened| *opened > 0)?;
        let leader: u32 = self.value("LEADER")?.parse().ok()?;
        let (_, began) = parent_and_start(&fs::read_to_string(proc.join(leader.to_string()).join("stat")).ok()?)?;
        let service = self.value("SERVICE").map(str::to_owned);
        Some(Session { name: name.to_owned(), began, opened: Some(opened), service })
    }
}

/// `7` of `0::/user.slice/user-1000.slice/session-7.scope`. Only slices lie between: what lies below a user's own
/// manager is called what that user likes.
fn session_among(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (_, below) = line.split_once("/user.slice/")?;
        let (slices, scope) = below.rsplit_once('/')?;
        let name = scope.strip_prefix("session-")?.strip_suffix(".scope")?;
        (is_name(name) && slices.split('/').all(|part| part.ends_with(".slice"))).then_some(name)
    })
}

fn is_name(name: &str) -> bool {
    (1..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// `1000` of `0::/user.slice/user-1000.slice/user@1000.service/app.slice/...`: whose manager this runs below.
fn manager_among(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (_, below) = line.split_once("/user.slice/")?;
        let mut parts = below.split('/');
        let user = parts.next()?.strip_prefix("user-")?.strip_suffix(".slice")?;
        let manager = parts.next()?.strip_prefix("user@")?.strip_suffix(".service")?;
        (user == manager && !user.is_empty() && user.bytes().all(|byte| byte.is_ascii_digit())).then_some(user)
    })
}

fn by_audit(proc: &Path) -> Option<Session> {
    let session_of = |process: &str| {
        let text = fs::read_to_string(proc.join(process).join("sessionid")).ok()?;
        Some(text.trim().to_owned()).filter(|session| session != NO_SESSION)
    };
    let own = session_of("self")?;
    let (mut process, mut oldest) = ("self".to_owned(), None);
    for _ in 0..MOST_ANCESTORS {
        if session_of(&process).as_ref() != Some(&own) {
            break;
        }
        let (parent, began) = parent_and_start(&fs::read_to_string(proc.join(&process).join("stat")).ok()?)?;
        oldest = Some((process, began));
        process = parent;
    }
    let (leader, began) = oldest?;
    let program = fs::read_link(proc.join(leader).join("exe")).ok()?;
    let program = program.file_name()?.to_str()?;
    // One that was replaced since, by an upgrade, is called so.
    let program = program.strip_suffix(" (deleted)").unwrap_or(program);
    let (_, service) = LETS_IN.iter().find(|(name, _)| *name == program)?;
    let service = Some((*service).to_owned());
    Some(Session { name: format!("audit {own}"), began, opened: None, service })
}

/// The fourth word and the twenty-second, in microseconds; the second, in parentheses, may have anything in it.
fn parent_and_start(stat: &str) -> Option<(String, u64)> {
    let (_, rest) = stat.rsplit_once(')')?;
    let words: Vec<&str> = rest.split_ascii_whitespace().collect();
    let ticks: u64 = words.get(19)?.parse().ok()?;
    Some(((*words.get(1)?).to_owned(), ticks.checked_mul(1_000_000 / TICKS)?))
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
