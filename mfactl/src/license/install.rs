//! `mfactl license install`: a license in place of the old one, at once or not at all.
//!
//! The daemon verifies it first. Then a folder with both files is made beside the old one and the two are exchanged in one
//! step, so that nobody ever finds one file of each; the old one is kept.

use super::ask;
use crate::Desk;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::license::{CHECK, Files, License, RELOAD, Status};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;
use serde_json::json;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Install a license; the old one stays if the new one is not valid
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl license install acme.toml
  mfactl license install acme.toml signatures/acme.sig

The old license is kept in /etc/mfa/license.old.")]
pub(crate) struct Args {
    /// The license, as the vendor sent it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Its signature; without it, FILE.sig
    #[arg(value_name = "SIG")]
    signature: Option<PathBuf>,
    /// The daemon's configuration, for one that was started by hand
    #[arg(long, value_name = "FOLDER", default_value = "/etc/mfa", hide = true)]
    config: PathBuf,
}

/// Bytes of a license, and of a signature, at the most: both fit one message.
const LARGEST: u64 = 24 * 1024;

pub(super) fn run(args: &Args, desk: &mut Desk) -> Result<Exit, Failure> {
    let beside = || {
        let mut name = args.file.clone().into_os_string();
        name.push(".sig");
        PathBuf::from(name)
    };
    let signature = args.signature.clone().unwrap_or_else(beside);
    let files = Files { license: read(&args.file)?, signature: read(&signature)? };
    let before = ask(desk)?;
    let checked: License = desk.daemon.call(CHECK, &files)?;
    let failed = |error: io::Error| {
        let folder = printable::line(&args.config.display().to_string());
        Failure::refused("file", format!("The license cannot be put into {folder}: {error}. The old one stays."))
    };
    put(&args.config, &files).map_err(failed)?;
    let after: Status = desk.daemon.call(RELOAD, &json!({}))?;
    if after.license.as_ref() != Some(&checked) {
        let why = printable::lines(&after.sentence);
        return Err(Failure::refused("license", format!("It is installed, and the daemon does not take it: {why}")));
    }
    if desk.json {
        desk.screen.json(&json!({ "before": before, "after": after }))?;
    } else {
        desk.screen.line(&printable::wrap(&changed(&before, &after)))?;
    }
    Ok(Exit::Done)
}

fn read(path: &Path) -> Result<String, Failure> {
    let shown = printable::line(&path.display().to_string());
    let failed = |why: String| Failure::refused("file", format!("{shown} {why}"));
    // A pipe in place of the file makes nobody wait.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let file = fs::OpenOptions::new().read(true).custom_flags(no_wait).open(path);
    let file = file.map_err(|error| failed(format!("cannot be read: {error}.")))?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(failed("is not a regular file.".to_owned()));
    }
    let mut bytes = Vec::new();
    let done = file.take(LARGEST + 1).read_to_end(&mut bytes);
    done.map_err(|error| failed(format!("cannot be read: {error}.")))?;
    if bytes.len() > usize::try_from(LARGEST).unwrap_or(usize::MAX) {
        return Err(failed("is larger than any license: this is some other file.".to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| failed("is not text: this is some other file.".to_owned()))
}

/// Puts both files in place at once. What was there before becomes `license.old`.
fn put(config: &Path, files: &Files) -> io::Result<()> {
    let (place, old) = (config.join("license"), config.join("license.old"));
    let fresh = config.join(format!("license.new-{}", std::process::id()));
    fs::DirBuilder::new().mode(0o755).create(&fresh)?;
    let placed =
        fill(&fresh, files).and_then(|()| match renameat_with(CWD, &fresh, CWD, &place, RenameFlags::EXCHANGE) {
            Ok(()) => {
                remove(&old)?;
                fs::rename(&fresh, &old)
            }
            Err(Errno::NOENT) => fs::rename(&fresh, &place),
            Err(errno) => Err(errno.into()),
        });
    if placed.is_err() {
        let _ = remove(&fresh);
    }
    placed?;
    File::open(config)?.sync_all()
}

fn fill(folder: &Path, files: &Files) -> io::Result<()> {
    // Whatever the umask is: the daemon reads it as a user of its own.
    rustix::fs::chmod(folder, rustix::fs::Mode::from_raw_mode(0o755))?;
    for (name, text) in [("license.toml", &files.license), ("license.toml.sig", &files.signature)] {
        let mut file = fs::OpenOptions::new().write(true).create_new(true).open(folder.join(name))?;
        rustix::fs::fchmod(&file, rustix::fs::Mode::from_raw_mode(0o644))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
    }
    File::open(folder)?.sync_all()
}

fn remove(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

fn changed(before: &Status, after: &Status) -> String {
    let seats = match (before.seats.total, after.seats.total) {
        (old, new) if old == new => format!("{}, as before", counted(new, "seat")),
        (old, new) => format!("{}, {old} before", counted(new, "seat")),
    };
    let ends = |status: &Status| status.license.as_ref().map(|license| printable::line(&license.ends));
    let until = match (ends(before), ends(after)) {
        (Some(old), Some(new)) if old != new => format!(", until {new}, {old} before"),
        (_, Some(new)) => format!(", until {new}"),
        _ => String::new(),
    };
    format!("Installed: {seats}{until}. Free: {}.\n{}", after.seats.free, printable::lines(&after.sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(text: &str) -> Files {
        Files { license: text.to_owned(), signature: format!("signature of {text}") }
    }

    #[test]
    fn both_files_are_exchanged_at_once_and_the_old_ones_are_kept() {
        let config = tempfile::tempdir().unwrap();
        let read = |name: &str| fs::read_to_string(config.path().join(name)).unwrap();
        for (new, old) in [("one", None), ("two", Some("one")), ("three", Some("two"))] {
            put(config.path(), &files(new)).unwrap();
            assert_eq!(read("license/license.toml"), new);
            assert_eq!(read("license/license.toml.sig"), format!("signature of {new}"));
            if let Some(old) = old {
                assert_eq!(read("license.old/license.toml"), old);
            }
        }
        assert_eq!(fs::read_dir(config.path()).unwrap().count(), 2);
    }

    #[test]
    fn what_is_no_license_at_all_is_not_sent() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        fs::write(path("large"), vec![b' '; 30_000]).unwrap();
        fs::write(path("binary"), [0xff, 0xfe]).unwrap();
        for (name, why) in [("large", "larger"), ("binary", "not text"), (".", "regular"), ("absent", "cannot be read")]
        {
            let said = read(&path(name)).unwrap_err().to_string();
            assert!(said.contains(why), "{name}: {said}");
        }
    }
}
