//! The one table of what is installed, where, and with which permissions. Packages are made from it, too.

use std::path::PathBuf;

/// The packages of the workspace that hold what ships.
pub(crate) const PROGRAMS: [&str; 5] = ["pam_mfa", "mfa-daemon", "mfa-enroll", "mfactl", "mfa-mail"];

/// Where a file comes from.
pub(crate) enum Source {
    /// Built by cargo, by its file name.
    Built(&'static str),
    /// A file of the project.
    File(&'static str),
    /// Each file in a folder of the project; none while there is no such folder.
    Folder(&'static str),
    /// A symbolic link to that.
    Link(&'static str),
}

/// One row: from, to, permissions.
pub(crate) struct Parcel {
    pub(crate) from: Source,
    pub(crate) to: PathBuf,
    pub(crate) mode: u32,
}

/// The whole table, for the machine this runs on.
pub(crate) fn parcels() -> Vec<Parcel> {
    use Source::{Built, File, Folder, Link};
    let row = |from, to: &str, mode| Parcel { from, to: to.into(), mode };
    let module = format!("usr/lib/{}/security/pam_mfa.so", multiarch());
    vec![
        row(Built("libpam_mfa.so"), &module, 0o644),
        row(Built("mfa-daemon"), "usr/libexec/mfa/mfa-daemon", 0o755),
        row(Built("mfa-mail"), "usr/libexec/mfa/mfa-mail", 0o755),
        row(Built("mfa-enroll"), "usr/bin/mfa-enroll", 0o755),
        row(Link("mfa-enroll"), "usr/bin/mfa", 0),
        row(Built("mfactl"), "usr/bin/mfactl", 0o755),
        row(Folder("packaging/systemd"), "usr/lib/systemd/system", 0o644),
        row(File("packaging/sysusers/mfa.conf"), "usr/lib/sysusers.d/mfa.conf", 0o644),
        row(Folder("packaging/tmpfiles"), "usr/lib/tmpfiles.d", 0o644),
        row(Folder("packaging/udev"), "usr/lib/udev/rules.d", 0o644),
        row(Folder("packaging/pam/configs"), "usr/share/pam-configs", 0o644),
        row(Folder("packaging/etc"), "etc/mfa", 0o644),
        row(Folder("packaging/man/man1"), "usr/share/man/man1", 0o644),
        row(Folder("packaging/man/man5"), "usr/share/man/man5", 0o644),
        row(Folder("packaging/man/man8"), "usr/share/man/man8", 0o644),
    ]
}

/// Debian's name for this kind of machine, in the path where libpam looks for modules.
fn multiarch() -> String {
    format!("{}-linux-gnu", std::env::consts::ARCH)
}
