//! `mfa-enroll test`: goes through the dialog of a login, without a login.

use crate::session::Session;
use mfa_cli::dialog::{self, OneCode, Person};
use mfa_cli::{Exit, Failure, words};
use mfa_proto::Secret;
use mfa_proto::enrollment::{AUTHORIZE, Authorize};
use mfa_proto::login::Outcome;
use serde_json::json;

/// Try a factor: a code, which is used up by it, or a key
#[derive(clap::Args, Default)]
#[command(after_help = "\
Examples:
  mfa-enroll test
  mfa-enroll test 492817
  mfa-enroll test 492817 --json")]
pub(crate) struct Args {
    /// The code; asked for if it is left out
    #[arg(value_name = "CODE", value_parser = |code: &str| Ok::<_, String>(Secret::from(code)))]
    code: Option<Secret>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let enrolled = session.status()?;
    if enrolled.factors.is_empty() && enrolled.backup_codes == 0 {
        return Err(Failure::refused("nothing_enrolled", "There is nothing to test yet. Set it up: mfa-enroll"));
    }
    let asked = Authorize { user: session.subject().user, code_at_hand: args.code.is_some(), trial: true };
    let first = session.daemon.call(AUTHORIZE, &asked)?;
    let verdict = match args.code {
        Some(code) => dialog::drive(&mut session.daemon, first, &mut OneCode::new(code))?,
        None => dialog::drive(&mut session.daemon, first, &mut Person::new(&mut session.terminal, None))?,
    };
    dialog::allowed(&verdict, "At a login that would not have let you in.")?;
    if session.json() {
        session.screen.json(&json!({ "outcome": verdict.outcome, "factor": verdict.reason }))?;
    } else if verdict.outcome == Outcome::Skipped {
        session.screen.line("Nothing was asked, so nothing was tested.")?;
    } else {
        let what = words::kind(&verdict.reason);
        let used_up = match verdict.reason.as_str() {
            "totp" => " It is used up now. A login needs the next one.",
            "backup-code" | "email" => " It is used up now.",
            _ => "",
        };
        session.screen.line(&format!("Right: {what}.{used_up}"))?;
    }
    Ok(Exit::Done)
}
