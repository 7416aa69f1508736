//! Factors that go and come: resets while somebody logs in, the wizard, enrolling at a login, new backup codes, and
//! codes that an administrator gives.

use harness::{Phone, acknowledge};

use super::guesses::unlock;
use super::usual::{come_in, fresh_code, must_not_let_in};
use crate::chance::Chance;
use crate::logins::{CODE, Door, OFFER, Seen};
use crate::people::Person;
use crate::play::{Play, Stopped, now};

const AFTER_RESET: &str = "nobody gets in after a reset by what they had before";

/// Resets somebody who is typing a code: neither that login nor a later one is let in by it.
fn reset_during_a_login(play: &Play, door: Door, person: &mut Person) -> Result<(), Stopped> {
    let mut terminal = door.asked(play, person)?;
    let code = fresh_code(person)?;
    play.lab.run(["mfactl", "reset", &person.name, "--yes"])?.success()?;
    play.ledger.count("resets");
    person.lose_all();
    match door.give(&mut terminal, &code)? {
        Seen::In => Err(Stopped::Broken(AFTER_RESET, terminal.transcript().to_owned())),
        _ => Ok(()),
    }
}

/// What was theirs before the reset.
fn old_ones_do_not_let_in(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    if let Some(code) = person.lost.last_mut().map(Phone::code) {
        must_not_let_in(play, Door::any(chance), person, &code, AFTER_RESET)?;
    }
    let old = person.spent[chance.below(person.spent.len())].clone();
    must_not_let_in(play, Door::any(chance), person, &old, AFTER_RESET)?;
    unlock(play, person)
}

pub(super) fn reset_then_wizard(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    reset_during_a_login(play, Door::any(chance), person)?;
    let (mut setup, mut phone) = play.lab.setup_up_to_the_picture(&person.name)?;
    setup.send_line(&phone.code())?;
    setup.expect("Right: your app counts as a second factor from now on.")?;
    let codes = acknowledge(&mut setup)?;
    setup.answer("Enter = done: ", "")?;
    setup.expect_closed()?;
    play.ledger.count("enrollments");
    person.has(phone, codes);
    come_in(play, Door::any(chance), person)?;
    old_ones_do_not_let_in(play, chance, person)
}

pub(super) fn reset_then_at_login(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    reset_during_a_login(play, Door::Sudo, person)?;
    let mut login = Door::Ssh.open(play, person)?;
    login.answer(OFFER, "")?;
    login.answer(CODE, "t")?;
    let page = login.expect(CODE)?;
    let link = page.lines().find(|line| line.starts_with("otpauth://")).unwrap_or_default();
    let mut phone = Phone::scan(link.trim()).map_err(|error| Stopped::Otherwise(error.to_string()))?;
    login.send_line(&phone.code())?;
    let codes = acknowledge(&mut login)?;
    login.expect("@lab:")?;
    play.ledger.count("enrollments");
    person.has(phone, codes);
    old_ones_do_not_let_in(play, chance, person)
}

pub(super) fn new_backup_codes(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let mut own = play.lab.pty_as(&person.name, ["mfa-enroll", "codes"])?;
    own.expect(CODE)?;
    own.send_line(&fresh_code(person)?)?;
    let codes = acknowledge(&mut own)?;
    own.answer("Enter = done: ", "")?;
    own.expect_closed()?;
    let old = person.backup_codes.first().cloned();
    person.spent.append(&mut person.backup_codes);
    person.backup_codes = codes;
    match old {
        Some(old) => {
            must_not_let_in(play, Door::any(chance), person, &old, "backup codes end with the set they are of")
        }
        None => Ok(()),
    }
}

pub(super) fn temporary_code(play: &Play, chance: &mut Chance, person: &mut Person) -> Result<(), Stopped> {
    let words = ["mfactl", "temp-code", &person.name, "--reason", "phone at home", "--json", "--for", "1h"];
    let given = play.lab.run(words)?.json()?;
    let code = given["code"].as_str().unwrap_or_default().to_owned();
    let door = Door::any(chance);
    unlock(play, person)?;
    let (mut terminal, since) = (door.asked(play, person)?, now());
    person.spent.push(code.clone());
    match door.give(&mut terminal, &code)? {
        Seen::In => play.came_in(&person.name, door.service(), since),
        other => {
            return Err(Stopped::Otherwise(format!("{other:?} after a temporary code\n{}", terminal.transcript())));
        }
    }
    must_not_let_in(play, Door::any(chance), person, &code, "no code lets in twice")
}

fn settled(play: &Play, person: &mut Person) -> Result<(), Stopped> {
    let enrolled = play.lab.enroll(&person.name)?;
    person.lose_all();
    person.has(enrolled.phone, enrolled.backup_codes);
    Ok(())
}

/// Nobody knows what an act that was cut off has left: from the beginning, as an administrator does it.
pub(super) fn settle(play: &Play, person: &mut Person) {
    for _ in 0..5 {
        person.lose_all();
        // There may be nothing to reset.
        let reset = play.lab.run(["mfactl", "reset", &person.name, "--yes"]);
        if reset.is_ok() && settled(play, person).is_ok() {
            return;
        }
    }
    play.ledger.broken("administrators can reset and enroll", person.name.clone());
}
