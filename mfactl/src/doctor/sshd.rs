//! What sshd does before and beside PAM: whether it asks at all, and whom it lets in without.

use super::finding::{Finding, at};
use super::matches::Matched;
use super::{Found, Scene};
use crate::pam::{Ending, Mfa, Phase, Primary, paths};
use crate::sshd::{Effective, FILE, place_of};

/// Seconds a login with a code may take as the module has it, if nothing else is said.
const DIALOG: u64 = 120;
const BOTH: &str = "AuthenticationMethods publickey,keyboard-interactive";
/// Where sshd is, if there is one.
const PROGRAMS: [&str; 4] = ["/usr/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd", "/bin/sshd"];
/// What sshd wants to be there before it says anything: Debian's, made with the first connection where systemd listens in
/// its place; Red Hat's.
const EMPTY_FOLDERS: [&str; 2] = ["/run/sshd", "/usr/share/empty.sshd"];
/// Where the arguments are that sshd is started with, and which variable has them.
const STARTED_WITH: [(&str, &str); 2] = [("/etc/default/ssh", "SSHD_OPTS"), ("/etc/sysconfig/sshd", "OPTIONS")];
/// Methods by which sshd lets in by itself: the keyword that switches them on, the method, and what it takes.
const SILENT: [(&str, &str, &str); 4] = [
    ("PubkeyAuthentication", "publickey", "an SSH key"),
    ("GSSAPIAuthentication", "gssapi-with-mic", "Kerberos"),
    ("GSSAPIAuthentication", "gssapi-keyex", "Kerberos"),
    ("HostbasedAuthentication", "hostbased", "a trusted host"),
];

/// Looks at an sshd whose stack names us; there is nothing to find elsewhere.
pub(super) fn where_asked(scene: &Scene<'_>, look: impl FnOnce(&Effective) -> Found) -> Found {
    match &scene.sshd {
        _ if !reaches_us(scene) || !is_there(scene) => Vec::new().into(),
        Some(sshd) => look(sshd),
        None => Found::NotDone("sshd -T gave no answer"),
    }
}

/// The stack that sshd goes through, or the one that it would by its own name.
fn reaches_us(scene: &Scene<'_>) -> bool {
    scene.reaches("sshd") || scene.reaches(scene.ssh_service())
}

/// A stack stays behind where sshd has been removed.
fn is_there(scene: &Scene<'_>) -> bool {
    scene.sshd.is_some() || PROGRAMS.iter().any(|path| scene.system.stat(path).is_some())
}

pub(super) fn place(scene: &Scene<'_>, keyword: &str) -> String {
    at(place_of(&scene.sshd_lines, keyword), FILE)
}

pub(super) fn answers(scene: &Scene<'_>) -> Found {
    if !reaches_us(scene) || !is_there(scene) {
        return Vec::new().into();
    }
    if scene.sshd.is_some() {
        return started_otherwise(scene).into_iter().collect::<Vec<_>>().into();
    }
    if !scene.is_root {
        return Found::NotDone("only root may ask sshd");
    }
    if EMPTY_FOLDERS.iter().all(|folder| scene.system.stat(folder).is_none()) {
        return Found::NotDone("before the first connection sshd cannot be asked: /run/sshd is not there");
    }
    vec![Finding::fail("sshd does not take its configuration", FILE, "sshd -t says what is wrong")].into()
}

/// What is said on its command line counts before what is in its files, and it is not asked about that.
fn started_otherwise(scene: &Scene<'_>) -> Option<Finding> {
    let (file, line) = STARTED_WITH.iter().find_map(|(file, variable)| {
        let text = scene.system.text(file)?;
        let given = text.lines().map(str::trim).find(|line| {
            let value = line.strip_prefix(variable).and_then(|rest| rest.trim_start().strip_prefix('='));
            value.is_some_and(|value| value.contains("-o") || value.contains("-f"))
        })?;
        Some((*file, given.to_owned()))
    })?;
    let what = format!("sshd is started with options that are not looked at here: {line}");
    Some(Finding::warn(what, file, "put them into /etc/ssh/sshd_config.d"))
}

pub(super) fn uses_pam(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let mut found = Vec::new();
        if sshd.service() != "sshd" {
            found.push(another_service(sshd.service(), place(scene, "PAMServiceName")));
        }
        if !sshd.is_yes("UsePAM") {
            let what = "UsePAM no: sshd does not ask PAM, so nobody is asked for a code";
            found.push(Finding::fail(what, place(scene, "UsePAM"), "UsePAM yes"));
        }
        if !sshd.is_yes("KbdInteractiveAuthentication") && !some_are_asked(scene) {
            let what = "KbdInteractiveAuthentication no: there is no way in which sshd could ask for a code";
            found.push(Finding::fail(
                what,
                place(scene, "KbdInteractiveAuthentication"),
                "KbdInteractiveAuthentication yes",
            ));
        }
        found.into()
    })
}

/// The module takes sshd's word about keys, and decides about those who come by key alone, in the service `sshd` alone.
pub(super) fn another_service(name: &str, place: String) -> Finding {
    let what =
        format!("PAMServiceName {name}: sshd goes through /etc/pam.d/{name}, where our module takes it for no sshd");
    Finding::fail(what, place, "PAMServiceName sshd, and our lines in /etc/pam.d/sshd")
}

/// Whether somebody whom a `Match` is about is asked by PAM, as sshd says; others come by key, as the account line decides.
fn some_are_asked(scene: &Scene<'_>) -> bool {
    let mut answers = scene.matched.iter().flat_map(Matched::answers);
    answers.any(|(_, own)| own.is_yes("KbdInteractiveAuthentication"))
}

pub(super) fn password_method(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        if !takes_passwords(sshd) {
            return Vec::new().into();
        }
        let what = "PasswordAuthentication yes: sshd's own password method answers the code prompt with the password";
        let mend = "PasswordAuthentication no (passwords still work: PAM asks for them)";
        vec![Finding::warn(what, place(scene, "PasswordAuthentication"), mend)].into()
    })
}

/// Whether sshd's own password method lets anybody in.
pub(super) fn takes_passwords(sshd: &Effective) -> bool {
    let listed = |list: &str| list.split(',').any(|method| method.starts_with("password"));
    let lists = sshd.method_lists();
    sshd.is_yes("PasswordAuthentication") && (lists.is_empty() || lists.iter().copied().any(listed))
}

/// Whether our account line decides about those who are not asked.
pub(super) fn decides(scene: &Scene<'_>) -> bool {
    let named = scene.service("sshd").is_some_and(|service| !service.ours(Phase::Account).is_empty());
    named && scene.ssh_service() == "sshd"
}

pub(super) fn keys_alone(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        if decides(scene) {
            return Vec::new().into();
        }
        let told = unasked(sshd).into_iter().map(|by| {
            let what = format!("A login by {by} alone is never asked for a second factor");
            let mend = format!("{BOTH}, or our account line in /etc/pam.d/sshd, which refuses those who must be asked");
            Finding::warn(what, place(scene, "AuthenticationMethods"), mend)
        });
        Found::Findings(told.collect())
    })
}

/// By what sshd lets in without asking PAM for anything.
pub(super) fn unasked(sshd: &Effective) -> Vec<String> {
    let of = |method: &str| {
        let found = SILENT.iter().find(|(_, name, _)| *name == method);
        let (keyword, _, by) = found.copied().or_else(|| password_without_pam(sshd, method))?;
        sshd.is_yes(keyword).then_some(by)
    };
    let lists = sshd.method_lists();
    let mut found: Vec<String> = if lists.is_empty() {
        let methods = SILENT.iter().map(|(_, method, _)| *method).chain(["password"]);
        methods.filter_map(of).map(str::to_owned).collect()
    } else {
        // Each method of a list has to let in by itself.
        let silent = lists.iter().filter_map(|list| list.split(',').map(|method| of(plain(method))).collect());
        silent.map(|by: Vec<&str>| distinct(by).join(" and ")).collect()
    };
    found.sort();
    found.dedup();
    found
}

/// sshd asks Kerberos about a password before it asks PAM, and heeds its yes.
fn password_without_pam(sshd: &Effective, method: &str) -> Option<(&'static str, &'static str, &'static str)> {
    let asks_kerberos = method == "password" && sshd.is_yes("KerberosAuthentication");
    asks_kerberos.then_some(("PasswordAuthentication", "password", "a password of Kerberos's"))
}

fn distinct(mut words: Vec<&str>) -> Vec<&str> {
    let mut seen = Vec::new();
    words.retain(|word| {
        !seen.contains(word) && {
            seen.push(*word);
            true
        }
    });
    words
}

/// Without what stands behind its colon.
fn plain(method: &str) -> &str {
    method.split(':').next().unwrap_or(method)
}

pub(super) fn factor_only(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let Some(service) = scene.service(scene.ssh_service()) else { return Vec::new().into() };
        let Some(ways) = paths(service.steps(Phase::Auth), Phase::Auth) else {
            return Found::NotDone("the stack has too many ways");
        };
        let alone = ways
            .iter()
            .any(|way| way.ending == Ending::Passes && way.mfa == Mfa::Passed && way.primary != Primary::Right);
        if !alone {
            return Vec::new().into();
        }
        let what = "sshd's stack asks for a code alone, and";
        if !comes_second(sshd) {
            let what = format!("{what} sshd does not demand a key before it");
            return vec![Finding::fail(what, place(scene, "AuthenticationMethods"), BOTH)].into();
        }
        let mut found = Vec::new();
        for block in &scene.matched {
            for (whom, _) in block.answers().filter(|(_, own)| !comes_second(own)) {
                let what = format!("{what} for {whom} sshd demands no key before it");
                let finding = Finding::fail(what, block.place.to_string(), format!("{BOTH} there, too"));
                if !found.contains(&finding) {
                    found.push(finding);
                }
            }
        }
        found.into()
    })
}

/// Whether something that its owner alone has comes before whatever PAM asks.
fn comes_second(sshd: &Effective) -> bool {
    let is_second = |list: &str| {
        let methods: Vec<&str> = list.split(',').map(plain).collect();
        let asks = methods.iter().position(|method| *method == "keyboard-interactive" || *method == "password");
        let is_own = |method: &&str| ["publickey", "gssapi-with-mic", "gssapi-keyex"].contains(method);
        asks.is_none_or(|at| methods.iter().take(at).any(is_own))
    };
    let lists = sshd.method_lists();
    !lists.is_empty() && lists.into_iter().all(is_second)
}

pub(super) fn grace_time(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        // 0: no limit.
        let Some(seconds @ 1..DIALOG) = sshd.seconds("LoginGraceTime") else { return Vec::new().into() };
        let what = format!("LoginGraceTime {seconds}: sshd hangs up on whoever looks for their phone");
        vec![Finding::warn(
            what,
            place(scene, "LoginGraceTime"),
            format!("LoginGraceTime {DIALOG}; 600 lets people enroll"),
        )]
        .into()
    })
}

pub(super) fn names_for_addresses(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        if !sshd.is_yes("UseDNS") {
            return Vec::new().into();
        }
        let mut files = vec!["/etc/mfa/policy.toml".to_owned()];
        files.extend(
            scene.system.names("/etc/mfa/policy.d").into_iter().map(|name| format!("/etc/mfa/policy.d/{name}")),
        );
        let is_from = |line: &str| {
            let key = line.split('=').next().unwrap_or_default().trim();
            key == "from" || key == "not_from"
        };
        let rule = files.iter().find_map(|file| {
            let text = scene.system.text(file)?;
            let (index, _) = text.lines().enumerate().find(|(_, line)| is_from(line))?;
            Some(format!("{file}:{}", index + 1))
        });
        let Some(rule) = rule else { return Vec::new().into() };
        let what = format!("UseDNS yes: sshd gives names for addresses, so the rule at {rule} can never match");
        vec![Finding::warn(what, place(scene, "UseDNS"), "UseDNS no")].into()
    })
}
