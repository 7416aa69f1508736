//! What is counted: logins at the daemon's socket, and logins through libpam.

use crate::stage::{Fakes, PERIOD, SERVICE, Stage};
use crate::valgrind::{Count, Counting};
use harness::{Failure, Outcome};
use mfa_proto::login::{ANSWER, Answer, BEGIN, Begin, Next, Outcome as Verdict, Turn};
use mfa_proto::{PROTOCOL, Secret};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Logins of a short run.
pub(crate) const FEW: usize = 10;
/// And of a long one.
pub(crate) const MANY: usize = 50;
/// Seconds after which a wrong code is forgotten.
const FORGOTTEN: u64 = 1800;
/// The service that lets everybody in, beside which the module is put.
const PERMIT: &str = "permit";

/// What ships, and what is put around it.
pub(crate) struct Programs {
    pub(crate) daemon: PathBuf,
    pub(crate) module: PathBuf,
    pub(crate) fakes: Fakes,
}

/// Logins, so many with the right code and so many with a wrong one.
#[derive(Clone, Copy)]
pub(crate) struct Logins {
    pub(crate) right: usize,
    pub(crate) wrong: usize,
}

/// What a daemon executes that lives through these logins of one user at its socket.
pub(crate) fn of_daemon(programs: &Programs, mut stage: Stage, logins: Logins) -> Outcome<Count> {
    let counting = Counting::into(&stage.path(""));
    let daemon = stage.start(&counting.words(), &programs.daemon, &programs.fakes.still())?;
    let phone = stage.enroll(&daemon, "root")?;
    for number in 0..logins.right + logins.wrong {
        let is_right = number < logins.right;
        stage.wait(if is_right { PERIOD } else { FORGOTTEN })?;
        let code = if is_right { stage.code(&phone) } else { stage.wrong_code(&phone) };
        let mut client = daemon.connect()?;
        let begin = Begin {
            protocol: PROTOCOL,
            user: "root".into(),
            service: SERVICE.into(),
            timeout: 120,
            ..Begin::default()
        };
        let _: Turn = client.call(BEGIN, &begin)?;
        let turn: Turn = client.call(ANSWER, &Answer { answer: Secret::new(code) })?;
        let passed = matches!(&turn.next, Next::Done(verdict) if verdict.outcome == Verdict::Pass);
        if passed != is_right {
            return Err(Failure::new(format!("login {number} was answered with {:?}", turn.next)));
        }
    }
    daemon.stop()?;
    counting.read()
}

/// What an application executes that does these logins, each of another user, with the module in its stack; or, without
/// a module, with `pam_permit`.
pub(crate) fn of_application(
    programs: &Programs,
    mut stage: Stage,
    logins: Logins,
    with_module: bool,
) -> Outcome<Count> {
    let daemon = stage.start(&[], &programs.daemon, &programs.fakes.usual())?;
    let mut words = Vec::new();
    for number in 0..logins.right + logins.wrong {
        let name = format!("ghost{}", number + 1);
        let phone = stage.enroll(&daemon, &name)?;
        let is_right = number < logins.right;
        let code = if is_right { stage.code(&phone) } else { stage.wrong_code(&phone) };
        words.extend([name, code, if is_right || !with_module { "in" } else { "out" }.to_owned()]);
    }
    lay_out_stacks(&stage, &programs.module)?;
    let counting = Counting::into(&stage.path(""));
    let own = std::env::current_exe()?.display().to_string();
    let service = if with_module { SERVICE } else { PERMIT };
    let stacks = stage.path("stacks").display().to_string();
    let application = counting.words().into_iter().chain([own, "application".into(), stacks, service.into()]);
    let ended = in_place(&stage, application.chain(words)).status()?;
    if !ended.success() {
        return Err(Failure::new(format!("the application ended with {ended}")));
    }
    daemon.stop()?;
    counting.read()
}

fn lay_out_stacks(stage: &Stage, module: &Path) -> Outcome {
    std::fs::create_dir(stage.path("stacks"))?;
    let stack = |service: &str, line: String| std::fs::write(stage.path("stacks").join(service), line + "\n");
    stack(SERVICE, format!("auth required {}", module.display()))?;
    stack(PERMIT, "auth required pam_permit.so".into())?;
    Ok(stack("other", "auth required pam_deny.so".into())?)
}

/// With the daemon's sockets in `/run/mfa` and its log in `/dev/log`, for that program alone.
fn in_place(stage: &Stage, words: impl Iterator<Item = String>) -> Command {
    let script = "set -e\n\
        mount -t tmpfs none /run && mkdir /run/mfa && mount --bind \"$1/run\" /run/mfa\n\
        mount -t tmpfs none /dev && ln -s \"$1/log\" /dev/log\n\
        shift && exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", script, "sh"]).arg(stage.path(""));
    command.args(words);
    command
}
