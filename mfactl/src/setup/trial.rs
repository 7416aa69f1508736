//! A login is tried in a stack that is not live yet: by `mfa-try-pam`, with the stack in a folder of ours, under its own
//! service's name.
//!
//! Whoever answers each question with an empty line must be refused, and by a decision, not by something that is broken.
//! Tried twice: the stack as it will be, and our lines of it alone, since a stack that refuses at the password never gets
//! as far as them.

use super::files::FileError;
use super::plan::Trial;
use super::store::StateError;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;

const PROGRAM: &str = "/usr/libexec/mfa/mfa-try-pam";
/// The folder with the stacks, as long as it is tried.
pub(crate) const SCRATCH: &str = "trial";
/// Where stacks are, the one that counts last.
const STACKS: [&str; 2] = ["/usr/lib/pam.d", "/etc/pam.d"];
/// Seconds that one login may take: modules wait two or three after a wrong password.
const SECONDS: u64 = 40;
/// Seconds that the program has beyond that to end by itself.
const PATIENCE: u64 = 10;
/// More questions than any login asks.
const MOST_QUESTIONS: usize = 20;
/// What sshd would say, for a stack that wants a key first; no such key is anybody's.
const KEY_SHOWN: &str =
    "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";
/// libpam's results that are no decisions: a stack, a module or what it asks is not there or broken.
const BROKEN: [i64; 9] = [1, 2, 3, 4, 5, 9, 26, 28, 31];
/// The one among them that a directory may cause which has nothing to do with us.
const UNAVAILABLE: i64 = 9;
/// What it makes of a stack in which everything had nothing to say: `PAM_SUCCESS` is 0, and this `PAM_PERM_DENIED`.
const NOTHING_SAID: i64 = 6;

/// Why a stack may not go live.
#[derive(Debug)]
pub(crate) enum TrialError {
    /// The program that tries logins cannot be run, or gave up.
    Program(String),
    /// The folder of stacks cannot be made.
    Folder(io::Error),
    /// The state of setup cannot be used.
    State(StateError),
    /// Whoever answers nothing would be in.
    LetsIn { service: String },
    /// Whom the policy asks, it asks nothing.
    AsksNothing { service: String, account: String },
    /// Something in it does not work.
    Broken { service: String, name: String },
    /// Not a name of a service.
    NoService(String),
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Program(why) => write!(f, "No login could be tried: {why}. Is the package mfa installed whole?"),
            Self::Folder(error) => write!(f, "No login could be tried: the stacks cannot be copied: {error}."),
            Self::State(error) => write!(f, "No login could be tried: {error}"),
            Self::LetsIn { service } => write!(
                f,
                "A login was tried in the new stack of {service}: without a password and without a code it lets in."
            ),
            Self::AsksNothing { service, account } => write!(
                f,
                "A login of {account} was tried in the new stack of {service}: our line in it asks nothing, while the \
                 policy demands a factor. See mfactl policy explain --user {account} --service {service}."
            ),
            Self::Broken { service, name } => write!(
                f,
                "A login was tried in the new stack of {service}: it ends with {name}, which is no decision: a module \
                 is missing or broken, or the daemon does not answer. See mfactl doctor, and journalctl -n 20."
            ),
            Self::NoService(name) => write!(f, "{name:?} is no name of a service."),
        }
    }
}

impl std::error::Error for TrialError {}

impl From<StateError> for TrialError {
    fn from(error: StateError) -> Self {
        Self::State(error)
    }
}

/// How a login ended that was tried.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Ended {
    /// How many questions were asked.
    questions: usize,
    /// libpam's number and its name, of authentication.
    code: i64,
    name: String,
}

/// The longest that trying them may take.
pub(crate) fn longest(trials: &[Trial]) -> Duration {
    // Twice each: the stack as it will be, and our lines of it.
    trials.iter().map(|_| Duration::from_secs(2 * (SECONDS + PATIENCE))).sum()
}

/// Whether the policy that is live demands a factor of whoever tries, with that as what sshd has verified.
pub(crate) type Demands<'a> = &'a dyn Fn(&Trial, &str) -> bool;

/// Tries each, with the stacks in that folder for as long. Once alone, since a refusal may be counted against somebody.
///
/// # Errors
/// [`TrialError`]
pub(crate) fn all_refuse(trials: &[Trial], scratch: &Path, demands: Demands<'_>) -> Result<(), TrialError> {
    let outcome = trials.iter().try_for_each(|trial| refuses(trial, scratch, demands));
    let _ = fs::remove_dir_all(scratch); // it was read, and the next one makes it anew
    outcome
}

fn refuses(trial: &Trial, scratch: &Path, demands: Demands<'_>) -> Result<(), TrialError> {
    let service = trial.stands_for.clone();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    if service.is_empty() || service.starts_with('.') || !service.chars().all(plain) {
        return Err(TrialError::NoService(service));
    }
    let whole = attempt(trial, &trial.stack, &[], scratch)?;
    judge(&service, &whole, false)?;
    let ours = our_lines(&trial.stack);
    if ours.is_empty() {
        return Ok(());
    }
    let wants_key = ours.contains("require_publickey");
    let ended = attempt(trial, &ours, if wants_key { &[KEY_SHOWN] } else { &[] }, scratch)?;
    let shown = if wants_key { KEY_SHOWN.trim_start_matches("SSH_AUTH_INFO_0=") } else { "" };
    if has_asked_nothing(&ended) && demands(trial, shown) {
        return Err(TrialError::AsksNothing { service, account: trial.account.clone() });
    }
    // Whom the policy asks nothing, the key alone lets in, where the line says so.
    let is_exempt = wants_key && ours.contains("exempt=success") && ended.questions == 0;
    if is_exempt && ended.code == 0 { Ok(()) } else { judge(&service, &ended, true) }
}

fn judge(service: &str, ended: &Ended, ours_alone: bool) -> Result<(), TrialError> {
    let service = service.to_owned();
    if ended.code == 0 {
        Err(TrialError::LetsIn { service })
    } else if BROKEN.contains(&ended.code) && (ours_alone || ended.code != UNAVAILABLE) {
        Err(TrialError::Broken { service, name: ended.name.clone() })
    } else {
        Ok(())
    }
}

/// Whether our lines alone had nothing to ask and nothing to say. A refusal without a question is one.
fn has_asked_nothing(ended: &Ended) -> bool {
    ended.questions == 0 && [0, NOTHING_SAID].contains(&ended.code)
}

/// The `auth` lines that name our module.
fn our_lines(stack: &str) -> String {
    let is_ours = |line: &&str| {
        let line = line.trim_start();
        let is_auth = line.split_ascii_whitespace().next().is_some_and(|word| word.trim_start_matches('-') == "auth");
        is_auth && line.contains("pam_mfa.so")
    };
    stack.lines().filter(is_ours).flat_map(|line| [line, "\n"]).collect()
}

/// All stacks of this machine, with that one in its place.
fn lay_out(service: &str, stack: &str, scratch: &Path) -> io::Result<()> {
    match fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => DirBuilder::new().mode(0o700).create(scratch)?,
    }
    for folder in STACKS {
        let Ok(entries) = fs::read_dir(folder) else { continue };
        for entry in entries {
            let entry = entry?;
            // As libpam does, which follows links.
            if fs::metadata(entry.path()).is_ok_and(|data| data.is_file()) {
                fs::write(scratch.join(entry.file_name()), fs::read(entry.path())?)?;
            }
        }
    }
    fs::write(scratch.join(service), stack)
}

#[derive(Serialize)]
struct Wanted<'a> {
    service: &'a str,
    user: &'a str,
    folder: &'a Path,
    variables: &'a [&'a str],
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Heard {
    Message { style: String },
    Result { phase: String, code: i64, name: String },
}

/// One login, each question of which is answered with an empty line.
fn attempt(trial: &Trial, stack: &str, variables: &[&str], scratch: &Path) -> Result<Ended, TrialError> {
    lay_out(&trial.stands_for, stack, scratch).map_err(TrialError::Folder)?;
    let (service, user) = (trial.stands_for.as_str(), trial.account.as_str());
    let wanted = Wanted { service, user, folder: scratch, variables, seconds: SECONDS };
    let failed = |error: io::Error| TrialError::Program(format!("{PROGRAM}: {error}"));
    let mut command = Command::new(PathBuf::from(PROGRAM));
    let command = command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    // A group of its own: keys at the terminal do not stop it, and what a module starts ends with it.
    let mut child = command.stderr(Stdio::null()).process_group(0).spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(TrialError::Program("it has no standard input".into()));
    };
    let heard = within(Duration::from_secs(SECONDS + PATIENCE), &child, || {
        let heard = talk(&wanted, &mut stdin, BufReader::new(stdout));
        drop(stdin);
        heard
    });
    end(&child); // it has said all; what a module left behind goes with it
    let status = child.wait().map_err(failed)?;
    heard.map_err(failed)?.ok_or_else(|| TrialError::Program(format!("{PROGRAM} ended with {status} and no answer")))
}

/// Does that, and ends the child's group if it takes longer. The child is not waited for before, so its number is its.
fn within<T>(time: Duration, child: &Child, work: impl FnOnce() -> T) -> T {
    let (done, wait) = channel::<()>();
    thread::scope(|scope| {
        scope.spawn(move || {
            if wait.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                end(child);
            }
        });
        let worked = work();
        drop(done);
        worked
    })
}

fn end(child: &Child) {
    let _ = rustix::process::kill_process_group(rustix::process::Pid::from_child(child), rustix::process::Signal::KILL); // it may have ended
}

fn talk(wanted: &Wanted<'_>, stdin: &mut impl Write, stdout: impl BufRead) -> io::Result<Option<Ended>> {
    writeln!(stdin, "{}", serde_json::to_string(wanted)?)?;
    let (mut questions, mut ended) = (0, None);
    for line in stdout.lines() {
        match serde_json::from_str(&line?)? {
            Heard::Message { style } if style == "hidden" || style == "shown" => {
                questions += 1;
                let reply = if questions > MOST_QUESTIONS { "null" } else { "\"\"" };
                writeln!(stdin, "{{\"reply\":{reply}}}")?;
            }
            Heard::Message { .. } => {}
            Heard::Result { phase, code, name } if phase == "authenticate" => {
                ended = Some(Ended { questions, code, name });
            }
            Heard::Result { .. } => {}
        }
    }
    Ok(ended)
}

impl From<FileError> for TrialError {
    fn from(error: FileError) -> Self {
        Self::State(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;

    fn talked(lines: &str) -> (Option<Ended>, String) {
        let wanted = Wanted { service: "sshd", user: "alice", folder: Path::new("/x"), variables: &[], seconds: 5 };
        let mut said = Vec::new();
        let ended = talk(&wanted, &mut said, lines.as_bytes()).unwrap();
        (ended, String::from_utf8(said).unwrap())
    }

    #[test]
    fn each_question_is_answered_with_nothing_and_texts_are_not() {
        let (ended, said) = talked(
            "{\"message\":{\"style\":\"text\",\"text\":\"hello\"}}\n\
             {\"message\":{\"style\":\"hidden\",\"text\":\"Password: \"}}\n\
             {\"message\":{\"style\":\"shown\",\"text\":\"Code: \"}}\n\
             {\"result\":{\"phase\":\"authenticate\",\"code\":7,\"name\":\"PAM_AUTH_ERR\"}}\n",
        );
        assert_eq!(ended, Some(Ended { questions: 2, code: 7, name: "PAM_AUTH_ERR".into() }));
        assert_eq!(said.matches("{\"reply\":\"\"}\n").count(), 2);
        assert_eq!(talked("").0, None);
    }

    #[test]
    fn whoever_asks_without_end_is_hung_up_on() {
        let question = "{\"message\":{\"style\":\"hidden\",\"text\":\"?\"}}\n";
        assert!(talked(&question.repeat(MOST_QUESTIONS + 1)).1.ends_with("{\"reply\":null}\n"));
    }

    #[test]
    fn a_refusal_is_a_decision_and_what_is_broken_is_not() {
        let ended = |code| Ended { questions: 0, code, name: "NAME".into() };
        for refusal in [6, 7, 10, 11] {
            assert!(judge("sshd", &ended(refusal), true).is_ok(), "{refusal}");
        }
        for broken in [2, 4, 26, 28] {
            assert!(matches!(judge("sshd", &ended(broken), false), Err(TrialError::Broken { .. })), "{broken}");
        }
        assert!(matches!(judge("sshd", &ended(UNAVAILABLE), true), Err(TrialError::Broken { .. })));
        assert!(judge("sshd", &ended(UNAVAILABLE), false).is_ok());
        assert!(matches!(judge("sshd", &ended(0), false), Err(TrialError::LetsIn { .. })));
    }

    #[test]
    fn what_hangs_is_ended_when_its_time_is_over_with_all_that_it_has_started() {
        let mut command = Command::new("sh");
        let command = command.args(["-c", "sleep 600 & sleep 600"]).stdout(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        // Both have the pipe: it ends when both have.
        let read = within(Duration::from_millis(50), &child, || stdout.read_to_end(&mut Vec::new()));
        assert_eq!((read.unwrap(), child.wait().unwrap().signal()), (0, Some(9)));
    }

    #[test]
    fn only_a_line_that_had_nothing_to_say_has_asked_nothing() {
        let ended = |questions, code| Ended { questions, code, name: "NAME".into() };
        assert!([0, 6].into_iter().all(|code| has_asked_nothing(&ended(0, code))));
        assert!(![7, 8, 11].into_iter().any(|code| has_asked_nothing(&ended(0, code))), "a locked account is refused");
        assert!(![0, 6].into_iter().any(|code| has_asked_nothing(&ended(1, code))));
    }

    #[test]
    fn our_lines_are_those_of_auth_that_name_the_module() {
        let ours = "auth [success=ok default=die] pam_mfa.so\n";
        let stack = format!("# auth required pam_mfa.so\n@include common-auth\n{ours}account required pam_mfa.so\n");
        assert_eq!(our_lines(&stack), ours);
    }

    #[test]
    fn a_service_is_a_name_and_no_path() {
        let scratch = tempfile::tempdir().unwrap();
        for name in ["", "../sshd", "a/b", ".hidden"] {
            let trial = Trial { stands_for: name.into(), stack: String::new(), account: "alice".into() };
            assert!(matches!(refuses(&trial, scratch.path(), &|_, _| false), Err(TrialError::NoService(_))), "{name}");
        }
    }
}
