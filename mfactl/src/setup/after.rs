//! What comes after a setup: it is confirmed, taken back, undone, or looked at.

use super::back::{self, BackError, Edited, Restored, Run};
use super::confirm::{ConfirmError, confirm};
use super::diff;
use super::plan::FileChange;
use super::standing::{Standing, standing};
use super::store::StateError;
use crate::Shared;
use mfa_cli::{Exit, Failure, Screen, Terminal, moment, printable};
use serde_json::json;
use std::io::{IsTerminal as _, Write as _};
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

#[derive(clap::Subcommand)]
pub(super) enum After {
    /// Keep what was set up: with its code, from a login that began later
    #[command(after_help = "\
Example:
  sudo mfactl setup confirm 4821

Run this in another login that came in through what was changed: only that
shows that it works.")]
    Confirm {
        /// The code that `mfactl setup` printed
        #[arg(value_name = "CODE")]
        code: String,
    },
    /// Put everything back as it was before the last setup
    #[command(after_help = "\
Examples:
  sudo mfactl setup undo
  sudo mfactl setup undo --force    even what was edited since

Each file comes back with every byte, its owner and its permissions. What was
edited since is shown first; its text is kept in /var/lib/mfa-setup.")]
    Undo {
        /// Also files that were changed since; their text is kept
        #[arg(long)]
        force: bool,
    },
    /// What waits to be confirmed, or was confirmed
    #[command(after_help = "\
Examples:
  sudo mfactl setup status
  sudo mfactl setup status --json")]
    Status,
    /// Take back what is not confirmed in time: for the timer and the boot
    #[command(hide = true)]
    Rollback,
}

pub(super) fn run(after: &After, shared: &Shared) -> Result<Exit, Failure> {
    let screen = Screen::open();
    match after {
        After::Confirm { code } => confirmed(code, &screen, shared.json),
        After::Undo { force } => undo(*force, &screen, shared.json),
        After::Status => status(&screen, shared.json),
        After::Rollback => match back::back().map_err(from_back)? {
            Run::Done(back) if back.files.is_empty() => Ok(Exit::Done),
            Run::Done(back) => told("Not confirmed in time.", &back, &screen, shared.json),
            Run::Later(why) => {
                why.iter().for_each(|why| warn(why));
                Ok(Exit::Done)
            }
        },
    }
}

/// For the journal, as a warning. It is tried again whether anybody reads this or not.
fn warn(why: &str) {
    let level = if std::io::stderr().is_terminal() { "" } else { "<4>" };
    let why = why.trim_end_matches('.');
    let _ = writeln!(std::io::stderr(), "{level}{why}. It is tried again by itself, every five minutes at last.");
}

fn confirmed(code: &str, screen: &Screen, json: bool) -> Result<Exit, Failure> {
    confirm(code).map_err(|error| Failure::refused(code_of(&error), error.to_string()))?;
    if json {
        screen.json(&json!({ "confirmed": true }))?;
    } else {
        screen.line("Confirmed: it stays. The way back, at any time: mfactl setup undo")?;
    }
    Ok(Exit::Done)
}

fn code_of(error: &ConfirmError) -> &'static str {
    match error {
        ConfirmError::Nothing => "nothing_pending",
        ConfirmError::TooLate => "too_late",
        ConfirmError::WrongCode => "wrong",
        ConfirmError::OldLogin => "old_login",
        ConfirmError::OtherService { .. } => "other_service",
        ConfirmError::NoLogin => "no_login",
        ConfirmError::State(_) => "state",
    }
}

fn undo(force: bool, screen: &Screen, json: bool) -> Result<Exit, Failure> {
    let done = match back::undo(force) {
        Err(BackError::Edited(edited)) if !json => {
            let mut terminal = Terminal::open();
            show(&edited, screen)?;
            let question = "Undo all the same? What is in them now is kept in /var/lib/mfa-setup.";
            if !terminal.is_interactive() {
                return Err(from_back(BackError::Edited(edited)));
            }
            if !terminal.agrees(question)? {
                return Err(Failure::refused("not_confirmed", "Nothing was undone."));
            }
            back::undo(true)
        }
        done => done,
    };
    told("Undone.", &done.map_err(from_back)?, screen, json)
}

/// What others have made of the files since setup wrote them.
fn show(edited: &[Edited], screen: &Screen) -> Result<(), Failure> {
    screen.line("Changed since setup wrote it:")?;
    let change = |edited: &Edited| FileChange {
        path: edited.path.clone(),
        before: edited.wrote.clone(),
        after: edited.now.clone(),
        mode: 0,
    };
    let changes: Vec<FileChange> = edited.iter().map(change).collect();
    screen.line(&diff::shown(&changes, screen))
}

fn told(what: &str, back: &Restored, screen: &Screen, json: bool) -> Result<Exit, Failure> {
    if json {
        screen.json(&json!({ "restored": back.files, "kept": back.kept }))?;
        return Ok(Exit::Done);
    }
    screen.line(&format!("{what} As it was before:"))?;
    listed(&back.files, screen)?;
    if !back.kept.is_empty() {
        screen.line("Somebody had changed some of it since. What they wrote is kept in:")?;
        listed(&back.kept, screen)?;
    }
    Ok(Exit::Done)
}

fn listed(files: &[PathBuf], screen: &Screen) -> Result<(), Failure> {
    files.iter().try_for_each(|file| screen.line(&format!("  {}", printable::line(&file.display().to_string()))))
}

fn from_back(error: BackError) -> Failure {
    let code = match &error {
        BackError::Nothing => "nothing",
        BackError::Edited(_) => "edited",
        BackError::State(_) => "state",
        BackError::Files(_) => "files",
        BackError::Policy(_) => "policy",
        BackError::Sshd(_) => "sshd",
    };
    Failure::refused(code, error.to_string())
}

fn status(screen: &Screen, json: bool) -> Result<Exit, Failure> {
    let standing = standing().map_err(|error: StateError| Failure::refused("state", error.to_string()))?;
    let (word, sentence, moment, files) = match standing {
        None => ("none", "Nothing that mfactl setup did is in force.".to_owned(), None, Vec::new()),
        Some(Standing::Interrupted { files }) => {
            let sentence = "Setup was interrupted; it is taken back by itself. At once: mfactl setup undo";
            ("interrupted", sentence.to_owned(), None, files)
        }
        Some(Standing::Pending { until, files }) => {
            let until = seconds(until);
            let at = moment::time_of_day(until);
            let sentence = format!("Waits to be confirmed until {at}, from a new login: mfactl setup confirm CODE");
            ("pending", sentence, Some(until), files)
        }
        Some(Standing::Applied { at, files }) => {
            let at = seconds(at);
            let sentence = format!("Confirmed on {}. The way back: mfactl setup undo", moment::date_time(at));
            ("confirmed", sentence, Some(at), files)
        }
    };
    if json {
        screen.json(&json!({ "standing": word, "moment": moment, "files": files }))?;
        return Ok(Exit::Done);
    }
    screen.line(&printable::wrap(&sentence))?;
    listed(&files, screen)?;
    Ok(Exit::Done)
}

fn seconds(moment: SystemTime) -> i64 {
    let since = moment.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}
