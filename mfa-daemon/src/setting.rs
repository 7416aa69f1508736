//! What a dialog is told of the world it begins in: who asks and how, what the site has configured, who sits where.

use crate::accounts::Presence;
use crate::audit::Context;
use crate::clock;
use crate::config::Settings;
use crate::conversation::Conversation;
use crate::daemon::{Daemon, Loaded};
use crate::scene::{Facts, Purpose, Scene, Weighed};
use mfa_core::dialog::{Front, Setting, Ssh, Welcome};
use mfa_core::enrollment::Rules;
use mfa_core::factor::{Kind, Kinds};
use mfa_core::policy::{Class, Enroll, Plan};

/// Seconds a dialog may take at the most, whatever its caller says.
pub(crate) const LONGEST: u32 = mfa_proto::login::LONGEST_LOGIN;

/// How a dialog is held.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Manner {
    /// Whether anything can be asked.
    pub(crate) interactive: bool,
    /// What asks the user.
    pub(crate) front: Front,
    /// Whether a security key may be looked for.
    pub(crate) keys: bool,
    /// Seconds the caller waits.
    pub(crate) seconds: u32,
}

/// A dialog's surroundings.
pub(crate) struct Surroundings {
    /// What it is told of them.
    pub(crate) setting: Setting,
    /// Seconds it may take in them.
    pub(crate) seconds: u32,
    /// By what whoever could touch a key is known to sit here, as long as they do.
    pub(crate) presence: Presence,
}

/// What there is around a dialog that begins now.
pub(crate) fn of(
    conversation: &Conversation,
    loaded: &Loaded,
    (scene, context, weighed): (&Scene, &Context, &Weighed),
    Manner { interactive, front, keys, seconds }: Manner,
) -> Surroundings {
    let (daemon, settings) = (conversation.daemon(), &loaded.config.settings);
    let peer = conversation.peer();
    // Whoever looks for a phone and installs an app needs longer than whoever types a code.
    let enrolling = matches!(weighed.plan, Plan::Enroll(_));
    // And so does whoever waits for a mail.
    let mails = front != Front::Combined && mails(peer.is_root(), scene);
    let seconds = if enrolling || (mails && weighed.account.mailbox.is_some()) { LONGEST } else { seconds };
    let login = if let Purpose::Login(facts) = &scene.purpose { Some(&**facts) } else { None };
    // Asked of logind only where it matters.
    let matters = keys && weighed.account.enrolled().contains(Kind::SecurityKey);
    let presence = if matters { presence(&scene.purpose, (peer.is_root(), peer.uid)) } else { Presence::Nowhere };
    let setting = Setting {
        caller: conversation.caller(),
        interactive,
        front,
        until: clock::now().plus(seconds.into()),
        temp_codes: peer.is_root() && login.is_some(),
        utc_offset: clock::utc_offset(clock::now()),
        support: settings.support.clone(),
        welcome: welcome(settings, &daemon.host, (context, scene.is_after_another()), weighed),
        mails,
        ties: scene.ties(daemon, loaded),
        occasion: occasion(daemon, scene, context),
        at_the_machine: daemon.logind.is_here(&presence),
        // A touch tells nobody which of the user's programs it is for.
        pin_typed: matches!(scene.purpose, Purpose::Change),
        touch_wait: settings.security_keys.touch_wait.into(),
        shows_text: login.is_none_or(|facts| facts.shows_text),
        ssh: login.filter(|_| peer.is_root()).and_then(|facts| ssh(facts, settings)),
    };
    Surroundings { setting, seconds, presence }
}

/// By what whoever asks is known to sit at this machine, so that a key that is plugged in is theirs. Of root's
/// applications the session says it. A user's own are where their session is; but what changes factors is not to be done
/// by a touch of somebody at the desk for somebody of the same name far away.
fn presence(purpose: &Purpose, (is_root, uid): (bool, u32)) -> Presence {
    match (purpose, is_root) {
        (Purpose::Login(facts), true) => facts.presence.clone(),
        (Purpose::Change | Purpose::Trial, true) => Presence::Nowhere,
        (Purpose::Login(_) | Purpose::Trial, false) => Presence::Own(uid),
        (Purpose::Change, false) => Presence::OwnAlone(uid),
    }
}

/// `sudo on web1 as alice`
fn occasion(daemon: &Daemon, scene: &Scene, context: &Context) -> String {
    let service = context.service.as_deref().unwrap_or_default();
    let user = scene.target.as_ref().map_or(scene.name.as_str(), |entry| &entry.identity.name);
    format!("{service} on {} as {user}", daemon.host)
}

/// What sshd has verified, where it is sshd that asks.
fn ssh(facts: &Facts, settings: &Settings) -> Option<Ssh> {
    let is_ssh = Class::of(&facts.service) == Some(Class::Ssh);
    let verify_required = settings.security_keys.ssh_verify_required;
    is_ssh.then(|| Ssh { auth: facts.ssh.clone(), password: facts.password, verify_required })
}

/// What an account that must enroll first is told here.
fn welcome(settings: &Settings, host: &str, (context, after_another): (&Context, bool), weighed: &Weighed) -> Welcome {
    let service = context.service.as_deref().unwrap_or_default();
    let kinds = match &weighed.plan {
        Plan::Enroll(Enroll::AtLogin { kinds } | Enroll::Grace { kinds, .. } | Enroll::Invite { kinds }) => *kinds,
        _ => Kinds::NONE,
    };
    let (confirm_codes, parameters) = (settings.confirm_codes, settings.parameters);
    Welcome {
        site: settings.site(host).to_owned(),
        issuer: settings.issuer(host).to_owned(),
        label: format!("{}@{host}", weighed.account.identity.name),
        // Without another factor before it, whoever comes first would enroll a phone of their own, and be in.
        terminal: after_another && matches!(Class::of(service), Some(Class::Ssh | Class::Login)),
        rules: Rules {
            confirm_codes,
            parameters,
            kinds,
            required: true,
            by_invitation: false,
            seat: weighed.seat,
            own_addresses: false,
            mail_first: false,
        },
    }
}

/// Whether codes are mailed: in a login of root's, when a password or a key came before, so that nobody fills the
/// mailbox of whomever they name; and for whoever changes factors of their own.
fn mails(is_root: bool, scene: &Scene) -> bool {
    match scene.purpose {
        Purpose::Login(_) => is_root && scene.is_after_another(),
        Purpose::Change | Purpose::Trial => true,
    }
}
