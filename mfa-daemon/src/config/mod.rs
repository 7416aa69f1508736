//! What the administrator wrote: `policy.toml` with `policy.d`, and `mfa.toml`. Read whole, or refused whole.
//!
//! A file that somebody else could have written is refused like one that does not parse.

mod settings;

pub(crate) use settings::Settings;

use mfa_core::policy::{self, Policy, Source};
use std::fmt;
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of a file at the most.
const LARGEST: u64 = 1024 * 1024;

/// Everything that was configured, at one moment.
#[derive(Debug)]
pub(crate) struct Config {
    /// Who is asked for what.
    pub(crate) policy: Policy,
    /// All that is not a rule.
    pub(crate) settings: Settings,
    /// What is odd, a sentence each.
    pub(crate) warnings: Vec<String>,
}

/// Why nothing of it is taken.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file could have been written by somebody who must not.
    Unsafe(PathBuf, &'static str),
    /// A file is not what it should be: each place, with what to do.
    Wrong(Vec<String>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Unsafe(path, why) => write!(f, "{} is not trusted: {why}", path.display()),
            Self::Wrong(places) => f.write_str(&places.join("\n")),
        }
    }
}

/// Reads the folder, usually `/etc/mfa`. Only `mfa.toml` and `policy.d` may be absent.
///
/// # Errors
/// [`ConfigError`]; nothing of the folder is used then.
pub(crate) fn load(folder: &Path) -> Result<Config, ConfigError> {
    trust_folder(folder)?;
    let texts = policy_texts(folder)?;
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let parsed = policy::parse(&sources).map_err(|diagnostics| ConfigError::Wrong(sentences(&diagnostics)))?;
    let file = folder.join("mfa.toml");
    let settings = if is_absent(&file) {
        Settings::default()
    } else {
        Settings::parse(&read(&file)?).map_err(|error| ConfigError::Wrong(vec![error]))?
    };
    Ok(Config { policy: parsed.policy, settings, warnings: sentences(&parsed.warnings) })
}

fn policy_texts(folder: &Path) -> Result<Vec<(String, String)>, ConfigError> {
    let mut texts = vec![("policy.toml".to_owned(), read(&folder.join("policy.toml"))?)];
    let more = folder.join("policy.d");
    if is_absent(&more) {
        return Ok(texts);
    }
    trust_folder(&more)?;
    let listing = std::fs::read_dir(&more).map_err(|error| ConfigError::Unreadable(more.clone(), error))?;
    let mut paths = Vec::new();
    for file in listing {
        let path = file.map_err(|error| ConfigError::Unreadable(more.clone(), error))?.path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            paths.push(path);
        }
    }
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(folder).unwrap_or(&path).display().to_string();
        texts.push((name, read(&path)?));
    }
    Ok(texts)
}

/// Whether there is nothing of this name. A link that leads nowhere is something: what it led to is missing.
fn is_absent(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Whoever can write to a folder can take a strict rule out of it.
fn trust_folder(folder: &Path) -> Result<(), ConfigError> {
    let about = std::fs::metadata(folder).map_err(|error| ConfigError::Unreadable(folder.to_owned(), error))?;
    trust(folder, &about)
}

/// Reads a file that only root, or whoever runs the daemon, can have written.
fn read(path: &Path) -> Result<String, ConfigError> {
    let unreadable = |error| ConfigError::Unreadable(path.to_owned(), error);
    // A pipe in place of the file does not make the daemon wait.
    let no_wait = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
    let mut file = std::fs::OpenOptions::new().read(true).custom_flags(no_wait).open(path).map_err(unreadable)?;
    let about = file.metadata().map_err(unreadable)?;
    if !about.is_file() {
        return Err(ConfigError::Unsafe(path.to_owned(), "it is not a regular file"));
    }
    trust(path, &about)?;
    if about.len() > LARGEST {
        return Err(ConfigError::Unsafe(path.to_owned(), "it is larger than 1 MiB"));
    }
    let mut text = String::new();
    file.by_ref().take(LARGEST).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

fn trust(path: &Path, about: &std::fs::Metadata) -> Result<(), ConfigError> {
    let distrust = |why| Err(ConfigError::Unsafe(path.to_owned(), why));
    if about.uid() != 0 && about.uid() != rustix::process::geteuid().as_raw() {
        return distrust("it belongs to somebody else; mend: chown root");
    }
    if about.mode() & 0o022 != 0 {
        return distrust("others may write to it; mend: chmod go-w");
    }
    Ok(())
}

fn sentences<T: fmt::Display>(diagnostics: &[T]) -> Vec<String> {
    diagnostics.iter().map(T::to_string).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("policy.d")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        dir
    }

    fn error(dir: &tempfile::TempDir) -> String {
        load(dir.path()).unwrap_err().to_string()
    }

    #[test]
    fn without_a_policy_nothing_is_loaded() {
        assert!(error(&folder(&[])).contains("policy.toml cannot be read"));
    }

    #[test]
    fn the_parts_of_a_policy_come_in_the_order_of_their_names() {
        let rule = |name| format!("[[rule]]\nname = \"{name}\"\nusers = [\"a\"]\nrequire = \"always\"\n");
        let (first, second) = (rule("first"), rule("second"));
        let dir = folder(&[("policy.toml", ""), ("policy.d/20.toml", &second), ("policy.d/10.toml", &first)]);
        let config = load(dir.path()).unwrap();
        let names: Vec<_> = config.policy.rules().iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(names, ["first", "second"]);
    }

    #[test]
    fn one_broken_part_refuses_the_whole_with_its_place() {
        let dir = folder(&[("policy.toml", ""), ("policy.d/10.toml", "[[rule]]\nusrs = [\"a\"]\n")]);
        let error = error(&dir);
        assert!(error.contains("policy.d/10.toml:2:1"), "{error}");
    }

    #[test]
    fn a_file_others_could_have_written_is_refused() {
        let dir = folder(&[("policy.toml", "")]);
        let path = dir.path().join("policy.toml");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
        assert!(error(&dir).contains("chmod go-w"));
    }

    #[test]
    fn a_folder_others_could_have_changed_is_refused() {
        for name in ["", "policy.d"] {
            let dir = folder(&[("policy.toml", "")]);
            std::fs::set_permissions(dir.path().join(name), std::fs::Permissions::from_mode(0o775)).unwrap();
            assert!(error(&dir).contains("chmod go-w"), "{name}");
        }
    }

    #[test]
    fn a_link_that_leads_nowhere_is_not_an_absent_file() {
        for name in ["policy.d", "mfa.toml", "policy.d/10.toml"] {
            let dir = folder(&[("policy.toml", "")]);
            let path = dir.path().join(name);
            let _ = std::fs::remove_dir(&path);
            std::os::unix::fs::symlink("nowhere", &path).unwrap();
            assert!(error(&dir).contains("cannot be read"), "{name}");
        }
    }

    #[test]
    fn a_setting_that_is_not_known_is_an_error() {
        let dir = folder(&[("policy.toml", ""), ("mfa.toml", "[enrollment]\nconfirm_code = 2\n")]);
        assert!(error(&dir).contains("confirm_code"));
    }

    #[test]
    fn a_setting_out_of_range_is_an_error() {
        for wrong in ["confirm_codes = 3", "confirm_codes = 0", "digits = 7", "algorithm = \"MD5\"", "period = 15"] {
            let dir = folder(&[("policy.toml", ""), ("mfa.toml", &format!("[enrollment]\n{wrong}\n"))]);
            assert!(load(dir.path()).is_err(), "{wrong}");
        }
    }
}
