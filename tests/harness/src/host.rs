//! What labs need of the machine they run on: root, a few programs, a version 2 cgroup tree, a place for the cache.
//! It looks and tells; it installs nothing (`cargo xtask setup` does).

use std::fmt;
use std::path::{Path, PathBuf};

/// Programs that a lab starts, each with the Debian package it comes from.
const PROGRAMS: [(&str, &str); 9] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setpriv", "util-linux"),
    ("setsid", "util-linux"),
    ("ssh", "openssh-client"),
    ("ssh-keygen", "openssh-client"),
    ("cp", "coreutils"),
];

/// What a guest starts beyond that.
const GUESTS_PROGRAMS: [(&str, &str); 6] = [
    ("qemu-system-x86_64", "qemu-system-x86"),
    ("busybox", "busybox-static"),
    ("mkfs.erofs", "erofs-utils"),
    ("xz", "xz-utils"),
    ("zstd", "zstd"),
    ("systemd-notify", "systemd"),
];

/// Where every lab has a folder while it lives. Only root may look into it.
pub(crate) const STATE: &str = "/run/mfa-labs";

/// Why this machine cannot run labs, and the command that mends it.
#[derive(Debug)]
pub enum HostError {
    /// Containers, mounts and cgroups are root's.
    NotRoot,
    /// A program is not installed.
    Missing {
        /// The program.
        program: &'static str,
        /// The Debian package that brings it.
        package: &'static str,
    },
    /// Neither a unified nor a hybrid cgroup tree is mounted.
    NoCgroup2,
    /// Guests are amd64, and have in them what is built here.
    OtherArchitecture,
    /// Neither `XDG_CACHE_HOME` nor `HOME` says where the cache belongs.
    NoHome,
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRoot => write!(f, "labs need root. Run: cargo xtask scenarios (it asks sudo)"),
            Self::Missing { program, package } => {
                write!(f, "{program} is missing (Debian package {package}). Run: cargo xtask setup")
            }
            Self::NoCgroup2 => {
                write!(f, "no cgroup2 file system at /sys/fs/cgroup. Run: mount -t cgroup2 none /sys/fs/cgroup")
            }
            Self::OtherArchitecture => {
                write!(f, "guests are amd64 machines, and what is built here is for {}", std::env::consts::ARCH)
            }
            Self::NoHome => write!(f, "nowhere to keep the cache. Set HOME or XDG_CACHE_HOME"),
        }
    }
}

impl std::error::Error for HostError {}

/// Says what is missing, the first thing first.
pub(crate) fn probe() -> Result<(), HostError> {
    if !rustix::process::geteuid().is_root() {
        return Err(HostError::NotRoot);
    }
    all_installed(&PROGRAMS)?;
    cgroup_tree().map(|_| ())
}

/// The same for guests.
pub(crate) fn probe_for_guests() -> Result<(), HostError> {
    probe()?;
    if std::env::consts::ARCH != "x86_64" {
        return Err(HostError::OtherArchitecture);
    }
    all_installed(&GUESTS_PROGRAMS)
}

fn all_installed(programs: &[(&'static str, &'static str)]) -> Result<(), HostError> {
    match programs.iter().find(|(program, _)| !installed(program)) {
        Some((program, package)) => Err(HostError::Missing { program, package }),
        None => Ok(()),
    }
}

/// The folder under which labs keep the root file systems they share.
pub(crate) fn cache() -> Result<PathBuf, HostError> {
    let named = |variable| std::env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let base = named("XDG_CACHE_HOME").or_else(|| named("HOME").map(|home| home.join(".cache")));
    base.map(|base| base.join("mfa-labs")).ok_or(HostError::NoHome)
}

/// Where the version 2 cgroup tree is: at the top (systemd's machines) or beside version 1 (hybrid).
pub(crate) fn cgroup_tree() -> Result<PathBuf, HostError> {
    ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"]
        .into_iter()
        .map(PathBuf::from)
        .find(|tree| tree.join("cgroup.procs").exists() && tree.join("cgroup.controllers").exists())
        .ok_or(HostError::NoCgroup2)
}

fn installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([Path::new("/usr/sbin").to_owned(), Path::new("/sbin").to_owned()])
        .any(|folder| folder.join(program).is_file())
}
