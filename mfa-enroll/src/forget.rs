//! `mfa-enroll forget`: asks again where nothing was asked for a while.

use crate::session::Session;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure};
use mfa_proto::enrollment::{FORGET, Forget, Forgotten};

/// Be asked again where you are remembered
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll status       shows where you are not asked, and the numbers
  mfa-enroll forget 3
  mfa-enroll forget --all")]
pub(crate) struct Args {
    /// Its number in `mfa-enroll status`
    #[arg(value_name = "ID", required_unless_present = "all")]
    id: Option<i64>,
    /// Everywhere
    #[arg(long, conflicts_with = "id")]
    all: bool,
}

pub(crate) fn run(args: &Args, session: &mut Session) -> Result<Exit, Failure> {
    let forget = Forget { user: session.user(), id: args.id };
    let forgotten: Forgotten = session.daemon.call(FORGET, &forget).map_err(|failure| match args.id {
        Some(id) if failure.code == "not_found" => {
            Failure::refused("not_found", format!("There is no {id} to forget. See: mfa-enroll status"))
        }
        _ => failure,
    })?;
    if session.json() {
        session.screen.json(&forgotten)?;
    } else if forgotten.forgotten == 0 {
        session.screen.line("There was nothing to forget: you are asked everywhere.")?;
    } else {
        let count = counted(forgotten.forgotten.into(), "remembered login");
        session.screen.line(&format!("Done: {count} forgotten. You are asked there again."))?;
    }
    Ok(Exit::Done)
}
