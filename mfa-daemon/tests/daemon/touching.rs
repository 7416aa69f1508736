//! Security keys in a login: a touch lets in, and whatever else becomes of the key does not.

use crate::scripted_key::{Scene, at_the_console, enroll, found, nothing_found, say_begin, say_wait, turn};
use crate::soft_key::SoftKey;
use crate::support::{NOBODY, Place, as_root, left_out};
use crate::wire::outcome;
use serde_json::{Value, json};
use std::sync::mpsc::channel;

#[test]
fn a_touch_lets_in_whoever_sits_at_the_machine() {
    if !as_root() {
        return left_out("a touch at the console");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    assert_eq!(operation.asked["seconds"], 15);
    assert_eq!(operation.asked["verify_user"], false);
    assert!(operation.asked.get("pin").is_none());
    say_wait(&mut wire);
    scene.touched(operation);
    let turn = turn(&mut wire);
    assert_eq!((outcome(&turn).as_str(), &turn["done"]["reason"]), ("pass", &json!("security-key")));
    scene.daemon.log.wait_for("passed user=ghost1 service=login", 1);
}

#[test]
fn a_touch_that_comes_before_anybody_waits_for_it_counts_all_the_same() {
    if !as_root() {
        return left_out("a quick touch");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    scene.touched(operation);
    assert_eq!(wire.refused("io.mfa.Login.Answer", json!({ "answer": "492817" })), "invalid", "nothing was asked");
    say_wait(&mut wire);
    assert_eq!(outcome(&turn(&mut wire)), "pass");
    assert_eq!(wire.refused("io.mfa.Login.Wait", json!({})), "invalid", "it is over");
}

#[test]
fn whatever_becomes_of_the_key_the_code_is_asked_for() {
    if !as_root() {
        return left_out("keys that fail");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    let (mut phone, codes) = scene.daemon.connect().enroll("ghost1", &place);
    assert!(codes.is_empty(), "there are some already");
    for (answer, sentence) in [
        (json!({ "outcome": "timed_out" }), "The key was not touched within 15 s."),
        (json!({ "outcome": "denied" }), "The key said no."),
        (json!({ "outcome": "unplugged" }), "The key was unplugged."),
        (json!({ "outcome": "busy" }), "The key is in use. Try again: k"),
        (json!({ "outcome": "failed", "detail": "it smokes" }), "The key cannot be used now."),
        (json!({ "outcome": "nonsense" }), "The key cannot be used now."),
        (
            json!({ "outcome": "done", "credential": "AAEC", "authenticator_data": "", "signature": "" }),
            "That key's answer was not accepted.",
        ),
    ] {
        let mut wire = scene.daemon.connect();
        let operation = scene.waiting(&mut wire);
        say_wait(&mut wire);
        operation.answer(&answer);
        let turn = turn(&mut wire);
        assert_eq!(turn["say"][0]["text"], sentence);
        assert_eq!(turn["ask"]["text"], "Verification code: ");
    }
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    say_wait(&mut wire);
    drop(operation); // mfa-key dies
    assert_eq!(turn(&mut wire)["say"][0]["text"], "The key cannot be used now.");
    assert_eq!(outcome(&wire.answer(&phone.code(&place))), "pass");
    scene.daemon.errors.wait_for("it smokes", 1);
}

#[test]
fn without_mfa_key_the_code_is_asked_for_and_the_log_says_why() {
    if !as_root() {
        return left_out("no mfa-key");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    std::fs::remove_file(place.path("key.sock")).unwrap();
    let turn = wire.ask("io.mfa.Login.Begin", at_the_console("ghost1"));
    assert_eq!(turn["say"][0]["text"], "The key cannot be used now.");
    scene.daemon.errors.wait_for("is mfa-key.socket started?", 1);
}

#[test]
fn over_the_network_no_key_is_asked_for_whatever_the_client_says() {
    if !as_root() {
        return left_out("keys from elsewhere");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    let remote = |service: &str, more: Value| {
        let mut parameters = json!({ "protocol": 1, "user": "ghost1", "service": service, "timeout": 120 });
        parameters.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        parameters
    };
    for parameters in [
        remote("sshd", json!({ "tty": "tty1" })),
        remote("login", json!({ "tty": "tty1", "rhost": "10.1.2.3" })),
        remote("login", json!({ "tty": "pts/3" })),
        remote("login", json!({ "tty": "ttyS0" })),
        remote("sudo", json!({ "tty": "tty1" })),
        remote("sudo", json!({ "tty": "tty1", "login_uid": 1000, "login_session": 4_000_000 })),
    ] {
        let mut wire = scene.daemon.connect();
        let turn = wire.ask("io.mfa.Login.Begin", parameters.clone());
        assert_eq!(outcome(&turn), "ask", "{parameters}");
        let turn = wire.answer("k");
        assert!(turn["say"][0]["text"].as_str().unwrap().contains("sits at this machine"), "{parameters}: {turn}");
    }
    assert!(scene.port.is_asked_nothing());
}

#[test]
fn whoever_hangs_up_while_the_key_blinks_calls_it_off() {
    if !as_root() {
        return left_out("a key called off");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    drop(wire); // before anybody waits
    operation.until_called_off();
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    say_wait(&mut wire);
    drop(wire);
    operation.until_called_off();
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "pass", "and the next one has the key for itself");
}

#[test]
fn two_logins_have_one_key_after_the_other_and_one_touch_is_for_one_of_them() {
    if !as_root() {
        return left_out("two logins at a key");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let (mut first, mut second) = (scene.daemon.connect(), scene.daemon.connect());
    let operation = scene.waiting(&mut first);
    say_begin(&mut second, at_the_console("ghost1"));
    say_wait(&mut first);
    let challenge = operation.asked["client_data_hash"].clone();
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut first)), "pass");
    scene.port.next("Find").answer(&found(&scene.credential));
    assert_eq!(turn(&mut second)["wait"], 20);
    let operation = scene.port.next("Assert");
    assert_ne!(operation.asked["client_data_hash"], challenge);
    say_wait(&mut second);
    let replayed = json!({ "credential": operation.asked["credentials"][0], "client_data_hash": challenge });
    let mut signed = scene.key.prove(&replayed);
    signed["outcome"] = json!("done");
    operation.answer(&signed);
    assert_eq!(turn(&mut second)["say"][0]["text"], "That key's answer was not accepted.");
}

#[test]
fn nobody_is_told_to_touch_a_key_that_blinks_for_another_login() {
    if !as_root() {
        return left_out("two who were found a key for");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let credential = enroll(&mut scene.daemon.connect(), "ghost2", &mut SoftKey::new(5));
    let (mut first, others) = (scene.daemon.connect(), [scene.daemon.connect(), scene.daemon.connect()]);
    say_begin(&mut first, at_the_console("ghost1"));
    let search = scene.port.next("Find");
    let (sent, told) = channel();
    std::thread::scope(|scope| {
        for mut wire in others {
            say_begin(&mut wire, at_the_console("ghost2"));
            let sent = sent.clone();
            scope.spawn(move || sent.send(turn(&mut wire)).unwrap());
        }
        let in_use = |turn: Value| {
            assert_eq!(turn["say"][0]["text"], "The key is in use. Try again: k");
            assert_eq!(outcome(&turn), "ask");
        };
        in_use(told.recv().unwrap()); // so the other one is in the queue
        search.answer(&found(&scene.credential));
        scene.port.next("Find").answer(&found(&credential));
        // Two know their key now. It blinks for one of them, and the other one is not shown a word of touching.
        assert_eq!(turn(&mut first)["wait"], 20);
        let operation = scene.port.next("Assert");
        in_use(told.recv().unwrap());
        assert!(scene.port.is_asked_nothing());
        say_wait(&mut first);
        scene.touched(operation);
        assert_eq!(outcome(&turn(&mut first)), "pass");
    });
}

#[test]
fn of_one_account_one_login_waits_for_the_key_and_a_further_one_is_told_at_once() {
    if !as_root() {
        return left_out("a crowd at one key");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let (mut first, others) = (scene.daemon.connect(), [scene.daemon.connect(), scene.daemon.connect()]);
    let operation = scene.waiting(&mut first);
    say_wait(&mut first);
    let (sent, told) = channel();
    std::thread::scope(|scope| {
        for mut wire in others {
            say_begin(&mut wire, at_the_console("ghost1"));
            let sent = sent.clone();
            scope.spawn(move || sent.send(turn(&mut wire)).unwrap());
        }
        let further = told.recv().unwrap();
        assert_eq!(further["say"][0]["text"], "The key is in use. Try again: k");
        assert_eq!(outcome(&further), "ask");
        scene.touched(operation);
        assert_eq!(outcome(&turn(&mut first)), "pass");
        scene.port.next("Find").answer(&found(&scene.credential));
        assert_eq!(told.recv().unwrap()["wait"], 20, "the other one's turn comes");
    });
}

#[test]
fn a_policy_that_takes_no_keys_any_more_is_the_one_that_counts_when_the_touch_comes() {
    if !as_root() {
        return left_out("a policy that changes meanwhile");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"totp\", \"backup-code\"]\nown_factors = false\n");
    assert!(scene.daemon.reload());
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "ask");
}

#[test]
fn a_key_that_is_removed_while_it_blinks_lets_nobody_in() {
    if !as_root() {
        return left_out("a key removed meanwhile");
    }
    let place = Place::new();
    let mut scene = Scene::new(&place);
    let mut wire = scene.daemon.connect();
    let operation = scene.waiting(&mut wire);
    scene.daemon.connect().ask("io.mfa.Admin.Reset", json!({ "user": "ghost1" }));
    say_wait(&mut wire);
    scene.touched(operation);
    assert_ne!(outcome(&turn(&mut wire)), "pass");
}

#[test]
fn the_pin_goes_to_the_key_and_nowhere_else() {
    if !as_root() {
        return left_out("a PIN");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\n");
    let mut scene = Scene::new(&place);
    place.policy("[defaults]\nrequire = \"always\"\nverify_user = true\n");
    assert!(scene.daemon.reload());
    let mut wire = scene.daemon.connect();
    say_begin(&mut wire, at_the_console("ghost1"));
    let mut plugged = found(&scene.credential);
    plugged["matches"][0]["pin_set"] = json!(true);
    plugged["matches"][0]["pin_left"] = json!(8);
    scene.port.next("Find").answer(&plugged);
    let asked = turn(&mut wire);
    let prompt = asked["ask"]["text"].as_str().unwrap();
    assert!(prompt.ends_with("PIN of your security key (Enter = code): "), "{asked}");
    assert_eq!(asked["ask"]["echo"], false);
    assert_eq!(wire.answer("s3cret-PIN")["wait"], 20);
    let operation = scene.port.next("Assert");
    assert_eq!((&operation.asked["pin"], &operation.asked["verify_user"]), (&json!("s3cret-PIN"), &json!(true)));
    scene.key.flags = crate::soft_key::VERIFIED;
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "pass");
    let said = scene.daemon.log.all().into_iter().chain(scene.daemon.errors.all());
    assert!(said.into_iter().all(|line| !line.contains("s3cret-PIN")));
}

#[test]
fn an_ssh_key_that_sshd_has_verified_needs_no_question() {
    if !as_root() {
        return left_out("an SSH key");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    let mut key = SoftKey::new(2);
    let mut wire = scene.daemon.connect();
    let asked = wire.ask("io.mfa.Enrollment.AddSshKey", json!({ "user": "ghost2", "public_key": key.ssh_line("x") }));
    let text = asked["text"].as_str().unwrap().to_owned();
    let signature = key.ssh_sign("mfa-enroll", &text);
    wire.ask("io.mfa.Enrollment.ConfirmSshKey", json!({ "user": "ghost2", "signature": signature }));
    let line = key.ssh_line("");
    let login = |shown: &str, password: bool| {
        json!({ "protocol": 1, "user": "ghost2", "service": "sshd", "rhost": "10.1.2.3", "timeout": 120,
            "ssh_auth": format!("publickey {}\n", shown.trim()), "password": password })
    };
    let turn = scene.daemon.connect().ask("io.mfa.Login.Begin", login(&line, true));
    assert_eq!((outcome(&turn).as_str(), &turn["done"]["reason"]), ("pass", &json!("ssh-key")));
    let turn = scene.daemon.connect().ask("io.mfa.Login.Begin", login(&line, false));
    assert!(turn["ask"]["text"].as_str().unwrap().starts_with("Your SSH security key is one factor"), "{turn}");
    let other = SoftKey::new(3).ssh_line("");
    let turn = scene.daemon.connect().ask("io.mfa.Login.Begin", login(&other, true));
    assert!(turn["ask"]["text"].as_str().unwrap().starts_with("This login needs one of your SSH security keys: x"));
    place.write("config/mfa.toml", b"[security_keys]\nssh_verify_required = true\n", 0o644);
    assert!(scene.daemon.reload());
    let turn = scene.daemon.connect().ask("io.mfa.Login.Begin", login(&line, false));
    assert_eq!(outcome(&turn), "pass");
}

#[test]
fn a_users_own_program_says_nothing_of_where_its_user_sits() {
    if !as_root() {
        return left_out("another user's locker");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    let mut key = SoftKey::new(4);
    enroll(&mut scene.daemon.connect(), "nobody", &mut key);
    let mut wire = scene.daemon.connect_as(NOBODY);
    let turn = wire.ask(
        "io.mfa.Login.Begin",
        json!({ "protocol": 1, "user": "nobody", "service": "xsecurelock", "tty": "tty1", "timeout": 120 }),
    );
    assert_eq!(outcome(&turn), "ask");
    wire.answer("k");
    assert!(scene.port.is_asked_nothing(), "nobody has no session in front on a seat");
}

#[test]
fn nothing_plugged_in_is_the_code_at_once() {
    if !as_root() {
        return left_out("no key");
    }
    let place = Place::new();
    let scene = Scene::new(&place);
    scene.daemon.connect().enroll("ghost1", &place);
    let mut wire = scene.daemon.connect();
    say_begin(&mut wire, at_the_console("ghost1"));
    scene.port.next("Find").answer(&nothing_found());
    let turn = turn(&mut wire);
    assert_eq!((&turn["ask"]["text"], turn.get("say")), (&json!("Verification code: "), None));
}
