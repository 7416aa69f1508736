//! One setup, as it is written down: what it has changed, what was there before, and how far it has come.

use super::files::Marks;
use super::moment::Moment;
use super::session::Instant;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How far a setup has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Stage {
    /// Files are being changed. Whoever reads this and has the lock knows that it was interrupted.
    Applying,
    /// All is done and waits to be confirmed.
    Waiting {
        /// Until then.
        until: Moment,
        /// The same, seconds since the epoch, for people.
        until_told: u64,
        /// A login that proves it began later.
        since: Instant,
    },
    /// The files are as they were before; the daemon and sshd may not know it yet.
    Restored,
    /// It stays.
    Confirmed {
        /// Since then, seconds since the epoch.
        at: u64,
    },
}

/// One file as it was, and as setup has made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    pub(crate) path: PathBuf,
    /// `None`: there was none.
    pub(crate) before: Option<Image>,
    /// `None`: there is none any more.
    pub(crate) after: Option<Image>,
}

/// Bytes, in base64, and whose they are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Image {
    content: String,
    pub(crate) marks: Marks,
}

impl Image {
    pub(crate) fn of(bytes: &[u8], marks: Marks) -> Self {
        Self { content: data_encoding::BASE64.encode(bytes), marks }
    }

    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        data_encoding::BASE64.decode(self.content.as_bytes()).ok()
    }
}

/// One setup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct State {
    /// Which: they are counted.
    pub(crate) number: u32,
    pub(crate) stage: Stage,
    /// What is typed from another login.
    pub(crate) code: String,
    /// The login session it was done in, if it was in one.
    pub(crate) session: Option<String>,
    /// Services whose stacks were changed: a login through one of them confirms.
    pub(crate) services: Vec<String>,
    /// In the order in which they were changed.
    pub(crate) files: Vec<Kept>,
    /// Folders that were made, the outermost first.
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) reload_policy: bool,
    pub(crate) reload_sshd: bool,
    /// Why it could not be taken back whole, if that was tried.
    pub(crate) stuck: Option<Stuck>,
}

/// What keeps a setup from being taken back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Stuck {
    /// How often it was tried.
    pub(crate) tries: u32,
    /// As it was told last.
    pub(crate) why: String,
}

impl State {
    /// Each file's path.
    pub(crate) fn paths(&self) -> Vec<PathBuf> {
        self.files.iter().map(|file| file.path.clone()).collect()
    }
}
