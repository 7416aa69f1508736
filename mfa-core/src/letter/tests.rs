//! Which letters follow from what happened, to whom, and what stands in them.

use super::*;
use crate::account::{BackupCode, BackupSet, Detail, Factor, Identity, Pending, Totp};
use crate::factor::Kind;
use crate::factor::totp::{Parameters, Step};
use crate::throttle::{Bucket, Throttle};

const APP: FactorId = FactorId(1);
const NEW: FactorId = FactorId(2);

fn account(backup_codes: i64) -> Account {
    let secret = || Secret::new(vec![1; 20]);
    let parameters = Parameters::default();
    let detail = Detail::Totp(Totp { secret: secret(), parameters, used: Step(0), replays: 0 });
    let name = "old phone".to_owned();
    Account {
        factors: vec![Factor { id: APP, name, created: Time(0), last_used: None, detail }],
        pending: Some(Pending {
            id: NEW,
            name: "new phone".to_owned(),
            secret: secret(),
            parameters,
            until: Time(600),
        }),
        backup: BackupSet {
            codes: (0..backup_codes).map(|id| BackupCode { id, digest: [0; 32] }).collect(),
            ..BackupSet::default()
        },
        ..Account::absent(Identity { uid: 1000, name: "alice".to_owned() })
    }
}

fn topics(record: Record, writes: &[Write]) -> Vec<Topic> {
    that_follow(&record, writes, &account(10)).into_iter().map(|letter| letter.topic).collect()
}

fn value<'a>(letter: &'a Letter, field: &str) -> &'a str {
    &letter.values.iter().find(|(name, _)| *name == field).unwrap().1
}

#[test]
fn an_added_and_a_removed_factor_are_told_by_their_names() {
    for (what, id, name, topic) in
        [(What::Added, NEW, "new phone", Topic::FactorAdded), (What::Removed, APP, "old phone", Topic::FactorRemoved)]
    {
        let record = Record::of(what).with(Kind::Totp, Some(id));
        let letters = that_follow(&record, &[], &account(10));
        assert_eq!((letters.len(), letters[0].topic), (1, topic));
        assert_eq!((value(&letters[0], "name"), value(&letters[0], "factor")), (name, "phone code"));
    }
}

#[test]
fn what_is_added_at_once_is_told_by_the_name_it_gets() {
    let detail = || account(0).factors.remove(0).detail;
    for what in [What::Added, What::Imported] {
        let writes = [Write::Add { name: "blue key".to_owned(), detail: detail() }];
        let letters = that_follow(&Record::of(what).with(Kind::SecurityKey, None), &writes, &account(10));
        assert_eq!((letters.len(), letters[0].topic), (1, Topic::FactorAdded));
        assert_eq!((value(&letters[0], "name"), value(&letters[0], "factor")), ("blue key", "security key"));
    }
}

#[test]
fn a_counter_that_went_back_is_told_to_the_administrators_and_to_the_owner() {
    let letters = that_follow(&Record::of(What::CounterBack).with(Kind::SecurityKey, Some(APP)), &[], &account(10));
    let to: Vec<_> = letters.iter().map(|letter| (&letter.to, letter.topic, value(letter, "name"))).collect();
    let (topic, name) = (Topic::CounterBack, "old phone");
    assert_eq!(to, [(&To::Administrators, topic, name), (&To::Owner, topic, name)]);
}

#[test]
fn the_owner_is_told_of_a_code_that_an_administrator_gave_to_whomever() {
    for (what, topic) in [(What::Invited, Topic::Invited), (What::TempCodeGiven, Topic::TempCodeGiven)] {
        let letters = that_follow(&Record::of(what), &[], &account(10));
        assert_eq!(letters, [Letter::to_owner(topic)]);
    }
}

#[test]
fn a_login_with_an_app_is_not_worth_a_letter() {
    let writes = [Write::UseStep { factor: APP, step: Step(5) }];
    assert_eq!(topics(Record::of(What::Passed).with(Kind::Totp, Some(APP)), &writes), []);
}

#[test]
fn a_used_backup_code_says_how_many_are_left_and_when_they_are_few() {
    for (had, left, topic) in [
        (10, "9", Topic::BackupCodeUsed),
        (5, "4", Topic::BackupCodeUsed),
        (4, "3", Topic::FewBackupCodes),
        (1, "0", Topic::FewBackupCodes),
    ] {
        let letters = that_follow(&Record::of(What::Passed), &[Write::UseBackupCode { id: 0 }], &account(had));
        assert_eq!((letters.len(), letters[0].topic, value(&letters[0], "left")), (1, topic, left));
    }
}

#[test]
fn of_all_failures_the_one_that_closes_is_told() {
    let mut throttle = Throttle::default();
    let mut told = Vec::new();
    for failure in 1..=120 {
        // As a guesser does who tries again as soon as it is possible.
        throttle = throttle.failed(throttle.until.max(throttle.last));
        for topic in topics(Record::of(What::Wrong), &[Write::Throttle(Bucket::ALL[0], throttle)]) {
            told.push((failure, topic));
        }
    }
    assert_eq!(told, [(5, Topic::Throttled), (100, Topic::CodesOff)]);
}

#[test]
fn a_changed_address_is_told_to_the_old_one_and_to_the_new_one() {
    let address = |text: &str| -> Address { text.parse().unwrap() };
    let (old, new) = (address("old@a.example"), address("new@b.example"));
    let of_site = account(1);
    let own = Account { address: Some(old.clone()), ..account(1) };
    let recipients = |before: &Account, to: Option<&Address>| -> Vec<To> {
        let letters = that_follow(&Record::of(What::AddressChanged), &[Write::Address(to.cloned())], before);
        assert!(letters.iter().all(|letter| letter.topic == Topic::AddressChanged && letter.values.len() == 2));
        letters.into_iter().map(|letter| letter.to).collect()
    };
    assert_eq!(recipients(&of_site, Some(&new)), [To::Directory, To::Address(new.clone())]);
    assert_eq!(recipients(&own, Some(&new)), [To::Address(old.clone()), To::Address(new)]);
    assert_eq!(recipients(&own, None), [To::Address(old), To::Directory]);
}

#[test]
fn every_letter_says_all_that_its_topic_can_say() {
    let factor = |what| Record::of(what).with(Kind::Totp, Some(APP));
    let closing =
        |failures, in_a_row| Write::Throttle(Bucket::ALL[0], Throttle { failures, in_a_row, ..Throttle::default() });
    let commits = [
        (factor(What::Added), vec![]),
        (factor(What::Removed), vec![]),
        (factor(What::CounterBack), vec![]),
        (Record::of(What::Reset), vec![Write::RemoveAll]),
        (Record::of(What::Invited), vec![Write::EndPending]),
        (Record::of(What::TempCodeGiven), vec![]),
        (Record::of(What::NewBackupCodes), vec![]),
        (Record::of(What::Passed), vec![Write::UseBackupCode { id: 0 }]),
        (Record::of(What::Wrong), vec![closing(5, 5)]),
        (Record::of(What::Wrong), vec![closing(7, 100)]),
        (Record::of(What::ToldRequired), vec![Write::TellRequired]),
        (Record::of(What::AddressChanged), vec![Write::Address(None)]),
    ];
    for (record, writes) in commits {
        let letters = that_follow(&record, &writes, &account(10));
        assert!(!letters.is_empty(), "{record:?}");
        for letter in letters {
            let said: Vec<&str> = letter.values.iter().map(|(field, _)| *field).collect();
            assert_eq!(said, letter.topic.fields(), "{:?}", letter.topic);
        }
    }
}

#[test]
fn a_letter_with_a_code_says_for_how_long_and_never_prints_it() {
    let to: Address = "a@example.com".parse().unwrap();
    let letter = Letter::with_code(to, Secret::new(b"49281730".to_vec()), (Time(100), Time(700)));
    assert_eq!(value(&letter, "minutes"), "10");
    assert!(!format!("{letter:?}").contains("49281730"));
}

#[test]
fn every_topic_is_found_by_its_word() {
    for topic in Topic::ALL {
        assert_eq!(Topic::of(topic.as_str()), Some(topic));
    }
    assert_eq!(Topic::of("factor"), None);
}
