//! `mfa-key` with other ports: the socket files of a folder, each of them a virtual key that is plugged in. All else is
//! the program that ships. Which folder, whoever builds a program on this says; no environment and no option can.

#![forbid(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use mfa_key::{Port, Ports, Wire};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// The ports in a folder.
#[derive(Debug, Clone)]
pub struct Links(PathBuf);

impl Links {
    /// Those in that folder, now and later.
    pub fn in_folder(folder: impl Into<PathBuf>) -> Self {
        Self(folder.into())
    }
}

impl Ports for Links {
    fn plugged_in(&self) -> io::Result<Vec<Box<dyn Port>>> {
        let mut sockets = Vec::new();
        for entry in self.0.read_dir()? {
            let entry = entry?;
            // One that is gone by now is not plugged in.
            let is_key = entry.file_type().is_ok_and(|kind| kind.is_socket()) && entry.path().extension().is_none();
            sockets.extend(is_key.then(|| entry.path()));
        }
        sockets.sort();
        Ok(sockets.into_iter().map(|socket| -> Box<dyn Port> { Box::new(Link::new(socket)) }).collect())
    }
}

struct Link {
    socket: PathBuf,
    name: String,
}

impl Link {
    fn new(socket: PathBuf) -> Self {
        let name = socket.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Self { socket, name }
    }
}

impl Port for Link {
    fn open(&self) -> io::Result<Wire> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let io = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        connect(io.as_fd(), &SocketAddrUnix::new(&self.socket)?)?;
        let turn = File::open(turn(&self.socket))?;
        Ok(Wire { io, turn: Some(turn), numbered: true })
    }

    fn product(&self) -> &str {
        &self.name
    }

    fn manufacturer(&self) -> &str {
        "Virtual Keys"
    }
}

/// Beside the socket: one cannot lock a socket file.
fn turn(socket: &Path) -> PathBuf {
    let mut name = socket.as_os_str().to_owned();
    name.push(".turn");
    name.into()
}

/// What `main` of such a program is: mfa-key's own, with those ports.
pub fn serve(links: Links) -> ExitCode {
    let served = mfa_once::leave_nothing_behind().and_then(|()| {
        let socket = io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
        mfa_key::serve(UnixStream::from(socket), Arc::new(links))
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
