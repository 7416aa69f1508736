//! `mfa-enroll status`: what the account has, and what is asked of it.

use crate::session::Session;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, factors, moment, printable, remembered};
use mfa_proto::enrollment::Enrolled;

/// Show what you have, and whether it is required here
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll status
  mfa-enroll status --json | jq .backup_codes
  sudo mfa-enroll status --user alice")]
pub(crate) struct Args {}

pub(crate) fn run(session: &mut Session) -> Result<Exit, Failure> {
    let enrolled = session.status()?;
    if session.json() {
        session.screen.json(&enrolled)?;
    } else {
        show(&session.screen, &enrolled)?;
    }
    Ok(Exit::Done)
}

/// The account on one screen.
pub(crate) fn show(screen: &Screen, enrolled: &Enrolled) -> Result<(), Failure> {
    screen.line(&screen.strong(&printable::wrap(&headline(enrolled))))?;
    screen.line(if enrolled.required { "It is required here." } else { "It is not required here." })?;
    if !enrolled.factors.is_empty() {
        screen.line("")?;
        factors::show(screen, &enrolled.factors)?;
        screen.line(&format!("\n{} left.", counted(enrolled.backup_codes.into(), "backup code")))?;
    }
    remembered::show(screen, &enrolled.remembered)?;
    for remark in remarks(enrolled) {
        screen.line(&printable::wrap(&remark))?;
    }
    Ok(())
}

/// Whose second factor, where, and whether there is one.
pub(crate) fn headline(enrolled: &Enrolled) -> String {
    let (user, host) = (printable::line(&enrolled.user), printable::line(&enrolled.host));
    let count = match enrolled.factors.len() {
        0 => "none yet".to_owned(),
        1 => "set up".to_owned(),
        several => format!("{several} set up"),
    };
    format!("Second factor for {user} on {host}: {count}.")
}

/// What deserves a sentence, with what to do about it.
fn remarks(enrolled: &Enrolled) -> Vec<String> {
    let mut remarks = Vec::new();
    if !enrolled.remembered.is_empty() {
        remarks.push("To be asked again: mfa-enroll forget ID. That login was not you? mfa-enroll report".to_owned());
    }
    if !enrolled.factors.is_empty() && enrolled.backup_codes < 3 {
        remarks.push("Make new backup codes before you need one: mfa-enroll codes".to_owned());
    }
    let is_asked = enrolled.required || !enrolled.factors.is_empty();
    if let Some(address) = enrolled.mail.as_ref().filter(|_| is_asked) {
        remarks.push(format!("Codes can be mailed to {}: type e where a code is asked for.", printable::line(address)));
    }
    if let Some(seconds) = enrolled.pending_for {
        let left = moment::span(seconds.into());
        remarks.push(format!("An enrollment was begun and can be finished for {left}: mfa-enroll add totp"));
    }
    if let Some(seconds) = enrolled.throttled_for {
        let wait = moment::countdown(seconds);
        remarks.push(format!("Too many wrong codes: the next one is taken in {wait}. A backup code works now."));
    }
    if enrolled.codes_off {
        remarks.push(
            "Codes by app and mail are off after very many wrong ones. A backup code turns them on again, or your \
             administrator does."
                .to_owned(),
        );
    }
    if !enrolled.support.is_empty() {
        remarks.push(format!("Help: {}", printable::line(&enrolled.support)));
    }
    remarks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled() -> Enrolled {
        serde_json::from_str(
            r#"{"user":"al\u001bice","uid":1000,"site":"ACME","host":"web1","support":"help@acme.example",
            "required":true,"factors":[],"backup_codes":0,"authorize":false,"codes_off":false}"#,
        )
        .unwrap()
    }

    #[test]
    fn the_headline_says_who_where_and_how_many_and_nothing_moves_the_cursor() {
        assert_eq!(headline(&enrolled()), "Second factor for al\\u{1b}ice on web1: none yet.");
    }

    #[test]
    fn every_remark_says_what_to_do_and_fits() {
        let mut enrolled = enrolled();
        enrolled.pending_for = Some(540);
        enrolled.throttled_for = Some(130);
        enrolled.codes_off = true;
        let remarks = remarks(&enrolled).join("\n");
        for part in ["for 9 minutes: mfa-enroll add totp", "in 2:10", "administrator", "help@acme.example"] {
            assert!(remarks.contains(part), "{part} in {remarks}");
        }
    }
}
