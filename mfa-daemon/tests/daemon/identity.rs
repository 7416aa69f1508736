//! Who asks, and about whom: the kernel's word counts, the peer's does not, and no text of theirs gets out of its place.

use crate::support::{Daemon, NOBODY, Place, as_root, left_out, me};
use crate::wire::{beginning, outcome};
use mfa_proto::service;
use serde_json::{Value, json};

/// Requires nothing of whoever meets the conditions of the one rule, and a factor of everybody else.
fn relaxed_by(conditions: &str) -> String {
    format!(
        "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\n\n[[rule]]\nname = \"relaxed\"\n{conditions}\nrequire = \"never\"\n"
    )
}

/// Names that are none, or those of other things.
fn odd_names() -> Vec<String> {
    let odd = ["", "a\nb", "a:b", "../../etc/passwd", "a/b", "a\0b", "a\tb", "a b", "\u{1b}[2J", "\u{7f}", "\u{9b}"];
    let long = [300, 60_000].map(|length| "x".repeat(length));
    odd.into_iter().map(str::to_owned).chain(long).collect()
}

#[test]
fn what_cannot_be_a_login_name_is_refused_whatever_it_is_named_for() {
    let place = Place::new();
    let mut daemon = place.start();
    let mut wire = daemon.connect();
    let about = |user: &str| json!({ "user": user });
    for user in odd_names() {
        assert_eq!(wire.refused("io.mfa.Login.Begin", beginning(&user)), "InvalidParameter", "{user:?}");
        for method in ["Status", "AddTotp", "Authorize", "NewBackupCodes"] {
            assert_eq!(wire.refused(&format!("io.mfa.Enrollment.{method}"), about(&user)), "InvalidParameter");
        }
        if as_root() {
            for method in ["Account", "Reset", "Unlock", "Rebind"] {
                assert_eq!(wire.refused(&format!("io.mfa.Admin.{method}"), about(&user)), "InvalidParameter");
            }
        }
    }
    assert_eq!(daemon.log.all(), [""; 0], "nothing of it is in the log");
    assert!(daemon.is_alive());
}

#[test]
fn a_name_without_an_account_is_asked_for_a_code_and_never_let_in() {
    if !as_root() {
        return left_out("a name without an account");
    }
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"never\"\n");
    let daemon = place.start();
    for user in
        ["..", "%s%n%x", "no-such-user", &"x".repeat(256), "no\u{202e}such", "ghost100", "-rf", "'; DROP TABLE account"]
    {
        let mut wire = daemon.connect();
        if user.contains(' ') {
            assert_eq!(wire.refused("io.mfa.Login.Begin", beginning(user)), "InvalidParameter");
            continue;
        }
        let mut turn = wire.begin(user);
        for answer in ["000000", "?", "2345-6789-ABCD", "111111", "222222"] {
            if outcome(&turn) != "ask" {
                break;
            }
            assert!(turn["ask"]["text"].as_str().unwrap().ends_with("Verification code: "), "{turn}");
            turn = wire.answer(answer);
            if answer == "?" {
                assert_eq!(turn["say"][0]["text"], "Phone code · Backup code", "as for anybody who is enrolled");
            }
        }
        assert_eq!(outcome(&turn), "denied", "{user:?}");
        assert_eq!(wire.refused("io.mfa.Enrollment.AddTotp", json!({ "user": user })), "unknown_user");
    }
}

/// Everything that a login without a first factor is shown, answer by answer.
fn shown(daemon: &Daemon<'_>, user: &str) -> Vec<Value> {
    let mut wire = daemon.connect();
    let mut begin = beginning(user);
    begin["password"] = json!(false);
    let mut turns = vec![wire.ask("io.mfa.Login.Begin", begin)];
    for answer in ["000000", "?", "", "2345-6789-ABCD", "7", "111111"] {
        if outcome(&turns[turns.len() - 1]) == "ask" {
            turns.push(wire.answer(answer));
        }
    }
    // What the user is not shown: why, for the log alone.
    for turn in &mut turns {
        turn["done"]["reason"] = Value::Null;
    }
    turns
}

#[test]
fn before_a_first_factor_the_enrolled_and_those_who_are_not_or_are_nobody_are_asked_and_told_the_same() {
    if !as_root() {
        return left_out("whoever is asked without a first factor");
    }
    let place = Place::new();
    for policy in ["enroll = \"deny\"", "enroll = \"at-login\"", "enroll = \"invite\""] {
        place.policy(&format!("[defaults]\nrequire = \"always\"\n{policy}\n"));
        let daemon = place.start();
        if policy == "enroll = \"deny\"" {
            daemon.connect().enroll("ghost1", &place);
        }
        let enrolled = shown(&daemon, "ghost1");
        assert!(enrolled.len() > 4, "{enrolled:?}");
        for user in ["ghost2", "no-such-user"] {
            assert_eq!(shown(&daemon, user), enrolled, "{user} with {policy}");
        }
        daemon.connect().ask("io.mfa.Admin.Unlock", json!({ "user": "ghost1" }));
    }
}

#[test]
fn a_plain_peer_speaks_about_nobody_else() {
    if !as_root() {
        return left_out("a plain peer and another user's account");
    }
    let place = Place::new();
    let daemon = place.start();
    daemon.connect().enroll("ghost1", &place);
    let mut wire = daemon.connect_as(NOBODY);
    for user in ["ghost1", "root", "no-such-user", "0", "70001"] {
        assert_eq!(wire.refused("io.mfa.Login.Begin", beginning(user)), "PermissionDenied", "{user}");
        for (method, parameters) in [
            ("Status", json!({ "user": user })),
            ("Authorize", json!({ "user": user })),
            ("AddTotp", json!({ "user": user, "fresh": true })),
            ("Confirm", json!({ "user": user, "id": 1, "codes": ["000000"] })),
            ("NewBackupCodes", json!({ "user": user })),
            ("Remove", json!({ "user": user, "id": 1 })),
            ("Rename", json!({ "user": user, "id": 1, "name": "mine" })),
        ] {
            let method = format!("io.mfa.Enrollment.{method}");
            assert_eq!(wire.refused(&method, parameters), "PermissionDenied", "{method} {user}");
        }
    }
    // What others have is out of reach by its id, too.
    let id = daemon.connect().status("ghost1")["factors"][0]["id"].clone();
    assert_eq!(wire.refused("io.mfa.Enrollment.Remove", json!({ "id": id })), "not_found");
    assert_eq!(daemon.connect().status("ghost1")["factors"].as_array().unwrap().len(), 1);
}

#[test]
fn administration_is_roots_alone() {
    let place = Place::new();
    let daemon = place.start();
    let plain = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    let mut wire = daemon.connect_as(plain);
    let parameters = [json!({}), json!({ "user": "nobody" }), json!({ "user": me() }), json!({ "user": "a\nb" })];
    for (interface, text) in service::INTERFACES.iter().skip_while(|(name, _)| *name != "io.mfa.Admin") {
        let methods = text.lines().filter_map(|line| line.strip_prefix("method ")?.split('(').next());
        for (method, parameters) in methods.flat_map(|method| parameters.iter().map(move |some| (method, some))) {
            let method = format!("{interface}.{method}");
            assert_eq!(wire.refused(&method, parameters.clone()), "PermissionDenied", "{method} {parameters}");
        }
    }
}

#[test]
fn what_root_does_to_an_account_names_the_account() {
    if !as_root() {
        return left_out("what root does to accounts");
    }
    let place = Place::new();
    let daemon = place.start();
    daemon.connect().enroll("root", &place);
    let mut wire = daemon.connect();
    for method in ["Account", "Reset", "Unlock", "Rebind"] {
        assert_eq!(wire.refused(&format!("io.mfa.Admin.{method}"), json!({})), "InvalidParameter", "{method}");
        assert_eq!(wire.refused(&format!("io.mfa.Admin.{method}"), json!({ "user": null })), "InvalidParameter");
    }
    assert_eq!(wire.status("root")["factors"].as_array().unwrap().len(), 1);
}

#[test]
fn a_uid_without_an_account_may_ask_nothing() {
    if !as_root() {
        return left_out("a uid without an account");
    }
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect_as(70_500);
    for user in [json!(null), json!("root"), json!("70500")] {
        assert_eq!(wire.refused("io.mfa.Enrollment.Status", json!({ "user": user })), "PermissionDenied");
        assert_eq!(wire.refused("io.mfa.Enrollment.AddTotp", json!({ "user": user })), "PermissionDenied");
    }
    assert_eq!(wire.refused("io.mfa.Login.Begin", beginning("ghost1")), "PermissionDenied");
}

/// A context that would meet every relaxing condition there is, if it were believed.
fn flattering(user: &str) -> Value {
    let blob = "AAAAC3NzaC1lZDI1NTE5AAAAIJDP1V1kGOWqsS3qoqB0WPWnR0ZCQ5v0bTqB4xqZ6fPq";
    json!({
        "protocol": 1, "user": user, "service": "sshd", "timeout": 10, "rhost": "10.1.2.3", "ruser": "root",
        "tty": "tty1", "ssh_auth": format!("publickey ssh-ed25519 {blob}\ngssapi-with-mic admin@ACME\n"),
        "login_uid": 0, "login_session": 1,
    })
}

#[test]
fn a_plain_peers_word_about_where_it_comes_from_relaxes_nothing() {
    let place = Place::new();
    let plain = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(plain)).unwrap().unwrap().name;
    for conditions in [
        "from = [\"10.0.0.0/8\"]",
        "not_from = [\"192.168.0.0/16\"]",
        "origin = \"remote\"",
        "origin = \"local\"",
        "ssh_auth = [\"publickey\"]",
        "ssh_auth = [\"gssapi-with-mic\"]",
    ] {
        place.policy(&relaxed_by(conditions));
        let daemon = place.start();
        for context in [flattering(&user), json!({ "protocol": 1, "user": user, "service": "sshd", "timeout": 10 })] {
            let turn = daemon.connect_as(plain).ask("io.mfa.Login.Begin", context);
            assert_ne!(outcome(&turn), "skipped", "{conditions}: {turn}");
        }
    }
}

#[test]
fn roots_word_about_it_counts() {
    if !as_root() {
        return left_out("root's word about a login");
    }
    let place = Place::new();
    for (conditions, expected) in [
        ("from = [\"10.0.0.0/8\"]", "skipped"),
        ("from = [\"192.168.0.0/16\"]", "ask"),
        ("not_from = [\"192.168.0.0/16\"]", "skipped"),
        ("ssh_auth = [\"publickey\"]", "skipped"),
        ("origin = \"local\"", "ask"),
    ] {
        place.policy(&relaxed_by(conditions));
        let daemon = place.start();
        let turn = daemon.connect().ask("io.mfa.Login.Begin", flattering("ghost1"));
        assert_eq!(outcome(&turn), expected, "{conditions}: {turn}");
    }
}

#[test]
fn a_host_that_is_not_a_number_is_not_an_address() {
    if !as_root() {
        return left_out("names in place of addresses");
    }
    let place = Place::new();
    place.policy(&relaxed_by("from = [\"10.0.0.0/8\", \"fd00::/8\"]"));
    let daemon = place.start();
    for rhost in [
        "",
        "trusted.example",
        "10.1.2.3.example",
        "10.1.2.3 ",
        " 10.1.2.3",
        "10.1.2.3\n",
        "10.1.2",
        "0x0a010203",
        "010.1.2.3",
        "10.1.2.3/8",
        "fd00::1%",
    ] {
        let mut begin = beginning("ghost1");
        begin["rhost"] = json!(rhost);
        let turn = daemon.connect().ask("io.mfa.Login.Begin", begin);
        assert_ne!(outcome(&turn), "skipped", "{rhost:?}");
    }
}

#[test]
fn in_the_account_phase_it_is_not_known_by_what_a_login_came() {
    if !as_root() {
        return left_out("the account phase");
    }
    let place = Place::new();
    place.policy(&relaxed_by("ssh_auth = [\"publickey\"]"));
    let daemon = place.start();
    let mut begin = flattering("ghost1");
    begin["phase"] = json!("account");
    let turn = daemon.connect().ask("io.mfa.Login.Begin", begin);
    assert_eq!(outcome(&turn), "denied", "and nothing is asked: {turn}");
}

#[test]
fn texts_of_a_peer_cannot_make_or_hide_a_line_or_a_field_of_the_log() {
    let place = Place::new();
    let daemon = place.start();
    let (_, _) = daemon.connect().enroll(&me(), &place);
    let hostile = [
        "10.9.9.9\nJan  1 00:00:00 host mfa-daemon[1]: passed user=root service=sshd",
        "x user=root factor=totp",
        "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m",
        "\u{202e}3.2.1.01",
        "\"quoted\" \\\" \\",
        "",
        &"x".repeat(20_000),
        "\0",
    ];
    for (count, text) in (1..).zip(hostile) {
        let mut begin = beginning(&me());
        for field in ["rhost", "ruser", "tty"] {
            begin[field] = json!(text);
        }
        let mut wire = daemon.connect();
        assert_eq!(outcome(&wire.ask("io.mfa.Login.Begin", begin)), "ask");
        wire.answer("000000");
        let line = daemon.log.wait_for(": wrong user=", count);
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains('\u{202e}'), "{line:?}");
        assert!(line.ends_with("factor=totp"), "its end is there: {line:?}");
        assert!(line.len() < 1000, "{}", line.len());
        let text = line.split_once("]: ").unwrap().1;
        assert_eq!(fields(text).iter().filter(|field| field.starts_with("user=")).count(), 1, "{text}");
        assert_eq!(fields(text).iter().filter(|field| field.starts_with("factor=")).count(), 1, "{text}");
        if count.is_multiple_of(2) {
            place.set_clock(place.clock() + 3600); // the account is not throttled
        }
    }
    assert!(daemon.log.all().iter().all(|line| !line.contains('\n')), "one line each");
}

/// The fields of a line, as a program that knows about quotes takes them apart.
fn fields(line: &str) -> Vec<String> {
    let (mut fields, mut quoted, mut escaped) = (vec![String::new()], false, false);
    for character in line.chars() {
        match character {
            ' ' if !quoted => fields.push(String::new()),
            '"' if !escaped => quoted = !quoted,
            _ => fields.last_mut().unwrap().push(character),
        }
        escaped = character == '\\' && !escaped;
    }
    fields
}

#[test]
fn what_cannot_be_a_service_is_refused() {
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"never\"\nservices = [\"sshd\"]\n");
    let daemon = place.start();
    let mut wire = daemon.connect();
    for service in ["", "a b", "../sshd", "sshd\0", "sshd\n", "s\u{e9}", &"s".repeat(65), &"s".repeat(50_000)] {
        let mut begin = beginning(&me());
        begin["service"] = json!(service);
        assert_eq!(wire.refused("io.mfa.Login.Begin", begin), "InvalidParameter", "{service:?}");
    }
}

#[test]
fn a_protocol_that_is_not_spoken_is_refused() {
    let place = Place::new();
    place.policy("[defaults]\nrequire = \"never\"\n");
    let daemon = place.start();
    let mut wire = daemon.connect();
    for protocol in [0, 2, 3, u32::MAX] {
        let mut begin = beginning(&me());
        begin["protocol"] = json!(protocol);
        assert_eq!(wire.refused("io.mfa.Login.Begin", begin), "InvalidParameter", "{protocol}");
    }
    assert_eq!(outcome(&wire.begin(&me())), "skipped");
}

#[test]
fn a_user_who_asks_for_more_than_people_do_is_slowed_down_and_nobody_else() {
    let place = Place::new();
    let daemon = place.start();
    let plain = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(plain)).unwrap().unwrap().name;
    let begin = json!({ "method": "io.mfa.Login.Begin", "parameters": beginning(&user) }).to_string();
    let (mut taken, mut connections) = (0, 0);
    // On connections of their own: a new one is no new beginning.
    while taken < 1000 && connections < 400 {
        connections += 1;
        let mut wire = daemon.connect_as(plain);
        if wire
            .say(&begin)
            .then(|| wire.receive())
            .flatten()
            .is_some_and(|answer| answer["parameters"]["code"] == "busy")
        {
            break;
        }
        taken += 1;
    }
    assert!((300..400).contains(&taken), "{taken} in a burst");
    if as_root() {
        assert_eq!(outcome(&daemon.connect_as(70_001).ask("io.mfa.Login.Begin", beginning("ghost1"))), "ask");
        assert_eq!(outcome(&daemon.connect().begin("ghost2")), "ask");
    }
}

#[test]
fn what_nobody_serves_is_asked_at_the_same_pace() {
    let place = Place::new();
    let daemon = place.start();
    let plain = if as_root() { NOBODY } else { rustix::process::geteuid().as_raw() };
    let mut wire = daemon.connect_as(plain);
    let methods =
        ["io.mfa.Login.Nothing", "org.varlink.service.GetInfo", "io.mfa.Admin.Status", "io.mfa.Nobody.Nothing"];
    let answered = methods.iter().cycle().take(400).take_while(|method| {
        let answer = wire.call(method, json!({}));
        answer["parameters"]["code"] != "busy"
    });
    let answered = answered.count();
    assert!((300..400).contains(&answered), "{answered} answers");
}
