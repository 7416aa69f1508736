//! The logins of the last 30 days against another policy: which of those that got in would not.

use super::lines::beside;
use super::told::why;
use crate::Desk;
use crate::progress::Progress;
use mfa_cli::words::counted;
use mfa_cli::{Failure, Screen, moment, printable};
use mfa_proto::policy::{Login, REPLAY, Replay as Part, Replayed};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Failing logins that are kept and shown in full.
const KEPT: usize = 1000;
const SHOWN: usize = 10;

/// All parts together.
#[derive(Default, Serialize)]
pub(super) struct Replay {
    logins: u64,
    different: u64,
    asked: u64,
    spared: u64,
    gone: u64,
    /// Failing ones; `failing` holds no more than a thousand of them.
    failures: u64,
    silent_failures: u64,
    /// Of these, those that fail today, too.
    failures_before: u64,
    failing: Vec<Login>,
    uncertain: BTreeMap<String, u64>,
}

impl Replay {
    /// Asks for one part after the other.
    pub(super) fn take(desk: &mut Desk, progress: &mut Progress) -> Result<Self, Failure> {
        let mut replay = Self::default();
        let mut part = Part::default();
        loop {
            let told: Replayed = desk.daemon.call(REPLAY, &part)?;
            let next = told.next;
            replay.add(told);
            progress.tell(usize::try_from(replay.logins).unwrap_or(usize::MAX), "logins");
            match next {
                None => return Ok(replay),
                // Parts that do not advance would never end.
                Some(next) if part.after.is_some_and(|after| next >= after) => {
                    return Err(Failure::refused("protocol", "The record of logins does not end. Restart mfa-daemon."));
                }
                next => part.after = next,
            }
        }
    }

    fn add(&mut self, part: Replayed) {
        self.logins += part.logins;
        self.different += part.different;
        self.asked += part.asked;
        self.spared += part.spared;
        self.gone += part.gone;
        for (key, count) in part.uncertain {
            *self.uncertain.entry(key).or_default() += count;
        }
        for login in part.failing {
            self.failures += 1;
            self.silent_failures += u64::from(login.silent);
            self.failures_before += u64::from(login.as_before);
            if self.failing.len() < KEPT {
                self.failing.push(login);
            }
        }
    }

    /// Whether a login would fail that would get in today.
    pub(super) fn fails(&self) -> bool {
        self.failures > self.failures_before
    }

    pub(super) fn print(&self, screen: &Screen, file: Option<&Path>) -> Result<(), Failure> {
        screen.line(&printable::wrap(&self.summary()))?;
        for login in self.failing.iter().take(SHOWN) {
            screen.line(&beside("", 2, &failing(login)))?;
        }
        if self.failures > SHOWN as u64 {
            screen.line(&format!("  and {} more: --json", self.failures - SHOWN as u64))?;
        }
        if let Some(login) = self.failing.first() {
            screen.line(&beside("", 2, &format!("Why: {}", command(login, file))))?;
        }
        Ok(())
    }

    fn summary(&self) -> String {
        if self.logins == 0 {
            return "Replayed 30 days: no login is on record.".to_owned();
        }
        let mut text = format!("Replayed 30 days: {}, {} different", counted(self.logins, "login"), self.different);
        if self.asked > 0 || self.spared > 0 {
            text.push_str(&format!("; {} newly asked, {} no longer", self.asked, self.spared));
        }
        match self.failures {
            0 => text.push_str("; none that got in would fail."),
            failures => {
                text.push_str(&format!("; {failures} that got in WOULD FAIL"));
                let mut more = Vec::new();
                if self.silent_failures > 0 {
                    more.push(format!("{} non-interactive", self.silent_failures));
                }
                if self.failures_before > 0 {
                    more.push(format!("{} today, too", self.failures_before));
                }
                let more = if more.is_empty() { String::new() } else { format!(" ({})", more.join(", ")) };
                text.push_str(&format!("{more}:"));
            }
        }
        text
    }

    /// What could not be known of these logins.
    pub(super) fn unknown(&self) -> Vec<String> {
        let mut told = Vec::new();
        for (key, count) in &self.uncertain {
            let what = match key.as_str() {
                "from" | "not_from" => "the address",
                "origin" => "whether they were at this machine",
                "ssh_auth" | "ssh_key" => "what sshd had verified",
                "who" => "who asked",
                "groups" => "a group",
                "hours" => "the civil time",
                _ => "something else",
            };
            told.push(format!("{what}, of {} replayed", counted(*count, "login")));
        }
        if self.gone > 0 {
            told.push(format!("{} of accounts that are not there any more", counted(self.gone, "login")));
        }
        told
    }
}

/// Such as `backup at sshd from 10.0.0.9, last on 2026-11-20 03:00: …`.
fn failing(login: &Login) -> String {
    let mut text = format!("{} at {}", printable::line(&login.user), printable::line(&login.service));
    if let Some(rhost) = &login.rhost {
        text.push_str(&format!(" from {}", printable::line(rhost)));
    }
    let silent = if login.silent { ", non-interactive" } else { "" };
    let why = why(&login.outcome, login.silent);
    let (rule, at) = (printable::line(&login.rule), moment::date_time(login.at));
    let perhaps = if login.certain { "" } else { "; perhaps, for not all is known" };
    let before = if login.as_before { "; so it is today" } else { "" };
    format!("{text}{silent}, last on {at}: {why} ({rule}{before}{perhaps})")
}

/// The command that says more.
fn command(login: &Login, file: Option<&Path>) -> String {
    let mut text = format!(
        "mfactl policy explain --user {} --service {}",
        printable::line(&login.user),
        printable::line(&login.service)
    );
    if let Some(rhost) = &login.rhost {
        text.push_str(&format!(" --from {}", printable::line(rhost)));
    }
    if let Some(file) = file {
        text.push_str(&format!(" --policy {}", printable::line(&file.display().to_string())));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::policy::Outcome;

    fn login() -> Login {
        let outcome = Outcome { what: "factors".into(), kinds: vec!["totp".into()], ..Outcome::default() };
        Login {
            user: "backup".into(),
            service: "sshd".into(),
            rhost: Some("10.0.0.9\x1b".into()),
            at: 1_790_000_000,
            silent: true,
            rule: "defaults".into(),
            outcome,
            as_before: false,
            certain: true,
        }
    }

    #[test]
    fn parts_add_up() {
        let mut replay = Replay::default();
        assert_eq!(replay.summary(), "Replayed 30 days: no login is on record.");
        replay.add(Replayed { logins: 5, different: 2, ..Replayed::default() });
        assert_eq!(replay.summary(), "Replayed 30 days: 5 logins, 2 different; none that got in would fail.");
        let before = Login { as_before: true, silent: false, ..login() };
        replay.add(Replayed {
            logins: 3,
            different: 3,
            asked: 2,
            failing: vec![login(), before],
            ..Replayed::default()
        });
        assert_eq!(
            replay.summary(),
            "Replayed 30 days: 8 logins, 5 different; 2 newly asked, 0 no longer; 2 that got in WOULD FAIL (1 \
             non-interactive, 1 today, too):"
        );
        assert!(replay.fails());
    }

    #[test]
    fn a_failing_login_is_told_with_the_reason() {
        let text = failing(&login());
        assert!(text.starts_with("backup at sshd from 10.0.0.9\\u{1b}, non-interactive, last on "), "{text}");
        assert!(text.ends_with("a factor is asked for, and nobody can be asked there (defaults)"), "{text}");
    }
}
