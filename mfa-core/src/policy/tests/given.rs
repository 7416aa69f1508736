//! What somebody has without having enrolled it: codes by mail, where the site knows the address.

use super::*;
use crate::policy::{Deny, Enroll, Skip, Subject, strictest};

/// Nothing enrolled, and an address that the site knows.
fn mailed() -> Standing {
    Standing { given: [Kind::Email].into_iter().collect(), ..NOTHING }
}

fn plan_of(text: &str, standing: Standing) -> Plan {
    plan(&policy(text), &request(&Groups::default()), standing)
}

#[test]
fn an_address_that_the_site_knows_asks_nobody_who_would_not_be_asked() {
    assert_eq!(plan_of("[defaults]\nrequire = \"if-enrolled\"\n", mailed()), Plan::Skip(Skip::NotEnrolled));
}

#[test]
fn where_a_factor_is_required_a_mailed_code_is_one_and_nobody_enrolls_on_a_password() {
    for text in ["", "factors = [\"email\"]\n", "enroll = \"grace\"\n", "enroll = \"invite\"\n", "enroll = \"deny\"\n"]
    {
        let plan = plan_of(&format!("[defaults]\nrequire = \"always\"\n{text}"), mailed());
        assert!(matches!(plan, Plan::Factors(ask) if ask.kinds.contains(Kind::Email)), "{text}: {plan:?}");
    }
}

#[test]
fn it_counts_for_nothing_where_the_policy_names_other_kinds_whoever_adds_to_them() {
    let text = "[defaults]\nrequire = \"always\"\nfactors = [\"totp\", \"backup-code\"]\nown_factors = true\n";
    assert!(matches!(plan_of(text, mailed()), Plan::Enroll(Enroll::AtLogin { .. })));
    let with_key = Standing { enrolled: [Kind::SecurityKey].into_iter().collect(), ..mailed() };
    let Plan::Factors(ask) = plan_of(text, with_key) else { panic!("a key of one's own") };
    assert!(!ask.kinds.contains(Kind::Email));
}

#[test]
fn an_address_of_ones_own_counts_beside_the_policys_kinds_unless_it_says_no() {
    let own = enrolled(&[Kind::Email]);
    let text = |own| format!("[defaults]\nrequire = \"always\"\nfactors = [\"totp\"]\nown_factors = {own}\n");
    assert!(matches!(plan_of(&text(true), own), Plan::Factors(ask) if ask.kinds.contains(Kind::Email)));
    assert!(matches!(plan_of(&text(false), own), Plan::Deny(Deny::NoUsableFactor { .. })));
}

#[test]
fn whoever_was_told_to_come_with_an_invitation_does_not_get_in_by_mail() {
    let invited = Standing { invited_only: true, ..mailed() };
    assert!(matches!(plan_of("[defaults]\nrequire = \"always\"\n", invited), Plan::Enroll(Enroll::Invite { .. })));
    let alone = "[defaults]\nrequire = \"always\"\nfactors = [\"email\", \"backup-code\"]\n";
    assert!(matches!(plan_of(alone, invited), Plan::Factors(_)), "there is nothing to enroll");
}

#[test]
fn factors_are_not_changed_by_mail_where_a_rule_that_may_apply_takes_none() {
    let text = "[[rule]]\nname = \"root\"\nservices = [\"@sudo\"]\nrequire = \"always\"\nfactors = [\"totp\"]\n\
                own_factors = false\n[defaults]\nrequire = \"always\"\n";
    let text = format!("{}\n{}", &text[text.find("[defaults]").unwrap()..], &text[..text.find("[defaults]").unwrap()]);
    let policy = policy(&text);
    let standing = Standing { enrolled: [Kind::Totp].into_iter().collect(), ..mailed() };
    let subject = Subject { user: "alice", groups: &Groups::default(), now: NOW };
    assert!(!strictest(&policy, &subject, &standing).contains(Kind::Email));
}
