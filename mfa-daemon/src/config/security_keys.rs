//! `[security_keys]` of `mfa.toml`: how long a touch is waited for, which makes of key may be enrolled, and what the
//! administrator says of sshd. Names and limits are checked here; certificates are read and not judged.

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};
use mfa_settings::file;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Seconds that somebody may be given to touch a key.
const TOUCH: std::ops::RangeInclusive<u16> = 5..=60;
/// Characters of a host name (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;
/// Makes of key, or certificates, that a list may hold.
const MOST: usize = 500;

/// What is configured about keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SecurityKeys {
    /// For which relying party keys are made; `None`: for this host's name, as it was when the first one was.
    pub(crate) relying_party: Option<String>,
    /// Seconds that a login waits for a touch before it asks for a code.
    pub(crate) touch_wait: u16,
    /// Whether a key's make and model are asked for, and must be vouched for, when it is enrolled.
    pub(crate) attestation: bool,
    /// The models that may be enrolled (their AAGUIDs); empty: every one.
    pub(crate) aaguids: Vec<[u8; 16]>,
    /// Certificates (DER) of makers, one of which must vouch for a key; empty: any word of a key will do.
    pub(crate) roots: Vec<Vec<u8>>,
    /// The administrator says that sshd demands `verify-required`: an SSH key alone is then two factors.
    pub(crate) ssh_verify_required: bool,
}

/// As it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Written {
    relying_party: String,
    touch_wait: String,
    attestation: bool,
    aaguids: Vec<String>,
    roots: PathBuf,
    ssh_verify_required: bool,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            relying_party: String::new(),
            touch_wait: "15s".into(),
            attestation: false,
            aaguids: Vec::new(),
            roots: PathBuf::new(),
            ssh_verify_required: false,
        }
    }
}

impl Default for SecurityKeys {
    /// Without a file.
    fn default() -> Self {
        let (relying_party, touch_wait, attestation) = (None, 15, false);
        let (aaguids, roots, ssh_verify_required) = (Vec::new(), Vec::new(), false);
        Self { relying_party, touch_wait, attestation, aaguids, roots, ssh_verify_required }
    }
}

impl Written {
    /// Checks it, and reads the certificates.
    ///
    /// # Errors
    /// A sentence about what is possible.
    pub(super) fn parsed(&self) -> Result<SecurityKeys, String> {
        let chosen = !self.aaguids.is_empty() || self.file_of_roots().is_some();
        if chosen && !self.attestation {
            return Err("aaguids and roots need attestation = true: without it no key says what it is".into());
        }
        if self.aaguids.len() > MOST {
            return Err(format!("aaguids are {MOST} at the most"));
        }
        let name = self.relying_party.as_str();
        if !name.is_empty() && !is_host_name(name) {
            return Err("relying_party is a host name in small letters, such as \"acme.example\"".into());
        }
        Ok(SecurityKeys {
            relying_party: (!name.is_empty()).then(|| name.to_owned()),
            touch_wait: seconds(&self.touch_wait)?,
            attestation: self.attestation,
            aaguids: self.aaguids.iter().map(|text| aaguid(text)).collect::<Result<_, _>>()?,
            roots: self.file_of_roots().map(certificates).transpose()?.unwrap_or_default(),
            ssh_verify_required: self.ssh_verify_required,
        })
    }
}

impl Written {
    fn file_of_roots(&self) -> Option<&Path> {
        Some(self.roots.as_path()).filter(|path| !path.as_os_str().is_empty())
    }
}

fn seconds(text: &str) -> Result<u16, String> {
    let seconds = text.strip_suffix('s').and_then(|number| number.parse().ok());
    seconds
        .filter(|seconds| TOUCH.contains(seconds))
        .ok_or_else(|| format!("touch_wait is a time such as \"15s\", from {}s to {}s", TOUCH.start(), TOUCH.end()))
}

/// A name that a key can be made for (WebAuthn, section 5.1.2: a valid domain string); keys compare it byte by byte.
fn is_host_name(name: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= LONGEST_NAME && name.split('.').all(is_label)
}

/// `ee882879-721c-4913-9775-3dfcce97072a`, as makers publish it.
fn aaguid(text: &str) -> Result<[u8; 16], String> {
    let digits = text.replace('-', "");
    let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).ok();
    bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| format!("aaguids: {text:?} is none; they look like ee882879-721c-4913-9775-3dfcce97072a"))
}

/// The certificates of a PEM file (RFC 7468, section 5), which nobody but root can have written.
fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    let text = file::read(path, file::LARGEST).map_err(|error| format!("roots: {error}"))?;
    let (mut found, mut inside): (Vec<Vec<u8>>, Option<String>) = (Vec::new(), None);
    let broken = || format!("roots: {} has a certificate that cannot be read", path.display());
    for line in text.lines().map(str::trim) {
        match (line, inside.as_mut()) {
            ("-----BEGIN CERTIFICATE-----", None) => inside = Some(String::new()),
            ("-----END CERTIFICATE-----", Some(base64)) => {
                found.push(BASE64.decode(base64.as_bytes()).map_err(|_| broken())?);
                inside = None;
            }
            (_, Some(base64)) => base64.push_str(line),
            (_, None) => {}
        }
    }
    if inside.is_some() || found.is_empty() || found.iter().any(Vec::is_empty) || found.len() > MOST {
        return Err(broken());
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<SecurityKeys, String> {
        toml::from_str::<Written>(text).map_err(|error| error.to_string())?.parsed()
    }

    #[test]
    fn without_a_word_it_is_as_the_shipped_file_says() {
        assert_eq!(parsed("").unwrap(), SecurityKeys::default());
    }

    #[test]
    fn what_is_written_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        let one = "Some maker\n-----BEGIN CERTIFICATE-----\nMAoG\nAyoD\n-----END CERTIFICATE-----\n";
        std::fs::write(&roots, one.repeat(2)).unwrap();
        let text = format!(
            "relying_party = \"acme.example\"\ntouch_wait = \"30s\"\nattestation = true\nssh_verify_required = true\n\
             aaguids = [\"ee882879-721c-4913-9775-3dfcce97072a\"]\nroots = {roots:?}\n"
        );
        let keys = parsed(&text).unwrap();
        assert_eq!((keys.relying_party.as_deref(), keys.touch_wait), (Some("acme.example"), 30));
        assert_eq!(keys.aaguids.first().map(|id| (id[0], id[15])), Some((0xee, 0x2a)));
        assert_eq!(keys.roots, vec![vec![0x30, 0x0a, 0x06, 0x03, 0x2a, 0x03]; 2]);
        assert!(keys.attestation && keys.ssh_verify_required);
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_what_can() {
        let wrong = [
            ("touch_wait = \"15\"", "such as \"15s\""),
            ("touch_wait = \"0s\"", "from 5s to 60s"),
            ("touch_wait = \"600s\"", "from 5s to 60s"),
            ("relying_party = \"https://acme.example\"", "a host name in small letters"),
            ("relying_party = \"Acme\"", "a host name in small letters"),
            ("relying_party = \"acme..example\"", "a host name in small letters"),
            ("attestation = true\naaguids = [\"yubikey\"]", "look like ee882879-"),
            ("aaguids = [\"ee882879-721c-4913-9775-3dfcce97072a\"]", "need attestation = true"),
            ("attestation = true\nroots = \"/nowhere/roots.pem\"", "/nowhere/roots.pem cannot be read"),
            ("touch = \"15s\"", "unknown field"),
        ];
        for (text, told) in wrong {
            let error = parsed(text).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_of_certificates_that_was_cut_off_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let roots = folder.path().join("roots.pem");
        let begun = "-----BEGIN CERTIFICATE-----\nMAoG\n";
        for text in ["", "no certificate\n", begun, &format!("{begun}!!\n-----END CERTIFICATE-----\n")] {
            std::fs::write(&roots, text).unwrap();
            let error = parsed(&format!("attestation = true\nroots = {roots:?}\n")).unwrap_err();
            assert!(error.contains("cannot be read"), "{error}");
        }
    }
}
