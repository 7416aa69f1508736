//! SSH security keys: whether sshd makes them do what is believed of them, and whether who has nothing else gets in.

use super::finding::Finding;
use super::sshd::{decides, place, where_asked};
use super::{Found, Scene};
use crate::pam::{Mfa, Phase, Primary, paths};
use mfa_proto::admin::Summary;
use mfa_proto::policy::{Explanation, Outcome, Question};
use std::collections::BTreeMap;

/// Names that are told; of the others, how many there are.
const NAMES: usize = 3;
/// Accounts about which the daemon is asked, at the most.
const MOST_ASKED_ABOUT: usize = 64;
/// sshd's method.
const KEY: &str = "publickey";

/// Whether SSH security keys do what is believed of them, for everybody: also where a `Match` says otherwise.
pub(super) fn touch(scene: &Scene<'_>) -> Found {
    where_asked(scene, |sshd| {
        let stated = states_verification(scene);
        if !stated && !scene.site.accounts.iter().any(|account| account.factors.contains_key("ssh-key")) {
            return Vec::new().into();
        }
        let everybody = [(None, sshd.clone(), place(scene, "PubkeyAuthOptions"))];
        let some = scene
            .matched
            .iter()
            .flat_map(|block| block.answers().map(|(whom, own)| (Some(whom), own.clone(), block.place.to_string())));
        let told = everybody.into_iter().chain(some).filter_map(|(whom, own, place)| {
            let options = own.value("PubkeyAuthOptions").unwrap_or("none").to_owned();
            let whose = whom.map_or_else(String::new, |whom| format!(" for {whom}"));
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
        let lists = sshd.method_lists();
        let with_key: Vec<&str> = lists.iter().copied().filter(|list| methods(list).any(|one| one == KEY)).collect();
        let key_is_enough = lists.is_empty() || with_key.iter().any(|list| !methods(list).any(goes_through_pam));
        if key_is_enough && sshd.is_yes("PubkeyAuthentication") {
            if !decides(scene) {
                // The key lets in, and nobody is asked: another check tells that.
                return Vec::new().into();
            }
            let why = "sshd lets a key in before PAM can see it, and our account line refuses that";
            let mend = "AuthenticationMethods publickey,keyboard-interactive";
            return locked_out(scene, &alone, |at| at.silent, (why, mend)).into();
        }
        if !with_key.is_empty() && with_key.iter().all(|list| stands_beside_another(list)) {
            return Vec::new().into();
        }
        let Some(ways) =
            scene.service(scene.ssh_service()).and_then(|service| paths(service.steps(Phase::Auth), Phase::Auth))
        else {
            return Found::NotDone("the stack has too many ways");
        };
        let after_a_password = ways.iter().any(|way| way.mfa == Mfa::Passed && way.before == Primary::Right);
        if after_a_password || states_verification(scene) {
            return Vec::new().into();
        }
        let why = "sshd asks for no password beside it, and one key is one factor";
        let mend = "another factor (mfa-enroll), or PubkeyAuthOptions verify-required with ssh_verify_required = true";
        locked_out(scene, &alone, |at| at.asked, (why, mend)).into()
    })
}

/// The methods of a list, without what stands behind their colons.
fn methods(list: &str) -> impl Iterator<Item = &str> {
    list.split(',').map(|method| method.split(':').next().unwrap_or(method))
}

fn goes_through_pam(method: &str) -> bool {
    matches!(method, "keyboard-interactive" | "password")
}

/// Whether sshd has verified a key and something else of the user's by the time that it asks PAM: another key, since it
/// takes none twice, or another method. What a machine proves does not count.
fn stands_beside_another(list: &str) -> bool {
    let before: Vec<&str> = methods(list).take_while(|method| !goes_through_pam(method)).collect();
    let keys = before.iter().filter(|method| **method == KEY).count();
    let is_another = |method: &&str| !matches!(*method, KEY | "hostbased" | "none");
    keys > 1 || keys == 1 && before.iter().any(is_another)
}

/// What is asked of somebody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Demand {
    /// Nothing, wherever they come from.
    Nothing,
    /// It hangs on where they come from and when, or the daemon did not say.
    #[default]
    Perhaps,
    /// A factor.
    Factor,
}

/// What the policy asks of somebody who comes to sshd by key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct AtSshd {
    /// Where PAM can ask.
    pub(super) asked: Demand,
    /// Where it cannot, since a key is enough for sshd.
    pub(super) silent: Demand,
}

impl AtSshd {
    /// As the daemon explains it.
    fn of(told: &Explanation) -> Self {
        let demand = |outcome: &Outcome| match outcome.what.as_str() {
            // What is not known makes no login easier.
            "skip" => Demand::Nothing,
            "factors" | "deny" if told.certain && !told.observed => Demand::Factor,
            _ => Demand::Perhaps,
        };
        let asked = if told.observed { Demand::Nothing } else { demand(&told.outcome) };
        Self { asked, silent: told.silent.as_ref().map_or(Demand::Perhaps, demand) }
    }
}

/// What is asked, at sshd, of root and of each of these who has an SSH key and nothing else, as far as `explain` tells it.
pub(super) fn at_sshd(
    accounts: &[Summary],
    mut explain: impl FnMut(&Question) -> Option<Explanation>,
) -> BTreeMap<String, AtSshd> {
    let is_meant = |account: &&Summary| has_an_ssh_key_alone(account) || account.user == "root";
    let alone = accounts.iter().filter(is_meant).take(MOST_ASKED_ABOUT);
    let question = |user: &str| Question {
        user: user.to_owned(),
        service: "sshd".to_owned(),
        ssh_auth: Some(KEY.to_owned()),
        ..Question::default()
    };
    alone.filter_map(|one| Some((one.user.clone(), AtSshd::of(&explain(&question(&one.user))?)))).collect()
}

fn has_an_ssh_key_alone(account: &Summary) -> bool {
    account.factors.get("ssh-key").is_some_and(|count| *count > 0)
        && account.factors.iter().all(|(kind, count)| kind == "ssh-key" || *count == 0)
}

/// Whoever is asked nothing gets in, and backup codes let in for as long as there are any.
fn locked_out(
    scene: &Scene<'_>,
    alone: &[&Summary],
    demand: fn(AtSshd) -> Demand,
    (why, mend): (&str, &str),
) -> Vec<Finding> {
    let place = place(scene, "AuthenticationMethods");
    let told = [(Demand::Factor, false), (Demand::Perhaps, false), (Demand::Factor, true), (Demand::Perhaps, true)];
    let told = told.into_iter().filter_map(|(wanted, codes)| {
        let is_meant = |account: &&&Summary| {
            let at = scene.site.at_sshd.get(&account.user).copied().unwrap_or_default();
            demand(at) == wanted && (account.backup_codes > 0) == codes
        };
        let names: Vec<&str> = alone.iter().filter(is_meant).map(|account| account.user.as_str()).collect();
        let names = (!names.is_empty()).then(|| some_of(&names))?;
        let what = if codes { "only a backup code lets in" } else { "no way in is left for" };
        let perhaps = if wanted == Demand::Perhaps { ", wherever a factor is asked for" } else { "" };
        let what = format!("Only an SSH key: {what} {names}{perhaps}: {why}");
        let is_certain = (wanted, codes) == (Demand::Factor, false);
        Some(if is_certain { Finding::fail(what, &place, mend) } else { Finding::warn(what, &place, mend) })
    });
    told.collect()
}

fn some_of(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().copied().take(NAMES).collect();
    let more = names.len().saturating_sub(NAMES);
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

/// Whether the administrator states that sshd demands PIN or fingerprint of every key.
fn states_verification(scene: &Scene<'_>) -> bool {
    let text = scene.system.text("/etc/mfa/mfa.toml").unwrap_or_default();
    text.lines().any(|line| {
        let line = line.split('#').next().unwrap_or_default();
        line.split_once('=').is_some_and(|(key, value)| key.trim() == "ssh_verify_required" && value.trim() == "true")
    })
}
