//! Cached folders that labs are laid upon. A layer is named by what is in it, built beside its place and renamed into
//! it, so that it is whole or absent; who uses one holds a shared lock on it. It never changes a finished layer.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rustix::fs::{FlockOperation, flock};
use sha2::{Digest, Sha256};

use crate::host::{self, HostError};

/// A finished layer, in use as long as this value lives.
#[derive(Debug)]
pub(crate) struct Layer {
    pub(crate) path: PathBuf,
    _in_use: File,
}

/// What a layer is called, and for how long it is kept when nobody uses it.
#[derive(Debug, Clone)]
pub(crate) struct LayerName {
    kind: &'static str,
    key: String,
    keep: Duration,
}

/// Why a layer could not be had.
#[derive(Debug)]
pub enum LayerError {
    /// The machine lacks something.
    Host(HostError),
    /// The cache folder cannot be used.
    Cache(PathBuf, io::Error),
    /// The builder failed; its words.
    Build(String),
}

impl std::fmt::Display for LayerError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Cache(path, error) => write!(f, "{}: {error}. Is there room, and is it root's?", path.display()),
            Self::Build(words) => f.write_str(words),
        }
    }
}

impl std::error::Error for LayerError {}

impl LayerName {
    /// A layer of `kind` (a word without dashes) that holds what `parts` describe.
    pub(crate) fn new(kind: &'static str, keep: Duration, parts: &[&[u8]]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let key = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        Self { kind, key, keep }
    }

    fn folder(&self) -> String {
        format!("{}-{}", self.kind, self.key)
    }
}

/// The layer of that name: from the cache, else from `build`, which fills the empty folder it is given.
/// Waits while another process builds the same one.
pub(crate) fn obtain(
    name: &LayerName,
    build: impl FnOnce(&Path) -> Result<(), LayerError>,
) -> Result<Layer, LayerError> {
    let cache = host::cache().map_err(LayerError::Host)?;
    let path = cache.join(name.folder());
    let at = |error| LayerError::Cache(path.clone(), error);
    fs::create_dir_all(&cache).map_err(at)?;
    let lock = open_lock(&path).map_err(at)?;
    flock(&lock, FlockOperation::LockShared).map_err(|e| at(e.into()))?;
    if !path.is_dir() {
        flock(&lock, FlockOperation::Unlock).map_err(|e| at(e.into()))?;
        flock(&lock, FlockOperation::LockExclusive).map_err(|e| at(e.into()))?;
        if !path.is_dir() {
            build_beside(&path, build)?;
            sweep(&cache, name);
        }
        flock(&lock, FlockOperation::LockShared).map_err(|e| at(e.into()))?;
    }
    lock.set_modified(SystemTime::now()).map_err(at)?;
    Ok(Layer { path, _in_use: lock })
}

fn build_beside(path: &Path, build: impl FnOnce(&Path) -> Result<(), LayerError>) -> Result<(), LayerError> {
    let beside = path.with_extension("building");
    let at = |error| LayerError::Cache(beside.clone(), error);
    remove(&beside).map_err(at)?;
    fs::create_dir(&beside).map_err(at)?;
    build(&beside)?;
    fs::rename(&beside, path).map_err(at)
}

/// Removes layers of the same kind that nobody uses and nobody has used for a while. What cannot be removed stays.
fn sweep(cache: &Path, name: &LayerName) {
    let Ok(entries) = fs::read_dir(cache) else { return };
    for entry in entries.flatten() {
        let file = entry.file_name();
        let Some(folder) = file.to_str().and_then(|file| file.strip_suffix(".lock")) else { continue };
        let same_kind = folder.strip_prefix(name.kind).is_some_and(|rest| rest.starts_with('-'));
        let path = cache.join(folder);
        if same_kind && folder != name.folder() && path.is_dir() && idle_for(&entry.path(), name.keep) {
            if let Ok(lock) = open_lock(&path) {
                if flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    let _ = remove(&path);
                }
            }
        }
    }
}

fn idle_for(lock: &Path, keep: Duration) -> bool {
    let used = fs::metadata(lock).and_then(|data| data.modified());
    used.is_ok_and(|used| used.elapsed().is_ok_and(|idle| idle > keep))
}

/// The lock file stays for good: removing it would let two processes hold "the" lock.
fn open_lock(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).open(path.with_extension("lock"))
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_content_has_the_same_name_and_any_other_content_another() {
        let name = |parts: &[&[u8]]| LayerName::new("base", Duration::ZERO, parts).folder();
        assert_eq!(name(&[b"a", b"bc"]), name(&[b"a", b"bc"]));
        assert_ne!(name(&[b"a", b"bc"]), name(&[b"ab", b"c"]));
        assert_ne!(name(&[b"a"]), name(&[b"b"]));
    }
}
