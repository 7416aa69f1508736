//! The daemon's questions, put to a person or answered with a code already given, until it says how it ended.
//!
//! Nothing here knows what a factor is: the daemon asks, this shows.

use crate::{Daemon, Failure, InputError, Terminal, printable};
use mfa_proto::Secret;
use mfa_proto::login::{ANSWER, Answer, Next, Note, Outcome, Prompt, Turn, Verdict, WAIT};
use std::time::Duration;

/// More questions than this are no dialog.
const MOST_TURNS: usize = 64;

/// Whoever hears the notes and answers the prompts.
pub trait Respondent {
    /// Is told something.
    fn hear(&mut self, note: &Note);
    /// Answers a prompt.
    ///
    /// # Errors
    /// There is no answer.
    fn answer(&mut self, prompt: &Prompt) -> Result<Secret, Failure>;
}

/// Drives a begun dialog to its end.
///
/// # Errors
/// No answer of the person, or none of the daemon.
pub fn drive(daemon: &mut Daemon, first: Turn, by: &mut dyn Respondent) -> Result<Verdict, Failure> {
    let mut turn = first;
    for _ in 0..MOST_TURNS {
        turn.say.iter().for_each(|note| by.hear(note));
        turn = match turn.next {
            Next::Done(verdict) => return Ok(verdict),
            Next::Ask(prompt) => daemon.call(ANSWER, &Answer { answer: by.answer(&prompt)? })?,
            Next::Wait { at_most } => daemon.call_within(Duration::from_secs(at_most.into()), WAIT, &())?,
        };
    }
    Err(Failure::refused("protocol", "The mfa daemon does not stop asking. Tell your administrator."))
}

/// Whether the verdict lets go on; `otherwise` says what that means.
///
/// # Errors
/// It does not.
pub fn allowed(verdict: &Verdict, otherwise: &str) -> Result<(), Failure> {
    match verdict.outcome {
        Outcome::Pass | Outcome::Skipped | Outcome::Remembered => Ok(()),
        Outcome::Denied => {
            let reason = printable::line(&verdict.reason);
            Err(Failure::refused(
                "denied",
                format!("Not proved ({reason}). {otherwise} Wait a little, then try again."),
            ))
        }
        Outcome::Broken => Err(Failure::refused(
            "broken",
            format!("The mfa daemon cannot decide anything now. {otherwise} Tell your administrator: mfactl status"),
        )),
    }
}

/// A person at a terminal, or a script that pipes one line for each question.
pub struct Person<'a> {
    terminal: &'a mut Terminal,
    why: Option<&'a str>,
    last: LastWords,
}

impl<'a> Person<'a> {
    /// `why` is said once, before the first question.
    pub fn new(terminal: &'a mut Terminal, why: Option<&'a str>) -> Self {
        Self { terminal, why, last: LastWords::default() }
    }

    fn say_why(&mut self) {
        if let Some(why) = self.why.take() {
            self.terminal.say(&format!("{why}\n"));
        }
    }
}

impl Respondent for Person<'_> {
    fn hear(&mut self, note: &Note) {
        self.say_why();
        self.last.hear(note);
        self.terminal.say(&format!("{}\n", printable::wrap(&printable::lines(&note.text))));
    }

    fn answer(&mut self, prompt: &Prompt) -> Result<Secret, Failure> {
        self.say_why();
        let text = printable::wrap(&printable::lines(&prompt.text));
        let answer = if prompt.echo { self.terminal.ask(&text) } else { self.terminal.ask_hidden(&text) };
        match answer {
            Ok(answer) => {
                self.last.answered();
                Ok(answer)
            }
            // A pipe that has run dry: what was wrong with its last line says more than that there is no other.
            Err(InputError::End) if self.last.was_answered && !self.terminal.is_interactive() => {
                Err(self.last.as_failure(prompt))
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// A code given beforehand: it answers the first question; a second one means that it was not right.
pub struct OneCode {
    code: Option<Secret>,
    last: LastWords,
}

impl OneCode {
    /// The code.
    #[must_use]
    pub fn new(code: Secret) -> Self {
        Self { code: Some(code), last: LastWords::default() }
    }
}

impl Respondent for OneCode {
    fn hear(&mut self, note: &Note) {
        self.last.hear(note);
    }

    fn answer(&mut self, prompt: &Prompt) -> Result<Secret, Failure> {
        match self.code.take() {
            Some(code) => {
                self.last.answered();
                Ok(code)
            }
            None => Err(self.last.as_failure(prompt)),
        }
    }
}

/// What the daemon said since the last answer: the reason why it asks again.
#[derive(Default)]
struct LastWords {
    heard: Vec<String>,
    was_answered: bool,
}

impl LastWords {
    fn hear(&mut self, note: &Note) {
        self.heard.push(printable::lines(note.text.trim()));
    }

    fn answered(&mut self) {
        self.heard.clear();
        self.was_answered = true;
    }

    fn as_failure(&mut self, prompt: &Prompt) -> Failure {
        // The prompt's last line is its label; what stands above it says what was wrong.
        if let Some((above, _label)) = prompt.text.rsplit_once('\n') {
            self.heard.push(printable::lines(above.trim()));
        }
        self.heard.retain(|text| !text.is_empty());
        let message = if self.heard.is_empty() { "That code was not taken.".to_owned() } else { self.heard.join(" ") };
        Failure::refused("wrong", message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::login::Style;

    fn ask(text: &str) -> Prompt {
        Prompt { text: text.into(), echo: false }
    }

    #[test]
    fn a_second_question_means_that_the_given_code_was_wrong() {
        let mut given = OneCode::new(Secret::from("492817"));
        assert_eq!(given.answer(&ask("Verification code: ")).unwrap().expose(), "492817");
        let wrong = given.answer(&ask("That code was just used.\nVerification code: ")).unwrap_err();
        assert_eq!((wrong.code.as_str(), wrong.message.as_str()), ("wrong", "That code was just used."));
    }

    #[test]
    fn what_was_said_before_the_second_question_is_the_reason() {
        let mut given = OneCode::new(Secret::from("492817"));
        given.hear(&Note { style: Style::Info, text: "Hello.".into() });
        assert!(given.answer(&ask("Verification code: ")).is_ok());
        given.hear(&Note { style: Style::Error, text: "Not right\x07.".into() });
        assert_eq!(given.answer(&ask("Verification code: ")).unwrap_err().message, "Not right\\u{7}.");
    }

    #[test]
    fn without_a_word_of_the_daemon_there_is_a_word_of_ours() {
        let mut given = OneCode::new(Secret::from("492817"));
        assert!(given.answer(&ask("Verification code: ")).is_ok());
        assert_eq!(given.answer(&ask("Verification code: ")).unwrap_err().message, "That code was not taken.");
    }

    #[test]
    fn only_two_outcomes_let_go_on() {
        let verdict = |outcome| Verdict { outcome, reason: "wrong code".into() };
        assert!(allowed(&verdict(Outcome::Pass), "").is_ok());
        assert!(allowed(&verdict(Outcome::Skipped), "").is_ok());
        assert_eq!(allowed(&verdict(Outcome::Denied), "").unwrap_err().code, "denied");
        assert_eq!(allowed(&verdict(Outcome::Broken), "").unwrap_err().code, "broken");
    }
}
