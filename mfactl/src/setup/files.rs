//! Files as setup reads, replaces and puts them back: whole or not at all, with the owner, the permissions and the
//! extended attributes that they had.
//!
//! Nothing is followed: a link, or a folder that is one, is not understood and refused. What others than root could have
//! written is not built upon. Paths are opened a folder at a time, so that nobody puts a link on the way meanwhile.

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, Stat, Uid, XattrFlags, fchmod, fchown, fgetxattr, flistxattr, fsetxattr,
    fstat, fsync, mkdirat, openat, readlinkat, renameat, statat, unlinkat,
};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

/// The most bytes of a file: all that is changed is configuration.
pub(super) const LONGEST: u64 = 1024 * 1024;

/// What lies beside a file, under a name that sshd, the daemon and libpam do not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// What it is to become.
    New,
    /// What it was: going back is a change of names, which needs no room on the disk.
    Old,
}

impl Beside {
    /// Both.
    const ALL: [Self; 2] = [Self::New, Self::Old];

    fn of(self, name: &str) -> String {
        match self {
            Self::New => format!(".{name}.mfa-setup"),
            Self::Old => format!(".{name}.mfa-setup-old"),
        }
    }
}

/// Why a file is left alone.
#[derive(Debug)]
pub(crate) enum FileError {
    /// It, or a folder on the way, is a symbolic link.
    Link(PathBuf),
    /// It is no plain file, or has a second name.
    NotPlain(PathBuf),
    /// Others than root could have written it.
    Untrusted(PathBuf),
    /// It has more than 1 MiB.
    TooLong(PathBuf),
    /// No path of a file from the root on, or not UTF-8.
    NoPath(PathBuf),
    /// The system says no.
    Io(PathBuf, Errno),
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |path: &Path| mfa_cli::printable::line(&path.display().to_string());
        match self {
            Self::Link(path) => write!(
                f,
                "{} is a symbolic link, and what it stands for is not known here. Put what it leads to in its place, \
                 or change what is behind it by hand",
                told(path)
            ),
            Self::NotPlain(path) => write!(f, "{} is no plain file with one name. Look at it: ls -li", told(path)),
            Self::Untrusted(path) => {
                write!(f, "{0} could be written by others than root. First: chown root {0}; chmod go-w {0}", told(path))
            }
            Self::TooLong(path) => write!(f, "{} has more than 1 MiB, which is no configuration", told(path)),
            Self::NoPath(path) => write!(f, "{} is no path of a file", told(path)),
            Self::Io(path, Errno::ROFS) => {
                write!(f, "{0} cannot be written: what it lies on is mounted read-only, see findmnt -T {0}", told(path))
            }
            Self::Io(path, Errno::NOSPC | Errno::DQUOT) => {
                write!(f, "{0} cannot be written: the disk is full, see df {0}", told(path))
            }
            Self::Io(path, errno) => write!(f, "{} cannot be read or written: {errno}", told(path)),
        }
    }
}

impl std::error::Error for FileError {}

/// Whose a file is, and who may do what with it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Marks {
    pub(crate) mode: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// Extended attributes: SELinux's label, access lists. In base64.
    pub(crate) attributes: BTreeMap<String, String>,
}

impl Marks {
    /// Of a new file of whoever runs this.
    pub(crate) fn new(mode: u32) -> Self {
        let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        Self { mode, uid, gid, attributes: BTreeMap::new() }
    }
}

/// A file as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) bytes: Vec<u8>,
    pub(crate) marks: Marks,
}

/// Who may have made the folders and the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// Root alone, or it is refused.
    Needed,
    /// Anybody: what is there is going to be replaced by what was there.
    NotNeeded,
}

/// A place for a file: its folder is open.
pub(crate) struct Spot {
    path: PathBuf,
    folder: OwnedFd,
    name: String,
}

impl Spot {
    /// Opens the folder of that file. `None`: there is no such folder.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn open(path: &Path, trust: Trust) -> Result<Option<Self>, FileError> {
        let (folder, name) = parts(path)?;
        let opened = open_folder(&folder, trust)?;
        Ok(opened.map(|folder| Self { path: path.to_owned(), folder, name }))
    }

    /// The file; `None` if there is none.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn read(&self, trust: Trust) -> Result<Option<Found>, FileError> {
        self.read_as(&self.name, trust)
    }

    /// What lies beside the file, if that can be read.
    pub(crate) fn beside(&self, which: Beside) -> Option<Found> {
        self.read_as(&which.of(&self.name), Trust::Needed).ok().flatten()
    }

    fn read_as(&self, name: &str, trust: Trust) -> Result<Option<Found>, FileError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match openat(&self.folder, name, flags, Mode::empty()) {
            Ok(file) => file,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(FileError::Link(self.path.clone())),
            Err(errno) => return Err(self.failed(errno)),
        };
        let stat = fstat(&file).map_err(|errno| self.failed(errno))?;
        let is_plain = FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile;
        if !is_plain || (trust == Trust::Needed && stat.st_nlink != 1) {
            return Err(FileError::NotPlain(self.path.clone()));
        }
        if trust == Trust::Needed && !is_ours(&stat) {
            return Err(FileError::Untrusted(self.path.clone()));
        }
        let marks = Marks {
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            attributes: attributes(&file).map_err(|errno| self.failed(errno))?,
        };
        let mut bytes = Vec::new();
        let mut file = File::from(file).take(LONGEST + 1);
        file.read_to_end(&mut bytes).map_err(|error| self.failed(errno_of(&error)))?;
        if bytes.len() as u64 > LONGEST {
            return Err(FileError::TooLong(self.path.clone()));
        }
        Ok(Some(Found { bytes, marks }))
    }

    /// Writes that beside the file, and onto the disk. What was left there is replaced.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn lay(&self, which: Beside, bytes: &[u8], marks: &Marks) -> Result<(), FileError> {
        let failed = |errno| self.failed(errno);
        let name = which.of(&self.name);
        self.unlink(&name)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, &name, flags, Mode::RUSR | Mode::WUSR).map_err(failed)?);
        file.write_all(bytes).map_err(|error| self.failed(errno_of(&error)))?;
        fchown(&file, Some(Uid::from_raw(marks.uid)), Some(Gid::from_raw(marks.gid))).map_err(failed)?;
        fchmod(&file, Mode::from_raw_mode(marks.mode)).map_err(failed)?;
        for (name, value) in &marks.attributes {
            let value = data_encoding::BASE64.decode(value.as_bytes()).map_err(|_| failed(Errno::ILSEQ))?;
            fsetxattr(&file, name.as_str(), &value, XattrFlags::empty()).map_err(failed)?;
        }
        fsync(&file).map_err(failed)
    }

    /// What lies beside the file takes its place, and that lasts.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn swap(&self, which: Beside) -> Result<(), FileError> {
        let done = renameat(&self.folder, which.of(&self.name), &self.folder, &self.name);
        done.and_then(|()| fsync(&self.folder)).map_err(|errno| self.failed(errno))
    }

    /// Removes the file, if it is there.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn remove(&self) -> Result<(), FileError> {
        self.unlink(&self.name)?;
        fsync(&self.folder).map_err(|errno| self.failed(errno))
    }

    /// Removes what lies beside the file and did not take its place.
    ///
    /// # Errors
    /// [`FileError`]
    pub(crate) fn clear(&self) -> Result<(), FileError> {
        Beside::ALL.into_iter().try_for_each(|which| self.unlink(&which.of(&self.name)))
    }

    /// What is there that is no plain file, in words: kept for whoever asks what was replaced.
    pub(crate) fn oddity(&self) -> String {
        match readlinkat(&self.folder, &self.name, Vec::new()) {
            Ok(target) => format!("a symbolic link to {}\n", target.to_string_lossy()),
            Err(_) => "no plain file\n".to_owned(),
        }
    }

    fn unlink(&self, name: &str) -> Result<(), FileError> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => Ok(()),
            // Where nothing can be written, this is said of names that are not there, too.
            Err(Errno::ROFS) if is_missing(&self.folder, name) => Ok(()),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    fn failed(&self, errno: Errno) -> FileError {
        FileError::Io(self.path.clone(), errno)
    }
}

/// Folders on the way to a file that are not there, the outermost first.
///
/// # Errors
/// [`FileError`]
pub(crate) fn missing_folders(path: &Path) -> Result<Vec<PathBuf>, FileError> {
    let (mut folder, _) = parts(path)?;
    let mut missing = Vec::new();
    while open_folder(&folder, Trust::Needed)?.is_none() {
        missing.push(folder.clone());
        folder = folder.parent().map(Path::to_owned).ok_or_else(|| FileError::NoPath(path.to_owned()))?;
    }
    missing.reverse();
    Ok(missing)
}

/// Makes a folder that everybody may read, unless it is there.
///
/// # Errors
/// [`FileError`]
pub(crate) fn make_folder(path: &Path, trust: Trust) -> Result<(), FileError> {
    let failed = |errno| FileError::Io(path.to_owned(), errno);
    let (parent, name) = parts(path)?;
    let parent = open_folder(&parent, trust)?.ok_or(failed(Errno::NOENT))?;
    match mkdirat(&parent, &name, Mode::from_raw_mode(0o755)) {
        Ok(()) => {
            // The mask of whoever runs this must not keep others out.
            let made = open_in(&parent, &name).map_err(failed)?;
            fchmod(&made, Mode::from_raw_mode(0o755)).and_then(|()| fsync(&parent)).map_err(failed)
        }
        Err(Errno::EXIST) => Ok(()),
        Err(errno) => Err(failed(errno)),
    }
}

/// Removes a folder if nothing is in it.
///
/// # Errors
/// [`FileError`]
pub(crate) fn remove_folder(path: &Path) -> Result<(), FileError> {
    let (parent, name) = parts(path)?;
    let Some(parent) = open_folder(&parent, Trust::NotNeeded)? else { return Ok(()) };
    match unlinkat(&parent, &name, AtFlags::REMOVEDIR) {
        Ok(()) | Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST) => Ok(()),
        Err(Errno::ROFS) if is_missing(&parent, &name) => Ok(()),
        Err(errno) => Err(FileError::Io(path.to_owned(), errno)),
    }
}

/// The folder and the name of a path from the root on, with nothing but names in it.
fn parts(path: &Path) -> Result<(PathBuf, String), FileError> {
    let plain =
        path.is_absolute() && path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    let name = path.file_name().and_then(|name| name.to_str()).filter(|_| plain && path.to_str().is_some());
    match (path.parent(), name) {
        (Some(folder), Some(name)) => Ok((folder.to_owned(), name.to_owned())),
        _ => Err(FileError::NoPath(path.to_owned())),
    }
}

/// Opens a folder, a name at a time; `None` if there is none.
fn open_folder(path: &Path, trust: Trust) -> Result<Option<OwnedFd>, FileError> {
    let mut so_far = PathBuf::from("/");
    let failed = |path: &Path, errno| FileError::Io(path.to_owned(), errno);
    let mut folder = openat(CWD, "/", OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|errno| failed(&so_far, errno))?;
    for part in path.components() {
        let Component::Normal(name) = part else { continue };
        so_far.push(name);
        folder = match open_in(&folder, name) {
            Ok(folder) => folder,
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP | Errno::NOTDIR) if is_link(&folder, name) => return Err(FileError::Link(so_far)),
            Err(errno) => return Err(failed(&so_far, errno)),
        };
        let stat = fstat(&folder).map_err(|errno| failed(&so_far, errno))?;
        // Where it is sticky, nobody changes what is another's.
        let is_sticky = stat.st_mode & 0o1000 != 0 && stat.st_uid == 0;
        if trust == Trust::Needed && !is_sticky && !is_ours(&stat) {
            return Err(FileError::Untrusted(so_far));
        }
    }
    Ok(Some(folder))
}

fn open_in<P: rustix::path::Arg>(folder: &impl AsFd, name: P) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(folder, name, flags, Mode::empty())
}

fn is_link<P: rustix::path::Arg>(folder: &impl AsFd, name: P) -> bool {
    let stat = statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    stat.is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Symlink)
}

fn is_missing(folder: &impl AsFd, name: &str) -> bool {
    matches!(statat(folder, name, AtFlags::SYMLINK_NOFOLLOW), Err(Errno::NOENT))
}

/// Whether it is root's (or whoever's, who runs this), and nobody else may write it.
fn is_ours(stat: &Stat) -> bool {
    let is_owned = stat.st_uid == 0 || stat.st_uid == rustix::process::geteuid().as_raw();
    is_owned && stat.st_mode & 0o022 == 0
}

/// All extended attributes; none where there can be none.
fn attributes(file: &OwnedFd) -> Result<BTreeMap<String, String>, Errno> {
    let mut names = vec![0u8; 64 * 1024];
    let length = match flistxattr(file, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::NOTSUP) => return Ok(BTreeMap::new()),
        Err(errno) => return Err(errno),
    };
    let mut found = BTreeMap::new();
    for name in names.get(..length).unwrap_or_default().split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let name = std::str::from_utf8(name).map_err(|_| Errno::ILSEQ)?;
        let mut value = vec![0u8; 64 * 1024];
        let length = match fgetxattr(file, name, &mut value[..]) {
            Ok(length) => length,
            // It is the kernel's, and not for us to keep.
            Err(Errno::NODATA | Errno::NOTSUP | Errno::ACCESS | Errno::PERM) => continue,
            Err(errno) => return Err(errno),
        };
        found.insert(name.to_owned(), data_encoding::BASE64.encode(value.get(..length).unwrap_or_default()));
    }
    Ok(found)
}

fn errno_of(error: &std::io::Error) -> Errno {
    Errno::from_io_error(error).unwrap_or(Errno::IO)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
