//! A daemon of one's own: its folders, its surroundings (clock, log, name service), and what it says.
//!
//! The clock stands still until a test moves it, so no test waits for a code and none depends on the second it runs in.

use crate::wire::Wire;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, OnceLock};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take that happens at once.
pub(crate) const SOON: Duration = Duration::from_secs(20);
/// The time at which a test begins: a moment in 2027, at the beginning of a step.
pub(crate) const BEGINNING: i64 = 1_800_000_000;
/// A user who is neither root nor anybody in particular.
pub(crate) const NOBODY: u32 = 65534;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_mfa-daemon");

/// Whether the tests run as root, and can be two different peers.
pub(crate) fn as_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Says why a row was left out.
pub(crate) fn left_out(row: &str) {
    eprintln!("LEFT OUT, since it needs root: {row}");
}

/// The login name of whoever runs the tests.
pub(crate) fn me() -> String {
    let uid = nix::unistd::Uid::from_raw(rustix::process::geteuid().as_raw());
    nix::unistd::User::from_uid(uid).unwrap().expect("whoever runs the tests has an account").name
}

/// The folders of one daemon.
pub(crate) struct Place {
    pub(crate) dir: TempDir,
    log: UnixDatagram,
}

impl Place {
    /// With a policy that asks everybody everywhere.
    pub(crate) fn new() -> Self {
        let dir = tempfile::Builder::new().prefix("mfa-daemon-").tempdir().unwrap();
        fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
        let log = UnixDatagram::bind(dir.path().join("log")).unwrap();
        fs::set_permissions(dir.path().join("log"), Permissions::from_mode(0o666)).unwrap();
        let place = Self { dir, log };
        for (name, mode) in [("config", 0o755), ("state", 0o700), ("run", 0o755)] {
            fs::create_dir(place.path(name)).unwrap();
            fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
        }
        place.write("key", &[7; 32], 0o600);
        place.write("clock", &BEGINNING.to_ne_bytes(), 0o644);
        place.name_service("ok", "ok");
        place.policy("[defaults]\nrequire = \"always\"\nenroll = \"deny\"\n");
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8], mode: u32) {
        fs::write(self.path(name), bytes).unwrap();
        fs::set_permissions(self.path(name), Permissions::from_mode(mode)).unwrap();
    }

    pub(crate) fn policy(&self, text: &str) {
        self.write("config/policy.toml", text.as_bytes(), 0o644);
    }

    /// What the directory behind the fake name service does from now on: see tests/fakes/name_service.c.
    pub(crate) fn name_service(&self, passwd: &str, group: &str) {
        let text = format!("passwd {passwd}\ngroup {group}\n");
        self.write("name-service.new", text.as_bytes(), 0o644);
        fs::rename(self.path("name-service.new"), self.path("name-service")).unwrap();
    }

    /// Sets the daemon's clock.
    pub(crate) fn set_clock(&self, to: i64) {
        let file = fs::OpenOptions::new().write(true).open(self.path("clock")).unwrap();
        file.write_all_at(&to.to_ne_bytes(), 0).unwrap();
    }

    pub(crate) fn clock(&self) -> i64 {
        i64::from_ne_bytes(fs::read(self.path("clock")).unwrap().try_into().unwrap())
    }

    /// Gives all that is here to another user, who is to run the daemon.
    pub(crate) fn give_to(&self, uid: u32) {
        for name in ["", "config", "config/policy.toml", "state", "run", "key"] {
            std::os::unix::fs::chown(self.path(name), Some(uid), Some(uid)).unwrap();
        }
    }

    /// How another user starts it, who may not see this checkout.
    pub(crate) fn command_as(&self, uid: u32) -> Command {
        use std::os::unix::process::CommandExt;
        self.give_to(uid);
        let program = self.path("mfa-daemon");
        if !program.exists() {
            fs::copy(PROGRAM, &program).unwrap();
        }
        let copied = |name: &str| fs::copy(fakes().join(name), self.path(name)).unwrap();
        let _ = (copied("surroundings.so"), copied("libnss_fake.so.2"));
        let own = self.command();
        let mut command = Command::new(program);
        command.args(own.get_args()).uid(uid).gid(uid);
        command.envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("LD_PRELOAD", self.path("surroundings.so")).env("LD_LIBRARY_PATH", self.dir.path());
        command
    }

    /// How the daemon is started here.
    pub(crate) fn command(&self) -> Command {
        let mut command = self.command_without_sockets();
        command.arg("--listen").arg(self.path("run"));
        command
    }

    pub(crate) fn command_without_sockets(&self) -> Command {
        let mut command = Command::new(PROGRAM);
        let fakes = fakes();
        command.args(["--config".as_ref(), self.path("config").as_os_str()]);
        command.args(["--state".as_ref(), self.path("state").as_os_str()]);
        command.args(["--master-key".as_ref(), self.path("key").as_os_str()]);
        command.args(["--logind".as_ref(), self.path("logind").as_os_str()]);
        command.env("LD_PRELOAD", fakes.join("surroundings.so")).env("LD_LIBRARY_PATH", fakes);
        command.env("FAKE_CLOCK", self.path("clock")).env("FAKE_LOG", self.path("log"));
        command.env("FAKE_NAME_SERVICE", self.path("name-service"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// A running daemon that has said that it is ready.
    pub(crate) fn start(&self) -> Daemon<'_> {
        self.start_by(self.command())
    }

    pub(crate) fn start_by(&self, command: Command) -> Daemon<'_> {
        let daemon = self.start_saying_it_to(command, Stdio::piped());
        // What it says of its start is not taken for what it says later.
        daemon.errors.wait_for_any(&["policy in force", "every login is refused"]);
        daemon
    }

    pub(crate) fn start_saying_it_to(&self, mut command: Command, errors: Stdio) -> Daemon<'_> {
        let ready = self.path("ready");
        let _ = fs::remove_file(&ready);
        let notices = UnixDatagram::bind(&ready).unwrap();
        fs::set_permissions(&ready, Permissions::from_mode(0o666)).unwrap();
        notices.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let mut daemon = self.launch(command.env("NOTIFY_SOCKET", &ready), errors);
        let deadline = Instant::now() + SOON;
        let mut notice = [0; 256];
        loop {
            if matches!(notices.recv(&mut notice), Ok(read) if notice[..read].starts_with(b"READY=1")) {
                daemon.notices = Some(notices);
                return daemon;
            }
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("the daemon ended: {status}\n{}", daemon.errors.all().join("\n"));
            }
            assert!(Instant::now() < deadline, "the daemon is not ready:\n{}", daemon.errors.all().join("\n"));
        }
    }

    /// A daemon that may end by itself.
    pub(crate) fn launch(&self, command: &mut Command, stderr: Stdio) -> Daemon<'_> {
        let mut child = command.stderr(stderr).spawn().unwrap();
        let errors = Lines::default();
        if let Some(stderr) = child.stderr.take() {
            let (reading, lines) = (errors.clone(), BufReader::new(stderr));
            std::thread::spawn(move || lines.lines().map_while(Result::ok).for_each(|line| reading.add(line)));
        }
        let log = Lines::default();
        let (reading, socket) = (log.clone(), self.log.try_clone().unwrap());
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        std::thread::spawn(move || {
            let mut line = vec![0; 1 << 17];
            while !reading.is_closed() {
                if let Ok(read) = socket.recv(&mut line) {
                    reading.add(String::from_utf8_lossy(&line[..read]).into_owned());
                }
            }
        });
        Daemon { place: self, child, errors, log, notices: None }
    }
}

/// The fakes, compiled once for this run of the tests; another run at the same time finds them whole.
fn fakes() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("fakes");
        fs::create_dir_all(&folder).unwrap();
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/fakes");
        for (source, library) in [("surroundings.c", "surroundings.so"), ("name_service.c", "libnss_fake.so.2")] {
            let fresh = tempfile::Builder::new().tempfile_in(&folder).unwrap();
            let compiled = Command::new("cc")
                .args(["-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o"])
                .args([fresh.path(), &sources.join(source)])
                .status()
                .unwrap();
            assert!(compiled.success(), "{source}");
            fs::set_permissions(fresh.path(), Permissions::from_mode(0o755)).unwrap();
            fresh.persist(folder.join(library)).unwrap();
        }
        folder
    })
}

/// Lines that come in, to be waited for.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<(Mutex<Vec<String>>, Condvar)>, Arc<std::sync::atomic::AtomicBool>);

impl Lines {
    fn add(&self, line: String) {
        self.0.0.lock().unwrap().push(line);
        self.0.1.notify_all();
    }

    fn close(&self) {
        self.1.store(true, std::sync::atomic::Ordering::Relaxed);
    }

    fn is_closed(&self) -> bool {
        self.1.load(std::sync::atomic::Ordering::Relaxed)
    }

    pub(crate) fn all(&self) -> Vec<String> {
        self.0.0.lock().unwrap().clone()
    }

    /// Waits until so many lines hold the text; the last of them.
    pub(crate) fn wait_for(&self, text: &str, times: usize) -> String {
        let deadline = Instant::now() + SOON;
        let mut lines = self.0.0.lock().unwrap();
        loop {
            if let Some(line) = lines.iter().filter(|line| line.contains(text)).nth(times - 1) {
                return line.clone();
            }
            let left = deadline.checked_duration_since(Instant::now());
            let Some(left) = left else { panic!("no line with {text:?} in:\n{}", lines.join("\n")) };
            lines = self.0.1.wait_timeout(lines, left).unwrap().0;
        }
    }

    /// Waits for a line that holds one of the texts.
    pub(crate) fn wait_for_any(&self, texts: &[&str]) {
        let deadline = Instant::now() + SOON;
        while !texts.iter().any(|text| self.count(text) > 0) {
            assert!(Instant::now() < deadline, "none of {texts:?} in:\n{}", self.all().join("\n"));
            self.wait_for_more();
        }
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.0.0.lock().unwrap().iter().filter(|line| line.contains(text)).count()
    }
}

/// A running daemon; killed when it goes.
pub(crate) struct Daemon<'a> {
    pub(crate) place: &'a Place,
    pub(crate) child: Child,
    /// What it says of itself.
    pub(crate) errors: Lines,
    /// What it says about logins.
    pub(crate) log: Lines,
    /// What it tells systemd.
    notices: Option<UnixDatagram>,
}

impl Daemon<'_> {
    /// A connection of whoever runs the tests, to the socket that is theirs.
    pub(crate) fn connect(&self) -> Wire {
        Wire::new(UnixStream::connect(self.socket(as_root())).unwrap())
    }

    /// A connection of another uid: the kernel takes the credentials of the thread that connects.
    pub(crate) fn connect_as(&self, uid: u32) -> Wire {
        let socket = self.socket(uid == 0);
        let connected = std::thread::spawn(move || {
            if uid != rustix::process::geteuid().as_raw() {
                let keep = None::<rustix::process::Uid>;
                rustix::thread::set_thread_res_uid(keep, Some(rustix::process::Uid::from_raw(uid)), keep).unwrap();
            }
            UnixStream::connect(socket)
        });
        Wire::new(connected.join().unwrap().unwrap())
    }

    pub(crate) fn socket(&self, root: bool) -> PathBuf {
        self.place.path(if root { "run/root.sock" } else { "run/mfa.sock" })
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Makes it take the configuration anew; true if it did, false if it says that it did not.
    pub(crate) fn reload(&self) -> bool {
        let (taken, kept) = ("policy in force", "stays in force");
        let before = (self.errors.count(taken), self.errors.count(kept) + self.errors.count("every login is refused"));
        self.signal(Signal::HUP);
        let deadline = Instant::now() + SOON;
        loop {
            let refused = self.errors.count(kept) + self.errors.count("every login is refused");
            match (self.errors.count(taken) > before.0, refused > before.1) {
                (true, _) => return true,
                (_, true) => return false,
                _ => assert!(Instant::now() < deadline, "no word about the configuration: {:?}", self.errors.all()),
            }
            self.errors.wait_for_more();
        }
    }

    /// Waits until it has heard that it is to stop.
    pub(crate) fn wait_until_stopping(&self) {
        let notices = self.notices.as_ref().unwrap();
        notices.set_read_timeout(Some(SOON)).unwrap();
        let mut notice = [0; 256];
        let read = notices.recv(&mut notice).unwrap();
        assert!(notice[..read].starts_with(b"STOPPING=1"));
    }

    /// Waits for its end.
    pub(crate) fn wait(&mut self, at_most: Duration) -> ExitStatus {
        if let Some(status) = self.child.try_wait().unwrap() {
            return status;
        }
        let process = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
        let mut fds = [PollFd::from_borrowed_fd(process.as_fd(), PollFlags::IN)];
        let timeout = Timespec::try_from(at_most).unwrap();
        let ended = poll(&mut fds, Some(&timeout)).unwrap();
        assert!(ended == 1, "the daemon does not end:\n{}", self.errors.all().join("\n"));
        self.child.wait().unwrap()
    }

    /// Ends it as the machine's power cut would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().signal(), Some(9));
    }

    pub(crate) fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Lines {
    /// Waits a moment for another line.
    pub(crate) fn wait_for_more(&self) {
        let lines = self.0.0.lock().unwrap();
        let before = lines.len();
        let _ = self.0.1.wait_timeout_while(lines, Duration::from_millis(100), |lines| lines.len() == before).unwrap();
    }
}

impl Drop for Daemon<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.log.close();
    }
}
