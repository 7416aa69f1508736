//! Reading what only root, or whoever runs this program, can have written.

use std::fmt;
use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of most files at the most.
pub const LARGEST: u64 = 1024 * 1024;

/// Why a file is not taken.
#[derive(Debug)]
pub enum FileError {
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// It could have been written, or read, by somebody who must not.
    Unsafe(PathBuf, &'static str),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Unsafe(path, why) => write!(f, "{} is not trusted: {why}", path.display()),
        }
    }
}

impl std::error::Error for FileError {}

/// Whether there is nothing of this name. A link that leads nowhere is something: what it led to is missing.
#[must_use]
pub fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whoever can write to a folder can take a file out of it.
///
/// # Errors
/// [`FileError`]
pub fn trust_folder(folder: &Path) -> Result<(), FileError> {
    let about = std::fs::metadata(folder).map_err(|error| FileError::Unreadable(folder.to_owned(), error))?;
    trust(folder, &about)
}

/// Reads a file of `largest` bytes at the most that only root, or whoever runs this program, can have written.
///
/// # Errors
/// [`FileError`]
pub fn read(path: &Path, largest: u64) -> Result<String, FileError> {
    let (file, about) = open(path)?;
    trust(path, &about)?;
    read_all(path, file, &about, largest)
}

/// Reads a file that only root, or whoever runs this program, can have written, and nobody else can read.
///
/// # Errors
/// [`FileError`]
pub fn read_secret(path: &Path) -> Result<String, FileError> {
    let (file, about) = open(path)?;
    trust(path, &about)?;
    if about.mode() & 0o077 != 0 {
        return Err(FileError::Unsafe(path.to_owned(), "others may read it; mend: chmod 0600"));
    }
    read_all(path, file, &about, LARGEST)
}

fn open(path: &Path) -> Result<(File, Metadata), FileError> {
    let unreadable = |error| FileError::Unreadable(path.to_owned(), error);
    // A pipe in place of the file does not make anybody wait.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = OpenOptions::new().read(true).custom_flags(no_wait).open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(FileError::Unsafe(path.to_owned(), "it is not a regular file"));
    }
    Ok((file, about))
}

fn read_all(path: &Path, file: File, about: &Metadata, largest: u64) -> Result<String, FileError> {
    if about.len() > largest {
        return Err(FileError::Unsafe(path.to_owned(), "it is too large"));
    }
    let mut text = String::new();
    let read = file.take(largest).read_to_string(&mut text);
    read.map_err(|error| FileError::Unreadable(path.to_owned(), error))?;
    Ok(text)
}

fn trust(path: &Path, about: &Metadata) -> Result<(), FileError> {
    let distrust = |why| Err(FileError::Unsafe(path.to_owned(), why));
    if about.uid() != 0 && about.uid() != rustix::process::geteuid().as_raw() {
        return distrust("it belongs to somebody else; mend: chown root");
    }
    if about.mode() & 0o022 != 0 {
        return distrust("others may write to it; mend: chmod go-w");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(text: &str, mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn what_others_could_have_written_is_not_read() {
        for mode in [0o666, 0o620, 0o602] {
            let (_folder, path) = file("text", mode);
            assert!(read(&path, LARGEST).unwrap_err().to_string().contains("chmod go-w"), "{mode:o}");
        }
    }

    #[test]
    fn what_others_can_read_is_no_secret() {
        let (_folder, path) = file("secret", 0o640);
        assert_eq!(read(&path, LARGEST).unwrap(), "secret");
        assert!(read_secret(&path).unwrap_err().to_string().contains("chmod 0600"));
        let (_folder, path) = file("secret", 0o600);
        assert_eq!(read_secret(&path).unwrap(), "secret");
    }

    #[test]
    fn what_is_larger_than_it_may_be_is_not_read() {
        let (_folder, path) = file("12345", 0o600);
        assert!(read(&path, 4).unwrap_err().to_string().contains("too large"));
        assert_eq!(read(&path, 5).unwrap(), "12345");
    }
}
