//! Codes from the safe, in the real module: whatever the system fails in on the way, nobody gets in by it.

use crate::daemon::{ends, says_and_ends};
use crate::result::*;
use crate::stage::{PLAIN_UID, RECOMMENDED, Stage};
use mfa_proto::break_glass::{FILE, FRESH, Fresh, Record, State, records};
use mfa_proto::login::Outcome;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const EAGAIN: i32 = 11;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EROFS: i32 = 30;

/// Puts codes for alice in their place; gives them.
pub(crate) fn safe_of(stage: &Stage, count: u8) -> Vec<String> {
    let fresh: Vec<Fresh> = (1..=count).map(|byte| Fresh::new(&[byte; FRESH])).collect();
    let record = |(fresh, number)| Record::new(number, 0, &["alice".into()], fresh).unwrap().to_bytes();
    let bytes: Vec<u8> = fresh.iter().zip(1..).flat_map(record).collect();
    let _ = fs::create_dir(stage.safe());
    fs::write(stage.safe().join(FILE), bytes).unwrap();
    fs::set_permissions(stage.safe(), fs::Permissions::from_mode(0o700)).unwrap();
    fs::set_permissions(stage.safe().join(FILE), fs::Permissions::from_mode(0o600)).unwrap();
    fresh.iter().map(|fresh| format!("reply={}", &*fresh.code.spell())).collect()
}

pub(crate) fn unused(stage: &Stage) -> usize {
    let file = fs::read(stage.safe().join(FILE)).unwrap();
    records(&file).flatten().filter(|record| record.state == State::Unused).count()
}

#[test]
fn a_code_from_the_safe_lets_in_once_and_alarms() {
    let stage = Stage::new();
    let codes = safe_of(&stage, 2);
    stage.stack("sshd", &format!("{RECOMMENDED}\naccount required MODULE"));
    let played = stage.play("sshd", "alice", &["item=rhost=192.0.2.7", &codes[0], "auth", "account"]);
    assert_eq!((played.result("auth"), played.result("account")), (SUCCESS, SUCCESS));
    assert_eq!(unused(&stage), 1);
    // 80 is authpriv, 1 is alert.
    assert!(played.log[1].starts_with("<81>"), "{:?}", played.log);
    assert!(played.log[1].contains("LET IN BY BREAK-GLASS CODE 1: ") && played.log[1].contains("rhost=192.0.2.7"));
    assert_eq!(stage.auth("", &[&codes[0], "reply="]), AUTHINFO_UNAVAIL);
    assert_eq!(unused(&stage), 1);
    let _daemon = stage.daemon(vec![says_and_ends("No.", Outcome::Denied)]);
    assert_eq!(stage.auth("", &[&codes[1]]), AUTH_ERR, "a denial stays one");
    let _daemon = stage.daemon(vec![ends(Outcome::Broken)]);
    assert_eq!(stage.auth("", &[&codes[1]]), SUCCESS);
}

#[test]
fn a_plain_users_process_asks_for_none() {
    let stage = Stage::new();
    let codes = safe_of(&stage, 1);
    stage.stack("locker", RECOMMENDED);
    // Even if the file were open to them.
    fs::set_permissions(stage.safe(), fs::Permissions::from_mode(0o755)).unwrap();
    std::os::unix::fs::chown(stage.safe().join(FILE), Some(PLAIN_UID), None).unwrap();
    let uid = format!("uid={PLAIN_UID}");
    let played = stage.play("locker", "alice", &[&uid, &codes[0], "auth"]);
    assert_eq!(played.result("auth"), AUTHINFO_UNAVAIL);
    assert!(!played.lines.iter().any(|line| line.contains("Break-glass")), "{played:?}");
    assert_eq!(unused(&stage), 1);
}

#[test]
fn whatever_system_call_fails_the_code_does_not_count() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    let mut asked = 0;
    for (call, errnos) in [
        ("openat", &[EMFILE, EIO, ENOENT][..]),
        ("openat-folder", &[EMFILE, EIO]),
        ("openat-writing", &[EROFS, ENOSPC, EIO]),
        ("fstat", &[EIO]),
        ("pread64", &[EIO]),
        ("flock", &[EIO, ENOSPC]),
        ("pwrite64", &[EROFS, ENOSPC, EIO, EINTR]),
        ("fdatasync", &[EIO, ENOSPC, EROFS, EINTR]),
    ] {
        for errno in errnos {
            let codes = safe_of(&stage, 1);
            let fail = format!("fail={call}:{errno}");
            let played = stage.play("sshd", "alice", &[&fail, &codes[0], "auth"]);
            assert_eq!(played.result("auth"), AUTHINFO_UNAVAIL, "{call} {errno}: {played:?}");
            assert!(played.log.iter().all(|line| !line.contains("LET IN")), "{call} {errno}: {played:?}");
            asked += usize::from(played.lines.iter().any(|line| line.contains("cannot be struck out")));
        }
    }
    assert!(asked >= 13, "most of them come after the right code was typed: {asked}");
}

#[test]
fn a_lock_that_is_never_let_go_ends_in_a_refusal() {
    let stage = Stage::new();
    let codes = safe_of(&stage, 1);
    stage.stack("sshd", RECOMMENDED);
    let played = stage.play("sshd", "alice", &[&format!("fail=flock:{EAGAIN}"), &codes[0], "auth"]);
    assert_eq!(played.result("auth"), AUTHINFO_UNAVAIL);
    assert_eq!(unused(&stage), 1);
}

#[test]
fn killed_while_it_strikes_a_code_out_nobody_gets_in_by_it_twice() {
    let stage = Stage::new();
    stage.stack("sshd", RECOMMENDED);
    for (call, left) in [("pwrite64", 1), ("fdatasync", 0)] {
        let codes = safe_of(&stage, 1);
        let (ended, played) =
            stage.play_to_the_end("sshd", "alice", &[&format!("fail={call}:kill"), &codes[0], "auth"]);
        assert!(!ended.success() && played.count("auth") == 0, "{call}: {played:?}");
        assert_eq!(unused(&stage), left, "{call}");
        let again = stage.auth("", &[&codes[0]]);
        assert_eq!(again == SUCCESS, left == 1, "{call}: what was struck out stays so, what was not lets in once");
        assert_eq!(unused(&stage), 0);
        assert_ne!(stage.auth("", &[&codes[0]]), SUCCESS);
    }
}

#[test]
fn a_code_that_was_typed_is_nowhere_in_memory_afterwards() {
    let stage = Stage::new();
    let codes = safe_of(&stage, 1);
    stage.stack("sshd", RECOMMENDED);
    let wrong = format!("reply={}", &*Fresh::new(&[99; FRESH]).code.spell());
    for typed in [&wrong, &codes[0]] {
        let copies = format!("copies={}", typed.trim_start_matches("reply="));
        let played = stage.play("sshd", "alice", &[typed, "auth", &copies]);
        assert_eq!(played.figures("copies"), [0], "{played:?}");
    }
    assert_eq!(unused(&stage), 0);
}

#[test]
fn logins_by_codes_leave_no_descriptor_behind() {
    let stage = Stage::new();
    let codes = safe_of(&stage, 8);
    stage.stack("sshd", RECOMMENDED);
    let mut steps = vec!["state"];
    for code in &codes {
        steps.extend([code.as_str(), "auth"]);
    }
    steps.push("state");
    let played = stage.play("sshd", "alice", &steps);
    assert_eq!(played.lines.iter().filter(|line| *line == "auth 0").count(), 8, "{played:?}");
    let descriptors = played.figures("descriptors");
    // The log's connection is opened once and stays.
    assert!(descriptors[1] - descriptors[0] <= 1, "{descriptors:?}");
}
