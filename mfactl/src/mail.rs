//! `mfactl mail`: does mail arrive? And what `mfactl status` says of it.

use crate::Desk;
use mfa_cli::{Exit, Failure, moment, printable};
use mfa_proto::admin::{self, TEST_MAIL, TestMail};
use mfa_proto::mail::{Answer, LONGEST, Outcome};
use std::time::Duration;

/// Letters to users and administrators
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  mfactl mail test root@acme.example")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(clap::Subcommand)]
enum Command {
    Test(Test),
}

/// Send a letter now, and show what the server says
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl mail test root@acme.example
  mfactl mail test root@acme.example --json

The server is the one of /etc/mfa/mfa.toml, [mail]. A server that has taken a
letter may still put it off or lose it: look whether it arrives.")]
struct Test {
    /// Where to
    #[arg(value_name = "ADDRESS")]
    address: String,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let Command::Test(Test { address }) = args.command;
    let to = printable::line(&address);
    if !desk.json {
        desk.screen.line(&format!("Sending a test to {to} …"))?;
    }
    let longer = Duration::from_secs(LONGEST);
    let answer: Answer = desk.daemon.call_within(longer, TEST_MAIL, &TestMail { address })?;
    if desk.json {
        desk.screen.json(&answer)?;
    } else {
        desk.screen.line(&printable::wrap(&told(&answer)))?;
    }
    Ok(if answer.outcome == Outcome::Taken { Exit::Done } else { Exit::Refused })
}

fn told(answer: &Answer) -> String {
    let said = printable::line(&answer.detail);
    match answer.outcome {
        Outcome::Taken => format!("The server has taken it: {said}"),
        Outcome::Later => format!("It was not sent: {said}\nOther letters wait, and are tried again."),
        Outcome::Unknown => format!("The line was cut while it was sent: {said}\nLook whether it arrived."),
        Outcome::Refused => format!("The server refuses it: {said}"),
    }
}

/// One line of `mfactl status`; nothing where no mail is sent.
pub(crate) fn line(mail: &admin::Mail, now: i64) -> Option<String> {
    let ways = mail.server.iter().map(|server| format!("by {}", printable::line(server)));
    let ways: Vec<String> = ways.chain(mail.webhook.then(|| "to the webhook".to_owned())).collect();
    if ways.is_empty() && mail.waiting == 0 {
        return None;
    }
    let failed = match (mail.failed, mail.dropped) {
        (0, 0) => String::new(),
        (failed, 0) => format!(", {failed} failed"),
        (failed, dropped) => format!(", {failed} failed, {dropped} not kept"),
    };
    let waiting = match (mail.waiting, mail.since) {
        (0, _) | (_, None) => String::new(),
        (waiting, Some(since)) => format!("   WAITING {waiting}, the oldest from {}", moment::ago(since, now)),
    };
    let problem = mail.problem.as_ref().map(|why| format!("\n      last trouble: {}", printable::line(why)));
    Some(format!("Mail {}: {} sent{failed}{waiting}{}", ways.join(" and "), mail.sent, problem.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail() -> admin::Mail {
        admin::Mail { server: Some("mx.acme.example".into()), sent: 12, ..admin::Mail::default() }
    }

    #[test]
    fn what_waits_is_told_with_since_when_and_why() {
        assert_eq!(line(&mail(), 1000).unwrap(), "Mail by mx.acme.example: 12 sent");
        let problem = Some("connection\x1b refused".to_owned());
        let stuck = admin::Mail { waiting: 3, since: Some(880), problem, failed: 1, webhook: true, ..mail() };
        assert_eq!(
            line(&stuck, 1000).unwrap(),
            "Mail by mx.acme.example and to the webhook: 12 sent, 1 failed   WAITING 3, the oldest from 2 min ago\n      \
             last trouble: connection\\u{1b} refused"
        );
    }

    #[test]
    fn where_no_mail_is_sent_nothing_is_said_of_it() {
        assert_eq!(line(&admin::Mail::default(), 1000), None);
    }

    #[test]
    fn what_the_server_said_is_passed_on() {
        let answer = |outcome| Answer { outcome, detail: "550 no such user".into() };
        assert_eq!(told(&answer(Outcome::Taken)), "The server has taken it: 550 no such user");
        assert_eq!(told(&answer(Outcome::Refused)), "The server refuses it: 550 no such user");
    }
}
