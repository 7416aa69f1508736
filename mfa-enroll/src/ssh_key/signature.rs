//! The signature that proves an SSH key: made here, or at the computer where the key is and pasted.

use super::candidate::{Candidate, Signer};
use super::programs::Programs;
use crate::session::Session;
use mfa_cli::{Failure, InputError, printable};
use mfa_proto::enrollment::TextToSign;
use serde_json::json;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Bytes of a signature at the most.
const LONGEST: usize = 16 * 1024;
/// Its last line.
const LAST_LINE: &str = "-----END SSH SIGNATURE-----";

/// Where a signature comes from.
pub(super) enum Source {
    /// `ssh-keygen` here, if it has the key; else what is pasted.
    Person,
    /// As for a person; but nobody is asked.
    Script,
    /// A file, written meanwhile.
    File(PathBuf),
    /// Standard input.
    Input,
}

impl Source {
    pub(super) fn of(file: Option<PathBuf>, interactive: bool) -> Self {
        match file {
            Some(path) if path.as_os_str() == "-" => Self::Input,
            Some(path) => Self::File(path),
            None if interactive => Self::Person,
            None => Self::Script,
        }
    }
}

/// Gets one.
///
/// # Errors
/// There is none; what to do instead.
pub(super) fn get(
    session: &mut Session,
    (candidate, programs): (&Candidate, &Programs),
    wanted: &TextToSign,
    source: &Source,
) -> Result<String, Failure> {
    let is_signed_here = matches!(source, Source::Person | Source::Script) && candidate.signer != Signer::Elsewhere;
    if is_signed_here {
        let pin = if wanted.verify_user { ", with its PIN or your finger" } else { "" };
        session.terminal.say(&format!("Touch your security key{pin}.\n"));
        if let Some(signature) = programs.sign(candidate, wanted)? {
            return Ok(signature);
        }
        let text = "The key did not sign here. Is it plugged in, and does ssh-keygen find it?";
        if matches!(source, Source::Script) {
            return Err(Failure::refused("not_signed", text));
        }
        session.terminal.say(&format!("{}\n", printable::wrap(text)));
    }
    match source {
        Source::Script => Err(Failure::refused(
            "elsewhere",
            "The key is at another computer, and nobody is here to paste what it signs. Give it with: --signature FILE",
        )),
        Source::Person => {
            show(session, wanted)?;
            pasted(session)
        }
        Source::Input => {
            show(session, wanted)?;
            pasted(session)
        }
        Source::File(path) => {
            show(session, wanted)?;
            let name = printable::line(&path.to_string_lossy());
            let _ = session.terminal.ask(&format!("Enter = {name} is written: "))?;
            let mut text = String::new();
            let read = File::open(path).and_then(|file| file.take(LONGEST as u64).read_to_string(&mut text));
            read.map_err(|error| Failure::refused("file", format!("{name} cannot be read: {error}.")))?;
            Ok(text)
        }
    }
}

/// What is to be run where the key is.
fn show(session: &Session, wanted: &TextToSign) -> Result<(), Failure> {
    if session.json() {
        return session.screen.json(&json!({ "namespace": wanted.namespace, "text": wanted.text }));
    }
    let screen = &session.screen;
    screen.line("Run this where the security key is plugged in; put your key's file in it:\n")?;
    screen.line(&command(wanted))?;
    screen.line("")
}

/// One line for any shell that has `printf`.
fn command(wanted: &TextToSign) -> String {
    let quoted = |text: &str| format!("'{}'", printable::line(text).replace('\'', r"'\''"));
    let (text, namespace) = (quoted(&wanted.text), quoted(&wanted.namespace));
    format!("printf %s {text} | ssh-keygen -Y sign -n {namespace} -f ~/.ssh/id_ed25519_sk")
}

/// Lines up to the last one of a signature.
fn pasted(session: &mut Session) -> Result<String, Failure> {
    session.terminal.say("Paste what it prints, from BEGIN to END:\n");
    let mut text = String::new();
    loop {
        let line = match session.terminal.ask("") {
            Err(InputError::End) if !text.is_empty() => return Ok(text),
            line => line?,
        };
        text.push_str(line.expose());
        text.push('\n');
        if line.expose().ends_with(LAST_LINE) {
            return Ok(text);
        }
        if text.len() > LONGEST || line.expose() == "q" {
            return Err(Failure::refused("stopped", "That is no signature. Nothing was changed."));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shell_gets_the_very_text_out_of_the_command_and_nothing_else_of_it() {
        let text = "Bob's $(touch x) \\ `id` %s; ok";
        let wanted = TextToSign {
            namespace: "mfa-enroll".into(),
            text: text.into(),
            fingerprint: String::new(),
            name: String::new(),
            verify_user: false,
            expires_in: 300,
        };
        let command = command(&wanted);
        let (printing, signing) = command.split_once(" | ").unwrap();
        let printed = std::process::Command::new("/bin/sh").args(["-c", printing]).output().unwrap();
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), text);
        assert_eq!(signing, "ssh-keygen -Y sign -n 'mfa-enroll' -f ~/.ssh/id_ed25519_sk");
    }
}
