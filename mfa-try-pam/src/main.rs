//! `mfa-try-pam`: tries the one login that its first line of standard input names, and ends. Everything is a line of
//! JSON; see `--help`. It takes no options, reads no environment, and only root may run it.
#![forbid(unsafe_code)]

use mfa_once::Program;
use mfa_try_pam::{Attempt, Lines, Message, Reply, Said, Talk, answer_of};
use rustix::process::{Signal, getpid, kill_process};
use std::io::Write as _;
use std::os::fd::AsFd;
use std::process::ExitCode;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

const HELP: &str = "Tries one login through libpam, for mfactl setup. Root alone may run it.

usage: mfa-try-pam [--help | --version]

Each line of standard input and output is JSON. First what to try:
  {\"service\":\"sshd\",\"user\":\"alice\",\"folder\":\"/path\",\"seconds\":30}
Then, for each message of libpam, and an answer to each question:
  {\"message\":{\"style\":\"hidden\",\"text\":\"Password: \"}}
  {\"reply\":\"...\"}
Last, for authenticate and, if that succeeded, for account:
  {\"result\":{\"phase\":\"authenticate\",\"code\":7,\"name\":\"PAM_AUTH_ERR\"}}

Exit codes: 0 tried, whatever came of it, 1 not tried. Killed when it is out of time.
";
/// How long the first line may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// The longest an attempt may take.
const LONGEST: Duration = Duration::from_secs(600);

fn main() -> ExitCode {
    Program { name: "mfa-try-pam", version: env!("CARGO_PKG_VERSION"), help: HELP }.run(serve)
}

fn serve() -> Result<(), String> {
    mfa_try_pam::admit()?;
    mfa_once::leave_nothing_behind()?;
    // A module may hang in a way that nothing ends but the end of the process.
    let (time, times) = channel();
    thread::spawn(move || {
        let mut left = PATIENCE;
        loop {
            match times.recv_timeout(left) {
                Ok(more) => left = more,
                // What libpam's modules want done at the end may hang as they do.
                Err(RecvTimeoutError::Timeout) => {
                    let _ = kill_process(getpid(), Signal::KILL); // one may always end oneself
                    return;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    });
    let stdin = std::io::stdin();
    let mut lines = Lines::of(stdin.as_fd());
    let line = lines.next_line().map_err(|error| error.to_string())?;
    let wanted: Attempt = serde_json::from_slice(&line).map_err(|error| format!("That is no attempt: {error}"))?;
    let _ = time.send(Duration::from_secs(wanted.seconds).min(LONGEST)); // it waits for this, or has ended us
    let talk = OverLines { lines };
    mfa_try_pam::attempt(&wanted, talk, |_, said| drop(tell(said))).map_err(|error| error.to_string())
}

/// Says on standard output what libpam says, and answers with what comes in.
struct OverLines<'a> {
    lines: Lines<'a>,
}

impl Talk for OverLines<'_> {
    fn said(&mut self, message: Message<'_>) -> Reply {
        if tell(&Said::Message(message)).is_err() {
            return Reply::HangUp;
        }
        if !message.style.is_question() {
            return Reply::Nothing;
        }
        let Ok(line) = self.lines.next_line() else { return Reply::HangUp };
        answer_of(&line).map_or(Reply::HangUp, Reply::Text)
    }
}

/// One line, at once.
fn tell(said: &Said<'_>) -> std::io::Result<()> {
    let mut line = serde_json::to_vec(said)?;
    line.push(b'\n');
    let mut stdout = std::io::stdout();
    stdout.write_all(&line)?;
    stdout.flush()
}
