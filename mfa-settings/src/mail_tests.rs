//! `[mail]` and `[notify]`: what is taken, and the sentence about what is not.

use super::*;

fn mail(text: &str) -> Mail {
    toml::from_str(text).unwrap()
}

fn wrong(text: &str) -> &'static str {
    mail(text).relay().unwrap_err()
}

#[test]
fn without_a_server_no_mail_is_sent() {
    assert_eq!(Mail::default().relay(), Ok(None));
    assert_eq!(mail("from = \"mfa@example.com\"").relay(), Ok(None));
}

#[test]
fn the_port_is_the_usual_one_of_the_protection_unless_it_is_said() {
    for (tls, port) in [("starttls", 587), ("implicit", 465)] {
        let relay = mail(&format!("server = \"mx.example.com\"\nfrom = \"m@example.com\"\ntls = \"{tls}\"")).relay();
        assert_eq!(relay.unwrap().unwrap().port, port);
    }
    let relay = mail("server = \"mx.example.com\"\nfrom = \"m@example.com\"\nport = 2525").relay().unwrap().unwrap();
    assert_eq!((relay.port, relay.tls, relay.user), (2525, Tls::Starttls, None));
}

#[test]
fn mail_in_the_clear_stays_on_this_machine() {
    let plain = |server| format!("server = \"{server}\"\nfrom = \"m@example.com\"\ntls = \"plain\"");
    for here in ["localhost", "127.0.0.1", "::1"] {
        assert_eq!(mail(&plain(here)).relay().unwrap().unwrap().port, 25);
    }
    for elsewhere in ["mx.example.com", "localhost.evil.example", "10.0.0.1"] {
        assert!(wrong(&plain(elsewhere)).contains("this machine"), "{elsewhere}");
    }
}

#[test]
fn what_is_missing_or_cannot_be_is_said() {
    assert!(wrong("server = \"mx.example.com\"").contains("from is missing"));
    assert!(wrong("server = \"mx.example.com/\"\nfrom = \"a@b.c\"").contains("one machine"));
    assert!(wrong("server = \"mx.example.com\"\nfrom = \"a@b.c\"\npassword_file = \"/x\"").contains("takes a user"));
    assert!(toml::from_str::<Mail>("sever = \"mx\"").unwrap_err().to_string().contains("sever"));
    assert!(toml::from_str::<Mail>("tls = \"none\"").is_err());
}

#[test]
fn a_webhook_is_https_or_stays_on_this_machine() {
    let hook = |url: &str| Notify { webhook: url.to_owned() };
    for good in ["https://hooks.example.com/a?b", "http://localhost:8080/x", "http://127.0.0.1", "http://[::1]:9/x"] {
        assert_eq!(hook(good).webhook(), Ok(Some(good)));
    }
    for bad in [
        "http://hooks.example.com",
        "ftp://a",
        "https://",
        "https:///x",
        "https://a b",
        "http://localhost@evil.example/",
        "http://localhost.evil.example",
        "https://user:secret@example.com/",
        "https://a\r\nHost: b",
        "hooks.example.com",
    ] {
        assert!(hook(bad).webhook().is_err(), "{bad}");
    }
    assert_eq!(Notify::default().webhook(), Ok(None));
}

#[test]
fn the_rest_of_the_file_is_not_looked_at_and_these_sections_strictly() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mfa.toml");
    assert_eq!(load(&path).unwrap(), (Mail::default(), Notify::default()));
    std::fs::write(&path, "[later]\nthing = 1\n[mail]\nserver = \"mx\"\n[notify]\nwebhook = \"https://a\"\n").unwrap();
    let (mail, notify) = load(&path).unwrap();
    assert_eq!((mail.server.as_str(), notify.webhook.as_str()), ("mx", "https://a"));
    std::fs::write(&path, "[mail]\nserver = \"mx\"\nsever = \"my\"\n").unwrap();
    let error = load(&path).unwrap_err().to_string();
    assert!(error.contains("line 3") && error.contains("sever"), "{error}");
}
