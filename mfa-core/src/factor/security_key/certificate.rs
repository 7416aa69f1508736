//! A maker's certificate, as far as it says who signs (WebAuthn Level 3, section 8.2.1). Who vouches for it is asked
//! elsewhere.

use x509_cert::der::Decode;
use x509_cert::der::asn1::{ObjectIdentifier, OctetStringRef};
use x509_cert::ext::pkix::BasicConstraints;

/// `id-ecPublicKey` (RFC 5480, section 2.1.1) and its curve P-256.
const EC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// `id-fido-gen-ce-aaguid`: the make and model that the certificate is for.
const AAGUID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.45724.1.1.4");
/// `id-ce-basicConstraints` (RFC 5280, section 4.2.1.9).
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
/// `id-at-organizationalUnitName` (RFC 5280, appendix A.1).
const UNIT: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.11");

/// A certificate with a key over P-256.
pub(super) struct Certificate {
    /// Its key.
    pub(super) key: p256::ecdsa::VerifyingKey,
    aaguid: Option<[u8; 16]>,
    authenticator: bool,
}

impl Certificate {
    /// `None` for anything but one certificate with a key over P-256.
    pub(super) fn parse(der: &[u8]) -> Option<Self> {
        let certificate = x509_cert::Certificate::from_der(der).ok()?;
        let body = certificate.tbs_certificate();
        let info = body.subject_public_key_info();
        let curve: ObjectIdentifier = info.algorithm.parameters.as_ref()?.decode_as().ok()?;
        if info.algorithm.oid != EC_KEY || curve != P256 {
            return None;
        }
        let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(info.subject_public_key.as_bytes()?).ok()?;
        let (aaguid, issues) = extensions(body)?;
        let unit = body.subject().iter().filter(|part| part.oid == UNIT);
        let mut unit = unit.map(|part| part.value.value() == b"Authenticator Attestation");
        let authenticator = body.version() == x509_cert::Version::V3
            && issues == Some(false)
            && (unit.next(), unit.next()) == (Some(true), None);
        Some(Self { key, aaguid, authenticator })
    }

    /// Whether it says of itself that it is an authenticator's, and no authority's.
    pub(super) fn is_of_an_authenticator(&self) -> bool {
        self.authenticator
    }

    /// The make and model it is for, if it says one.
    pub(super) fn aaguid(&self) -> Option<[u8; 16]> {
        self.aaguid
    }
}

/// The make and model, and whether it may issue others; each at the most once, and whole.
fn extensions(body: &x509_cert::TbsCertificate) -> Option<(Option<[u8; 16]>, Option<bool>)> {
    let (mut aaguid, mut issues) = (None, None);
    for extension in body.extensions().into_iter().flatten() {
        let value = extension.extn_value.as_bytes();
        let twice = match extension.extn_id {
            AAGUID => {
                let bytes = <&OctetStringRef>::from_der(value).ok()?.as_bytes().try_into().ok()?;
                extension.critical || aaguid.replace(bytes).is_some()
            }
            BASIC_CONSTRAINTS => issues.replace(BasicConstraints::from_der(value).ok()?.ca).is_some(),
            _ => false,
        };
        if twice {
            return None;
        }
    }
    Some((aaguid, issues))
}
