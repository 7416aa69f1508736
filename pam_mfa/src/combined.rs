//! Password and code in one line, for applications that ask once: `combined=split` before the password module takes
//! the code off the line, `combined=verify` after it plays it to the daemon.
//!
//! It weighs no code and knows no factor; whether one is due, and how many digits it has, the daemon says. Where a code
//! is due and none stands in the line, nobody passes: `verify` begins a dialog in which nothing can be answered. What
//! was taken off goes from `split` to `verify` in libpam's keeping, once, and is wiped there.

use crate::args::Options;
use crate::context;
use crate::failure::Failure;
use crate::host::{Aside, Host};
use crate::journal;
use crate::link::{Link, Unreached};
use crate::login::LoginError;
use mfa_proto::Secret;
use mfa_proto::login::{Begin, Due, Phase, Prompt};
use std::fmt;
use std::path::Path;
use zeroize::Zeroizing;

/// The same for everybody: who has a second factor is nothing that a login window tells to whoever types a name.
const PROMPT: &str = "Password, then code: ";
/// Characters between the dashes of a code on paper: `XXXX-XXXX-XXXX`.
const GROUPS: [usize; 3] = [4, 4, 4];

/// Proof that the line was taken apart, or left as it was because nothing is due.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parted(());

/// Why a line was not taken apart, or what was taken off cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CombinedError {
    /// There is no password in the line: some directories take an empty one for anybody's.
    NoPassword,
    /// libpam did not keep what was taken off the line, or did not take the password that is left of it.
    NotKept,
    /// `combined=verify` without `combined=split` before it.
    NoSplit,
    /// `PAM_USER` is another one than at `combined=split`.
    UserChanged,
}

impl fmt::Display for CombinedError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoPassword => "no password was typed (combined=split)",
            Self::NotKept => "libpam could not keep the password or the code of the line (combined=split)",
            Self::NoSplit => {
                "combined=verify without combined=split before the password module; the stack needs both lines"
            }
            Self::UserChanged => "PAM_USER was changed between combined=split and combined=verify",
        })
    }
}

/// Takes the code off the line, if one is due and there is one, and leaves the password to the modules that follow.
///
/// # Errors
/// Whatever is unclear: the login is to be refused.
pub(crate) fn split(host: &mut dyn Host, socket: &Path, options: &Options) -> Result<Parted, Failure> {
    host.put_aside(None);
    let line = line(host)?;
    if line.is_empty() {
        return Err(CombinedError::NoPassword.into());
    }
    let begin = context::gather(host, Phase::Auth, options)?;
    let due = due(host, socket, &begin, options)?;
    let parts = due.as_ref().and_then(|due| parts(&line, &due.digits));
    let (password, code) = match parts {
        Some(Parts { password, code }) => (password, Some(code)),
        None => (line.as_slice(), None),
    };
    if password.is_empty() {
        return Err(CombinedError::NoPassword.into());
    }
    let aside = Aside { user: begin.user, due: due.is_some(), code: code.map(secret) };
    if host.set_password(password) && host.put_aside(Some(aside)) {
        Ok(Parted(()))
    } else {
        host.put_aside(None);
        Err(CombinedError::NotKept.into())
    }
}

/// What was taken off for this very login; nobody gets it a second time.
///
/// # Errors
/// [`CombinedError`] if there was no `combined=split`, or it was about somebody else.
pub(crate) fn taken(host: &mut dyn Host, user: &str) -> Result<Option<Secret>, CombinedError> {
    let aside = host.aside().ok_or(CombinedError::NoSplit)?;
    if !host.put_aside(None) {
        return Err(CombinedError::NotKept);
    }
    if aside.user == user { Ok(aside.code) } else { Err(CombinedError::UserChanged) }
}

/// At `pam_setcred`, when the application has let somebody in: `combined=verify` would have taken what is still there.
pub(crate) fn look_for_verify(host: &mut dyn Host) {
    if let Some(aside) = host.aside() {
        journal::unverified(host, aside.due);
        host.put_aside(None);
    }
}

/// The password as an earlier module has asked for it, or as it is asked for here.
fn line(host: &mut dyn Host) -> Result<Zeroizing<Vec<u8>>, LoginError> {
    if let Some(line) = host.password() {
        return Ok(line);
    }
    let prompt = Prompt { text: PROMPT.to_owned(), echo: false };
    let mut typed = host.ask(&[], &prompt).map_err(LoginError::Conversation)?.into_inner();
    Ok(Zeroizing::new(std::mem::take(&mut *typed).into_bytes()))
}

/// How a code looks, if one is due; none where nothing listens and the stack allows that.
fn due(host: &dyn Host, socket: &Path, begin: &Begin, options: &Options) -> Result<Option<Due>, Failure> {
    let mut link = match Link::open(socket, options.timeout) {
        Ok(link) => link,
        // The line after the password module finds nobody, too, and says so loudly; or does, and lets nobody in.
        Err(Unreached::NothingListens(_)) if options.unavailable_allowed().is_some() => return Ok(None),
        Err(unreached) => return Err(unreached.into()),
    };
    let due = link.due(begin).map_err(LoginError::Daemon)?;
    journal::debug(host, options.debug, if due.due { "a code is due" } else { "no code is due" });
    Ok(Some(due).filter(|due| due.due))
}

/// A line that is a password and a code.
struct Parts<'a> {
    password: &'a [u8],
    code: &'a [u8],
}

/// `passwordCODE`, or `password CODE` with one blank between: then the code may be one on paper, too.
fn parts<'a>(line: &'a [u8], digits: &[u8]) -> Option<Parts<'a>> {
    let is_due = |code: &[u8]| digits.iter().any(|length| is_digits(code, (*length).into()));
    let mut words = line.rsplitn(2, |byte| *byte == b' ');
    if let (Some(code), Some(password)) = (words.next(), words.next()) {
        if is_due(code) || is_on_paper(code) {
            return Some(Parts { password, code });
        }
    }
    digits.iter().find_map(|length| {
        let (password, code) = line.split_at_checked(line.len().checked_sub((*length).into())?)?;
        is_digits(code, (*length).into()).then_some(Parts { password, code })
    })
}

fn is_digits(code: &[u8], length: usize) -> bool {
    length > 0 && code.len() == length && code.iter().all(u8::is_ascii_digit)
}

/// As it is printed, dashes included: so that no word of a passphrase is taken for one.
fn is_on_paper(code: &[u8]) -> bool {
    let groups = code.split(|byte| *byte == b'-');
    let lengths = groups.clone().map(<[u8]>::len);
    lengths.eq(GROUPS) && groups.flatten().all(u8::is_ascii_alphanumeric)
}

/// ASCII alone comes here.
fn secret(code: &[u8]) -> Secret {
    Secret::new(code.iter().map(|byte| char::from(*byte)).collect())
}

#[cfg(test)]
#[path = "combined_tests.rs"]
mod tests;
