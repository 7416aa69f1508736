//! Codes by mail in a login: when one is sent, how many, and which counts.

use super::*;
use crate::mailbox::{FREE_CODES, Mailbox, Mailings};
use crate::throttle::Throttle;
use proptest::prelude::*;

const MAIL_ALONE: fn() -> Plan = || factors([Kind::Email].into_iter().collect());

fn mailbox() -> Mailbox {
    Mailbox { address: "alice@acme.example".parse().unwrap(), own: false, goes_out: true }
}

/// Alice as she is, and the site knows her address.
fn with_mail() -> World {
    let mut world = alice();
    world.account.mailbox = Some(mailbox());
    world
}

/// Somebody of whom nothing is kept, where the policy takes mail alone.
fn newcomer() -> World {
    let mut world = with_mail();
    world.account = Account { mailbox: Some(mailbox()), ..Account::absent(world.account.identity) };
    world.plan = MAIL_ALONE();
    world
}

impl World {
    /// The code in the letter that was written last.
    fn mailed(&self) -> String {
        let code = self.letters.iter().rev().find_map(|letter| letter.code.as_ref()).expect("a code was mailed");
        String::from_utf8(code.text.expose().to_vec()).unwrap()
    }

    fn open(&mut self, now: i64) -> (Dialog, Turn) {
        let step = self.begin(now);
        self.drive(step, now)
    }
}

#[test]
fn with_mail_alone_the_code_is_mailed_at_once_and_lets_in_once() {
    let mut world = newcomer();
    let (dialog, turn) = world.open(NOW);
    assert_eq!(turn.say[0].text, "A code was mailed to a…@acme.example. It works for 10 minutes.");
    assert_eq!(prompt(&turn), "Verification code: ");
    let code = world.mailed();
    assert!(passed(&world.answer(dialog, &code, NOW + 60).1));
    let (dialog, _) = world.open(NOW + 61);
    assert!(!passed(&world.answer(dialog, &code, NOW + 61).1), "another login has another code");
}

#[test]
fn whoever_has_something_else_is_asked_for_that_and_has_a_code_mailed_with_e() {
    let mut world = with_mail();
    let (dialog, turn) = world.open(NOW);
    assert!(turn.say.is_empty() && world.letters.is_empty(), "nothing is mailed unasked");
    let (dialog, turn) = world.answer(dialog, "?", NOW);
    assert!(turn.say[0].text.starts_with("Phone code · Backup code · e = mail a code to a…@acme.example\n"));
    let (dialog, turn) = world.answer(dialog, "e", NOW);
    assert_eq!(turn.say[0].text, "A code was mailed to a…@acme.example. It works for 10 minutes.");
    let code = world.mailed();
    assert!(passed(&world.answer(dialog, &format!(" {} {}", &code[..4], &code[4..]), NOW).1));
    assert_eq!(world.records.last().unwrap().factor, Some((Kind::Email, None)));
}

#[test]
fn an_app_still_lets_in_after_a_code_was_mailed() {
    let mut world = with_mail();
    let code = world.code(NOW / 30);
    assert!(passed(&world.login(&["e", &code], NOW)));
}

#[test]
fn the_letter_goes_to_the_address_that_was_told_and_no_other_word_of_it_is_the_code() {
    let mut world = with_mail();
    world.login(&["e"], NOW);
    let letter = world.letters.last().unwrap();
    assert_eq!(letter.to, crate::letter::To::Address(mailbox().address));
    assert_eq!(letter.code.as_ref().unwrap().until, Time(NOW + 600));
    assert!(letter.values.iter().all(|(_, value)| !value.contains(&world.mailed())));
    assert_eq!(world.records.last().unwrap().what, What::Mailed);
}

#[test]
fn the_newest_code_is_the_only_one() {
    let mut world = with_mail();
    let (dialog, _) = world.open(NOW);
    let (dialog, _) = world.answer(dialog, "e", NOW);
    let old = world.mailed();
    let (dialog, _) = world.answer(dialog, "E", NOW + 1);
    let new = world.mailed();
    assert_ne!(old, new);
    let (dialog, turn) = world.answer(dialog, &old, NOW + 2);
    assert_eq!(turn.say[0].text, "That code is not the newest (not counted). Type the one mailed last.");
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]), Throttle::default());
    assert!(passed(&world.answer(dialog, &new, NOW + 2).1));
}

#[test]
fn a_code_that_has_ended_is_told_as_such_and_not_counted() {
    let mut world = newcomer();
    let (dialog, _) = world.open(NOW);
    let code = world.mailed();
    let (_, turn) = world.answer(dialog, &code, NOW + 600);
    assert_eq!(turn.say[0].text, "That code has ended (not counted). e = mail another one");
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]), Throttle::default());
}

#[test]
fn wrong_mailed_codes_are_counted_with_those_of_apps_and_then_nothing_is_mailed() {
    let mut world = newcomer();
    world.login(&["00000000", "00000001", "00000002"], NOW);
    world.login(&["00000000", "00000001"], NOW + 1);
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]).failures, 5);
    let wrong = world.records.iter().find(|record| record.what == What::Wrong).unwrap();
    assert_eq!(wrong.factor, Some((Kind::Email, None)));
    let letters = world.letters.iter().filter(|letter| letter.code.is_some()).count();
    let (_, turn) = world.open(NOW + 2);
    assert!(prompt(&turn).starts_with("Too many wrong codes. The next try is in 0:29."), "{turn:?}");
    assert_eq!(world.letters.iter().filter(|letter| letter.code.is_some()).count(), letters);
}

#[test]
fn e_is_not_offered_while_codes_are_throttled() {
    let mut world = with_mail();
    world.login(&["000000"; 3], NOW);
    world.login(&["000000"; 2], NOW);
    let (dialog, _) = world.open(NOW + 1);
    let (dialog, turn) = world.answer(dialog, "?", NOW + 1);
    assert!(!turn.say[0].text.contains("mail"), "{turn:?}");
    world.answer(dialog, "e", NOW + 1);
    assert!(world.letters.iter().all(|letter| letter.code.is_none()));
}

#[test]
fn after_some_codes_the_next_one_waits_and_with_mail_alone_that_is_a_refusal() {
    let mut world = newcomer();
    for login in 0..i64::from(FREE_CODES) {
        world.login(&[], NOW + login);
    }
    let (dialog, turn) = world.open(NOW + 4);
    assert_eq!(
        prompt(&turn),
        "Many codes were mailed already. The next one can be in 0:58.\nAsk for help: helpdesk@acme.example\nPress Enter. "
    );
    assert_eq!(denied(&world.answer(dialog, "", NOW + 4).1), Some(Denial::MailLimit));
    let (_, turn) = world.open(NOW + 62);
    assert!(turn.say[0].text.starts_with("A code was mailed"));
}

#[test]
fn the_last_code_of_a_login_works_though_no_more_are_mailed() {
    let mut world = newcomer();
    let (mut dialog, _) = world.open(NOW);
    for second in 1..3 {
        dialog = world.answer(dialog, "e", NOW + second).0;
    }
    let code = world.mailed();
    let (dialog, turn) = world.answer(dialog, "e", NOW + 3);
    assert_eq!(turn.say[0].text, "Many codes were mailed already. The next one can be in 0:59.");
    assert!(passed(&world.answer(dialog, &code, NOW + 4).1));
}

#[test]
fn a_users_own_programs_have_nothing_mailed_at_a_login() {
    let mut world = newcomer();
    (world.caller, world.mails) = (Caller::Plain, false);
    let (_, turn) = world.open(NOW);
    assert!(prompt(&turn).starts_with("A mailed code is required, and none can be mailed from here."), "{turn:?}");
    assert!(world.letters.is_empty());
    let mut world = with_mail();
    world.mails = false;
    let (dialog, _) = world.open(NOW);
    let (dialog, turn) = world.answer(dialog, "?", NOW);
    assert!(!turn.say[0].text.contains("mail a code"));
    let (_, turn) = world.answer(dialog, "e", NOW);
    assert_eq!(turn.say[0].text, "No code can be mailed here.");
    assert_eq!(world.account.throttles.get(Bucket::ALL[0]), Throttle::default(), "and it is no guess");
}

#[test]
fn whoever_has_mail_alone_and_no_address_is_told() {
    let mut world = alice();
    world.account.factors = vec![Factor {
        id: PHONE,
        name: "mail".into(),
        created: Time(0),
        last_used: None,
        detail: Detail::Email(mailbox().address),
    }];
    world.account.backup = BackupSet::default();
    let (_, turn) = world.open(NOW);
    assert!(prompt(&turn).starts_with("A mailed code is required, and there is no address to mail it to."));
}

#[test]
fn a_code_mailed_to_an_address_that_has_changed_since_is_none() {
    let mut world = newcomer();
    let (dialog, _) = world.open(NOW);
    let code = world.mailed();
    world.account.mailbox = Some(Mailbox { address: "other@acme.example".parse().unwrap(), ..mailbox() });
    assert!(!passed(&world.answer(dialog, &code, NOW + 1).1));
}

#[test]
fn when_the_policy_takes_no_mail_any_more_a_mailed_code_is_a_wrong_one() {
    let mut world = with_mail();
    let (dialog, _) = world.open(NOW);
    let (dialog, _) = world.answer(dialog, "e", NOW);
    world.plan = factors([Kind::Totp].into_iter().collect());
    let code = world.mailed();
    assert_eq!(world.answer(dialog, &code, NOW + 1).1.say[0].text, "That code is not right.");
}

#[test]
fn mail_that_does_not_go_out_is_told_with_the_other_ways() {
    let mut world = with_mail();
    world.account.mailbox.as_mut().unwrap().goes_out = false;
    let turn = world.login(&["e"], NOW);
    assert_eq!(
        turn.say[0].text,
        "Mail is not going out at the moment. A code to a…@acme.example\n\
         waits for that, 10 minutes at the most. Other ways: Phone code · Backup code"
    );
    assert!(turn.say[0].text.lines().all(|line| line.chars().count() <= 80));
}

#[test]
fn two_logins_that_have_codes_mailed_at_once_are_both_counted() {
    let mut world = with_mail();
    let (first, _) = world.open(NOW);
    let (mut second, _) = world.open(NOW);
    let (first, _) = world.answer(first, "e", NOW);
    // The second one has read the account before the first one's commit.
    second.refresh(
        world.plan.clone(),
        Account { version: Some(Version(1)), mailings: Mailings::default(), ..world.account.clone() },
    );
    let step = second.step(typed("e"), &at(NOW + 1));
    let (second, turn) = world.drive(step, NOW + 1);
    assert!(turn.say[0].text.starts_with("A code was mailed"));
    assert_eq!(world.account.mailings.get(Caller::Root).hour.count, 2);
    drop((first, second));
}

/// What happens in a world with two logins side by side.
#[derive(Clone, Debug)]
enum Move {
    Mail(bool),
    TypeNewestOf(bool, bool),
    TypeOldestOf(bool, bool),
    Wait(i64),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let one = prop_oneof![
        any::<bool>().prop_map(Move::Mail),
        any::<(bool, bool)>().prop_map(|(dialog, of)| Move::TypeNewestOf(dialog, of)),
        any::<(bool, bool)>().prop_map(|(dialog, of)| Move::TypeOldestOf(dialog, of)),
        (1i64..400).prop_map(Move::Wait),
    ];
    prop::collection::vec(one, 1..12)
}

proptest! {
    #[test]
    fn a_mailed_code_passes_the_dialog_that_had_it_mailed_last_once_and_in_time(moves in moves()) {
        let mut world = with_mail();
        let mut now = NOW;
        let mut dialogs = [Some(world.open(now).0), Some(world.open(now).0)];
        let mut codes: [Vec<(String, i64)>; 2] = Default::default();
        for step in moves {
            let (which, typed, by) = match step {
                Move::Wait(seconds) => { now += seconds; continue }
                Move::Mail(which) => (usize::from(which), None, 0),
                Move::TypeNewestOf(which, of) => (usize::from(which), codes[usize::from(of)].last().cloned(), usize::from(of)),
                Move::TypeOldestOf(which, of) => (usize::from(which), codes[usize::from(of)].first().cloned(), usize::from(of)),
            };
            now += 1;
            let Some(dialog) = dialogs[which].take() else { continue };
            let letters = world.letters.len();
            // Codes of the other dialog are wrong ones here, and five of them close the gate.
            let bucket = Bucket { caller: Caller::Root, guess: Guess::Code };
            let open = world.account.throttles.get(bucket).gate(bucket, Time(now)) == Gate::Open;
            let line = match &typed { Some((code, _)) => code.as_str(), None => "e" };
            let (dialog, turn) = world.answer(dialog, line, now);
            if world.letters.iter().skip(letters).any(|letter| letter.code.is_some()) {
                codes[which].push((world.mailed(), now));
            }
            let newest = codes[which].last();
            let right = typed.as_ref().is_some_and(|typed| by == which && newest == Some(typed) && now - typed.1 < 600);
            prop_assert_eq!(passed(&turn), right && open, "{:?} {:?}", typed, turn);
            dialogs[which] = (!dialog.is_over()).then_some(dialog);
        }
    }
}
