//! Text from elsewhere, made fit for a terminal: nothing in it moves the cursor, reorders a line or rings a bell.
//!
//! Names, notes and errors come from the daemon, which has them from users; none is printed without this.

use crate::WIDTH;
use mfa_proto::Secret;
use std::fmt::{self, Write};
use unicode_width::UnicodeWidthStr;

/// One line: every control character, line breaks too, is shown as its escape.
#[must_use]
pub fn line(text: &str) -> String {
    shown(text, false)
}

/// Several lines: line breaks stay, every other control character is shown as its escape.
#[must_use]
pub fn lines(text: &str) -> String {
    shown(text, true)
}

/// A secret for the screen or a page: what is no visible ASCII character becomes `?`, and no copy is made.
pub struct Visible<'a>(pub &'a Secret);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expose().chars().try_for_each(|c| f.write_char(if c.is_ascii_graphic() { c } else { '?' }))
    }
}

/// Columns the text takes on a terminal.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// Cuts to so many columns; what was cut is marked by a tilde.
#[must_use]
pub fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if width(&kept) + 1 > columns {
            kept.pop();
            break;
        }
    }
    kept.push('~');
    kept
}

/// Breaks at spaces so that no line is wider than [`WIDTH`]; a space that ends the text stays, as prompts want it.
#[must_use]
pub fn wrap(text: &str) -> String {
    wrap_to(text, WIDTH)
}

/// As [`wrap`], to another width.
#[must_use]
pub fn wrap_to(text: &str, columns: usize) -> String {
    text.split('\n').map(|line| wrap_line(line, columns)).collect::<Vec<_>>().join("\n")
}

fn wrap_line(line: &str, columns: usize) -> String {
    let mut done = String::new();
    let mut row = String::new();
    for (at, word) in line.split(' ').enumerate() {
        if at > 0 && (word.is_empty() || width(&row) + 1 + width(word) <= columns) {
            row.push(' ');
            row.push_str(word);
            continue;
        }
        if at > 0 {
            end_row(&mut done, &mut row);
        }
        for c in word.chars() {
            if width(&row) + width(c.encode_utf8(&mut [0; 4])) > columns {
                end_row(&mut done, &mut row);
            }
            row.push(c);
        }
    }
    done + &row
}

fn end_row(done: &mut String, row: &mut String) {
    done.push_str(row.trim_end());
    done.push('\n');
    row.clear();
}

fn shown(text: &str, breaks_stay: bool) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' if breaks_stay => shown.push(c),
            '\n' | '\r' | '\t' => shown.extend(c.escape_default()),
            c if c.is_control() || deceives(c) => shown.extend(c.escape_unicode()),
            c => shown.push(c),
        }
    }
    shown
}

/// Characters that reorder, hide or break text without being controls by name: separators, bidirectional overrides
/// and isolates, invisible operators, tags.
fn deceives(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
#[path = "printable_tests.rs"]
mod tests;
