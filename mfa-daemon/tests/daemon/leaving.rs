//! Whoever sat at the machine when a login began and has gone since: the screen is somebody else's now, and so is the
//! hand that touches the key.

use crate::screen::Screen;
use crate::scripted_key::{Scene, at_the_console, found, say_begin, say_wait, turn};
use crate::support::{Place, as_root, left_out};
use crate::wire::outcome;
use serde_json::{Value, json};

const GONE: &str = "The key was not used: your session is not in front at this machine.";

/// `sudo` in the first session.
fn sudo() -> Value {
    json!({ "protocol": 1, "user": "ghost1", "service": "sudo", "tty": "/dev/tty1", "password": true, "timeout": 120,
        "login_uid": 1001, "login_session": 1 })
}

fn is_told(turn: &Value) {
    assert_eq!((&turn["say"][0]["text"], outcome(turn).as_str()), (&json!(GONE), "ask"), "{turn}");
}

#[test]
fn a_key_that_blinks_stops_when_the_screen_becomes_somebody_elses_and_the_code_is_asked_for() {
    if !as_root() {
        return left_out("a key left blinking");
    }
    let place = Place::new();
    let screen = Screen::of(&place, [1001, 1002]);
    let mut scene = Scene::new(&place);
    for begin in [sudo(), at_the_console("ghost1")] {
        screen.show(1);
        let mut wire = scene.daemon.connect();
        say_begin(&mut wire, begin.clone());
        scene.port.next("Find").answer(&found(&scene.credential));
        assert_eq!(turn(&mut wire)["wait"], 20, "{begin}");
        let operation = scene.port.next("Assert");
        say_wait(&mut wire);
        screen.show(2);
        operation.until_called_off();
        is_told(&turn(&mut wire));
        let elsewhere = wire.answer("k");
        assert!(elsewhere["say"][0]["text"].as_str().unwrap().contains("sits at this machine"), "{elsewhere}");
        assert!(scene.port.is_asked_nothing());
        screen.show(1);
        assert!(wire.say(r#"{"method":"io.mfa.Login.Answer","parameters":{"answer":"k"}}"#));
        scene.port.next("Find").answer(&found(&scene.credential));
        assert_eq!(turn(&mut wire)["wait"], 20, "and back: {begin}");
        let operation = scene.port.next("Assert");
        say_wait(&mut wire);
        scene.touched(operation);
        assert_eq!(outcome(&turn(&mut wire)), "pass", "{begin}");
    }
}

#[test]
fn what_was_signed_before_the_screen_changed_hands_and_is_weighed_after_it_lets_nobody_in() {
    if !as_root() {
        return left_out("a touch and then another screen");
    }
    let place = Place::new();
    let screen = Screen::of(&place, [1001, 1002]);
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    say_begin(&mut wire, sudo());
    scene.port.next("Find").answer(&found(&scene.credential));
    assert_eq!(turn(&mut wire)["wait"], 20);
    let operation = scene.port.next("Assert");
    scene.touched(operation);
    screen.show(2);
    say_wait(&mut wire);
    is_told(&turn(&mut wire));
}

#[test]
fn whoever_has_gone_while_their_key_was_looked_for_has_none_touched() {
    if !as_root() {
        return left_out("a search and then another screen");
    }
    let place = Place::new();
    let screen = Screen::of(&place, [1001, 1002]);
    let scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    say_begin(&mut wire, sudo());
    let search = scene.port.next("Find");
    screen.show(2);
    search.until_called_off();
    is_told(&turn(&mut wire));
    assert!(scene.port.is_asked_nothing());
    let mut wire = scene.daemon.connect();
    let asked = wire.ask("io.mfa.Login.Begin", sudo());
    let prompt = asked["ask"]["text"].as_str().unwrap();
    assert!(prompt.ends_with("A backup code works as well. Verification code: "), "not there to begin with: {asked}");
    assert!(scene.port.is_asked_nothing());
}
