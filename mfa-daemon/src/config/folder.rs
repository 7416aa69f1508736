//! Reading what only root, or whoever runs the daemon, can have written.

use super::ConfigError;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Bytes of a file at the most.
const LARGEST: u64 = 1024 * 1024;

/// Whether there is nothing of this name. A link that leads nowhere is something: what it led to is missing.
pub(super) fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whoever can write to a folder can take a strict rule out of it.
pub(super) fn trust_folder(folder: &Path) -> Result<(), ConfigError> {
    let about = std::fs::metadata(folder).map_err(|error| ConfigError::Unreadable(folder.to_owned(), error))?;
    trust(folder, &about)
}

/// Reads a file that only root, or whoever runs the daemon, can have written.
pub(super) fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
    // A pipe in place of the file does not make the daemon wait.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file = std::fs::OpenOptions::new().read(true).custom_flags(no_wait).open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(ConfigError::Unsafe(path.to_owned(), "it is not a regular file"));
    }
    trust(path, &about)?;
    if about.len() > LARGEST {
        return Err(ConfigError::Unsafe(path.to_owned(), "it is larger than 1 MiB"));
    }
    let mut text = String::new();
    file.by_ref().take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn trust(path: &Path, about: &std::fs::Metadata) -> Result<(), ConfigError> {
    let distrust = |why| Err(ConfigError::Unsafe(path.to_owned(), why));
    if about.uid() != 0 && about.uid() != rustix::process::geteuid().as_raw() {
        return distrust("it belongs to somebody else; mend: chown root");
    }
    if about.mode() & 0o022 != 0 {
        return distrust("others may write to it; mend: chmod go-w");
    }
    Ok(())
}
