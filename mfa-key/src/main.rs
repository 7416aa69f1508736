//! `mfa-key`: serves the one call on its standard input with the keys that are plugged into this machine, and ends.
//!
//! At a login systemd starts it for a connection of the daemon's, as a user of its own; at enrollment `mfa-enroll`
//! starts it as the user. It takes no options, and prints nothing but its answer to whoever is connected.
#![forbid(unsafe_code)]

use mfa_key::Usb;
use mfa_once::Program;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::Arc;

const HELP: &str = "Talks to USB keys for mfa-daemon and mfa-enroll, which start it: one call of io.mfa.Key
on standard input, one answer, done.

usage: mfa-key [--help | --version]

Which keys are plugged in, as root:
  printf '{\"method\":\"io.mfa.Key.List\",\"parameters\":{\"seconds\":5}}\\0' |
    socat -t 10 - UNIX-CONNECT:/run/mfa/key.sock | tr '\\0' '\\n'
";

fn main() -> ExitCode {
    Program { name: "mfa-key", version: env!("CARGO_PKG_VERSION"), help: HELP }.run(serve)
}

fn serve() -> Result<(), String> {
    mfa_once::leave_nothing_behind()?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    mfa_key::serve(UnixStream::from(socket), Arc::new(Usb))
}
