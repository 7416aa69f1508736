//! `mfactl unlock`: forgets an account's wrong codes, and turns codes on again.

use crate::Desk;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::admin::{Named, UNLOCK};
use serde::de::IgnoredAny;
use serde_json::json;

/// Take codes again after too many wrong ones
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl unlock alice
  mfactl unlock alice --json")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let user = printable::line(&args.name);
    let _: IgnoredAny = desk.daemon.call(UNLOCK, &Named { user: args.name })?;
    if desk.json {
        desk.screen.json(&json!({}))?;
    } else {
        desk.screen
            .line(&printable::wrap(&format!("Done: wrong codes of {user} are forgotten, and codes are taken.")))?;
    }
    Ok(Exit::Done)
}
