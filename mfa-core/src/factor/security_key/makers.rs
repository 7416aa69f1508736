//! The makers of security keys that a site trusts, and whether one of them vouches for a chain of certificates.

use crate::Time;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::fmt;
use std::time::Duration;
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter};

/// What makers sign certificates with.
const ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P256_SHA384,
    webpki::ring::ECDSA_P384_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ED25519,
    webpki::ring::RSA_PKCS1_2048_8192_SHA256,
    webpki::ring::RSA_PKCS1_2048_8192_SHA384,
    webpki::ring::RSA_PKCS1_2048_8192_SHA512,
];

/// Certificates of makers.
#[derive(Clone, Default)]
pub struct Makers(Vec<Maker>);

#[derive(Clone)]
struct Maker {
    certificate: Vec<u8>,
    anchor: TrustAnchor<'static>,
}

impl Makers {
    /// Nobody: no key need be vouched for.
    #[must_use]
    pub fn nobody() -> Self {
        Self::default()
    }

    /// Out of certificates in DER.
    ///
    /// # Errors
    /// The number of the first that is none, from 1.
    pub fn new(certificates: &[Vec<u8>]) -> Result<Self, usize> {
        let maker = |(number, certificate): (usize, &Vec<u8>)| {
            let der = CertificateDer::from(certificate.as_slice());
            let anchor = webpki::anchor_from_trusted_cert(&der).map_err(|_| number)?.to_owned();
            Ok(Maker { certificate: certificate.clone(), anchor })
        };
        (1..).zip(certificates).map(maker).collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one of them vouches for the first certificate, by way of the others, now.
    pub(super) fn vouch(&self, chain: &[Vec<u8>], now: Time) -> bool {
        let Some((first, others)) = chain.split_first() else { return false };
        // Some makers publish the very certificate that their keys sign with.
        if self.0.iter().any(|maker| maker.certificate == *first) {
            return true;
        }
        let Ok(seconds) = u64::try_from(now.0) else { return false };
        let now = UnixTime::since_unix_epoch(Duration::from_secs(seconds));
        let first = CertificateDer::from(first.as_slice());
        let others: Vec<_> = others.iter().map(|other| CertificateDer::from(other.as_slice())).collect();
        let anchors: Vec<_> = self.0.iter().map(|maker| maker.anchor.clone()).collect();
        let Ok(first) = EndEntityCert::try_from(&first) else { return false };
        first.verify_for_usage(ALGORITHMS, &anchors, &others, now, AnyPurpose, None, None).is_ok()
    }
}

impl fmt::Debug for Makers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Makers({})", self.0.len())
    }
}

/// Certificates of makers have no purpose of TLS in them.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}
