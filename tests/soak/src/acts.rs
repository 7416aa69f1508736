//! What people do: an act each, played by somebody who is free. Each act knows what must come of it.

mod factors;
mod guesses;
mod usual;

use crate::chance::Chance;
use crate::people::Person;
use crate::play::{Play, Stopped};

/// An act, played to its end or stopped.
type Act = fn(&Play, &mut Chance, &mut Person) -> Result<(), Stopped>;

/// What is played how often.
const ACTS: [(usize, (&str, Act)); 12] = [
    (10, ("right code", usual::right_code)),
    (3, ("wrong, then right", usual::wrong_then_right)),
    (4, ("code replayed", usual::replayed)),
    (3, ("backup code", usual::backup_code)),
    (4, ("abandoned", usual::abandoned)),
    (1, ("wrong password", usual::wrong_password)),
    (3, ("one code six times at once", guesses::one_code_at_once)),
    (1, ("guessed until throttled", guesses::until_throttled)),
    (2, ("reset during a login, wizard", factors::reset_then_wizard)),
    (1, ("reset, enrolled at login", factors::reset_then_at_login)),
    (1, ("new backup codes", factors::new_backup_codes)),
    (1, ("temporary code", factors::temporary_code)),
];

/// Plays acts until it is over.
pub(crate) fn keep_acting(play: &Play, actor: u64) {
    let mut chance = Chance::of(play.seed, actor);
    while !play.is_over() {
        let mut person = play.home.take(&mut chance);
        let (name, act) = chance.one_of(&ACTS);
        let before = play.undisturbed();
        let ended = act(play, &mut chance, &mut person);
        let calm = before.is_some() && before == play.undisturbed();
        if let Err(stopped) = ended {
            note(play, &person, name, stopped, calm);
            factors::settle(play, &mut person);
        } else {
            play.ledger.count(name);
        }
        play.home.put(person);
    }
}

fn note(play: &Play, person: &Person, act: &'static str, stopped: Stopped, calm: bool) {
    let told = |why: &str| format!("{act}, {}:\n{why}", person.name);
    match stopped {
        Stopped::Broken(what, why) => play.ledger.broken(what, told(&why)),
        Stopped::Silence(why) => play.ledger.broken("every login is answered", told(&why)),
        Stopped::Otherwise(why) if calm => play.ledger.broken("no login that should pass is lost", told(&why)),
        Stopped::Otherwise(_) => play.ledger.count("cut off by a restart"),
    }
}
