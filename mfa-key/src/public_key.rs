//! The public key of a credential, as COSE_Key writes it in CTAP's one spelling (CTAP 2.1, section 8): what the key has
//! to sign with before it is believed to hold the credential.

/// Before the first number of a key of ES256: five members, the kind of key EC2, the algorithm −7, the curve P-256.
const ES256: [u8; 10] = [0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 0x20];
/// Between its two numbers.
const THEN_Y: [u8; 3] = [0x22, 0x58, 0x20];
/// Before the bytes of a key of EdDSA: four members, the kind of key OKP, the algorithm −8, the curve Ed25519.
const EDDSA: [u8; 10] = [0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 0x20];

/// A public key as libfido2 takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PublicKey {
    /// The two numbers of a point on P-256, one after the other.
    Es256([u8; 64]),
    /// A point of Ed25519.
    EdDsa([u8; 32]),
}

impl PublicKey {
    /// `None` for other algorithms, other spellings, and anything that is too long or too short.
    pub(crate) fn from_cose(cose: &[u8]) -> Option<Self> {
        if let Some(point) = cose.strip_prefix(&EDDSA) {
            return point.try_into().ok().map(Self::EdDsa);
        }
        let (x, rest) = cose.strip_prefix(&ES256)?.split_first_chunk::<32>()?;
        let y: &[u8; 32] = rest.strip_prefix(&THEN_Y)?.try_into().ok()?;
        let mut point = [0; 64];
        point.iter_mut().zip(x.iter().chain(y)).for_each(|(to, from)| *to = *from);
        Some(Self::Es256(point))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_keys_are_read_and_nothing_that_differs_by_a_byte_in_form() {
        let es256 = [&ES256[..], &[7; 32], &THEN_Y, &[8; 32]].concat();
        let point: [u8; 64] = [[7; 32], [8; 32]].concat().try_into().unwrap();
        assert_eq!(PublicKey::from_cose(&es256), Some(PublicKey::Es256(point)));
        let eddsa = [&EDDSA[..], &[9; 32]].concat();
        assert_eq!(PublicKey::from_cose(&eddsa), Some(PublicKey::EdDsa([9; 32])));
        for cose in [es256, eddsa] {
            assert_eq!(PublicKey::from_cose(&cose[..cose.len() - 1]), None);
            assert_eq!(PublicKey::from_cose(&[&cose[..], &[0]].concat()), None);
            for at in 0..ES256.len() {
                let mut other = cose.clone();
                other[at] ^= 1;
                assert_eq!(PublicKey::from_cose(&other), None, "{at}");
            }
        }
        assert_eq!(PublicKey::from_cose(&[]), None);
    }
}
