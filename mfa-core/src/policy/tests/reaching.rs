//! What a policy asks of an account over all the ways in.

use super::deciding::SITE;
use super::{NOTHING, NOW, decide, enrolled, member_of, phone, policy, request};
use crate::factor::{Kind, Kinds};
use crate::policy::{
    Address, Groups, Plan, Policy, Request, Required, SshAuth, Subject, Truth, addable, local_time, required, strictest,
};
use Kind::{BackupCode, Email, SecurityKey, SshKey, Totp};
use proptest::prelude::*;

fn needs(policy: &Policy, user: &str, groups: &Groups) -> (bool, String) {
    let Required { required, rule } = required(policy, &Subject { user, groups, now: NOW });
    (required, policy.rule_name(rule).to_owned())
}

fn kinds(kinds: &[Kind]) -> Kinds {
    kinds.iter().copied().collect()
}

#[test]
fn an_account_is_required_to_have_a_factor_if_some_way_in_may_always_ask() {
    let policy = policy(SITE);
    let (nobody, staff, sre) = (member_of(&[], &policy), member_of(&["staff"], &policy), member_of(&["sre"], &policy));
    assert_eq!(needs(&policy, "alice", &nobody), (false, "defaults".into()));
    assert_eq!(needs(&policy, "alice", &staff), (true, "case managers".into()));
    assert_eq!(needs(&policy, "alice", &sre), (true, "production needs a hardware key".into()));
    assert_eq!(needs(&policy, "alice", &Groups::unknown()), (true, "case managers".into()));
}

#[test]
fn an_exemption_that_hangs_on_the_address_frees_nobody() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\n[[rule]]\nusers=[\"ansible\"]\nfrom=[\"10.0.0.0/8\"]\nrequire=\"never\"\n\
                         [[rule]]\nusers=[\"backup\"]\nrequire=\"never\"\n",
    );
    assert_eq!(needs(&policy, "ansible", &Groups::unknown()), (true, "defaults".into()));
    assert_eq!(needs(&policy, "backup", &Groups::unknown()), (false, "defaults".into()), "on every service");
}

#[test]
fn a_rule_for_one_service_is_enough() {
    let policy = policy("[[rule]]\nservices=[\"cups\"]\nusers=[\"alice\"]\nrequire=\"always\"\n");
    assert_eq!(needs(&policy, "alice", &Groups::unknown()), (true, "rule 1".into()));
    assert_eq!(needs(&policy, "bob", &Groups::unknown()), (false, "defaults".into()));
}

#[test]
fn observed_ended_and_unreached_rules_require_nothing() {
    let observe = policy("[[rule]]\ngroups=[\"staff\"]\nrequire=\"observe\"\n");
    let staff: Groups = [("staff", Truth::True)].into_iter().collect();
    assert!(!needs(&observe, "alice", &staff).0);
    let ended = policy("[[rule]]\nuntil=2026-11-01\nrequire=\"always\"\n");
    assert!(!needs(&ended, "alice", &staff).0);
    let unreached =
        policy("[[rule]]\nusers=[\"alice\"]\nrequire=\"never\"\n[[rule]]\nusers=[\"alice\"]\nrequire=\"always\"\n");
    assert!(!needs(&unreached, "alice", &staff).0);
}

#[test]
fn changing_factors_takes_what_the_strictest_rule_takes() {
    let policy = policy(SITE);
    let (nobody, sre) = (member_of(&[], &policy), member_of(&["sre"], &policy));
    let with = |groups: &Groups, standing| strictest(&policy, &Subject { user: "alice", groups, now: NOW }, &standing);
    assert_eq!(with(&nobody, phone()), Kinds::ALL);
    assert_eq!(with(&sre, enrolled(&[Totp, SecurityKey])), kinds(&[SecurityKey, SshKey, BackupCode]));
    assert_eq!(with(&sre, enrolled(&[Totp])), kinds(&[SecurityKey, SshKey, BackupCode]), "a phone cannot add a key");
    assert_eq!(with(&Groups::unknown(), phone()), kinds(&[SecurityKey, SshKey, BackupCode]));
    assert_eq!(with(&nobody, NOTHING), Kinds::ALL);
}

#[test]
fn a_backup_code_always_replaces_what_was_lost() {
    let policy = policy("[defaults]\nrequire=\"always\"\nfactors=[\"security-key\"]\nown_factors=false\n");
    let subject = Subject { user: "alice", groups: &Groups::unknown(), now: NOW };
    assert_eq!(strictest(&policy, &subject, &phone()), kinds(&[SecurityKey, BackupCode]));
}

#[test]
fn whoever_has_a_factor_adds_any_other_that_would_let_them_in_and_a_newcomer_one_of_the_rules() {
    let groups = Groups::unknown();
    let subject = Subject { user: "alice", groups: &groups, now: NOW };
    let with = |own: bool, standing| {
        let text = format!("[defaults]\nrequire=\"always\"\nfactors=[\"totp\"]\nown_factors={own}\n");
        addable(&policy(&text), &subject, &standing)
    };
    assert_eq!(with(true, phone()), Kinds::ALL);
    assert_eq!(with(false, phone()), kinds(&[Totp, BackupCode]));
    assert_eq!(with(true, NOTHING), kinds(&[Totp, BackupCode]));
    let site = policy(SITE);
    let sre = member_of(&["sre"], &site);
    let standing = enrolled(&[SecurityKey]);
    let strict = addable(&site, &Subject { user: "alice", groups: &sre, now: NOW }, &standing);
    assert!(!strict.contains(Totp) && !strict.contains(Email), "{strict:?}");
}

#[test]
fn where_two_rules_have_nothing_in_common_the_stronger_one_counts() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\nown_factors=false\nfactors=[\"totp\"]\n\
         [[rule]]\nservices=[\"@lock\"]\nfactors=[\"email\"]\n[[rule]]\nservices=[\"@sudo\"]\nfactors=[\"security-key\"]\n",
    );
    let subject = Subject { user: "alice", groups: &Groups::unknown(), now: NOW };
    assert_eq!(strictest(&policy, &subject, &enrolled(&[Totp, Email, SecurityKey])), kinds(&[SecurityKey, BackupCode]));
}

proptest! {
    /// Nobody is asked anywhere for more than what changing factors takes, nor always asked without being required.
    #[test]
    fn no_way_in_is_stricter_than_the_strictest(
        first in 0..7_usize, second in 0..7_usize, defaults in 0..7_usize, service in prop::sample::select(vec!["sshd", "su", "kde", "cups"]),
        inside in any::<bool>(), hours in 0..24_i32, held in prop::collection::vec(prop::sample::select(Kind::ALL.to_vec()), 0..4),
    ) {
        const SETTINGS: [&str; 7] = [
            "require=\"always\"", "require=\"never\"", "require=\"if-enrolled\"", "require=\"observe\"",
            "require=\"always\"\nfactors=[\"totp\",\"email\"]\nown_factors=false",
            "require=\"always\"\nfactors=[\"security-key\"]\nown_factors=false", "require=\"if-enrolled\"\nfactors=[\"email\"]",
        ];
        let policy = policy(&format!(
            "[defaults]\n{}\n[[rule]]\nservices=[\"@ssh\",\"cups\"]\nfrom=[\"10.0.0.0/8\"]\n{}\n[[rule]]\nhours=[\"08:00-18:00\"]\n{}\n",
            SETTINGS[defaults], SETTINGS[first], SETTINGS[second],
        ));
        let (standing, groups) = (enrolled(&held), Groups::unknown());
        let address = Address::Known(if inside { [10, 0, 0, 1] } else { [192, 0, 2, 1] }.into());
        let time = local_time(NOW, hours * 3600);
        let request = Request { service, address, local_time: time, ssh: SshAuth::Unknown, ..request(&groups) };
        let decision = decide(&policy, &request, standing);
        let subject = Subject { user: "alice", groups: &groups, now: NOW };
        let settings = decision.rule.map_or(policy.defaults(), |rule| policy.rules()[rule].settings());
        if policy.covers(service) && settings.require == crate::policy::Requirement::Always && !decision.plan.passes() {
            prop_assert!(required(&policy, &subject).required);
        }
        if let Plan::Factors(ask) = decision.plan {
            let change = strictest(&policy, &subject, &standing).without(BackupCode);
            let weakest = |kinds: Kinds| kinds.intersection(standing.enrolled.without(BackupCode)).iter().map(rank).min().unwrap_or(9);
            prop_assert!(weakest(change) >= weakest(ask.kinds), "{change:?} changes what {:?} opens", ask.kinds);
        }
    }
}

fn rank(kind: Kind) -> u8 {
    match kind {
        Email => 1,
        Totp => 2,
        SecurityKey | SshKey | BackupCode | Kind::TempCode => 3,
    }
}
