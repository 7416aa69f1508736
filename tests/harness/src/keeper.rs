//! The process that a lab hangs on: starts it, knows when it is up, ends it. What must happen even when this program
//! is killed is done by a shell script of its own (`keeper.sh`), which notices that we are gone.

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::fs::{FlockOperation, flock};

use crate::guest::Machine;
use crate::host::{self, HostError};
use crate::layer::{Layer, LayerError};
use crate::notices::Notices;
use crate::stack::StackError;

/// In a lab's folder, the link to what it keeps on this machine's disk; gone with the lab.
pub(crate) const DISK: &str = "disk";

/// What a lab's root is booted in.
#[derive(Debug)]
pub(crate) enum Engine {
    /// A container on this machine's kernel.
    Container,
    /// A machine in software, with a kernel of its own.
    Machine(Machine),
}

impl Engine {
    /// The script of the lab's first process.
    fn script(&self) -> &'static str {
        match self {
            Self::Container => concat!(include_str!("root.sh"), include_str!("container.sh")),
            Self::Machine(_) => concat!(include_str!("root.sh"), include_str!("machine.sh")),
        }
    }

    /// A boot takes half a second, of a guest ten; this is for machines that do much else.
    fn boot_deadline(&self) -> Duration {
        Duration::from_secs(match self {
            Self::Container => 60,
            Self::Machine(_) => 300,
        })
    }

    /// How many process namespaces below ours its first process is: nspawn makes one more.
    fn depth(&self) -> usize {
        match self {
            Self::Container => 2,
            Self::Machine(_) => 1,
        }
    }
}

/// Why a lab did not boot.
#[derive(Debug)]
pub enum BootError {
    /// The machine lacks something.
    Host(HostError),
    /// A layer could not be had.
    Layer(LayerError),
    /// The release cannot have the stack that was asked for.
    Stack(StackError),
    /// The lab's folder or its processes could not be made.
    State(PathBuf, io::Error),
    /// It ended before it was up, or was not up in time; with what it printed.
    Console(&'static str, String),
}

impl std::fmt::Display for BootError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Host(error) => error.fmt(f),
            Self::Layer(error) => error.fmt(f),
            Self::Stack(error) => error.fmt(f),
            Self::State(path, error) => write!(f, "the lab's {}: {error}", path.display()),
            Self::Console(what, console) => write!(f, "the lab {what}. Its console:\n{console}"),
        }
    }
}

impl std::error::Error for BootError {}

/// A booted lab's processes and its folder. Dropping it ends the lab and waits until nothing of it is left.
#[derive(Debug)]
pub(crate) struct Keeper {
    engine: Engine,
    shell: Child,
    leash: Option<ChildStdin>,
    state: PathBuf,
    cgroup: PathBuf,
    leader: u32,
    notices: Notices,
    _alive: File,
    _layers: Vec<Layer>,
}

impl Keeper {
    /// Boots what `sow` lays over the layers (the uppermost first), and returns when systemd says that it is up.
    pub(crate) fn start(
        engine: Engine,
        layers: Vec<Layer>,
        sow: impl FnOnce(&[Layer], &Path) -> Result<(), BootError>,
    ) -> Result<Self, BootError> {
        let (state, alive) = claim_state()?;
        let at = |error| BootError::State(state.clone(), error);
        fs::create_dir(state.join("tree")).map_err(at)?;
        fs::write(state.join("inside"), engine.script()).map_err(at)?;
        sow(&layers, &state.join("seed"))?;
        if let (Engine::Machine(machine), Some(base)) = (&engine, layers.last()) {
            machine.sow(&state, &base.path).map_err(at)?;
        }
        let notices = Notices::listen(&state.join("notify")).map_err(at)?;
        let cgroup = host::cgroup_tree().map_err(BootError::Host)?.join(cgroup_name(&state));
        let mut shell = spawn(&state, &cgroup, &layers).map_err(at)?;
        let leash = shell.stdin.take();
        let mut keeper =
            Self { engine, shell, leash, state, cgroup, leader: 0, notices, _alive: alive, _layers: layers };
        keeper.wait_until_up()?;
        Ok(keeper)
    }

    /// Forgets what it has said so far: it says that it is up also when it has read its units anew.
    pub(crate) fn forget_what_was_said(&self) -> Result<(), BootError> {
        self.notices.forget().map_err(|error| BootError::State(PathBuf::from("notify"), error))
    }

    /// Waits until it is up again, after it was told to start anew.
    pub(crate) fn wait_until_up_again(&mut self) -> Result<(), BootError> {
        self.wait_until_up()
    }

    /// What it is booted in.
    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The lab's first process, as this machine numbers it.
    pub(crate) fn leader(&self) -> u32 {
        self.leader
    }

    /// The lab's folder on this machine; gone with the lab.
    pub(crate) fn state(&self) -> &Path {
        &self.state
    }

    /// The cgroup, inside the lab's, for programs that enter the lab from outside.
    pub(crate) fn guests(&self) -> PathBuf {
        self.cgroup.join("payload/guests.scope")
    }

    fn wait_until_up(&mut self) -> Result<(), BootError> {
        self.wait_until_ready()?;
        self.leader = self.find_leader().ok_or_else(|| self.console("has no first process"))?;
        if let Engine::Machine(machine) = &self.engine {
            let connected = machine.connect(&self.state, self.leader);
            return connected.map_err(|error| BootError::State(self.state.join("channel"), error));
        }
        match fs::create_dir(self.guests()) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(BootError::State(self.guests(), error)),
            _ => Ok(()),
        }
    }

    fn wait_until_ready(&mut self) -> Result<(), BootError> {
        let at = |error| BootError::State(PathBuf::from("notify"), error);
        let deadline = Instant::now() + self.engine.boot_deadline();
        while Instant::now() < deadline {
            if self.notices.is_ready_within(Duration::from_millis(100)) {
                return Ok(());
            }
            if self.shell.try_wait().map_err(at)?.is_some() {
                return Err(self.console("ended while it booted"));
            }
        }
        Err(self.console("was not up in time"))
    }

    /// The one process among our descendants that is number 1 in a namespace so far below ours.
    fn find_leader(&self) -> Option<u32> {
        let depth = self.engine.depth();
        let candidates =
            fs::read_dir("/proc").ok()?.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        candidates.into_iter().find(|pid| is_nested_init(*pid, depth) && descends_from(*pid, self.shell.id()))
    }

    fn console(&self, what: &'static str) -> BootError {
        let mut text = Vec::new();
        // The keeper removes the folder when the lab has ended by itself; our descriptor still reads the file.
        let read = File::open(self.state.join("console")).and_then(|mut file| file.read_to_end(&mut text));
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(40)..].join("\n");
        BootError::Console(what, read.map_or_else(|error| error.to_string(), |_| tail))
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.leash.take());
        let _ = self.shell.wait();
        // Done already, unless somebody killed the shell.
        bury(&self.state, &self.cgroup);
    }
}

fn spawn(state: &Path, cgroup: &Path, layers: &[Layer]) -> io::Result<Child> {
    let console = File::create(state.join("console"))?;
    Command::new("sh")
        .args(["-c", include_str!("keeper.sh"), "keeper.sh"])
        .args([state, cgroup])
        .args(layers.iter().map(|layer| &layer.path))
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .current_dir("/")
        .stdin(Stdio::piped())
        .stdout(console.try_clone()?)
        .stderr(console)
        // Its own process group: a Ctrl-C for the tests ends them, and their end ends the lab.
        .process_group(0)
        .spawn()
}

/// A folder for a new lab, with the lock that says its program lives; and removes what dead programs left.
fn claim_state() -> Result<(PathBuf, File), BootError> {
    static LABS: AtomicU32 = AtomicU32::new(0);
    let home = Path::new(host::STATE);
    let number = LABS.fetch_add(1, Ordering::Relaxed);
    let state = home.join(format!("{}-{number}", std::process::id()));
    let at = |error: io::Error| BootError::State(state.clone(), error);
    match fs::DirBuilder::new().mode(0o700).create(home) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(at(error)),
        _ => {}
    }
    let turn = File::create(home.join("turn")).map_err(at)?;
    flock(&turn, FlockOperation::LockExclusive).map_err(|error| at(error.into()))?;
    sweep(home);
    fs::create_dir(&state).map_err(at)?;
    let alive = File::create(state.join("alive")).map_err(at)?;
    flock(&alive, FlockOperation::LockExclusive).map_err(|error| at(error.into()))?;
    Ok((state, alive))
}

/// Labs whose keeper was killed, too: the kernel has ended them, their cgroups and folders are left.
fn sweep(home: &Path) {
    let Ok(entries) = fs::read_dir(home) else { return };
    for state in entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()) {
        let lock = File::open(state.join("alive"));
        let dead = lock.is_ok_and(|lock| flock(&lock, FlockOperation::NonBlockingLockExclusive).is_ok());
        if dead {
            if let Ok(tree) = host::cgroup_tree() {
                bury(&state, &tree.join(cgroup_name(&state)));
            }
        }
    }
}

fn cgroup_name(state: &Path) -> String {
    format!("mfa-lab-{}", state.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes what a lab leaves that was killed: first its cgroup, once the kernel has ended all that was in it.
fn bury(state: &Path, cgroup: &Path) {
    let deadline = Instant::now() + Duration::from_secs(5);
    while cgroup.exists() && Instant::now() < deadline {
        remove_cgroup(cgroup);
        std::thread::sleep(Duration::from_millis(if cgroup.exists() { 10 } else { 0 }));
    }
    // While the cgroup is there the folder stays, too: by it the next lab finds both.
    if !cgroup.exists() {
        if let Ok(disk) = fs::read_link(state.join(DISK)) {
            let _ = fs::remove_dir_all(disk);
        }
        let _ = fs::remove_dir_all(state);
    }
}

fn remove_cgroup(folder: &Path) {
    for child in fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()) {
        if child.is_dir() {
            remove_cgroup(&child);
        }
    }
    let _ = fs::remove_dir(folder);
}

fn is_nested_init(pid: u32, depth: usize) -> bool {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let numbers = status.lines().find_map(|line| line.strip_prefix("NSpid:")).unwrap_or_default();
    let numbers: Vec<&str> = numbers.split_whitespace().collect();
    numbers.len() == depth + 1 && numbers.last() == Some(&"1")
}

fn descends_from(pid: u32, ancestor: u32) -> bool {
    let mut pid = pid;
    for _generation in 0..6 {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).and_then(|pid| pid.trim().parse().ok());
        match parent {
            Some(parent) if parent == ancestor => return true,
            Some(parent) => pid = parent,
            None => return false,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_descends_from_its_parent_and_not_from_itself() {
        let parent = std::os::unix::process::parent_id();
        assert!(descends_from(std::process::id(), parent));
        assert!(!descends_from(parent, std::process::id()));
    }
}
