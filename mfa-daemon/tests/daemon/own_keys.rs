//! Adding security keys and SSH keys, with requests that a program of anybody's own could make.

use crate::soft_key::{SoftKey, VERIFIED};
use crate::support::{NOBODY, Place, as_root, left_out, me};
use crate::wire::{Wire, strings};
use serde_json::{Value, json};

const ADD: &str = "io.mfa.Enrollment.AddSecurityKey";
const MADE: &str = "io.mfa.Enrollment.SecurityKeyMade";
const CONFIRM: &str = "io.mfa.Enrollment.ConfirmSecurityKey";
const ADD_SSH: &str = "io.mfa.Enrollment.AddSshKey";
const CONFIRM_SSH: &str = "io.mfa.Enrollment.ConfirmSshKey";

/// Without `user` it is about whoever asks.
fn begin(wire: &mut Wire) -> Value {
    wire.ask(ADD, json!({}))
}

/// Up to the question for the second touch.
fn made(wire: &mut Wire, key: &mut SoftKey) -> Value {
    let asked = begin(wire);
    wire.ask(MADE, key.make(&asked))
}

fn add(wire: &mut Wire, key: &mut SoftKey) -> Value {
    let asked = made(wire, key);
    wire.ask(CONFIRM, key.prove(&asked))
}

fn names(wire: &mut Wire) -> Vec<String> {
    let status = wire.ask("io.mfa.Enrollment.Status", json!({}));
    status["factors"].as_array().unwrap().iter().map(|factor| factor["name"].as_str().unwrap().to_owned()).collect()
}

fn with(mut parameters: Value, field: &str, value: &Value) -> Value {
    parameters[field] = value.clone();
    parameters
}

#[test]
fn a_key_becomes_a_factor_with_the_second_touch_and_brings_the_first_backup_codes() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut key = SoftKey::new(1);
    let asked = begin(&mut wire);
    assert_eq!(
        (&asked["verify_user"], &asked["attestation"], &asked["exclude"]),
        (&json!(false), &json!(false), &json!([]))
    );
    let proving = wire.ask(MADE, key.make(&asked));
    assert_eq!(names(&mut wire), [""; 0], "nothing is kept before it has proved itself");
    assert_ne!(proving["client_data_hash"], asked["client_data_hash"]);
    let added = wire.ask(CONFIRM, key.prove(&proving));
    assert_eq!((added["name"].as_str(), strings(&added["backup_codes"]).len()), (Some("security key"), 10));
    assert_eq!(names(&mut wire), ["security key"]);
}

#[test]
fn the_second_key_has_a_number_and_the_first_is_not_enrolled_again() {
    if !as_root() {
        return left_out("a second key, by root");
    }
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let (mut first, mut second) = (SoftKey::new(1), SoftKey::new(2));
    add(&mut wire, &mut first);
    let asked = begin(&mut wire);
    assert_eq!(asked["exclude"][0]["name"], "security key");
    assert_eq!(asked["exclude"][0]["credential"]["relying_party"], asked["relying_party"]);
    assert_eq!(wire.refused(MADE, first.make(&asked)), "not_allowed");
    let added = add(&mut wire, &mut second);
    assert_eq!((added["name"].as_str(), added.get("backup_codes")), (Some("security key 2"), None));
    assert_eq!(names(&mut wire), ["security key", "security key 2"]);
}

#[test]
fn a_challenge_is_good_for_one_answer_on_its_own_connection() {
    let place = Place::new();
    let daemon = place.start();
    let (mut wire, mut other) = (daemon.connect(), daemon.connect());
    let mut key = SoftKey::new(1);

    let asked = begin(&mut wire);
    let answer = key.make(&asked);
    assert_eq!(other.refused(MADE, answer.clone()), "not_found", "nothing was begun there");
    let others = begin(&mut other);
    // What a key made says nothing of the challenge unless somebody vouches for it; what it proves does.
    let proving = wire.ask(MADE, answer.clone());
    assert_eq!(wire.refused(MADE, answer), "not_found", "a replay");
    assert_eq!(wire.refused(CONFIRM, key.prove(&proving)), "not_found", "the replay ended it");

    let proving = made(&mut wire, &mut key);
    let mut another = SoftKey::new(2);
    let elsewhere = other.ask(MADE, another.make(&others));
    let crossed = with(another.prove(&proving), "credential", &elsewhere["credential"]["id"]);
    assert_eq!(other.refused(CONFIRM, crossed), "invalid", "the challenge of the other connection");
    assert_eq!(other.refused(CONFIRM, another.prove(&elsewhere)), "not_found", "and it is over");

    let right = key.prove(&proving);
    wire.ask(CONFIRM, right.clone());
    assert_eq!(wire.refused(CONFIRM, right), "not_found", "a replay of the right one");
    assert_eq!(names(&mut wire), ["security key"]);
}

#[test]
fn a_challenge_ends_after_ten_minutes_and_with_the_next_one() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut key = SoftKey::new(1);
    let proving = made(&mut wire, &mut key);
    place.set_clock(place.clock() + 600);
    assert_eq!(wire.refused(CONFIRM, key.prove(&proving)), "not_found");
    let asked = begin(&mut wire);
    place.set_clock(place.clock() + 600);
    assert_eq!(wire.refused(MADE, key.make(&asked)), "not_found");
    let before = made(&mut wire, &mut key);
    begin(&mut wire);
    assert_eq!(wire.refused(CONFIRM, key.prove(&before)), "not_found");
    assert_eq!(names(&mut wire), [""; 0]);
}

#[test]
fn what_a_key_did_not_say_is_refused_and_over() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut key = SoftKey::new(1);
    key.flags = 0;
    let asked = begin(&mut wire);
    assert_eq!(wire.refused(MADE, key.make(&asked)), "invalid", "not touched");
    key.flags = 1;
    let elsewhere = with(begin(&mut wire), "relying_party", &json!("evil.example"));
    assert_eq!(wire.refused(MADE, key.make(&elsewhere)), "invalid", "made for somebody else");
    for (field, value, code) in [
        ("authenticator_data", json!("AAEC"), "invalid"),
        ("format", json!("packed"), "not_allowed"),
        ("statement", json!("_w"), "not_allowed"),
    ] {
        let asked = begin(&mut wire);
        assert_eq!(wire.refused(MADE, with(key.make(&asked), field, &value)), code, "{field}");
    }
    for (field, value) in
        [("signature", json!("AAEC")), ("authenticator_data", json!("")), ("credential", json!("AAEC"))]
    {
        let asked = made(&mut wire, &mut key);
        assert_eq!(wire.refused(CONFIRM, with(key.prove(&asked), field, &value)), "invalid", "{field}");
        assert_eq!(wire.refused(CONFIRM, key.prove(&asked)), "not_found", "{field}");
    }
    for bad in [json!("AA=="), json!(7), json!(null)] {
        let asked = begin(&mut wire);
        assert_eq!(wire.refused(MADE, with(key.make(&asked), "authenticator_data", &bad)), "InvalidParameter");
    }
    let long = "A".repeat(40_000);
    let asked = begin(&mut wire);
    assert_eq!(wire.refused(MADE, with(key.make(&asked), "authenticator_data", &json!(long))), "invalid");
    assert_eq!(names(&mut wire), [""; 0]);
}

#[test]
fn nobody_adds_a_key_for_somebody_else_not_even_halfway() {
    if !as_root() {
        return left_out("keys of other users");
    }
    let place = Place::new();
    let daemon = place.start();
    let mut plain = daemon.connect_as(NOBODY);
    for (method, parameters) in [(ADD, json!({})), (ADD_SSH, json!({ "public_key": SoftKey::new(1).ssh_line("x") }))] {
        assert_eq!(plain.refused(method, with(parameters, "user", &json!("ghost1"))), "PermissionDenied");
    }
    let mut root = daemon.connect();
    let mut key = SoftKey::new(1);
    let asked = root.ask(ADD, json!({ "user": "ghost1" }));
    assert_eq!(root.refused(MADE, with(key.make(&asked), "user", &json!("ghost2"))), "not_found");
    let asked = root.ask(ADD, json!({ "user": "ghost1" }));
    let asked = root.ask(MADE, with(key.make(&asked), "user", &json!("ghost1")));
    assert_eq!(root.refused(CONFIRM, with(key.prove(&asked), "user", &json!("ghost2"))), "not_found");
    for user in ["ghost1", "ghost2"] {
        assert_eq!(root.status(user)["factors"], json!([]));
    }
}

#[test]
fn whoever_has_a_factor_proves_it_first_and_again_when_it_was_too_long_ago() {
    if !as_root() {
        return left_out("another user's keys");
    }
    let place = Place::new();
    let daemon = place.start();
    let (mut phone, _) = daemon.connect().enroll("nobody", &place);
    let mut wire = daemon.connect_as(NOBODY);
    let mut key = SoftKey::new(1);
    assert_eq!(wire.refused(ADD, json!({})), "authorize_first");
    wire.ask("io.mfa.Enrollment.Authorize", json!({}));
    wire.answer(&phone.code(&place));
    let asked = made(&mut wire, &mut key);
    place.set_clock(place.clock() + 301);
    assert_eq!(wire.refused(CONFIRM, key.prove(&asked)), "authorize_first");
    assert_eq!(names(&mut wire), ["phone"]);
}

#[test]
fn what_policy_and_site_want_of_keys_is_asked_and_checked() {
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\nverify_user = true\n");
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut key = SoftKey::new(1);
    let asked = begin(&mut wire);
    assert_eq!(asked["verify_user"], true);
    assert_eq!(wire.refused(MADE, key.make(&asked)), "not_allowed");
    key.flags = VERIFIED;
    let asked = made(&mut wire, &mut key);
    assert_eq!(asked["verify_user"], true);
    key.flags = 1;
    assert_eq!(wire.refused(CONFIRM, key.prove(&asked)), "not_allowed");
    let text = wire.ask(ADD_SSH, json!({ "public_key": key.ssh_line("") }))["text"].as_str().unwrap().to_owned();
    assert_eq!(wire.refused(CONFIRM_SSH, json!({ "signature": key.ssh_sign("mfa-enroll", &text) })), "invalid");

    place.write("config/mfa.toml", b"[security_keys]\nattestation = true\nrelying_party = \"acme.example\"\n", 0o644);
    place.policy("[defaults]\nrequire = \"always\"\n");
    assert!(daemon.reload());
    let mut wire = daemon.connect();
    let asked = begin(&mut wire);
    assert_eq!((&asked["attestation"], &asked["relying_party"]), (&json!(true), &json!("acme.example")));
    assert_eq!(wire.refused(MADE, key.make(&asked)), "not_allowed", "it tells nothing of its make");
    place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"totp\"]\nown_factors = false\n");
    assert!(daemon.reload());
    assert_eq!(daemon.connect().refused(ADD, json!({})), "not_allowed");
}

#[test]
fn an_ssh_key_becomes_a_factor_by_a_signature_over_who_where_and_a_challenge() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let mut key = SoftKey::new(1);
    let asked = wire.ask(ADD_SSH, json!({ "public_key": key.ssh_line("alice@laptop") }));
    let text = asked["text"].as_str().unwrap().to_owned();
    assert_eq!((&asked["namespace"], &asked["name"]), (&json!("mfa-enroll"), &json!("alice@laptop")));
    assert!(text.contains(&me()) && text.contains(asked["fingerprint"].as_str().unwrap()), "{text}");
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' '), "{text}");
    // What was pasted wrongly is pasted again; for another namespace or text, by another key, it is none.
    let mut other = SoftKey::new(2);
    for wrong in [
        String::new(),
        "-----BEGIN SSH SIGNATURE-----".into(),
        key.ssh_sign("file", &text),
        key.ssh_sign("mfa-enroll", &format!("{text}\n")),
        other.ssh_sign("mfa-enroll", &text),
    ] {
        assert_eq!(wire.refused(CONFIRM_SSH, json!({ "signature": wrong })), "invalid", "{wrong}");
    }
    let right = json!({ "signature": key.ssh_sign("mfa-enroll", &text) });
    assert_eq!(daemon.connect().refused(CONFIRM_SSH, right.clone()), "not_found", "another connection");
    let added = wire.ask(CONFIRM_SSH, right.clone());
    assert_eq!(strings(&added["backup_codes"]).len(), 10);
    assert_eq!(wire.refused(CONFIRM_SSH, right), "not_found", "a replay");
    let status = wire.ask("io.mfa.Enrollment.Status", json!({}));
    assert_eq!(status["factors"][0]["fingerprint"], asked["fingerprint"]);
}

#[test]
fn ordinary_keys_certificates_and_what_is_no_key_are_refused() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let vectors = [
        include_str!("../../../mfa-core/tests/vectors/ed25519.pub"),
        include_str!("../../../mfa-core/tests/vectors/rsa.pub"),
        include_str!("../../../mfa-core/tests/vectors/ed25519-cert.pub"),
        "sk-ssh-ed25519@openssh.com AAAA",
        "",
    ];
    for line in vectors.map(str::to_owned).into_iter().chain([format!("ssh-ed25519 {}", "A".repeat(40_000))]) {
        assert_eq!(wire.refused(ADD_SSH, json!({ "public_key": line })), "invalid", "{line}");
    }
    let line = SoftKey::new(1).ssh_line("x");
    for name in ["", "\u{7}", &"x".repeat(65)] {
        assert_eq!(wire.refused(ADD_SSH, json!({ "public_key": line, "name": name })), "invalid", "{name:?}");
        assert_eq!(wire.refused(ADD, json!({ "name": name })), "invalid", "{name:?}");
    }
}
