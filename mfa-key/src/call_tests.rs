//! Calls as they come over the wire, and what may not be in them.

use super::*;
use mfa_proto::frame::Reply;
use serde_json::{Value, json};
use std::io::{Read as _, Write as _};

/// What becomes of that call: what was read, or what the caller is told.
fn read_of(method: &str, parameters: &Value) -> Result<Call, String> {
    let call = json!({"method": format!("io.mfa.Key.{method}"), "parameters": parameters}).to_string() + "\0";
    let (mut ours, mut theirs) = UnixStream::pair().unwrap();
    theirs.write_all(call.as_bytes()).unwrap();
    let result = read(&mut ours);
    drop(ours);
    let mut told = Vec::new();
    theirs.read_to_end(&mut told).unwrap();
    assert_eq!(result.is_err(), !told.is_empty());
    result.map_err(|_| {
        told.pop();
        Reply::parse(&told).unwrap().error.unwrap().into_owned()
    })
}

fn credential() -> Value {
    json!({"id": "AQID", "relying_party": "web1.acme.example"})
}

fn assert_with(field: &str, value: Value) -> Value {
    let mut whole = json!({"credentials": [credential()], "client_data_hash": "A".repeat(43), "seconds": 15});
    whole[field] = value;
    whole
}

fn make_with(field: &str, value: Value) -> Value {
    let mut whole = json!({
        "relying_party": "web1", "site": "ACME", "user_id": "AQID", "user_name": "alice@web1",
        "client_data_hash": "A".repeat(43), "algorithms": [-7, -8], "exclude": [credential()], "seconds": 30,
    });
    whole[field] = value;
    whole
}

#[test]
fn calls_that_are_whole_are_read() {
    assert!(matches!(read_of("List", &json!({"seconds": 5})), Ok(Call::List(_))));
    assert!(matches!(read_of("Find", &json!({"credentials": [credential()], "seconds": 2})), Ok(Call::Find(_))));
    assert!(matches!(read_of("Assert", &assert_with("pin", "314159".into())), Ok(Call::Assert(_))));
    assert!(matches!(read_of("Make", &make_with("attestation", true.into())), Ok(Call::Make(_))));
}

#[test]
fn what_no_key_should_be_asked_is_refused_before_any_is() {
    let long = "x".repeat(254);
    let refused = [
        ("Find", json!({"credentials": [], "seconds": 2})),
        ("Find", json!({"credentials": vec![credential(); MOST_CREDENTIALS + 1], "seconds": 2})),
        ("Find", json!({"credentials": [credential()]})),
        ("Assert", assert_with("credentials", json!([{"id": "", "relying_party": "web1"}]))),
        ("Assert", assert_with("credentials", json!([{"id": "A".repeat(1368), "relying_party": "web1"}]))),
        ("Assert", assert_with("credentials", json!([{"id": "AQID", "relying_party": ""}]))),
        ("Assert", assert_with("credentials", json!([{"id": "AQID", "relying_party": long}]))),
        ("Assert", assert_with("credentials", json!([{"id": "AQID", "relying_party": "web1\n"}]))),
        ("Assert", assert_with("client_data_hash", "AQID".into())),
        ("Assert", assert_with("touch", false.into())),
        ("Make", make_with("relying_party", "we b1".into())),
        ("Make", make_with("site", "\u{1b}[2J".into())),
        ("Make", make_with("user_name", "".into())),
        ("Make", make_with("user_name", "alice\u{0}".into())),
        ("Make", make_with("user_id", "A".repeat(88).into())),
        ("Make", make_with("algorithms", json!([]))),
        ("Make", make_with("algorithms", json!([-7, -257]))),
        ("Make", make_with("algorithms", json!([-7, -7, -7]))),
        ("Make", make_with("exclude", json!([{"id": "", "relying_party": "web1"}]))),
        ("Make", make_with("client_data_hash", "".into())),
    ];
    for (method, parameters) in refused {
        let told = read_of(method, &parameters).map(|_| ());
        assert_eq!(told, Err(service::INVALID_PARAMETER.to_owned()), "{method} {parameters}");
    }
    assert_eq!(read_of("Reset", &json!({})).map(|_| ()), Err(service::METHOD_NOT_FOUND.to_owned()));
}

#[test]
fn no_operation_takes_longer_than_the_longest_or_no_time_at_all() {
    let time = |seconds: u64| read_of("List", &json!({"seconds": seconds})).unwrap().time();
    assert_eq!(time(0), Duration::from_secs(1));
    assert_eq!(time(15), Duration::from_secs(15));
    assert_eq!(time(100_000), Duration::from_secs(120));
}

#[test]
fn what_is_no_call_ends_without_a_word() {
    for bytes in [&b"nonsense\0"[..], b"", b"{}\0", &[b'x'; 70_000]] {
        let (mut ours, mut theirs) = UnixStream::pair().unwrap();
        let bytes = bytes.to_vec();
        let writer = std::thread::spawn(move || {
            let _ = theirs.write_all(&bytes);
        });
        assert!(read(&mut ours).is_err());
        drop(ours);
        writer.join().unwrap();
    }
}

#[test]
fn a_pair_of_sockets_is_whoever_made_it_and_a_socket_with_a_name_is_its_owners() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    assert!(admit(&ours).is_ok());
    assert_eq!(owner(&ours), None);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.sock");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let _client = UnixStream::connect(&path).unwrap();
    let (accepted, _) = listener.accept().unwrap();
    assert_eq!(owner(&accepted), Some(rustix::process::geteuid().as_raw()));
}

#[test]
fn root_the_sockets_owner_and_whoever_runs_it_may_call_and_nobody_else() {
    for peer in [0, 991, 992] {
        assert!(may_call(peer, 991, Some(992)), "{peer}");
    }
    for (peer, owner) in [(1000, Some(992)), (1000, None), (992, None), (u32::MAX, Some(992))] {
        assert!(!may_call(peer, 991, owner), "{peer} {owner:?}");
    }
}
