//! `mfa-enroll` without more: the guided setup, and afterwards a menu of what can be done.

use crate::add_totp::{self, Wishes};
use crate::backup_codes::Keep;
use crate::session::Session;
use crate::{add_email, codes, place, remove, rename, security_key, ssh_key, status, try_factor};
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

const MENU: &str = "
a = add an app   k = add a security key   h = add an SSH security key
m = add a mail address   c = new backup codes   t = try a factor";

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
    let choices = Choices::of(enrolled, place::is_elsewhere());
    let chosen = if choices.is_one() {
        "1".to_owned()
    } else {
        session.screen.line(&format!("\n{}", choices.line()))?;
        for remark in choices.remarks() {
            session.screen.line(&printable::wrap(&remark))?;
        }
        session.terminal.ask("Which one? [1] ")?.expose().to_owned()
    };
    match chosen.as_str() {
        "" | "1" => phone(session, enrolled),
        "2" => security_key::run(security_key::Args::default(), session),
        "3" => ssh_key::run(ssh_key::Args::default(), session),
        "4" => add_email::run(add_email::Args::default(), session),
        "q" => later(session),
        _ => Err(Failure::refused(
            "not_found",
            "That is none of the choices. Nothing was changed. Start again: mfa-enroll",
        )),
    }
}

/// Guides to an app.
fn phone(session: &mut Session, enrolled: &Enrolled) -> Result<Exit, Failure> {
    let answer = session.terminal.ask("\nHave you an authenticator app on your phone? [Y/n] ")?;
    if answer.expose().to_ascii_lowercase().starts_with('n') {
        session.screen.write(WHICH_APP)?;
        let ready = session.terminal.ask("Enter = it is installed   q = later: ")?;
        if ready.expose() == "q" {
            return later(session);
        }
    }
    let done = add_totp::guide(session, Wishes::default())?;
    show_one_connection(session, &enrolled.host)?;
    Ok(done)
}

fn later(session: &Session) -> Result<Exit, Failure> {
    session.screen.line("Nothing has changed. Come back with: mfa-enroll")?;
    Ok(Exit::Refused)
}

/// What a first factor can be here.
struct Choices {
    host: String,
    phone: bool,
    security_key: bool,
    ssh_key: bool,
    mail: bool,
    elsewhere: bool,
}

impl Choices {
    fn of(enrolled: &Enrolled, elsewhere: bool) -> Self {
        let may_add = |kind: &str| enrolled.addable.iter().any(|addable| addable == kind);
        Self {
            host: printable::line(&enrolled.host),
            phone: may_add("totp"),
            security_key: may_add("security-key"),
            ssh_key: may_add("ssh-key"),
            mail: may_add("email"),
            elsewhere,
        }
    }

    /// Where nothing but an app can be added, nobody is asked.
    fn is_one(&self) -> bool {
        !self.security_key && !self.ssh_key
    }

    /// What can be chosen.
    fn line(&self) -> String {
        let all = [
            (self.phone, "1 phone app"),
            (self.security_key && !self.elsewhere, "2 security key"),
            (self.ssh_key, "3 SSH security key"),
        ];
        all.iter().filter(|(fits, _)| *fits).map(|(_, text)| *text).collect::<Vec<_>>().join("   ")
    }

    /// Why the rest cannot.
    fn remarks(&self) -> Vec<String> {
        let key = format!("2 security key: only where you sit at {} itself, with the key in it", self.host);
        let mail = "4 mail: after one of these".to_owned();
        let all = [(self.security_key && self.elsewhere, key), (self.mail, mail)];
        all.into_iter().filter(|(applies, _)| *applies).map(|(_, text)| text).collect()
    }
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
        session.screen.line(MENU)?;
        let choice = match session.terminal.ask("n = rename   r = remove   s = fewer questions   q = done: ") {
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
        "k" => {
            security_key::run(security_key::Args::default(), session)?;
        }
        "h" => {
            ssh_key::run(ssh_key::Args::default(), session)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    fn enrolled(addable: &str) -> Enrolled {
        let text = format!(
            r#"{{"user":"alice","uid":1000,"site":"ACME","host":"web1","support":"","required":true,"factors":[],
            "backup_codes":0,"addable":{addable},"authorize":false,"codes_off":false}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn what_does_not_fit_is_told_and_not_offered() {
        let enrolled = enrolled(r#"["totp","security-key","ssh-key","email"]"#);
        let here = Choices::of(&enrolled, false);
        assert_eq!(here.line(), "1 phone app   2 security key   3 SSH security key");
        assert_eq!(here.remarks(), ["4 mail: after one of these"]);
        let elsewhere = Choices::of(&enrolled, true);
        assert_eq!(elsewhere.line(), "1 phone app   3 SSH security key");
        assert!(elsewhere.remarks()[0].contains("only where you sit at web1 itself"));
    }

    #[test]
    fn where_an_app_is_all_there_is_nobody_is_asked_which() {
        assert!(Choices::of(&enrolled(r#"["totp","email"]"#), false).is_one());
        assert!(!Choices::of(&enrolled(r#"["totp","ssh-key"]"#), true).is_one());
    }
}
