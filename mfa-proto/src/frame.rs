//! Varlink's frame: one JSON object, one NUL byte. Pure: bytes in, frames out; it never touches a socket.
//!
//! A frame is capped and consumed whole; what does not parse is an error, never skipped.

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::{borrow::Cow, fmt, io};
use zeroize::{Zeroize, Zeroizing};

/// The most bytes a frame may hold, its NUL included.
pub const MAX_FRAME: usize = 64 * 1024;
/// Room made at first; nearly every frame fits, and wiping 64 KiB a message would be felt.
const USUAL_FRAME: usize = 1024;

/// Why bytes are not a frame.
#[derive(Debug, PartialEq, Eq)]
pub enum FrameError {
    /// More than [`MAX_FRAME`] bytes without a NUL, or a message that would not fit.
    TooBig,
    /// Not the JSON object that was expected; the place, never the content.
    Malformed(String),
}

impl fmt::Display for FrameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooBig => write!(f, "a message is larger than {MAX_FRAME} bytes"),
            Self::Malformed(place) => write!(f, "a message is not what the protocol says ({place})"),
        }
    }
}

impl std::error::Error for FrameError {}

/// A request as it stands in a frame; parameters stay raw until the method is known.
#[derive(Deserialize)]
pub struct Call<'a> {
    /// Fully qualified, such as `io.mfa.Login.Begin`.
    #[serde(borrow)]
    pub method: Cow<'a, str>,
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    /// Varlink's "send no reply"; nothing here is served that way.
    #[serde(default)]
    pub oneway: bool,
    /// Varlink's "hand the connection over"; nothing here is served that way.
    #[serde(default)]
    pub upgrade: bool,
}

impl<'a> Call<'a> {
    /// Reads a frame as a request.
    ///
    /// # Errors
    /// `Malformed` when it is not a JSON object with a method.
    pub fn parse(frame: &'a [u8]) -> Result<Self, FrameError> {
        serde_json::from_slice(frame).map_err(|error| malformed(&error))
    }

    /// The parameters as the method wants them.
    ///
    /// # Errors
    /// `Malformed` when they are not of that shape.
    pub fn parameters<P: DeserializeOwned>(&self) -> Result<P, FrameError> {
        let raw = self.parameters.map_or("{}", RawValue::get);
        serde_json::from_str(raw).map_err(|error| malformed(&error))
    }
}

/// An answer as it stands in a frame.
#[derive(Deserialize)]
pub struct Reply<'a> {
    #[serde(borrow, default)]
    parameters: Option<&'a RawValue>,
    /// The fully qualified name of the error, if it is one.
    #[serde(borrow, default)]
    pub error: Option<Cow<'a, str>>,
}

impl<'a> Reply<'a> {
    /// Reads a frame as an answer.
    ///
    /// # Errors
    /// `Malformed` when it is not a JSON object.
    pub fn parse(frame: &'a [u8]) -> Result<Self, FrameError> {
        serde_json::from_slice(frame).map_err(|error| malformed(&error))
    }

    /// The parameters of the answer or of its error.
    ///
    /// # Errors
    /// `Malformed` when they are not of that shape.
    pub fn parameters<R: DeserializeOwned>(&self) -> Result<R, FrameError> {
        let raw = self.parameters.map_or("{}", RawValue::get);
        serde_json::from_str(raw).map_err(|error| malformed(&error))
    }
}

/// A request, framed. The buffer is wiped when it goes: it may hold an answer.
///
/// # Errors
/// `TooBig` when it does not fit a frame.
pub fn encode_call<P: Serialize>(method: &str, parameters: &P) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    #[derive(Serialize)]
    struct Outgoing<'a, P> {
        method: &'a str,
        parameters: &'a P,
    }
    encode(&Outgoing { method, parameters })
}

/// An answer, framed.
///
/// # Errors
/// `TooBig` when it does not fit a frame.
pub fn encode_reply<R: Serialize>(parameters: &R) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    #[derive(Serialize)]
    struct Outgoing<'a, R> {
        parameters: &'a R,
    }
    encode(&Outgoing { parameters })
}

/// An error answer, framed.
///
/// # Errors
/// `TooBig` when it does not fit a frame.
pub fn encode_error<R: Serialize>(error: &str, parameters: &R) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    #[derive(Serialize)]
    struct Outgoing<'a, R> {
        error: &'a str,
        parameters: &'a R,
    }
    encode(&Outgoing { error, parameters })
}

fn encode<T: Serialize>(message: &T) -> Result<Zeroizing<Vec<u8>>, FrameError> {
    let mut frame = Zeroizing::new(Vec::with_capacity(USUAL_FRAME));
    let mut room = Bounded { frame: &mut frame };
    serde_json::to_writer(&mut room, message).map_err(|_| FrameError::TooBig)?;
    extend_wiped(&mut frame, &[0]);
    Ok(frame)
}

struct Bounded<'a> {
    frame: &'a mut Zeroizing<Vec<u8>>,
}

impl std::io::Write for Bounded<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.frame.len() + bytes.len() >= MAX_FRAME {
            return Err(std::io::ErrorKind::FileTooLarge.into());
        }
        extend_wiped(self.frame, bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Appends without ever leaving an unwiped copy behind: a `Vec` that grows by itself frees its old bytes as they are.
fn extend_wiped(buffer: &mut Zeroizing<Vec<u8>>, bytes: &[u8]) {
    let needed = buffer.len() + bytes.len();
    if needed > buffer.capacity() {
        let mut larger = Zeroizing::new(Vec::with_capacity(needed.next_power_of_two()));
        larger.extend_from_slice(buffer);
        *buffer = larger;
    }
    buffer.extend_from_slice(bytes);
}

/// Cuts a stream of bytes into frames. Its buffer never grows past [`MAX_FRAME`] and is wiped as frames leave.
pub struct Decoder {
    buffer: Zeroizing<Vec<u8>>,
    searched: usize,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { buffer: Zeroizing::new(Vec::with_capacity(USUAL_FRAME)), searched: 0 }
    }
}

impl Decoder {
    /// Takes what was read from the stream.
    ///
    /// # Errors
    /// `TooBig` when more than a frame's worth is waiting; the stream cannot be used any further.
    pub fn push(&mut self, bytes: &[u8]) -> Result<(), FrameError> {
        if self.buffer.len() + bytes.len() > MAX_FRAME {
            return Err(FrameError::TooBig);
        }
        extend_wiped(&mut self.buffer, bytes);
        Ok(())
    }

    /// Takes what one read brings, a kilobyte at the most, and says how much that was. Where it lay in between is wiped.
    ///
    /// # Errors
    /// The read's own; `InvalidData` when more than a frame's worth is waiting, and the stream cannot be used any further.
    pub fn take_from(&mut self, read: impl FnOnce(&mut [u8]) -> io::Result<usize>) -> io::Result<usize> {
        let mut piece = [0; USUAL_FRAME];
        let read = read(&mut piece)?;
        // What was not read is not wiped: most reads bring a tenth of what there is room for, many bring nothing.
        let piece = piece.get_mut(..read).unwrap_or_default();
        let kept = self.push(piece);
        piece.zeroize();
        kept.map(|()| read).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The next whole frame without its NUL, if there is one.
    pub fn next_frame(&mut self) -> Option<Zeroizing<Vec<u8>>> {
        let fresh = self.buffer.get(self.searched..)?;
        let Some(end) = fresh.iter().position(|byte| *byte == 0).map(|found| self.searched + found) else {
            self.searched = self.buffer.len();
            return None;
        };
        let frame = Zeroizing::new(self.buffer.get(..end)?.to_vec());
        let left = self.buffer.len() - end - 1;
        self.buffer.copy_within(end + 1.., 0);
        if let Some(stale) = self.buffer.get_mut(left..) {
            stale.zeroize();
        }
        self.buffer.truncate(left);
        self.searched = 0;
        Some(frame)
    }

    /// Whether bytes wait that no frame has taken.
    #[must_use]
    pub fn has_leftover(&self) -> bool {
        !self.buffer.is_empty()
    }
}

fn malformed(error: &serde_json::Error) -> FrameError {
    // serde_json's text quotes unexpected input, which may be an answer; the place is enough.
    let kind = match error.classify() {
        serde_json::error::Category::Data => "unexpected content",
        serde_json::error::Category::Syntax => "not JSON",
        _ => "cut short",
    };
    FrameError::Malformed(format!("{kind} at column {}", error.column()))
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
