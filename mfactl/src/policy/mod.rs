//! `mfactl policy`: is it right, what does it say about a login, what would another one change. The daemon reads and
//! decides; what is printed here is its answers.

mod check;
mod draft;
mod explain;
mod lines;
pub(crate) mod preview;
mod replay;
mod told;

pub(crate) use check::{all_right, in_force, show};
pub(crate) use draft::{put, take_out};
pub(crate) use lines::{beside, names};

use crate::Desk;
use clap::Subcommand;
use mfa_cli::{Exit, Failure};

/// Look at the policy: mistakes, why a login is asked, what a change would do
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl policy check                                  what is in /etc/mfa
  mfactl policy explain --user alice --service sudo    why is she asked?
  mfactl policy preview new.toml                       who would be locked out?
  mfactl policy reload                                 put /etc/mfa in force")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Check(check::Args),
    Explain(explain::Args),
    Preview(preview::Args),
    Reload(check::Reload),
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    match args.command {
        Command::Check(args) => check::run(&args, desk),
        Command::Explain(args) => explain::run(args, desk),
        Command::Preview(args) => preview::run(&args, desk),
        Command::Reload(_) => check::reload(desk),
    }
}
