//! `mfactl setup`: the second factor is switched on where and for whom the administrator says, after everything that
//! changes was shown, and so that it goes back by itself unless it is confirmed.

mod after;
mod answers;
mod apply;
mod ask;
mod automation;
mod back;
mod carry_out;
mod confirm;
mod diff;
mod facts;
mod files;
mod lock;
mod locked_out;
mod meant;
mod moment;
mod people;
mod plan;
mod planned;
mod policy;
mod proposed;
mod session;
mod show;
mod ssh;
mod stacks;
mod standing;
mod state;
mod store;
mod switch_on;
mod trial;
mod try_pam;
mod typed;
pub(crate) mod words;
mod world;

use crate::Shared;
use after::After;
use answers::Within;
use mfa_cli::{Exit, Failure};
use std::path::PathBuf;

/// Switch it on: asks where and for whom, shows all that changes, and goes back
/// by itself unless you confirm it from another login
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  sudo mfactl setup                       asks, shows, applies for 5 minutes
  sudo mfactl setup --dry-run             asks and shows, changes nothing
  sudo mfactl setup confirm 4821          from a NEW login: keep it
  sudo mfactl setup status                what is pending, or confirmed
  sudo mfactl setup undo                  all as it was before
  sudo mfactl setup --answers sre.toml --json    for Ansible and the like

It changes files of /etc/pam.d, /etc/ssh/sshd_config.d/01-mfa.conf and
/etc/mfa/policy.d/10-setup.toml, and keeps the old ones. Until it is confirmed
it is taken back after five minutes, also if this machine restarts meanwhile.
An example of answers: /usr/share/doc/mfa/examples/setup.toml"
)]
pub(crate) struct Args {
    /// Take the answers from this file; what is missing there is asked
    #[arg(long, value_name = "FILE")]
    answers: Option<PathBuf>,
    /// Show what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// How long it stays unless it is confirmed: 5m, unless the answers say
    /// otherwise; `never` keeps it at once, without confirming
    #[arg(long, value_name = "TIME")]
    confirm_within: Option<Within>,
    /// Even if somebody could not get in any more
    #[arg(long)]
    anyway: bool,
    #[command(subcommand)]
    after: Option<After>,
}

pub(crate) fn run(args: &Args, shared: &Shared) -> Result<Exit, Failure> {
    if !rustix::process::geteuid().is_root() {
        return Err(Failure::refused("not_root", "Only root may do this. Try it with sudo."));
    }
    match &args.after {
        Some(after) => after::run(after, shared),
        None => switch_on::run(args, shared),
    }
}

#[cfg(test)]
mod machines;
#[cfg(test)]
mod made_up;
