//! Seats: how they are counted, and that they never reach anybody who is enrolled.

mod never;
mod reconciling;

use super::*;
use crate::Time;
use crate::factor::Kinds;
use crate::license::Installed;

const NEWCOMER: Claimant = Claimant { required: true, ever_enrolled: false, privileged: false };
const KINDS: Kinds = Kinds::ALL;

fn seats(total: u64, used: u64) -> Seats {
    Seats { total, used, open: true }
}

fn at_login() -> Plan {
    Plan::Enroll(Enroll::AtLogin { kinds: KINDS })
}

#[test]
fn a_seat_is_an_account_that_must_and_does() {
    assert!(takes_seat(true, true, false));
    assert!(!takes_seat(false, true, false), "voluntary");
    assert!(!takes_seat(true, false, false), "pending");
    assert!(!takes_seat(true, true, true), "suspended");
}

#[test]
fn voluntary_enrollment_needs_no_seat_and_the_last_seat_is_one() {
    assert_eq!(room(seats(25, 25), Claimant { required: false, ..NEWCOMER }), Room::NotNeeded);
    assert_eq!(room(seats(25, 24), NEWCOMER), Room::Free);
    assert_eq!(room(seats(25, 25), NEWCOMER), Room::None);
    assert_eq!(room(seats(25, 400), NEWCOMER), Room::None);
    assert_eq!(room(Seats { open: false, ..seats(25, 0) }, NEWCOMER), Room::None);
}

#[test]
fn a_reset_or_suspended_account_comes_back_to_its_own_seat() {
    let back = Claimant { ever_enrolled: true, ..NEWCOMER };
    assert_eq!(room(seats(25, 25), back), Room::NotNeeded);
    assert_eq!(admit(&at_login(), seats(25, 26), back, OnFull::Deny), Admission::AsPlanned);
}

#[test]
fn when_full_a_newcomer_passes_with_one_factor_or_is_refused_as_configured() {
    assert_eq!(admit(&at_login(), seats(3, 3), NEWCOMER, OnFull::SingleFactor), Admission::SingleFactor);
    assert_eq!(admit(&at_login(), seats(3, 3), NEWCOMER, OnFull::Deny), Admission::Deny);
    assert_eq!(OnFull::default(), OnFull::SingleFactor);
}

#[test]
fn when_full_who_can_become_root_still_enrolls() {
    let privileged = Claimant { privileged: true, ..NEWCOMER };
    assert_eq!(room(seats(3, 3), privileged), Room::Beyond);
    for on_full in [OnFull::SingleFactor, OnFull::Deny] {
        assert_eq!(admit(&at_login(), seats(3, 3), privileged, on_full), Admission::AsPlanned);
    }
    assert_eq!(room(seats(3, 2), privileged), Room::Free);
}

#[test]
fn when_full_nobody_passes_whom_the_policy_would_not_have_let_in_by_a_password() {
    let full = seats(3, 3);
    for on_full in [OnFull::SingleFactor, OnFull::Deny] {
        let admit = |enroll| admit(&Plan::Enroll(enroll), full, NEWCOMER, on_full);
        assert_eq!(admit(Enroll::Invite { kinds: KINDS }), Admission::Deny);
        assert_eq!(admit(Enroll::Deny), Admission::AsPlanned);
        assert_eq!(admit(Enroll::Grace { kinds: KINDS, seconds_left: 60 }), Admission::SingleFactor);
    }
}

#[test]
fn more_seats_let_the_newcomer_enroll_at_the_next_login() {
    let now = Time(1_796_000_000);
    let file = include_bytes!("../../../tests/vectors/license.toml");
    let signature = include_bytes!("../../../tests/vectors/ecdsa.sig");
    let issuers = include_bytes!("../../../tests/vectors/issuers");
    let issuers = crate::sshsig::AllowedSigners::parse(issuers).unwrap();
    let before = Installed::None;
    let after = Installed::read(Some(file), Some(signature), &issuers, now);
    let admit = |installed: &Installed| admit(&at_login(), installed.seats(25, now), NEWCOMER, OnFull::SingleFactor);
    assert_eq!((admit(&before), admit(&after)), (Admission::SingleFactor, Admission::AsPlanned));
    assert_eq!(crossing(before.seats(25, now), after.seats(25, now)), None);
}

#[test]
fn each_mark_is_passed_once_and_only_upwards() {
    assert_eq!(crossing(seats(100, 79), seats(100, 80)), Some(Crossing::EightyPercent));
    assert_eq!(crossing(seats(100, 80), seats(100, 81)), None);
    assert_eq!(crossing(seats(100, 99), seats(100, 100)), Some(Crossing::Full));
    assert_eq!(crossing(seats(100, 100), seats(100, 120)), None);
    assert_eq!(crossing(seats(100, 10), seats(100, 100)), Some(Crossing::Full));
    assert_eq!(crossing(seats(100, 100), seats(100, 80)), None);
    assert_eq!(crossing(seats(100, 80), seats(100, 10)), None);
    assert_eq!(crossing(seats(500, 90), seats(100, 90)), Some(Crossing::EightyPercent));
    assert_eq!(crossing(seats(1, 0), seats(1, 1)), Some(Crossing::Full));
    assert_eq!(crossing(seats(3, 2), seats(3, 2)), None);
    assert_eq!(crossing(seats(u64::MAX, 0), seats(u64::MAX, u64::MAX)), Some(Crossing::Full));
}

#[test]
fn a_request_is_numbers_and_no_names() {
    let counts = Counts { required: 412, enrolled: 380, pending: 41, suspended: 2, seats_total: 500, seats_used: 371 };
    let request = Request {
        site: "9f2c",
        name: "ACME \"web\"\n",
        license: Some("A-1"),
        seats_wanted: 600,
        made: Time(1_795_392_000),
        counts,
    };
    let text = request.to_string();
    assert_eq!(
        text,
        "# A request for a license: send this file to your vendor. It names no account.\nformat = 1\nsite = \"9f2c\"\n\
         name = \"\"\"\nACME \"web\"\n\"\"\"\nlicense = \"A-1\"\nseats_wanted = 600\nmade = 2026-11-23\n\n[counts]\n\
         required = 412\nenrolled = 380\npending = 41\nsuspended = 2\nseats_total = 500\nseats_used = 371\n"
    );
    let read: toml::Table = text.parse().unwrap();
    assert_eq!(read["name"].as_str(), Some(request.name));
    assert_eq!(read["counts"]["required"].as_integer(), Some(412));
    let bare = Request { name: "", license: None, made: Time(i64::MAX), ..request };
    let read: toml::Table = bare.to_string().parse().unwrap();
    assert!(!read.contains_key("name") && !read.contains_key("license") && !read.contains_key("made"));
}
