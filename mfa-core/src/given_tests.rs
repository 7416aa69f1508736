//! Codes that administrators give: how long and how often they count.

use super::*;
use crate::Secret;
use crate::account::{BackupCode, BackupSet, Identity, Seen, Version};
use proptest::prelude::*;

const NOW: Time = Time(1_600_000_000);
const TICKET: Ticket = Ticket(1);

fn at(now: Time) -> At {
    At { now, fresh: Secret::new((0u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(160).collect()) }
}

fn nobody() -> Account {
    Account::absent(Identity { uid: 1000, name: "alice".into() })
}

/// The account with what was given to it, and the code.
fn given_to(mut account: Account, (commit, code): Giving) -> (Account, String) {
    account.version = Some(Version(1));
    for write in commit.writes {
        match write {
            Write::Give(NewGiven { purpose, kept, until, left, reason }) => {
                let given = Given { id: 7, kept, until, left, reason };
                match purpose {
                    Purpose::Invite => account.invite = Some(given),
                    Purpose::TempCode => account.temp_code = Some(given),
                }
            }
            Write::InvitedOnly(only) => account.invited_only = only,
            _ => {}
        }
    }
    (account, code.to_string())
}

fn invited() -> (Account, String) {
    given_to(nobody(), invite(&nobody(), INVITE_DEFAULT, (&at(NOW), TICKET)).unwrap())
}

fn wish(seconds: u32, uses: u32, reason: &str) -> Wish<'_> {
    Wish { seconds, uses, reason }
}

fn enrolled() -> Account {
    let codes = vec![BackupCode { id: 1, digest: [2; 32] }];
    Account { backup: BackupSet { salt: [1; 16], codes }, version: Some(Version(1)), ..nobody() }
}

#[test]
fn an_enrollment_code_is_four_groups_of_four_good_for_three_days_and_five_tries() {
    let (account, code) = invited();
    assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4, 4]);
    let invite = account.invite.as_ref().unwrap();
    assert_eq!((invite.until, invite.left), (NOW.plus(3 * 86_400), 5));
    assert!(matches!(check_invite(&account, &code.to_lowercase(), NOW), Checked::Right(_)));
    assert_eq!(check_invite(&account, "2222-2222-2222-2222", NOW), Checked::Wrong { id: 7, left: 4 });
    assert_eq!(check_invite(&account, "492817", NOW), Checked::NotOne);
}

#[test]
fn an_invitation_ends_by_its_time_also_when_the_clock_is_turned_back_and_by_its_tries() {
    let (mut account, code) = invited();
    let end = NOW.plus(3 * 86_400);
    assert!(matches!(check_invite(&account, &code, end.plus(-1)), Checked::Right(_)));
    assert_eq!(check_invite(&account, &code, end), Checked::NotNow(Invitation::Ended));
    account.newest_time = end;
    assert_eq!(check_invite(&account, &code, NOW), Checked::NotNow(Invitation::Ended));
    account.newest_time = NOW;
    account.invite.as_mut().unwrap().left = 0;
    assert_eq!(check_invite(&account, &code, NOW), Checked::NotNow(Invitation::UsedUp));
    account.invite = None;
    assert_eq!(check_invite(&account, &code, NOW), Checked::NotNow(Invitation::None));
}

#[test]
fn a_clock_that_was_once_ahead_makes_no_code_that_has_ended_before_it_begins() {
    let account = Account { newest_time: NOW.plus(1_000_000), ..nobody() };
    let giving = invite(&account, INVITE_DEFAULT, (&at(NOW), TICKET)).unwrap();
    let (account, code) = given_to(account, giving);
    assert!(matches!(check_invite(&account, &code, NOW), Checked::Right(_)));
}

#[test]
fn an_accepted_code_holds_until_another_takes_its_place_or_somebody_is_enrolled() {
    let (mut account, code) = invited();
    let Checked::Right(accepted) = check_invite(&account, &code, NOW) else { panic!() };
    assert!(accepted.still_holds(&account));
    account.invite.as_mut().unwrap().id = 8;
    assert!(!accepted.still_holds(&account));
    account.invite = None;
    assert!(!accepted.still_holds(&account));
    let invite = invited().0.invite;
    assert!(!accepted.still_holds(&Account { invite, ..enrolled() }));
}

#[test]
fn nobody_is_invited_who_has_a_factor_or_for_a_year() {
    let given = |account: &Account, seconds| invite(account, seconds, (&at(NOW), TICKET)).map(|_| ());
    assert_eq!(given(&enrolled(), INVITE_DEFAULT), Err(Refusal::HasFactors));
    for (seconds, result) in [
        (299, Err(Refusal::InviteTime)),
        (300, Ok(())),
        (30 * 86_400, Ok(())),
        (30 * 86_400 + 1, Err(Refusal::InviteTime)),
    ] {
        assert_eq!(given(&nobody(), seconds), result);
    }
}

#[test]
fn an_invitation_voids_what_was_begun_without_it() {
    let (commit, _) = invite(&nobody(), INVITE_DEFAULT, (&at(NOW), TICKET)).unwrap();
    assert!(matches!(commit.writes[..], [Write::EndPending, Write::Give(_)]));
}

#[test]
fn a_reset_with_an_invitation_is_one_commit_and_works_for_who_has_nothing() {
    let (commit, _) = reset_and_invite(&enrolled(), INVITE_DEFAULT, (&at(NOW), TICKET)).unwrap();
    assert!(matches!(commit.writes[0], Write::RemoveAll));
    assert!(matches!(commit.writes[commit.writes.len() - 2..], [Write::Give(_), Write::InvitedOnly(true)]));
    let (commit, _) = reset_and_invite(&nobody(), INVITE_DEFAULT, (&at(NOW), TICKET)).unwrap();
    assert_eq!((commit.seen, commit.writes.len()), (Seen::Absent, 2));
}

#[test]
fn withdrawing_takes_the_code_and_the_demand_for_one_back() {
    let when = (&at(NOW), TICKET);
    assert!(withdraw(&nobody(), Purpose::Invite, when).is_none());
    let (account, _) = given_to(nobody(), reset_and_invite(&nobody(), INVITE_DEFAULT, when).unwrap());
    let commit = withdraw(&account, Purpose::Invite, when).unwrap();
    assert!(matches!(commit.writes[..], [Write::EndGiven(Purpose::Invite), Write::InvitedOnly(false)]));
    let only_demanded = Account { invite: None, ..account };
    let commit = withdraw(&only_demanded, Purpose::Invite, when).unwrap();
    assert!(matches!(commit.writes[..], [Write::InvitedOnly(false)]));
    assert!(withdraw(&only_demanded, Purpose::TempCode, when).is_none());
}

#[test]
fn a_temporary_code_has_a_time_a_number_of_uses_and_a_reason_in_the_record() {
    let when = (&at(NOW), TICKET);
    let (commit, code) = temp_code(&enrolled(), &wish(3600, 2, " phone at home "), when).unwrap();
    assert_eq!(code.split('-').map(str::len).collect::<Vec<_>>(), [4, 4, 4]);
    assert_eq!((commit.record.what, commit.record.words.as_deref()), (What::TempCodeGiven, Some("phone at home")));
    for (bad, refusal) in [
        (wish(299, 1, "x"), Refusal::TempCodeTime),
        (wish(7 * 86_400 + 1, 1, "x"), Refusal::TempCodeTime),
        (wish(3600, 0, "x"), Refusal::Uses),
        (wish(3600, 21, "x"), Refusal::Uses),
        (wish(3600, 1, "  "), Refusal::Reason),
        (wish(3600, 1, "a\nb"), Refusal::Reason),
    ] {
        assert_eq!(temp_code(&enrolled(), &bad, when).map(|_| ()), Err(refusal));
    }
    let long = "x".repeat(201);
    assert_eq!(temp_code(&enrolled(), &wish(3600, 1, &long), when).map(|_| ()), Err(Refusal::Reason));
}

proptest! {
    #[test]
    fn no_line_but_the_code_is_accepted(line in "\\PC{0,30}") {
        let (account, code) = invited();
        let plain = |text: &str| text.replace([' ', '-'], "").to_ascii_uppercase();
        let right = matches!(check_invite(&account, &line, NOW), Checked::Right(_));
        prop_assert_eq!(right, plain(&line) == plain(&code));
    }
}
