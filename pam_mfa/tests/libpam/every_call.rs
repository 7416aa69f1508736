//! Every system call of a login made to fail in turn, and every allocation: from the first hook to `pam_end`, in the
//! stacks that people write, a right one or not. Whoever gets in was let in by the daemon, or by a code from the safe.

use crate::break_glass;
use crate::daemon::{Act, act, asks, ends, says_and_ends};
use crate::result::*;
use crate::stage::{LogReader, RECOMMENDED, Stage};
use mfa_proto::frame::encode_reply;
use mfa_proto::login::{Due, Outcome};
use std::cell::Cell;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixListener;
use std::process::{Child, ChildStdout, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;

const ENOENT: i32 = 2;
const EINTR: i32 = 4;
const EIO: i32 = 5;
const ENOMEM: i32 = 12;
const EACCES: i32 = 13;
const EMFILE: i32 = 24;

const PASSWORD: &str = "typed=hunter2";
const RIGHT: &str = "typed=492817";
const WRONG: &str = "typed=000000";

/// The last one is what Debian makes of its `common-auth` with our profile.
const STACKS: [&str; 5] = [
    "auth required PASSWORD hunter2\nauth required MODULE OPTIONS",
    "auth requisite PASSWORD hunter2\nauth requisite MODULE OPTIONS",
    "auth requisite PASSWORD hunter2\nauth sufficient MODULE OPTIONS\nauth required pam_deny.so",
    "auth required PASSWORD hunter2\nauth [success=1 default=ignore] MODULE OPTIONS\nauth requisite pam_deny.so\n\
     auth required pam_permit.so",
    "auth [success=1 default=ignore] PASSWORD hunter2\nauth requisite pam_deny.so\nauth required pam_permit.so\nRECOMMENDED \
     OPTIONS",
];

/// The stack of `account`, in which a module that is ignored lets in.
const ACCOUNT: &str = "account required pam_permit.so\naccount [success=ok ignore=ignore default=die] MODULE";

/// What fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Nothing,
    /// One system call, with that error.
    Call(i32),
    /// And all that follow.
    Calls(i32),
    /// One that moves bytes moves none and says so many.
    Moved(i32),
    /// One allocation.
    Memory,
    /// And all that follow.
    Memories,
}

/// How a login ended.
#[derive(Debug)]
struct Ended {
    auth: Option<i32>,
    account: Option<i32>,
    calls: usize,
    allocations: usize,
    /// What failed, if it did: a system call by its number, or memory (0).
    failed: Option<i32>,
    signal: i32,
    /// How often somebody was let in or not asked, in the daemon's word.
    let_in: usize,
}

/// A daemon, and an application that logs people in at it.
struct World {
    _log: LogReader,
    stage: Stage,
    let_in: Arc<AtomicUsize>,
    application: Child,
    answers: BufReader<ChildStdout>,
}

impl World {
    fn new(is_daemon_up: bool) -> Self {
        let stage = Stage::new();
        let let_in = Arc::new(AtomicUsize::new(0));
        if is_daemon_up {
            let (listener, let_in) = (UnixListener::bind(stage.root_socket()).unwrap(), Arc::clone(&let_in));
            thread::spawn(move || decide_for_all(&listener, &let_in));
        }
        let (application, answers) = start(&stage);
        Self { _log: stage.read_the_log(), stage, let_in, application, answers }
    }

    /// The application anew, which finds what is around it by now.
    fn start_again(&mut self) {
        self.end();
        (self.application, self.answers) = start(&self.stage);
    }

    fn end(&mut self) {
        let _ = self.application.kill();
        let _ = self.application.wait();
    }

    fn stack(&self, stack: &str, options: &str) {
        let stack = stack.replace("RECOMMENDED", RECOMMENDED).replace("OPTIONS", options);
        self.stage.stack("sshd", &format!("{stack}\n{ACCOUNT}"));
    }

    /// Logs in while the `number`th of its kind fails.
    fn log_in(&mut self, user: &str, steps: &[&str], fault: Fault, number: usize) -> Ended {
        let before = self.let_in.load(SeqCst);
        let (kind, value) = match fault {
            Fault::Nothing => ("none", 0),
            Fault::Call(errno) => ("call", errno),
            Fault::Calls(errno) => ("calls", errno),
            Fault::Moved(bytes) => ("result", bytes),
            Fault::Memory => ("memory", 0),
            Fault::Memories => ("memories", 0),
        };
        let words = ["sshd", user, kind, &number.to_string(), &value.to_string()].join("\t");
        let line = format!("{words}\t{}\n", steps.join("\t"));
        self.application.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        let said = |name: &str| answer.split_whitespace().find_map(|word| word.strip_prefix(name)?.parse::<i32>().ok());
        let count = |name| usize::try_from(said(name).unwrap()).unwrap();
        Ended {
            auth: said("auth="),
            account: said("account="),
            calls: count("calls="),
            allocations: count("allocations="),
            failed: said("failed=").filter(|number| *number >= 0),
            signal: said("ended=").unwrap_or_else(|| panic!("the application is gone: {answer:?}")),
            let_in: self.let_in.load(SeqCst) - before,
        }
    }

    /// The same for each of its kind in turn, until there is none left to fail. Says how often it did.
    fn each(&mut self, user: &str, steps: &[&str], fault: Fault, judge: impl Fn(&mut Self, &Ended)) -> usize {
        let mut failed = 0;
        for number in 1.. {
            let ended = self.log_in(user, steps, fault, number);
            judge(self, &ended);
            failed += usize::from(ended.failed.is_some());
            let is_memory = matches!(fault, Fault::Memory | Fault::Memories);
            let last = if is_memory { ended.allocations } else { ended.calls };
            if ended.failed.is_none() && number > last {
                break;
            }
        }
        failed
    }
}

/// Whoever got in was let in, and no process was killed.
fn fair(ended: &Ended, fault: Fault) {
    let got_in = [ended.auth, ended.account].contains(&Some(SUCCESS));
    assert!(!got_in || ended.let_in > 0, "{fault:?}: {ended:?}");
    assert_eq!(ended.signal, 0, "{fault:?}: {ended:?}");
}

impl Drop for World {
    fn drop(&mut self) {
        self.end();
    }
}

fn start(stage: &Stage) -> (Child, BufReader<ChildStdout>) {
    let mut application = stage.run("failing").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let answers = BufReader::new(application.stdout.take().unwrap());
    (application, answers)
}

/// The daemon: alice has a code, newcomer needs one and has none, exempt needs none.
fn decide_for_all(listener: &UnixListener, let_in: &Arc<AtomicUsize>) {
    for stream in listener.incoming() {
        let let_in = Arc::clone(let_in);
        thread::spawn(move || {
            let mut wrong = 0;
            act(stream.unwrap(), |request| decide(request, &mut wrong, &let_in));
        });
    }
}

fn decide(request: &str, wrong: &mut usize, let_in: &AtomicUsize) -> Act {
    let lets = |outcome| {
        let_in.fetch_add(1, SeqCst);
        ends(outcome)
    };
    let is = |text: &str| request.contains(text);
    if is("Login.Due") {
        Act::Raw(encode_reply(&Due { due: true, digits: vec![6] }).unwrap().to_vec())
    } else if is(r#""user":"exempt""#) {
        lets(Outcome::Skipped)
    } else if is(r#""user":"newcomer""#) || is(r#""phase":"account""#) {
        says_and_ends("You have no second factor.", Outcome::Denied)
    } else if is("Login.Begin") {
        asks()
    } else if is(r#"{"answer":"492817"}"#) {
        lets(Outcome::Pass)
    } else {
        *wrong += 1;
        if *wrong < 3 { asks() } else { ends(Outcome::Denied) }
    }
}

/// What is done at each login, and what comes of it if nothing fails, in the stack of Debian.
const LOGINS: [(&str, &[&str], i32); 4] = [
    ("alice", &[PASSWORD, RIGHT, "auth", "account"], SUCCESS),
    ("alice", &[PASSWORD, WRONG, WRONG, WRONG, "auth", "account"], AUTH_ERR),
    ("newcomer", &[PASSWORD, "auth", "account"], AUTH_ERR),
    ("exempt", &[PASSWORD, "auth", "account"], SUCCESS),
];

#[test]
fn whatever_system_call_fails_nobody_gets_in_whom_the_daemon_has_not_let_in() {
    let mut world = World::new(true);
    for stack in STACKS {
        world.stack(stack, "timeout=20 exempt=success");
        for (user, steps, _) in LOGINS {
            let fault = Fault::Call(EIO);
            let failed = world.each(user, steps, fault, |_, ended| fair(ended, fault));
            assert!(failed > 40, "{failed} calls of {user}'s in {stack}");
        }
    }
}

#[test]
fn whatever_error_a_call_has_and_whatever_it_claims_to_have_moved_nobody_gets_in_by_it() {
    let mut world = World::new(true);
    world.stack(STACKS[4], "timeout=20");
    for (user, steps, result) in LOGINS {
        assert_eq!(world.log_in(user, steps, Fault::Nothing, 0).auth, Some(result));
    }
    for fault in [ENOENT, EINTR, ENOMEM, EACCES, EMFILE].map(Fault::Call) {
        for (user, steps, _) in &LOGINS[..2] {
            world.each(user, steps, fault, |_, ended| fair(ended, fault));
        }
    }
    for fault in [Fault::Calls(EIO), Fault::Calls(EMFILE), Fault::Moved(0), Fault::Moved(1)] {
        for (user, steps, _) in &LOGINS[..2] {
            assert_ne!(world.each(user, steps, fault, |_, ended| fair(ended, fault)), 0);
        }
    }
}

#[test]
fn logins_that_only_account_has_seen_are_as_sure() {
    let mut world = World::new(true);
    world.stack(STACKS[4], "");
    for (user, result) in [("exempt", SUCCESS), ("alice", AUTH_ERR)] {
        assert_eq!(world.log_in(user, &["account"], Fault::Nothing, 0).account, Some(result));
        for fault in [EIO, ENOENT, EINTR].map(Fault::Call) {
            world.each(user, &["account"], fault, |_, ended| fair(ended, fault));
        }
    }
}

#[test]
fn unavailable_allow_lets_in_when_the_kernel_says_that_nothing_listens_and_by_no_other_failure() {
    const CONNECT: Option<i32> = Some(42);
    let mut world = World::new(true);
    world.stack(STACKS[4], "timeout=20 unavailable=allow");
    let let_in = Cell::new(0);
    for errno in [ENOENT, EIO, EACCES, EMFILE] {
        let fault = Fault::Call(errno);
        world.each("alice", &[PASSWORD, WRONG, WRONG, WRONG, "auth"], fault, |_, ended| {
            let nothing_listens = errno == ENOENT && ended.failed == CONNECT;
            assert!(ended.auth != Some(SUCCESS) || nothing_listens, "{fault:?}: {ended:?}");
            let_in.set(let_in.get() + usize::from(nothing_listens));
        });
    }
    assert_ne!(let_in.get(), 0);
}

#[test]
fn where_the_daemon_is_down_whatever_fails_only_a_code_that_is_struck_out_lets_in() {
    let mut world = World::new(false);
    world.stack(STACKS[4], "");
    for fault in [EIO, ENOENT].map(Fault::Call) {
        world.each("alice", &[PASSWORD, RIGHT, "auth"], fault, |_, ended| fair(ended, fault));
    }
    let code = break_glass::safe_of(&world.stage, 1).remove(0).replace("reply=", "typed=");
    // With the safe there is another /etc, into which the application moves when it starts.
    world.start_again();
    for (typed, is_right) in [(code.as_str(), true), (WRONG, false)] {
        for fault in [EIO, EINTR, EMFILE].map(Fault::Call) {
            world.each("alice", &[PASSWORD, typed, typed, typed, "auth", "account"], fault, |world, ended| {
                let struck = break_glass::unused(&world.stage) == 0;
                assert!(ended.signal == 0 && (ended.auth != Some(SUCCESS) || (struck && is_right)), "{ended:?}");
                break_glass::safe_of(&world.stage, 1);
            });
        }
    }
}

#[test]
fn what_fails_between_the_lines_around_a_password_lets_nobody_in() {
    let mut world = World::new(true);
    let stack = "auth requisite MODULE OPTIONS combined=split\nauth required PASSWORD hunter2\nauth requisite MODULE \
                 OPTIONS combined=verify";
    world.stack(stack, "timeout=20");
    for (line, result) in [("typed=hunter2492817", SUCCESS), ("typed=hunter2000000", AUTH_ERR)] {
        assert_eq!(world.log_in("alice", &[line, "auth"], Fault::Nothing, 0).auth, Some(result));
        for fault in [EIO, ENOENT, EINTR].map(Fault::Call) {
            world.each("alice", &[line, "auth", "account", "setcred"], fault, |_, ended| fair(ended, fault));
        }
    }
}

#[test]
fn whatever_memory_is_refused_nobody_gets_in_by_it_and_no_program_is_aborted() {
    let mut world = World::new(true);
    for stack in STACKS {
        world.stack(stack, "timeout=20");
        for (fault, (user, steps, _)) in
            [(Fault::Memory, LOGINS[0]), (Fault::Memories, LOGINS[0]), (Fault::Memory, LOGINS[1])]
        {
            let failed = world.each(user, steps, fault, |_, ended| fair(ended, fault));
            assert!(failed > 40, "{failed} allocations of {user}'s in {stack}");
        }
    }
}
