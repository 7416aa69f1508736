//! Programs that run inside a lab without a terminal: started in its namespaces and its cgroup, killed when they take
//! too long, their output kept.

use std::fmt;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use crate::guest::Machine;
use crate::keeper::{Engine, Keeper};

/// Seconds until a program in a lab is killed, with exit code 137. A guest is slower.
fn deadline(keeper: &Keeper) -> String {
    match keeper.engine() {
        Engine::Container => "120".into(),
        Engine::Machine(_) => "300".into(),
    }
}

/// Ctrl-C works on programs in a lab, even if the tests were started in the background and ignore it themselves.
pub(crate) const DEFAULT_SIGNALS: [&str; 2] = ["env", "--default-signal=INT,QUIT"];

/// What a program in a lab left behind.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its command line, for messages.
    pub command: String,
    /// Its exit code; 137 when it was killed for taking two minutes.
    pub code: i32,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
}

/// Why a program's end is not what the scenario expected.
#[derive(Debug)]
pub enum RunError {
    /// It could not be started.
    Start(String, io::Error),
    /// It failed, and should not have.
    Failed(Box<Output>),
    /// It succeeded, and should not have.
    Succeeded(Box<Output>),
    /// It printed something that is not JSON.
    NotJson(Box<Output>, serde_json::Error),
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(command, error) => write!(f, "{command} did not start: {error}"),
            Self::Failed(output) => write!(f, "should have succeeded: {output}"),
            Self::Succeeded(output) => write!(f, "should have been refused: {output}"),
            Self::NotJson(output, error) => write!(f, "should have printed JSON ({error}): {output}"),
        }
    }
}

impl std::error::Error for RunError {}

impl fmt::Display for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { command, code, stdout, stderr } = self;
        write!(f, "{command} ended with {code}\n--- stdout\n{stdout}\n--- stderr\n{stderr}")
    }
}

impl Output {
    /// Goes on if it exited with 0.
    pub fn success(self) -> Result<Self, RunError> {
        if self.code == 0 { Ok(self) } else { Err(RunError::Failed(Box::new(self))) }
    }

    /// Goes on if it exited with anything but 0.
    pub fn refused(self) -> Result<Self, RunError> {
        if self.code == 0 { Err(RunError::Succeeded(Box::new(self))) } else { Ok(self) }
    }

    /// Standard output as JSON, of a program that succeeded.
    pub fn json(self) -> Result<serde_json::Value, RunError> {
        let output = self.success()?;
        serde_json::from_str(&output.stdout).map_err(|error| RunError::NotJson(Box::new(output), error))
    }
}

/// Runs it inside, as root or as `user`, with `input` on standard input.
pub(crate) fn run(keeper: &Keeper, user: Option<&str>, args: &[String], input: &str) -> Result<Output, RunError> {
    let words = args.join(" ");
    let failed = |error| RunError::Start(words.clone(), error);
    let limit = ["timeout", "--signal=KILL", &deadline(keeper)].map(str::to_owned);
    let mut child = enter(keeper, &[&limit, &become_user(user)[..], args].concat())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    let mut stdin = child.stdin.take();
    let output = std::thread::scope(|scope| {
        // A program need not read what it is given.
        scope.spawn(move || stdin.as_mut().map(|pipe| pipe.write_all(input.as_bytes())));
        child.wait_with_output()
    });
    let output = output.map_err(failed)?;
    Ok(Output {
        command: words.clone(),
        code: output.status.code().unwrap_or(137),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// A command that runs those words as root inside, with the environment of nobody: in every namespace of a container
/// and in its cgroup, or through a guest's own door.
pub(crate) fn enter(keeper: &Keeper, words: &[String]) -> Command {
    if let Engine::Machine(_) = keeper.engine() {
        return Machine::enter(keeper.state(), false, words);
    }
    let mut command = Command::new("sh");
    command
        .args(["-c", "echo $$ >\"$0/cgroup.procs\" && exec \"$@\""])
        .arg(keeper.guests())
        .args(DEFAULT_SIGNALS)
        .args(["nsenter", "--all", "--target", &keeper.leader().to_string(), "--"])
        .args(words)
        .env_clear()
        .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
        .env("HOME", "/root")
        .env("LANG", "C.UTF-8")
        .env("TERM", "dumb");
    command
}

/// Root's shell inside, on the terminal that is standard input here.
pub(crate) fn shell(keeper: &Keeper) -> Command {
    if let Engine::Machine(_) = keeper.engine() {
        let mut command = Machine::enter(keeper.state(), true, &["bash".into(), "--login".into()]);
        command.env("TERM", std::env::var_os("TERM").unwrap_or_default());
        return command;
    }
    let mut command = Command::new("nsenter");
    command.args(["--all", "--target", &keeper.leader().to_string(), "--", "env", "HOME=/root", "bash", "--login"]);
    command
}

/// The words that turn root into `user`: their groups, their home, no privilege, and no PAM on the way.
pub(crate) fn become_user(user: Option<&str>) -> Vec<String> {
    let Some(user) = user else { return Vec::new() };
    let flags = [format!("--reuid={user}"), format!("--regid={user}"), "--init-groups".into(), "--reset-env".into()];
    let home = format!("--chdir=/home/{user}");
    [vec!["setpriv".into()], flags.to_vec(), vec!["env".into(), home, "LANG=C.UTF-8".into(), "TERM=dumb".into()]]
        .concat()
}
