//! A connection as bytes: reading, answering, and letting go of it.
//!
//! Whoever is not root may have put open files behind their bytes (`SCM_RIGHTS`). The kernel closes those in whoever reads
//! on or closes the connection, and closing can last as long as their sender likes (a TCP socket that lingers): one
//! message would stop all logins. So nothing is read here before it was looked at, and what holds files is closed
//! elsewhere ([`super::burial`]).

use super::{Peer, burial};
use rustix::net::sockopt::set_socket_oobinline;
use rustix::net::{RecvAncillaryBuffer, RecvFlags, ReturnFlags, Shutdown, recvmsg, shutdown};
use std::io::{self, IoSliceMut};
use tokio::io::{AsyncWriteExt, Interest};
use tokio::net::UnixStream;
use zeroize::{Zeroize, Zeroizing};

/// Bytes that are looked at in one go.
const PIECE: usize = 4096;

/// Who is connected.
pub(super) struct Visitor {
    /// There until it is let go of.
    stream: Option<UnixStream>,
    peer: Peer,
}

impl Visitor {
    pub(super) fn new(stream: UnixStream, peer: Peer) -> Self {
        // A byte out of band is one like all others then. Otherwise it is passed over when it is looked at, and thrown
        // away, with what is behind it, when the next one is read.
        let _ = set_socket_oobinline(&stream, true);
        Self { stream: Some(stream), peer }
    }

    pub(super) async fn readable(&self) -> io::Result<()> {
        self.stream()?.readable().await
    }

    /// Reads what is there.
    ///
    /// # Errors
    /// `WouldBlock`; `InvalidData` if there is an open file behind the bytes: they are not read.
    pub(super) fn try_read(&self, piece: &mut [u8]) -> io::Result<usize> {
        let stream = self.stream()?;
        if self.peer.is_root() {
            return stream.try_read(piece);
        }
        let there = stream.try_io(Interest::READABLE, || look(stream, piece))?;
        // No more than was looked at: nobody else reads, so these are the same bytes.
        let read = stream.try_read(piece.get_mut(..there).unwrap_or_default());
        if read.is_err() {
            piece.zeroize(); // what was looked at lies there all the same
        }
        read
    }

    pub(super) async fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.stream {
            Some(stream) => stream.write_all(bytes).await,
            None => Err(io::ErrorKind::NotConnected.into()),
        }
    }

    fn stream(&self) -> io::Result<&UnixStream> {
        self.stream.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl Drop for Visitor {
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        if self.peer.is_root() {
            return;
        }
        // From here on nothing more can be put into it.
        let _ = shutdown(&stream, Shutdown::Both);
        if !is_empty(&stream) {
            // It cannot fail but where it is not registered, and then it is not open.
            let _ = stream.into_std().map(burial::bury);
        }
    }
}

/// Bytes that can be read, without reading them: up to those behind which there is an open file.
fn look(stream: &UnixStream, piece: &mut [u8]) -> io::Result<usize> {
    let flags = RecvFlags::PEEK | RecvFlags::DONTWAIT;
    let seen = recvmsg(stream, &mut [IoSliceMut::new(piece)], &mut RecvAncillaryBuffer::default(), flags)?;
    // There was no room for what came with the bytes, and nothing but open files comes with them.
    if seen.flags.contains(ReturnFlags::CTRUNC) {
        piece.zeroize();
        return Err(io::ErrorKind::InvalidData.into());
    }
    Ok(seen.bytes)
}

/// Reads the rest of a connection that nothing more comes into; whether there was nothing but bytes.
fn is_empty(stream: &UnixStream) -> bool {
    let mut piece = Zeroizing::new([0u8; PIECE]);
    loop {
        match look(stream, piece.as_mut()) {
            Ok(0) => return true,
            Ok(there) => {
                let read = piece.get_mut(..there).unwrap_or_default();
                if rustix::net::recv(stream, read, RecvFlags::DONTWAIT).is_err() {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
}
