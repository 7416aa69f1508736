//! `org.varlink.service`, as every Varlink program expects it.

use crate::support::Place;
use crate::wire::strings;
use serde_json::json;

#[test]
fn it_says_who_it_is_and_what_it_speaks() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    let info = wire.ask("org.varlink.service.GetInfo", json!({}));
    assert_eq!(info["product"], "mfa-daemon");
    assert_eq!(info["version"], env!("CARGO_PKG_VERSION"));
    let interfaces = strings(&info["interfaces"]);
    for interface in ["org.varlink.service", "io.mfa.Login", "io.mfa.Enrollment", "io.mfa.Admin"] {
        assert!(interfaces.iter().any(|known| known == interface), "{info}");
    }
    for interface in interfaces {
        let described = wire.ask("org.varlink.service.GetInterfaceDescription", json!({ "interface": interface }));
        let text = described["description"].as_str().unwrap();
        assert!(text.contains(&format!("interface {interface}\n")), "{text}");
    }
}

#[test]
fn parameters_may_be_absent_null_or_more_than_is_known() {
    let place = Place::new();
    let daemon = place.start();
    let mut wire = daemon.connect();
    for call in [
        json!({ "method": "org.varlink.service.GetInfo" }),
        json!({ "method": "org.varlink.service.GetInfo", "parameters": null }),
        json!({ "method": "org.varlink.service.GetInfo", "parameters": { "new": [1, 2] } }),
        json!({ "method": "org.varlink.service.GetInfo", "parameters": {}, "more": false, "new": 1 }),
    ] {
        wire.say(&call.to_string());
        assert_eq!(wire.receive().unwrap()["parameters"]["product"], "mfa-daemon", "{call}");
    }
}

#[test]
fn without_a_policy_and_without_a_store_it_still_says_who_it_is() {
    let place = Place::new();
    place.policy("nonsense");
    place.write("key", b"too short", 0o600);
    let daemon = place.start();
    assert_eq!(daemon.connect().ask("org.varlink.service.GetInfo", json!({}))["product"], "mfa-daemon");
}
