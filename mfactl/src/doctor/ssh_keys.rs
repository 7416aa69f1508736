//! SSH security keys: whether sshd makes them do what is believed of them, and whether who has nothing else gets in.

use super::finding::Finding;
use super::sshd::{asks, place, where_asked};
use super::{Found, Scene};
use crate::pam::{Mfa, Phase, Primary, paths};
use crate::sshd::{Effective, matched_users};
use mfa_proto::admin::Summary;

/// Names that are told; of the others, how many there are.
const NAMES: usize = 3;

/// Whether SSH security keys do what is believed of them, for everybody: also where a `Match` says otherwise.
pub(super) fn touch(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let stated = states_verification(scene);
        if !stated && !scene.site.accounts.iter().any(|account| account.factors.contains_key("ssh-key")) {
            return Vec::new().into();
        }
        let everybody = [(None, sshd.clone(), place(scene, "PubkeyAuthOptions"))];
        let matched = matched_users(&scene.sshd_lines).into_iter();
        let some = matched.filter_map(|(user, place)| {
            let own = Effective::ask(scene.system, Some(&user))?;
            Some((Some(user), own, place.to_string()))
        });
        let told = everybody.into_iter().chain(some).filter_map(|(user, own, place)| {
            let options = own.value("PubkeyAuthOptions").unwrap_or("none").to_owned();
            let whose = user.map_or_else(String::new, |user| format!(" for {user}"));
            if stated {
                let what = format!(
                    "mfa.toml says that sshd demands verify-required, and it does not{whose}: a found key lets in by itself"
                );
                let mend = "PubkeyAuthOptions verify-required, or ssh_verify_required = false in /etc/mfa/mfa.toml";
                return (!options.contains("verify-required")).then(|| Finding::fail(what, place, mend));
            }
            let is_demanded = options.contains("touch-required") || options.contains("verify-required");
            let what =
                format!("authorized_keys may say no-touch-required{whose}: an SSH security key then signs unattended");
            (!is_demanded).then(|| Finding::warn(what, place, "PubkeyAuthOptions touch-required"))
        });
        Found::Findings(told.collect())
    })
}

/// Whoever has an SSH key and nothing else gets in where something stands beside it; this finds where nothing does.
pub(super) fn nothing_beside(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let alone: Vec<&Summary> = scene.site.accounts.iter().filter(|account| has_an_ssh_key_alone(account)).collect();
        if alone.is_empty() {
            return Vec::new().into();
        }
        let decides = scene.service("sshd").is_some_and(|service| !service.ours(Phase::Account).is_empty());
        let lists = sshd.method_lists();
        let key_is_enough = lists.is_empty() || lists.iter().any(|list| !asks(list) && list.contains("publickey"));
        if decides && key_is_enough && sshd.is_yes("PubkeyAuthentication") {
            let why = "sshd lets a key in before PAM can see it, and our account line refuses that";
            return vec![locked_out(scene, &alone, why, "AuthenticationMethods publickey,keyboard-interactive")].into();
        }
        let Some(ways) = scene.service("sshd").and_then(|service| paths(service.steps(Phase::Auth))) else {
            return Found::NotDone("the stack has too many ways");
        };
        let after_a_password = ways.iter().any(|way| way.mfa == Mfa::Passed && way.before == Primary::Right);
        if after_a_password || states_verification(scene) {
            return Vec::new().into();
        }
        let why = "sshd asks for no password beside it, and one key is one factor";
        let mend = "another factor (mfa-enroll), or PubkeyAuthOptions verify-required with ssh_verify_required = true";
        vec![locked_out(scene, &alone, why, mend)].into()
    })
}

fn has_an_ssh_key_alone(account: &Summary) -> bool {
    account.factors.get("ssh-key").is_some_and(|count| *count > 0)
        && account.factors.iter().all(|(kind, count)| kind == "ssh-key" || *count == 0)
}

/// Backup codes let them in, for as long as there are any.
fn locked_out(scene: &Scene<'_>, alone: &[&Summary], why: &str, mend: &str) -> Finding {
    let shown: Vec<&str> = alone.iter().take(NAMES).map(|account| account.user.as_str()).collect();
    let more = alone.len().saturating_sub(NAMES);
    let names = if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) };
    let place = place(scene, "AuthenticationMethods");
    if alone.iter().any(|account| account.backup_codes == 0) {
        return Finding::fail(format!("Only an SSH key: {names} cannot log in: {why}"), place, mend);
    }
    Finding::warn(format!("Only an SSH key: {names} gets in by backup code alone: {why}"), place, mend)
}

/// Whether the administrator states that sshd demands PIN or fingerprint of every key.
fn states_verification(scene: &Scene<'_>) -> bool {
    let text = scene.system.text("/etc/mfa/mfa.toml").unwrap_or_default();
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "ssh_verify_required" && value.trim() == "true")
    })
}
