//! Every order in which logins, administrators and a change of policy can come to one account, one after the other: what
//! must hold does in each. The dialog is the core's own, and what a commit comes to is decided by the writer's own code
//! on a real database; only threads and sockets are left out, and with them chance.
//!
//! `world` is one moment and goes on by one step of one process; `process` and `login` are what each of them does next;
//! here and in `disturbed` stand the situations, and what must be true at every end.

mod disturbed;
mod key;
mod login;
mod process;
mod world;

use super::*;
use process::{Order, Process};
use world::{Explorer, World, wrong_code};

/// Nobody is enrolled at a login, so that after a reset there is no way in.
const CODES: &str = "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\n";
/// What is put in force meanwhile: codes will not do any more.
const KEYS_ALONE: &str =
    "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\nfactors = [\"security-key\"]\nown_factors = false\n";

fn explorer() -> Explorer {
    Explorer::new([CODES, KEYS_ALONE])
}

fn logins(explorer: &Explorer, number: usize, answers: &[&str]) -> Vec<Process> {
    let code = explorer.right_code();
    let answers = answers.iter().map(|answer| if *answer == "right" { code.clone() } else { (*answer).to_owned() });
    let answers: Vec<String> = answers.collect();
    (0..number).map(|_| Process::login(answers.clone())).collect()
}

#[test]
fn of_three_logins_with_one_code_exactly_one_gets_in_whatever_the_order() {
    let mut explorer = explorer();
    let processes = logins(&explorer, 3, &["right"]);
    let explored = explorer.explore(processes, |end| {
        assert_eq!((end.seen.passed, end.seen.wrong), (1, 0), "{end}");
        assert_eq!(end.account.factors[0].detail.app().unwrap().replays, 2, "the others are told that it was used");
    });
    assert!(explored.states > 200 && explored.ends >= 3, "{explored:?}");
}

#[test]
fn of_three_logins_with_one_backup_code_exactly_one_gets_in_whatever_the_order() {
    let mut explorer = explorer();
    let code = explorer.backup_code();
    let processes = (0..3).map(|_| Process::login(vec![code.clone()])).collect();
    let explored = explorer.explore(processes, |end| {
        assert_eq!((end.seen.passed, end.account.backup.codes.len()), (1, 9), "{end}");
        assert_eq!(end.seen.wrong, 2, "a code that is gone is like any other that is wrong");
    });
    assert!(explored.states > 200, "{explored:?}");
}

#[test]
fn guesses_at_once_are_never_more_than_the_limit_and_a_right_code_after_it_is_not_looked_at() {
    let mut explorer = explorer();
    explorer.fail(3);
    // Two more may be wrong. Whoever comes third, with the right code in hand, came too late or in time.
    let mut processes = logins(&explorer, 2, &[wrong_code(), wrong_code()]);
    processes.extend(logins(&explorer, 1, &["right"]));
    let explored = explorer.explore(processes, |end| {
        let before = end.seen.passed_after_wrong.unwrap_or(0);
        assert!(end.seen.most_in_a_row <= 5 && before < 2, "{end}");
        // A success forgets what was before it, so there are two to be wrong after the last one at the most, or five.
        assert!(end.seen.wrong <= if end.seen.passed == 1 { before + 4 } else { 2 }, "{end}");
        assert!(end.seen.passed == 1 || end.seen.wrong == 2, "whoever is not kept out by the limit gets in: {end}");
    });
    assert!(explored.states > 1000, "{explored:?}");
}

#[test]
fn nobody_gets_in_after_a_reset_whatever_was_under_way() {
    let mut explorer = explorer();
    let mut processes = logins(&explorer, 2, &["right"]);
    processes.push(Process::administrator(Order::Reset));
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.reset && end.account.factors.is_empty(), "{end}");
        assert!(end.seen.passed <= 1, "{end}");
    });
    assert!(explored.states > 200, "{explored:?}");
}

#[test]
fn nobody_gets_in_by_what_a_policy_took_that_is_no_longer_in_force() {
    let mut explorer = explorer();
    let mut processes = logins(&explorer, 2, &["right"]);
    processes.push(Process::reload());
    let explored = explorer.explore(processes, |end| assert!(end.seen.passed <= 1, "{end}"));
    assert!(explored.states > 100, "{explored:?}");
}

#[test]
fn two_logins_a_throttle_a_reset_and_a_new_policy_in_every_order() {
    let mut explorer = explorer();
    explorer.fail(4);
    let mut processes = logins(&explorer, 1, &[wrong_code(), "right"]);
    processes.extend(logins(&explorer, 1, &["right"]));
    processes.extend([Process::administrator(Order::Reset), Process::reload()]);
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.passed <= 1 && end.seen.most_in_a_row <= 5 && end.seen.reset, "{end}");
    });
    assert!(explored.states > 1000, "{explored:?}");
}

#[test]
fn whoever_is_unlocked_meanwhile_has_the_limit_again_and_no_more() {
    let mut explorer = explorer();
    explorer.fail(4);
    let mut processes = logins(&explorer, 2, &[wrong_code(), wrong_code()]);
    processes.push(Process::administrator(Order::Unlock));
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.passed == 0 && end.seen.most_in_a_row <= 5, "{end}");
        assert!((1..=4).contains(&end.seen.wrong), "{end}");
    });
    assert!(explored.states > 300, "{explored:?}");
}

#[test]
fn a_pass_leaves_with_the_receipt_of_its_own_commit_and_no_other() {
    let explorer = explorer();
    let turn = login::passed(explorer.first_look(), &explorer.right_code());
    let covered = |ticket: Option<u32>| {
        let receipt = ticket.map(|ticket| Receipt { ticket: Ticket(ticket) });
        crate::login::is_covered(&turn, receipt.as_ref())
    };
    assert!(covered(Some(1)));
    assert!(!covered(None) && !covered(Some(0)) && !covered(Some(2)), "{turn:?}");
}

#[test]
fn what_is_explored_is_every_order_and_no_more() {
    // Two that only look, each in one step, can come in two orders that end alike.
    let mut explorer = explorer();
    let explored = explorer.explore(vec![Process::reload(), Process::login(Vec::new())], |_| {});
    assert!(explored.ends >= 2, "{explored:?}");
    let World { seen, .. } = World::default();
    assert_eq!((seen.passed, seen.wrong), (0, 0));
}
