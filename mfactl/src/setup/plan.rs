//! What is to be done, as data: files as they are and as they are to be, what is loaded again, and what is tried before.
//!
//! Nothing is done here.

use super::meant::Meant;
use std::path::PathBuf;

/// One file as it is and as it is to be. `before` is what was read when the plan was made: who applies it refuses when
/// the file is different by then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FileChange {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// `None`: there is none.
    pub(crate) before: Option<Vec<u8>>,
    /// `None`: there will be none.
    pub(crate) after: Option<Vec<u8>>,
    /// The permission bits of a file that is new; one that is there keeps its own.
    pub(crate) mode: u32,
}

/// All that is to be done, in this order: files, then the daemon's policy, then sshd.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Each path once.
    pub(crate) files: Vec<FileChange>,
    /// The daemon is to take its folder.
    pub(crate) reload_policy: bool,
    /// sshd is to take its configuration.
    pub(crate) reload_sshd: bool,
    /// What sshd is to say of logins before it is told; what it says otherwise takes everything back.
    pub(crate) logins: Vec<Meant>,
    /// What is tried before any of it is live.
    pub(crate) trials: Vec<Trial>,
}

/// A stack to be tried before it is live.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trial {
    /// The service it is for.
    pub(crate) stands_for: String,
    /// Its text: what is asked and who may come, as it will be.
    pub(crate) stack: String,
    /// Who tries to log in.
    pub(crate) account: String,
}
