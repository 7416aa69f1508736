//! `mfa-enroll add ssh-key`: an SSH key that lives on a security key, proved by a signature that `ssh-keygen` makes here,
//! or at the computer where the key is.

mod candidate;
mod programs;
mod public_key;
mod signature;

use crate::backup_codes::Keep;
use crate::security_key::hand_over;
use crate::session::Session;
use crate::sheet::SheetFile;
use candidate::Candidate;
use mfa_cli::{Exit, Failure, Table, printable};
use mfa_proto::enrollment::{ADD_SSH_KEY, AddSshKey, AddedKey, CONFIRM_SSH_KEY, ConfirmSshKey, Enrolled, TextToSign};
use programs::Programs;
use signature::Source;
use std::path::{Path, PathBuf};

/// Signatures that are tried.
const TRIES: usize = 3;

/// Add an SSH key that lives on a security key (ed25519-sk, ecdsa-sk)
#[derive(clap::Args, Default)]
#[command(after_help = "\
Examples:
  mfa-enroll add ssh-key                        finds your keys, or asks which
  mfa-enroll add ssh-key ~/.ssh/id_ed25519_sk.pub
  mfa-enroll add ssh-key SHA256:2bsi…           one of those it finds
  mfa-enroll add ssh-key --signature FILE       signed elsewhere, see below

Where the key is at another computer, one command to run there is shown, and
what it prints is pasted here; or it is read from FILE, - for standard input.
An agent that is forwarded signs by itself. Such a key is made, at the computer
it is plugged into, with: ssh-keygen -t ed25519-sk")]
pub(crate) struct Args {
    /// A file (private or .pub), or a fingerprint
    #[arg(value_name = "FILE|FINGERPRINT")]
    key: Option<String>,
    /// What to call it
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Read the signature from this file
    #[arg(long, value_name = "FILE")]
    signature: Option<PathBuf>,
    /// Write backup codes, if there are new ones, to a new file that only you can read
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write a page to print, with new backup codes: .html or .txt
    #[arg(long, value_name = "FILE")]
    print: Option<SheetFile>,
}

pub(crate) fn run(args: Args, session: &mut Session) -> Result<Exit, Failure> {
    let keep = Keep::reserve(args.save.as_deref(), args.print.as_ref())?;
    let programs = Programs::installed(session.programs());
    let candidate = choose(session, args.key.as_deref(), &programs)?;
    let add = AddSshKey { user: session.user(), name: args.name, public_key: candidate.key.line() };
    let wanted: TextToSign = session.change(ADD_SSH_KEY, &add)?;
    if !session.json() {
        let (name, fingerprint) = (printable::line(&wanted.name), printable::line(&wanted.fingerprint));
        session.screen.line(&printable::wrap(&format!("\"{name}\" {fingerprint}")))?;
    }
    let source = Source::of(args.signature, session.is_interactive());
    let added = prove(session, (&candidate, &programs), &wanted, &source)?;
    hand_over(
        session,
        &added,
        keep,
        "A login over ssh with it and with your password is asked for no code, where sshd here is set up for that.",
    )?;
    Ok(Exit::Done)
}

/// Gets a signature and has it verified; again, while a person is there to try again.
fn prove(
    session: &mut Session,
    (candidate, programs): (&Candidate, &Programs),
    wanted: &TextToSign,
    source: &Source,
) -> Result<AddedKey, Failure> {
    for tries_left in (0..TRIES).rev() {
        let signature = signature::get(session, (candidate, programs), wanted, source)?;
        let confirm = ConfirmSshKey { user: session.user(), signature };
        match session.daemon.call(CONFIRM_SSH_KEY, &confirm) {
            Err(wrong) if wrong.code == "invalid" && tries_left > 0 && session.is_interactive() => {
                session.terminal.say(&format!("{}\n", printable::wrap(&wrong.message)));
            }
            answer => return answer,
        }
    }
    Err(Failure::refused("wrong", "No signature was right. Nothing was changed."))
}

/// The key that is meant.
fn choose(session: &mut Session, named: Option<&str>, programs: &Programs) -> Result<Candidate, Failure> {
    let is_fingerprint = |text: &str| text.starts_with("SHA256:");
    if let Some(file) = named.filter(|text| !is_fingerprint(text)) {
        return candidate::given(file, programs);
    }
    // Root's own keys are not those of the one it enrolls.
    let home = if session.user().is_some() { None } else { std::env::var_os("HOME").map(PathBuf::from) };
    let found = candidate::all(home.as_deref(), programs);
    if let Some(fingerprint) = named {
        let same = found.into_iter().find(|candidate| candidate.key.fingerprint == fingerprint);
        let fingerprint = printable::line(fingerprint);
        let text = format!("No key with {fingerprint} is found in ~/.ssh or in the agent. Name its .pub file.");
        return same.ok_or_else(|| Failure::refused("not_found", text));
    }
    let enrolled = session.status()?;
    let mut new: Vec<Candidate> = found.into_iter().filter(|candidate| !is_enrolled(&enrolled, candidate)).collect();
    match new.len() {
        0 => Err(nothing_found(&enrolled, home.as_deref())),
        1 => Ok(new.remove(0)),
        _ => which(session, new),
    }
}

fn is_enrolled(enrolled: &Enrolled, candidate: &Candidate) -> bool {
    enrolled.factors.iter().any(|factor| factor.fingerprint.as_ref() == Some(&candidate.key.fingerprint))
}

fn nothing_found(enrolled: &Enrolled, home: Option<&Path>) -> Failure {
    let more = if enrolled.factors.iter().any(|factor| factor.kind == "ssh-key") { "other " } else { "" };
    let place = if home.is_some() { " in ~/.ssh or in an agent" } else { "" };
    Failure::refused(
        "not_found",
        format!(
            "No {more}SSH key on a security key is found{place}. If you have one, name its .pub file, or give the line in \
             it, in quotes. One is made, at the computer it is plugged into, with: ssh-keygen -t ed25519-sk"
        ),
    )
}

/// Lets the person say which of several.
fn which(session: &mut Session, mut found: Vec<Candidate>) -> Result<Candidate, Failure> {
    if !session.is_interactive() {
        let names: Vec<&str> = found.iter().map(|candidate| candidate.key.fingerprint.as_str()).collect();
        let text = format!("Several keys are found. Name one of them: {}", names.join(" "));
        return Err(Failure::refused("several", text));
    }
    let mut table = Table::new(&session.screen, &["No", "Name", "Fingerprint"]);
    for (at, Candidate { key, .. }) in found.iter().enumerate() {
        table.row(&[&(at + 1).to_string(), &key.comment, &key.fingerprint])?;
    }
    table.finish()?;
    let typed = session.terminal.ask("Number of the key: ")?;
    let at = typed.expose().parse::<usize>().ok().and_then(|number| number.checked_sub(1));
    match at.filter(|at| *at < found.len()) {
        Some(at) => Ok(found.swap_remove(at)),
        None => Err(Failure::refused("not_found", "That is no number of the list. Nothing was changed.")),
    }
}
