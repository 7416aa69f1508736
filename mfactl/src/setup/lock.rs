//! There is one setup at a time, and none of them keeps the way back waiting: whoever takes back what was not confirmed
//! ends a setup that hangs or was stopped, which is as safe as being killed at any other moment.

use rustix::fs::{FlockOperation, flock, ftruncate};
use rustix::io::{Errno, pread, pwrite};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long somebody else may have the lock.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);
/// Between two tries.
const PAUSE: Duration = Duration::from_millis(50);

/// What becomes of somebody who has the lock for longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    /// They keep it.
    Stays,
    /// They are ended, if they are a setup.
    Ends,
}

/// Why the lock is not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LockError {
    /// Somebody has it: that process, as far as it is known.
    Busy(Option<i32>),
    /// The system says no.
    Io(Errno),
}

/// Takes the lock, and writes down who has it.
///
/// # Errors
/// [`LockError`]
pub(super) fn take(lock: &OwnedFd, holder: Holder, patience: Duration) -> Result<(), LockError> {
    if !is_taken(lock, patience)? {
        let process = holder_of(lock);
        let is_ended = holder == Holder::Ends && process.is_some_and(end);
        if !is_ended || !is_taken(lock, patience)? {
            return Err(LockError::Busy(process.map(Pid::as_raw_pid)));
        }
    }
    let process = format!("{}\n", std::process::id());
    // Without it nobody is ended.
    let _ = ftruncate(lock, 0).and_then(|()| pwrite(lock, process.as_bytes(), 0));
    Ok(())
}

fn is_taken(lock: &OwnedFd, patience: Duration) -> Result<bool, LockError> {
    let begun = Instant::now();
    loop {
        match flock(lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(true),
            Err(Errno::WOULDBLOCK | Errno::INTR) if begun.elapsed() < patience => std::thread::sleep(PAUSE),
            Err(Errno::WOULDBLOCK | Errno::INTR) => return Ok(false),
            Err(errno) => return Err(LockError::Io(errno)),
        }
    }
}

fn holder_of(lock: &OwnedFd) -> Option<Pid> {
    let mut text = [0; 16];
    let length = pread(lock, &mut text, 0).ok()?;
    let number: i32 = std::str::from_utf8(text.get(..length)?).ok()?.trim().parse().ok()?;
    if number > 1 { Pid::from_raw(number) } else { None }
}

/// Whether that process was one of this program, and is ended.
fn end(process: Pid) -> bool {
    // As long as this is open, what is ended is what was looked at, or nothing.
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return false };
    let other = program(&process.as_raw_pid().to_string());
    let is_one = other.is_some() && other == program("self") && process != rustix::process::getpid();
    is_one && pidfd_send_signal(handle, Signal::KILL).is_ok()
}

/// Where it was started from, also if there is a newer one by now.
fn program(process: &str) -> Option<PathBuf> {
    let path = std::fs::read_link(format!("/proc/{process}/exe")).ok()?;
    let text = path.to_str()?;
    Some(PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(text)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions, read_to_string, write};
    use std::io::{BufRead, BufReader, Read, Write};
    use std::os::unix::process::ExitStatusExt;
    use std::path::Path;
    use std::process::{Child, Command, Stdio};

    const HOLD: &str = "MFA_TEST_HOLDS_LOCK";
    const SOON: Duration = Duration::from_millis(200);

    fn opened(path: &Path) -> OwnedFd {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).open(path).unwrap().into()
    }

    /// This program, with the lock, for ever.
    fn hanging(path: &Path) -> Child {
        let name = "setup::lock::tests::a_setup_that_hangs_is_ended_by_the_way_back_and_by_nothing_else";
        let mut command = Command::new("/proc/self/exe");
        let command = command.args(["--exact", name, "--nocapture"]).env(HOLD, path);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.map_while(Result::ok).any(|line| line.contains("it is mine")));
        child
    }

    #[test]
    fn a_setup_that_hangs_is_ended_by_the_way_back_and_by_nothing_else() {
        if let Some(path) = std::env::var_os(HOLD) {
            let lock = opened(Path::new(&path));
            take(&lock, Holder::Stays, SOON).unwrap();
            std::io::stdout().write_all(b"it is mine\n").unwrap();
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let mut child = hanging(&path);
        let number = i32::try_from(child.id()).unwrap();
        let lock = opened(&path);
        assert_eq!(take(&lock, Holder::Stays, SOON), Err(LockError::Busy(Some(number))));
        assert!(child.try_wait().unwrap().is_none());
        assert_eq!(take(&lock, Holder::Ends, SOON), Ok(()));
        assert_eq!(child.wait().unwrap().signal(), Some(9));
        assert_eq!(read_to_string(&path).unwrap(), format!("{}\n", std::process::id()));
    }

    #[test]
    fn another_program_and_this_very_process_are_not_ended_whatever_stands_in_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let held = opened(&path);
        take(&held, Holder::Stays, SOON).unwrap();
        let lock = opened(&path);
        let own = i32::try_from(std::process::id()).unwrap();
        assert_eq!(take(&lock, Holder::Ends, SOON), Err(LockError::Busy(Some(own))));
        let mut other = Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        for text in [format!("{}\n", other.id()), "1\n".into(), "-1\n".into(), "rubbish".into(), String::new()] {
            write(&path, &text).unwrap();
            assert!(matches!(take(&lock, Holder::Ends, SOON), Err(LockError::Busy(_))), "{text}");
        }
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
        drop::<File>(held.into());
        assert_eq!(take(&lock, Holder::Stays, SOON), Ok(()));
    }
}
