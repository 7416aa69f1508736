//! The line to `mfa-key`: one connection, one call, one answer, with a deadline. Hung up, the key stops blinking.

use mfa_proto::frame::{Decoder, Reply, encode_call};
use mfa_proto::key::{Answer, Failure, GRACE};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// Seconds within which the end of `mfa-key` is noticed after the moment by which it has answered by its own word.
const LATE: u32 = 1;

/// Where `mfa-key` listens, or systemd for it.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) PathBuf);

impl Line {
    /// Asks for an operation that takes so many seconds at the most.
    ///
    /// # Errors
    /// What the key did not do, and whatever is wrong with `mfa-key`.
    pub(super) async fn call<P: Serialize, R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &P,
        seconds: u32,
    ) -> Result<R, Failure> {
        let patience = Duration::from_secs(u64::from(seconds + GRACE + LATE));
        let answer = tokio::time::timeout(patience, self.ask(method, parameters)).await;
        let answer: Answer<R> = answer.map_err(|_| not("mfa-key did not answer in time"))??;
        answer.into_result()
    }

    async fn ask<P: Serialize, R: DeserializeOwned>(&self, method: &str, parameters: &P) -> Result<Answer<R>, Failure> {
        let stream = UnixStream::connect(&self.0).await;
        let mut stream =
            stream.map_err(|error| not(&format!("mfa-key cannot be reached: {error}; is mfa-key.socket started?")))?;
        let call = encode_call(method, parameters).map_err(|error| not(&error.to_string()))?;
        let hung_up = |error: io::Error| not(&format!("mfa-key hung up: {error}"));
        stream.write_all(&call).await.map_err(hung_up)?;
        let mut inbox = Decoder::default();
        let mut piece = Zeroizing::new([0u8; 1024]);
        let frame = loop {
            if let Some(frame) = inbox.next_frame() {
                break frame;
            }
            match stream.read(piece.as_mut()).await.map_err(hung_up)? {
                0 => return Err(not("mfa-key hung up; see its journal")),
                read => inbox
                    .push(piece.get(..read).unwrap_or_default())
                    .map_err(|error| not(&format!("mfa-key is not understood: {error}")))?,
            }
        };
        let understood = |error: mfa_proto::frame::FrameError| not(&format!("mfa-key is not understood: {error}"));
        let reply = Reply::parse(&frame).map_err(understood)?;
        match reply.error {
            None => reply.parameters().map_err(understood),
            Some(error) => Err(not(&format!("mfa-key answered with {error}"))),
        }
    }
}

fn not(detail: &str) -> Failure {
    Failure::Failed { detail: detail.to_owned() }
}
