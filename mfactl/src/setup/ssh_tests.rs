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

/// A cloud's image: no password lets anybody in.
fn key_only() -> MadeUp {
    let sshd_t =
        bookworm().answers.get("sshd -T").unwrap().replace("passwordauthentication yes", "passwordauthentication no");
    let sshd_t = sshd_t.replace("without-password", "yes");
    let cloud = "PasswordAuthentication no\n";
    bookworm().says("sshd -T", &sshd_t).file("/etc/ssh/sshd_config.d/50-cloud-init.conf", cloud)
}

#[test]
fn where_no_password_let_anybody_in_none_does_for_whoever_is_not_asked() {
    let expected = [
        "UsePAM yes",
        "KbdInteractiveAuthentication no",
        "PasswordAuthentication no",
        "Match Group sre",
        "KbdInteractiveAuthentication yes",
        "AuthenticationMethods publickey,keyboard-interactive",
        "Match all",
    ];
    let wish = wish(SshWay::PasswordAndCode);
    assert_eq!(said(&wish, &key_only()), expected);
    // PAM's questions do not count where sshd does not ask PAM.
    let sshd_t = "usepam no\npasswordauthentication no\nkbdinteractiveauthentication yes\n";
    assert_eq!(said(&wish, &key_only().says("sshd -T", sshd_t)), expected);
}

#[test]
fn a_server_that_was_closed_stays_so_when_setup_looks_at_its_own_file() {
    for way in [SshWay::PasswordAndCode, SshWay::KeyAndCode] {
        let machine = key_only();
        let files = changes(&wish(way), &machine).unwrap();
        // What sshd says then, of everybody.
        let yes = machine
            .answers
            .get("sshd -T")
            .unwrap()
            .replace("kbdinteractiveauthentication no", "kbdinteractiveauthentication yes");
        let text = text_of(&files, DROP_IN);
        let machine = machine.file(DROP_IN, &text).says("sshd -T", &yes);
        assert_eq!(changes(&wish(way), &machine), Ok(Vec::new()), "{way}");
        assert!(is_closed(&machine));
    }
    // Also when the way is changed.
    let keys = text_of(&changes(&wish(SshWay::KeyAndCode), &key_only()).unwrap(), DROP_IN);
    assert_eq!(
        said(&wish(SshWay::PasswordAndCode), &key_only().file(DROP_IN, &keys))[1],
        "KbdInteractiveAuthentication no"
    );
    assert!(!is_closed(&bookworm()));
}

#[test]
fn a_list_that_names_the_method_that_goes_off_would_let_nobody_in() {
    let global = "AuthenticationMethods publickey,password\n";
    let matched = "Match Group dev\n  AuthenticationMethods publickey,password keyboard-interactive\n";
    let own = format!("{matched}  PasswordAuthentication yes\n");
    let refused = |way, text: &str| {
        let machine = bookworm().file("/etc/ssh/sshd_config.d/60-x.conf", text);
        changes(&wish(way), &machine).err().map(|error| error.to_string())
    };
    let place = |line| format!("at /etc/ssh/sshd_config.d/60-x.conf:{line} names \"password\"");
    let of = |way, text| refused(way, text).unwrap_or_default();
    assert!(of(SshWay::PasswordAndCode, global).contains(&place(1)));
    assert_eq!(refused(SshWay::KeyAndCode, global), None, "ours comes before it");
    for way in [SshWay::PasswordAndCode, SshWay::KeyAndCode] {
        assert!(of(way, matched).contains(&place(2)));
        assert_eq!(refused(way, &own), None);
    }
}

#[test]
fn whoever_a_match_keeps_from_passwords_is_not_let_in_by_pams() {
    let machine = |more: &str| {
        let text = format!("Match Group admins\n  PasswordAuthentication no\n{more}");
        bookworm().file("/etc/ssh/sshd_config.d/60-x.conf", &text)
    };
    let refused = changes(&wish(SshWay::PasswordAndCode), &machine("")).unwrap_err();
    assert!(refused.to_string().starts_with("/etc/ssh/sshd_config.d/60-x.conf:2 lets nobody"), "{refused}");
    for more in ["  KbdInteractiveAuthentication no\n", "  AuthenticationMethods publickey\n"] {
        assert!(changes(&wish(SshWay::PasswordAndCode), &machine(more)).is_ok(), "{more}");
    }
}

#[test]
fn a_root_outside_of_the_group_comes_by_key_whatever_else_is_permitted() {
    for (permitted, has_block) in
        [("yes", true), ("forced-commands-only", true), ("without-password", true), ("no", false)]
    {
        let machine = bookworm().says("sshd -T", &format!("permitrootlogin {permitted}\nlogingracetime 120\n"));
        let said = said(&wish(SshWay::KeyAndCode), &machine);
        let at = said.iter().position(|line| line == "Match User root");
        assert_eq!(at.is_some(), has_block, "{permitted}");
        assert!(at.is_none_or(|at| said[at + 1] == "AuthenticationMethods publickey"), "{permitted}");
    }
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
fn a_root_of_forced_commands_is_not_asked_what_a_command_cannot_answer() {
    let machine = bookworm().says("sshd -T", "permitrootlogin forced-commands-only\nlogingracetime 120\n");
    let automation = ["root".to_owned()];
    for way in [SshWay::KeyAndCode, SshWay::PasswordAndCode] {
        let asked = Wish { asks_root: true, ..wish(way) };
        assert_eq!(changes(&asked, &machine), Err(SshError::ForcedRoot), "{way}");
        assert!(changes(&wish(way), &machine).is_ok(), "{way}");
        let said = said(&Wish { automation: &automation, ..asked }, &machine);
        let at = said.iter().position(|line| line == "Match User root").unwrap();
        assert_eq!(said[at + 1], "AuthenticationMethods publickey", "{way}");
    }
}

#[test]
fn an_sshd_that_asks_pam_under_another_name_is_left_alone() {
    let of = |name: &str| {
        let machine = bookworm().says("sshd -T", &format!("pamservicename {name}\nlogingracetime 120\n"));
        changes(&wish(SshWay::PasswordAndCode), &machine).err()
    };
    assert_eq!(of("ssh-plain"), Some(SshError::OtherService("ssh-plain".into())));
    assert_eq!(of("sshd"), None);
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
fn a_line_after_match_all_overrules_us_for_everybody() {
    let config = "Include /etc/ssh/sshd_config.d/*.conf\nMatch all\nPasswordAuthentication yes\n";
    let refused = changes(&wish(SshWay::PasswordAndCode), &bookworm().file(FILE, config)).unwrap_err();
    assert!(matches!(&refused, SshError::Overruled { place, .. } if place.line == 3), "{refused}");
    let methods = config.replace("PasswordAuthentication yes", "AuthenticationMethods any");
    let refused = changes(&wish(SshWay::KeyAndCode), &bookworm().file(FILE, &methods)).unwrap_err();
    assert!(matches!(&refused, SshError::Overruled { place, .. } if place.line == 3), "{refused}");
    let same = format!("{}KbdInteractiveAuthentication yes\n", config.replace(" yes", " no"));
    assert!(changes(&wish(SshWay::PasswordAndCode), &bookworm().file(FILE, &same)).is_ok());
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
        // The group is not written there.
        assert!(changes(&Wish { group, ..wish(SshWay::KeyAndCode) }, &bookworm()).is_ok());
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
