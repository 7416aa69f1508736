//! Changing factors by a key, from a program of one's own: a touch does not say which program it is for.

use crate::screen::Screen;
use crate::scripted_key::{Scene, enroll, found, say_wait, turn};
use crate::soft_key::{SoftKey, VERIFIED};
use crate::support::{NOBODY, Place, as_root, left_out};
use crate::wire::{Wire, outcome};
use serde_json::{Value, json};

const AUTHORIZE: &str = r#"{"method":"io.mfa.Enrollment.Authorize","parameters":{}}"#;

/// What the program is told once a key like that was found.
fn authorize(wire: &mut Wire, scene: &Scene<'_>, plugged: &Value) -> Value {
    assert!(wire.say(AUTHORIZE));
    scene.port.next("Find").answer(plugged);
    turn(wire)
}

/// A user without rights sits before the screen, and has a key.
fn at_the_desk(place: &Place) -> (Scene<'_>, SoftKey, Value) {
    Screen::of(place, [NOBODY, 1002]);
    let (scene, mut key) = (Scene::new(place), SoftKey::new(4));
    let credential = enroll(&mut scene.daemon.connect(), "nobody", &mut key);
    (scene, key, credential)
}

#[test]
fn whoever_changes_factors_at_the_desk_types_the_keys_pin_and_a_touch_alone_changes_none() {
    if !as_root() {
        return left_out("another user's key");
    }
    let place = Place::new();
    let (mut scene, mut key, credential) = at_the_desk(&place);
    let mut wire = scene.daemon.connect_as(NOBODY);
    let told = authorize(&mut wire, &scene, &found(&credential));
    assert!(told["say"][0]["text"].as_str().unwrap().starts_with("Here a security key counts with its PIN"), "{told}");
    assert_eq!(outcome(&told), "ask");
    assert_eq!(wire.refused("io.mfa.Enrollment.NewBackupCodes", json!({})), "authorize_first");

    let mut with_pin = found(&credential);
    with_pin["matches"][0]["pin_set"] = json!(true);
    with_pin["matches"][0]["built_in_verification"] = json!(true);
    let mut wire = scene.daemon.connect_as(NOBODY);
    let asked = authorize(&mut wire, &scene, &with_pin);
    assert!(asked["ask"]["text"].as_str().unwrap().ends_with("PIN of your security key (Enter = code): "), "{asked}");
    assert_eq!(wire.answer("2468")["wait"], 20);
    let operation = scene.port.next("Assert");
    assert_eq!((&operation.asked["pin"], &operation.asked["verify_user"]), (&json!("2468"), &json!(true)));
    key.flags = VERIFIED;
    scene.key = key;
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "pass");
    wire.ask("io.mfa.Enrollment.NewBackupCodes", json!({}));
}

#[test]
fn to_try_a_key_a_touch_is_enough_and_it_changes_nothing() {
    if !as_root() {
        return left_out("another user's key");
    }
    let place = Place::new();
    let (mut scene, key, credential) = at_the_desk(&place);
    scene.key = key;
    let mut wire = scene.daemon.connect_as(NOBODY);
    assert!(wire.say(r#"{"method":"io.mfa.Enrollment.Authorize","parameters":{"trial":true}}"#));
    scene.port.next("Find").answer(&found(&credential));
    assert_eq!(turn(&mut wire)["wait"], 20);
    let operation = scene.port.next("Assert");
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "pass");
    assert_eq!(wire.refused("io.mfa.Enrollment.NewBackupCodes", json!({})), "authorize_first");
}
