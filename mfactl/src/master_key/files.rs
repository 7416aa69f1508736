//! Where master keys lie: sealed by systemd to this machine (its host key, and its TPM where there is one), in the
//! folder that the daemon's unit loads; where systemd cannot, beside the database, readable by the daemon's user alone.
//!
//! The first one is `master-key`, those after it `master-key-2` and so on. A key is there whole or not at all.

use rustix::fs::{Gid, Uid, fchown};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// What the daemon's unit loads as credentials: nothing but whole keys may ever be in it.
const CREDENTIALS: &str = "/etc/mfa/credentials";
/// Where a key is made before it gets there.
const MAKING: &str = "/etc/mfa/.master-key.new";
/// Where a key goes that does not open any more.
const ASIDE: &str = "/etc/mfa";
/// The database's folder, which belongs to the daemon's user.
pub(super) const STATE: &str = "/var/lib/mfa";
/// The name of the first key in both places.
const NAME: &str = "master-key";
const SYSTEMD_CREDS: &str = "/usr/bin/systemd-creds";

/// The bytes of a key.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// Where a key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Credential,
    File,
}

impl Place {
    fn folder(self) -> &'static Path {
        Path::new(match self {
            Self::Credential => CREDENTIALS,
            Self::File => STATE,
        })
    }

    /// The file of a key.
    pub(super) fn path(self, number: u32) -> PathBuf {
        self.folder().join(name(number))
    }
}

fn name(number: u32) -> String {
    if number == 1 { NAME.to_owned() } else { format!("{NAME}-{number}") }
}

/// The keys that there are, rising. A machine has them in one place or the other.
pub(super) fn all() -> io::Result<Vec<(u32, Place)>> {
    let mut found = Vec::new();
    for place in [Place::Credential, Place::File] {
        let entries = match fs::read_dir(place.folder()) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(error),
        };
        for entry in entries {
            found.extend(entry?.file_name().to_str().and_then(number).map(|number| (number, place)));
        }
    }
    found.sort_unstable_by_key(|(number, _)| *number);
    Ok(found)
}

fn number(file: &str) -> Option<u32> {
    let rest = file.strip_prefix(NAME)?;
    let number = if rest.is_empty() { 1 } else { rest.strip_prefix('-')?.parse().ok()? };
    (name(number) == file).then_some(number)
}

/// Fresh random bytes.
pub(super) fn fresh() -> io::Result<Key> {
    let mut key = Key::default();
    getrandom::fill(key.as_mut()).map_err(io::Error::other)?;
    Ok(key)
}

/// Puts a key where it belongs, and makes that last. Never in place of another.
pub(super) fn put(key: &Key, number: u32, place: Place) -> io::Result<()> {
    if place.path(number).exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    match place {
        Place::Credential => seal(&**key, number),
        Place::File => write_file(&**key, &place.path(number)),
    }
}

/// Without a state of the machine's firmware: updates must not lose it.
fn seal(key: &[u8], number: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(CREDENTIALS)?;
    let _ = fs::remove_file(MAKING); // of one who was interrupted
    let name = format!("--name=mfa_{}", self::name(number));
    let mut child = Command::new(SYSTEMD_CREDS)
        .args(["encrypt", &name, "--with-key=auto", "--tpm2-pcrs=", "-", MAKING])
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(key),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    };
    let ended = child.wait()?;
    written?;
    if !ended.success() {
        let _ = fs::remove_file(MAKING);
        return Err(io::Error::other("systemd-creds failed"));
    }
    fs::File::open(MAKING)?.sync_all()?;
    fs::rename(MAKING, Place::Credential.path(number))?;
    fs::File::open(CREDENTIALS)?.sync_all()
}

/// For the daemon's user, who is whoever owns the database's folder.
fn write_file(key: &[u8], path: &Path) -> io::Result<()> {
    let owner = fs::metadata(STATE)?;
    // Its name is none of those that say that there is a key.
    let beside = Path::new(STATE).join(".master-key.new");
    let _ = fs::remove_file(&beside); // of one who was interrupted
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(key)?;
    fchown(&file, Some(Uid::from_raw(owner.uid())), Some(Gid::from_raw(owner.gid())))?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(STATE)?.sync_all()
}

/// Takes a key away, and makes that last.
pub(super) fn remove(number: u32, place: Place) -> io::Result<()> {
    match fs::remove_file(place.path(number)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    fs::File::open(place.folder())?.sync_all()
}

/// Moves a key that does not open out of the daemon's way, and makes that last; says where it is now.
pub(super) fn move_aside(number: u32, place: Place) -> io::Result<PathBuf> {
    // Not in the folder that systemd loads, nor under a name that says that there is a key.
    let aside = match place {
        Place::Credential => Path::new(ASIDE).join(format!("{}.unreadable", name(number))),
        Place::File => Path::new(STATE).join(format!(".{}.unreadable", name(number))),
    };
    fs::rename(place.path(number), &aside)?;
    fs::File::open(place.folder())?.sync_all()?;
    Ok(aside)
}

/// Seals the keys that lie in files, if systemd can by now: all of them or none, since the daemon reads one place.
pub(super) fn seal_those_in_files() -> io::Result<()> {
    let in_files: Vec<u32> =
        all()?.into_iter().filter(|(_, place)| *place == Place::File).map(|found| found.0).collect();
    for (at, number) in in_files.iter().enumerate() {
        if !is_sealed(&read(*number, Place::File)?, *number) {
            return in_files.iter().take(at).try_for_each(|number| remove(*number, Place::Credential));
        }
    }
    in_files.into_iter().try_for_each(|number| remove(number, Place::File))
}

/// Whether a key is sealed, now or since an attempt that was interrupted.
fn is_sealed(key: &Key, number: u32) -> bool {
    put(key, number, Place::Credential).is_ok() || read(number, Place::Credential).is_ok_and(|sealed| sealed == *key)
}

/// The bytes of a key, for a copy on paper.
pub(super) fn read(number: u32, place: Place) -> io::Result<Key> {
    let path = place.path(number);
    let mut bytes = Zeroizing::new([0u8; 33]);
    let length = match place {
        Place::File => fill(&mut fs::File::open(path)?, bytes.as_mut())?,
        Place::Credential => {
            let name = format!("--name=mfa_{}", self::name(number));
            let mut command = Command::new(SYSTEMD_CREDS);
            let command = command.args(["decrypt", &name]).arg(path).arg("-").env_clear();
            let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
            let read = child.stdout.take().map(|mut stdout| fill(&mut stdout, bytes.as_mut()));
            let ended = child.wait()?;
            if !ended.success() {
                return Err(io::Error::other("systemd-creds cannot open it on this machine"));
            }
            read.unwrap_or(Ok(0))?
        }
    };
    match bytes.first_chunk() {
        Some(key) if length == key.len() => Ok(Zeroizing::new(*key)),
        _ => Err(io::Error::other("it does not have 32 bytes")),
    }
}

fn fill(from: &mut impl Read, bytes: &mut [u8]) -> io::Result<usize> {
    let mut length = 0;
    while let Some(room) = bytes.get_mut(length..).filter(|room| !room.is_empty()) {
        match from.read(room) {
            Ok(0) => break,
            Ok(read) => length += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_told_from_other_files_by_their_names() {
        for number in [1, 2, 17] {
            assert_eq!(super::number(&name(number)), Some(number));
        }
        for other in ["master-key-1", "master-key-02", "master-key.new", "master-key-x", "lock", "master-key-"] {
            assert_eq!(super::number(other), None, "{other}");
        }
    }
}
