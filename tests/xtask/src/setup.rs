//! `cargo xtask setup`: finds what this machine lacks and installs it with apt-get, saying so before.
//! It never touches Rust: the one that is there is used.

use std::path::Path;
use std::process::Command as Process;

use crate::places::installed;
use crate::privilege::as_root;
use crate::{Command, Stop, no_more, take_flag};

pub(crate) const COMMAND: Command = Command {
    name: "setup",
    summary: "Install what building and the labs need (the other commands do it, too)",
    usage: "usage: cargo xtask setup [--list]

Looks for what building and the labs need: compilers, packaging tools, systemd-nspawn, QEMU. What is missing is installed
with apt-get, through sudo when you are not root.

  --list    prints the packages, by what needs them, and installs nothing",
    run: |words| {
        let mut words = words.to_vec();
        let asked = take_flag(&mut words, "--list");
        no_more(&words)?;
        if asked {
            print!("{}", list());
            return Ok(());
        }
        setup(&ALL)
    },
};

/// Something the project needs of a machine.
pub(crate) struct Need {
    /// How it is recognized: a program's name, or the path of a file.
    sign: &'static str,
    /// The Debian package that brings it.
    package: &'static str,
}

/// To build the product.
pub(crate) const BUILD: [Need; 3] = [
    Need { sign: "cc", package: "gcc" },
    Need { sign: "/usr/include/stdio.h", package: "libc6-dev" },
    Need { sign: "/usr/include/fido.h", package: "libfido2-dev" },
];

/// To build it and make packages of it.
pub(crate) const PACKAGE: [Need; 6] = {
    let [cc, libc, fido] = BUILD;
    [
        cc,
        libc,
        fido,
        Need { sign: "dpkg-shlibdeps", package: "dpkg-dev" },
        Need { sign: "objdump", package: "binutils" },
        Need { sign: "rpmbuild", package: "rpm" },
    ]
};

/// To have packages looked at.
pub(crate) const LINT: [Need; 2] =
    [Need { sign: "lintian", package: "lintian" }, Need { sign: "rpmlint", package: "rpmlint" }];

/// To build the fuzzer, which is C++.
pub(crate) const FUZZ: [Need; 3] = {
    let [cc, libc, _] = BUILD;
    [cc, libc, Need { sign: "c++", package: "g++" }]
};

/// To build it for an arm64 where this machine is none, and to start there what was built.
pub(crate) const ARM64: [Need; 5] = [
    Need { sign: "aarch64-linux-gnu-gcc", package: "gcc-aarch64-linux-gnu" },
    Need { sign: "/usr/lib/aarch64-linux-gnu/crt1.o", package: "libc6-dev:arm64" },
    Need { sign: "/lib/aarch64-linux-gnu/libpam.so.0", package: "libpam0g:arm64" },
    Need { sign: "/usr/lib/aarch64-linux-gnu/libfido2.so", package: "libfido2-dev:arm64" },
    Need { sign: "qemu-aarch64-static", package: "qemu-user-static" },
];

/// To build it and boot labs with it.
pub(crate) const ALL: [Need; 19] = {
    let [cc, libc, fido, shlibdeps, objdump, rpm] = PACKAGE;
    [
        cc,
        libc,
        fido,
        shlibdeps,
        objdump,
        rpm,
        Need { sign: "systemd-nspawn", package: "systemd-container" },
        Need { sign: "mmdebstrap", package: "mmdebstrap" },
        Need { sign: "/usr/share/keyrings/debian-archive-keyring.gpg", package: "debian-archive-keyring" },
        Need { sign: "ssh", package: "openssh-client" },
        Need { sign: "setpriv", package: "util-linux" },
        // Guests, in which security keys are USB devices.
        Need { sign: "qemu-system-x86_64", package: "qemu-system-x86" },
        Need { sign: "busybox", package: "busybox-static" },
        Need { sign: "mkfs.erofs", package: "erofs-utils" },
        Need { sign: "xz", package: "xz-utils" },
        Need { sign: "zstd", package: "zstd" },
        Need { sign: "systemd-notify", package: "systemd" },
        // Counts what one login costs.
        Need { sign: "valgrind", package: "valgrind" },
        // Another's word on codes.
        Need { sign: "oathtool", package: "oathtool" },
    ]
};

/// Every package that may be installed, and for what. The documents name this list and repeat none of it.
fn list() -> String {
    let row = |what: &str, needs: &[Need]| {
        let packages: Vec<&str> = needs.iter().map(|need| need.package).collect();
        format!("{what}: {}\n", packages.join(" "))
    };
    row("demo, test, bench, scenarios, lab", &ALL)
        + &row("stage", &BUILD)
        + &row("package", &PACKAGE)
        + &row("package --lint, test", &LINT)
        + &row("package --arch arm64", &ARM64)
        + &row("fuzz", &FUZZ)
}

impl Need {
    fn met(&self) -> bool {
        if self.sign.starts_with('/') { Path::new(self.sign).exists() } else { installed(self.sign) }
    }
}

/// Installs what is missing of `needs`; nothing is printed when all is there.
pub(crate) fn setup(needs: &[Need]) -> Result<(), Stop> {
    let missing = || needs.iter().filter(|need| !need.met()).map(|need| need.package).collect::<Vec<_>>();
    let packages = missing();
    if packages.is_empty() {
        return Ok(());
    }
    let list = packages.join(" ");
    if !installed("apt-get") {
        return Err(Stop::Failed(format!(
            "This machine lacks what these Debian packages bring: {list}.\n\
             It has no apt-get; install them the way it does it. On Fedora: \
             sudo dnf install gcc glibc-devel libfido2-devel systemd-container mmdebstrap debian-keyring openssh-clients \
             dpkg-dev binutils rpm-build qemu-system-x86-core busybox erofs-utils xz zstd oathtool"
        )));
    }
    println!("Installing with apt-get: {list}");
    // Lists that are missing or old are the usual reason for a first failure.
    let done = apt_get(&["install", "--yes", "--no-install-recommends"], &packages)
        || apt_get(&["update"], &[]) && apt_get(&["install", "--yes", "--no-install-recommends"], &packages);
    if done && missing().is_empty() {
        return Ok(());
    }
    let left = missing().join(" ");
    Err(Stop::Failed(format!("Could not install: {left}. Run as root: apt-get update && apt-get install {left}")))
}

/// Has dpkg know packages of that architecture, too; nothing is said where it does.
pub(crate) fn foreign(architecture: &str) -> Result<(), Stop> {
    let known = Process::new("dpkg").arg("--print-foreign-architectures").output();
    if known.is_ok_and(|known| String::from_utf8_lossy(&known.stdout).lines().any(|line| line == architecture)) {
        return Ok(());
    }
    println!("Adding {architecture} to the architectures of dpkg. (Back: dpkg --remove-architecture {architecture})");
    let added = as_root("dpkg").map(|mut dpkg| dpkg.args(["--add-architecture", architecture]).status());
    match added {
        Some(Ok(status)) if status.success() => Ok(()),
        _ => Err(Stop::Failed(format!("It was refused. Run as root: dpkg --add-architecture {architecture}"))),
    }
}

/// Quiet while it goes well; its last words when it does not.
fn apt_get(words: &[&str], packages: &[&str]) -> bool {
    let Some(mut command) = as_root("env") else { return false };
    command.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "--quiet", "--quiet"]).args(words).args(packages);
    let Ok(output) = Process::output(&mut command) else { return false };
    if !output.status.success() {
        eprint!("{}", String::from_utf8_lossy(&output.stderr));
    }
    output.status.success()
}

#[cfg(test)]
mod tests {
    use super::{ALL, ARM64, FUZZ, LINT, list};

    #[test]
    fn the_list_has_every_package_that_may_be_installed() {
        let list = list();
        for need in ALL.iter().chain(&LINT).chain(&ARM64).chain(&FUZZ) {
            assert!(list.split([' ', '\n']).any(|word| word == need.package), "{}: {list}", need.package);
        }
    }
}
