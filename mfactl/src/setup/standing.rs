//! How things stand with what setup has done, for people and scripts.

use super::state::Stage;
use super::store::{FOLDER, StateError, Store};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How things stand, for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// It was interrupted while files were being changed, or taken back and not all of it: that comes by itself.
    Interrupted { files: Vec<PathBuf> },
    /// It goes back by itself at that moment unless it is confirmed.
    Pending { until: SystemTime, files: Vec<PathBuf> },
    /// It stays, since that moment.
    Applied { at: SystemTime, files: Vec<PathBuf> },
}

/// How things stand; `None` if nothing that setup did is in force.
///
/// # Errors
/// [`StateError`]
pub(crate) fn standing() -> Result<Option<Standing>, StateError> {
    standing_in(Path::new(FOLDER))
}

fn standing_in(folder: &Path) -> Result<Option<Standing>, StateError> {
    let store = Store::open(folder)?;
    let state = match store.pending()? {
        Some(state) => Some(state),
        None => store.applied()?,
    };
    let moment = |seconds| UNIX_EPOCH + Duration::from_secs(seconds);
    Ok(state.map(|state| {
        let files = state.paths();
        match state.stage {
            Stage::Applying | Stage::Restored => Standing::Interrupted { files },
            Stage::Waiting { until_told, .. } => Standing::Pending { until: moment(until_told), files },
            Stage::Confirmed { at } => Standing::Applied { at: moment(at), files },
        }
    }))
}
