//! What the daemon says of itself, and what lies in the safe.

use super::finding::Finding;
use super::{Found, Scene};
use crate::documents::ADMIN;
use mfa_proto::admin::Status;

const ONLY_ROOT: Found = Found::NotDone("only root may ask the daemon");

/// Looks at what the daemon says of itself, where it does.
fn where_told(scene: &Scene<'_>, look: impl FnOnce(&Status) -> Found) -> Found {
    match &scene.site.status {
        None => ONLY_ROOT,
        Some(Err(_)) => Found::NotDone("the daemon does not answer"),
        Some(Ok(status)) => look(status),
    }
}

pub(super) fn daemon(scene: &Scene<'_>) -> Found {
    match &scene.site.status {
        None => ONLY_ROOT,
        Some(Err(why)) => {
            let what = format!("The daemon does not answer, so whoever is asked is refused. {}", one_line(why));
            let mend = "systemctl start mfa-daemon.socket mfa-daemon-root.socket; journalctl -u mfa-daemon says why";
            vec![Finding::fail(what, "mfactl status", mend)].into()
        }
        Some(Ok(status)) => {
            let told = status
                .problems
                .iter()
                .map(|problem| Finding::fail(one_line(problem), "mfactl status", "journalctl -u mfa-daemon says more"));
            Found::Findings(told.collect())
        }
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).take(2).collect::<Vec<_>>().join(" ")
}

pub(super) fn policy(scene: &Scene<'_>) -> Found {
    where_told(scene, |status| {
        let mut found = Vec::new();
        if status.policy_loaded.is_none() {
            let what = "There is no valid policy: everybody is refused";
            found.push(Finding::fail(what, "/etc/mfa/policy.toml", "mfactl policy check shows the line"));
        }
        found.extend(status.policy_warnings.iter().map(|warning| {
            Finding::warn(one_line(warning), "/etc/mfa/policy.toml", "mfactl policy check shows the line")
        }));
        found.into()
    })
}

pub(super) fn mail(scene: &Scene<'_>) -> Found {
    where_told(scene, |status| {
        let mut found = Vec::new();
        if let Some(problem) = &status.mail.problem {
            let what = format!("Mail does not go out: {}", one_line(problem));
            found.push(Finding::warn(what, "/etc/mfa/mfa.toml", "mfactl mail test YOU@YOUR.SITE tries it"));
        }
        found.extend(
            status
                .mail
                .warnings
                .iter()
                .map(|warning| Finding::warn(one_line(warning), "/etc/mfa/mfa.toml", format!("see Mail in {ADMIN}"))),
        );
        found.into()
    })
}

pub(super) fn license(scene: &Scene<'_>) -> Found {
    where_told(scene, |_| {
        let Some(license) = &scene.site.license else { return Found::NotDone("the daemon tells nothing of seats") };
        let seats = &license.seats;
        if seats.free > 0 || seats.used == 0 {
            return Vec::new().into();
        }
        let what = format!("All {} seats are taken: whoever enrolls next gets none", seats.total);
        vec![Finding::warn(what, "mfactl license status", "mfactl license request --seats N, or mfactl reconcile")]
            .into()
    })
}

pub(super) fn break_glass(scene: &Scene<'_>) -> Found {
    match scene.site.break_glass {
        None => Found::NotDone("only root may look"),
        Some(0) if scene.is_in_use() => {
            let what = "There are no break-glass codes: if the daemon cannot decide, nobody gets in";
            vec![Finding::warn(what, "mfactl break-glass status", "mfactl break-glass create | lpr")].into()
        }
        Some(_) => Vec::new().into(),
    }
}

pub(super) fn master_key(scene: &Scene<'_>) -> Found {
    where_told(scene, |status| {
        if status.master_key != "file" {
            return Vec::new().into();
        }
        let what = "The master key lies in a file: whoever copies the disk has the secrets";
        let mend = "nothing, where systemd cannot seal credentials; else mfactl master-key rotate";
        vec![Finding::note(what, "/etc/mfa/credentials", mend)].into()
    })
}

pub(super) fn versions(scene: &Scene<'_>) -> Found {
    where_told(scene, |status| {
        let own = env!("CARGO_PKG_VERSION");
        if status.version == own {
            return Vec::new().into();
        }
        let what = format!("The daemon that runs is {}, this command {own}", status.version);
        vec![Finding::warn(what, "mfactl status", "systemctl restart mfa-daemon")].into()
    })
}
