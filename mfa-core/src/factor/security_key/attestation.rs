//! What a key tells of its make and model, and who has signed that (WebAuthn Level 3, sections 6.5 and 8): nobody, the
//! new key itself, or the maker's certificate, in the formats `packed` and `fido-u2f`.

use super::Unacceptable;
use super::authenticator_data::AttestedCredential;
use super::cbor::{self, Map, Value};
use super::certificate::Certificate;
use super::cose::{CoseKey, ES256};
use super::registration::Attested;

/// The format of keys of before FIDO2.
pub(super) const FIDO_U2F: &str = "fido-u2f";
/// Certificates of a chain at the most.
const LONGEST_CHAIN: usize = 6;

/// What is told, and by whom.
#[derive(Debug)]
pub(super) enum Told {
    /// Nothing that anybody has signed.
    Nothing,
    /// By the new key itself.
    ByItself,
    /// By the holder of the first of these certificates (DER), each but the last vouched for by the next.
    ByMaker(Vec<Vec<u8>>),
}

/// Weighs a statement about a new credential; `about` is the hashes of the relying party and of the client data.
pub(super) fn told(
    attested: &Attested,
    new: &AttestedCredential,
    about: (&[u8; 32], &[u8; 32]),
) -> Result<Told, Unacceptable> {
    let statement = cbor::whole_map(&attested.statement).ok_or(Unacceptable::Attestation)?;
    match attested.format.as_str() {
        "none" if statement.len() == 0 => Ok(Told::Nothing),
        "packed" => packed(&statement, new, &[attested.authenticator_data.as_slice(), about.1].concat()),
        FIDO_U2F => fido_u2f(&statement, new, about),
        _ => Err(Unacceptable::Attestation),
    }
}

/// Section 8.2.
fn packed(statement: &Map<'_>, new: &AttestedCredential, signed: &[u8]) -> Result<Told, Unacceptable> {
    let (algorithm, signature) = parts(statement)?;
    let Some(chain) = statement.word("x5c") else {
        let holds = statement.len() == 2 && algorithm == new.key.algorithm() && new.key.holds(signed, signature);
        return if holds { Ok(Told::ByItself) } else { Err(Unacceptable::AttestationSignature) };
    };
    let chain = certificates(chain).filter(|_| statement.len() == 3).ok_or(Unacceptable::Attestation)?;
    let certificate = chain.first().and_then(|first| Certificate::parse(first)).ok_or(Unacceptable::Attestation)?;
    if !certificate.is_of_an_authenticator() || certificate.aaguid().is_some_and(|aaguid| aaguid != new.aaguid) {
        return Err(Unacceptable::Attestation);
    }
    by_maker(algorithm, &certificate, (signed, signature), chain)
}

/// Section 8.6.
fn fido_u2f(
    statement: &Map<'_>,
    new: &AttestedCredential,
    (relying_party, client_data): (&[u8; 32], &[u8; 32]),
) -> Result<Told, Unacceptable> {
    // libfido2 says the algorithm here, too.
    let named = statement.word("alg").is_some();
    let signature = statement.word("sig").and_then(Value::as_bytes).ok_or(Unacceptable::Attestation)?;
    let algorithm = if named { parts(statement)?.0 } else { ES256 };
    let chain = statement.word("x5c").and_then(certificates).filter(|chain| chain.len() == 1);
    let chain = chain.filter(|_| statement.len() == 2 + usize::from(named)).ok_or(Unacceptable::Attestation)?;
    let certificate = chain.first().and_then(|first| Certificate::parse(first)).ok_or(Unacceptable::Attestation)?;
    let point = new.key.uncompressed().filter(|_| new.aaguid == [0; 16]).ok_or(Unacceptable::Attestation)?;
    let signed = [&[0], relying_party.as_slice(), client_data, new.id.as_bytes(), &point].concat();
    by_maker(algorithm, &certificate, (&signed, signature), chain)
}

fn by_maker(
    algorithm: i64,
    certificate: &Certificate,
    (signed, signature): (&[u8], &[u8]),
    chain: Vec<Vec<u8>>,
) -> Result<Told, Unacceptable> {
    // Every maker's keys sign with ES256; a certificate for another algorithm is code that hostile bytes would reach.
    if algorithm == ES256 && CoseKey::Es256(certificate.key).holds(signed, signature) {
        Ok(Told::ByMaker(chain))
    } else {
        Err(Unacceptable::AttestationSignature)
    }
}

/// The algorithm and the signature.
fn parts<'b>(statement: &Map<'b>) -> Result<(i64, &'b [u8]), Unacceptable> {
    let algorithm = statement.word("alg").and_then(Value::as_number);
    let signature = statement.word("sig").and_then(Value::as_bytes);
    algorithm.zip(signature).ok_or(Unacceptable::Attestation)
}

fn certificates(chain: &Value<'_>) -> Option<Vec<Vec<u8>>> {
    let chain = chain.as_array().filter(|chain| (1..=LONGEST_CHAIN).contains(&chain.len()))?;
    chain.iter().map(|one| one.as_bytes().map(<[u8]>::to_vec)).collect()
}
