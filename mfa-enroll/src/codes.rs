//! `mfa-enroll codes`: a new set of backup codes; the old ones are void from then on.

use crate::backup_codes::{self, Keep};
use crate::session::Session;
use crate::sheet::{Sheet, SheetFile};
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure};
use mfa_proto::enrollment::{BackupCodes, NEW_BACKUP_CODES};
use std::path::PathBuf;

/// Make ten new backup codes; the old ones stop working
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll codes
  mfa-enroll codes --print codes.html     a page to print and keep
  mfa-enroll codes --save codes.txt       a new file that only you can read
  echo 492817 | mfa-enroll codes --json   the line proves that it is you")]
pub(crate) struct Args {
    /// Write them to a new file that only you can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write a page to print: .html or .txt
    #[arg(long, value_name = "FILE")]
    print: Option<SheetFile>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let keep = Keep::reserve(args.save.as_deref(), args.print.as_ref())?;
    make(session, keep)
}

/// Makes them, and hands them over.
pub(crate) fn make(session: &mut Session, keep: Keep) -> Result<Exit, Failure> {
    let before = session.status()?;
    if before.backup_codes > 0 && !session.json() {
        let old = counted(before.backup_codes.into(), "code");
        session.terminal.say(&format!("New backup codes replace the {old} you have.\n"));
    }
    let made: BackupCodes = session.change(NEW_BACKUP_CODES, &session.subject())?;
    let sheet = Sheet { enrolled: &before, app: None, codes: &made.backup_codes };
    if session.json() {
        keep.write(&sheet)?;
        session.screen.json(&made)?;
    } else {
        backup_codes::hand_over(session, &sheet, keep)?;
    }
    Ok(Exit::Done)
}
