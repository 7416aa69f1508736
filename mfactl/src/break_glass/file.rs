//! The file of codes as `mfactl` changes it: whole or not at all, under the lock that the module takes, too, so that a
//! code it strikes out meanwhile stays struck out. A file that others could have touched is neither used nor mended.

use mfa_cli::{Failure, printable};
use mfa_proto::break_glass::{FILE, Record, records};
use rustix::fs::{AtFlags, fsync, mkdirat};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, Stat, fchmod, flock, fstat, openat, renameat, unlinkat};
use rustix::io::Errno;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Command, Stdio};

/// What is written beside the file before it takes its place.
const FRESH: &str = "codes.new";

/// The file in that folder.
pub(crate) struct CodeFile<'a> {
    folder: &'a Path,
}

impl<'a> CodeFile<'a> {
    pub(crate) fn of(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// Every record that can be read; none if there is no file.
    pub(crate) fn read(&self) -> Result<Vec<Record>, Failure> {
        match self.open()? {
            Some(folder) => self.read_in(&folder),
            None => Ok(Vec::new()),
        }
    }

    /// Changes the records, unless that fails. Whatever happens, the file is the old one or the new one.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Vec<Record>) -> Result<T, Failure>) -> Result<T, Failure> {
        match mkdirat(CWD, self.folder, Mode::RWXU) {
            Ok(()) => label(self.folder),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(self.failed("made", errno)),
        }
        let folder = self.open()?.ok_or_else(|| self.failed("opened", Errno::NOENT))?;
        flock(&folder, FlockOperation::LockExclusive).map_err(|errno| self.failed("locked", errno))?;
        let mut records = self.read_in(&folder)?;
        let changed = change(&mut records)?;
        let bytes: Vec<u8> = records.iter().flat_map(Record::to_bytes).collect();
        write(&folder, &bytes).map_err(|error| self.failed("written", error))?;
        Ok(changed)
    }

    fn open(&self) -> Result<Option<OwnedFd>, Failure> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = match openat(CWD, self.folder, flags, Mode::empty()) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(self.failed("opened", errno)),
        };
        let stat = fstat(&folder).map_err(|errno| self.failed("looked at", errno))?;
        if is_ours(&stat, 0o022) { Ok(Some(folder)) } else { Err(self.untrusted()) }
    }

    fn read_in(&self, folder: &OwnedFd) -> Result<Vec<Record>, Failure> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(folder, FILE, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(Vec::new()),
            Err(errno) => return Err(self.failed("opened", errno)),
        };
        let stat = fstat(&file).map_err(|errno| self.failed("looked at", errno))?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1;
        if !is_file || !is_ours(&stat, 0o077) {
            return Err(self.untrusted());
        }
        let mut bytes = Vec::new();
        File::from(file).read_to_end(&mut bytes).map_err(|error| self.failed("read", error))?;
        Ok(records(&bytes).flatten().collect())
    }

    fn failed(&self, what: &str, why: impl std::fmt::Display) -> Failure {
        let path = printable::line(&self.folder.display().to_string());
        let next =
            if rustix::process::geteuid().is_root() { "" } else { " Only root may. Try: sudo mfactl break-glass" };
        Failure::refused("file", format!("{path} cannot be {what}: {why}.{next}"))
    }

    fn untrusted(&self) -> Failure {
        let path = printable::line(&self.folder.display().to_string());
        let message = format!(
            "{path} or the file in it could have been read or written by others than root, so no code in it works. \
             Find out why, remove it, and make new ones: mfactl break-glass create"
        );
        Failure::refused("untrusted", message)
    }
}

/// Whether it is this process's user's, who is root, and nobody else has any of these permissions.
fn is_ours(stat: &Stat, forbidden: u32) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & forbidden == 0
}

/// Where SELinux runs, what programs that ask may write has a label of its own; elsewhere there is no such program.
fn label(folder: &Path) {
    let mut restorecon = Command::new("/usr/sbin/restorecon");
    let _ =
        restorecon.arg(folder).env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
}

/// Beside its place first, and on the disk before it takes it. The lock keeps others from doing the same.
fn write(folder: &OwnedFd, bytes: &[u8]) -> Result<(), Errno> {
    match unlinkat(folder, FRESH, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(errno) => return Err(errno),
    }
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::RUSR | Mode::WUSR;
    let mut file = File::from(openat(folder, FRESH, flags, mode)?);
    fchmod(&file, mode)?;
    file.write_all(bytes).map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    fsync(&file)?;
    renameat(folder, FRESH, folder, FILE)?;
    fsync(folder)
}
