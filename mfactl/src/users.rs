//! `mfactl users`: everybody, with what they have. Accounts come from the system, the rest from the daemon.

use crate::Desk;
use crate::directory::{self, Group, NAMES_AT_ONCE, Person};
use crate::progress::Progress;
use crate::roster::{Entry, Search, Shells};
use mfa_cli::{Daemon, Exit, Failure, Screen, Table, printable};
use mfa_proto::admin::{ACCOUNTS, List, Page, Summary};
use mfa_proto::license::{BYPASSED, Bypassed, Since};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// List accounts: factors, backup codes left, state
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl users
  mfactl users --bypassed          let in with one factor: seats are full
  mfactl users --search staff      part of a login, full name or group
  mfactl users --group staff --enrolled
  mfactl users --throttled
  mfactl users --json | jq '.[] | select(.state == \"none\") | .user'

Accounts of the system that nobody can log in to are left out, unless they
are enrolled or searched for by their exact name.")]
pub(crate) struct Args {
    /// Part of a login name, a full name or a group's name, in any case
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Only members of this group
    #[arg(long, value_name = "G")]
    group: Option<String>,
    /// Only accounts that were let in with one factor today, for want of a seat
    #[arg(long)]
    bypassed: bool,
    /// Only accounts that have a factor
    #[arg(long)]
    enrolled: bool,
    /// Only accounts that have begun to enroll
    #[arg(long)]
    pending: bool,
    /// Only accounts whose codes are refused now
    #[arg(long)]
    throttled: bool,
}

/// Who is left of those that were found: in the group, and in one of the states that were asked for.
struct Chosen<'a> {
    args: &'a Args,
    group: Option<Group>,
    /// Who was let in with one factor, if that is asked.
    bypassed: Option<HashSet<String>>,
}

impl<'a> Chosen<'a> {
    fn of(args: &'a Args, desk: &mut Desk) -> Result<Self, Failure> {
        let bypassed = if args.bypassed { Some(self::bypassed(desk)?) } else { None };
        let Some(name) = &args.group else { return Ok(Self { args, group: None, bypassed }) };
        let group = directory::groups()?.into_iter().find(|group| group.name == *name);
        let unknown =
            || Failure::refused("not_found", format!("There is no group {}. Check the name.", printable::line(name)));
        Ok(Self { args, group: Some(group.ok_or_else(unknown)?), bypassed })
    }

    fn holds(&self, person: Option<&Person>, user: &str) -> bool {
        let by_number = |group: &Group| person.is_some_and(|person| person.gid == group.gid);
        let is_bypassed = self.bypassed.as_ref().is_none_or(|bypassed| bypassed.contains(user));
        is_bypassed
            && self
                .group
                .as_ref()
                .is_none_or(|group| by_number(group) || group.members.iter().any(|member| member == user))
    }

    fn has(&self, entry: &Entry) -> bool {
        let Args { enrolled, pending, throttled, .. } = *self.args;
        let any = !(enrolled || pending || throttled);
        any || (enrolled && !entry.factors.is_empty()) || (pending && entry.pending) || (throttled && entry.throttled)
    }
}

/// Records by login name.
pub(crate) type Records = HashMap<String, Summary>;

pub(crate) fn run(args: &Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let mut progress = Progress::begin();
    let search = match &args.search {
        None => Search::Everybody,
        Some(text) => Search::text(text, &directory::groups()?),
    };
    let records = records(desk, args.search.as_deref(), &mut progress)?;
    let chosen = Chosen::of(args, desk)?;
    let out = Out::begin(&desk.screen, desk.json);
    let mut listing = Listing { chosen, search, shells: Shells::of_this_machine(), records, out };
    let mut sought = listing.search.names();
    let mut found = Vec::new();
    for (count, person) in directory::everybody()?.enumerate() {
        let person = person?;
        sought.remove(&person.user);
        if listing.search.finds(&person, true, &listing.shells) {
            found.push(person);
        } else {
            progress.tell(count, "accounts");
        }
        if found.len() == NAMES_AT_ONCE {
            progress.end();
            listing.add_found(std::mem::take(&mut found), &mut desk.daemon)?;
        }
    }
    progress.end();
    listing.add_found(found, &mut desk.daemon)?;
    unlisted(sought, &mut listing, &mut desk.daemon)?;
    listing.out.finish()?;
    Ok(Exit::Done)
}

/// Who was let in with one factor today, for want of a seat.
fn bypassed(desk: &mut Desk) -> Result<HashSet<String>, Failure> {
    let told: Bypassed = desk.daemon.call(BYPASSED, &Since { since: None })?;
    Ok(told.users.into_iter().collect())
}

/// The daemon's records, a page at a time: all of them, or those that have the text in their name.
pub(crate) fn records(desk: &mut Desk, search: Option<&str>, progress: &mut Progress) -> Result<Records, Failure> {
    let mut records = Records::new();
    let mut list = List { search: search.map(str::to_owned), ..List::default() };
    loop {
        let page: Page = desk.daemon.call(ACCOUNTS, &list)?;
        records.extend(page.accounts.into_iter().map(|record| (record.user.clone(), record)));
        progress.tell(records.len(), "records");
        match page.next {
            None => return Ok(records),
            // Pages that do not advance would never end.
            Some(next) if list.after.is_some_and(|after| next <= after) => {
                return Err(Failure::refused(
                    "protocol",
                    "The mfa daemon's pages do not end. Restart it, then try again.",
                ));
            }
            next => list.after = next,
        }
    }
}

/// The records of these names that are not known yet, a call for as many as may be asked for at once.
fn add_records(names: &[String], records: &mut Records, daemon: &mut Daemon) -> Result<(), Failure> {
    let unknown: Vec<&String> = names.iter().filter(|name| !records.contains_key(*name)).collect();
    for names in unknown.chunks(NAMES_AT_ONCE) {
        let names = names.iter().map(|name| (*name).clone()).collect();
        let page: Page = daemon.call(ACCOUNTS, &List { names: Some(names), ..List::default() })?;
        records.extend(page.accounts.into_iter().map(|record| (record.user.clone(), record)));
    }
    Ok(())
}

/// Accounts with a record that the system knows by name but does not list, or does not know any more; and the one
/// that was searched for by its exact name.
fn unlisted(sought: BTreeSet<String>, listing: &mut Listing<'_>, daemon: &mut Daemon) -> Result<(), Failure> {
    let sought: Vec<String> = sought.into_iter().collect();
    add_records(&sought, &mut listing.records, daemon)?;
    let records = std::mem::take(&mut listing.records);
    let mut records: BTreeMap<String, Option<Summary>> = records.into_iter().map(|(user, r)| (user, Some(r))).collect();
    if let Some(exact) = sought.into_iter().find(|name| listing.search.is(name)) {
        records.entry(exact).or_insert(None);
    }
    while !records.is_empty() {
        let rest = records.keys().nth(NAMES_AT_ONCE).cloned().map(|first| records.split_off(&first));
        let known = directory::named(records.keys().map(String::as_str))?;
        let mut known: HashMap<String, Person> =
            known.into_iter().map(|person| (person.user.clone(), person)).collect();
        for (user, record) in records {
            let person = known.remove(&user);
            let is_found = match &person {
                Some(person) => listing.search.finds(person, record.is_some(), &listing.shells),
                None => listing.search.finds_record(&user),
            };
            if is_found {
                listing.add(person, record)?;
            }
        }
        records = rest.unwrap_or_default();
    }
    Ok(())
}

/// Rows as they come: a table for people, an array for scripts.
enum Out<'a> {
    Text { screen: &'a Screen, table: Option<Table<'a>> },
    Json { screen: &'a Screen, is_first: bool },
}

/// What is listed of what is found.
struct Listing<'a> {
    chosen: Chosen<'a>,
    search: Search,
    shells: Shells,
    /// Those that are known and not listed yet.
    records: Records,
    out: Out<'a>,
}

impl Listing<'_> {
    /// Lists people who are found if they have a record, or anyway.
    fn add_found(&mut self, people: Vec<Person>, daemon: &mut Daemon) -> Result<(), Failure> {
        if !matches!(self.search, Search::Everybody) {
            let names: Vec<String> = people.iter().map(|person| person.user.clone()).collect();
            add_records(&names, &mut self.records, daemon)?;
        }
        for person in people {
            let record = self.records.remove(&person.user);
            if self.search.finds(&person, record.is_some(), &self.shells) {
                self.add(Some(person), record)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, person: Option<Person>, record: Option<Summary>) -> Result<(), Failure> {
        let user = person.as_ref().map(|person| &person.user).or_else(|| record.as_ref().map(|record| &record.user));
        if !user.is_some_and(|user| self.chosen.holds(person.as_ref(), user)) {
            return Ok(());
        }
        match Entry::of(person, record).filter(|entry| self.chosen.has(entry)) {
            Some(entry) => self.out.add(&entry),
            None => Ok(()),
        }
    }
}

impl<'a> Out<'a> {
    fn begin(screen: &'a Screen, json: bool) -> Self {
        if json { Self::Json { screen, is_first: true } } else { Self::Text { screen, table: None } }
    }

    fn add(&mut self, entry: &Entry) -> Result<(), Failure> {
        match self {
            Self::Text { screen, table } => {
                let titles = ["User", "Name", "Factors", "Codes", "State"];
                let table = table.get_or_insert_with(|| Table::new(screen, &titles));
                table.row(&entry.cells().each_ref().map(String::as_str))
            }
            Self::Json { screen, is_first } => {
                screen.data(if std::mem::take(is_first) { "[" } else { "," })?;
                screen.json(entry)
            }
        }
    }

    fn finish(self) -> Result<(), Failure> {
        match self {
            Self::Text { screen, table: None } => screen.line(&printable::wrap("Nobody is found.")),
            Self::Text { table: Some(table), .. } => table.finish(),
            Self::Json { screen, is_first } => screen.data(if is_first { "[]\n" } else { "]\n" }),
        }
    }
}
