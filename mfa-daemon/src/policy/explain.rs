//! `io.mfa.Policy.Explain`: a login that might be, decided and told, by the very walk that decides real ones.

use super::Study;
use super::match_block::match_block;
use super::words::{Room, clipped, kinds, outcome};
use crate::accounts::{Entry, Lane};
use crate::arrival::{facts, is_service};
use crate::clock;
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::license;
use crate::listen::{Answer, Failure, Subject, refuse};
use crate::scene::{self, Decided, Facts, Times, Trouble};
use crate::trust;
use mfa_core::Time;
use mfa_core::policy::{
    self, Address, Class, Considered, Explanation, Origin, Plan, Policy, Request, Skip, SshAuth, Standing, Truth, Who,
};
use mfa_core::trust::PolicyDigest;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::login::{Begin, Phase};
use mfa_proto::policy as wire;
use mfa_proto::service::RefusalCode;
use std::rc::Rc;

/// `io.mfa.Policy.Explain`
pub(crate) async fn explain(
    conversation: &mut Conversation,
    whose: Subject,
    call: &Call<'_>,
) -> Result<Answer, Failure> {
    let question: wire::Question = call.parameters()?;
    let target = whose.known()?;
    let daemon = Rc::clone(conversation.daemon());
    let sources = Sources::of(&mut conversation.study, &daemon).await?;
    let policy = sources.policy();
    let now = question.at.map_or_else(clock::now, Time);
    let facts = supposed(&question, &daemon).await?;
    let walk = |request: &Request<'_>, standing: &Standing| {
        let told = policy::explain(policy, request, standing)?;
        // Where a key is enough for sshd, PAM is asked before sshd says that there was one.
        let silent = policy::evaluate(policy, &Request { ssh: SshAuth::Unknown, ..request.clone() }, standing)?;
        Ok((told, silent.plan))
    };
    let decided = scene::decide(&daemon, &[policy], Lane::Root, (&target, &facts, Times::supposed(now)), walk).await;
    let Decided { outcome: (mut told, silent), parties } = decided.map_err(troubled)?;
    let who = facts.caller.as_ref().filter(|_| told.decision.who == Who::Caller).unwrap_or(&target);
    let asked = parties.asked(told.decision.who);
    if let Some(loaded) = daemon.loaded() {
        let plan = (told.decision.plan, Lane::Root);
        told.decision.plan = license::settle(&daemon, &loaded, (who, &asked), plan).await.map_err(troubled)?.0;
    }
    let is_ssh = Class::of(&facts.service) == Some(Class::Ssh);
    let when = (sources.digest(), Times::now(&daemon));
    let answer = wire::Explanation {
        asked: asked.identity.name.clone(),
        enrolled: kinds(asked.enrolled()),
        covered: trust::covering(&asked, &told.decision.plan, &facts, when),
        silent: is_ssh.then(|| outcome(&silent).0),
        match_block: exempted(policy, &told, &silent, &target.identity.name).filter(|_| is_ssh),
        ..told_of(policy, &told, (&target, &facts, now))
    };
    Ok(encode_reply(&answer)?)
}

/// The policy to explain: that of the drafts, or the one in force.
enum Sources {
    Drafts(Rc<crate::config::Config>),
    InForce(Rc<crate::daemon::Loaded>),
}

impl Sources {
    async fn of(study: &mut Study, daemon: &Daemon) -> Result<Self, Failure> {
        if !study.drafts.is_empty() {
            return study.config(daemon).await.map(Self::Drafts);
        }
        let none = || refuse(RefusalCode::Broken, "There is no valid policy in force. See: mfactl policy check");
        daemon.loaded().map(Self::InForce).ok_or_else(none)
    }

    fn digest(&self) -> PolicyDigest {
        match self {
            Self::Drafts(config) => config.digest,
            Self::InForce(loaded) => loaded.config.digest,
        }
    }

    fn policy(&self) -> &Policy {
        match self {
            Self::Drafts(config) => &config.policy,
            Self::InForce(loaded) => &loaded.config.policy,
        }
    }
}

/// What would be known of such a login, as [`facts`] makes it of a real one.
async fn supposed(question: &wire::Question, daemon: &Daemon) -> Result<Facts, Failure> {
    let invalid = |text: String| refuse(RefusalCode::Invalid, text);
    if !is_service(&question.service) {
        return Err(Failure::Parameter("service".into()));
    }
    let class = Class::of(&question.service);
    if question.rhost.is_some() && Class::has_no_address(class) {
        return Err(invalid(format!("{} is never told an address. Leave --from out.", question.service)));
    }
    let origin = match question.origin.as_deref() {
        None => None,
        Some("local") => Some(Origin::Local),
        Some("remote") => Some(Origin::Remote),
        Some(_) => return Err(Failure::Parameter("origin".into())),
    };
    let caller = match &question.caller {
        Some(name) => Some(account(daemon, name).await?),
        None => None,
    };
    // Over the network there is an address, known or not.
    let distant = class == Some(Class::Ssh) || origin == Some(Origin::Remote) && !Class::has_no_address(class);
    let rhost = question.rhost.clone().or_else(|| (distant && origin != Some(Origin::Local)).then(String::new));
    let begin = Begin { service: question.service.clone(), phase: Phase::Auth, rhost, ..Begin::default() };
    let facts = facts(&begin, true, (caller, None));
    let ssh = match &question.ssh_auth {
        Some(text) => verified(text).ok_or_else(|| invalid(unreadable(text)))?,
        None if class == Some(Class::Ssh) => SshAuth::Unknown,
        None => facts.ssh,
    };
    Ok(Facts { ssh, origin: origin.or(facts.origin), ..facts })
}

/// What sshd has verified: as it says so itself, as a record keeps it, or as a public key's file.
fn verified(text: &str) -> Option<SshAuth> {
    let known = |auth: &SshAuth| *auth != SshAuth::Unknown;
    let by_key = || SshAuth::parse(&format!("publickey {}\n", text.trim_end()));
    let spelled = || text.trim().parse().ok();
    Some(SshAuth::parse(text)).filter(known).or_else(spelled).or_else(|| Some(by_key()).filter(known))
}

fn unreadable(text: &str) -> String {
    let shown: String = text.chars().take(40).collect();
    format!("{shown:?} is {}.", policy::NotSshAuth)
}

async fn account(daemon: &Daemon, name: &str) -> Result<Entry, Failure> {
    let found = daemon.accounts.by_name(name, Lane::Root).await;
    let found = found.map_err(|error| {
        refuse(
            RefusalCode::Broken,
            format!("Accounts cannot be looked up: {error}. On this machine: getent passwd NAME; is sssd running?"),
        )
    })?;
    found.ok_or_else(|| {
        refuse(RefusalCode::UnknownUser, format!("There is no account {name:?} to ask. Check the name."))
    })
}

fn troubled(trouble: Trouble) -> Failure {
    match trouble {
        Trouble::Broken(why) => refuse(RefusalCode::Broken, why),
        Trouble::Conflict(why) => {
            refuse(RefusalCode::Conflict, format!("Logins are refused whatever the policy says: {why}."))
        }
    }
}

/// The block for sshd, if a rule exempts the login and would do so where nobody can be asked, too.
fn exempted(policy: &Policy, told: &Explanation, silent: &Plan, user: &str) -> Option<Vec<String>> {
    let exempt = Plan::Skip(Skip::Exempt);
    if told.decision.plan != exempt || *silent != exempt {
        return None;
    }
    match_block(told.decision.rule.and_then(|rule| policy.rules().get(rule)), user)
}

fn told_of(policy: &Policy, told: &Explanation, (target, facts, now): (&Entry, &Facts, Time)) -> wire::Explanation {
    let mut room = Room::new();
    let all = told.considered.iter().map(|one| (one.decides, considered(policy, one)));
    let kept: Vec<_> = all.filter_map(|(decides, one)| (room.holds(&one) || decides).then_some(one)).collect();
    let (outcome, observed) = outcome(&told.decision.plan);
    wire::Explanation {
        user: target.identity.name.clone(),
        service: facts.service.clone(),
        address: match facts.address {
            Address::None => Some("none".to_owned()),
            Address::Known(address) => Some(address.to_string()),
            Address::Unknown => None,
        },
        origin: facts.origin.map(|origin| origin.as_str().to_owned()),
        ssh_auth: clipped(&facts.ssh.to_string()),
        caller: facts.caller.as_ref().map(|caller| caller.identity.name.clone()),
        at: now.0,
        left_out: u64::try_from(told.considered.len() - kept.len()).unwrap_or(0),
        considered: kept,
        rule: policy.rule_name(told.decision.rule).to_owned(),
        outcome,
        observed,
        asked: String::new(),
        enrolled: Vec::new(),
        certain: told.decision.certain,
        covered: Vec::new(),
        silent: None,
        match_block: None,
    }
}

fn considered(policy: &Policy, one: &Considered) -> wire::Considered {
    let place = one.rule.and_then(|rule| policy.rules().get(rule)).map(|rule| {
        let (file, line) = rule.place();
        format!("{file}:{line}")
    });
    let matched = match one.matched {
        Truth::True => "yes",
        Truth::False => "no",
        Truth::Unknown => "unknown",
    };
    wire::Considered {
        number: one.rule.and_then(|rule| u64::try_from(rule + 1).ok()),
        name: one.name.clone(),
        place,
        matched: matched.to_owned(),
        condition: one.condition.map(str::to_owned),
        because: clipped(&one.because),
        decides: one.decides,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mfa_core::policy::Method;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJtdOyyQrGIYlGj5c6YmFgZfVbxvN1jgvJmVT2Xg5n1U";

    fn methods(text: &str) -> Vec<(Method, bool)> {
        match verified(text) {
            Some(SshAuth::Methods(done)) => done.iter().map(|one| (one.method, one.key.is_some())).collect(),
            other => panic!("{text:?}: {other:?}"),
        }
    }

    #[test]
    fn what_sshd_has_verified_can_be_said_in_several_ways() {
        assert_eq!(methods(""), []);
        assert_eq!(methods("gssapi-with-mic"), [(Method::GssapiWithMic, false)]);
        assert_eq!(methods("publickey"), [(Method::Publickey, false)]);
        assert_eq!(
            methods(&format!("publickey {KEY}\npassword\n")),
            [(Method::Publickey, true), (Method::Password, false)]
        );
        assert_eq!(methods(&format!("{KEY} alice@laptop\n")), [(Method::Publickey, true)]);
        for nonsense in ["pubkey", "publickey AAAA", "/etc/passwd", "publickey\npassword x\n\n"] {
            assert!(verified(nonsense).is_none_or(|auth| auth == SshAuth::Unknown), "{nonsense:?}");
        }
    }
}
