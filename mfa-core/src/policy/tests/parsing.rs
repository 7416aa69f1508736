//! The file format: what it means, what is refused.

use super::{errors, policy, shown, warnings};
use crate::factor::{Kind, Kinds};
use crate::policy::{Condition, End, Enrolling, Grace, Policy, Requirement, Services, Source, Who, parse};
use jiff::civil::date;

/// The policy that packages install.
const SHIPPED: &str = include_str!("../../../../packaging/etc/policy.toml");

#[test]
fn the_shipped_policy_changes_nothing() {
    assert_eq!(policy(SHIPPED), Policy::built_in());
    assert_eq!(policy(SHIPPED), policy(""));
    assert_eq!(warnings(SHIPPED), "");
}

#[test]
fn the_shipped_policy_shows_defaults_and_examples_that_hold() {
    let uncommented: String = SHIPPED
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(example) if example.starts_with(|c: char| c.is_ascii_lowercase() || c == '[') => {
                format!("{example}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let shown = policy(&uncommented);
    assert_eq!(warnings(&uncommented), "");
    assert_eq!(shown.defaults(), Policy::built_in().defaults(), "the commented defaults are the built-in ones");
    assert_eq!(shown.services(), Policy::built_in().services());
    assert_eq!(shown.rules().len(), 5);
}

#[test]
fn the_design_example_means_what_it_says() {
    let policy = policy(super::deciding::SITE);
    assert_eq!(warnings(super::deciding::SITE), "");
    let [managers, production, kerberos, automation] = policy.rules() else { panic!("four rules") };
    assert_eq!(managers.settings().require, Requirement::Always);
    assert_eq!(managers.conditions().iter().map(Condition::key).collect::<Vec<_>>(), ["services", "groups"]);
    assert_eq!(production.who(), Who::Caller);
    assert_eq!(
        production.settings().factors,
        [Kind::SecurityKey, Kind::SshKey, Kind::BackupCode].into_iter().collect::<Kinds>()
    );
    assert!(!production.settings().own_factors);
    assert_eq!(kerberos.settings().require, Requirement::Never);
    assert_eq!(automation.name(), "automation");
    assert_eq!(automation.place(), ("policy.toml", 32));
    assert_eq!(policy.group_names().collect::<Vec<_>>(), ["sre", "staff"]);
    assert!(policy.hangs_on_caller());
}

#[test]
fn every_key_is_read() {
    let policy = policy(
        "[[rule]]\nname='all'\nwho='caller'\nusers=['a','b']\ngroups=['g']\nservices=['@su','doas']\nfrom=['10.0.0.0/8']\n\
         not_from=['10.1.0.0/16']\norigin='remote'\nssh_auth=['password']\n\
         ssh_key=['SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4']\nhours=['Mon-Fri 08:00-18:00','Sat']\nuntil=2027-01-15\n\
         require='always'\nfactors=['totp']\nown_factors=false\nverify_user=true\nenroll='grace'\nenroll_by=2027-01-14\nask_again='8h'\nremember='7d'\n",
    );
    let [rule] = policy.rules() else { panic!("one rule") };
    let keys: Vec<&str> = rule.conditions().iter().map(Condition::key).collect();
    let order = ["services", "users", "origin", "from", "not_from", "ssh_auth", "ssh_key", "hours", "until", "groups"];
    assert_eq!(keys, order, "the dear ones come last");
    assert_eq!(rule.settings().enroll, Enrolling::Grace);
    assert_eq!(rule.settings().grace, Grace::By(End::Day(date(2027, 1, 14))));
    assert_eq!((rule.settings().ask_again, rule.settings().remember), (28_800, 604_800));
    assert!(rule.settings().verify_user && !rule.settings().own_factors);
}

#[test]
fn rules_without_a_name_are_numbered_over_all_files() {
    let sources = [
        Source { name: "policy.toml", text: "[[rule]]\nrequire='always'\nusers=['a']\n" },
        Source { name: "policy.d/10-x.toml", text: "[[rule]]\nname='x'\nusers=['b']\nrequire='always'\n" },
        Source { name: "policy.d/20-y.toml", text: "\n[[rule]]\nusers=['c']\nrequire='always'\n" },
    ];
    let policy = parse(&sources).expect("a policy").policy;
    let names: Vec<_> = policy.rules().iter().map(|rule| (rule.name(), rule.place())).collect();
    assert_eq!(
        names,
        [("rule 1", ("policy.toml", 1)), ("x", ("policy.d/10-x.toml", 1)), ("rule 3", ("policy.d/20-y.toml", 2))]
    );
}

#[test]
fn no_sources_are_the_built_in_policy() {
    assert_eq!(parse(&[]).expect("a policy").policy, Policy::built_in());
}

#[test]
fn only_the_first_file_holds_defaults_and_every_file_is_told_its_mistakes() {
    let sources = [
        Source { name: "policy.toml", text: "[defaults]\nrequire='allways'\n" },
        Source { name: "policy.d/10-x.toml", text: "[defaults]\nrequire='always'\n" },
        Source { name: "policy.d/20-y.toml", text: "[[rule]\n" },
    ];
    let errors = shown(&parse(&sources).expect_err("three mistakes"));
    assert!(errors.contains("policy.toml:2:9: `require` cannot be `allways`"), "{errors}");
    assert!(errors.contains("policy.d/10-x.toml:1:2: [defaults] belong in policy.toml"), "{errors}");
    assert!(errors.contains("policy.d/20-y.toml:1:8: this is not TOML"), "{errors}");
}

#[test]
fn windows_line_ends_and_a_byte_order_mark_are_taken() {
    let text = "\u{feff}[defaults]\r\nrequire = \"always\"\r\n";
    assert_eq!(policy(text).defaults().require, Requirement::Always);
    assert!(
        errors("\u{feff}[defaults]\r\nrequre = \"always\"\r\n").starts_with("policy.toml:2:1: unknown key `requre`")
    );
}

#[test]
fn what_is_refused() {
    // text of a rule's key, the start of the message, the hint
    let cases = [
        ("grups = ['staff']", "unknown key `grups`", "did you mean `groups`?"),
        ("user = ['alice']", "unknown key `user`", "did you mean `users`?"),
        ("not-from = ['10.0.0.0/8']", "unknown key `not-from`", "did you mean `not_from`?"),
        ("frobnicate = 1", "unknown key `frobnicate`", "there are name, who, users"),
        (
            "groups = 'staff'",
            "`groups` must be a list of strings, in brackets; this is a string",
            "write groups = [\"staff\"]",
        ),
        ("users = []", "`users` is an empty list", "leave the key out"),
        ("users = ['']", "`users` has an empty string in it", ""),
        ("users = ['alice', '']", "`users` has an empty string in it", ""),
        ("users = [1000]", "`users` must be a list of strings; this is a number", ""),
        ("users = ['*']", "`*` cannot be a name", "no wildcards"),
        ("users = ['!root']", "`!root` cannot be a name", "no negation"),
        ("users = [' alice']", "` alice` cannot be a name", ""),
        ("users = [\"a\\nb\"]", "`a\u{fffd}b` cannot be a name", ""),
        ("groups = ['%wheel']", "`%wheel` cannot be a name", "no % before them"),
        ("services = []", "`services` is an empty list", ""),
        ("services = ['ssh']", "`ssh` is not a service", "did you mean \"@ssh\", which holds sshd?"),
        ("services = ['@shh']", "`@shh` is not a class of services", "did you mean \"@ssh\"?"),
        ("services = ['*']", "`*` is not a service", "/etc/pam.d"),
        ("services = ['../sshd']", "`../sshd` is not a service", ""),
        ("from = ['example.com']", "`example.com` is not a network", "only numeric"),
        ("from = ['10.0.0.0/33']", "`10.0.0.0/33` is not a network", "only numeric"),
        (
            "from = ['10.1.2.3/8']",
            "`10.1.2.3/8` is not a network",
            "did you mean \"10.0.0.0/8\", or the single address \"10.1.2.3\"?",
        ),
        ("from = ['10.0.0.0/255.0.0.0']", "`10.0.0.0/255.0.0.0` is not a network", ""),
        ("from = ['010.0.0.0/8']", "`010.0.0.0/8` is not a network", ""),
        ("from = ['10.0.0.0/08']", "`10.0.0.0/08` is not a network", ""),
        ("from = ['10.0.0.0/']", "`10.0.0.0/` is not a network", ""),
        ("from = ['fe80::%eth0/10']", "`fe80::%eth0/10` is not a network", ""),
        ("origin = 'locale'", "`origin` cannot be `locale`", "did you mean \"local\"?"),
        ("who = 'me'", "`who` cannot be `me`", "there are target, caller"),
        ("ssh_auth = ['gssapi']", "`gssapi` is not a method of sshd", "there are publickey"),
        ("ssh_auth = ['publikey']", "`publikey` is not a method of sshd", "did you mean \"publickey\"?"),
        ("ssh_key = ['SHA256:abc']", "`SHA256:abc` does not fit", "ssh-keygen -l"),
        ("hours = ['always']", "`always` does not fit", "days are Mon"),
        ("until = '2027-01-15'", "`until` must be a date such as 2027-01-15", ""),
        ("until = 2027-02-30", "", ""),
        ("until = 08:00:00", "`until` must be a date that exists", "2027-01-15T18:00:00"),
        ("require = true", "`require` must be a string in quotes; this is true or false", ""),
        ("require = 'Always'", "`require` cannot be `Always`", "did you mean \"always\"?"),
        ("factors = ['otp']", "`otp` is not a factor", "did you mean \"totp\"?"),
        ("factors = ['backup-code']", "backup codes alone can never be enrolled", "name one"),
        ("own_factors = 'false'", "`own_factors` must be true or false", ""),
        ("enroll = 'login'", "`enroll` cannot be `login`", ""),
        ("grace = 14", "`grace` must be a string in quotes; this is a number", ""),
        ("grace = '2 weeks'", "`2 weeks` is not a length of time", "\"14d\""),
        ("grace = '1d'\nenroll_by = 2027-01-15", "`grace` and `enroll_by` both say", "keep one of them"),
        ("ask_again = '-1s'", "`-1s` is not a length of time", ""),
        ("remember = '4000d'", "`4000d` is not a length of time", "ten years"),
        ("name = ''", "a rule's name is one line", ""),
        ("name = \"a\\u001b[2J\"", "a rule's name is one line", ""),
        ("name = 7", "`name` must be a string in quotes; this is a number", ""),
        ("users = ['a']\nusers = ['b']", "this is not TOML: duplicate key", ""),
        ("users = ['a'", "this is not TOML", ""),
        ("users = ['a',, 'b']", "this is not TOML", ""),
    ];
    for (line, message, hint) in cases {
        let text =
            format!("[[rule]]\nservices = ['login']\n{line}\n").replace("services = ['login']\nservices", "services");
        let errors = errors(&text);
        assert!(errors.contains(&format!(": {message}")), "{line}\n{errors}");
        assert!(errors.contains(hint), "{line}\n{errors}");
    }
}

#[test]
fn what_is_refused_around_the_rules() {
    let cases = [
        ("require = 'always'\n", "1:1: unknown key `require`", "below [defaults] or [[rule]]"),
        ("users = ['alice']\n", "1:1: unknown key `users`", "below [[rule]]"),
        ("[default]\n", "1:2: unknown key `default`", "did you mean `defaults`?"),
        ("[[rules]]\n", "1:3: unknown key `rules`", "did you mean `rule`?"),
        ("[rule]\nrequire='always'\n", "1:2: rules are a list of tables", "two brackets"),
        ("rule = ['x']\n", "`rule` must be a list of tables", ""),
        ("defaults = 1\n", "`defaults` must be a table", ""),
        ("[defaults]\ngroups=['x']\n", "2:1: unknown key `groups`", "a condition belongs below [[rule]]"),
        (
            "[[rule]]\nusers=['a']\n[defaults]\nrequire='always'\n",
            "3:2: [defaults] come before the rules",
            "top of the file",
        ),
        ("[[rule]]\n", "this rule says nothing", "everybody"),
        ("[[rule]]\nname='x'\n[[rule]]\nusers=['a']\n", "this rule says nothing", "hide every rule below"),
        ("[[rule]]\nrequire='never'\n", "this rule exempts everybody", "in [defaults]"),
        ("[[rule]]\nname='x'\nwho='caller'\nrequire='never'\n", "this rule exempts everybody", ""),
        ("[[rule]]\nusers=['a']\nuntil=2027-01-15", "3:7: the file ends in the middle of a line", "end the last line"),
        ("[defaults]\nrequire='always'\0", "this is not TOML", ""),
        ("\0", "this is not TOML", ""),
    ];
    for (text, message, hint) in cases {
        let errors = errors(text);
        assert!(errors.contains(message) && errors.contains(hint), "{text}\n{errors}");
    }
}

#[test]
fn every_mistake_of_a_file_is_told_in_order() {
    let all = errors("[defaults]\nrequire='x'\nfactors=['y','totp','z']\n[[rule]]\nfoo=1\nusers=[]\n");
    let places: Vec<&str> =
        all.lines().filter_map(|line| line.strip_prefix("policy.toml:")).map(|rest| &rest[..3]).collect();
    assert_eq!(places, ["2:9", "3:1", "3:2", "5:1", "6:7"], "{all}");
}

#[test]
fn a_file_of_mistakes_does_not_make_an_endless_report() {
    let text = (0..2000).map(|number| format!("key{number} = 1\n")).collect::<String>();
    assert_eq!(errors(&text).matches("unknown key").count(), 50);
    assert!(errors(&"#".repeat(1024 * 1024 + 1)).contains("longer than 1 MiB"));
    assert!(errors(&format!("rule = {}", "[".repeat(200_000))).contains("this is not TOML"));
}

#[test]
fn names_of_services_are_folded_as_libpam_does() {
    let policy = policy("[[rule]]\nservices=['CUPS']\nrequire='always'\n");
    let [rule] = policy.rules() else { panic!("one rule") };
    assert_eq!(rule.conditions(), [Condition::Services(Services::new(&[], &["cups"]))]);
}
