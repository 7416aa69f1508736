//! The master key on paper: its number, its bytes and a check, in groups of four letters that are hard to confuse.

use super::files::Key;
use data_encoding::{BASE32_NOPAD, Encoding};
use sha2::{Digest, Sha256};
use std::fmt;
use zeroize::Zeroizing;

/// Bytes of the check: a slip of the pen is found.
const CHECK: usize = 4;
/// Number, key, check.
const LENGTH: usize = 4 + 32 + CHECK;
const LETTERS: &Encoding = &BASE32_NOPAD;

/// Why what was typed is no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoKey {
    /// Letters that are none of a key's, or too few or too many.
    Letters,
    /// The check does not fit.
    Mistyped,
}

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Letters => "A key has 16 groups of four letters and digits, none of them 0, 1, 8 or 9.",
            Self::Mistyped => "That is not a key as it was printed: compare it letter by letter.",
        })
    }
}

/// As it is printed: four lines of four groups.
pub(super) fn spelled(number: u32, key: &Key) -> Zeroizing<String> {
    let mut bytes = Zeroizing::new([0u8; LENGTH]);
    let parts = number.to_be_bytes().into_iter().chain(**key);
    bytes.iter_mut().zip(parts).for_each(|(place, byte)| *place = byte);
    let check = check(&*bytes);
    bytes.iter_mut().rev().zip(check.into_iter().rev()).for_each(|(place, byte)| *place = byte);
    let letters = Zeroizing::new(LETTERS.encode(&*bytes));
    let mut text = Zeroizing::new(String::with_capacity(128));
    for (place, letter) in letters.chars().enumerate() {
        match place {
            0 => {}
            _ if place % 16 == 0 => text.push('\n'),
            _ if place % 4 == 0 => text.push('-'),
            _ => {}
        }
        text.push(letter);
    }
    text
}

/// Reads back what was printed, in any case and spacing.
pub(super) fn parse(typed: &str) -> Result<(u32, Key), NoKey> {
    let mut letters = Zeroizing::new(String::with_capacity(128));
    for letter in typed.chars().filter(|letter| !letter.is_whitespace() && *letter != '-').take(128) {
        letters.push(letter.to_ascii_uppercase());
    }
    let bytes = Zeroizing::new(LETTERS.decode(letters.as_bytes()).map_err(|_| NoKey::Letters)?);
    if bytes.len() != LENGTH {
        return Err(NoKey::Letters);
    }
    let (number, rest) = bytes.split_first_chunk().ok_or(NoKey::Letters)?;
    let (key, found) = rest.split_first_chunk::<32>().ok_or(NoKey::Letters)?;
    if found != check(&bytes) {
        return Err(NoKey::Mistyped);
    }
    let number = u32::from_be_bytes(*number);
    if number == 0 { Err(NoKey::Mistyped) } else { Ok((number, Zeroizing::new(*key))) }
}

fn check(bytes: &[u8]) -> [u8; CHECK] {
    let digest = Sha256::new()
        .chain_update(b"mfa master key\0")
        .chain_update(bytes.get(..LENGTH - CHECK).unwrap_or_default())
        .finalize();
    let mut check = [0; CHECK];
    check.iter_mut().zip(digest).for_each(|(place, byte)| *place = byte);
    check
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Zeroizing::new(std::array::from_fn(|place| u8::try_from(place).unwrap() * 7))
    }

    #[test]
    fn what_is_printed_is_read_back_in_any_case_and_spacing() {
        let text = spelled(3, &key());
        assert_eq!(text.lines().count(), 4);
        assert!(text.lines().all(|line| line.len() == 19), "{}", *text);
        for typed in [text.to_string(), text.to_lowercase(), text.replace(['-', '\n'], " "), text.replace('-', "")] {
            assert_eq!(parse(&typed), Ok((3, key())));
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_found() {
        let text = spelled(1, &key());
        for (place, letter) in text.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()) {
            let other = if letter == 'B' { 'C' } else { 'B' };
            let mut typed = text.to_string();
            typed.replace_range(place..=place, &other.to_string());
            assert!(parse(&typed).is_err(), "{place}");
        }
    }

    #[test]
    fn what_is_no_key_is_refused() {
        for odd in ["", "AAAA", "8888", &"A".repeat(64), &"A".repeat(10_000), "ä", "\0"] {
            assert!(parse(odd).is_err(), "{odd:.10}");
        }
    }
}
