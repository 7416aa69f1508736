//! `SSH_AUTH_INFO_0`, as sshd writes it and as an enemy would.

use crate::policy::ssh_auth::{Fingerprint, Method, SshAuth, SshKey};
use data_encoding::BASE64;
use proptest::prelude::*;

/// Keys and certificates with what ssh-keygen says of them.
const KEYS: &str = include_str!("ssh_keys.txt");

struct Known {
    fingerprint: &'static str,
    ca: Option<&'static str>,
    kind: &'static str,
    blob: &'static str,
}

fn keys() -> Vec<Known> {
    let lines = KEYS.lines().filter(|line| !line.starts_with('#'));
    let known: Vec<Known> = lines
        .map(|line| match line.split(' ').collect::<Vec<_>>()[..] {
            [fingerprint, ca, kind, blob] => Known { fingerprint, ca: (ca != "-").then_some(ca), kind, blob },
            _ => panic!("{line}"),
        })
        .collect();
    assert_eq!(known.len(), 10);
    known
}

fn only_key(text: &str) -> Option<SshKey> {
    let auth = SshAuth::parse(text);
    let mut keys = auth.keys();
    let key = keys.next().cloned();
    assert!(keys.next().is_none());
    key
}

#[test]
fn keys_and_certificates_have_the_fingerprints_that_ssh_keygen_shows() {
    for known in keys() {
        let key = only_key(&format!("publickey {} {}\n", known.kind, known.blob)).expect(known.kind);
        assert_eq!(key.fingerprint.to_string(), known.fingerprint, "{}", known.kind);
        assert_eq!(key.ca.map(|ca| ca.to_string()).as_deref(), known.ca, "{}", known.kind);
        assert_eq!(key.security_key, known.kind.starts_with("sk-"), "{}", known.kind);
    }
}

#[test]
fn methods_come_a_line_each_with_or_without_what_follows_them() {
    let key = &keys()[0];
    let text =
        format!("publickey {} {}\nkeyboard-interactive/pam\ngssapi-with-mic alice@EXAMPLE.COM\n", key.kind, key.blob);
    let SshAuth::Methods(methods) = SshAuth::parse(&text) else { panic!("known") };
    let names: Vec<Method> = methods.iter().map(|one| one.method).collect();
    assert_eq!(names, [Method::Publickey, Method::KeyboardInteractive, Method::GssapiWithMic]);
    assert_eq!(SshAuth::parse("password"), SshAuth::parse("password\n"), "the last line may lack its end");
}

#[test]
fn an_empty_text_means_that_nothing_has_completed() {
    assert_eq!(SshAuth::parse(""), SshAuth::Methods(Vec::new()));
}

#[test]
fn the_key_of_a_machine_is_not_the_users() {
    let key = &keys()[0];
    assert_eq!(only_key(&format!("hostbased {} {}\n", key.kind, key.blob)), None);
}

#[test]
fn what_is_not_understood_makes_the_whole_text_unknown() {
    let key = &keys()[0];
    let line = format!("publickey {} {}", key.kind, key.blob);
    let bad = [
        "\n".to_owned(),
        "publickey\n".to_owned(),
        format!("publickey {}\n", key.kind),
        format!("publickey {}\n", key.blob),
        format!("publickey ssh-rsa {}\n", key.blob),
        format!("publickey {}-cert-v01@openssh.com {}\n", key.kind, key.blob),
        format!("publickey {} {}=\n", key.kind, key.blob),
        format!("publickey {} AAAA\n", key.kind),
        format!("publickey  {} {}\n", key.kind, key.blob),
        format!(" {line}\n"),
        format!("{line}\r\n"),
        format!("{line}\n\n"),
        format!("{line}\nfuture-method\n"),
        format!("PUBLICKEY {} {}\n", key.kind, key.blob),
        format!("{line}\0\n"),
        "password\n".repeat(33),
        format!("publickey {} {}\n", key.kind, "A".repeat(70_000)),
        "public\u{202e}key\n".to_owned(),
    ];
    for text in bad {
        assert_eq!(SshAuth::parse(&text), SshAuth::Unknown, "{text:.80?}");
    }
}

#[test]
fn a_certificate_that_is_cut_or_followed_by_junk_is_not_one() {
    for known in keys().iter().filter(|known| known.ca.is_some()) {
        let blob = BASE64.decode(known.blob.as_bytes()).expect("base64");
        let parse = |blob: &[u8]| SshAuth::parse(&format!("publickey {} {}\n", known.kind, BASE64.encode(blob)));
        for length in 0..blob.len() {
            assert_eq!(parse(&blob[..length]), SshAuth::Unknown, "{} cut to {length}", known.kind);
        }
        assert_eq!(parse(&[blob.as_slice(), &[0]].concat()), SshAuth::Unknown);
    }
}

#[test]
fn lengths_that_point_beyond_the_blob_are_refused() {
    let mut blob = b"\0\0\0\x0bssh-ed25519".to_vec();
    blob.extend([0xff; 4]);
    let plain = format!("publickey ssh-ed25519-cert-v01@openssh.com {}\n", BASE64.encode(&blob));
    assert_eq!(SshAuth::parse(&plain), SshAuth::Unknown);
    let text = format!("publickey ssh-ed25519 {}\n", BASE64.encode(b"\xff\xff\xff\xffssh-ed25519"));
    assert_eq!(SshAuth::parse(&text), SshAuth::Unknown);
}

#[test]
fn a_policy_names_keys_by_fingerprint_or_as_they_are() {
    for known in keys() {
        let by_fingerprint: Fingerprint = known.fingerprint.parse().expect("a fingerprint");
        let by_key: Fingerprint = format!("{} {} alice@laptop", known.kind, known.blob).parse().expect("a key");
        assert_eq!(by_fingerprint, by_key);
        assert_eq!(format!("{}=", known.fingerprint).parse(), Ok(by_key), "some tools pad");
    }
    let bad = [
        "",
        "SHA256:",
        "SHA256:abc",
        "MD5:00:11:22",
        "ssh-ed25519",
        "ssh-ed25519 AAAA",
        "LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4",
    ];
    for text in bad {
        assert!(text.parse::<Fingerprint>().is_err(), "{text}");
    }
}

proptest! {
    #[test]
    fn no_text_is_too_strange_to_read(text in "\\PC{0,200}|(publickey|password|ssh-ed25519|[A-Za-z0-9+/=]{0,80}|[ \n/\\x00])*") {
        let auth = SshAuth::parse(&text);
        prop_assert!(auth != SshAuth::Unknown || !text.is_empty());
    }

    #[test]
    fn no_certificate_with_changed_bytes_is_too_strange_to_read(
        which in 0..10_usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let known = &keys()[which];
        let mut blob = BASE64.decode(known.blob.as_bytes()).expect("base64");
        for (at, byte) in changes {
            let at = at.index(blob.len());
            blob[at] = byte;
        }
        let text = format!("publickey {} {}\n", known.kind, BASE64.encode(&blob));
        let original = BASE64.encode(&blob) == known.blob;
        if let Some(key) = only_key(&text) {
            // Whoever changes the key itself changes its fingerprint.
            prop_assert!(original || known.ca.is_some() || key.fingerprint.to_string() != known.fingerprint);
        }
    }
}

#[test]
fn what_was_verified_can_be_kept_and_read_again() {
    for known in keys() {
        let auth = SshAuth::parse(&format!("publickey {} {}\npassword\n", known.kind, known.blob));
        let kept = auth.to_string();
        assert!(kept.contains(known.fingerprint) && kept.ends_with(", password"), "{kept}");
        assert_eq!(kept.parse(), Ok(auth));
    }
    for text in ["", "unknown", "gssapi-with-mic", "publickey", "none, password"] {
        assert_eq!(text.parse::<SshAuth>().expect(text).to_string(), text);
    }
}

#[test]
fn what_is_not_what_was_verified_is_refused() {
    let fingerprint = "SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4";
    let wrong = [
        "publikey".to_owned(),
        "publickey ".to_owned(),
        "publickey,password".to_owned(),
        "publickey SHA256:short".to_owned(),
        format!("password {fingerprint}"),
        format!("publickey {fingerprint} ca"),
        format!("publickey {fingerprint} sk sk"),
        format!("publickey {fingerprint}, "),
        "password, ".repeat(20_000),
    ];
    for wrong in wrong {
        assert_eq!(wrong.parse::<SshAuth>(), Err(crate::policy::NotSshAuth), "{wrong:.80}");
    }
}

#[test]
fn a_public_key_that_is_not_named_may_be_any() {
    let policy = super::policy(
        "[[rule]]\nssh_key=[\"SHA256:LwJVCSLjIeOimY7xSa4aV6VvL5o3C6JSuZpKGqlPXB4\"]\nrequire=\"never\"\n",
    );
    let groups = crate::policy::Groups::default();
    for (ssh, certain) in [("publickey", false), ("password", true)] {
        let request = crate::policy::Request { ssh: ssh.parse().expect(ssh), ..super::request(&groups) };
        assert_eq!(super::decide(&policy, &request, super::phone()).certain, certain, "{ssh}");
    }
}
