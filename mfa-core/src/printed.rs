//! Codes that are printed and typed by hand: how they are spelled, read back, and kept. Backup codes, enrollment codes
//! and temporary codes are all of this make.
//!
//! What is kept is a keyed hash, so that even whoever reads the store with its master key cannot print them again. Who
//! may use which code for what is not known here.

use crate::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Thirty-two characters that are not taken for one another: no 0, 1, I or O. Each carries five bits.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters between two dashes.
const GROUP: usize = 4;

/// Kept with the hash, or hashes, of codes that were made together.
pub type Salt = [u8; 16];
/// HMAC-SHA-256 of a code, keyed with its salt.
pub type Digest = [u8; 32];

/// What is kept of one code. It is not printed: whoever has it may try codes against it at leisure.
#[derive(Clone, PartialEq, Eq)]
pub struct Kept {
    /// Of this code alone.
    pub salt: Salt,
    /// Of the code.
    pub digest: Digest,
}

impl Kept {
    /// Whether this is the code, compared in constant time.
    #[must_use]
    pub fn is(&self, normalized: &str) -> bool {
        self.digest.ct_eq(&digest(&self.salt, normalized)).into()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept(…)")
    }
}

/// A new code: what is shown once, and what is kept of it.
pub struct NewCode {
    /// Such as `XXXX-XXXX-XXXX`.
    pub code: Zeroizing<String>,
    /// Of it.
    pub kept: Kept,
}

/// Makes a code of so many characters out of random bytes: sixteen for the salt, and one a character. `None` if there
/// are fewer.
#[must_use]
pub fn new_code(fresh: &Secret, length: usize) -> Option<NewCode> {
    let (salt, rest) = fresh.expose().split_first_chunk()?;
    let plain = spell(rest.get(..length)?);
    Some(NewCode { code: grouped(&plain), kept: Kept { salt: *salt, digest: digest(salt, &plain) } })
}

/// What was typed, as a code of so many characters is hashed: upper case, without spaces and dashes. `None` if it
/// cannot be one.
#[must_use]
pub fn normalize(typed: &str, length: usize) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(length));
    for character in typed.chars().filter(|character| !matches!(character, ' ' | '-')) {
        let character = character.to_ascii_uppercase();
        let known = u8::try_from(character).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !known || code.len() == length {
            return None;
        }
        code.push(character);
    }
    (code.len() == length).then_some(code)
}

/// The hash under which a code is kept.
#[must_use]
pub fn digest(salt: &Salt, normalized: &str) -> Digest {
    let mut key = [0u8; 64]; // the block size of SHA-256: a shorter key is padded with zeros (RFC 2104, section 2)
    for (place, byte) in key.iter_mut().zip(salt) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(normalized.as_bytes());
    mac.finalize().into_bytes().into()
}

/// Random bytes as characters of the alphabet, one each.
pub(crate) fn spell(bytes: &[u8]) -> Zeroizing<String> {
    // 256 is a multiple of 32, so the remainder is as random as the byte.
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('?', char::from);
    Zeroizing::new(bytes.iter().map(letter).collect())
}

/// As it is shown: in groups of four.
pub(crate) fn grouped(code: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(code.len() + code.len() / GROUP));
    for (place, character) in code.chars().enumerate() {
        if place > 0 && place % GROUP == 0 {
            shown.push('-');
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn code_of(bytes: &[u8], length: usize) -> NewCode {
        new_code(&Secret::new(bytes.to_vec()), length).unwrap()
    }

    #[test]
    fn a_code_is_known_again_however_it_is_typed_and_no_other_is() {
        let new = code_of(&[7; 32], 16);
        let shown = new.code.as_str();
        assert_eq!(shown.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
        for typed in [shown.to_owned(), shown.to_lowercase(), shown.replace('-', ""), format!(" {shown} ")] {
            assert!(new.kept.is(&normalize(&typed, 16).unwrap()));
        }
        let other = code_of(&[8; 32], 16);
        assert!(!new.kept.is(&normalize(&other.code, 16).unwrap()));
        assert!(!Kept { salt: [9; 16], ..new.kept }.is(&normalize(&new.code, 16).unwrap()));
    }

    #[test]
    fn a_code_of_another_length_is_none() {
        let new = code_of(&[7; 32], 16);
        assert!(normalize(&new.code, 12).is_none() && normalize(&new.code, 17).is_none());
        assert!(normalize("", 12).is_none());
        assert!(normalize("492817", 6).is_none(), "0, 1, I and O are in no code");
    }

    #[test]
    fn too_little_randomness_makes_no_code() {
        assert!(new_code(&Secret::new(vec![0; 31]), 16).is_none());
        assert!(new_code(&Secret::new(vec![0; 32]), 16).is_some());
    }

    #[test]
    fn what_is_kept_is_not_printed() {
        assert_eq!(format!("{:?}", code_of(&[7; 32], 16).kept), "Kept(…)");
    }

    #[test]
    fn rfc_4231_case_2_shows_that_the_key_is_padded_and_not_hashed() {
        let mut salt = [0u8; 16];
        salt[..4].copy_from_slice(b"Jefe");
        let expected = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843";
        assert_eq!(data_encoding::HEXLOWER.encode(&digest(&salt, "what do ya want for nothing?")), expected);
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_is_accepted_has_the_length(text in "\\PC{0,40}", length in 0usize..20) {
            if let Some(code) = normalize(&text, length) {
                prop_assert_eq!(code.len(), length);
            }
        }

        #[test]
        fn every_code_is_read_back(bytes in prop::collection::vec(any::<u8>(), 32)) {
            let new = code_of(&bytes, 16);
            prop_assert!(new.kept.is(&normalize(&new.code, 16).unwrap()));
        }
    }
}
