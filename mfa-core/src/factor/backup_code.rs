//! Backup codes: ten at a time, sixty random bits each, single use, shown once.

use super::Match;
use crate::Secret;
use crate::account::BackupSet;
use crate::printed::{self, Digest, Salt, digest, grouped, spell};
use subtle::{ConditionallySelectable, ConstantTimeEq};
use zeroize::Zeroizing;

/// Codes in a set.
pub const SET: usize = 10;
/// Characters of a code, dashes aside; each carries five bits.
pub(crate) const LENGTH: usize = 12;
/// Random bytes a set needs: the salt, then one byte a character.
pub const FRESH: usize = size_of::<Salt>() + SET * LENGTH;
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

/// What was typed, as a backup code is kept; `None` if it cannot be one.
#[must_use]
pub fn normalize(typed: &str) -> Option<Zeroizing<String>> {
    printed::normalize(typed, LENGTH)
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

    proptest! {
        #[test]
        fn codes_of_random_sets_differ(bytes in prop::collection::vec(any::<u8>(), FRESH)) {
            let (new, _) = set_of(&bytes);
            let distinct: std::collections::HashSet<_> = new.codes.iter().map(|code| code.to_string()).collect();
            prop_assert_eq!(distinct.len(), 10);
        }
    }
}
