//! Verdicts as PAM's codes: which let somebody pass, and that nothing else does.

use super::*;
use crate::args::{Line, OptionError, Options};
use crate::break_glass::CodesError;
use crate::context::{self, ContextError};
use crate::host::{ConverseError, Item};
use crate::stand_in::Application;
use mfa_proto::service::Refusal;
use mfa_proto::{ConnectError, FrameError};
use std::io;

fn refusals() -> Vec<Failure> {
    let daemon = |error| Failure::Login(LoginError::Daemon(error));
    let refusal = |code| daemon(CallError::Refused(Refusal { code, message: String::new() }));
    vec![
        Failure::Options(OptionError::Unknown("x".into())),
        Failure::Options(OptionError::Twice("x".into())),
        Failure::Options(OptionError::Value("x".into())),
        Failure::Options(OptionError::OnlyAuth("x".into())),
        Failure::Options(OptionError::Together("x")),
        Failure::Context(ContextError::Missing(Item::User)),
        Failure::Context(ContextError::TooLong(Item::User)),
        Failure::Context(ContextError::Garbled(Item::User)),
        Failure::Context(ContextError::SshAuth),
        Failure::Context(ContextError::NoPublickey),
        Failure::Unreached(Unreached::Other(ConnectError::NothingListens)),
        Failure::Unreached(Unreached::Other(ConnectError::Untrusted(1000))),
        Failure::Unreached(Unreached::Other(ConnectError::TimedOut)),
        Failure::Unreached(Unreached::Other(ConnectError::Io(io::ErrorKind::PermissionDenied.into()))),
        Failure::Broken("broken".into()),
        Failure::BreakGlass(BreakGlassError::Wrong),
        Failure::BreakGlass(BreakGlassError::Codes(CodesError::Locked)),
        Failure::BreakGlass(BreakGlassError::Codes(CodesError::Untrusted("their file"))),
        Failure::UserChanged,
        Failure::Combined(CombinedError::NoPassword),
        Failure::Combined(CombinedError::NotKept),
        Failure::Combined(CombinedError::NoSplit),
        Failure::Combined(CombinedError::UserChanged),
        Failure::Login(LoginError::UserChanged),
        Failure::Login(LoginError::Context(ContextError::Missing(Item::User))),
        Failure::Login(LoginError::Late),
        Failure::Login(LoginError::PasswordAgain),
        Failure::Login(LoginError::NothingLeft),
        Failure::Login(LoginError::AskedInAccount),
        Failure::Login(LoginError::Endless),
        Failure::Login(LoginError::Conversation(ConverseError::Failed)),
        Failure::Login(LoginError::Conversation(ConverseError::NoReply)),
        daemon(CallError::Protocol("org.varlink.service.MethodNotFound".into())),
        daemon(CallError::Frame(FrameError::TooBig)),
        daemon(CallError::TimedOut),
        daemon(CallError::HungUp),
        daemon(CallError::Io(io::ErrorKind::NotConnected.into())),
        refusal(RefusalCode::UnknownUser),
        refusal(RefusalCode::Conflict),
        refusal(RefusalCode::AuthorizeFirst),
        refusal(RefusalCode::NotFound),
        refusal(RefusalCode::NotAllowed),
        refusal(RefusalCode::Busy),
        refusal(RefusalCode::Changed),
        refusal(RefusalCode::Broken),
        refusal(RefusalCode::Invalid),
    ]
}

#[test]
fn no_failure_lets_anybody_pass() {
    for failure in refusals() {
        let code = of_failure(&failure);
        assert_eq!(code.lets_pass(), None, "{failure:?}");
        assert!([PAM_AUTH_ERR, PAM_SYSTEM_ERR, PAM_AUTHINFO_UNAVAIL].contains(&code.raw()), "{failure:?}");
    }
    assert_eq!(Code::FAULT.lets_pass(), None);
}

#[test]
fn every_failure_is_a_sentence() {
    for failure in refusals() {
        let told = [Some(failure.to_string()), failure.for_user()];
        assert!(told.iter().flatten().all(|text| !text.contains("Error(") && !text.contains("{")), "{told:?}");
    }
}

#[test]
fn a_denial_and_a_broken_daemon_let_nobody_pass_whatever_the_stack_says() {
    let options = Options::parse(&["exempt=success".to_owned(), "require_publickey".to_owned()], Line::Auth).unwrap();
    let mut application = Application::sshd();
    application.pam_environment.insert("SSH_AUTH_INFO_0", b"publickey ssh-ed25519 AAAA\n".to_vec());
    let key = context::publickey(&application).unwrap();
    for decision in [Decision::Denied, Decision::Broken] {
        for exempt in [None, options.exempt_succeeds()] {
            for key in [None, Some(key)] {
                assert_eq!(of(decision, exempt, key).lets_pass(), None, "{decision:?} {exempt:?} {key:?}");
            }
        }
    }
}
