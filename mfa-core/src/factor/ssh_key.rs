//! `sk-ssh-*` keys over SSH: sshd has just verified a signature of the security key; here it is known again.
//!
//! Only what sshd says is weighed ([`SshAuth`]): a certificate counts by the key inside. Whether a touch alone will do,
//! and what must stand beside it, is the plan's to say.

use super::Match;
use crate::account::FactorId;
use crate::policy::SshAuth;
use crate::sshsig::PublicKey;

/// What is kept of an SSH security key that was enrolled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshKey {
    /// The public key; one on a security key always.
    pub key: PublicKey,
}

/// The first of these keys with which sshd has authenticated the user; none if what sshd has verified is not known.
pub fn find<'a>(keys: impl Iterator<Item = (FactorId, &'a SshKey)>, ssh: &SshAuth) -> Option<Match> {
    let mut keys = keys.filter(|(_, key)| key.key.kind().is_security_key());
    let shown = |key: &SshKey| {
        let fingerprint = key.key.fingerprint();
        ssh.keys().any(|shown| shown.security_key && shown.fingerprint == fingerprint)
    };
    keys.find(|(_, key)| shown(key)).map(|(factor, _)| Match::ssh_key(factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Write;
    use crate::factor::Kind;

    /// The vector of this name.
    macro_rules! vector {
        ($name:literal) => {
            include_str!(concat!("../../tests/vectors/", $name))
        };
    }

    const ED25519: &str = vector!("sk-ed25519.pub");
    const ECDSA: &str = vector!("sk-ecdsa.pub");
    const ORDINARY: &str = vector!("ed25519.pub");

    fn kept(line: &str) -> SshKey {
        SshKey { key: line.parse().unwrap() }
    }

    /// What sshd writes when this key has signed.
    fn shown(lines: &[&str]) -> SshAuth {
        let words = |line: &str| line.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ");
        let text: Vec<String> = lines.iter().map(|line| format!("publickey {}", words(line))).collect();
        let auth = SshAuth::parse(&text.join("\n"));
        assert_eq!(auth.keys().count(), lines.len());
        auth
    }

    fn found(keys: &[&str], ssh: &SshAuth) -> Option<FactorId> {
        let keys: Vec<_> = (1..).map(FactorId).zip(keys.iter().map(|line| kept(line))).collect();
        let matched = find(keys.iter().map(|(id, key)| (*id, key)), ssh)?;
        assert_eq!(matched.kind(), Kind::SshKey);
        match matched.uses_up() {
            Write::UseSshKey { factor } if matched.factor() == Some(factor) => Some(factor),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_key_is_known_again_by_its_fingerprint_among_those_that_sshd_has_verified() {
        assert_eq!(found(&[ED25519, ECDSA], &shown(&[ECDSA])), Some(FactorId(2)));
        assert_eq!(found(&[ED25519, ECDSA], &shown(&[ORDINARY, ED25519])), Some(FactorId(1)));
        assert_eq!(found(&[ED25519], &shown(&[ECDSA])), None);
        assert_eq!(found(&[], &shown(&[ECDSA])), None);
    }

    #[test]
    fn an_ordinary_key_is_never_a_factor_even_if_it_were_kept() {
        assert_eq!(found(&[ORDINARY], &shown(&[ORDINARY])), None);
    }

    #[test]
    fn what_is_not_known_shows_no_key() {
        assert_eq!(found(&[ED25519], &SshAuth::Unknown), None);
        assert_eq!(found(&[ED25519], &SshAuth::parse("")), None);
        assert_eq!(found(&[ED25519], &SshAuth::parse("password")), None);
    }
}
