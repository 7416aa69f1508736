//! Debian's stacks with our lines in them, and files that setup leaves alone.

use super::*;
use crate::pam::Files as _;
use crate::setup::machines::{bookworm, trixie};
use crate::system::made_up::MadeUp;

fn after(edits: &Edits, path: &str) -> String {
    let change = edits.files.iter().find(|change| change.path == std::path::Path::new(path)).unwrap();
    String::from_utf8(change.after.clone().unwrap()).unwrap()
}

fn paths(edits: &Edits) -> Vec<&str> {
    edits.files.iter().map(|change| change.path.to_str().unwrap()).collect()
}

fn ssh(machine: &MadeUp, way: SshWay) -> Result<Edits, StackError> {
    edits(&[Where::Ssh], way, "alice", machine)
}

#[test]
fn after_the_password_there_is_a_code_and_keys_alone_are_looked_at() {
    for machine in [bookworm(), trixie()] {
        let edits = ssh(&machine, SshWay::PasswordAndCode).unwrap();
        assert_eq!(paths(&edits), ["/etc/pam.d/sshd"]);
        let text = after(&edits, "/etc/pam.d/sshd");
        let auth = format!("@include common-auth\n{REMARK}\nauth {CONTROL} pam_mfa.so\n");
        let account = format!("{REMARK}\naccount {CONTROL} pam_mfa.so\n@include common-account\n");
        assert!(text.contains(&auth) && text.contains(&account), "{text}");
        // Without our lines it is the old text, byte for byte.
        let ours = |line: &&str| !line.contains("pam_mfa") && *line != REMARK;
        let rest: String = text.lines().filter(ours).map(|line| format!("{line}\n")).collect();
        assert_eq!(rest.as_bytes(), edits.files[0].before.as_deref().unwrap());
        assert_eq!(edits.warnings, []);
    }
}

#[test]
fn an_account_line_that_stands_too_late_to_be_reached_is_moved() {
    let line = "account requisite pam_mfa.so timeout=20";
    let auth = format!("@include common-auth\nauth {CONTROL} pam_mfa.so\n");
    let behind = format!("{auth}@include common-account\n{line}");
    let edits = ssh(&bookworm().file("/etc/pam.d/sshd", &behind), SshWay::PasswordAndCode).unwrap();
    let moved = format!("{auth}{REMARK}\n{line}\n@include common-account\n");
    assert_eq!(after(&edits, "/etc/pam.d/sshd"), moved);
    let again = bookworm().file("/etc/pam.d/sshd", &moved);
    assert_eq!(ssh(&again, SshWay::PasswordAndCode).unwrap().files, []);
}

#[test]
fn after_a_key_there_is_a_code_and_no_password() {
    let edits = ssh(&bookworm(), SshWay::KeyAndCode).unwrap();
    let text = after(&edits, "/etc/pam.d/sshd");
    assert!(!text.contains("@include common-auth"), "{text}");
    assert!(text.contains(&format!("auth {CONTROL} pam_mfa.so require_publickey exempt=success\n")), "{text}");
    assert!(text.contains(&format!("account {CONTROL} pam_mfa.so\n")), "{text}");
}

#[test]
fn every_way_to_root_asks_and_a_vendors_file_is_copied() {
    let edits = edits(&[Where::Sudo], SshWay::PasswordAndCode, "alice", &trixie()).unwrap();
    // su-l includes su.
    assert_eq!(paths(&edits), ["/etc/pam.d/sudo", "/etc/pam.d/sudo-i", "/etc/pam.d/su", "/etc/pam.d/polkit-1"]);
    let polkit = edits.files.last().unwrap();
    assert_eq!((polkit.before.as_ref(), polkit.mode), (None, 0o644));
    assert_eq!(edits.warnings, []);
}

#[test]
fn what_is_tried_is_what_asks_and_root_is_not_let_in_unasked() {
    let edits = edits(&[Where::Sudo], SshWay::PasswordAndCode, "alice", &bookworm()).unwrap();
    let stands_for: Vec<&str> = edits.trials.iter().map(|trial| trial.stands_for.as_str()).collect();
    assert_eq!(stands_for, ["sudo"], "the others ask the same");
    let expected = format!("@include common-auth\nauth {CONTROL} pam_mfa.so\n@include common-account\n");
    assert_eq!(edits.trials[0].stack, expected);
}

#[test]
fn where_it_is_set_up_already_nothing_changes() {
    let machine = bookworm();
    let first = edits(&Where::ALL[..3], SshWay::PasswordAndCode, "alice", &machine).unwrap();
    let again = Proposed { system: &machine, files: &first.files };
    let second = edits(&Where::ALL[..3], SshWay::PasswordAndCode, "alice", &again).unwrap();
    assert_eq!(second, Edits::default());
    let other = edits(&[Where::Ssh], SshWay::KeyAndCode, "alice", &again).unwrap_err();
    assert!(matches!(&other, StackError::OtherWay { place, .. } if place == "/etc/pam.d/sshd:5"), "{other}");
}

#[test]
fn a_file_that_is_put_together_otherwise_is_left_alone() {
    let stacks = [
        "auth substack password-auth\naccount include password-auth\n",
        "auth required pam_unix.so\n@include common-account\n",
        "@include common-auth\n@include common-auth\n@include common-account\n",
        "@include common-auth\naccount required pam_unix.so\n",
        "@include common-auth # caf\u{fffd}\n@include common-account\n",
    ];
    for stack in stacks {
        let machine = bookworm().file("/etc/pam.d/sshd", stack);
        let refused = ssh(&machine, SshWay::PasswordAndCode).unwrap_err();
        assert!(matches!(refused, StackError::NotUnderstood { .. }), "{stack}: {refused}");
    }
}

#[test]
fn a_stack_that_would_let_in_past_the_code_is_left_alone() {
    let sufficient =
        bookworm().file("/etc/pam.d/common-auth", "auth sufficient pam_unix.so\nauth required pam_deny.so\n");
    let environment = bookworm();
    let sshd = environment.text("/etc/pam.d/sshd").unwrap();
    let environment = environment.file("/etc/pam.d/sshd", &format!("auth required pam_env.so user_readenv=1\n{sshd}"));
    for (machine, word) in [(sufficient, "never asked"), (environment, "user_readenv=1")] {
        let refused = ssh(&machine, SshWay::PasswordAndCode).unwrap_err();
        assert!(matches!(&refused, StackError::Unsafe(_)) && refused.to_string().contains(word), "{refused}");
    }
}

#[test]
fn what_was_wrong_with_a_stack_before_is_not_passed_over_where_it_is_to_ask() {
    let lines = |control: &str, account: &str, more: &str| {
        let auth = format!("@include common-auth\nauth {control} pam_mfa.so{more}\n");
        bookworm().file("/etc/pam.d/sshd", &format!("{auth}@include common-account\naccount {account} pam_mfa.so\n"))
    };
    for machine in [lines("optional", CONTROL, ""), lines(CONTROL, "optional", "")] {
        let refused = ssh(&machine, SshWay::PasswordAndCode).unwrap_err();
        assert!(matches!(&refused, StackError::Unsafe(_)), "{refused}");
    }
    let allowed = ssh(&lines(CONTROL, CONTROL, " unavailable=allow"), SshWay::PasswordAndCode).unwrap();
    assert!(allowed.warnings.iter().any(|finding| finding.what.starts_with("unavailable=allow")), "{allowed:?}");
    // The same fault in another service does not hide it.
    let sufficient = "auth sufficient pam_unix.so\nauth required pam_deny.so\n";
    let ours = format!("{sufficient}auth {CONTROL} pam_mfa.so\n");
    let machine = bookworm().file("/etc/pam.d/other-one", &ours).file("/etc/pam.d/common-auth", sufficient);
    assert!(matches!(ssh(&machine, SshWay::PasswordAndCode), Err(StackError::Unsafe(_))));
}

#[test]
fn a_module_that_nobody_knows_and_lets_in_past_the_code_is_a_reason_to_stop() {
    for line in ["auth sufficient pam_radius_auth.so", "auth sufficient pam_wheel.so trust"] {
        let machine =
            bookworm().file("/etc/pam.d/sshd", &format!("{line}\n@include common-auth\n@include common-account\n"));
        assert!(matches!(ssh(&machine, SshWay::PasswordAndCode), Err(StackError::Unsafe(_))), "{line}");
    }
}

#[test]
fn the_line_that_is_put_in_by_hand_is_the_one_that_lacks() {
    let told = |stack: &str, way| ssh(&bookworm().file("/etc/pam.d/sshd", stack), way).unwrap_err().to_string();
    let both = told("auth required pam_unix.so\naccount required pam_unix.so\n", SshWay::KeyAndCode);
    assert!(both.contains("auth [") && both.contains("require_publickey exempt=success"), "{both}");
    assert!(both.contains("\n  account ["), "{both}");
    let auth = format!("@include common-auth\nauth {CONTROL} pam_mfa.so\naccount required pam_unix.so\n");
    let account = told(&auth, SshWay::PasswordAndCode);
    assert!(account.contains("\n  account [") && !account.contains("auth ["), "{account}");
}

#[test]
fn a_locker_that_includes_login_would_never_open_again() {
    let machine = bookworm().file("/etc/pam.d/i3lock", "auth include login\n");
    let refused = edits(&[Where::Console], SshWay::PasswordAndCode, "alice", &machine).unwrap_err();
    let expected = StackError::AlsoReached { file: "/etc/pam.d/login".into(), services: vec!["i3lock".into()] };
    assert_eq!(refused, expected);
}

#[test]
fn login_windows_are_changed_where_they_ask_twice() {
    assert!(!is_there(Where::Desktop, &bookworm()));
    let gdm = "auth requisite pam_nologin.so\n@include common-auth\nauth optional pam_gnome_keyring.so\n";
    let gdm = bookworm().file("/etc/pam.d/gdm-password", gdm);
    let desktop = |machine: &MadeUp| edits(&[Where::Desktop], SshWay::PasswordAndCode, "alice", machine);
    assert_eq!(paths(&desktop(&gdm).unwrap()), ["/etc/pam.d/gdm-password"]);
    let finger = gdm.clone().file("/etc/pam.d/gdm-fingerprint", "auth required pam_fprintd.so\n");
    assert!(desktop(&finger).unwrap().warnings[0].what.contains("gdm-fingerprint lets in"));
    assert_eq!(desktop(&gdm.file("/etc/pam.d/sddm", "@include common-auth\n")), Err(StackError::AsksOnce("sddm")));
    assert_eq!(desktop(&bookworm()), Err(StackError::NotThere(Where::Desktop)));
}
