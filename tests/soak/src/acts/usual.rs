//! Everyday logins: right, wrong first, with a code that was used, with a backup code, left in the middle.

use super::guesses::unlock;
use crate::chance::Chance;
use crate::logins::{Door, Seen};
use crate::people::Person;
use crate::play::{Play, Stopped, now};

/// What a used code must never do.
const TWICE: &str = "no code lets in twice";

/// A code of the phone that nobody has typed yet; it counts as spent from now on.
pub(super) fn fresh_code(person: &mut Person) -> Result<String, Stopped> {
    let phone = person.phone.as_mut().ok_or_else(|| Stopped::Otherwise("no phone".into()))?;
    let code = phone.code();
    person.spent.push(code.clone());
    Ok(code)
}

/// Through that door with a code that nobody has typed yet; returns it.
pub(super) fn come_in(play: &Play, door: Door, person: &mut Person) -> Result<String, Stopped> {
    let mut terminal = door.asked(play, person)?;
    let (code, since) = (fresh_code(person)?, now());
    match door.give(&mut terminal, &code)? {
        Seen::In => play.came_in(&person.name, door.service(), since),
        other => return Err(Stopped::Otherwise(format!("{other:?} after a right code\n{}", terminal.transcript()))),
    }
    Ok(code)
}

/// That code must not let in; it is asked for again, or throttled, or the end.
pub(super) fn must_not_let_in(
    play: &Play,
    door: Door,
    person: &Person,
    code: &str,
    what: &'static str,
) -> Result<(), Stopped> {
    let mut terminal = door.asked(play, person)?;
    match door.give(&mut terminal, code)? {
        Seen::In => Err(Stopped::Broken(what, terminal.transcript().to_owned())),
        _ => Ok(()),
    }
}

pub(super) fn right_code(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    come_in(play, Door::any(chance), person).map(drop)
}

pub(super) fn wrong_then_right(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let door = Door::any(chance);
    let mut terminal = door.asked(play, person)?;
    let wrong = person.phone.as_ref().map(harness::Phone::wrong_code).unwrap_or_default();
    match door.give(&mut terminal, &wrong)? {
        Seen::In => return Err(Stopped::Broken("no wrong code lets in", terminal.transcript().to_owned())),
        // Somebody had guessed before.
        Seen::Throttled => return Ok(()),
        Seen::AskedAgain(said) if said.contains("not right") => {}
        other => return Err(Stopped::Otherwise(format!("{other:?} after a wrong code\n{}", terminal.transcript()))),
    }
    let (code, since) = (fresh_code(person)?, now());
    match door.give(&mut terminal, &code)? {
        Seen::In => play.came_in(&person.name, door.service(), since),
        other => return Err(Stopped::Otherwise(format!("{other:?} after a right code\n{}", terminal.transcript()))),
    }
    Ok(())
}

pub(super) fn replayed(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let code = come_in(play, Door::any(chance), person)?;
    must_not_let_in(play, Door::any(chance), person, &code, TWICE)?;
    // And one of long ago, or of before a reset.
    let old = person.spent[chance.below(person.spent.len())].clone();
    must_not_let_in(play, Door::any(chance), person, &old, TWICE)
}

pub(super) fn backup_code(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let Some(code) = person.backup_codes.pop() else { return right_code(play, chance, person) };
    person.spent.push(code.clone());
    let door = Door::any(chance);
    // One that is typed again counts as a wrong one, and of those there were some.
    unlock(play, person)?;
    let (mut terminal, since) = (door.asked(play, person)?, now());
    match door.give(&mut terminal, &code)? {
        Seen::In => play.came_in(&person.name, door.service(), since),
        other => return Err(Stopped::Otherwise(format!("{other:?} after a backup code\n{}", terminal.transcript()))),
    }
    must_not_let_in(play, Door::any(chance), person, &code, TWICE)
}

pub(super) fn abandoned(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let door = Door::any(chance);
    if chance.below(3) == 0 {
        door.knock(play, person)?.hang_up();
    } else {
        let mut terminal = door.asked(play, person)?;
        // Half of them have begun to type.
        if chance.below(2) == 0 {
            terminal.send("12345")?;
        }
        terminal.hang_up();
    }
    Ok(())
}

pub(super) fn wrong_password(play: &Play, _: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let mut terminal = play.lab.ssh(&person.name)?;
    if person.key.is_some() {
        // Their key is wanted first, and they have left it at home.
        terminal.expect_denied()?;
        return Ok(());
    }
    terminal.answer("Password: ", "battery staple")?;
    let said = terminal.expect_denied()?;
    if said.contains("ode: ") {
        return Err(Stopped::Broken("nobody is asked for a code before the password", said));
    }
    Ok(())
}
