//! What sshd does before and beside PAM: whether it asks at all, and whom it lets in without.

use super::finding::{Finding, at};
use super::{Found, Scene};
use crate::pam::{Ending, Mfa, Phase, Primary, paths};
use crate::sshd::{ALL, Effective, FILE, matched_users, place_of};

/// Seconds a login with a code may take as the module has it, if nothing else is said.
const DIALOG: u64 = 120;
const BOTH: &str = "AuthenticationMethods publickey,keyboard-interactive";

/// Looks at an sshd whose stack names us; there is nothing to find elsewhere.
pub(super) fn where_asked(scene: &Scene<'_>, look: impl FnOnce(&Effective) -> Found) -> Found {
    match &scene.sshd {
        _ if !scene.reaches("sshd") => Vec::new().into(),
        Some(sshd) => look(sshd),
        None => Found::NotDone("sshd -T gave no answer"),
    }
}

pub(super) fn place(scene: &Scene<'_>, keyword: &str) -> String {
    at(place_of(&scene.sshd_lines, keyword), FILE)
}

pub(super) fn answers(scene: &Scene<'_>) -> Found {
    if !scene.reaches("sshd") || scene.sshd.is_some() {
        return Vec::new().into();
    }
    if !scene.is_root {
        return Found::NotDone("only root may ask sshd");
    }
    vec![Finding::fail("sshd does not take its configuration, or is not there", FILE, "sshd -t says what is wrong")]
        .into()
}

pub(super) fn uses_pam(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let mut found = Vec::new();
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

/// Whether somebody whom a `Match` names is asked by PAM, as sshd says; others come by key, as the account line decides.
fn some_are_asked(scene: &Scene<'_>) -> bool {
    let says_so = scene.sshd_lines.iter().filter(|line| {
        line.keyword == "kbdinteractiveauthentication"
            && line.value.eq_ignore_ascii_case("yes")
            && line.within.is_some()
    });
    let mut named = says_so.filter_map(|line| somebody_of(scene, line.within.as_deref()?));
    named.any(|user| {
        Effective::ask(scene.system, Some(&user)).is_some_and(|own| own.is_yes("KbdInteractiveAuthentication"))
    })
}

/// A user whom this `Match` is about, if it names one, a group with one in it, or everybody.
fn somebody_of(scene: &Scene<'_>, within: &str) -> Option<String> {
    if within == ALL {
        return Some("root".to_owned());
    }
    let mut words = within.split_ascii_whitespace();
    let (criterion, name) = (words.next()?, words.next()?.split(',').next()?);
    if criterion.eq_ignore_ascii_case("user") {
        return Some(name.to_owned());
    }
    let line =
        scene.system.word(&["getent", "group", "--", name]).filter(|_| criterion.eq_ignore_ascii_case("group"))?;
    let (gid, named) = line.split(':').nth(2).zip(line.split(':').nth(3))?;
    let first = named.split(',').next().filter(|user| !user.is_empty()).map(str::to_owned);
    let primary = || {
        let accounts = scene.system.said(&["getent", "passwd"])?;
        accounts.iter().find(|line| line.split(':').nth(3) == Some(gid))?.split(':').next().map(str::to_owned)
    };
    first.or_else(primary)
}

pub(super) fn password_method(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let listed = |list: &str| list.split(',').any(|method| method.starts_with("password"));
        let lists = sshd.method_lists();
        if !sshd.is_yes("PasswordAuthentication") || (!lists.is_empty() && !lists.iter().copied().any(listed)) {
            return Vec::new().into();
        }
        let what = "PasswordAuthentication yes: sshd's own password method answers the code prompt with the password";
        let mend = "PasswordAuthentication no (passwords still work: PAM asks for them)";
        vec![Finding::warn(what, place(scene, "PasswordAuthentication"), mend)].into()
    })
}

pub(super) fn keys_alone(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let decides = scene.service("sshd").is_some_and(|service| !service.ours(Phase::Account).is_empty());
        let lists = sshd.method_lists();
        if decides || !lists.is_empty() && lists.iter().all(|list| asks(list)) {
            return Vec::new().into();
        }
        let methods = [
            ("PubkeyAuthentication", "publickey", "an SSH key"),
            ("GSSAPIAuthentication", "gssapi-with-mic", "Kerberos"),
            ("HostbasedAuthentication", "hostbased", "a trusted host"),
        ];
        let alone = |method: &str| lists.is_empty() || lists.iter().any(|list| is_alone(list, method));
        let told =
            methods.iter().filter(|(keyword, method, _)| sshd.is_yes(keyword) && alone(method)).map(|(_, _, by)| {
                let what = format!("A login by {by} alone is never asked for a second factor");
                let mend =
                    format!("{BOTH}, or our account line in /etc/pam.d/sshd, which refuses those who must be asked");
                Finding::warn(what, place(scene, "AuthenticationMethods"), mend)
            });
        Found::Findings(told.collect())
    })
}

/// Whether PAM gets to ask in this list of methods.
fn asks(list: &str) -> bool {
    list.split(',').any(|method| method.starts_with("keyboard-interactive"))
}

fn is_alone(list: &str, method: &str) -> bool {
    !asks(list) && list.split(',').all(|one| one.split(':').next() == Some(method))
}

pub(super) fn factor_only(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let Some(service) = scene.service("sshd") else { return Vec::new().into() };
        let Some(ways) = paths(service.steps(Phase::Auth), Phase::Auth) else {
            return Found::NotDone("the stack has too many ways");
        };
        let alone = ways
            .iter()
            .any(|way| way.ending == Ending::Passes && way.mfa == Mfa::Passed && way.primary != Primary::Right);
        if !alone {
            return Vec::new().into();
        }
        let lists = sshd.method_lists();
        let is_second = |list: &str| {
            let methods: Vec<&str> = list.split(',').collect();
            let asks = methods.iter().position(|method| method.starts_with("keyboard-interactive"));
            asks.is_none_or(|at| methods.iter().take(at).any(|method| *method == "publickey"))
        };
        if !lists.is_empty() && lists.iter().copied().all(is_second) {
            return Vec::new().into();
        }
        let what = "sshd's stack asks for a code alone, and sshd does not demand a key before it";
        vec![Finding::fail(what, place(scene, "AuthenticationMethods"), BOTH)].into()
    })
}

pub(super) fn match_blocks(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let mut found = Vec::new();
        for (user, place) in matched_users(&scene.sshd_lines) {
            let Some(own) = Effective::ask(scene.system, Some(&user)) else { continue };
            let place = place.to_string();
            if own.is_yes("PasswordAuthentication") && !sshd.is_yes("PasswordAuthentication") {
                let what = format!("A Match block turns sshd's password method on for {user}");
                found.push(Finding::warn(what, &place, "PasswordAuthentication no there, too"));
            }
            let lists = own.method_lists();
            if !lists.is_empty() && !lists.iter().all(|list| asks(list)) && !sshd.method_lists().is_empty() {
                let what = format!("A Match block lets {user} in without being asked for a code");
                found.push(Finding::note(what, &place, "meant for automation; else take the block out"));
            }
        }
        found.into()
    })
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
