//! Where an SSH key may be found: the user's `~/.ssh`, the agent, and `authorized_keys`, for those whose other half is
//! at another computer.

use super::programs::Programs;
use super::public_key::{Line, PublicKey, read};
use mfa_cli::{Failure, printable};
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};

/// Bytes that are read of a file at the most.
const LONGEST: u64 = 256 * 1024;

/// A key that could be added, and how it can sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) key: PublicKey,
    pub(super) signer: Signer,
}

/// How a key can sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Signer {
    /// With this private half.
    File(PathBuf),
    /// By the agent.
    Agent,
    /// At another computer alone.
    Elsewhere,
}

/// Everything that is found; a key that is found in several places, with the best way for it to sign.
pub(super) fn all(home: Option<&Path>, programs: &Programs) -> Vec<Candidate> {
    let folder = home.map(|home| home.join(".ssh"));
    let files = folder.as_deref().map(public_files).unwrap_or_default();
    let agent = programs.agent().into_iter().filter_map(|line| found(&line, Signer::Agent));
    let authorized = folder.and_then(|folder| text(&folder.join("authorized_keys")).ok()).unwrap_or_default();
    let authorized = authorized.lines().filter_map(|line| found(line, Signer::Elsewhere));
    let mut all: Vec<Candidate> = Vec::new();
    for candidate in files.into_iter().chain(agent).chain(authorized) {
        match all.iter_mut().find(|known| known.key.fingerprint == candidate.key.fingerprint) {
            Some(known) if known.signer == Signer::Elsewhere => known.signer = candidate.signer,
            Some(_) => {}
            None => all.push(candidate),
        }
    }
    all
}

/// The key of this file, private or public; or of this very line.
///
/// # Errors
/// There is none that could be added; why, and what to do.
pub(super) fn given(given: &str, programs: &Programs) -> Result<Candidate, Failure> {
    if let Line::Key(key) = read(given) {
        return Ok(in_the_agent(Candidate { key, signer: Signer::Elsewhere }, programs));
    }
    let path = PathBuf::from(given);
    let name = printable::line(given);
    let public = if is_public(&path) { path.clone() } else { beside(&path) };
    let text = match text(&public) {
        Ok(text) => text,
        Err(_) if public != path && path.exists() => {
            let text = format!("Beside {name} there is no {name}.pub. Make it: ssh-keygen -y -f {name} > {name}.pub");
            return Err(Failure::refused("file", text));
        }
        Err(error) => {
            return Err(Failure::refused("file", format!("{name} cannot be read: {error}. Check the name.")));
        }
    };
    let mut lines = text.lines().map(read).filter(|line| *line != Line::Nothing);
    match lines.next() {
        Some(Line::Key(key)) => {
            let signer = private_of(&public).map_or(Signer::Elsewhere, Signer::File);
            Ok(in_the_agent(Candidate { key, signer }, programs))
        }
        Some(Line::Other(kind)) => Err(ordinary(&name, &kind)),
        _ => Err(Failure::refused("file", format!("There is no SSH public key in {name}. It ends in .pub."))),
    }
}

/// Why a key of another kind will not do, and how to make one that does.
fn ordinary(name: &str, kind: &str) -> Failure {
    let kind = printable::line(kind);
    let text = if kind.contains("-cert-v01@") {
        format!("{name} is a certificate. Name the .pub file of the key itself: certificates over it count with it.")
    } else {
        format!(
            "{name} is an ordinary key ({kind}): a file that can be copied, so it is no second factor. One that lives on a \
             security key is made with: ssh-keygen -t ed25519-sk"
        )
    };
    Failure::refused("not_a_security_key", text)
}

/// An agent that has the key signs for it.
fn in_the_agent(candidate: Candidate, programs: &Programs) -> Candidate {
    let is_same = |line: &String| matches!(read(line), Line::Key(key) if key.fingerprint == candidate.key.fingerprint);
    if candidate.signer == Signer::Elsewhere && programs.agent().iter().any(is_same) {
        return Candidate { signer: Signer::Agent, ..candidate };
    }
    candidate
}

/// The keys of all `.pub` files, by the files' names.
fn public_files(folder: &Path) -> Vec<Candidate> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).filter(|path| is_public(path)).collect();
    paths.sort();
    let of = |path: &PathBuf| {
        let signer = private_of(path).map_or(Signer::Elsewhere, Signer::File);
        text(path).ok()?.lines().find_map(|line| found(line, signer.clone()))
    };
    paths.iter().filter_map(of).collect()
}

fn found(line: &str, signer: Signer) -> Option<Candidate> {
    match read(line) {
        Line::Key(key) => Some(Candidate { key, signer }),
        Line::Other(_) | Line::Nothing => None,
    }
}

fn is_public(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "pub")
}

/// `id_ed25519_sk.pub` beside `id_ed25519_sk`.
fn beside(private: &Path) -> PathBuf {
    let mut name = private.as_os_str().to_owned();
    name.push(".pub");
    name.into()
}

/// The private half beside a public one, if there is a file.
fn private_of(public: &Path) -> Option<PathBuf> {
    let private = public.with_extension("");
    private.is_file().then_some(private)
}

/// A file that is text, and no longer than such files are. One that is no file, like a pipe, is not waited for.
fn text(path: &Path) -> std::io::Result<String> {
    if !fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("it is no file"));
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST).read_to_string(&mut text)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../mfa-core/tests/vectors/sk-ed25519.pub");
    const ECDSA: &str = include_str!("../../../mfa-core/tests/vectors/sk-ecdsa.pub");
    const ORDINARY: &str = include_str!("../../../mfa-core/tests/vectors/ed25519.pub");

    /// Nothing is started out of an empty folder.
    fn programs(folder: &Path) -> Programs {
        Programs::installed(Some(folder))
    }

    #[test]
    fn keys_are_found_once_with_the_best_way_to_sign() {
        let home = tempfile::tempdir().unwrap();
        let ssh = home.path().join(".ssh");
        fs::create_dir(&ssh).unwrap();
        fs::write(ssh.join("id_sk.pub"), KEY).unwrap();
        fs::write(ssh.join("id_sk"), "private").unwrap();
        fs::write(ssh.join("id_ed25519.pub"), ORDINARY).unwrap();
        fs::write(ssh.join("authorized_keys"), format!("{ORDINARY}# laptop\nno-pty {KEY}\n{ECDSA}")).unwrap();
        let found = all(Some(home.path()), &programs(home.path()));
        let signers: Vec<&Signer> = found.iter().map(|candidate| &candidate.signer).collect();
        assert_eq!(signers, [&Signer::File(ssh.join("id_sk")), &Signer::Elsewhere]);
        assert_eq!(all(None, &programs(home.path())), []);
    }

    #[test]
    fn the_private_file_may_be_named_and_the_line_itself_may_be_given() {
        let folder = tempfile::tempdir().unwrap();
        let (private, public) = (folder.path().join("id_sk"), folder.path().join("id_sk.pub"));
        fs::write(&private, "private").unwrap();
        let missing = given(private.to_str().unwrap(), &programs(folder.path())).unwrap_err();
        assert!(missing.message.contains("ssh-keygen -y -f"), "{missing}");
        fs::write(&public, KEY).unwrap();
        for name in [&private, &public] {
            let candidate = given(name.to_str().unwrap(), &programs(folder.path())).unwrap();
            assert_eq!(candidate.signer, Signer::File(private.clone()));
        }
        assert_eq!(given(KEY, &programs(folder.path())).unwrap().signer, Signer::Elsewhere);
    }

    #[test]
    fn an_ordinary_key_is_refused_with_the_reason_and_the_command_that_makes_another() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id.pub");
        fs::write(&file, ORDINARY).unwrap();
        let refused = given(file.to_str().unwrap(), &programs(folder.path())).unwrap_err();
        assert!(refused.message.contains("ordinary key (ssh-ed25519)"), "{refused}");
        assert!(refused.message.ends_with("ssh-keygen -t ed25519-sk"), "{refused}");
        fs::write(&file, "root:x:0:0\n").unwrap();
        let refused = given(file.to_str().unwrap(), &programs(folder.path())).unwrap_err();
        assert!(!refused.message.contains("root:x"), "{refused}");
        assert!(given("/nonexistent/id.pub", &programs(folder.path())).is_err());
        assert!(given("/dev/zero", &programs(folder.path())).is_err());
    }
}
