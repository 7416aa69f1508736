//! Codes by mail: eight digits, ten minutes, single use, good for the one dialog that had them mailed.
//!
//! The code itself goes into the letter and nowhere else; the dialog keeps a salted hash. Eight digits can be guessed,
//! so wrong ones are counted with those of apps; the hash is there so that no memory holds what is on its way.

use super::Match;
use crate::account::FactorId;
use crate::letter::Address;
use crate::{Secret, Time};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Digits of a code.
pub const DIGITS: usize = 8;
/// Seconds for which a code works.
pub const LIFE: i64 = 10 * 60;
/// Random bytes a code takes: the salt, then the number.
const FRESH: usize = 24;

/// A code that was mailed, as far as it must be known again.
pub struct Mailed {
    salt: [u8; 16],
    digest: [u8; 32],
    to: Address,
    until: Time,
}

impl fmt::Debug for Mailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailed").field("to", &self.to.masked()).field("until", &self.until).finish_non_exhaustive()
    }
}

/// What a typed line is, compared with a mailed code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The code, in time.
    Right,
    /// The code, after its end.
    Ended,
    /// Something else.
    Wrong,
}

impl Mailed {
    /// Makes a code for this address, out of random bytes; what is kept of it, and the code to be mailed. `None` if
    /// there are too few bytes.
    #[must_use]
    pub fn new(fresh: &Secret, to: Address, now: Time) -> Option<(Self, Secret)> {
        let bytes = fresh.expose().get(..FRESH)?;
        let (salt, number) = bytes.split_first_chunk::<16>()?;
        let number = u64::from_be_bytes(number.try_into().ok()?);
        // Of 2^64 numbers some remainders have one more: a part in 10^11.
        let code = Zeroizing::new(format!("{:0width$}", number % 10u64.pow(8), width = DIGITS));
        let mailed = Self { salt: *salt, digest: digest(salt, &code), to, until: now.plus(LIFE) };
        Some((mailed, Secret::new(code.as_bytes().to_vec())))
    }

    /// Compares what was typed, in constant time; spaces and dashes do not count.
    #[must_use]
    pub fn find(&self, typed: &str, now: Time) -> Finding {
        let bare: Zeroizing<String> = Zeroizing::new(typed.chars().filter(|c| !matches!(c, ' ' | '-')).collect());
        let right: bool = digest(&self.salt, &bare).ct_eq(&self.digest).into();
        // A clock that was turned back makes no code live longer than it could.
        match self.until.since(now) {
            _ if !right => Finding::Wrong,
            1..=LIFE => Finding::Right,
            _ => Finding::Ended,
        }
    }

    /// Where it was mailed to.
    #[must_use]
    pub fn to(&self) -> &Address {
        &self.to
    }

    /// After this it is not taken any more.
    #[must_use]
    pub fn until(&self) -> Time {
        self.until
    }

    /// The match of the code that was found [`Finding::Right`], with the factor it belongs to if its owner has added
    /// one.
    #[must_use]
    pub(crate) fn matched(&self, factor: Option<FactorId>) -> Match {
        Match::email(factor)
    }
}

fn digest(salt: &[u8; 16], code: &str) -> [u8; 32] {
    let mut key = [0u8; 64]; // the block size of SHA-256: a shorter key is padded with zeros (RFC 2104, section 2)
    for (place, byte) in key.iter_mut().zip(salt) {
        *place = *byte;
    }
    let mut mac = Hmac::<Sha256>::new(&key.into());
    mac.update(code.as_bytes());
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const NOW: Time = Time(1_000_000);

    fn mailed(fresh: &[u8]) -> (Mailed, String) {
        let to = "alice@acme.example".parse().unwrap();
        let (mailed, code) = Mailed::new(&Secret::new(fresh.to_vec()), to, NOW).unwrap();
        (mailed, String::from_utf8(code.expose().to_vec()).unwrap())
    }

    #[test]
    fn a_code_works_for_ten_minutes_and_no_longer_and_not_before_it_was_mailed() {
        let (mailed, code) = mailed(&[7; 24]);
        assert_eq!(mailed.find(&code, NOW), Finding::Right);
        assert_eq!(mailed.find(&code, NOW.plus(599)), Finding::Right);
        assert_eq!(mailed.find(&code, NOW.plus(600)), Finding::Ended);
        assert_eq!(mailed.find(&code, NOW.plus(-1)), Finding::Ended);
    }

    #[test]
    fn small_numbers_have_eight_digits_too() {
        let mut fresh = [0; 24];
        fresh[23] = 42;
        assert_eq!(mailed(&fresh).1, "00000042");
    }

    #[test]
    fn too_little_randomness_makes_no_code() {
        let to = "alice@acme.example".parse().unwrap();
        assert!(Mailed::new(&Secret::new(vec![1; 23]), to, NOW).is_none());
    }

    #[test]
    fn what_is_printed_of_it_tells_neither_the_hash_nor_the_address() {
        let shown = format!("{:?}", mailed(&[7; 24]).0);
        assert!(!shown.contains("digest") && !shown.contains("alice"), "{shown}");
    }

    proptest! {
        #[test]
        fn a_code_is_eight_digits_and_nothing_else_is_it(fresh in prop::array::uniform24(any::<u8>()), other in "[0-9]{0,9}") {
            let (mailed, code) = mailed(&fresh);
            prop_assert_eq!(code.len(), DIGITS);
            prop_assert!(code.bytes().all(|byte| byte.is_ascii_digit()));
            prop_assert_eq!(mailed.find(&format!(" {}-{}", &code[..4], &code[4..]), NOW), Finding::Right);
            prop_assert_eq!(mailed.find(&other, NOW) == Finding::Right, other == code);
        }
    }
}
