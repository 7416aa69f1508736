//! Who looks after other people's factors besides root: members of the help desk's group, with a factor of their own
//! proved on the same connection and minutes ago. And whom they may not touch: root, and whoever can become root.
//!
//! What the name service does not say counts against the help desk: no membership is assumed, privilege is.

use crate::accounts::{Entry, Lane};
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::listen::{Failure, Subject, refuse};
use crate::{clock, desk, scene};
use mfa_core::enrollment as core;
use mfa_core::policy::Truth;
use mfa_proto::service::RefusalCode;

/// The peer, if it may do what the help desk does.
///
/// # Errors
/// `PermissionDenied` for whoever is not a member, `AuthorizeFirst` without a fresh proof.
pub(crate) async fn on_duty(conversation: &Conversation) -> Result<Entry, Failure> {
    let (daemon, uid) = (conversation.daemon(), conversation.peer().uid);
    let found = daemon.accounts.by_uid(uid, Lane::Plain).await;
    let entry = found.ok().flatten().ok_or(Failure::NotAllowed)?;
    let loaded = daemon.loaded().ok_or(Failure::NotAllowed)?;
    let helpdesk = std::slice::from_ref(&loaded.config.settings.staff.helpdesk);
    if is_in_any(daemon, &entry, helpdesk, Lane::Plain).await != Truth::True {
        return Err(Failure::NotAllowed);
    }
    let account = scene::snapshot(daemon, &entry.identity).map_err(desk::troubled)?;
    if account.factors.is_empty() {
        let text = "Whoever looks after others needs a second factor of their own first. Run: mfa-enroll";
        return Err(refuse(RefusalCode::NotAllowed, text));
    }
    core::permit(&account, &conversation.permission(&entry.identity), &clock::bare()).map_err(desk::refused)?;
    Ok(entry)
}

/// An account that the help desk may look after.
///
/// # Errors
/// `NotAllowed`, with a sentence, for one that is privileged or may be.
pub(crate) async fn unprivileged(conversation: &Conversation, whose: Subject) -> Result<Subject, Failure> {
    let entry = whose.clone().known()?;
    if is_privileged(conversation.daemon(), &entry, Lane::Plain).await {
        return Err(refuse(RefusalCode::NotAllowed, "That account is an administrator's. Only root looks after it."));
    }
    Ok(whose)
}

/// Whether the account is root, or in a group whose members can become root; also if that cannot be told.
pub(crate) async fn is_privileged(daemon: &Daemon, entry: &Entry, lane: Lane) -> bool {
    let Some(loaded) = daemon.loaded() else { return true };
    let staff = &loaded.config.settings.staff;
    let groups: Vec<String> = staff.groups.iter().chain([&staff.helpdesk]).cloned().collect();
    entry.identity.uid == 0 || is_in_any(daemon, entry, &groups, lane).await != Truth::False
}

async fn is_in_any(daemon: &Daemon, entry: &Entry, groups: &[String], lane: Lane) -> Truth {
    let known = daemon.accounts.groups(entry, groups, lane).await;
    let answers: Vec<Truth> = groups.iter().map(|group| known.membership(group)).collect();
    match () {
        () if answers.contains(&Truth::True) => Truth::True,
        () if answers.contains(&Truth::Unknown) => Truth::Unknown,
        () => Truth::False,
    }
}
