//! The application that is counted: it logs people in through libpam, as sshd would, one after the other.

use harness::{Failure, Outcome};
use mfa_proto::Secret;
use mfa_try_pam::{Login, Message, Reply, SUCCESS, Talk};
use std::path::Path;

/// `count application STACKS SERVICE [NAME CODE in|out]…`: whether each of them gets in or not, as it is said.
pub(crate) fn run(words: &[String]) -> Outcome {
    let [stacks, service, people @ ..] = words else { return Err(Failure::new("no stacks and no service")) };
    for person in people.chunks_exact(3) {
        let [name, code, end] = person else { continue };
        let mut login = Login::start(service, name, Some(Path::new(stacks)), Script(Some(code.as_str().into())))?;
        let result = login.authenticate();
        if (result == SUCCESS) != (end == "in") {
            return Err(Failure::new(format!("libpam answered {result} to {name}, who was to be {end}")));
        }
    }
    Ok(())
}

/// One code, and no second one.
struct Script(Option<Secret>);

impl Talk for Script {
    fn said(&mut self, message: Message<'_>) -> Reply {
        if message.style.is_question() { self.0.take().map_or(Reply::HangUp, Reply::Text) } else { Reply::Nothing }
    }
}
