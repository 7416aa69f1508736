//! A login is tried in a stack that is not live yet, in nobody's presence.
//!
//! Whoever answers each question with an empty line must be refused, and by a decision, not by something that is broken.
//! Tried twice: the stack as it will be, and our lines of it alone, since a stack that refuses at the password never gets
//! as far as them. Nothing may begin by that for whom it is tried: where they would be offered to enroll it hangs up, and
//! where days of grace would begin it is tried for somebody who is not there.

use super::files::FileError;
use super::plan::Trial;
use super::store::StateError;
use super::try_pam::{Empty, Ended, HangsUp, KEY_SHOWN, Login, PATIENCE, Speaker, attempt};
use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::Duration;

/// The folder with the stacks, as long as it is tried.
pub(crate) const SCRATCH: &str = "trial";
/// No account has this name.
const NOBODY: &str = "mfa-setup-trial";
/// Seconds that one login may take: modules wait two or three after a wrong password.
const SECONDS: u64 = 40;
/// libpam's results that are no decisions: a stack, a module or what it asks is not there or broken.
const BROKEN: [i64; 9] = [1, 2, 3, 4, 5, 9, 26, 28, 31];
/// The one among them that a directory may cause which has nothing to do with us.
const UNAVAILABLE: i64 = 9;
/// What it makes of a stack in which everything had nothing to say: `PAM_SUCCESS` is 0, and this `PAM_PERM_DENIED`.
const NOTHING_SAID: i64 = 6;

/// Why a stack may not go live.
#[derive(Debug)]
pub(crate) enum TrialError {
    /// The program that tries logins cannot be run, or gave up.
    Program(String),
    /// The folder of stacks cannot be made.
    Folder(io::Error),
    /// The state of setup cannot be used.
    State(StateError),
    /// Whoever answers nothing would be in.
    LetsIn { service: String },
    /// Whom the policy asks, it asks nothing.
    AsksNothing { service: String, account: String },
    /// Something in it does not work.
    Broken { service: String, name: String },
    /// Not a name of a service.
    NoService(String),
    /// A login that somebody typed did not get in, and they want no more of it.
    Refused { service: String, account: String },
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(why) => write!(f, "No login could be tried: {why}. Is the package mfa installed whole?"),
            Self::Folder(error) => write!(f, "No login could be tried: the stacks cannot be copied: {error}."),
            Self::State(error) => write!(f, "No login could be tried: {error}"),
            Self::LetsIn { service } => write!(
                f,
                "A login was tried in the new stack of {service}: without a password and without a code it lets in."
            ),
            Self::AsksNothing { service, account } => write!(
                f,
                "A login of {account} was tried in the new stack of {service}: our line in it asks nothing, while the \
                 policy demands a factor. See mfactl policy explain --user {account} --service {service}."
            ),
            Self::Broken { service, name } => write!(
                f,
                "A login was tried in the new stack of {service}: it ends with {name}, which is no decision: a module \
                 is missing or broken, or the daemon does not answer. See mfactl doctor, and journalctl -n 20."
            ),
            Self::NoService(name) => write!(f, "{name:?} is no name of a service."),
            Self::Refused { service, account } => {
                write!(f, "A login of {account} in the new stack of {service} was refused.")
            }
        }
    }
}

impl std::error::Error for TrialError {}

impl From<StateError> for TrialError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<FileError> for TrialError {
    fn from(error: FileError) -> Self {
        Self::State(error.into())
    }
}

/// What the policy that is live does with whoever tries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Treats {
    /// It demands a factor, whatever was proved before.
    Demands,
    /// It has them enroll first, which begins only if they answer.
    Offers,
    /// It begins something of somebody's without asking, or it is not known whose.
    MayBegin,
    /// It asks nothing, or refuses.
    Otherwise,
}

/// What the policy does with whoever tries, with that as what sshd has verified.
pub(crate) type Policy<'a> = &'a dyn Fn(&Trial, &str) -> Treats;

/// The longest that trying them may take.
pub(crate) fn longest(trials: &[Trial]) -> Duration {
    // Twice each: the stack as it will be, and our lines of it.
    trials.iter().map(|_| Duration::from_secs(2 * (SECONDS + PATIENCE))).sum()
}

/// Tries each, with the stacks in that folder for as long. Once alone, since a refusal may be counted against somebody.
///
/// # Errors
/// [`TrialError`]
pub(crate) fn all_refuse(trials: &[Trial], scratch: &Path, policy: Policy<'_>) -> Result<(), TrialError> {
    let attempt = |login: Login<'_>, speaker: &mut dyn Speaker| attempt(login, scratch, speaker);
    let outcome = trials.iter().try_for_each(|trial| refuses(trial, policy, &attempt));
    let _ = fs::remove_dir_all(scratch); // it was read, and the next one makes it anew
    outcome
}

type Attempt<'a> = &'a dyn Fn(Login<'_>, &mut dyn Speaker) -> Result<Ended, TrialError>;

fn refuses(trial: &Trial, policy: Policy<'_>, attempt: Attempt<'_>) -> Result<(), TrialError> {
    let service = trial.stands_for.clone();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if service.is_empty() || service.starts_with('.') || !service.chars().all(plain) {
        return Err(TrialError::NoService(service));
    }
    let ours = our_lines(&trial.stack);
    let has_key = ours.contains("require_publickey");
    let treats = policy(trial, if has_key { KEY_SHOWN.trim_start_matches("SSH_AUTH_INFO_0=") } else { "" });
    let begins = matches!(treats, Treats::Offers | Treats::MayBegin);
    let account = trial.account.as_str();
    // Whoever has no password would come to the offer, and an empty line takes it.
    let user = if begins { NOBODY } else { account };
    let whole = Login { service: &service, user, stack: &trial.stack, has_key: false, seconds: SECONDS };
    judge(&service, &attempt(whole, &mut Empty)?, false)?;
    if ours.is_empty() {
        return Ok(());
    }
    let alone = Login { stack: &ours, has_key, ..whole };
    let ended = match treats {
        Treats::Offers => attempt(Login { user: account, ..alone }, &mut HangsUp)?,
        Treats::Demands | Treats::MayBegin | Treats::Otherwise => attempt(alone, &mut Empty)?,
    };
    if has_asked_nothing(&ended) && matches!(treats, Treats::Demands | Treats::Offers) {
        return Err(TrialError::AsksNothing { service, account: trial.account.clone() });
    }
    // Whom the policy asks nothing, the key alone lets in, where the line says so.
    let is_exempt = has_key && ours.contains("exempt=success") && ended.questions == 0;
    if is_exempt && ended.code == 0 { Ok(()) } else { judge(&service, &ended, true) }
}

fn judge(service: &str, ended: &Ended, ours_alone: bool) -> Result<(), TrialError> {
    let service = service.to_owned();
    if ended.code == 0 {
        Err(TrialError::LetsIn { service })
    } else if BROKEN.contains(&ended.code) && (ours_alone || ended.code != UNAVAILABLE) {
        Err(TrialError::Broken { service, name: ended.name.clone() })
    } else {
        Ok(())
    }
}

/// Whether our lines alone had nothing to ask and nothing to say. A refusal without a question is one.
fn has_asked_nothing(ended: &Ended) -> bool {
    ended.questions == 0 && [0, NOTHING_SAID].contains(&ended.code)
}

/// The `auth` lines that name our module.
fn our_lines(stack: &str) -> String {
    let is_ours = |line: &&str| {
        let line = line.trim_start();
        let is_auth = line.split_ascii_whitespace().next().is_some_and(|word| word.trim_start_matches('-') == "auth");
        is_auth && line.contains("pam_mfa.so")
    };
    stack.lines().filter(is_ours).flat_map(|line| [line, "\n"]).collect()
}

#[cfg(test)]
#[path = "trial_tests.rs"]
mod tests;
