//! What goes over the wire, word for word.

use super::*;
use serde_json::json;

#[test]
fn what_was_done_stands_beside_the_outcome() {
    let asserted = Asserted {
        credential: Bytes::from(vec![1, 2, 3]),
        authenticator_data: Bytes::from(vec![0xff; 3]),
        signature: Bytes::from(vec![0]),
    };
    let answer = Answer::Done(asserted);
    let wire = json!({"outcome": "done", "credential": "AQID", "authenticator_data": "____", "signature": "AA"});
    assert_eq!(serde_json::to_value(&answer).unwrap(), wire);
    assert_eq!(serde_json::from_value::<Answer<Asserted>>(wire).unwrap(), answer);
}

#[test]
fn every_failure_travels_and_comes_back() {
    let failures = [
        (Failure::NoKey, json!({"outcome": "no_key"})),
        (Failure::NotHere, json!({"outcome": "not_here"})),
        (Failure::AlreadyThere, json!({"outcome": "already_there"})),
        (Failure::Several { keys: 2 }, json!({"outcome": "several", "keys": 2})),
        (Failure::TimedOut, json!({"outcome": "timed_out"})),
        (Failure::Denied, json!({"outcome": "denied"})),
        (Failure::Unplugged, json!({"outcome": "unplugged"})),
        (Failure::PinNeeded, json!({"outcome": "pin_needed"})),
        (Failure::PinNotSet, json!({"outcome": "pin_not_set"})),
        (Failure::PinWrong { tries_left: Some(7) }, json!({"outcome": "pin_wrong", "tries_left": 7})),
        (Failure::PinWrong { tries_left: None }, json!({"outcome": "pin_wrong"})),
        (Failure::PinLastTries { tries_left: 3 }, json!({"outcome": "pin_last_tries", "tries_left": 3})),
        (Failure::PinBlocked, json!({"outcome": "pin_blocked"})),
        (Failure::PinPause, json!({"outcome": "pin_pause"})),
        (Failure::Busy, json!({"outcome": "busy"})),
        (Failure::Unsupported, json!({"outcome": "unsupported"})),
        (Failure::Failed { detail: "why".into() }, json!({"outcome": "failed", "detail": "why"})),
    ];
    for (failure, wire) in failures {
        let answer: Answer<Made> = Err(failure.clone()).into();
        assert_eq!(serde_json::to_value(&answer).unwrap(), wire);
        assert_eq!(serde_json::from_value::<Answer<Made>>(wire).unwrap().into_result(), Err(failure));
    }
}

#[test]
fn an_outcome_that_is_not_known_or_not_whole_is_no_answer() {
    for wire in [
        json!({"outcome": "pass"}),
        json!({"outcome": "done"}),
        json!({"outcome": "done", "credential": "AQID"}),
        json!({"outcome": "pin_last_tries"}),
        json!({"credential": "AQID", "authenticator_data": "AA", "signature": "AA"}),
        json!({}),
    ] {
        assert!(serde_json::from_value::<Answer<Asserted>>(wire.clone()).is_err(), "{wire}");
    }
}

#[test]
fn calls_with_fields_that_are_not_known_are_refused() {
    let find = json!({"credentials": [{"id": "AQID", "relying_party": "web1"}], "seconds": 5});
    assert!(serde_json::from_value::<Find>(find).is_ok());
    let touching = json!({"credentials": [], "seconds": 5, "touch": true});
    assert!(serde_json::from_value::<Find>(touching).is_err());
}

#[test]
fn a_pin_is_never_printed_with_its_call() {
    let assert = Assert {
        credentials: Vec::new(),
        client_data_hash: Bytes::from(vec![0; 32]),
        pin: Some(Secret::from("314159")),
        verify_user: true,
        seconds: 15,
    };
    assert!(!format!("{assert:?}").contains("314159"));
}

#[test]
fn a_pin_is_needed_where_the_user_must_be_verified_and_no_finger_does_it() {
    let plain = Can { pin_set: true, ..Can::default() };
    assert!(plain.needs_pin(true) && !plain.needs_pin(false));
    assert!(Can { always_verifies: true, ..plain }.needs_pin(false));
    assert!(!Can { built_in_verification: true, ..plain }.needs_pin(true));
    assert!(!Can::default().needs_pin(true) && !Can::default().can_verify());
}
