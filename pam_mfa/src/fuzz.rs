//! For `tests/fuzz`, which throws anything at these: the options, and a login between a daemon and an application that
//! do what they like. Never built into what ships.

use crate::args::{Combined, Line, Options};
use crate::host::{ConverseError, Item, LONGEST_REPLY};
use crate::stand_in::{Act, Application, Daemon};
use crate::{Call, Places, account, auth};
use std::os::unix::net::UnixStream;

/// What the options of a line say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "they are called as they are in a stack")]
pub struct Understood {
    pub timeout: u64,
    pub require_publickey: bool,
    pub exempt_succeeds: bool,
    pub unavailable_allowed: bool,
    pub split: bool,
    pub verify: bool,
    pub debug: bool,
}

/// Reads the options of an `auth` line, or of an `account` one.
///
/// # Errors
/// The line that is logged.
pub fn options(arguments: &[String], account: bool) -> Result<Understood, String> {
    let line = if account { Line::Account } else { Line::Auth };
    let options = Options::parse(arguments, line).map_err(|error| {
        let application = Application::sshd();
        crate::journal::refused(&application, crate::host::Level::Error, &error.to_string());
        application.log().into_iter().map(|(_, line)| line).collect::<String>()
    })?;
    Ok(Understood {
        timeout: options.timeout.as_secs(),
        require_publickey: options.require_publickey,
        exempt_succeeds: options.exempt_succeeds().is_some(),
        unavailable_allowed: options.unavailable_allowed().is_some(),
        split: options.combined == Some(Combined::Split),
        verify: options.combined == Some(Combined::Verify),
        debug: options.debug,
    })
}

/// A login as it is played: by whom, into what, with what said on both sides.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// In the `account` phase.
    pub account: bool,
    /// With `PAM_SILENT`.
    pub silent: bool,
    /// The options of the line.
    pub arguments: Vec<String>,
    /// What was typed before, as `PAM_AUTHTOK` holds it.
    pub password: Option<String>,
    /// `SSH_AUTH_INFO_0`.
    pub ssh_auth: Option<Vec<u8>>,
    /// What the application brings back, in turn; then it hangs up.
    pub replies: Vec<Vec<u8>>,
    /// What the daemon sends for each request, framed or not; then it hangs up.
    pub sent: Vec<Vec<u8>>,
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// What libpam is given.
    pub code: i32,
    /// What went to the daemon.
    pub requests: Vec<String>,
    /// What went into the log.
    pub log: Vec<String>,
}

/// Plays it.
///
/// # Panics
/// If there is no place for a socket.
#[allow(clippy::expect_used, reason = "not in what ships")]
pub fn play(played: &Played) -> Outcome {
    let folder = tempfile::tempdir().expect("a folder for the socket");
    let socket = folder.path().join("socket");
    let script = played.sent.iter().map(|bytes| Act::Raw(bytes.clone())).chain([Act::HangUp]).collect();
    let daemon = Daemon::playing(&socket, script);
    let mut application = Application::sshd();
    application.set(Item::RemoteHost, "192.0.2.7");
    application.password.clone_from(&played.password);
    application.replies = played.replies.iter().map(|reply| heard(reply)).collect();
    if let Some(ssh_auth) = &played.ssh_auth {
        application.pam_environment.insert("SSH_AUTH_INFO_0", ssh_auth.clone());
    }
    let call = Call { arguments: played.arguments.clone(), silent: played.silent };
    let places = Places { socket: &socket, codes: None };
    let hook = if played.account { account } else { auth };
    let code = hook(&places, &mut application, &call).raw();
    // Where the module did not call, the daemon still waits for somebody.
    drop(UnixStream::connect(&socket));
    Outcome { code, requests: daemon.requests(), log: application.log().into_iter().map(|(_, line)| line).collect() }
}

/// As `ffi` hands over what the application's conversation returned.
fn heard(reply: &[u8]) -> Result<String, ConverseError> {
    match std::str::from_utf8(reply) {
        _ if reply == [0] => Err(ConverseError::NoReply),
        _ if reply.len() > LONGEST_REPLY => Err(ConverseError::TooLong),
        Ok(text) => Ok(text.split('\0').next().unwrap_or_default().to_owned()),
        Err(_) => Err(ConverseError::NotText),
    }
}
