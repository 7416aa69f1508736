//! A security key becomes a factor by two touches, and by nothing less.

use super::*;
use crate::account::{Identity, Seen, Ticket, Version, What, Write};
use crate::enrollment::tests::{nobody, rules};
use crate::enrollment::{MOST_FACTORS, PENDING_SECONDS};
use crate::factor::Kinds;
use crate::factor::security_key::{CoseKey, Makers};
use crate::factor::totp::Parameters;
use crate::seats::Claim;
use crate::{Secret, Time};
use p256::ecdsa::signature::Signer;
use p256::ecdsa::{DerSignature, SigningKey};
use sha2::{Digest, Sha256};

const NOW: Time = Time(1_795_392_000);
const TICKET: Ticket = Ticket(1);

/// A key that does as it is told, and how often it has signed.
struct Key {
    private: SigningKey,
    id: Vec<u8>,
    counter: u32,
}

impl Key {
    fn new(number: u8) -> Self {
        Self { private: SigningKey::from_slice(&[number; 32]).unwrap(), id: vec![number; 20], counter: 0 }
    }

    fn data(&mut self, challenge: &Challenge, flags: u8, more: &[u8]) -> Vec<u8> {
        self.counter += 1;
        let count = self.counter.to_be_bytes();
        [&challenge.relying_party().hash()[..], &[flags], &count, more].concat()
    }

    fn make(&mut self, challenge: &Challenge) -> Attested {
        let key = CoseKey::Es256(*self.private.verifying_key()).to_cose();
        let more = [&[0; 16][..], &[0, 20], &self.id, &key].concat();
        let authenticator_data = self.data(challenge, 0x45, &more);
        let (client_data, statement) = (challenge.client_data(), vec![0xa0]);
        Attested { client_data, authenticator_data, format: "none".into(), statement, u2f: false }
    }

    fn sign(&mut self, challenge: &Challenge, flags: u8) -> Assertion {
        let authenticator_data = self.data(challenge, flags, &[]);
        let message = [&authenticator_data[..], &Sha256::digest(challenge.client_data())].concat();
        let signature: DerSignature = self.private.sign(&message);
        let (credential, signature) = (self.id.clone(), signature.as_bytes().to_vec());
        Assertion { credential, client_data: challenge.client_data(), authenticator_data, signature }
    }
}

fn at_with(now: Time, seed: u32) -> At {
    let bytes = (seed..).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).take(At::FRESH).collect();
    At { now, fresh: Secret::new(bytes) }
}

fn at(now: Time) -> At {
    at_with(now, 0)
}

fn host() -> RelyingParty {
    RelyingParty::of_site("web1").unwrap()
}

fn begin(account: &Account, rules: &Rules) -> Result<Making, Refusal> {
    begin_security_key(account, &Permission::Unproved, rules, (None, &host()), &at(NOW))
}

fn made(account: &Account, making: Making, said: &Attested) -> Result<Made, NotAdded> {
    let makers = Makers::nobody();
    let demand = Demand { verify_user: false, attestation: false, aaguids: &[], makers: &makers, now: NOW };
    security_key_made(account, making, said, &demand, &at_with(NOW, 99))
}

fn confirm(account: &Account, made: &Made, said: &Assertion) -> Result<Commit, NotAdded> {
    let given = (&at(NOW), TICKET);
    confirm_security_key(account, &Permission::Root, &rules(1), (made, said), given).map(|(commit, _)| commit)
}

/// Both touches of a key.
fn add(account: &Account, key: &mut Key) -> Result<(Commit, Vec<Zeroizing<String>>), NotAdded> {
    let making = begin_security_key(account, &Permission::Root, &rules(1), (Some("blue"), &host()), &at(NOW))?;
    let said = key.make(making.challenge());
    let made = made(account, making, &said)?;
    let said = key.sign(made.challenge(), 1);
    confirm_security_key(account, &Permission::Root, &rules(1), (&made, &said), (&at(NOW), TICKET))
}

/// The account with what the commit adds.
fn with(mut account: Account, commit: Commit) -> Account {
    for write in commit.writes {
        match write {
            Write::Add { name, detail } => {
                let id = FactorId(i64::try_from(account.factors.len()).unwrap() + 1);
                account.factors.push(crate::account::Factor { id, name, created: NOW, last_used: None, detail });
            }
            Write::NewBackupCodes { salt, digests } => {
                let codes = (0..).zip(digests).map(|(id, digest)| crate::account::BackupCode { id, digest });
                account.backup = crate::account::BackupSet { salt, codes: codes.collect() };
            }
            other => panic!("{other:?}"),
        }
    }
    account.version = Some(Version(1));
    account
}

#[test]
fn two_touches_make_a_factor_and_the_first_one_brings_backup_codes() {
    let (commit, codes) = add(&nobody(), &mut Key::new(1)).unwrap();
    assert_eq!((commit.seen, commit.record.what, codes.len()), (Seen::Absent, What::Added, 10));
    assert_eq!(commit.record.factor, Some((Kind::SecurityKey, None)));
    assert_eq!(commit.letters.len(), 1);
    let account = with(nobody(), commit);
    let credential = account.security_keys().next().unwrap().1;
    assert_eq!((credential.counter, credential.relying_party.as_str()), (2, "web1"), "both touches are counted");
    assert_eq!(account.factors[0].name, "blue");
    let (commit, codes) = add(&account, &mut Key::new(2)).unwrap();
    assert!(codes.is_empty(), "there are codes already");
    assert_eq!(with(account, commit).factors.len(), 2);
}

#[test]
fn a_key_that_is_enrolled_is_not_enrolled_again_by_its_id_or_its_public_key() {
    let mut key = Key::new(1);
    let account = with(nobody(), add(&nobody(), &mut key).unwrap().0);
    let known: Vec<_> = enrolled_keys(&account).map(|(id, for_whom)| (id.as_bytes(), for_whom.as_str())).collect();
    assert_eq!(known, [(&[1; 20][..], "web1")]);
    assert_eq!(add(&account, &mut key).unwrap_err(), NotAdded::Refused(Refusal::AlreadyThere));
    let mut renamed = Key { id: vec![9; 20], ..Key::new(1) };
    assert_eq!(add(&account, &mut renamed).unwrap_err(), NotAdded::Refused(Refusal::AlreadyThere));
    let mut same_id = Key { id: vec![1; 20], ..Key::new(2) };
    assert_eq!(add(&account, &mut same_id).unwrap_err(), NotAdded::Refused(Refusal::AlreadyThere));
    // Between its two touches somebody else has enrolled it.
    let making = begin_security_key(&nobody(), &Permission::Root, &rules(1), (None, &host()), &at(NOW)).unwrap();
    let said = key.make(making.challenge());
    let made = made(&nobody(), making, &said).unwrap();
    let said = key.sign(made.challenge(), 1);
    assert_eq!(confirm(&account, &made, &said).unwrap_err(), NotAdded::Refused(Refusal::AlreadyThere));
}

#[test]
fn each_touch_answers_its_own_question() {
    let mut key = Key::new(1);
    let making = begin(&nobody(), &rules(1)).unwrap();
    let first = key.make(making.challenge());
    let refused = |what| NotAdded::Unacceptable(what);
    let other = begin_security_key(&nobody(), &Permission::Root, &rules(1), (None, &host()), &at_with(NOW, 5)).unwrap();
    assert_eq!(made(&nobody(), other, &first).unwrap_err(), refused(Unacceptable::OtherChallenge));
    let made = made(&nobody(), making.clone(), &first).unwrap();
    assert_ne!(made.challenge().client_data(), making.challenge().client_data());
    let early = key.sign(making.challenge(), 1);
    assert_eq!(confirm(&nobody(), &made, &early).unwrap_err(), refused(Unacceptable::OtherPurpose));
    let untouched = key.sign(made.challenge(), 0);
    assert_eq!(confirm(&nobody(), &made, &untouched).unwrap_err(), refused(Unacceptable::NotTouched));
    let by_other = Key { id: vec![1; 20], counter: 7, ..Key::new(2) }.sign(made.challenge(), 1);
    assert_eq!(confirm(&nobody(), &made, &by_other).unwrap_err(), refused(Unacceptable::Signature));
    key.counter = 0;
    let counts_back = key.sign(made.challenge(), 1);
    assert_eq!(confirm(&nobody(), &made, &counts_back).unwrap_err(), refused(Unacceptable::Signature));
    let right = key.sign(made.challenge(), 1);
    assert!(confirm(&nobody(), &made, &right).is_ok());
}

#[test]
fn where_the_user_must_be_verified_both_touches_say_that() {
    let (mut key, makers) = (Key::new(1), Makers::nobody());
    let demand = Demand { verify_user: true, attestation: false, aaguids: &[], makers: &makers, now: NOW };
    let making = begin(&nobody(), &rules(1)).unwrap();
    let said = key.make(making.challenge());
    let made = security_key_made(&nobody(), making, &said, &demand, &at_with(NOW, 99)).unwrap();
    let bare = key.sign(made.challenge(), 1);
    let refused = confirm(&nobody(), &made, &bare).unwrap_err();
    assert_eq!(refused, NotAdded::Unacceptable(Unacceptable::NotVerified));
    assert!(confirm(&nobody(), &made, &key.sign(made.challenge(), 5)).is_ok());
}

#[test]
fn the_same_rules_hold_as_for_every_factor() {
    let refused = |rules: Rules| begin(&nobody(), &rules).unwrap_err();
    assert_eq!(refused(Rules { mail_first: true, ..rules(1) }), Refusal::ProveFirst);
    assert_eq!(refused(Rules { by_invitation: true, ..rules(1) }), Refusal::InvitedOnly);
    assert_eq!(refused(Rules { kinds: Kinds::ALL.without(Kind::SecurityKey), ..rules(1) }), Refusal::NotTaken);
    assert_eq!(refused(Rules { seat: Claim::Refused, ..rules(1) }), Refusal::NoSeat);
    let enrolled = with(nobody(), add(&nobody(), &mut Key::new(1)).unwrap().0);
    assert_eq!(begin(&enrolled, &rules(1)).unwrap_err(), Refusal::ProveFirst, "a thief of the password adds nothing");
    let full = (2..=20).fold(enrolled, |account, n| {
        let commit = add(&account, &mut Key::new(n)).unwrap().0;
        with(account, commit)
    });
    assert_eq!(full.factors.len(), MOST_FACTORS);
    assert_eq!(add(&full, &mut Key::new(99)).unwrap_err(), NotAdded::Refused(Refusal::TooMany));
    for name in ["", "a\nb", &"x".repeat(65)] {
        let named = begin_security_key(&nobody(), &Permission::Root, &rules(1), (Some(name), &host()), &at(NOW));
        assert_eq!(named.unwrap_err(), Refusal::BadName);
    }
    let unnamed = begin(&nobody(), &rules(1)).unwrap();
    assert_eq!((unnamed.name(), unnamed.user_id().len()), ("security key", 16));
    let dry = At { now: NOW, fresh: Secret::new(vec![1; 31]) };
    let dried = begin_security_key(&nobody(), &Permission::Root, &rules(1), (None, &host()), &dry);
    assert_eq!(dried.unwrap_err(), Refusal::Internal);
}

#[test]
fn what_is_on_its_way_is_one_accounts_and_ends() {
    let mut key = Key::new(1);
    let making = begin(&nobody(), &rules(1)).unwrap();
    let said = key.make(making.challenge());
    let bob = Account::absent(Identity { uid: 1001, name: "bob".into() });
    let gone = NotAdded::Refused(Refusal::NotFound);
    assert_eq!(made(&bob, making.clone(), &said).unwrap_err(), gone);
    let made = made(&nobody(), making, &said).unwrap();
    let said = key.sign(made.challenge(), 1);
    assert_eq!(confirm(&bob, &made, &said).unwrap_err(), gone);
    let late = (&at(NOW.plus(PENDING_SECONDS)), TICKET);
    let ended = confirm_security_key(&nobody(), &Permission::Root, &rules(1), (&made, &said), late);
    assert_eq!(ended.unwrap_err(), gone);
    assert!(confirm(&nobody(), &made, &said).is_ok());
}

#[test]
fn a_first_key_takes_a_seat_and_ends_what_was_begun_without_a_proof() {
    let pending = crate::account::Pending {
        id: FactorId(9),
        name: "phone".into(),
        secret: Secret::new(vec![1; 20]),
        parameters: Parameters::default(),
        until: NOW.plus(600),
    };
    let account = Account { pending: Some(pending), version: Some(Version(1)), ..nobody() };
    let (mut key, seat) = (Key::new(1), Rules { seat: Claim::OneOf(25), ..rules(1) });
    let making = begin(&account, &seat).unwrap();
    let said = key.make(making.challenge());
    let made = made(&account, making, &said).unwrap();
    let said = key.sign(made.challenge(), 1);
    let given = (&at(NOW), TICKET);
    let (commit, _) = confirm_security_key(&account, &Permission::Unproved, &seat, (&made, &said), given).unwrap();
    assert!(commit.writes.iter().any(|write| matches!(write, Write::TakeSeat { of: Some(25) })));
    assert!(commit.writes.iter().any(|write| matches!(write, Write::EndPending)));
}
