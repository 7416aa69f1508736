//! `mfactl reset`: what somebody has lost stops working, and they start over.

use crate::Desk;
use crate::invite;
use crate::user::called;
use mfa_cli::words::{counted, kind, thing};
use mfa_cli::{Exit, Failure, Terminal, moment, printable};
use mfa_proto::admin::{ACCOUNT, Account, Named, RESET, Reset, WasReset};

/// Remove everything an account has, or one factor of it
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl reset alice                lost everything: she enrolls again
  mfactl reset alice --invite       and not with her password alone
  mfactl reset alice --factor 3     only this one; see: mfactl user alice
  mfactl reset alice --yes --json   from a script")]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME")]
    name: String,
    /// Only this factor
    #[arg(long, value_name = "ID")]
    factor: Option<i64>,
    /// Print an enrollment code that the next enrollment will ask for
    #[arg(long, conflicts_with = "factor")]
    invite: bool,
    /// For how long the enrollment code is good: 5m to 30d
    #[arg(long = "for", value_name = "TIME", default_value = "3d", requires = "invite", value_parser = moment::parse_span)]
    span: u32,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let account: Account = desk.daemon.call(ACCOUNT, &Named { user: args.name.clone() })?;
    let stops = what_stops(&account, args.factor)?;
    if !desk.json {
        desk.screen.line(&printable::wrap(&told(&account, &stops)))?;
    }
    if stops.is_empty() && !args.invite {
        return nothing_to_do(desk);
    }
    let mut terminal = Terminal::open();
    // Where nothing is lost there is nothing to be sure of.
    let ask = !args.yes && !stops.is_empty();
    if ask && (desk.json || !terminal.is_interactive()) {
        return Err(Failure::usage("Nobody is here to ask whether this is meant. Say so with --yes"));
    }
    if !desk.json {
        desk.screen.line(&printable::wrap(&what_comes(&account, (args.factor, args.invite))))?;
    }
    if ask && !terminal.agrees("Reset?")? {
        return Err(Failure::refused("not_confirmed", "Nothing was changed."));
    }
    let invite = args.invite.then_some(args.span);
    let gone: WasReset = desk.daemon.call(RESET, &Reset { user: args.name, factor: args.factor, invite })?;
    if desk.json {
        desk.screen.json(&gone)?;
        return Ok(Exit::Done);
    }
    let (factors, codes) = (counted(gone.factors.into(), "factor"), counted(gone.backup_codes.into(), "backup code"));
    desk.screen.line(&format!("Done: {factors} and {codes} no longer work."))?;
    if let Some(given) = &gone.invite {
        invite::show(&desk.screen, &account.user, given)?;
    }
    Ok(Exit::Done)
}

fn nothing_to_do(desk: &Desk) -> Result<Exit, Failure> {
    if desk.json {
        desk.screen.json(&WasReset { factors: 0, backup_codes: 0, invite: None })?;
    }
    Ok(Exit::Done)
}

/// Such as `1 phone` and `7 codes`; of one factor alone, its name.
fn what_stops(account: &Account, only: Option<i64>) -> Result<Vec<String>, Failure> {
    let mut gone = match only {
        Some(id) => vec![one(account, id)?],
        None => everything(account),
    };
    if account.temp_code.is_some() {
        gone.push("a temporary code".to_owned());
    }
    Ok(gone)
}

fn one(account: &Account, id: i64) -> Result<String, Failure> {
    let user = printable::line(&account.user);
    let none = || Failure::refused("not_found", format!("{user} has no factor {id}. See: mfactl user {user}"));
    let factor = account.factors.iter().find(|factor| factor.id == id).ok_or_else(none)?;
    Ok(format!("\"{}\" ({})", printable::line(&factor.name), kind(&factor.kind)))
}

fn everything(account: &Account) -> Vec<String> {
    let mut kinds: Vec<(String, u64)> = Vec::new();
    for factor in &account.factors {
        let thing = thing(&factor.kind);
        match kinds.iter_mut().find(|(known, _)| *known == thing) {
            Some((_, count)) => *count += 1,
            None => kinds.push((thing, 1)),
        }
    }
    kinds.push(("code".to_owned(), account.backup_codes.into()));
    let counts = kinds.into_iter().filter(|(_, count)| *count > 0);
    let mut gone: Vec<String> = counts.map(|(thing, count)| counted(count, &thing)).collect();
    if account.pending {
        gone.push("an enrollment that was begun".to_owned());
    }
    if account.invite.is_some() {
        gone.push("an enrollment code".to_owned());
    }
    gone
}

/// Such as `alice (Alice Ng): 1 phone, 1 key, 7 codes stop working.`
fn told(account: &Account, stops: &[String]) -> String {
    let who = called(&account.user);
    let is_one = matches!(stops, [only] if !only.starts_with(|c: char| c.is_ascii_digit()) || only.starts_with("1 "));
    match stops {
        [] => format!("{who} has nothing."),
        _ => format!("{who}: {} {} working.", stops.join(", "), if is_one { "stops" } else { "stop" }),
    }
}

/// What the next login will do.
fn what_comes(account: &Account, (only, invite): (Option<i64>, bool)) -> String {
    let stays = only.is_some_and(|id| account.factors.iter().any(|factor| factor.id != id));
    let user = printable::line(&account.user);
    match (stays, account.required) {
        _ if invite => format!(
            "The next login of {user}, over ssh or at the console, asks to enroll again, and for the enrollment code."
        ),
        _ if account.invited_only && !stays => format!(
            "The next enrollment of {user} takes an enrollment code, since an earlier reset. To give one: mfactl invite \
             {user}"
        ),
        (true, _) => format!("The other factors of {user} go on working."),
        (false, true) => format!(
            "A second factor is required of {user}: the next login asks to enroll again or is refused, as the policy \
             says. Whoever knows the password could enroll then: tell {user} to do it at once. Safer: --invite"
        ),
        (false, false) => {
            format!("A second factor is not required of {user}: until the next enrollment the password alone lets in.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::admin::Outstanding;
    use mfa_proto::enrollment::FactorInfo;

    fn account(required: bool) -> Account {
        let factor = |id| FactorInfo {
            id,
            kind: "totp".into(),
            name: format!("phone {id}\x07"),
            created: 0,
            last_used: None,
            address: None,
            fingerprint: None,
            aaguid: None,
            u2f: false,
        };
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
            mail: None,
            throttled_for: None,
            codes_off: false,
            conflict: None,
            recent: Vec::new(),
            invite: None,
            invited_only: false,
            temp_code: None,
        }
    }

    #[test]
    fn what_stops_working_is_named() {
        let account = account(true);
        let named = |account: &Account, only| told(account, &what_stops(account, only).unwrap());
        assert_eq!(named(&account, None), "nobody-here: 2 phones, 7 codes stop working.");
        let mut with_keys = account.clone();
        for (factor, kind) in with_keys.factors.iter_mut().zip(["totp", "security-key"]) {
            factor.kind = kind.to_owned();
        }
        assert_eq!(named(&with_keys, None), "nobody-here: 1 phone, 1 key, 7 codes stop working.");
        assert_eq!(named(&account, Some(4)), "nobody-here: \"phone 4\\u{7}\" (phone app) stops working.");
        assert_eq!(what_stops(&account, Some(5)).unwrap_err().code, "not_found");
        let nothing = Account { factors: Vec::new(), backup_codes: 0, ..account };
        assert_eq!(named(&nothing, None), "nobody-here has nothing.");
        assert_eq!(named(&Account { backup_codes: 1, ..nothing.clone() }, None), "nobody-here: 1 code stops working.");
        let given = Some(Outstanding { until: 0, left: 1, reason: None });
        let given = Account { invite: given.clone(), temp_code: given, ..nothing };
        assert_eq!(named(&given, None), "nobody-here: an enrollment code, a temporary code stop working.");
    }

    #[test]
    fn what_the_next_login_does_is_told() {
        assert!(what_comes(&account(true), (None, false)).contains("asks to enroll again"));
        assert!(what_comes(&account(true), (None, true)).contains("and for the enrollment code"));
        assert!(what_comes(&account(false), (None, false)).contains("the password alone lets in"));
        assert!(what_comes(&account(true), (Some(3), false)).contains("go on working"));
        let demanded = Account { invited_only: true, ..account(true) };
        assert!(what_comes(&demanded, (None, false)).contains("mfactl invite nobody-here"));
    }
}
