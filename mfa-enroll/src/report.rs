//! `mfa-enroll report`: it was not me.

use crate::session::Session;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Table, moment, printable};
use mfa_proto::enrollment::{REPORT, Reported};

/// It was not you: be asked everywhere again, and tell the administrators
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll report      somebody else logged in, or tried to

No code is needed for it. What you have stays as it is, and works.")]
pub(crate) struct Args {}

pub(crate) fn run(session: &mut Session) -> Result<Exit, Failure> {
    let reported: Reported = session.daemon.call(REPORT, &session.subject())?;
    if session.json() {
        session.screen.json(&reported)?;
        return Ok(Exit::Done);
    }
    let screen = &session.screen;
    for line in lines(&reported) {
        screen.line(&printable::wrap(&line))?;
    }
    if !reported.recent.is_empty() {
        screen.line("\nThe latest logins and tries:")?;
        let mut table = Table::new(screen, &["When", "What"]);
        for event in &reported.recent {
            table.row(&[&moment::date_time(event.at), &event.what])?;
        }
        table.finish()?;
    }
    Ok(Exit::Done)
}

/// What was done, and what to do next.
fn lines(reported: &Reported) -> Vec<String> {
    let told = if reported.recorded { "Reported to your administrators." } else { "This was reported a moment ago." };
    let forgotten = match reported.forgotten {
        0 => "You are asked for a code everywhere.".to_owned(),
        count => {
            format!("{} forgotten: you are asked for a code everywhere.", counted(count.into(), "remembered login"))
        }
    };
    let help = if reported.support.is_empty() { "your administrator" } else { &reported.support };
    vec![
        format!("{told} {forgotten}"),
        "Now change your password, and look at your SSH keys: ~/.ssh/authorized_keys".to_owned(),
        format!("Did somebody get your phone or backup codes? Tell {} at once.", printable::line(help)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_what_was_done_and_what_to_do_next() {
        let mut reported =
            Reported { forgotten: 2, recorded: true, recent: Vec::new(), support: "help@acme.example\x1b".into() };
        let text = lines(&reported).join("\n");
        for part in ["Reported", "2 remembered logins forgotten", "change your password", "help@acme.example\\u{1b}"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        (reported.forgotten, reported.recorded, reported.support) = (0, false, String::new());
        let text = lines(&reported).join("\n");
        for part in ["reported a moment ago", "asked for a code everywhere", "Tell your administrator"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
