//! Login windows and lockers: programs that ask once, and doors beside the one with a password.

use super::finding::Finding;
use super::stacks::{guarded, once};
use super::{Found, Scene};
use crate::documents::DESKTOPS;
use crate::pam::Phase;

/// Programs that ask once, and answer whatever else they are asked with the password.
const ASK_ONCE: [&str; 4] = ["sddm", "plasmalogin", "swaylock", "i3lock"];
/// Doors beside the one with a password, and the service whose stack shows that it should ask.
const OTHER_DOORS: [(&str, &str); 9] = [
    ("gdm-fingerprint", "gdm-password"),
    ("gdm-smartcard", "gdm-password"),
    ("gdm-smartcard-pkcs11-exclusive", "gdm-password"),
    ("gdm-smartcard-sssd-exclusive", "gdm-password"),
    ("gdm-autologin", "gdm-password"),
    ("lightdm-autologin", "lightdm"),
    ("sddm-autologin", "sddm"),
    ("kde-fingerprint", "kde"),
    ("kde-smartcard", "kde"),
];

/// The line may be another program's, which it includes.
pub(super) fn asked_once(scene: &Scene<'_>) -> Found {
    let stuck = guarded(scene).into_iter().filter_map(|guarded| {
        let name = guarded.service.name.as_str();
        let ours = guarded.service.ours(Phase::Auth);
        let line = ours.iter().find(|line| !line.arguments.iter().any(|option| option.starts_with("combined=")))?;
        if !ASK_ONCE.contains(&name) {
            return None;
        }
        let what = format!("{name} asks once and answers with the password: whoever must give a code never gets in");
        let mend = format!(
            "combined=split before the password in /etc/pam.d/{name}, combined=verify after it; see {DESKTOPS}"
        );
        Some((name.to_owned(), Finding::fail(what, line.place.to_string(), mend)))
    });
    once(stuck.collect())
}

pub(super) fn other_doors(scene: &Scene<'_>) -> Found {
    let open = OTHER_DOORS.iter().filter(|(door, main)| scene.service(door).is_some() && scene.reaches(main));
    let told = open.filter(|(door, _)| !scene.reaches(door)).map(|(door, main)| {
        let what = format!("{door} lets in without a second factor, while {main} asks for one");
        let mend = format!("switch this way off, or add our line; see {DESKTOPS}");
        Finding::warn(what, format!("/etc/pam.d/{door}"), mend)
    });
    Found::Findings(told.collect())
}
