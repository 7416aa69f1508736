//! Taking a factor over from another program: an app's secret is known to a phone already, a security key holds its
//! credential already, and nobody is there to confirm it.
//!
//! The codes that the other program may have taken are void here. What the account has is not added again.

use crate::account::{Account, Commit, Detail, Record, Ticket, Totp, What, Write};
use crate::enrollment::{MOST_FACTORS, checked_name, commit};
use crate::factor::security_key::Credential;
use crate::factor::totp::{Parameters, Step};
use crate::given;
use crate::{Secret, Time};
use std::fmt;

/// Bytes of the shortest secret that is taken: the 80 bits that were usual once. New ones have 160 and more.
pub const SHORTEST_SECRET: usize = 10;
/// Bytes of the longest secret that is taken.
pub const LONGEST_SECRET: usize = 128;

/// An app as the other program kept it.
#[derive(Debug)]
pub struct App {
    /// What it will be called.
    pub name: String,
    /// The shared secret.
    pub secret: Secret,
    /// Algorithm, digits, period.
    pub parameters: Parameters,
}

/// Why a factor is not taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The account has a factor that was not taken over with this one.
    Enrolled,
    /// The account has as many factors as it may have.
    TooMany,
    /// A name that is empty, too long, or holds control characters.
    BadName,
    /// A secret that could be guessed.
    TooShort,
    /// A secret longer than any app's.
    TooLong,
    /// A clock before 1970.
    NoTime,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Enrolled => "There is a factor already. If this is to be one too, name its owner: --user NAME",
            Self::TooMany => "There are 20 factors already. Remove one first: mfactl reset NAME --factor ID",
            Self::BadName => "A name is 1 to 64 characters long, none of them control characters.",
            Self::TooShort => "The secret has fewer than 80 bits. Enroll a new one: mfa-enroll",
            Self::TooLong => "The secret has more than 128 bytes. Enroll a new one: mfa-enroll",
            Self::NoTime => "This machine's clock is before 1970. Set it first: timedatectl status",
        })
    }
}

impl std::error::Error for Refusal {}

/// Takes an app over; an administrator's. `None` if the account has this secret already. `seat` is what
/// [`crate::enrollment::seat`] says of a first factor. Only with `beside` it may join factors that are there: whoever
/// can write to somebody's home must not add a factor of theirs by leaving a file for the next time this is done.
///
/// # Errors
/// [`Refusal`]
pub fn import(
    account: &Account,
    app: App,
    (seat, beside): (Option<Write>, bool),
    (now, ticket): (Time, Ticket),
) -> Result<Option<Commit>, Refusal> {
    let App { name, secret, parameters } = app;
    match secret.expose().len() {
        ..SHORTEST_SECRET => return Err(Refusal::TooShort),
        SHORTEST_SECRET..=LONGEST_SECRET => {}
        _ => return Err(Refusal::TooLong),
    }
    let beside = beside || !account.is_enrolled();
    if !may_join(account, has(account, &secret), beside)? {
        return Ok(None);
    }
    // A code of the next step is taken early, so the other program may have taken that, too.
    let Step(current) = parameters.step_at(now).ok_or(Refusal::NoTime)?;
    let used = Step(current.saturating_add(1));
    let detail = Detail::Totp(Totp { secret, parameters, used, replays: 0 });
    take(account, (&name, detail), seat, (now, ticket)).map(Some)
}

/// Takes a security key over, as [`import`] takes an app. What it was enrolled with elsewhere goes on working there.
///
/// # Errors
/// [`Refusal`]
pub fn import_key(
    account: &Account,
    (name, credential): (&str, Credential),
    (seat, beside): (Option<Write>, bool),
    (now, ticket): (Time, Ticket),
) -> Result<Option<Commit>, Refusal> {
    let is_there = account.security_keys().any(|(_, known)| known.id == credential.id || known.key == credential.key);
    if !may_join(account, is_there, beside || !account.is_enrolled())? {
        return Ok(None);
    }
    take(account, (name, Detail::SecurityKey(credential)), seat, (now, ticket)).map(Some)
}

/// Whether it is to be added; not if it is there already.
fn may_join(account: &Account, is_there: bool, beside: bool) -> Result<bool, Refusal> {
    match is_there {
        true => Ok(false),
        false if !beside => Err(Refusal::Enrolled),
        false if account.factors.len() >= MOST_FACTORS => Err(Refusal::TooMany),
        false => Ok(true),
    }
}

fn take(
    account: &Account,
    (name, detail): (&str, Detail),
    seat: Option<Write>,
    (now, ticket): (Time, Ticket),
) -> Result<Commit, Refusal> {
    let record = Record::of(What::Imported).with(detail.kind(), None);
    let write = Write::Add { name: checked_name(name).map_err(|_| Refusal::BadName)?, detail };
    // What was begun while nothing was enrolled, and so without a proof, is not confirmed beside it.
    let pending = account.pending.as_ref().map(|_| Write::EndPending);
    // Whoever brings a first factor along needs no code for another.
    let writes = std::iter::once(write).chain(pending).chain(seat).chain(given::end_invitation(account)).collect();
    let at = crate::At { now, fresh: Secret::new(Vec::new()) };
    Ok(commit(account, writes, record, (&at, ticket)))
}

/// Whether one of its apps has this secret. All of them are compared, each in constant time.
fn has(account: &Account, secret: &Secret) -> bool {
    let apps = account.factors.iter().filter_map(|factor| factor.detail.app());
    apps.fold(false, |found, app| found | (app.secret == *secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{Factor, FactorId, Identity, Pending, Seen, Version};
    use crate::factor::security_key::{CoseKey, CredentialId};
    use crate::factor::totp::{Algorithm, find};

    const NOW: Time = Time(1_800_000_000);

    fn app(bytes: &[u8]) -> App {
        App { name: "phone".into(), secret: Secret::new(bytes.to_vec()), parameters: Parameters::default() }
    }

    fn absent() -> Account {
        Account::absent(Identity { uid: 1000, name: "alice".into() })
    }

    /// An account after the commit.
    fn with(mut account: Account, commit: Commit) -> Account {
        for write in commit.writes {
            let Write::Add { name, detail } = write else { panic!("{write:?}") };
            let id = FactorId(i64::try_from(account.factors.len()).unwrap() + 1);
            account.factors.push(Factor { id, name, created: commit.at, last_used: None, detail });
        }
        account.version = Some(Version(1));
        account
    }

    fn take(account: &Account, app: App) -> Result<Option<Commit>, Refusal> {
        import(account, app, (None, true), (NOW, Ticket(1)))
    }

    #[test]
    fn a_secret_of_eighty_bits_is_taken_and_a_shorter_one_is_not() {
        assert_eq!(take(&absent(), app(&[1; 9])).unwrap_err(), Refusal::TooShort);
        assert_eq!(take(&absent(), app(&[])).unwrap_err(), Refusal::TooShort);
        assert_eq!(take(&absent(), app(&[1; 129])).unwrap_err(), Refusal::TooLong);
        for length in [10, 16, 20, 64, 128] {
            let commit = take(&absent(), app(&vec![1; length])).unwrap().unwrap();
            assert_eq!((commit.seen, commit.record.what), (Seen::Absent, What::Imported));
            assert_eq!(commit.changes_of_factors(), 1);
        }
    }

    #[test]
    fn a_code_that_the_other_program_may_have_taken_is_used_up_and_the_one_after_is_not() {
        for period in [30, 60] {
            let parameters = Parameters::new(Algorithm::Sha1, 6, period).unwrap();
            let commit = take(&absent(), App { parameters, ..app(&[1; 10]) }).unwrap().unwrap();
            let account = with(absent(), commit);
            let taken = account.factors[0].detail.app().unwrap();
            let Step(current) = parameters.step_at(NOW).unwrap();
            assert_eq!(taken.used, Step(current + 1));
            let phone = totp_rs::Builder::new()
                .with_algorithm(totp_rs::Algorithm::SHA1)
                .with_step_duration(u64::from(period))
                .with_secret(taken.secret.expose().to_vec())
                .build_noncompliant();
            let code = phone.generate(NOW.0 as u64).to_string();
            let apps = || [(FactorId(1), taken)].into_iter();
            let finding = find(apps(), &code, NOW);
            assert!(matches!(finding, crate::factor::totp::Finding::Used(_)), "{finding:?}");
        }
    }

    #[test]
    fn a_secret_that_is_there_is_not_added_again_under_any_name_or_with_any_parameters() {
        let account = with(absent(), take(&absent(), app(&[1; 10])).unwrap().unwrap());
        let eight = Parameters::new(Algorithm::Sha256, 8, 60).unwrap();
        assert!(take(&account, app(&[1; 10])).unwrap().is_none());
        assert!(take(&account, App { name: "other".into(), parameters: eight, ..app(&[1; 10]) }).unwrap().is_none());
        assert!(take(&account, app(&[2; 10])).unwrap().is_some());
    }

    #[test]
    fn an_app_joins_others_only_if_that_is_said_so_that_a_file_left_in_a_home_adds_nothing() {
        let account = with(absent(), take(&absent(), app(&[1; 10])).unwrap().unwrap());
        let alone = |app| import(&account, app, (None, false), (NOW, Ticket(1)));
        assert_eq!(alone(app(&[2; 10])).unwrap_err(), Refusal::Enrolled);
        assert!(alone(app(&[1; 10])).unwrap().is_none(), "what is there is there");
    }

    #[test]
    fn a_security_key_is_taken_once_by_its_id_or_public_key_and_joins_others_only_if_that_is_said() {
        let key = |id: u8, point: u8| {
            let signing = p256::ecdsa::SigningKey::from_slice(&[point; 32]).unwrap();
            Credential {
                id: CredentialId::new(vec![id; 8]).unwrap(),
                key: CoseKey::Es256(*signing.verifying_key()),
                relying_party: "pam://web1".parse().unwrap(),
                counter: 0,
                aaguid: None,
                u2f: true,
            }
        };
        let take = |account: &Account, key, beside| {
            import_key(account, ("security key (imported)", key), (None, beside), (NOW, Ticket(1)))
        };
        let commit = take(&absent(), key(1, 1), false).unwrap().unwrap();
        assert_eq!((commit.record.what, commit.letters.len()), (What::Imported, 1));
        assert_eq!(commit.record.factor, Some((crate::factor::Kind::SecurityKey, None)));
        let account = with(absent(), commit);
        assert!(take(&account, key(1, 2), true).unwrap().is_none(), "this id");
        assert!(take(&account, key(2, 1), true).unwrap().is_none(), "this public key");
        assert_eq!(take(&account, key(2, 2), false).unwrap_err(), Refusal::Enrolled);
        assert!(take(&account, key(2, 2), true).unwrap().is_some());
    }

    #[test]
    fn what_was_begun_without_a_proof_is_not_confirmed_beside_an_app_that_was_taken_over() {
        let pending = Pending {
            id: FactorId(9),
            name: "phone".into(),
            secret: Secret::new(vec![1; 20]),
            parameters: Parameters::default(),
            until: NOW.plus(600),
        };
        let account = Account { pending: Some(pending), version: Some(Version(1)), ..absent() };
        let commit = take(&account, app(&[2; 10])).unwrap().unwrap();
        assert!(commit.writes.iter().any(|write| matches!(write, Write::EndPending)));
    }

    #[test]
    fn an_account_that_is_full_takes_no_more_but_knows_what_it_has() {
        let account = (0..20).fold(absent(), |account, number| {
            let commit = take(&account, app(&[number; 10])).unwrap().unwrap();
            with(account, commit)
        });
        assert_eq!(take(&account, app(&[99; 10])).unwrap_err(), Refusal::TooMany);
        assert!(take(&account, app(&[7; 10])).unwrap().is_none());
    }

    #[test]
    fn names_are_checked_and_a_clock_before_1970_takes_nothing() {
        for name in ["", " ", "a\nb", &"x".repeat(65)] {
            assert_eq!(take(&absent(), App { name: name.into(), ..app(&[1; 10]) }).unwrap_err(), Refusal::BadName);
        }
        assert_eq!(
            import(&absent(), app(&[1; 10]), (None, false), (Time(-1), Ticket(1))).unwrap_err(),
            Refusal::NoTime
        );
    }
}
