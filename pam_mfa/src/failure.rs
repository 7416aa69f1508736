//! Why a login was refused without a verdict, in the words of the log, and what the user is told of it.

use crate::args::OptionError;
use crate::context::ContextError;
use crate::host::Level;
use crate::link::Unreached;
use crate::login::LoginError;
use mfa_proto::CallError;
use mfa_proto::service::RefusalCode;
use std::fmt;

/// Every way in which a hook ends without the daemon's verdict.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The stack's options are wrong.
    Options(OptionError),
    /// There is nothing to begin with.
    Context(ContextError),
    /// There is no connection.
    Unreached(Unreached),
    /// The dialog broke off.
    Login(LoginError),
    /// `auth` was for another user than `account`.
    UserChanged,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Context(error) => error.fmt(f),
            Self::Unreached(error) => error.fmt(f),
            Self::Login(error) => error.fmt(f),
            Self::UserChanged => f.write_str("PAM_USER was changed after the second factor was given"),
        }
    }
}

impl Failure {
    /// How much the line in the log matters: an error is for the administrator to mend, a notice is somebody's try.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Options(_) | Self::Unreached(_) => Level::Error,
            Self::Login(LoginError::Daemon(CallError::Refused(refusal))) => match refusal.code {
                RefusalCode::Broken => Level::Error,
                _ => Level::Notice,
            },
            Self::Login(LoginError::Daemon(_) | LoginError::AskedInAccount | LoginError::Endless) => Level::Error,
            Self::Context(_) | Self::UserChanged | Self::Login(_) => Level::Notice,
        }
    }

    /// What the user is told: that it is not their mistake, or that they were too slow. Never whether an account
    /// exists, nor what is wrong with the machine.
    pub(crate) fn for_user(&self) -> Option<String> {
        match self {
            Self::Login(LoginError::Late) => Some("Too late: this login had run out of time. Try again.".to_owned()),
            Self::Login(LoginError::Daemon(CallError::Refused(refusal))) if refusal.code == RefusalCode::Busy => {
                Some(refusal.message.clone())
            }
            _ if self.level() == Level::Error => {
                Some("The second factor cannot be checked right now. Tell your administrator.".to_owned())
            }
            _ => None,
        }
    }
}

impl From<OptionError> for Failure {
    fn from(error: OptionError) -> Self {
        Self::Options(error)
    }
}

impl From<ContextError> for Failure {
    fn from(error: ContextError) -> Self {
        Self::Context(error)
    }
}

impl From<LoginError> for Failure {
    fn from(error: LoginError) -> Self {
        Self::Login(error)
    }
}

impl From<Unreached> for Failure {
    fn from(error: Unreached) -> Self {
        Self::Unreached(error)
    }
}
