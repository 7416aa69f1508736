//! What is well-formed and probably not meant.

use super::{NOW, policy, warnings};
use crate::policy::{lint, without_mail, without_verified_ssh_keys};

fn rule(text: &str) -> String {
    format!("[[rule]]\n{text}\n")
}

#[test]
fn rules_that_match_nobody_are_told() {
    let nobody = [
        "from=['10.1.0.0/16']\nnot_from=['10.0.0.0/8']\nrequire='never'",
        "from=['10.0.0.0/8']\norigin='local'\nrequire='never'",
        "services=['@login']\nssh_auth=['publickey']\nrequire='never'",
        "services=['@sudo','@su']\nssh_key=['SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4']\nrequire='never'",
        "services=['@sudo','@lock']\nfrom=['10.0.0.0/8']\nrequire='never'",
    ];
    for text in nobody {
        assert!(warnings(&rule(text)).contains("this rule matches nobody"), "{text}");
    }
    let somebody = [
        "from=['10.0.0.0/8']\nnot_from=['10.1.0.0/16']\nrequire='never'",
        "services=['@login','@ssh']\nssh_auth=['publickey']\nrequire='never'",
        "services=['@su','cups']\nfrom=['10.0.0.0/8']\nrequire='never'",
    ];
    for text in somebody {
        assert_eq!(warnings(&rule(text)), "", "{text}");
    }
}

#[test]
fn rules_behind_one_that_takes_all_are_told() {
    let behind = [
        ("require='always'", "users=['a']\nrequire='never'"),
        ("groups=['a','b']\nrequire='always'", "groups=['a']\nusers=['x']\nrequire='never'"),
        ("from=['10.0.0.0/8']\nrequire='if-enrolled'", "from=['10.1.0.0/16','10.2.0.1']\nrequire='never'"),
        ("not_from=['10.1.0.0/16']\nrequire='if-enrolled'", "not_from=['10.0.0.0/8']\nrequire='always'"),
        ("services=['@ssh','@su']\nrequire='always'", "services=['su','su-l']\nusers=['a']\nrequire='always'"),
        ("who='caller'\nservices=['@su']\nrequire='always'", "services=['@su']\nusers=['a']\nrequire='always'"),
    ];
    for (first, second) in behind {
        let text = format!("{}{}", rule(first), rule(second));
        assert!(warnings(&text).contains("this rule is never reached: \"rule 1\" matches whoever it would"), "{text}");
    }
    let reached = [
        ("users=['a']\nrequire='always'", "groups=['a']\nrequire='always'"),
        ("groups=['a']\nrequire='always'", "groups=['a','b']\nrequire='always'"),
        ("until=2030-01-01\nrequire='always'", "users=['a']\nrequire='always'"),
        ("services=['@ssh']\nrequire='always'", "users=['a']\nrequire='always'"),
        (
            "who='caller'\nservices=['@su']\nusers=['a']\nrequire='always'",
            "services=['@su']\nusers=['a']\nrequire='always'",
        ),
    ];
    for (first, second) in reached {
        let text = format!("{}{}", rule(first), rule(second));
        assert!(!warnings(&text).contains("never reached"), "{text}");
    }
}

#[test]
fn a_rule_that_relaxes_for_everybody_is_told() {
    let relaxed = "[defaults]\nrequire='always'\n[[rule]]\nservices=['@lock']\nrequire='never'\n";
    assert!(warnings(relaxed).contains("matches everybody and asks for less than [defaults]: \"never\""));
    assert_eq!(warnings("[defaults]\nrequire='if-enrolled'\n[[rule]]\nservices=['@lock']\nrequire='always'\n"), "");
}

#[test]
fn half_a_pair_and_open_ways_to_root_are_told() {
    assert!(
        warnings(&rule("services=['sudo']\nrequire='always'"))
            .contains("for sudo and not for sudo-i, which does the same")
    );
    assert!(
        warnings(&rule("services=['su-l']\nrequire='always'")).contains("for su-l and not for su, which does the same")
    );
    let open = warnings("[defaults]\nservices=['@ssh','@sudo']\n");
    assert!(
        open.contains("su, su-l, polkit-1 lead to root without a second factor, while sudo, sudo-i do not"),
        "{open}"
    );
    assert_eq!(warnings("[defaults]\nservices=['@ssh']\n"), "", "who covers none of them means it");
}

#[test]
fn strict_rules_that_are_easily_avoided_are_told() {
    assert!(
        warnings(&rule("from=['203.0.113.0/24']\nrequire='always'"))
            .contains("asks only those who come from some networks")
    );
    assert_eq!(warnings(&rule("not_from=['10.0.0.0/8']\nrequire='always'")), "");
    assert!(
        warnings(&rule("users=['a']\nfactors=['security-key']\nrequire='always'"))
            .contains("names keys only, and still takes")
    );
    assert_eq!(warnings(&rule("users=['a']\nfactors=['security-key']\nown_factors=true\nrequire='always'")), "");
}

#[test]
fn settings_without_effect_are_told() {
    assert!(warnings(&rule("users=['a']\nrequire='always'\ngrace='1d'")).contains("`grace` has no effect here"));
    assert!(
        warnings(&rule("users=['a']\nrequire='always'\nenroll_by=2027-01-01"))
            .contains("`enroll_by` has no effect here")
    );
    assert_eq!(warnings(&rule("users=['a']\nrequire='always'\nenroll='grace'\ngrace='1d'")), "");
    assert!(
        warnings(&rule("who='caller'\nservices=['@ssh']\nusers=['a']\nrequire='always'"))
            .contains("has no effect here")
    );
    assert!(warnings(&rule("users=['a']")).contains("asks nothing of its own"));
}

#[test]
fn doubles_are_told() {
    assert!(warnings(&rule("users=['a','a']\nrequire='always'")).contains("`a` is in the list twice"));
    assert!(warnings(&rule("users=['a,b']\nrequire='always'")).contains("`a,b` is taken as one name"));
    let twins = format!(
        "{}{}",
        rule("name='x'\nusers=['a']\nrequire='always'"),
        rule("name='x'\nusers=['b']\nrequire='always'")
    );
    assert!(warnings(&twins).contains("another rule is called \"x\", too, at policy.toml:1"));
}

#[test]
fn warnings_point_at_their_rule() {
    let text = format!("# head\n{}\n{}", rule("users=['a']\nrequire='always'"), rule("users=['a']\nrequire='never'"));
    assert!(warnings(&text).starts_with("policy.toml:6:1: this rule is never reached"), "{}", warnings(&text));
}

#[test]
fn what_has_ended_is_told_by_date() {
    let text = "[[rule]]\nname='trial'\nuntil=2026-11-01\nrequire='never'\n\n[[rule]]\nusers=['a']\nrequire='always'\nenroll='grace'\nenroll_by=2026-11-10\n";
    let policy = policy(text);
    let found: Vec<String> = lint(&policy, NOW).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].starts_with("policy.toml:1:1: rule \"trial\" matches nobody any more: the end of 2026-11-01 is over"),
        "{found:?}"
    );
    assert!(
        found[1].starts_with(
            "policy.toml:6:1: the settings of rule \"rule 2\" say that enrolling can wait, and it can no longer"
        ),
        "{found:?}"
    );
    assert!(lint(&policy, NOW.plus(-40 * 86_400)).is_empty());
    let defaults =
        super::policy("[defaults]\nenroll='grace'\nenroll_by=2026-11-10\n[[rule]]\nusers=['a']\nrequire='always'\n");
    let found: Vec<String> = lint(&defaults, NOW).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 1, "said once, not for each rule that inherits it: {found:?}");
    assert!(found[0].contains("[defaults] say that enrolling can wait"), "{found:?}");
}

#[test]
fn mailed_codes_alone_are_told_where_no_mail_is_sent() {
    let told = |text: &str| without_mail(&policy(text)).iter().map(ToString::to_string).collect::<Vec<_>>();
    let defaults = told("[defaults]\nfactors=['email','backup-code']\n");
    assert!(defaults[0].starts_with("policy.toml:1:1: [defaults] will have a mailed code alone"), "{defaults:?}");
    let ours = told(&rule("name='ours'\nusers=['a']\nfactors=['email']\nrequire='always'"));
    assert!(ours[0].contains("rule \"ours\"") && ours.len() == 1, "{ours:?}");
    for fine in ["factors=['totp','email']\nrequire='always'", "factors=['email']\nrequire='never'", "require='always'"]
    {
        assert_eq!(told(&rule(&format!("users=['a']\n{fine}"))), [""; 0], "{fine}");
    }
}

#[test]
fn a_rule_that_takes_one_kind_of_key_where_it_cannot_be_shown_is_told() {
    let keys = |kinds: &str, services: &str| {
        rule(&format!("services=[{services}]\nfactors=[{kinds}]\nown_factors=false\nrequire='always'\nusers=['a']"))
    };
    let told = warnings(&keys("'security-key','backup-code'", "'@ssh','@login'"));
    assert!(told.contains("over SSH no key of this machine can be touched"), "{told}");
    let told = warnings(&keys("'ssh-key'", "'@ssh','@sudo','@su'"));
    assert!(told.contains("there is no SSH to show it to"), "{told}");
    for fine in [
        keys("'security-key','ssh-key'", "'@ssh','@login'"),
        keys("'security-key'", "'@login'"),
        keys("'ssh-key'", "'@ssh'"),
        keys("'ssh-key','totp'", "'@ssh','@login'"),
    ] {
        assert_eq!(warnings(&fine), "", "{fine}");
    }
}

#[test]
fn keys_that_are_to_be_verified_and_are_not_taken_at_all_are_told() {
    let codes = "factors=['totp']\nown_factors=false\nrequire='always'\nusers=['a']\nverify_user=true";
    assert!(warnings(&rule(codes)).contains("`verify_user` has no effect here"));
    let keys = "factors=['totp','security-key']\nown_factors=false\nrequire='always'\nusers=['a']\nverify_user=true";
    assert_eq!(warnings(&rule(keys)), "");
}

#[test]
fn ssh_keys_of_which_nobody_has_said_that_they_are_verified_are_told() {
    let odd = |text: &str| without_verified_ssh_keys(&policy(text)).len();
    let keys = "services=['@ssh']\nfactors=['ssh-key']\nown_factors=false\nrequire='always'\nusers=['a']\n";
    assert_eq!(odd(&rule(&format!("{keys}verify_user=true"))), 1);
    assert_eq!(odd(&rule(keys)), 0);
    assert_eq!(odd(&rule(&format!("{}verify_user=true", keys.replace("@ssh", "@sudo")))), 0);
}
