//! One attempt to log in: what it is told to try, what it says while it does, and how it ends.

use crate::ffi::{Item, Login, StartError};
use crate::names::name_of;
use crate::talk::{Message, Talk};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// What is to be tried: the first line of standard input.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Attempt {
    /// The service, as the application would call itself.
    pub service: String,
    /// Who logs in.
    pub user: String,
    /// Where the service's stack lies, and nowhere else; what it includes by name may come from the system's folders.
    /// `None`: where libpam looks by itself.
    pub folder: Option<PathBuf>,
    /// `PAM_TTY`
    pub terminal: Option<String>,
    /// `PAM_RHOST`
    pub remote_host: Option<String>,
    /// `NAME=value`, for the environment that PAM keeps.
    #[serde(default)]
    pub variables: Vec<String>,
    /// After so many seconds it is over, whatever a module does.
    pub seconds: u64,
}

/// One call of libpam.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// `pam_start`
    Start,
    /// `pam_authenticate`
    Authenticate,
    /// `pam_acct_mgmt`
    Account,
}

/// A line of standard output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said<'a> {
    /// libpam says something; if it is a question, a line `{"reply":"…"}` answers it, `{"reply":null}` hangs up.
    Message(Message<'a>),
    /// How a call ended. Nothing comes after one that is not `PAM_SUCCESS`.
    Result {
        /// Which call.
        phase: Phase,
        /// libpam's number.
        code: i32,
        /// Its name.
        name: String,
    },
}

/// Tries it, and tells each result: authentication, and if that succeeds the account.
///
/// # Errors
/// A text that libpam takes none of.
pub fn attempt<T: Talk>(attempt: &Attempt, talk: T, mut tell: impl FnMut(&mut T, &Said<'_>)) -> Result<(), StartError> {
    let Attempt { service, user, folder, .. } = attempt;
    let result = |phase, code| Said::Result { phase, code, name: name_of(code) };
    let mut login = Login::start(service, user, folder.as_deref(), talk)?;
    for (item, value) in [(Item::Terminal, &attempt.terminal), (Item::RemoteHost, &attempt.remote_host)] {
        if let Some(value) = value {
            login.set(item, value)?;
        }
    }
    attempt.variables.iter().try_for_each(|variable| login.put_variable(variable))?;
    let code = login.authenticate();
    tell(login.talk(), &result(Phase::Authenticate, code));
    if code == crate::SUCCESS {
        let code = login.account();
        tell(login.talk(), &result(Phase::Account, code));
    }
    Ok(())
}
