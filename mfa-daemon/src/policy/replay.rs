//! `io.mfa.Policy.Replay`: the logins of the last 30 days, decided by the drafts as they would be now. What was not
//! recorded of a login is unknown, as everywhere.

use super::words::{Room, clipped, outcome};
use crate::accounts::{Entry, Lane};
use crate::arrival::facts;
use crate::audit::Event;
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::listen::{Answer, Failure, refuse};
use crate::scene::{self, Decided, Facts, Times};
use crate::store::Place;
use mfa_core::Time;
use mfa_core::factor::Kinds;
use mfa_core::policy::{
    self, Class, Decision, NeedGroups, Origin, Plan, Policy, Request, SshAuth, Standing, Truth, Way, Who, gets_in,
};
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::login::{Begin, Phase};
use mfa_proto::policy as wire;
use mfa_proto::service::RefusalCode;
use std::collections::{BTreeSet, HashSet};
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// Seconds of the record that are looked at.
const BACK: i64 = 30 * 86_400;
/// Records of a part.
const PART: u32 = 1000;
/// How long a part may take; what is left comes with the next.
const PACE: Duration = Duration::from_secs(2);
/// Different logins that are remembered; those beyond may be decided more than once.
const MOST: usize = 1_000_000;

/// The logins that a connection has seen, by what of them matters.
#[derive(Default)]
pub(super) struct Seen {
    hashes: HashSet<u64>,
    state: RandomState,
}

impl Seen {
    /// Whether one like this comes for the first time. Of a few million, two that differ may be taken for alike.
    fn is_new(&mut self, event: &Event) -> bool {
        let Event { user, uid, service, rhost, silent, ssh, by, login_uid, .. } = event;
        let hash = self.state.hash_one((user, uid, service, rhost, silent, ssh, by, login_uid, got_in(event)));
        if self.hashes.len() >= MOST {
            return !self.hashes.contains(&hash);
        }
        self.hashes.insert(hash)
    }
}

/// `io.mfa.Policy.Replay`
pub(crate) async fn replay(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Replay { after } = call.parameters()?;
    let daemon = Rc::clone(conversation.daemon());
    let new = conversation.study.config(&daemon).await?;
    let old = daemon.loaded();
    let judge = Judge {
        daemon: &daemon,
        old: old.as_ref().map(|loaded| &loaded.config.policy),
        new: &new.policy,
        now: clock::now(),
    };
    let store = daemon.store().map_err(|why| refuse(RefusalCode::Broken, why))?;
    let part = store.logins(judge.now.plus(-BACK), after.map(|place| (place.node, place.seq)), PART).await;
    let part = part.map_err(|error| refuse(RefusalCode::Broken, error.to_string()))?;
    let (begun, mut room) = (Instant::now(), Room::new());
    let mut told = wire::Replayed { next: part.next.map(place), ..wire::Replayed::default() };
    let mut last = None;
    for (at, event) in part.logins.into_iter().filter(|(_, event)| is_login(event)) {
        if let Some(last) = last.filter(|_| begun.elapsed() > PACE) {
            told.next = Some(last);
            break;
        }
        (told.logins, last) = (told.logins + 1, Some(place(at)));
        if !conversation.study.seen.is_new(&event) {
            continue;
        }
        told.different += 1;
        let Some(judged) = judge.judge(&event).await else {
            told.gone += 1;
            continue;
        };
        judged.count(&mut told);
        if let Some(login) = judged.failing(&judge, &event)
            && room.holds(&login)
        {
            told.failing.push(login);
        }
        if room.is_short() {
            told.next = last;
            break;
        }
        // Others have logins that are not of the past.
        tokio::task::yield_now().await;
    }
    Ok(encode_reply(&told)?)
}

fn place((node, seq): Place) -> wire::Place {
    wire::Place { node, seq }
}

/// Whether it is about getting in, and not about changing one's own factors.
fn is_login(event: &Event) -> bool {
    event.service.as_deref().is_some_and(|service| service != "mfa-enroll")
}

fn got_in(event: &Event) -> bool {
    event.what != "denied"
}

/// What decides anew.
struct Judge<'a> {
    daemon: &'a Daemon,
    old: Option<&'a Policy>,
    new: &'a Policy,
    now: Time,
}

/// What is decided about a recorded login: by the policy in force, and by the other.
struct Judged {
    old: Option<Decision>,
    new: Decision,
    /// The conditions that were unknown to the other.
    unknown: BTreeSet<&'static str>,
    /// What its user has and could show.
    showable: Kinds,
}

impl Judge<'_> {
    /// `None` if the account is not there any more, or cannot be looked up.
    async fn judge(&self, event: &Event) -> Option<Judged> {
        let accounts = &self.daemon.accounts;
        let whose = event.whose()?;
        let target = accounts.by_name(&whose.name, Lane::Root).await.ok().flatten();
        let target = target.filter(|entry| entry.identity.uid == whose.uid)?;
        let caller = match event.login_uid {
            Some(uid) => accounts.by_uid(uid, Lane::Root).await.ok().flatten(),
            None => None,
        };
        let facts = recorded(event, caller);
        let policies: Vec<&Policy> = self.old.into_iter().chain([self.new]).collect();
        let ask = |request: &Request<'_>, standing: &Standing| self.decide(request, standing);
        let decided =
            scene::decide(self.daemon, &policies, Lane::Root, (&target, &facts, Times::supposed(self.now)), ask).await;
        decided.ok().map(|Decided { outcome, .. }| outcome)
    }

    fn decide(&self, request: &Request<'_>, standing: &Standing) -> Result<Judged, NeedGroups> {
        let old = self.old.map(|old| policy::evaluate(old, request, standing)).transpose()?;
        let told = policy::explain(self.new, request, standing)?;
        let unknown = told.considered.iter().filter(|one| one.matched == Truth::Unknown);
        let unknown = unknown.filter_map(|one| one.condition).collect();
        let asked = match (told.decision.who, request.caller) {
            (Who::Caller, policy::Caller::Known(person)) => person.standing,
            _ => *standing,
        };
        Ok(Judged { old, unknown, showable: policy::showable(request, asked), new: told.decision })
    }
}

impl Judged {
    fn count(&self, told: &mut wire::Replayed) {
        let was_asked = self.old.as_ref().is_some_and(|old| !old.plan.passes());
        told.asked += u64::from(!was_asked && !self.new.plan.passes());
        told.spared += u64::from(was_asked && self.new.plan.passes());
        for key in &self.unknown {
            *told.uncertain.entry((*key).to_owned()).or_default() += 1;
        }
    }

    /// The login as it is told, if it got in and would not.
    fn failing(&self, judge: &Judge<'_>, event: &Event) -> Option<wire::Login> {
        let way = way(event);
        if !got_in(event) || gets_in(&self.new.plan, way, self.showable) {
            return None;
        }
        let fails = |plan: &Plan| !gets_in(plan, way, self.showable);
        Some(wire::Login {
            user: event.user.clone().unwrap_or_default(),
            service: event.service.clone().unwrap_or_default(),
            rhost: event.rhost.as_deref().map(clipped),
            at: event.at,
            silent: event.silent,
            rule: judge.new.rule_name(self.new.rule).to_owned(),
            outcome: outcome(&self.new.plan).0,
            as_before: self.old.as_ref().is_some_and(|old| fails(&old.plan)),
            certain: self.new.certain,
        })
    }
}

/// How that login could be spoken to.
fn way(event: &Event) -> Way {
    let class = event.service.as_deref().and_then(Class::of);
    match class {
        _ if event.silent => Way::Silent,
        Some(Class::Ssh | Class::Login) if event.by == 0 => Way::Terminal,
        _ => Way::Interactive,
    }
}

/// What is recorded of a login, as [`facts`] makes it of one that happens.
fn recorded(event: &Event, caller: Option<Entry>) -> Facts {
    let phase = if event.silent { Phase::Account } else { Phase::Auth };
    let service = event.service.clone().unwrap_or_default();
    let begin = Begin { service, phase, rhost: event.rhost.clone(), ..Begin::default() };
    let facts = facts(&begin, event.by == 0, (caller, None));
    let origin = match event.origin.as_deref() {
        Some("local") if event.by == 0 => Some(Origin::Local),
        Some("remote") if event.by == 0 => Some(Origin::Remote),
        _ => None,
    };
    let facts = Facts { origin: origin.or(facts.origin), ..facts };
    match event.ssh.as_deref().map(str::parse) {
        Some(ssh) if event.by == 0 && !event.silent => Facts { ssh: ssh.unwrap_or(SshAuth::Unknown), ..facts },
        _ => facts,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_core::policy::Address;

    fn event(json: &str) -> Event {
        let json = format!(r#"{{"at":1,"what":"skipped","user":"alice","uid":1000,"by":0,"service":"sshd"{json}}}"#);
        Event::from_bytes(json.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_recorded_is_known_and_nothing_else_is() {
        let by_key = recorded(&event(r#","rhost":"10.1.2.3","ssh":"gssapi-with-mic""#), None);
        assert_eq!(by_key.address, Address::Known([10, 1, 2, 3].into()));
        assert_eq!((by_key.origin, by_key.ssh.to_string().as_str()), (Some(Origin::Remote), "gssapi-with-mic"));
        assert_eq!(recorded(&event(""), None).ssh, SshAuth::Methods(Vec::new()));
        assert_eq!(recorded(&event(r#","silent":true"#), None).ssh, SshAuth::Unknown);
        assert_eq!(recorded(&event(r#","ssh":"publickey SHA256:cut""#), None).ssh, SshAuth::Unknown);
        let own = recorded(&Event { by: 1000, ..event(r#","rhost":"10.1.2.3","ssh":"password""#) }, None);
        assert_eq!((own.address, own.origin, own.ssh), (Address::Unknown, None, SshAuth::Unknown));
    }

    #[test]
    fn logins_that_are_alike_are_decided_once() {
        let mut seen = Seen::default();
        let first = event(r#","rhost":"10.1.2.3""#);
        assert!(seen.is_new(&first));
        assert!(!seen.is_new(&Event { at: 2, tty: Some("ssh".into()), what: "passed".into(), ..first.clone() }));
        for other in [
            Event { rhost: None, ..first.clone() },
            Event { silent: true, ..first.clone() },
            Event { what: "denied".into(), ..first.clone() },
            Event { service: Some("su".into()), ..first.clone() },
            Event { login_uid: Some(7), ..first },
        ] {
            assert!(seen.is_new(&other), "{other:?}");
        }
    }

    #[test]
    fn how_a_login_could_be_spoken_to_follows_from_its_record() {
        assert_eq!(way(&event("")), Way::Terminal);
        assert_eq!(way(&event(r#","silent":true"#)), Way::Silent);
        assert_eq!(way(&Event { by: 1000, ..event("") }), Way::Interactive);
        assert_eq!(way(&Event { service: Some("sudo".into()), ..event("") }), Way::Interactive);
    }
}
