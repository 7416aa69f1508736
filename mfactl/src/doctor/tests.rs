//! A healthy machine, and one fault at a time.

use super::*;
use crate::system::made_up::MadeUp;
use rustix::fs::FileType;

mod root;
mod ssh_keys;
mod sshd;

const OURS: &str = "auth [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";
const COMMON: &str =
    "auth [success=1 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required pam_permit.so\n";

/// A module where Debian has it.
fn module(name: &str) -> String {
    format!("/usr/lib/{}-linux-gnu/security/{name}.so", std::env::consts::ARCH)
}

/// A machine on which `stacks` (a name and what stands in its file) ask, and all is well.
fn healthy() -> MadeUp {
    let sshd_t = "usepam yes\nkbdinteractiveauthentication yes\npasswordauthentication no\npubkeyauthentication yes\n\
                  gssapiauthentication no\nhostbasedauthentication no\nusedns no\nlogingracetime 120\n\
                  pubkeyauthoptions none\nauthenticationmethods publickey,keyboard-interactive\n";
    let mut machine = MadeUp::default()
        .file("/etc/pam.d/common-auth", COMMON)
        .file("/etc/pam.d/common-account", "account required pam_unix.so\n")
        .file("/etc/pam.d/sshd", &format!("@include common-auth\n{OURS}\n@include common-account\n"))
        .file("/etc/pam.d/cron", "@include common-auth\n")
        .file("/etc/ssh/sshd_config", "UsePAM yes\nPasswordAuthentication no\n")
        .file("/etc/nsswitch.conf", "passwd: files systemd\ngroup: files systemd\n")
        .has(&module("pam_mfa"), FileType::RegularFile, 0o644, 0)
        .has(&module("pam_unix"), FileType::RegularFile, 0o644, 0)
        .has("/usr/sbin/sshd", FileType::RegularFile, 0o755, 0)
        .has("/run/sshd", FileType::Directory, 0o755, 0)
        .has("/run/mfa/mfa.sock", FileType::Socket, 0o666, 0)
        .has("/run/mfa/root.sock", FileType::Socket, 0o600, 0)
        .has("/etc/mfa", FileType::Directory, 0o755, 0)
        .has("/var/lib/mfa", FileType::Directory, 0o700, 990)
        .says("sshd -T", sshd_t)
        .says("systemd-detect-virt --container", "none")
        .says("timedatectl show --property=NTPSynchronized --value", "yes")
        .says("getent passwd root", "root:x:0:0:root:/root:/bin/bash")
        .file("/etc/mfa/credentials/master-key", "")
        .says(&opens("master-key"), "yes")
        .says(NEXT_START, "yes");
    for unit in ["mfa-daemon.socket", "mfa-daemon-root.socket", "mfa-reconcile.timer", "mfa-reconcile.path"] {
        machine = machine.says(&format!("systemctl is-enabled {unit}"), "enabled");
    }
    machine
}

const NEXT_START: &str = "setpriv --reuid=_mfa --regid=_mfa --clear-groups /usr/libexec/mfa/mfa-daemon --check";

fn opens(key: &str) -> String {
    format!("systemd-creds decrypt --name=mfa_{key} /etc/mfa/credentials/{key} /dev/null")
}

fn status() -> Status {
    Status {
        healthy: true,
        policy_loaded: Some(940),
        version: env!("CARGO_PKG_VERSION").into(),
        master_key: "credential".into(),
        ..Status::default()
    }
}

fn well() -> Site {
    Site { status: Some(Ok(status())), break_glass: Some(5), license: None, ..Site::default() }
}

/// What is found: severity, check, place.
fn found_with(machine: &MadeUp, site: Site) -> Vec<String> {
    let scene = Scene { site, ..look(machine, true) };
    let told = examine(&scene).findings.into_iter();
    told.map(|(finding, check)| format!("{:?} {check} {}", finding.severity, finding.evidence)).collect()
}

fn found(machine: &MadeUp) -> Vec<String> {
    found_with(machine, well())
}

/// A machine whose sshd stack is this one.
fn with_sshd(stack: &str) -> MadeUp {
    healthy().file("/etc/pam.d/sshd", stack)
}

#[test]
fn nothing_is_found_on_a_healthy_machine() {
    assert_eq!(found(&healthy()), [""; 0]);
}

#[test]
fn what_keeps_the_next_start_of_the_daemon_from_succeeding_is_a_failure_while_all_is_well() {
    assert_eq!(found(&healthy().says(NEXT_START, "no")), ["Fail next-start /etc/mfa"]);
    let sealed_elsewhere = healthy().says(&opens("master-key"), "no");
    assert_eq!(found(&sealed_elsewhere), ["Fail credentials /etc/mfa/credentials/master-key"]);
    let copied = healthy().file("/etc/mfa/credentials/master-key.bak", "").says(&opens("master-key.bak"), "no");
    assert_eq!(found(&copied), ["Fail credentials /etc/mfa/credentials/master-key.bak"]);
}

#[test]
fn a_machine_that_asks_nobody_is_told_so_and_nothing_worse() {
    let machine = healthy().file("/etc/pam.d/sshd", "@include common-auth\n");
    assert_eq!(found(&machine), ["Note in-use /etc/pam.d"]);
}

#[test]
fn a_module_whose_refusal_does_not_count_is_a_failure() {
    for control in ["sufficient", "optional", "[success=ok default=ignore]", "[success=1 default=ignore]"] {
        let machine =
            with_sshd(&format!("@include common-auth\nauth {control} pam_mfa.so\nauth required pam_permit.so\n"));
        let found = found(&machine);
        assert!(found.contains(&"Fail no-is-no /etc/pam.d/sshd:2".to_owned()), "{control}: {found:?}");
    }
}

#[test]
fn a_module_before_the_password_is_a_failure() {
    let found = found(&with_sshd(&format!("{OURS}\n@include common-auth\n")));
    assert!(found.contains(&"Fail after-password /etc/pam.d/sshd:1".to_owned()), "{found:?}");
}

#[test]
fn a_password_that_is_enough_by_itself_is_a_failure() {
    let machine = with_sshd(&format!("auth sufficient pam_unix.so\n{OURS}\nauth required pam_deny.so\n"));
    assert!(found(&machine).contains(&"Fail always-reached /etc/pam.d/sshd:1".to_owned()), "{:?}", found(&machine));
    // The same in a file that is included, as Red Hat has it.
    let inner = "auth sufficient pam_unix.so\nauth required pam_deny.so\n";
    let machine = with_sshd(&format!("auth include password-auth\n{OURS}\n")).file("/etc/pam.d/password-auth", inner);
    let found = found(&machine);
    assert!(found.contains(&"Fail always-reached /etc/pam.d/password-auth:1".to_owned()), "{found:?}");
}

#[test]
fn whatever_lets_in_past_the_module_is_a_failure_but_for_doors_of_their_own() {
    for (line, severity) in [
        ("auth sufficient pam_radius_auth.so", "Fail"),
        ("auth sufficient pam_wheel.so trust", "Fail"),
        ("auth sufficient pam_fprintd.so", "Warn"),
    ] {
        let machine = with_sshd(&format!("{line}\n@include common-auth\n{OURS}\n"));
        let found = found(&machine);
        assert!(found.contains(&format!("{severity} always-reached /etc/pam.d/sshd:1")), "{line}: {found:?}");
    }
}

#[test]
fn pam_rootok_lets_root_in_where_root_has_called_and_everybody_where_root_runs_the_program() {
    let stack = format!("auth sufficient pam_rootok.so\n@include common-auth\n{OURS}\n");
    assert!(found(&with_sshd(&stack)).contains(&"Fail always-reached /etc/pam.d/sshd:1".to_owned()));
    for (service, expected) in [("su", vec![]), ("sudo", vec!["Fail always-reached /etc/pam.d/sudo:1".to_owned()])] {
        assert_eq!(found(&healthy().file(&format!("/etc/pam.d/{service}"), &stack)), expected);
    }
}

#[test]
fn a_line_that_lets_in_without_the_daemon_is_told_in_either_phase() {
    let line = "account [success=ok ignore=ignore default=die] pam_mfa.so unavailable=allow\n";
    let stack = format!("@include common-auth\n{OURS} unavailable=allow\n{line}");
    let told = [2, 3].map(|line| format!("Warn unavailable /etc/pam.d/sshd:{line}"));
    assert_eq!(found(&with_sshd(&stack)), told);
}

#[test]
fn a_stack_that_is_too_long_to_look_at_is_a_failure() {
    let any = (0..24).map(|at| format!("auth [success=1 default=ignore] pam_any{at}.so\n")).collect::<String>();
    let found = found(&with_sshd(&format!("{any}@include common-auth\n{OURS}\n")));
    assert!(found.contains(&"Fail understood /etc/pam.d/sshd".to_owned()), "{found:?}");
}

#[test]
fn an_account_line_that_is_not_heeded_is_a_failure() {
    let stack = format!("@include common-auth\n{OURS}\n@include common-account\naccount optional pam_mfa.so\n");
    let found = found(&with_sshd(&stack));
    assert!(found.contains(&"Fail no-is-no /etc/pam.d/sshd:4".to_owned()), "{found:?}");
}

#[test]
fn an_account_line_that_some_login_by_key_passes_by_is_a_failure() {
    let line = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so\n";
    let debian = "account [success=1 new_authtok_reqd=done default=ignore] pam_unix.so\naccount requisite pam_deny.so\n\
                  account required pam_permit.so\n";
    let sssd = format!("{debian}account sufficient pam_localuser.so\naccount [default=bad success=ok] pam_sss.so\n");
    let at = |line: usize| format!("Fail account-reached /etc/pam.d/common-account:{line}");
    for (common, expected) in [(debian.to_owned(), vec![at(1)]), (sssd, vec![at(1), at(4)])] {
        let machine = |stack: String| with_sshd(&stack).file("/etc/pam.d/common-account", &common);
        let behind = machine(format!("@include common-auth\n{OURS}\n@include common-account\n{line}"));
        assert_eq!(found(&behind), expected);
        let before = machine(format!("@include common-auth\n{OURS}\n{line}@include common-account\n"));
        assert_eq!(found(&before), [""; 0]);
        // A jump over it, and what is enough by itself before it.
        for (above, place) in [("[success=1 default=ignore]", 4), ("sufficient", 3)] {
            let past =
                format!("@include common-auth\n{OURS}\naccount {above} pam_any.so\n{line}@include common-account\n");
            let found = found(&machine(past));
            assert!(found.contains(&format!("Fail account-reached /etc/pam.d/sshd:{place}")), "{above}: {found:?}");
        }
    }
}

#[test]
fn exempt_success_without_a_key_is_told() {
    let found = found(&with_sshd(&format!("@include common-auth\n{OURS} exempt=success\n")));
    assert_eq!(found, ["Warn exempt /etc/pam.d/sshd:2"]);
}

#[test]
fn an_account_line_belongs_to_sshd() {
    let line = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so\n";
    assert_eq!(found(&with_sshd(&format!("@include common-auth\n{OURS}\n{line}"))), [""; 0]);
    let found = found(&healthy().file("/etc/pam.d/cron", &format!("@include common-auth\n{line}")));
    assert_eq!(found, ["Warn account-line /etc/pam.d/cron:2"]);
}

#[test]
fn one_line_in_a_file_that_all_include_is_found_once() {
    let common = format!("{COMMON}auth optional pam_mfa.so\n");
    let machine = healthy().file("/etc/pam.d/common-auth", &common).file("/etc/pam.d/sshd", "@include common-auth\n");
    let found = found(&machine);
    let heeded: Vec<&String> = found.iter().filter(|line| line.contains("no-is-no")).collect();
    assert_eq!(heeded, ["Fail no-is-no /etc/pam.d/common-auth:4"], "{found:?}");
}

#[test]
fn fingerprints_beside_the_password_are_told() {
    let gdm = format!("@include common-auth\n{OURS}\n");
    let machine = healthy()
        .file("/etc/pam.d/gdm-password", &gdm)
        .file("/etc/pam.d/gdm-fingerprint", "auth required pam_fprintd.so\n")
        .file("/etc/pam.d/gdm-autologin", "auth required pam_permit.so\n");
    assert_eq!(
        found(&machine),
        ["Warn other-doors /etc/pam.d/gdm-fingerprint", "Warn other-doors /etc/pam.d/gdm-autologin"]
    );
}

#[test]
fn a_program_that_asks_once_and_goes_through_the_usual_line_is_a_failure() {
    let split = format!("{OURS} combined=split\nauth requisite pam_unix.so use_first_pass\n{OURS} combined=verify\n");
    for name in ["sddm", "plasmalogin", "swaylock", "i3lock"] {
        let file = format!("/etc/pam.d/{name}");
        let machine = healthy().file(&file, &format!("@include common-auth\n{OURS}\n"));
        assert_eq!(found(&machine), [format!("Fail one-question {file}:2")]);
        assert_eq!(found(&machine.file(&file, &split)), [""; 0], "{name}");
    }
    // As Debian has it: the line is login's.
    let machine = healthy()
        .file("/etc/pam.d/login", &format!("@include common-auth\n{OURS}\n"))
        .file("/etc/pam.d/swaylock", "auth include login\n");
    assert_eq!(found(&machine), ["Fail one-question /etc/pam.d/login:2"]);
    // These ask as often as they are asked.
    let several = format!("@include common-auth\n{OURS}\n");
    let machine = healthy().file("/etc/pam.d/xsecurelock", &several).file("/etc/pam.d/lightdm", &several);
    assert_eq!(found(&machine), [""; 0]);
}

#[test]
fn a_way_to_root_that_asks_nothing_is_told_where_others_ask() {
    let asks = format!("@include common-auth\n{OURS}\n");
    let machine = healthy()
        .file("/etc/pam.d/sudo", &asks)
        .file("/etc/pam.d/su", "auth sufficient pam_rootok.so\n@include common-auth\n");
    assert_eq!(found(&machine), ["Warn ways-to-root /etc/pam.d/su"]);
    // That root itself needs no code to become somebody else is meant.
    let su = format!("auth sufficient pam_rootok.so\n@include common-auth\n{OURS}\n");
    assert_eq!(found(&machine.file("/etc/pam.d/su", &su)), [""; 0]);
}

#[test]
fn a_service_that_cannot_ask_is_told_where_somebody_would_be_asked() {
    let machine = healthy().file("/etc/pam.d/dovecot", &format!("@include common-auth\n{OURS}\n"));
    assert_eq!(found(&machine), [""; 0]);
    let site = Site { asked_elsewhere: vec![("dovecot".into(), "carol".into())], ..well() };
    assert_eq!(found_with(&machine, site), ["Fail unintended /etc/pam.d/dovecot:2"]);
}

#[test]
fn a_module_that_is_not_there_is_a_failure() {
    let machine = healthy().without(&module("pam_mfa"));
    assert_eq!(found(&machine), ["Fail module-there /etc/pam.d/sshd:2"]);
    // libpam looks where its own modules are, and nowhere else.
    let copy = machine.clone().has("/usr/lib64/security/pam_mfa.so", FileType::RegularFile, 0o644, 0);
    assert_eq!(found(&copy), ["Fail module-there /etc/pam.d/sshd:2"]);
    let own = copy.without(&module("pam_unix")).has("/usr/lib64/security/pam_unix.so", FileType::RegularFile, 0o644, 0);
    assert_eq!(found(&own), [""; 0]);
}

#[test]
fn an_option_that_the_module_does_not_take_is_a_failure() {
    for options in ["timeout=abc", "nonsense", "unavailable=alow", "debug debug", "require_publickey combined=split"] {
        let found = found(&with_sshd(&format!("@include common-auth\n{OURS} {options}\n")));
        assert!(found.contains(&"Fail options /etc/pam.d/sshd:2".to_owned()), "{options}: {found:?}");
    }
    let line = "account [success=ok new_authtok_reqd=ok ignore=ignore default=die] pam_mfa.so";
    let stack = |option: &str| format!("@include common-auth\n{OURS} timeout=60 debug\n{line} {option}\n");
    assert_eq!(found(&with_sshd(&stack("debug timeout=9"))), [""; 0]);
    assert_eq!(found(&with_sshd(&stack("require_publickey"))), ["Fail options /etc/pam.d/sshd:3"]);
    let session = found(&with_sshd(&format!("{}session required pam_mfa.so\n", stack(""))));
    assert_eq!(session, ["Fail options /etc/pam.d/sshd:4"]);
}

#[test]
fn users_who_set_their_environment_before_us_are_told() {
    let found = found(&with_sshd(&format!("auth required pam_env.so user_readenv=1\n@include common-auth\n{OURS}\n")));
    assert_eq!(found, ["Fail environment /etc/pam.d/sshd:1"]);
}

#[test]
fn a_daemon_that_is_down_fails_and_what_it_would_tell_is_not_made_up() {
    let site = Site { status: Some(Err("Cannot reach it.".into())), break_glass: Some(5), ..Site::default() };
    let machine = healthy();
    let scene = Scene { site, ..look(&machine, true) };
    let examined = examine(&scene);
    assert!(examined.failed());
    assert_eq!(examined.findings.len(), 1);
    let text = serde_json::to_value(&examined).unwrap();
    assert_eq!(text["findings"][0]["check"], "daemon");
    assert_eq!(text["not_made"]["policy"], "the daemon does not answer");
}

#[test]
fn what_the_daemon_says_of_itself_is_told() {
    let sick = Status {
        problems: vec!["the disk is full".into()],
        policy_warnings: vec!["rule \"x\" can match nobody".into()],
        master_key: "file".into(),
        version: "0.0.9".into(),
        ..status()
    };
    let site = Site { status: Some(Ok(sick)), break_glass: Some(0), ..Site::default() };
    assert_eq!(
        found_with(&healthy(), site),
        [
            "Fail daemon mfactl status",
            "Warn policy /etc/mfa/policy.toml",
            "Warn break-glass mfactl break-glass status",
            "Warn versions mfactl status",
            "Note master-key /etc/mfa/credentials"
        ]
    );
}

#[test]
fn sockets_units_and_permissions_are_looked_at() {
    let machine = healthy()
        .has("/run/mfa/root.sock", FileType::Socket, 0o666, 0)
        .without("/run/mfa/mfa.sock")
        .has("/etc/mfa", FileType::Directory, 0o775, 0)
        .has("/var/lib/mfa", FileType::Directory, 0o755, 990)
        .says("systemctl is-enabled mfa-daemon.socket", "disabled");
    assert_eq!(
        found(&machine),
        [
            "Fail sockets /run/mfa/mfa.sock",
            "Fail sockets /run/mfa/root.sock",
            "Fail units systemctl is-enabled mfa-daemon.socket",
            "Fail permissions /etc/mfa",
            "Fail permissions /var/lib/mfa"
        ]
    );
}

#[test]
fn a_clock_that_nobody_sets_and_a_directory_over_the_network_are_told() {
    let machine = healthy()
        .says("timedatectl show --property=NTPSynchronized --value", "no")
        .file("/etc/nsswitch.conf", "passwd: files nis\n");
    assert_eq!(found(&machine), ["Fail accounts /etc/nsswitch.conf:1", "Warn clock timedatectl"]);
}

#[test]
fn confinement_that_keeps_programs_from_the_daemon_is_told() {
    let machine = healthy()
        .file("/sys/fs/selinux/enforce", "1")
        .says("semodule -l", "abrt\nzebra\n")
        .file("/sys/module/apparmor/parameters/enabled", "Y\n")
        .file("/etc/apparmor.d/usr.sbin.sshd", "profile sshd /usr/sbin/sshd {\n}\n");
    assert_eq!(found(&machine), ["Fail selinux semodule -l", "Warn apparmor /etc/apparmor.d/usr.sbin.sshd"]);
    let machine = machine
        .says("semodule -l", "abrt\nmfa\n")
        .file("/etc/apparmor.d/usr.sbin.sshd", "include <abstractions/authentication>\n");
    assert_eq!(found(&machine), [""; 0]);
}

#[test]
fn every_check_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<&str> = CHECKS.iter().map(|check| check.name).collect();
    assert_eq!(names.len(), CHECKS.len());
}
