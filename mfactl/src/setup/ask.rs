//! The questions, on a terminal: few, short, each with what Enter means. Nothing is changed while they are asked, but that
//! codes for the safe are made if that is wanted.

use super::answers::{Answers, Given, Grace};
use super::automation::Used;
use super::facts::Facts;
use super::words::{Enroll, OnFull, SshWay, Where};
use crate::break_glass;
use mfa_cli::words::counted;
use mfa_cli::{Failure, InputError, Screen, Terminal, printable};
use std::collections::BTreeSet;

/// Seconds in which somebody enrolls, and in which somebody types a code.
const ENROLLING: u32 = 600;
const TYPING: u32 = 120;

/// Asks for what was not given. With `dry` nothing at all is made.
///
/// # Errors
/// When the terminal ends, or Ctrl-C: nothing has changed then.
pub(crate) fn ask(
    given: Given,
    facts: &Facts<'_>,
    terminal: &mut Terminal,
    (screen, dry): (&Screen, bool),
) -> Result<Answers, Failure> {
    let mut asked = given;
    if asked.break_glass.is_none() {
        asked.break_glass = Some(safe(facts, terminal, screen, dry)?);
    }
    let places = match asked.places.take() {
        Some(places) => places,
        None => places(facts, terminal)?,
    };
    let ssh = places.contains(&Where::Ssh);
    asked.places = Some(places);
    let (group, members) = group(asked.group.take(), facts, terminal)?;
    asked.group = Some(group);
    if asked.enroll.is_none() {
        asked.enroll = Some(choose(terminal, "Who is in it and has enrolled nothing", ENROLL, 0)?);
    }
    if ssh && asked.ssh.is_none() {
        let usual = usize::from(facts.usual_way(&members) == SshWay::KeyAndCode);
        asked.ssh = Some(choose(terminal, "What is asked for over ssh", SSH, usual)?);
    }
    if ssh && asked.automation.is_none() {
        asked.automation = Some(automation(facts, &members, terminal)?);
    }
    if ssh && asked.login_grace_time.is_none() {
        let enroll = asked.enroll.unwrap_or(Enroll::AtLogin);
        asked.login_grace_time = Some(grace(enroll, facts, terminal)?);
    }
    if asked.on_full.is_none() {
        let now = usize::from(facts.on_full == OnFull::Deny);
        asked.on_full = Some(choose(terminal, "Newcomers, when all seats are taken,", ON_FULL, now)?);
    }
    asked.complete().ok_or_else(|| Failure::refused("incomplete", "An answer is missing. Run it again."))
}

type Options<T> = &'static [(T, &'static str)];

const ENROLL: Options<Enroll> = &[
    (Enroll::AtLogin, "enrolls at the next login"),
    (Enroll::Grace, "may go on without for 14 days"),
    (Enroll::Invite, "enrolls at the next login, with a code from `mfactl invite`"),
    (Enroll::Deny, "is refused"),
];
const SSH: Options<SshWay> = &[
    (SshWay::PasswordAndCode, "the password, then a code"),
    (SshWay::KeyAndCode, "an SSH key, then a code; passwords let nobody in over ssh any more"),
];
const ON_FULL: Options<OnFull> =
    &[(OnFull::SingleFactor, "get in with their first factor alone"), (OnFull::Deny, "are refused")];

/// One of a few, by its number.
fn choose<T: Copy>(
    terminal: &mut Terminal,
    question: &str,
    options: Options<T>,
    default: usize,
) -> Result<T, InputError> {
    let rows = options.iter().zip(1..).map(|((_, text), number)| format!("  {number}  {text}\n"));
    terminal.say(&format!("\n{question}\n{}", rows.collect::<String>()));
    loop {
        let line = terminal.ask(&format!("Which? [{}] ", default + 1))?;
        if let Some((value, _)) = picked(line.expose(), default).and_then(|at| options.get(at)) {
            return Ok(*value);
        }
        terminal.say(&format!("A number from 1 to {}, please.\n", options.len()));
    }
}

/// The option that a number means, from 0; nothing typed is the default.
fn picked(line: &str, default: usize) -> Option<usize> {
    if line.is_empty() { Some(default) } else { line.parse::<usize>().ok()?.checked_sub(1) }
}

/// A question that Enter answers with yes.
pub(crate) fn agrees(terminal: &mut Terminal, question: &str) -> Result<bool, InputError> {
    loop {
        let line = terminal.ask(&format!("{question} [Y/n] "))?;
        match line.expose().to_ascii_lowercase().as_str() {
            "" | "y" | "yes" => return Ok(true),
            "n" | "no" => return Ok(false),
            _ => terminal.say("y or n, please.\n"),
        }
    }
}

/// Codes for the safe come first: with them, what follows can lock nobody out for good who can type one.
fn safe(facts: &Facts<'_>, terminal: &mut Terminal, screen: &Screen, dry: bool) -> Result<bool, Failure> {
    if facts.break_glass > 0 {
        let left = counted(u64::try_from(facts.break_glass).unwrap_or(u64::MAX), "break-glass code");
        terminal.say(&format!("In the safe: {left}.\n"));
        return Ok(true);
    }
    terminal.say(
        "There are no break-glass codes yet. On paper, in the safe, they let you in when\nthe second factor cannot be \
         checked at all, wherever a code can be typed:\nnot over ssh by key alone, which can ask nothing.\n",
    );
    if dry {
        terminal.say("None are made now: this is a dry run.\n");
        return Ok(false);
    }
    if !agrees(terminal, "Make five now?")? {
        return Ok(false);
    }
    break_glass::make(&facts.administrator, screen)?;
    terminal.ask("Write them down or print them; they are not shown again. Then press Enter: ")?;
    Ok(true)
}

fn places(facts: &Facts<'_>, terminal: &mut Terminal) -> Result<Vec<Where>, Failure> {
    let there = facts.places();
    let default: Vec<Where> = there.iter().copied().filter(|place| *place < Where::Console).collect();
    let names = |places: &[Where]| places.iter().map(|place| place.word()).collect::<Vec<_>>().join(" ");
    if there.is_empty() {
        return Err(Failure::refused("nothing_there", "This machine has no PAM service that setup knows."));
    }
    terminal.say(&format!("\nWhere is a code asked for? There are: {}\n", names(&there)));
    loop {
        let line = terminal.ask(&format!("Where? [{}] ", names(&default)))?;
        match listed(line.expose(), &default, &there) {
            Ok(places) if !places.is_empty() => return Ok(places),
            Ok(_) => terminal.say("At least one of them, please.\n"),
            Err(word) => {
                let word = printable::line(&word);
                terminal.say(&format!("There is no {word} here. One or more of: {}\n", names(&there)));
            }
        }
    }
}

/// The places of a line; the word that is none.
fn listed(line: &str, default: &[Where], there: &[Where]) -> Result<Vec<Where>, String> {
    let words = words(line);
    if words.is_empty() {
        return Ok(default.to_vec());
    }
    let place = |word: &String| there.iter().copied().find(|place| place.word() == word).ok_or_else(|| word.clone());
    words.iter().map(place).collect()
}

fn words(line: &str) -> Vec<String> {
    line.split([' ', ',', '\t']).filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// The group, and who is in it.
fn group(
    given: Option<String>,
    facts: &Facts<'_>,
    terminal: &mut Terminal,
) -> Result<(String, BTreeSet<String>), Failure> {
    terminal.say("\n");
    let mut given = given;
    loop {
        let (name, was_given) = match given.take() {
            Some(name) => (name, true),
            None => (terminal.ask("Who must have a second factor? The group: ")?.expose().to_owned(), false),
        };
        let shown = printable::line(&name);
        match facts.members(&name) {
            Some(members) => {
                let enrolled = members.iter().filter(|name| facts.enrolled.contains(*name)).count();
                let count = counted(u64::try_from(members.len()).unwrap_or(u64::MAX), "member");
                terminal.say(&format!("group {shown}: {count}, {enrolled} enrolled\n"));
                return Ok((name, members));
            }
            None if was_given => {
                let message = format!("There is no group {shown}. See: getent group");
                return Err(Failure::refused("unknown_group", message));
            }
            None => terminal.say("There is no such group. See: getent group\n"),
        }
    }
}

fn automation(facts: &Facts<'_>, members: &BTreeSet<String>, terminal: &mut Terminal) -> Result<Vec<String>, Failure> {
    let programs = facts.programs(members);
    let names: Vec<&str> = programs.iter().map(|(name, _)| *name).collect();
    terminal.say(&found(&programs, facts.logins.is_some()));
    let default = if names.is_empty() { "none".to_owned() } else { names.join(" ") };
    loop {
        let line = terminal.ask(&format!("Whose key stays enough, over ssh? [{default}] "))?;
        let chosen = match line.expose() {
            "" => names.iter().map(|name| (*name).to_owned()).collect(),
            "none" => Vec::new(),
            line => words(line),
        };
        match chosen.iter().find(|name| !facts.is_somebody(name)) {
            None => return Ok(chosen),
            Some(name) => {
                terminal.say(&format!("There is no account {}. Names, or none.\n", printable::line(name)));
            }
        }
    }
}

/// What was found of programs.
fn found(programs: &[(&str, &Used)], is_known: bool) -> String {
    if !is_known {
        return "\nThe journal cannot be read, so it is not known which accounts are programs'.\n".to_owned();
    }
    if programs.is_empty() {
        return "\nNo account of the last 30 days looks like a program's.\n".to_owned();
    }
    let row = |(name, used): &(&str, &Used)| {
        let (name, from) = (printable::line(name), printable::line(&used.last_from));
        format!("  {name:<16} {}, last from {from}\n", counted(used.by_key, "login"))
    };
    format!(
        "\nOver ssh, by keys alone, in the last 30 days, and probably programs:\n{}",
        programs.iter().map(row).collect::<String>()
    )
}

/// Proposes to wait longer, if sshd does not already.
fn grace(enroll: Enroll, facts: &Facts<'_>, terminal: &mut Terminal) -> Result<Grace, InputError> {
    let (wanted, what) = if enroll.in_a_login() { (ENROLLING, "enroll") } else { (TYPING, "type a code") };
    let now = match facts.grace {
        Some(now) if now > 0 && now < u64::from(wanted) => now,
        _ => return Ok(Grace::AsIs),
    };
    terminal.say(&format!("\nsshd hangs up on whoever takes more than {now} s to log in.\n"));
    let yes = agrees(terminal, &format!("Give {wanted} s, in which people can {what}?"))?;
    Ok(if yes { Grace::Seconds(wanted) } else { Grace::AsIs })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_picks_and_enter_keeps_the_default() {
        let cases = [("", Some(1)), ("1", Some(0)), ("4", Some(3)), ("0", None), ("-1", None), ("x", None)];
        for (line, at) in cases {
            assert_eq!(picked(line, 1), at, "{line:?}");
        }
    }

    #[test]
    fn places_are_words_between_blanks_or_commas() {
        let (default, there) = ([Where::Ssh], [Where::Ssh, Where::Sudo, Where::Console]);
        let of = |line| listed(line, &default, &there);
        assert_eq!(of("").unwrap(), default);
        assert_eq!(of("sudo, console").unwrap(), [Where::Sudo, Where::Console]);
        assert_eq!(of("ssh desktop").unwrap_err(), "desktop");
    }

    #[test]
    fn what_was_found_of_programs_fits_the_screen() {
        let used = Used { by_key: 412, last_from: "2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff".into(), ..Used::default() };
        let text = found(&[("ansible", &used)], true);
        assert!(text.contains("  ansible          412 logins, last from 2001:"), "{text}");
        for text in [text, found(&[], true), found(&[], false)] {
            assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        }
    }
}
