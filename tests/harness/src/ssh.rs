//! Both ends of ssh: the lines that labs give their sshd, and the client that logs in from outside.

use std::fmt::Write;
use std::path::PathBuf;

use crate::lab::Lab;
use crate::release::Release;
use crate::terminal::{Terminal, TerminalError};

/// Where Debian's sshd looks before its own file; what is said first counts.
pub(crate) const DROP_IN: &str = "etc/ssh/sshd_config.d/10-lab.conf";

/// sshd as a site with a second factor has it, without the limits that many logins at once would meet.
pub(crate) fn drop_in(release: Release, key_first: bool, more: &str) -> String {
    let mut text = String::from(
        "UsePAM yes\nKbdInteractiveAuthentication yes\nPasswordAuthentication no\nUseDNS no\nMaxStartups 200\n",
    );
    if release.sshd_has_penalties() {
        text += "PerSourcePenalties no\n";
    }
    if key_first {
        text += "AuthenticationMethods publickey,keyboard-interactive\n";
    }
    text + more
}

/// A login over ssh that is about to begin, from outside the lab.
///
/// The client tries each way to log in once, knows no host, no agent and no key but the one it is given.
#[derive(Debug)]
#[must_use]
pub struct Ssh<'lab> {
    lab: &'lab Lab,
    user: String,
    key: Option<PathBuf>,
    options: Vec<String>,
    command: Option<String>,
}

impl<'lab> Ssh<'lab> {
    pub(crate) fn new(lab: &'lab Lab, user: &str) -> Self {
        Self { lab, user: user.into(), key: None, options: Vec::new(), command: None }
    }

    /// Offers that private key, a file outside the lab (see [`Lab::ssh_key`]).
    pub fn key(mut self, file: impl Into<PathBuf>) -> Self {
        self.key = Some(file.into());
        self
    }

    /// One more option of the client, such as `BatchMode=yes`.
    pub fn option(mut self, option: &str) -> Self {
        self.options.push(option.into());
        self
    }

    /// Runs that command in place of a shell, still on a terminal.
    pub fn command(mut self, command: &str) -> Self {
        self.command = Some(command.into());
        self
    }

    /// Starts the client on a terminal.
    pub fn start(self) -> Result<Terminal, TerminalError> {
        let what = format!("ssh {}@{}", self.user, self.lab.hostname());
        let args = self.args();
        Terminal::outside(self.lab, &what, &args)
    }

    /// The client's command line, to be run in the lab's network.
    fn args(&self) -> Vec<String> {
        let mut args: Vec<String> = ["ssh", "-F", "none", "-tt"].map(String::from).to_vec();
        let mut options = vec![
            "StrictHostKeyChecking=no".into(),
            "UserKnownHostsFile=/dev/null".into(),
            "GlobalKnownHostsFile=/dev/null".into(),
            "LogLevel=ERROR".into(),
            "NumberOfPasswordPrompts=1".into(),
            "ConnectTimeout=20".into(),
            "IdentitiesOnly=yes".into(),
            "IdentityAgent=none".into(),
        ];
        let key = self.key.as_ref().map_or_else(|| "none".into(), |key| key.display().to_string());
        options.push(format!("IdentityFile={key}"));
        // An option of the scenario's own comes first: the client takes the first it hears.
        for option in self.options.iter().chain(&options) {
            args.push("-o".into());
            args.push(option.clone());
        }
        let mut at = String::new();
        let _ = write!(at, "{}@127.0.0.1", self.user);
        args.push(at);
        args.extend(self.command.clone());
        args
    }
}
