//! `mfactl reconcile`: tells the daemon how the system's accounts are, so that seats of those who are gone are freed, those
//! who are back are known again, and everybody is counted. A timer runs it, and a change of the account files.
//!
//! It reads what only root can, which is when an account expires. It decides nothing.

use crate::Desk;
use crate::break_glass;
use crate::directory::{self, NAMES_AT_ONCE, Person, Shadow};
use crate::progress::Progress;
use crate::roster::{Search, Shells, refuses};
use crate::users::records;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::license::{Changed, MOST_SIGHTINGS, RECONCILE, Reconciled, SIGHTED, Seen, Sighting, Sightings};
use serde_json::json;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::fs;

/// Free the seats of accounts that are gone, and count everybody
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl reconcile
  systemctl list-timers mfa-reconcile.timer     when it runs by itself

Nobody's factors are touched: an enrollment that is suspended takes no seat,
and whoever comes back is asked as before.")]
pub(crate) struct Args {}

/// One thing to bring up to date.
type Step = fn(&mut Desk) -> Result<(), Failure>;

/// What is brought up to date, in this order.
const STEPS: [Step; 2] = [break_glass::reconcile, accounts];

pub(crate) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    // One that fails keeps none of the others from happening.
    let failed: Vec<Failure> = STEPS.iter().filter_map(|step| step(desk).err()).collect();
    failed.into_iter().next().map_or(Ok(Exit::Done), Err)
}

/// Seats, and how many accounts are how.
fn accounts(desk: &mut Desk) -> Result<(), Failure> {
    let mut progress = Progress::begin();
    let shadows = directory::shadows(&[])?;
    let local = local_names();
    let mut unseen: BTreeSet<String> = records(desk, None, &mut progress)?.into_keys().collect();
    let mut teller = Teller { desk, shadows, local, waiting: Vec::new() };
    let shells = Shells::of_this_machine();
    for (count, person) in directory::everybody()?.enumerate() {
        let person = person?;
        let is_recorded = unseen.remove(&person.user);
        if Search::Everybody.finds(&person, is_recorded, &shells) {
            teller.tell(Some(&person), &person.user)?;
        }
        progress.tell(count, "accounts");
    }
    teller.unlisted(unseen)?;
    teller.send()?;
    progress.end();
    let told: Reconciled = desk.daemon.call(RECONCILE, &json!({}))?;
    if desk.json { desk.screen.json(&told) } else { desk.screen.line(&printable::wrap(&sentences(&told))) }
}

/// The accounts of this machine's own file; none if it cannot be read.
fn local_names() -> HashSet<String> {
    let text = fs::read_to_string("/etc/passwd").unwrap_or_default();
    text.lines().filter_map(|line| line.split(':').next()).map(str::to_owned).collect()
}

/// Tells the daemon of accounts, many at once.
struct Teller<'a> {
    desk: &'a mut Desk,
    shadows: HashMap<String, Shadow>,
    local: HashSet<String>,
    waiting: Vec<Sighting>,
}

impl Teller<'_> {
    fn tell(&mut self, person: Option<&Person>, user: &str) -> Result<(), Failure> {
        let shadow = self.shadows.get(user).copied().unwrap_or_default();
        self.waiting.push(Sighting {
            user: user.to_owned(),
            ids: person.map(|person| (person.uid, person.gid)),
            local: self.local.contains(user),
            expires: shadow.expires,
            nologin: person.is_some_and(|person| refuses(&person.shell)),
            locked: shadow.locked,
        });
        if self.waiting.len() >= MOST_SIGHTINGS { self.send() } else { Ok(()) }
    }

    /// Records of accounts that the system does not list: a directory may know them by name all the same.
    fn unlisted(&mut self, mut names: BTreeSet<String>) -> Result<(), Failure> {
        while !names.is_empty() {
            let rest = names.iter().nth(NAMES_AT_ONCE).cloned().map(|first| names.split_off(&first));
            let some: Vec<&str> = names.iter().map(String::as_str).collect();
            let known = directory::named(some.iter().copied())?;
            let known: HashMap<&str, &Person> = known.iter().map(|person| (person.user.as_str(), person)).collect();
            self.shadows.extend(directory::shadows(&some)?);
            for user in some {
                self.tell(known.get(user).copied(), user)?;
            }
            names = rest.unwrap_or_default();
        }
        Ok(())
    }

    fn send(&mut self) -> Result<(), Failure> {
        if !self.waiting.is_empty() {
            let accounts = std::mem::take(&mut self.waiting);
            let _: Seen = self.desk.daemon.call(SIGHTED, &Sightings { accounts })?;
        }
        Ok(())
    }
}

fn sentences(told: &Reconciled) -> String {
    let named = |changed: &[Changed]| {
        let each = changed.iter().map(|one| format!("{} ({})", printable::line(&one.user), printable::line(&one.why)));
        each.collect::<Vec<_>>().join(", ")
    };
    let mut text = Vec::new();
    if !told.suspended.is_empty() {
        text.push(format!("Suspended, and their seats are free: {}.", named(&told.suspended)));
    }
    if !told.restored.is_empty() {
        text.push(format!("Back, and counted again: {}.", named(&told.restored)));
    }
    let all = told.suspended.len() + told.restored.len();
    if told.changes > u64::try_from(all).unwrap_or(u64::MAX) {
        text.push(format!("{} changes in all. See: mfactl audit", told.changes));
    }
    if told.changes == 0 {
        text.push("Nothing has changed.".to_owned());
    }
    if told.uncertain {
        text.push("A look-up failed, so nobody was suspended. It is tried again within the hour.".to_owned());
    }
    text.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_of_it_is_said_by_name_and_reason() {
        let changed = |user: &str, why: &str| vec![Changed { user: user.into(), why: why.into() }];
        let told = Reconciled { suspended: changed("bob\x1b", "deleted"), changes: 1, ..Reconciled::default() };
        assert_eq!(sentences(&told), "Suspended, and their seats are free: bob\\u{1b} (deleted).");
        let told = Reconciled { restored: changed("alice", "found"), changes: 300, ..Reconciled::default() };
        assert!(sentences(&told).ends_with("300 changes in all. See: mfactl audit"));
        let told = Reconciled { uncertain: true, ..Reconciled::default() };
        assert!(sentences(&told).contains("nobody was suspended"));
    }
}
