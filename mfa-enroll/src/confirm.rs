//! `mfa-enroll confirm`: proves that the app has the secret; for scripts, and for a second step later.

use crate::backup_codes::{self, Keep};
use crate::session::Session;
use crate::sheet::Sheet;
use mfa_cli::{Exit, Failure, moment};
use mfa_proto::Secret;
use mfa_proto::enrollment::{BackupCodes, CONFIRM, Confirm, Confirmation, Confirmed};
use std::path::PathBuf;

/// Finish what `add totp` began, with a code of the app
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfa-enroll confirm 3 492817
  mfa-enroll confirm 3 492817 118203      where two codes in a row are wanted
  mfa-enroll confirm 3                    asks for the code
  mfa-enroll confirm 3 492817 --json --save codes.txt")]
pub(crate) struct Args {
    /// The number that `add totp --json` gave
    #[arg(value_name = "ID")]
    id: i64,
    /// The code the app shows, and the one after it if two are wanted
    #[arg(value_name = "CODE", num_args = 0..=2, value_parser = |code: &str| Ok::<_, String>(Secret::from(code)))]
    codes: Vec<Secret>,
    /// Write the backup codes to a new file that only you can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let keep = Keep::reserve(args.save.as_deref(), None)?;
    let mut codes = args.codes;
    if codes.is_empty() {
        codes.push(session.terminal.ask("Verification code: ")?);
    }
    let confirmed = confirm(session, args.id, codes)?;
    if confirmed.result != Confirmation::Done {
        return Err(not_yet(&confirmed));
    }
    let enrolled = session.status()?;
    let sheet = Sheet { enrolled: &enrolled, app: None, codes: &confirmed.backup_codes };
    if session.json() {
        keep.write(&sheet)?;
        session.screen.json(&BackupCodes { backup_codes: confirmed.backup_codes })?;
    } else {
        session.screen.line("Right: your app counts as a second factor from now on.")?;
        backup_codes::hand_over(session, &sheet, keep)?;
    }
    Ok(Exit::Done)
}

/// Sends the codes; spaces that people type into them do not count.
pub(crate) fn confirm(session: &mut Session, id: i64, codes: Vec<Secret>) -> Result<Confirmed, Failure> {
    let codes = codes.iter().map(without_spaces).collect();
    // Whoever began it has proved who they are; looking first finds a daemon that was restarted meanwhile.
    session.status()?;
    session.attempt(CONFIRM, &Confirm { user: session.user(), id, codes })
}

/// Why codes did not confirm the secret, and what to do.
pub(crate) fn not_yet(confirmed: &Confirmed) -> Failure {
    match confirmed.result {
        Confirmation::Done => Failure::refused("protocol", "The codes were right."),
        Confirmation::Wrong => Failure::refused(
            "wrong",
            "That is not the code of this secret. Type the one your app shows for this account, while it shows it.",
        ),
        Confirmation::ClockOff => Failure::refused("clock_off", clock_off(confirmed.clock_offset, moment::now())),
        Confirmation::OneMore => Failure::refused(
            "one_more",
            "That one is right, and the next one is wanted too: give both, in the order they appeared.",
        ),
        Confirmation::NotConsecutive => Failure::refused(
            "not_consecutive",
            "Both codes are right, but one does not follow the other. Give the one shown now, then the very next.",
        ),
    }
}

fn clock_off(offset: Option<i64>, now: i64) -> String {
    let here = moment::time_of_day(now);
    let by = match offset {
        Some(offset) => {
            let side = if offset < 0 { "behind" } else { "ahead" };
            format!("Your phone's clock is {} {side}.", moment::span(offset.unsigned_abs()))
        }
        None => "Your phone's clock is wrong.".to_owned(),
    };
    format!(
        "{by} Set it to automatic in the phone's date and time settings, then give a new code. (The clock here says \
         {here}; if that is wrong, tell your administrator.)"
    )
}

fn without_spaces(code: &Secret) -> Secret {
    let mut bare = String::with_capacity(code.expose().len());
    bare.extend(code.expose().chars().filter(|c| !c.is_whitespace()));
    Secret::new(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_clock_is_told_in_words() {
        assert!(clock_off(Some(-180), 0).starts_with("Your phone's clock is 3 minutes behind. Set it to automatic"));
        assert!(clock_off(Some(7200), 0).starts_with("Your phone's clock is 2 hours ahead."));
        assert!(clock_off(None, 0).starts_with("Your phone's clock is wrong."));
        assert!(clock_off(Some(i64::MIN), 0).contains("behind"));
    }

    #[test]
    fn each_end_that_is_none_has_a_word_for_programs() {
        let ends = [
            (Confirmation::Wrong, "wrong"),
            (Confirmation::ClockOff, "clock_off"),
            (Confirmation::OneMore, "one_more"),
            (Confirmation::NotConsecutive, "not_consecutive"),
        ];
        for (result, code) in ends {
            let failure = not_yet(&Confirmed { result, clock_offset: None, backup_codes: Vec::new() });
            assert_eq!((failure.exit, failure.code.as_str()), (Exit::Refused, code));
        }
    }

    #[test]
    fn spaces_in_a_code_do_not_count() {
        assert_eq!(without_spaces(&Secret::from("492 817")).expose(), "492817");
    }
}
