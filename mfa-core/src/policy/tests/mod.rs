//! Tests of the policy, by what they are about; and what they share: a request that says nothing wrong.

mod calendar;
mod comparing;
mod conditions;
mod deciding;
mod diagnostics;
mod explaining;
mod given;
mod linting;
mod parsing;
mod reaching;
mod ssh_auth;
mod truncation;
mod unknown;
mod worked;

use super::{Address, Caller, Decision, Groups, Origin, Plan, Policy, Request, SshAuth, Standing, Truth};
use super::{Source, evaluate, local_time, parse};
use crate::Time;
use crate::factor::{Kind, Kinds};

/// Monday, 2026-11-23, 10:00 UTC.
pub(super) const NOW: Time = Time(1_795_428_000);

/// The policy of this text; panics with what is wrong.
pub(super) fn policy(text: &str) -> Policy {
    match parse(&[Source { name: "policy.toml", text }]) {
        Ok(parsed) => parsed.policy,
        Err(errors) => panic!("{}", shown(&errors)),
    }
}

pub(super) fn shown(diagnostics: &[super::Diagnostic]) -> String {
    diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// What is wrong with this text; panics if nothing is.
pub(super) fn errors(text: &str) -> String {
    match parse(&[Source { name: "policy.toml", text }]) {
        Ok(_) => panic!("this parses:\n{text}"),
        Err(errors) => shown(&errors),
    }
}

/// What is odd about this text.
pub(super) fn warnings(text: &str) -> String {
    match parse(&[Source { name: "policy.toml", text }]) {
        Ok(parsed) => shown(&parsed.warnings),
        Err(errors) => panic!("{}", shown(&errors)),
    }
}

/// alice over ssh from 10.1.2.3 with a password, everything known, in no group.
pub(super) fn request(groups: &Groups) -> Request<'_> {
    Request {
        user: "alice",
        service: "sshd",
        address: Address::Known([10, 1, 2, 3].into()),
        origin: Some(Origin::Remote),
        ssh: SshAuth::parse("password\n"),
        caller: Caller::Unknown,
        groups: Some(groups),
        local_time: local_time(NOW, 0),
        now: NOW,
        behind: 0,
    }
}

pub(super) fn member_of(names: &[&str], policy: &Policy) -> Groups {
    policy.group_names().map(|group| (group, Truth::from(names.contains(&group)))).collect()
}

pub(super) fn enrolled(kinds: &[Kind]) -> Standing {
    Standing { enrolled: kinds.iter().copied().collect::<Kinds>(), ..NOTHING }
}

pub(super) const NOTHING: Standing =
    Standing { enrolled: Kinds::NONE, given: Kinds::NONE, grace_began: None, invited_only: false };

/// A phone and unused backup codes: what most people have.
pub(super) fn phone() -> Standing {
    enrolled(&[Kind::Totp, Kind::BackupCode])
}

pub(super) fn decide(policy: &Policy, request: &Request<'_>, standing: Standing) -> Decision {
    evaluate(policy, request, &standing).expect("groups are given")
}

pub(super) fn plan(policy: &Policy, request: &Request<'_>, standing: Standing) -> Plan {
    decide(policy, request, standing).plan
}

/// The name of the rule that decides.
pub(super) fn decider(policy: &Policy, request: &Request<'_>, standing: Standing) -> String {
    policy.rule_name(decide(policy, request, standing).rule).to_owned()
}
