//! Why a login was refused without a verdict, in the words of the log, and what the user is told of it.

use crate::args::OptionError;
use crate::break_glass::BreakGlassError;
use crate::combined::CombinedError;
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
    /// The daemon says that it cannot decide; its word for the log.
    Broken(String),
    /// A break-glass code was asked for, and none counted.
    BreakGlass(BreakGlassError),
    /// `auth` was for another user than `account`.
    UserChanged,
    /// The line with password and code is of no use.
    Combined(CombinedError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Context(error) => error.fmt(f),
            Self::Unreached(error) => error.fmt(f),
            Self::Login(error) => error.fmt(f),
            Self::Broken(reason) => write!(f, "the mfa daemon cannot decide ({reason})"),
            Self::BreakGlass(BreakGlassError::Wrong) => f.write_str("no right break-glass code was given"),
            Self::BreakGlass(BreakGlassError::Codes(error)) => {
                write!(f, "a break-glass code was given and does not count: {error}")
            }
            Self::Combined(error) => error.fmt(f),
            Self::UserChanged => f.write_str("PAM_USER was changed after the second factor was given"),
        }
    }
}

impl Failure {
    /// How much the line in the log matters: an error is for the administrator to mend, a notice is somebody's try.
    pub(crate) fn level(&self) -> Level {
        match self {
            Self::Options(_) | Self::Unreached(_) | Self::Broken(_) => Level::Error,
            Self::BreakGlass(BreakGlassError::Codes(_)) => Level::Error,
            Self::Combined(CombinedError::NotKept | CombinedError::NoSplit) => Level::Error,
            Self::Login(LoginError::Daemon(CallError::Refused(refusal))) => match refusal.code {
                RefusalCode::Broken => Level::Error,
                _ => Level::Notice,
            },
            Self::Login(LoginError::Daemon(_) | LoginError::AskedInAccount | LoginError::Endless) => Level::Error,
            Self::Context(_) | Self::UserChanged | Self::Combined(_) | Self::Login(_) | Self::BreakGlass(_) => {
                Level::Notice
            }
        }
    }

    /// Whether nobody has decided, because the daemon cannot be reached or says that it cannot: what a break-glass
    /// code is for. Everything else that it answers, or that is wrong here, stays a refusal.
    pub(crate) fn is_no_decision(&self) -> bool {
        match self {
            Self::Unreached(_) | Self::Broken(_) => true,
            Self::Login(LoginError::Daemon(error)) => match error {
                CallError::Refused(refusal) => refusal.code == RefusalCode::Broken,
                CallError::TimedOut | CallError::HungUp | CallError::Io(_) => true,
                CallError::Protocol(_) | CallError::Frame(_) => false,
            },
            Self::Options(_) | Self::Context(_) | Self::Login(_) | Self::BreakGlass(_) | Self::UserChanged => false,
            Self::Combined(_) => false,
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
            Self::BreakGlass(BreakGlassError::Codes(_)) => {
                Some("The code is right, but cannot be struck out on the disk: it does not count.".to_owned())
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

impl From<CombinedError> for Failure {
    fn from(error: CombinedError) -> Self {
        Self::Combined(error)
    }
}

impl From<BreakGlassError> for Failure {
    fn from(error: BreakGlassError) -> Self {
        Self::BreakGlass(error)
    }
}
