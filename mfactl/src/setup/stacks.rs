//! What is changed in PAM's files: one line, two in sshd's, and only where the stack is one that is understood. The new
//! text goes through the doctor's checks before anybody writes it.

use super::plan::{FileChange, Trial};
use super::proposed::Proposed;
use super::words::{SshWay, Where};
use crate::doctor::{self, Finding, Severity};
use crate::documents::DESKTOPS;
use crate::pam::{self, Phase, Service};
use crate::system::System;
use std::{fmt, path::PathBuf};

/// The folders of services, the first one that has a file wins.
const FOLDERS: [&str; 2] = ["/etc/pam.d", "/usr/lib/pam.d"];
const REMARK: &str = "# The second factor. The way back: mfactl setup undo";
const CONTROL: &str = "[success=ok new_authtok_reqd=ok ignore=ignore default=die]";
/// Anybody reads a stack, root alone writes it.
const MODE: u32 = 0o644;
/// Login windows that ask several times.
pub(crate) const WINDOWS: [&str; 6] = ["gdm-password", "lightdm", "lxdm", "greetd", "ly", "cosmic-greeter"];
/// Login windows that ask once.
const ONE_QUESTION: [&str; 2] = ["sddm", "plasmalogin"];

/// Why a stack is left alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum StackError {
    /// None of the services that would ask is there.
    NotThere(Where),
    /// Its login window asks once.
    AsksOnce(&'static str),
    /// The file is none that setup changes.
    NotUnderstood { file: String, why: String, lines: String },
    /// It names the module already, in the other way.
    OtherWay { place: String, wanted: SshWay },
    /// With the change it would not do what it should.
    Unsafe(Vec<Finding>),
    /// Others would ask, too, which were not meant.
    AlsoReached { file: String, services: Vec<String> },
}

impl fmt::Display for StackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotThere(place) => {
                write!(f, "This machine has no PAM service for {place}. Leave it out of `where`.")
            }
            Self::AsksOnce(window) => write!(
                f,
                "{window} asks one question alone, so password and code come in one line. Write its three lines by \
                 hand, as {DESKTOPS} has them, and leave desktop out of `where`."
            ),
            Self::NotUnderstood { file, why, lines } => write!(
                f,
                "{file} is left alone: {why}. Put in by hand what is below, then: mfactl doctor\n{lines}On Red Hat's \
                 systems: authselect select mfa"
            ),
            Self::OtherWay { place, wanted } => write!(
                f,
                "{place} names pam_mfa already, and not for {wanted}. First: mfactl setup undo, or take that line \
                 out; or answer the other way for ssh."
            ),
            Self::Unsafe(findings) => {
                f.write_str("Nothing was changed: with our line in it this would not be safe.")?;
                findings.iter().try_for_each(|finding| {
                    write!(f, "\n{}\n  {}\n  mend: {}", finding.what, finding.evidence, finding.mend)
                })
            }
            Self::AlsoReached { file, services } => write!(
                f,
                "{} would ask for a code, too, since they include {file}, and some of them cannot ask twice. Give them \
                 stacks of their own first, see {DESKTOPS}.",
                services.join(", ")
            ),
        }
    }
}

impl std::error::Error for StackError {}

/// What is to change, what is tried of it, and what is odd about it all the same.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Edits {
    pub(crate) files: Vec<FileChange>,
    pub(crate) trials: Vec<Trial>,
    pub(crate) warnings: Vec<Finding>,
}

/// The services of a place that this machine has.
pub(crate) fn services_of(place: Where, system: &dyn System) -> Vec<&'static str> {
    let all: &[&str] = match place {
        Where::Ssh => &["sshd"],
        Where::Sudo => &["sudo", "sudo-i", "doas", "su", "su-l", "polkit-1"],
        Where::Console => &["login"],
        Where::Desktop => &WINDOWS,
    };
    all.iter().copied().filter(|service| found(service, system).is_some()).collect()
}

/// Whether a place can be switched on here at all.
pub(crate) fn is_there(place: Where, system: &dyn System) -> bool {
    !services_of(place, system).is_empty()
}

/// Edits the files of these places; `account` is who tries the new stacks.
///
/// # Errors
/// [`StackError`]: none of them is changed then.
pub(crate) fn edits(places: &[Where], way: SshWay, account: &str, system: &dyn System) -> Result<Edits, StackError> {
    let mut edits = Edits::default();
    let mut meant = Vec::new();
    for place in places {
        let services = services_of(*place, system);
        let once = ONE_QUESTION.into_iter().find(|window| *place == Where::Desktop && found(window, system).is_some());
        match (services.is_empty(), once) {
            (_, Some(window)) => return Err(StackError::AsksOnce(window)),
            (true, None) => return Err(StackError::NotThere(*place)),
            (false, None) => {}
        }
        for service in services {
            let way = if *place == Where::Ssh { way } else { SshWay::PasswordAndCode };
            if let Some(change) = edit(service, way, &edits.files, system)? {
                edits.trials.extend(trial(service, &change, account, &edits.trials));
                edits.files.push(change);
            }
            meant.push(service);
        }
    }
    edits.warnings = looked_at(&edits.files, &meant, system)?;
    Ok(edits)
}

/// The file in which a service stands, with its text.
fn found(service: &str, system: &dyn System) -> Option<(String, String)> {
    let mut paths = FOLDERS.iter().map(|folder| format!("{folder}/{service}"));
    paths.find_map(|path| Some((path.clone(), system.text(&path)?)))
}

/// What changes for one service; nothing if it asks already.
fn edit(
    service: &str,
    way: SshWay,
    before: &[FileChange],
    system: &dyn System,
) -> Result<Option<FileChange>, StackError> {
    let proposed = Proposed { system, files: before };
    let read = pam::read(&proposed, service);
    let (file, text) = found(service, system).unwrap_or_default();
    let refused =
        |why: &str| StackError::NotUnderstood { file: file.clone(), why: why.to_owned(), lines: by_hand(&read, way) };
    if let Some(ours) = read.ours(Phase::Auth).first() {
        if ours.has("require_publickey") != (way == SshWay::KeyAndCode) {
            return Err(StackError::OtherWay { place: ours.place.to_string(), wanted: way });
        }
    }
    if text.contains('\u{fffd}') {
        return Err(refused("it is not UTF-8 text"));
    }
    let mut lines = Insert::of(&text);
    if read.ours(Phase::Auth).is_empty() {
        let only = "it does not include common-auth once, as Debian's stacks do";
        lines.auth(way).ok_or_else(|| refused(only))?;
    }
    if service == "sshd" && (read.ours(Phase::Account).is_empty() || lines.has_late_account()) {
        lines.account().ok_or_else(|| refused("it does not include common-account once, as Debian's does"))?;
    }
    let after = lines.text();
    if after == text {
        return Ok(None);
    }
    let path = PathBuf::from(format!("/etc/pam.d/{service}"));
    // A vendor's file is not changed: a copy with the line comes before it.
    let before = file.starts_with("/etc/").then(|| text.into_bytes());
    Ok(Some(FileChange { path, before, after: Some(after.into_bytes()), mode: MODE }))
}

fn auth_line(way: SshWay) -> String {
    match way {
        SshWay::PasswordAndCode => format!("auth {CONTROL} pam_mfa.so"),
        SshWay::KeyAndCode => format!("auth {CONTROL} pam_mfa.so require_publickey exempt=success"),
    }
}

fn account_line() -> String {
    format!("account {CONTROL} pam_mfa.so")
}

/// The lines that this service lacks, each with its place.
fn by_hand(service: &Service, way: SshWay) -> String {
    let place = match way {
        SshWay::PasswordAndCode => "behind what refuses a wrong password:",
        SshWay::KeyAndCode => "in place of what asks for the password:",
    };
    let mut lines = String::new();
    if service.ours(Phase::Auth).is_empty() {
        lines.push_str(&format!("{place}\n  {}\n", auth_line(way)));
    }
    if service.name == "sshd" && service.ours(Phase::Account).is_empty() {
        lines.push_str(&format!("before the other account lines:\n  {}\n", account_line()));
    }
    lines
}

/// A text, line by line, into which lines are put.
struct Insert {
    lines: Vec<String>,
}

impl Insert {
    fn of(text: &str) -> Self {
        Self { lines: text.split_inclusive('\n').map(str::to_owned).collect() }
    }

    fn text(&self) -> String {
        self.lines.concat()
    }

    /// After the password, or in place of it where a key came before.
    fn auth(&mut self, way: SshWay) -> Option<()> {
        let at = self.include_of("common-auth")?;
        match way {
            SshWay::PasswordAndCode => self.put(at + 1, &auth_line(way)),
            SshWay::KeyAndCode => {
                self.put(at + 1, &auth_line(way));
                self.lines.remove(at);
            }
        }
        Some(())
    }

    /// Before the system's own account lines: these end the stack where a password has expired, and with pam_localuser for
    /// every account of this machine, and nothing behind them is asked.
    fn account(&mut self) -> Option<()> {
        self.include_of("common-account")?;
        let (own, others) = self.lines.drain(..).partition(|line| is_own_account(line));
        self.lines = others;
        let at = self.include_of("common-account")?;
        // One that somebody has written keeps what it says.
        let own: Vec<String> = own;
        let own = own.iter().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>().join("\n");
        self.put(at, if own.is_empty() { account_line() } else { own }.as_str());
        Some(())
    }

    /// Whether our account line stands where it may not be reached.
    fn has_late_account(&self) -> bool {
        let late = |at: usize| self.lines.iter().skip(at).any(|line| is_own_account(line));
        self.include_of("common-account").is_some_and(late)
    }

    fn put(&mut self, at: usize, line: &str) {
        if let Some(before) =
            at.checked_sub(1).and_then(|at| self.lines.get_mut(at)).filter(|line| !line.ends_with('\n'))
        {
            before.push('\n');
        }
        self.lines.insert(at, format!("{REMARK}\n{line}\n"));
    }

    /// Where the line is that includes this file, if there is exactly one.
    fn include_of(&self, included: &str) -> Option<usize> {
        let includes = |line: &String| {
            let mut words = line.split_whitespace();
            words.next() == Some("@include") && words.next() == Some(included)
        };
        let mut places = self.lines.iter().enumerate().filter(|(_, line)| includes(line)).map(|(at, _)| at);
        let (at, None) = (places.next()?, places.next()) else { return None };
        Some(at)
    }
}

/// Whether this is a line of sshd's by which our module decides about accounts.
fn is_own_account(line: &str) -> bool {
    let phase = line.split_whitespace().next().unwrap_or_default().trim_start_matches('-');
    phase == "account" && line.contains("pam_mfa.so")
}

/// What is tried of a new text: its questions, without what would let root in unasked. The same is tried once.
fn trial(service: &str, change: &FileChange, account: &str, others: &[Trial]) -> Option<Trial> {
    let text = String::from_utf8(change.after.clone()?).ok()?.replace("\\\n", " ");
    let asks = |line: &&str| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        let included = words.next().unwrap_or_default();
        let auth = first.trim_start_matches('-') == "auth" && !line.contains("pam_rootok");
        auth || first == "@include" && (included == "common-auth" || included == "common-account")
    };
    let stack: String = text.lines().filter(asks).map(|line| format!("{line}\n")).collect();
    let is_new = others.iter().all(|trial| trial.stack != stack);
    is_new.then(|| Trial { stands_for: service.to_owned(), stack, account: account.to_owned() })
}

/// What the doctor says of it, and whether anybody else is reached.
fn looked_at(files: &[FileChange], meant: &[&str], system: &dyn System) -> Result<Vec<Finding>, StackError> {
    let proposed = Proposed { system, files };
    let known = doctor::of_stacks(system);
    let is_new = |finding: &Finding| {
        known.iter().all(|known| (&known.what, &known.evidence) != (&finding.what, &finding.evidence))
    };
    // What is to ask must be right, whatever was wrong with it before; elsewhere only what comes of the change counts.
    let names: Vec<String> = meant.iter().map(|name| (*name).to_owned()).collect();
    let mut told = doctor::of_services(&names, &proposed);
    let others = doctor::of_stacks(&proposed).into_iter().filter(is_new);
    let others: Vec<Finding> = others.filter(|finding| !told.contains(finding)).collect();
    told.extend(others);
    let (failing, odd): (Vec<_>, Vec<_>) = told.into_iter().partition(|finding| finding.severity == Severity::Fail);
    if !failing.is_empty() {
        return Err(StackError::Unsafe(failing));
    }
    let asks = |system: &dyn System, name: &str| !pam::read(system, name).ours(Phase::Auth).is_empty();
    let mut also = Vec::new();
    for name in pam::services(&proposed).iter().filter(|name| !meant.contains(&name.as_str())) {
        if !name.starts_with("common-") && asks(&proposed, name) && !asks(system, name) {
            also.push(name.clone());
        }
    }
    match culprit(&also, files, &proposed) {
        Some(file) => Err(StackError::AlsoReached { file, services: also }),
        None => Ok(odd),
    }
}

/// The changed file through which the first of these is reached.
fn culprit(also: &[String], files: &[FileChange], proposed: &Proposed<'_>) -> Option<String> {
    let service: Service = pam::read(proposed, also.first()?);
    let place = service.ours(Phase::Auth).first()?.place.file.clone();
    let changed = files.iter().find(|change| change.path.to_str() == Some(place.as_str()));
    Some(changed.map_or(place, |change| change.path.display().to_string()))
}

#[cfg(test)]
#[path = "stacks_tests.rs"]
mod tests;
