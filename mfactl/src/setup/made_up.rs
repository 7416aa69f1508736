//! A made-up machine for the tests of applying and taking back: real files below a folder, and a world that is told
//! nothing but writes down what it was to do, and may fail at one of them.

use super::apply::{ApplyError, Applying, Pending};
use super::meant::Meant;
use super::plan::{FileChange, Plan, Trial};
use super::trial::TrialError;
use super::typed::Typed;
use super::world::{Timer, World};
use crate::sshd::Effective;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// The machine.
pub(crate) struct MadeUp {
    folder: TempDir,
    etc: PathBuf,
    calls: RefCell<Vec<String>>,
    armed: RefCell<Vec<Timer>>,
    times: RefCell<Vec<(Timer, Duration)>>,
    /// What sshd says of everybody.
    pub(crate) says: RefCell<String>,
    /// The call that fails.
    pub(crate) fails: Cell<Option<&'static str>>,
}

/// Everything below `/etc`: what it is, whose, with which permissions, and its bytes.
pub(crate) type Tree = BTreeMap<PathBuf, (u32, u32, u32, Vec<u8>)>;

impl MadeUp {
    pub(crate) fn new() -> Self {
        // In memory, where there is that: everything is synced, many times.
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let etc = folder.path().join("etc");
        let machine = Self {
            folder,
            etc,
            calls: RefCell::default(),
            armed: RefCell::default(),
            times: RefCell::default(),
            says: RefCell::new("usepam yes".to_owned()),
            fails: Cell::new(None),
        };
        for (path, text, mode) in [
            ("pam.d/sshd", "@include common-auth\n", 0o644),
            ("pam.d/sudo", "@include common-auth\n", 0o640),
            ("ssh/sshd_config", "UsePAM yes\n", 0o600),
            ("mfa/policy.toml", "[defaults]\n", 0o644),
        ] {
            machine.write(path, text);
            fs::set_permissions(machine.path(path), fs::Permissions::from_mode(mode)).unwrap();
        }
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(machine.path("pam.d/sudo"), None, Some(65534)).unwrap();
        }
        machine
    }

    /// A file of `/etc`.
    pub(crate) fn path(&self, below: &str) -> PathBuf {
        self.etc.join(below)
    }

    pub(crate) fn write(&self, below: &str, text: &str) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where setup keeps its state.
    pub(crate) fn state(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    pub(crate) fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        collect(&self.etc, &mut tree);
        tree
    }

    /// What was to be done, in order.
    pub(crate) fn calls(&self) -> Vec<String> {
        self.calls.borrow().clone()
    }

    /// Timers that run.
    pub(crate) fn armed(&self) -> Vec<Timer> {
        self.armed.borrow().clone()
    }

    /// What was armed, in order, and after how long it was to come.
    pub(crate) fn times(&self) -> Vec<(Timer, Duration)> {
        self.times.borrow().clone()
    }

    /// Does all of it.
    pub(crate) fn apply(&self, plan: &Plan, within: Option<Duration>) -> Result<Pending, ApplyError> {
        let mut applying = Applying::begin(self, &self.state(), plan, within, None)?;
        while applying.step()? {}
        Ok(applying.pending())
    }

    /// Does so many steps and then nothing more, as though killed. Whether that was all.
    pub(crate) fn killed_after(&self, plan: &Plan, within: Option<Duration>, steps: usize) -> bool {
        let mut applying = Applying::begin(self, &self.state(), plan, within, None).unwrap();
        (0..steps).any(|_| !applying.step().unwrap())
    }

    fn call(&self, what: &str) -> Result<(), String> {
        self.calls.borrow_mut().push(what.to_owned());
        if self.fails.get() == Some(what) { Err(format!("{what} fails")) } else { Ok(()) }
    }
}

impl World for MadeUp {
    fn etc(&self) -> &Path {
        &self.etc
    }

    fn arm(&self, timer: Timer, after: Duration) -> Result<(), String> {
        self.call("arm")?;
        self.times.borrow_mut().push((timer, after));
        self.armed.borrow_mut().push(timer);
        Ok(())
    }

    fn disarm(&self, timer: Timer) {
        self.armed.borrow_mut().retain(|armed| *armed != timer);
    }

    fn load_policy(&self) -> Result<(), String> {
        self.call("policy")
    }

    fn check_sshd(&self) -> Result<(), String> {
        self.call("check sshd")
    }

    fn sshd_of(&self, connection: &str) -> Result<Effective, String> {
        self.call(&format!("sshd of {connection}"))?;
        Ok(Effective::of([self.says.borrow().clone()]).unwrap())
    }

    fn reload_sshd(&self) -> Result<(), String> {
        self.call("sshd")
    }

    fn try_logins(&self, _: &[Trial], _: &Path) -> Result<(), TrialError> {
        self.call("try").map_err(TrialError::Program)
    }

    fn try_typed(&self, typed: &mut Typed<'_>, _: &Path) -> Result<(), TrialError> {
        self.call(&format!("typed by {}", typed.trial.account)).map_err(TrialError::Program)
    }
}

/// One file in a folder that is not there, two that are changed, one that goes, one that is new.
pub(crate) fn plan(machine: &MadeUp) -> Plan {
    let change = |below: &str, after: Option<&str>| FileChange {
        path: machine.path(below),
        before: fs::read(machine.path(below)).ok(),
        after: after.map(|text| text.as_bytes().to_vec()),
        mode: 0o644,
    };
    Plan {
        files: vec![
            change("pam.d/sshd", Some("@include common-auth\nauth required pam_mfa.so\n")),
            change("pam.d/sudo", None),
            change("ssh/sshd_config", Some("Include x\nUsePAM yes\n")),
            change("ssh/sshd_config.d/01-mfa.conf", Some("KbdInteractiveAuthentication yes\n")),
            change("mfa/policy.d/10-setup.toml", Some("[[rule]]\n")),
        ],
        reload_policy: true,
        reload_sshd: true,
        logins: vec![Meant {
            user: "alice".into(),
            who: "in the group",
            from: "10.0.0.9".into(),
            values: BTreeMap::from([("usepam".into(), vec!["yes".into()])]),
        }],
        trials: vec![Trial { stands_for: "sshd".into(), stack: String::new(), account: "alice".into() }],
    }
}

fn collect(folder: &Path, tree: &mut Tree) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let data = fs::symlink_metadata(&path).unwrap();
        let bytes = if data.is_file() { fs::read(&path).unwrap() } else { Vec::new() };
        tree.insert(path.clone(), (data.mode(), data.uid(), data.gid(), bytes));
        if data.is_dir() {
            collect(&path, tree);
        }
    }
}
