//! The data types of SSH (RFC 4251, section 5), taken off the front of bytes that anybody may have written. Whatever is
//! too short, too long or written in more than one way is `None`.

/// A length in four bytes and that many bytes.
pub(crate) fn string<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let length = number(rest)?;
    take(rest, usize::try_from(length).ok()?)
}

/// This many bytes.
pub(crate) fn take<'b>(rest: &mut &'b [u8], count: usize) -> Option<&'b [u8]> {
    let (taken, left) = rest.split_at_checked(count)?;
    *rest = left;
    Some(taken)
}

/// Four bytes, the highest first.
pub(crate) fn number(rest: &mut &[u8]) -> Option<u32> {
    let (number, left) = rest.split_first_chunk::<4>()?;
    *rest = left;
    Some(u32::from_be_bytes(*number))
}

/// One byte.
pub(crate) fn byte(rest: &mut &[u8]) -> Option<u8> {
    let (byte, left) = rest.split_first()?;
    *rest = left;
    Some(*byte)
}

/// A positive `mpint` below 2^256, without idle zeros before it.
pub(crate) fn scalar(rest: &mut &[u8]) -> Option<[u8; 32]> {
    let digits = match string(rest)? {
        [0, digits @ ..] if digits.first().is_some_and(|first| *first >= 0x80) => digits,
        digits if digits.first().is_some_and(|first| (1..0x80).contains(first)) => digits,
        _ => return None,
    };
    let mut scalar = [0; 32];
    let idle = scalar.len().checked_sub(digits.len())?;
    scalar.get_mut(idle..)?.copy_from_slice(digits);
    Some(scalar)
}

/// Bytes as a `string`, for what is to be hashed. `None` beyond 4 GiB.
pub(crate) fn put(out: &mut Vec<u8>, bytes: &[u8]) -> Option<()> {
    out.extend(u32::try_from(bytes.len()).ok()?.to_be_bytes());
    out.extend(bytes);
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar_of(digits: &[u8]) -> Option<[u8; 32]> {
        let mut written = Vec::new();
        put(&mut written, digits).unwrap();
        scalar(&mut written.as_slice())
    }

    #[test]
    fn a_scalar_is_written_in_one_way_only() {
        let one = scalar_of(&[1]).unwrap();
        assert_eq!((one[31], one[..31].iter().all(|byte| *byte == 0)), (1, true));
        assert_eq!(scalar_of(&[0, 0x80]).unwrap()[31], 0x80);
        assert_eq!(scalar_of(&[[0].as_slice(), &[0xff; 32]].concat()), Some([0xff; 32]));
        for bad in [[].as_slice(), &[0], &[0, 1], &[0, 0, 0x80], &[0x80], &[0xff; 32], &[1; 33], &[0x7f; 33]] {
            assert_eq!(scalar_of(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn what_is_cut_off_is_nothing() {
        let mut written = Vec::new();
        put(&mut written, b"mfa-license").unwrap();
        for length in 0..written.len() {
            assert_eq!(string(&mut &written[..length]), None);
        }
        assert_eq!(string(&mut written.as_slice()), Some(b"mfa-license".as_slice()));
        assert_eq!(string(&mut [0xff; 20].as_slice()), None);
        assert_eq!((number(&mut [1, 2, 3].as_slice()), byte(&mut [].as_slice())), (None, None));
    }
}
