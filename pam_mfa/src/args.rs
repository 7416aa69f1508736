//! The options behind `pam_mfa.so` in a stack. An option that is unknown, given twice, malformed or of no use in its
//! place is an error, and the login is refused: a typing mistake must never open a door.

use std::fmt;
use std::time::Duration;

/// Which hook's line the options stand on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// `auth … pam_mfa.so`
    Auth,
    /// `account … pam_mfa.so`
    Account,
}

/// What the line does where an application asks once, for password and code together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Combined {
    /// Before the password module: takes the code off the line. `combined=split`
    Split,
    /// After the password module: plays the code. `combined=verify`
    Verify,
}

/// What the options say, defaults filled in.
#[derive(Debug)]
pub(crate) struct Options {
    /// For the whole login, the time a person types included. `timeout=`, 1 to 600 seconds.
    pub(crate) timeout: Duration,
    /// `require_publickey`
    pub(crate) require_publickey: bool,
    /// `combined=`
    pub(crate) combined: Option<Combined>,
    /// `debug`
    pub(crate) debug: bool,
    exempt_succeeds: bool,
    unavailable_allowed: bool,
}

/// Proof that the stack says `unavailable=allow`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UnavailableAllowed(());

/// Proof that the stack says `exempt=success`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ExemptSucceeds(());

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(120);
const LONGEST_TIMEOUT: u64 = 600;

/// What is wrong with the options.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum OptionError {
    /// No such option, on this kind of line.
    Unknown(String),
    /// Given more than once.
    Twice(String),
    /// A value that it cannot have.
    Value(String),
    /// An option of `auth` lines on an `account` line.
    OnlyAuth(String),
    /// Options that have nothing to do with each other: a public key comes without a password.
    Together(&'static str),
}

impl fmt::Display for OptionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown(option) => write!(f, "unknown option \"{option}\"; pam_mfa(8) lists them"),
            Self::Twice(option) => write!(f, "option \"{option}\" is given twice"),
            Self::Value(option) => write!(f, "option \"{option}\" has a value it cannot have; see pam_mfa(8)"),
            Self::OnlyAuth(option) => write!(f, "option \"{option}\" is for auth lines only"),
            Self::Together(option) => write!(f, "option \"{option}\" has no meaning beside \"combined\""),
        }
    }
}

impl Options {
    /// Reads the options of one line.
    ///
    /// # Errors
    /// [`OptionError`], naming the first argument that is wrong.
    pub(crate) fn parse(arguments: &[String], line: Line) -> Result<Self, OptionError> {
        let mut options = Self {
            timeout: DEFAULT_TIMEOUT,
            require_publickey: false,
            combined: None,
            debug: false,
            exempt_succeeds: false,
            unavailable_allowed: false,
        };
        let mut seen: Vec<&str> = Vec::with_capacity(arguments.len());
        for argument in arguments {
            let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name);
            if seen.contains(&name) {
                return Err(OptionError::Twice(argument.clone()));
            }
            options.set(argument, line)?;
            seen.push(name);
        }
        let stray = ["require_publickey", "exempt"].into_iter().find(|option| seen.contains(option));
        match stray.filter(|_| options.combined.is_some()) {
            Some(stray) => Err(OptionError::Together(stray)),
            None => Ok(options),
        }
    }

    fn set(&mut self, argument: &str, line: Line) -> Result<(), OptionError> {
        match argument.split_once('=') {
            None if argument == "debug" => self.debug = true,
            None if argument == "require_publickey" => self.require_publickey = only_auth(argument, line)?,
            Some(("timeout", seconds)) => self.timeout = timeout(seconds).ok_or_else(|| value(argument))?,
            Some(("exempt", word)) => {
                only_auth(argument, line)?;
                self.exempt_succeeds = either(word, "success", "ignore").ok_or_else(|| value(argument))?;
            }
            Some(("combined", word)) => {
                only_auth(argument, line)?;
                self.combined = match word {
                    "split" => Some(Combined::Split),
                    "verify" => Some(Combined::Verify),
                    _ => return Err(value(argument)),
                };
            }
            Some(("unavailable", word)) => {
                self.unavailable_allowed = either(word, "allow", "deny").ok_or_else(|| value(argument))?;
            }
            _ => return Err(OptionError::Unknown(argument.to_owned())),
        }
        Ok(())
    }

    /// Whether a skip is to count as success, `exempt=success`.
    pub(crate) fn exempt_succeeds(&self) -> Option<ExemptSucceeds> {
        self.exempt_succeeds.then_some(ExemptSucceeds(()))
    }

    /// Whether a machine on which nothing listens lets people in, `unavailable=allow`.
    pub(crate) fn unavailable_allowed(&self) -> Option<UnavailableAllowed> {
        self.unavailable_allowed.then_some(UnavailableAllowed(()))
    }
}

fn value(argument: &str) -> OptionError {
    OptionError::Value(argument.to_owned())
}

fn only_auth(argument: &str, line: Line) -> Result<bool, OptionError> {
    match line {
        Line::Auth => Ok(true),
        Line::Account => Err(OptionError::OnlyAuth(argument.to_owned())),
    }
}

/// Digits alone: `parse` by itself would take a sign.
fn timeout(seconds: &str) -> Option<Duration> {
    let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
    let seconds = seconds.parse().ok().filter(|seconds| digits && (1..=LONGEST_TIMEOUT).contains(seconds))?;
    Some(Duration::from_secs(seconds))
}

fn either(word: &str, yes: &str, no: &str) -> Option<bool> {
    if word == yes {
        Some(true)
    } else if word == no {
        Some(false)
    } else {
        None
    }
}

#[cfg(test)]
#[path = "args_tests.rs"]
mod tests;
