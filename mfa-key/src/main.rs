//! `mfa-key`: serves the one call on its standard input with the keys that are plugged into this machine, and ends.
//!
//! At a login systemd starts it for a connection of the daemon's, as a user of its own; at enrollment `mfa-enroll`
//! starts it as the user. It takes no options, and prints nothing but its answer to whoever is connected.
#![forbid(unsafe_code)]

use mfa_key::Usb;
use std::io::Write as _;
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
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h") => return say(HELP),
        Some("--version" | "-V") => return say(concat!("mfa-key ", env!("CARGO_PKG_VERSION"), "\n")),
        Some(_) => return complain("mfa-key takes no arguments. See mfa-key --help.", 2),
    }
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => complain(&why, 1),
    }
}

fn serve() -> Result<(), String> {
    mfa_key::leave_nothing_behind()?;
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    mfa_key::serve(UnixStream::from(socket), Arc::new(Usb))
}

fn say(text: &str) -> ExitCode {
    let written = std::io::stdout().write_all(text.as_bytes());
    if written.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// For the journal, or for whoever started this by hand.
fn complain(why: &str, code: u8) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "{why}"); // nobody may be there to read it
    ExitCode::from(code)
}
