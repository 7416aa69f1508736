//! Where the sockets come from: systemd, which keeps them open while the daemon restarts, or the daemon itself.

use listenfd::ListenFd;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::{fmt, os::unix::net::SocketAddr};
use tokio::net::UnixListener;

/// Both listeners, ready.
pub(crate) struct Sockets {
    /// Mode 0666.
    pub(super) everybody: UnixListener,
    /// Mode 0600.
    pub(super) root: UnixListener,
}

/// Why there are none.
#[derive(Debug)]
pub(crate) enum SocketError {
    /// systemd handed over something else than the two sockets.
    Unexpected,
    /// Neither systemd nor the command line says where.
    NotGiven,
    /// A path cannot be bound.
    Bind(PathBuf, io::Error),
    /// A listener cannot be used.
    Io(io::Error),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unexpected => write!(
                f,
                "systemd handed over other sockets than {} and {}: see mfa-daemon.socket and mfa-daemon-root.socket",
                mfa_proto::SOCKET,
                mfa_proto::ROOT_SOCKET
            ),
            Self::NotGiven => write!(f, "no sockets: start mfa-daemon.socket, or name a folder with --listen FOLDER"),
            Self::Bind(path, error) => write!(f, "{} cannot be bound: {error}", path.display()),
            Self::Io(error) => write!(f, "the sockets cannot be used: {error}"),
        }
    }
}

impl Sockets {
    /// The sockets of systemd, or those in a folder of our own.
    ///
    /// # Errors
    /// [`SocketError`]
    pub(crate) fn open(folder: Option<&Path>) -> Result<Self, SocketError> {
        match folder {
            Some(folder) => Self::bind(folder),
            None => Self::activated(),
        }
    }

    /// Told apart by their addresses, not by their order.
    fn activated() -> Result<Self, SocketError> {
        let mut handed = ListenFd::from_env();
        if handed.len() == 0 {
            return Err(SocketError::NotGiven);
        }
        let (mut everybody, mut root) = (None, None);
        for index in 0..handed.len() {
            let listener = handed.take_unix_listener(index).map_err(SocketError::Io)?.ok_or(SocketError::Unexpected)?;
            let address = listener.local_addr().map_err(SocketError::Io)?;
            match name(&address) {
                Some("mfa.sock") => everybody = Some(listener),
                Some("root.sock") => root = Some(listener),
                _ => return Err(SocketError::Unexpected),
            }
        }
        Self::ready(everybody.ok_or(SocketError::Unexpected)?, root.ok_or(SocketError::Unexpected)?)
    }

    fn bind(folder: &Path) -> Result<Self, SocketError> {
        let listen = |name, mode| {
            let path = folder.join(name);
            let bound = remove_stale(&path)
                .and_then(|()| StdListener::bind(&path))
                .and_then(|listener| fs::set_permissions(&path, Permissions::from_mode(mode)).map(|()| listener));
            bound.map_err(|error| SocketError::Bind(path, error))
        };
        Self::ready(listen("mfa.sock", 0o666)?, listen("root.sock", 0o600)?)
    }

    fn ready(everybody: StdListener, root: StdListener) -> Result<Self, SocketError> {
        let listen = |listener: StdListener| {
            listener.set_nonblocking(true)?;
            UnixListener::from_std(listener)
        };
        Ok(Self {
            everybody: listen(everybody).map_err(SocketError::Io)?,
            root: listen(root).map_err(SocketError::Io)?,
        })
    }
}

fn name(address: &SocketAddr) -> Option<&str> {
    address.as_pathname()?.file_name()?.to_str()
}

/// A socket that a daemon before this one has left; nothing else is ever removed, a socket that is listened to least.
fn remove_stale(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Ok(about) if about.file_type().is_socket() && is_listened_to(path) => Err(io::ErrorKind::AddrInUse.into()),
        Ok(about) if about.file_type().is_socket() => fs::remove_file(path),
        Ok(_) => Err(io::ErrorKind::AlreadyExists.into()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// Whether anybody would take a connection, now or when their backlog has room.
fn is_listened_to(path: &Path) -> bool {
    use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    let tried = SocketAddrUnix::new(path)
        .and_then(|address| connect(&socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?, &address));
    tried != Err(rustix::io::Errno::CONNREFUSED)
}
