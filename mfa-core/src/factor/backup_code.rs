//! Backup codes: ten at a time, sixty random bits each, single use, shown once.
//!
//! What is kept is a keyed hash, so that even whoever reads the store with its master key cannot print them again.

use super::Match;
use crate::Secret;
use crate::account::BackupSet;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// Codes in a set.
pub const SET: usize = 10;
/// Characters of a code, dashes aside; each carries five bits.
const LENGTH: usize = 12;
/// Random bytes a set needs: the salt, then one byte a character.
pub const FRESH: usize = size_of::<Salt>() + SET * LENGTH;
/// Thirty-two characters that are not taken for one another: no 0, 1, I or O.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";

/// Of a whole set.
pub type Salt = [u8; 16];
/// HMAC-SHA-256 of a code, keyed with the set's salt.
pub type Digest = [u8; 32];

/// A new set: the codes to show once, and what is kept of them.
pub struct NewSet {
    /// `XXXX-XXXX-XXXX`
    pub codes: Vec<Zeroizing<String>>,
    /// Of the set.
    pub salt: Salt,
    /// One for each code, in the same order.
    pub digests: Vec<Digest>,
}

/// Makes a set out of [`FRESH`] random bytes; `None` if there are fewer.
#[must_use]
pub fn new_set(fresh: &Secret) -> Option<NewSet> {
    let (salt, rest) = fresh.expose().split_first_chunk::<16>()?;
    let letters = rest.get(..SET * LENGTH)?;
    let plain: Vec<Zeroizing<String>> = letters.chunks_exact(LENGTH).map(spell).collect();
    let digests = plain.iter().map(|code| digest(salt, code)).collect();
    Some(NewSet { codes: plain.iter().map(|code| grouped(code)).collect(), salt: *salt, digests })
}

/// What was typed, as a backup code is kept: upper case, without spaces and dashes. `None` if it cannot be one.
#[must_use]
pub fn normalize(typed: &str) -> Option<Zeroizing<String>> {
    let mut code = Zeroizing::new(String::with_capacity(LENGTH));
    for character in typed.chars().filter(|character| !matches!(character, ' ' | '-')) {
        let character = character.to_ascii_uppercase();
        let known = u8::try_from(character).is_ok_and(|byte| ALPHABET.contains(&byte));
        if !known || code.len() == LENGTH {
            return None;
        }
        code.push(character);
    }
    (code.len() == LENGTH).then_some(code)
}

/// The unused code this is, if it is one. Every code of the set is compared, each in constant time.
#[must_use]
pub fn find(set: &BackupSet, normalized: &str) -> Option<Match> {
    let wanted = digest(&set.salt, normalized);
    let (mut found, mut id) = (subtle::Choice::from(0), 0i64);
    for code in &set.codes {
        let same = code.digest.ct_eq(&wanted);
        id = i64::conditional_select(&id, &code.id, same);
        found |= same;
    }
    bool::from(found).then(|| Match::backup_code(id))
}

fn digest(salt: &Salt, normalized: &str) -> Digest {
    let mut key = [0u8; 64]; // the block size of SHA-256: a shorter key is padded with zeros (RFC 2104, section 2)
    for (place, byte) in key.iter_mut().zip(salt) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(normalized.as_bytes());
    mac.finalize().into_bytes().into()
}

fn spell(bytes: &[u8]) -> Zeroizing<String> {
    // 256 is a multiple of 32, so the remainder is as random as the byte.
    let letter = |byte: &u8| ALPHABET.get(usize::from(byte % 32)).copied().map_or('?', char::from);
    Zeroizing::new(bytes.iter().map(letter).collect())
}

fn grouped(code: &str) -> Zeroizing<String> {
    let mut shown = Zeroizing::new(String::with_capacity(LENGTH + 2));
    for (place, character) in code.chars().enumerate() {
        if place > 0 && place % 4 == 0 {
            shown.push('-');
        }
        shown.push(character);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{BackupCode, Write};
    use proptest::prelude::*;

    fn set_of(bytes: &[u8]) -> (NewSet, BackupSet) {
        let new = new_set(&Secret::new(bytes.to_vec())).unwrap();
        let codes = (100i64..).zip(&new.digests).map(|(id, digest)| BackupCode { id, digest: *digest }).collect();
        let kept = BackupSet { salt: new.salt, codes };
        (new, kept)
    }

    fn found(set: &BackupSet, typed: &str) -> Option<i64> {
        match find(set, &normalize(typed).unwrap())?.uses_up() {
            Write::UseBackupCode { id } => Some(id),
            other => panic!("{other:?}"),
        }
    }

    fn some_bytes() -> Vec<u8> {
        (0u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(FRESH).collect()
    }

    #[test]
    fn a_set_is_ten_codes_of_three_groups_of_four() {
        let (new, _) = set_of(&some_bytes());
        assert_eq!(new.codes.len(), 10);
        for code in &new.codes {
            assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4]);
        }
    }

    #[test]
    fn a_code_is_found_however_it_is_typed_and_only_in_its_own_set() {
        let (new, kept) = set_of(&some_bytes());
        for (id, code) in (100i64..).zip(&new.codes) {
            for typed in [code.to_string(), code.to_lowercase(), code.replace('-', ""), format!(" {} ", code.as_str())]
            {
                assert_eq!(found(&kept, &typed), Some(id));
            }
        }
        let other = BackupSet { salt: [9; 16], codes: kept.codes.clone() };
        assert_eq!(found(&other, &new.codes[0]), None);
        assert_eq!(found(&BackupSet::default(), &new.codes[0]), None);
    }

    #[test]
    fn a_phone_code_never_looks_like_a_backup_code() {
        assert!(normalize("492817").is_none());
        assert!(normalize("49281733").is_none());
        assert!(normalize("").is_none());
    }

    #[test]
    fn too_little_randomness_makes_no_set() {
        assert!(new_set(&Secret::new(vec![0; FRESH - 1])).is_none());
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
        fn no_text_makes_it_panic_and_what_is_accepted_is_twelve_letters(text in "\\PC{0,40}") {
            if let Some(code) = normalize(&text) {
                prop_assert_eq!(code.len(), 12);
            }
        }

        #[test]
        fn codes_of_random_sets_differ(bytes in prop::collection::vec(any::<u8>(), FRESH)) {
            let (new, _) = set_of(&bytes);
            let distinct: std::collections::HashSet<_> = new.codes.iter().map(|code| code.to_string()).collect();
            prop_assert_eq!(distinct.len(), 10);
        }
    }
}
