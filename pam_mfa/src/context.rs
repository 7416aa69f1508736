//! Who wants in, into what, from where: copied from the application and the kernel into a `Begin`.
//!
//! Nothing is taken from the process's environment, and nothing that is garbled is passed on: the login is refused.

use crate::args::Options;
use crate::host::{Host, Item};
use mfa_proto::PROTOCOL;
use mfa_proto::login::{Begin, Phase};
use std::ffi::CStr;
use std::{fmt, fs};

/// The service that sets [`SSH_AUTH_INFO`], and whose `account` line counts.
const SSHD: &str = "sshd";
/// What sshd has authenticated so far, a line a method. Only ever read from the PAM environment.
const SSH_AUTH_INFO: &CStr = c"SSH_AUTH_INFO_0";
/// The most bytes of a name: that of the user or the service.
const LONGEST_NAME: usize = 256;
/// The most bytes of a place: a host name may have `NI_MAXHOST - 1`.
const LONGEST_PLACE: usize = 1024;
/// The most bytes of [`SSH_AUTH_INFO`]: room for several certificates, and half of what a frame holds.
const LONGEST_SSH_AUTH: usize = 32 * 1024;
/// What the kernel writes for "not set" in `/proc/self/loginuid` and `sessionid`.
const UNSET: u32 = u32::MAX;

/// Proof that sshd has authenticated a public key in this very login.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PublickeyShown(());

/// Proof that the service is not sshd.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NotSshd(());

/// Why there is nothing to begin with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ContextError {
    /// An item that every login has is not set.
    Missing(Item),
    /// Longer than any real one.
    TooLong(Item),
    /// Not UTF-8, or with control characters.
    Garbled(Item),
    /// What sshd says it has authenticated is too long or garbled.
    SshAuth,
    /// The stack demands a public key, and sshd shows none.
    NoPublickey,
}

impl fmt::Display for ContextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(item) => write!(f, "the application has not set {item}"),
            Self::TooLong(item) => write!(f, "{item} is too long"),
            Self::Garbled(item) => write!(f, "{item} is not plain UTF-8 text"),
            Self::SshAuth => f.write_str("SSH_AUTH_INFO_0 is too long or not plain UTF-8 text"),
            Self::NoPublickey => f.write_str(
                "require_publickey, and no public key was accepted before (AuthenticationMethods of sshd_config?)",
            ),
        }
    }
}

/// Makes sure that sshd has accepted a public key before.
///
/// # Errors
/// `NoPublickey` if it has not, or this is not sshd; and what is wrong with the service or sshd's word.
pub(crate) fn publickey(host: &dyn Host) -> Result<PublickeyShown, ContextError> {
    let shown = ssh_auth(host)?.unwrap_or_default();
    if shown.lines().any(|line| line.starts_with("publickey ")) {
        Ok(PublickeyShown(()))
    } else {
        Err(ContextError::NoPublickey)
    }
}

/// Whether the service is another than sshd.
///
/// # Errors
/// [`ContextError`] if there is no service to be told.
pub(crate) fn not_sshd(host: &dyn Host) -> Result<Option<NotSshd>, ContextError> {
    Ok((service(host)? != SSHD).then_some(NotSshd(())))
}

/// The user as the application names it now.
///
/// # Errors
/// [`ContextError`] if there is none; the module never asks for a name itself.
pub(crate) fn user(host: &dyn Host) -> Result<String, ContextError> {
    name(host, Item::User)
}

/// All that the daemon is told.
///
/// # Errors
/// [`ContextError`] if any of it is missing or garbled.
pub(crate) fn gather(host: &dyn Host, phase: Phase, options: &Options) -> Result<Begin, ContextError> {
    let ssh_auth = match phase {
        Phase::Auth => ssh_auth(host)?,
        Phase::Account => None,
    };
    Ok(Begin {
        silent: false,
        protocol: PROTOCOL,
        user: user(host)?,
        service: service(host)?,
        phase,
        rhost: text(host, Item::RemoteHost, LONGEST_PLACE)?,
        ruser: text(host, Item::RemoteUser, LONGEST_NAME)?,
        tty: text(host, Item::Terminal, LONGEST_PLACE)?,
        ssh_auth,
        password: host.has_password(),
        login_uid: kernel_number("/proc/self/loginuid"),
        login_session: kernel_number("/proc/self/sessionid"),
        session: session_name(),
        processes: Some([std::process::id(), std::os::unix::process::parent_id()]),
        combined: None,
        timeout: u32::try_from(options.timeout.as_secs()).unwrap_or(u32::MAX),
    })
}

fn service(host: &dyn Host) -> Result<String, ContextError> {
    name(host, Item::Service)
}

fn name(host: &dyn Host, item: Item) -> Result<String, ContextError> {
    text(host, item, LONGEST_NAME)?.ok_or(ContextError::Missing(item))
}

/// An item as text; one that is empty is not set.
fn text(host: &dyn Host, item: Item, longest: usize) -> Result<Option<String>, ContextError> {
    let Some(bytes) = host.item(item).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    if bytes.len() > longest {
        return Err(ContextError::TooLong(item));
    }
    let text = String::from_utf8(bytes).map_err(|_| ContextError::Garbled(item))?;
    if text.chars().any(char::is_control) { Err(ContextError::Garbled(item)) } else { Ok(Some(text)) }
}

fn ssh_auth(host: &dyn Host) -> Result<Option<String>, ContextError> {
    if service(host)? != SSHD {
        return Ok(None);
    }
    let Some(bytes) = host.pam_variable(SSH_AUTH_INFO).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
    if bytes.len() > LONGEST_SSH_AUTH {
        return Err(ContextError::SshAuth);
    }
    let text = String::from_utf8(bytes).map_err(|_| ContextError::SshAuth)?;
    if text.chars().any(|c| c.is_control() && c != '\n') { Err(ContextError::SshAuth) } else { Ok(Some(text)) }
}

/// A number that the kernel keeps for this process; none where it keeps none.
fn kernel_number(path: &str) -> Option<u32> {
    fs::read_to_string(path).ok()?.trim().parse().ok().filter(|number| *number != UNSET)
}

/// The login session that this process is in, by its control group; containers have no other name for it.
fn session_name() -> Option<String> {
    session_among(&fs::read_to_string("/proc/self/cgroup").ok()?).map(str::to_owned)
}

/// `7` of `0::/user.slice/user-1000.slice/session-7.scope`. Only slices lie between: what lies below a user's own
/// manager is called what that user likes.
fn session_among(groups: &str) -> Option<&str> {
    groups.lines().find_map(|line| {
        let (_, below) = line.split_once("/user.slice/")?;
        let (slices, scope) = below.rsplit_once('/')?;
        let name = scope.strip_prefix("session-")?.strip_suffix(".scope")?;
        slices.split('/').all(|part| part.ends_with(".slice")).then_some(name)
    })
}

#[cfg(test)]
#[path = "context_tests.rs"]
mod tests;
