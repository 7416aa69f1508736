//! An address of one's own becomes a factor by a code that was mailed to it.

use super::*;
use crate::account::{Detail, Factor, Identity, Version};
use crate::dialog::{Dialog, Effect, Event, Next, Proof, Setting, Turn, Verdict, Welcome};
use crate::enrollment::remove;
use crate::enrollment::tests::rules;
use crate::factor::Kinds;
use crate::letter::{To, Topic};
use crate::mailbox::Mailbox;
use crate::policy::{Ask, Plan};
use crate::{Secret, Time};

const NOW: Time = Time(1_600_000_000);
const TICKET: Ticket = Ticket(1);

fn at(now: Time) -> At {
    At { now, fresh: Secret::new((0..160).collect()) }
}

fn account() -> Account {
    let mut account = Account::absent(Identity { uid: 1000, name: "alice".into() });
    account.version = Some(Version(1));
    account.mailbox = Some(Mailbox { address: "a@site.example".parse().unwrap(), own: false, goes_out: true });
    account
}

fn with_own(address: &str) -> Account {
    let mut account = account();
    let address: Address = address.parse().unwrap();
    account.address = Some(address.clone());
    let (id, name) = (crate::account::FactorId(3), "mail".to_owned());
    account.factors.push(Factor { id, name, created: NOW, last_used: None, detail: Detail::Email(address) });
    account
}

fn begun(account: &Account, permission: &Permission<'_>, rules: &Rules) -> Result<(Commit, Verifying), Refusal> {
    begin_mail(account, permission, rules, ("me@home.example", None), (&at(NOW), TICKET))
}

fn code_of(commit: &Commit) -> String {
    let code = commit.letters.iter().find_map(|letter| letter.code.as_ref()).unwrap();
    String::from_utf8(code.text.expose().to_vec()).unwrap()
}

/// A real proof by a mailed code.
fn proof_by_mail() -> Proof {
    let kinds = [Kind::Email].into_iter().collect();
    let plan = Plan::Factors(Ask { kinds, verify_user: false, ask_again: 0, remember: 0 });
    let (site, issuer, label) = Default::default();
    let welcome = Welcome { site, issuer, label, terminal: false, rules: rules(1) };
    let setting = Setting { mails: true, ..Setting::distant(Caller::Plain, welcome, NOW.plus(600)) };
    let (dialog, effect) = Dialog::begin(plan, account(), setting, &at(NOW));
    let Effect::Commit(commit) = effect else { panic!("a code is mailed at once") };
    let (dialog, _) = dialog.step(Event::Committed, &at(NOW));
    let (dialog, _) = dialog.step(Event::Answer(code_of(&commit).into()), &at(NOW));
    match dialog.step(Event::Committed, &at(NOW)).1 {
        Effect::Turn(Turn { next: Next::Done(Verdict::Pass(proof)), .. }) => proof,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_added_with_a_factor_that_is_not_mail() {
    let proof = proof_by_mail();
    let by_mail = Permission::Proved { proof: &proof, at: NOW, changes: 0 };
    assert_eq!(begun(&account(), &by_mail, &rules(1)).map(|_| ()), Err(Refusal::StrongerFirst));
    assert_eq!(begun(&account(), &Permission::Unproved, &rules(1)).map(|_| ()), Err(Refusal::StrongerFirst));
    assert_eq!(begun(&with_own("a@b.example"), &Permission::Unproved, &rules(1)).map(|_| ()), Err(Refusal::ProveFirst));
    assert!(begun(&account(), &Permission::Root, &rules(1)).is_ok());
}

#[test]
fn an_address_that_nobody_would_write_to_is_not_added() {
    let of_site = Rules { own_addresses: false, ..rules(1) };
    assert_eq!(begun(&account(), &Permission::Root, &of_site).map(|_| ()), Err(Refusal::SiteAddress));
    let no_mail = Rules { kinds: Kinds::ALL.without(Kind::Email), ..rules(1) };
    assert_eq!(begun(&account(), &Permission::Root, &no_mail).map(|_| ()), Err(Refusal::NotTaken));
    let bad =
        begin_mail(&account(), &Permission::Root, &rules(1), ("a@b.example,c@d.example", None), (&at(NOW), TICKET));
    assert_eq!(bad.map(|_| ()), Err(Refusal::BadAddress));
}

#[test]
fn the_code_that_was_mailed_there_adds_it_and_the_old_and_the_new_address_are_told() {
    let account = with_own("old@home.example");
    let (commit, verifying) = begun(&account, &Permission::Root, &rules(1)).unwrap();
    assert_eq!(commit.letters.len(), 1);
    let code = code_of(&commit);
    let confirm = |typed: &str, now| {
        confirm_mail(&account, &Permission::Root, &rules(1), (&verifying, typed), (&at(now), TICKET)).unwrap()
    };
    assert!(matches!(confirm("00000000", NOW), Verified::Wrong(None)), "root does not guess");
    assert!(matches!(confirm(&code, NOW.plus(600)), Verified::Ended));
    let Verified::Right(commit) = confirm(&code, NOW) else { panic!("the right code") };
    assert!(matches!(commit.writes[..], [Write::Remove(_), Write::Add { .. }, Write::Address(Some(_))]));
    let told: Vec<_> = commit.letters.iter().map(|letter| (letter.topic, letter.to.clone())).collect();
    let to = |text: &str| (Topic::AddressChanged, To::Address(text.parse().unwrap()));
    assert_eq!(told, [to("old@home.example"), to("me@home.example")]);
}

#[test]
fn an_owners_wrong_codes_for_an_address_are_guesses() {
    let account = account();
    let (_, verifying) = begun(&account, &Permission::Root, &rules(1)).unwrap();
    let when = (&at(NOW), TICKET);
    let wrong = confirm_mail(&account, &Permission::Unproved, &rules(1), (&verifying, "1"), when).unwrap();
    let Verified::Wrong(Some(commit)) = wrong else { panic!("{wrong:?}") };
    assert!(matches!(commit.writes[..], [Write::Throttle(GUESSES, _)]));
}

#[test]
fn with_the_factor_goes_the_address_and_it_is_told_there() {
    let account = with_own("old@home.example");
    let commit =
        remove(&account, &Permission::Root, &rules(1), crate::account::FactorId(3), (&at(NOW), TICKET)).unwrap();
    assert!(matches!(commit.writes[..], [Write::RemoveAll, Write::Address(None)]));
    assert_eq!(commit.letters[0].to, To::Address("old@home.example".parse().unwrap()));
}

#[test]
fn where_logins_ask_for_a_mailed_code_the_first_app_takes_one_too() {
    let first = Rules { mail_first: true, ..rules(1) };
    let begin = |permission: &Permission<'_>| {
        crate::enrollment::begin_totp(&account(), permission, &first, (None, false), (&at(NOW), TICKET)).map(|_| ())
    };
    assert_eq!(begin(&Permission::Unproved), Err(Refusal::ProveFirst));
    let proof = proof_by_mail();
    assert_eq!(begin(&Permission::Proved { proof: &proof, at: NOW, changes: 0 }), Ok(()));
}

#[test]
fn codes_to_verify_with_are_limited_like_all_others() {
    let mut account = account();
    for _ in 0..crate::mailbox::FREE_CODES {
        let (commit, _) = begun(&account, &Permission::Root, &rules(1)).unwrap();
        let [Write::Mailings(caller, sends)] = commit.writes[..] else { panic!("{commit:?}") };
        account.mailings.set(caller, sends);
    }
    assert_eq!(begun(&account, &Permission::Root, &rules(1)).map(|_| ()), Err(Refusal::TooManyMails(60)));
}
