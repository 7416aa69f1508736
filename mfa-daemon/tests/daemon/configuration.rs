//! The configuration as it must not be: broken, half written, writable by others, changed in the middle of a login. What
//! is in force changes as a whole or not at all, and without any nobody is let in.

use crate::support::{Daemon, Place, as_root, left_out, me};
use crate::wire::{beginning, outcome};
use rustix::process::Signal;
use serde_json::json;
use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Command;

/// Asks everybody, but for one service: the last rule of the file is known by it.
const POLICY: &str = r#"
[defaults]
services = ["@ssh", "@login", "@sudo"]
require = "always"
factors = ["totp", "backup-code"]
enroll = "deny"
ask_again = "8h"

[[rule]]
name = "nobody in particular"
groups = ["spirits"]
users = ["ghost7"]
from = ["10.0.0.0/8", "fd00::/8"]
hours = ["mon-fri 08:00-18:00"]
require = "if-enrolled"

[[rule]]
name = "the last one"
services = ["sentinel"]
require = "never"
"#;

fn service(daemon: &Daemon<'_>, service: &str) -> String {
    let mut begin = beginning(&me());
    begin["service"] = json!(service);
    outcome(&daemon.connect().ask("io.mfa.Login.Begin", begin))
}

/// Whether [`POLICY`] and nothing else is in force.
fn is_in_force(daemon: &Daemon<'_>) -> bool {
    (service(daemon, "sentinel"), service(daemon, "sshd")) == ("skipped".into(), "ask".into())
}

#[test]
fn the_policy_of_these_tests_is_one() {
    let place = Place::new();
    place.policy(POLICY);
    let daemon = place.start();
    assert!(is_in_force(&daemon));
}

#[test]
fn a_policy_broken_at_any_byte_leaves_the_old_one_in_force_or_is_a_whole_other_one() {
    let place = Place::new();
    place.policy(POLICY);
    let mut daemon = place.start();
    let (mut refused, mut taken) = (0, 0);
    // A plain peer may not ask as often as root.
    let step = if as_root() { 1 } else { 7 };
    for place_of_break in (0..POLICY.len()).step_by(step) {
        let mut bytes = POLICY.as_bytes().to_vec();
        match place_of_break % 3 {
            0 => bytes.truncate(place_of_break),
            1 => bytes[place_of_break] ^= 0x80,
            _ => bytes[place_of_break] = b"\0[\"=\n#]"[place_of_break % 7],
        }
        place.write("config/policy.toml", &bytes, 0o644);
        if daemon.reload() {
            taken += 1;
            place.policy(POLICY);
            assert!(daemon.reload());
        } else {
            refused += 1;
            assert_eq!(service(&daemon, "sentinel"), "skipped", "byte {place_of_break}");
        }
    }
    assert!(refused > 5 * taken, "{refused} refused, {taken} taken");
    place.policy(POLICY);
    assert!(daemon.reload());
    assert!(is_in_force(&daemon));
    assert!(daemon.is_alive());
}

#[test]
fn the_check_says_what_is_wrong_and_where_and_the_daemon_need_not_run() {
    let place = Place::new();
    place.policy(&POLICY.replace("require = \"never\"", "requires = \"never\""));
    let checked = place.command_without_sockets().arg("--check").output().unwrap();
    assert_eq!(checked.status.code(), Some(1));
    let said = String::from_utf8(checked.stderr).unwrap();
    assert!(said.contains("policy.toml:20:1") && said.contains("requires"), "{said}");
    place.policy(POLICY);
    assert!(place.command_without_sockets().arg("--check").status().unwrap().success());
}

/// What is done to a configuration.
type Spoil = (&'static str, fn(&Place));

/// Ways in which a configuration cannot be trusted or read.
fn spoiled() -> Vec<Spoil> {
    vec![
        ("the policy is writable by its group", |place| mode(place, "config/policy.toml", 0o664)),
        ("the policy is writable by all", |place| mode(place, "config/policy.toml", 0o646)),
        ("the folder is writable by its group", |place| mode(place, "config", 0o775)),
        ("a part is writable by all", |place| {
            part(place, "");
            mode(place, "config/policy.d/10.toml", 0o666);
        }),
        ("the folder of parts is writable by all", |place| {
            part(place, "");
            mode(place, "config/policy.d", 0o777);
        }),
        ("a part is broken", |place| part(place, "[[rule]]\nusrs = []\n")),
        ("a part is a link that leads nowhere", |place| {
            fs::create_dir(place.path("config/policy.d")).unwrap();
            symlink("nowhere", place.path("config/policy.d/10.toml")).unwrap();
        }),
        ("the folder of parts is a file", |place| place.write("config/policy.d", b"", 0o644)),
        ("the folder of parts is a link that leads nowhere", |place| {
            symlink("nowhere", place.path("config/policy.d")).unwrap();
        }),
        ("the settings are broken", |place| place.write("config/mfa.toml", b"[enrollment]\nconfirm = 2\n", 0o644)),
        ("the settings are not text", |place| place.write("config/mfa.toml", b"\xff\xfe", 0o644)),
        ("the policy is gone", |place| fs::remove_file(place.path("config/policy.toml")).unwrap()),
        ("the policy is a folder", |place| {
            fs::remove_file(place.path("config/policy.toml")).unwrap();
            fs::create_dir(place.path("config/policy.toml")).unwrap();
        }),
        ("the policy is a pipe nobody writes to", |place| {
            fs::remove_file(place.path("config/policy.toml")).unwrap();
            assert!(Command::new("mkfifo").arg(place.path("config/policy.toml")).status().unwrap().success());
        }),
        ("the policy is a link to itself", |place| {
            fs::remove_file(place.path("config/policy.toml")).unwrap();
            symlink("policy.toml", place.path("config/policy.toml")).unwrap();
        }),
        ("the policy is endless", |place| {
            fs::remove_file(place.path("config/policy.toml")).unwrap();
            symlink("/dev/zero", place.path("config/policy.toml")).unwrap();
        }),
        ("the policy is huge", |place| {
            place.write("config/policy.toml", POLICY.repeat(10_000).as_bytes(), 0o644);
        }),
        ("the whole folder is gone", |place| fs::remove_dir_all(place.path("config")).unwrap()),
    ]
}

fn mode(place: &Place, name: &str, mode: u32) {
    fs::set_permissions(place.path(name), Permissions::from_mode(mode)).unwrap();
}

fn part(place: &Place, text: &str) {
    fs::create_dir(place.path("config/policy.d")).unwrap();
    place.write("config/policy.d/10.toml", text.as_bytes(), 0o644);
}

#[test]
fn a_configuration_that_cannot_be_trusted_is_not_taken_and_the_old_one_stays() {
    for (how, spoil) in spoiled() {
        let place = Place::new();
        place.policy(POLICY);
        let mut daemon = place.start();
        spoil(&place);
        assert!(!daemon.reload(), "{how}");
        assert!(is_in_force(&daemon), "{how}");
        assert!(daemon.is_alive());
        if as_root() {
            let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
            assert_eq!(status["healthy"], false, "{how}");
            assert!(status["problems"].to_string().contains("stays in force"), "{how}: {status}");
            assert_eq!(status["rules"].as_array().unwrap().len(), 2, "{how}");
        }
    }
}

#[test]
fn a_daemon_that_starts_with_such_a_configuration_lets_nobody_in_until_it_is_mended() {
    for (how, spoil) in spoiled() {
        let place = Place::new();
        place.policy(POLICY);
        spoil(&place);
        let daemon = place.start();
        daemon.errors.wait_for("every login is refused", 1);
        for name in ["sshd", "sentinel", "su", "no-such-service"] {
            assert_eq!(service(&daemon, name), "broken", "{how}");
        }
        let mut wire = daemon.connect();
        assert_eq!(wire.refused("io.mfa.Enrollment.Status", json!({})), "broken", "{how}");
        assert_eq!(wire.refused("io.mfa.Enrollment.AddTotp", json!({})), "broken", "{how}");
        if as_root() {
            let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
            assert_eq!(status["healthy"], false, "{how}");
            assert!(status["policy_loaded"].is_null(), "{how}");
            assert!(status["problems"].to_string().contains("every login is refused"), "{how}: {status}");
        }
        let _ = fs::remove_dir_all(place.path("config"));
        fs::create_dir(place.path("config")).unwrap();
        mode(&place, "config", 0o755);
        place.policy(POLICY);
        assert!(daemon.reload(), "{how}");
        assert!(is_in_force(&daemon), "{how}");
    }
}

#[test]
fn a_status_fits_its_message_however_much_is_wrong() {
    if !as_root() {
        return left_out("the status of a very broken policy");
    }
    let place = Place::new();
    let daemon = place.start();
    for text in [
        "[[rule]]\nname = \"x\"\nusrs = [\"a\"]\n".repeat(5000),
        "nonsense = 1\n".repeat(5000),
        format!("[defaults]\nrequire = \"{}\"\n", "x".repeat(200_000)),
    ] {
        place.policy(&text);
        assert!(!daemon.reload());
        let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
        assert_eq!(status["healthy"], false);
    }
    let rule = |n| format!("[[rule]]\nname = \"rule number {n} of many\"\nusers = [\"u{n}\"]\nrequire = \"always\"\n");
    place.policy(&(0..1500).map(rule).collect::<String>());
    assert!(daemon.reload());
    let status = daemon.connect().ask("io.mfa.Admin.Status", json!({}));
    assert!(status["rules"].as_array().unwrap().len() > 300);
    assert!(status["policy_warnings"].to_string().contains("1500 rules"), "what is left out is said: {status}");
}

#[test]
fn a_dialog_that_is_open_while_the_policy_changes_is_weighed_under_the_new_one() {
    let always = "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\n";
    for (how, new, outcome_of_right, taken) in [
        ("the same again", always.to_owned(), "pass", true),
        ("nothing is asked any more", "[defaults]\nrequire = \"never\"\n".to_owned(), "denied", true),
        ("only observed", "[defaults]\nrequire = \"observe\"\n".to_owned(), "denied", true),
        (
            "a key is needed",
            "[defaults]\nrequire = \"always\"\nfactors = [\"security-key\"]\nown_factors = false\n".to_owned(),
            "denied",
            true,
        ),
        (
            "the service is not covered",
            "[defaults]\nrequire = \"always\"\nservices = [\"su\"]\n".to_owned(),
            "denied",
            true,
        ),
        ("broken", "nonsense".to_owned(), "pass", false),
    ] {
        let place = Place::new();
        place.policy(always);
        let daemon = place.start();
        let (mut phone, _) = daemon.connect().enroll(&me(), &place);
        let mut wire = daemon.connect();
        assert_eq!(outcome(&wire.begin(&me())), "ask");
        place.policy(&new);
        assert_eq!(daemon.reload(), taken, "{how}");
        assert_eq!(outcome(&wire.answer(&phone.code(&place))), outcome_of_right, "{how}");
    }
}

#[test]
fn a_change_of_factors_is_allowed_by_the_policy_of_its_moment() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let pending = wire.ask("io.mfa.Enrollment.AddTotp", json!({}));
    assert!(pending["secret"].is_string());
    place.policy("[defaults]\nrequire = \"always\"\nfactors = [\"security-key\"]\nown_factors = false\n");
    assert!(daemon.reload());
    assert_eq!(wire.refused("io.mfa.Enrollment.AddTotp", json!({ "fresh": true })), "not_allowed");
}

#[test]
fn nobody_reading_what_it_says_is_no_reason_to_end() {
    let place = Place::new();
    // Standard error is a pipe whose other end is gone.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut daemon = place.start_saying_it_to(place.command(), writer.into());
    place.policy("nonsense");
    for _ in 0..10 {
        daemon.signal(Signal::HUP);
        assert_eq!(outcome(&daemon.connect().begin(&me())), "ask");
        assert!(daemon.is_alive());
    }
}
