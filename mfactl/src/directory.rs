//! Accounts and groups as the system knows them, from `getent`: a child that is given no environment and is not
//! waited for without end. It never decides anything: the daemon asks the system itself.

use crate::child::{ChildError, Lines};
use mfa_cli::Failure;
use std::collections::HashMap;
use std::fmt;
use std::io;
use std::process::Command;
use std::time::Duration;

const GETENT: &str = "/usr/bin/getent";
/// How long the directory may keep us waiting, all in all.
const PATIENCE: Duration = Duration::from_secs(60);
/// What `getent` ends with when a name is not known: an answer like any other.
const NOT_KNOWN: i32 = 2;
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
    pub(crate) home: String,
    pub(crate) shell: String,
}

/// A group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) gid: u32,
    pub(crate) members: Vec<String>,
}

impl From<ChildError> for DirectoryError {
    fn from(error: ChildError) -> Self {
        match error {
            ChildError::Io(error) => Self::Io(error),
            ChildError::TimedOut => Self::TimedOut,
            ChildError::Failed(_) => Self::Failed,
        }
    }
}

/// What only root can read of an account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shadow {
    /// When the account expires, seconds since the epoch; not its password.
    pub(crate) expires: Option<i64>,
    /// Whether its password is locked.
    pub(crate) locked: bool,
}

/// The shadow entries of these names, by name; at most [`NAMES_AT_ONCE`]. Of all that the system lists, if there are none.
pub(crate) fn shadows(names: &[&str]) -> Result<HashMap<String, Shadow>, DirectoryError> {
    let mut getent = Command::new(GETENT);
    getent.arg("shadow");
    if !names.is_empty() {
        getent.arg("--").args(names.iter().filter(|name| is_name(name)));
    }
    parsed(Lines::of(&mut getent, PATIENCE, &[NOT_KNOWN])?, shadow).collect()
}

/// Every account that the system lists, one at a time. A directory may not list its own.
pub(crate) fn everybody() -> Result<impl Iterator<Item = Result<Person, DirectoryError>>, DirectoryError> {
    Ok(parsed(Lines::of(Command::new(GETENT).arg("passwd"), PATIENCE, &[NOT_KNOWN])?, person))
}

/// The accounts of these names, as far as there are any; at most [`NAMES_AT_ONCE`].
pub(crate) fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Result<Vec<Person>, DirectoryError> {
    let mut getent = Command::new(GETENT);
    getent.args(["passwd", "--"]).args(names.into_iter().filter(|name| is_name(name)));
    parsed(Lines::of(&mut getent, PATIENCE, &[NOT_KNOWN])?, person).collect()
}

/// The login name of a uid, if it has one.
pub(crate) fn name_of(uid: u32) -> Result<Option<String>, DirectoryError> {
    let uid = uid.to_string();
    let mut getent = Command::new(GETENT);
    getent.args(["passwd", "--", &uid]);
    let found = parsed(Lines::of(&mut getent, PATIENCE, &[NOT_KNOWN])?, person).next().transpose()?;
    Ok(found.map(|person| person.user))
}

/// Every group that the system lists.
pub(crate) fn groups() -> Result<Vec<Group>, DirectoryError> {
    parsed(Lines::of(Command::new(GETENT).arg("group"), PATIENCE, &[NOT_KNOWN])?, group).collect()
}

/// Whether there is a group of this name.
pub(crate) fn has_group(name: &str) -> Result<bool, DirectoryError> {
    if !is_name(name) {
        return Ok(false);
    }
    let mut found = parsed(Lines::of(Command::new(GETENT).args(["group", "--", name]), PATIENCE, &[NOT_KNOWN])?, group);
    found.try_fold(false, |found, group| Ok(found || group?.name == name))
}

/// What could be a login name at all: `getent` takes a number for a uid, and no argument can hold a NUL.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\0', ':', '\n']) && !name.chars().all(|c| c.is_ascii_digit())
}

fn parsed<T>(lines: Lines, parse: fn(&str) -> Option<T>) -> impl Iterator<Item = Result<T, DirectoryError>> {
    lines.filter_map(move |line| line.map(|line| parse(&line)).transpose()).map(|parsed| parsed.map_err(Into::into))
}

fn person(line: &str) -> Option<Person> {
    let mut fields = line.split(':');
    let user = fields.next().filter(|user| !user.is_empty())?.to_owned();
    let (uid, gid) = (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?);
    let full_name = fields.next()?.split(',').next().unwrap_or_default().trim().to_owned();
    let (home, shell) = (fields.next()?.to_owned(), fields.next()?.to_owned());
    Some(Person { user, uid, gid, full_name, home, shell })
}

fn shadow(line: &str) -> Option<(String, Shadow)> {
    let mut fields = line.split(':');
    let user = fields.next().filter(|user| !user.is_empty())?.to_owned();
    let locked = fields.next()?.starts_with('!');
    let days: Option<i64> = fields.nth(5)?.parse().ok().filter(|days| *days >= 0);
    Some((user, Shadow { expires: days.and_then(|days| days.checked_mul(86_400)), locked }))
}

fn group(line: &str) -> Option<Group> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
    let gid = fields.nth(1)?.parse().ok()?;
    let members = fields.next()?.split(',').filter(|member| !member.is_empty()).map(str::to_owned).collect();
    Some(Group { name, gid, members })
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn an_account_expires_on_a_day_and_its_password_is_another_matter() {
        let of = |line: &str| shadow(line).map(|(_, shadow)| (shadow.expires, shadow.locked));
        assert_eq!(of("alice:$y$x:20000:0:99999:7:::"), Some((None, false)));
        assert_eq!(of("alice:!$y$x:20000:0:99999:7:30:20500:"), Some((Some(20_500 * 86_400), true)));
        for odd in ["alice:*:::::::-1:", "alice:*:::::::x:", "alice:*::::::99999999999999999999:"] {
            assert_eq!(of(odd), Some((None, false)), "{odd}");
        }
        assert_eq!((of("alice:x"), of(":x:::::::")), (None, None));
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
}
