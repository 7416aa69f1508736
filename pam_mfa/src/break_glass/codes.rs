//! The file of break-glass codes on the disk: read, and one code struck out in place. A code that cannot be struck out
//! durably does not count.
//!
//! Codes are compared before the lock is taken, so that nobody without a right one can make others wait for it, and
//! once more under it. The lock is on the folder, because `mfactl` puts a new file in the old one's place.

use mfa_proto::break_glass::{Code, FILE, MOST, RECORD, Record, State, USE_AT, Use, records};
use rustix::fs::{CWD, FileType, FlockOperation, Mode, OFlags, Stat, fdatasync, flock, fstat, openat};
use rustix::io::{Errno, pread, pwrite};
use std::fmt;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// How often the lock is tried, and how long between two tries: five seconds. It is held for one write.
const LOCK_TRIES: usize = 500;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// Proof that a code was right and unused, was for this account, and is struck out on the disk.
#[derive(Debug)]
pub(crate) struct Struck {
    number: u32,
    left: usize,
}

impl Struck {
    /// The number of the code on its page.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Codes that are left for the account.
    pub(crate) fn left(&self) -> usize {
        self.left
    }
}

/// What came of a code.
#[derive(Debug)]
pub(super) enum Tried {
    /// It was right, and is used up.
    Struck(Struck),
    /// There is no such code for this account.
    Wrong,
    /// It cannot be one.
    Mistyped,
    /// It was used before, or voided: its number.
    Gone(u32),
}

/// Why codes cannot be read, or one cannot be struck out.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum CodesError {
    /// There is no file.
    None,
    /// Others than root could have written it: what it is.
    Untrusted(&'static str),
    /// Somebody holds the lock.
    Locked,
    /// The system failed in doing that.
    Failed(&'static str, Errno),
}

impl fmt::Display for CodesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("there are none"),
            Self::Untrusted(what) => write!(f, "{what} could have been written by others than root"),
            Self::Locked => f.write_str("another login or mfactl holds their lock"),
            Self::Failed(what, errno) => write!(f, "{what}: {errno}"),
        }
    }
}

/// The file in that folder.
pub(super) struct Codes<'a> {
    folder: &'a Path,
}

impl<'a> Codes<'a> {
    pub(super) fn of(folder: &'a Path) -> Self {
        Self { folder }
    }

    /// How many codes are left for the account.
    ///
    /// # Errors
    /// [`CodesError`]
    pub(super) fn unused_for(&self, user: &str) -> Result<usize, CodesError> {
        let file = self.file(&self.open_folder()?, OFlags::RDONLY)?;
        Ok(left(&read(&file)?, user))
    }

    /// Strikes that code out, if it is one of the account's and unused.
    ///
    /// # Errors
    /// [`CodesError`]: it does not count.
    pub(super) fn strike(&self, code: &Code, by: Use) -> Result<Tried, CodesError> {
        let folder = self.open_folder()?;
        let file = read(&self.file(&folder, OFlags::RDONLY)?)?;
        if !matches!(find(&file, code, &by.user), Found::Unused { .. }) {
            return Ok(refused(&find(&file, code, &by.user)));
        }
        lock(&folder)?;
        let opened = self.file(&folder, OFlags::RDWR)?;
        let file = read(&opened)?;
        let (place, number) = match find(&file, code, &by.user) {
            Found::Unused { place, number } => (place, number),
            other => return Ok(refused(&other)),
        };
        let left = left(&file, &by.user).saturating_sub(1);
        write(&opened, place, &State::Used(by).to_bytes())?;
        fdatasync(&opened).map_err(|errno| CodesError::Failed("the code cannot be struck out on the disk", errno))?;
        Ok(Tried::Struck(Struck { number, left }))
    }

    fn open_folder(&self) -> Result<OwnedFd, CodesError> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = openat(CWD, self.folder, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => CodesError::None,
            errno => CodesError::Failed("their folder cannot be opened", errno),
        })?;
        let stat = fstat(&folder).map_err(|errno| CodesError::Failed("their folder cannot be looked at", errno))?;
        if is_ours(&stat, 0o022) { Ok(folder) } else { Err(CodesError::Untrusted("their folder")) }
    }

    /// Opens the file, whatever has become of it since the last time.
    fn file(&self, folder: &OwnedFd, how: OFlags) -> Result<OwnedFd, CodesError> {
        let flags = how | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = openat(folder, FILE, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::NOENT => CodesError::None,
            errno => CodesError::Failed("their file cannot be opened", errno),
        })?;
        let stat = fstat(&file).map_err(|errno| CodesError::Failed("their file cannot be looked at", errno))?;
        let is_file = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile && stat.st_nlink == 1;
        if is_file && is_ours(&stat, 0o077) { Ok(file) } else { Err(CodesError::Untrusted("their file")) }
    }
}

/// Whether it is this process's user's, who is root, and nobody else has any of these permissions.
fn is_ours(stat: &Stat, forbidden: u32) -> bool {
    stat.st_uid == rustix::process::geteuid().as_raw() && stat.st_mode & forbidden == 0
}

enum Found {
    Unused { place: usize, number: u32 },
    Gone(u32),
    Nothing,
}

/// Looks at every record, so that how long it takes does not tell which it was.
fn find(file: &[u8], code: &Code, user: &str) -> Found {
    let mut found = Found::Nothing;
    for (place, record) in records(file).enumerate() {
        let Some(record) = record.filter(|record| record.is(code)) else { continue };
        found = if record.is_unused_for(user) {
            Found::Unused { place, number: record.number }
        } else if record.accounts.iter().any(|account| account == user) {
            Found::Gone(record.number)
        } else {
            Found::Nothing
        };
    }
    found
}

fn refused(found: &Found) -> Tried {
    match found {
        Found::Gone(number) => Tried::Gone(*number),
        Found::Unused { .. } | Found::Nothing => Tried::Wrong,
    }
}

fn left(file: &[u8], user: &str) -> usize {
    records(file).flatten().filter(|record: &Record| record.is_unused_for(user)).count()
}

/// The lock is let go when the folder is closed.
fn lock(folder: &OwnedFd) -> Result<(), CodesError> {
    for _ in 0..LOCK_TRIES {
        match flock(folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(()),
            Err(Errno::WOULDBLOCK | Errno::INTR) => std::thread::sleep(LOCK_PAUSE),
            Err(errno) => return Err(CodesError::Failed("their folder cannot be locked", errno)),
        }
    }
    Err(CodesError::Locked)
}

/// The whole file; one longer than any that `mfactl` writes is read no further.
fn read(file: &OwnedFd) -> Result<Vec<u8>, CodesError> {
    let mut bytes = vec![0; MOST.saturating_mul(RECORD)];
    let mut have = 0usize;
    while let Some(rest) = bytes.get_mut(have..).filter(|rest| !rest.is_empty()) {
        match pread(file, rest, u64::try_from(have).unwrap_or(u64::MAX)) {
            Ok(0) => break,
            Ok(read) => have = have.saturating_add(read),
            Err(Errno::INTR) => {}
            Err(errno) => return Err(CodesError::Failed("their file cannot be read", errno)),
        }
    }
    bytes.truncate(have);
    Ok(bytes)
}

/// Whatever is written of it makes the code a used one, all of it or not.
fn write(file: &OwnedFd, place: usize, state: &[u8]) -> Result<(), CodesError> {
    let failed = |errno| CodesError::Failed("the code cannot be struck out", errno);
    let at = place.checked_mul(RECORD).and_then(|at| at.checked_add(USE_AT)).ok_or(failed(Errno::OVERFLOW))?;
    let at = u64::try_from(at).map_err(|_| failed(Errno::OVERFLOW))?;
    match pwrite(file, state, at) {
        Ok(written) if written == state.len() => Ok(()),
        Ok(_) => Err(failed(Errno::IO)),
        Err(errno) => Err(failed(errno)),
    }
}
