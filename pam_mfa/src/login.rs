//! Plays the daemon's dialog to the user, turn by turn: shows what it says, asks what it asks, brings the answers back.
//!
//! It knows no factor and weighs no answer, but one: what was just typed as a password never leaves this process.

use crate::context::{self, ContextError};
use crate::host::{ConverseError, Host};
use crate::link::Link;
use mfa_proto::login::{Answer, Begin, Next, Note, Outcome, Phase, Prompt, Style, Turn, Verdict};
use mfa_proto::{CallError, Secret};
use std::fmt;

/// No honest dialog has more turns; a program that answers by itself must not be kept busy until the deadline.
const MOST_TURNS: usize = 100;

/// Proof that the daemon has let this login pass.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Passed(());

/// Proof that the daemon's policy asks nothing of this login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Skipped(());

/// Proof that the daemon said "remembered", and recorded which login covers this one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Remembered(());

/// The daemon's four verdicts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Decision {
    /// A factor was proved.
    Passed(Passed),
    /// Nothing was asked.
    Skipped(Skipped),
    /// Nothing was asked, since an earlier login's factor covers this one.
    Remembered(Remembered),
    /// Refused.
    Denied,
    /// The daemon cannot decide.
    Broken,
}

/// How a dialog ended that came to its end.
#[derive(Debug)]
pub(crate) struct Ended {
    /// What was decided.
    pub(crate) decision: Decision,
    /// The daemon's word for the log.
    pub(crate) reason: String,
}

/// Why a dialog did not come to its end.
#[derive(Debug)]
pub(crate) enum LoginError {
    /// The daemon refused to go on, or cannot be understood.
    Daemon(CallError),
    /// The application brought no answer.
    Conversation(ConverseError),
    /// `PAM_USER` is no longer what it was when the dialog began.
    UserChanged,
    /// The user can no longer be read.
    Context(ContextError),
    /// The answer came after the deadline.
    Late,
    /// The password was typed a second time.
    PasswordAgain,
    /// The daemon asked more than the one line can answer.
    NothingLeft,
    /// The daemon asked, or waits for somebody, where nobody can answer.
    AskedInAccount,
    /// The dialog does not end.
    Endless,
}

impl fmt::Display for LoginError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon(error) => error.fmt(f),
            Self::Conversation(error) => error.fmt(f),
            Self::UserChanged => f.write_str("PAM_USER was changed during the login"),
            Self::Context(error) => error.fmt(f),
            Self::Late => f.write_str("the answer came after the timeout"),
            Self::PasswordAgain => f.write_str("the password was given as the answer, twice"),
            Self::NothingLeft => f.write_str("the mfa daemon asked for more than stood behind the password"),
            Self::AskedInAccount => f.write_str("the mfa daemon asked a question in the account phase"),
            Self::Endless => f.write_str("the mfa daemon's dialog does not end"),
        }
    }
}

impl From<CallError> for LoginError {
    fn from(error: CallError) -> Self {
        Self::Daemon(error)
    }
}

impl From<Verdict> for Ended {
    fn from(verdict: Verdict) -> Self {
        let decision = match verdict.outcome {
            Outcome::Pass => Decision::Passed(Passed(())),
            Outcome::Skipped => Decision::Skipped(Skipped(())),
            Outcome::Remembered => Decision::Remembered(Remembered(())),
            Outcome::Denied => Decision::Denied,
            Outcome::Broken => Decision::Broken,
        };
        Self { decision, reason: verdict.reason }
    }
}

/// Where the answers come from.
#[derive(Debug)]
pub(crate) enum Answers {
    /// The user is asked for each.
    Asked,
    /// One was typed behind the password, if it was. The user is asked nothing.
    Typed(Option<Secret>),
}

/// Plays the dialog from its beginning to its end. With `silent` (`PAM_SILENT`) nothing is shown but prompts, and what a key
/// is to be touched for.
///
/// # Errors
/// [`LoginError`]: the login is to be refused.
pub(crate) fn play(
    host: &mut dyn Host,
    link: &mut Link,
    begin: &Begin,
    (answers, silent): (Answers, bool),
) -> Result<Ended, LoginError> {
    let turn = link.begin(begin)?;
    let ended = Dialog { host, link, begin, answers, silent, password_came: false }.play(turn)?;
    Ok(ended)
}

struct Dialog<'a> {
    host: &'a mut dyn Host,
    link: &'a mut Link,
    begin: &'a Begin,
    answers: Answers,
    silent: bool,
    password_came: bool,
}

impl Dialog<'_> {
    fn play(mut self, mut turn: Turn) -> Result<Ended, LoginError> {
        for _ in 0..MOST_TURNS {
            turn = match turn.next {
                Next::Ask(_) | Next::Wait { .. } if self.begin.phase == Phase::Account => {
                    return Err(LoginError::AskedInAccount);
                }
                Next::Ask(prompt) => {
                    let answer = Answer { answer: self.ask(&turn.say, &prompt)? };
                    match self.link.answer(&answer) {
                        Err(CallError::HungUp) => self.begin_anew(Some((&prompt, &answer)))?,
                        answered => answered?,
                    }
                }
                Next::Wait { at_most } => {
                    // A key blinks: what for is said even where no text is wanted (sudo asks for silence, and shows it).
                    self.host.show(&turn.say);
                    self.still_in_order()?;
                    match self.link.wait(at_most) {
                        Err(CallError::HungUp) => self.begin_anew(None)?,
                        waited => waited?,
                    }
                }
                Next::Done(verdict) => {
                    self.show(self.last_words(turn.say, &verdict))?;
                    return Ok(verdict.into());
                }
            };
        }
        Err(LoginError::Endless)
    }

    /// A daemon that was restarted begins the dialog from its beginning. What was typed for the old one is the answer
    /// if the new one asks the same; otherwise the user is asked. A code that the old one had taken is told as used.
    fn begin_anew(&mut self, typed: Option<(&Prompt, &Answer)>) -> Result<Turn, LoginError> {
        if !self.link.call_again() {
            return Err(CallError::HungUp.into());
        }
        let turn = self.link.begin(self.begin)?;
        match (&turn.next, typed) {
            (Next::Ask(asked), Some((prompt, answer))) if asked == prompt && turn.say.is_empty() => {
                Ok(self.link.answer(answer)?)
            }
            _ => Ok(turn),
        }
    }

    fn ask(&mut self, notes: &[Note], prompt: &Prompt) -> Result<Secret, LoginError> {
        if let Answers::Typed(code) = &mut self.answers {
            let code = code.take();
            return self.typed(notes, code);
        }
        let answer = self.ask_once(notes, prompt)?;
        if !self.host.is_password(&answer) {
            return Ok(answer);
        }
        if self.password_came {
            return Err(LoginError::PasswordAgain);
        }
        self.password_came = true;
        // A program that answers every prompt with the password does so again; a person reads what is wrong.
        let again = Prompt { text: format!("That was your password. {}", prompt.text), echo: prompt.echo };
        let answer = self.ask_once(&[], &again)?;
        if self.host.is_password(&answer) { Err(LoginError::PasswordAgain) } else { Ok(answer) }
    }

    /// The code that stood behind the password, once; a second question is answered with nothing.
    fn typed(&mut self, notes: &[Note], code: Option<Secret>) -> Result<Secret, LoginError> {
        self.show(notes.to_vec())?;
        match code {
            Some(code) if self.host.is_password(&code) => Err(LoginError::PasswordAgain),
            Some(code) => Ok(code),
            None => Err(LoginError::NothingLeft),
        }
    }

    fn ask_once(&mut self, notes: &[Note], prompt: &Prompt) -> Result<Secret, LoginError> {
        // What is said before a question is why it is asked: where text is not wanted, it is part of the question.
        let asked = if self.silent && !notes.is_empty() {
            let lines: Vec<&str> = notes.iter().map(|note| note.text.as_str()).chain([prompt.text.as_str()]).collect();
            self.host.ask(&[], &Prompt { text: lines.join("\n"), echo: prompt.echo })
        } else {
            self.host.ask(notes, prompt)
        };
        let answer = asked.map_err(LoginError::Conversation)?;
        self.still_in_order()?;
        Ok(answer)
    }

    fn show(&mut self, notes: Vec<Note>) -> Result<(), LoginError> {
        if !self.silent && !notes.is_empty() {
            self.host.show(&notes);
        }
        self.still_in_order()
    }

    /// In the account phase nobody is asked, so a denial must explain itself: sshd shows error messages there.
    fn last_words(&self, mut notes: Vec<Note>, verdict: &Verdict) -> Vec<Note> {
        if self.begin.phase == Phase::Account && verdict.outcome == Outcome::Denied {
            notes.iter_mut().for_each(|note| note.style = Style::Error);
            if notes.is_empty() {
                let text = "A second factor is required here, and this way of logging in has none.".to_owned();
                notes.push(Note { style: Style::Error, text });
            }
        }
        notes
    }

    /// While the application conversed, it had the time and the means to change who this is about.
    fn still_in_order(&self) -> Result<(), LoginError> {
        if context::user(self.host).map_err(LoginError::Context)? != self.begin.user {
            return Err(LoginError::UserChanged);
        }
        if self.link.is_late() { Err(LoginError::Late) } else { Ok(()) }
    }
}

#[cfg(test)]
#[path = "login_tests.rs"]
mod tests;
