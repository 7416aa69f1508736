//! A blocking client with one deadline for everything: connecting, even to a full backlog, writing and reading.
//!
//! It starts no thread, reads no environment, and follows no reply that is not the answer to its call.

use crate::frame::{Decoder, FrameError, Reply, encode_call};
use crate::service::{self, Refusal};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, sockopt};
use serde::{Serialize, de::DeserializeOwned};
use std::io::{self, Read};
use std::os::unix::{fs::MetadataExt, net::UnixStream};
use std::time::{Duration, Instant};
use std::{fmt, fs, path::Path};
use zeroize::Zeroizing;

/// Why there is no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// Nothing listens: the socket is absent, or nobody holds it. The one error that a stack may be told to let pass.
    NothingListens,
    /// Somebody listens who must not: the uid of the listener.
    Untrusted(u32),
    /// The deadline passed, for instance because the listener's backlog is full.
    TimedOut,
    /// Anything else.
    Io(io::Error),
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingListens => f.write_str("the mfa daemon is not running"),
            Self::Untrusted(uid) => write!(f, "the mfa socket is held by uid {uid}, which must not be"),
            Self::TimedOut => f.write_str("the mfa daemon did not take the connection in time"),
            Self::Io(error) => write!(f, "the mfa daemon cannot be reached: {error}"),
        }
    }
}

impl std::error::Error for ConnectError {}

/// Why a call has no answer.
#[derive(Debug)]
pub enum CallError {
    /// The daemon refused, and says why.
    Refused(Refusal),
    /// The daemon does not know the method, the parameters or the right to it: the name of the Varlink error.
    Protocol(String),
    /// What came was not an answer.
    Frame(FrameError),
    /// The deadline passed.
    TimedOut,
    /// The daemon hung up.
    HungUp,
    /// Anything else.
    Io(io::Error),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => f.write_str(&refusal.message),
            Self::Protocol(name) => write!(f, "the mfa daemon answered with {name}"),
            Self::Frame(error) => write!(f, "the mfa daemon's answer cannot be read: {error}"),
            Self::TimedOut => f.write_str("the mfa daemon did not answer in time"),
            Self::HungUp => f.write_str("the mfa daemon hung up"),
            Self::Io(error) => write!(f, "the mfa daemon cannot be reached any more: {error}"),
        }
    }
}

impl std::error::Error for CallError {}

impl From<FrameError> for CallError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

/// One connection, one deadline.
pub struct Client {
    stream: UnixStream,
    deadline: Instant,
    inbox: Decoder,
}

impl Client {
    /// Connects, and makes sure of who listens: root (as behind systemd's sockets) or the owner of the folder the
    /// socket lies in (the daemon's user, when it runs on its own).
    ///
    /// # Errors
    /// [`ConnectError`]; `NothingListens` for `ENOENT` and `ECONNREFUSED` alone.
    pub fn connect(socket: &Path, deadline: Instant) -> Result<Self, ConnectError> {
        let stream = connect_until(socket, deadline)?;
        let listener = sockopt::socket_peercred(&stream).map_err(|errno| ConnectError::Io(errno.into()))?;
        let listener = listener.uid.as_raw();
        if listener != 0 && Some(listener) != owner_of_folder(socket) {
            return Err(ConnectError::Untrusted(listener));
        }
        Ok(Self { stream, deadline, inbox: Decoder::default() })
    }

    /// Moves the deadline, for a person who is still typing.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = deadline;
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    /// [`CallError`]; after any but `Refused` and `Protocol` the connection is of no further use.
    pub fn call<P: Serialize, R: DeserializeOwned>(&mut self, method: &str, parameters: &P) -> Result<R, CallError> {
        self.send(&encode_call(method, parameters)?)?;
        let frame = self.receive()?;
        if self.inbox.has_leftover() {
            return Err(CallError::Frame(FrameError::Malformed("bytes nobody asked for".into())));
        }
        let reply = Reply::parse(&frame)?;
        match reply.error.as_deref() {
            None => Ok(reply.parameters()?),
            Some(service::REFUSED) => Err(CallError::Refused(reply.parameters()?)),
            Some(other) => Err(CallError::Protocol(printable(other))),
        }
    }

    fn send(&mut self, mut bytes: &[u8]) -> Result<(), CallError> {
        while !bytes.is_empty() {
            self.stream.set_write_timeout(Some(self.left()?)).map_err(CallError::Io)?;
            // The host of a PAM module may have left SIGPIPE as it is: a peer that hangs up must not kill a screen locker.
            match rustix::net::send(&self.stream, bytes, SendFlags::NOSIGNAL) {
                Ok(0) => return Err(CallError::HungUp),
                Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
                Err(errno) => self.survive(errno.into())?,
            }
        }
        Ok(())
    }

    fn receive(&mut self) -> Result<Zeroizing<Vec<u8>>, CallError> {
        loop {
            if let Some(frame) = self.inbox.next_frame() {
                return Ok(frame);
            }
            // A peer that sends a byte a second must not stretch the deadline: what is left is computed anew.
            self.stream.set_read_timeout(Some(self.left()?)).map_err(CallError::Io)?;
            match self.inbox.take_from(|piece| (&self.stream).read(piece)) {
                Ok(0) => return Err(CallError::HungUp),
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                    return Err(CallError::Frame(FrameError::TooBig));
                }
                Err(error) => self.survive(error)?,
            }
        }
    }

    fn survive(&self, error: io::Error) -> Result<(), CallError> {
        match error.kind() {
            io::ErrorKind::Interrupted => Ok(()),
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(CallError::TimedOut),
            io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Err(CallError::HungUp),
            _ => Err(CallError::Io(error)),
        }
    }

    fn left(&self) -> Result<Duration, CallError> {
        left_until(self.deadline).ok_or(CallError::TimedOut)
    }
}

fn connect_until(socket: &Path, deadline: Instant) -> Result<UnixStream, ConnectError> {
    use rustix::io::Errno;
    let io = |errno: Errno| ConnectError::Io(errno.into());
    let address = SocketAddrUnix::new(socket).map_err(io)?;
    let fd =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).map_err(io)?;
    loop {
        // A full backlog makes connect wait as long as the send timeout says, and no longer.
        let left = left_until(deadline).ok_or(ConnectError::TimedOut)?;
        sockopt::set_socket_timeout(&fd, sockopt::Timeout::Send, Some(left)).map_err(io)?;
        match rustix::net::connect(&fd, &address) {
            Ok(()) => return Ok(UnixStream::from(fd)),
            Err(Errno::INTR) => {}
            Err(Errno::NOENT | Errno::CONNREFUSED) => return Err(ConnectError::NothingListens),
            Err(Errno::AGAIN | Errno::TIMEDOUT) => return Err(ConnectError::TimedOut),
            Err(errno) => return Err(io(errno)),
        }
    }
}

/// Time left, never zero: a timeout of zero would mean "for ever".
fn left_until(deadline: Instant) -> Option<Duration> {
    let left = deadline.checked_duration_since(Instant::now())?;
    (left >= Duration::from_millis(1)).then_some(left)
}

fn owner_of_folder(socket: &Path) -> Option<u32> {
    fs::symlink_metadata(socket.parent()?).ok().map(|folder| folder.uid())
}

fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_graphic()).take(100).collect()
}

#[cfg(test)]
#[path = "client_tests.rs"]
mod tests;
