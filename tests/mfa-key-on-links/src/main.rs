//! `mfa-key-on-links FOLDER`: mfa-key, with the socket files of that folder as its ports.

#![forbid(unsafe_code)]

use std::process::ExitCode;

use mfa_key_on_links::{Links, serve};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.as_slice() {
        [folder] if !folder.starts_with('-') => serve(Links::in_folder(folder)),
        _ => {
            eprintln!(
                "usage: mfa-key-on-links FOLDER\n\nmfa-key for tests: virtual keys in FOLDER, a call on standard input."
            );
            ExitCode::from(2)
        }
    }
}
