//! Changing factors: who may, what it takes, what is committed, and what is left when something else came first.

use super::*;
use crate::Secret;
use crate::account::{BackupCode, BackupSet, Detail, Factor, Identity, Totp, Version};
use crate::throttle::Throttle;

const NOW: Time = Time(1_600_000_000 / 30 * 30);
const KEY: &[u8] = b"12345678901234567890";
const PENDING: FactorId = FactorId(7);
const PHONE: FactorId = FactorId(1);
const TICKET: Ticket = Ticket(1);

fn at(now: Time) -> At {
    At { now, fresh: Secret::new((0u32..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(160).collect()) }
}

/// Of a site that asks for nothing special.
pub(super) fn rules(confirm_codes: u8) -> Rules {
    Rules {
        confirm_codes,
        parameters: Parameters::default(),
        kinds: Kinds::ALL,
        required: false,
        by_invitation: false,
        seat: Claim::NotNeeded,
        own_addresses: true,
        mail_first: false,
    }
}

pub(super) fn nobody() -> Account {
    Account::absent(Identity { uid: 1000, name: "alice".into() })
}

fn with_pending() -> Account {
    let mut account = nobody();
    account.version = Some(Version(1));
    account.pending = Some(Pending {
        id: PENDING,
        name: "phone".into(),
        secret: Secret::new(KEY.to_vec()),
        parameters: Parameters::default(),
        until: NOW.plus(PENDING_SECONDS),
    });
    account
}

fn with_phones(count: i64) -> Account {
    let mut account = nobody();
    account.version = Some(Version(1));
    for id in 1..=count {
        let app =
            Totp { secret: Secret::new(KEY.to_vec()), parameters: Parameters::default(), used: Step(0), replays: 0 };
        let detail = Detail::Totp(app);
        account.factors.push(Factor { id: FactorId(id), name: "phone".into(), created: NOW, last_used: None, detail });
    }
    account.backup = BackupSet { salt: [1; 16], codes: vec![BackupCode { id: 1, digest: [2; 32] }] };
    account
}

fn code(step: i64) -> String {
    let app = totp_rs::Builder::new().with_secret(KEY.to_vec()).build_noncompliant();
    app.generate(u64::try_from(step * 30).unwrap()).to_string()
}

fn confirm_with(account: &Account, needed: u8, steps: &[i64]) -> Result<Confirming, Refusal> {
    let codes: Vec<String> = steps.iter().map(|step| code(NOW.0 / 30 + step)).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    confirm(account, &Permission::Unproved, (PENDING, &codes), &rules(needed), (&at(NOW), TICKET))
}

#[test]
fn an_account_that_has_nothing_begins_by_itself_and_one_that_has_something_proves_it_first() {
    let begin = |account: &Account, permission| {
        begin_totp(account, &permission, &rules(1), (None, false), (&at(NOW), TICKET)).map(|_| ())
    };
    assert_eq!(begin(&nobody(), Permission::Unproved), Ok(()));
    assert_eq!(begin(&with_phones(1), Permission::Unproved), Err(Refusal::ProveFirst));
    assert_eq!(begin(&with_phones(1), Permission::Root), Ok(()));
    let mut only_codes = with_phones(1);
    only_codes.factors.clear();
    assert_eq!(begin(&only_codes, Permission::Unproved), Err(Refusal::ProveFirst));
}

#[test]
fn where_enrolling_takes_an_invitation_nobody_begins_alone_but_whoever_has_a_factor_adds_one() {
    let rules = Rules { by_invitation: true, ..rules(1) };
    let begin = |account: &Account, permission| {
        begin_totp(account, &permission, &rules, (None, false), (&at(NOW), TICKET)).map(|_| ())
    };
    assert_eq!(begin(&nobody(), Permission::Unproved), Err(Refusal::InvitedOnly));
    assert_eq!(begin(&nobody(), Permission::Root), Ok(()));
    assert_eq!(begin(&with_phones(1), proven(&proof(), NOW)), Ok(()));
}

#[test]
fn what_was_begun_before_invitations_were_asked_for_is_not_confirmed_without_one() {
    let code = code(NOW.0 / 30);
    let confirming = |permission, by_invitation| {
        let rules = Rules { by_invitation, ..rules(1) };
        confirm(&with_pending(), &permission, (PENDING, &[&code]), &rules, (&at(NOW), TICKET)).map(|_| ())
    };
    assert_eq!(confirming(Permission::Unproved, true), Err(Refusal::InvitedOnly));
    assert_eq!(confirming(Permission::Unproved, false), Ok(()));
    assert_eq!(confirming(Permission::Root, true), Ok(()));
}

#[test]
fn every_change_needs_the_same_permission() {
    let (account, unproved) = (with_phones(2), Permission::Unproved);
    let now = at(NOW);
    let when = (&now, TICKET);
    assert_eq!(new_backup_codes(&account, &unproved, when).map(|_| ()), Err(Refusal::ProveFirst));
    assert_eq!(remove(&account, &unproved, &rules(1), PHONE, when).map(|_| ()), Err(Refusal::ProveFirst));
    assert_eq!(rename(&account, &unproved, PHONE, "x", when).map(|_| ()), Err(Refusal::ProveFirst));
}

#[test]
fn a_begun_enrollment_is_resumed_with_the_same_secret_until_it_ends_or_a_fresh_one_is_wished() {
    let begin = |account: &Account, fresh, now| match begin_totp(
        account,
        &Permission::Unproved,
        &rules(1),
        (None, fresh),
        (&at(now), TICKET),
    ) {
        Ok(Begun::Resumed(pending)) => Some(pending.id),
        Ok(Begun::New(_)) => None,
        Err(refusal) => panic!("{refusal}"),
    };
    assert_eq!(begin(&with_pending(), false, NOW.plus(599)), Some(PENDING));
    assert_eq!(begin(&with_pending(), false, NOW.plus(600)), None);
    assert_eq!(begin(&with_pending(), true, NOW), None);
}

#[test]
fn one_code_confirms_and_makes_ten_backup_codes_and_its_step_is_used_up() {
    let Ok(Confirming::Right(commit, shown)) = confirm_with(&with_pending(), 1, &[0]) else { panic!() };
    assert_eq!(commit.seen, Seen::At(Version(1)));
    assert!(matches!(commit.writes[0], Write::Confirm { factor: PENDING, step } if step.0 == NOW.0 / 30));
    assert_eq!(shown.len(), 10);
    assert!(matches!(&commit.writes[1], Write::NewBackupCodes { digests, .. } if digests.len() == 10));
}

#[test]
fn a_second_phone_keeps_the_backup_codes_there_are() {
    let mut account = with_phones(1);
    account.pending = with_pending().pending;
    let Ok(Confirming::Right(commit, shown)) = confirm_with(&account, 1, &[0]) else { panic!() };
    assert_eq!((commit.writes.len(), shown.len()), (1, 0));
}

#[test]
fn with_two_codes_they_must_be_consecutive() {
    let account = with_pending();
    assert!(matches!(confirm_with(&account, 2, &[0]), Ok(Confirming::OneMore)));
    for steps in [[-2, -1], [-1, 0], [0, 1]] {
        let confirmed = confirm_with(&account, 2, &steps);
        assert!(matches!(confirmed, Ok(Confirming::Right(..))), "{steps:?} {confirmed:?}");
    }
    for steps in [[0, 0], [-1, 1], [1, 0]] {
        assert!(matches!(confirm_with(&account, 2, &steps), Ok(Confirming::NotConsecutive)), "{steps:?}");
    }
    assert_eq!(confirm_with(&account, 2, &[-1, 0, 1]).map(|_| ()), Err(Refusal::BadCodes));
}

#[test]
fn a_wrong_code_and_a_wrong_clock_are_told_apart() {
    let account = with_pending();
    assert!(matches!(confirm_with(&account, 1, &[-6]), Ok(Confirming::ClockOff(-180))));
    assert!(matches!(confirm_with(&account, 1, &[-2]), Ok(Confirming::ClockOff(-60))));
    let wrong = confirm(&account, &Permission::Root, (PENDING, &["not a code"]), &rules(1), (&at(NOW), TICKET));
    assert!(matches!(wrong, Ok(Confirming::Wrong(None))));
}

#[test]
fn what_is_not_pending_or_has_ended_is_not_confirmed() {
    assert_eq!(confirm_with(&nobody(), 1, &[0]).map(|_| ()), Err(Refusal::NotFound));
    let right = code(NOW.0 / 30 + 20);
    let ended = at(NOW.plus(PENDING_SECONDS));
    let confirmed = confirm(&with_pending(), &Permission::Unproved, (PENDING, &[&right]), &rules(1), (&ended, TICKET));
    assert_eq!(confirmed.map(|_| ()), Err(Refusal::NotFound));
}

#[test]
fn the_last_required_factor_stays_unless_root_takes_it() {
    let required = Rules { required: true, ..rules(1) };
    let remove = |account: &Account, permission, rules: &Rules| {
        super::remove(account, &permission, rules, PHONE, (&at(NOW), TICKET)).map(|commit| commit.writes.len())
    };
    let proof = proof();
    let proved = || proven(&proof, NOW);
    assert_eq!(remove(&with_phones(1), proved(), &required), Err(Refusal::LastRequired));
    assert_eq!(remove(&with_phones(2), proved(), &required), Ok(1));
    assert_eq!(remove(&with_phones(1), proved(), &rules(1)), Ok(1));
    assert_eq!(remove(&with_phones(1), Permission::Root, &required), Ok(1));
    let none_taken = Rules { required: true, kinds: Kinds::NONE, ..rules(1) };
    assert_eq!(remove(&with_phones(2), proved(), &none_taken), Err(Refusal::LastRequired));
}

#[test]
fn removing_the_only_factor_removes_its_backup_codes_too() {
    let commit = remove(&with_phones(1), &Permission::Root, &rules(1), PHONE, (&at(NOW), TICKET)).unwrap();
    assert!(matches!(commit.writes[..], [Write::RemoveAll]));
}

#[test]
fn a_proof_counts_for_five_minutes_and_not_before_it_was_made() {
    let (account, proof) = (with_phones(2), proof());
    let rename = |now: Time| rename(&account, &proven(&proof, NOW), PHONE, "x", (&at(now), TICKET));
    assert!(rename(NOW.plus(300)).is_ok());
    assert_eq!(rename(NOW.plus(301)).map(|_| ()), Err(Refusal::ProveFirst));
    assert_eq!(rename(NOW.plus(-1)).map(|_| ()), Err(Refusal::ProveFirst));
}

#[test]
fn a_proof_counts_under_the_factors_it_was_made_with_and_through_changes_of_its_own() {
    let (mut account, proof) = (with_phones(2), proof());
    let rename = |account: &Account, changes| {
        let permission = Permission::Proved { proof: &proof, at: NOW, changes };
        rename(account, &permission, PHONE, "x", (&at(NOW), TICKET)).map(|_| ())
    };
    account.factor_generation = 1;
    assert_eq!(rename(&account, 0), Err(Refusal::ProveFirst), "somebody else's change");
    assert_eq!(rename(&account, 1), Ok(()), "its own change");
    account.factor_generation = 2;
    assert_eq!(rename(&account, 1), Err(Refusal::ProveFirst), "its own change and somebody else's");
}

#[test]
fn names_are_short_and_printable() {
    let account = with_phones(1);
    let rename = |name: &str| rename(&account, &Permission::Root, PHONE, name, (&at(NOW), TICKET)).map(|_| ());
    assert_eq!(rename(" my phone "), Ok(()));
    for bad in ["", "   ", "a\nb", "\u{1b}[31m", &"x".repeat(65)] {
        assert_eq!(rename(bad), Err(Refusal::BadName), "{bad:?}");
    }
}

#[test]
fn a_reset_takes_everything_and_forgets_failures() {
    assert!(reset(&nobody(), None, (&at(NOW), TICKET)).unwrap().is_none());
    let commit = reset(&with_phones(2), None, (&at(NOW), TICKET)).unwrap().unwrap();
    assert!(matches!(commit.writes[0], Write::RemoveAll));
    assert_eq!(commit.writes.len(), 9);
    let commit = reset(&with_phones(2), Some(PHONE), (&at(NOW), TICKET)).unwrap().unwrap();
    assert!(matches!(commit.writes[..], [Write::Remove(PHONE)]));
    assert_eq!(reset(&with_phones(1), Some(FactorId(9)), (&at(NOW), TICKET)).map(|_| ()), Err(Refusal::NotFound));
}

fn proven(proof: &Proof, at: Time) -> Permission<'_> {
    Permission::Proved { proof, at, changes: 0 }
}

/// A real proof: there is no other way to have one.
fn proof() -> Proof {
    use crate::dialog::{Dialog, Effect, Event, Next, Setting, Turn, Verdict};
    use crate::policy::{Ask, Plan};
    let plan = Plan::Factors(Ask { kinds: Kinds::ALL, verify_user: false, ask_again: 0, remember: 0 });
    let caller = crate::throttle::Caller::Plain;
    let (site, issuer, label) = Default::default();
    let welcome = crate::dialog::Welcome { site, issuer, label, terminal: false, rules: rules(1) };
    let setting = Setting::distant(caller, welcome, NOW.plus(120));
    let (dialog, _) = Dialog::begin(plan, with_phones(1), setting, &at(NOW));
    let (dialog, _) = dialog.step(Event::Answer(Zeroizing::new(code(NOW.0 / 30))), &at(NOW));
    match dialog.step(Event::Committed, &at(NOW)).1 {
        Effect::Turn(Turn { next: Next::Done(Verdict::Pass(proof)), .. }) => proof,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_owners_wrong_codes_are_counted_and_after_five_none_is_looked_at() {
    let mut account = with_pending();
    let mut guess = |code: &str| {
        let confirming = confirm(&account, &Permission::Unproved, (PENDING, &[code]), &rules(1), (&at(NOW), TICKET));
        if let Ok(Confirming::Wrong(Some(commit))) = &confirming {
            let [Write::Throttle(bucket, throttle)] = &commit.writes[..] else { panic!("{commit:?}") };
            account.throttles.set(*bucket, *throttle);
        }
        confirming
    };
    for _ in 0..5 {
        assert!(matches!(guess("000000"), Ok(Confirming::Wrong(Some(_)))));
    }
    assert_eq!(guess(&code(NOW.0 / 30)).unwrap_err(), Refusal::Throttled(Gate::Wait(30)));
    let administrator =
        confirm(&account, &Permission::Root, (PENDING, &[&code(NOW.0 / 30)]), &rules(1), (&at(NOW), TICKET));
    assert!(matches!(administrator, Ok(Confirming::Right(..))));
    assert_eq!(account.throttles.get(Bucket { caller: Caller::Root, guess: Guess::Code }), Throttle::default());
}
