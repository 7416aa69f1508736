//! The way in for the owner of the machine when the daemon cannot decide: a code from the safe, asked for and checked
//! here, for root's applications alone, and struck out on the disk before it counts.
//!
//! It is asked for only where a code is left for this account, and never where the daemon has decided.

mod codes;

use crate::Attempt;
use crate::context;
use crate::failure::Failure;
use crate::host::Host;
use crate::journal;
use crate::login::LoginError;
use codes::{Codes, Tried};
use mfa_proto::Secret;
use mfa_proto::break_glass::{Code, FOLDER, Use};
use mfa_proto::login::{Note, Prompt, Style};
use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

pub(crate) use codes::{CodesError, Struck};

/// Codes that may be tried in a login.
const TRIES: usize = 3;

/// Where this process finds the codes: only root's does, whoever logs in through it.
pub(crate) fn folder() -> Option<&'static Path> {
    rustix::process::geteuid().is_root().then_some(Path::new(FOLDER))
}

/// Why a break-glass code was not taken.
#[derive(Debug)]
pub(crate) enum BreakGlassError {
    /// Three were wrong.
    Wrong,
    /// The right one could not be used up.
    Codes(CodesError),
}

/// Asks for a code in place of the daemon, which is out of order for that reason.
///
/// # Errors
/// The same reason, if nobody here has such a code to give; else why the one that was given does not count.
pub(crate) fn instead(host: &mut dyn Host, attempt: &Attempt<'_>, why: Failure) -> Result<Struck, Failure> {
    let Some(folder) = attempt.codes else { return Err(why) };
    let codes = Codes::of(folder);
    match codes.unused_for(&attempt.begin.user) {
        Ok(0) | Err(CodesError::None) => return Err(why),
        Err(error) => {
            journal::notice(host, &format!("break-glass codes cannot be used: {error}"));
            return Err(why);
        }
        Ok(_) => {}
    }
    let struck = Question { host, attempt, codes: &codes, since: Instant::now() }.ask(why)?;
    if !attempt.silent {
        host.show(&[Note { style: Style::Info, text: thanks(&struck, &attempt.begin.user) }]);
    }
    Ok(struck)
}

struct Question<'a> {
    host: &'a mut dyn Host,
    attempt: &'a Attempt<'a>,
    codes: &'a Codes<'a>,
    since: Instant,
}

impl Question<'_> {
    fn ask(mut self, why: Failure) -> Result<Struck, Failure> {
        journal::notice(self.host, &format!("asking for a break-glass code: {why}"));
        let mut before = "The second factor cannot be checked now. A break-glass code works.".to_owned();
        for _ in 0..TRIES {
            let answer = self.answer(&before)?;
            if answer.expose().trim().is_empty() {
                return Err(why); // whoever has none
            }
            match self.weigh(&answer)? {
                Tried::Struck(struck) => {
                    journal::broken_glass(self.host, struck.number(), &why.to_string());
                    return Ok(struck);
                }
                Tried::Wrong => "That is not a break-glass code that works here.".clone_into(&mut before),
                Tried::Mistyped => {
                    "That is mistyped: a break-glass code has seven groups of four.".clone_into(&mut before)
                }
                Tried::Gone(number) => before = format!("Code {number} was used or voided before. Take another."),
            }
        }
        Err(BreakGlassError::Wrong.into())
    }

    fn answer(&mut self, before: &str) -> Result<Secret, LoginError> {
        let user = &self.attempt.begin.user;
        let prompt = Prompt { text: format!("{before}\nBreak-glass code for {user}: "), echo: false };
        let answer = self.host.ask(&[], &prompt).map_err(LoginError::Conversation)?;
        if context::user(self.host).map_err(LoginError::Context)? != *user {
            return Err(LoginError::UserChanged);
        }
        // The daemon may have taken all of the login's time: typing has as much again.
        if self.since.elapsed() >= self.attempt.options.timeout { Err(LoginError::Late) } else { Ok(answer) }
    }

    fn weigh(&self, answer: &Secret) -> Result<Tried, Failure> {
        let Some(code) = Code::read(answer.expose()) else { return Ok(Tried::Mistyped) };
        let begin = &self.attempt.begin;
        let by = Use {
            at: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs().try_into().unwrap_or(0)),
            user: begin.user.clone(),
            service: begin.service.clone(),
            rhost: begin.rhost.clone().unwrap_or_default(),
        };
        self.codes.strike(&code, by).map_err(|error| BreakGlassError::Codes(error).into())
    }
}

fn thanks(struck: &Struck, user: &str) -> String {
    let left = match struck.left() {
        0 => format!("none is left for {user}: make new ones, mfactl break-glass create"),
        left => format!("{left} left for {user}"),
    };
    format!("Break-glass code {} is used up; {left}.\nSee what is wrong: mfactl status", struck.number())
}

#[cfg(test)]
mod tests;
