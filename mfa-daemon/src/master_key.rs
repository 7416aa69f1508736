//! The master key: made before the first start, handed over by systemd as a credential, or read from a file of our own.
//!
//! It is 32 random bytes. Whoever has it and the store has every secret; so it is never shown, and wiped.
//! The second key and those after it lie beside the first, with their number: `master-key-2`. The last one seals, the
//! others open what they sealed.

use crate::store::MasterKey;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::{env, fmt, fs};
use zeroize::Zeroizing;

/// What systemd calls the credential: the unit loads a folder as `mfa`, the file in it is `master-key`.
const CREDENTIAL: &str = "mfa_master-key";
/// The file beside the database, where systemd cannot keep credentials.
const FILE: &str = "master-key";
/// Bytes of a key.
const LENGTH: usize = 32;
/// The first one's number in sealed rows.
const FIRST_KEY: u32 = 1;
/// The most there may be at once.
const MOST_KEYS: usize = 16;

/// Where the key came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protection {
    /// systemd unsealed it for this process.
    Credential,
    /// A file that only its owner may read.
    File,
}

impl Protection {
    /// The word in `mfactl status`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Credential => "credential",
            Self::File => "file",
        }
    }
}

/// Why there is no key.
#[derive(Debug)]
pub(crate) enum KeyError {
    /// There is none in any of its places.
    NotGiven,
    /// It cannot be read.
    Unreadable(PathBuf, io::Error),
    /// Others can read it, or it is not a plain file.
    Unsafe(PathBuf),
    /// It does not have 32 bytes.
    WrongLength(PathBuf),
    /// More of them than anybody makes.
    TooMany(PathBuf),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotGiven => {
                write!(
                    f,
                    "no master key: if it is lost, mfactl master-key enter; if there never was one, mfactl master-key create"
                )
            }
            Self::Unreadable(path, error) => write!(f, "the master key {} cannot be read: {error}", path.display()),
            Self::Unsafe(path) => {
                write!(f, "the master key {} must be a file of its own that only its owner can read", path.display())
            }
            Self::TooMany(path) => {
                write!(f, "there are more than {MOST_KEYS} master keys beside {}; remove the old ones", path.display())
            }
            Self::WrongLength(path) => write!(f, "the master key {} does not have {LENGTH} bytes", path.display()),
        }
    }
}

/// The key from the file that was named; else from systemd's credential; else from the file beside the database.
///
/// # Errors
/// [`KeyError`]; without a key nothing can be decided.
pub(crate) fn load(named: Option<&Path>, state: &Path) -> Result<(MasterKey, Protection), KeyError> {
    if let Some(path) = named {
        return Ok((all(path, Protection::File)?, Protection::File));
    }
    // systemd itself says where credentials are; nobody else sets this service's environment.
    let credential = env::var_os("CREDENTIALS_DIRECTORY").map(|folder| Path::new(&folder).join(CREDENTIAL));
    if let Some(path) = credential {
        match all(&path, Protection::Credential) {
            Err(KeyError::NotGiven) => {}
            found => return Ok((found?, Protection::Credential)),
        }
    }
    match all(&state.join(FILE), Protection::File) {
        Ok(key) => Ok((key, Protection::File)),
        Err(error) => Err(error),
    }
}

/// The keys of this name and of its numbered kind.
fn all(first: &Path, protection: Protection) -> Result<MasterKey, KeyError> {
    let mut numbers = numbers(first)?;
    let Some(current) = numbers.pop() else { return Err(KeyError::NotGiven) };
    if numbers.len() >= MOST_KEYS {
        return Err(KeyError::TooMany(first.to_owned()));
    }
    let read = |number: u32| read(&numbered(first, number), protection);
    let mut key = MasterKey::new(current, *read(current)?);
    for older in numbers {
        key = key.with_older(older, *read(older)?);
    }
    Ok(key)
}

/// The numbers of the keys that are there, rising.
fn numbers(first: &Path) -> Result<Vec<u32>, KeyError> {
    let (Some(folder), Some(name)) = (first.parent(), first.file_name().and_then(|name| name.to_str())) else {
        return Err(KeyError::NotGiven);
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        // A folder that may be passed through and not listed has one key at the most.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            return Ok(if first.exists() { vec![FIRST_KEY] } else { Vec::new() });
        }
        Err(error) => return Err(KeyError::Unreadable(folder.to_owned(), error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| KeyError::Unreadable(folder.to_owned(), error))?;
        numbers.extend(entry.file_name().to_str().and_then(|found| number(name, found)));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// 1 for the name itself, N for the name and `-N`; other files are no keys.
fn number(first: &str, name: &str) -> Option<u32> {
    let rest = name.strip_prefix(first)?;
    if rest.is_empty() {
        return Some(FIRST_KEY);
    }
    let digits = rest.strip_prefix('-')?;
    let number = digits.parse().ok().filter(|number| *number > FIRST_KEY)?;
    (format!("{number}") == digits).then_some(number)
}

fn numbered(first: &Path, number: u32) -> PathBuf {
    if number == FIRST_KEY {
        return first.to_owned();
    }
    let mut path = first.as_os_str().to_owned();
    path.push(format!("-{number}"));
    path.into()
}

fn read(path: &Path, protection: Protection) -> Result<Zeroizing<[u8; LENGTH]>, KeyError> {
    let unreadable = |error| KeyError::Unreadable(path.to_owned(), error);
    // No link is followed, and a pipe in its place does not make the daemon wait.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let flags = i32::try_from(flags.bits()).unwrap_or(0);
    let mut file = fs::OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    let owned = about.uid() == 0 || about.uid() == rustix::process::geteuid().as_raw();
    let others = match protection {
        // systemd grants the service's user access by an access list, whose mask is the group's bits.
        Protection::Credential => 0o027,
        Protection::File => 0o077,
    };
    if !about.is_file() || !owned || about.mode() & others != 0 {
        return Err(KeyError::Unsafe(path.to_owned()));
    }
    let mut bytes = Zeroizing::new([0u8; LENGTH + 1]);
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match file.read(room).map_err(unreadable)? {
            0 => break,
            read => length += read,
        }
    }
    match bytes.first_chunk::<LENGTH>() {
        Some(key) if length == LENGTH => Ok(Zeroizing::new(*key)),
        _ => Err(KeyError::WrongLength(path.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn key(bytes: &[u8], mode: u32) -> (tempfile::TempDir, Result<(MasterKey, Protection), KeyError>) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        fs::write(&path, bytes).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        let loaded = load(Some(&path), dir.path());
        (dir, loaded)
    }

    #[test]
    fn thirty_two_bytes_of_a_private_file_are_a_key() {
        assert!(matches!(key(&[7; 32], 0o600).1, Ok((_, Protection::File))));
        assert!(matches!(key(&[7; 31], 0o600).1, Err(KeyError::WrongLength(_))));
        assert!(matches!(key(&[7; 33], 0o600).1, Err(KeyError::WrongLength(_))));
        assert!(matches!(key(&[7; 32], 0o644).1, Err(KeyError::Unsafe(_))));
        assert!(matches!(key(&[7; 32], 0o640).1, Err(KeyError::Unsafe(_))));
    }

    #[test]
    fn the_file_beside_the_database_is_taken_where_there_is_no_other_and_none_at_all_is_said() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(load(None, dir.path()), Err(KeyError::NotGiven)));
        let path = dir.path().join(FILE);
        fs::write(&path, [7; 32]).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert!(matches!(load(None, dir.path()), Ok((_, Protection::File))));
    }

    #[test]
    fn the_last_of_numbered_keys_seals_and_the_others_open() {
        for (name, number) in [("k", Some(1)), ("k-2", Some(2)), ("k-17", Some(17))] {
            assert_eq!(super::number("k", name), number, "{name}");
        }
        for other in ["k-1", "k-0", "k-02", "k-x", "k-", "k-2.new", "kk", "k-99999999999", "j"] {
            assert_eq!(super::number("k", other), None, "{other}");
        }
        let dir = tempfile::tempdir().unwrap();
        for name in ["k-2", "k-10", "k.new"] {
            fs::write(dir.path().join(name), [7; 32]).unwrap();
            fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(0o600)).unwrap();
        }
        // The first one was retired.
        let (key, _) = load(Some(&dir.path().join("k")), dir.path()).unwrap();
        assert_eq!(key.numbers(), [10, 2]);
        fs::set_permissions(dir.path().join("k-2"), fs::Permissions::from_mode(0o644)).unwrap();
        assert!(matches!(load(Some(&dir.path().join("k")), dir.path()), Err(KeyError::Unsafe(_))));
    }

    #[test]
    fn a_link_or_a_missing_file_is_no_key() {
        let (dir, _) = key(&[7; 32], 0o600);
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(dir.path().join("key"), &link).unwrap();
        assert!(matches!(load(Some(&link), dir.path()), Err(KeyError::Unreadable(..))));
        assert!(matches!(load(Some(&dir.path().join("none")), dir.path()), Err(KeyError::NotGiven)));
    }
}
