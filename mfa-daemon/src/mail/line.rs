//! The line to `mfa-mail`: one connection, one call, one answer, with a deadline. The daemon's one thread waits for
//! nothing meanwhile.

use mfa_proto::frame::{Decoder, Reply, encode_call};
use mfa_proto::mail::{Answer, Letter, NOTIFY, Notice, Outcome, SEND};
use serde::Serialize;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use zeroize::Zeroizing;

/// How long an answer may take: longer than `mfa-mail` takes by its own word.
const PATIENCE: Duration = Duration::from_secs(mfa_proto::mail::LONGEST + 15);

/// Where `mfa-mail` listens, or systemd for it.
#[derive(Clone, Debug)]
pub(crate) struct Line(pub(crate) PathBuf);

impl Line {
    /// Sends a letter.
    pub(super) async fn send(&self, letter: &Letter) -> Answer {
        self.call(SEND, letter).await
    }

    /// Tells the webhook something.
    pub(super) async fn notify(&self, json: String) -> Answer {
        self.call(NOTIFY, &Notice { json }).await
    }

    async fn call<P: Serialize>(&self, method: &str, parameters: &P) -> Answer {
        let stream = match UnixStream::connect(&self.0).await {
            Ok(stream) => stream,
            Err(error) => return not_yet(format!("mfa-mail cannot be reached: {error}; is mfa-mail.socket started?")),
        };
        let Ok(call) = encode_call(method, parameters) else {
            return Answer { outcome: Outcome::Refused, detail: "the letter is too long".to_owned() };
        };
        // From here on nobody knows what was sent, unless mfa-mail says it.
        let unknown = |detail| Answer { outcome: Outcome::Unknown, detail };
        match tokio::time::timeout(PATIENCE, exchange(stream, &call)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(why)) => unknown(why),
            Err(_) => unknown("mfa-mail did not answer in time".to_owned()),
        }
    }
}

fn not_yet(detail: String) -> Answer {
    Answer { outcome: Outcome::Later, detail }
}

async fn exchange(mut stream: UnixStream, call: &[u8]) -> Result<Answer, String> {
    let cut = |error: io::Error| format!("mfa-mail hung up: {error}");
    stream.write_all(call).await.map_err(cut)?;
    let mut inbox = Decoder::default();
    let mut piece = Zeroizing::new([0u8; 1024]);
    let frame = loop {
        if let Some(frame) = inbox.next_frame() {
            break frame;
        }
        match stream.read(piece.as_mut()).await.map_err(cut)? {
            0 => return Err("mfa-mail hung up; see its journal".to_owned()),
            read => inbox.push(piece.get(..read).unwrap_or_default()).map_err(|error| error.to_string())?,
        }
    };
    let reply = Reply::parse(&frame).map_err(|error| error.to_string())?;
    match reply.error {
        None => reply.parameters().map_err(|error| error.to_string()),
        Some(error) => Err(format!("mfa-mail answered with {error}")),
    }
}
