//! A lab: what a scenario does with a booted system. Everything happens inside it; this machine is not touched.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use crate::builder::LabBuilder;
use crate::command::{self, Output, RunError};
use crate::keeper::{BootError, Keeper};
use crate::release::Release;
use crate::ssh::Ssh;
use crate::terminal::{Terminal, TerminalError};

/// A booted Debian with systemd, sshd, sudo and login, with a network of its own. It ends when it is dropped, and when
/// this program ends in whatever way.
#[derive(Debug)]
pub struct Lab {
    release: Release,
    hostname: String,
    keeper: Keeper,
}

impl Lab {
    /// A lab with the product in it and nothing changed.
    pub fn boot(release: Release) -> Result<Self, BootError> {
        Self::builder(release).boot()
    }

    /// A lab that shall have users, stacks, files.
    pub fn builder(release: Release) -> LabBuilder {
        LabBuilder::new(release)
    }

    pub(crate) fn new(release: Release, hostname: String, keeper: Keeper) -> Self {
        Self { release, hostname, keeper }
    }

    /// The Debian release it is.
    pub fn release(&self) -> Release {
        self.release
    }

    /// Its host name.
    pub fn hostname(&self) -> &str {
        &self.hostname
    }

    /// What its folder and its cgroup on this machine are called.
    pub fn name(&self) -> String {
        self.keeper.state().file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Its first process as this machine numbers it: `nsenter --all --target` that, to look around in it.
    pub fn leader(&self) -> u32 {
        self.keeper.leader()
    }

    /// Runs a program as root and waits for it, two minutes at most. Ask the output for `success()` or `refused()`.
    pub fn run<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> Result<Output, RunError> {
        command::run(&self.keeper, None, &words(args), "")
    }

    /// The same, as a plain user of the lab, in their home.
    pub fn run_as<S: Into<String>>(&self, user: &str, args: impl IntoIterator<Item = S>) -> Result<Output, RunError> {
        command::run(&self.keeper, Some(user), &words(args), "")
    }

    /// Runs a program as root with that text on its standard input.
    pub fn run_with_input<S: Into<String>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Result<Output, RunError> {
        command::run(&self.keeper, None, &words(args), input)
    }

    /// Runs a program as a plain user with that text on its standard input.
    pub fn run_as_with_input<S: Into<String>>(
        &self,
        user: &str,
        args: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Result<Output, RunError> {
        command::run(&self.keeper, Some(user), &words(args), input)
    }

    /// Runs shell lines as root; they succeed, or it is an error.
    pub fn sh(&self, script: &str) -> Result<String, RunError> {
        Ok(self.run(["sh", "-euc", script])?.success()?.stdout)
    }

    /// A command that will run as root inside, for programs that take long or talk while they run: no deadline, and
    /// standard input and output are this program's unless told otherwise.
    pub fn command<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> std::process::Command {
        command::enter(&self.keeper, &words(args))
    }

    /// Root's shell on the terminal that this program has.
    pub fn shell(&self) -> std::process::Command {
        command::shell(&self.keeper)
    }

    /// Writes a file as root, with permission bits such as `0o644`, and makes the folders on the way.
    pub fn write(&self, path: &str, text: &str, mode: u32) -> Result<(), RunError> {
        let script = "mkdir -p \"$(dirname \"$0\")\" && rm -f \"$0\" && cat >\"$0\" && chmod \"$1\" \"$0\"";
        let args = ["sh", "-euc", script, path, &format!("{mode:o}")].map(str::to_owned);
        command::run(&self.keeper, None, &args, text)?.success().map(|_| ())
    }

    /// Puts a program of this machine into `/usr/local/bin`, where everybody may run it.
    pub fn install(&self, program: &Path) -> Result<(), RunError> {
        let place = format!("/usr/local/bin/{}", program.file_name().unwrap_or_default().to_string_lossy());
        let failed = |error| RunError::Start(program.display().to_string(), error);
        let file = File::open(program).map_err(failed)?;
        let script = "cat >\"$0\" && chmod 755 \"$0\"";
        let done = self.command(["sh", "-euc", script, &place]).stdin(file).status().map_err(failed)?;
        if done.success() { Ok(()) } else { Err(failed(io::Error::other(format!("{place} cannot be written")))) }
    }

    /// Copies files of this machine into a folder of the lab, which is made.
    pub fn bring(&self, files: &[PathBuf], folder: &str) -> Result<(), RunError> {
        let place = PathBuf::from(format!("/proc/{}/root{folder}", self.leader()));
        let copy = |file: &PathBuf| std::fs::copy(file, place.join(file.file_name().unwrap_or_default())).map(drop);
        let copied = std::fs::create_dir_all(&place).and_then(|()| files.iter().try_for_each(copy));
        copied.map_err(|error| RunError::Start(format!("copying to {folder}"), error))
    }

    /// What is in a file.
    pub fn read(&self, path: &str) -> Result<String, RunError> {
        Ok(self.run(["cat", path])?.success()?.stdout)
    }

    /// What the journal holds, one message a line: all of it, or what a unit or a syslog identifier said.
    pub fn journal(&self, of: Option<&str>) -> Result<String, RunError> {
        self.run(["journalctl", "--sync"])?.success()?;
        let mut args = vec!["journalctl".to_owned(), "--quiet".into(), "--no-pager".into(), "--output=cat".into()];
        if let Some(name) = of {
            args.extend([format!("_SYSTEMD_UNIT={name}"), "+".into(), format!("SYSLOG_IDENTIFIER={name}")]);
        }
        Ok(self.run(args)?.success()?.stdout)
    }

    /// Waits until a line with that text is in the journal, thirty seconds at most; returns the line.
    pub fn await_journal(&self, text: &str) -> Result<String, RunError> {
        let follow =
            "timeout 30 journalctl --quiet --no-pager --output=cat --lines=all --follow | grep -m1 -F -- \"$0\"";
        Ok(self.run(["sh", "-c", follow, text])?.success()?.stdout)
    }

    /// A terminal inside the lab with a program on it, root's.
    pub fn pty<S: Into<String>>(&self, args: impl IntoIterator<Item = S>) -> Result<Terminal, TerminalError> {
        Terminal::inside(self, None, &words(args))
    }

    /// The same, a plain user's.
    pub fn pty_as<S: Into<String>>(
        &self,
        user: &str,
        args: impl IntoIterator<Item = S>,
    ) -> Result<Terminal, TerminalError> {
        Terminal::inside(self, Some(user), &words(args))
    }

    /// A login over ssh from outside: the client starts at once, without a key.
    pub fn ssh(&self, user: &str) -> Result<Terminal, TerminalError> {
        Ssh::new(self, user).start()
    }

    /// A login over ssh that needs a key, an option or a command.
    pub fn ssh_with(&self, user: &str) -> Ssh<'_> {
        Ssh::new(self, user)
    }

    /// Makes an ed25519 key for that user and lets it in, beside those made before. Returns the private key's file, outside the lab, gone with it.
    pub fn ssh_key(&self, user: &str) -> Result<PathBuf, RunError> {
        let named = |number: u32| self.keeper.state().join(format!("key-{user}-{number}"));
        let number = (1..).find(|number| !named(*number).exists()).unwrap_or(0);
        let file = named(number);
        let failed = |error| RunError::Start("ssh-keygen".into(), error);
        let mut make = std::process::Command::new("ssh-keygen");
        make.args(["-q", "-t", "ed25519", "-N", "", "-C", user, "-f"]).arg(&file);
        make.status().map_err(failed)?;
        let public = |number| std::fs::read_to_string(named(number).with_extension("pub"));
        let public: String = (1..=number).map(public).collect::<Result<_, _>>().map_err(failed)?;
        let home = format!("/home/{user}/.ssh");
        self.write(&format!("{home}/authorized_keys"), &public, 0o600)?;
        self.run(["chown", "-R", &format!("{user}:{user}"), &home])?.success()?;
        self.run(["chmod", "700", &home])?.success()?;
        Ok(file)
    }

    /// Starts the system anew, as `reboot` does, and waits until it is up; what is on its disks stays.
    pub fn reboot(&mut self) -> Result<(), BootError> {
        self.keeper.forget_what_was_said()?;
        // It may be gone before it has answered.
        let _ = self.run(["systemctl", "--no-block", "reboot"]);
        self.keeper.wait_until_up_again()
    }

    pub(crate) fn keeper(&self) -> &Keeper {
        &self.keeper
    }
}

fn words<S: Into<String>>(args: impl IntoIterator<Item = S>) -> Vec<String> {
    args.into_iter().map(Into::into).collect()
}
