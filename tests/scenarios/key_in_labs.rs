//! `mfa-key` as labs with virtual keys have it: its ports are the socket files of one folder.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use harness::KEY_PORTS;
use mfa_key_on_links::{Links, serve};

fn main() -> ExitCode {
    serve(Links::in_folder(KEY_PORTS))
}
