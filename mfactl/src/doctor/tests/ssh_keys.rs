//! SSH security keys: what sshd makes of them, and who has nothing beside them.

use super::*;
use crate::doctor::ssh_keys::{AtSshd, Demand, at_sshd};

#[test]
fn keys_that_sign_unattended_matter_once_somebody_has_one() {
    let summary = Summary { factors: [("ssh-key".to_owned(), 1)].into(), ..Summary::default() };
    let site = Site { accounts: vec![summary], ..well() };
    assert_eq!(found_with(&healthy(), site), ["Warn sshd-touch /etc/ssh/sshd_config"]);
}

/// Accounts with these factors and that many backup codes, each of which is asked for a factor at sshd.
fn with_accounts(accounts: &[(&str, &[&str], u32)]) -> Site {
    let summary = |(user, kinds, backup_codes): &(&str, &[&str], u32)| Summary {
        user: (*user).into(),
        factors: kinds.iter().map(|kind| ((*kind).to_owned(), 1)).collect(),
        backup_codes: *backup_codes,
        ..Summary::default()
    };
    let asked = AtSshd { asked: Demand::Factor, silent: Demand::Factor };
    let at_sshd = accounts.iter().map(|(user, ..)| ((*user).to_owned(), asked)).collect();
    Site { accounts: accounts.iter().map(summary).collect(), at_sshd, ..well() }
}

const ACCOUNT: &str = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so\n";
const FAIL: &str = "Fail ssh-key-alone /etc/ssh/sshd_config";
const WARN: &str = "Warn ssh-key-alone /etc/ssh/sshd_config";

fn only_key() -> Site {
    with_accounts(&[("carol", &["ssh-key"], 0), ("dave", &["ssh-key", "totp"], 0)])
}

/// A machine whose keys are touched, with these methods and this stack of sshd's.
fn with_methods(methods: &str, stack: &str) -> MadeUp {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let touched = right.replace("pubkeyauthoptions none", "pubkeyauthoptions touch-required");
    let listed = touched.replace("authenticationmethods publickey,keyboard-interactive", methods);
    with_sshd(stack).says("sshd -T", &listed)
}

/// What this check finds: other checks have their own say about such machines.
fn alone(machine: &MadeUp, site: Site) -> Vec<String> {
    let found = found_with(machine, site).into_iter();
    found.filter(|line| line.contains("ssh-key-alone")).collect()
}

/// The sentences of it.
fn told(machine: &MadeUp, site: Site) -> Vec<String> {
    let scene = Scene { site, ..look(machine, true) };
    let findings = examine(&scene).findings.into_iter().filter(|(_, check)| *check == "ssh-key-alone");
    findings.map(|(finding, _)| finding.what).collect()
}

fn key_then_code() -> MadeUp {
    with_methods("authenticationmethods publickey,keyboard-interactive", &format!("{OURS} require_publickey\n"))
}

#[test]
fn whoever_has_only_an_ssh_key_is_told_where_nothing_stands_beside_it() {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let touched = right.replace("pubkeyauthoptions none", "pubkeyauthoptions touch-required");
    let verified = right.replace("pubkeyauthoptions none", "pubkeyauthoptions verify-required");
    let with_password = healthy().says("sshd -T", &touched);
    assert_eq!(found_with(&with_password, only_key()), [""; 0], "a password stands beside it");
    assert_eq!(found_with(&key_then_code(), only_key()), [FAIL]);
    let others = with_accounts(&[("dave", &["ssh-key", "totp"], 0), ("erin", &["totp"], 0)]);
    assert_eq!(found_with(&key_then_code(), others), [""; 0]);
    let stated = "[security_keys]\nssh_verify_required = true\n";
    let verifies = key_then_code().file("/etc/mfa/mfa.toml", stated).says("sshd -T", &verified);
    assert_eq!(found_with(&verifies, only_key()), [""; 0]);
}

#[test]
fn of_whoever_has_backup_codes_too_it_is_not_said_that_no_way_is_left() {
    let some = with_accounts(&[("carol", &["ssh-key"], 3), ("erin", &["ssh-key"], 0)]);
    assert_eq!(found_with(&key_then_code(), with_accounts(&[("carol", &["ssh-key"], 3)])), [WARN]);
    let why = "sshd asks for no password beside it, and one key is one factor";
    assert_eq!(
        told(&key_then_code(), some),
        [
            format!("Only an SSH key: no way in is left for erin: {why}"),
            format!("Only an SSH key: only a backup code lets in carol: {why}")
        ]
    );
}

#[test]
fn something_else_that_sshd_has_verified_stands_beside_the_key() {
    let found = |lists: &str| {
        let stack = format!("{OURS} require_publickey\n");
        alone(&with_methods(&format!("authenticationmethods {lists}"), &stack), only_key())
    };
    for lists in [
        "publickey,publickey,keyboard-interactive",
        "gssapi-with-mic,publickey,keyboard-interactive:pam",
        "publickey,publickey,keyboard-interactive publickey,gssapi-keyex,keyboard-interactive",
    ] {
        assert_eq!(found(lists), [""; 0], "{lists}");
    }
    for lists in [
        "publickey,keyboard-interactive",
        "hostbased,publickey,keyboard-interactive",
        "publickey,keyboard-interactive,publickey",
        "publickey,publickey,keyboard-interactive publickey,keyboard-interactive",
        "publickey,password",
    ] {
        assert_eq!(found(lists), [FAIL], "{lists}");
    }
}

#[test]
fn a_key_that_is_enough_for_sshd_lets_in_unless_our_account_line_refuses_it() {
    let without_password = format!("{OURS} require_publickey\n");
    let with_password = format!("@include common-auth\n{OURS}\n");
    for methods in ["", "authenticationmethods any", "authenticationmethods publickey"] {
        for stack in [&without_password, &with_password] {
            assert_eq!(alone(&with_methods(methods, stack), only_key()), [""; 0], "{methods}: {stack}");
            let decides = with_methods(methods, &format!("{stack}{ACCOUNT}"));
            assert_eq!(alone(&decides, only_key()), [FAIL], "{methods}: {stack}");
        }
    }
}

#[test]
fn of_whom_the_policy_asks_nothing_nothing_is_told_and_where_it_is_not_known_no_more_than_that() {
    let only = |asked, silent| {
        let site = with_accounts(&[("carol", &["ssh-key"], 0)]);
        Site { at_sshd: [("carol".to_owned(), AtSshd { asked, silent })].into(), ..site }
    };
    assert_eq!(found_with(&key_then_code(), only(Demand::Nothing, Demand::Factor)), [""; 0]);
    let perhaps = told(&key_then_code(), only(Demand::Perhaps, Demand::Factor));
    let why = "sshd asks for no password beside it, and one key is one factor";
    let said = format!("Only an SSH key: no way in is left for carol, wherever a factor is asked for: {why}");
    assert_eq!(perhaps, [said]);
    assert_eq!(found_with(&key_then_code(), only(Demand::Perhaps, Demand::Factor)), [WARN]);
    let unasked = Site { at_sshd: BTreeMap::new(), ..only_key() };
    assert_eq!(found_with(&key_then_code(), unasked), [WARN], "the daemon did not say");
    // Where nobody can be asked, what is decided there counts.
    let decides = with_methods("authenticationmethods any", &format!("@include common-auth\n{OURS}\n{ACCOUNT}"));
    assert_eq!(alone(&decides, only(Demand::Factor, Demand::Nothing)), [""; 0]);
    assert_eq!(alone(&decides, only(Demand::Nothing, Demand::Factor)), [FAIL]);
}

#[test]
fn the_daemon_is_asked_about_those_alone_who_have_an_ssh_key_and_nothing_else() {
    let explained = |what: &str, silent: &str, (observed, certain)| {
        let text = json!({
            "user": "carol", "service": "sshd", "ssh_auth": "publickey", "at": 0, "considered": [], "left_out": 0,
            "rule": "defaults", "outcome": { "what": what, "kinds": [] }, "observed": observed, "asked": "carol",
            "enrolled": ["ssh-key"], "certain": certain, "silent": { "what": silent, "kinds": [] },
        });
        let mut asked = Vec::new();
        let told = at_sshd(&only_key().accounts, |question| {
            asked.push((question.user.clone(), question.service.clone(), question.ssh_auth.clone()));
            serde_json::from_value(text.clone()).ok()
        });
        assert_eq!(asked, [("carol".into(), "sshd".into(), Some("publickey".into()))]);
        told["carol"]
    };
    let demands = |asked, silent| AtSshd { asked, silent };
    assert_eq!(explained("factors", "deny", (false, true)), demands(Demand::Factor, Demand::Factor));
    assert_eq!(explained("factors", "skip", (false, false)), demands(Demand::Perhaps, Demand::Nothing));
    assert_eq!(explained("enroll", "factors", (false, true)), demands(Demand::Perhaps, Demand::Factor));
    assert_eq!(explained("skip", "factors", (false, false)), demands(Demand::Nothing, Demand::Perhaps));
    assert_eq!(explained("factors", "factors", (true, true)), demands(Demand::Nothing, Demand::Perhaps));
    assert!(at_sshd(&only_key().accounts, |_| None).is_empty());
}

#[test]
fn what_is_said_of_sshd_must_be_true_of_sshd_for_everybody() {
    let right = healthy().answers.get("sshd -T").unwrap().clone();
    let verified = right.replace("pubkeyauthoptions none", "pubkeyauthoptions verify-required");
    let stated = healthy().file("/etc/mfa/mfa.toml", "[security_keys]\nssh_verify_required = true # sshd_config\n");
    assert_eq!(found(&stated), ["Fail sshd-touch /etc/ssh/sshd_config"]);
    let stated = stated.says("sshd -T", &verified);
    assert_eq!(found(&stated), [""; 0]);
    let config = "UsePAM yes\nPasswordAuthentication no\nMatch User carol\nPubkeyAuthOptions none\n";
    let carol = "sshd -T -C user=carol,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22";
    let machine = stated.file("/etc/ssh/sshd_config", config).says(carol, &right);
    assert_eq!(found(&machine), ["Fail sshd-touch /etc/ssh/sshd_config:3"]);
}
