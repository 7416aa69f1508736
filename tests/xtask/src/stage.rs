//! `cargo xtask stage DIR`: builds the product and puts every file where a package would put it below DIR.
//! It starts nothing and knows no machine: `systemd-sysusers` and the socket units do the rest after boot.

mod elsewhere;
pub(crate) mod machine;
pub(crate) mod table;

use std::fs;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::cargo::{Workspace, run};
use crate::places::{root, target};
use crate::setup::{BUILD, setup};
use crate::{Command, Stop, no_more, take_profile};
use machine::Machine;
use table::{PROGRAMS, Parcel, Source, System, parcels};

pub(crate) const COMMAND: Command = Command {
    name: "stage",
    summary: "Build, and put everything where a package would, below a folder",
    usage: "usage: cargo xtask stage DIR [--profile release|lab]

  --profile lab   builds much faster and runs slower: for the edit loop

Files in the way are replaced, each at once; others stay.
example: cargo xtask stage target/stage",
    run: |words| {
        let mut words = words.to_vec();
        let profile = take_profile(&mut words)?;
        let (folder, rest) = words.split_first().ok_or_else(|| Stop::Usage("DIR is missing.".into()))?;
        no_more(rest)?;
        setup(&BUILD)?;
        stage(Path::new(folder), &profile)
    },
};

/// Builds with that profile and stages into `folder`.
pub(crate) fn stage(folder: &Path, profile: &str) -> Result<(), Stop> {
    build(profile, Machine::This)?;
    lay_out(folder, profile, Machine::This, &parcels(System::Debian, Machine::This.processor()))
}

/// Builds what ships, for that machine.
pub(crate) fn build(profile: &str, machine: Machine) -> Result<(), Stop> {
    let mut build = Workspace::Product.cargo("build");
    build.args(["--locked", "--profile", profile]);
    for program in PROGRAMS {
        build.args(["--package", program]);
    }
    machine.tell_cargo(&mut build)?;
    // The edit loop keeps what cargo has built without this.
    if ships(profile) {
        elsewhere::remap(&mut build);
    }
    run(&mut build, "building the product")
}

/// Puts the parcels below the folder, from what was built last with that profile for that machine.
pub(crate) fn lay_out<'a>(
    folder: &Path,
    profile: &str,
    machine: Machine,
    parcels: impl IntoIterator<Item = &'a Parcel>,
) -> Result<(), Stop> {
    for parcel in parcels {
        let failed = |error| Stop::Failed(format!("staging {}: {error}", parcel.to.display()));
        let to = folder.join(&parcel.to);
        lay(&parcel.from, &to, parcel.mode, &machine.built(profile)).map_err(failed)?;
        if let (true, Source::Built(name)) = (ships(profile), &parcel.from) {
            if let Some(path) = elsewhere::named_in(&to).map_err(failed)? {
                return Err(Stop::Failed(format!("{name} names {}, a folder of this machine.", path.display())));
            }
        }
    }
    Ok(())
}

/// Whether what that profile builds is for other machines.
fn ships(profile: &str) -> bool {
    profile == "release"
}

/// The same, into a folder of ours that holds nothing else afterwards.
pub(crate) fn stage_afresh(folder: &Path, profile: &str) -> Result<(), Stop> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Stop::Failed(format!("cannot empty {}: {error}", folder.display())))
        }
        _ => stage(folder, profile),
    }
}

fn lay(from: &Source, to: &Path, mode: u32, built: &Path) -> io::Result<()> {
    match from {
        Source::Built(name) => copy(&built.join(name), to, mode),
        Source::File(path) => copy(&root().join(path), to, mode),
        Source::Link(destination) => link(destination, to),
        Source::Folder(path) => copy_each(&root().join(path), to, mode),
        Source::Papers(path) => copy_each(&papers().join(path), to, mode),
    }
}

/// The files of a folder, if there is one.
fn copy_each(folder: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            copy(&entry.path(), &to.join(entry.file_name()), mode)?;
        }
    }
    Ok(())
}

/// Where the papers are that are made from the code, once they were made.
pub(crate) fn papers() -> PathBuf {
    target().join("papers")
}

/// Beside its place first, then renamed: a module or program in use is never half there.
fn copy(from: &Path, to: &Path, mode: u32) -> io::Result<()> {
    let beside = beside(to)?;
    fs::copy(from, &beside).map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", from.display())))?;
    fs::set_permissions(&beside, fs::Permissions::from_mode(mode))?;
    fs::rename(&beside, to)
}

fn link(destination: &str, to: &Path) -> io::Result<()> {
    let beside = beside(to)?;
    symlink(destination, &beside)?;
    fs::rename(&beside, to)
}

fn beside(to: &Path) -> io::Result<PathBuf> {
    let (Some(folder), Some(name)) = (to.parent(), to.file_name()) else {
        return Err(io::Error::other("not a place for a file"));
    };
    fs::create_dir_all(folder)?;
    let beside = folder.join(format!(".{}.new", name.to_string_lossy()));
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(beside),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_way_is_replaced_with_its_permissions_and_nothing_is_left_beside() {
        let folder = std::env::temp_dir().join(format!("xtask-stage-{}", std::process::id()));
        let place = folder.join("usr/bin/program");
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(&place, "old").unwrap();
        lay(&Source::File("deny.toml"), &place, 0o750, Path::new("/")).unwrap();
        lay(&Source::Link("program"), &folder.join("usr/bin/alias"), 0, Path::new("/")).unwrap();
        lay(&Source::Link("program"), &folder.join("usr/bin/alias"), 0, Path::new("/")).unwrap();

        assert_eq!(fs::read(folder.join("usr/bin/alias")).unwrap(), fs::read(root().join("deny.toml")).unwrap());
        assert_eq!(fs::metadata(&place).unwrap().permissions().mode() & 0o777, 0o750);
        assert_eq!(fs::read_dir(folder.join("usr/bin")).unwrap().count(), 2);
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_folder_that_is_not_there_has_no_files_and_a_file_that_is_not_there_is_an_error() {
        let nowhere = std::env::temp_dir().join(format!("xtask-nowhere-{}", std::process::id()));
        assert!(lay(&Source::Folder("no/such/folder"), &nowhere, 0o644, Path::new("/")).is_ok());
        assert!(!nowhere.exists());
        let error = lay(&Source::File("no/such/file"), &nowhere.join("file"), 0o644, Path::new("/")).unwrap_err();
        assert!(error.to_string().contains("no/such/file"), "{error}");
        fs::remove_dir_all(nowhere).unwrap();
    }
}
