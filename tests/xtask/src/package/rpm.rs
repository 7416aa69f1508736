//! The packages for Red Hat's systems, made by rpmbuild from `packaging/rpm/mfa.spec`: it is given what was built, laid
//! out, with lists of the files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::deb::{STACKS, START, shared, units};
use super::order::{Order, answer};
use super::tree::{Tree, cannot};
use crate::Stop;
use crate::places::root;
use crate::stage::machine::Machine;
use crate::stage::table::{Package, System};

/// Folders that are ours alone, and go with the last of their files.
const FOLDERS: [&str; 5] =
    ["etc/mfa", "usr/libexec/mfa", "usr/share/mfa", "usr/share/doc/mfa", "usr/share/authselect/vendor/mfa"];

/// Makes both.
pub(crate) fn make(order: &Order) -> Result<Vec<PathBuf>, Stop> {
    let work = order.work("rpm");
    for (package, name) in [(Package::Daemon, "mfa"), (Package::Module, "pam-mfa")] {
        let tree = Tree::lay(work.join(name), package, System::RedHat, order)?;
        tree.compress_pages()?;
        let list = tree.folder.with_extension("files");
        fs::write(&list, listed(&tree)?).map_err(|error| cannot(&list, error))?;
        tree.settle()?;
    }
    build(order, &work)?;
    collect(order, &work.join("made"))
}

/// The files with their permissions, as rpm wants them listed; every one of them is root's.
fn listed(tree: &Tree) -> Result<String, Stop> {
    let files = tree.files()?;
    let mut list = String::from("%defattr(-,root,root,-)\n");
    for folder in FOLDERS.iter().filter(|folder| files.iter().any(|path| path.starts_with(folder))) {
        list += &format!("%dir %attr(0755,root,root) /{folder}\n");
    }
    for path in &files {
        let kind = if path.starts_with("etc") {
            "%config(noreplace) "
        } else if path.starts_with("usr/share/doc") || path.starts_with("usr/share/man") {
            "%doc "
        } else {
            ""
        };
        let mode = tree.folder.join(path).symlink_metadata().map_err(|error| cannot(path, error))?.permissions().mode();
        let mode = if tree.folder.join(path).is_symlink() {
            String::new()
        } else {
            format!("%attr(0{:o},root,root) ", mode & 0o777)
        };
        list += &format!("{kind}{mode}/{}\n", path.display());
    }
    Ok(list)
}

fn build(order: &Order, work: &Path) -> Result<(), Stop> {
    let (stacks, start) = (shared(STACKS)?, shared(START)?);
    let spec = root().join("packaging/rpm/mfa.spec");
    let text = fs::read_to_string(&spec).map_err(|error| cannot(&spec, error))?;
    // rpm reads a percent sign as the beginning of a macro.
    let text = text.replace("%{mfa_stacks}\n", &stacks.replace('%', "%%"));
    let text = text.replace("%{mfa_start}\n", &start.replace('%', "%%"));
    let text = text.replace("%{mfa_units}", &units()?);
    let ready = work.join("mfa.spec");
    fs::write(&ready, text).map_err(|error| cannot(&ready, error))?;
    let made = work.join("made");
    if made.exists() {
        fs::remove_dir_all(&made).map_err(|error| cannot(&made, error))?;
    }
    let mut command = Command::new("rpmbuild");
    command.env("SOURCE_DATE_EPOCH", &order.moment).arg("-bb").args(["--quiet", "--nodeps"]);
    if order.machine != Machine::This {
        command.args(["--target", order.machine.processor()]);
    }
    let mut define = |name: &str, value: &str| {
        command.arg("--define").arg(format!("{name} {value}"));
    };
    define("_topdir", &work.join("top").display().to_string());
    define("_rpmdir", &made.display().to_string());
    define("mfa_version", &order.upstream);
    define("mfa_release", &order.release.replace('-', "_"));
    define("mfa_trees", &work.display().to_string());
    if order.for_labs {
        define("_binary_payload", "w1.gzdio");
    }
    answer(command.arg(&ready), "rpmbuild").map(|_| ())
}

/// Takes what was made out of its folders by architecture.
fn collect(order: &Order, made: &Path) -> Result<Vec<PathBuf>, Stop> {
    let mut found = Vec::new();
    for architecture in fs::read_dir(made).map_err(|error| cannot(made, error))?.flatten() {
        for file in fs::read_dir(architecture.path()).map_err(|error| cannot(made, error))?.flatten() {
            let place = order.folder.join(file.file_name());
            fs::copy(file.path(), &place).map_err(|error| cannot(&place, error))?;
            found.push(place);
        }
    }
    found.sort();
    Ok(found)
}
