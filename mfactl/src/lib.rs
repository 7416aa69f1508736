//! `mfactl`: what administrators see and do.
//!
//! It asks the daemon, which decides who may; of the system it asks only the names of accounts and groups.
#![forbid(unsafe_code)]

mod audit;
mod break_glass;
mod child;
mod copy;
mod directory;
mod doctor;
mod documents;
mod forget;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod import;
mod invite;
mod license;
mod mail;
mod master_key;
mod metrics;
mod owned_file;
mod pam;
mod policy;
mod policy_file;
mod progress;
mod reconcile;
mod require;
mod reset;
mod roster;
mod setup;
mod sshd;
mod status;
mod system;
mod temp_code;
mod unlock;
mod user;
mod users;

use clap::{Args, CommandFactory, Parser, Subcommand};
use mfa_cli::{Daemon, Exit, Failure, Screen, finish};
use std::time::{Duration, Instant};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// See and look after everybody's second factor.
#[derive(Parser)]
#[command(
    name = "mfactl",
    version,
    term_width = 80,
    after_help = "\
Examples:
  mfactl status                 how things stand
  mfactl users --search staff   who is enrolled, by name or group
  mfactl user alice             all about one account
  mfactl reset alice            a lost phone: start over
  mfactl unlock alice           too many wrong codes
  mfactl forget alice           ask her everywhere again
  mfactl audit --since 2h       what happened
  mfactl invite alice           a code to enroll with
  mfactl temp-code alice --for 1h --reason 'phone at home'
  mfactl policy explain --user alice --service sshd    why is she asked?
  mfactl policy preview new.toml                       who is locked out?
  mfactl license status         how many seats are left
  mfactl require staff          a second factor for everybody in staff
  mfactl break-glass create     codes for the safe
  mfactl doctor                 what is wrong or dangerous on this machine
  mfactl setup                  switch it on, so that it goes back by itself

Members of the group mfa-helpdesk may use users, user, reset, unlock, invite and
temp-code without root, after a code of their own, for accounts that are not
administrators'.

Exit codes: 0 done, 1 refused, failed or not healthy, 2 usage,
3 daemon unreachable."
)]
struct Cli {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Command,
}

/// Options of every command.
#[derive(Args)]
struct Shared {
    /// Data for scripts instead of text
    #[arg(long, global = true)]
    json: bool,
    /// The daemon's socket, for one that was started by hand
    #[arg(long, global = true, value_name = "PATH", hide = true)]
    socket: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    Status(status::Args),
    Users(users::Args),
    User(user::Args),
    Reset(reset::Args),
    Unlock(unlock::Args),
    Forget(forget::Args),
    Audit(audit::Args),
    Metrics(metrics::Args),
    Import(import::Args),
    Export(copy::ExportArgs),
    Restore(copy::RestoreArgs),
    Invite(invite::Args),
    #[command(name = "temp-code")]
    TempCode(temp_code::Args),
    Mail(mail::Args),
    Policy(policy::Args),
    Require(require::Require),
    Unrequire(require::Unrequire),
    #[command(name = "break-glass", subcommand)]
    BreakGlass(break_glass::BreakGlass),
    License(license::Args),
    Doctor(doctor::Args),
    Setup(setup::Args),
    Reconcile(reconcile::Args),
    /// The key under which all secrets are kept
    #[command(
        name = "master-key",
        subcommand,
        after_help = "\
Examples:
  mfactl master-key recovery-copy    on paper, for the safe
  mfactl master-key enter            take it back from there
  mfactl master-key rotate           another key, while logins go on"
    )]
    MasterKey(master_key::MasterKey),
}

/// How long a daemon that restarts is waited for.
const RESTART: Duration = Duration::from_secs(60);
const NEEDS_ROOT: &str = "Only root may do this. Try it with sudo.\nMembers of mfa-helpdesk may use: users, user, reset, unlock, invite, temp-code";

/// What every command works with.
struct Desk {
    daemon: Daemon,
    socket: Option<PathBuf>,
    screen: Screen,
    json: bool,
}

impl Desk {
    /// Connects again to a daemon that has hung up; one that is being restarted is waited for.
    ///
    /// # Errors
    /// Exit code 3, after a minute.
    fn connect_anew(&mut self) -> Result<(), Failure> {
        let until = Instant::now() + RESTART;
        loop {
            match connect(self.socket.as_deref()) {
                Ok(daemon) => {
                    self.daemon = daemon;
                    return Ok(());
                }
                Err(failure) if failure.exit != Exit::Unreachable || Instant::now() > until => return Err(failure),
                Err(_) => std::thread::sleep(Duration::from_millis(500)),
            }
        }
    }
}

fn connect(socket: Option<&Path>) -> Result<Daemon, Failure> {
    let mut daemon = Daemon::connect(socket, NEEDS_ROOT)?.proving("To do this, prove it is you.");
    daemon.introduce("mfactl")?;
    Ok(daemon)
}

/// Runs the command that this process was started as.
pub fn main() -> ExitCode {
    // Codes and keys are shown and taken here: no core, and nobody looks inside.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    if let Some((path, longest)) = as_reader() {
        return owned_file::child(&path, longest);
    }
    let cli = Cli::parse();
    let for_scripts = cli.shared.json;
    finish("mfactl", for_scripts, run(cli))
}

/// All that it understands, for whoever writes its manual page.
pub fn command() -> clap::Command {
    Cli::command()
}

/// Whether this is the child that reads a file as its owner: which file, and how much of it.
fn as_reader() -> Option<(OsString, usize)> {
    let mut words = std::env::args_os().skip(1);
    words.next().filter(|word| word == owned_file::CHILD)?;
    let longest = words.next()?.to_str()?.parse().ok()?;
    words.next().filter(|word| word == "--")?;
    Some((words.next()?, longest))
}

fn run(cli: Cli) -> Result<Exit, Failure> {
    // Before the daemon can start at all, or when it cannot.
    match &cli.command {
        Command::MasterKey(command) => {
            if let Some(done) = master_key::run(command, cli.shared.json) {
                return done;
            }
        }
        Command::BreakGlass(command) => return break_glass::run(command, &cli.shared),
        Command::Doctor(args) => return doctor::run(args, &cli.shared),
        Command::Setup(args) => return setup::run(args, &cli.shared),
        _ => {}
    }
    let (socket, json) = (cli.shared.socket.clone(), cli.shared.json);
    let screen = Screen::open();
    let connected = connect(socket.as_deref());
    if matches!((&cli.command, &connected), (Command::Metrics(_), Err(failure)) if failure.exit == Exit::Unreachable) {
        metrics::unreachable(&screen);
    }
    let mut desk = Desk { daemon: connected?, socket, screen, json };
    match cli.command {
        Command::Status(_) => status::run(&mut desk),
        Command::Users(args) => users::run(&args, &mut desk),
        Command::User(args) => user::run(args, &mut desk),
        Command::Reset(args) => reset::run(args, &mut desk),
        Command::Unlock(args) => unlock::run(args, &mut desk),
        Command::Metrics(_) => metrics::run(&mut desk),
        Command::Forget(args) => forget::run(args, &mut desk),
        Command::Audit(args) => audit::run(args, &mut desk),
        Command::Import(args) => import::run(&args, &mut desk),
        Command::Export(args) => copy::export(&args, &mut desk),
        Command::Restore(args) => copy::restore(&args, &mut desk),
        Command::Invite(args) => invite::run(args, &mut desk),
        Command::TempCode(args) => temp_code::run(args, &mut desk),
        Command::Mail(args) => mail::run(args, &mut desk),
        Command::Policy(args) => policy::run(args, &mut desk),
        Command::Require(args) => require::require(&args, &mut desk),
        Command::Unrequire(args) => require::unrequire(&args, &mut desk),
        Command::License(args) => license::run(args, &mut desk),
        Command::Reconcile(_) => reconcile::run(&mut desk),
        Command::BreakGlass(command) => break_glass::run(&command, &cli.shared),
        Command::Doctor(args) => doctor::run(&args, &cli.shared),
        Command::Setup(args) => setup::run(&args, &cli.shared),
        Command::MasterKey(command) => master_key::run_with(&command, &mut desk),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_arguments_are_put_together_without_contradiction() {
        Cli::command().debug_assert();
    }
}
