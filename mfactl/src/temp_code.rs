//! `mfactl temp-code`: a code that stands in for a factor somebody left at home, and the end of it.

use crate::Desk;
use crate::user::called;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, moment, printable};
use mfa_proto::admin::{GivenCode, TEMP_CODE, TempCode};

/// Give somebody a code for a phone or key left at home
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl temp-code alice --for 1h --reason \"phone left at home\"
  mfactl temp-code alice --for 3d --uses 10 --reason \"phone in repair\"
  mfactl temp-code alice --withdraw    take it back

It is typed wherever a login asks for a code, and lets in whatever factor the
policy asks for: be sure whom you tell it. It changes no factors, opens no
screen locker, and a reset ends it. Time, uses and reason are in the record.")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
    /// For how long it is good: 5m to 7d
    #[arg(long = "for", value_name = "TIME", value_parser = moment::parse_span, required_unless_present = "withdraw")]
    span: Option<u32>,
    /// For how many logins: 1 to 20
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    uses: u32,
    /// Why; it is kept in the record
    #[arg(long, value_name = "TEXT", required_unless_present = "withdraw")]
    reason: Option<String>,
    /// Take the code back
    #[arg(long, conflicts_with_all = ["span", "uses", "reason"])]
    withdraw: bool,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let Args { name, span, uses, reason, withdraw } = args;
    let uses = (!withdraw).then_some(uses);
    let wanted = TempCode { user: name.clone(), seconds: span, uses, reason, withdraw };
    let given: GivenCode = desk.daemon.call(TEMP_CODE, &wanted)?;
    let user = printable::line(&name);
    if desk.json {
        desk.screen.json(&given)?;
    } else if withdraw {
        let text = match given.withdrawn {
            true => format!("Done: the temporary code of {user} works no more."),
            false => format!("{user} has no temporary code."),
        };
        desk.screen.line(&printable::wrap(&text))?;
    } else {
        let code = given.code.as_ref().map(mfa_proto::Secret::expose).unwrap_or_default();
        desk.screen.line(&format!("Temporary code for {}:\n\n  {code}\n", called(&name)))?;
        desk.screen.line(&printable::wrap(&what_it_does(&user, uses.unwrap_or(1), given.until)))?;
    }
    Ok(Exit::Done)
}

fn what_it_does(user: &str, uses: u32, until: Option<i64>) -> String {
    let (logins, until) = (counted(uses.into(), "login"), until.map(moment::date_time).unwrap_or_default());
    format!(
        "Good for {logins}, until {until}, wherever a login asks for a code. It changes no factors. To take it back: \
         mfactl temp-code {user} --withdraw"
    )
}
