//! Anything at all, said to every method by root and by others: the daemon lives on, and nobody is let in.

use crate::support::{Place, as_root, me};
use serde_json::{Map, Value, json};

/// A sequence without a pattern, the same in each run.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from((self.0 >> 33) % end as u64).unwrap()
    }

    fn one_of<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len())].clone()
    }
}

const METHODS: [&str; 26] = [
    "org.varlink.service.GetInfo",
    "org.varlink.service.GetInterfaceDescription",
    "io.mfa.Login.Begin",
    "io.mfa.Login.Begin",
    "io.mfa.Login.Answer",
    "io.mfa.Login.Answer",
    "io.mfa.Login.Answer",
    "io.mfa.Login.Wait",
    "io.mfa.Enrollment.Status",
    "io.mfa.Enrollment.Authorize",
    "io.mfa.Enrollment.AddTotp",
    "io.mfa.Enrollment.Confirm",
    "io.mfa.Enrollment.NewBackupCodes",
    "io.mfa.Enrollment.Remove",
    "io.mfa.Enrollment.Rename",
    "io.mfa.Admin.Status",
    "io.mfa.Admin.Accounts",
    "io.mfa.Admin.Account",
    "io.mfa.Admin.Unlock",
    "io.mfa.Admin.Rebind",
    "io.mfa.Policy.Draft",
    "io.mfa.Policy.Check",
    "io.mfa.Policy.Reload",
    "io.mfa.Policy.Explain",
    "io.mfa.Policy.Preview",
    "io.mfa.Policy.Replay",
];

const KEYS: [&str; 26] = [
    "user",
    "protocol",
    "service",
    "phase",
    "rhost",
    "ruser",
    "tty",
    "ssh_auth",
    "login_uid",
    "login_session",
    "timeout",
    "answer",
    "id",
    "codes",
    "name",
    "fresh",
    "after",
    "factor",
    "interface",
    "method",
    "parameters",
    "",
    "file",
    "text",
    "accounts",
    "append",
];

fn text(dice: &mut Dice) -> String {
    let whole = [
        "", "root", "sshd", "auth", "account", "000000", "999999", "?", "q", "+", "ghost1", "ghost2", "phone",
        "10.1.2.3",
    ];
    match dice.below(6) {
        0 => me(),
        1 => "A".repeat(dice.below(3000)),
        2 => (0..dice.below(20))
            .map(|_| char::from_u32(u32::try_from(dice.below(0x3000)).unwrap()).unwrap_or('\0'))
            .collect(),
        3 => format!("publickey ssh-ed25519 {}\n", "A".repeat(dice.below(100))),
        _ => dice.one_of(&whole).to_owned(),
    }
}

fn value(dice: &mut Dice, depth: usize) -> Value {
    let numbers = [0, 1, 2, -1, 7, 600, i64::MAX, i64::MIN, 1 << 32, 70_001, 1_800_000_000];
    match dice.below(if depth == 0 { 5 } else { 7 }) {
        0 => Value::Null,
        1 => json!(dice.below(2) == 0),
        2 => json!(dice.one_of(&numbers)),
        3 | 4 => json!(text(dice)),
        5 => (0..dice.below(4)).map(|_| value(dice, depth - 1)).collect(),
        _ => object(dice, depth - 1),
    }
}

fn object(dice: &mut Dice, depth: usize) -> Value {
    let count = dice.below(6);
    let fields: Map<String, Value> = (0..count).map(|_| (dice.one_of(&KEYS).to_owned(), value(dice, depth))).collect();
    Value::Object(fields)
}

/// Parameters that are nearly right, so that more than the first check is met.
fn likely(dice: &mut Dice, method: &str) -> Value {
    let user = dice.one_of(&[me(), "ghost1".to_owned(), "ghost2".to_owned(), "nobody".to_owned()]);
    let mut parameters = match method.rsplit('.').next() {
        Some("Begin") => json!({ "protocol": 1, "user": user, "service": "sshd", "timeout": 60, "rhost": text(dice) }),
        Some("Answer") => json!({ "answer": text(dice) }),
        Some("Confirm") => json!({ "user": user, "id": dice.below(5), "codes": ["000000"] }),
        Some("Remove") => json!({ "user": user, "id": 1000 }),
        Some("Rename") => json!({ "user": user, "id": dice.below(5), "name": text(dice) }),
        Some("Draft") => json!({ "file": "policy.d/10.toml", "text": text(dice), "append": dice.below(2) == 0 }),
        Some("Preview") => json!({ "accounts": [{ "user": user, "uid": dice.below(100_000), "gid": dice.below(10) }] }),
        Some("Accounts") => json!({ "after": value(dice, 0) }),
        _ => json!({ "user": user }),
    };
    if dice.below(3) == 0 {
        parameters[dice.one_of(&KEYS)] = value(dice, 2);
    }
    parameters
}

#[test]
fn nothing_that_is_said_lets_anybody_in_or_ends_the_daemon() {
    let place = Place::new();
    let mut daemon = place.start();
    daemon.connect().enroll(&me(), &place);
    if as_root() {
        daemon.connect().enroll("ghost1", &place);
    }
    let peers: Vec<u32> = if as_root() {
        (70_001..70_012).chain([0, 0, 0, 0]).collect()
    } else {
        vec![rustix::process::geteuid().as_raw()]
    };
    let mut dice = Dice(42);
    let mut answered = 0;
    'rounds: for round in 0..150 {
        let uid = peers[round % peers.len()];
        let mut wire = daemon.connect_as(uid);
        for _ in 0..25 {
            let method = dice.one_of(&METHODS);
            let parameters = if dice.below(3) == 0 { object(&mut dice, 3) } else { likely(&mut dice, method) };
            let Some(answer) = wire.try_call(method, parameters.clone()) else { break };
            // Where the tests are one peer alone, it comes to the end of what one may ask.
            if answer["parameters"]["code"] == "busy" {
                break 'rounds;
            }
            answered += 1;
            assert_ne!(answer["parameters"]["done"]["outcome"], "pass", "{method} {parameters}");
            // An owner may begin to enroll; nobody confirms, and nobody learns codes, without having the secret.
            let is_root = uid == 0;
            let backup_codes = answer["parameters"]["backup_codes"].is_array() && method.contains("Enrollment");
            assert!(is_root || !backup_codes, "{method} {parameters} {answer}");
        }
    }
    assert!(daemon.is_alive());
    assert!(answered > 250, "{answered}");
    assert!(!daemon.errors.all().iter().any(|line| line.contains("panicked")), "{:?}", daemon.errors.all());
}

#[test]
fn frames_with_any_byte_changed_are_answered_or_refused() {
    let place = Place::new();
    let mut daemon = place.start();
    daemon.connect().enroll(&me(), &place);
    let frame = json!({ "method": "io.mfa.Login.Begin", "parameters": crate::wire::beginning(&me()) }).to_string();
    for place_of_change in 0..frame.len() {
        let mut bytes = frame.clone().into_bytes();
        bytes[place_of_change] ^= [0x01, 0x20, 0x80][place_of_change % 3];
        bytes.push(0);
        let mut wire = daemon.connect();
        assert!(wire.send(&bytes));
        wire.stream.shutdown(std::net::Shutdown::Write).unwrap();
        while let Some(answer) = wire.receive() {
            assert_ne!(answer["parameters"]["done"]["outcome"], "pass");
        }
    }
    assert!(daemon.is_alive());
    assert!(!daemon.errors.all().iter().any(|line| line.contains("panicked")), "{:?}", daemon.errors.all());
}
