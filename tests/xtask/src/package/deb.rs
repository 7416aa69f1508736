//! The packages for Debian, made with dpkg's own tools from `packaging/deb/debian`: what a package depends on, its
//! size and its version are theirs to find out.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use super::order::{Order, answer};
use super::tree::{Tree, cannot};
use crate::Stop;
use crate::places::root;
use crate::stage::table::{Package, Source, System, parcels};

/// Which stacks name the module, and how they come not to.
pub(crate) const STACKS: &str = "packaging/pam/stacks-naming-mfa.sh";
/// Whether the daemon may be restarted.
pub(crate) const START: &str = "packaging/systemd/restarting-mfa.sh";
/// What dpkg runs, and what it compares.
const SCRIPTS: [&str; 4] = ["preinst", "postinst", "prerm", "postrm"];

/// Makes both.
pub(crate) fn make(order: &Order) -> Result<Vec<PathBuf>, Stop> {
    let made = [(Package::Daemon, "mfa"), (Package::Module, "libpam-mfa")];
    made.into_iter().map(|(package, name)| one(order, package, name)).collect()
}

fn one(order: &Order, package: Package, name: &str) -> Result<PathBuf, Stop> {
    let tree = Tree::lay(order.work("deb").join(name), package, System::Debian, order)?;
    documents(&tree, name)?;
    tree.compress()?;
    let files = tree.files()?;
    scripts(&tree, name)?;
    tree.write("DEBIAN/md5sums", &sums(&tree, &files)?, 0o644)?;
    let conffiles: String =
        files.iter().filter(|path| path.starts_with("etc")).map(|path| format!("/{}\n", path.display())).collect();
    if !conffiles.is_empty() {
        tree.write("DEBIAN/conffiles", &conffiles, 0o644)?;
    }
    control(&tree, name, package, order)?;
    tree.settle()?;
    archive(&tree, name, order)
}

fn documents(tree: &Tree, name: &str) -> Result<(), Stop> {
    let read = |path: &str| fs::read_to_string(root().join(path)).map_err(|error| cannot(&root().join(path), error));
    let folder = format!("usr/share/doc/{name}");
    tree.write(&format!("{folder}/copyright"), &read("packaging/deb/debian/copyright")?, 0o644)?;
    let overrides = format!("usr/share/lintian/overrides/{name}");
    tree.write(&overrides, &read(&format!("packaging/deb/debian/{name}.lintian-overrides"))?, 0o644)?;
    let log = tree.write(&format!("{folder}/changelog.Debian"), &read("packaging/deb/debian/changelog")?, 0o644)?;
    answer(Command::new("gzip").args(["--best", "--no-name", "--force"]).arg(log), "gzip").map(|_| ())
}

/// The scripts, with what they have in common put where they ask for it.
fn scripts(tree: &Tree, name: &str) -> Result<(), Stop> {
    let (stacks, start) = (shared(STACKS)?, shared(START)?);
    let units = units()?;
    for script in SCRIPTS {
        let from = root().join("packaging/deb/debian").join(format!("{name}.{script}"));
        let Ok(text) = fs::read_to_string(&from) else { continue };
        let text = text.replace("#STACKS#\n", &stacks).replace("#START#\n", &start).replace("#UNITS#", &units);
        tree.write(&format!("DEBIAN/{script}"), &text, 0o755)?;
    }
    Ok(())
}

/// What scripts have in common, for both kinds of packages.
pub(crate) fn shared(path: &str) -> Result<String, Stop> {
    let path = root().join(path);
    fs::read_to_string(&path).map_err(|error| cannot(&path, error))
}

/// The units that are there from the installation on: what wakes a service when it is needed.
pub(crate) fn units() -> Result<String, Stop> {
    let folder = root().join("packaging/systemd");
    let entries = fs::read_dir(&folder).map_err(|error| cannot(&folder, error))?;
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut units: Vec<String> =
        names.filter(|name| [".socket", ".timer", ".path"].iter().any(|kind| name.ends_with(kind))).collect();
    units.sort();
    Ok(units.join(" "))
}

fn sums(tree: &Tree, files: &[PathBuf]) -> Result<String, Stop> {
    let plain = files.iter().filter(|path| !tree.folder.join(path).is_symlink());
    answer(Command::new("md5sum").args(plain).current_dir(&tree.folder), "md5sum").map(|sums| sums + "\n")
}

/// Reads the binaries for what they need, and writes `DEBIAN/control`.
fn control(tree: &Tree, name: &str, package: Package, order: &Order) -> Result<(), Stop> {
    let sources = root().join("packaging/deb");
    let rows = parcels(System::Debian, order.machine.processor());
    let built = rows.iter().filter(|row| row.package == package && matches!(row.from, Source::Built(_)));
    let mut needs = Command::new("dpkg-shlibdeps");
    needs.arg("-O").args(built.map(|row| tree.folder.join(&row.to))).current_dir(&sources);
    order.machine.tell_dpkg(&mut needs);
    let substitutions = tree.folder.with_extension("substvars");
    fs::write(&substitutions, answer(&mut needs, "dpkg-shlibdeps")? + "\n")
        .map_err(|error| cannot(&substitutions, error))?;
    let mut write = Command::new("dpkg-gencontrol");
    order.machine.tell_dpkg(&mut write);
    write.current_dir(&sources).arg(format!("-p{name}")).arg(format!("-P{}", tree.folder.display()));
    write.arg(format!("-T{}", substitutions.display())).arg(format!("-v{}", order.version()));
    write.arg(format!("-f{}", tree.folder.with_extension("files").display()));
    if let Some(maintainer) = maintainer() {
        write.arg(format!("-DMaintainer={maintainer}"));
    }
    answer(&mut write, "dpkg-gencontrol").map(|_| ())
}

/// Whoever packages for others, as Debian's tools are told.
pub(super) fn maintainer() -> Option<String> {
    Some(format!("{} <{}>", std::env::var("DEBFULLNAME").ok()?, std::env::var("DEBEMAIL").ok()?))
}

fn archive(tree: &Tree, name: &str, order: &Order) -> Result<PathBuf, Stop> {
    let mut ask = Command::new("dpkg-architecture");
    order.machine.tell_dpkg(&mut ask);
    let architecture = answer(ask.arg("-qDEB_HOST_ARCH"), "dpkg-architecture")?;
    let file = order.folder.join(format!("{name}_{}_{architecture}.deb", order.version()));
    let mut pack = Command::new("dpkg-deb");
    pack.env("SOURCE_DATE_EPOCH", &order.moment).arg("--root-owner-group");
    // With one thread: how the work is divided shows in what comes out.
    pack.args(if order.for_labs { ["-Znone", "--uniform-compression"] } else { ["-Zxz", "--threads-max=1"] });
    answer(pack.arg("--build").arg(&tree.folder).arg(&file), "dpkg-deb")?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn what_wakes_a_service_is_there_from_the_installation_on() {
        let Ok(units) = units() else { panic!("there are no units") };
        assert!(units.starts_with("mfa-daemon-root.socket mfa-daemon.socket "), "{units}");
        assert!(!units.contains(".service"), "{units}");
    }
}
