//! A QR code as rows of characters: half blocks where the locale has them, plain ASCII where not.
//!
//! It is the secret itself, drawn: what is made here is wiped when it goes. It makes text and prints nothing.
#![forbid(unsafe_code)]

use fast_qr::{ECL, QRBuilder};
use std::fmt;
use zeroize::Zeroizing;

/// Columns of a terminal.
const WIDTH: usize = 80;

/// Modules of white around the code, as the standard wants it.
pub const QUIET: usize = 4;
/// What still reads where there is no room for more.
const LEAST_QUIET: usize = 2;
/// Black on white whatever the terminal's own colours are: entries of the colour cube, which themes leave alone.
const BLACK_ON_WHITE: &str = "\x1b[38;5;16;48;5;231m";
/// The same for a module that is drawn by its background.
const BLACK: &str = "\x1b[38;5;16;48;5;16m";
const PLAIN: &str = "\x1b[0m";

/// The modules of a QR code, without the white around it.
pub struct Qr {
    size: usize,
    dark: Zeroizing<Vec<u8>>,
}

/// A text that no QR code holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong;

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("The link is too long for a QR code. Type the secret into your app instead.")
    }
}

impl std::error::Error for TooLong {}

/// What the characters of a drawing stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Black and white are set by the drawing itself.
    Painted,
    /// Characters are light, as on a dark terminal: they draw what is white.
    Light,
    /// Characters are dark, as on paper: they draw what is black.
    Dark,
}

impl Ink {
    /// The other of the two without colours.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::Light => Self::Dark,
            Self::Dark | Self::Painted => Self::Light,
        }
    }
}

impl Qr {
    /// The smallest code that holds the text, at level L: screens need no more.
    ///
    /// # Errors
    /// [`TooLong`]
    pub fn of(text: &str) -> Result<Self, TooLong> {
        let code = QRBuilder::new(text).ecl(ECL::L).build().map_err(|_| TooLong)?;
        let dark = code.data.iter().take(code.size * code.size).map(|module| u8::from(module.value())).collect();
        Ok(Self { size: code.size, dark: Zeroizing::new(dark) })
    }

    /// Modules a side.
    #[must_use]
    pub fn size(&self) -> usize {
        self.size
    }

    /// Whether the module is black; whatever lies outside is white. Counted from the corner of a frame of `quiet`.
    #[must_use]
    pub fn is_dark(&self, column: usize, row: usize, quiet: usize) -> bool {
        let (Some(x), Some(y)) = (column.checked_sub(quiet), row.checked_sub(quiet)) else { return false };
        x < self.size && self.dark.get(y * self.size + x).is_some_and(|module| *module == 1)
    }

    /// Two modules a character, one above the other: 41 columns and 21 rows for a code of 33 modules. The white around
    /// it gives way, within reason, to stay within so many rows.
    #[must_use]
    pub fn in_half_blocks(&self, ink: Ink, rows: Option<usize>) -> Zeroizing<String> {
        let fits = |quiet: &usize| rows.is_some_and(|rows| (self.size + 2 * quiet).div_ceil(2) <= rows);
        let quiet = (LEAST_QUIET..=QUIET).rev().find(fits).unwrap_or(QUIET);
        let side = self.size + 2 * quiet;
        let mut drawing = Zeroizing::new(String::with_capacity(side * side * 3 + side * 64));
        for row in (0..side).step_by(2) {
            drawing.push_str(if ink == Ink::Painted { BLACK_ON_WHITE } else { "" });
            for column in 0..side {
                // A character draws what is black, except where characters are light.
                let drawn = |row| self.is_dark(column, row, quiet) != (ink == Ink::Light);
                drawing.push(match (drawn(row), drawn(row + 1)) {
                    (true, true) => '█',
                    (true, false) => '▀',
                    (false, true) => '▄',
                    (false, false) => ' ',
                });
            }
            drawing.push_str(if ink == Ink::Painted { PLAIN } else { "" });
            drawing.push('\n');
        }
        drawing
    }

    /// Two characters a module, `##` and two spaces, with as much white around it as 80 columns leave.
    #[must_use]
    pub fn in_ascii(&self, ink: Ink) -> Zeroizing<String> {
        let quiet = ((WIDTH / 2).saturating_sub(self.size) / 2).min(QUIET);
        let side = self.size + 2 * quiet;
        let mut drawing = Zeroizing::new(String::with_capacity(side * side * 24));
        for row in 0..side {
            let mut paint = "";
            for column in 0..side {
                let dark = self.is_dark(column, row, quiet);
                let needed = if dark { BLACK } else { BLACK_ON_WHITE };
                if ink == Ink::Painted && paint != needed {
                    paint = needed;
                    drawing.push_str(paint);
                }
                drawing.push_str(if dark != (ink == Ink::Light) { "##" } else { "  " });
            }
            drawing.push_str(if ink == Ink::Painted { PLAIN } else { "" });
            drawing.push('\n');
        }
        drawing
    }
}

#[cfg(test)]
mod tests;
