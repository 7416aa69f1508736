//! The module's account line in sshd's stack: it alone decides about logins by key alone, so it must be reached by all of
//! them, and heeded.

use super::finding::Finding;
use super::stacks::{LINE, once, shown_control};
use super::{Found, Scene};
use crate::pam::{Ending, Mfa, Module, Path, Phase, Place, Service, paths};
use std::collections::BTreeSet;

/// sshd's stack where it names us for `account`, and the first line that does.
fn guarded<'a>(scene: &'a Scene<'_>) -> Option<(&'a Service, &'a Module)> {
    let service = scene.service("sshd")?;
    let line = *service.ours(Phase::Account).first()?;
    Some((service, line))
}

/// Every way through them that lets in; `None` if there are too many to look at.
fn passing(service: &Service) -> Option<BTreeSet<Path>> {
    let mut ways = paths(service.steps(Phase::Account), Phase::Account)?;
    ways.retain(|way| way.ending == Ending::Passes);
    Some(ways)
}

/// sshd's, if its account lines have more ways through than can be looked at.
pub(super) fn too_long<'a>(scene: &'a Scene<'_>) -> Option<&'a Service> {
    guarded(scene).map(|(service, _)| service).filter(|service| passing(service).is_none())
}

/// What lets in by key although the module refuses, with its place.
pub(super) fn ignored_refusal(scene: &Scene<'_>) -> Option<(String, Finding)> {
    let (service, line) = guarded(scene)?;
    let refused = |way: &Path| way.mfa == Mfa::Denied || way.mfa == Mfa::Unavailable && !line.has("unavailable=allow");
    if !passing(service)?.iter().any(refused) {
        return None;
    }
    let what = format!("{} lets in by key although the module refuses", shown_control(&line.control.text));
    let mend = format!("make it: {}", LINE.replacen("auth", "account", 1));
    Some((line.place.to_string(), Finding::fail(what, line.place.to_string(), mend)))
}

/// Whether some login gets in past the line: a local account where one is enough, or one whose password is too old.
pub(super) fn passed_by(scene: &Scene<'_>) -> Found {
    let Some((service, line)) = guarded(scene) else { return Vec::new().into() };
    let Some(ways) = passing(service) else { return Found::NotDone("the stack has too many ways") };
    let past = ways.iter().filter(|way| way.mfa == Mfa::NotReached);
    let told = past.map(|way| {
        let place = way.ended_at.as_ref().map_or_else(|| line.place.to_string(), Place::to_string);
        let modules = service.modules(Phase::Account);
        let end = modules.iter().find(|module| Some(&module.place) == way.ended_at.as_ref());
        let by = end.map_or("a jump", |module| module.name());
        let what = format!("A login by key alone that passes by {by} never comes to our account line");
        let mend = format!(
            "move {} up: behind pam_nologin, before the line that includes common-account (password-auth)",
            line.place
        );
        (place.clone(), Finding::fail(what, place, mend))
    });
    once(told.collect())
}

pub(super) fn elsewhere(scene: &Scene<'_>) -> Found {
    let lines = scene.services.iter().filter(|service| service.name != "sshd").flat_map(|service| {
        service.ours(Phase::Account).into_iter().map(move |line| {
            let what = format!("{} has an account line of ours; it decides in sshd's stack alone", service.name);
            let place = line.place.to_string();
            (place.clone(), Finding::warn(what, place, "take it out; in /etc/pam.d/sshd it may stay"))
        })
    });
    once(lines.collect())
}
