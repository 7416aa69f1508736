//! Tests of what is told of a preview.

use super::*;

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn locked_out(as_before: bool) -> LockedOut {
    LockedOut { services: words(&["@ssh"]), rule: "keys\x1b".into(), needs: words(&["security-key"]), as_before }
}

fn change(user: &str) -> Change {
    Change { user: user.into(), ..Change::default() }
}

#[test]
fn whoever_is_locked_out_is_told_with_what_is_missing() {
    let carol = Change { enrolled: words(&["totp"]), ..change("carol") };
    assert_eq!(
        reason(&carol, &locked_out(false)),
        "carol at @ssh: needs security key, has phone app (rule \"keys\\u{1b}\")"
    );
    let closed = LockedOut { needs: Vec::new(), rule: "defaults".into(), ..locked_out(true) };
    assert_eq!(
        reason(&change("dave"), &closed),
        "dave at @ssh: cannot enroll there, has nothing ([defaults]; so it is today)"
    );
}

#[test]
fn a_preview_that_locks_out_says_so() {
    let mut preview = Preview { changes: vec![change("alice")], ..Preview::default() };
    assert!(!preview.locks_out() && preview.newly_locked_out().is_empty());
    preview.changes.push(Change { locked_out: Some(locked_out(true)), ..change("bob") });
    assert!(preview.locks_out() && preview.newly_locked_out().is_empty(), "nothing new, and still so");
    preview.changes.push(Change { locked_out: Some(locked_out(false)), ..change("carol") });
    assert_eq!(preview.newly_locked_out(), ["carol"]);
}

#[test]
fn what_it_hangs_on_is_told_in_words() {
    let one = Change { depends_on: words(&["from", "not_from"]), enrolled: words(&["totp"]), ..change("a") };
    let other = change("b");
    assert_eq!(of_these(&[&one, &other]), "1 enrolled, 1 not; 1 only from some addresses");
    let hours = Change { depends_on: words(&["hours", "a new one"]), ..change("c") };
    assert_eq!(depending(&[&one, &hours]), "at some hours, from some addresses, sometimes");
}
