//! Guessing: a code counts once whoever is faster, wrong ones are counted exactly, waits are told and kept, and backup
//! codes work meanwhile.

use std::thread::scope;

use harness::{Failure, Knock, Lab, Outcome, Phone, Release, Terminal, on_each_release};

use crate::steps::{CODE, account, all_at_once, bring_programs, log_in, logged, password_given, web};

/// Names of users there are many of.
fn crowd(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("user{number}")).collect()
}

/// A script that makes them.
fn made(users: &[String]) -> String {
    users.iter().map(|user| format!("useradd --no-create-home {user}\n")).collect()
}

/// Types wrong codes over ssh until the throttle speaks; returns the login that was told so.
fn guess_until_throttled(lab: &Lab, user: &str, phone: &Phone) -> Outcome<Terminal> {
    let mut login = password_given(lab, user)?;
    for code in phone.wrong_codes(3) {
        login.answer(CODE, &code)?;
    }
    login.expect_denied()?;
    let mut login = password_given(lab, user)?;
    for code in phone.wrong_codes(2) {
        login.answer(CODE, &code)?;
    }
    login.expect("Too many wrong codes. The next try is in 0:")?;
    Ok(login)
}

on_each_release! {
    fn of_eight_logins_with_one_code_exactly_one_gets_in(release: Release) -> Outcome {
        let users = crowd(20);
        let lab = web(release).before_boot(&made(&users)).boot()?;
        bring_programs(&lab)?;
        let mut enrolled = lab.enroll_all(&users)?;
        for (user, enrolled) in users.iter().zip(&mut enrolled) {
            let code = enrolled.phone.code();
            let knocks: Vec<Knock<'_>> = (0..8).map(|_| Knock { user, answers: vec![&code] }).collect();
            let ended = all_at_once(&lab, "codes", &knocks)?;
            let inside = ended.iter().filter(|ended| ended.is_in()).count();
            let told = ended.iter().filter(|ended| ended.screen.contains("That code was just used")).count();
            assert_eq!((inside, told), (1, 7), "{user}: {ended:?}");
        }
        Ok(())
    }

    fn of_eight_ssh_logins_with_one_code_exactly_one_gets_in(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut phone = lab.enroll("alice")?.phone;
        let mut logins = Vec::new();
        for login in scope(|threads| {
            let typing = || threads.spawn(|| -> Outcome<Terminal> {
                let mut login = password_given(&lab, "alice")?;
                login.expect(CODE)?;
                Ok(login)
            });
            let typing: Vec<_> = (0..8).map(|_| typing()).collect();
            typing.into_iter().map(|login| login.join()).collect::<Vec<_>>()
        }) {
            logins.push(login.map_err(|_| Failure::new("a login ended early"))??);
        }
        // All of them wait for the code, and get it in the same moment.
        let code = phone.code();
        for login in &mut logins {
            login.send_line(&code)?;
        }
        let mut inside = 0;
        for login in &mut logins {
            let (which, _) = login.expect_any(&["@lab:", "That code was just used"])?;
            inside += usize::from(which == 0);
        }
        assert_eq!(inside, 1);
        Ok(())
    }

    fn of_sixty_guesses_at_once_five_are_evaluated(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        let phone = lab.enroll("alice")?.phone;
        let guesses = phone.wrong_codes(60);
        let knocks: Vec<Knock<'_>> = guesses
            .chunks(3)
            .map(|guesses| Knock { user: "alice", answers: guesses.iter().map(String::as_str).collect() })
            .collect();
        let ended = all_at_once(&lab, "codes", &knocks)?;
        assert_eq!(ended.len(), 20);
        assert!(!ended.iter().any(|ended| ended.is_in()), "{ended:?}");
        assert_eq!(logged(&lab, "wrong", "alice")?.len(), 5);
        assert_eq!(account(&lab, "alice")?["failures"], 5);
        Ok(())
    }

    fn while_guesses_are_throttled_the_right_code_is_not_even_looked_at(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        bring_programs(&lab)?;
        let mut phone = lab.enroll("alice")?.phone;
        let guesses = phone.wrong_codes(19);
        let code = phone.code();
        let mut knocks: Vec<Knock<'_>> =
            guesses.iter().map(|guess| Knock { user: "alice", answers: vec![guess] }).collect();
        all_at_once(&lab, "codes", &knocks)?;
        knocks.iter_mut().for_each(|knock| knock.answers = vec![&code]);
        let ended = all_at_once(&lab, "codes", &knocks)?;
        assert!(!ended.iter().any(|ended| ended.is_in()), "{ended:?}");
        assert_eq!(account(&lab, "alice")?["failures"], 5);
        // Nor is it used up by having been typed: unlocked, it still lets her in.
        lab.run(["mfactl", "unlock", "alice"])?.success()?;
        log_in(&lab, "alice", &code)?;
        Ok(())
    }

    fn after_five_wrong_codes_the_wait_is_told_and_a_backup_code_still_works(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let alice = lab.enroll("alice")?;
        let mut login = guess_until_throttled(&lab, "alice", &alice.phone)?;
        login.answer("Press Enter, or type a backup code: ", &alice.backup_codes[0])?;
        login.expect("Backup code used, 9 left.")?;
        login.expect_shell()?;
        // Whoever has shown a backup code is not the guesser: their codes are taken again.
        let mut phone = alice.phone;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_throttled_login_ends_with_enter_and_the_next_one_is_told_at_once(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let alice = lab.enroll("alice")?;
        let mut login = guess_until_throttled(&lab, "alice", &alice.phone)?;
        login.answer("type a backup code: ", "")?;
        login.expect_denied()?;
        let mut login = password_given(&lab, "alice")?;
        login.expect("Too many wrong codes. The next try is in 0:")?;
        login.expect("type a backup code: ")?;
        let shown = lab.run(["mfactl", "user", "alice"])?.success()?.stdout;
        assert!(shown.contains("THROTTLED: 5 wrong codes in a row"), "{shown}");
        lab.run(["mfactl", "unlock", "alice"])?.success()?;
        let mut phone = alice.phone;
        log_in(&lab, "alice", &phone.code())?;
        Ok(())
    }

    fn a_throttle_is_one_users_and_not_the_machines(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let mut enrolled = lab.enroll_all(&["alice", "bob"])?;
        guess_until_throttled(&lab, "alice", &enrolled[0].phone)?;
        log_in(&lab, "bob", &enrolled[1].phone.code())?;
        Ok(())
    }

    fn a_backup_code_lets_in_once_in_capitals_or_not(release: Release) -> Outcome {
        let lab = web(release).boot()?;
        let codes = lab.enroll("alice")?.backup_codes;
        assert_eq!(codes.len(), 10);
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &codes[3].to_lowercase().replace('-', " "))?;
        login.expect("Backup code used, 9 left. New phone? Run: mfa-enroll")?;
        login.expect_shell()?;
        let mut login = password_given(&lab, "alice")?;
        login.answer(CODE, &codes[3])?;
        login.expect("That code is not right.")?;
        login.answer(CODE, &codes[4])?;
        login.expect_shell()?;
        assert_eq!(account(&lab, "alice")?["backup_codes"], 8);
        Ok(())
    }

    fn of_eight_logins_with_one_backup_code_exactly_one_gets_in(release: Release) -> Outcome {
        let users = crowd(5);
        let lab = web(release).before_boot(&made(&users)).boot()?;
        bring_programs(&lab)?;
        for (user, enrolled) in users.iter().zip(lab.enroll_all(&users)?) {
            let knocks: Vec<Knock<'_>> =
                (0..8).map(|_| Knock { user, answers: vec![&enrolled.backup_codes[0]] }).collect();
            let ended = all_at_once(&lab, "codes", &knocks)?;
            assert_eq!(ended.iter().filter(|ended| ended.is_in()).count(), 1, "{user}: {ended:?}");
            assert_eq!(account(&lab, user)?["backup_codes"], 9);
        }
        Ok(())
    }
}
