//! Root over ssh: whoever may only show a key there can answer nothing, and is refused where the policy wants an answer.

use super::finding::Finding;
use super::ssh_keys::Demand;
use super::sshd::{decides, where_asked};
use super::{Found, Scene};
use crate::sshd::{Connection, DROP_IN, Effective, FILE};

/// Whether root, who has a factor, can be asked for it over ssh. Setup has written for a root who had none that a key is
/// enough, as before.
pub(super) fn can_answer(scene: &Scene<'_>) -> Found {
    where_asked(scene, |_| {
        let is_asked = scene.site.at_sshd.get("root").is_some_and(|at| at.silent == Demand::Factor);
        if !decides(scene) || !is_asked {
            return Vec::new().into();
        }
        let Some(own) = Effective::ask(scene.system, Some(&Connection::of("root"))) else {
            return Found::NotDone("sshd does not say what it does with root");
        };
        let permitted = own.value("PermitRootLogin").unwrap_or("no");
        let by_key_alone = matches!(permitted, "prohibit-password" | "without-password" | "forced-commands-only");
        let lists = own.method_lists();
        let is_silent = |list: &&str| !list.split(',').any(|method| method.starts_with("keyboard-interactive"));
        let can_answer = !by_key_alone && (lists.is_empty() || !lists.iter().all(is_silent));
        if permitted == "no" || can_answer {
            return Vec::new().into();
        }
        let names_root = |value: &str| value.to_ascii_lowercase().starts_with("user ") && value.contains("root");
        let block = scene.sshd_lines.iter().find(|line| line.keyword == "match" && names_root(&line.value));
        let place = block.map(|line| line.place.to_string());
        let is_setups = scene.system.text(DROP_IN).is_some();
        let mend = if is_setups {
            "mfactl setup once more, with the same answers; or name root in automation"
        } else {
            "Match User root: PermitRootLogin yes with AuthenticationMethods publickey,keyboard-interactive"
        };
        let what = "Root has a second factor, and can answer nothing over ssh: root's logins by key are refused";
        vec![Finding::fail(what, place.unwrap_or_else(|| FILE.to_owned()), mend)].into()
    })
}
