//! `mfactl audit verify`: whether every record is as it was written and none is missing, by the chain of hashes and by
//! the heads that the journal has. It says plainly what could not be looked for.

use super::heads::{self, Head};
use crate::Desk;
use crate::progress::Progress;
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, printable};
use mfa_proto::audit::{Chain, Finding, HASHES, Hashes, MOST_PLACES, Place, Places, VERIFY, Verified, Verify};
use serde::Serialize;

/// Findings that are shown in full.
const SHOWN: usize = 20;

/// Check that no record was changed, removed, reordered or cut off
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl audit verify
  mfactl audit verify --json | jq .findings

Each record is checked against the one before it, and the newest against what
mfa-daemon wrote to the journal. Exit code 1 if anything is wrong.

Whoever is root on this machine can rewrite both the records and the journal.
Against that, send the journal elsewhere: the lines with MFA_AUDIT_HEAD.")]
pub(super) struct Args {}

/// What came of it.
#[derive(Debug, Default, Serialize)]
struct Report {
    whole: bool,
    records: u64,
    chains: Vec<Chain>,
    findings: Vec<Finding>,
    /// Heads of the journal that were compared.
    heads: u64,
    /// What could not be looked for, and why: a sentence each.
    not_known: Vec<String>,
}

pub(super) fn run(desk: &mut Desk) -> Result<Exit, Failure> {
    let (mut report, uid) = walk(desk)?;
    match heads::of_journal(uid) {
        Ok(heads) => compare(desk, &heads, &mut report)?,
        Err(error) => report
            .not_known
            .push(format!("Whether newest records were cut off could not be looked for in the journal: {error}.")),
    }
    report.whole = report.findings.is_empty();
    if desk.json {
        desk.screen.json(&report)?;
    } else {
        show(desk, &report)?;
    }
    Ok(if report.whole { Exit::Done } else { Exit::Refused })
}

/// Has the daemon check one part after the other.
fn walk(desk: &mut Desk) -> Result<(Report, u32), Failure> {
    let mut report = Report::default();
    let mut progress = Progress::begin();
    let mut part = Verify::default();
    loop {
        let told: Verified = desk.daemon.call(VERIFY, &part)?;
        report.records += told.checked;
        report.findings.extend(told.findings);
        progress.tell(usize::try_from(report.records).unwrap_or(usize::MAX), &format!("of {} records", told.total));
        if told.next.is_none() {
            report.chains = told.chains;
            return Ok((report, told.uid));
        }
        if told.next == part.after {
            return Err(Failure::refused("protocol", "The check does not end. Restart mfa-daemon, then try again."));
        }
        part.after = told.next;
    }
}

/// Compares what the journal saw with what is kept.
fn compare(desk: &mut Desk, heads: &[Head], report: &mut Report) -> Result<(), Failure> {
    if heads.is_empty() {
        let text = "The journal has no head of the chain: whether newest records were cut off is not known.";
        report.not_known.push(text.to_owned());
    }
    let newest = heads.last().map(|head| head.place.node);
    for part in heads.chunks(MOST_PLACES) {
        let places = part.iter().map(|head| head.place).collect();
        let Hashes { hashes } = desk.daemon.call(HASHES, &Places { places })?;
        for (head, hash) in part.iter().zip(hashes) {
            judge(head, &hash, newest == Some(head.place.node), report);
        }
    }
    Ok(())
}

/// One head of the journal against what is kept at its place.
fn judge(head: &Head, kept: &str, is_newest: bool, report: &mut Report) {
    let find = |what: &str, first| Finding { place: head.place, what: what.to_owned(), first };
    let finding = match report.chains.iter().find(|chain| chain.node == head.place.node) {
        // A chain from before a database was put back; the newest head must be of a chain that is here.
        None if is_newest => find("other_chain", None),
        None => return,
        Some(chain) if head.place.seq <= chain.removed => return,
        Some(chain) if head.place.seq > chain.last => find("cut_off", Some(chain.last.saturating_add(1))),
        Some(_) if kept != head.hash => find("rewritten", None),
        Some(_) => {
            report.heads += 1;
            return;
        }
    };
    // A later head says the same of the same chain, and more.
    report.findings.retain(|old| {
        (old.what.as_str(), old.first, old.place.node) != (&finding.what, finding.first, finding.place.node)
            || finding.what == "rewritten"
    });
    report.findings.push(finding);
}

fn show(desk: &Desk, report: &Report) -> Result<(), Failure> {
    let say = |text: &str| desk.screen.line(&printable::wrap(text));
    for finding in report.findings.iter().take(SHOWN) {
        say(&sentence(finding))?;
    }
    if report.findings.len() > SHOWN {
        say(&format!("… and {} more: --json", report.findings.len() - SHOWN))?;
    }
    let checked = counted(report.records, "record");
    if report.findings.is_empty() {
        say(&format!("{checked} checked: each is as it was written, and none is missing."))?;
        if let Some(removed) =
            report.chains.iter().map(|chain| chain.removed).reduce(i64::saturating_add).filter(|n| *n > 0)
        {
            say(&format!("Those up to number {removed} are gone because of their age, as [audit] keep says."))?;
        }
    } else {
        let found = counted(report.findings.len() as u64, "finding");
        say(&format!("{checked} checked, {found}. NOT WHOLE: something else than mfa-daemon wrote to the record."))?;
        say("Keep a copy of /var/lib/mfa before anything else; compare with a backup.")?;
    }
    match report.heads {
        0 => {}
        1 => say("1 head in the journal agrees.")?,
        heads => say(&format!("{} in the journal agree.", counted(heads, "head")))?,
    }
    report.not_known.iter().try_for_each(|text| say(text))
}

fn sentence(finding: &Finding) -> String {
    let Finding { place: Place { node: _, seq }, what, first } = finding;
    let several = |first: &i64, last: i64| match last - first {
        ..=0 => format!("Record {first} is"),
        _ => format!("Records {first} to {last} are"),
    };
    match (what.as_str(), first) {
        ("changed", _) => format!("Record {seq} was changed, or another one put in its place."),
        ("missing", Some(first)) => format!("{} missing.", several(first, seq.saturating_sub(1))),
        ("columns", _) => format!("Record {seq} is listed as something else than it says."),
        ("cut_off", Some(first)) => format!("{} cut off: the journal has seen {seq}.", several(first, *seq)),
        ("cut_off", None) => format!("What came after record {seq} was cut off: the database knows a later time."),
        ("anchor", _) => format!("Records up to {seq} are gone, and no record says that their time was over."),
        ("rewritten", _) => format!("Record {seq} is not the one that the journal has seen."),
        ("other_chain", _) => {
            "The journal has seen another chain since: this database was put in its place.".to_owned()
        }
        (other, _) => format!("Record {seq}: {}.", printable::line(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        Report { chains: vec![Chain { node: 7, removed: 10, last: 100 }], ..Report::default() }
    }

    fn judged(seq: i64, node: i64, kept: &str, is_newest: bool) -> (Vec<String>, u64) {
        let head = Head { place: Place { node, seq }, hash: "aa".to_owned() };
        let mut report = report();
        judge(&head, kept, is_newest, &mut report);
        (report.findings.iter().map(sentence).collect(), report.heads)
    }

    #[test]
    fn a_head_that_agrees_is_counted() {
        assert_eq!(judged(50, 7, "aa", true), (vec![], 1));
    }

    #[test]
    fn what_the_journal_saw_and_is_not_kept_is_found() {
        let found = |seq, node, kept| judged(seq, node, kept, true).0.join(" ");
        assert_eq!(found(103, 7, ""), "Records 101 to 103 are cut off: the journal has seen 103.");
        assert_eq!(found(101, 7, ""), "Record 101 is cut off: the journal has seen 101.");
        assert_eq!(found(50, 7, "bb"), "Record 50 is not the one that the journal has seen.");
        assert!(found(50, 8, "").starts_with("The journal has seen another chain"));
    }

    #[test]
    fn what_is_gone_for_its_age_or_of_an_older_chain_is_no_finding() {
        assert_eq!(judged(10, 7, "", true), (vec![], 0));
        assert_eq!(judged(50, 8, "", false), (vec![], 0));
    }

    #[test]
    fn of_many_heads_beyond_the_end_the_last_is_told() {
        let mut report = report();
        for seq in [101, 105, 109] {
            judge(&Head { place: Place { node: 7, seq }, hash: "aa".into() }, "", true, &mut report);
        }
        let told: Vec<_> = report.findings.iter().map(sentence).collect();
        assert_eq!(told, ["Records 101 to 109 are cut off: the journal has seen 109."]);
    }
}
