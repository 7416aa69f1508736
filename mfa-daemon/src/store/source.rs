//! Where a store is, and its key: enough to open it, and to try again when that failed.

use super::Store;
use crate::journal::{self, Level};
use crate::master_key::{self, Protection};
use std::path::PathBuf;

/// Where to find a store.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    state: PathBuf,
    master_key: Option<PathBuf>,
}

impl Source {
    /// In the folder of this name; the master key in this file, or handed over by systemd.
    pub(crate) fn new(state: PathBuf, master_key: Option<PathBuf>) -> Self {
        Self { state, master_key }
    }

    /// Asks for everybody to be counted anew, under another policy: a unit of systemd waits for this file to change. Nothing
    /// depends on it; the timer counts within the hour.
    pub(crate) fn ask_for_recount(&self) {
        if let Err(error) = std::fs::write(self.state.join("recount"), []) {
            journal::operation(Level::Warning, &format!("accounts are counted anew within the hour only: {error}"));
        }
    }

    /// The store, or why there is none; and how the key was handed over, if it was.
    pub(crate) fn open(&self) -> (Result<Store, String>, Option<Protection>) {
        match master_key::load(self.master_key.as_deref(), &self.state) {
            Ok((key, protection)) => {
                (Store::open(&self.state, key).map_err(|error| error.to_string()), Some(protection))
            }
            Err(error) => (Err(error.to_string()), None),
        }
    }
}
