//! OpenSSH's own programs, run as whoever runs this: `ssh-add` lists what the agent has, `ssh-keygen` signs. They are
//! found in their places, and get of the environment what they need to reach agent, screen and person.

use super::candidate::{Candidate, Signer};
use crate::private_file::PrivateFile;
use mfa_cli::Failure;
use mfa_proto::enrollment::TextToSign;
use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where they are.
const FOLDER: &str = "/usr/bin";
/// Of the environment, for everybody.
const KEPT: [&str; 5] = ["HOME", "LANG", "LC_ALL", "SSH_AUTH_SOCK", "TERM"];
/// Of the environment, for whoever is not root: it names programs and libraries to be run.
const KEPT_OF_USERS: [&str; 5] = ["DISPLAY", "SSH_ASKPASS", "SSH_SK_PROVIDER", "WAYLAND_DISPLAY", "XAUTHORITY"];
/// Bytes that are read of an answer at the most.
const LONGEST: u64 = 256 * 1024;

/// Where they are looked for.
pub(super) struct Programs(PathBuf);

impl Programs {
    /// Those that are installed; a test's own, where there is a folder of those.
    pub(super) fn installed(folder: Option<&Path>) -> Self {
        Self(folder.unwrap_or(Path::new(FOLDER)).to_owned())
    }

    /// The public keys that the agent has, if there is one.
    pub(super) fn agent(&self) -> Vec<String> {
        if std::env::var_os("SSH_AUTH_SOCK").is_none() {
            return Vec::new();
        }
        let listed = self.command("ssh-add").arg("-L").stdin(Stdio::null()).stderr(Stdio::null()).output();
        let listed = listed.map(|listed| listed.stdout).unwrap_or_default();
        String::from_utf8_lossy(&listed).lines().map(str::to_owned).collect()
    }

    /// Has the key sign the text; the person touches it, and is asked for its PIN by `ssh-keygen` itself. Nothing when it
    /// did not: it has said why.
    ///
    /// # Errors
    /// `ssh-keygen` cannot be started, or a file for it cannot be made.
    pub(super) fn sign(&self, candidate: &Candidate, wanted: &TextToSign) -> Result<Option<String>, Failure> {
        match &candidate.signer {
            Signer::File(path) => self.sign_with(path, wanted),
            Signer::Agent => {
                let name = format!("mfa-enroll-{:016x}.pub", getrandom::u64().unwrap_or_default());
                let path = std::env::temp_dir().join(name);
                PrivateFile::reserve(&path)?.write(format!("{}\n", candidate.key.line()).as_bytes())?;
                let signed = self.sign_with(&path, wanted);
                let _ = fs::remove_file(&path);
                signed
            }
            Signer::Elsewhere => Ok(None),
        }
    }

    fn sign_with(&self, key: &Path, wanted: &TextToSign) -> Result<Option<String>, Failure> {
        let arguments = ["-q", "-Y", "sign", "-n", &wanted.namespace, "-f"];
        let mut signer = self.command("ssh-keygen");
        let started = signer.args(arguments).arg(key).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.map_err(|error| {
            let path = self.0.join("ssh-keygen");
            let text = format!("{} cannot be started: {error}. Install OpenSSH's client.", path.display());
            Failure::refused("ssh_keygen", text)
        })?;
        if let Some(mut stdin) = child.stdin.take() {
            // One that ended without reading says why by its exit.
            let _ = stdin.write_all(wanted.text.as_bytes());
        }
        let mut signature = String::new();
        let read = child.stdout.take().map(|stdout| stdout.take(LONGEST).read_to_string(&mut signature));
        let ended = child.wait();
        let is_done = matches!((read, ended), (Some(Ok(_)), Ok(status)) if status.success());
        Ok((is_done && !signature.is_empty()).then_some(signature))
    }

    fn command(&self, name: &str) -> Command {
        let users: &[&str] = if rustix::process::geteuid().is_root() { &[] } else { &KEPT_OF_USERS };
        let kept = KEPT.iter().chain(users).filter_map(|name| Some((*name, std::env::var_os(name)?)));
        let mut command = Command::new(self.0.join(name));
        command.env_clear().envs(kept);
        command
    }
}
