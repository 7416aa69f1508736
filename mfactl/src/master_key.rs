//! `mfactl master-key create`: makes the master key before the daemon's first start. Never shows it, never replaces one.
//!
//! systemd seals it to this machine (its host key, and its TPM where there is one); where systemd cannot, it is a file
//! beside the database that only the daemon's user may read.

use clap::Subcommand;
use mfa_cli::{Exit, Failure};
use rustix::fs::{Gid, Uid, fchown};
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::process::{Command, Stdio};
use zeroize::Zeroizing;

/// What the daemon's unit loads as credentials.
const CREDENTIALS: &str = "/etc/mfa/credentials";
/// The database's folder, which belongs to the daemon's user.
const STATE: &str = "/var/lib/mfa";
/// Its name in both places.
const NAME: &str = "master-key";

/// What can be done with the master key.
#[derive(Debug, Subcommand)]
pub(crate) enum MasterKey {
    /// Make it, unless there is one: the daemon's unit does so before the first start
    Create,
}

/// Makes the key where there is none.
pub(crate) fn run(command: &MasterKey) -> Result<Exit, Failure> {
    let MasterKey::Create = command;
    let (credential, file) = (Path::new(CREDENTIALS).join(NAME), Path::new(STATE).join(NAME));
    if credential.exists() || file.exists() {
        return Ok(Exit::Done);
    }
    if Path::new(STATE).join("mfa.db").exists() {
        let message = "There is a database, but its master key is gone.\nRestore the key, or remove the database: \
                       everybody enrolls anew then.";
        return Err(Failure::refused("lost_key", message));
    }
    let mut key = Zeroizing::new([0u8; 32]);
    getrandom::fill(key.as_mut()).map_err(|error| failed("The kernel gives no random numbers", &error))?;
    if seal(&*key, &credential).is_ok() {
        return Ok(Exit::Done);
    }
    write_file(&*key, &file).map_err(|error| failed("The master key cannot be written", &error))?;
    Ok(Exit::Done)
}

/// Sealed by systemd to this machine, without a state of its firmware: updates must not lose it.
fn seal(key: &[u8], path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(CREDENTIALS)?;
    let beside = path.with_extension("new");
    let mut child = Command::new("/usr/bin/systemd-creds")
        .args(["encrypt", "--name=mfa_master-key", "--with-key=auto", "--tpm2-pcrs=", "-"])
        .arg(&beside)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    let written = match child.stdin.take() {
        Some(mut stdin) => stdin.write_all(key),
        None => Err(io::ErrorKind::BrokenPipe.into()),
    };
    let ended = child.wait()?;
    written?;
    if !ended.success() {
        let _ = fs::remove_file(&beside);
        return Err(io::Error::other("systemd-creds failed"));
    }
    fs::File::open(&beside)?.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(CREDENTIALS)?.sync_all()
}

/// For the daemon's user, who is whoever owns the database's folder.
fn write_file(key: &[u8], path: &Path) -> io::Result<()> {
    let owner = fs::metadata(STATE)?;
    let beside = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(key)?;
    fchown(&file, Some(Uid::from_raw(owner.uid())), Some(Gid::from_raw(owner.gid())))?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    fs::File::open(STATE)?.sync_all()
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused("failed", format!("{what}: {error}.\nMend that, then: mfactl master-key create"))
}
