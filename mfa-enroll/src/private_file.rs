//! A file for its owner's eyes: new, mode 0600, never through a link, never in place of another file.
//!
//! It is made before the secret that goes into it, so that nothing is shown once and then lost for a full disk or a
//! name that is taken; if nothing was written in the end, it is removed.

use mfa_cli::{Failure, printable};
use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, fchmod, open, openat2};
use rustix::io::Errno;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Why the file was not written.
#[derive(Debug)]
pub(crate) enum FileError {
    /// Something of that name exists.
    Exists(PathBuf),
    /// For root: a folder on the way is a link, which its owner could turn elsewhere.
    Linked(PathBuf),
    /// Anything else.
    Io(PathBuf, io::Error),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |path: &Path| printable::line(&path.to_string_lossy());
        match self {
            Self::Exists(path) => {
                write!(f, "{} exists already and was not touched. Choose another name.", name(path))
            }
            Self::Linked(path) => {
                write!(f, "The way to {} leads through a link. As root, give the real path.", name(path))
            }
            Self::Io(path, error) => {
                write!(f, "{} cannot be written: {error}. Choose another place.", name(path))
            }
        }
    }
}

impl std::error::Error for FileError {}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::refused("file", error.to_string())
    }
}

/// A name that is taken, and not yet written to.
pub(crate) struct PrivateFile {
    path: PathBuf,
    file: File,
    written: bool,
}

impl PrivateFile {
    /// Takes the name.
    ///
    /// # Errors
    /// [`FileError`]; nothing was changed then.
    pub(crate) fn reserve(path: &Path) -> Result<Self, FileError> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let owner_only = Mode::RUSR | Mode::WUSR;
        let opened = if rustix::process::geteuid().is_root() {
            openat2(CWD, path, flags, owner_only, ResolveFlags::NO_SYMLINKS)
        } else {
            open(path, flags, owner_only)
        };
        let file = opened.map_err(|errno| match errno {
            Errno::EXIST => FileError::Exists(path.to_owned()),
            Errno::LOOP => FileError::Linked(path.to_owned()),
            errno => FileError::Io(path.to_owned(), errno.into()),
        })?;
        let reserved = Self { path: path.to_owned(), file: File::from(file), written: false };
        // Whatever the umask took away; it cannot have added anything.
        fchmod(&reserved.file, owner_only).map_err(|errno| FileError::Io(path.to_owned(), errno.into()))?;
        Ok(reserved)
    }

    /// Its name.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, down to the disk.
    ///
    /// # Errors
    /// [`FileError`]; the file is gone then.
    pub(crate) fn write(mut self, bytes: &[u8]) -> Result<(), FileError> {
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_all());
        written.map_err(|error| FileError::Io(self.path.clone(), error))?;
        self.written = true;
        Ok(())
    }
}

impl Drop for PrivateFile {
    fn drop(&mut self) {
        if !self.written && self.is_still_ours() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl PrivateFile {
    fn is_still_ours(&self) -> bool {
        let identity = |meta: fs::Metadata| (meta.dev(), meta.ino());
        let there = fs::symlink_metadata(&self.path).map(identity);
        matches!((there, self.file.metadata().map(identity)), (Ok(there), Ok(ours)) if there == ours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};

    #[test]
    fn a_written_file_is_its_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes");
        PrivateFile::reserve(&path).unwrap().write(b"7KQF\n").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"7KQF\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    }

    #[test]
    fn a_file_that_is_there_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes");
        fs::write(&path, "mine").unwrap();
        assert!(matches!(PrivateFile::reserve(&path).err(), Some(FileError::Exists(_))));
        assert_eq!(fs::read(&path).unwrap(), b"mine");
    }

    #[test]
    fn no_link_is_followed_even_to_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let (link, target) = (dir.path().join("link"), dir.path().join("target"));
        symlink(&target, &link).unwrap();
        assert!(PrivateFile::reserve(&link).is_err());
        assert!(!target.exists());
    }

    #[test]
    fn root_is_not_led_through_a_linked_folder() {
        let dir = tempfile::tempdir().unwrap();
        let (link, real) = (dir.path().join("link"), dir.path().join("real"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        let through_link = PrivateFile::reserve(&link.join("codes"));
        if rustix::process::geteuid().is_root() {
            assert!(matches!(through_link.err(), Some(FileError::Linked(_))));
        } else {
            assert!(through_link.is_ok());
        }
    }

    #[test]
    fn a_name_that_was_taken_for_nothing_is_free_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes");
        drop(PrivateFile::reserve(&path).unwrap());
        assert!(!path.exists());
    }

    #[test]
    fn another_file_that_took_the_place_is_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("codes");
        let reserved = PrivateFile::reserve(&path).unwrap();
        fs::write(dir.path().join("other"), "theirs").unwrap();
        fs::rename(dir.path().join("other"), &path).unwrap();
        drop(reserved);
        assert_eq!(fs::read(&path).unwrap(), b"theirs");
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let error = PrivateFile::reserve(Path::new("/nowhere/at/all")).err().unwrap();
        assert!(error.to_string().starts_with("/nowhere/at/all cannot be written: "), "{error}");
    }
}
