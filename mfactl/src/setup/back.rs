//! Takes back what setup has done: by itself when it was interrupted or not confirmed, or when an administrator wants it.
//!
//! Each file is put back as it was, with its owner and permissions, and what was made is removed. It may end anywhere and
//! be begun again: a file that is back is not put back once more over what somebody makes of it since, and while the
//! daemon or sshd does not take what is there, telling them is all that is tried again. What is not confirmed is put back
//! whatever somebody made of it meanwhile, since being locked out is worse; their text is kept. What was confirmed is put
//! back only if it is as setup has left it, or by force.

use super::files::{Beside, FileError, Found, Spot, Trust, make_folder, missing_folders, remove_folder};
use super::state::{Image, Kept, Stage, State, Stuck};
use super::store::{FOLDER, StateError, Store};
use super::trial::SCRATCH;
use super::world::{ThisMachine, Timer, World, disarm_all};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long after a failure it is tried again; twice as long each time, up to the longest.
const PAUSE: Duration = Duration::from_secs(5);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// A file that is not as setup has left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    pub(crate) path: PathBuf,
    /// What setup has written; `None`: it has removed the file.
    pub(crate) wrote: Option<Vec<u8>>,
    /// What is there now; `None`: nothing.
    pub(crate) now: Option<Vec<u8>>,
}

/// What was taken back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Restored {
    /// They are as they were; none if nothing had to be done.
    pub(crate) files: Vec<PathBuf>,
    /// Where what somebody else had made of them is kept.
    pub(crate) kept: Vec<PathBuf>,
}

/// Why something was not taken back.
#[derive(Debug)]
pub(crate) enum BackError {
    /// There is nothing to take back.
    Nothing,
    /// Files were changed by somebody else since.
    Edited(Vec<Edited>),
    /// The state cannot be used.
    State(StateError),
    /// Files that could not be put back, each with the reason; all others were.
    Files(Vec<FileError>),
    /// The files are as they were, and the daemon could not be told.
    Policy(String),
    /// The files are as they were, and sshd could not be told.
    Sshd(String),
}

impl fmt::Display for BackError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("There is nothing to undo: nothing that mfactl setup did is in force."),
            Self::Edited(files) => {
                f.write_str("Changed by somebody since setup wrote them:")?;
                files.iter().try_for_each(|file| write!(f, " {}", file.path.display()))?;
                f.write_str(
                    ". Nothing was undone. With --force they are put back as they were before setup, and what is in \
                     them now is kept in /var/lib/mfa-setup.",
                )
            }
            Self::State(error) => write!(f, "{error}"),
            Self::Files(errors) => {
                f.write_str("Not everything could be put back:")?;
                errors.iter().try_for_each(|error| write!(f, " {error}."))?;
                f.write_str(" The old files are in /var/lib/mfa-setup. Put them back, then run this again.")
            }
            Self::Policy(why) => write!(
                f,
                "The files are as they were, but the daemon does not take the policy: {why}. It goes on with what it \
                 had. Mend what it names, see mfactl policy check, then: mfactl setup undo"
            ),
            Self::Sshd(why) => write!(
                f,
                "The files are as they were, but sshd does not take them: {why}. It goes on with what it had. See sshd \
                 -t, then: mfactl setup undo"
            ),
        }
    }
}

impl std::error::Error for BackError {}

impl From<StateError> for BackError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// What came of a run by the timers or the boot.
#[derive(Debug)]
pub(crate) enum Run {
    /// It is taken back, or nothing had to be.
    Done(Restored),
    /// Something keeps it from that, and it is tried again by itself. What to tell of it, unless that was told before.
    Later(Option<String>),
}

/// What the timers and the boot run: takes back what was interrupted, and what was not confirmed in time.
///
/// # Errors
/// [`BackError`], if nothing will try again.
pub(crate) fn back() -> Result<Run, BackError> {
    run_in(&ThisMachine, Path::new(FOLDER))
}

fn run_in(world: &dyn World, folder: &Path) -> Result<Run, BackError> {
    match back_in(world, folder) {
        Ok(restored) => Ok(Run::Done(restored)),
        Err(error @ (BackError::Files(_) | BackError::Policy(_) | BackError::Sshd(_))) => later(world, folder, error),
        Err(error) => Err(error),
    }
}

/// Has it tried again: soon at first, since it may be over in a moment, and later only as often as does no harm.
fn later(world: &dyn World, folder: &Path, error: BackError) -> Result<Run, BackError> {
    let store = Store::open(folder)?;
    let Some(mut state) = store.pending()? else { return Err(error) };
    let why = error.to_string().replace('\n', " ");
    let tries = state.stuck.as_ref().map_or(0, |stuck| stuck.tries);
    let is_told = state.stuck.as_ref().is_some_and(|stuck| stuck.why == why);
    state.stuck = Some(Stuck { tries: tries.saturating_add(1), why: why.clone() });
    // What cannot be counted is not tried often.
    let is_counted = store.keep(&state).is_ok();
    let pause = PAUSE.saturating_mul(2u32.saturating_pow(tries)).min(LONGEST_PAUSE);
    match world.arm(Timer::Again, if is_counted { pause } else { LONGEST_PAUSE }) {
        Ok(()) => Ok(Run::Later((!is_told).then_some(why))),
        Err(_) => Err(error),
    }
}

pub(crate) fn back_in(world: &dyn World, folder: &Path) -> Result<Restored, BackError> {
    let store = Store::open_by_force(folder)?;
    let Some(state) = store.pending()? else { return Ok(Restored::default()) };
    let left = match &state.stage {
        Stage::Waiting { until, .. } => until.left(),
        // Whoever was at it is gone: we have the lock.
        Stage::Applying | Stage::Restored | Stage::Confirmed { .. } => None,
    };
    if let Some(left) = left {
        // Too early. Whatever has become of the timer, there is one now; if there cannot be one, better now than never.
        if world.arm(Timer::Confirm, left).is_ok() {
            return Ok(Restored::default());
        }
    }
    put_back(world, &store, &state)
}

/// Takes back the setup that waits, or else the newest one that was confirmed.
///
/// # Errors
/// [`BackError::Edited`] without `force` if a confirmed one was changed since; and the others.
pub(crate) fn undo(force: bool) -> Result<Restored, BackError> {
    undo_in(&ThisMachine, Path::new(FOLDER), force)
}

pub(crate) fn undo_in(world: &dyn World, folder: &Path, force: bool) -> Result<Restored, BackError> {
    let store = Store::open(folder)?;
    if let Some(state) = store.pending()? {
        return put_back(world, &store, &state);
    }
    let state = store.applied()?.ok_or(BackError::Nothing)?;
    let mut edited = Vec::new();
    for file in &state.files {
        edited.extend(edit_of(file).map_err(|error| BackError::Files(vec![error]))?);
    }
    if edited.is_empty() || force { put_back(world, &store, &state) } else { Err(BackError::Edited(edited)) }
}

/// What somebody has made of a file; `None` if it is as setup wrote it, or as it was before.
fn edit_of(file: &Kept) -> Result<Option<Edited>, FileError> {
    let now = match Spot::open(&file.path, Trust::NotNeeded)? {
        Some(spot) => match spot.read(Trust::NotNeeded) {
            Err(FileError::Link(_) | FileError::NotPlain(_)) => Some(spot.oddity().into_bytes()),
            found => found?.map(|found| found.bytes),
        },
        None => None,
    };
    let bytes = |image: &Option<Image>| image.as_ref().and_then(Image::bytes);
    let (before, wrote) = (bytes(&file.before), bytes(&file.after));
    let is_known = now == wrote || now == before;
    Ok((!is_known).then(|| Edited { path: file.path.clone(), wrote, now }))
}

/// Puts every file back, tells the daemon and sshd, and forgets the setup.
pub(super) fn put_back(world: &dyn World, store: &Store, state: &State) -> Result<Restored, BackError> {
    let kept = if state.stage == Stage::Restored { Vec::new() } else { files_back(world, store, state)? };
    let is_confirmed = matches!(state.stage, Stage::Confirmed { .. });
    if !is_confirmed {
        // From here on the files are whoever's, who repairs something. A full disk must not keep sshd from being told.
        let _ = store.keep(&State { stage: Stage::Restored, ..state.clone() });
    }
    tell(world, state)?;
    let _ = std::fs::remove_dir_all(store.path(SCRATCH)); // of a trial that was interrupted
    store.forget(state)?;
    disarm_all(world);
    Ok(Restored { files: state.paths(), kept })
}

/// Puts every file back. Where what others had made of them is kept.
fn files_back(world: &dyn World, store: &Store, state: &State) -> Result<Vec<PathBuf>, BackError> {
    let (mut kept, mut left, mut errors) = (Vec::new(), Vec::new(), Vec::new());
    for file in state.files.iter().rev() {
        match restore(store, file) {
            Ok(aside) => kept.extend(aside),
            Err(error) => {
                left.insert(0, file.clone());
                errors.push(error);
            }
        }
    }
    for folder in state.folders.iter().rev() {
        errors.extend(remove_folder(folder).err());
    }
    if errors.is_empty() {
        return Ok(kept);
    }
    if !matches!(state.stage, Stage::Confirmed { .. }) {
        let _ = store.keep(&State { stage: Stage::Applying, files: left, ..state.clone() }); // else it is all of them again
    }
    let _ = tell(world, state); // most of it is back; they are told again with the rest
    Err(BackError::Files(errors))
}

/// The daemon and sshd take what is there now; each is told whatever the other says.
fn tell(world: &dyn World, state: &State) -> Result<(), BackError> {
    let policy = if state.reload_policy { world.load_policy() } else { Ok(()) };
    let sshd = if state.reload_sshd { world.reload_sshd() } else { Ok(()) };
    sshd.map_err(BackError::Sshd).and(policy.map_err(BackError::Policy))
}

/// Puts it back. Where what somebody else had made of it is kept.
fn restore(store: &Store, file: &Kept) -> Result<Option<PathBuf>, FileError> {
    let spot = match Spot::open(&file.path, Trust::NotNeeded)? {
        Some(spot) => spot,
        None if file.before.is_none() => return Ok(None),
        None => {
            missing_folders(&file.path)?.iter().try_for_each(|folder| make_folder(folder, Trust::NotNeeded))?;
            let gone = || FileError::Io(file.path.clone(), rustix::io::Errno::NOENT);
            Spot::open(&file.path, Trust::NotNeeded)?.ok_or_else(gone)?
        }
    };
    let (now, aside) = match spot.read(Trust::NotNeeded) {
        Err(FileError::Link(_) | FileError::NotPlain(_)) => (None, keep(store, file, spot.oddity().as_bytes())),
        // It is too long, or unreadable: it goes all the same.
        Err(_) => (None, None),
        Ok(now) => {
            let edit = now.as_ref().filter(|now| !is(now, file.before.as_ref()) && !is(now, file.after.as_ref()));
            let aside = edit.and_then(|now| keep(store, file, &now.bytes));
            (now, aside)
        }
    };
    match &file.before {
        None => spot.remove()?,
        // Where nothing can be written nothing need be.
        Some(image) if now.as_ref().is_some_and(|now| now.marks == image.marks && is(now, Some(image))) => {}
        Some(image) => {
            // It lies there unless it was confirmed, or somebody has tidied up.
            let lies = spot.beside(Beside::Old).is_some_and(|old| old.marks == image.marks && is(&old, Some(image)));
            if !lies {
                let bytes = image.bytes().ok_or_else(|| FileError::NoPath(file.path.clone()))?;
                spot.lay(Beside::Old, &bytes, &image.marks)?;
            }
            spot.swap(Beside::Old)?;
        }
    }
    spot.clear()?;
    Ok(aside)
}

fn is(now: &Found, image: Option<&Image>) -> bool {
    image.and_then(Image::bytes).is_some_and(|bytes| bytes == now.bytes)
}

/// What is there that neither setup nor the time before it wrote. Not being able to keep it must not keep people out.
fn keep(store: &Store, file: &Kept, bytes: &[u8]) -> Option<PathBuf> {
    store.keep_aside(&file.path, bytes).ok()
}

#[cfg(test)]
#[path = "back_tests.rs"]
mod tests;
