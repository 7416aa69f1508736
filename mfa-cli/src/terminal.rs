//! What a person types, or a script pipes in: a line at a time, with echo or without.
//!
//! A terminal on standard input is asked; anything else on standard input is read, a line an answer. The terminal is
//! left as it was found, after Ctrl-C too, and what was typed is wiped when its [`Secret`] goes. Prompts never go to
//! standard output, which belongs to what the command prints.

use mfa_proto::Secret;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use std::fs::{File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::{fmt, time::Instant};
use zeroize::Zeroize;

/// The most bytes a line may hold.
const LONGEST: usize = 1024;

/// Why there is no line.
#[derive(Debug, PartialEq, Eq)]
pub enum InputError {
    /// Nothing more comes: Ctrl-D, or the end of a pipe.
    End,
    /// Ctrl-C.
    Interrupted,
    /// More than 1,024 bytes.
    TooLong,
    /// Not UTF-8.
    NotText,
    /// Anything else.
    Io(String),
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => {
                f.write_str("Something was asked and there was no answer. Run it in a terminal, or pipe in a line.")
            }
            Self::Interrupted => f.write_str("Interrupted."),
            Self::TooLong => write!(f, "That line is longer than {LONGEST} bytes. Try again with the answer alone."),
            Self::NotText => f.write_str("That line is not UTF-8 text. Try again."),
            Self::Io(error) => write!(f, "The answer cannot be read: {error}. Run it in a terminal."),
        }
    }
}

impl std::error::Error for InputError {}

/// Standard input, and where its prompts are shown.
pub struct Terminal {
    prompts: Option<File>,
    interactive: bool,
}

impl Terminal {
    /// Standard input as it is.
    #[must_use]
    pub fn open() -> Self {
        let interactive = io::stdin().is_terminal();
        Self { prompts: prompts(interactive), interactive }
    }

    /// Whether a person is there to answer.
    #[must_use]
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Shows text where prompts are shown. What cannot be shown is not worth failing for.
    pub fn say(&mut self, text: &str) {
        if let Some(prompts) = &mut self.prompts {
            let _ = prompts.write_all(text.as_bytes());
        }
    }

    /// Asks, and reads what is typed where everybody may see it. Spaces around it are dropped.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn ask(&mut self, prompt: &str) -> Result<Secret, InputError> {
        self.ask_with(prompt, true)
    }

    /// Asks, and reads what is typed without showing it.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn ask_hidden(&mut self, prompt: &str) -> Result<Secret, InputError> {
        self.ask_with(prompt, false)
    }

    /// Asks a question that anything but `y` and `yes` answers with no.
    ///
    /// # Errors
    /// [`InputError`]
    pub fn agrees(&mut self, question: &str) -> Result<bool, InputError> {
        let answer = self.ask(&format!("{question} [y/N] "))?;
        Ok(matches!(answer.expose().to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    /// Waits until `other` has something to say; false if the time is over first. What is typed meanwhile is neither
    /// shown nor kept: it was meant for nobody, like the letters that some security keys type when they are touched.
    ///
    /// # Errors
    /// `Interrupted`, `End` when the terminal is gone, `Io`.
    pub fn wait_for(&mut self, other: BorrowedFd<'_>, until: Instant) -> Result<bool, InputError> {
        let quiet = self.interactive.then(|| Quiet::begin(false)).transpose()?;
        let said = wait_beside(other, quiet.as_ref().map(|quiet| quiet.interrupt), until);
        if quiet.is_some() {
            let _ = tcflush(io::stdin(), QueueSelector::IFlush);
        }
        said
    }

    fn ask_with(&mut self, prompt: &str, echo: bool) -> Result<Secret, InputError> {
        // Echo is off before there is anything to answer: whoever types at once is not shown either.
        let quiet = self.interactive.then(|| Quiet::begin(echo)).transpose()?;
        self.say(prompt);
        let interrupt = quiet.as_ref().map(|quiet| quiet.interrupt);
        let line = read_line(interrupt);
        drop(quiet);
        // Without echo the line break that ended the answer is not on the screen either, and Ctrl-D makes none.
        if !self.interactive || !echo || matches!(line, Err(InputError::End)) {
            self.say("\n");
        }
        line
    }
}

/// Where prompts are seen: standard error, unless it was sent elsewhere while a person still types.
fn prompts(interactive: bool) -> Option<File> {
    if interactive && !io::stderr().is_terminal() {
        if let Ok(terminal) = OpenOptions::new().write(true).open("/dev/tty") {
            return Some(terminal);
        }
    }
    io::stderr().as_fd().try_clone_to_owned().ok().map(File::from)
}

/// The terminal while a line is read. Ctrl-C ends the line instead of the process, so that the terminal is put
/// back in every case; all other editing stays the kernel's.
struct Quiet {
    before: Termios,
    interrupt: u8,
}

impl Quiet {
    fn begin(echo: bool) -> Result<Self, InputError> {
        let before = tcgetattr(io::stdin()).map_err(unreadable)?;
        let interrupt = before.special_codes[SpecialCodeIndex::VINTR];
        let mut during = before.clone();
        during.special_codes[SpecialCodeIndex::VINTR] = 0;
        during.special_codes[SpecialCodeIndex::VEOL] = interrupt;
        if !echo {
            // Neither may Ctrl-Z leave a shell behind that does not echo.
            during.local_modes.remove(LocalModes::ECHO | LocalModes::ISIG);
        }
        tcsetattr(io::stdin(), OptionalActions::Drain, &during).map_err(unreadable)?;
        Ok(Self { before, interrupt })
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}

/// Reads byte by byte: what belongs to the next answer stays in the pipe, and nothing stays in a buffer.
fn read_line(interrupt: Option<u8>) -> Result<Secret, InputError> {
    let mut line = Vec::with_capacity(LONGEST);
    let outcome = loop {
        let mut byte = [0u8];
        match rustix::io::read(io::stdin(), &mut byte) {
            Ok(0) if line.is_empty() => break Err(InputError::End),
            Ok(0) => break Ok(()),
            Ok(_) if byte == *b"\n" => break Ok(()),
            Ok(_) if interrupt.is_some_and(|key| key != 0 && byte == [key]) => break Err(InputError::Interrupted),
            Ok(_) if line.len() == LONGEST => break Err(InputError::TooLong),
            Ok(_) => line.extend_from_slice(&byte),
            Err(Errno::INTR) => {}
            Err(errno) => break Err(unreadable(errno)),
        }
    };
    if let Err(error) = outcome {
        line.zeroize();
        return Err(error);
    }
    to_secret(line)
}

/// Waits for the other side, and with an interrupt key for that key, too.
fn wait_beside(other: BorrowedFd<'_>, interrupt: Option<u8>, until: Instant) -> Result<bool, InputError> {
    let stdin = io::stdin();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|error| InputError::Io(error.to_string()))?;
        let mut watched = [PollFd::new(&other, PollFlags::IN), PollFd::new(&stdin, PollFlags::IN)];
        let watched = if interrupt.is_some() { &mut watched[..] } else { &mut watched[..1] };
        match poll(watched, Some(&left)) {
            Ok(0) => return Ok(false),
            Ok(_) | Err(Errno::INTR) => {}
            Err(errno) => return Err(unreadable(errno)),
        }
        let spoke = |at: usize| watched.get(at).is_some_and(|fd| !fd.revents().is_empty());
        let (other_spoke, typed) = (spoke(0), spoke(1));
        let is_gone = watched.get(1).is_some_and(|fd| fd.revents().intersects(PollFlags::HUP | PollFlags::ERR));
        if typed {
            match read_line(interrupt) {
                Err(error @ (InputError::Interrupted | InputError::Io(_))) => return Err(error),
                _ if is_gone => return Err(InputError::End),
                _ => {}
            }
        }
        if other_spoke {
            return Ok(true);
        }
    }
}

/// Trims in place, so that there is never a second copy.
fn to_secret(mut line: Vec<u8>) -> Result<Secret, InputError> {
    let end = line.trim_ascii_end().len();
    line.truncate(end);
    let begin = end - line.trim_ascii_start().len();
    line.drain(..begin);
    String::from_utf8(line).map(Secret::new).map_err(|error| {
        error.into_bytes().zeroize();
        InputError::NotText
    })
}

fn unreadable(errno: Errno) -> InputError {
    InputError::Io(errno.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_carriage_returns_around_an_answer_do_not_count() {
        for (typed, kept) in [("  492817 \r", "492817"), ("492 817", "492 817"), (" \t", ""), ("", "")] {
            assert_eq!(to_secret(typed.as_bytes().to_vec()).unwrap().expose(), kept);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_refused() {
        assert_eq!(to_secret(vec![b'4', 0xff]).err(), Some(InputError::NotText));
    }
}
