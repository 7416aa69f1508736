//! `mfactl break-glass`: codes for the safe, with which the owner of the machine gets in while the daemon cannot decide.
//! It works without the daemon; that codes were used it tells the daemon when there is one again.

mod file;
mod page;
mod report;

use crate::directory;
use crate::{Desk, Shared, connect};
use clap::Subcommand;
use file::CodeFile;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, Terminal, moment, printable};
use mfa_proto::break_glass::{FOLDER, FRESH, Fresh, LONGEST_NAME, MOST, Record, State};
use report::tell;
use serde_json::json;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// Codes for the safe, for when nothing else lets in
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  mfactl break-glass create | lpr    a page for the safe
  mfactl break-glass status          how many are left, which were used by whom
  mfactl break-glass void            a page was lost")]
pub(crate) enum BreakGlass {
    Create(Create),
    Status(Status),
    Void(Void),
}

/// Make codes and show them once
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl break-glass create | lpr              a page for the safe
  mfactl break-glass create --for root alice   each works once, for either
  mfactl break-glass create --count 2 --json")]
pub(crate) struct Create {
    /// The accounts that each code lets in, once
    #[arg(long = "for", value_name = "NAME", num_args = 1.., default_value = "root")]
    accounts: Vec<String>,
    /// How many
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=50))]
    count: u32,
    #[command(flatten)]
    place: Place,
}

/// See how many are left for whom, and which were used
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl break-glass status
  mfactl break-glass status --json")]
pub(crate) struct Status {
    #[command(flatten)]
    place: Place,
}

/// Make codes worthless that nobody has used: all of them, or some
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl break-glass void          a page was lost: all of them
  mfactl break-glass void 3 4      only these two
  mfactl break-glass void --yes    from a script")]
pub(crate) struct Void {
    /// Numbers on the page
    #[arg(value_name = "NUMBER")]
    numbers: Vec<u32>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    #[command(flatten)]
    place: Place,
}

/// How many codes nobody has used; `None` if that cannot be seen.
pub(crate) fn unused() -> Option<usize> {
    let records = CodeFile::of(Path::new(FOLDER)).read().ok()?;
    Some(records.iter().filter(|record| record.state == State::Unused).count())
}

/// Where the codes are.
#[derive(clap::Args)]
struct Place {
    /// A folder of codes that is elsewhere
    #[arg(long, value_name = "PATH", hide = true, default_value = FOLDER)]
    folder: PathBuf,
}

/// Runs the command, whether there is a daemon or not.
pub(crate) fn run(command: &BreakGlass, shared: &Shared) -> Result<Exit, Failure> {
    let screen = Screen::open();
    match command {
        BreakGlass::Create(args) => create(args, &screen, shared.json),
        BreakGlass::Status(args) => status(args, &screen, shared),
        BreakGlass::Void(args) => void(args, &screen, shared.json),
    }
}

/// Makes five codes for root, and for whoever this is, and shows them once.
pub(crate) fn make(whose: &str, screen: &Screen) -> Result<Exit, Failure> {
    let accounts = vec!["root".to_owned(), whose.to_owned()];
    create(&Create { accounts, count: 5, place: Place { folder: FOLDER.into() } }, screen, false)
}

/// Tells the daemon of codes that were used since: what `mfactl reconcile` does about them.
pub(crate) fn reconcile(desk: &mut Desk) -> Result<(), Failure> {
    let records = CodeFile::of(Path::new(FOLDER)).read()?;
    tell(&mut desk.daemon, &records).map(|_| ())
}

fn create(args: &Create, screen: &Screen, for_scripts: bool) -> Result<Exit, Failure> {
    let accounts = accounts(&args.accounts)?;
    let fresh = (0..args.count).map(|_| random()).collect::<Result<Vec<_>, _>>()?;
    let now = moment::now();
    let made = CodeFile::of(&args.place.folder).change(|records| {
        let first = records.iter().map(|record| record.number).max().unwrap_or(0).saturating_add(1);
        // What was voided tells nobody anything any more.
        records.retain(|record| !matches!(record.state, State::Void(_)));
        let older = records.iter().filter(|record| record.state == State::Unused).count();
        let new = fresh.iter().zip(first..).map(|(fresh, number)| Record::new(number, now, &accounts, fresh));
        let new = new.collect::<Option<Vec<_>>>().ok_or_else(odd_names)?;
        records.extend(new);
        if records.len() > MOST { Err(too_many()) } else { Ok((first, older)) }
    })?;
    let (first, older) = made;
    let codes: Vec<(u32, Zeroizing<String>)> = (first..).zip(fresh.iter().map(|fresh| fresh.code.spell())).collect();
    if for_scripts {
        let codes: Vec<_> =
            codes.iter().map(|(number, code)| json!({ "number": number, "code": code.as_str() })).collect();
        screen.json(&json!({ "for": accounts, "codes": codes, "older": older }))?;
    } else {
        screen.write(&page::of(&accounts, &codes, (older, now)))?;
    }
    Ok(Exit::Done)
}

/// The accounts as they were named, each once; a name that nobody has is a slip.
fn accounts(named: &[String]) -> Result<Vec<String>, Failure> {
    let mut accounts: Vec<String> = named.to_vec();
    accounts.sort_unstable();
    accounts.dedup();
    for name in &accounts {
        // The module compares names as the login gives them.
        let known = directory::named([name.as_str()])?.iter().any(|person| person.user == *name);
        if !known {
            let name = printable::line(name);
            return Err(Failure::refused("unknown_user", format!("There is no account {name}. Check the name.")));
        }
    }
    Ok(accounts)
}

fn random() -> Result<Fresh, Failure> {
    let mut random = Zeroizing::new([0u8; FRESH]);
    getrandom::fill(random.as_mut())
        .map_err(|error| Failure::refused("failed", format!("The kernel gives no random numbers: {error}.")))?;
    Ok(Fresh::new(&random))
}

fn odd_names() -> Failure {
    let message = format!("A code takes a few accounts, whose names have {LONGEST_NAME} bytes each at the most.");
    Failure::refused("invalid", message)
}

fn too_many() -> Failure {
    let message = format!("That would be more than {MOST} codes. First: mfactl break-glass void");
    Failure::refused("too_many", message)
}

fn status(args: &Status, screen: &Screen, shared: &Shared) -> Result<Exit, Failure> {
    let records = CodeFile::of(&args.place.folder).read()?;
    // Without a daemon, the next one that is reached will be told.
    let told = connect(shared.socket.as_deref()).and_then(|mut daemon| tell(&mut daemon, &records)).is_ok();
    if shared.json {
        let codes: Vec<_> = records.iter().map(page::data).collect();
        screen.json(&json!({ "codes": codes, "left": page::left(&records), "daemon_told": told }))?;
    } else {
        page::show(screen, &records)?;
    }
    Ok(Exit::Done)
}

fn void(args: &Void, screen: &Screen, for_scripts: bool) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open();
    if !args.yes && (for_scripts || !terminal.is_interactive()) {
        return Err(Failure::usage("Nobody is here to ask whether this is meant. Say so with --yes"));
    }
    let file = CodeFile::of(&args.place.folder);
    let meant = |record: &Record| {
        record.state == State::Unused && (args.numbers.is_empty() || args.numbers.contains(&record.number))
    };
    let count = file.read()?.iter().filter(|record| meant(record)).count();
    let codes = counted(u64::try_from(count).unwrap_or(u64::MAX), "unused code");
    if !args.yes && !terminal.agrees(&format!("Void {codes}?"))? {
        return Err(Failure::refused("not_confirmed", "Nothing was changed."));
    }
    let now = moment::now();
    let voided = file.change(|records| {
        let mut voided = 0u64;
        for record in records.iter_mut().filter(|record| meant(record)) {
            record.state = State::Void(now);
            voided = voided.saturating_add(1);
        }
        Ok(voided)
    })?;
    if for_scripts {
        screen.json(&json!({ "voided": voided }))?;
    } else {
        let voided = counted(voided, "code");
        screen.line(&printable::wrap(&format!("Done: {voided} of the page in the safe no longer let anybody in.")))?;
    }
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests;
