//! What is known of a login when it arrives: what root's application says of it, and what is made of that. Nobody else
//! is believed about anything but who they are.

use crate::accounts::{Entry, Lane, LoginSession, LookupError, Presence};
use crate::audit::Context;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::listen::{Failure, Subject};
use crate::scene::{Facts, Purpose, Scene};
use mfa_core::dialog::Front;
use mfa_core::policy::{Address, Class, Origin, SshAuth};
use mfa_proto::frame::Call;
use mfa_proto::login::{Begin, Phase};
use std::rc::Rc;

/// What has arrived, before it is weighed.
pub(crate) struct Arrival {
    /// What the policy is asked about.
    pub(crate) scene: Scene,
    /// What is recorded with it.
    pub(crate) context: Context,
    /// As it was said.
    pub(crate) begin: Begin,
}

/// What root's application, or a user's own, says of a login.
///
/// # Errors
/// `Parameter`, of what it says.
pub(crate) async fn arrive(conversation: &Conversation, whose: Subject, call: &Call<'_>) -> Result<Arrival, Failure> {
    let begin: Begin = call.parameters()?;
    if begin.protocol != mfa_proto::PROTOCOL {
        return Err(Failure::Parameter("protocol".into()));
    }
    if !is_service(&begin.service) {
        return Err(Failure::Parameter("service".into()));
    }
    let (daemon, is_root) = (Rc::clone(conversation.daemon()), conversation.peer().is_root());
    let caller = match begin.login_uid.filter(|_| is_root) {
        Some(uid) => caller(&daemon, uid).await,
        None => None,
    };
    let session = begin.login_session.filter(|_| is_root);
    let session = session.and_then(|number| daemon.logind.session(number, begin.session.as_deref()));
    let facts = facts(&begin, is_root, (caller, session));
    let lane = if is_root { Lane::Root } else { Lane::Plain };
    let ssh = Some(facts.ssh.to_string()).filter(|text| is_root && begin.phase == Phase::Auth && !text.is_empty());
    let context = Context { ssh, origin: facts.origin, ..context(&begin, conversation.peer().uid, is_root) };
    let purpose = Purpose::Login(Box::new(facts));
    let scene = Scene { lane, target: whose.entry, name: whose.name, purpose };
    Ok(Arrival { scene, context, begin })
}

/// Whoever is logged in and asks; a name service that fails leaves it unknown, which no rule is relaxed by.
async fn caller(daemon: &Daemon, uid: u32) -> Option<Entry> {
    let hangs_on_caller = daemon.loaded().is_some_and(|loaded| loaded.config.policy.hangs_on_caller());
    if !hangs_on_caller {
        return None;
    }
    let found: Result<Option<Entry>, LookupError> = daemon.accounts.by_uid(uid, Lane::Root).await;
    found.ok().flatten()
}

/// Root is believed about the context; of anybody else it is unknown.
pub(crate) fn facts(begin: &Begin, is_root: bool, (caller, session): (Option<Entry>, Option<LoginSession>)) -> Facts {
    let service = begin.service.clone();
    // sudo asks for silence always, and shows what is said all the same.
    let silent = begin.silent && Class::of(&service) != Some(Class::Sudo);
    let shows_text = !silent && Front::shows_text(&service);
    let nothing = Facts {
        service,
        address: Address::Unknown,
        origin: None,
        presence: Presence::Nowhere,
        ssh: SshAuth::Unknown,
        after_another: false,
        password: false,
        shows_text,
        caller: None,
        session: None,
        opens: None,
    };
    if !is_root {
        return nothing;
    }
    let ssh = match (&begin.ssh_auth, begin.phase) {
        // In the account phase sshd has not said yet by what a key-only login came.
        (_, Phase::Account) => SshAuth::Unknown,
        (Some(text), Phase::Auth) => SshAuth::parse(text),
        (None, Phase::Auth) => SshAuth::parse(""),
    };
    let address = Address::of_rhost(begin.rhost.as_deref());
    let (origin, presence) = place(begin, address, session.as_ref());
    let after_another = begin.password || matches!(&ssh, SshAuth::Methods(methods) if !methods.is_empty());
    let (session, opens, password) = (session.map(|found| found.session), begin.processes, begin.password);
    Facts { address, origin, presence, ssh, after_another, password, caller, session, opens, ..nothing }
}

/// Where somebody is who asks root's application: what comes over the network says so, what comes out of a login
/// session is where that is, and who is asked at a text console before there is a session sits before it. And by what
/// that can be found out again later.
fn place(begin: &Begin, address: Address, session: Option<&LoginSession>) -> (Option<Origin>, Presence) {
    let class = Class::of(&begin.service);
    if !matches!(address, Address::None) || class == Some(Class::Ssh) {
        return (Some(Origin::Remote), Presence::Nowhere);
    }
    match (session, begin.login_session) {
        (Some(LoginSession { name, session, origin }), _) => {
            (*origin, Presence::Session { name: name.clone(), session: session.clone() })
        }
        (None, Some(_)) => (None, Presence::Nowhere),
        (None, None) => before_a_session(begin, class),
    }
}

/// Where somebody is who logs in at a console or login window. Whether a window's display is at this machine, the policy
/// is not told.
fn before_a_session(begin: &Begin, class: Option<Class>) -> (Option<Origin>, Presence) {
    let begins_here = matches!(class, Some(Class::Login | Class::Desktop));
    let Some(tty) = begin.tty.as_deref().filter(|_| begins_here) else { return (None, Presence::Nowhere) };
    let is_far = class != Some(Class::Desktop) || begin.service.eq_ignore_ascii_case("xrdp-sesman");
    match (virtual_terminal(tty), display(tty).filter(|_| !is_far)) {
        (Some(number), _) => (Some(Origin::Local), Presence::Console(number)),
        (None, Some(number)) => (None, Presence::Window(number)),
        (None, None) => (None, Presence::Nowhere),
    }
}

/// `tty1` to `tty63`: a screen and a keyboard of this machine. A serial line may lead anywhere.
fn virtual_terminal(tty: &str) -> Option<u8> {
    let name = tty.strip_prefix("/dev/").unwrap_or(tty);
    let number = name.strip_prefix("tty").filter(|number| !number.starts_with(['0', '+']))?;
    number.parse().ok().filter(|number| (1..=63).contains(number))
}

/// `:0`, as X servers of this machine are called; one with a host before it may be anywhere.
fn display(tty: &str) -> Option<u16> {
    let number = tty.strip_prefix(':').filter(|number| number.bytes().all(|byte| byte.is_ascii_digit()))?;
    number.parse().ok()
}

/// What is recorded with everything that happens in this login.
fn context(begin: &Begin, peer_uid: u32, is_root: bool) -> Context {
    let believed = |text: &Option<String>| text.clone().filter(|_| is_root);
    Context {
        service: Some(begin.service.clone()),
        rhost: believed(&begin.rhost),
        ruser: believed(&begin.ruser),
        tty: believed(&begin.tty),
        rule: None,
        peer_uid,
        login_uid: begin.login_uid.filter(|_| is_root),
        session: begin.login_session.filter(|_| is_root),
        silent: begin.phase == Phase::Account,
        ssh: None,
        origin: None,
        logins: Vec::new(),
    }
}

/// What can be the name of a PAM service: libpam makes a file name of it.
pub(crate) fn is_service(name: &str) -> bool {
    (1..=64).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"._@:+-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn placed(service: &str, tty: Option<&str>, rhost: Option<&str>) -> (Option<Origin>, Presence) {
        let begin = Begin {
            service: service.into(),
            tty: tty.map(Into::into),
            rhost: rhost.map(Into::into),
            ..Begin::default()
        };
        place(&begin, Address::of_rhost(rhost), None)
    }

    const NOWHERE: (Option<Origin>, Presence) = (None, Presence::Nowhere);

    #[test]
    fn a_login_window_that_names_its_display_is_looked_for_there_and_its_origin_stays_unknown() {
        assert_eq!(placed("lightdm", Some(":0"), None), (None, Presence::Window(0)));
        assert_eq!(placed("lightdm", Some(":12"), None), (None, Presence::Window(12)));
        assert_eq!(placed("lightdm", Some("tty7"), None), (Some(Origin::Local), Presence::Console(7)));
        for tty in [":", ":0.0", ":+1", ":-1", ":x", "far:0", "[::1]:0", "/dev/:0", "0", ": 0", ":99999", "", "pts/0"] {
            assert_eq!(placed("lightdm", Some(tty), None), NOWHERE, "{tty:?}");
        }
        assert_eq!(placed("lightdm", None, None), NOWHERE);
    }

    #[test]
    fn a_display_is_no_login_window_over_the_network_in_a_session_or_of_another_program() {
        for rhost in ["10.1.2.3", "", "localhost"] {
            let placed = placed("lightdm", Some(":0"), Some(rhost));
            assert_eq!(placed, (Some(Origin::Remote), Presence::Nowhere), "{rhost:?}");
        }
        for service in ["xrdp-sesman", "XRDP-sesman", "login", "sudo", "su", "polkit-1", "xscreensaver", "vnc"] {
            assert_eq!(placed(service, Some(":0"), None), NOWHERE, "{service}");
        }
        let out_of_a_session =
            Begin { service: "lightdm".into(), tty: Some(":0".into()), login_session: Some(7), ..Begin::default() };
        assert_eq!(place(&out_of_a_session, Address::None, None), NOWHERE);
    }
}
