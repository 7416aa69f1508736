//! `pam_mfa.so`: a terminal between the user and the daemon, inside whatever program asks PAM.
//!
//! It asks what the daemon asks, says what the daemon says, and turns the daemon's verdict into a PAM code. No secret,
//! no policy and no factor is in it, but one: where the daemon cannot decide, a code from the safe. It starts no thread,
//! prints nothing and reads no environment. Between two hooks it keeps with libpam one line about whom `auth` has passed,
//! between the two lines around a password the code that stood behind it, and nothing else.
//!
//! Refusing is what happens when anything is wrong: an option, a name, the daemon, the conversation, the time, or the
//! module itself.

#![deny(unsafe_code)]
#![deny(clippy::indexing_slicing, clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![deny(clippy::print_stdout, clippy::print_stderr, clippy::arithmetic_side_effects, clippy::unreachable)]

mod args;
mod break_glass;
mod combined;
mod context;
mod earlier;
mod failure;
#[allow(unsafe_code, reason = "libpam is C; this folder holds all of it")]
mod ffi;
#[cfg(feature = "fuzz")]
pub mod fuzz;
mod host;
mod journal;
mod link;
mod login;
mod verdict;

use args::{Combined, Line, Options};
use context::PublickeyShown;
use earlier::Recalled;
use failure::Failure;
use host::{Host, Level};
use link::{Link, Unreached};
use login::{Answers, Decision, Ended};
use mfa_proto::login::{self as wire, Begin, Note, Phase, Style};
use std::path::Path;
use verdict::{AccountPass, Code};

/// What libpam passes to a hook besides its handle.
struct Call {
    /// The options behind the module's name in the stack.
    arguments: Vec<String>,
    /// `PAM_SILENT`: show no text. Prompts are shown.
    silent: bool,
}

/// One login, as far as it is known before the daemon is asked.
struct Attempt<'a> {
    socket: &'a Path,
    /// Where break-glass codes are, if this process may look.
    codes: Option<&'a Path>,
    options: Options,
    begin: Begin,
    silent: bool,
}

/// What the module works with outside of its process.
struct Places<'a> {
    socket: &'a Path,
    codes: Option<&'a Path>,
}

impl Places<'static> {
    /// Those of this process.
    fn usual() -> Self {
        Self { socket: link::socket(), codes: break_glass::folder() }
    }
}

/// `pam_sm_authenticate`: asks for the second factor.
fn authenticate(host: &mut dyn Host, call: &Call) -> Code {
    auth(&Places::usual(), host, call)
}

/// `pam_sm_acct_mgmt`: lets pass whom `auth` has let pass, and decides about those it has not seen.
fn acct_mgmt(host: &mut dyn Host, call: &Call) -> Code {
    account(&Places::usual(), host, call)
}

/// `pam_sm_setcred`: nothing to do, but to say that a stack is not what it should be.
fn setcred(host: &mut dyn Host, call: &Call) -> Code {
    if Options::parse(&call.arguments, Line::Auth).is_ok_and(|options| options.combined == Some(Combined::Split)) {
        combined::look_for_verify(host);
    }
    Code::NO_CREDENTIALS
}

fn auth(places: &Places<'_>, host: &mut dyn Host, call: &Call) -> Code {
    earlier::forget(host);
    decide_auth(places, host, call).unwrap_or_else(|failure| refuse(host, call, &failure))
}

fn account(places: &Places<'_>, host: &mut dyn Host, call: &Call) -> Code {
    decide_account(places, host, call).unwrap_or_else(|failure| refuse(host, call, &failure))
}

fn decide_auth(places: &Places<'_>, host: &mut dyn Host, call: &Call) -> Result<Code, Failure> {
    let options = Options::parse(&call.arguments, Line::Auth)?;
    if options.combined == Some(Combined::Split) {
        // No word for `account`: nobody has passed yet.
        return combined::split(host, places.socket, &options).map(Code::parted);
    }
    let key = if options.require_publickey { Some(context::publickey(host)?) } else { None };
    let mut begin = context::gather(host, Phase::Auth, &options)?;
    let answers = match options.combined {
        Some(_) => Answers::Typed(combined::taken(host, &begin.user)?),
        None => Answers::Asked,
    };
    // Whoever can be asked once cannot be asked for a code from the safe.
    let codes = places.codes.filter(|_| options.combined.is_none());
    (begin.combined, begin.silent) = (stood_behind(&answers), call.silent);
    let attempt = Attempt { socket: places.socket, codes, options, begin, silent: call.silent };
    let code = match consult(host, &attempt, answers, key) {
        Err(why) if why.is_no_decision() => Code::broken_glass(break_glass::instead(host, &attempt, why)?),
        decided => decided?,
    };
    if let Some(how) = code.lets_pass() {
        earlier::remember(host, how, &attempt.begin.user);
    }
    Ok(code)
}

fn stood_behind(answers: &Answers) -> Option<wire::Combined> {
    match answers {
        Answers::Asked => None,
        Answers::Typed(Some(_)) => Some(wire::Combined::Code),
        Answers::Typed(None) => Some(wire::Combined::Nothing),
    }
}

fn decide_account(places: &Places<'_>, host: &mut dyn Host, call: &Call) -> Result<Code, Failure> {
    let options = Options::parse(&call.arguments, Line::Account)?;
    if let Some(proof) = context::not_sshd(host)? {
        // Having a say would stop cron, root's su and sudo without a password, which run `account` and cannot ask.
        journal::notice(host, "an account line is for pam.d/sshd only; it has no say here and should be removed");
        return Ok(Code::account(AccountPass::NotSshd(proof)));
    }
    match earlier::recall(host, &context::user(host)?) {
        Recalled::Same(earlier) => return Ok(Code::account(AccountPass::Earlier(earlier))),
        Recalled::Other => return Err(Failure::UserChanged),
        Recalled::Nothing => {}
    }
    let begin = context::gather(host, Phase::Account, &options)?;
    // Nobody can be asked here, so no break-glass code counts.
    let attempt = Attempt { socket: places.socket, codes: None, options, begin, silent: call.silent };
    consult(host, &attempt, Answers::Asked, None)
}

/// Asks the daemon, and plays its dialog to the user.
fn consult(
    host: &mut dyn Host,
    attempt: &Attempt<'_>,
    answers: Answers,
    key: Option<PublickeyShown>,
) -> Result<Code, Failure> {
    let options = &attempt.options;
    let mut link = match Link::open(attempt.socket, options.timeout) {
        Ok(link) => link,
        Err(unreached) => return without_daemon(host, unreached, options),
    };
    journal::debug(host, options.debug, "connected to the mfa daemon");
    let ended = login::play(host, &mut link, &attempt.begin, (answers, attempt.silent))?;
    if matches!(ended.decision, Decision::Broken) {
        return Err(Failure::Broken(ended.reason));
    }
    report(host, options, &ended);
    Ok(verdict::of(ended.decision, options.exempt_succeeds(), key))
}

fn without_daemon(host: &mut dyn Host, unreached: Unreached, options: &Options) -> Result<Code, Failure> {
    match (unreached, options.unavailable_allowed()) {
        (Unreached::NothingListens(proof), Some(allowed)) => {
            journal::unguarded(host);
            Ok(Code::unguarded(proof, allowed))
        }
        (unreached, _) => Err(unreached.into()),
    }
}

/// The daemon has its own record; here is the line that the application's log has.
fn report(host: &dyn Host, options: &Options, ended: &Ended) {
    let reason = &ended.reason;
    match ended.decision {
        Decision::Passed(_) => journal::debug(host, options.debug, &format!("passed ({reason})")),
        Decision::Skipped(_) | Decision::Remembered(_) => {
            journal::debug(host, options.debug, &format!("not asked ({reason})"))
        }
        Decision::Denied => journal::refused(host, Level::Notice, reason),
        Decision::Broken => journal::refused(host, Level::Error, reason),
    }
}

fn refuse(host: &mut dyn Host, call: &Call, failure: &Failure) -> Code {
    journal::refused(host, failure.level(), &failure.to_string());
    if let Some(text) = failure.for_user().filter(|_| !call.silent) {
        host.show(&[Note { style: Style::Error, text }]);
    }
    verdict::of_failure(failure)
}

#[cfg(any(test, feature = "fuzz"))]
#[cfg_attr(not(test), allow(dead_code, unused_imports, reason = "the tests need more of it"))]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "never in what ships")]
mod stand_in;
#[cfg(test)]
#[path = "lib_tests.rs"]
mod tests;
