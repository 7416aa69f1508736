//! `mfa-enroll add email`: an address that counts once the code mailed to it was typed here.

use crate::session::Session;
use mfa_cli::{Exit, Failure, moment, printable};
use mfa_proto::Secret;
use mfa_proto::enrollment::{
    ADD_EMAIL, AddEmail, CONFIRM_EMAIL, ConfirmEmail, MailedCode, Verification, VerifiedEmail,
};
use serde_json::json;

/// Wrong codes before it ends.
const TRIES: usize = 3;

/// Add a mail address that codes are sent to, in place of the one before
#[derive(clap::Args, Default)]
#[command(after_help = "\
Examples:
  mfa-enroll add email alice@example.com
  mfa-enroll add email                     asks for the address
  sudo mfa-enroll add email alice@example.com --user alice

A code is mailed there and asked for here. You prove another factor of yours
first: an address is never added with a mailed code.")]
pub(crate) struct Args {
    /// One mail address
    #[arg(value_name = "ADDRESS")]
    address: Option<String>,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let address = match args.address {
        Some(address) => address,
        None => session.terminal.ask("Mail address: ")?.expose().trim().to_owned(),
    };
    let wanted = AddEmail { user: session.user(), address, name: args.name };
    let mailed: MailedCode = session.change(ADD_EMAIL, &wanted)?;
    if !session.json() {
        session.screen.line(&printable::wrap(&told(&mailed)))?;
    }
    for tries_left in (0..TRIES).rev() {
        match confirm(session)? {
            Verification::Done => {
                done(session, &mailed)?;
                return Ok(Exit::Done);
            }
            Verification::Ended => {
                let text = "That code has ended. Begin again: mfa-enroll add email ADDRESS";
                return Err(Failure::refused("ended", text));
            }
            Verification::Wrong if tries_left > 0 && session.is_interactive() => {
                session.screen.line("That code is not right.")?;
            }
            Verification::Wrong => break,
        }
    }
    Err(Failure::refused("wrong", "That is not the code in the newest mail. Nothing was changed."))
}

fn confirm(session: &mut Session) -> Result<Verification, Failure> {
    let code: Secret = session.terminal.ask("Code in the mail: ")?;
    let confirm = ConfirmEmail { user: session.user(), code };
    let VerifiedEmail { result } = session.daemon.call(CONFIRM_EMAIL, &confirm)?;
    Ok(result)
}

fn told(mailed: &MailedCode) -> String {
    let (address, time) = (printable::line(&mailed.address), moment::span(mailed.expires_in.into()));
    if mailed.goes_out {
        format!("A code was mailed to {address}. It works for {time}.")
    } else {
        format!("Mail is not going out at the moment. A code to {address} waits for that, {time} at the most.")
    }
}

fn done(session: &Session, mailed: &MailedCode) -> Result<(), Failure> {
    if session.json() {
        return session.screen.json(&json!({ "address": mailed.address }));
    }
    let address = printable::line(&mailed.address);
    session.screen.line(&printable::wrap(&format!("Right: codes can be mailed to {address} from now on.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_where_the_code_is_and_whether_mail_goes_out() {
        let mut mailed = MailedCode { address: "a\u{1b}@b.example".into(), expires_in: 600, goes_out: true };
        assert_eq!(told(&mailed), "A code was mailed to a\\u{1b}@b.example. It works for 10 minutes.");
        mailed.goes_out = false;
        assert!(told(&mailed).starts_with("Mail is not going out at the moment."));
    }
}
