//! `mfactl user`: all about one account; and `user rebind`, for one that was renamed or renumbered.

use crate::{Desk, directory};
use clap::Subcommand;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, Table, factors, moment, printable, remembered};
use mfa_proto::admin::{ACCOUNT, Account, Named, Outstanding, REBIND};
use serde::de::IgnoredAny;
use serde_json::json;

/// All about one account, secrets aside
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = "\
Examples:
  mfactl user alice
  mfactl user alice --json
  mfactl user rebind alice     after she was renamed or renumbered"
)]
pub(crate) struct Args {
    /// Login name
    #[arg(value_name = "NAME", required = true)]
    name: Option<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(Subcommand)]
enum Action {
    Rebind(Rebind),
}

/// Accept that the account's record belongs to what the system says now
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  mfactl user rebind alice

An account is a number and a name. When only one of them matches the record,
it may be somebody else, so logins are refused until you say that it is
not.")]
struct Rebind {
    /// Login name, as it is now
    #[arg(value_name = "NAME")]
    name: String,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    match (args.action, args.name) {
        (Some(Action::Rebind(rebind)), _) => rebind_account(rebind.name, desk),
        (None, Some(name)) => show_account(name, desk),
        (None, None) => Err(Failure::usage("Name an account: mfactl user NAME")),
    }
}

fn rebind_account(user: String, desk: &mut Desk) -> Result<Exit, Failure> {
    let name = printable::line(&user);
    let _: IgnoredAny = desk.daemon.call(REBIND, &Named { user })?;
    if desk.json {
        desk.screen.json(&json!({}))?;
    } else {
        desk.screen
            .line(&printable::wrap(&format!("Done: the record belongs to {name} as the system knows it now.")))?;
    }
    Ok(Exit::Done)
}

fn show_account(user: String, desk: &mut Desk) -> Result<Exit, Failure> {
    let account: Account = desk.daemon.call(ACCOUNT, &Named { user })?;
    if desk.json {
        desk.screen.json(&account)?;
        return Ok(Exit::Done);
    }
    let screen = &desk.screen;
    screen.line(&screen.strong(&printable::wrap(&headline(&account))))?;
    for remark in remarks(&account) {
        screen.line(&printable::wrap(&remark))?;
    }
    if !account.factors.is_empty() {
        screen.line("")?;
        factors::show(screen, &account.factors)?;
    }
    screen.line(&format!("\n{} left.", counted(account.backup_codes.into(), "backup code")))?;
    remembered::show(screen, &account.remembered)?;
    recent(screen, &account)?;
    Ok(Exit::Done)
}

/// Such as `alice (Alice Ng), uid 1000: enrolled`.
fn headline(account: &Account) -> String {
    let state = match (account.factors.is_empty(), account.pending) {
        (false, _) => "enrolled",
        (true, true) => "enrollment begun, not confirmed",
        (true, false) => "not enrolled",
    };
    format!("{}, uid {}: {state}", called(&account.user), account.uid)
}

/// The login name, with the full name if the system tells it.
pub(crate) fn called(user: &str) -> String {
    let known = directory::named([user]).ok().and_then(|people| people.into_iter().find(|person| person.user == user));
    match known {
        Some(person) if !person.full_name.is_empty() => printable::line(&format!("{user} ({})", person.full_name)),
        _ => printable::line(user),
    }
}

/// What is asked of the account, and what is odd about it, with what to do.
fn remarks(account: &Account) -> Vec<String> {
    let (user, rule) = (printable::line(&account.user), printable::line(&account.rule));
    let is_required = if account.required { "required" } else { "not required" };
    let mut remarks = vec![format!("A second factor is {is_required} here ({rule}).")];
    if let Some(address) = &account.mail {
        remarks.push(format!("Codes can be mailed to {}, where the policy takes them.", printable::line(address)));
    }
    if let Some(conflict) = &account.conflict {
        let conflict = printable::line(conflict);
        remarks.push(format!(
            "CONFLICT: {conflict} Logins are refused. If it is the same person: mfactl user rebind {user}"
        ));
    }
    // Root's applications and the account's own programs are counted apart: these do not hold up its logins.
    let whose = if account.by_own_programs { " in its own programs, not at logins" } else { "" };
    if let Some(seconds) = account.throttled_for {
        let (wait, wrong) = (moment::countdown(seconds), counted(account.failures.into(), "wrong code"));
        remarks.push(format!(
            "THROTTLED{whose}: {wrong} in a row, the next is taken in {wait}. A backup code works. At once: mfactl unlock {user}"
        ));
    }
    if account.codes_off {
        let wrong = counted(account.failures.into(), "wrong code");
        remarks.push(format!(
            "CODES OFF{whose}: {wrong} in a row. Codes by app and mail are off until a backup code is used, or: mfactl unlock \
             {user}"
        ));
    }
    remarks.extend(given_codes(account));
    remarks
}

/// The codes that were given out, with what to do about them.
fn given_codes(account: &Account) -> Vec<String> {
    let user = printable::line(&account.user);
    let mut remarks = Vec::new();
    match &account.invite {
        Some(invite) => {
            let tries = if invite.left == 1 { "1 try".to_owned() } else { format!("{} tries", invite.left) };
            remarks.push(format!(
                "INVITED: an enrollment code is out, {} with {tries} left. To take it back: mfactl invite {user} --withdraw",
                end(invite)
            ));
        }
        None if account.invited_only => remarks.push(format!(
            "CODE NEEDED: since a reset the next enrollment takes an enrollment code, and none is out. To give one: mfactl \
             invite {user}"
        )),
        None => {}
    }
    if let Some(code) = &account.temp_code {
        let reason = code.reason.as_deref().map(printable::line).unwrap_or_default();
        let left = counted(code.left.into(), "login");
        remarks.push(format!(
            "TEMPORARY CODE: one is out, {} with {left} left ({reason}). To take it back: mfactl temp-code {user} --withdraw",
            end(code)
        ));
    }
    remarks
}

fn end(code: &Outstanding) -> String {
    let word = if code.until > moment::now() { "until" } else { "ended" };
    format!("{word} {}", moment::date_time(code.until))
}

fn recent(screen: &Screen, account: &Account) -> Result<(), Failure> {
    if !account.recent.is_empty() {
        screen.line("")?;
        let mut table = Table::new(screen, &["When", "What"]);
        for event in &account.recent {
            table.row(&[&moment::date_time(event.at), &event.what])?;
        }
        table.finish()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account() -> Account {
        Account {
            user: "mallory\x1b".into(),
            uid: 1000,
            required: true,
            rule: "case managers".into(),
            factors: Vec::new(),
            backup_codes: 0,
            pending: true,
            remembered: Vec::new(),
            failures: 100,
            by_own_programs: false,
            mail: None,
            throttled_for: Some(130),
            codes_off: true,
            conflict: Some("enrolled as uid 1000, now uid 1001.".into()),
            recent: Vec::new(),
            invite: Some(Outstanding { until: 4_000_000_000, left: 5, reason: None }),
            invited_only: true,
            temp_code: Some(Outstanding { until: 0, left: 1, reason: Some("left\x1b at home".into()) }),
        }
    }

    #[test]
    fn what_is_odd_is_told_with_what_to_do() {
        assert_eq!(headline(&account()), "mallory\\u{1b}, uid 1000: enrollment begun, not confirmed");
        let remarks = remarks(&account()).join("\n");
        for part in [
            "required here (case managers)",
            "user rebind mallory",
            "in 2:10",
            "100 wrong codes",
            "unlock mallory",
            "with 5 tries left",
            "invite mallory\\u{1b} --withdraw",
            "1 login left",
        ] {
            assert!(remarks.contains(part), "{part} in {remarks}");
        }
        assert!(!remarks.contains('\x1b'));
    }

    #[test]
    fn the_full_name_is_the_systems() {
        assert!(called("root").starts_with("root"));
        assert_eq!(called("no-such-account-here\x07"), "no-such-account-here\\u{7}");
    }
}
