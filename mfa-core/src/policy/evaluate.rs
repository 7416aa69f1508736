//! From a policy and a login's facts to what is to be done. The one walk over the rules is here; [`super::explain`] and
//! [`super::required`] take it too. Nothing is formatted and, `observe` aside, nothing is allocated on the way.

use super::condition::{Condition, Truth, concerned};
use super::facts::{Caller, Request, Standing};
use super::model::{Policy, Requirement, Rule, Settings, Who};
use super::plan::{Deny, Enroll, Plan, Skip, Strictness, plan};

/// A rule that was reached hangs on groups that have not been looked up: do so, and evaluate again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeedGroups {
    /// Whose groups.
    pub of: Who,
}

/// What is to be done, and who says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The index of the rule that decided; `None`: `[defaults]`. [`Policy::rule_name`] names it.
    pub rule: Option<usize>,
    /// Whose factors the plan is about. [`Who::Caller`] only where that is somebody else than the account.
    pub who: Who,
    /// What is to be done.
    pub plan: Plan,
    /// Whether every rule on the way was known to match or not to.
    pub certain: bool,
}

/// Decides one login.
///
/// # Errors
/// [`NeedGroups`] if a rule was reached that nothing but groups can decide, and they have not been looked up.
pub fn evaluate(policy: &Policy, request: &Request<'_>, standing: &Standing) -> Result<Decision, NeedGroups> {
    let mut choice = Choice::new(request, *standing);
    walk(policy, request, &mut |step| choice.weigh(&step))?;
    Ok(choice.decision())
}

/// One rule (or, last, `[defaults]`) that the walk has come to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'p> {
    /// `None`: `[defaults]`.
    pub(super) rule: Option<(usize, &'p Rule)>,
    pub(super) truth: Truth,
    /// The condition that made it false or, if none did, the first that is unknown.
    pub(super) because: Option<&'p Condition>,
    /// `None`: the service is not covered.
    pub(super) settings: Option<&'p Settings>,
}

/// Visits each rule in order, up to the first that matches for sure; then, if none did, `[defaults]`.
pub(super) fn walk<'p>(
    policy: &'p Policy,
    request: &Request<'_>,
    visit: &mut dyn FnMut(Step<'p>),
) -> Result<(), NeedGroups> {
    for (index, rule) in policy.rules().iter().enumerate() {
        let (truth, because) = rule.matches(request)?;
        visit(Step { rule: Some((index, rule)), truth, because, settings: Some(rule.settings()) });
        if truth == Truth::True {
            return Ok(());
        }
    }
    let covered = policy.services().contains(request.service);
    let settings = covered.then(|| policy.defaults());
    visit(Step { rule: None, truth: Truth::True, because: None, settings });
    Ok(())
}

impl Rule {
    /// Whether all conditions hold, and the condition that says otherwise.
    fn matches(&self, request: &Request<'_>) -> Result<(Truth, Option<&Condition>), NeedGroups> {
        let mut unknown = None;
        for condition in self.conditions() {
            match condition.truth(self.who(), request)? {
                Truth::True => {}
                Truth::False => return Ok((Truth::False, Some(condition))),
                Truth::Unknown => unknown = unknown.or(Some(condition)),
            }
        }
        Ok((if unknown.is_some() { Truth::Unknown } else { Truth::True }, unknown))
    }
}

/// The strictest of what may decide, so far.
pub(super) struct Choice<'r, 'a> {
    request: &'r Request<'a>,
    standing: Standing,
    best: Option<(Strictness, Decision)>,
    certain: bool,
    verify_user: bool,
    ask_again: u32,
    remember: u32,
}

impl<'r, 'a> Choice<'r, 'a> {
    pub(super) fn new(request: &'r Request<'a>, standing: Standing) -> Self {
        Self {
            request,
            standing,
            best: None,
            certain: true,
            verify_user: false,
            ask_again: u32::MAX,
            remember: u32::MAX,
        }
    }

    pub(super) fn weigh(&mut self, step: &Step<'_>) {
        if step.truth == Truth::False {
            return;
        }
        self.certain &= step.truth == Truth::True;
        let rule_who = step.rule.map_or(Who::Target, |(_, rule)| rule.who());
        let (who, standing) = self.asked(rule_who);
        let plan = self.plan(step.settings, standing);
        if let Plan::Factors(ask) = &plan {
            self.verify_user |= ask.verify_user;
            self.ask_again = self.ask_again.min(ask.ask_again);
            self.remember = self.remember.min(ask.remember);
        }
        let strictness = plan.strictness(standing.unwrap_or_default());
        // Between two that ask nothing, the later one: an unknown exemption exempts nobody.
        let better = self.best.as_ref().is_none_or(|(best, decision)| {
            strictness > *best || (strictness == *best && decision.plan.passes() && plan.passes())
        });
        if better {
            let rule = step.rule.map(|(index, _)| index);
            self.best = Some((strictness, Decision { rule, who, plan, certain: true }));
        }
    }

    /// The decision; a denial where nothing was weighed, which a walk never leaves it at.
    pub(super) fn decision(self) -> Decision {
        let none = Plan::Enroll(Enroll::Deny);
        let none = Decision { rule: None, who: Who::Target, plan: none, certain: false };
        let mut decision = self.best.map_or(none, |(_, decision)| decision);
        decision.certain &= self.certain;
        if let Plan::Factors(ask) = &mut decision.plan {
            ask.verify_user = self.verify_user;
            ask.ask_again = self.ask_again;
            ask.remember = self.remember;
        }
        decision
    }

    /// Who would be asked, and what they have; `None` if nobody knows who it is.
    fn asked(&self, who: Who) -> (Who, Option<Standing>) {
        match (concerned(who, self.request).who, self.request.caller) {
            (Who::Target, _) => (Who::Target, Some(self.standing)),
            (Who::Caller, Caller::Known(person)) => (Who::Caller, Some(person.standing)),
            (Who::Caller, Caller::Unknown) => (Who::Caller, None),
        }
    }

    fn plan(&self, settings: Option<&Settings>, standing: Option<Standing>) -> Plan {
        match (settings, standing) {
            (None, _) => Plan::Skip(Skip::ServiceNotCovered),
            (Some(settings), Some(standing)) => {
                let (now, local) = self.request.latest();
                plan(settings, standing, now, local)
            }
            (Some(settings), None) => match settings.require {
                Requirement::Never => Plan::Skip(Skip::Exempt),
                Requirement::Observe => Plan::Observe(Box::new(Plan::Deny(Deny::CallerUnknown))),
                Requirement::Always | Requirement::IfEnrolled => Plan::Deny(Deny::CallerUnknown),
            },
        }
    }
}
