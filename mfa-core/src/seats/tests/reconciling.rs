//! Whose seat is freed, and whose is not.

use super::super::reconcile::*;
use crate::Time;
use proptest::prelude::*;

const NOW: Time = Time(1_796_000_000);
const DAY: i64 = 86_400;

const SEEN: Sighting = Sighting {
    presence: Presence::Present,
    expires: None,
    nologin: false,
    password_locked: false,
    last_seen: Time(NOW.0 - 400 * DAY),
};

fn round(kept: Watch, seen: Sighting) -> Watch {
    reconcile(kept, seen, false, Rules::default(), NOW)
}

fn why(watch: Watch) -> Option<Reason> {
    watch.suspended.map(|suspension| suspension.why)
}

fn suspended(why: Reason) -> Watch {
    Watch { missing_since: None, suspended: Some(Suspension { since: Time(1), why }) }
}

#[test]
fn an_account_that_is_simply_there_keeps_its_seat() {
    assert_eq!(round(Watch::default(), SEEN), Watch::default());
    let locked = Sighting { password_locked: true, ..SEEN };
    assert_eq!(round(Watch::default(), locked), Watch::default());
    let not_configured = Sighting { nologin: true, ..SEEN };
    assert_eq!(round(Watch::default(), not_configured), Watch::default());
}

#[test]
fn a_deleted_and_an_expired_account_give_up_their_seat_at_once() {
    let deleted = Sighting { presence: Presence::Deleted, ..SEEN };
    assert_eq!(round(Watch::default(), deleted).suspended, Some(Suspension { since: NOW, why: Reason::Deleted }));
    assert_eq!(why(round(Watch::default(), Sighting { expires: Some(NOW), ..SEEN })), Some(Reason::Expired));
    assert_eq!(why(round(Watch::default(), Sighting { expires: Some(NOW.plus(1)), ..SEEN })), None);
}

#[test]
fn shells_and_idleness_count_where_that_is_configured() {
    let rules = Rules { nologin: true, idle: Some(365 * DAY), ..Rules::default() };
    let why = |seen| why(reconcile(Watch::default(), seen, false, rules, NOW));
    assert_eq!(why(Sighting { nologin: true, ..SEEN }), Some(Reason::Nologin));
    assert_eq!(why(SEEN), Some(Reason::Idle));
    assert_eq!(why(Sighting { last_seen: NOW.plus(-365 * DAY + 1), ..SEEN }), None);
    assert_eq!(why(Sighting { last_seen: NOW.plus(5), ..SEEN }), None);
}

#[test]
fn an_account_that_merely_vanished_waits() {
    let vanished = Sighting { presence: Presence::Vanished, ..SEEN };
    let look = |kept, day: i64| reconcile(kept, vanished, false, Rules::default(), NOW.plus(day * DAY));
    let first = look(Watch::default(), 0);
    assert_eq!(first, Watch { missing_since: Some(NOW), suspended: None });
    let before = look(first, 13);
    assert_eq!(before, first);
    let after = look(before, 14);
    assert_eq!(after.suspended, Some(Suspension { since: NOW.plus(14 * DAY), why: Reason::Vanished }));
    assert_eq!(look(after, 20), after);
    let seen_between = reconcile(before, SEEN, false, Rules::default(), NOW.plus(13 * DAY));
    assert_eq!(look(seen_between, 14).suspended, None);
}

#[test]
fn a_clock_that_was_turned_back_begins_the_waiting_anew() {
    let vanished = Sighting { presence: Presence::Vanished, ..SEEN };
    let future = Watch { missing_since: Some(NOW.plus(DAY)), suspended: None };
    assert_eq!(round(future, vanished).missing_since, Some(NOW));
}

#[test]
fn while_directories_fail_nobody_is_suspended_and_every_waiting_begins_anew() {
    let waiting = Watch { missing_since: Some(NOW.plus(-13 * DAY)), suspended: None };
    for presence in [Presence::Vanished, Presence::Deleted, Presence::Unknown, Presence::Present] {
        let seen = Sighting { presence, expires: Some(Time(0)), nologin: true, ..SEEN };
        let rules = Rules { nologin: true, idle: Some(1), ..Rules::default() };
        assert_eq!(reconcile(waiting, seen, true, rules, NOW), Watch::default(), "{presence:?}");
    }
    let unknown = Sighting { presence: Presence::Unknown, ..SEEN };
    assert_eq!(round(waiting, unknown), Watch::default());
}

#[test]
fn who_is_suspended_stays_so_while_nothing_is_known_and_returns_when_seen() {
    for why in Reason::ALL {
        let kept = suspended(why);
        for presence in [Presence::Unknown, Presence::Vanished] {
            let seen = Sighting { presence, ..SEEN };
            assert_eq!(round(kept, seen).suspended, kept.suspended, "{presence:?}");
            assert_eq!(reconcile(kept, seen, true, Rules::default(), NOW).suspended, kept.suspended);
        }
        assert_eq!(round(kept, SEEN), Watch::default());
        assert_eq!(reconcile(kept, SEEN, true, Rules::default(), NOW), Watch::default());
        assert_eq!(kept.returned(), Watch::default());
    }
}

#[test]
fn another_reason_does_not_begin_the_suspension_anew() {
    let seen = Sighting { presence: Presence::Deleted, ..SEEN };
    let suspension = Suspension { since: Time(1), why: Reason::Deleted };
    assert_eq!(round(suspended(Reason::Expired), seen).suspended, Some(suspension));
}

fn sighting() -> impl Strategy<Value = Sighting> {
    let presence = prop_oneof![
        Just(Presence::Present),
        Just(Presence::Deleted),
        Just(Presence::Vanished),
        Just(Presence::Unknown)
    ];
    let expires = proptest::option::of(any::<i64>().prop_map(Time));
    (presence, expires, any::<(bool, bool, i64)>()).prop_map(|(presence, expires, (nologin, password_locked, last))| {
        Sighting { presence, expires, nologin, password_locked, last_seen: Time(last) }
    })
}

fn watch() -> impl Strategy<Value = Watch> {
    let suspended = (any::<i64>(), proptest::sample::select(&Reason::ALL[..]))
        .prop_map(|(since, why)| Suspension { since: Time(since), why });
    (proptest::option::of(any::<i64>().prop_map(Time)), proptest::option::of(suspended))
        .prop_map(|(missing_since, suspended)| Watch { missing_since, suspended })
}

fn rules() -> impl Strategy<Value = Rules> {
    (0..1_000_000_000_i64, any::<bool>(), proptest::option::of(1..1_000_000_000_i64))
        .prop_map(|(vanished, nologin, idle)| Rules { vanished, nologin, idle })
}

proptest! {
    #[test]
    fn nobody_is_newly_suspended_while_anything_is_unknown(
        (kept, seen, rules, now) in (watch(), sighting(), rules(), any::<i64>()),
    ) {
        let after = reconcile(kept, seen, true, rules, Time(now));
        prop_assert!(after.suspended.is_none() || after.suspended == kept.suspended);
        let seen = Sighting { presence: Presence::Unknown, ..seen };
        prop_assert_eq!(reconcile(kept, seen, false, rules, Time(now)).suspended, kept.suspended);
    }

    #[test]
    fn a_locked_password_changes_nothing(
        (kept, seen, rules) in (watch(), sighting(), rules()),
        (failing, now) in any::<(bool, i64)>(),
    ) {
        let [locked, open] = [true, false].map(|password_locked| Sighting { password_locked, ..seen });
        let look = |seen| reconcile(kept, seen, failing, rules, Time(now));
        prop_assert_eq!(look(locked), look(open));
    }

    #[test]
    fn looking_twice_is_looking_once(
        (kept, seen, rules) in (watch(), sighting(), rules()),
        (failing, now) in any::<(bool, i64)>(),
    ) {
        let once = reconcile(kept, seen, failing, rules, Time(now));
        prop_assert_eq!(reconcile(once, seen, failing, rules, Time(now)), once);
    }

    #[test]
    fn who_is_there_with_nothing_against_them_takes_a_seat(kept in watch(), rules in rules(), failing in any::<bool>()) {
        let seen = Sighting { last_seen: NOW, ..SEEN };
        prop_assert_eq!(reconcile(kept, seen, failing, rules, NOW), Watch::default());
    }
}
