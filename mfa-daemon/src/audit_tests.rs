//! Tests of the record's spelling and of the chain.

use super::*;
use mfa_core::account::What;
use proptest::prelude::*;

fn alice() -> Identity {
    Identity { uid: 1000, name: "alice".into() }
}

fn event(rhost: &str) -> Event {
    let record = Record::of(What::Denied).with(Kind::Totp, Some(FactorId(7))).because("throttled");
    let context = Context {
        service: Some("sshd".into()),
        rhost: Some(rhost.into()),
        login_uid: Some(1000),
        ..Context::of_peer(0)
    };
    Event::new(&alice(), Time(1_800_000_000), &record, &context)
}

#[test]
fn a_record_is_one_line_of_json() {
    assert_eq!(
        String::from_utf8(event("10.0.0.9").to_bytes().unwrap()).unwrap(),
        r#"{"at":1800000000,"what":"denied","user":"alice","uid":1000,"reason":"throttled","factor":{"kind":"totp","id":7},"service":"sshd","rhost":"10.0.0.9","by":0,"login_uid":1000}"#
    );
}

#[test]
fn a_record_says_what_sshd_had_verified_and_that_nobody_could_be_asked() {
    let by_key = Context { silent: true, ssh: Some("publickey SHA256:x".into()), ..Context::of_peer(0) };
    let event = Event::new(&alice(), Time(1), &Record::of(What::Skipped), &by_key);
    let json = String::from_utf8(event.to_bytes().unwrap()).unwrap();
    assert!(json.ends_with(r#""by":0,"silent":true,"ssh":"publickey SHA256:x"}"#), "{json}");
    assert_eq!(Event::from_bytes(json.as_bytes()).unwrap(), event);
}

#[test]
fn a_record_of_a_rebinding_names_the_former_owner() {
    let was = Identity { uid: 4, name: "alicia".into() };
    let event = Event::new(&alice(), Time(1), &Record::of(What::Rebound), &Context::of_peer(0)).formerly(&was);
    let json = String::from_utf8(event.to_bytes().unwrap()).unwrap();
    assert!(json.contains(r#""was":{"user":"alicia","uid":4}"#), "{json}");
}

#[test]
fn nothing_in_a_record_can_act_on_a_terminal() {
    let bytes = event("\x1b[2J\n\r\t\0\x7f\u{9b}\u{202e}\u{2028}é🔑\"\\").to_bytes().unwrap();
    assert!(bytes.iter().all(|byte| (b' '..=b'~').contains(byte)), "{}", String::from_utf8_lossy(&bytes));
}

#[test]
fn long_input_is_clipped() {
    assert_eq!(event(&"x".repeat(10_000)).rhost.unwrap().len(), 256);
}

#[test]
fn a_field_of_a_later_version_is_left_aside() {
    let json = br#"{"at":1,"what":"passed","user":"alice","uid":1000,"by":0,"covered_by":8821}"#;
    assert_eq!(Event::from_bytes(json).unwrap().what, "passed");
}

#[test]
fn the_hash_is_sha_256_over_previous_hash_node_number_and_record() {
    // printf '%064d%016x%016x7b7d' 0 1 1 | xxd -r -p | sha256sum
    let sum = "d6e3dfe5dbc15fc03e14f4016521e22395d6193412d7ba12879f847bc821fe5d";
    let Head { node, seq, hash } = Head::start(1).next(b"{}");
    assert_eq!((node, seq), (1, 1));
    assert_eq!(hash.map(|byte| format!("{byte:02x}")).concat(), sum);
}

proptest! {
    #[test]
    fn whatever_the_input_a_record_reads_back_as_it_was(rhost in "\\PC{0,40}|[\\x00-\\x1f\\x7f-\\xff]{0,40}") {
        let event = event(&rhost);
        prop_assert_eq!(Event::from_bytes(&event.to_bytes().unwrap()).unwrap(), event);
    }

    #[test]
    fn another_record_node_or_number_gives_another_hash(
        record in prop::collection::vec(any::<u8>(), 0..50), place in any::<prop::sample::Index>(), node in any::<i64>()
    ) {
        let head = Head::start(node).next(&record);
        let mut other = record.clone();
        other.push(0);
        if let Some(byte) = record.get(place.index(record.len() + 1)) {
            other = record.clone();
            other[place.index(record.len() + 1)] = byte ^ 1;
        }
        prop_assert_ne!(Head::start(node).next(&other).hash, head.hash);
        prop_assert_ne!(Head::start(node.wrapping_add(1)).next(&record).hash, head.hash);
        prop_assert_ne!(head.next(&record).hash, head.hash);
    }
}

fn site() -> SiteRecord {
    SiteRecord::of(Site::PolicyRefused).because("old-stays").with("rules", 5).with("problem", "policy.toml:2:1: \x1b")
}

#[test]
fn a_record_of_the_site_names_no_account() {
    let event = Event::of_site(Time(1), &site(), &Context { login_uid: Some(1000), ..Context::of_peer(0) });
    let json = String::from_utf8(event.to_bytes().unwrap()).unwrap();
    let details = r#""details":{"problem":"policy.toml:2:1: \u001b","rules":5}"#;
    let expected =
        format!(r#"{{"at":1,"what":"policy-refused","reason":"old-stays","by":0,"login_uid":1000,{details}}}"#);
    assert_eq!(json, expected);
    assert_eq!(Event::from_bytes(json.as_bytes()).unwrap(), event);
    assert_eq!(event.whose(), None);
}

#[test]
fn no_word_is_an_accounts_and_the_sites() {
    let words: std::collections::HashSet<_> =
        What::ALL.map(What::as_str).into_iter().chain(Site::ALL.map(Site::as_str)).collect();
    assert_eq!(words.len(), What::ALL.len() + Site::ALL.len());
}

#[test]
fn neither_kind_of_record_is_taken_for_the_other() {
    let forged = [
        r#"{"at":1,"what":"passed","by":0}"#,
        r#"{"at":1,"what":"passed","user":"alice","by":0}"#,
        r#"{"at":1,"what":"passed","uid":1000,"by":0}"#,
        r#"{"at":1,"what":"license-installed","user":"alice","uid":1000,"by":0}"#,
    ];
    for forged in forged {
        assert!(Event::from_bytes(forged.as_bytes()).is_err(), "{forged}");
    }
}
