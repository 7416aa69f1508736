//! The four operations, and the rules they keep: one key blinks, and only one that holds a credential of the account;
//! no other is given the PIN, one that only says that it holds it neither, and nobody's last tries are used up.

use crate::authenticator_data::{self as data, NO_STATEMENT};
use crate::failure::nonsense;
use crate::ffi::Subject;
use crate::key::{How, Key, Word, c_string};
use crate::line::{NEXT_TURN, QUIET, Within};
use crate::pin::{self, Pin, Way};
use crate::port::Ports;
use crate::survey::{Finding, Held, Holding, Survey};
use mfa_proto::key::{Assert, Asserted, Credential, Failure, Find, Found, Keys, List, Made, Make, Match};
use mfa_proto::{Bytes, Secret, key};
use std::time::Duration;

/// How much longer a key may take than the first that holds a credential, and is still told of.
const OTHERS: Duration = Duration::from_millis(300);
/// The same where a credential is to be made, and a key that was passed over could be the one that is meant: longer than
/// a lock with nothing behind it keeps us from that key.
const OTHERS_WHEN_MAKING: Duration = QUIET.saturating_add(NEXT_TURN).saturating_add(OTHERS);
/// Characters of what a key says of itself, at the most.
const LONGEST_NAME: usize = 64;

/// Which keys are plugged in.
pub(crate) fn list(ports: &dyn Ports, wanted: &List, within: &Within) -> Result<Keys, Failure> {
    let mut survey = Survey::begin(ports, &[], within)?;
    let findings = survey.all(|_| true, OTHERS_WHEN_MAKING);
    let told = |held: Held| key::Key {
        product: wanted.models.then(|| printable(held.port.product())),
        manufacturer: wanted.models.then(|| printable(held.port.manufacturer())),
        model: held.key.model.filter(|_| wanted.models).map(Bytes::from),
        can: held.key.can,
    };
    let keys: Vec<_> = findings.into_iter().map(|finding| finding.map(told)).collect();
    if keys.iter().any(Result::is_ok) || survey.plugged_in == 0 {
        return Ok(Keys { keys: keys.into_iter().flatten().collect() });
    }
    Err(keys.into_iter().find_map(Result::err).unwrap_or(Failure::TimedOut))
}

/// Which of these credentials are on a key that is plugged in.
pub(crate) fn find(ports: &dyn Ports, wanted: &Find, within: &Within) -> Result<Found, Failure> {
    let mut survey = Survey::begin(ports, &wanted.credentials, within)?;
    let findings = survey.all(|held| !held.credentials.is_empty(), OTHERS);
    if !findings.iter().flatten().any(|held| !held.credentials.is_empty()) && findings.iter().any(is_busy) {
        return Err(Failure::Busy);
    }
    let holding = findings.into_iter().flatten().filter(|held| !held.credentials.is_empty());
    let matches = holding.map(|held| Match {
        credentials: held.credentials.into_iter().map(|held| held.credential.id).collect(),
        can: held.key.can,
    });
    Ok(Found { plugged_in: u32::try_from(survey.plugged_in).unwrap_or(u32::MAX), matches: matches.collect() })
}

/// Has the first key that turns out to hold one of the credentials sign.
pub(crate) fn assert(ports: &dyn Ports, wanted: &Assert, within: &Within) -> Result<Asserted, Failure> {
    let (mut key, Holding { credential, word }) = first_that_holds(ports, &wanted.credentials, within)?;
    key.set_until(within.until);
    let how = how(&mut key, wanted.pin.as_ref(), wanted.verify_user).and_then(|how| allowed(how, word))?;
    let signed = key.sign(&credential, &wanted.client_data_hash, &how)?;
    // Asked about one, a key may leave out which it was.
    let id = signed.id();
    if signed.count() == 0 || !(id.is_empty() || id == *credential.id) {
        return Err(nonsense());
    }
    let authenticator_data = signed.authenticator_data();
    let authenticator_data = data::unwrap(&authenticator_data).ok_or_else(nonsense)?;
    Ok(Asserted {
        credential: credential.id,
        authenticator_data: authenticator_data.into(),
        signature: signed.signature().into(),
    })
}

/// Makes a credential on the one key that holds none of the excluded.
pub(crate) fn make(ports: &dyn Ports, wanted: &Make, within: &Within) -> Result<Made, Failure> {
    let mut key = the_one_to_make_it_on(ports, &wanted.exclude, within)?;
    key.set_until(within.until);
    let how = how(&mut key, wanted.pin.as_ref(), wanted.verify_user)?;
    let (relying_party, site) = (c_string(&wanted.relying_party)?, c_string(&wanted.site)?);
    let user_name = c_string(&wanted.user_name)?;
    let subject =
        Subject { relying_party: &relying_party, site: &site, user_id: &wanted.user_id, user_name: &user_name };
    let algorithms = algorithms(&wanted.algorithms, &key);
    let made = key.make(&subject, &wanted.client_data_hash, &algorithms, &how)?;
    let authenticator_data = made.authenticator_data();
    let authenticator_data = data::unwrap(&authenticator_data).ok_or_else(nonsense)?.to_vec();
    let (authenticator_data, format, statement) = if wanted.attestation {
        (authenticator_data, printable(&made.format()), made.statement())
    } else {
        (data::without_model(authenticator_data), "none".to_owned(), NO_STATEMENT.to_vec())
    };
    Ok(Made {
        credential: made.id().into(),
        authenticator_data: authenticator_data.into(),
        format,
        statement: statement.into(),
        u2f_only: key.can.u2f_only,
    })
}

fn first_that_holds(ports: &dyn Ports, credentials: &[Credential], within: &Within) -> Result<(Key, Holding), Failure> {
    let mut survey = Survey::begin(ports, credentials, within)?;
    let mut failures = Vec::new();
    while let Some(finding) = survey.next() {
        match finding {
            Ok(held) => {
                if let Some(holding) = held.credentials.into_iter().next() {
                    return Ok((held.key, holding));
                }
            }
            Err(failure) => failures.push(failure),
        }
    }
    if survey.plugged_in == 0 {
        return Err(Failure::NoKey);
    }
    if survey.is_unanswered() {
        failures.push(Failure::TimedOut);
    }
    // A key that could not be asked may have been the one.
    let busy = failures.contains(&Failure::Busy).then_some(Failure::Busy);
    Err(busy.or_else(|| failures.into_iter().next()).unwrap_or(Failure::NotHere))
}

fn the_one_to_make_it_on(ports: &dyn Ports, exclude: &[Credential], within: &Within) -> Result<Key, Failure> {
    let mut survey = Survey::begin(ports, exclude, within)?;
    let findings = survey.all(|held| held.credentials.is_empty(), OTHERS_WHEN_MAKING);
    if survey.plugged_in == 0 {
        return Err(Failure::NoKey);
    }
    let (mut free, mut taken, mut failures) = (Vec::new(), false, Vec::new());
    for finding in findings {
        match finding {
            Ok(held) if held.credentials.is_empty() => free.push(held.key),
            Ok(_) => taken = true,
            Err(failure) => failures.push(failure),
        }
    }
    if free.len() > 1 {
        return Err(Failure::Several { keys: u32::try_from(free.len()).unwrap_or(u32::MAX) });
    }
    match (free.pop(), failures.into_iter().next()) {
        (Some(key), _) => Ok(key),
        (None, Some(failure)) => Err(failure),
        (None, None) if taken => Err(Failure::AlreadyThere),
        (None, None) => Err(Failure::TimedOut),
    }
}

/// How this key is to make sure of its user. Where the PIN is to be sent, whether it may be.
fn how(key: &mut Key, typed: Option<&Secret>, verify_user: bool) -> Result<How, Failure> {
    match (pin::way(&key.can, typed.is_some(), verify_user)?, typed) {
        (Way::ByItself, _) => Ok(How { pin: None, by_itself: true }),
        (Way::Pin, Some(typed)) => {
            let tries_left = key.tries()?;
            pin::may_be_sent(tries_left)?;
            // What cannot be right costs no try.
            let pin = Pin::new(typed).ok_or(Failure::PinWrong { tries_left: Some(tries_left) })?;
            Ok(How { pin: Some(pin), by_itself: false })
        }
        (Way::Pin | Way::Touch, _) => Ok(How::default()),
    }
}

/// A PIN goes only to a key that has shown that it holds the credential.
fn allowed(how: How, word: Word) -> Result<How, Failure> {
    match word {
        Word::Said if how.pin.is_some() => Err(Failure::Unsupported),
        Word::Said | Word::Signed => Ok(how),
    }
}

/// Those of the wanted algorithms that the key says it knows; all of them where it says nothing. U2F has one.
fn algorithms(wanted: &[i64], key: &Key) -> Vec<i32> {
    let knows = |algorithm: &i64| {
        if key.can.u2f_only {
            *algorithm == key::ES256
        } else {
            key.algorithms.is_empty() || key.algorithms.contains(algorithm)
        }
    };
    wanted.iter().copied().filter(knows).filter_map(|algorithm| i32::try_from(algorithm).ok()).collect()
}

fn is_busy(finding: &Finding) -> bool {
    matches!(finding, Err(Failure::Busy))
}

/// What a key says of itself, for a terminal: printable ASCII, not long.
fn printable(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_ascii_graphic() { c } else { ' ' }).take(LONGEST_NAME).collect();
    line.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_not_for_a_key_that_only_says_that_it_holds_the_credential() {
        let with_pin = || How { pin: Pin::new(&Secret::from("1234")), by_itself: false };
        assert_eq!(allowed(with_pin(), Word::Said).err(), Some(Failure::Unsupported));
        assert!(allowed(with_pin(), Word::Signed).is_ok_and(|how| how.pin.is_some()));
        assert!(allowed(How::default(), Word::Said).is_ok());
    }

    #[test]
    fn what_a_key_calls_itself_is_harmless_on_a_terminal() {
        assert_eq!(printable("Key\u{1b}]0;owned\u{7}\n\u{202e}5  NFC"), "Key ]0;owned 5 NFC");
        assert!(printable(&"x".repeat(10_000)).len() <= LONGEST_NAME);
    }
}
