//! How long the daemon is waited for: by the stack, by an enrollment, by a touch.

use super::*;
use crate::stand_in::{Act, Daemon};
use mfa_proto::Secret;
use mfa_proto::login::{Next, Prompt};

const SHORT: Duration = Duration::from_millis(100);

fn asks(patience: Option<u32>) -> Act {
    let prompt = Prompt { text: "Verification code: ".into(), echo: false };
    Act::Reply(Turn { say: vec![], next: Next::Ask(prompt), patience })
}

/// A person who is still typing when the time the stack gives is over.
fn after_the_timeout(patience: Option<u32>) -> (bool, Result<Turn, CallError>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let daemon = Daemon::playing(&socket, vec![asks(patience), Act::Silence]);
    let mut link = Link::open(&socket, SHORT).unwrap();
    link.begin(&Begin::default()).unwrap();
    while link.opened.elapsed() <= SHORT {
        std::hint::spin_loop();
    }
    let (late, answered) = (link.is_late(), link.answer(&Answer { answer: Secret::from("492817") }));
    drop(link);
    daemon.requests();
    (late, answered)
}

#[test]
fn somebody_who_enrolls_has_longer_than_the_stack_says_but_the_daemon_has_not() {
    assert!(matches!(after_the_timeout(None), (true, Err(CallError::TimedOut))));
    assert!(matches!(after_the_timeout(Some(600)), (false, Err(CallError::TimedOut))));
}

#[test]
fn patience_has_an_end_and_never_shortens() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let timeout = Duration::from_secs(60);
    let daemon = Daemon::playing(&socket, vec![asks(Some(u32::MAX)), asks(Some(1))]);
    let mut link = Link::open(&socket, timeout).unwrap();
    link.begin(&Begin::default()).unwrap();
    let longest = link.opened + Duration::from_secs(LONGEST_LOGIN.into());
    assert_eq!(link.deadline, longest);
    link.answer(&Answer { answer: Secret::from("") }).unwrap();
    assert_eq!(link.deadline, longest);
    drop(link);
    daemon.requests();
}

#[test]
fn a_touch_is_waited_for_no_longer_than_the_whole_login_has() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let waits = Act::Reply(Turn { say: vec![], next: Next::Wait { at_most: u32::MAX }, patience: None });
    let daemon = Daemon::playing(&socket, vec![waits, Act::Silence]);
    let mut link = Link::open(&socket, SHORT).unwrap();
    link.begin(&Begin::default()).unwrap();
    assert!(matches!(link.wait(u32::MAX), Err(CallError::TimedOut)));
    assert!(link.is_late());
    drop(link);
    daemon.requests();
}
