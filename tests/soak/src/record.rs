//! The record of what happened, compared with what was seen: every pass has a record of its own, the chain holds, and
//! nobody had more tries than the throttle gives.

use std::collections::{HashMap, HashSet};

use harness::Outcome;
use serde_json::Value;

use crate::play::Play;

/// Failures that cost nothing but the try; then each waits for this long, at least. (`mfa-core/src/throttle.rs`)
const FREE: u32 = 5;
const FIRST_WAIT: i64 = 30;

/// One record.
struct Record {
    place: String,
    at: i64,
    what: String,
    user: String,
    service: String,
    factor: String,
}

/// Compares all of it.
pub(crate) fn compare(play: &Play) -> Outcome {
    let verified = play.lab.run(["mfactl", "audit", "verify"])?;
    if verified.code != 0 {
        play.ledger.broken("the audit chain holds", verified.to_string());
    }
    let records = read(play)?;
    println!("{} records; {}", records.len(), verified.stdout.lines().next().unwrap_or_default());
    passes(play, &records);
    tries(play, &records);
    Ok(())
}

fn read(play: &Play) -> Outcome<Vec<Record>> {
    let printed = play.lab.run(["mfactl", "audit", "--since", "2026-01-01", "--json"])?.success()?.stdout;
    let lines = serde_json::Deserializer::from_str(&printed).into_iter::<Value>().collect::<Result<Vec<_>, _>>()?;
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let record = |line: &Value| {
        let record = &line["record"];
        Record {
            place: format!("{}:{}", line["node"], line["seq"]),
            at: record["at"].as_i64().unwrap_or_default(),
            what: text(&record["what"]),
            user: text(&record["user"]),
            service: text(&record["service"]),
            factor: text(&record["factor"]["kind"]),
        }
    };
    Ok(lines.iter().map(record).collect())
}

/// Each pass that was seen has one of its own; there may be more, of those who were cut off as they came in.
fn passes(play: &Play, records: &[Record]) {
    let mut taken = HashSet::new();
    let passes = play.ledger.open().passes.clone();
    for pass in passes {
        let fits = |record: &&Record| {
            record.what == "passed"
                && (&record.user, record.service.as_str()) == (&pass.user, pass.service)
                && (pass.between.0 - 1..=pass.between.1 + 1).contains(&record.at)
                && !taken.contains(&record.place)
        };
        match records.iter().find(fits) {
            Some(record) => drop(taken.insert(record.place.clone())),
            None => play.ledger.broken("every pass has a record of its own", format!("{pass:?}")),
        }
    }
    println!("{} passes were seen, and each has its record.", taken.len());
}

fn tries(play: &Play, records: &[Record]) {
    let mut failed: HashMap<(&str, &str), (u32, i64)> = HashMap::new();
    for record in records {
        let whose = (record.user.as_str(), record.factor.as_str());
        match record.what.as_str() {
            "wrong" => {
                let (count, last) = failed.entry(whose).or_default();
                if *count >= FREE && record.at - *last < FIRST_WAIT {
                    let evidence =
                        format!("{}: try {} of {whose:?} {} s later", record.place, *count + 1, record.at - *last);
                    play.ledger.broken("nobody has more tries than the limit", evidence);
                }
                (*count, *last) = (*count + 1, record.at);
            }
            "passed" | "unlocked" | "reset" | "added" => failed.retain(|(user, _), _| *user != record.user),
            _ => {}
        }
    }
}
