//! The clock is turned, the daemon is killed between any two steps, policies come and go, codes are mailed and keys are
//! touched, in every order.

use super::*;

/// Codes alone, of whatever kind.
const NO_KEYS: &str = "[defaults]\nrequire = \"always\"\nenroll = \"deny\"\nfactors = [\"totp\", \"email\", \"backup-code\"]\n\
                       own_factors = false\n";

fn with(mut processes: Vec<Process>, others: impl IntoIterator<Item = Process>) -> Vec<Process> {
    processes.extend(others);
    processes
}

#[test]
fn one_code_lets_one_in_however_the_clock_is_turned_while_it_is_weighed() {
    let mut explorer = explorer();
    // Half a minute on and a whole one back: the code is of the step before, the one of now and the one after.
    let processes = with(logins(&explorer, 2, &["right"]), [Process::Clock(vec![30, -60])]);
    let explored = explorer.explore(processes, |end| {
        assert_eq!((end.seen.passed, end.seen.told, end.seen.wrong), (1, 1, 0), "{end}");
    });
    assert!(explored.states > 200, "{explored:?}");
}

#[test]
fn a_clock_turned_back_by_an_hour_gives_no_more_than_one_try() {
    let mut explorer = explorer();
    explorer.fail(4);
    let guesses = logins(&explorer, 2, &[wrong_code(), wrong_code()]);
    let explored = explorer.explore(with(guesses, [Process::Clock(vec![-3600])]), |end| {
        assert!((1..=2).contains(&end.seen.wrong) && end.seen.passed == 0, "{end}");
        assert!(end.seen.most_in_a_row <= 6, "{end}");
    });
    assert!(explored.states > 300, "{explored:?}");
}

#[test]
fn a_wait_that_is_over_gives_one_try_and_the_next_wait() {
    let mut explorer = explorer();
    explorer.fail(4);
    let guesses = logins(&explorer, 2, &[wrong_code(), wrong_code()]);
    let explored = explorer.explore(with(guesses, [Process::Clock(vec![31])]), |end| {
        assert!((1..=2).contains(&end.seen.wrong) && end.seen.most_in_a_row <= 6, "{end}");
    });
    assert!(explored.states > 300, "{explored:?}");
}

#[test]
fn killed_at_any_step_the_daemon_lets_one_code_in_once_and_whoever_was_cut_off_is_told_that_it_was_used() {
    let mut explorer = explorer();
    let processes = with(logins(&explorer, 2, &["right"]), [Process::Crash(false)]);
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.passed == 1 && end.seen.told <= 1 && end.seen.wrong == 0, "{end}");
    });
    assert!(explored.states > 300, "{explored:?}");
}

#[test]
fn killed_at_any_step_the_daemon_forgets_no_guess() {
    let mut explorer = explorer();
    explorer.fail(3);
    let processes = with(logins(&explorer, 2, &[wrong_code(), wrong_code()]), [Process::Crash(false)]);
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.wrong == 2 && end.seen.most_in_a_row == 5 && end.seen.passed == 0, "{end}");
    });
    assert!(explored.states > 500, "{explored:?}");
}

#[test]
fn killed_at_any_step_the_daemon_lets_nobody_in_after_a_reset() {
    let mut explorer = explorer();
    let code = explorer.backup_code();
    let others = [Process::login(vec![code]), Process::administrator(Order::Reset), Process::Crash(false)];
    let explored = explorer.explore(with(logins(&explorer, 1, &["right"]), others), |end| {
        assert!(end.seen.reset && end.seen.passed <= 2 && end.seen.told <= end.seen.passed, "{end}");
    });
    assert!(explored.states > 500, "{explored:?}");
}

#[test]
fn what_a_policy_took_counts_again_once_it_is_in_force_again_and_not_between() {
    let mut explorer = explorer();
    let processes = with(logins(&explorer, 2, &["right"]), [Process::Reload(vec![1, 0])]);
    let explored = explorer.explore(processes, |end| assert!(end.seen.passed <= 1, "{end}"));
    assert!(explored.states > 200, "{explored:?}");
}

#[test]
fn a_mailed_code_lets_in_the_login_that_had_it_mailed_once_and_no_other() {
    let mut explorer = explorer().with_address();
    let typed = |answers: &[&str]| Process::login(answers.iter().map(|answer| (*answer).to_owned()).collect());
    // The second one reads the mail of the first, and the third types it in both places.
    let processes = vec![typed(&["e", "mailed 0"]), typed(&["mailed 0"]), Process::reload()];
    let explored = explorer.explore(processes, |end| {
        assert!(end.seen.passed_by.iter().all(|who| *who == 0) && end.seen.passed <= 1, "{end}");
    });
    assert!(explored.states > 100, "{explored:?}");
}

#[test]
fn a_mailed_code_dies_with_the_daemon_that_had_it_mailed() {
    let mut explorer = explorer().with_address();
    let answers = ["e", "mailed 0"].map(str::to_owned).to_vec();
    let explored = explorer.explore(vec![Process::login(answers), Process::Crash(false)], |end| {
        assert!(end.seen.passed <= 1 && end.seen.told <= end.seen.passed, "{end}");
    });
    assert!(explored.states > 20, "{explored:?}");
}

#[test]
fn each_touch_lets_in_its_own_login_and_none_after_a_reset() {
    let mut explorer = explorer().with_key();
    let processes = vec![Process::key_login(), Process::key_login(), Process::administrator(Order::Reset)];
    let explored = explorer.explore(processes, |end| {
        let seen = end.seen;
        let answered = seen.passed + seen.counter_back;
        assert!(answered <= 2 && seen.wrong == 0 && end.account.factors.is_empty(), "{end}");
    });
    assert!(explored.states > 200, "{explored:?}");
}

#[test]
fn a_key_lets_nobody_in_by_a_policy_that_takes_no_keys_any_more() {
    let mut explorer = Explorer::new([CODES, NO_KEYS]).with_key();
    let processes = vec![Process::key_login(), Process::Reload(vec![1, 0]), Process::Crash(false)];
    let explored = explorer.explore(processes, |end| {
        // A touch whose answer was lost is on record, and the next one lets in.
        assert!(end.seen.passed <= 2 && end.seen.told <= 1 && end.seen.counter_back == 0, "{end}");
    });
    assert!(explored.states > 100, "{explored:?}");
}

#[test]
fn a_code_beside_a_key_while_all_is_reset_and_the_policy_changes() {
    let mut explorer = explorer().with_key();
    let others = [Process::key_login(), Process::administrator(Order::Reset), Process::reload()];
    let explored = explorer.explore(with(logins(&explorer, 1, &["right"]), others), |end| {
        assert!(end.seen.passed <= 2 && end.seen.told <= 2 && end.seen.reset, "{end}");
    });
    assert!(explored.states > 500, "{explored:?}");
}
