//! The directory of the database: whose it is, who may use it, and whether there was a database before.
//!
//! Everything in it belongs to the daemon's user alone, and no symbolic link is followed. An exclusive `flock` on the
//! file `lock` ends with the process, however that ends. The same file remembers that a database was made, so that a
//! lost one is an error and not an empty one.

use super::OpenError;
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, fstat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// What the lock file says once there is a database.
const MARK: &[u8] =
    b"There is a database beside this file. If it is lost, mfa-daemon does not start with an empty one;\n\
    restore it from a backup, or remove this file to start with nobody enrolled.\n";

/// The directory, claimed by this process.
#[derive(Debug)]
pub(super) struct Home {
    path: PathBuf,
    directory: OwnedFd,
    lock: File,
}

impl Home {
    /// Checks the directory and locks it against other daemons.
    pub(super) fn claim(path: &Path) -> Result<Self, OpenError> {
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = rustix::fs::open(path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => OpenError::NoDirectory(path.to_owned()),
            Errno::NOTDIR | Errno::LOOP => untrusted(path, "is not a directory; move it away"),
            _ => io(path, errno),
        })?;
        let path = path.canonicalize().map_err(|error| io(path, error))?;
        trust(&path, directory.as_fd(), FileType::Directory)?;
        let file = path.join("lock");
        let lock = open_own(&directory, &file, "lock", OFlags::CREATE)?.ok_or_else(|| io(&file, Errno::NOENT))?;
        rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            Errno::WOULDBLOCK => OpenError::InUse(path.clone()),
            _ => io(&file, errno),
        })?;
        Ok(Self { path, directory, lock: File::from(lock) })
    }

    /// A file in it.
    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Whether this file of ours is there, checked as everything here is, and has anything in it.
    pub(super) fn has(&self, name: &str) -> Result<bool, OpenError> {
        let path = self.file(name);
        match open_own(&self.directory, &path, name, OFlags::empty())? {
            Some(file) => Ok(fstat(&file).map_err(|errno| io(&path, errno))?.st_size > 0),
            None => Ok(false),
        }
    }

    /// Makes an empty file of ours unless it is there, and makes that last.
    pub(super) fn make(&self, name: &str) -> Result<(), OpenError> {
        let path = self.file(name);
        open_own(&self.directory, &path, name, OFlags::CREATE)?;
        rustix::fs::fsync(&self.directory).map_err(|errno| io(&path, errno))
    }

    /// What this file of ours says, as far as that is a line or two; `None` if it is not there or says nothing.
    pub(super) fn read(&self, name: &str) -> Result<Option<String>, OpenError> {
        const MOST: u64 = 256;
        let path = self.file(name);
        let Some(file) = open_own(&self.directory, &path, name, OFlags::empty())? else { return Ok(None) };
        let mut bytes = Vec::new();
        File::from(file).take(MOST).read_to_end(&mut bytes).map_err(|error| io(&path, error))?;
        Ok(String::from_utf8(bytes).ok().filter(|text| !text.is_empty()))
    }

    /// Writes a file of ours, in place of what was in it, and makes that last.
    pub(super) fn write(&self, name: &str, bytes: &[u8]) -> Result<(), OpenError> {
        self.remove(name)?;
        let path = self.file(name);
        let file = open_own(&self.directory, &path, name, OFlags::CREATE)?.ok_or_else(|| io(&path, Errno::NOENT))?;
        let mut file = File::from(file);
        file.write_all(bytes).and_then(|()| file.sync_all()).map_err(|error| io(&path, error))
    }

    /// Removes a file, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), OpenError> {
        match rustix::fs::unlinkat(&self.directory, name, rustix::fs::AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            Err(errno) => Err(io(&self.file(name), errno)),
        }
    }

    /// Makes what was written to a file last.
    pub(super) fn sync(&self, name: &str) -> Result<(), OpenError> {
        let path = self.file(name);
        let file = open_own(&self.directory, &path, name, OFlags::empty())?.ok_or_else(|| io(&path, Errno::NOENT))?;
        rustix::fs::fsync(&file).map_err(|errno| io(&path, errno))
    }

    /// Gives a file another name, in place of what had it, and makes that last.
    pub(super) fn rename(&self, from: &str, to: &str) -> Result<(), OpenError> {
        rustix::fs::renameat(&self.directory, from, &self.directory, to)
            .and_then(|()| rustix::fs::fsync(&self.directory))
            .map_err(|errno| io(&self.file(to), errno))
    }

    /// Whether a database was made here before.
    pub(super) fn is_marked(&mut self) -> Result<bool, OpenError> {
        let mut first = [0];
        let read = self.lock.rewind().and_then(|()| self.lock.read(&mut first));
        read.map(|count| count > 0).map_err(|error| io(&self.path.join("lock"), error))
    }

    /// Remembers that a database was made here.
    pub(super) fn mark(&mut self) -> Result<(), OpenError> {
        let written = self.lock.rewind().and_then(|()| self.lock.write_all(MARK)).and_then(|()| self.lock.sync_all());
        written.map_err(|error| io(&self.path.join("lock"), error))
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        // By itself the lock would last as long as any copy of its descriptor, one in a process just forked included.
        let _ = rustix::fs::flock(&self.lock, FlockOperation::Unlock);
    }
}

/// Opens a regular file of ours; `None` if it is not there. A pipe or device planted here does not make it wait.
fn open_own(directory: &OwnedFd, path: &Path, name: &str, flags: OFlags) -> Result<Option<OwnedFd>, OpenError> {
    let flags = flags | OFlags::RDWR | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let file = match rustix::fs::openat(directory, name, flags, mode) {
        Ok(file) => file,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::ISDIR) => return Err(untrusted(path, "is not a regular file; remove it")),
        Err(errno) => return Err(io(path, errno)),
    };
    if flags.contains(OFlags::CREATE) {
        // Whatever the umask made of the mode of a new file. An older one is judged as it is found.
        let fresh = fstat(&file).map_err(|errno| io(path, errno))?.st_size == 0;
        if fresh {
            rustix::fs::fchmod(&file, mode).map_err(|errno| io(path, errno))?;
        }
    }
    trust(path, file.as_fd(), FileType::RegularFile)?;
    Ok(Some(file))
}

/// Refuses what another user owns, reads, writes or has a link to.
fn trust(path: &Path, file: rustix::fd::BorrowedFd<'_>, kind: FileType) -> Result<(), OpenError> {
    let found = fstat(file).map_err(|errno| io(path, errno))?;
    let own = rustix::process::geteuid().as_raw();
    let of = match kind {
        FileType::Directory => "directory",
        _ => "regular file",
    };
    if FileType::from_raw_mode(found.st_mode) != kind {
        return Err(untrusted(path, &format!("is not a {of}; remove it")));
    }
    if found.st_uid != own {
        let why =
            format!("belongs to uid {}, not to {own}; give it back: chown {own} {}", found.st_uid, path.display());
        return Err(untrusted(path, &why));
    }
    if found.st_mode & 0o077 != 0 {
        let why = format!("is open to other users; close it: chmod go= {}", path.display());
        return Err(untrusted(path, &why));
    }
    if kind == FileType::RegularFile && found.st_nlink != 1 {
        return Err(untrusted(path, "has a second hard link; remove that one"));
    }
    Ok(())
}

fn untrusted(path: &Path, why: &str) -> OpenError {
    OpenError::Untrusted { path: path.to_owned(), why: why.to_owned() }
}

fn io(path: &Path, why: impl ToString) -> OpenError {
    OpenError::Io { path: path.to_owned(), why: why.to_string() }
}
