//! How a break-glass code is spelled: seven groups of four letters and digits, of which the last two and a bit check
//! the others, so that whoever types one from paper is told of a slip and loses no try by it.

use hmac_sha256::Hash;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

/// Thirty-two characters that are not taken for one another: no 0, 1, I or O.
const ALPHABET: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
/// Characters of a code, dashes aside: five bits each, 128 of the code and 12 that check them.
const LENGTH: usize = 28;
const CHECKED: u32 = 12;

/// Random bytes that a new code takes.
pub const FRESH: usize = 32;

/// 128 bits, wiped when they go.
pub struct Code(u128);

/// What a new record is made of.
pub struct Fresh {
    /// The code, to be printed once.
    pub code: Code,
    pub(super) salt: [u8; 16],
}

impl Fresh {
    /// Takes random bytes apart.
    #[must_use]
    pub fn new(random: &[u8; FRESH]) -> Self {
        let (mut code, mut salt) = ([0; 16], [0; 16]);
        for (place, byte) in code.iter_mut().chain(&mut salt).zip(random) {
            *place = *byte;
        }
        let fresh = Self { code: Code(u128::from_be_bytes(code)), salt };
        code.zeroize();
        fresh
    }
}

impl Code {
    /// Reads what was typed: spaces, dashes and the case of letters do not matter. `None` if it was mistyped, or is
    /// something else.
    #[must_use]
    pub fn read(typed: &str) -> Option<Self> {
        let (mut code, mut check, mut count) = (Self(0), 0u32, 0usize);
        for character in typed.chars().filter(|c| !matches!(c, ' ' | '-')) {
            let letter = u8::try_from(character.to_ascii_uppercase()).ok()?;
            let value = u32::try_from(ALPHABET.iter().position(|known| *known == letter)?).ok()?;
            for bit in (0..5).rev().map(|place| value >> place & 1) {
                if count < 128 {
                    code.0 = code.0 << 1 | u128::from(bit);
                } else {
                    check = check << 1 | bit;
                }
                count = count.checked_add(1).filter(|count| *count <= LENGTH * 5)?;
            }
        }
        (count == LENGTH * 5 && check == code.check()).then_some(code)
    }

    /// `XXXX-XXXX-XXXX-XXXX-XXXX-XXXX-XXXX`, to be shown once.
    #[must_use]
    pub fn spell(&self) -> Zeroizing<String> {
        let mut shown = Zeroizing::new(String::with_capacity(LENGTH + LENGTH / 4));
        let bits = (0..128).rev().map(|place| self.0 >> place & 1 == 1);
        let mut bits = bits.chain((0..CHECKED).rev().map(|place| self.check() >> place & 1 == 1));
        for place in 0..LENGTH {
            if place > 0 && place % 4 == 0 {
                shown.push('-');
            }
            let value = bits.by_ref().take(5).fold(0usize, |value, bit| value << 1 | usize::from(bit));
            shown.push(ALPHABET.get(value).copied().map_or('?', char::from));
        }
        shown
    }

    /// The bits, for the hash.
    pub(super) fn bytes(&self) -> Zeroizing<[u8; 16]> {
        Zeroizing::new(self.0.to_be_bytes())
    }

    fn check(&self) -> u32 {
        let mut hash = Hash::new();
        hash.update(b"mfa break-glass check");
        hash.update(self.bytes());
        let [first, second, ..] = hash.finalize();
        (u32::from(first) << 8 | u32::from(second)) >> (16 - CHECKED)
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Code(…)")
    }
}
