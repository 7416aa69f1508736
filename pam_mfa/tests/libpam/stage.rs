//! What a test of the real module needs: the module as cargo builds it, a C program that is the application, a folder
//! that is `/run/mfa` and `/dev/log` to it, and a folder of stacks. Needs root, and `cc`, as linking Rust does.

use crate::daemon::{Act, Daemon};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::thread::JoinHandle;
use std::{fs, process, thread};
use tempfile::TempDir;

/// A user who is nobody in particular, and not root.
pub(crate) const PLAIN_UID: u32 = 65534;

/// The line that the manual gives, as the whole of a stack.
pub(crate) const RECOMMENDED: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] MODULE";

/// No line of a log, which begins with `<`.
const END_OF_LOG: &[u8] = b"end";

/// One test's world.
pub(crate) struct Stage {
    folder: TempDir,
    log: UnixDatagram,
}

/// What came of running the application.
#[derive(Debug)]
pub(crate) struct Played {
    /// Its lines, in order: `conversation`, `message`, and a line a hook with libpam's result.
    pub(crate) lines: Vec<String>,
    /// The log, in order, `<priority>` first.
    pub(crate) log: Vec<String>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path();
        open_to_all(path);
        for below in ["mfa", "stacks"] {
            fs::create_dir(path.join(below)).unwrap();
            open_to_all(&path.join(below));
        }
        fs::copy(built("libpam_mfa.so"), path.join("pam_mfa.so")).unwrap();
        let log = UnixDatagram::bind(path.join("log")).unwrap();
        fs::set_permissions(path.join("log"), fs::Permissions::from_mode(0o666)).unwrap();
        let stage = Self { folder, log };
        stage.stack("other", "auth required pam_deny.so");
        stage
    }

    /// Puts another library where the stacks name the module.
    pub(crate) fn replace_module(&self, library: &str) {
        fs::copy(built(library), self.folder.path().join("pam_mfa.so")).unwrap();
    }

    /// Where the break-glass codes are. Whoever asks gets an `/etc` with nothing in it but the test's.
    pub(crate) fn safe(&self) -> PathBuf {
        let mfa = self.etc().join("mfa");
        fs::create_dir_all(&mfa).unwrap();
        mfa.join("break-glass")
    }

    fn etc(&self) -> PathBuf {
        let etc = self.folder.path().join("etc");
        fs::create_dir_all(&etc).unwrap();
        etc
    }

    /// A program of this folder that is given this world.
    pub(crate) fn run(&self, name: &'static str) -> Command {
        let mut command = Command::new(program(name));
        command.args([self.folder.path(), &self.folder.path().join("stacks")]);
        command
    }

    /// Reads the log, which would block whoever writes it, for as long as it lives.
    pub(crate) fn read_the_log(&self) -> LogReader {
        let log = self.log.try_clone().unwrap();
        LogReader { path: self.folder.path().join("log"), thread: Some(thread::spawn(move || logged(&log))) }
    }

    /// Where the daemon is, for root's processes.
    pub(crate) fn root_socket(&self) -> PathBuf {
        self.folder.path().join("mfa/root.sock")
    }

    /// Where the daemon is, for everybody else's.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("mfa/mfa.sock")
    }

    /// Writes the stack of a service; `MODULE` in it is the module, `PASSWORD` one in the place of pam_unix.
    pub(crate) fn stack(&self, service: &str, lines: &str) {
        let (module, password) = (self.folder.path().join("pam_mfa.so"), program("password"));
        let text = lines.replace("MODULE", module.to_str().unwrap()).replace("PASSWORD", password.to_str().unwrap());
        fs::write(self.folder.path().join("stacks").join(service), text + "\n").unwrap();
    }

    /// A daemon for root's processes, for one login.
    pub(crate) fn daemon(&self, script: Vec<Act>) -> Daemon {
        let _ = fs::remove_file(self.root_socket());
        Daemon::playing(&self.root_socket(), script)
    }

    /// Runs the application: `service`, `user`, and its steps.
    pub(crate) fn play(&self, service: &str, user: &str, steps: &[&str]) -> Played {
        let (ended, played) = self.play_to_the_end(service, user, steps);
        assert!(ended.success(), "the application: {ended} {:?}", played.lines);
        played
    }

    /// The same, when a step may be the end of it.
    pub(crate) fn play_to_the_end(&self, service: &str, user: &str, steps: &[&str]) -> (ExitStatus, Played) {
        let log = self.read_the_log();
        let output = self
            .run("application")
            .args([service, user])
            .args(steps)
            .env("SSH_AUTH_INFO_0", "publickey ssh-ed25519 AAAA")
            .env("RUST_BACKTRACE", "full")
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let log = log.lines();
        let lines: Vec<String> = text(output.stdout).lines().map(str::to_owned).collect();
        assert_eq!(text(output.stderr), "", "nothing is ever printed");
        (output.status, Played { lines, log })
    }

    /// Plays `auth` for alice with a stack of one line; gives libpam's result.
    pub(crate) fn auth(&self, options: &str, steps: &[&str]) -> i32 {
        self.stack("sshd", &format!("{RECOMMENDED} {options}"));
        self.play("sshd", "alice", &[steps, &["auth"]].concat()).result("auth")
    }
}

/// Somebody who reads the log.
pub(crate) struct LogReader {
    path: PathBuf,
    thread: Option<JoinHandle<Vec<String>>>,
}

impl LogReader {
    /// What was logged until now.
    pub(crate) fn lines(mut self) -> Vec<String> {
        self.end()
    }

    fn end(&mut self) -> Vec<String> {
        let Some(thread) = self.thread.take() else { return Vec::new() };
        UnixDatagram::unbound().unwrap().send_to(END_OF_LOG, &self.path).unwrap();
        thread.join().unwrap()
    }
}

impl Drop for LogReader {
    fn drop(&mut self) {
        self.end();
    }
}

/// What has been logged until its end.
fn logged(log: &UnixDatagram) -> Vec<String> {
    let mut line = vec![0; 65536];
    let mut lines = Vec::new();
    loop {
        let length = log.recv(&mut line).unwrap();
        if line[..length] == *END_OF_LOG {
            return lines;
        }
        lines.push(text(line[..length].to_vec()));
    }
}

impl Played {
    /// libpam's last result for a hook.
    pub(crate) fn result(&self, hook: &str) -> i32 {
        let last = self.lines.iter().rev().find_map(|line| line.strip_prefix(hook)?.trim().parse().ok());
        last.unwrap_or_else(|| panic!("no {hook} in {self:?}"))
    }

    /// How many lines there are of a kind.
    pub(crate) fn count(&self, kind: &str) -> usize {
        self.lines.iter().filter(|line| line.split(' ').next() == Some(kind)).count()
    }

    /// A figure of the application's `state`, each time it told it.
    pub(crate) fn figures(&self, name: &str) -> Vec<i64> {
        self.lines.iter().filter_map(|line| line.strip_prefix(name)?.trim().parse().ok()).collect()
    }
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("only UTF-8 comes from the module")
}

fn open_to_all(folder: &Path) {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A library of this crate as cargo builds it, in this profile.
pub(crate) fn built(library: &str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let profile_folder = std::env::current_exe().unwrap().ancestors().nth(2).unwrap().to_owned();
        let profile = match profile_folder.file_name().and_then(|name| name.to_str()).unwrap() {
            "debug" => "dev",
            other => other,
        };
        let built = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--package", "pam_mfa", "--lib", "--example", "panicking", "--profile", profile])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status()
            .unwrap();
        assert!(built.success());
        profile_folder
    });
    let beside = folder.join(library);
    if beside.exists() { beside } else { folder.join("examples").join(library) }
}

/// A C program of this folder, compiled once a run.
pub(crate) fn program(name: &'static str) -> PathBuf {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        for name in ["application", "failing", "password", "stranger"] {
            let fresh = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.{}", process::id()));
            let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/libpam").join(format!("{name}.c"));
            let compiled = Command::new("cc")
                .args(["-Wall", "-Wextra", "-Werror", "-O1", "-pthread", "-o"])
                .args([&fresh, &source])
                .args(if name == "password" { &["-shared", "-fPIC"][..] } else { &[] })
                .arg("-l:libpam.so.0")
                .status()
                .unwrap();
            assert!(compiled.success());
            fs::rename(&fresh, fresh.with_extension("")).unwrap();
        }
        PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
    });
    folder.join(name)
}
