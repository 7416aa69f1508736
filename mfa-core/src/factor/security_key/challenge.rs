//! What a security key is asked to sign: a challenge that nobody has seen, what it is for, and for whom; spelled as the
//! client data of WebAuthn (Level 3, section 5.8.1), as a browser would.

use crate::Secret;
use data_encoding::BASE64URL_NOPAD;
use sha2::{Digest, Sha256};
use std::fmt;

/// Random bytes of a challenge.
pub(super) const FRESH: usize = 32;

/// What the signature will be good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Making a credential: `webauthn.create`.
    Create,
    /// Proving that one is there: `webauthn.get`.
    Get,
}

impl Purpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "webauthn.create",
            Self::Get => "webauthn.get",
        }
    }
}

/// One question to a security key, good for one answer: whoever asks drops it with the answer.
#[derive(Clone, PartialEq, Eq)]
pub struct Challenge {
    pub(super) bytes: [u8; FRESH],
    pub(super) purpose: Purpose,
    pub(super) origin: String,
    pub(super) relying_party: RelyingParty,
}

impl Challenge {
    /// Made of random bytes; `None` if there are fewer than 32.
    #[must_use]
    pub fn new(purpose: Purpose, relying_party: &RelyingParty, fresh: &Secret) -> Option<Self> {
        let bytes = *fresh.expose().first_chunk()?;
        let origin = format!("mfa://{relying_party}");
        Some(Self { bytes, purpose, origin, relying_party: relying_party.clone() })
    }

    /// What it is for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// For whom new credentials are made. One that is there may be for another: each says so itself.
    #[must_use]
    pub fn relying_party(&self) -> &RelyingParty {
        &self.relying_party
    }

    /// The client data: JSON, in the very spelling of section 5.8.1.1.
    #[must_use]
    pub fn client_data(&self) -> Vec<u8> {
        let (purpose, challenge) = (self.purpose.as_str(), BASE64URL_NOPAD.encode(&self.bytes));
        // A relying party holds nothing that JSON would have to escape.
        let origin = &self.origin;
        format!(r#"{{"type":"{purpose}","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#)
            .into_bytes()
    }

    /// The SHA-256 of the client data, which is all of it that a key sees.
    #[must_use]
    pub fn client_data_hash(&self) -> [u8; 32] {
        Sha256::digest(self.client_data()).into()
    }
}

impl fmt::Debug for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Challenge({}, {})", self.purpose.as_str(), self.relying_party)
    }
}

/// Characters of a relying party at the most: those of a host's name (RFC 1035, section 2.3.4), with a scheme before it.
const LONGEST: usize = 255;

/// For whom credentials are made: a name that stays when the host's changes. One of ours looks like a host's name; one
/// that another program chose may be an origin, such as `pam://host`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct RelyingParty(String);

impl RelyingParty {
    /// A site's own choice: letters, digits, `.`, `-` and `_`, in lower case.
    ///
    /// # Errors
    /// [`NotARelyingParty`]
    pub fn of_site(text: &str) -> Result<Self, NotARelyingParty> {
        let text = text.trim_end_matches('.').to_ascii_lowercase();
        let fits = text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_'));
        if fits { text.parse() } else { Err(NotARelyingParty) }
    }

    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What a key knows of it (WebAuthn Level 3, section 6.1: rpIdHash).
    #[must_use]
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

impl std::str::FromStr for RelyingParty {
    type Err = NotARelyingParty;

    /// Any that a program may have chosen: 1 to 255 visible ASCII characters, without quotes and backslashes.
    fn from_str(text: &str) -> Result<Self, NotARelyingParty> {
        let fits = (1..=LONGEST).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\'));
        if fits { Ok(Self(text.to_owned())) } else { Err(NotARelyingParty) }
    }
}

impl fmt::Display for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Not the name of a relying party.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotARelyingParty;

impl fmt::Display for NotARelyingParty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a name for security keys: it is written like a host's, with letters, digits, dots and dashes")
    }
}

impl std::error::Error for NotARelyingParty {}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge() -> Challenge {
        let relying_party = RelyingParty::of_site("Web1.Acme.example.").unwrap();
        Challenge::new(Purpose::Get, &relying_party, &Secret::new(vec![0xfb; 40])).unwrap()
    }

    #[test]
    fn client_data_is_spelled_as_a_browser_spells_it() {
        let wanted = r#"{"type":"webauthn.get","challenge":"-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s","origin":"mfa://web1.acme.example","crossOrigin":false}"#;
        assert_eq!(String::from_utf8(challenge().client_data()).unwrap(), wanted);
        assert_eq!(challenge().client_data_hash(), <[u8; 32]>::from(Sha256::digest(wanted)));
    }

    #[test]
    fn too_little_randomness_makes_no_challenge() {
        let relying_party = RelyingParty::of_site("web1").unwrap();
        assert_eq!(Challenge::new(Purpose::Create, &relying_party, &Secret::new(vec![1; 31])), None);
    }

    #[test]
    fn what_is_printed_of_it_does_not_tell_the_challenge() {
        assert_eq!(format!("{:?}", challenge()), "Challenge(webauthn.get, web1.acme.example)");
    }

    #[test]
    fn a_site_calls_itself_like_a_host_and_others_may_have_an_origin() {
        for bad in ["", ".", "a b", "pam://web1", "wéb", "a\"b", "a/b", &"x".repeat(256)] {
            assert_eq!(RelyingParty::of_site(bad), Err(NotARelyingParty), "{bad:?}");
        }
        assert_eq!("pam://Web1".parse::<RelyingParty>().unwrap().as_str(), "pam://Web1");
        for bad in ["", "a b", "wéb", "a\"b", "a\\b", "a\nb", &"x".repeat(256)] {
            assert_eq!(bad.parse::<RelyingParty>(), Err(NotARelyingParty), "{bad:?}");
        }
    }
}
