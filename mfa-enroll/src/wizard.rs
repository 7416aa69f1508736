//! `mfa-enroll` without more: the guided setup, and afterwards a menu of what can be done.

use crate::add_email;
use crate::add_totp::{self, Wishes};
use crate::backup_codes::Keep;
use crate::session::Session;
use crate::{codes, remove, rename, status, try_factor};
use mfa_cli::{Exit, Failure, InputError, printable};
use mfa_proto::enrollment::Enrolled;

const WHICH_APP: &str = "\
Any authenticator app will do. Some that people like, from your phone's own app
store: Aegis, Ente Auth, 2FAS, FreeOTP, Google Authenticator, Microsoft
Authenticator; 1Password and Bitwarden can do it too.
";

/// For many logins over one connection; with the name of this machine before it.
const ONE_CONNECTION: &str = "    ControlMaster auto
    ControlPath ~/.ssh/%C.socket
    ControlPersist 15m
";

pub(crate) fn run(session: &mut Session) -> Result<Exit, Failure> {
    if !session.is_interactive() {
        return Err(Failure::usage(
            "The guided setup needs a terminal. For scripts: mfa-enroll status --json, mfa-enroll add totp --json; all \
             there is: mfa-enroll --help",
        ));
    }
    let enrolled = session.status()?;
    if enrolled.factors.is_empty() { first_time(session, &enrolled) } else { menu(session) }
}

fn first_time(session: &mut Session, enrolled: &Enrolled) -> Result<Exit, Failure> {
    status::show(&session.screen, enrolled)?;
    let answer = session.terminal.ask("\nHave you an authenticator app on your phone? [Y/n] ")?;
    if answer.expose().to_ascii_lowercase().starts_with('n') {
        session.screen.write(WHICH_APP)?;
        let ready = session.terminal.ask("Enter = it is installed   q = later: ")?;
        if ready.expose() == "q" {
            session.screen.line("Nothing has changed. Come back with: mfa-enroll")?;
            return Ok(Exit::Refused);
        }
    }
    let done = add_totp::guide(session, Wishes::default())?;
    show_one_connection(session, &enrolled.host)?;
    Ok(done)
}

/// Whoever is asked at each of many ssh logins would rather be asked once.
fn show_one_connection(session: &Session, host: &str) -> Result<(), Failure> {
    session.screen.line("\nTo be asked once for many ssh logins, copies and git, write this into the file")?;
    session.screen.line("~/.ssh/config on the computer you come from:\n")?;
    session.screen.write(&format!("  Host {}\n{ONE_CONNECTION}", printable::line(host)))
}

fn menu(session: &mut Session) -> Result<Exit, Failure> {
    loop {
        let enrolled = session.status()?;
        status::show(&session.screen, &enrolled)?;
        session.screen.line("\na = add an app   m = add a mail address   c = new backup codes")?;
        let choice = match session
            .terminal
            .ask("t = test a code   n = rename   r = remove   s = fewer questions   q = done: ")
        {
            Ok(choice) => choice,
            Err(InputError::End) => return Ok(Exit::Done),
            Err(error) => return Err(error.into()),
        };
        match chosen(session, choice.expose(), &enrolled.host) {
            Ok(true) => session.screen.line("")?,
            Ok(false) => return Ok(Exit::Done),
            // A refusal is not the end of the visit; Ctrl-C and a daemon that is gone are.
            Err(failure) if failure.exit == Exit::Refused => {
                session.screen.line(&format!("{}\n", printable::wrap(&failure.message)))?;
            }
            Err(failure) => return Err(failure),
        }
    }
}

/// Does what was chosen; false to leave.
fn chosen(session: &mut Session, choice: &str, host: &str) -> Result<bool, Failure> {
    match choice {
        "q" => return Ok(false),
        "s" => show_one_connection(session, host)?,
        "a" => {
            let name = session.terminal.ask("What shall it be called? [phone] ")?;
            let name = (!name.is_empty()).then(|| name.expose().to_owned());
            add_totp::guide(session, Wishes { name, ..Wishes::default() })?;
        }
        "m" => {
            add_email::run(add_email::Args::default(), session)?;
        }
        "c" => {
            if session.terminal.agrees("The old codes stop working. Make new ones?")? {
                codes::make(session, Keep::default())?;
            }
        }
        "t" => {
            try_factor::run(try_factor::Args::default(), session)?;
        }
        "n" => {
            let id = ask_id(session)?;
            let name = session.terminal.ask("New name: ")?.expose().to_owned();
            rename::run(rename::Args { id, name }, session)?;
        }
        "r" => {
            let id = ask_id(session)?;
            let name = printable::line(&remove::find(session, id)?.name);
            if session.terminal.agrees(&format!("Remove \"{name}\"?"))? {
                remove::run(&remove::Args { id }, session)?;
            }
        }
        _ => session.screen.line("Type one of the letters.")?,
    }
    Ok(true)
}

fn ask_id(session: &mut Session) -> Result<i64, Failure> {
    let typed = session.terminal.ask("ID: ")?;
    typed.expose().parse().map_err(|_| Failure::refused("not_found", "That is no ID: type a number from the list."))
}
