//! What ships says nothing of the machine it was built on: its paths are replaced while building, and looked for
//! afterwards.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

use crate::places::root;

/// Folders of this machine that a compiler would write into what it builds, and what it writes in their place.
fn folders() -> Vec<(PathBuf, &'static str)> {
    let home = env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    let cargo = env::var_os("CARGO_HOME").map(PathBuf::from).or(home);
    [Some((root(), "/mfa")), cargo.map(|cargo| (cargo, "/cargo"))].into_iter().flatten().collect()
}

/// Tells cargo's compiler to write none of them, whatever else it was told.
pub(super) fn remap(build: &mut Command) {
    const SEPARATOR: &str = "\u{1f}";
    let told = env::var("CARGO_ENCODED_RUSTFLAGS").ok();
    let told = told.or_else(|| {
        env::var("RUSTFLAGS").ok().map(|flags| flags.split_whitespace().collect::<Vec<_>>().join(SEPARATOR))
    });
    let flags = folders().into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    let flags: Vec<String> = told.into_iter().filter(|told| !told.is_empty()).chain(flags).collect();
    build.env("CARGO_ENCODED_RUSTFLAGS", flags.join(SEPARATOR));
}

/// The first of these folders that is named in the file.
pub(super) fn named_in(file: &Path) -> io::Result<Option<PathBuf>> {
    let bytes = fs::read(file)?;
    Ok(folders()
        .into_iter()
        .map(|(folder, _)| folder)
        .find(|folder| holds(&bytes, folder.as_os_str().as_encoded_bytes())))
}

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    !text.is_empty() && bytes.windows(text.len()).any(|window| window == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_names_a_folder_of_this_machine_is_found() {
        let file = env::temp_dir().join(format!("xtask-elsewhere-{}", std::process::id()));
        fs::write(&file, b"\x7fELF\0/rustc/0123/library/core\0/mfa/src/lib.rs\0").unwrap();
        assert_eq!(named_in(&file).unwrap(), None);
        fs::write(&file, [b"\x7fELF\0", root().join("src").as_os_str().as_encoded_bytes()].concat()).unwrap();
        assert_eq!(named_in(&file).unwrap().as_deref(), Some(root().as_path()));
        fs::remove_file(file).unwrap();
    }

    #[test]
    fn what_the_compiler_was_told_before_it_is_still_told() {
        let mut build = Command::new("cargo");
        remap(&mut build);
        let flags = build.get_envs().find(|(name, _)| *name == "CARGO_ENCODED_RUSTFLAGS").and_then(|(_, flags)| flags);
        let flags = flags.unwrap().to_str().unwrap();
        assert!(flags.contains(&format!("--remap-path-prefix={}=/mfa", root().display())), "{flags}");
    }
}
