//! Watching: a line each ten seconds on what is going on, what the daemon holds, and what must hold at the end.

use std::collections::BTreeSet;
use std::time::Duration;

use harness::{Holds, Lab, Outcome};
use serde_json::Value;

use crate::play::Play;

/// How often somebody looks.
const EACH: Duration = Duration::from_secs(10);
/// What a daemon that is not restarted may grow, in KiB, once it has warmed up.
const GROWTH_KIB: i64 = 4096;
/// What it may hold at any time, in KiB: DESIGN's figure.
const MOST_KIB: i64 = 64 * 1024;

/// How healthy it is.
pub(crate) struct Health {
    findings: BTreeSet<String>,
}

/// What doctor says now.
pub(crate) fn look(lab: &Lab) -> Outcome<Health> {
    let told: Value = serde_json::from_str(&lab.run(["mfactl", "doctor", "--json"])?.stdout)?;
    let findings = told["findings"].as_array().into_iter().flatten();
    Ok(Health { findings: findings.map(|finding| finding["what"].to_string()).collect() })
}

/// Until it is over.
pub(crate) fn keep_watching(play: &Play) {
    while !play.is_over() {
        play.pause(EACH);
        if let Err(failure) = sample(play) {
            play.ledger.broken("the system answers", failure.to_string());
        }
    }
}

fn sample(play: &Play) -> Outcome {
    let held = play.lab.daemon_holds()?;
    if let Some(held) = held {
        play.ledger.open().held.push(held);
        if held.resident_kib > MOST_KIB {
            play.ledger.broken("the daemon stays small", format!("{held:?}"));
        }
    }
    no_unit_has_failed(play)?;
    println!("{}", line(play, held));
    Ok(())
}

fn line(play: &Play, held: Option<Holds>) -> String {
    let written = play.ledger.open();
    let of = |what| written.counts.get(what).copied().unwrap_or(0);
    let acts: u64 = written.counts.values().sum::<u64>() - of("came in");
    let seconds = play.begun.elapsed().as_secs();
    let held = held.map_or("no daemon".into(), |held| {
        let mib = held.resident_kib as f64 / 1024.0;
        format!("daemon {mib:.1} MiB, {} descriptors", held.descriptors)
    });
    let broken = match written.broken.len() {
        0 => "nothing broken".to_owned(),
        many => format!("{many} BROKEN"),
    };
    format!(
        "{:02}:{:02}  {} came in, {acts} things done, {} resets, {} reloads, {} restarts, {} kills; {held}; {broken}",
        seconds / 60,
        seconds % 60,
        of("came in"),
        of("resets"),
        of("reloads"),
        of("restarts"),
        of("kills"),
    )
}

fn no_unit_has_failed(play: &Play) -> Outcome {
    let failed = play.lab.sh("systemctl --failed --no-legend --plain")?;
    if !failed.trim().is_empty() {
        play.ledger.broken("no unit fails", failed);
        play.lab.sh("systemctl reset-failed")?;
    }
    Ok(())
}

/// What must be as it was, or as it is counted anew.
pub(crate) fn at_the_end(play: &Play, begun: &Health) -> Outcome {
    no_unit_has_failed(play)?;
    let ended = look(&play.lab)?;
    let new: Vec<&String> = ended.findings.difference(&begun.findings).collect();
    if !new.is_empty() {
        play.ledger.broken("doctor finds it as healthy as before", format!("{new:?}"));
    }
    seats(play)?;
    growth(play)
}

/// The seats that the daemon has counted, one login at a time, are those that are there.
fn seats(play: &Play) -> Outcome {
    let told = play.lab.run(["mfactl", "license", "status", "--json"])?.json()?;
    let listed = play.lab.run(["mfactl", "users", "--json"])?.json()?;
    let enrolled = |entry: &&Value| entry["factors"].as_object().is_some_and(|factors| !factors.is_empty());
    let listed = listed.as_array().into_iter().flatten().filter(enrolled).count();
    let (counted, known) = (&told["seats"]["used"], play.home.enrolled());
    if counted.as_u64() != u64::try_from(listed).ok() || listed != known {
        let evidence = format!("{counted} seats, {listed} accounts with a factor, {known} people with a phone: {told}");
        play.ledger.broken("the seats are those of a recount", evidence);
    }
    Ok(())
}

/// Of the daemon that was not restarted any more: between its first rest and its last.
fn growth(play: &Play) -> Outcome {
    let Some(last) = play.lab.daemon_holds()? else { return Ok(()) };
    let mut written = play.ledger.open();
    let first = written.held.iter().filter(|held| held.process == last.process).nth(1).copied();
    written.held.push(last);
    drop(written);
    let Some(first) = first else { return Ok(()) };
    let grown = last.resident_kib - first.resident_kib;
    println!(
        "The daemon of the end: {} KiB, then {} KiB ({grown:+}); {} descriptors when all had left.",
        first.resident_kib, last.resident_kib, last.descriptors
    );
    if grown > GROWTH_KIB || last.descriptors > first.descriptors + 2 {
        play.ledger.broken("the daemon holds no more at the end", format!("{first:?}, then {last:?}"));
    }
    Ok(())
}
