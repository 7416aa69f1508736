//! What a policy asks of an account over all the ways in: which factors change its factors, and whether it must have one.
//!
//! Everything but the account, its groups and the date is unknown here, and every service is tried; of what may decide,
//! the strictest does, as everywhere.

use super::condition::Truth;
use super::evaluate::{evaluate, walk};
use super::facts::{Address, Caller, Groups, Person, Request, Standing};
use super::model::{Policy, Requirement};
use super::plan::{Deny, Enroll, Plan, Strictness};
use super::ssh_auth::SshAuth;
use crate::Time;
use crate::factor::{Kind, Kinds};
use std::cmp::Reverse;

/// An account, whichever way it comes in.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The canonical name.
    pub user: &'a str,
    /// Its groups.
    pub groups: &'a Groups,
    /// The time, for rules that have ended.
    pub now: Time,
}

/// Whether a policy demands a factor of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Required {
    /// Some service may ask it for a factor whether it has one or not (`require = "always"`).
    pub required: bool,
    /// The first rule that does; `None`: `[defaults]`, or nothing does. [`Policy::rule_name`] names it.
    pub rule: Option<usize>,
}

/// The kinds with which an account may change its factors: those that the strictest rule that may apply to it accepts
/// (of one that has none yet: lets it enroll), wherever and whenever that is, and backup codes, which replace what was
/// lost. Where nothing asks the account for a factor, any kind it has will do.
#[must_use]
pub fn strictest(policy: &Policy, subject: &Subject<'_>, standing: &Standing) -> Kinds {
    let mut strictest: Option<((Strictness, Reverse<usize>), Kinds)> = None;
    for service in policy.probes() {
        // Groups are given, so that none are needed.
        let Ok(decision) = evaluate(policy, &anyhow(subject, service, *standing), standing) else { continue };
        let kinds = match &decision.plan {
            Plan::Factors(ask) => ask.kinds,
            Plan::Deny(Deny::NoUsableFactor { needs }) => *needs,
            // What would not let it in afterwards is not enrolled either.
            Plan::Enroll(Enroll::AtLogin { kinds } | Enroll::Grace { kinds, .. } | Enroll::Invite { kinds }) => *kinds,
            Plan::Deny(_) | Plan::Enroll(Enroll::Deny) | Plan::Skip(_) | Plan::Observe(_) => Kinds::ALL,
        };
        // Two refusals are equally strict; then the shorter list is.
        let strictness = (decision.plan.strictness(*standing), Reverse(kinds.iter().count()));
        if strictest.is_none_or(|(best, _)| strictness > best) {
            strictest = Some((strictness, kinds));
        }
    }
    strictest.map_or(Kinds::ALL, |(_, kinds)| kinds).with(Kind::BackupCode)
}

/// Whether a key that changes this account's factors must have checked a PIN or a fingerprint: some rule that may apply
/// to it wants that, wherever and whenever.
#[must_use]
pub fn verifies_user(policy: &Policy, subject: &Subject<'_>, standing: &Standing) -> bool {
    let wants = |service| match evaluate(policy, &anyhow(subject, service, *standing), standing) {
        Ok(decision) => matches!(decision.plan, Plan::Factors(ask) if ask.verify_user),
        // Groups are given, so that none are needed; were one, nobody could say that it need not.
        Err(_) => true,
    };
    policy.probes().any(wants)
}

/// The kinds of which an account may add a factor: those of [`strictest`]; and where it has a factor already, every kind
/// that would be among them once it is added, as `own_factors` says.
#[must_use]
pub fn addable(policy: &Policy, subject: &Subject<'_>, standing: &Standing) -> Kinds {
    let now = strictest(policy, subject, standing);
    if !standing.is_enrolled() {
        return now;
    }
    let lets_in = |kind: &Kind| {
        let then = Standing { enrolled: standing.enrolled.with(*kind), ..*standing };
        strictest(policy, subject, &then).contains(*kind)
    };
    now.union(Kinds::ALL.iter().filter(lets_in).collect())
}

/// Whether some service may ask the account for a factor whether it has one or not, and which rule says so first.
#[must_use]
pub fn required(policy: &Policy, subject: &Subject<'_>) -> Required {
    let mut first: Option<Option<usize>> = None;
    for service in policy.probes() {
        let request = anyhow(subject, service, Standing::default());
        let walked = walk(policy, &request, &mut |step| {
            let always = step.settings.is_some_and(|settings| settings.require == Requirement::Always);
            let rule = step.rule.map(|(index, _)| index);
            let earlier = first.is_none_or(|so_far| order(rule) < order(so_far));
            if always && step.truth != Truth::False && earlier {
                first = Some(rule);
            }
        });
        // Groups are given, so that none are needed; were one, nobody could say that the account is free.
        if walked.is_err() {
            return Required { required: true, rule: None };
        }
    }
    Required { required: first.is_some(), rule: first.flatten() }
}

/// `[defaults]` come after every rule.
fn order(rule: Option<usize>) -> usize {
    rule.unwrap_or(usize::MAX)
}

/// The account at this service, all else unknown.
fn anyhow<'a>(subject: &Subject<'a>, service: &'a str, standing: Standing) -> Request<'a> {
    let person = Person { user: subject.user, groups: Some(subject.groups), standing };
    Request {
        user: subject.user,
        service,
        address: Address::Unknown,
        origin: None,
        ssh: SshAuth::Unknown,
        caller: Caller::Known(person),
        groups: Some(subject.groups),
        local_time: None,
        now: subject.now,
        behind: 0,
    }
}
