//! `mfactl audit`: what happened, newest last, and whether the record of it is whole. Nothing is kept in memory but what
//! is asked for by number.

mod heads;
mod told;
mod verify;

use crate::Desk;
use crate::progress::Progress;
use mfa_cli::{Exit, Failure, moment};
use mfa_proto::audit::{Place, Query, RECORDS, Record, Records};
use std::collections::VecDeque;
use std::thread::sleep;
use std::time::Duration;
use told::Told;

/// Records that are shown if nothing else is said, and before those that are waited for.
const SHOWN: usize = 100;
const SHOWN_BEFORE: usize = 10;
/// Between two looks for more: at first, and when nothing has happened for a while.
const SOON: Duration = Duration::from_millis(200);
const LATER: Duration = Duration::from_secs(2);

/// Show what happened: logins, changes, the site's own events
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
#[command(after_help = "\
Examples:
  mfactl audit                          the newest 100 records, newest last
  mfactl audit --user alice --since yesterday
  mfactl audit --what denied --since 2h
  mfactl audit --follow                 and those to come, until Ctrl-C
  mfactl audit --since 2026-11-01 --json > november.jsonl
  mfactl audit verify                   was any record changed or removed?

With --json each record is a line: where it stands in the chain (node, seq,
hash) and the record as it was written.")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only what happened to this account
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Only since then: 2h, 3d, yesterday, 2026-11-20, "2026-11-20 14:00"
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<i64>,
    /// Only records of this word, such as passed, denied or policy-loaded
    #[arg(long, value_name = "WORD")]
    what: Option<String>,
    /// Then wait for more, and show it as it comes
    #[arg(long, short)]
    follow: bool,
    /// At most N records, the newest ones
    #[arg(long, short = 'n', value_name = "N")]
    limit: Option<usize>,
}

#[derive(clap::Subcommand)]
enum Command {
    Verify(verify::Args),
}

fn since(text: &str) -> Result<i64, String> {
    let moment = moment::since(text, moment::now());
    moment.ok_or_else(|| "say 2h, 3d, yesterday, 2026-11-20 or \"2026-11-20 14:00\"".to_owned())
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    if let Some(Command::Verify(_)) = args.command {
        return verify::run(desk);
    }
    let limit = match (args.limit, args.since, args.follow) {
        (None, Some(_), _) => None,
        (None, None, true) => Some(SHOWN_BEFORE),
        (None, None, false) => Some(SHOWN),
        (limit, ..) => limit,
    };
    let Args { user, since, what, follow, .. } = args;
    let query = Query { user, what, since, after: None, newest_first: false };
    let mut told = Told::default();
    let end = match limit {
        Some(limit) => newest(desk, &query, limit, &mut told)?,
        None => forward(desk, &query, None, &mut told)?,
    };
    if follow {
        wait(desk, &query, end, &mut told)?;
    } else if told.is_nothing() && !desk.json {
        desk.screen.line("No such record.")?;
    }
    Ok(Exit::Done)
}

/// The newest so many, newest last. Where the record ended before.
fn newest(desk: &mut Desk, query: &Query, limit: usize, told: &mut Told) -> Result<Option<Place>, Failure> {
    let mut end = Query { newest_first: true, ..Query::default() };
    let ends: Records = desk.daemon.call(RECORDS, &end)?;
    end.after = ends.records.first().map(place);
    let mut found: VecDeque<Record> = VecDeque::new();
    let mut progress = Progress::begin();
    let mut pages = Pages::of(Query { newest_first: true, ..query.clone() });
    while found.len() < limit
        && let Some(records) = pages.next(desk)?
    {
        let room = limit.saturating_sub(found.len());
        records.into_iter().take(room).for_each(|record| found.push_front(record));
        progress.tell(found.len(), "records");
    }
    progress.end();
    found.iter().try_for_each(|record| told.tell(desk, record))?;
    Ok(end.after)
}

/// All after a place as they come. Where the record ended.
fn forward(desk: &mut Desk, query: &Query, after: Option<Place>, told: &mut Told) -> Result<Option<Place>, Failure> {
    let mut progress = Progress::begin();
    let mut pages = Pages::of(Query { after, ..query.clone() });
    while let Some(records) = pages.next(desk)? {
        if !records.is_empty() {
            progress.end();
        }
        progress.tell(0, "matching records");
        records.iter().try_for_each(|record| told.tell(desk, record))?;
    }
    Ok(pages.query.after)
}

/// Waits for more until somebody ends it. A daemon that restarts is waited for, too.
fn wait(desk: &mut Desk, query: &Query, mut after: Option<Place>, told: &mut Told) -> Result<(), Failure> {
    let mut pause = SOON;
    loop {
        let before = told.count();
        match forward(desk, query, after, told) {
            Ok(end) => after = end.or(after),
            Err(failure) if failure.exit == Exit::Unreachable => desk.connect_anew()?,
            Err(failure) => return Err(failure),
        }
        pause = if told.count() > before { SOON } else { (pause * 2).min(LATER) };
        sleep(pause);
    }
}

/// Page after page of an answer.
struct Pages {
    query: Query,
    done: bool,
}

impl Pages {
    fn of(query: Query) -> Self {
        Self { query, done: false }
    }

    /// The next page, which may be empty; nothing after the last.
    fn next(&mut self, desk: &mut Desk) -> Result<Option<Vec<Record>>, Failure> {
        if self.done {
            return Ok(None);
        }
        let Records { records, next, done } = desk.daemon.call(RECORDS, &self.query)?;
        if !done && next == self.query.after {
            return Err(Failure::refused("protocol", "The record does not end. Restart mfa-daemon, then try again."));
        }
        self.done = done;
        self.query.after = next.or(self.query.after);
        Ok(Some(records))
    }
}

fn place(record: &Record) -> Place {
    Place { node: record.node, seq: record.seq }
}
