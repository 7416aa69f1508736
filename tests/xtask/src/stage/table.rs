//! The one table of what is installed, where, and with which permissions. Staging, the .debs and the .rpms are made
//! from it.

use std::path::PathBuf;

/// The packages of the workspace that hold what ships.
pub(crate) const PROGRAMS: [&str; 7] =
    ["pam_mfa", "mfa-daemon", "mfa-enroll", "mfactl", "mfa-mail", "mfa-key", "mfa-try-pam"];

/// Where a file comes from.
pub(crate) enum Source {
    /// Built by cargo, by its file name.
    Built(&'static str),
    /// A file of the project.
    File(&'static str),
    /// Each file in a folder of the project; none while there is no such folder.
    Folder(&'static str),
    /// Each file in a folder of the papers: manual pages and completions made from the code.
    Papers(&'static str),
    /// A symbolic link to that.
    Link(&'static str),
}

/// A kind of system: what differs is where libpam looks for modules, and what else is there to be told of us.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Debian and its children.
    Debian,
    /// Fedora, Red Hat Enterprise Linux and theirs.
    RedHat,
}

/// The package a file belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Package {
    /// The daemon, the commands, the units: `mfa`.
    Daemon,
    /// The module and what names it: `libpam-mfa`, or `pam-mfa`.
    Module,
}

/// One row: from, to, permissions, and whose it is.
pub(crate) struct Parcel {
    pub(crate) from: Source,
    pub(crate) to: PathBuf,
    pub(crate) mode: u32,
    pub(crate) package: Package,
    only: Option<System>,
}

impl Parcel {
    fn only(mut self, system: System) -> Self {
        self.only = Some(system);
        self
    }
}

/// The whole table, for a system of that kind on a machine of that architecture (as Rust calls it).
pub(crate) fn parcels(system: System, architecture: &str) -> Vec<Parcel> {
    let all = [programs(system, architecture), system_files(), papers()].into_iter().flatten();
    all.filter(|parcel| parcel.only.is_none_or(|only| only == system)).collect()
}

fn row(package: Package, from: Source, to: &str, mode: u32) -> Parcel {
    Parcel { from, to: to.into(), mode, package, only: None }
}

fn programs(system: System, architecture: &str) -> Vec<Parcel> {
    use Package::{Daemon, Module};
    use Source::{Built, Link};
    vec![
        row(Module, Built("libpam_mfa.so"), &format!("{}/pam_mfa.so", modules(system, architecture)), 0o644),
        row(Daemon, Built("mfa-daemon"), "usr/libexec/mfa/mfa-daemon", 0o755),
        row(Daemon, Built("mfa-mail"), "usr/libexec/mfa/mfa-mail", 0o755),
        row(Daemon, Built("mfa-key"), "usr/libexec/mfa/mfa-key", 0o755),
        row(Daemon, Built("mfa-try-pam"), "usr/libexec/mfa/mfa-try-pam", 0o755),
        row(Daemon, Built("mfa-enroll"), "usr/bin/mfa-enroll", 0o755),
        row(Daemon, Link("mfa-enroll"), "usr/bin/mfa", 0),
        row(Daemon, Built("mfactl"), "usr/bin/mfactl", 0o755),
    ]
}

fn system_files() -> Vec<Parcel> {
    use Package::{Daemon, Module};
    use Source::{File, Folder, Link};
    vec![
        row(Daemon, Folder("packaging/systemd"), "usr/lib/systemd/system", 0o644),
        // Not to be enabled, nor forgotten: whoever does not want it masks it.
        row(
            Daemon,
            Link("../mfa-setup-rollback.service"),
            "usr/lib/systemd/system/sysinit.target.wants/mfa-setup-rollback.service",
            0,
        ),
        row(Daemon, File("packaging/sysusers/mfa.conf"), "usr/lib/sysusers.d/mfa.conf", 0o644),
        row(Daemon, Folder("packaging/tmpfiles"), "usr/lib/tmpfiles.d", 0o644),
        row(Daemon, Folder("packaging/udev"), "usr/lib/udev/rules.d", 0o644),
        row(Daemon, Folder("packaging/etc"), "etc/mfa", 0o644),
        row(Module, Folder("packaging/pam/configs"), "usr/share/pam-configs", 0o644).only(System::Debian),
        row(Daemon, Folder("packaging/apparmor"), "etc/apparmor.d", 0o644).only(System::Debian),
        row(
            Daemon,
            Folder("packaging/apparmor/abstractions/authentication.d"),
            "etc/apparmor.d/abstractions/authentication.d",
            0o644,
        )
        .only(System::Debian),
        row(Daemon, Folder("packaging/preset"), "usr/lib/systemd/system-preset", 0o644).only(System::RedHat),
        row(Daemon, Folder("packaging/selinux"), "usr/share/selinux/packages", 0o644).only(System::RedHat),
        row(Module, Folder("packaging/authselect/mfa"), "usr/share/authselect/vendor/mfa", 0o644).only(System::RedHat),
        row(Daemon, File("LICENSE-MIT"), "usr/share/licenses/mfa/LICENSE-MIT", 0o644).only(System::RedHat),
        row(Daemon, File("LICENSE-APACHE"), "usr/share/licenses/mfa/LICENSE-APACHE", 0o644).only(System::RedHat),
    ]
}

fn papers() -> Vec<Parcel> {
    use Package::{Daemon, Module};
    use Source::{File, Folder, Papers};
    vec![
        row(Module, Folder("packaging/man/module"), "usr/share/man/man8", 0o644),
        row(Daemon, Folder("packaging/man/man5"), "usr/share/man/man5", 0o644),
        row(Daemon, Folder("packaging/man/man8"), "usr/share/man/man8", 0o644),
        row(Daemon, Papers("man1"), "usr/share/man/man1", 0o644),
        row(Daemon, Papers("man5"), "usr/share/man/man5", 0o644),
        row(Daemon, Papers("man8"), "usr/share/man/man8", 0o644),
        row(Daemon, Papers("bash"), "usr/share/bash-completion/completions", 0o644),
        row(Daemon, Papers("zsh"), "usr/share/zsh/vendor-completions", 0o644).only(System::Debian),
        row(Daemon, Papers("zsh"), "usr/share/zsh/site-functions", 0o644).only(System::RedHat),
        row(Daemon, Papers("fish"), "usr/share/fish/vendor_completions.d", 0o644),
        row(Daemon, Papers("doc"), "usr/share/doc/mfa", 0o644),
        row(Daemon, Folder("packaging/examples"), "usr/share/doc/mfa/examples", 0o644),
        row(Daemon, File("README.md"), "usr/share/doc/mfa/README.md", 0o644),
        row(Daemon, File("CHANGELOG.md"), "usr/share/doc/mfa/changelog", 0o644),
        row(Daemon, File("docs/ADMIN.md"), "usr/share/doc/mfa/ADMIN.md", 0o644),
        row(Daemon, File("docs/DESKTOPS.md"), "usr/share/doc/mfa/DESKTOPS.md", 0o644),
        row(Daemon, File("docs/POLICIES.md"), "usr/share/doc/mfa/POLICIES.md", 0o644),
        row(Daemon, File("docs/METRICS.md"), "usr/share/doc/mfa/METRICS.md", 0o644),
        row(Daemon, File("docs/PROTOCOL.md"), "usr/share/doc/mfa/PROTOCOL.md", 0o644),
        row(Daemon, File("docs/THREATS.md"), "usr/share/doc/mfa/THREATS.md", 0o644),
        row(Daemon, File("packaging/share/license-issuers"), "usr/share/mfa/license-issuers", 0o644),
    ]
}

/// Where libpam looks for modules.
fn modules(system: System, architecture: &str) -> String {
    match system {
        System::Debian => format!("usr/lib/{architecture}-linux-gnu/security"),
        System::RedHat => "usr/lib64/security".into(),
    }
}
