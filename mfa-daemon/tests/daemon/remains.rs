//! What remains in the daemon's memory of what went through it, freed memory and stacks included: of codes that were given,
//! mailed or imported, of a PIN, of the password that it is never told; and what must be there, the master key.

use crate::mailed_codes::{MAIL, next, post_office};
use crate::scripted_key::{Scene, at_the_console, found, say_begin, say_wait, turn};
use crate::secrets::{an_idle_dialog_later, holds, memory, traces};
use crate::support::{Daemon, NOBODY, Place, as_root, left_out};
use crate::wire::{Phone, outcome};
use data_encoding::BASE32_NOPAD;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// No byte of it is like another's.
const KEY: [u8; 32] =
    *b"\xa7k\x01E\xe2y\x9f\x03\xc4Q\x88\xfe2\xb0w\x1d\xd5\x6a\xf1\x4e\x93\x0c\xab\x60\x2f\xdc\x5b\x87\x19\xe8\x70\x36";

/// Which of these are in the daemon's memory.
fn remains<'n>(daemon: &Daemon<'_>, needles: &[(&'n str, &[u8])]) -> Vec<&'n str> {
    let memory = memory(daemon).expect("root reads a child's memory");
    assert!(holds(&memory, b"mfa-daemon"));
    needles.iter().filter(|(_, needle)| traces(&memory, needle)).map(|(what, _)| *what).collect()
}

#[test]
fn of_codes_that_were_given_and_of_an_app_that_was_taken_over_nothing_remains() {
    if !as_root() {
        return left_out("what remains of given codes");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\nenroll = \"invite\"\n");
    let daemon = place.start();
    let mut wire = daemon.connect();
    let given = wire.ask("io.mfa.Admin.Invite", json!({ "user": "ghost1" }));
    let invitation = given["code"].as_str().unwrap().to_owned();
    wire.begin("ghost1");
    assert_eq!(outcome(&wire.answer(&invitation)), "ask");
    wire.answer("q");

    let secret = b"Vq8#xL2!mW5@zR9$kT3%";
    let spelled = BASE32_NOPAD.encode(secret);
    let app = json!({ "user": "ghost2", "name": "old", "secret": spelled, "algorithm": "SHA1", "digits": 6, "period": 30,
                      "beside": false, "apply": true });
    wire.ask("io.mfa.Admin.Import", app);
    // What the other program may have taken counts as used.
    place.set_clock(place.clock() + 120);
    assert_eq!(wire.login("ghost2", &Phone::of(&spelled).code(&place)), "pass");
    let reason = json!({ "user": "ghost2", "seconds": 3600, "reason": "lost" });
    let temporary = wire.ask("io.mfa.Admin.TempCode", reason)["code"].as_str().unwrap().to_owned();
    assert_eq!(wire.login("ghost2", &temporary), "pass");
    wire.ask("io.mfa.Admin.Reset", json!({ "user": "ghost2" }));
    drop(wire);
    an_idle_dialog_later(&daemon);
    let bare = |code: &str| code.replace('-', "");
    let found = remains(
        &daemon,
        &[
            ("the invitation", invitation.as_bytes()),
            ("the invitation without dashes", bare(&invitation).as_bytes()),
            ("the temporary code", temporary.as_bytes()),
            ("the temporary code without dashes", bare(&temporary).as_bytes()),
            ("the secret", secret),
            ("the secret in Base32", spelled.as_bytes()),
        ],
    );
    assert_eq!(found, [""; 0]);
}

#[test]
fn of_a_mailed_code_nothing_remains() {
    if !as_root() {
        return left_out("what remains of mailed codes");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"email\"]\n");
    place.write("config/mfa.toml", MAIL.as_bytes(), 0o644);
    let letters = post_office(&place);
    let mut command = place.command();
    command.arg("--mail").arg(place.path("mail.sock"));
    let daemon = place.start_by(command);
    let mut wire = daemon.connect();
    wire.begin("ghost1");
    let (_, code) = next(&letters);
    assert_eq!(outcome(&wire.answer(&code)), "pass");
    drop(wire);
    daemon.connect_as(NOBODY).ask("org.varlink.service.GetInfo", json!({}));
    assert_eq!(remains(&daemon, &[("the mailed code", code.as_bytes())]), [""; 0]);
}

#[test]
fn of_a_pin_nothing_remains() {
    if !as_root() {
        return left_out("what remains of a PIN");
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
    turn(&mut wire);
    wire.answer("Gh7.Nw4,Bz9;Xk2:Qm6+Rt");
    let operation = scene.port.next("Assert");
    scene.key.flags = crate::soft_key::VERIFIED;
    say_wait(&mut wire);
    scene.touched(operation);
    assert_eq!(outcome(&turn(&mut wire)), "pass");
    drop(wire);
    scene.daemon.connect().ask("org.varlink.service.GetInfo", json!({}));
    assert_eq!(remains(&scene.daemon, &[("the PIN", b"Gh7.Nw4,Bz9;Xk2:Qm6+Rt")]), [""; 0]);
}

#[test]
fn the_master_key_is_in_memory_once_and_the_process_is_nobodys_to_look_into() {
    if !as_root() {
        return left_out("where the master key is");
    }
    let place = Place::new();
    place.write("key", &KEY, 0o600);
    let daemon = place.start();
    daemon.connect().enroll("ghost1", &place);
    let all = memory(&daemon).unwrap();
    let copies = all.windows(KEY.len()).filter(|window| window[0] == KEY[0] && *window == KEY).count();
    assert_eq!(copies, 1, "the cipher's own");
    let proc = |file: &str| format!("/proc/{}/{file}", daemon.child.id());
    let looked = [fs::read(proc("environ")).unwrap(), fs::read(proc("cmdline")).unwrap()].concat();
    assert!(!holds(&looked, &KEY) && holds(&looked, b"--master-key"));
    // What cannot be dumped belongs to root in /proc, whoever it runs as.
    let other = Place::new();
    other.write("key", &KEY, 0o600);
    let command = other.command_as(NOBODY);
    let daemon = other.start_by(command);
    let owner = fs::metadata(format!("/proc/{}/environ", daemon.child.id())).unwrap().uid();
    assert_eq!(owner, 0);
}
