//! Accounts and groups as the system knows them, from `getent`: a child that is given no environment and is not
//! waited for without end. It never decides anything: the daemon asks the system itself.

use mfa_cli::Failure;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

const GETENT: &str = "/usr/bin/getent";
/// How long the directory may keep us waiting, all in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// More than any account or group has; what is longer is no line of `getent`.
const LONGEST_LINE: usize = 16 * 1024 * 1024;
/// Names a call, so that its arguments stay short.
pub(crate) const NAMES_AT_ONCE: usize = 100;

/// Why the directory did not answer.
#[derive(Debug)]
pub(crate) enum DirectoryError {
    /// `getent` cannot be run, or read.
    Io(io::Error),
    /// It kept us waiting for too long.
    TimedOut,
    /// It says that it failed.
    Failed,
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "{GETENT} cannot be run: {error}. Is libc-bin installed?"),
            Self::TimedOut => write!(
                f,
                "The directory (NSS) kept us waiting for {} s. Ask about one account: mfactl user NAME",
                PATIENCE.as_secs()
            ),
            Self::Failed => f.write_str("The directory (NSS) did not answer. Ask about one account: mfactl user NAME"),
        }
    }
}

impl std::error::Error for DirectoryError {}

impl From<DirectoryError> for Failure {
    fn from(error: DirectoryError) -> Self {
        Self::refused("directory", error.to_string())
    }
}

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Person {
    pub(crate) user: String,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The first part of GECOS.
    pub(crate) full_name: String,
    pub(crate) shell: String,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

/// Every account that the system lists, one at a time. A directory may not list its own.
pub(crate) fn everybody() -> Result<impl Iterator<Item = Result<Person, DirectoryError>>, DirectoryError> {
    Ok(parsed(Lines::of(Command::new(GETENT).arg("passwd"), PATIENCE)?, person))
}

/// The accounts of these names, as far as there are any; at most [`NAMES_AT_ONCE`].
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Person>, DirectoryError> {
    let mut getent = Command::new(GETENT);
    getent.args(["passwd", "--"]).args(names.into_iter().filter(|name| is_name(name)));
    parsed(Lines::of(&mut getent, PATIENCE)?, person).collect()
}

/// Every group that the system lists.
pub(crate) fn groups() -> Result<Vec<Group>, DirectoryError> {
    parsed(Lines::of(Command::new(GETENT).arg("group"), PATIENCE)?, group).collect()
}

/// Whether there is a group of this name.
pub(crate) fn has_group(name: &str) -> Result<bool, DirectoryError> {
    if !is_name(name) {
        return Ok(false);
    }
    let mut found = parsed(Lines::of(Command::new(GETENT).args(["group", "--", name]), PATIENCE)?, group);
    found.try_fold(false, |found, group| Ok(found || group?.name == name))
}

/// What could be a login name at all: `getent` takes a number for a uid, and no argument can hold a NUL.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\0', ':', '\n']) && !name.chars().all(|c| c.is_ascii_digit())
}

fn parsed<T>(lines: Lines, parse: fn(&str) -> Option<T>) -> impl Iterator<Item = Result<T, DirectoryError>> {
    lines.filter_map(move |line| line.map(|line| parse(&line)).transpose())
}

fn person(line: &str) -> Option<Person> {
    let mut fields = line.split(':');
    let user = fields.next().filter(|user| !user.is_empty())?.to_owned();
    let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    let full_name = fields.next()?.split(',').next().unwrap_or_default().trim().to_owned();
    let shell = fields.nth(1)?.to_owned();
    Some(Person { user, uid, gid, full_name, shell })
}

fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next()?.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name, gid, members })
}

/// The lines a child prints, as they come.
struct Lines {
    child: Child,
    output: Option<ChildStdout>,
    pending: Vec<u8>,
    ready: VecDeque<String>,
    left: Duration,
}

impl Lines {
    fn of(command: &mut Command, patience: Duration) -> Result<Self, DirectoryError> {
        let command = command.env_clear().current_dir("/");
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(DirectoryError::Io)?;
        let output = child.stdout.take();
        Ok(Self { child, output, pending: Vec::new(), ready: VecDeque::new(), left: patience })
    }

    /// Waits for more; only time spent waiting counts, not the time a reader of ours takes.
    fn read_more(&mut self) -> Result<(), DirectoryError> {
        let Some(output) = &mut self.output else { return Ok(()) };
        let begun = Instant::now();
        let wait = Timespec::try_from(self.left).unwrap_or_default();
        let ready = poll(&mut [PollFd::new(&*output, PollFlags::IN)], Some(&wait));
        self.left = self.left.saturating_sub(begun.elapsed());
        match ready {
            Ok(0) => return Err(DirectoryError::TimedOut),
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return Err(DirectoryError::Io(errno.into())),
            Ok(_) => {}
        }
        let mut piece = [0u8; 64 * 1024];
        let read = output.read(&mut piece).map_err(DirectoryError::Io)?;
        self.pending.extend_from_slice(piece.get(..read).unwrap_or_default());
        if read == 0 {
            self.output = None;
            self.pending.push(b'\n');
        } else if self.pending.len() > LONGEST_LINE {
            return Err(DirectoryError::Failed);
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

    /// 2 is what `getent` says when a name is not known: an answer like any other.
    fn end(&mut self) -> Result<(), DirectoryError> {
        let status = self.child.wait().map_err(DirectoryError::Io)?;
        if matches!(status.code(), Some(0 | 2)) { Ok(()) } else { Err(DirectoryError::Failed) }
    }
}

impl Iterator for Lines {
    type Item = Result<String, DirectoryError>;

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

    fn lines_of(script: &str, patience: Duration) -> Vec<Result<String, DirectoryError>> {
        Lines::of(Command::new("/bin/sh").args(["-c", script]), patience).unwrap().collect()
    }

    #[test]
    fn accounts_and_groups_are_read_as_getent_prints_them() {
        let alice = person("alice:x:1000:100:Alice Ng,Room 7,,:/home/alice:/bin/bash").unwrap();
        assert_eq!((alice.user.as_str(), alice.uid, alice.gid), ("alice", 1000, 100));
        assert_eq!((alice.full_name.as_str(), alice.shell.as_str()), ("Alice Ng", "/bin/bash"));
        assert_eq!(person("bob:x:7:7:::").map(|bob| (bob.full_name, bob.shell)), Some((String::new(), String::new())));
        let staff = group("staff:x:50:alice,bob").unwrap();
        assert_eq!((staff.gid, staff.members), (50, vec!["alice".to_owned(), "bob".to_owned()]));
        assert_eq!(group("empty:x:51:").unwrap().members, Vec::<String>::new());
    }

    #[test]
    fn lines_that_are_none_are_passed_over() {
        for odd in ["", ":x:1:1:::", "a", "a:x:many:1:::", "a:x:-1:1:::", "a:x:99999999999:1:::", "+@netgroup"] {
            assert_eq!(person(odd), None, "{odd}");
        }
    }

    #[test]
    fn root_is_an_account_everywhere() {
        let everybody: Vec<_> = everybody().unwrap().collect::<Result<_, _>>().unwrap();
        assert!(everybody.iter().any(|person| person.user == "root" && person.uid == 0));
        let known = named(["root", "no-such-account-here", "-x", "0", "a\0b", ""]).unwrap();
        assert_eq!(known.iter().map(|person| person.user.as_str()).collect::<Vec<_>>(), ["root"]);
        assert!(groups().unwrap().iter().any(|group| group.gid == 0));
    }

    #[test]
    fn a_group_is_there_by_its_name_alone() {
        for (name, there) in [("root", true), ("0", false), ("no-such-group-here", false), ("", false), ("-x", false)] {
            assert_eq!(has_group(name).unwrap(), there, "{name}");
        }
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
        assert!(matches!(lines.as_slice(), [Ok(_), Err(DirectoryError::TimedOut)]), "{lines:?}");
        assert!(begun.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn a_directory_that_fails_is_not_taken_for_an_empty_one() {
        let lines = lines_of("exit 3", Duration::from_secs(20));
        assert!(matches!(lines.as_slice(), [Err(DirectoryError::Failed)]), "{lines:?}");
        let killed = lines_of("echo one; kill -9 $$", Duration::from_secs(20));
        assert!(matches!(killed.last(), Some(Err(DirectoryError::Failed))), "{killed:?}");
    }

    #[test]
    fn the_child_is_given_no_environment() {
        let lines = lines_of("/usr/bin/env", Duration::from_secs(20));
        let given: Vec<String> = lines.into_iter().map(Result::unwrap).collect();
        // What the shell sets by itself.
        assert!(given.iter().all(|line| ["PWD=", "OLDPWD=", "SHLVL=", "_="].iter().any(|own| line.starts_with(own))));
    }
}
