//! libpam's other side: an application that logs somebody in, as sshd or sudo would, with answers prepared beforehand.
//! It is the one that `mfactl setup` tries logins with.
//!
//! It decides nothing: what libpam answers is handed back as it is. Several may run at once, one a thread.
#![forbid(unsafe_code)]

use std::collections::VecDeque;

use mfa_proto::Secret;
use mfa_try_pam::{Message, Reply, Talk};

pub use mfa_try_pam::{SUCCESS, StartError};

/// A login that has begun: `pam_start` has happened. Dropping it is `pam_end`.
pub struct Login(mfa_try_pam::Login<Script>);

/// What is said, and what is answered.
#[derive(Default)]
struct Script {
    answers: VecDeque<Secret>,
    screen: String,
}

impl Talk for Script {
    fn said(&mut self, message: Message<'_>) -> Reply {
        self.screen.push_str(message.text);
        self.screen.push('\n');
        if message.style.is_question() {
            self.answers.pop_front().map_or(Reply::HangUp, Reply::Text)
        } else {
            Reply::Nothing
        }
    }
}

impl Login {
    /// `pam_start`.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn start(service: &str, user: &str) -> Result<Self, StartError> {
        mfa_try_pam::Login::start(service, user, None, Script::default()).map(Self)
    }

    /// `pam_authenticate`, with those answers to its prompts, in order; one prompt more fails. libpam's number.
    pub fn authenticate(&mut self, answers: &[impl AsRef<str>]) -> i32 {
        self.0.talk().answers = answers.iter().map(|answer| Secret::from(answer.as_ref())).collect();
        self.0.authenticate()
    }

    /// `pam_acct_mgmt`. libpam's number.
    pub fn account(&mut self) -> i32 {
        self.0.account()
    }

    /// Everything that was shown so far, prompts included, a line each.
    pub fn screen(&mut self) -> &str {
        &self.0.talk().screen
    }
}
