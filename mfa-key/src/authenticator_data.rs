//! Authenticator data as WebAuthn lays them out (Level 2, section 6.1): taken out of libfido2's wrapping, and without
//! make and model where nobody asked for them.

/// Where the flags are.
const FLAGS: usize = 32;
/// The flag that says that a credential is in them.
const HAS_CREDENTIAL: u8 = 0x40;
/// Where the AAGUID is, if a credential is in them.
const AAGUID: std::ops::Range<usize> = 37..53;
/// An attestation statement of the format `none`: an empty CBOR map.
pub(crate) const NO_STATEMENT: [u8; 1] = [0xa0];

/// What a CBOR byte string of definite length holds (RFC 8949, section 3.1); `None` if it is anything else, or if
/// anything follows.
pub(crate) fn unwrap(cbor: &[u8]) -> Option<&[u8]> {
    let (head, rest) = cbor.split_first()?;
    let (len, rest) = match head {
        0x40..=0x57 => (usize::from(head & 0x1f), rest),
        0x58 => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        0x59 => rest.split_first_chunk().map(|(len, rest)| (usize::from(u16::from_be_bytes(*len)), rest))?,
        _ => return None,
    };
    (rest.len() == len).then_some(rest)
}

/// The same with zeros for make and model.
pub(crate) fn without_model(mut data: Vec<u8>) -> Vec<u8> {
    if data.get(FLAGS).is_some_and(|flags| flags & HAS_CREDENTIAL != 0) {
        if let Some(aaguid) = data.get_mut(AAGUID) {
            aaguid.fill(0);
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_string_of_any_length_is_unwrapped() {
        for len in [0, 1, 23, 24, 37, 255, 256, 65_535] {
            let bytes = vec![7; len];
            let head = match len {
                0..=23 => vec![0x40 | u8::try_from(len).unwrap()],
                24..=255 => vec![0x58, u8::try_from(len).unwrap()],
                _ => [vec![0x59], u16::try_from(len).unwrap().to_be_bytes().to_vec()].concat(),
            };
            assert_eq!(unwrap(&[head, bytes.clone()].concat()), Some(&*bytes), "{len}");
        }
    }

    #[test]
    fn what_is_no_byte_string_or_not_all_of_one_is_refused() {
        let bad: [&[u8]; 8] = [b"", b"\x41", b"\x41ab", b"\x58", b"\x58\x02a", b"\x59\x00", b"\x5f\x41a\xff", b"\xa0"];
        for bytes in bad {
            assert_eq!(unwrap(bytes), None, "{bytes:x?}");
        }
    }

    #[test]
    fn make_and_model_are_taken_out_of_a_new_credential_and_nothing_else_is() {
        let mut data = vec![1; 60];
        data[FLAGS] = 0x41;
        let clean = without_model(data.clone());
        assert_eq!(clean[AAGUID], [0; 16]);
        assert_eq!((&clean[..37], &clean[53..]), (&data[..37], &data[53..]));
        data[FLAGS] = 0x01;
        assert_eq!(without_model(data.clone()), data);
        assert_eq!(without_model(vec![0x41; 40]), vec![0x41; 40]);
    }
}
