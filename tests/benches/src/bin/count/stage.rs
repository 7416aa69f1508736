//! A daemon of one's own, for counting: its folders, a clock that is set by hand, its log, and people enrolled in it.

use harness::{Failure, Outcome, Phone};
use mfa_proto::enrollment::{ADD_TOTP, AddTotp, CONFIRM, Confirm, Confirmation, Confirmed, PendingTotp};
use mfa_proto::{Client, Secret};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A moment in 2027, at the beginning of a step.
const BEGINNING: u64 = 1_800_000_000;
/// Seconds of a step.
pub(crate) const PERIOD: u64 = 30;
/// How long a daemon may take to start or to end, and to answer: under valgrind everything is fifty times slower.
const PATIENCE: Duration = Duration::from_secs(300);
/// The PAM service that everybody is asked at.
pub(crate) const SERVICE: &str = "count";

/// The folders of one daemon.
pub(crate) struct Stage {
    folder: PathBuf,
    clock: u64,
}

/// What the daemon takes for its surroundings, compiled.
pub(crate) struct Fakes(PathBuf);

impl Fakes {
    /// From their sources, into this folder.
    pub(crate) fn compile(sources: &Path, folder: &Path) -> Outcome<Self> {
        let made =
            [("still.c", "still.so"), ("surroundings.c", "surroundings.so"), ("name_service.c", "libnss_fake.so.2")];
        for (source, library) in made {
            let mut cc = Command::new("cc");
            cc.args(["-shared", "-fPIC", "-O2", "-o"]).arg(folder.join(library)).arg(sources.join(source));
            if !cc.status()?.success() {
                return Err(Failure::new(format!("{source} cannot be compiled")));
            }
        }
        Ok(Self(folder.to_owned()))
    }

    /// A clock that is set by hand, accounts that exist nowhere, a log of one's own.
    pub(crate) fn usual(&self) -> Vec<PathBuf> {
        vec![self.0.join("surroundings.so")]
    }

    /// And no time that passes.
    pub(crate) fn still(&self) -> Vec<PathBuf> {
        vec![self.0.join("still.so"), self.0.join("surroundings.so")]
    }
}

/// A daemon that runs.
pub(crate) struct Daemon {
    process: Child,
    socket: PathBuf,
}

impl Stage {
    /// In a fresh folder below this one.
    pub(crate) fn new(within: &Path, name: &str) -> Outcome<Self> {
        let folder = within.join(name);
        for (below, mode) in [("", 0o755), ("config", 0o755), ("state", 0o700), ("run", 0o755)] {
            fs::create_dir(folder.join(below))?;
            fs::set_permissions(folder.join(below), Permissions::from_mode(mode))?;
        }
        fs::write(folder.join("key"), [7; 32])?;
        fs::set_permissions(folder.join("key"), Permissions::from_mode(0o600))?;
        let policy = format!("[defaults]\nservices = [\"{SERVICE}\"]\nrequire = \"if-enrolled\"\n");
        fs::write(folder.join("config/policy.toml"), policy)?;
        fs::write(folder.join("name-service"), "passwd ok\ngroup ok\n")?;
        let stage = Self { folder, clock: BEGINNING };
        stage.set_clock(BEGINNING)?;
        let log = UnixDatagram::bind(stage.path("log"))?;
        // Until the end of this process; a log that nobody reads would block whoever writes it.
        std::thread::spawn(move || while log.recv(&mut [0; 4096]).is_ok() {});
        Ok(stage)
    }

    /// A file in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn set_clock(&self, now: u64) -> Outcome {
        // Written in its place: the daemon has mapped it.
        use std::os::unix::fs::FileExt;
        let file = fs::File::options().write(true).create(true).truncate(false).open(self.path("clock"))?;
        Ok(file.write_all_at(&now.to_ne_bytes(), 0)?)
    }

    /// Lets the time pass.
    pub(crate) fn wait(&mut self, seconds: u64) -> Outcome {
        self.clock += seconds;
        self.set_clock(self.clock)
    }

    /// The code of now.
    pub(crate) fn code(&self, phone: &Phone) -> String {
        phone.code_of_step(self.clock / PERIOD)
    }

    /// A number that is no code at any time near.
    pub(crate) fn wrong_code(&self, phone: &Phone) -> String {
        let near = (self.clock / PERIOD - 2..=self.clock / PERIOD + 2).map(|step| phone.code_of_step(step));
        let near: Vec<String> = near.collect();
        let wrong = (0..).map(|number| format!("{number:06}")).find(|number| !near.contains(number));
        wrong.unwrap_or_default()
    }

    /// Starts this daemon here; the words come before it, such as valgrind's. Of the fakes, these are loaded into it.
    pub(crate) fn start(&self, before: &[String], daemon: &Path, fakes: &[PathBuf]) -> Outcome<Daemon> {
        let words: Vec<String> = before.iter().cloned().chain([daemon.display().to_string()]).collect();
        let (program, words) = words.split_first().ok_or_else(|| Failure::new("nothing to start"))?;
        let mut command = Command::new(program);
        command.args(words).args(["--config".as_ref(), self.path("config").as_os_str()]);
        command.args(["--state".as_ref(), self.path("state").as_os_str()]);
        command.args(["--master-key".as_ref(), self.path("key").as_os_str()]);
        command.args(["--logind".as_ref(), self.path("logind").as_os_str()]);
        command.args(["--listen".as_ref(), self.path("run").as_os_str()]);
        let loaded = fakes.iter().map(|fake| fake.display().to_string()).collect::<Vec<_>>().join(":");
        let folder = fakes.first().and_then(|fake| fake.parent()).unwrap_or(Path::new("/"));
        command.env("LD_PRELOAD", loaded).env("LD_LIBRARY_PATH", folder);
        command.env("FAKE_CLOCK", self.path("clock")).env("FAKE_LOG", self.path("log"));
        command.env("FAKE_NAME_SERVICE", self.path("name-service"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(fs::File::create(self.path("said"))?);
        let daemon = Daemon { process: command.spawn()?, socket: self.path("run/root.sock") };
        daemon.await_socket().map_err(|failure| {
            Failure::new(format!("{failure}\n{}", fs::read_to_string(self.path("said")).unwrap_or_default()))
        })?;
        Ok(daemon)
    }

    /// Enrolls somebody; afterwards no code of theirs is used that is of a later step than now.
    pub(crate) fn enroll(&mut self, daemon: &Daemon, name: &str) -> Outcome<Phone> {
        let user = Some(name.to_owned());
        let mut client = daemon.connect()?;
        let asked = AddTotp { user: user.clone(), name: None, fresh: false };
        let pending: PendingTotp = client.call(ADD_TOTP, &asked)?;
        let phone = Phone::scan(&format!("otpauth://totp/count?secret={}", pending.secret.expose()))?;
        let code = phone.code_of_step(self.clock / PERIOD - 1);
        let confirm = Confirm { user, id: pending.id, codes: vec![Secret::new(code)] };
        let confirmed: Confirmed = client.call(CONFIRM, &confirm)?;
        match confirmed.result {
            Confirmation::Done => Ok(phone),
            other => Err(Failure::new(format!("{name} could not be enrolled: {other:?}"))),
        }
    }
}

impl Daemon {
    /// A connection, as root's applications have one each login.
    pub(crate) fn connect(&self) -> Outcome<Client> {
        Ok(Client::connect(&self.socket, Instant::now() + PATIENCE)?)
    }

    fn await_socket(&self) -> Outcome {
        let patience = Instant::now() + PATIENCE;
        while self.connect().is_err() {
            if Instant::now() > patience {
                return Err(Failure::new("the daemon does not listen"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends it, and waits until it has ended.
    pub(crate) fn stop(mut self) -> Outcome {
        let pid = i32::try_from(self.process.id()).ok().and_then(rustix::process::Pid::from_raw);
        let pid = pid.ok_or_else(|| Failure::new("a daemon without a number"))?;
        rustix::process::kill_process(pid, rustix::process::Signal::TERM)?;
        let status = self.process.wait()?;
        if status.success() { Ok(()) } else { Err(Failure::new(format!("the daemon ended with {status}"))) }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
