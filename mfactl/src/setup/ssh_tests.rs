//! What sshd is told, and what it was told before by others.

use super::*;
use crate::setup::machines::bookworm;
use crate::system::made_up::MadeUp;

fn wish(way: SshWay) -> Wish<'static> {
    Wish { way, group: "sre", automation: &[], grace: None, asks_root: false }
}

fn text_of(files: &[FileChange], path: &str) -> String {
    let change = files.iter().find(|change| change.path == std::path::Path::new(path)).unwrap();
    String::from_utf8(change.after.clone().unwrap()).unwrap()
}

/// What our file says, remarks aside.
fn said(wish: &Wish<'_>, machine: &MadeUp) -> Vec<String> {
    let files = changes(wish, machine).unwrap();
    let text = text_of(&files, DROP_IN);
    text.lines().filter(|line| !line.starts_with('#')).map(|line| line.trim().to_owned()).collect()
}

const ALWAYS: [&str; 3] = ["UsePAM yes", "KbdInteractiveAuthentication yes", "PasswordAuthentication no"];

#[test]
fn with_password_and_code_the_group_is_asked_and_others_come_as_before() {
    let expected = ["Match Group sre", "AuthenticationMethods publickey,keyboard-interactive keyboard-interactive"];
    let expected = [&ALWAYS[..], &expected, &["Match all"]].concat();
    assert_eq!(said(&wish(SshWay::PasswordAndCode), &bookworm()), expected);
}

#[test]
fn with_key_and_code_everybody_shows_a_key_and_root_goes_on_as_before() {
    let automation = ["ansible".to_owned(), "backup".to_owned()];
    let wish = Wish { automation: &automation, grace: Some(600), ..wish(SshWay::KeyAndCode) };
    let expected = [
        "LoginGraceTime 600",
        "AuthenticationMethods publickey,keyboard-interactive",
        "Match User ansible,backup",
        "AuthenticationMethods publickey",
        "Match User root",
        "AuthenticationMethods publickey",
        "Match all",
    ];
    assert_eq!(said(&wish, &bookworm()), [&ALWAYS[..], &expected].concat());
}

#[test]
fn a_root_who_is_asked_may_answer_and_still_needs_the_key() {
    for way in [SshWay::KeyAndCode, SshWay::PasswordAndCode] {
        let said = said(&Wish { asks_root: true, ..wish(way) }, &bookworm());
        let at = said.iter().position(|line| line == "Match User root").unwrap();
        assert_eq!(
            said[at + 1..at + 3],
            ["PermitRootLogin yes", "AuthenticationMethods publickey,keyboard-interactive"]
        );
    }
    // Where root may not log in at all, nothing is opened.
    let closed = bookworm().says("sshd -T", "permitrootlogin no\nlogingracetime 120\n");
    let said = said(&Wish { asks_root: true, ..wish(SshWay::KeyAndCode) }, &closed);
    assert!(!said.iter().any(|line| line.contains("root") || line.contains("Root")), "{said:?}");
}

#[test]
fn our_file_comes_before_those_of_cloud_images() {
    let machine = bookworm().file("/etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\n");
    let files = changes(&wish(SshWay::PasswordAndCode), &machine).unwrap();
    assert_eq!(files.len(), 1);
    let first = machine.file("/etc/ssh/sshd_config.d/00-cloud.conf", "PasswordAuthentication yes\n");
    let refused = changes(&wish(SshWay::PasswordAndCode), &first).unwrap_err();
    let message = refused.to_string();
    let place = "/etc/ssh/sshd_config.d/00-cloud.conf:1";
    assert!(message.starts_with(&format!("PasswordAuthentication is decided at {place}")), "{message}");
}

#[test]
fn a_line_before_the_include_overrules_us_under_its_old_name_too() {
    let config = "ChallengeResponseAuthentication no\nInclude /etc/ssh/sshd_config.d/*.conf\n";
    let machine = bookworm().file(FILE, config);
    let refused = changes(&wish(SshWay::PasswordAndCode), &machine).unwrap_err();
    assert!(matches!(&refused, SshError::Overruled { keyword, .. } if keyword == "KbdInteractiveAuthentication"));
    // What says the same does no harm.
    let machine = machine.file(FILE, &config.replace(" no", " yes"));
    assert_eq!(changes(&wish(SshWay::PasswordAndCode), &machine).unwrap().len(), 1);
}

#[test]
fn where_no_drop_ins_are_read_ours_alone_is() {
    let machine = bookworm()
        .file(FILE, "PasswordAuthentication yes\n")
        .file("/etc/ssh/sshd_config.d/99-old.conf", "PermitRootLogin yes\n");
    let files = changes(&wish(SshWay::PasswordAndCode), &machine).unwrap();
    let expected = format!("{MARK}Include {DROP_IN}\nPasswordAuthentication yes\n");
    assert_eq!(text_of(&files, FILE), expected);
    let again = Proposed { system: &machine, files: &files };
    assert_eq!(changes(&wish(SshWay::PasswordAndCode), &again).unwrap(), []);
}

#[test]
fn what_is_not_ours_is_not_overwritten_and_odd_names_are_not_written() {
    let machine = bookworm().file(DROP_IN, "UsePAM yes\n");
    assert_eq!(changes(&wish(SshWay::PasswordAndCode), &machine), Err(SshError::NotOurs));
    for group in ["domain users", "a,b", "s*", "!x", ""] {
        let refused = changes(&Wish { group, ..wish(SshWay::PasswordAndCode) }, &bookworm());
        assert_eq!(refused, Err(SshError::OddName(group.to_owned())));
    }
    let mute = MadeUp { answers: Default::default(), ..bookworm() };
    assert_eq!(changes(&wish(SshWay::PasswordAndCode), &mute), Err(SshError::NoAnswer));
}

#[test]
fn a_match_of_somebody_elses_is_told() {
    let config = "Include /etc/ssh/sshd_config.d/*.conf\nMatch User carol\n  PasswordAuthentication yes\n";
    let machine = bookworm().file(FILE, config);
    let files = changes(&wish(SshWay::PasswordAndCode), &machine).unwrap();
    let told = exceptions(&files, &machine);
    assert_eq!(told, ["/etc/ssh/sshd_config:3 says passwordauthentication yes, and counts there (Match User carol)"]);
}

#[test]
fn a_time_that_is_to_stay_as_it_is_stays_in_a_second_setup() {
    let machine = bookworm();
    let first = changes(&Wish { grace: Some(600), ..wish(SshWay::PasswordAndCode) }, &machine).unwrap();
    let again = Proposed { system: &machine, files: &first };
    assert_eq!(changes(&wish(SshWay::PasswordAndCode), &again), Ok(Vec::new()));
}
