//! `mfa-enroll rename`: gives a factor another name.

use crate::remove;
use crate::session::Session;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::enrollment::{RENAME, Rename};
use serde::de::IgnoredAny;
use serde_json::json;

/// Give a factor another name
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  mfa-enroll rename 3 \"old phone\"")]
pub(crate) struct Args {
    /// Its number in `mfa-enroll status`
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
    /// Its new name
    #[arg(value_name = "NAME")]
    pub(crate) name: String,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let before = printable::line(&remove::find(session, args.id)?.name);
    let after = printable::line(&args.name);
    let _: IgnoredAny = session.change(RENAME, &Rename { user: session.user(), id: args.id, name: args.name })?;
    if session.json() {
        session.screen.json(&json!({}))?;
    } else {
        session.screen.line(&printable::wrap(&format!("\"{before}\" is now called \"{after}\".")))?;
    }
    Ok(Exit::Done)
}
