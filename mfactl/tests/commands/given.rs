//! Codes that are given out, by root and by the help desk.

use super::*;

#[test]
fn an_enrollment_code_is_shown_once_with_what_it_does_and_can_be_taken_back() {
    let daemon = daemon();
    let screen = stdout(&run(&daemon, &["invite", "alice"]));
    fits(&screen);
    for part in ["Enrollment code for alice", "\n  7KQF-2MZT-9XWA-4HTR\n", "works once, until", "five wrong tries"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert_eq!(json_of(&run(&daemon, &["invite", "alice", "--for", "2h", "--json"])), invite());
    assert!(stdout(&run(&daemon, &["invite", "alice", "--withdraw"])).contains("works no more"));
    assert_eq!(
        daemon.parameters_of("Invite"),
        [
            json!({ "user": "alice", "seconds": 259_200, "withdraw": false }),
            json!({ "user": "alice", "seconds": 7200, "withdraw": false }),
            json!({ "user": "alice", "withdraw": true }),
        ]
    );
    let together = stdout(&run(&daemon, &["reset", "alice", "--yes", "--invite", "--for", "1d"]));
    fits(&together);
    assert!(together.contains("7KQF-2MZT-9XWA-4HTR"), "{together}");
    assert_eq!(daemon.parameters_of("Reset"), [json!({ "user": "alice", "invite": 86_400 })]);
    for wrong in [&["invite", "alice", "--for", "3"][..], &["reset", "alice", "--invite", "--factor", "3"]] {
        assert_eq!(code_of(&run(&daemon, wrong)), 2);
    }
}

#[test]
fn a_temporary_code_takes_a_time_and_a_reason_and_says_how_far_it_goes() {
    let daemon = daemon();
    let asked = ["temp-code", "alice", "--for", "1h", "--reason", "phone at home"];
    let screen = stdout(&run(&daemon, &asked));
    fits(&screen);
    for part in ["Temporary code for alice", "\n  7KQF-2MZT-9XWA\n", "Good for 1 login, until", "changes no factors"] {
        assert!(screen.contains(part), "{part} in {screen}");
    }
    assert_eq!(json_of(&run(&daemon, &[&asked[..], &["--uses", "3", "--json"]].concat())), temp_code());
    assert!(stdout(&run(&daemon, &["temp-code", "alice", "--withdraw"])).contains("works no more"));
    let wish = |uses: u32| json!({ "user": "alice", "seconds": 3600, "uses": uses, "reason": "phone at home", "withdraw": false });
    assert_eq!(daemon.parameters_of("TempCode"), [wish(1), wish(3), json!({ "user": "alice", "withdraw": true })]);
    assert_eq!(code_of(&run(&daemon, &["temp-code", "alice", "--for", "1h"])), 2);
    assert_eq!(code_of(&run(&daemon, &["temp-code", "alice", "--reason", "x"])), 2);
}

#[test]
fn the_help_desk_gives_a_code_of_its_own_once_and_then_it_is_done() {
    let mut proved = false;
    let daemon = ScriptedDaemon::start(move |method, _| match method.rsplit('.').next().unwrap() {
        "Authorize" => Answer::Reply(json!({ "ask": { "text": "Verification code: ", "echo": false } })),
        "Answer" => {
            proved = true;
            Answer::Reply(json!({ "done": { "outcome": "pass", "reason": "totp" } }))
        }
        "Account" if proved => Answer::Reply(account("alice")),
        "Unlock" if proved => Answer::Reply(json!({})),
        _ => Answer::Refuse("authorize_first", "Prove first that it is you, with a code of yours."),
    });
    let mut person = Person::at(&mut command(&daemon, &["unlock", "alice"]));
    assert!(person.sees("Verification code: ").contains("To do this, prove it is you."));
    person.types("492817");
    let (status, screen) = person.leaves();
    assert!(status.success(), "{screen}");
    assert_eq!(daemon.methods(), ["Unlock", "Authorize", "Answer", "Unlock"]);
    assert_eq!(daemon.parameters_of("Answer"), [json!({ "answer": "492817" })]);
}
