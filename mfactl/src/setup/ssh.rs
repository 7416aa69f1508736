//! sshd's side: one file of ours among its drop-ins, which comes before all others, since the first value counts.
//!
//! What is in it is the administrator's answer; that it will count is looked at in the files as they would be.

use super::plan::FileChange;
use super::proposed::Proposed;
use super::words::SshWay;
use crate::pam::Place;
pub(crate) use crate::sshd::DROP_IN;
use crate::sshd::{ALL, Effective, FILE, Line, lines};
use crate::system::System;
use std::fmt;

/// How what setup writes begins: a file without it is somebody else's.
pub(crate) const MARK: &str = "# Written by mfactl setup. The way back: mfactl setup undo\n";
const BOTH: &str = "publickey,keyboard-interactive";
/// Stands in our file where no password let anybody in before it: what is in force later is what the file itself says.
const CLOSED: &str = "# Before this file no password let anybody in over ssh.";
const MODE: u32 = 0o644;

/// Why sshd's configuration is left alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SshError {
    /// sshd does not say what is in force.
    NoAnswer,
    /// The file that would be ours is somebody else's.
    NotOurs,
    /// It is not UTF-8 text.
    NotText,
    /// A line before ours decides otherwise.
    Overruled { keyword: String, place: Place },
    /// A list of methods names the one that would be off, so nobody of it could log in.
    NeedsPassword { place: Place },
    /// A `Match` takes sshd's own method away and says nothing of PAM's, which would let those in by password.
    WouldOpen { place: Place, within: String },
    /// It asks PAM under another name, and nobody knows that stack.
    OtherService(String),
    /// A forced command answers no questions, and root would be asked some.
    ForcedRoot,
    /// A name that cannot stand in a list of sshd's.
    OddName(String),
}

impl fmt::Display for SshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => {
                f.write_str("sshd does not take its configuration as it is now. First: sshd -t says what is wrong")
            }
            Self::NotOurs => write!(f, "{DROP_IN} is there already, and setup has not written it. Rename it first."),
            Self::NotText => write!(f, "{FILE} is not UTF-8 text, so it is left alone. Find the line with: sshd -t"),
            Self::Overruled { keyword, place } => {
                write!(f, "{keyword} is decided at {place}, which counts before {DROP_IN}. Take that line out first.")
            }
            Self::NeedsPassword { place } => write!(
                f,
                "The list of AuthenticationMethods at {place} names \"password\", which would be off. Make it \
                 \"keyboard-interactive\" there first: PAM asks for the password, too."
            ),
            Self::WouldOpen { place, within } => write!(
                f,
                "{place} lets nobody of \"Match {within}\" in by password, and with PAM's questions on it no longer \
                 would. Write KbdInteractiveAuthentication no there, too."
            ),
            Self::OtherService(name) => write!(
                f,
                "PAMServiceName makes sshd ask PAM for {name}, and what the module knows of sshd it knows by the name \
                 sshd. Take that line out of sshd's configuration first."
            ),
            Self::ForcedRoot => f.write_str(
                "Root comes over ssh by forced commands alone (PermitRootLogin forced-commands-only), which answer no \
                 questions, and would be asked some. Name root in `automation`, so that root's key stays enough; or \
                 choose another group, or another PermitRootLogin.",
            ),
            Self::OddName(name) => write!(
                f,
                "sshd cannot be told of {name:?} in a list of names. Choose a group, and accounts, whose names are \
                 letters, digits and ._@+- alone."
            ),
        }
    }
}

impl std::error::Error for SshError {}

/// What is wanted of sshd.
#[derive(Clone, Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) way: SshWay,
    /// Who must have a second factor.
    pub(crate) group: &'a str,
    /// Accounts that come by key alone, as before.
    pub(crate) automation: &'a [String],
    /// Seconds a login may take; `None` leaves that alone.
    pub(crate) grace: Option<u64>,
    /// Whether root is asked, as one of the group or by having a factor.
    pub(crate) asks_root: bool,
}

/// How long sshd waits for a login now, in seconds; 0 is without end.
pub(crate) fn grace_now(system: &dyn System) -> Option<u64> {
    Effective::ask(system, None)?.seconds("LoginGraceTime")
}

/// The files that change.
///
/// # Errors
/// [`SshError`]
pub(crate) fn changes(wish: &Wish<'_>, system: &dyn System) -> Result<Vec<FileChange>, SshError> {
    let effective = Effective::ask(system, None).ok_or(SshError::NoAnswer)?;
    let group = (wish.way == SshWay::PasswordAndCode).then_some(wish.group);
    let odd = wish.automation.iter().map(String::as_str).chain(group).find(|name| !is_plain(name));
    if let Some(name) = odd {
        return Err(SshError::OddName(name.to_owned()));
    }
    if let Some(name) = effective.value("PAMServiceName").filter(|name| *name != "sshd") {
        return Err(SshError::OtherService(name.to_owned()));
    }
    let is_program = wish.automation.iter().any(|name| name == "root");
    if wish.asks_root && !is_program && effective.value("PermitRootLogin") == Some("forced-commands-only") {
        return Err(SshError::ForcedRoot);
    }
    let before = system.text(DROP_IN);
    if before.as_ref().is_some_and(|before| !before.starts_with(MARK)) {
        return Err(SshError::NotOurs);
    }
    let text = drop_in(wish, &effective, before.as_deref());
    let before_is_silent = before.is_none() && !effective.is_yes("KbdInteractiveAuthentication");
    let mut files = Vec::new();
    if before.as_deref() != Some(text.as_str()) {
        let before = before.map(String::into_bytes);
        files.push(FileChange { path: DROP_IN.into(), before, after: Some(text.clone().into_bytes()), mode: MODE });
    }
    if !is_read(&Proposed { system, files: &files }) {
        files.push(included(system)?);
    }
    let lines = lines(&Proposed { system, files: &files });
    decides(&text, &lines)?;
    lists_hold(wish.way, &lines)?;
    if before_is_silent {
        opens_none(&text, &lines)?;
    }
    Ok(files)
}

/// Whether no password lets anybody in over ssh, but for what a `Match` says; as it was before our file, if that is there.
pub(crate) fn is_closed(system: &dyn System) -> bool {
    let before = system.text(DROP_IN).filter(|text| text.starts_with(MARK));
    Effective::ask(system, None).is_some_and(|effective| was_closed(&effective, before.as_deref()))
}

fn was_closed(effective: &Effective, ours: Option<&str>) -> bool {
    let by_pam = effective.is_yes("KbdInteractiveAuthentication") && effective.is_yes("UsePAM");
    ours.map_or(!effective.is_yes("PasswordAuthentication") && !by_pam, |ours| ours.contains(CLOSED))
}

/// Lines in a `Match` that say otherwise for some: they count there, whatever we write.
pub(crate) fn exceptions(files: &[FileChange], system: &dyn System) -> Vec<String> {
    const OURS: [&str; 3] = ["passwordauthentication", "kbdinteractiveauthentication", "authenticationmethods"];
    let proposed = Proposed { system, files };
    let within = |line: &Line| Some(format!("Match {}", line.within.as_ref()?));
    let told = lines(&proposed).into_iter().filter(|line| line.place.file != DROP_IN);
    let told = told.filter(|line| OURS.contains(&canonical(&line.keyword).as_str())).filter_map(|line| {
        let within = within(&line)?;
        Some(format!("{} says {} {}, and counts there ({within})", line.place, line.keyword, line.value))
    });
    told.collect()
}

/// The file, whole. What it says now of a time that is to stay as it is stays.
fn drop_in(wish: &Wish<'_>, effective: &Effective, now: Option<&str>) -> String {
    let closed = was_closed(effective, now);
    // Then PAM asks the group alone: everybody else goes on coming by key.
    let group_alone = closed && wish.way == SshWay::PasswordAndCode;
    let mut text = MARK.to_owned();
    let mut line = |line: &str| {
        text.push_str(line);
        text.push('\n');
    };
    line("UsePAM yes");
    line("# PAM asks, also for the password. sshd's own method would answer the question for the code with it.");
    if closed {
        line(CLOSED);
    }
    line(if group_alone { "KbdInteractiveAuthentication no" } else { "KbdInteractiveAuthentication yes" });
    line("PasswordAuthentication no");
    match (wish.grace, now.unwrap_or_default().lines().find(|line| line.starts_with("LoginGraceTime "))) {
        (Some(seconds), _) => line(&format!("LoginGraceTime {seconds}")),
        (None, Some(kept)) => line(kept),
        (None, None) => {}
    }
    if wish.way == SshWay::KeyAndCode {
        line(&format!("AuthenticationMethods {BOTH}"));
    }
    if !wish.automation.is_empty() {
        line("# They answer no questions: a key is enough, as before.");
        line(&format!("Match User {}", wish.automation.join(",")));
        line("    AuthenticationMethods publickey");
    }
    for root in root(wish, effective) {
        line(&root);
    }
    if wish.way == SshWay::PasswordAndCode {
        of_group(wish.group, group_alone).iter().for_each(|text| line(text));
    }
    line("Match all");
    text
}

/// What holds for the group where passwords are asked for; where none let anybody in, never without the key.
fn of_group(group: &str, group_alone: bool) -> Vec<String> {
    let group = format!("Match Group {group}");
    if group_alone {
        let remark = "# Who must have a code shows the key, as before, and is asked for the password and a code.";
        let asks = "    KbdInteractiveAuthentication yes".to_owned();
        return vec![remark.to_owned(), group, asks, format!("    AuthenticationMethods {BOTH}")];
    }
    let remark = "# Whoever has a key and must have a code is asked for the password, too, instead of being refused.";
    vec![remark.to_owned(), group, format!("    AuthenticationMethods {BOTH} keyboard-interactive")]
}

/// `PermitRootLogin prohibit-password` lets root answer nothing, so methods with a question would lock root out. A root
/// outside of the group comes by key, whatever it is.
fn root(wish: &Wish<'_>, effective: &Effective) -> Vec<String> {
    let permitted = effective.value("PermitRootLogin").unwrap_or("no");
    let by_key_alone = matches!(permitted, "prohibit-password" | "without-password");
    let lines: &[&str] = match (wish.asks_root, wish.way) {
        _ if permitted == "no" || wish.automation.iter().any(|name| name == "root") => &[],
        (true, _) if by_key_alone => &[
            "# Root comes by key and is asked, which \"prohibit-password\" would not let sshd do; never by password alone.",
            "Match User root",
            "    PermitRootLogin yes",
            "    AuthenticationMethods publickey,keyboard-interactive",
        ],
        (false, SshWay::KeyAndCode) => &[
            "# Root is not in the group: a key is enough, as before.",
            "Match User root",
            "    AuthenticationMethods publickey",
        ],
        (true, _) | (false, SshWay::PasswordAndCode) => &[],
    };
    lines.iter().map(|line| (*line).to_owned()).collect()
}

/// Whether sshd reads our file.
fn is_read(system: &dyn System) -> bool {
    lines(system).iter().any(|line| line.place.file == DROP_IN)
}

/// sshd's own file, with ours included at its top; the other drop-ins stay as unread as they were.
fn included(system: &dyn System) -> Result<FileChange, SshError> {
    let before = system.text(FILE).unwrap_or_default();
    if before.contains('\u{fffd}') {
        return Err(SshError::NotText);
    }
    let after = format!("{MARK}Include {DROP_IN}\n{before}");
    let (before, after) = (Some(before.into_bytes()), Some(after.into_bytes()));
    Ok(FileChange { path: FILE.into(), before, after, mode: MODE })
}

/// Whether what our file says for everybody is what counts.
fn decides(text: &str, lines: &[Line]) -> Result<(), SshError> {
    let ours = text.lines().take_while(|line| !line.starts_with("Match")).filter(|line| !line.starts_with('#'));
    for (keyword, value) in ours.filter_map(|line| line.split_once(' ')) {
        let name = keyword.to_ascii_lowercase();
        let of = |within: Option<&'static str>| {
            lines.iter().find(|line| canonical(&line.keyword) == name && line.within.as_deref() == within)
        };
        for first in [of(None), of(Some(ALL))].into_iter().flatten() {
            if first.place.file != DROP_IN && !first.value.eq_ignore_ascii_case(value) {
                return Err(SshError::Overruled { keyword: keyword.to_owned(), place: first.place.clone() });
            }
        }
    }
    Ok(())
}

/// Whether every list of methods that stays in force can still be gone through: sshd hangs up where none can.
fn lists_hold(way: SshWay, lines: &[Line]) -> Result<(), SshError> {
    let is = |line: &&Line, keyword: &str| canonical(&line.keyword) == keyword && line.place.file != DROP_IN;
    // Ours for everybody comes first, if it says any.
    let global = lines.iter().find(|line| is(line, "authenticationmethods") && line.within.is_none());
    let global = global.filter(|_| way == SshWay::PasswordAndCode);
    let has_its_own = |within: &Option<String>| {
        let own = lines.iter().find(|line| is(line, "passwordauthentication") && line.within == *within);
        own.is_some_and(|line| line.value.eq_ignore_ascii_case("yes"))
    };
    let matched = lines.iter().filter(|line| is(line, "authenticationmethods") && line.within.is_some());
    let mut all = global.into_iter().chain(matched.filter(|line| !has_its_own(&line.within)));
    let names_it = |line: &&Line| {
        let mut methods = line.value.split([',', ' ', '\t', '"']);
        methods.any(|method| method.split(':').next() == Some("password"))
    };
    match all.find(names_it) {
        Some(line) => Err(SshError::NeedsPassword { place: line.place.clone() }),
        None => Ok(()),
    }
}

/// Whether nobody for whom a `Match` has switched passwords off would be asked for one by PAM.
fn opens_none(text: &str, lines: &[Line]) -> Result<(), SshError> {
    if !text.lines().any(|line| line == "KbdInteractiveAuthentication yes") {
        return Ok(());
    }
    let others = || lines.iter().filter(|line| line.place.file != DROP_IN && line.within.is_some());
    let off = |line: &&Line| line.keyword == "passwordauthentication" && line.value.eq_ignore_ascii_case("no");
    for line in others().filter(off) {
        let mut same = others().filter(|other| other.within == line.within);
        let spoken = |other: &Line| {
            let methods = other.keyword == "authenticationmethods" && !other.value.contains("keyboard-interactive");
            methods || canonical(&other.keyword) == "kbdinteractiveauthentication"
        };
        if !same.any(spoken) {
            let within = line.within.clone().unwrap_or_default();
            return Err(SshError::WouldOpen { place: line.place.clone(), within });
        }
    }
    Ok(())
}

/// Under the name that sshd has for it today.
pub(super) fn canonical(keyword: &str) -> String {
    match keyword {
        "challengeresponseauthentication" | "skeyauthentication" => "kbdinteractiveauthentication".to_owned(),
        other => other.to_owned(),
    }
}

/// Whether a name means itself in a list of sshd's.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || "._@+-".contains(c))
}

#[cfg(test)]
#[path = "ssh_tests.rs"]
mod tests;
