//! `mfactl reset`: what somebody has lost stops working, and they start over.

use crate::Desk;
use crate::user::called;
use mfa_cli::words::{counted, kind};
use mfa_cli::{Exit, Failure, Terminal, printable};
use mfa_proto::admin::{ACCOUNT, Account, Named, RESET, Reset, WasReset};

/// Remove everything an account has, or one factor of it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl reset alice                lost everything: she enrolls again
  mfactl reset alice --factor 3     only this one; see: mfactl user alice
  mfactl reset alice --yes --json   from a script")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this factor
    #[arg(long, value_name = "ID")]
    factor: Option<i64>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let mut terminal = Terminal::open();
    if !args.yes && (desk.json || !terminal.is_interactive()) {
        return Err(Failure::usage("Nobody is here to ask whether this is meant. Say so with --yes"));
    }
    let account: Account = desk.daemon.call(ACCOUNT, &Named { user: args.name.clone() })?;
    if !desk.json {
        desk.screen.line(&printable::wrap(&what_stops(&account, args.factor)?))?;
        desk.screen.line(&printable::wrap(&what_comes(&account, args.factor)))?;
    }
    if !args.yes && !terminal.agrees("Reset?")? {
        return Err(Failure::refused("not_confirmed", "Nothing was changed."));
    }
    let gone: WasReset = desk.daemon.call(RESET, &Reset { user: args.name, factor: args.factor })?;
    if desk.json {
        desk.screen.json(&gone)?;
    } else {
        let (factors, codes) =
            (counted(gone.factors.into(), "factor"), counted(gone.backup_codes.into(), "backup code"));
        desk.screen.line(&format!("Done: {factors} and {codes} no longer work."))?;
    }
    Ok(Exit::Done)
}

/// Such as `alice (Alice Ng): "phone" (phone app) and 7 backup codes stop working.`
fn what_stops(account: &Account, only: Option<i64>) -> Result<String, Failure> {
    let who = called(&account.user);
    let wanted = account.factors.iter().filter(|factor| only.is_none_or(|id| id == factor.id));
    let mut gone: Vec<String> =
        wanted.map(|factor| format!("\"{}\" ({})", printable::line(&factor.name), kind(&factor.kind))).collect();
    if let (Some(id), true) = (only, gone.is_empty()) {
        let user = printable::line(&account.user);
        return Err(Failure::refused("not_found", format!("{user} has no factor {id}. See: mfactl user {user}")));
    }
    if only.is_none() {
        if account.backup_codes > 0 {
            gone.push(counted(account.backup_codes.into(), "backup code"));
        }
        if account.pending {
            gone.push("an enrollment that was begun".to_owned());
        }
    }
    if gone.is_empty() { Ok(format!("{who} has nothing.")) } else { Ok(format!("{who} loses: {}.", gone.join(", "))) }
}

/// What the next login will do.
fn what_comes(account: &Account, only: Option<i64>) -> String {
    let stays = only.is_some_and(|id| account.factors.iter().any(|factor| factor.id != id));
    let user = printable::line(&account.user);
    match (stays, account.required) {
        (true, _) => format!("The other factors of {user} go on working."),
        (false, true) => format!(
            "A second factor is required of {user}: the next login asks to enroll again or is refused, as the policy \
             says. Whoever knows the password could enroll then: tell {user} to do it at once."
        ),
        (false, false) => {
            format!("A second factor is not required of {user}: until the next enrollment the password alone lets in.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::enrollment::FactorInfo;

    fn account(required: bool) -> Account {
        let factor =
            |id| FactorInfo { id, kind: "totp".into(), name: format!("phone {id}\x07"), created: 0, last_used: None };
        Account {
            user: "nobody-here".into(),
            uid: 1000,
            required,
            rule: "defaults".into(),
            factors: vec![factor(3), factor(4)],
            backup_codes: 7,
            pending: false,
            remembered: Vec::new(),
            by_own_programs: false,
            failures: 0,
            throttled_for: None,
            codes_off: false,
            conflict: None,
            recent: Vec::new(),
        }
    }

    #[test]
    fn what_stops_working_is_named() {
        assert_eq!(
            what_stops(&account(true), None).unwrap(),
            "nobody-here loses: \"phone 3\\u{7}\" (phone app), \"phone 4\\u{7}\" (phone app), 7 backup codes."
        );
        assert_eq!(what_stops(&account(true), Some(4)).unwrap(), "nobody-here loses: \"phone 4\\u{7}\" (phone app).");
        assert_eq!(what_stops(&account(true), Some(5)).unwrap_err().code, "not_found");
        let nothing = Account { factors: Vec::new(), backup_codes: 0, ..account(true) };
        assert_eq!(what_stops(&nothing, None).unwrap(), "nobody-here has nothing.");
    }

    #[test]
    fn what_the_next_login_does_is_told() {
        assert!(what_comes(&account(true), None).contains("asks to enroll again"));
        assert!(what_comes(&account(false), None).contains("the password alone lets in"));
        assert!(what_comes(&account(true), Some(3)).contains("go on working"));
    }
}
