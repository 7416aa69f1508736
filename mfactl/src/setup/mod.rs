//! `mfactl setup`: the second factor is switched on where and for whom the administrator says, after everything that
//! changes was shown, and so that it goes back by itself unless it is confirmed.

mod after;
mod answers;
mod apply;
mod ask;
mod automation;
mod back;
mod confirm;
mod diff;
mod facts;
mod files;
mod locked_out;
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
mod trial;
mod words;
mod world;

#[cfg(test)]
mod machines;
#[cfg(test)]
mod made_up;

use crate::Shared;
use mfa_cli::{Exit, Failure};

/// Switch it on, so that it goes back by itself unless it is confirmed
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    after: after::After,
}

pub(crate) fn run(args: &Args, shared: &Shared) -> Result<Exit, Failure> {
    after::run(&args.after, shared)
}
