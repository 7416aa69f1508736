//! Sends one letter by SMTP submission, or tells a webhook something: the only program with a network.
//!
//! systemd starts it for each connection to `/run/mfa/mail.sock`, as a user of its own, with the connection as its
//! standard input. It reads one call from the daemon, does it, answers, and ends. It cannot read the store or the
//! master key, takes nobody's word about the server but `/etc/mfa/mfa.toml`'s, and never logs what a letter says.
#![forbid(unsafe_code)]

mod call;
mod session;
mod smtp;
mod webhook;
mod wire;

use call::Call;
use clap::Parser;
use mfa_proto::mail::{Answer, LONGEST, Outcome};
use std::io::Write as _;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::time::Duration;

/// Sends one letter for mfa-daemon. systemd starts this: see mfa-mail.socket.
#[derive(Parser)]
#[command(version, about)]
struct Arguments {
    /// The settings: [mail] and [notify]
    #[arg(long, value_name = "FILE", default_value = "/etc/mfa/mfa.toml")]
    config: PathBuf,
}

fn main() -> ExitCode {
    // There may be a code in the letter, and there is the server's password: no core, and nobody looks inside.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
    let arguments = Arguments::parse();
    match serve(&arguments) {
        Ok(line) => {
            say(6, &line);
            ExitCode::SUCCESS
        }
        Err(why) => {
            say(4, &why);
            ExitCode::FAILURE
        }
    }
}

/// Serves the one call. What became of it, for the log.
fn serve(arguments: &Arguments) -> Result<String, String> {
    let socket = std::io::stdin().as_fd().try_clone_to_owned().map_err(|error| error.to_string())?;
    let mut stream = UnixStream::from(socket);
    call::admit(&stream)?;
    let call = call::read(&mut stream)?;
    let about = call.about();
    let config = arguments.config.clone();
    let answer = within_the_time(move || match call {
        Call::Letter(letter) => smtp::send(&letter, &config),
        Call::Notice(notice) => webhook::tell(&notice, &config),
    });
    call::answer(&mut stream, &answer)?;
    let outcome = match answer.outcome {
        Outcome::Taken => "taken",
        Outcome::Later => "not taken yet",
        Outcome::Unknown => "perhaps taken",
        Outcome::Refused => "refused",
    };
    Ok(format!("{about}: {outcome}: {}", answer.detail))
}

/// Whatever the other end does, the daemon is answered in time: a name server and a mail server can both be silent.
/// What is still under way then ends with this process.
fn within_the_time(act: impl FnOnce() -> Answer + Send + 'static) -> Answer {
    let (answer, answered) = mpsc::channel();
    let started = std::thread::Builder::new().name("sending".into()).spawn(move || {
        let _ = answer.send(act()); // an error: it is too late, and nobody waits any more
    });
    if let Err(error) = started {
        return Answer { outcome: Outcome::Later, detail: format!("no thread to send with: {error}") };
    }
    let wait = Duration::from_secs(LONGEST);
    let late = |_| Answer { outcome: Outcome::Unknown, detail: format!("no answer within {LONGEST} s") };
    answered.recv_timeout(wait).unwrap_or_else(late)
}

fn say(level: u8, text: &str) {
    // Nobody may be there to read it; that is no reason to fail.
    let _ = writeln!(std::io::stderr(), "<{level}>{text}");
}
