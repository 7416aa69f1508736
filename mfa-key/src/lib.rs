//! Talks to USB keys: one operation, one process, then exit.
//!
//! [`serve`] takes one call of `io.mfa.Key` from a connection, does it, and answers in time whatever a key or a port
//! does. The program of this crate serves its standard input with this machine's USB ports; tests serve with virtual
//! keys. Nothing is decided here: whether what a key signed is worth anything, the caller finds out.
//!
//! It knows no store, no account and no network, prints nothing, and keeps nothing. What a key says is untrusted.
#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod authenticator_data;
mod call;
mod failure;
#[allow(unsafe_code, reason = "libfido2 is C; this folder holds all of it")]
mod ffi;
mod hidraw;
mod key;
mod line;
mod operation;
mod pin;
mod port;
mod public_key;
mod survey;

pub use hidraw::Usb;
pub use line::Wire;
pub use port::{Port, Ports};

use call::Call;
use line::Within;
use mfa_proto::frame::{FrameError, encode_reply};
use mfa_proto::key::{Answer, Failure, Keys};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// How long after its time an operation may take to come back by itself. After that it is answered without it, and it
/// ends with the process.
const LATE: Duration = Duration::from_secs(1);

/// Serves the one call of that connection with those ports. When this returns the caller has its answer, and the
/// process should end: what a key did not come back from ends with it.
///
/// # Errors
/// Why there was nothing to do, in a sentence: nobody who may call, or no call.
pub fn serve(mut stream: UnixStream, ports: Arc<dyn Ports>) -> Result<(), String> {
    call::admit(&stream)?;
    let call = call::read(&mut stream)?;
    let until = Instant::now() + call.time();
    let caller = stream.try_clone().map_err(|error| error.to_string())?;
    let within = Within { until, caller: Arc::new(OwnedFd::from(caller)) };
    let (sender, receiver) = channel();
    let operate = move || {
        let _ = sender.send(perform(&call, &*ports, &within)); // an error: it is too late, it was answered without
    };
    let started = thread::Builder::new().name("operation".into()).spawn(operate);
    started.map_err(|error| format!("no thread to work with: {error}"))?;
    let wait = until.saturating_duration_since(Instant::now()) + LATE;
    let frame = match receiver.recv_timeout(wait) {
        Ok(frame) => frame,
        Err(RecvTimeoutError::Timeout) => not_done(Failure::TimedOut),
        Err(RecvTimeoutError::Disconnected) => not_done(Failure::Failed { detail: "the operation broke off".into() }),
    };
    // Whoever has hung up meanwhile wanted it to end, and it has: nothing to complain about.
    let _ = mfa_proto::one_call::send(&mut stream, &frame.map_err(|error| error.to_string())?);
    Ok(())
}

type Encoded = Result<Zeroizing<Vec<u8>>, FrameError>;

fn perform(call: &Call, ports: &dyn Ports, within: &Within) -> Encoded {
    match call {
        Call::List(wanted) => encode_reply(&Answer::from(operation::list(ports, wanted, within))),
        Call::Find(wanted) => encode_reply(&Answer::from(operation::find(ports, wanted, within))),
        Call::Make(wanted) => encode_reply(&Answer::from(operation::make(ports, wanted, within))),
        Call::Assert(wanted) => encode_reply(&Answer::from(operation::assert(ports, wanted, within))),
    }
}

fn not_done(failure: Failure) -> Encoded {
    encode_reply(&Answer::<Keys>::Not(failure))
}
