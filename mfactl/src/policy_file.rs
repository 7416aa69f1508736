//! A file of `policy.d` that belongs to a group: written whole or not at all, by whoever may write there.

use mfa_cli::{Failure, printable};
use rustix::fs::{Mode, OFlags};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Bytes of a file's name, at the most.
const LONGEST: usize = 200;

/// `policy.d/50-require-GROUP.toml` of a folder.
pub(crate) struct PolicyFile {
    folder: PathBuf,
    name: String,
}

impl PolicyFile {
    /// The file of this group. Two groups never share one, whatever their names are.
    pub(crate) fn of_group(folder: &Path, group: &str) -> Result<Self, Failure> {
        let name = format!("50-require-{}.toml", escaped(group));
        if group.is_empty() || group.chars().any(char::is_control) || name.len() > LONGEST {
            return Err(Failure::usage("That cannot be the name of a group. See: getent group"));
        }
        Ok(Self { folder: folder.to_owned(), name: format!("policy.d/{name}") })
    }

    /// As the folder calls it.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.join(&self.name)
    }

    /// What it says; `None` if there is no such file.
    pub(crate) fn content(&self) -> Result<Option<String>, Failure> {
        match fs::read_to_string(self.path()) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed("read", &error)),
        }
    }

    /// Makes it say this, or removes it. Whoever reads meanwhile finds the old or the new one, and so it is after a
    /// power cut.
    pub(crate) fn replace(&self, text: Option<&str>) -> Result<(), Failure> {
        let path = self.path();
        let done = match text {
            Some(text) => self.write(&path, text),
            None => match fs::remove_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
                removed => removed,
            },
        };
        done.and_then(|()| sync_folder(&path)).map_err(|error| self.failed("written", &error))
    }

    fn write(&self, path: &Path, text: &str) -> io::Result<()> {
        let folder = path.parent().ok_or(io::ErrorKind::NotFound)?;
        if let Err(error) = fs::create_dir(folder)
            && error.kind() != io::ErrorKind::AlreadyExists
        {
            return Err(error);
        }
        // The daemon reads *.toml alone, so that it never finds a half of it.
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        let written = write_new(&fresh, text).and_then(|()| fs::rename(&fresh, path));
        if written.is_err() {
            let _ = fs::remove_file(&fresh);
        }
        written
    }

    fn failed(&self, what: &str, error: &io::Error) -> Failure {
        let path = printable::line(&self.path().display().to_string());
        Failure::refused("file", format!("{path} cannot be {what}: {error}."))
    }
}

/// Writes a file that was not there, readable by everybody and writable by its owner, whatever the umask; it is on the
/// disk when this returns.
fn write_new(path: &Path, text: &str) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let mode = Mode::from_raw_mode(0o644);
    let mut file = File::from(rustix::fs::open(path, flags, mode)?);
    rustix::fs::fchmod(&file, mode)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

fn sync_folder(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}

/// A name as a part of a file's name: what is not plain is written as `%` and two digits.
fn escaped(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.+@".contains(&byte);
    name.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

/// A text as a TOML string; it holds no control characters.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(folder: &tempfile::TempDir, group: &str) -> PolicyFile {
        PolicyFile::of_group(folder.path(), group).unwrap()
    }

    #[test]
    fn a_file_is_named_by_its_group_and_by_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let name = |group: &str| file(&folder, group).name().to_owned();
        assert_eq!(name("staff"), "policy.d/50-require-staff.toml");
        assert_eq!(name("domain users"), "policy.d/50-require-domain%20users.toml");
        assert_eq!(name("../x"), "policy.d/50-require-..%2Fx.toml");
        assert_ne!(name("a b"), name("a%20b"));
        for bad in ["", "a\nb", &"x".repeat(300)] {
            assert!(PolicyFile::of_group(folder.path(), bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn it_is_written_whole_for_everybody_to_read_and_removed_again() {
        let folder = tempfile::tempdir().unwrap();
        let file = file(&folder, "staff");
        assert_eq!(file.content().unwrap(), None);
        for text in ["first", "second"] {
            file.replace(Some(text)).unwrap();
            assert_eq!(file.content().unwrap().as_deref(), Some(text));
        }
        assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(folder.path().join("policy.d")).unwrap().count(), 1, "nothing else is left there");
        file.replace(None).unwrap();
        file.replace(None).unwrap();
        assert_eq!(file.content().unwrap(), None);
    }

    #[test]
    fn where_nothing_can_be_written_nothing_is_left() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("policy.d"), "not a folder").unwrap();
        let error = file(&folder, "staff").replace(Some("x")).unwrap_err();
        assert!(error.message.contains("50-require-staff.toml cannot be written"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_string_of_toml_holds_any_name() {
        assert_eq!(quoted("DOMAIN\\staff"), "\"DOMAIN\\\\staff\"");
        assert_eq!(quoted("say \"hi\""), "\"say \\\"hi\\\"\"");
    }
}
