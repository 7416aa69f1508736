//! The machine as it would be: its files with the changes of a plan in them. Nothing is written.

use super::plan::FileChange;
use crate::pam::Files;
use crate::system::{Stat, System};
use std::path::Path;

/// A machine, and what is to change of its files. What programs say is what they say now.
pub(crate) struct Proposed<'a> {
    /// As it is.
    pub(crate) system: &'a dyn System,
    /// What would be different.
    pub(crate) files: &'a [FileChange],
}

impl Files for Proposed<'_> {
    fn text(&self, path: &str) -> Option<String> {
        match self.files.iter().find(|change| change.path == Path::new(path)) {
            Some(change) => change.after.as_ref().map(|text| String::from_utf8_lossy(text).into_owned()),
            None => self.system.text(path),
        }
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let mut names = self.system.names(folder);
        for change in self.files.iter().filter(|change| change.path.parent() == Some(Path::new(folder))) {
            let Some(name) = change.path.file_name().and_then(|name| name.to_str()) else { continue };
            names.retain(|known| known != name);
            if change.after.is_some() {
                names.push(name.to_owned());
            }
        }
        names.sort();
        names
    }
}

impl System for Proposed<'_> {
    fn said(&self, command: &[&str]) -> Option<Vec<String>> {
        self.system.said(command)
    }

    fn searched(&self, command: &[&str]) -> Option<Vec<String>> {
        self.system.searched(command)
    }

    fn agrees(&self, command: &[&str]) -> Option<bool> {
        self.system.agrees(command)
    }

    fn stat(&self, path: &str) -> Option<Stat> {
        self.system.stat(path)
    }
}
