//! The machine as `doctor` and `setup` look at it: its files, what its programs say. Or a made-up one, in tests.

use crate::child::{ChildError, Lines};
use crate::pam::Files;
use rustix::fs::{FileType, stat};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// How long one program may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long one may take that reads through a month of what a busy machine wrote.
const LONG_PATIENCE: Duration = Duration::from_secs(600);
/// Exit codes that come with an answer: `systemctl is-active` says no with 3 or 4, others with 1.
const ANSWERS: &[i32] = &[1, 2, 3, 4];

/// What can be asked of a machine. Nothing of it is changed.
pub(crate) trait System: Files {
    /// The lines that a program prints; `None` if it cannot be run, does not end, or fails otherwise than by saying no.
    fn said(&self, command: &[&str]) -> Option<Vec<String>>;
    /// The lines of a search through much, which may take minutes; `None` if it fails. That nothing is found may be told
    /// by exit code 1 without a line.
    fn searched(&self, command: &[&str]) -> Option<Vec<String>> {
        self.said(command)
    }
    /// Whether a program ends well; `None` if it cannot be run or does not end.
    fn agrees(&self, command: &[&str]) -> Option<bool>;
    /// What is there, links followed.
    fn stat(&self, path: &str) -> Option<Stat>;

    /// The first line that a program prints.
    fn word(&self, command: &[&str]) -> Option<String> {
        Some(self.said(command)?.into_iter().next().unwrap_or_default())
    }
}

/// What is known of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// What it is.
    pub(crate) kind: FileType,
    /// The permission bits.
    pub(crate) mode: u32,
    /// Its owner.
    pub(crate) uid: u32,
}

/// This machine.
pub(crate) struct Machine;

impl Files for Machine {
    fn text(&self, path: &str) -> Option<String> {
        Some(String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned())
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }
}

/// A program in root's own folders, whatever PATH says.
fn program(command: &[&str]) -> Option<Command> {
    let (program, arguments) = command.split_first()?;
    let folders = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];
    let path = folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists())?;
    let mut command = Command::new(path);
    command.args(arguments);
    Some(command)
}

/// What a search finds. One that has printed something must end well.
fn found_in(command: &mut Command) -> Option<Vec<String>> {
    let mut found = Vec::new();
    for line in Lines::of(command, LONG_PATIENCE, &[]).ok()? {
        match line {
            Ok(line) => found.push(line),
            Err(ChildError::Failed(Some(1))) if found.is_empty() => return Some(found),
            Err(_) => return None,
        }
    }
    Some(found)
}

impl System for Machine {
    fn said(&self, command: &[&str]) -> Option<Vec<String>> {
        let lines = Lines::of(&mut program(command)?, PATIENCE, ANSWERS).ok()?;
        lines.collect::<Result<Vec<String>, _>>().ok()
    }

    fn searched(&self, command: &[&str]) -> Option<Vec<String>> {
        found_in(&mut program(command)?)
    }

    fn agrees(&self, command: &[&str]) -> Option<bool> {
        for line in Lines::of(&mut program(command)?, PATIENCE, &[]).ok()? {
            match line {
                Ok(_) => {}
                Err(ChildError::Failed(Some(_))) => return Some(false),
                Err(_) => return None,
            }
        }
        Some(true)
    }

    fn stat(&self, path: &str) -> Option<Stat> {
        let found = stat(path).ok()?;
        Some(Stat { kind: FileType::from_raw_mode(found.st_mode), mode: found.st_mode & 0o7777, uid: found.st_uid })
    }
}

#[cfg(test)]
pub(crate) mod made_up {
    use super::{Stat, System};
    use crate::pam::Files;
    use rustix::fs::FileType;
    use std::collections::BTreeMap;

    /// A machine of files, answers and nothing else.
    #[derive(Clone, Debug, Default)]
    pub(crate) struct MadeUp {
        pub(crate) files: BTreeMap<String, String>,
        pub(crate) answers: BTreeMap<String, String>,
        pub(crate) stats: BTreeMap<String, (FileType, u32, u32)>,
    }

    impl MadeUp {
        pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
            self.files.insert(path.into(), text.into());
            self
        }

        pub(crate) fn without(mut self, path: &str) -> Self {
            self.files.remove(path);
            self.stats.remove(path);
            self
        }

        pub(crate) fn says(mut self, command: &str, answer: &str) -> Self {
            self.answers.insert(command.into(), answer.into());
            self
        }

        pub(crate) fn has(mut self, path: &str, kind: FileType, mode: u32, uid: u32) -> Self {
            self.stats.insert(path.into(), (kind, mode, uid));
            self
        }
    }

    impl Files for MadeUp {
        fn text(&self, path: &str) -> Option<String> {
            self.files.text(path)
        }

        fn names(&self, folder: &str) -> Vec<String> {
            self.files.names(folder)
        }
    }

    impl System for MadeUp {
        fn said(&self, command: &[&str]) -> Option<Vec<String>> {
            Some(self.answers.get(&command.join(" "))?.lines().map(str::to_owned).collect())
        }

        fn agrees(&self, command: &[&str]) -> Option<bool> {
            Some(self.answers.get(&command.join(" "))? == "yes")
        }

        fn stat(&self, path: &str) -> Option<Stat> {
            let (kind, mode, uid) = *self.stats.get(path)?;
            Some(Stat { kind, mode, uid })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::found_in;
    use std::process::Command;

    #[test]
    fn a_search_that_fails_has_not_found_nothing() {
        let of = |script: &str| found_in(Command::new("/bin/sh").args(["-c", script]));
        assert_eq!(of("exit 1"), Some(Vec::new()));
        assert_eq!(of("echo one; echo two"), Some(vec!["one".to_owned(), "two".to_owned()]));
        for failing in ["echo one; exit 1", "exit 2", "kill -9 $$"] {
            assert_eq!(of(failing), None, "{failing}");
        }
    }
}
