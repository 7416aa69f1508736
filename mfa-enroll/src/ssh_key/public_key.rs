//! Lines with SSH public keys, as `.pub` files, agents and `authorized_keys` have them; enough of them to find the right
//! one. Whether it will do, the daemon says.

use data_encoding::{BASE64, BASE64_NOPAD};
use sha2::{Digest, Sha256};

/// The kinds of key that live on a security key.
const KINDS: [&str; 2] = ["sk-ssh-ed25519@openssh.com", "sk-ecdsa-sha2-nistp256@openssh.com"];
/// What the names of other kinds begin with.
const OTHERS: [&str; 4] = ["ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-"];

/// A public key on a security key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PublicKey {
    /// Kind and key, as they are written.
    words: String,
    /// What stands behind them.
    pub(super) comment: String,
    /// As `ssh-keygen -l` shows it.
    pub(super) fingerprint: String,
}

/// What a line holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A key on a security key.
    Key(PublicKey),
    /// A key of another kind, or a certificate: the name of its kind.
    Other(String),
    /// No key.
    Nothing,
}

impl PublicKey {
    /// As `.pub` files have it.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.words, self.comment).trim_end().to_owned()
    }
}

/// Reads a line; options before the key, as `authorized_keys` has them, are passed over.
pub(super) fn read(line: &str) -> Line {
    let words = words(line);
    let mut words = words.iter();
    let Some(kind) = words.find(|word| OTHERS.iter().any(|other| word.starts_with(other))) else {
        return Line::Nothing;
    };
    let Some(blob) = words.next().and_then(|text| BASE64.decode(text.as_bytes()).ok()) else { return Line::Nothing };
    // The name stands in the key as well; a line that contradicts itself is none.
    let named = blob.get(4..).is_some_and(|rest| rest.starts_with(kind.as_bytes()));
    match (named, KINDS.contains(kind)) {
        (false, _) => Line::Nothing,
        (true, false) => Line::Other((*kind).to_owned()),
        (true, true) => Line::Key(PublicKey {
            words: format!("{kind} {}", BASE64.encode(&blob)),
            comment: words.copied().collect::<Vec<_>>().join(" "),
            fingerprint: format!("SHA256:{}", BASE64_NOPAD.encode(&Sha256::digest(&blob))),
        }),
    }
}

/// The words of a line; what stands in quotes is one with what stands before it.
fn words(line: &str) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = line.split(|c: char| {
        let ends = c.is_ascii_whitespace() && !quoted;
        if c == '"' && !escaped {
            quoted = !quoted;
        }
        escaped = c == '\\' && !escaped;
        ends
    });
    parts.filter(|word| !word.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = include_str!("../../../mfa-core/tests/vectors/sk-ed25519.pub");
    const ECDSA: &str = include_str!("../../../mfa-core/tests/vectors/sk-ecdsa.pub");
    const ORDINARY: &str = include_str!("../../../mfa-core/tests/vectors/ed25519.pub");

    fn key(line: &str) -> PublicKey {
        match read(line) {
            Line::Key(key) => key,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn keys_of_both_kinds_are_read_and_written_back() {
        for line in [KEY, ECDSA] {
            assert_eq!(key(line).line(), line.trim());
            assert!(key(line).fingerprint.starts_with("SHA256:") && key(line).fingerprint.len() == 50);
        }
    }

    #[test]
    fn options_before_the_key_are_passed_over_even_those_that_look_like_one() {
        let options = format!("no-pty,command=\"echo \\\" ssh-ed25519 AAAA\" {KEY}");
        assert_eq!(key(&options).line(), key(KEY).line());
    }

    #[test]
    fn other_kinds_are_named_and_what_is_no_key_is_nothing() {
        assert_eq!(read(ORDINARY), Line::Other("ssh-ed25519".into()));
        for none in
            ["", "# a comment", "ssh-ed25519", "ssh-ed25519 !!", "ssh-rsa AAAA", "-----BEGIN OPENSSH PRIVATE KEY-----"]
        {
            assert_eq!(read(none), Line::Nothing, "{none}");
        }
    }
}
