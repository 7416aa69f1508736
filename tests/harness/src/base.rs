//! The base layer of a release: a small Debian from the archive, with what scenarios need in it. It knows nothing of
//! the product.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::layer::{Layer, LayerError, LayerName, obtain};
use crate::release::Release;

/// What is in it beyond the essential packages.
const PACKAGES: [&str; 33] = [
    "age",
    "ca-certificates",
    "cron",
    "dbus",
    "fido2-tools",
    "krb5-admin-server",
    "krb5-kdc",
    "krb5-user",
    "libfaketime",
    "libfido2-1",
    "libpam-google-authenticator",
    "libpam-modules",
    "libpam-oath",
    "libpam-systemd",
    "libpam-u2f",
    "login",
    "oathtool",
    "openssh-client",
    "openssh-server",
    "opensmtpd",
    "pamtester",
    "passwd",
    "pkexec",
    "polkitd",
    "procps",
    "rpm",
    "rsync",
    "sqlite3",
    "sudo",
    "systemd",
    "systemd-sysv",
    "udev",
    "util-linux",
];

/// What is in it besides for labs with desktops: lockers, a login window, and what types and looks in place of a person.
/// 390 MB and a minute more, so that only those labs have it.
const DESKTOP: [&str; 13] = [
    "fonts-dejavu-core",
    "i3lock",
    "lightdm",
    "lightdm-gtk-greeter",
    "scrot",
    "sway",
    "swaylock",
    "wtype",
    "x11-utils",
    "xauth",
    "xdotool",
    "xsecurelock",
    "xvfb",
];

/// Run in the new root: no background work that disturbs a measurement or a count, no limit that hides a log line,
/// nothing of the machine it was built on.
const FINISH: &str = "
systemctl mask --quiet apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer \
    fstrim.timer systemd-tmpfiles-clean.timer console-getty.service e2scrub_reap.service
systemctl disable --quiet cron.service opensmtpd.service krb5-kdc.service krb5-admin-server.service
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\\nStorage=volatile\\nRateLimitBurst=0\\n' > /etc/systemd/journald.conf.d/lab.conf
rm -f /etc/hostname /etc/resolv.conf /etc/machine-id /var/lib/dbus/machine-id
: > /etc/machine-id
";

/// The same for desktops: nothing graphical starts by itself.
const FINISH_DESKTOP: &str = "
rm -f /etc/systemd/system/display-manager.service
systemctl set-default --quiet multi-user.target
";

/// What a lab is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Terminals.
    Plain,
    /// Windows, too.
    Desktop,
}

/// Kept this long after its last use.
const KEEP: Duration = Duration::from_secs(30 * 24 * 3600);

/// The base of `release`, built (half a minute, over the network) when it is not in the cache.
pub(crate) fn base(release: Release, kind: Kind) -> Result<Layer, LayerError> {
    let mut packages = PACKAGES.join(",");
    let mut finish = FINISH.to_owned();
    if kind == Kind::Desktop {
        packages = format!("{packages},{}", DESKTOP.join(","));
        finish += FINISH_DESKTOP;
    }
    let name = LayerName::new(
        match (release, kind) {
            (Release::Bookworm, Kind::Plain) => "bookworm",
            (Release::Trixie, Kind::Plain) => "trixie",
            (Release::Bookworm, Kind::Desktop) => "bookwormdesktop",
            (Release::Trixie, Kind::Desktop) => "trixiedesktop",
        },
        KEEP,
        &[packages.as_bytes(), finish.as_bytes(), std::env::consts::ARCH.as_bytes()],
    );
    obtain(&name, |folder| {
        eprintln!("Building a Debian {release} for the labs; this happens once.");
        bootstrap(release, Variant::System { finish: &finish }, &packages, folder)
    })
}

/// What mmdebstrap makes of the packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Variant<'a> {
    /// A system with them installed.
    System {
        /// Shell lines that run in it at the end.
        finish: &'a str,
    },
    /// Their files, and those of what they need; nothing of them runs.
    Files,
}

/// Fills `folder` from the archive with what those packages (separated by commas) bring.
pub(crate) fn bootstrap(
    release: Release,
    variant: Variant<'_>,
    packages: &str,
    folder: &Path,
) -> Result<(), LayerError> {
    // In namespaces of its own, so that an interrupted build leaves neither mounts nor processes.
    let mut command = Command::new("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "mmdebstrap"]);
    command.args(["--quiet", "--mode=root"]).arg(format!("--include={packages}"));
    for unread in ["doc", "locale", "man", "info"] {
        command.arg(format!("--dpkgopt=path-exclude=/usr/share/{unread}/*"));
    }
    match variant {
        Variant::System { finish } => {
            let finish = finish.replace('\'', "'\\''");
            command.args(["--variant=minbase".into(), format!("--customize-hook=chroot \"$1\" sh -eu -c '{finish}'")])
        }
        Variant::Files => command.arg("--variant=extract"),
    };
    command.arg(release.suite()).arg(folder).args(mirror());
    let output = command.env("TMPDIR", "/var/tmp").output();
    let output = output.map_err(|error| LayerError::Build(format!("mmdebstrap did not start: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(LayerError::Build(format!("mmdebstrap could not build {release}. Can the Debian mirror be reached?\n{words}")))
}

/// The mirror this machine itself uses for Debian; nothing (mmdebstrap's own default) where apt knows none.
fn mirror() -> Option<String> {
    let format = "$(REPO_URI) $(COMPONENT) $(ORIGIN) $(LABEL)";
    let targets = Command::new("apt-get").args(["indextargets", "--format", format, "Created-By: Packages"]).output();
    let targets = String::from_utf8(targets.ok()?.stdout).ok()?;
    targets.lines().find_map(|line| line.strip_suffix(" main Debian Debian")).map(str::to_owned)
}
