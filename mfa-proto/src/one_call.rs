//! The far side of a connection with one call on it, as systemd starts a program for: what is called, and the answer.
//! Both within a time, whatever the caller does.

use crate::frame::Decoder;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long the caller may take to say what it wants, and to take the answer.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// Reads one frame, without its NUL byte. It is wiped when it goes: there may be a code or a PIN in it.
///
/// # Errors
/// A caller that is late, hangs up, or sends more than a frame may hold; in a sentence.
pub fn receive(stream: &mut UnixStream) -> Result<Zeroizing<Vec<u8>>, String> {
    let until = Instant::now() + PATIENCE;
    let mut inbox = Decoder::default();
    let mut piece = Zeroizing::new([0u8; 4096]);
    loop {
        if let Some(frame) = inbox.next_frame() {
            return Ok(frame);
        }
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero());
        let left = left.ok_or("the caller did not say in time what it wants")?;
        stream.set_read_timeout(Some(left)).map_err(|error| error.to_string())?;
        match stream.read(piece.as_mut()) {
            Ok(0) => return Err("the caller hung up".to_owned()),
            Ok(read) => inbox.push(piece.get(..read).unwrap_or_default()).map_err(|error| error.to_string())?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(format!("the call cannot be read: {error}")),
        }
    }
}

/// Sends a frame, which has its NUL byte.
///
/// # Errors
/// When the caller is gone, or takes nothing.
pub fn send(stream: &mut UnixStream, frame: &[u8]) -> Result<(), String> {
    let gone = |error| format!("the caller cannot be answered: {error}");
    stream.set_write_timeout(Some(PATIENCE)).map_err(gone)?;
    stream.write_all(frame).map_err(gone)
}
