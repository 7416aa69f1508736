//! What the machine must give: sockets, units, permissions, a right clock, accounts, and leave to speak to the daemon.

use super::finding::Finding;
use super::{Found, Scene};
use crate::pam::Phase;
use rustix::fs::FileType;

const SOCKETS: [(&str, &str, u32); 2] =
    [("/run/mfa/mfa.sock", "mfa-daemon.socket", 0o666), ("/run/mfa/root.sock", "mfa-daemon-root.socket", 0o600)];
/// What must come up by itself; seats are freed by the last two.
const ENABLED: [&str; 4] = ["mfa-daemon.socket", "mfa-daemon-root.socket", "mfa-reconcile.timer", "mfa-reconcile.path"];
/// Files and folders that are believed, and must be root's alone to write.
const BELIEVED: [&str; 5] =
    ["/etc/mfa", "/etc/mfa/policy.toml", "/etc/mfa/mfa.toml", "/etc/mfa/policy.d", "/etc/mfa/license-issuers"];
/// What nobody but its owner may read.
const SECRET: [&str; 3] = ["/var/lib/mfa", "/var/lib/mfa/mfa.db", "/etc/mfa/credentials"];

pub(super) fn sockets(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for (path, unit, mode) in SOCKETS {
        let start = format!("systemctl restart {unit}");
        match scene.system.stat(path) {
            None => found.push(Finding::fail(format!("{path} is not there: nobody can be asked"), path, start)),
            Some(stat) if stat.kind != FileType::Socket || stat.mode & 0o777 != mode || stat.uid != 0 => {
                let what = format!("{path} is not root's socket with mode {mode:04o}");
                found.push(Finding::fail(what, path, start));
            }
            Some(_) => {}
        }
    }
    found.into()
}

pub(super) fn units(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for unit in ENABLED {
        let Some(word) = scene.system.word(&["systemctl", "is-enabled", unit]) else {
            return Found::NotDone("systemctl gave no answer");
        };
        if word == "enabled" || word == "static" {
            continue;
        }
        let what = format!("{unit} does not come up at the next boot ({word})");
        let evidence = format!("systemctl is-enabled {unit}");
        let mend = format!("systemctl enable --now {unit}");
        let finding = if unit.ends_with("socket") && scene.is_in_use() { Finding::fail } else { Finding::warn };
        found.push(finding(what, evidence, mend));
    }
    found.into()
}

pub(super) fn permissions(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for path in BELIEVED {
        let Some(stat) = scene.system.stat(path) else { continue };
        if stat.uid != 0 || stat.mode & 0o022 != 0 {
            let what = format!("{path} can be written by others than root");
            found.push(Finding::fail(what, path, format!("chown root:root {path} && chmod go-w {path}")));
        }
    }
    for path in SECRET {
        let Some(stat) = scene.system.stat(path) else { continue };
        if stat.mode & 0o077 != 0 {
            let what = format!("{path} can be read by others than its owner");
            found.push(Finding::fail(what, path, format!("chmod go-rwx {path}")));
        }
    }
    found.into()
}

pub(super) fn clock(scene: &Scene<'_>) -> Found {
    // A container has its host's clock.
    let kind = scene.system.word(&["systemd-detect-virt", "--container"]).unwrap_or_default();
    if !kind.is_empty() && kind != "none" {
        return Found::NotDone("the clock is the host's");
    }
    let said = scene.system.word(&["timedatectl", "show", "--property=NTPSynchronized", "--value"]);
    match said.as_deref() {
        Some("yes") => Vec::new().into(),
        Some("no") => {
            let what = "The clock is not synchronized: codes of right phones will be refused";
            let mend = "apt install chrony (dnf install chrony), or timedatectl set-ntp true";
            vec![Finding::warn(what, "timedatectl", mend)].into()
        }
        _ => Found::NotDone("timedatectl gave no answer"),
    }
}

pub(super) fn name_service(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    if scene.system.said(&["getent", "passwd", "root"]).is_none_or(|lines| lines.is_empty()) {
        let what = "Accounts cannot be looked up";
        found.push(Finding::fail(what, "getent passwd root", "see /etc/nsswitch.conf"));
    }
    let file = "/etc/nsswitch.conf";
    for (index, line) in scene.system.text(file).unwrap_or_default().lines().enumerate() {
        let Some((database, sources)) = line.split_once(':') else { continue };
        let needs_network = |source: &&str| ["nis", "nisplus", "hesiod"].contains(source);
        if !["passwd", "group"].contains(&database.trim()) {
            continue;
        }
        if let Some(source) = sources.split_ascii_whitespace().find(needs_network) {
            let what = format!("{database} comes from {source}, which the daemon, without network, cannot ask");
            let mend = "use sssd, nslcd or winbind, which answer over a socket of this machine";
            found.push(Finding::fail(what, format!("{file}:{}", index + 1), mend));
        }
    }
    found.into()
}

pub(super) fn selinux(scene: &Scene<'_>) -> Found {
    if scene.system.text("/sys/fs/selinux/enforce").as_deref().map(str::trim) != Some("1") {
        return Vec::new().into();
    }
    let Some(modules) = scene.system.said(&["semodule", "-l"]) else {
        return Found::NotDone("semodule gave no answer");
    };
    if modules.iter().any(|line| line.split_ascii_whitespace().next() == Some("mfa")) {
        return Vec::new().into();
    }
    let what = "SELinux enforces, and our module is not loaded: sshd cannot reach the daemon";
    vec![Finding::fail(what, "semodule -l", "semodule -X 200 -i /usr/share/selinux/packages/mfa.cil")].into()
}

/// Profiles of programs that go through our module, and say nothing of the daemon's sockets.
pub(super) fn apparmor(scene: &Scene<'_>) -> Found {
    if scene.system.text("/sys/module/apparmor/parameters/enabled").as_deref().map(str::trim) != Some("Y") {
        return Vec::new().into();
    }
    let folder = "/etc/apparmor.d";
    let asked: Vec<&str> = scene
        .services
        .iter()
        .filter(|service| !service.ours(Phase::Auth).is_empty())
        .map(|service| service.name.as_str())
        .collect();
    let closed = scene.system.names(folder).into_iter().filter(|name| {
        // A program is often called as its service is, with a d behind.
        let program = name.rsplit('.').next().unwrap_or_default();
        let is_asked = asked.contains(&program) || program.strip_suffix('d').is_some_and(|name| asked.contains(&name));
        let text = |path: String| scene.system.text(&path).unwrap_or_default();
        let says = text(format!("{folder}/{name}")) + &text(format!("{folder}/local/{name}"));
        // The first of them includes ours.
        is_asked
            && !["<abstractions/authentication>", "authentication.d/mfa", "/run/mfa/"]
                .iter()
                .any(|at| says.contains(at))
    });
    let told = closed.map(|name| {
        let what = format!("AppArmor's profile {name} does not let its program reach the daemon");
        let mend = format!(
            "add \"include <abstractions/authentication.d/mfa>\" to {folder}/local/{name}, then apparmor_parser -r"
        );
        Finding::warn(what, format!("{folder}/{name}"), mend)
    });
    Found::Findings(told.collect())
}
