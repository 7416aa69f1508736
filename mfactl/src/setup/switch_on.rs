//! `mfactl setup` itself: look, ask, plan, show, and only then change something, so that it goes back by itself.

use super::answers::{Answers, Given, Within};
use super::ask::{agrees, ask};
use super::automation::Used;
use super::facts::Facts;
use super::plan::Trial;
use super::planned::{members, planned};
use super::show::Shown;
use super::standing::{Standing, standing};
use super::typed::{self, Typed};
use super::{Args, diff, locked_out, policy as rules, world};
use crate::policy::preview::{self, Preview};
use crate::system::Machine;
use crate::{Desk, Shared, connect, policy};
use mfa_cli::{Exit, Failure, Screen, Terminal, moment, printable};
use mfa_proto::policy::{EXPLAIN, Explanation, Question};
use std::collections::BTreeSet;

/// What ends a run without a change.
enum Decision {
    Apply,
    Leave,
}

pub(super) fn run(args: &Args, shared: &Shared) -> Result<Exit, Failure> {
    nothing_waits(args)?;
    let given = args.answers.as_deref().map(Given::read).transpose()?.unwrap_or_default();
    let within = args.confirm_within.or(given.confirm_within).unwrap_or(Within::DEFAULT);
    let daemon = connect(shared.socket.as_deref())?;
    let mut desk = Desk { daemon, socket: shared.socket.clone(), screen: Screen::open(), json: shared.json };
    // Where sshd waits for its first login it could not be asked anything.
    let _ = world::make_sshd_folder();
    let facts = Facts::of(&Machine, &mut desk)?;
    let mut terminal = Terminal::open();
    let asks = terminal.is_interactive() && !desk.json;
    let answers = answered(given, &facts, asks.then_some(&mut terminal), (&desk.screen, args.dry_run))?;
    let planned = planned(&answers, &facts)?;
    if planned.plan.files.is_empty() {
        return nothing_to_do(&desk);
    }
    policy::put(&mut desk, rules::NAME, &planned.rules)?;
    if let Err(findings) = policy::all_right(&mut desk)? {
        return preview::refused(&findings, &desk);
    }
    let mut shown = Shown { planned, preview: Preview::take(&mut desk)?, by_sshd: Vec::new() };
    shown.by_sshd = refused_by_sshd(&answers, &facts, &mut desk)?;
    let unlisted = locked_out::unlisted_programs(&answers, &members(&answers, &facts)?, &facts);
    shown.planned.warnings.extend(unlisted);
    if answers.ssh() && facts.logins.is_none() {
        let message = "The journal cannot be read or is empty: who comes over ssh, and how, is not known";
        shown.planned.warnings.push(message.to_owned());
    }
    if !desk.json {
        shown.print(&desk.screen)?;
    }
    if args.dry_run {
        return dry_run(&shown, &desk);
    }
    known_enough(args, &answers, &facts)?;
    safe_enough(args, &answers, &shown)?;
    let asked = if asks { Some(&mut terminal) } else { None };
    match decided(&shown, within, asked, &desk.screen)? {
        Decision::Apply => {
            let members = members(&answers, &facts)?;
            let trial = typed::possible(&shown.planned.plan.trials, &members, &facts);
            let trial = trial.filter(|_| asks && args.answers.is_none());
            let typed = wanted(trial, &mut terminal)?;
            super::carry_out::run(&shown, within, &answers, typed, &mut desk)
        }
        Decision::Leave => Err(Failure::refused("not_confirmed", "Nothing was changed.")),
    }
}

/// What waits to be confirmed is confirmed or taken back before anything else is begun.
fn nothing_waits(args: &Args) -> Result<(), Failure> {
    let standing = standing().map_err(|error| Failure::refused("state", error.to_string()))?;
    match standing {
        Some(Standing::Pending { .. }) if !args.dry_run => Err(Failure::refused(
            "pending",
            "What was set up last still waits to be confirmed. From a new login: mfactl setup confirm CODE; or take it \
             back: mfactl setup undo",
        )),
        Some(Standing::Interrupted { .. }) if !args.dry_run => Err(Failure::refused(
            "interrupted",
            "The last setup was interrupted and is taken back by itself. At once: mfactl setup undo",
        )),
        _ => Ok(()),
    }
}

/// The answers of the file, and of whoever sits at the terminal, if somebody does.
fn answered(
    given: Given,
    facts: &Facts<'_>,
    terminal: Option<&mut Terminal>,
    how: (&Screen, bool),
) -> Result<Answers, Failure> {
    let missing = given.missing();
    let members = given.group.as_deref().and_then(|group| facts.members(group)).unwrap_or_default();
    let answers = match terminal {
        Some(terminal) if !missing.is_empty() => ask(given, facts, terminal, how)?,
        _ => given.complete().ok_or_else(|| incomplete(&missing, &members, facts))?,
    };
    if answers.break_glass && facts.break_glass == 0 && crate::break_glass::unused().unwrap_or(0) == 0 && !how.1 {
        let message = "There are no break-glass codes, and the answers want some. First: mfactl break-glass create";
        return Err(Failure::refused("no_break_glass", message));
    }
    Ok(answers)
}

fn incomplete(missing: &[&str], members: &BTreeSet<String>, facts: &Facts<'_>) -> Failure {
    let mut message = format!(
        "Nobody is here to be asked, so the answers must come from a file: --answers FILE. Missing: {}.",
        missing.join(", ")
    );
    let programs: Vec<String> = facts.programs(members).iter().map(|(name, _)| format!("\"{name}\"")).collect();
    if missing.contains(&"automation") && facts.logins.is_some() {
        message.push_str(&format!(" The journal suggests: automation = [{}]", printable::line(&programs.join(", "))));
    }
    Failure::usage(message)
}

fn nothing_to_do(desk: &Desk) -> Result<Exit, Failure> {
    if desk.json {
        desk.screen.json(&serde_json::json!({ "files": [], "applied": false }))?;
    } else {
        desk.screen.line("It is set up so already: nothing changes.")?;
    }
    Ok(Exit::Done)
}

/// Whom sshd would refuse; the daemon says whom the policy asks when sshd does not.
fn refused_by_sshd(
    answers: &Answers,
    facts: &Facts<'_>,
    desk: &mut Desk,
) -> Result<Vec<locked_out::LockedOut>, Failure> {
    let members = members(answers, facts)?;
    locked_out::by_sshd(answers, &members, facts, |user: &str, used: &Used| {
        let question = Question {
            user: user.to_owned(),
            service: "sshd".to_owned(),
            rhost: Some(used.last_from.clone()),
            ..Question::default()
        };
        let explained: Explanation = desk.daemon.call(EXPLAIN, &question)?;
        let silent = explained.silent.unwrap_or(explained.outcome);
        Ok::<_, Failure>(silent.what != "skip" && !explained.observed)
    })
}

fn dry_run(shown: &Shown, desk: &Desk) -> Result<Exit, Failure> {
    if desk.json {
        desk.screen.json(&shown.data(false, None))?;
    } else {
        desk.screen.line("")?;
        desk.screen.line(&diff::shown(&shown.planned.plan.files, &desk.screen))?;
        desk.screen.line("\nA dry run: nothing was changed.")?;
    }
    Ok(if shown.locked_out().is_empty() { Exit::Done } else { Exit::Refused })
}

/// Who comes over ssh, and how, must be known, or it must be said that it need not be.
fn known_enough(args: &Args, answers: &Answers, facts: &Facts<'_>) -> Result<(), Failure> {
    if args.anyway || !answers.ssh() || facts.logins.is_some() {
        return Ok(());
    }
    let message = "Nothing was changed: the journal cannot be read or is empty, so nobody knows who could not get in over \
                   ssh any more. See journalctl -n 5; or look yourself, and say --anyway.";
    Err(Failure::refused("unknown_logins", message))
}

/// Nobody is locked out unless that is said.
fn safe_enough(args: &Args, answers: &Answers, shown: &Shown) -> Result<(), Failure> {
    if args.anyway {
        return Ok(());
    }
    let exempt: Vec<&str> = shown.planned.exempt.iter().map(String::as_str).collect();
    if args.answers.is_some() && !exempt.is_empty() {
        let message = format!(
            "Nothing was changed: {} would never be asked over ssh, being in automation and in the group. Take them \
             out of one of them, or say --anyway.",
            policy::names(&exempt)
        );
        return Err(Failure::refused("exempt", message));
    }
    let locked_out = shown.locked_out();
    if locked_out.is_empty() {
        return Ok(());
    }
    let names = policy::names(&locked_out);
    let group = printable::line(&answers.group);
    let message = format!(
        "Nothing was changed: {names} could not get in any more. Let them enroll first, choose another group than \
         {group} or another way, or say --anyway."
    );
    Err(Failure::refused("locks_out", message))
}

/// Whether a login is to be typed before, where one can be.
fn wanted<'a>(trial: Option<&'a Trial>, terminal: &'a mut Terminal) -> Result<Option<Typed<'a>>, Failure> {
    let Some(trial) = trial else { return Ok(None) };
    let question = format!("Log in as {} first, before it is live?", printable::line(&trial.account));
    let is_wanted = agrees(terminal, &question)?;
    Ok(is_wanted.then_some(Typed { trial, person: terminal }))
}

/// Asks whether it is meant; without anybody to ask, the file of answers is the word.
fn decided(
    shown: &Shown,
    within: Within,
    terminal: Option<&mut Terminal>,
    screen: &Screen,
) -> Result<Decision, Failure> {
    let Some(terminal) = terminal else { return Ok(Decision::Apply) };
    let how_long = match within {
        Within::After(time) => format!("for {}", moment::span(time.as_secs())),
        Within::Never => "for good".to_owned(),
    };
    loop {
        let line = terminal.ask(&format!("\nApply {how_long}? [y/N], d = show the diff: "))?;
        match line.expose().to_ascii_lowercase().as_str() {
            "y" | "yes" => return Ok(Decision::Apply),
            "d" => screen.line(&diff::shown(&shown.planned.plan.files, screen))?,
            _ => return Ok(Decision::Leave),
        }
    }
}

#[cfg(test)]
#[path = "switch_on_tests.rs"]
mod tests;
