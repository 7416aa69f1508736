//! Standard input, a line at a time, wiped when it goes: there may be a password in it.

use rustix::io::Errno;
use std::fmt;
use std::os::fd::BorrowedFd;
use zeroize::Zeroizing;

/// The most bytes of a line.
pub const LONGEST_LINE: usize = 16 * 1024;

/// Why there is no line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineError {
    /// Whoever started this is gone.
    End,
    /// It has more than [`LONGEST_LINE`] bytes.
    TooLong,
    /// It cannot be read.
    Io(Errno),
}

impl fmt::Display for LineError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::End => f.write_str("standard input ended"),
            Self::TooLong => write!(f, "a line has more than {LONGEST_LINE} bytes"),
            Self::Io(errno) => write!(f, "standard input cannot be read: {errno}"),
        }
    }
}

impl std::error::Error for LineError {}

/// The lines of a stream. What was read beyond a line is kept for the next one, and wiped, too.
pub struct Lines<'a> {
    stream: BorrowedFd<'a>,
    pending: Zeroizing<Vec<u8>>,
}

impl<'a> Lines<'a> {
    /// Of that stream.
    #[must_use]
    pub fn of(stream: BorrowedFd<'a>) -> Self {
        // All the room at once: a buffer that grows leaves copies behind.
        Self { stream, pending: Zeroizing::new(Vec::with_capacity(2 * LONGEST_LINE)) }
    }

    /// The next line, without its end.
    ///
    /// # Errors
    /// [`LineError`]
    pub fn next_line(&mut self) -> Result<Zeroizing<Vec<u8>>, LineError> {
        loop {
            if let Some(at) = self.pending.iter().position(|byte| *byte == b'\n') {
                let mut line = Zeroizing::new(Vec::with_capacity(at));
                line.extend(self.pending.iter().take(at));
                let left = self.pending.len() - at - 1;
                self.pending.copy_within(at + 1.., 0);
                // What is cut off is wiped first.
                self.pending.iter_mut().skip(left).for_each(|byte| *byte = 0);
                self.pending.truncate(left);
                return Ok(line);
            }
            if self.pending.len() > LONGEST_LINE {
                return Err(LineError::TooLong);
            }
            self.read_more()?;
        }
    }

    fn read_more(&mut self) -> Result<(), LineError> {
        let mut piece = Zeroizing::new([0u8; 1024]);
        match rustix::io::read(self.stream, &mut *piece) {
            Ok(0) => Err(LineError::End),
            Ok(read) => {
                self.pending.extend_from_slice(piece.get(..read).unwrap_or_default());
                Ok(())
            }
            Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(LineError::Io(errno)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::os::fd::AsFd;

    fn read(bytes: &[u8]) -> (Vec<String>, LineError) {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).unwrap();
        let mut lines = Lines::of(file.as_fd());
        let mut found = Vec::new();
        loop {
            match lines.next_line() {
                Ok(line) => found.push(String::from_utf8(line.to_vec()).unwrap()),
                Err(error) => return (found, error),
            }
        }
    }

    #[test]
    fn lines_come_whole_and_in_order_however_many_come_at_once() {
        let long = "x".repeat(5000);
        let (lines, end) = read(format!("one\n\n{long}\nlast\nno end").as_bytes());
        assert_eq!(lines, ["one", "", &long, "last"]);
        assert_eq!(end, LineError::End);
    }

    #[test]
    fn a_line_without_end_is_refused() {
        assert_eq!(read(&[b'x'; 3 * LONGEST_LINE]), (Vec::new(), LineError::TooLong));
    }
}
