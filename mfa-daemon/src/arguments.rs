//! What the command line says. Under systemd it says nothing: everything has its place.

use clap::Parser;
use std::path::PathBuf;

/// Decides about second factors. Usually started by systemd.
#[derive(Debug, Parser)]
#[command(name = "mfa-daemon", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The folder of policy.toml, policy.d and mfa.toml
    #[arg(long, value_name = "FOLDER", default_value = "/etc/mfa")]
    pub(crate) config: PathBuf,
    /// The folder of the database, which only this user may enter
    #[arg(long, value_name = "FOLDER", default_value = "/var/lib/mfa")]
    pub(crate) state: PathBuf,
    /// A folder in which to make mfa.sock and root.sock, instead of taking them from systemd
    #[arg(long, value_name = "FOLDER")]
    pub(crate) listen: Option<PathBuf>,
    /// A file with the 32 bytes of the master key, instead of systemd's credential
    #[arg(long, value_name = "FILE")]
    pub(crate) master_key: Option<PathBuf>,
    /// The socket of mfa-mail
    #[arg(long, value_name = "SOCKET", default_value = mfa_proto::mail::SOCKET)]
    pub(crate) mail: PathBuf,
    /// The socket of mfa-key
    #[arg(long, value_name = "SOCKET", default_value = mfa_proto::key::SOCKET)]
    pub(crate) key: PathBuf,
    /// The folder in which systemd-logind keeps who sits where
    #[arg(long, value_name = "FOLDER", default_value = "/run/systemd")]
    pub(crate) logind: PathBuf,
    /// Check the configuration, say what is wrong with it, and end
    #[arg(long)]
    pub(crate) check: bool,
}

const EXAMPLES: &str = "\
Examples:
  mfa-daemon --check                       would the configuration be taken?
  mfa-daemon --listen /run/mfa --master-key /etc/mfa/master-key
                                           without systemd
Reload: SIGHUP takes the configuration anew, as a whole or not at all.
Stop:   SIGTERM finishes what is being answered.";
