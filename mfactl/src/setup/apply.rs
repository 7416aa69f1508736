//! Does what a plan says, so that it goes back by itself unless it is confirmed, wherever this process may end.
//!
//! It is a list of steps. Before the first one that changes anything stand a timer that takes everything back, and, on
//! the disk, what was there before; the unit that runs at boot finds it there, too. A step that fails takes everything
//! back at once.

use super::back::{BackError, put_back};
use super::files::{Beside, FileError, Marks, Spot, Trust, make_folder, missing_folders};
use super::moment::{Moment, seconds};
use super::plan::{FileChange, Plan};
use super::session::{Instant, Session};
use super::state::{Image, Kept, Stage, State};
use super::store::{FOLDER, StateError, Store};
use super::trial::{self, SCRATCH, TrialError};
use super::typed::{self, Typed};
use super::world::{ThisMachine, Timer, World, disarm_all};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// After this time, and that of the trials, what was interrupted is taken back.
const GUARD: Duration = Duration::from_secs(120);
/// Files below it are the policy's: they come first, so that the daemon knows what it is to ask when a stack asks it.
const POLICY: &str = "mfa";
/// Stacks of services, by name.
const STACKS: &str = "pam.d";

/// What waits to be confirmed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// To be typed in another login.
    pub(crate) code: String,
    /// Then it goes back by itself.
    pub(crate) until: SystemTime,
}

/// Why it was not done. Nothing is changed then, or it says so.
#[derive(Debug)]
pub(crate) enum ApplyError {
    /// Another one waits to be confirmed.
    Pending,
    /// A file is not as it was when the plan was made.
    Changed(PathBuf),
    /// A file is not one to be changed.
    File(FileError),
    /// The state cannot be used.
    State(StateError),
    /// The way back cannot be made ready.
    NoWayBack(String),
    /// The daemon would not take the policy.
    Policy(String),
    /// sshd would not take its configuration.
    Sshd(String),
    /// For somebody sshd would do otherwise than was meant.
    Differs(String),
    /// A stack may not go live.
    Trial(TrialError),
    /// Something went wrong on the way, and on the way back, too.
    Stuck { why: Box<ApplyError>, back: BackError },
}

impl fmt::Display for ApplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str(
                "A setup waits to be confirmed already. In another login: mfactl setup confirm CODE. To take it back: \
                 mfactl setup undo",
            ),
            Self::Changed(path) => write!(
                f,
                "{} has been changed since it was read. Nothing was done. Start again, and look at the new diff.",
                path.display()
            ),
            Self::File(error) => write!(f, "{error}. Nothing is changed."),
            Self::State(error) => write!(f, "{error}"),
            Self::NoWayBack(why) => {
                write!(f, "The way back cannot be made ready, so nothing was changed: {why}")
            }
            Self::Policy(why) => write!(f, "The daemon does not take the policy: {why}. Everything is as it was."),
            Self::Sshd(why) => write!(f, "sshd does not take the configuration: {why}. Everything is as it was."),
            Self::Differs(how) => write!(f, "{how}. Everything is as it was."),
            Self::Trial(error) => write!(f, "{error} Everything is as it was."),
            Self::Stuck { why, back } => {
                write!(f, "{why}\nBUT it could not all be taken back: {back}\nTry: mfactl setup undo")
            }
        }
    }
}

impl std::error::Error for ApplyError {}

impl From<StateError> for ApplyError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

impl From<FileError> for ApplyError {
    fn from(error: FileError) -> Self {
        Self::File(error)
    }
}

/// Does it. It goes back after that time unless it is confirmed; without a time it stays at once. A login that is to be
/// typed is typed before anything but the policy is live.
///
/// # Errors
/// [`ApplyError`]
pub(crate) fn apply<'a>(
    plan: &'a Plan,
    within: Option<Duration>,
    typed: Option<Typed<'a>>,
) -> Result<Pending, ApplyError> {
    let mut applying = Applying::begin(&ThisMachine, Path::new(FOLDER), plan, within, typed)?;
    while applying.step()? {}
    Ok(applying.pending())
}

/// One step. After each of them the process may end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// A timer for the time in which files are changed.
    Guard,
    /// What was there before, on the disk.
    Keep,
    /// A folder.
    Folder(usize),
    /// A file's old and new content, beside it.
    Lay(usize),
    /// It takes the file's place.
    Swap(usize),
    /// The daemon takes the policy.
    Policy,
    /// Logins are tried.
    Try,
    /// sshd would take its configuration.
    CheckSshd,
    /// It takes it.
    Sshd,
    /// The timer that counts.
    Confirm,
    /// It waits to be confirmed, or stays.
    Done,
}

/// A setup under way, with the lock.
pub(crate) struct Applying<'a> {
    world: &'a dyn World,
    plan: &'a Plan,
    within: Option<Duration>,
    typed: Option<Typed<'a>>,
    store: Store,
    state: State,
    steps: std::vec::IntoIter<Step>,
    until: Moment,
}

impl<'a> Applying<'a> {
    /// Looks at everything and changes nothing but, if one was interrupted before, its remains.
    ///
    /// # Errors
    /// [`ApplyError`]
    pub(crate) fn begin(
        world: &'a dyn World,
        folder: &Path,
        plan: &'a Plan,
        within: Option<Duration>,
        typed: Option<Typed<'a>>,
    ) -> Result<Self, ApplyError> {
        let store = Store::open(folder)?;
        match store.pending()? {
            // Whoever was at it is gone: we have the lock.
            Some(state) if matches!(state.stage, Stage::Applying | Stage::Restored) => {
                let stuck = |back| ApplyError::Stuck { why: Box::new(ApplyError::Pending), back };
                put_back(world, &store, &state).map_err(stuck)?;
            }
            Some(_) => return Err(ApplyError::Pending),
            None => {}
        }
        let state = look(&store, plan, world.etc())?;
        let steps = steps(plan, &state, &world.etc().join(POLICY)).into_iter();
        Ok(Self { world, plan, within, typed, store, state, steps, until: Moment::now() })
    }

    /// Does the next step; `false` when there is none left.
    ///
    /// # Errors
    /// [`ApplyError`], after everything was taken back.
    pub(crate) fn step(&mut self) -> Result<bool, ApplyError> {
        let Some(step) = self.steps.next() else { return Ok(false) };
        let Err(why) = self.perform(step) else { return Ok(true) };
        match put_back(self.world, &self.store, &self.state) {
            Ok(_) => Err(why),
            Err(back) => Err(ApplyError::Stuck { why: Box::new(why), back }),
        }
    }

    pub(crate) fn pending(&self) -> Pending {
        let until = match &self.state.stage {
            Stage::Waiting { until_told, .. } => UNIX_EPOCH + Duration::from_secs(*until_told),
            _ => SystemTime::now(),
        };
        Pending { code: self.state.code.clone(), until }
    }

    fn perform(&mut self, step: Step) -> Result<(), ApplyError> {
        match step {
            Step::Guard => {
                let typing = self.typed.as_ref().map_or(Duration::ZERO, |_| typed::LONGEST);
                let time = GUARD + trial::longest(&self.plan.trials) + typing;
                self.world.arm(Timer::Guard, time).map_err(ApplyError::NoWayBack)
            }
            Step::Keep => {
                self.store.mirror(&self.state)?;
                Ok(self.store.keep(&self.state)?)
            }
            Step::Folder(at) => match self.state.folders.get(at) {
                Some(folder) => Ok(make_folder(folder, Trust::Needed)?),
                None => Ok(()),
            },
            Step::Lay(at) => self.lay(at),
            Step::Swap(at) => self.swap(at),
            Step::Policy => self.world.load_policy().map_err(ApplyError::Policy),
            Step::Try => self.try_logins().map_err(ApplyError::Trial),
            Step::CheckSshd => self.check_sshd(),
            Step::Sshd => self.world.reload_sshd().map_err(ApplyError::Sshd),
            Step::Confirm => self.arm(),
            Step::Done => self.done(),
        }
    }

    fn try_logins(&mut self) -> Result<(), TrialError> {
        let scratch = self.store.path(SCRATCH);
        self.world.try_logins(&self.plan.trials, &scratch)?;
        self.typed.as_mut().map_or(Ok(()), |typed| self.world.try_typed(typed, &scratch))
    }

    fn lay(&self, at: usize) -> Result<(), ApplyError> {
        let Some(kept) = self.state.files.get(at) else { return Ok(()) };
        let spot = spot(&kept.path)?;
        for (which, image) in [(Beside::Old, &kept.before), (Beside::New, &kept.after)] {
            if let Some((image, bytes)) = image.as_ref().and_then(|image| Some((image, image.bytes()?))) {
                spot.lay(which, &bytes, &image.marks)?;
            }
        }
        Ok(())
    }

    fn swap(&self, at: usize) -> Result<(), ApplyError> {
        let Some(kept) = self.state.files.get(at) else { return Ok(()) };
        let spot = spot(&kept.path)?;
        // Somebody may have been at it in these moments.
        let now = spot.read(Trust::Needed)?;
        let is_same = match (&now, &kept.before) {
            (Some(now), Some(before)) => Some(&now.bytes) == before.bytes().as_ref(),
            (None, None) => true,
            _ => false,
        };
        if !is_same {
            return Err(ApplyError::Changed(kept.path.clone()));
        }
        Ok(if kept.after.is_some() { spot.swap(Beside::New) } else { spot.remove() }?)
    }

    /// It would take its configuration, and do with everybody what was meant.
    fn check_sshd(&self) -> Result<(), ApplyError> {
        self.world.check_sshd().map_err(ApplyError::Sshd)?;
        self.plan.logins.iter().try_for_each(|login| {
            let effective = self.world.sshd_of(&login.connection()).map_err(ApplyError::Sshd)?;
            login.difference(&effective).map_or(Ok(()), |how| Err(ApplyError::Differs(how)))
        })
    }

    fn arm(&mut self) -> Result<(), ApplyError> {
        let Some(within) = self.within else { return Ok(()) };
        // The moment first: the timer must not come before it.
        self.until = Moment::now().after(within);
        self.world.arm(Timer::Confirm, within).map_err(ApplyError::NoWayBack)
    }

    fn done(&mut self) -> Result<(), ApplyError> {
        let Some(within) = self.within else {
            self.state.stage = Stage::Confirmed { at: seconds() };
            self.store.keep(&self.state)?;
            self.store.put_away(&self.state)?;
            disarm_all(self.world);
            return Ok(());
        };
        let (until, until_told) = (self.until.clone(), seconds() + within.as_secs());
        self.state.stage = Stage::Waiting { until, until_told, since: Instant::now() };
        self.store.keep(&self.state)?;
        self.world.disarm(Timer::Guard);
        Ok(())
    }
}

/// Reads every file, makes sure that it is as the plan has it, and writes down the way back.
fn look(store: &Store, plan: &Plan, etc: &Path) -> Result<State, ApplyError> {
    let is_policy = |file: &&FileChange| file.path.starts_with(etc.join(POLICY));
    let (policy, others): (Vec<&FileChange>, Vec<&FileChange>) =
        plan.files.iter().filter(|file| file.before != file.after).partition(is_policy);
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for change in policy.into_iter().chain(others) {
        for folder in missing_folders(&change.path)? {
            if !folders.contains(&folder) {
                folders.push(folder);
            }
        }
        files.push(looked_at(change)?);
    }
    let is_stack = |file: &&Kept| file.path.parent() == Some(&etc.join(STACKS));
    let name = |file: &Kept| Some(file.path.file_name()?.to_str()?.to_owned());
    Ok(State {
        number: store.next()?,
        stage: Stage::Applying,
        code: fresh_code().map_err(ApplyError::NoWayBack)?,
        session: Session::own().map(|session| session.name),
        services: files.iter().filter(is_stack).filter_map(name).collect(),
        files,
        folders,
        reload_policy: plan.reload_policy,
        reload_sshd: plan.reload_sshd,
        stuck: None,
    })
}

fn looked_at(change: &FileChange) -> Result<Kept, ApplyError> {
    let found = match Spot::open(&change.path, Trust::Needed)? {
        Some(spot) => spot.read(Trust::Needed)?,
        None => None,
    };
    if found.as_ref().map(|found| &found.bytes) != change.before.as_ref() {
        return Err(ApplyError::Changed(change.path.clone()));
    }
    let marks = found.as_ref().map_or_else(|| Marks::new(change.mode & 0o7777), |found| found.marks.clone());
    Ok(Kept {
        path: change.path.clone(),
        before: found.map(|found| Image::of(&found.bytes, found.marks)),
        after: change.after.as_ref().map(|bytes| Image::of(bytes, marks)),
    })
}

fn steps(plan: &Plan, state: &State, policy: &Path) -> Vec<Step> {
    let mut steps = vec![Step::Guard, Step::Keep];
    steps.extend((0..state.folders.len()).map(Step::Folder));
    let policy = state.files.iter().take_while(|file| file.path.starts_with(policy)).count();
    // A disk that is full is so before anything is live.
    steps.extend((0..state.files.len()).map(Step::Lay));
    steps.extend((0..policy).map(Step::Swap));
    steps.extend(plan.reload_policy.then_some(Step::Policy));
    steps.extend((!plan.trials.is_empty()).then_some(Step::Try));
    steps.extend((policy..state.files.len()).map(Step::Swap));
    if plan.reload_sshd {
        steps.extend([Step::CheckSshd, Step::Sshd]);
    }
    steps.extend([Step::Confirm, Step::Done]);
    steps
}

fn spot(path: &Path) -> Result<Spot, FileError> {
    Spot::open(path, Trust::Needed)?.ok_or_else(|| FileError::Io(path.to_owned(), rustix::io::Errno::NOENT))
}

/// Four digits: it is no secret, it shows that somebody has read the first terminal.
fn fresh_code() -> Result<String, String> {
    let mut bytes = [0; 4];
    getrandom::fill(&mut bytes).map_err(|error| error.to_string())?;
    Ok(format!("{}", 1000 + u32::from_le_bytes(bytes) % 9000))
}

#[cfg(test)]
#[path = "apply_tests.rs"]
pub(super) mod tests;
