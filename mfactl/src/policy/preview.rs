//! `mfactl policy preview`: who would be asked, not asked any more, or locked out by another policy, over all accounts
//! of the system and all records of the daemon; and which logins of the last 30 days would fail. Changes nothing.

use super::draft::Place;
use super::lines::{beside, either, kinds, places, some};
use super::replay::Replay;
use crate::Desk;
use crate::directory::{self, NAMES_AT_ONCE, Person};
use crate::progress::Progress;
use crate::roster::{Search, Shells};
use crate::users::{self, Records};
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, printable};
use mfa_proto::policy::{Account, Accounts, Change, Changes, LockedOut, MOST_ACCOUNTS, PREVIEW};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Show what a policy would change before it is in force; exit code 1 if anybody
/// would be locked out
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl policy preview                   /etc/mfa as it is now, not loaded yet
  mfactl policy preview new.toml          in place of policy.toml
  mfactl policy preview x.toml --as policy.d/60-x.toml
  mfactl policy preview --json | jq '.changes[] | select(.locked_out) | .user'

It is compared with the policy in force. Accounts of the system that nobody can
log in to are left out, unless they are enrolled.")]
pub(crate) struct Args {
    /// The file; without it the folder as it is
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

pub(crate) fn run(args: &Args, desk: &mut Desk) -> Result<Exit, Failure> {
    if let Some(file) = &args.file {
        args.place.send(file, desk)?;
    }
    match super::all_right(desk)? {
        Ok(findings) if !desk.json && !findings.warnings.is_empty() => {
            super::show(&desk.screen, &findings)?;
            desk.screen.line("")?;
        }
        Ok(_) => {}
        Err(findings) => return refused(&findings, desk),
    }
    let preview = Preview::take(desk)?;
    if desk.json {
        desk.screen.json(&preview.data())?;
    } else {
        preview.print(&desk.screen, args.file.as_deref())?;
    }
    Ok(if preview.locks_out() { Exit::Refused } else { Exit::Done })
}

/// A policy that would not be taken has no preview.
pub(crate) fn refused(findings: &mfa_proto::policy::Findings, desk: &Desk) -> Result<Exit, Failure> {
    if desk.json {
        desk.screen.json(findings)?;
    } else {
        super::show(&desk.screen, findings)?;
        desk.screen.line("Nothing of this would be taken, so there is nothing to preview.")?;
    }
    Ok(Exit::Refused)
}

/// Names that are shown of a list.
const SHOWN: usize = 20;
/// Reasons that are shown in full.
const EXPLAINED: usize = 5;
/// Where the texts of the lines begin.
const COLUMN: usize = 25;

/// Everything that a policy would change.
#[derive(Default)]
pub(crate) struct Preview {
    accounts: u64,
    /// Records of accounts that the system does not know any more.
    gone: u64,
    in_force: bool,
    changes: Vec<Change>,
    conflicts: Vec<String>,
    unknown_groups: BTreeSet<String>,
    replay: Replay,
}

impl Preview {
    /// Asks about everybody, then about the logins there were.
    pub(crate) fn take(desk: &mut Desk) -> Result<Self, Failure> {
        let mut progress = Progress::begin();
        let mut preview = Self::default();
        let mut records = users::records(desk, None, &mut progress)?;
        let shells = Shells::of_this_machine();
        let mut page = Vec::new();
        for person in directory::everybody()? {
            let person = person?;
            let is_recorded = records.remove(&person.user).is_some();
            if Search::Everybody.finds(&person, is_recorded, &shells) {
                preview.add(person, &mut page, desk)?;
                progress.tell(usize::try_from(preview.accounts).unwrap_or(usize::MAX), "accounts");
            }
        }
        preview.unlisted(records, &mut page, desk)?;
        preview.ask(&mut page, desk)?;
        preview.replay = Replay::take(desk, &mut progress)?;
        Ok(preview)
    }

    fn add(&mut self, person: Person, page: &mut Vec<Account>, desk: &mut Desk) -> Result<(), Failure> {
        page.push(Account { user: person.user, uid: person.uid, gid: person.gid });
        if page.len() >= MOST_ACCOUNTS { self.ask(page, desk) } else { Ok(()) }
    }

    /// Accounts with a record that the system knows by name but does not list.
    fn unlisted(&mut self, records: Records, page: &mut Vec<Account>, desk: &mut Desk) -> Result<(), Failure> {
        let names: Vec<String> = records.into_keys().collect();
        for names in names.chunks(NAMES_AT_ONCE) {
            let known = directory::named(names.iter().map(String::as_str))?;
            let mut known: BTreeMap<String, Person> =
                known.into_iter().map(|person| (person.user.clone(), person)).collect();
            for name in names {
                match known.remove(name) {
                    Some(person) => self.add(person, page, desk)?,
                    None => self.gone += 1,
                }
            }
        }
        Ok(())
    }

    /// Asks about the accounts of the page, as many at a time as the daemon can answer for.
    fn ask(&mut self, page: &mut Vec<Account>, desk: &mut Desk) -> Result<(), Failure> {
        while !page.is_empty() {
            let told: Changes = desk.daemon.call(PREVIEW, &Accounts { accounts: page.clone() })?;
            let done = usize::try_from(told.done).unwrap_or(usize::MAX).min(page.len());
            if done == 0 {
                return Err(Failure::refused(
                    "protocol",
                    "The mfa daemon stopped answering in the middle. Restart it, then try again.",
                ));
            }
            page.drain(..done);
            self.accounts += told.done;
            self.in_force = told.in_force;
            self.changes.extend(told.changes);
            self.conflicts.extend(told.conflicts);
            self.unknown_groups.extend(told.unknown_groups);
        }
        Ok(())
    }

    /// Whether anybody could not get in: by what they have, or as they have come until now.
    pub(crate) fn locks_out(&self) -> bool {
        self.changes.iter().any(|change| change.locked_out.is_some()) || self.replay.fails()
    }

    /// Whether anybody could not get in who can today.
    pub(crate) fn newly_locked_out(&self) -> Vec<&str> {
        let is_new = |change: &&Change| change.locked_out.as_ref().is_some_and(|out| !out.as_before);
        self.changes.iter().filter(is_new).map(|change| change.user.as_str()).collect()
    }

    /// All of it, for scripts.
    pub(crate) fn data(&self) -> Value {
        let counted = |test: fn(&Change) -> bool| self.changes.iter().filter(|change| test(change)).count();
        json!({
            "counts": {
                "newly_asked": counted(|change| !change.newly_asked.is_empty()),
                "no_longer_asked": counted(|change| !change.less_asked.is_empty()),
                "newly_verified": counted(|change| !change.newly_verified.is_empty()),
                "locked_out": counted(|change| change.locked_out.is_some()),
                "sometimes_locked_out": counted(|change| change.sometimes_locked_out.is_some()),
                "must_enroll": counted(|change| change.enrolls.is_some()),
            },
            "accounts": self.accounts,
            "gone": self.gone,
            "in_force": self.in_force,
            "changes": self.changes,
            "conflicts": self.conflicts,
            "unknown_groups": self.unknown_groups,
            "replay": self.replay,
        })
    }

    /// A line for each thing that would change, the worst where it is seen; and the file, for further questions.
    pub(crate) fn print(&self, screen: &Screen, file: Option<&Path>) -> Result<(), Failure> {
        if !self.in_force {
            screen
                .line(&printable::wrap("No policy is in force now, so it is compared with one that asks nothing."))?;
        }
        let all = |test: fn(&Change) -> bool| -> Vec<&Change> { self.changes.iter().filter(|c| test(c)).collect() };
        let newly = all(|change| !change.newly_asked.is_empty());
        let told = format!("{}\n{}", of_these(&newly), names(&newly));
        self.line(screen, "Newly asked", &newly, &told)?;
        let less = all(|change| !change.less_asked.is_empty());
        self.line(screen, "No longer asked", &less, &names(&less))?;
        let verified = all(|change| !change.newly_verified.is_empty());
        if !verified.is_empty() {
            let told = format!("their keys must check a PIN or a fingerprint\n{}", names(&verified));
            self.line(screen, "Touch not enough", &verified, &told)?;
        }
        self.print_locked_out(screen)?;
        for (how, text) in ENROLLING {
            let who: Vec<&Change> =
                self.changes.iter().filter(|change| change.enrolls.as_deref() == Some(how)).collect();
            if !who.is_empty() {
                self.line(screen, "Must enroll", &who, &format!("{text}\n{}", names(&who)))?;
            }
        }
        self.replay.print(screen, file)?;
        self.print_unknown(screen)
    }

    fn line(&self, screen: &Screen, head: &str, who: &[&Change], text: &str) -> Result<(), Failure> {
        let head = format!("{head:<16} {:>5}", who.len());
        screen.line(beside(&head, COLUMN, if who.is_empty() { "" } else { text.trim() }).trim_end())
    }

    fn print_locked_out(&self, screen: &Screen) -> Result<(), Failure> {
        let out: Vec<&Change> = self.changes.iter().filter(|change| change.locked_out.is_some()).collect();
        let each = out.iter().take(EXPLAINED).filter_map(|change| Some(reason(change, change.locked_out.as_ref()?)));
        let mut text = each.collect::<Vec<_>>().join("\n");
        if out.len() > EXPLAINED {
            let rest: Vec<&Change> = out.iter().skip(EXPLAINED).copied().collect();
            text = format!("{text}\n{}", names(&rest));
        }
        let head = if out.is_empty() { "Locked out" } else { "LOCKED OUT" };
        self.line(screen, head, &out, &text)?;
        let some: Vec<&Change> = self.changes.iter().filter(|change| change.sometimes_locked_out.is_some()).collect();
        if some.is_empty() {
            return Ok(());
        }
        let text = format!("refused {}, and let in otherwise\n{}", depending(&some), names(&some));
        self.line(screen, "Sometimes refused", &some, &text)
    }

    fn print_unknown(&self, screen: &Screen) -> Result<(), Failure> {
        let mut unknown = Vec::new();
        if !self.unknown_groups.is_empty() {
            let groups = some(self.unknown_groups.iter().map(String::as_str), SHOWN);
            unknown
                .push(format!("who is in {groups}: the directory did not say; it is taken as strictly as it may be"));
        }
        if self.gone > 0 {
            unknown.push(format!("{}: the system has no such accounts any more", counted(self.gone, "record")));
        }
        unknown.extend(self.replay.unknown());
        for (at, text) in unknown.iter().enumerate() {
            screen.line(&beside(if at == 0 { "Not known:" } else { "" }, 11, text))?;
        }
        if !self.conflicts.is_empty() {
            let names = some(self.conflicts.iter().map(String::as_str), SHOWN);
            let text =
                format!("Refused today and then, since the record is somebody else's: {names}. See: mfactl user");
            screen.line(&printable::wrap(&text))?;
        }
        Ok(())
    }
}

/// How somebody enrolls, and what that means.
const ENROLLING: [(&str, &str); 4] = [
    ("at-login", "at their next login"),
    ("elsewhere", "before they can do this again: mfa-enroll"),
    ("invited", "with a code from an administrator"),
    ("later", "in a while; until then they go on without"),
];

/// Such as `38 enrolled, 3 enroll first`.
fn of_these(who: &[&Change]) -> String {
    let enrolled = who.iter().filter(|change| !change.enrolled.is_empty()).count();
    let mut parts = vec![format!("{enrolled} enrolled, {} not", who.len() - enrolled)];
    let sometimes: Vec<&Change> = who.iter().filter(|change| !change.depends_on.is_empty()).copied().collect();
    if !sometimes.is_empty() {
        parts.push(format!("{} only {}", sometimes.len(), depending(&sometimes)));
    }
    parts.join("; ")
}

/// Such as `for some addresses`.
fn depending(who: &[&Change]) -> String {
    let keys: BTreeSet<&str> = who.iter().flat_map(|change| &change.depends_on).map(String::as_str).collect();
    let words: BTreeSet<&str> = keys
        .iter()
        .map(|key| match *key {
            "from" | "not_from" => "from some addresses",
            "origin" => "here or from elsewhere",
            "ssh_auth" | "ssh_key" => "for some ways to log in to sshd",
            "hours" => "at some hours",
            "until" => "until a date",
            "users" | "groups" => "depending on who it is",
            _ => "sometimes",
        })
        .collect();
    words.into_iter().collect::<Vec<_>>().join(", ")
}

fn names(who: &[&Change]) -> String {
    some(who.iter().map(|change| change.user.as_str()), SHOWN)
}

/// Such as `carol at @ssh: needs security key, has phone app (rule "keys")`.
fn reason(change: &Change, out: &LockedOut) -> String {
    let needs =
        if out.needs.is_empty() { "cannot enroll there".to_owned() } else { format!("needs {}", either(&out.needs)) };
    let has = if change.enrolled.is_empty() { "nothing".to_owned() } else { kinds(&change.enrolled) };
    let before = if out.as_before { "; so it is today" } else { "" };
    let rule = match out.rule.as_str() {
        "defaults" => "[defaults]".to_owned(),
        name => format!("rule \"{}\"", printable::line(name)),
    };
    format!("{} {}: {needs}, has {has} ({rule}{before})", printable::line(&change.user), places(&out.services))
}

#[cfg(test)]
#[path = "preview_tests.rs"]
mod tests;
