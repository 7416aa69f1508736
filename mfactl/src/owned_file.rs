//! A file in somebody's home, read as its owner: a child gives up root for that user before it opens anything.
//!
//! A home is its owner's, who may put anything there: links, pipes, devices, huge files, a file of somebody else's.
//! With the owner's own rights nothing is read that they could not read themselves, also where root may read nothing
//! (NFS). What is not a plain file of theirs is refused, and nobody is waited for without end.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, Mode, OFlags, fstat, open};
use rustix::io::Errno;
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// The word by which this program starts itself as the child.
pub(crate) const CHILD: &str = "read-owned-file";
/// This program.
const OURSELVES: &str = "/proc/self/exe";
/// How long one file may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// As whom a file is read, and who must own it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

impl Owner {
    /// Whoever runs this: root, outside of tests.
    pub(crate) fn of_this_process() -> Self {
        Self { uid: rustix::process::geteuid().as_raw(), gid: rustix::process::getegid().as_raw() }
    }
}

/// What a file holds.
#[derive(Debug)]
pub(crate) struct Owned {
    /// The text, wiped when it goes.
    pub(crate) text: Zeroizing<String>,
    /// Whether users other than the owner can read or change it.
    pub(crate) open_to_others: bool,
}

/// Why a file is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FileError {
    /// There is none, or the owner may not go there.
    Absent,
    /// A link, a pipe, a device, a folder.
    NotPlain,
    /// It belongs to somebody else.
    NotTheirs,
    /// It has another name somewhere.
    HardLinked,
    /// More than such a file ever has.
    TooBig,
    /// Not UTF-8.
    NotText,
    /// Reading failed.
    Failed,
    /// It kept us waiting for too long.
    TimedOut,
}

impl FileError {
    const ALL: [Self; 8] = [
        Self::Absent,
        Self::NotPlain,
        Self::NotTheirs,
        Self::HardLinked,
        Self::TooBig,
        Self::NotText,
        Self::Failed,
        Self::TimedOut,
    ];

    /// The word in data for scripts, and between child and parent.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::NotPlain => "not-a-plain-file",
            Self::NotTheirs => "not-theirs",
            Self::HardLinked => "hard-linked",
            Self::TooBig => "too-big",
            Self::NotText => "not-text",
            Self::Failed => "unreadable",
            Self::TimedOut => "timed-out",
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "there is no such file, or its owner may not go there",
            Self::NotPlain => "it is a link, a pipe or a folder and not a plain file",
            Self::NotTheirs => "it belongs to somebody else",
            Self::HardLinked => "it has a second name (hard link) somewhere",
            Self::TooBig => "it is far too big",
            Self::NotText => "it is not UTF-8 text",
            Self::Failed => "it cannot be read",
            Self::TimedOut => "reading it took too long",
        })
    }
}

/// Reads a file as its owner, `longest` bytes at the most.
pub(crate) fn read(path: &Path, owner: Owner, longest: usize) -> Result<Owned, FileError> {
    let mut child = start(path, owner, longest).map_err(|_| FileError::Failed)?;
    let told = collect(&mut child, longest.saturating_add(32));
    let _ = child.kill();
    let _ = child.wait();
    let mut told = told?;
    let end = told.iter().position(|byte| *byte == b'\n').ok_or(FileError::Failed)?;
    let word = told.get(..end).and_then(|word| std::str::from_utf8(word).ok()).unwrap_or_default();
    let open_to_others = match word {
        "private" => false,
        "open" => true,
        // Whatever else it says: its owner can make it say anything.
        other => return Err(FileError::ALL.into_iter().find(|e| e.as_str() == other).unwrap_or(FileError::Failed)),
    };
    told.drain(..=end);
    if told.len() > longest {
        return Err(FileError::TooBig);
    }
    let text = String::from_utf8(std::mem::take(&mut told)).map_err(|error| {
        drop(Zeroizing::new(error.into_bytes()));
        FileError::NotText
    })?;
    Ok(Owned { text: Zeroizing::new(text), open_to_others })
}

fn start(path: &Path, owner: Owner, longest: usize) -> io::Result<Child> {
    let mut command = Command::new(OURSELVES);
    command.arg(CHILD).arg(longest.to_string()).arg("--").arg(path);
    command.env_clear().current_dir("/").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    if owner != Owner::of_this_process() {
        // For root this drops the other groups, too.
        command.uid(owner.uid).gid(owner.gid);
    }
    command.spawn()
}

/// All that the child says, before the time is up.
fn collect(child: &mut Child, most: usize) -> Result<Zeroizing<Vec<u8>>, FileError> {
    let mut output = child.stdout.take().ok_or(FileError::Failed)?;
    let deadline = Instant::now() + PATIENCE;
    // In place of its final size, so that growing leaves no copies behind.
    let mut told = Zeroizing::new(Vec::with_capacity(most.saturating_add(4096)));
    let mut piece = Zeroizing::new([0u8; 4096]);
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let wait = Timespec::try_from(left).unwrap_or_default();
        match poll(&mut [PollFd::new(&output, PollFlags::IN)], Some(&wait)) {
            Ok(0) => return Err(FileError::TimedOut),
            Err(Errno::INTR) => continue,
            Err(_) => return Err(FileError::Failed),
            Ok(_) => {}
        }
        match output.read(piece.as_mut()) {
            Ok(0) => return Ok(told),
            Ok(read) => told.extend_from_slice(piece.get(..read).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return Err(FileError::Failed),
        }
        if told.len() > most {
            return Err(FileError::TooBig);
        }
    }
}

/// The child: a word and the file's bytes, or a word that says why not.
pub(crate) fn child(path: &OsStr, longest: usize) -> ExitCode {
    let mut output = io::stdout().lock();
    let told = match open_own(Path::new(path), longest) {
        Ok((bytes, true)) => output.write_all(b"open\n").and_then(|()| output.write_all(&bytes)),
        Ok((bytes, false)) => output.write_all(b"private\n").and_then(|()| output.write_all(&bytes)),
        Err(error) => writeln!(output, "{}", error.as_str()),
    };
    if told.and_then(|()| output.flush()).is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn open_own(path: &Path, longest: usize) -> Result<(Zeroizing<Vec<u8>>, bool), FileError> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = open(path, flags, Mode::empty()).map_err(|errno| match errno {
        Errno::NOENT | Errno::ACCESS | Errno::NOTDIR => FileError::Absent,
        Errno::LOOP | Errno::NXIO | Errno::NODEV => FileError::NotPlain,
        _ => FileError::Failed,
    })?;
    let about = fstat(&file).map_err(|_| FileError::Failed)?;
    if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
        return Err(FileError::NotPlain);
    }
    if about.st_uid != rustix::process::geteuid().as_raw() {
        return Err(FileError::NotTheirs);
    }
    if about.st_nlink != 1 {
        return Err(FileError::HardLinked);
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(longest.saturating_add(1)));
    let most = u64::try_from(longest).unwrap_or(u64::MAX).saturating_add(1);
    File::from(file).take(most).read_to_end(&mut bytes).map_err(|_| FileError::Failed)?;
    if bytes.len() > longest {
        return Err(FileError::TooBig);
    }
    Ok((bytes, about.st_mode & 0o077 != 0))
}
