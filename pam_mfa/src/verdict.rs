//! What the module answers libpam with. The numbers are in here and nowhere else, and the two that can let somebody
//! in, `PAM_SUCCESS` and `PAM_IGNORE`, can only be had for a proof that one is due.
//!
//! A denial is `PAM_AUTH_ERR` and not `PAM_MAXTRIES`, though that would stop sshd from beginning anew: tools that read
//! logs (fail2ban) know sshd's line for the former only, and the daemon counts tries across dialogs anyway. Nor does
//! the module call `pam_fail_delay`: the daemon's throttle makes guesses slow, for all connections together.

use crate::args::{ExemptSucceeds, UnavailableAllowed};
use crate::break_glass::{BreakGlassError, Struck};
use crate::combined::{CombinedError, Parted};
use crate::context::{NotSshd, PublickeyShown};
use crate::earlier::{Earlier, How};
use crate::failure::Failure;
use crate::link::{NothingListens, Unreached};
use crate::login::{Decision, LoginError, Passed, Remembered, Skipped};
use mfa_proto::CallError;
use mfa_proto::service::RefusalCode;
use std::ffi::c_int;

const PAM_SUCCESS: c_int = 0;
const PAM_SYSTEM_ERR: c_int = 4;
const PAM_AUTH_ERR: c_int = 7;
const PAM_AUTHINFO_UNAVAIL: c_int = 9;
const PAM_IGNORE: c_int = 25;

/// What a hook returns. There is no way to make one from a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Code(c_int);

/// What lets an `account` line be ignored, or succeed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum AccountPass {
    /// `auth` has decided, with more to go by.
    Earlier(Earlier),
    /// The line stands where it has no say.
    NotSshd(NotSshd),
}

impl Code {
    /// The module itself is at fault, or was called in a way that libpam never does.
    pub(crate) const FAULT: Self = Self(PAM_SYSTEM_ERR);
    /// For `pam_sm_setcred`: there are no credentials to set, which always works.
    pub(crate) const NO_CREDENTIALS: Self = Self(PAM_SUCCESS);

    /// The number, for libpam.
    pub(crate) fn raw(self) -> c_int {
        self.0
    }

    /// How `account` will treat what `auth` answered with; `None` if it lets nobody pass.
    pub(crate) fn lets_pass(self) -> Option<How> {
        match self.0 {
            PAM_SUCCESS => Some(How::Passed),
            PAM_IGNORE => Some(How::Ignored),
            _ => None,
        }
    }

    /// A factor was proved.
    fn passed(_: Passed) -> Self {
        Self(PAM_SUCCESS)
    }

    /// Nothing was asked: the rest of the stack decides alone.
    fn skipped(_: Skipped) -> Self {
        Self(PAM_IGNORE)
    }

    /// Nothing was asked, and a public key stands for the rest of the stack.
    fn skipped_with_key(_: Skipped, _: ExemptSucceeds, _: PublickeyShown) -> Self {
        Self(PAM_SUCCESS)
    }

    /// An earlier login's factor covers this one: the rest of the stack decides alone.
    fn remembered(_: Remembered) -> Self {
        Self(PAM_IGNORE)
    }

    /// An earlier login's factor covers this one, and a public key stands for the rest of the stack. Unlike an
    /// exemption this is no weaker than what the stack asks of everybody: this key and a factor.
    fn remembered_with_key(_: Remembered, _: PublickeyShown) -> Self {
        Self(PAM_SUCCESS)
    }

    /// Nothing listens, and the stack says that this is no reason to refuse.
    pub(crate) fn unguarded(_: NothingListens, _: UnavailableAllowed) -> Self {
        Self(PAM_IGNORE)
    }

    /// The daemon could not decide, and a code from the safe is used up.
    pub(crate) fn broken_glass(_: Struck) -> Self {
        Self(PAM_SUCCESS)
    }

    /// A line that was taken apart: the modules that follow decide.
    pub(crate) fn parted(_: Parted) -> Self {
        Self(PAM_IGNORE)
    }

    /// An `account` line that lets pass.
    pub(crate) fn account(pass: AccountPass) -> Self {
        match pass {
            AccountPass::Earlier(earlier) if earlier.how() == How::Passed => Self(PAM_SUCCESS),
            AccountPass::Earlier(_) | AccountPass::NotSshd(_) => Self(PAM_IGNORE),
        }
    }
}

/// The code for what the daemon decided; `exempt=success` counts only together with a public key that was shown.
pub(crate) fn of(decision: Decision, exempt: Option<ExemptSucceeds>, key: Option<PublickeyShown>) -> Code {
    match (decision, exempt, key) {
        (Decision::Passed(proof), _, _) => Code::passed(proof),
        (Decision::Skipped(proof), Some(exempt), Some(key)) => Code::skipped_with_key(proof, exempt, key),
        (Decision::Skipped(proof), _, _) => Code::skipped(proof),
        (Decision::Remembered(proof), _, Some(key)) => Code::remembered_with_key(proof, key),
        (Decision::Remembered(proof), _, None) => Code::remembered(proof),
        (Decision::Denied, _, _) => Code(PAM_AUTH_ERR),
        (Decision::Broken, _, _) => Code(PAM_AUTHINFO_UNAVAIL),
    }
}

/// The code for a login that has no decision: always an error.
pub(crate) fn of_failure(failure: &Failure) -> Code {
    Code(match failure {
        Failure::Unreached(Unreached::NothingListens(_)) | Failure::Broken(_) => PAM_AUTHINFO_UNAVAIL,
        Failure::BreakGlass(BreakGlassError::Codes(_)) => PAM_AUTHINFO_UNAVAIL,
        Failure::BreakGlass(BreakGlassError::Wrong) => PAM_AUTH_ERR,
        Failure::Login(LoginError::Daemon(error)) => of_call_error(error),
        Failure::Combined(CombinedError::NotKept | CombinedError::NoSplit) => PAM_SYSTEM_ERR,
        Failure::Combined(_) => PAM_AUTH_ERR,
        Failure::Options(_) | Failure::Unreached(Unreached::Other(_)) => PAM_SYSTEM_ERR,
        Failure::Login(LoginError::AskedInAccount | LoginError::Endless) => PAM_SYSTEM_ERR,
        Failure::Context(_) | Failure::UserChanged | Failure::Login(_) => PAM_AUTH_ERR,
    })
}

fn of_call_error(error: &CallError) -> c_int {
    match error {
        CallError::Refused(refusal) if refusal.code == RefusalCode::Broken => PAM_AUTHINFO_UNAVAIL,
        CallError::Refused(_) => PAM_AUTH_ERR,
        _ => PAM_SYSTEM_ERR,
    }
}

#[cfg(test)]
#[path = "verdict_tests.rs"]
mod tests;
