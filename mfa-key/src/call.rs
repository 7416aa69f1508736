//! The one call of a connection: who may make it, reading it, what may be in it.

use crate::public_key::PublicKey;
use mfa_proto::frame::{Call as Frame, encode_error};
use mfa_proto::key::{
    ASSERT, Assert, Credential, EDDSA, ES256, FIND, Find, LIST, LONGEST, LONGEST_ID, List, MAKE, MOST_CREDENTIALS, Make,
};
use mfa_proto::one_call::{receive, send};
use mfa_proto::service;
use rustix::net::SocketAddrUnix;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::time::Duration;
use std::{ffi::OsStr, fs};

/// Characters of a name, at the most: what WebAuthn lets every key cut off at, doubled.
const LONGEST_NAME: usize = 128;
/// Characters of a relying party's identifier, at the most: those of a host's name.
const LONGEST_RELYING_PARTY: usize = 253;

/// What is wanted.
pub(crate) enum Call {
    List(List),
    Find(Find),
    Make(Make),
    Assert(Assert),
}

impl Call {
    /// How long it may take.
    pub(crate) fn time(&self) -> Duration {
        let seconds = match self {
            Self::List(list) => list.seconds,
            Self::Find(find) => find.seconds,
            Self::Make(make) => make.seconds,
            Self::Assert(assert) => assert.seconds,
        };
        Duration::from_secs(seconds.clamp(1, LONGEST).into())
    }

    /// What is in it that must not be, if anything.
    fn unfit(&self) -> Option<&'static str> {
        match self {
            Self::List(_) => None,
            Self::Find(find) => unfit_credentials(&find.credentials),
            Self::Assert(assert) => unfit_credentials(&assert.credentials).or(unfit_hash(&assert.client_data_hash)),
            Self::Make(make) => unfit_make(make),
        }
    }
}

fn unfit_make(make: &Make) -> Option<&'static str> {
    if !is_relying_party(&make.relying_party) {
        Some("relying_party")
    } else if !is_name(&make.site) {
        Some("site")
    } else if !is_name(&make.user_name) {
        Some("user_name")
    } else if !(1..=64).contains(&make.user_id.len()) {
        Some("user_id")
    } else if !are_algorithms(&make.algorithms) {
        Some("algorithms")
    } else {
        let exclude = if make.exclude.is_empty() { None } else { unfit_credentials(&make.exclude) };
        unfit_hash(&make.client_data_hash).or(exclude.and(Some("exclude")))
    }
}

fn are_algorithms(algorithms: &[i64]) -> bool {
    (1..=2).contains(&algorithms.len()) && algorithms.iter().all(|one| [ES256, EDDSA].contains(one))
}

fn unfit_credentials(credentials: &[Credential]) -> Option<&'static str> {
    let is_fit = |one: &Credential| {
        let of_length = (1..=LONGEST_ID).contains(&one.id.len());
        of_length && is_relying_party(&one.relying_party) && one.public_key.as_deref().is_none_or(is_public_key)
    };
    let fit = (1..=MOST_CREDENTIALS).contains(&credentials.len()) && credentials.iter().all(is_fit);
    (!fit).then_some("credentials")
}

fn is_public_key(cose: &[u8]) -> bool {
    PublicKey::from_cose(cose).is_some()
}

fn unfit_hash(hash: &[u8]) -> Option<&'static str> {
    (hash.len() != 32).then_some("client_data_hash")
}

fn is_relying_party(text: &str) -> bool {
    // Not only a host's name: keys that came from elsewhere have `pam://host`.
    (1..=LONGEST_RELYING_PARTY).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}

fn is_name(text: &str) -> bool {
    (1..=LONGEST_NAME).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}

/// Makes sure of who has connected: root, whoever runs this, or the owner of the socket that was connected to.
///
/// # Errors
/// Anybody else, in a sentence.
pub(crate) fn admit(stream: &UnixStream) -> Result<(), String> {
    let peer = rustix::net::sockopt::socket_peercred(stream);
    let peer = peer.map_err(|_| "standard input is no connection: systemd or mfa-enroll starts this".to_owned())?;
    let peer = peer.uid.as_raw();
    if may_call(peer, rustix::process::geteuid().as_raw(), owner(stream)) {
        Ok(())
    } else {
        Err(format!("uid {peer} has connected, which must not"))
    }
}

fn may_call(peer: u32, own: u32, owner: Option<u32>) -> bool {
    peer == 0 || peer == own || Some(peer) == owner
}

/// Whose socket was connected to; a pair of sockets has no name, and no owner.
fn owner(stream: &UnixStream) -> Option<u32> {
    let address = SocketAddrUnix::try_from(rustix::net::getsockname(stream).ok()?).ok()?;
    fs::symlink_metadata(OsStr::from_bytes(address.path_bytes()?)).ok().map(|socket| socket.uid())
}

/// Reads the call.
///
/// # Errors
/// What is none, in a sentence; the caller has been told.
pub(crate) fn read(stream: &mut UnixStream) -> Result<Call, String> {
    let frame = receive(stream)?;
    let call = Frame::parse(&frame).map_err(|error| error.to_string())?;
    let read = match &*call.method {
        LIST => call.parameters().map(Call::List),
        FIND => call.parameters().map(Call::Find),
        MAKE => call.parameters().map(Call::Make),
        ASSERT => call.parameters().map(Call::Assert),
        _ => {
            let method = service::MethodNotFound { method: "there are List, Find, Make, Assert".into() };
            send(stream, &encode_error(service::METHOD_NOT_FOUND, &method).map_err(|error| error.to_string())?)?;
            return Err("there is no such method".into());
        }
    };
    let unfit = match read {
        Ok(call) => match call.unfit() {
            None => return Ok(call),
            Some(parameter) => parameter.to_owned(),
        },
        Err(error) => error.to_string(),
    };
    let parameter = service::InvalidParameter { parameter: unfit };
    send(stream, &encode_error(service::INVALID_PARAMETER, &parameter).map_err(|error| error.to_string())?)?;
    Err(format!("the call cannot be read: {}", parameter.parameter))
}

#[cfg(test)]
#[path = "call_tests.rs"]
mod tests;
