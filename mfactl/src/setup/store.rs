//! What setup keeps in `/var/lib/mfa-setup`, which is root's alone, for the way back.
//!
//! There is one setup at a time: whoever changes anything holds the lock. `pending` is a setup that is not confirmed; by
//! its being there the boot knows that something is to be taken back. `applied-N` are those that were, the newest last.
//! The old files lie beside, in `files-N`, for people; what counts is in the state itself.

use super::files::{Beside, FileError, LONGEST, Marks, Spot, Trust, make_folder};
use super::lock::{self, Holder, LockError};
use super::moment::seconds;
use super::state::{Stage, State};
use rustix::fs::{CWD, Mode, OFlags, fstat, fsync, mkdirat, openat};
use rustix::io::Errno;
use std::fmt;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Where all of it is.
pub(crate) const FOLDER: &str = "/var/lib/mfa-setup";
/// The unit that runs at boot looks for this file.
const PENDING: &str = "pending";
const APPLIED: &str = "applied-";

/// Why the state cannot be used.
#[derive(Debug)]
pub(crate) enum StateError {
    /// Somebody else than root asks.
    NotRoot,
    /// Others could have read or written it.
    Untrusted(PathBuf),
    /// It says nothing that can be understood.
    Broken(PathBuf),
    /// Another one is at it: that process, as far as it is known.
    Busy(Option<i32>),
    /// The files are too long to keep them all.
    TooMuch,
    /// It cannot be read or written.
    File(FileError),
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRoot => f.write_str("Only root may do this. Try it with sudo."),
            Self::Untrusted(path) => write!(
                f,
                "{} could have been read or written by others than root, so nothing in it is believed. Find out why; \
                 the old files are in it.",
                path.display()
            ),
            Self::Broken(path) => write!(
                f,
                "{0} cannot be understood. The old files are in the folder files-N beside it: put them back by hand, \
                 then move {0} away.",
                path.display()
            ),
            Self::Busy(process) => {
                let process = process.map(|process| format!(" (process {process})")).unwrap_or_default();
                write!(f, "Another mfactl setup is at work{process}. Wait until it is done, and try again.")
            }
            Self::TooMuch => f.write_str(
                "The files to be changed are too long to keep what was in them (1 MiB in all), so nothing is changed. \
                 Shorten them, or change them by hand.",
            ),
            Self::File(error) => write!(f, "{error}."),
        }
    }
}

impl std::error::Error for StateError {}

impl From<FileError> for StateError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// The state, with nobody else at it.
pub(crate) struct Store {
    folder: PathBuf,
    /// As long as it is open the lock is ours.
    _lock: OwnedFd,
}

impl Store {
    /// Opens it, makes it if need be, and waits some seconds for the lock.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        Self::open_from(folder, Holder::Stays)
    }

    /// The same, and ends a setup that has the lock for longer.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn open_by_force(folder: &Path) -> Result<Self, StateError> {
        Self::open_from(folder, Holder::Ends)
    }

    fn open_from(folder: &Path, holder: Holder) -> Result<Self, StateError> {
        if !rustix::process::geteuid().is_root() && folder == Path::new(FOLDER) {
            return Err(StateError::NotRoot);
        }
        let failed = |errno| StateError::File(FileError::Io(folder.to_owned(), errno));
        match mkdirat(CWD, folder, Mode::RWXU) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let opened = openat(CWD, folder, flags, Mode::empty()).map_err(failed)?;
        let stat = fstat(&opened).map_err(failed)?;
        if stat.st_uid != rustix::process::geteuid().as_raw() || stat.st_mode & 0o077 != 0 {
            return Err(StateError::Untrusted(folder.to_owned()));
        }
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = openat(&opened, "lock", flags, Mode::RUSR | Mode::WUSR).map_err(failed)?;
        lock::take(&lock, holder, lock::PATIENCE).map_err(|error| match error {
            LockError::Busy(process) => StateError::Busy(process),
            LockError::Io(errno) => failed(errno),
        })?;
        Ok(Self { folder: folder.to_owned(), _lock: lock })
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The setup that is not confirmed. One that was, but not put away, is put away now.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn pending(&self) -> Result<Option<State>, StateError> {
        match self.load(PENDING)? {
            Some(state) if matches!(state.stage, Stage::Confirmed { .. }) => {
                self.put_away(&state)?;
                Ok(None)
            }
            found => Ok(found),
        }
    }

    /// The newest setup that stays.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn applied(&self) -> Result<Option<State>, StateError> {
        match self.numbers()?.last() {
            Some(number) => self.load(&format!("{APPLIED}{number}")),
            None => Ok(None),
        }
    }

    /// The number of the next one.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn next(&self) -> Result<u32, StateError> {
        Ok(self.numbers()?.last().map_or(1, |last| last + 1))
    }

    /// Keeps the setup that is pending as it is now, and that lasts.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn keep(&self, state: &State) -> Result<(), StateError> {
        let path = self.path(PENDING);
        let text = serde_json::to_vec_pretty(state).map_err(|_| StateError::Broken(path.clone()))?;
        // It would not be read again, and there would be no way back.
        if text.len() as u64 > LONGEST {
            return Err(StateError::TooMuch);
        }
        let spot = spot(&path)?;
        spot.lay(Beside::New, &text, &Marks::new(0o600))?;
        Ok(spot.swap(Beside::New)?)
    }

    /// A confirmed setup is pending no more, and the old texts need not lie beside the files.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn put_away(&self, state: &State) -> Result<(), StateError> {
        for file in &state.files {
            let spot = Spot::open(&file.path, Trust::NotNeeded).ok().flatten();
            let _ = spot.map(|spot| spot.clear()); // nobody reads them, and the next setup of that file replaces them
        }
        let (from, to) = (self.path(PENDING), self.path(&format!("{APPLIED}{}", state.number)));
        let failed = |errno| StateError::File(FileError::Io(to.clone(), errno));
        rustix::fs::rename(&from, &to).map_err(failed)?;
        self.sync().map_err(failed)
    }

    /// Forgets a setup that was taken back, and its old files.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn forget(&self, state: &State) -> Result<(), StateError> {
        let name = match state.stage {
            Stage::Confirmed { .. } => format!("{APPLIED}{}", state.number),
            Stage::Applying | Stage::Waiting { .. } | Stage::Restored => PENDING.to_owned(),
        };
        spot(&self.path(&name))?.remove()?;
        let _ = fs::remove_dir_all(self.path(&files(state))); // for people alone
        Ok(())
    }

    /// Copies the old files for people, below a folder of this setup's.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn mirror(&self, state: &State) -> Result<(), StateError> {
        let folder = files(state);
        let _ = fs::remove_dir_all(self.path(&folder)); // of one that was interrupted before it began
        for file in &state.files {
            if let Some((image, bytes)) = file.before.as_ref().and_then(|image| Some((image, image.bytes()?))) {
                self.copy(&folder, &file.path, &bytes, image.marks.mode)?;
            }
        }
        Ok(())
    }

    /// Keeps what somebody else has made of a file, before it is replaced. Where it is kept.
    ///
    /// # Errors
    /// [`StateError`]
    pub(crate) fn keep_aside(&self, path: &Path, bytes: &[u8]) -> Result<PathBuf, StateError> {
        let folder = format!("kept-{}", seconds());
        self.copy(&folder, path, bytes, 0o600)?;
        Ok(self.path(&folder).join(path.strip_prefix("/").unwrap_or(path)))
    }

    fn copy(&self, folder: &str, path: &Path, bytes: &[u8], mode: u32) -> Result<(), StateError> {
        let mut below = self.path(folder);
        make_folder(&below, Trust::Needed)?;
        let path = path.strip_prefix("/").unwrap_or(path);
        for part in path.parent().into_iter().flat_map(Path::components) {
            below.push(part);
            make_folder(&below, Trust::Needed)?;
        }
        let spot = spot(&self.path(folder).join(path))?;
        spot.lay(Beside::New, bytes, &Marks::new(mode))?;
        Ok(spot.swap(Beside::New)?)
    }

    fn load(&self, name: &str) -> Result<Option<State>, StateError> {
        let path = self.path(name);
        let Some(found) = spot(&path)?.read(Trust::Needed)? else { return Ok(None) };
        if found.marks.mode & 0o077 != 0 {
            return Err(StateError::Untrusted(path));
        }
        serde_json::from_slice(&found.bytes).map(Some).map_err(|_| StateError::Broken(path))
    }

    /// Of the setups that stay, rising.
    fn numbers(&self) -> Result<Vec<u32>, StateError> {
        let failed = |error: std::io::Error| {
            let errno = Errno::from_io_error(&error).unwrap_or(Errno::IO);
            StateError::File(FileError::Io(self.folder.clone(), errno))
        };
        let mut numbers = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(|name| name.strip_prefix(APPLIED)?.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn sync(&self) -> Result<(), Errno> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        fsync(openat(CWD, &self.folder, flags, Mode::empty())?)
    }
}

fn files(state: &State) -> String {
    format!("files-{}", state.number)
}

fn spot(path: &Path) -> Result<Spot, StateError> {
    let gone = || StateError::File(FileError::Io(path.to_owned(), Errno::NOENT));
    Spot::open(path, Trust::Needed)?.ok_or_else(gone)
}

#[cfg(test)]
#[path = "store_tests.rs"]
mod tests;
