//! Several programs and one key: each has its turn, none waits for ever, and none that has gone leaves the key blinking.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use mfa_proto::key::Failure;
use rustix::fs::{FlockOperation, flock};
use virtual_key::{Finger, Model, turn};

use crate::desk::{AMPLE, How, Kind, LOOKING, SHORT, begin, enroll, find, finding, make, sign};
use crate::site::Site;

#[test]
fn operations_at_one_time_take_their_turns_and_are_all_done() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    let before = key.seen();
    let how = How::within(AMPLE);
    thread::scope(|scope| {
        let signing: Vec<_> = (0..4).map(|_| scope.spawn(|| sign(&site, &[&credential], &how))).collect();
        for _ in 0..4 {
            key.touch().unwrap();
        }
        for one in signing {
            assert_eq!(one.join().unwrap(), Ok(()));
        }
    });
    assert_eq!((key.seen().asked - before.asked, key.seen().touched - before.touched), (4, 4));
}

#[test]
fn another_programs_turn_is_waited_for_and_not_spoiled() {
    for kind in [Kind::Es256, Kind::U2f] {
        let site = Site::new();
        let key = site.key("blue", kind.model());
        let credential = enroll(&site, &key, kind);
        let how = How::within(AMPLE);
        let others = begin(&site, &[&credential], &how);
        key.await_blink().unwrap();
        assert_eq!(find(&site, &[&credential], LOOKING).unwrap_err(), Failure::Busy, "{kind:?}");
        assert_eq!(sign(&site, &[&credential], &How::within(LOOKING)), Err(Failure::Busy), "{kind:?}");
        key.touch().unwrap();
        assert!(finding(others.end(), &[&credential], &how).is_ok(), "{kind:?}");
    }
}

#[test]
fn a_lock_that_is_kept_by_somebody_who_is_gone_keeps_nobody_from_the_key() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    key.always(Some(Finger::Touch));
    let others = File::open(turn(&site.folder.join("blue"))).unwrap();
    flock(&others, FlockOperation::LockExclusive).unwrap();
    assert_eq!(find(&site, &[&credential], LOOKING).unwrap().matches.len(), 1);
    assert_eq!(sign(&site, &[&credential], &How::within(AMPLE)), Ok(()));
}

#[test]
fn of_two_free_keys_of_which_one_is_merely_locked_neither_is_taken() {
    let site = Site::new();
    let keys = ["blue", "red"].map(|port| site.key(port, Model::default()));
    for key in &keys {
        key.always(Some(Finger::Touch));
    }
    let others = File::open(turn(&site.folder.join("red"))).unwrap();
    flock(&others, FlockOperation::LockExclusive).unwrap();
    let made = make(&site, Kind::Es256, &How::within(AMPLE), &[]);
    assert_eq!(made.unwrap_err(), Failure::Several { keys: 2 });
    assert!(keys.iter().all(|key| key.seen().touched == 0));
}

#[test]
fn a_caller_that_hangs_up_ends_the_operation_and_the_key_can_be_asked_anew_at_once() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    let how = How::within(AMPLE);
    let given_up = begin(&site, &[&credential], &how);
    key.await_blink().unwrap();
    assert!(given_up.hang_up() < Duration::from_secs(3));
    key.always(Some(Finger::Touch));
    let again = Instant::now();
    assert_eq!(sign(&site, &[&credential], &how), Ok(()));
    assert!(again.elapsed() < Duration::from_secs(10), "{:?}", again.elapsed());
}

#[test]
fn a_key_that_was_not_touched_in_time_can_be_asked_anew_at_once() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::EdDsa);
    assert_eq!(sign(&site, &[&credential], &How::within(SHORT)), Err(Failure::TimedOut));
    key.always(Some(Finger::Touch));
    assert_eq!(sign(&site, &[&credential], &How::within(AMPLE)), Ok(()));
}

#[test]
fn a_touch_that_came_before_the_question_is_none() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    let credential = enroll(&site, &key, Kind::Es256);
    let how = How::within(SHORT);
    let pending = begin(&site, &[&credential], &how);
    key.touch().unwrap();
    assert!(finding(pending.end(), &[&credential], &how).is_ok());
    assert_eq!(sign(&site, &[&credential], &how), Err(Failure::TimedOut));
}

#[test]
fn what_is_no_call_is_answered_with_an_error_or_an_end_and_never_reaches_a_key() {
    let site = Site::new();
    let key = site.key("blue", Model::default());
    key.always(Some(Finger::Touch));
    let calls: [&[u8]; 5] = [
        b"\0",
        b"hello\0",
        b"{\"method\":\"io.mfa.Key.Wipe\"}\0",
        b"{\"method\":\"io.mfa.Key.Assert\",\"parameters\":{\"credentials\":[],\"client_data_hash\":\"\",\"seconds\":1}}\0",
        b"{\"method\":\"io.mfa.Key.Find\",\"parameters\":{\"credentials\":7,\"seconds\":1}}\0",
    ];
    for call in calls {
        let (mut ours, theirs) = UnixStream::pair().unwrap();
        let mut program = Command::new(env!("CARGO_BIN_EXE_mfa-key-on-links"));
        program.arg(&site.folder).stdin(OwnedFd::from(theirs)).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = program.spawn().unwrap();
        drop(program);
        ours.write_all(call).unwrap();
        ours.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        let mut said = Vec::new();
        let _ = ours.read_to_end(&mut said);
        assert!(!process.wait().unwrap().success(), "{}", String::from_utf8_lossy(call));
        assert!(!String::from_utf8_lossy(&said).contains("outcome"), "{}", String::from_utf8_lossy(&said));
    }
    assert_eq!(key.seen(), virtual_key::Seen::default());
}
