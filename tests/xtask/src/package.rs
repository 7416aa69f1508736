//! `cargo xtask package`: builds the product and makes packages of it, the same bytes every time.
//! It installs nothing; it knows no machine but what the compiler needs of this one.

mod deb;
mod floor;
mod lint;
mod order;
mod release;
mod rpm;
mod tree;
mod tried;
mod twice;

use std::fs;
use std::path::{Path, PathBuf};

use crate::cargo::{Workspace, run};
use crate::places::{packed, target};
use crate::setup::{ARM64, LINT, PACKAGE, foreign, setup};
use crate::stage::machine::Machine;
use crate::stage::{self, build};
use crate::{Command, Stop, no_more, take_flag, take_profile, take_value};
use order::Order;
use tree::cannot;

pub(crate) const COMMAND: Command = Command {
    name: "package",
    summary: "Build, and make packages for Debian and for Red Hat's systems",
    usage: "usage: cargo xtask package [DIR] [--arch amd64|arm64] [--profile release|lab] [--suffix TEXT] [--no-build]
                            [--lint] [--twice]

Makes mfa and libpam-mfa (.deb), mfa and pam-mfa (.rpm) in DIR, or in target/packages; beside them what a release has
with them: notes, a bill of materials, and the sums of all (SHA256SUMS).

  --arch arm64    for machines other than this, with Debian's cross compiler; QEMU starts what was built, once.
                  Adds arm64 to the architectures that dpkg knows here, and installs its libraries
  --profile lab   of a build that is quick to make, and not compressed: for the labs, not for others
  --suffix TEXT   is appended to the version: --suffix +site1
  --no-build      takes what was built last
  --lint          has lintian and rpmlint look at them
  --twice         builds again in another place and compares the bytes
Whoever packages for others is named by DEBFULLNAME and DEBEMAIL.",
    run: |words| {
        let mut words = words.to_vec();
        let profile = take_profile(&mut words)?;
        let (no_build, twice) = (take_flag(&mut words, "--no-build"), take_flag(&mut words, "--twice"));
        let check = take_flag(&mut words, "--lint");
        let suffix = take_value(&mut words, "--suffix")?.unwrap_or_default();
        let machine = take_value(&mut words, "--arch")?.map_or(Ok(Machine::This), |word| Machine::named(&word))?;
        let folder = if words.is_empty() { folder() } else { PathBuf::from(words.remove(0)) };
        no_more(&words)?;
        if folder.to_string_lossy().starts_with('-') {
            return Err(Stop::Usage(format!("{} is not understood here.", folder.display())));
        }
        setup(&PACKAGE)?;
        if machine == Machine::Arm64 {
            foreign("arm64")?;
            setup(&ARM64)?;
        }
        if !no_build {
            build(&profile, machine)?;
        }
        papers()?;
        let order = Order::new(&folder, &profile, &suffix, machine)?;
        let made = package(&order)?;
        for file in &made {
            println!("{}", file.display());
        }
        tried::try_out(&order)?;
        release::accompany(&order)?;
        if check {
            lint(&made, order.for_labs)?;
        }
        if twice { twice::compare(&made, &order) } else { Ok(()) }
    },
};

/// Where packages are made when nothing else is said.
pub(crate) fn folder() -> PathBuf {
    target().join("packages")
}

/// Makes the packages that scenarios install: this version in `now`, and the next one, of the same build, in `next`.
pub(crate) fn package_for_labs(profile: &str) -> Result<(), Stop> {
    papers()?;
    for (edition, suffix) in [("now", ""), ("next", "+next")] {
        package(&Order::new(&packed().join(edition), profile, suffix, Machine::This)?.for_labs())?;
    }
    Ok(())
}

/// Makes the .debs that the demo installs, of what was built last.
pub(crate) fn package_for_demo(profile: &str) -> Result<(), Stop> {
    papers()?;
    let order = Order::new(&packed().join("demo"), profile, "", Machine::This)?.for_labs();
    fresh(&order.folder)?;
    deb::make(&order).map(|_| ())
}

/// Has lintian and rpmlint look at the packages that labs install.
pub(crate) fn lint_for_labs() -> Result<(), Stop> {
    let folder = packed().join("now");
    let entries = fs::read_dir(&folder).map_err(|error| cannot(&folder, error))?;
    lint(&entries.flatten().map(|entry| entry.path()).collect::<Vec<_>>(), true)
}

fn lint(made: &[PathBuf], for_labs: bool) -> Result<(), Stop> {
    setup(&LINT)?;
    lint::lint(made, for_labs)
}

/// Writes what goes with the packages and is made from the code.
fn papers() -> Result<(), Stop> {
    let mut make = Workspace::Tests.cargo("run");
    make.args(["--locked", "--quiet", "--package", "papers", "--"]).arg(stage::papers());
    run(&mut make, "writing manual pages")
}

/// Makes packages of what was built last.
fn package(order: &Order) -> Result<Vec<PathBuf>, Stop> {
    fresh(&order.folder)?;
    let mut made = deb::make(order)?;
    made.extend(rpm::make(order)?);
    Ok(made)
}

/// Empties the folder of what was packaged before, and of nothing else.
fn fresh(folder: &Path) -> Result<(), Stop> {
    fs::create_dir_all(folder).map_err(|error| cannot(folder, error))?;
    for entry in fs::read_dir(folder).map_err(|error| cannot(folder, error))?.flatten() {
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == "deb" || ending == "rpm") {
            fs::remove_file(&path).map_err(|error| cannot(&path, error))?;
        }
    }
    Ok(())
}
