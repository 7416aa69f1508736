//! The socket to a mail server, in the clear or within TLS (rustls), with a limit on how long it may be silent.

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take for one answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub(crate) enum Wire {
    /// In the clear.
    Clear(TcpStream),
    /// Within TLS.
    Protected(Box<StreamOwned<ClientConnection, TcpStream>>),
    /// Between the two; what is tried then fails.
    Gone,
}

impl Wire {
    /// Connects to the first address of the server that answers.
    pub(crate) fn connect(server: &str, port: u16) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the server has no address");
        for address in (server, port).to_socket_addrs()? {
            match TcpStream::connect_timeout(&address, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return Ok(Self::Clear(stream));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Begins TLS: the server proves that it is the one of this name to whomever this machine trusts, or nothing more
    /// is said.
    pub(crate) fn protect(&mut self, server: &str) -> io::Result<()> {
        let config = Arc::new(config().map_err(io::Error::other)?);
        let name = ServerName::try_from(server.to_owned()).map_err(io::Error::other)?;
        let connection = ClientConnection::new(config, name).map_err(io::Error::other)?;
        let Self::Clear(stream) = std::mem::replace(self, Self::Gone) else {
            return Err(io::Error::other("it is protected already"));
        };
        let mut stream = StreamOwned::new(connection, stream);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        *self = Self::Protected(Box::new(stream));
        Ok(())
    }
}

fn config() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.read(buffer),
            Self::Protected(stream) => stream.read(buffer),
            Self::Gone => Ok(0),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Clear(stream) => stream.write(bytes),
            Self::Protected(stream) => stream.write(bytes),
            Self::Gone => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Clear(stream) => stream.flush(),
            Self::Protected(stream) => stream.flush(),
            Self::Gone => Ok(()),
        }
    }
}
