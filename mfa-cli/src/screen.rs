//! Standard output: text for a person, data for a script. What is written is never kept in a buffer of its own.

use crate::Failure;
use anstyle::Style;
use serde::Serialize;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use zeroize::Zeroizing;

/// Room for what a script is given at once; a secret in it is never left behind by a growing buffer.
const ROOM: usize = 16 * 1024;

/// Where a command prints.
pub struct Screen {
    terminal: bool,
    colours: bool,
    utf8: bool,
}

impl Screen {
    /// Standard output as it is: colours only on a terminal, and not where `NO_COLOR` is set.
    #[must_use]
    pub fn open() -> Self {
        let stdout = io::stdout();
        Self { terminal: stdout.is_terminal(), colours: colours(&stdout), utf8: locale_is_utf8() }
    }

    /// Whether a person looks at it.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether colours may be used.
    #[must_use]
    pub fn has_colours(&self) -> bool {
        self.colours
    }

    /// Whether the locale can show more than ASCII.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        self.utf8
    }

    /// Rows of the window, if it is one.
    #[must_use]
    pub fn rows(&self) -> Option<u16> {
        rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_row).filter(|rows| *rows > 0)
    }

    /// The text in a style, where colours may be used. A style never says anything that the words do not.
    #[must_use]
    pub fn styled(&self, style: Style, text: &str) -> String {
        if self.colours { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }

    /// Bold, for headings.
    #[must_use]
    pub fn strong(&self, text: &str) -> String {
        self.styled(Style::new().bold(), text)
    }

    /// Writes the text and a line break.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn line(&self, text: &str) -> Result<(), Failure> {
        self.write(text)?;
        self.write("\n")
    }

    /// Writes the text as it is; where the locale knows ASCII alone, anything else becomes `?`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, text: &str) -> Result<(), Failure> {
        if self.utf8 || text.is_ascii() {
            return write_all(text.as_bytes());
        }
        let mut ascii = Zeroizing::new(String::with_capacity(text.len()));
        ascii.extend(text.chars().map(|c| if c.is_ascii() { c } else { '?' }));
        write_all(ascii.as_bytes())
    }

    /// Writes text for scripts, whatever the locale.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn data(&self, text: &str) -> Result<(), Failure> {
        write_all(text.as_bytes())
    }

    /// Writes data as one line of JSON.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn json<T: Serialize>(&self, data: &T) -> Result<(), Failure> {
        let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
        serde_json::to_writer(&mut *text, data).map_err(|error| cannot_write(&error))?;
        text.push(b'\n');
        write_all(&text)
    }
}

/// Whether colours may go to this stream.
pub(crate) fn colours(stream: &impl IsTerminal) -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_none_or(|terminal| terminal == "dumb");
    stream.is_terminal() && !set("NO_COLOR") && !dumb
}

/// POSIX's order: the first of these that is set to anything decides.
fn locale_is_utf8() -> bool {
    let set = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| {
        let value = std::env::var_os(name)?;
        (!value.is_empty()).then_some(value)
    });
    set.is_some_and(|locale| names_utf8(&locale.to_string_lossy()))
}

fn names_utf8(locale: &str) -> bool {
    let locale = locale.to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

fn write_all(mut bytes: &[u8]) -> Result<(), Failure> {
    let stdout = io::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(stdout.as_fd(), bytes) {
            Ok(written) => bytes = bytes.get(written..).unwrap_or_default(),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(cannot_write(&errno)),
        }
    }
    Ok(())
}

fn cannot_write(error: &dyn std::fmt::Display) -> Failure {
    Failure::refused("output", format!("What was to be printed could not be written: {error}."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_locale_is_known_by_its_character_set() {
        for yes in ["C.UTF-8", "de_DE.utf8", "en_US.UTF-8@euro"] {
            assert!(names_utf8(yes), "{yes}");
        }
        for no in ["C", "POSIX", "de_DE", "de_DE.ISO-8859-1"] {
            assert!(!names_utf8(no), "{no}");
        }
    }

    #[test]
    fn without_colours_a_style_leaves_the_words_alone() {
        let plain = Screen { terminal: false, colours: false, utf8: true };
        assert_eq!(plain.strong("Healthy."), "Healthy.");
        let colourful = Screen { terminal: true, colours: true, utf8: true };
        assert!(colourful.strong("Healthy.").contains("Healthy."));
    }
}
