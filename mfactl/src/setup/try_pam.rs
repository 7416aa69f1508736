//! One login through libpam that is tried and leads nowhere: by `mfa-try-pam`, with a stack in a folder of ours, under its
//! own service's name. Whoever speaks for the user is told what is asked, and answers.
//!
//! What is answered is wiped, stands in no message and is kept nowhere.

use super::trial::TrialError;
use mfa_proto::Secret;
use serde::{Deserialize, Serialize};
use std::fs::{self, DirBuilder};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::Duration;
use zeroize::Zeroizing;

const PROGRAM: &str = "/usr/libexec/mfa/mfa-try-pam";
/// Where stacks are, the one that counts last.
const STACKS: [&str; 2] = ["/usr/lib/pam.d", "/etc/pam.d"];
/// Seconds that the program has beyond its own time to end by itself.
pub(super) const PATIENCE: u64 = 10;
/// More questions than any login asks.
const MOST_QUESTIONS: usize = 20;
/// What sshd would say, for a stack that wants a key first; no such key is anybody's.
pub(super) const KEY_SHOWN: &str =
    "SSH_AUTH_INFO_0=publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n";

/// A login that is tried.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) service: &'a str,
    pub(super) user: &'a str,
    /// The text of the service's stack.
    pub(super) stack: &'a str,
    /// Whether sshd has seen a key.
    pub(super) has_key: bool,
    /// How long it may take.
    pub(super) seconds: u64,
}

/// How it ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ended {
    /// How many questions were asked.
    pub(super) questions: usize,
    /// libpam's number and its name, of authentication.
    pub(super) code: i64,
    pub(super) name: String,
    /// The same of the account, if it came to that.
    pub(super) account: Option<(i64, String)>,
}

/// What libpam says.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub(crate) struct Message {
    pub(super) style: String,
    pub(super) text: String,
}

impl Message {
    /// Whether an answer is wanted.
    pub(super) fn is_question(&self) -> bool {
        self.is_hidden() || self.style == "shown"
    }

    /// Whether what is typed is not to be seen.
    pub(super) fn is_hidden(&self) -> bool {
        self.style == "hidden"
    }
}

/// Whoever speaks for the user.
pub(super) trait Speaker {
    /// Hears what is said. A question gets an answer; none hangs up.
    fn hears(&mut self, message: &Message) -> Option<Secret>;
}

/// Answers every question with an empty line.
pub(super) struct Empty;

impl Speaker for Empty {
    fn hears(&mut self, _: &Message) -> Option<Secret> {
        Some(Secret::default())
    }
}

/// Answers nothing: hangs up at the first question, so that nothing comes of it for the user.
pub(super) struct HangsUp;

impl Speaker for HangsUp {
    fn hears(&mut self, _: &Message) -> Option<Secret> {
        None
    }
}

/// Tries it, with the stacks in that folder for as long.
///
/// # Errors
/// `Program` and `Folder`.
pub(super) fn attempt(login: Login<'_>, scratch: &Path, speaker: &mut dyn Speaker) -> Result<Ended, TrialError> {
    lay_out(login.service, login.stack, scratch).map_err(TrialError::Folder)?;
    let failed = |error: io::Error| TrialError::Program(format!("{PROGRAM}: {error}"));
    let mut command = Command::new(PROGRAM);
    let command = command.env_clear().current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
    // A group of its own: keys at the terminal do not stop it, and what a module starts ends with it.
    let mut child = command.stderr(Stdio::null()).process_group(0).spawn().map_err(failed)?;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(TrialError::Program("it has no standard input".into()));
    };
    let heard = within(Duration::from_secs(login.seconds + PATIENCE), &child, || {
        let heard = talk(&login, scratch, (&mut stdin, BufReader::new(stdout)), speaker);
        drop(stdin);
        heard
    });
    end(&child); // it has said all; what a module left behind goes with it
    let status = child.wait().map_err(failed)?;
    heard.map_err(failed)?.ok_or_else(|| TrialError::Program(format!("{PROGRAM} ended with {status} and no answer")))
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
    Message(Message),
    Result { phase: String, code: i64, name: String },
}

#[derive(Serialize)]
struct Answer<'a> {
    reply: Option<&'a Secret>,
}

fn talk(
    login: &Login<'_>,
    folder: &Path,
    (stdin, stdout): (&mut impl Write, impl BufRead),
    speaker: &mut dyn Speaker,
) -> io::Result<Option<Ended>> {
    let variables: &[&str] = if login.has_key { &[KEY_SHOWN] } else { &[] };
    let wanted = Wanted { service: login.service, user: login.user, folder, variables, seconds: login.seconds };
    writeln!(stdin, "{}", serde_json::to_string(&wanted)?)?;
    let (mut questions, mut ended) = (0, None::<Ended>);
    for line in stdout.lines() {
        match serde_json::from_str(&line?)? {
            Heard::Message(message) => {
                let answer = speaker.hears(&message);
                if message.is_question() {
                    questions += 1;
                    send(stdin, answer.filter(|_| questions <= MOST_QUESTIONS).as_ref())?;
                }
            }
            Heard::Result { phase, code, name } if phase == "authenticate" => {
                ended = Some(Ended { questions, code, name, account: None });
            }
            Heard::Result { phase, code, name } => {
                let account = (phase == "account").then_some((code, name));
                ended = ended.map(|ended| Ended { account, ..ended });
            }
        }
    }
    Ok(ended)
}

/// One line with an answer; none hangs up. Room for all of it at once: a buffer that grows leaves copies behind.
fn send(stdin: &mut impl Write, reply: Option<&Secret>) -> io::Result<()> {
    let longest = 6 * reply.map_or(0, |reply| reply.expose().len()) + 32;
    let mut line = Zeroizing::new(Vec::with_capacity(longest));
    serde_json::to_writer(&mut *line, &Answer { reply })?;
    line.push(b'\n');
    stdin.write_all(&line)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;
    use std::os::unix::process::ExitStatusExt;

    const QUESTION: &str = "{\"message\":{\"style\":\"hidden\",\"text\":\"Password: \"}}\n";
    const REFUSED: &str = "{\"result\":{\"phase\":\"authenticate\",\"code\":7,\"name\":\"PAM_AUTH_ERR\"}}\n";

    fn talked(lines: &str, speaker: &mut dyn Speaker) -> (Option<Ended>, String) {
        let login = Login { service: "sshd", user: "alice", stack: "", has_key: false, seconds: 5 };
        let mut said = Vec::new();
        let ended = talk(&login, Path::new("/x"), (&mut said, lines.as_bytes()), speaker).unwrap();
        (ended, String::from_utf8(said).unwrap())
    }

    fn refused(questions: usize) -> Option<Ended> {
        Some(Ended { questions, code: 7, name: "PAM_AUTH_ERR".into(), account: None })
    }

    #[test]
    fn each_question_is_answered_with_nothing_and_texts_are_not() {
        let text = "{\"message\":{\"style\":\"text\",\"text\":\"hello\"}}\n";
        let shown = "{\"message\":{\"style\":\"shown\",\"text\":\"Code: \"}}\n";
        let (ended, said) = talked(&format!("{text}{QUESTION}{shown}{REFUSED}"), &mut Empty);
        assert_eq!(ended, refused(2));
        assert_eq!(said.matches("{\"reply\":\"\"}\n").count(), 2);
        assert_eq!(talked("", &mut Empty).0, None);
    }

    #[test]
    fn whoever_hangs_up_has_answered_nothing() {
        let (ended, said) = talked(&format!("{QUESTION}{REFUSED}"), &mut HangsUp);
        assert_eq!(ended, refused(1));
        assert!(said.ends_with("}\n{\"reply\":null}\n"), "{said}");
    }

    #[test]
    fn whoever_asks_without_end_is_hung_up_on() {
        assert!(talked(&QUESTION.repeat(MOST_QUESTIONS + 1), &mut Empty).1.ends_with("{\"reply\":null}\n"));
    }

    #[test]
    fn an_answer_is_one_line_whatever_is_in_it_and_what_came_of_the_account_is_heard() {
        struct Says;
        impl Speaker for Says {
            fn hears(&mut self, _: &Message) -> Option<Secret> {
                Some("a\"b\\c\n\u{1}é".into())
            }
        }
        let done = "{\"result\":{\"phase\":\"authenticate\",\"code\":0,\"name\":\"PAM_SUCCESS\"}}\n\
                    {\"result\":{\"phase\":\"account\",\"code\":12,\"name\":\"PAM_NEW_AUTHTOK_REQD\"}}\n";
        let (ended, said) = talked(&format!("{QUESTION}{done}"), &mut Says);
        assert_eq!(said.lines().last(), Some("{\"reply\":\"a\\\"b\\\\c\\n\\u0001é\"}"));
        assert_eq!(ended.unwrap().account, Some((12, "PAM_NEW_AUTHTOK_REQD".into())));
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
}
