//! Copies are sealed and opened by the program `age`, which reads passphrases from the terminal itself. What is not
//! sealed goes through a pipe and never onto a disk.

use mfa_cli::Failure;
use std::fs::File;
use std::io;
use std::path::Path;
use std::process::{Child, Command, Stdio};

const AGE: &str = "/usr/bin/age";

/// For whom a copy is sealed.
#[derive(Clone, Copy, Debug)]
pub(super) enum Seal<'a> {
    /// For whoever knows a passphrase, which `age` asks for.
    Passphrase,
    /// For the holders of these SSH or age keys: one as text, or a file of them.
    Key(&'a str),
}

/// Seals what is written to its input into the file.
pub(super) fn seal(how: Seal<'_>, into: File) -> Result<Child, Failure> {
    let mut age = Command::new(AGE);
    match how {
        Seal::Passphrase => age.arg("--passphrase"),
        Seal::Key(key) if Path::new(key).is_file() => age.arg("--recipients-file").arg(key),
        Seal::Key(key) => age.arg("--recipient").arg(key),
    };
    age.stdin(Stdio::piped()).stdout(Stdio::from(into)).spawn().map_err(missing)
}

/// Opens a sealed file; what it held comes out.
pub(super) fn open(file: File, identity: Option<&Path>) -> Result<Child, Failure> {
    let mut age = Command::new(AGE);
    age.arg("--decrypt");
    if let Some(identity) = identity {
        age.arg("--identity").arg(identity);
    }
    age.stdin(Stdio::from(file)).stdout(Stdio::piped()).spawn().map_err(missing)
}

fn missing(error: io::Error) -> Failure {
    Failure::refused("no_age", format!("{AGE} cannot be run: {error}. It seals copies: apt install age"))
}
