//! The lines of a program that is asked: a child that is given no environment, is not waited for without end, and is
//! gone when nobody reads it any more.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// More than any program we ask prints on a line.
const LONGEST_LINE: usize = 16 * 1024 * 1024;

/// Why it did not answer.
#[derive(Debug)]
pub(crate) enum ChildError {
    /// It cannot be run, or read.
    Io(io::Error),
    /// It kept us waiting for too long.
    TimedOut,
    /// It says that it failed, by this exit code; none if it was killed, or printed what no program prints.
    Failed(Option<i32>),
}

/// The lines a child prints, as they come.
pub(crate) struct Lines {
    child: Child,
    output: Option<ChildStdout>,
    pending: Vec<u8>,
    ready: VecDeque<String>,
    left: Duration,
    also_well: &'static [i32],
}

impl Lines {
    /// Starts it, with no environment. It may keep us waiting for so long, all in all, and end with 0 or one of these.
    pub(crate) fn of(command: &mut Command, patience: Duration, also_well: &'static [i32]) -> Result<Self, ChildError> {
        let command = command.env_clear().current_dir("/");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(ChildError::Io)?;
        let output = child.stdout.take();
        Ok(Self { child, output, pending: Vec::new(), ready: VecDeque::new(), left: patience, also_well })
    }

    /// Waits for more; only time spent waiting counts, not the time a reader of ours takes.
    fn read_more(&mut self) -> Result<(), ChildError> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let begun = Instant::now();
        let wait = Timespec::try_from(self.left).unwrap_or_default();
        let ready = poll(&mut [PollFd::new(&*output, PollFlags::IN)], Some(&wait));
        self.left = self.left.saturating_sub(begun.elapsed());
        match ready {
            Ok(0) => return Err(ChildError::TimedOut),
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return Err(ChildError::Io(errno.into())),
            Ok(_) => {}
        }
        let mut piece = [0u8; 64 * 1024];
        let read = output.read(&mut piece).map_err(ChildError::Io)?;
        self.pending.extend_from_slice(piece.get(..read).unwrap_or_default());
        if read == 0 {
            self.output = None;
            self.pending.push(b'\n');
        } else if self.pending.len() > LONGEST_LINE {
            return Err(ChildError::Failed(None));
        }
        self.cut_lines();
        if read == 0 { self.end() } else { Ok(()) }
    }

    fn cut_lines(&mut self) {
        let Some(last) = self.pending.iter().rposition(|byte| *byte == b'\n') else { return };
        let rest = self.pending.split_off(last + 1);
        let whole = std::mem::replace(&mut self.pending, rest);
        let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        self.ready.extend(lines.map(|line| String::from_utf8_lossy(line).into_owned()));
    }

    fn end(&mut self) -> Result<(), ChildError> {
        let status = self.child.wait().map_err(ChildError::Io)?;
        if status.code().is_some_and(|code| code == 0 || self.also_well.contains(&code)) {
            Ok(())
        } else {
            Err(ChildError::Failed(status.code()))
        }
    }
}

impl Iterator for Lines {
    type Item = Result<String, ChildError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(line) = self.ready.pop_front() {
                return Some(Ok(line));
            }
            self.output.as_ref()?;
            if let Err(error) = self.read_more() {
                self.output = None;
                self.ready.clear();
                return Some(Err(error));
            }
        }
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines_of(script: &str, patience: Duration) -> Vec<Result<String, ChildError>> {
        Lines::of(Command::new("/bin/sh").args(["-c", script]), patience, &[2]).unwrap().collect()
    }

    #[test]
    fn lines_come_whole_however_they_are_cut() {
        let lines = lines_of("printf 'a:b'; printf 'c\\nd'; printf '\\n\\ne'", Duration::from_secs(20));
        let lines: Vec<String> = lines.into_iter().map(Result::unwrap).collect();
        assert_eq!(lines, ["a:bc", "d", "e"]);
    }

    #[test]
    fn a_directory_that_hangs_is_not_waited_for_without_end() {
        let begun = Instant::now();
        let lines = lines_of("echo first; exec sleep 1000", Duration::from_millis(100));
        assert!(matches!(lines.as_slice(), [Ok(_), Err(ChildError::TimedOut)]), "{lines:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_directory_that_fails_is_not_taken_for_an_empty_one() {
        let lines = lines_of("exit 3", Duration::from_secs(20));
        assert!(matches!(lines.as_slice(), [Err(ChildError::Failed(Some(3)))]), "{lines:?}");
        let killed = lines_of("echo one; kill -9 $$", Duration::from_secs(20));
        assert!(matches!(killed.last(), Some(Err(ChildError::Failed(None)))), "{killed:?}");
    }

    #[test]
    fn the_child_is_given_no_environment() {
        let lines = lines_of("/usr/bin/env", Duration::from_secs(20));
        let given: Vec<String> = lines.into_iter().map(Result::unwrap).collect();
        // What the shell sets by itself.
        assert!(given.iter().all(|line| ["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own))));
    }
}
