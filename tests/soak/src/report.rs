//! The end: a table of what was done, what was broken with its evidence, and where the rest of it lies.

use std::fs;

use harness::Outcome;

use crate::play::Play;

/// Prints it; whether everything held.
pub(crate) fn close(play: &Play) -> Outcome<bool> {
    let written = play.ledger.open();
    println!("\n{:-<60}", "");
    for (what, count) in &written.counts {
        println!("{count:>8}  {what}");
    }
    println!("{:-<60}", "");
    if written.broken.is_empty() {
        println!("Everything held.");
        return Ok(true);
    }
    for broken in &written.broken {
        println!("BROKEN: {}\n{}\n", broken.what, broken.evidence);
    }
    println!(
        "{} times something did not hold. Again with the same choices: --seed {}",
        written.broken.len(),
        play.seed
    );
    let folder = std::env::temp_dir().join(format!("soak-{}", play.seed));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("journal"), play.lab.sh("journalctl --quiet --no-pager --output=short-precise")?)?;
    fs::write(
        folder.join("audit.jsonl"),
        play.lab.run(["mfactl", "audit", "--since", "2026-01-01", "--json"])?.stdout,
    )?;
    println!("Journal and record of that system: {}", folder.display());
    Ok(false)
}
