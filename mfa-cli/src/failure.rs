//! How a command ends: one exit code, one sentence for a person, one word for a program. It never holds a secret.

use crate::{InputError, printable};
use mfa_proto::{CallError, ConnectError, service::Refusal};
use serde_json::json;
use std::{fmt, io::IsTerminal, process::ExitCode};

/// The exit codes of both commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: refused, or failed.
    Refused,
    /// 2: called in a way it cannot work.
    Usage,
    /// 3: the daemon cannot be reached.
    Unreachable,
    /// Ctrl-C: the process ends by `SIGINT`, as any other command would.
    Interrupted,
}

impl Exit {
    fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Interrupted => 130,
        }
    }
}

/// Why a command did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What the process exits with.
    pub exit: Exit,
    /// What kind of failure, for programs: `wrong`, `not_found`, `unreachable`…
    pub code: String,
    /// What happened and what to do next, for people.
    pub message: String,
}

impl Failure {
    /// Refused or failed: exit code 1.
    #[must_use]
    pub fn refused(code: &str, message: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, code: code.to_owned(), message: message.into() }
    }

    /// Called in a way it cannot work: exit code 2.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self { exit: Exit::Usage, code: "usage".to_owned(), message: message.into() }
    }

    fn unreachable(message: String) -> Self {
        Self { exit: Exit::Unreachable, code: "unreachable".to_owned(), message }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

impl From<ConnectError> for Failure {
    fn from(error: ConnectError) -> Self {
        let next = match error {
            ConnectError::NothingListens => "As root: systemctl start mfa-daemon.socket mfa-daemon-root.socket",
            ConnectError::Untrusted(_) => "Nothing was sent. Tell your administrator.",
            ConnectError::TimedOut | ConnectError::Io(_) => "Try again; if it stays so, tell your administrator.",
        };
        Self::unreachable(format!("{}.\n{next}", sentence(&error.to_string())))
    }
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Refused(refusal) => refusal.into(),
            CallError::Protocol(name) => Self::refused(
                "protocol",
                format!(
                    "The mfa daemon answered with {name}: it is older or newer than this command. After an upgrade, as \
                     root: systemctl restart mfa-daemon"
                ),
            ),
            CallError::HungUp | CallError::TimedOut | CallError::Io(_) | CallError::Frame(_) => {
                Self::unreachable(format!(
                    "{}. Whether it was done is not known: look before you repeat it.",
                    sentence(&error.to_string())
                ))
            }
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let code = serde_json::to_value(refusal.code).ok();
        let code = code.as_ref().and_then(serde_json::Value::as_str).unwrap_or("refused");
        Self::refused(code, printable::lines(&refusal.message))
    }
}

impl From<InputError> for Failure {
    fn from(error: InputError) -> Self {
        let exit = if matches!(error, InputError::Interrupted) { Exit::Interrupted } else { Exit::Refused };
        Self { exit, code: "input".to_owned(), message: error.to_string() }
    }
}

/// Ends a command: tells of a failure, to a person on standard error or to a script on standard output.
#[must_use]
pub fn finish(program: &str, for_scripts: bool, result: Result<Exit, Failure>) -> ExitCode {
    let failure = match result {
        Ok(exit) => return exit.code().into(),
        Err(failure) => failure,
    };
    if failure.exit == Exit::Interrupted {
        end_by_interrupt();
    } else if for_scripts {
        let error = json!({ "error": { "code": failure.code, "message": failure.message } });
        write_to(&std::io::stdout(), &format!("{error}\n"));
    } else {
        write_to(&std::io::stderr(), &told(program, &failure, crate::screen::colours(&std::io::stderr())));
    }
    failure.exit.code().into()
}

fn told(program: &str, failure: &Failure, colours: bool) -> String {
    let text = printable::wrap(&format!("{program}: {}", failure.message));
    match text.strip_prefix(program) {
        Some(rest) if colours => {
            let style = anstyle::Style::new().bold().fg_color(Some(anstyle::AnsiColor::Red.into()));
            format!("{style}{program}{style:#}{rest}\n")
        }
        _ => format!("{text}\n"),
    }
}

/// Whoever started this process sees what Ctrl-C does to every other command.
fn end_by_interrupt() {
    use rustix::process::{Signal, getpid, kill_process};
    if std::io::stderr().is_terminal() {
        write_to(&std::io::stderr(), "\n");
    }
    let _ = kill_process(getpid(), Signal::INT);
}

/// There is nobody left to tell when even this cannot be written.
fn write_to(stream: &impl std::os::fd::AsFd, text: &str) {
    let mut left = text.as_bytes();
    while let Ok(written @ 1..) = rustix::io::write(stream, left) {
        left = left.get(written..).unwrap_or_default();
    }
}

fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_proto::service::RefusalCode;

    #[test]
    fn a_refusal_keeps_its_word_and_its_sentence() {
        let refusal = Refusal { code: RefusalCode::NotAllowed, message: "Not \x1b[31mthis one.\nAsk.".into() };
        let failure = Failure::from(refusal);
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Refused, "not_allowed"));
        assert_eq!(failure.message, "Not \\u{1b}[31mthis one.\nAsk.");
    }

    #[test]
    fn a_daemon_that_is_not_there_is_its_own_exit_code_and_says_what_to_do() {
        let failure = Failure::from(ConnectError::NothingListens);
        assert_eq!(failure.exit, Exit::Unreachable);
        assert!(failure.message.starts_with("The mfa daemon is not running.\nAs root: "), "{failure}");
    }

    #[test]
    fn a_lost_answer_does_not_claim_that_nothing_was_done() {
        let failure = Failure::from(CallError::HungUp);
        assert_eq!(failure.exit, Exit::Unreachable);
        assert!(failure.message.contains("not known"), "{failure}");
    }

    #[test]
    fn errors_fit_in_eighty_columns_with_colour_and_without() {
        let failure = Failure::refused("x", "word ".repeat(60));
        for colours in [false, true] {
            let text = told("mfa-enroll", &failure, colours);
            let plain = text.replace("\x1b[1m", "").replace("\x1b[31m", "").replace("\x1b[0m", "");
            assert!(plain.lines().all(|line| line.trim_end().len() <= 80), "{plain}");
            assert!(plain.starts_with("mfa-enroll: word"));
        }
    }
}
