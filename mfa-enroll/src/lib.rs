//! `mfa-enroll`, also called as `mfa`: what users do with their own second factors.
//!
//! It asks the daemon for everything and decides nothing; the programs it starts (`mfa-key`, `ssh-keygen`, `ssh-add`) are
//! found in their places and nowhere else, and no secret stays behind in its memory, its arguments or a file it was not
//! told to write.
#![forbid(unsafe_code)]

mod add_email;
mod add_totp;
mod backup_codes;
mod codes;
mod confirm;
mod forget;
mod picture;
mod place;
mod private_file;
mod remove;
mod rename;
mod report;
mod security_key;
mod session;
mod sheet;
mod ssh_key;
mod status;
mod try_factor;
mod wizard;

use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use mfa_cli::{Exit, Failure, finish};
use session::{Session, Shared};
use std::{ffi::OsString, path::Path, process::ExitCode};

/// Set up and look after your second factor: an app on your phone and backup codes.
#[derive(Parser)]
#[command(
    name = "mfa-enroll",
    version,
    term_width = 80,
    after_help = "\
Examples:
  mfa-enroll                         guides you through everything
  mfa-enroll status                  what you have
  mfa-enroll add totp --name tablet  one more app
  mfa-enroll add security-key        a key plugged into this machine
  mfa-enroll add ssh-key             an SSH key on a security key
  mfa-enroll add email ADDRESS       codes by mail
  mfa-enroll codes                   new backup codes
  mfa-enroll test                    does my code work?
  mfa-enroll forget --all            ask me everywhere again
  mfa-enroll report                  that login was not me

Exit codes: 0 done, 1 refused or failed, 2 usage, 3 daemon unreachable."
)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Status(status::Args),
    #[command(subcommand)]
    Add(Add),
    Confirm(confirm::Args),
    Codes(codes::Args),
    Remove(remove::Args),
    Rename(rename::Args),
    Test(try_factor::Args),
    Forget(forget::Args),
    Report(report::Args),
}

/// Add a factor.
#[derive(Subcommand)]
#[command(after_help = "\
Examples:
  mfa-enroll add totp               an app
  mfa-enroll add security-key       a key plugged into this machine
  mfa-enroll add ssh-key            an SSH key on a security key
  mfa-enroll add email ADDRESS      codes by mail")]
enum Add {
    Totp(add_totp::Args),
    SecurityKey(security_key::Args),
    SshKey(ssh_key::Args),
    Email(add_email::Args),
}

/// Runs the command that this process was started as.
pub fn main() -> ExitCode {
    // A crash must not leave a secret in a core file, nor may another process of this user look inside.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let name = called_as(std::env::args_os().next());
    let cli = match Cli::from_arg_matches(&Cli::command().name(name).get_matches()) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    let for_scripts = cli.shared.json;
    finish(name, for_scripts, run(cli))
}

/// All that it understands, for whoever writes its manual page.
pub fn command() -> clap::Command {
    Cli::command()
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    let mut session = Session::begin(cli.shared)?;
    match cli.command {
        None => wizard::run(&mut session),
        Some(Command::Status(_)) => status::run(&mut session),
        Some(Command::Add(Add::Totp(args))) => add_totp::run(args, &mut session),
        Some(Command::Add(Add::SecurityKey(args))) => security_key::run(args, &mut session),
        Some(Command::Add(Add::SshKey(args))) => ssh_key::run(args, &mut session),
        Some(Command::Add(Add::Email(args))) => add_email::run(args, &mut session),
        Some(Command::Confirm(args)) => confirm::run(args, &mut session),
        Some(Command::Codes(args)) => codes::run(args, &mut session),
        Some(Command::Remove(args)) => remove::run(&args, &mut session),
        Some(Command::Rename(args)) => rename::run(args, &mut session),
        Some(Command::Test(args)) => try_factor::run(args, &mut session),
        Some(Command::Forget(args)) => forget::run(&args, &mut session),
        Some(Command::Report(_)) => report::run(&mut session),
    }
}

/// The name in helps and errors: `mfa` when called through that link.
fn called_as(argv0: Option<OsString>) -> &'static str {
    let is_alias = argv0.is_some_and(|path| Path::new(&path).file_name().is_some_and(|name| name == "mfa"));
    if is_alias { "mfa" } else { "mfa-enroll" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_put_together_without_contradiction() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_alias_is_known_by_its_last_part_alone() {
        assert_eq!(called_as(Some("/usr/bin/mfa".into())), "mfa");
        assert_eq!(called_as(Some("/opt/mfa/mfa-enroll".into())), "mfa-enroll");
        assert_eq!(called_as(None), "mfa-enroll");
    }
}
