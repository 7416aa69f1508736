//! `mfactl invite`: the enrollment code with which somebody adds a first factor, and the end of it.

use crate::Desk;
use crate::user::called;
use mfa_cli::{Exit, Failure, Screen, moment, printable};
use mfa_proto::admin::{GivenCode, INVITE, Invite};

/// Give somebody a one-time enrollment code
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl invite alice               good for three days
  mfactl invite alice --for 2h
  mfactl invite alice --withdraw    take it back
  mfactl invite alice --json        from a script

Where the policy says enroll = \"invite\", a first factor is enrolled with such a
code and not with a password alone. alice types it in her next login, over ssh
or at the console. It works once and stands five wrong tries; a new one voids
the old. After a reset: mfactl reset alice --invite")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
    /// For how long it is good: 5m to 30d
    #[arg(long = "for", value_name = "TIME", default_value = "3d", value_parser = moment::parse_span)]
    span: u32,
    /// Take the code back, and the demand for one that a reset left
    #[arg(long, conflicts_with = "span")]
    withdraw: bool,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let seconds = (!args.withdraw).then_some(args.span);
    let invite = Invite { user: args.name.clone(), seconds, withdraw: args.withdraw };
    let given: GivenCode = desk.daemon.call(INVITE, &invite)?;
    if desk.json {
        desk.screen.json(&given)?;
    } else if args.withdraw {
        desk.screen.line(&printable::wrap(&taken_back(&args.name, given.withdrawn)))?;
    } else {
        show(&desk.screen, &args.name, &given)?;
    }
    Ok(Exit::Done)
}

/// The code, and what becomes of it.
pub(crate) fn show(screen: &Screen, user: &str, given: &GivenCode) -> Result<(), Failure> {
    let code = given.code.as_ref().map(mfa_proto::Secret::expose).unwrap_or_default();
    screen.line(&format!("Enrollment code for {}:\n\n  {code}\n", called(user)))?;
    screen.line(&printable::wrap(&what_it_does(user, given)))
}

fn what_it_does(user: &str, given: &GivenCode) -> String {
    let (user, until) = (printable::line(user), given.until.map(moment::date_time).unwrap_or_default());
    let once = format!("It works once, until {until}, and stands five wrong tries.");
    if given.asked_for {
        format!(
            "{once} {user} types it in the next login, over ssh or at the console. Tell it in person or by phone, and \
             not where the password is."
        )
    } else {
        format!(
            "{once} But the policy asks {user} for no code: whoever has the password may enroll. To demand the code: \
             mfactl reset {user} --invite"
        )
    }
}

fn taken_back(user: &str, withdrawn: bool) -> String {
    let user = printable::line(user);
    match withdrawn {
        true => format!("Done: the enrollment code of {user} works no more, and no reset demands one."),
        false => format!("{user} has no enrollment code."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_told_whether_anything_asks_for_the_code() {
        let given = |asked_for| GivenCode { code: None, until: Some(1_800_000_000), asked_for, withdrawn: false };
        assert!(what_it_does("alice", &given(true)).contains("alice types it in the next login"));
        assert!(what_it_does("alice", &given(false)).contains("mfactl reset alice --invite"));
        assert!(!what_it_does("a\x1b", &given(false)).contains('\x1b'));
    }
}
