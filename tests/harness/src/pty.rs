//! Pseudoterminals: one of this machine's, or one of a lab's own, so that programs in the lab find their terminal
//! under a name that exists there.

use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, ioctl_tiocgptpeer, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// Both ends: what the person sees and types on, and what the program has as its terminal.
pub(crate) struct Pty {
    pub(crate) person: OwnedFd,
    pub(crate) program: OwnedFd,
}

/// Large enough for a QR code under a prompt.
const SIZE: Winsize = Winsize { ws_row: 60, ws_col: 100, ws_xpixel: 0, ws_ypixel: 0 };

/// A terminal of this machine.
pub(crate) fn outside() -> io::Result<Pty> {
    open(Path::new("/dev/ptmx"))
}

/// A terminal of the lab whose first process is `leader`, for a program of the user with that uid.
pub(crate) fn inside(leader: u32, owner: u32) -> io::Result<Pty> {
    let pty = open(Path::new(&format!("/proc/{leader}/root/dev/pts/ptmx")))?;
    rustix::fs::fchown(&pty.program, Some(rustix::fs::Uid::from_raw(owner)), None)?;
    Ok(pty)
}

fn open(ptmx: &Path) -> io::Result<Pty> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    let person = rustix::fs::open(ptmx, flags, Mode::empty())?;
    unlockpt(&person)?;
    let program = ioctl_tiocgptpeer(&person, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC)?;
    tcsetwinsize(&person, SIZE)?;
    Ok(Pty { person, program })
}
