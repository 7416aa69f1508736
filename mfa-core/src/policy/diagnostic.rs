//! What is wrong with a policy, and where: told with the line and a caret, so that it can be mended at once. Control
//! characters of the file never reach the terminal.

use std::fmt;
use std::ops::Range;

/// An error or a warning about a place in a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The place as it is in the file; `None` where its text is no longer at hand.
    pub snippet: Option<Snippet>,
}

/// The line and what to underline in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snippet {
    /// The line, or the part of it that matters; nothing in it moves a cursor.
    pub text: String,
    /// Characters of it before what is underlined.
    pub from: usize,
    /// Characters that are underlined; at least one.
    pub width: usize,
}

/// The most characters of a line that are shown: with the line's number before them they fit in 80 columns.
const WIDEST: usize = 68;

impl Diagnostic {
    /// About this range of bytes of the text.
    pub(crate) fn new(file: &str, text: &str, span: &Range<usize>, message: String) -> Self {
        let start = floor(text, span.start);
        let before = text.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let rest = text.get(line_start..).unwrap_or_default();
        let shown = rest.split(['\n', '\r']).next().unwrap_or_default();
        let from = text.get(line_start..start).unwrap_or_default().chars().count();
        let marked = text.get(start..floor(text, span.end)).unwrap_or_default();
        let width = marked.split(['\n', '\r']).next().unwrap_or_default().chars().count().max(1);
        Self {
            file: file.to_owned(),
            line: before.matches('\n').count() + 1,
            column: from + 1,
            message,
            hint: None,
            snippet: Some(Snippet::cut(shown, from, width)),
        }
    }

    /// About a line of a text that is no longer at hand.
    pub(super) fn without_text(file: &str, line: usize, message: String) -> Self {
        Self { file: file.to_owned(), line, column: 1, message, hint: None, snippet: None }
    }

    pub(super) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl Snippet {
    /// A long line is cut to the part around the place.
    fn cut(line: &str, from: usize, width: usize) -> Self {
        let skipped = if from + width > WIDEST { from.saturating_sub(WIDEST / 2) } else { 0 };
        let visible = line.chars().skip(skipped).take(WIDEST).map(|c| match c {
            '\t' => ' ',
            c if is_invisible(c) => '\u{fffd}',
            c => c,
        });
        let text: String = visible.collect();
        let from = from - skipped;
        Self { width: width.min(text.chars().count().saturating_sub(from)).max(1), text, from }
    }
}

/// Control characters, and those that reorder or hide text.
pub(crate) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Words of a file in a message: in backquotes, cut, with control characters made visible.
pub(crate) fn quoted(word: &str) -> String {
    let clean = |c: char| if is_invisible(c) { '\u{fffd}' } else { c };
    let mut shown: String = word.chars().take(60).map(clean).collect();
    if word.chars().nth(60).is_some() {
        shown.push('…');
    }
    format!("`{shown}`")
}

/// The boundary of a character at or before this byte.
fn floor(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if let Some(Snippet { text, from, width }) = &self.snippet {
            let number = self.line.to_string();
            let gutter = number.len();
            write!(f, "\n  {number} | {text}\n  {:gutter$} | {:from$}{}", "", "", "^".repeat(*width))?;
        }
        if let Some(hint) = &self.hint {
            write!(f, "\n  {:1$} = {hint}", "", self.line.to_string().len())?;
        }
        Ok(())
    }
}

impl std::error::Error for Diagnostic {}
