//! sshd's own settings, for everybody and for those whom a `Match` is about, beside the stack that it goes through.

use super::*;

const ACCOUNT: &str = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so\n";

/// What sshd says, with this in place of that.
fn sshd_t(changes: &[(&str, &str)]) -> String {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    changes.iter().fold(right, |text, (from, to)| text.replace(from, to))
}

/// The question about this login.
fn asked(user: &str, from: &str) -> String {
    format!("sshd -T -C user={user},host={from},addr={from},laddr=192.0.2.2,lport=22")
}

const BOTH: &str = "authenticationmethods publickey,keyboard-interactive";

#[test]
fn a_stack_with_a_code_alone_is_a_failure_unless_a_key_comes_first() {
    let account = "account required pam_unix.so\n";
    let open = sshd_t(&[(BOTH, "authenticationmethods any")]);
    let alone = with_sshd(&format!("{OURS}\n{account}"));
    assert_eq!(found(&alone), [""; 0]);
    let open = found(&alone.says("sshd -T", &open));
    assert!(open.contains(&"Fail sshd-factor-only /etc/ssh/sshd_config".to_owned()), "{open:?}");
    let sudo = found(&healthy().file("/etc/pam.d/sudo", &format!("{OURS}\n{account}")));
    assert!(sudo.contains(&"Fail not-alone /etc/pam.d/sudo:1".to_owned()), "{sudo:?}");
    let keyed = with_sshd(&format!("{OURS} require_publickey\n{account}"));
    assert_eq!(found(&keyed), [""; 0]);
    // sshd must demand the key, too: as it is shipped, either would do.
    let answer = keyed.answers.get("sshd -T").unwrap().replace("publickey,keyboard-interactive", "any");
    let found = found(&keyed.says("sshd -T", &answer));
    assert!(found.contains(&"Fail sshd-factor-only /etc/ssh/sshd_config".to_owned()), "{found:?}");
}

#[test]
fn each_setting_of_sshd_that_is_wrong_is_found_by_itself() {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let cases = [
        ("usepam yes", "usepam no", "Fail sshd-pam /etc/ssh/sshd_config:1"),
        ("kbdinteractiveauthentication yes", "kbdinteractiveauthentication no", "Fail sshd-pam /etc/ssh/sshd_config"),
        ("logingracetime 120", "logingracetime 30", "Warn sshd-grace /etc/ssh/sshd_config"),
        (
            "authenticationmethods publickey,keyboard-interactive",
            "authenticationmethods any",
            "Warn sshd-keys /etc/ssh/sshd_config",
        ),
    ];
    for (from, to, expected) in cases {
        let machine = healthy().says("sshd -T", &right.replace(from, to));
        assert_eq!(found(&machine), [expected], "{to}");
    }
    let both = right.replace("passwordauthentication no", "passwordauthentication yes");
    let both = both.replace("authenticationmethods publickey,keyboard-interactive", "authenticationmethods any");
    let line = "account [success=ok default=die] pam_mfa.so\n";
    let machine = with_sshd(&format!("@include common-auth\n{OURS}\n{line}")).says("sshd -T", &both);
    assert_eq!(found(&machine), ["Warn sshd-password /etc/ssh/sshd_config:2"]);
}

#[test]
fn where_the_group_alone_is_asked_sshd_is_asked_about_one_of_it() {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let closed = right.replace("kbdinteractiveauthentication yes", "kbdinteractiveauthentication no");
    let config = "UsePAM yes\nPasswordAuthentication no\nMatch Group sre\n  KbdInteractiveAuthentication yes\n";
    let asked = "sshd -T -C user=alice,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22";
    let machine = healthy().says("sshd -T", &closed).file("/etc/ssh/sshd_config", config);
    let named = machine.clone().says("getent group -- sre", "sre:x:2000:alice,bob");
    let primary = machine.says("getent group -- sre", "sre:x:2000:").says("getent passwd", "alice:x:7:2000::/:/bin/sh");
    for machine in [named, primary] {
        assert_eq!(found(&machine.clone().says(asked, &closed)), ["Fail sshd-pam /etc/ssh/sshd_config"]);
        assert_eq!(found(&machine.says(asked, &right)), [""; 0]);
    }
}

#[test]
fn what_stands_behind_match_all_is_for_everybody() {
    // sshd counts it among what it says of nobody in particular.
    let config = "UsePAM yes\nPasswordAuthentication no\nMatch User carol\n  X11Forwarding no\nMatch all\n  KbdInteractiveAuthentication yes\n";
    let machine = healthy().file("/etc/ssh/sshd_config", config);
    assert_eq!(found(&machine), [""; 0]);
    let closed = sshd_t(&[("kbdinteractiveauthentication yes", "kbdinteractiveauthentication no")]);
    assert_eq!(found(&machine.says("sshd -T", &closed)), ["Fail sshd-pam /etc/ssh/sshd_config:6"]);
}

#[test]
fn names_in_place_of_addresses_matter_where_a_rule_has_addresses() {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let machine = healthy().says("sshd -T", &right.replace("usedns no", "usedns yes"));
    assert_eq!(found(&machine), [""; 0]);
    let machine = machine.file("/etc/mfa/policy.d/10-x.toml", "[[rule]]\nfrom = [\"10.0.0.0/8\"]\n");
    assert_eq!(found(&machine), ["Warn sshd-dns /etc/ssh/sshd_config"]);
}

#[test]
fn a_match_that_exempts_is_noted_and_one_that_opens_the_password_method_told() {
    let config = "UsePAM yes\nPasswordAuthentication no\nMatch User ansible\nAuthenticationMethods publickey\n\
                  Match User carol\nPasswordAuthentication yes\n";
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let machine = healthy()
        .file("/etc/ssh/sshd_config", config)
        .says(
            "sshd -T -C user=ansible,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22",
            &right.replace(",keyboard-interactive", ""),
        )
        .says(
            "sshd -T -C user=carol,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22",
            &right
                .replace("passwordauthentication no", "passwordauthentication yes")
                .replace(BOTH, &format!("{BOTH} publickey,password")),
        );
    assert_eq!(found(&machine), ["Warn sshd-match /etc/ssh/sshd_config:5", "Note sshd-match /etc/ssh/sshd_config:3"]);
}

#[test]
fn every_match_block_is_asked_about_with_a_login_that_it_is_about() {
    let config = "UsePAM yes\nPasswordAuthentication no\nMatch Address 10.9.0.0/16\nAuthenticationMethods publickey\n\
                  PasswordAuthentication yes\nMatch Group contractors\nAuthenticationMethods publickey\n\
                  Match User svc-*\nAuthenticationMethods publickey\nMatch LocalPort 2222\nX11Forwarding no\n";
    let keys = sshd_t(&[(BOTH, "authenticationmethods publickey")]);
    let open =
        sshd_t(&[(BOTH, "authenticationmethods any"), ("passwordauthentication no", "passwordauthentication yes")]);
    let machine = healthy()
        .file("/etc/ssh/sshd_config", config)
        .says("getent group -- contractors", "contractors:x:7:zoe")
        .says(&asked("mfa-doctor", "10.9.0.0"), &open)
        .says(&asked("zoe", "192.0.2.1"), &keys)
        .says(&asked("svc-", "192.0.2.1"), &keys);
    let at = |line: usize| format!("Warn sshd-match /etc/ssh/sshd_config:{line}");
    assert_eq!(found(&machine), [at(3), at(3), at(6), at(8)]);
    // Where our account line stands, the policy decides about keys; the password method is as open as before.
    let stack = format!("@include common-auth\n{OURS}\n{ACCOUNT}@include common-account\n");
    let notes = [3, 6, 8].map(|line| format!("Note sshd-match /etc/ssh/sshd_config:{line}"));
    assert_eq!(found(&machine.file("/etc/pam.d/sshd", &stack)), [vec![at(3)], notes.to_vec()].concat());
}

#[test]
fn a_match_block_that_cannot_be_looked_at_is_told() {
    for criteria in ["Group nobodys", "Exec /bin/true", "Address !10.0.0.0/8", "User carol"] {
        let config = format!("Match {criteria}\nAuthenticationMethods publickey\n");
        let found = found(&healthy().file("/etc/ssh/sshd_config", &config));
        assert_eq!(found, ["Warn sshd-match /etc/ssh/sshd_config:1"], "{criteria}");
    }
    let config = "Match Group sftp\nForceCommand internal-sftp\nMatch all\nAuthenticationMethods publickey\n";
    assert_eq!(found(&healthy().file("/etc/ssh/sshd_config", config)), [""; 0]);
}

#[test]
fn an_sshd_that_asks_pam_by_another_name_is_a_failure() {
    let elsewhere = format!("{}pamservicename ssh-plain\n", sshd_t(&[]));
    let machine =
        healthy().file("/etc/ssh/sshd_config", "UsePAM yes\nPAMServiceName ssh-plain\n").says("sshd -T", &elsewhere);
    for stack in ["@include common-auth\n".to_owned(), format!("@include common-auth\n{OURS}\n{ACCOUNT}")] {
        let found = found(&machine.clone().file("/etc/pam.d/ssh-plain", &stack));
        assert!(found.contains(&"Fail sshd-pam /etc/ssh/sshd_config:2".to_owned()), "{found:?}");
    }
    // Nor does the line in sshd's own file decide, when sshd does not go through it.
    let keys = elsewhere.replace(BOTH, "authenticationmethods any");
    let stack = format!("@include common-auth\n{OURS}\n{ACCOUNT}");
    let found = found(&machine.file("/etc/pam.d/sshd", &stack).says("sshd -T", &keys));
    assert!(found.contains(&"Warn sshd-keys /etc/ssh/sshd_config".to_owned()), "{found:?}");
}

#[test]
fn a_match_block_that_leads_to_another_stack_is_a_failure() {
    let machine = healthy()
        .file("/etc/ssh/sshd_config", "Match User zoe\nPAMServiceName ssh-plain\n")
        .says("sshd -T", &format!("{}pamservicename sshd\n", sshd_t(&[])))
        .says(&asked("zoe", "192.0.2.1"), &format!("{}pamservicename ssh-plain\n", sshd_t(&[])));
    assert_eq!(found(&machine), ["Fail sshd-match /etc/ssh/sshd_config:1"]);
}

#[test]
fn methods_that_ask_nothing_count_for_nothing_together_too() {
    let with = |on: &str, methods: &str| {
        let changes =
            [(&*format!("{on} no"), &*format!("{on} yes")), (BOTH, &*format!("authenticationmethods {methods}"))];
        let scene_of = healthy().says("sshd -T", &sshd_t(&changes));
        let scene = Scene { site: well(), ..look(&scene_of, true) };
        let told = examine(&scene).findings.into_iter().filter(|(_, check)| *check == "sshd-keys");
        told.map(|(finding, _)| finding.what).collect::<Vec<_>>()
    };
    let text = |by: &str| vec![format!("A login by {by} alone is never asked for a second factor")];
    assert_eq!(with("gssapiauthentication", "gssapi-with-mic,publickey"), text("Kerberos and an SSH key"));
    assert_eq!(with("hostbasedauthentication", "hostbased,publickey:x"), text("a trusted host and an SSH key"));
    assert_eq!(with("hostbasedauthentication", "publickey,publickey"), text("an SSH key"));
    // What is off lets nobody in, and what PAM has its say in is asked.
    assert_eq!(with("x", "hostbased,publickey"), [""; 0]);
    assert_eq!(with("hostbasedauthentication", "hostbased,keyboard-interactive:pam publickey,password"), [""; 0]);
}

#[test]
fn a_password_that_sshd_asks_kerberos_about_is_not_asked_of_pam() {
    let open = [
        ("passwordauthentication no", "passwordauthentication yes"),
        (BOTH, "authenticationmethods publickey,password"),
    ];
    let machine = healthy().says("sshd -T", &sshd_t(&open));
    assert_eq!(found(&machine), ["Warn sshd-password /etc/ssh/sshd_config:2"]);
    let machine = machine.says("sshd -T", &format!("{}kerberosauthentication yes\n", sshd_t(&open)));
    assert!(found(&machine).contains(&"Warn sshd-keys /etc/ssh/sshd_config".to_owned()), "{:?}", found(&machine));
}

#[test]
fn the_stack_of_the_worked_policy_for_kerberos_is_well_and_a_match_without_its_methods_is_not() {
    let policies = include_str!("../../../../docs/POLICIES.md");
    let (_, text) = policies.split_once("# sshd_config             GSSAPIAuthentication yes\n").unwrap();
    let methods = text.lines().next().unwrap().trim_start_matches(['#', ' ']).to_ascii_lowercase();
    let (_, stack) = text.split_once("# /etc/pam.d/sshd\n").unwrap();
    let (stack, _) = stack.split_once("```").unwrap();
    let right = sshd_t(&[(BOTH, &methods), ("gssapiauthentication no", "gssapiauthentication yes")]);
    assert!(right.contains("gssapi-with-mic,keyboard-interactive publickey,keyboard-interactive"));
    let machine = with_sshd(stack).says("sshd -T", &right);
    assert_eq!(found(&machine), [""; 0]);
    for lists in ["any", "keyboard-interactive", "hostbased,keyboard-interactive"] {
        let open = right.replace(&methods, &format!("authenticationmethods {lists}"));
        let everybody = found(&machine.clone().says("sshd -T", &open));
        assert!(everybody.contains(&"Fail sshd-factor-only /etc/ssh/sshd_config".to_owned()), "{lists}: {everybody:?}");
        let config = "UsePAM yes\nMatch Address 10.0.0.0/8\nAuthenticationMethods any\n";
        let some = machine.clone().file("/etc/ssh/sshd_config", config).says(&asked("mfa-doctor", "10.0.0.0"), &open);
        assert!(
            found(&some).contains(&"Fail sshd-factor-only /etc/ssh/sshd_config:2".to_owned()),
            "{lists}: {:?}",
            found(&some)
        );
    }
}

#[test]
fn where_there_is_no_sshd_its_stack_is_nobodys_and_where_it_says_nothing_the_reason_is_told() {
    let mut silent = healthy();
    silent.answers.remove("sshd -T");
    assert_eq!(found(&silent), ["Fail sshd-answers /etc/ssh/sshd_config"]);
    let removed = silent.clone().without("/usr/sbin/sshd");
    assert_eq!(found(&removed), [""; 0]);
    let of = |machine: &MadeUp| serde_json::to_value(examine(&Scene { site: well(), ..look(machine, true) })).unwrap();
    assert_eq!(of(&removed)["not_made"]["sshd-answers"], serde_json::Value::Null);
    assert_eq!(of(&removed)["not_made"]["sshd-keys"], serde_json::Value::Null);
    // As Debian has it where systemd listens for sshd.
    let unused = silent.without("/run/sshd");
    assert_eq!(found(&unused), [""; 0]);
    let told = of(&unused)["not_made"]["sshd-answers"].clone();
    assert!(told.as_str().unwrap().contains("before the first connection"), "{told}");
    assert_eq!(of(&unused)["not_made"]["sshd-keys"], "sshd -T gave no answer");
}

#[test]
fn options_on_sshds_command_line_are_told() {
    for (file, line) in
        [("/etc/default/ssh", "SSHD_OPTS=\"-o UsePAM=no\""), ("/etc/sysconfig/sshd", "OPTIONS=-f /etc/x")]
    {
        assert_eq!(found(&healthy().file(file, &format!("# ours\n{line}\n"))), [format!("Warn sshd-answers {file}")]);
        assert_eq!(found(&healthy().file(file, "SSHD_OPTS=\nOPTIONS=\"-4\"\n")), [""; 0]);
    }
}
