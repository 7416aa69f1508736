//! Windows and applications that ask once.

use super::*;
use crate::throttle::Throttle;

/// What fits into an entry as its hint.
const HINT: usize = 40;

fn graphical() -> World {
    World { front: Front::Graphical, ..alice() }
}

fn combined() -> World {
    World { front: Front::Combined, mails: false, ..alice() }
}

fn says(turn: &Turn) -> String {
    turn.say.iter().map(|note| note.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn throttled(world: &mut World) {
    let bucket = Bucket { caller: Caller::Root, guess: Guess::Code };
    let failed = (0..5).fold(Throttle::default(), |throttle, _| throttle.failed(Time(NOW)));
    world.account.throttles.set(bucket, failed);
}

#[test]
fn in_a_window_a_prompt_is_one_short_line_and_the_rest_stands_above_it() {
    let mut world = graphical();
    for answers in [&[][..], &["000000"], &["?"], &[""], &["e"], &["000000", "000000"]] {
        let turn = world.login(answers, NOW);
        assert_eq!(prompt(&turn), text::CODE_PROMPT, "{answers:?}");
    }
    throttled(&mut world);
    let turn = world.login(&[], NOW);
    assert_eq!(prompt(&turn), "Press Enter, or type a backup code: ");
    assert_eq!(says(&turn), "Too many wrong codes. The next try is in 0:30.\nA backup code works now.");
    assert!(prompt(&turn).len() <= HINT);
    let backup = world.codes[0].clone();
    assert!(passed(&world.login(&[&backup], NOW)));
}

#[test]
fn in_a_window_a_temporary_code_is_asked_for_in_one_short_line() {
    let mut world = graphical();
    let codes = Kinds::ALL.without(Kind::Totp);
    world.plan = Plan::Deny(Deny::NoUsableFactor { needs: codes });
    let wish = given::Wish { seconds: 3600, uses: 1, reason: "phone at home" };
    let code = world.administer(given::temp_code(&world.account, &wish, (&at(NOW - 60), Ticket(1))));
    let turn = world.login(&[], NOW);
    assert!(prompt(&turn).len() <= HINT && !prompt(&turn).contains('\n'), "{}", prompt(&turn));
    assert!(says(&turn).contains("you have none enrolled") && says(&turn).contains("A temporary code works now."));
    assert!(passed(&world.login(&[&code], NOW)));
}

#[test]
fn in_a_window_a_refusal_is_text_and_no_question() {
    for front in [Front::Graphical, Front::Combined] {
        let mut world = World { front, ..alice() };
        world.plan = Plan::Deny(Deny::NoUsableFactor { needs: Kinds::NONE.with(Kind::SecurityKey) });
        let turn = world.login(&[], NOW);
        assert_eq!(denied(&turn), Some(Denial::NoUsableFactor), "{front:?}");
        assert!(turn.say[0].error && says(&turn).contains("you have none enrolled"));
        world.plan = Plan::Enroll(crate::policy::Enroll::AtLogin { kinds: Kinds::ALL });
        assert_eq!(denied(&world.login(&[], NOW)), Some(Denial::NotEnrolled), "{front:?}: no picture in a window");
    }
}

#[test]
fn the_one_answer_of_a_combined_line_lets_in_or_is_the_last() {
    let right = alice().code(NOW / 30);
    let mut world = combined();
    assert!(passed(&world.login(&[&right], NOW)));
    assert_eq!(
        says(&world.login(&[&right], NOW)),
        "That code was just used (not counted). The next one comes in 30 s."
    );
    let backup = world.codes[2].clone();
    assert!(passed(&world.login(&[&backup], NOW)));
    for wrong in ["000000", "ABCD-EFGH-JKLM", "", "?", "e", "k"] {
        let turn = world.login(&[wrong, &right], NOW);
        assert_eq!(denied(&turn), Some(Denial::NoMoreAnswers), "{wrong:?}");
    }
    assert_eq!(says(&combined().login(&["000000"], NOW)), "That code is not right.");
}

#[test]
fn without_a_code_in_the_line_nothing_is_asked_and_it_says_where_the_code_goes() {
    let mut world = World { interactive: false, ..combined() };
    let turn = world.login(&[], NOW);
    assert_eq!(denied(&turn), Some(Denial::CannotAsk));
    assert_eq!(says(&turn), "A code is needed, too. Type it right behind your password.");
}

#[test]
fn a_throttled_combined_line_takes_a_backup_code_and_no_other() {
    let mut world = combined();
    throttled(&mut world);
    let (right, backup) = (world.code(NOW / 30), world.codes[0].clone());
    let turn = world.login(&[&right], NOW);
    assert_eq!(denied(&turn), Some(Denial::NoMoreAnswers));
    assert!(says(&turn).contains("The next try is in 0:30."));
    assert!(passed(&world.login(&[&backup], NOW)));
}

#[test]
fn a_code_is_due_where_it_would_be_asked_for_and_its_length_is_told() {
    let ties = Ties { latest: Time(NOW), ..Ties::default() };
    let mut account = alice().account;
    let asks = factors(Kinds::ALL);
    assert_eq!(due(&asks, &account, &ties), Some(Due { digits: vec![6] }));
    assert_eq!(due(&factors(Kinds::NONE.with(Kind::BackupCode)), &account, &ties), Some(Due { digits: vec![] }));
    for plan in [
        Plan::Skip(Skip::Exempt),
        Plan::Observe(Box::new(asks.clone())),
        Plan::Deny(Deny::CallerUnknown),
        Plan::Enroll(crate::policy::Enroll::Deny),
    ] {
        assert_eq!(due(&plan, &account, &ties), None, "{plan:?}");
    }
    let mut longer = account.factors[0].clone();
    let Detail::Totp(app) = &mut longer.detail else { panic!("not an app") };
    app.parameters.digits = 8;
    account.factors.push(longer.clone());
    account.factors.push(longer);
    assert_eq!(due(&asks, &account, &ties), Some(Due { digits: vec![8, 6] }));
    let stranger = Account::absent(Identity { uid: u32::MAX, name: "nobody-here".into() });
    assert_eq!(due(&asks, &stranger, &ties), Some(Due { digits: vec![6] }), "as for anybody with an app");
}

#[test]
fn every_window_is_taken_for_one_and_every_terminal_for_one() {
    for service in ["gdm-password", "lightdm", "sddm", "kde", "swaylock", "i3lock", "xsecurelock", "polkit-1"] {
        assert_eq!(Front::of(service), Front::Graphical, "{service}");
    }
    for service in ["sshd", "login", "sudo", "su-l", "dovecot"] {
        assert_eq!(Front::of(service), Front::Terminal, "{service}");
    }
}
