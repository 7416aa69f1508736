//! `mfactl forget`: asks an account again wherever nothing was asked for a while.

use crate::Desk;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::enrollment::{FORGET, Forget, Forgotten};

/// Ask an account again wherever it is remembered
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl user alice      shows where she is not asked
  mfactl forget alice    a lost laptop: asked everywhere again")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let user = printable::line(&args.name);
    let forgotten: Forgotten = desk.daemon.call(FORGET, &Forget { user: Some(args.name), id: None })?;
    if desk.json {
        desk.screen.json(&forgotten)?;
    } else {
        let count = counted(forgotten.forgotten.into(), "remembered login");
        desk.screen.line(&printable::wrap(&format!("Done: {count} forgotten. {user} is asked everywhere.")))?;
    }
    Ok(Exit::Done)
}
