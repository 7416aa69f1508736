//! What another policy would change for an account.

use super::unknown::{World, any_policy, any_world};
use super::{NOTHING, NOW, enrolled, phone, policy};
use crate::factor::Kind;
use crate::policy::{
    Change, Comparison, Enroll, Enrolls, Groups, Plan, Policy, Refused, Standing, Subject, Way, gets_in, local_time,
};
use proptest::prelude::*;

fn change(old: &str, new: &str, user: &str, groups: &[&str], standing: Standing) -> Change {
    let (old, new) = (policy(old), policy(new));
    let mut groups_of_both: Vec<(&str, _)> = Vec::new();
    let comparison = Comparison::new(Some(&old), &new);
    groups_of_both.extend(comparison.group_names().into_iter().map(|name| (name, groups.contains(&name).into())));
    let groups: Groups = groups_of_both.into_iter().collect();
    comparison.change(&Subject { user, groups: &groups, now: NOW }, standing, local_time(NOW, 0))
}

fn refused(refused: Option<Refused>) -> (Vec<String>, Vec<&'static str>) {
    let refused = refused.expect("somebody is locked out");
    (refused.services, refused.needs.iter().map(Kind::as_str).collect())
}

const NOW_NOBODY: &str = "[defaults]\nrequire=\"if-enrolled\"\n";

#[test]
fn the_same_policy_changes_nothing() {
    for standing in [NOTHING, phone()] {
        assert!(change(NOW_NOBODY, NOW_NOBODY, "alice", &[], standing).is_nothing());
    }
}

#[test]
fn whoever_must_show_a_factor_and_has_one_is_newly_asked_and_whoever_has_none_enrolls() {
    let staff = "[[rule]]\ngroups=[\"staff\"]\nservices=[\"@ssh\",\"@sudo\"]\nrequire=\"always\"\n";
    let bare = change(NOW_NOBODY, staff, "alice", &["staff"], NOTHING);
    assert_eq!((bare.newly_asked, bare.enrolls), (vec!["@ssh".into(), "@sudo".into()], Some(Enrolls::AtLogin)));
    assert!(bare.locked_out.is_none() && bare.depends_on.is_empty());
    assert!(change(NOW_NOBODY, staff, "alice", &["staff"], phone()).is_nothing(), "was asked before");
    assert!(change(NOW_NOBODY, staff, "alice", &[], NOTHING).is_nothing(), "is not in the group");
    let back = change(staff, NOW_NOBODY, "alice", &["staff"], NOTHING);
    assert_eq!(back.less_asked, ["@ssh", "@sudo"]);
}

#[test]
fn a_service_that_cannot_show_how_to_enroll_sends_people_to_do_so_elsewhere() {
    let sudo = "[[rule]]\nservices=[\"@sudo\"]\nusers=[\"alice\"]\nrequire=\"always\"\n";
    assert_eq!(change(NOW_NOBODY, sudo, "alice", &[], NOTHING).enrolls, Some(Enrolls::Elsewhere));
    let both = "[defaults]\nrequire=\"always\"\n";
    assert_eq!(change(NOW_NOBODY, both, "alice", &[], NOTHING).enrolls, Some(Enrolls::AtLogin));
    let later = "[defaults]\nrequire=\"always\"\nenroll=\"grace\"\n";
    assert_eq!(change(NOW_NOBODY, later, "alice", &[], NOTHING).enrolls, Some(Enrolls::Later));
    let invited = "[defaults]\nrequire=\"always\"\nenroll=\"invite\"\n";
    assert_eq!(change(NOW_NOBODY, invited, "alice", &[], NOTHING).enrolls, Some(Enrolls::Invited));
}

#[test]
fn whoever_has_nothing_that_will_do_is_locked_out() {
    let keys = "[[rule]]\nname=\"keys\"\nservices=[\"@ssh\"]\nusers=[\"carol\"]\nrequire=\"always\"\n\
                factors=[\"security-key\"]\nown_factors=false\n";
    let out = change(NOW_NOBODY, keys, "carol", &[], phone());
    assert_eq!(refused(out.locked_out), (vec!["@ssh".into()], vec!["security-key"]));
    let bare = change(NOW_NOBODY, keys, "carol", &[], NOTHING);
    assert_eq!(refused(bare.locked_out).1, ["security-key"], "a key cannot be enrolled in a login");
    let closed = "[defaults]\nrequire=\"always\"\nenroll=\"deny\"\nservices=[\"@login\"]\n";
    let out = change(NOW_NOBODY, closed, "carol", &[], NOTHING);
    assert_eq!(refused(out.locked_out.clone()), (vec!["@login".into()], vec![]));
    assert_eq!(out.locked_out.map(|refused| (refused.rule, refused.as_before)), Some((None, false)));
    let still = change(closed, closed, "carol", &[], NOTHING);
    assert!(still.locked_out.is_some_and(|refused| refused.as_before), "and is told so again");
}

#[test]
fn what_hangs_on_the_address_is_only_sometimes_so() {
    let strict = "[defaults]\nrequire=\"always\"\nenroll=\"deny\"\nservices=[\"@ssh\"]\n";
    let spared = format!("{strict}[[rule]]\nusers=[\"ansible\"]\nfrom=[\"10.0.0.0/8\"]\nrequire=\"never\"\n");
    let out = change(NOW_NOBODY, &spared, "ansible", &[], NOTHING);
    assert!(out.locked_out.is_none());
    assert_eq!(refused(out.sometimes_locked_out).0, ["@ssh"]);
    assert_eq!(out.newly_asked, ["@ssh"]);
    assert_eq!(out.depends_on.into_iter().collect::<Vec<_>>(), ["from"]);
    let less = change(strict, &spared, "ansible", &[], phone());
    assert_eq!((less.less_asked, less.depends_on.len()), (vec!["@ssh".into()], 1));
    let at_sudo = spared.replace("@ssh", "@sudo");
    let out = change(NOW_NOBODY, &at_sudo, "ansible", &[], NOTHING);
    assert_eq!(refused(out.locked_out).0, ["@sudo"], "nobody comes to sudo from an address");
}

#[test]
fn services_are_told_by_class_where_all_of_it_is_treated_alike() {
    let half = "[[rule]]\nservices=[\"sudo\",\"cups\"]\nrequire=\"always\"\n";
    assert_eq!(change(NOW_NOBODY, half, "alice", &[], NOTHING).newly_asked, ["cups", "sudo"]);
    let all = "[[rule]]\nservices=[\"@sudo\",\"cups\"]\nrequire=\"always\"\n";
    assert_eq!(change(NOW_NOBODY, all, "alice", &[], NOTHING).newly_asked, ["@sudo", "cups"]);
}

#[test]
fn services_that_only_both_policies_together_tell_apart_are_told_apart() {
    let one = "[defaults]\nservices=[\"s1\",\"s2\"]\nrequire=\"always\"\n";
    let other = "[defaults]\nservices=[\"s2\",\"s3\"]\nrequire=\"always\"\n";
    let changed = change(one, other, "alice", &[], NOTHING);
    assert_eq!((changed.less_asked, changed.newly_asked), (vec!["s1".into()], vec!["s3".into()]));
}

#[test]
fn an_unknown_group_is_something_it_depends_on() {
    let (old, new) = (policy(NOW_NOBODY), policy("[[rule]]\ngroups=[\"staff\"]\nrequire=\"always\"\n"));
    let groups = Groups::unknown();
    let changed =
        Comparison::new(Some(&old), &new).change(&Subject { user: "alice", groups: &groups, now: NOW }, NOTHING, None);
    assert!(!changed.newly_asked.is_empty());
    assert_eq!(changed.depends_on.into_iter().collect::<Vec<_>>(), ["groups"]);
}

#[test]
fn without_a_policy_in_force_nothing_was_asked() {
    let new = policy("[defaults]\nrequire=\"always\"\nservices=[\"@ssh\"]\n");
    let groups = Groups::default();
    let subject = Subject { user: "alice", groups: &groups, now: NOW };
    assert_eq!(Comparison::new(None, &new).change(&subject, phone(), None).newly_asked, ["@ssh"]);
}

#[test]
fn a_login_that_can_be_asked_nothing_gets_in_only_where_nothing_is_asked() {
    let kinds = enrolled(&[Kind::Totp]).enrolled;
    let ask = Plan::Factors(crate::policy::Ask { kinds, verify_user: false, ask_again: 0, remember: 0 });
    let enroll = Plan::Enroll(Enroll::AtLogin { kinds });
    let later = Plan::Enroll(Enroll::Grace { kinds, seconds_left: 5 });
    let table = [
        (&ask, [false, true, true]),
        (&enroll, [false, false, true]),
        (&later, [true, true, true]),
        (&Plan::Enroll(Enroll::Invite { kinds }), [false, false, false]),
    ];
    for (plan, expected) in table {
        let found = [Way::Silent, Way::Interactive, Way::Terminal].map(|way| gets_in(plan, way, kinds));
        assert_eq!(found, expected, "{plan:?}");
    }
}

/// The words by which a change may speak of the service.
fn speaks_of(words: &[String], service: &str) -> bool {
    let class = crate::policy::Class::of(service);
    words.iter().any(|word| word == service || class.is_some_and(|class| word == class.as_str()))
}

fn compared(old: &Policy, new: &Policy, world: &World) -> Change {
    let names = Comparison::new(Some(old), new).group_names().into_iter().collect::<Vec<_>>();
    let groups: Groups = world.target_groups().into_iter().filter(|(name, _)| names.contains(name)).collect();
    Comparison::new(Some(old), new).change(
        &Subject { user: world.user, groups: &groups, now: NOW },
        world.target,
        world.local_time(),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    /// Whatever a login turns out to be like, what was told of its account holds for it.
    #[test]
    fn what_is_told_of_an_account_holds_for_each_of_its_logins(
        old in any_policy(), new in any_policy(), world in any_world(),
    ) {
        let world = world.of_one_person();
        let change = compared(&old, &new, &world);
        let (before, after) = (world.known(&old).plan, world.known(&new).plan);
        let shown = world.showable();
        let listed = |refused: &Option<Refused>| {
            refused.as_ref().is_some_and(|refused| speaks_of(&refused.services, world.service))
        };
        if listed(&change.locked_out) {
            prop_assert!(!gets_in(&after, Way::Terminal, shown), "{change:?}\n{after:?}");
        } else if !listed(&change.sometimes_locked_out) {
            let invited = matches!(after, Plan::Enroll(Enroll::Invite { .. }));
            prop_assert!(gets_in(&after, Way::Terminal, shown) || invited, "{change:?}\n{after:?}");
        }
        if before.passes() != after.passes() && change.depends_on.is_empty() {
            let list = if after.passes() { &change.less_asked } else { &change.newly_asked };
            let sometimes = Comparison::new(None, if after.passes() { &old } else { &new });
            let groups: Groups = world.target_groups().into_iter().collect();
            let subject = Subject { user: world.user, groups: &groups, now: NOW };
            let always = sometimes.change(&subject, world.target, world.local_time()).depends_on.is_empty();
            prop_assert!(speaks_of(list, world.service) || !always, "{change:?}\n{before:?}\n{after:?}");
        }
    }
}

#[test]
fn a_key_that_cannot_be_shown_there_is_as_good_as_none() {
    let keys = |services: &str| {
        format!("[defaults]\nrequire=\"always\"\nservices=[{services}]\nfactors=[\"security-key\",\"ssh-key\"]\n")
    };
    let at_ssh = change(NOW_NOBODY, &keys("\"@ssh\""), "alice", &[], enrolled(&[Kind::SecurityKey]));
    assert_eq!(refused(at_ssh.locked_out).1, ["security-key", "ssh-key"]);
    let at_sudo = change(NOW_NOBODY, &keys("\"@sudo\""), "alice", &[], enrolled(&[Kind::SshKey]));
    assert_eq!(refused(at_sudo.locked_out).0, ["@sudo"]);
    for (services, kind) in [("\"@ssh\"", Kind::SshKey), ("\"@sudo\"", Kind::SecurityKey)] {
        assert_eq!(change(NOW_NOBODY, &keys(services), "alice", &[], enrolled(&[kind])).locked_out, None);
    }
}

#[test]
fn whoever_has_a_key_is_told_where_a_touch_is_not_enough_any_more() {
    let verified = "[defaults]\nservices=[\"@sudo\",\"@login\"]\n[[rule]]\nservices=[\"@sudo\"]\nverify_user=true\n";
    let changed = change(NOW_NOBODY, verified, "alice", &[], enrolled(&[Kind::SecurityKey]));
    assert_eq!(changed.newly_verified, ["@sudo"]);
    assert_eq!(change(NOW_NOBODY, verified, "alice", &[], phone()).newly_verified, Vec::<String>::new());
    assert!(change(verified, verified, "alice", &[], enrolled(&[Kind::SecurityKey])).newly_verified.is_empty());
}
