//! Logging in by one of the doors: ssh, sudo, the console. What the screen says then is one of a few things.

use harness::Terminal;

use crate::chance::Chance;
use crate::people::{PASSWORD, Person};
use crate::play::{Play, Stopped};

/// How the question for a code ends.
pub(crate) const CODE: &str = "Verification code: ";
/// How the question ends where guesses are throttled.
const THROTTLED: &str = "type a backup code: ";

/// Whoever was reset meanwhile is offered to enroll, as at a login that begins then.
pub(crate) const OFFER: &str = "q = stop: ";
/// How a refusal ends that is not the end of the program: enrolling is offered or wanted, sudo and login begin anew.
const REFUSED: [&str; 4] = [OFFER, "Press Enter. ", "Sorry, try again.", "Login incorrect"];

/// Where somebody logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    Ssh,
    Sudo,
    Console,
}

/// What came of a code.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// A shell, or what sudo was to run.
    In,
    /// A sentence, and the question again.
    AskedAgain(String),
    /// Guesses are throttled.
    Throttled,
    /// The end.
    Closed,
}

impl Door {
    /// One of them; most people come by ssh.
    pub(crate) fn any(chance: &mut Chance) -> Self {
        chance.one_of(&[(6, Self::Ssh), (3, Self::Sudo), (1, Self::Console)])
    }

    /// The PAM service, as the record has it.
    pub(crate) fn service(self) -> &'static str {
        match self {
            Self::Ssh => "sshd",
            Self::Sudo => "sudo",
            Self::Console => "login",
        }
    }

    fn inside(self) -> &'static str {
        match self {
            Self::Ssh | Self::Console => "@lab:",
            Self::Sudo => "\nit is root",
        }
    }

    /// Up to the password, or behind the key.
    pub(crate) fn knock(self, play: &Play, person: &Person) -> Result<Terminal, Stopped> {
        let name = person.name.as_str();
        let terminal = match (self, &person.key) {
            (Self::Ssh, Some(key)) => return Ok(play.lab.ssh_with(name).key(key).start()?),
            (Self::Ssh, None) => play.lab.ssh(name)?,
            (Self::Sudo, _) => play.lab.pty_as(name, ["sudo", "-k", "sh", "-c", "echo it is $(id -un)"])?,
            (Self::Console, _) => play.lab.pty(["login", name])?,
        };
        let mut terminal = terminal;
        terminal.expect(if self == Self::Sudo { "[sudo] password for " } else { "Password: " })?;
        Ok(terminal)
    }

    /// Up to the question that comes after the password or the key.
    pub(crate) fn open(self, play: &Play, person: &Person) -> Result<Terminal, Stopped> {
        let mut terminal = self.knock(play, person)?;
        if self != Self::Ssh || person.key.is_none() {
            terminal.send_line(PASSWORD)?;
        }
        Ok(terminal)
    }

    /// Up to the question for a code; an account that was guessed at before is unlocked by an administrator.
    pub(crate) fn asked(self, play: &Play, person: &Person) -> Result<Terminal, Stopped> {
        let mut terminal = self.open(play, person)?;
        if let (1, _) = terminal.expect_any(&[CODE, THROTTLED])? {
            play.ledger.count("throttled, unlocked");
            play.lab.run(["mfactl", "unlock", &person.name])?.success()?;
            terminal = self.open(play, person)?;
            terminal.expect(CODE)?;
        }
        Ok(terminal)
    }

    /// Types a code; what came of it.
    pub(crate) fn give(self, terminal: &mut Terminal, code: &str) -> Result<Seen, Stopped> {
        terminal.send_line(code)?;
        let ends = [&[self.inside(), CODE, THROTTLED], &REFUSED[..]].concat();
        match terminal.expect_any(&ends) {
            Ok((0, _)) => Ok(Seen::In),
            Ok((1, said)) => Ok(Seen::AskedAgain(said)),
            Ok((2, _)) => Ok(Seen::Throttled),
            Ok(_) => Ok(Seen::Closed),
            Err(error) if error.has_ended() => Ok(Seen::Closed),
            Err(error) => Err(error.into()),
        }
    }
}
