//! `mfa-enroll remove`: takes a factor away.

use crate::session::Session;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::enrollment::{FactorInfo, FactorOf, REMOVE};
use serde::de::IgnoredAny;
use serde_json::json;

/// Remove a factor, such as a phone you no longer have
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll status      shows the numbers
  mfa-enroll remove 3")]
pub(crate) struct Args {
    /// Its number in `mfa-enroll status`
    #[arg(value_name = "ID")]
    pub(crate) id: i64,
}

pub(crate) fn run(args: &Args, session: &mut Session) -> Result<Exit, Failure> {
    let factor = find(session, args.id)?;
    let name = printable::line(&factor.name);
    let _: IgnoredAny = session.change(REMOVE, &FactorOf { user: session.user(), id: args.id })?;
    if session.json() {
        session.screen.json(&json!({}))?;
    } else {
        session.screen.line(&printable::wrap(&format!("Removed: \"{name}\".{}", what_is_left(&factor.kind))))?;
    }
    Ok(Exit::Done)
}

/// What the daemon cannot take away.
fn what_is_left(kind: &str) -> &'static str {
    if kind == "totp" { " Delete its entry in the app too." } else { "" }
}

/// The factor of that number.
pub(crate) fn find(session: &mut Session, id: i64) -> Result<FactorInfo, Failure> {
    let factors = session.status()?.factors;
    factors
        .into_iter()
        .find(|factor| factor.id == id)
        .ok_or_else(|| Failure::refused("not_found", format!("There is no factor {id}. See: mfa-enroll status")))
}
