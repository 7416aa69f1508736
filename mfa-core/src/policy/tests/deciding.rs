//! Whole decisions where every fact is known: which rule, and what it comes to.

use super::{NOTHING, NOW, decide, decider, enrolled, member_of, phone, plan, policy, request};
use crate::Time;
use crate::factor::{Kind, Kinds};
use crate::policy::{
    Address, Ask, Caller, Decision, Deny, Enroll, Groups, NeedGroups, Person, Plan, Policy, Request, Skip, SshAuth,
    Standing, Who, evaluate,
};
use Kind::{BackupCode, Email, SecurityKey, SshKey, Totp};

/// What the design shows, in front of everything.
pub(super) const SITE: &str = r#"
[defaults]
services = ["@ssh", "@login", "@sudo", "@su", "@polkit", "@desktop", "@lock"]
require  = "if-enrolled"
factors  = ["totp", "security-key", "ssh-key", "email", "backup-code"]
own_factors = true
enroll   = "at-login"
grace    = "14d"
ask_again = "0s"
remember = "0d"

[[rule]]
name     = "case managers"
groups   = ["staff"]
services = ["@ssh", "@login"]
require  = "always"

[[rule]]
name     = "production needs a hardware key"
groups   = ["sre"]
services = ["@ssh", "@sudo", "@su"]
who      = "caller"
factors  = ["security-key", "ssh-key", "backup-code"]
own_factors = false
require  = "always"

[[rule]]
name     = "already signed in by Kerberos"
ssh_auth = ["gssapi-with-mic"]
require  = "never"

[[rule]]
name     = "automation"
users    = ["ansible"]
from     = ["10.0.0.0/8", "fd00::/8"]
require  = "never"
"#;

fn ask(kinds: Kinds) -> Plan {
    Plan::Factors(Ask { kinds, verify_user: false, ask_again: 0, remember: 0 })
}

fn kinds(kinds: &[Kind]) -> Kinds {
    kinds.iter().copied().collect()
}

fn settings(text: &str) -> Policy {
    policy(&format!("[defaults]\n{text}\n"))
}

/// The plan of these defaults for alice over ssh.
fn of(text: &str, standing: Standing) -> Plan {
    plan(&settings(text), &request(&Groups::unknown()), standing)
}

#[test]
fn without_a_policy_whoever_has_a_factor_is_asked_for_it() {
    let groups = Groups::unknown();
    for policy in [Policy::built_in(), policy("")] {
        assert_eq!(plan(&policy, &request(&groups), phone()), ask(Kinds::ALL));
        assert_eq!(plan(&policy, &request(&groups), NOTHING), Plan::Skip(Skip::NotEnrolled));
    }
}

#[test]
fn the_site_of_the_design_asks_each_what_it_says() {
    let policy = policy(SITE);
    let (nobody, staff, sre) = (member_of(&[], &policy), member_of(&["staff"], &policy), member_of(&["sre"], &policy));
    assert_eq!(decider(&policy, &request(&staff), phone()), "case managers");
    assert_eq!(decider(&policy, &request(&sre), phone()), "production needs a hardware key");
    assert_eq!(decider(&policy, &request(&nobody), phone()), "defaults");
    let alice = Caller::Known(Person { user: "alice", groups: None, standing: phone() });
    let sudo = Request { service: "sudo", caller: alice, ssh: SshAuth::Methods(Vec::new()), ..request(&staff) };
    assert_eq!(decider(&policy, &sudo, phone()), "defaults", "the first rule is not for sudo");
    let kerberos = Request { ssh: SshAuth::parse("gssapi-with-mic alice@X\n"), ..request(&nobody) };
    assert_eq!(plan(&policy, &kerberos, phone()), Plan::Skip(Skip::Exempt));
    let ansible = Request { user: "ansible", ..request(&nobody) };
    assert_eq!(decider(&policy, &ansible, phone()), "automation");
    let elsewhere = Request { address: Address::Known([192, 0, 2, 1].into()), ..ansible };
    assert_eq!(plan(&policy, &elsewhere, NOTHING), Plan::Skip(Skip::NotEnrolled));
}

#[test]
fn the_first_rule_that_matches_decides() {
    let policy = policy("[[rule]]\nusers=[\"alice\"]\nrequire=\"never\"\n[[rule]]\nrequire=\"always\"\n");
    let groups = Groups::unknown();
    assert_eq!(
        decide(&policy, &request(&groups), NOTHING),
        Decision { rule: Some(0), who: Who::Target, plan: Plan::Skip(Skip::Exempt), certain: true }
    );
    assert_eq!(decider(&policy, &Request { user: "bob", ..request(&groups) }, NOTHING), "rule 2");
}

#[test]
fn all_conditions_of_a_rule_must_hold() {
    let policy = policy("[[rule]]\nusers=[\"alice\"]\nfrom=[\"10.0.0.0/8\"]\nrequire=\"never\"\n");
    let groups = Groups::unknown();
    assert_eq!(decider(&policy, &request(&groups), NOTHING), "rule 1");
    assert_eq!(decider(&policy, &Request { user: "bob", ..request(&groups) }, NOTHING), "defaults");
    assert_eq!(decider(&policy, &Request { address: Address::None, ..request(&groups) }, NOTHING), "defaults");
}

#[test]
fn a_service_that_nothing_names_is_skipped() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\nservices=[\"@ssh\"]\n[[rule]]\nservices=[\"cups\"]\nrequire=\"always\"\n",
    );
    let groups = Groups::unknown();
    let at = |service| plan(&policy, &Request { service, ..request(&groups) }, phone());
    assert_eq!(at("sshd"), ask(Kinds::ALL));
    assert_eq!(at("cups"), ask(Kinds::ALL));
    assert_eq!(at("sudo"), Plan::Skip(Skip::ServiceNotCovered));
    assert_eq!(at("cron"), Plan::Skip(Skip::ServiceNotCovered));
    assert_eq!(at(""), Plan::Skip(Skip::ServiceNotCovered));
}

#[test]
fn what_is_required_of_whom() {
    let always = "require = \"always\"";
    assert_eq!(of(always, phone()), ask(Kinds::ALL));
    assert_eq!(of(always, NOTHING), Plan::Enroll(Enroll::AtLogin { kinds: Kinds::ALL.without(BackupCode) }));
    assert_eq!(of("require = \"if-enrolled\"", NOTHING), Plan::Skip(Skip::NotEnrolled));
    assert_eq!(of("require = \"never\"", phone()), Plan::Skip(Skip::Exempt));
    assert_eq!(of("require = \"observe\"", phone()), Plan::Observe(Box::new(ask(Kinds::ALL))));
    let would_enroll = Plan::Enroll(Enroll::AtLogin { kinds: Kinds::ALL.without(BackupCode) });
    assert_eq!(of("require = \"observe\"", NOTHING), Plan::Observe(Box::new(would_enroll)));
}

#[test]
fn backup_codes_alone_do_not_enroll_anybody_and_still_open_where_they_must() {
    let codes = enrolled(&[BackupCode]);
    assert_eq!(of("require = \"if-enrolled\"", codes), Plan::Skip(Skip::NotEnrolled));
    assert_eq!(of("require = \"always\"", codes), ask(Kinds::ALL));
    let no_codes = "require = \"always\"\nfactors = [\"totp\"]";
    assert_eq!(of(no_codes, codes), Plan::Enroll(Enroll::AtLogin { kinds: kinds(&[Totp]) }));
}

#[test]
fn own_factors_count_unless_the_rule_says_false() {
    let keys = "require = \"always\"\nfactors = [\"security-key\"]";
    assert_eq!(of(keys, phone()), ask(kinds(&[SecurityKey, Totp])), "backup codes only where they are named");
    let strict = format!("{keys}\nown_factors = false");
    assert_eq!(of(&strict, phone()), Plan::Deny(Deny::NoUsableFactor { needs: kinds(&[SecurityKey]) }));
    assert_eq!(of(&strict, enrolled(&[Totp, SecurityKey])), ask(kinds(&[SecurityKey])));
    assert_eq!(of(&strict, NOTHING), Plan::Enroll(Enroll::AtLogin { kinds: kinds(&[SecurityKey]) }));
}

#[test]
fn whoever_has_enrolled_the_wrong_kind_is_refused_also_under_if_enrolled() {
    let strict = "factors = [\"ssh-key\"]\nown_factors = false";
    assert_eq!(of(strict, phone()), Plan::Deny(Deny::NoUsableFactor { needs: kinds(&[SshKey]) }));
}

#[test]
fn enrolling_is_at_login_by_invitation_or_refused() {
    let kinds = Kinds::ALL.without(BackupCode);
    assert_eq!(of("require=\"always\"\nenroll=\"invite\"", NOTHING), Plan::Enroll(Enroll::Invite { kinds }));
    assert_eq!(of("require=\"always\"\nenroll=\"deny\"", NOTHING), Plan::Enroll(Enroll::Deny));
}

#[test]
fn grace_runs_from_its_beginning_and_ends_in_enrolling_at_login() {
    let grace = "require=\"always\"\nenroll=\"grace\"\ngrace=\"14d\"";
    let kinds = Kinds::ALL.without(BackupCode);
    let began = |ago: i64| Standing { grace_began: Some(NOW.plus(-ago)), ..NOTHING };
    let left = |seconds_left| Plan::Enroll(Enroll::Grace { kinds, seconds_left });
    assert_eq!(of(grace, NOTHING), left(14 * 86_400));
    assert_eq!(of(grace, began(86_400)), left(13 * 86_400));
    assert_eq!(of(grace, began(14 * 86_400 - 1)), left(1));
    assert_eq!(of(grace, began(14 * 86_400)), Plan::Enroll(Enroll::AtLogin { kinds }));
    assert_eq!(of(grace, began(-86_400)), left(14 * 86_400), "a clock turned back adds nothing");
    let ancient = Standing { grace_began: Some(Time(i64::MIN)), ..NOTHING };
    assert_eq!(of(grace, ancient), Plan::Enroll(Enroll::AtLogin { kinds }));
    assert_eq!(
        of("require=\"always\"\nenroll=\"grace\"\ngrace=\"0d\"", NOTHING),
        Plan::Enroll(Enroll::AtLogin { kinds })
    );
}

#[test]
fn enroll_by_ends_for_everybody_at_once() {
    let kinds = Kinds::ALL.without(BackupCode);
    let by = |date: &str| of(&format!("require=\"always\"\nenroll=\"grace\"\nenroll_by={date}\n"), NOTHING);
    assert_eq!(
        by("2026-11-23"),
        Plan::Enroll(Enroll::Grace { kinds, seconds_left: 14 * 3600 }),
        "to the end of the day"
    );
    assert_eq!(by("2026-11-22"), Plan::Enroll(Enroll::AtLogin { kinds }));
    assert_eq!(by("2026-11-23T10:00:30Z"), Plan::Enroll(Enroll::Grace { kinds, seconds_left: 30 }));
}

#[test]
fn a_rule_inherits_from_defaults_what_it_leaves_out() {
    let policy = policy(
        "[defaults]\nrequire=\"always\"\nfactors=[\"totp\"]\nown_factors=false\nask_again=\"8h\"\nremember=\"7d\"\n\
         [[rule]]\nusers=[\"alice\"]\nask_again=\"10m\"\n[[rule]]\nusers=[\"bob\"]\nenroll=\"deny\"\nenroll_by=2027-01-01\n",
    );
    let groups = Groups::unknown();
    let alice = plan(&policy, &request(&groups), enrolled(&[Totp, Email]));
    assert_eq!(
        alice,
        Plan::Factors(Ask { kinds: kinds(&[Totp]), verify_user: false, ask_again: 600, remember: 604_800 })
    );
    assert_eq!(plan(&policy, &Request { user: "bob", ..request(&groups) }, NOTHING), Plan::Enroll(Enroll::Deny));
}

#[test]
fn groups_are_asked_for_only_when_nothing_else_decides() {
    let policy = policy(SITE);
    let groups = Groups::unknown();
    let blind = Request { groups: None, ..request(&groups) };
    assert_eq!(evaluate(&policy, &blind, &phone()), Err(NeedGroups { of: Who::Target }));
    let lock = Request { service: "swaylock", ssh: SshAuth::Methods(Vec::new()), ..blind.clone() };
    assert_eq!(evaluate(&policy, &lock, &phone()).expect("no group rule is for lockers").rule, None);
    let su = Request { user: "root", service: "su", ..blind };
    let bob = Person { user: "bob", groups: None, standing: phone() };
    let by_bob = Request { caller: Caller::Known(bob), ..su };
    assert_eq!(evaluate(&policy, &by_bob, &NOTHING), Err(NeedGroups { of: Who::Caller }));
}

#[test]
fn su_asks_the_caller_for_the_callers_factor() {
    let policy = policy(SITE);
    let (nobody, sre) = (member_of(&[], &policy), member_of(&["sre"], &policy));
    let bob = |standing| Person { user: "bob", groups: Some(&sre), standing };
    let su =
        |caller| Request { user: "root", service: "su", caller, ssh: SshAuth::Methods(Vec::new()), ..request(&nobody) };
    let keys = kinds(&[SecurityKey, SshKey, BackupCode]);

    let with_key = decide(&policy, &su(Caller::Known(bob(enrolled(&[SecurityKey])))), NOTHING);
    assert_eq!((with_key.who, with_key.plan), (Who::Caller, ask(keys)));
    let with_phone = decide(&policy, &su(Caller::Known(bob(enrolled(&[Totp])))), enrolled(&[SecurityKey]));
    assert_eq!(with_phone.plan, Plan::Deny(Deny::NoUsableFactor { needs: keys }), "root's own key does not help bob");
    let unknown = decide(&policy, &su(Caller::Unknown), enrolled(&[SecurityKey]));
    assert_eq!(unknown.plan, Plan::Deny(Deny::CallerUnknown));
    let other = Person { groups: Some(&nobody), ..bob(phone()) };
    let by_other = decide(&policy, &su(Caller::Known(other)), phone());
    assert_eq!((by_other.rule, by_other.who), (None, Who::Target));
}

#[test]
fn a_caller_who_becomes_themselves_is_the_account() {
    let policy = policy("[[rule]]\nwho = \"caller\"\nrequire = \"always\"\n");
    let groups = Groups::unknown();
    let alice = Person { user: "alice", groups: None, standing: NOTHING };
    let sudo = Request { service: "sudo", caller: Caller::Known(alice), ..request(&groups) };
    let decision = decide(&policy, &sudo, phone());
    assert_eq!((decision.who, decision.plan), (Who::Target, ask(Kinds::ALL)));
}
