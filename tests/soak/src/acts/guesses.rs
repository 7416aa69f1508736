//! What somebody does who tries to be faster than the count: one code many times at once, and many guesses at once.

use harness::Knock;

use super::usual::{come_in, fresh_code};
use crate::chance::Chance;
use crate::logins::Door;
use crate::people::Person;
use crate::play::{Play, Stopped, now};

/// A stack with the module alone in it, for logins through libpam.
const SERVICE: &str = "codes";
/// How many at once.
const AT_ONCE: usize = 6;

/// Wrong codes of before are no reason to wait.
pub(super) fn unlock(play: &Play, person: &Person) -> Result<(), Stopped> {
    play.lab.run(["mfactl", "unlock", &person.name])?.success()?;
    Ok(())
}

pub(super) fn one_code_at_once(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    unlock(play, person)?;
    let (calm, since) = (play.undisturbed(), now());
    let backup = person.backup_codes.pop().filter(|_| chance.below(2) == 0);
    let code = match backup {
        Some(code) => {
            person.spent.push(code.clone());
            code
        }
        None => fresh_code(person)?,
    };
    let knocks: Vec<Knock<'_>> = (0..AT_ONCE).map(|_| Knock { user: &person.name, answers: vec![&code] }).collect();
    let ended = play.lab.all_at_once(SERVICE, &knocks)?;
    let inside = ended.iter().filter(|ended| ended.is_in()).count();
    (0..inside).for_each(|_| play.came_in(&person.name, SERVICE, since));
    match inside {
        1 => Ok(()),
        0 if calm.is_none() || calm != play.undisturbed() => Ok(()),
        0 => Err(Stopped::Otherwise(format!("of {AT_ONCE} with a right code nobody came in: {ended:?}"))),
        _ => Err(Stopped::Broken("no code lets in twice", format!("{inside} of {AT_ONCE} came in: {ended:?}"))),
    }
}

pub(super) fn until_throttled(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    unlock(play, person)?;
    let calm = play.undisturbed();
    let guesses = person.phone.as_ref().map(|phone| phone.wrong_codes(12)).unwrap_or_default();
    let knocks: Vec<Knock<'_>> =
        guesses.iter().map(|guess| Knock { user: &person.name, answers: vec![guess] }).collect();
    let ended = play.lab.all_at_once(SERVICE, &knocks)?;
    if ended.iter().any(harness::Ended::is_in) {
        return Err(Stopped::Broken("no wrong code lets in", format!("{ended:?}")));
    }
    if calm.is_some() && calm == play.undisturbed() {
        let code = fresh_code(person)?;
        let ended = play.lab.all_at_once(SERVICE, &[Knock { user: &person.name, answers: vec![&code] }])?;
        if ended.iter().any(harness::Ended::is_in) {
            return Err(Stopped::Broken("a throttled code is not looked at", format!("{ended:?}")));
        }
    }
    unlock(play, person)?;
    come_in(play, Door::any(chance), person).map(drop)
}
