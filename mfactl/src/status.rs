//! `mfactl status`: how things stand, on one screen, health first.

use crate::{Desk, license, mail};
use anstyle::{AnsiColor, Style};
use mfa_cli::{Exit, Failure, Screen, moment, printable};
use mfa_proto::admin::{Resealing, Rule, STATUS, Status};
use serde::Serialize;
use serde_json::json;

/// Show how things stand; exit code 1 when not healthy
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl status
  mfactl status --json | jq .problems")]
pub(crate) struct Args {}

pub(crate) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    let status: Status = desk.daemon.call(STATUS, &json!({}))?;
    // Without a store there are no seats to tell of; what is wrong is told above.
    let license = license::ask(desk).ok();
    if desk.json {
        desk.screen.json(&All { status: &status, license: license.as_ref() })?;
    } else {
        show(&desk.screen, (&status, license.as_ref()), moment::now())?;
    }
    Ok(if status.healthy { Exit::Done } else { Exit::Refused })
}

/// What scripts get.
#[derive(Serialize)]
struct All<'a> {
    #[serde(flatten)]
    status: &'a Status,
    #[serde(skip_serializing_if = "Option::is_none")]
    license: Option<&'a license::Status>,
}

fn show(screen: &Screen, (status, license): (&Status, Option<&license::Status>), now: i64) -> Result<(), Failure> {
    let (word, colour) = if status.healthy { ("Healthy.", AnsiColor::Green) } else { ("NOT HEALTHY.", AnsiColor::Red) };
    let style = Style::new().bold().fg_color(Some(colour.into()));
    let rest = printable::wrap(&format!("{word} {}", since(status, now)));
    screen.line(&rest.replacen(word, &screen.styled(style, word), 1))?;
    for problem in &status.problems {
        screen.line(&finding("PROBLEM", problem))?;
    }
    for warning in &status.policy_warnings {
        screen.line(&finding("WARNING", warning))?;
    }
    if let Some(license) = license {
        for line in license::status::lines(license) {
            screen.line(&printable::wrap(&line))?;
        }
        screen.line(&printable::wrap(&printable::lines(&license.sentence)))?;
    }
    for warning in &status.mail.warnings {
        screen.line(&finding("WARNING", warning))?;
    }
    for paragraph in [counts(status), refusals(status)].into_iter().chain(mail::line(&status.mail, now)) {
        screen.line(&printable::wrap(&paragraph))?;
    }
    if let Some(resealing) = &status.resealing {
        screen.line(&printable::wrap(&progress(resealing)))?;
    }
    if !status.rules.is_empty() {
        screen.line("\nRules, the first that matches decides:")?;
    }
    for (at, rule) in status.rules.iter().enumerate() {
        screen.line(&printable::wrap(&self::rule(at + 1, rule)))?;
    }
    Ok(())
}

/// What is wrong or odd; a place in a file stays below it as it was drawn, with its caret.
fn finding(word: &str, text: &str) -> String {
    printable::wrap(&format!("{word}  {}", printable::lines(text)))
}

fn since(status: &Status, now: i64) -> String {
    let last = status.last_pass.map_or_else(|| "never".to_owned(), |at| moment::ago(at, now));
    let policy = match status.policy_loaded {
        Some(at) => format!("Policy of {}.", moment::date_time(at)),
        None => "NO VALID POLICY.".to_owned(),
    };
    let (version, started) = (printable::line(&status.version), moment::ago(status.started, now));
    format!("Last code login: {last}. {policy} Version {version}, started {started}.")
}

fn counts(status: &Status) -> String {
    let key = match status.master_key.as_str() {
        "credential" => "sealed by the system".to_owned(),
        "file" => "in a file".to_owned(),
        other => printable::line(other),
    };
    format!(
        "Enrolled {}   pending {}   throttled {}   Master key: {key}",
        status.enrolled, status.pending, status.throttled
    )
}

/// Such as `New master key: 412 of 70000 rows are still under the old one.`
fn progress(resealing: &Resealing) -> String {
    let Resealing { left, rows } = resealing;
    format!("New master key: {left} of {rows} rows are still under the old one.")
}

/// Such as `Refused in 24 h: 14 wrong code, 3 replayed, 1 throttled (bob)`.
fn refusals(status: &Status) -> String {
    if status.refused.is_empty() {
        return "Refused in 24 h: none".to_owned();
    }
    let each = status.refused.iter().map(|(reason, count)| {
        let reason = printable::line(&reason.replace('_', " "));
        let users: Vec<String> = status.throttled_users.iter().map(|user| printable::line(user)).collect();
        let who =
            if reason == "throttled" && !users.is_empty() { format!(" ({})", users.join(", ")) } else { String::new() };
        format!("{count} {reason}{who}")
    });
    format!("Refused in 24 h: {}", each.collect::<Vec<_>>().join(", "))
}

fn rule(number: usize, rule: &Rule) -> String {
    let (name, require) = (printable::line(&rule.name), printable::line(&rule.require));
    format!("{number:>3} {name:<40} {require}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::admin;

    fn status() -> Status {
        Status {
            healthy: true,
            problems: Vec::new(),
            version: "0.1.0".into(),
            started: 900,
            policy_loaded: Some(940),
            rules: Vec::new(),
            policy_warnings: Vec::new(),
            master_key: "credential".into(),
            resealing: None,
            enrolled: 371,
            pending: 41,
            throttled: 1,
            mail: admin::Mail::default(),
            last_pass: Some(988),
            refused: [("wrong_code".to_owned(), 14), ("throttled".to_owned(), 1)].into(),
            throttled_users: vec!["bob\x1b".into()],
        }
    }

    #[test]
    fn refusals_are_listed_by_reason_and_the_throttled_by_name() {
        assert_eq!(refusals(&status()), "Refused in 24 h: 1 throttled (bob\\u{1b}), 14 wrong code");
        assert_eq!(refusals(&Status { refused: [].into(), ..status() }), "Refused in 24 h: none");
    }

    #[test]
    fn a_change_of_the_master_key_is_told_with_how_far_it_is() {
        let text = progress(&Resealing { left: 412, rows: 70_000 });
        assert_eq!(text, "New master key: 412 of 70000 rows are still under the old one.");
    }

    #[test]
    fn the_place_of_a_mistake_is_drawn_below_it() {
        let text = finding("PROBLEM", "policy.toml:2:1: \x1bno such key\n  2 | usrs = []\n    | ^^^^");
        assert_eq!(text, "PROBLEM  policy.toml:2:1: \\u{1b}no such key\n  2 | usrs = []\n    | ^^^^");
    }

    #[test]
    fn a_daemon_without_a_policy_says_so() {
        assert!(since(&status(), 1000).starts_with("Last code login: 12 s ago. Policy of "));
        let none = Status { policy_loaded: None, last_pass: None, ..status() };
        assert!(since(&none, 1000).starts_with("Last code login: never. NO VALID POLICY."));
    }
}
