//! What the administrator wrote: `policy.toml` with `policy.d`, and `mfa.toml`. Read whole, or refused whole.
//!
//! A file that somebody else could have written is refused like one that does not parse.

mod license;
mod mail;
mod security_keys;
mod settings;
mod texts;

pub(crate) use license::{installed, issuers};
pub(crate) use mail::Mail;
pub(crate) use settings::Settings;

use mfa_core::policy::{self, Diagnostic, Policy, Source};
use mfa_core::trust::PolicyDigest;
use mfa_settings::FileError;
use mfa_settings::file::{self, is_absent, trust_folder};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, io};
use texts::Texts;

/// Everything that was configured, at one moment.
#[derive(Debug)]
pub(crate) struct Config {
    /// Who is asked for what.
    pub(crate) policy: Policy,
    /// All that is not a rule.
    pub(crate) settings: Settings,
    /// What is odd.
    pub(crate) warnings: Vec<Diagnostic>,
    /// The files of policy, in the order in which they were read.
    pub(crate) files: Vec<String>,
    /// Which text of the policy it is.
    pub(crate) digest: PolicyDigest,
}

/// Why nothing of it is taken.
#[derive(Debug)]
pub(crate) enum ConfigError {
    /// A file cannot be read.
    Unreadable(PathBuf, io::Error),
    /// A file could have been written by somebody who must not.
    Unsafe(PathBuf, &'static str),
    /// The policy is not what it should be: each place, with what to do.
    Policy(Vec<Diagnostic>),
    /// `mfa.toml` is not what it should be: the place and what to do.
    Settings(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => write!(f, "{} cannot be read: {error}", path.display()),
            Self::Unsafe(path, why) => write!(f, "{} is not trusted: {why}", path.display()),
            Self::Policy(places) => {
                let places: Vec<String> = places.iter().map(Diagnostic::to_string).collect();
                f.write_str(&places.join("\n"))
            }
            Self::Settings(error) => f.write_str(error),
        }
    }
}

/// Files of policy that stand in for those of the folder, by their names there; `None`: as if there were no such file.
pub(crate) type Drafts = BTreeMap<String, Option<String>>;

impl From<FileError> for ConfigError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Unreadable(path, error) => Self::Unreadable(path, error),
            FileError::Unsafe(path, why) => Self::Unsafe(path, why),
        }
    }
}

/// The file that must be there.
pub(crate) const MAIN: &str = "policy.toml";
/// The folder of those that may be.
pub(crate) const MORE: &str = "policy.d";

/// Reads the folder, usually `/etc/mfa`. Only `mfa.toml` and `policy.d` may be absent.
///
/// # Errors
/// [`ConfigError`]; nothing of the folder is used then.
pub(crate) fn load(folder: &Path) -> Result<Config, ConfigError> {
    load_with(folder, &Drafts::new())
}

/// As [`load`], with some files of policy other than they are.
///
/// # Errors
/// [`ConfigError`]
pub(crate) fn load_with(folder: &Path, drafts: &Drafts) -> Result<Config, ConfigError> {
    trust_folder(folder)?;
    let mut texts = Vec::new();
    for name in names(folder, drafts)? {
        let text = match drafts.get(&name) {
            Some(draft) => draft.clone().unwrap_or_default(),
            None => read(&folder.join(&name))?,
        };
        texts.push((name, text));
    }
    let sources: Vec<Source<'_>> = texts.iter().map(|(name, text)| Source { name, text }).collect();
    let parsed = policy::parse(&sources).map_err(ConfigError::Policy)?;
    let file = folder.join("mfa.toml");
    let mut settings = if is_absent(&file) {
        Settings::default()
    } else {
        Settings::parse(&read(&file)?).map_err(ConfigError::Settings)?
    };
    let digest = digest(&texts);
    settings.mail.texts = Texts::load(folder);
    let files = texts.into_iter().map(|(name, _)| name).collect();
    let mut warnings = parsed.warnings;
    if settings.mail.relay.is_none() {
        warnings.extend(policy::without_mail(&parsed.policy));
    }
    if !settings.security_keys.ssh_verify_required {
        warnings.extend(policy::without_verified_ssh_keys(&parsed.policy));
    }
    Ok(Config { policy: parsed.policy, settings, warnings, files, digest })
}

/// SHA-256 of each file's name and text, with the length of either before it.
fn digest(texts: &[(String, String)]) -> PolicyDigest {
    let parts = texts.iter().flat_map(|(name, text)| [name, text]);
    let add = |hash: Sha256, part: &String| {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hash.chain_update(length.to_be_bytes()).chain_update(part)
    };
    PolicyDigest(parts.fold(Sha256::new(), add).finalize().into())
}

fn read(path: &Path) -> Result<String, ConfigError> {
    Ok(file::read(path, file::LARGEST)?)
}

/// The files of policy, in the order in which they are read.
fn names(folder: &Path, drafts: &Drafts) -> Result<Vec<String>, ConfigError> {
    let more = folder.join(MORE);
    let mut names = BTreeSet::new();
    if !is_absent(&more) {
        trust_folder(&more)?;
        let unreadable = |error| ConfigError::Unreadable(more.clone(), error);
        for file in std::fs::read_dir(&more).map_err(unreadable)? {
            let path = file.map_err(unreadable)?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                names.insert(path.strip_prefix(folder).unwrap_or(&path).display().to_string());
            }
        }
    }
    for (name, draft) in drafts.iter().filter(|(name, _)| *name != MAIN) {
        match draft {
            Some(_) => names.insert(name.clone()),
            None => names.remove(name),
        };
    }
    Ok(std::iter::once(MAIN.to_owned()).chain(names).collect())
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
    fn the_digest_is_of_the_policys_text_and_of_nothing_else() {
        let main = "[defaults]\nask_again = \"15m\"\n";
        let of = |files: &[(&str, &str)]| load(folder(files).path()).unwrap().digest;
        let first = of(&[("policy.toml", main)]);
        assert_eq!(of(&[("policy.toml", main), ("mfa.toml", "[site]\nname = \"x\"\n")]), first);
        assert_ne!(of(&[("policy.toml", &format!("{main}\n"))]), first);
        assert_ne!(of(&[("policy.toml", main), ("policy.d/10.toml", "")]), first);
        assert_ne!(
            of(&[("policy.toml", main), ("policy.d/20.toml", "")]),
            of(&[("policy.toml", main), ("policy.d/10.toml", "")])
        );
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
    fn drafts_stand_in_for_files_and_leave_the_folder_as_it_is() {
        let rule = |name| format!("[[rule]]\nname = \"{name}\"\nusers = [\"a\"]\nrequire = \"always\"\n");
        let files =
            [("policy.toml", "nonsense".to_owned()), ("policy.d/20.toml", rule("b")), ("policy.d/30.toml", rule("c"))];
        let dir = folder(&files.each_ref().map(|(name, text)| (*name, text.as_str())));
        let drafts = [
            ("policy.toml", Some(rule("main"))),
            ("policy.d/10.toml", Some(rule("a"))),
            ("policy.d/20.toml", None),
            ("policy.d/25.toml", None),
        ];
        let drafts = drafts.into_iter().map(|(name, text)| (name.to_owned(), text)).collect();
        let config = load_with(dir.path(), &drafts).unwrap();
        assert_eq!(config.files, ["policy.toml", "policy.d/10.toml", "policy.d/30.toml"]);
        let names: Vec<_> = config.policy.rules().iter().map(|rule| rule.name().to_owned()).collect();
        assert_eq!(names, ["main", "a", "c"]);
        assert!(load(dir.path()).is_err());
    }

    #[test]
    fn mailed_codes_alone_without_a_server_are_odd_and_with_one_are_not() {
        let policy = ("policy.toml", "[defaults]\nrequire = \"always\"\nfactors = [\"email\"]\n");
        let warnings = |files: &[_]| load(folder(files).path()).unwrap().warnings;
        let told = warnings(&[policy]);
        assert!(told.len() == 1 && told[0].message.contains("no mail is sent here"), "{told:?}");
        let server = "[mail]\nserver = \"localhost\"\ntls = \"plain\"\nfrom = \"mfa@acme.example\"\n";
        assert_eq!(warnings(&[policy, ("mfa.toml", server)]), []);
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
