//! What is tried, in whose name, and what of its outcome stops a setup.

use super::*;
use crate::setup::try_pam::Message;
use std::cell::RefCell;

fn ended(questions: usize, code: i64) -> Ended {
    Ended { questions, code, name: "NAME".into(), account: None }
}

fn trial(service: &str) -> Trial {
    let stack = "@include common-auth\nauth required pam_mfa.so\n".to_owned();
    Trial { stands_for: service.into(), stack, account: "alice".into() }
}

/// Tries it where the policy does that and each login ends so: in whose names, and what is said to a question.
fn tried(treats: Treats, outcome: &Ended) -> (Result<(), TrialError>, Vec<(String, bool)>) {
    let said = RefCell::new(Vec::new());
    let question = Message { style: "hidden".into(), text: "?".into() };
    let attempt = |login: Login<'_>, speaker: &mut dyn Speaker| {
        said.borrow_mut().push((login.user.to_owned(), speaker.hears(&question).is_some()));
        Ok(outcome.clone())
    };
    let result = refuses(&trial("sshd"), &|_, _| treats, &attempt);
    (result, said.into_inner())
}

#[test]
fn a_refusal_is_a_decision_and_what_is_broken_is_not() {
    for refusal in [6, 7, 10, 11] {
        assert!(judge("sshd", &ended(0, refusal), true).is_ok(), "{refusal}");
    }
    for broken in [2, 4, 26, 28] {
        assert!(matches!(judge("sshd", &ended(0, broken), false), Err(TrialError::Broken { .. })), "{broken}");
    }
    assert!(matches!(judge("sshd", &ended(0, UNAVAILABLE), true), Err(TrialError::Broken { .. })));
    assert!(judge("sshd", &ended(0, UNAVAILABLE), false).is_ok());
    assert!(matches!(judge("sshd", &ended(0, 0), false), Err(TrialError::LetsIn { .. })));
}

#[test]
fn nothing_begins_for_whom_it_is_tried() {
    let alice = |answers| ("alice".to_owned(), answers);
    let nobody = || (NOBODY.to_owned(), true);
    let names = |treats| tried(treats, &ended(1, 7)).1;
    assert_eq!(names(Treats::Demands), [alice(true), alice(true)]);
    assert_eq!(names(Treats::Otherwise), [alice(true), alice(true)]);
    // Who is offered to enroll hangs up, and whose days of grace would begin does not come.
    assert_eq!(names(Treats::Offers), [nobody(), alice(false)]);
    assert_eq!(names(Treats::MayBegin), [nobody(), nobody()]);
}

#[test]
fn whom_the_policy_asks_or_has_enroll_our_line_must_ask_or_refuse() {
    let of = |treats, outcome| tried(treats, &outcome).0;
    for treats in [Treats::Demands, Treats::Offers] {
        assert!(matches!(of(treats, ended(0, NOTHING_SAID)), Err(TrialError::AsksNothing { .. })), "{treats:?}");
        assert!(of(treats, ended(0, 7)).is_ok() && of(treats, ended(1, 19)).is_ok(), "{treats:?}");
    }
    for treats in [Treats::MayBegin, Treats::Otherwise] {
        assert!(of(treats, ended(0, NOTHING_SAID)).is_ok(), "{treats:?}");
        assert!(matches!(of(treats, ended(0, 0)), Err(TrialError::LetsIn { .. })), "{treats:?}");
    }
}

#[test]
fn only_a_line_that_had_nothing_to_say_has_asked_nothing() {
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
    for name in ["", "../sshd", "a/b", ".hidden"] {
        let refused = refuses(&trial(name), &|_, _| Treats::Otherwise, &|_, _| Ok(ended(0, 7)));
        assert!(matches!(refused, Err(TrialError::NoService(_))), "{name}");
    }
}
