//! The walk over the rules, told: which rule decides, and why each earlier one does not. Words for people; the matching
//! is that of [`super::evaluate`].

use super::condition::{Condition, Truth, concerned};
use super::evaluate::{Choice, Decision, NeedGroups, Step, walk};
use super::facts::{Address, Request, Standing};
use super::model::{Policy, Who};
use super::ssh_auth::SshAuth;
use std::fmt;

/// One rule that was looked at, or `defaults`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Considered {
    /// The index of the rule; `None`: `[defaults]`.
    pub rule: Option<usize>,
    /// Its name, or `defaults`.
    pub name: String,
    /// Whether it matches.
    pub matched: Truth,
    /// The key of the condition that says so, unless all of them hold; `who` if nobody knows whom it is about.
    pub condition: Option<&'static str>,
    /// Whether it decides. With unknown facts, not every rule that may match does.
    pub decides: bool,
    /// Why, in a few words: `alice is not in sre`, `always`.
    pub because: String,
}

impl fmt::Display for Considered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.matched {
            Truth::True => "yes",
            Truth::False => "no",
            Truth::Unknown => "perhaps",
        };
        write!(f, "{word}: {}", self.because)
    }
}

/// A decision with everything that was looked at on the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// Every rule that was reached, in order; the ones after a match are not.
    pub considered: Vec<Considered>,
    /// What [`super::evaluate`] says.
    pub decision: Decision,
}

/// Decides one login and says why.
///
/// # Errors
/// [`NeedGroups`], as [`super::evaluate`].
pub fn explain(policy: &Policy, request: &Request<'_>, standing: &Standing) -> Result<Explanation, NeedGroups> {
    let mut choice = Choice::new(request, *standing);
    let mut considered = Vec::new();
    walk(policy, request, &mut |step| {
        choice.weigh(&step);
        considered.push(consider(&step, request));
    })?;
    let decision = choice.decision();
    for one in &mut considered {
        one.decides = one.rule == decision.rule;
        if one.matched == Truth::Unknown {
            one.because.push_str(if one.decides {
                "; it counts, since it asks for no less than what follows"
            } else {
                "; passed over, since something else that may match asks for no less"
            });
        }
    }
    Ok(Explanation { considered, decision })
}

fn consider(step: &Step<'_>, request: &Request<'_>) -> Considered {
    let who = step.rule.map_or(Who::Target, |(_, rule)| rule.who());
    let because = match (step.because, step.settings) {
        (Some(condition), _) => reason(condition, who, request, step.truth),
        (None, Some(settings)) => settings.require.as_str().to_owned(),
        (None, None) => format!("{} is not among the services of [defaults]", shown(request.service)),
    };
    Considered {
        rule: step.rule.map(|(index, _)| index),
        name: step.rule.map_or("defaults", |(_, rule)| rule.name()).to_owned(),
        matched: step.truth,
        condition: step.because.map(|condition| match condition {
            Condition::Users(_) | Condition::Groups(_) if concerned(who, request).user.is_none() => "who",
            _ => condition.key(),
        }),
        decides: false,
        because,
    }
}

/// Why this condition does not hold, or cannot be known to.
fn reason(condition: &Condition, who: Who, request: &Request<'_>, truth: Truth) -> String {
    let unknown = truth == Truth::Unknown;
    match condition {
        Condition::Services(_) => format!("{} is not among its services", shown(request.service)),
        Condition::Users(_) if unknown => "it is not known who asks".to_owned(),
        Condition::Users(_) => format!("{} is not among its users", person(who, request)),
        Condition::Groups(_) if unknown && concerned(who, request).user.is_none() => {
            "it is not known who asks".to_owned()
        }
        Condition::Groups(names) if unknown => {
            format!("it is not known whether {} is in {}", person(who, request), any(names))
        }
        Condition::Groups(names) => format!("{} is not in {}", person(who, request), any(names)),
        Condition::Origin(_) => match request.origin {
            Some(origin) => format!("the login is {}", origin.as_str()),
            None => "it is not known whether the login is local or remote".to_owned(),
        },
        Condition::From(networks) => address(request.address, "not in", networks),
        Condition::NotFrom(networks) => address(request.address, "in", networks),
        Condition::SshAuth(_) => completed(&request.ssh),
        Condition::SshKey(_) if unknown => "it is not known which SSH key was used".to_owned(),
        Condition::SshKey(_) => "no SSH key of its list was used".to_owned(),
        Condition::Hours(hours) => match request.local_time {
            Some(local) => format!("{:02}:{:02} is not in {hours}", local.hour(), local.minute()),
            None => format!("it is not known whether this is in {hours}"),
        },
        Condition::Until(end) if unknown => format!("it is not known whether {end} is over"),
        Condition::Until(end) => format!("{end} is over"),
    }
}

fn address(address: Address, relation: &str, networks: &super::Networks) -> String {
    match address {
        Address::None => "there is no network address".to_owned(),
        Address::Known(known) => format!("{known} is {relation} {networks}"),
        Address::Unknown => "the network address is not known".to_owned(),
    }
}

fn completed(ssh: &SshAuth) -> String {
    match ssh {
        SshAuth::Unknown => "it is not known what sshd has verified".to_owned(),
        SshAuth::Methods(done) if done.is_empty() => "sshd has verified nothing yet".to_owned(),
        SshAuth::Methods(done) => {
            let words: Vec<&str> = done.iter().map(|one| one.method.as_str()).collect();
            format!("sshd has verified {}", words.join(", "))
        }
    }
}

fn any(names: &super::Names) -> String {
    if names.iter().count() == 1 { names.to_string() } else { format!("any of {names}") }
}

fn person(who: Who, request: &Request<'_>) -> String {
    let person = concerned(who, request);
    let name = shown(person.user.unwrap_or("nobody"));
    if person.who == Who::Caller { format!("{name}, who asks,") } else { name }
}

/// A word from outside, with control characters made visible.
fn shown(word: &str) -> String {
    word.escape_debug().to_string()
}
