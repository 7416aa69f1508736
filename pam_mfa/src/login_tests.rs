//! A dialog as the module plays it: what is shown, what is asked, what is sent.

use super::*;
use crate::args::{Line, Options};
use crate::stand_in::*;
use std::time::Duration;

fn played(script: Vec<Act>, application: &mut Application) -> (Result<Ended, LoginError>, Vec<String>) {
    played_in_turn(vec![script], application)
}

/// With a daemon that is restarted after each script.
fn played_in_turn(scripts: Vec<Vec<Act>>, application: &mut Application) -> (Result<Ended, LoginError>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let daemon = Daemon::restarted(&socket, scripts);
    let options = Options::parse(&[], Line::Auth).unwrap();
    let begin = context::gather(application, Phase::Auth, &options).unwrap();
    let mut link = Link::open(&socket, Duration::from_secs(20)).unwrap();
    let ended = play(application, &mut link, &begin, (Answers::Asked, false));
    drop(link);
    (ended, daemon.requests())
}

#[test]
fn what_is_said_before_a_question_is_shown_with_it() {
    let mut application = Application::sshd().typing(&["1", "2"]);
    let script = vec![asks(), says_and_asks("That code was just used (not counted)."), ends(Outcome::Pass)];
    let (ended, _) = played(script, &mut application);
    assert!(matches!(ended.unwrap().decision, Decision::Passed(_)));
    assert!(application.shown.is_empty());
    assert_eq!(application.asked[1].0[0].text, "That code was just used (not counted).");
}

#[test]
fn waiting_shows_what_is_said_and_calls_wait() {
    let wait = Act::Reply(Turn {
        say: vec![Note { style: Style::Info, text: "Touch your key".into() }],
        next: Next::Wait { at_most: 15 },
        patience: None,
    });
    let mut application = Application::sshd();
    let (ended, requests) = played(vec![wait, ends(Outcome::Pass)], &mut application);
    assert!(matches!(ended.unwrap().decision, Decision::Passed(_)));
    assert_eq!(application.shown[0].text, "Touch your key");
    assert!(requests[1].contains("io.mfa.Login.Wait"));
}

#[test]
fn nobody_is_waited_for_in_the_account_phase() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("mfa.sock");
    let wait = Act::Reply(Turn { say: vec![], next: Next::Wait { at_most: 15 }, patience: None });
    let daemon = Daemon::playing(&socket, vec![wait, ends(Outcome::Pass)]);
    let options = Options::parse(&[], Line::Account).unwrap();
    let mut application = Application::sshd();
    let begin = context::gather(&application, Phase::Account, &options).unwrap();
    let mut link = Link::open(&socket, Duration::from_secs(20)).unwrap();
    let ended = play(&mut application, &mut link, &begin, (Answers::Asked, false));
    assert!(matches!(ended, Err(LoginError::AskedInAccount)), "{ended:?}");
    drop(link);
    assert_eq!(daemon.requests().len(), 1);
}

#[test]
fn a_daemon_that_always_has_somebody_waited_for_is_given_up() {
    let wait = || Act::Reply(Turn { say: vec![], next: Next::Wait { at_most: 1 }, patience: None });
    let (ended, _) = played((0..150).map(|_| wait()).collect(), &mut Application::sshd());
    assert!(matches!(ended, Err(LoginError::Endless)), "{ended:?}");
}

#[test]
fn a_password_typed_at_the_prompt_stays_here_and_the_question_is_asked_once_more() {
    let mut application = Application::sshd().typing(&["hunter2", "492817"]);
    application.password = Some("hunter2".into());
    let (ended, requests) = played(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert!(matches!(ended.unwrap().decision, Decision::Passed(_)));
    assert_eq!(application.prompts(), [CODE, "That was your password. Verification code: "]);
    assert_eq!(requests.len(), 2, "no round trip for it");
    assert!(requests.iter().all(|request| !request.contains("hunter2")));
}

#[test]
fn a_program_that_answers_everything_with_the_password_is_refused_and_sends_nothing() {
    let mut application = Application::sshd().typing(&["hunter2", "hunter2", "492817"]);
    application.password = Some("hunter2".into());
    let (ended, requests) = played(vec![asks(), ends(Outcome::Pass)], &mut application);
    assert!(matches!(ended, Err(LoginError::PasswordAgain)), "{ended:?}");
    assert_eq!((requests.len(), application.asked.len()), (1, 2));
}

#[test]
fn the_password_is_let_pass_unsent_once_a_login_and_not_once_a_question() {
    let mut application = Application::sshd().typing(&["hunter2", "000000", "hunter2", "492817"]);
    application.password = Some("hunter2".into());
    let (ended, requests) = played(vec![asks(), asks(), ends(Outcome::Pass)], &mut application);
    assert!(matches!(ended, Err(LoginError::PasswordAgain)), "{ended:?}");
    assert!(requests.iter().all(|request| !request.contains("hunter2")));
}

#[test]
fn a_dialog_without_end_is_left() {
    let mut application = Application::sshd();
    application.replies = (0..1000).map(|n: u32| Ok(n.to_string())).collect();
    let (ended, requests) = played((0..1000).map(|_| asks()).collect(), &mut application);
    assert!(matches!(ended, Err(LoginError::Endless)), "{ended:?}");
    assert!(requests.len() <= MOST_TURNS + 1);
}

#[test]
fn an_error_never_holds_the_answer() {
    let mut application = Application::sshd().typing(&["sup3rs3cret"]);
    let junk = Act::Raw(b"sup3rs3cret\0".to_vec());
    let (ended, _) = played(vec![asks(), junk], &mut application);
    let error = ended.unwrap_err();
    assert!(!format!("{error} {error:?}").contains("sup3rs3cret"));
}

#[test]
fn a_code_typed_while_the_daemon_was_restarted_counts_and_is_not_asked_for_again() {
    for first in [Act::ReplyDeaf(question()), asks()] {
        let mut application = Application::sshd().typing(&["492817"]);
        let scripts = vec![vec![first], vec![asks(), ends(Outcome::Pass)]];
        let (ended, requests) = played_in_turn(scripts, &mut application);
        assert!(matches!(ended.unwrap().decision, Decision::Passed(_)));
        assert_eq!(application.prompts().len(), 1);
        let answers = requests.iter().filter(|request| request.contains("492817"));
        assert!((1..=2).contains(&answers.count()), "{requests:?}");
    }
}

#[test]
fn what_was_typed_is_the_answer_to_no_other_question() {
    let other = || says_and_asks("Security keys are not plugged in.");
    let mut application = Application::sshd().typing(&["492817", "118203"]);
    let scripts = vec![vec![Act::ReplyDeaf(question())], vec![other(), ends(Outcome::Pass)]];
    let (ended, requests) = played_in_turn(scripts, &mut application);
    assert!(matches!(ended.unwrap().decision, Decision::Passed(_)));
    assert_eq!(application.prompts().len(), 2);
    assert!(!requests.concat().contains("492817"));
}

#[test]
fn a_daemon_that_hangs_up_again_and_again_is_called_twice_and_lets_nobody_in() {
    let mut application = Application::sshd().typing(&["492817", "492817", "492817"]);
    let scripts = vec![vec![asks(), Act::HangUp], vec![asks(), Act::HangUp]];
    let (ended, _) = played_in_turn(scripts, &mut application);
    assert!(matches!(ended, Err(LoginError::Daemon(CallError::HungUp))));
    assert_eq!(application.prompts().len(), 1);

    let mut application = Application::sshd();
    let (ended, requests) = played_in_turn(vec![vec![Act::HangUp], vec![Act::HangUp]], &mut application);
    assert!(matches!(ended, Err(LoginError::Daemon(CallError::HungUp))));
    assert_eq!(requests.len(), 2);
}
