//! `mfactl master-key`: makes the key before the daemon's first start, replaces it, prints it for the safe and takes it
//! back from there. It is shown by `recovery-copy` alone, and never replaced without the daemon.

mod copy;
mod files;
mod rotate;

use crate::Desk;
use clap::Subcommand;
use files::Place;
use mfa_cli::{Exit, Failure, Screen, Terminal, printable};
use serde_json::json;
use std::path::Path;

/// What can be done with the master key.
#[derive(Debug, Subcommand)]
pub(crate) enum MasterKey {
    /// Make the master key, unless there is one: the daemon's unit does so before the first start
    #[command(after_help = "\
Example:
  sudo mfactl master-key create")]
    Create,
    /// Replace it: everything is sealed anew with a new one, while logins go on
    #[command(after_help = "\
Examples:
  sudo mfactl master-key rotate
  sudo mfactl master-key recovery-copy | lpr    then: the new one, for the safe")]
    Rotate,
    /// Print it for the safe; without it, the database is worth nothing on another machine
    #[command(after_help = "\
Examples:
  sudo mfactl master-key recovery-copy          on the screen
  sudo mfactl master-key recovery-copy | lpr    on paper; the printer's queue holds it meanwhile

Whoever has it and the database has every secret.")]
    RecoveryCopy,
    /// Take it back from the copy in the safe, on a machine that has lost it
    #[command(after_help = "\
Examples:
  sudo mfactl master-key enter

For a database that came from another machine; \"A new machine\" in ADMIN.md in
/usr/share/doc/mfa has all the steps. A key that opens is not replaced;
one that does not is moved aside.")]
    Enter,
}

/// What needs no daemon, which may not be able to start.
pub(crate) fn run(command: &MasterKey, for_scripts: bool) -> Option<Result<Exit, Failure>> {
    match command {
        MasterKey::Create => Some(create()),
        MasterKey::RecoveryCopy => Some(recovery_copy(for_scripts)),
        MasterKey::Enter => Some(enter()),
        MasterKey::Rotate => None,
    }
}

/// What the daemon is asked for.
pub(crate) fn run_with(command: &MasterKey, desk: &mut Desk) -> Result<Exit, Failure> {
    match run(command, desk.json) {
        Some(done) => done,
        None => rotate::run(desk),
    }
}

/// Makes the key where there is none.
fn create() -> Result<Exit, Failure> {
    let there = files::all().map_err(|error| failed("The master keys cannot be listed", &error))?;
    if !there.is_empty() {
        return Ok(Exit::Done);
    }
    if Path::new(files::STATE).join("mfa.db").exists() {
        let message = "There is a database, but its master key is gone.\nTake it back from the copy in the safe: \
                       mfactl master-key enter. Or remove the database: everybody enrolls anew then.";
        return Err(Failure::refused("lost_key", message));
    }
    let key = files::fresh().map_err(|error| failed("The kernel gives no random numbers", &error))?;
    keep(&key, 1)
}

/// Where systemd can seal it, and else in a file, which is told.
fn keep(key: &files::Key, number: u32) -> Result<Exit, Failure> {
    let Err(unsealed) = files::put(key, number, Place::Credential) else { return Ok(Exit::Done) };
    // Sealed, but perhaps not for good: a second one in the clear would be worse than to try again.
    if Place::Credential.path(number).exists() {
        return Err(failed("The master key cannot be written", &unsealed));
    }
    let written = files::put(key, number, Place::File);
    written.map_err(|error| failed("The master key cannot be written", &error))?;
    let path = Place::File.path(number);
    let text = format!(
        "The master key lies in {}, where whoever copies the disk has it: {unsealed}. When systemd can seal \
         credentials: mfactl master-key rotate",
        path.display()
    );
    Screen::open().line(&printable::wrap(&text))?;
    Ok(Exit::Done)
}

fn recovery_copy(for_scripts: bool) -> Result<Exit, Failure> {
    let newest = rotate::newest().map_err(|error| failed("The master keys cannot be listed", &error))?;
    let Some((number, place)) = newest else {
        return Err(Failure::refused("no_key", "There is no master key yet. Make it: mfactl master-key create"));
    };
    let key = files::read(number, place).map_err(|error| failed("The master key cannot be read", &error))?;
    let (screen, text) = (Screen::open(), copy::spelled(number, &key));
    if for_scripts {
        screen.json(&json!({ "number": number, "key": text.as_str() }))?;
        return Ok(Exit::Done);
    }
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    screen.line(&format!("Master key {number} of {}. Whoever has it and the database", printable::line(&host)))?;
    screen.line("has every secret: keep it in a safe, and not beside backups.\n")?;
    for line in text.lines() {
        screen.line(&format!("    {line}"))?;
    }
    screen.line("\nTo take it back: mfactl master-key enter")?;
    Ok(Exit::Done)
}

fn enter() -> Result<Exit, Failure> {
    let mut terminal = Terminal::open();
    terminal.say("The key as it was printed, line by line; it is not shown. An empty line ends it.\n");
    let mut typed = zeroize::Zeroizing::new(String::with_capacity(8 * 1024));
    for line in 1..=4 {
        let answer = terminal.ask_hidden(&format!("Line {line}: "))?;
        if answer.is_empty() {
            break;
        }
        typed.push_str(answer.expose());
    }
    let (number, key) = copy::parse(&typed).map_err(|why| Failure::refused("wrong", why.to_string()))?;
    let there = files::all().map_err(|error| failed("The master keys cannot be listed", &error))?;
    for (_, place) in there.into_iter().filter(|(found, _)| *found == number) {
        if files::read(number, place).is_ok() {
            let text = format!("There is a master key {number} already; it stays. Nothing was changed.");
            return Err(Failure::refused("there_already", text));
        }
        // Sealed for another machine, or another TPM: as long as it lies there, systemd does not start the daemon.
        let moved = files::move_aside(number, place);
        let moved = moved.map_err(|error| failed("The master key that does not open cannot be moved away", &error))?;
        terminal
            .say(&format!("The one that was there does not open on this machine. It is now {}.\n", moved.display()));
    }
    keep(&key, number)?;
    let text = format!("Master key {number} is there again. Now: systemctl restart mfa-daemon; mfactl status");
    Screen::open().line(&printable::wrap(&text))?;
    Ok(Exit::Done)
}

fn to_be_printed() -> &'static str {
    "Print a copy of the new one for the safe: mfactl master-key recovery-copy."
}

fn failed(what: &str, error: &dyn std::fmt::Display) -> Failure {
    Failure::refused("failed", format!("{what}: {error}. Mend that, then try again."))
}
