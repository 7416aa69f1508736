//! What PAM's stacks do with the module: whether it is reached, heeded, and stands where it should.

use super::finding::Finding;
use super::{Found, Scene, account};
use crate::documents::DESKTOPS;
use crate::pam::{Ending, Mfa, Module, Path, Phase, Place, Primary, Service, Step, modules, paths};
use crate::system::System;
use std::collections::BTreeSet;

/// Services that answer no question: mail, files, consoles in a browser that know a password alone.
pub(super) const CANNOT_ASK: &[&str] = &[
    "dovecot",
    "imap",
    "imap4",
    "pop",
    "pop3",
    "smtp",
    "smtpd",
    "exim",
    "samba",
    "smb",
    "netatalk",
    "vsftpd",
    "ftp",
    "proftpd",
    "cups",
    "apache2",
    "httpd",
    "nginx",
    "postgresql",
    "mysql",
    "mariadb",
    "xrdp-sesman",
    "openvpn",
    "ppp",
    "squid",
    "cron",
    "crond",
    "atd",
    "systemd-user",
    "cockpit",
];
/// Programs that PAM sees as whoever called them: there pam_rootok's yes means that root did. In sshd or sudo, which run
/// as root, it says so of everybody.
const ASKED_BY_THE_USER: [&str; 9] =
    ["su", "su-l", "runuser", "runuser-l", "chfn", "chsh", "passwd", "newusers", "config-util"];
/// What makes somebody root.
const TO_ROOT: [&str; 6] = ["sudo", "sudo-i", "su", "su-l", "polkit-1", "doas"];
pub(super) const LINE: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";

/// A service whose `auth` names our module.
pub(super) struct Guarded<'a> {
    pub(super) service: &'a Service,
    line: &'a Module,
    steps: &'a [Step],
    ways: BTreeSet<Path>,
}

impl Guarded<'_> {
    pub(super) fn place(&self) -> String {
        self.line.place.to_string()
    }

    fn passing(&self) -> impl Iterator<Item = &Path> {
        self.ways.iter().filter(|way| way.ending == Ending::Passes)
    }

    fn require_publickey(&self) -> bool {
        modules(self.steps).iter().any(|module| module.is_ours() && module.has("require_publickey"))
    }
}

/// Every service that asks by itself: what is only included is looked at in those that do.
pub(super) fn guarded<'a>(scene: &'a Scene<'_>) -> Vec<Guarded<'a>> {
    let of = |service: &'a Service| {
        let steps = service.steps(Phase::Auth);
        let line = *service.ours(Phase::Auth).first()?;
        Some(Guarded { service, line, steps, ways: paths(steps, Phase::Auth)? })
    };
    scene.services.iter().filter(|service| !service.name.starts_with("common-")).filter_map(of).collect()
}

/// The same thing is found once for each place, however many services include it.
pub(super) fn once(mut findings: Vec<(String, Finding)>) -> Found {
    findings.sort_by(|(one, _), (other, _)| one.cmp(other));
    findings.dedup_by(|(one, _), (other, _)| one == other);
    Found::Findings(findings.into_iter().map(|(_, finding)| finding).collect())
}

pub(super) fn in_use(scene: &Scene<'_>) -> Found {
    if scene.is_in_use() {
        return Vec::new().into();
    }
    let mend = "mfactl setup, when you are ready; until then nobody is asked";
    vec![Finding::note("No stack names pam_mfa, so nobody is asked for a second factor", "/etc/pam.d", mend)].into()
}

pub(super) fn missing_module(scene: &Scene<'_>) -> Found {
    let (mut found, folders) = (Vec::new(), folders(scene.system));
    for service in &scene.services {
        for module in Phase::ALL.iter().flat_map(|phase| service.ours(*phase)) {
            let paths = if module.path.starts_with('/') {
                vec![module.path.clone()]
            } else {
                folders.iter().map(|folder| format!("{folder}/{}", module.path)).collect()
            };
            if paths.iter().any(|path| scene.system.stat(path).is_some()) {
                continue;
            }
            let what = format!("{} names {}, which is not there: nobody gets in", service.name, module.path);
            let mend = "install libpam-mfa (pam-mfa), or take this line out";
            found.push((module.place.to_string(), Finding::fail(what, module.place.to_string(), mend)));
        }
    }
    once(found)
}

/// Where libpam looks for modules: in the one folder where its own are. A copy in another one is none.
fn folders(system: &dyn System) -> Vec<String> {
    let debians = format!("/usr/lib/{}-linux-gnu/security", std::env::consts::ARCH);
    let others = ["/usr/lib64/security", "/lib64/security", "/usr/lib/security", "/lib/security"];
    let all: Vec<String> = [debians].into_iter().chain(others.map(str::to_owned)).collect();
    let own = all.iter().find(|folder| system.stat(&format!("{folder}/pam_unix.so")).is_some());
    own.cloned().map_or(all, |own| vec![own])
}

pub(super) fn not_understood(scene: &Scene<'_>) -> Found {
    let ours = |service: &&Service| Phase::ALL.iter().any(|phase| !service.ours(*phase).is_empty());
    let problems = scene.services.iter().filter(ours).flat_map(|service| {
        service.problems.iter().map(move |problem| {
            let what = format!("PAM does not understand a line of {}: {}", service.name, problem.what);
            let place = problem.place.to_string();
            (place.clone(), Finding::fail(what, place, "correct the line; until then libpam refuses there"))
        })
    });
    let too_long = scene
        .services
        .iter()
        .filter(|service| {
            !service.ours(Phase::Auth).is_empty() && paths(service.steps(Phase::Auth), Phase::Auth).is_none()
        })
        .chain(account::too_long(scene));
    let too_long = too_long.map(|service| {
        let what = format!("{} has more ways through than can be looked at, so nothing is known of it", service.name);
        let place = format!("/etc/pam.d/{}", service.name);
        (
            place.clone(),
            Finding::fail(what, place, "make the stack shorter: fewer modules whose answers change its way"),
        )
    });
    once(problems.chain(too_long).collect())
}

pub(super) fn ignored_refusals(scene: &Scene<'_>) -> Found {
    let open = |guarded: &Guarded<'_>| {
        let refused = |way: &Path| matches!(way.mfa, Mfa::Denied | Mfa::Unavailable);
        let allowed = guarded.line.has("unavailable=allow");
        guarded.passing().any(|way| refused(way) && !(allowed && way.mfa == Mfa::Unavailable))
    };
    let told = guarded(scene).into_iter().filter(open).map(|guarded| {
        let control = &guarded.line.control.text;
        let what = format!("{control} lets in although the module refuses", control = shown_control(control));
        (guarded.place(), Finding::fail(what, guarded.place(), format!("make it: {LINE}")))
    });
    // Whoever comes by key alone is decided about in sshd's account lines.
    once(told.chain(account::ignored_refusal(scene)).collect())
}

pub(super) fn shown_control(control: &str) -> String {
    if control.starts_with('[') { control.to_owned() } else { format!("\"{control}\"") }
}

pub(super) fn passed_by(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for guarded in guarded(scene) {
        for way in guarded.passing().filter(|way| way.mfa == Mfa::NotReached) {
            // Root needs no second factor to become somebody else; programs that run as root would let everybody in.
            let is_roots = ASKED_BY_THE_USER.contains(&guarded.service.name.as_str());
            if is_roots && way.by.iter().any(|module| module == "pam_rootok") {
                continue;
            }
            let by = way.by.iter().next_back().map_or("another module", String::as_str);
            let place = way.ended_at.as_ref().map_or_else(|| guarded.place(), Place::to_string);
            let what = format!("{}: a login that passes by {by} is never asked", guarded.service.name);
            let mend = format!("put pam_mfa's line where {by} leads, or leave {by} out; see {DESKTOPS}");
            // Whatever module it is: what is not known to be a door of its own may be any password.
            let finding =
                if is_another_door(by) { Finding::warn(what, &place, mend) } else { Finding::fail(what, &place, mend) };
            found.push((format!("{place} {by}"), finding));
        }
    }
    once(found)
}

/// Something that is itself what somebody has or is.
fn is_another_door(module: &str) -> bool {
    ["pam_fprintd", "pam_pkcs11", "pam_u2f", "pam_howdy", "pam_ssh_agent_auth"].contains(&module)
}

pub(super) fn order(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for guarded in guarded(scene) {
        let before_any = |way: &&Path| way.mfa != Mfa::NotReached && way.before == Primary::NotReached;
        let then_asked = |way: &&Path| way.primary != Primary::NotReached;
        let mend = "move the line after the password module, behind what refuses a wrong password";
        if guarded.ways.iter().filter(before_any).any(|way| then_asked(&way)) && !guarded.line.has("combined=split") {
            let what =
                format!("{} asks for the code before the password, so strangers can try codes", guarded.service.name);
            found.push((guarded.place(), Finding::fail(what, guarded.place(), mend)));
        } else if guarded.ways.iter().any(|way| way.mfa != Mfa::NotReached && way.before == Primary::Wrong)
            && !guarded.require_publickey()
            && !guarded.line.has("combined=split")
        {
            let what = format!("{} asks for the code after a wrong password, too", guarded.service.name);
            found.push((guarded.place(), Finding::warn(what, guarded.place(), mend)));
        }
    }
    once(found)
}

pub(super) fn alone(scene: &Scene<'_>) -> Found {
    let mut found = Vec::new();
    for guarded in guarded(scene) {
        let alone = |way: &&Path| way.mfa == Mfa::Passed && way.primary != Primary::Right;
        if guarded.passing().find(alone).is_none() || guarded.require_publickey() {
            continue;
        }
        // Where sshd says what it demands before, that is weighed in a check of its own.
        if scene.sshd.is_some() && guarded.service.name == scene.ssh_service() {
            continue;
        }
        let what = format!("In {} the second factor alone lets in", guarded.service.name);
        let mend = if guarded.service.name == "sshd" {
            "add require_publickey to the line, and AuthenticationMethods publickey,keyboard-interactive to sshd_config"
        } else {
            "put a password module before it, one whose refusal ends the stack"
        };
        found.push((guarded.place(), Finding::fail(what, guarded.place(), mend)));
    }
    once(found)
}

pub(super) fn named_twice(scene: &Scene<'_>) -> Found {
    let twice = guarded(scene).into_iter().filter_map(|guarded| {
        let asks = |module: &&&Module| !module.has("combined=split");
        let ours = guarded.service.ours(Phase::Auth);
        let second = ours.iter().filter(asks).nth(1)?;
        let what = format!("{} goes through the module twice, and asks twice", guarded.service.name);
        let place = second.place.to_string();
        Some((place.clone(), Finding::warn(what, place, format!("take one out; the first is {}", guarded.place()))))
    });
    once(twice.collect())
}

pub(super) fn exempt(scene: &Scene<'_>) -> Found {
    let misused = guarded(scene).into_iter().filter_map(|guarded| {
        let ours = guarded.service.ours(Phase::Auth);
        let line = ours.iter().find(|module| module.has("exempt=success") && !module.has("require_publickey"))?;
        let what = "exempt=success does nothing here: it counts beside require_publickey alone";
        let place = line.place.to_string();
        Some((place.clone(), Finding::warn(what, place, "take it out, or add require_publickey in sshd's stack")))
    });
    once(misused.collect())
}

pub(super) fn combined(scene: &Scene<'_>) -> Found {
    let odd = guarded(scene).into_iter().filter_map(|guarded| {
        let ours = guarded.service.ours(Phase::Auth);
        let (split, verify) = (
            ours.iter().position(|module| module.has("combined=split")),
            ours.iter().position(|module| module.has("combined=verify")),
        );
        let what = match (split, verify) {
            (None, None) => return None,
            (Some(split), Some(verify)) if split < verify => return None,
            (Some(_), None) => "takes the code off the password and never checks it",
            (None, Some(_)) => "checks a code that nothing took off the password",
            (Some(_), Some(_)) => "has combined=verify before combined=split",
        };
        let what = format!("{} {what}", guarded.service.name);
        let mend = "combined=split before the password module, combined=verify after it";
        Some((guarded.place(), Finding::fail(what, guarded.place(), mend)))
    });
    once(odd.collect())
}

pub(super) fn unavailable(scene: &Scene<'_>) -> Found {
    let lines = scene.services.iter().flat_map(|service| {
        let account = if service.name == "sshd" { service.ours(Phase::Account) } else { Vec::new() };
        service.ours(Phase::Auth).into_iter().chain(account)
    });
    let open = lines.filter(|line| line.has("unavailable=allow")).map(|line| {
        let what = "unavailable=allow: while the daemon does not run, the password (or key) alone lets in";
        let place = line.place.to_string();
        (place.clone(), Finding::warn(what, place, "take it out once you are done trying"))
    });
    once(open.collect())
}

pub(super) fn environment(scene: &Scene<'_>) -> Found {
    let read = guarded(scene).into_iter().filter_map(|guarded| {
        let steps = modules(guarded.steps);
        let line = steps.into_iter().find(|module| module.name() == "pam_env" && module.has("user_readenv=1"))?;
        let what = "user_readenv=1 in auth lets users set what sshd tells the module about their key";
        let place = line.place.to_string();
        Some((place.clone(), Finding::fail(what, place, "set user_readenv=0 there; in session it does no harm")))
    });
    once(read.collect())
}

pub(super) fn ways_to_root(scene: &Scene<'_>) -> Found {
    if !TO_ROOT.iter().any(|name| scene.reaches(name)) {
        return Vec::new().into();
    }
    let open = TO_ROOT.iter().filter_map(|name| scene.service(name)).filter(|service| !scene.reaches(&service.name));
    let told = open.map(|service| {
        let what = format!("{} makes root by password alone, while others ask for a code", service.name);
        let place = format!("/etc/pam.d/{}", service.name);
        Finding::warn(what, place, format!("after its auth lines: {LINE}"))
    });
    Found::Findings(told.collect())
}

pub(super) fn unintended(scene: &Scene<'_>) -> Found {
    let asked = scene.site.asked_elsewhere.iter().filter(|(service, _)| scene.reaches(service));
    let told = asked.filter_map(|(service, user)| {
        let line = *scene.service(service)?.ours(Phase::Auth).first()?;
        let what = format!("{service} goes through the module and cannot ask: {user} will be refused there");
        let mend = format!("leave {service} out of the policy's services, or keep our line out of what it includes");
        Some(Finding::fail(what, line.place.to_string(), mend))
    });
    Found::Findings(told.collect())
}
