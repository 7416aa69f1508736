//! `mfactl license`: what the license is and how many seats are left, a new one, and a request for one.

mod install;
pub(crate) mod status;

use crate::Desk;
use clap::Subcommand;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::license::STATUS;
pub(crate) use mfa_proto::license::Status;
use serde_json::json;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

/// The license and its seats
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl license status
  mfactl license request --seats 800 -o request.toml
  mfactl license install acme.toml        with acme.toml.sig beside it")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: License,
}

#[derive(Subcommand)]
enum License {
    /// Show the license, its seats and its dates
    #[command(after_help = "\
Examples:
  mfactl license status
  mfactl license status --json | jq .seats.free")]
    Status,
    Install(install::Args),
    Request(Request),
}

/// Write a request for a license, to send to your vendor; it names nobody
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl license request --seats 800 -o request.toml
  mfactl license request")]
struct Request {
    /// How many seats you want; default: as many as you have now
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    seats: Option<u64>,
    /// Where to write it, a new file; without it, it is shown
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub(crate) fn run(args: Args, desk: &mut Desk) -> Result<Exit, Failure> {
    match args.command {
        License::Status => status::run(desk),
        License::Install(args) => install::run(&args, desk),
        License::Request(request) => self::request(&request, desk),
    }
}

/// How things stand.
pub(crate) fn ask(desk: &mut Desk) -> Result<Status, Failure> {
    desk.daemon.call(STATUS, &json!({}))
}

fn request(request: &Request, desk: &mut Desk) -> Result<Exit, Failure> {
    let status = ask(desk)?;
    let text = wanting(&status.request, request.seats);
    match &request.output {
        None if desk.json => desk.screen.json(&json!({ "request": text }))?,
        None => desk.screen.data(&text)?,
        Some(path) => {
            let shown = printable::line(&path.display().to_string());
            let failed = |error| Failure::refused("file", format!("{shown} cannot be written: {error}."));
            let mut file = OpenOptions::new().write(true).create_new(true).mode(0o644).open(path).map_err(failed)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            if desk.json {
                desk.screen.json(&json!({ "file": path, "site": status.site }))?;
            } else {
                desk.screen.line(&printable::wrap(&format!(
                    "{shown} is written. Send it to your vendor; then: mfactl license install FILE"
                )))?;
            }
        }
    }
    Ok(Exit::Done)
}

/// The request, with the number of seats that is wanted.
fn wanting(request: &str, seats: Option<u64>) -> String {
    let Some(seats) = seats else { return request.to_owned() };
    let line = |line: &str| match line.starts_with("seats_wanted = ") {
        true => format!("seats_wanted = {seats}\n"),
        false => format!("{line}\n"),
    };
    request.lines().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_asks_for_as_many_seats_as_are_wanted() {
        let text = "site = \"x\"\nseats_wanted = 25\n\n[counts]\nseats_total = 25\n";
        assert_eq!(wanting(text, Some(800)), "site = \"x\"\nseats_wanted = 800\n\n[counts]\nseats_total = 25\n");
        assert_eq!(wanting(text, None), text);
    }
}
