//! What OpenSSH wants of a key, in the words of `mfa-key`, and what comes of it in the words of OpenSSH.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use mfa_key_on_links::Links;
use mfa_proto::Secret;
use mfa_proto::key::{ASSERT, Answer, Assert, Asserted, Credential, EDDSA, ES256, Failure, MAKE, Made, Make};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// As long as ssh would wait for a touch.
const SECONDS: u32 = 30;

/// A kind of key that OpenSSH knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `sk-ecdsa-sha2-nistp256@openssh.com`
    Ecdsa,
    /// `sk-ssh-ed25519@openssh.com`
    Ed25519,
}

/// How the touch is wanted.
pub(crate) struct How<'a> {
    pub(crate) application: &'a str,
    pub(crate) verify_user: bool,
    pub(crate) pin: Option<&'a str>,
    /// SHA-256 of what OpenSSH gave.
    pub(crate) hash: [u8; 32],
}

/// A key pair that was made.
pub(crate) struct Enrolled {
    /// A point of P-256, uncompressed, or the 32 bytes of Ed25519.
    pub(crate) public_key: Vec<u8>,
    /// The public key as COSE has it, then what the key knows the credential by: OpenSSH brings nothing else when it has
    /// something signed, and a PIN goes only to a key that shows that it holds the public key's other half.
    pub(crate) key_handle: Vec<u8>,
    /// The attestation statement; OpenSSH keeps it where it is told to, and looks into it nowhere.
    pub(crate) statement: Vec<u8>,
    pub(crate) authenticator_data: Vec<u8>,
}

/// A signature.
pub(crate) struct Signed {
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    /// The two numbers of ECDSA; of Ed25519 the first is all.
    pub(crate) r: Vec<u8>,
    pub(crate) s: Vec<u8>,
}

/// Makes a key pair on the one key there is.
pub(crate) fn enroll(folder: &Path, kind: Kind, how: &How<'_>) -> Result<Enrolled, Failure> {
    let wanted = Make {
        relying_party: how.application.into(),
        site: "OpenSSH".into(),
        user_id: vec![0; 32].into(),
        user_name: "openssh".into(),
        client_data_hash: how.hash.to_vec().into(),
        algorithms: vec![if kind == Kind::Ed25519 { EDDSA } else { ES256 }],
        exclude: Vec::new(),
        pin: how.pin.map(Secret::from),
        verify_user: how.verify_user,
        attestation: true,
        seconds: SECONDS,
    };
    let made: Made = ask(folder, MAKE, &wanted)?;
    let public_key = public_key(kind, &made.authenticator_data, &made.credential).ok_or_else(nonsense)?;
    let cose = cose(kind, &made.authenticator_data, &made.credential).ok_or_else(nonsense)?;
    let handle = [cose, &made.credential].concat();
    Ok(Enrolled {
        public_key,
        key_handle: handle,
        statement: made.statement.into_vec(),
        authenticator_data: made.authenticator_data.into_vec(),
    })
}

/// Signs with the key that has that handle.
pub(crate) fn sign(folder: &Path, kind: Kind, handle: &[u8], how: &How<'_>) -> Result<Signed, Failure> {
    let (cose, id) = split(kind, handle).ok_or_else(nonsense)?;
    let public_key = Some(cose.into());
    let credential = Credential { id: id.into(), relying_party: how.application.into(), public_key };
    let wanted = Assert {
        credentials: vec![credential],
        client_data_hash: how.hash.to_vec().into(),
        pin: how.pin.map(Secret::from),
        verify_user: how.verify_user,
        seconds: SECONDS,
    };
    let asserted: Asserted = ask(folder, ASSERT, &wanted)?;
    let flags = asserted.authenticator_data.get(32).copied().ok_or_else(nonsense)?;
    let counter = asserted.authenticator_data.get(33..37).and_then(|bytes| bytes.try_into().ok());
    let (r, s) = match kind {
        Kind::Ed25519 => (asserted.signature.into_vec(), Vec::new()),
        Kind::Ecdsa => numbers(&asserted.signature).ok_or_else(nonsense)?,
    };
    Ok(Signed { flags, counter: u32::from_be_bytes(counter.ok_or_else(nonsense)?), r, s })
}

fn nonsense() -> Failure {
    Failure::Failed { detail: "the key's answer cannot be understood".into() }
}

/// One call of `mfa-key`, within this process.
fn ask<R: DeserializeOwned>(folder: &Path, method: &str, parameters: &impl Serialize) -> Result<R, Failure> {
    let failed = |detail: String| Failure::Failed { detail };
    let (mut ours, theirs) = UnixStream::pair().map_err(|error| failed(error.to_string()))?;
    let links = Arc::new(Links::in_folder(folder));
    let served = thread::spawn(move || mfa_key::serve(theirs, links));
    let call = format!("{}\0", json!({ "method": method, "parameters": parameters }));
    let mut said = String::new();
    let talk = ours.write_all(call.as_bytes()).and_then(|()| ours.read_to_string(&mut said));
    talk.map_err(|error| failed(error.to_string()))?;
    served.join().map_err(|_| failed("the operation broke off".into()))?.map_err(failed)?;
    let mut answer: Value = serde_json::from_str(said.trim_end_matches('\0')).map_err(|_| nonsense())?;
    serde_json::from_value::<Answer<R>>(answer["parameters"].take()).map_err(|_| nonsense())?.into_result()
}

/// The public key in authenticator data: after the credential's id, as COSE encodes it canonically (CTAP 2.1, section
/// 8), so that the bytes before the numbers are always the same.
fn public_key(kind: Kind, data: &[u8], id: &[u8]) -> Option<Vec<u8>> {
    let cose = data.get(37 + 16 + 2 + id.len()..)?;
    let number = |after: &[u8]| {
        let at = cose.windows(after.len()).position(|window| window == after)?;
        cose.get(at + after.len()..)?.first_chunk::<32>()
    };
    const X: &[u8] = &[0x21, 0x58, 0x20];
    const Y: &[u8] = &[0x22, 0x58, 0x20];
    match kind {
        Kind::Ed25519 => Some(number(X)?.to_vec()),
        Kind::Ecdsa => Some([&[4][..], number(X)?, number(Y)?].concat()),
    }
}

/// The public key as COSE has it.
fn cose<'a>(kind: Kind, data: &'a [u8], id: &[u8]) -> Option<&'a [u8]> {
    split(kind, data.get(37 + 16 + 2 + id.len()..)?).map(|(cose, _)| cose)
}

/// The public key as COSE has it, and what follows.
fn split(kind: Kind, bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(if kind == Kind::Ed25519 { 42 } else { 77 })
}

/// The two numbers of an ECDSA signature in DER, both shorter than 128 bytes.
fn numbers(signature: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let [0x30, _, 0x02, length, rest @ ..] = signature else { return None };
    let (r, rest) = rest.split_at_checked(usize::from(*length))?;
    let [0x02, length, s @ ..] = rest else { return None };
    (s.len() == usize::from(*length)).then(|| (r.to_vec(), s.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_a_signature_are_found_and_half_a_signature_has_none() {
        let signature = [0x30, 7, 0x02, 2, 0, 0x81, 0x02, 1, 5];
        assert_eq!(numbers(&signature), Some((vec![0, 0x81], vec![5])));
        for length in 0..signature.len() {
            assert_eq!(numbers(&signature[..length]), None, "{length}");
        }
    }

    #[test]
    fn a_public_key_is_found_behind_the_credentials_name() {
        let mut data = vec![0; 37 + 16 + 2 + 4];
        data.extend([0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20]);
        data.extend([7; 32]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend([8; 32]);
        let point = [&[4][..], &[7; 32], &[8; 32]].concat();
        assert_eq!(public_key(Kind::Ecdsa, &data, &[9; 4]), Some(point));
        assert_eq!(public_key(Kind::Ed25519, &data, &[9; 4]), Some(vec![7; 32]));
        data.truncate(data.len() - 1);
        assert_eq!(public_key(Kind::Ecdsa, &data, &[9; 4]), None);
    }
}
