//! The counts that were kept: a line each, to compare new ones with.

use crate::valgrind::Count;
use harness::{Failure, Outcome};
use std::fmt::Write as _;

/// By how much a count may be larger than the kept one. Which thread is woken when moves it by one or two in a hundred.
const TOLERANCE: f64 = 1.05;
/// System calls that may be more: threads that wait for one another call the kernel or not, as it comes.
const CALLS: f64 = 20.0;

const HEADING: &str = "\
# What one login costs, as `cargo xtask bench --count` counts it; module: beyond what pam_permit costs.
# It complains when something costs 5 in a hundred more instructions or twenty system calls more than here.
# Made anew by `cargo xtask bench --count --renew`, when that is meant to be, or came with another compiler.
";
/// Before the compiler's name: another one makes other instructions of the same source.
const COMPILER: &str = "# Compiled by ";
const COLUMNS: &str = "# what                  instructions  system calls\n";

/// What one login costs one of the programs.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) count: Count,
}

impl Row {
    pub(crate) fn new(what: &str, count: Count) -> Self {
        Self { what: what.to_owned(), count }
    }
}

/// The rows as they are kept, of what that compiler has made.
pub(crate) fn text(rows: &[Row], compiler: &str) -> String {
    let mut text = format!("{HEADING}{COMPILER}{compiler}\n#\n{COLUMNS}");
    for Row { what, count } in rows {
        let _ = writeln!(text, "{what:22} {:>13.0} {:>13.1}", count.instructions, count.all_calls());
    }
    text
}

/// The rows as they are shown; with the system calls by name, if they are wanted.
pub(crate) fn table(rows: &[Row], with_calls: bool) -> String {
    let mut text = format!("{:22} {:>13} {:>13}\n", "one login", "instructions", "system calls");
    for Row { what, count } in rows {
        let _ = writeln!(text, "{what:22} {:>13.0} {:>13.1}", count.instructions, count.all_calls());
        let calls = count.calls.iter().filter(|(_, number)| with_calls && number.abs() >= 0.05);
        for (name, number) in calls {
            let _ = writeln!(text, "  {name:34} {number:>13.1}");
        }
    }
    text
}

/// The counts of an earlier day.
pub(crate) struct Kept {
    /// What had compiled the programs.
    pub(crate) compiler: String,
    rows: Vec<(String, f64, f64)>,
}

impl Kept {
    /// Reads [`text`].
    pub(crate) fn parse(text: &str) -> Outcome<Self> {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let row = |line: &str| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let [what @ .., instructions, calls] = fields.as_slice() else {
                return Err(Failure::new(format!("this line of kept counts is not understood: {line}")));
            };
            Ok((what.join(" "), instructions.parse()?, calls.parse()?))
        };
        let compiler =
            text.lines().find_map(|line| line.strip_prefix(COMPILER)).unwrap_or("nobody knows which").to_owned();
        Ok(Self { compiler, rows: lines.map(row).collect::<Outcome<_>>()? })
    }

    /// What costs more than it did, a sentence each.
    pub(crate) fn complaints(&self, rows: &[Row]) -> Vec<String> {
        let mut complaints = Vec::new();
        for Row { what, count } in rows {
            let Some((_, instructions, calls)) = self.rows.iter().find(|(kept, ..)| kept == what) else {
                complaints.push(format!("{what}: nothing was kept. Run: cargo xtask bench --count --renew"));
                continue;
            };
            let mut compare = |unit: &str, now: f64, kept: f64, limit: f64| {
                if now > limit {
                    complaints.push(format!("{what}: {now:.0} {unit}, and it was {kept:.0}"));
                }
            };
            compare("instructions", count.instructions, *instructions, instructions * TOLERANCE);
            compare("system calls", count.all_calls(), *calls, calls + CALLS);
        }
        complaints
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(instructions: f64, calls: f64) -> Row {
        let calls = [("read".to_owned(), calls)].into();
        Row::new("daemon, right code", Count { instructions, calls })
    }

    #[test]
    fn what_was_kept_is_read_again_and_more_than_the_tolerance_is_told() {
        let kept = Kept::parse(&text(&[row(1000.0, 70.0)], "rustc 1.0")).unwrap();
        assert_eq!(kept.compiler, "rustc 1.0");
        assert!(kept.complaints(&[row(1050.0, 90.0)]).is_empty());
        assert!(kept.complaints(&[row(10.0, 7.0)]).is_empty());
        let told = kept.complaints(&[row(1051.0, 90.6)]);
        assert_eq!(
            told,
            [
                "daemon, right code: 1051 instructions, and it was 1000",
                "daemon, right code: 91 system calls, and it was 70"
            ]
        );
        let other = Row { what: "module".into(), ..row(1.0, 1.0) };
        assert!(kept.complaints(&[other])[0].contains("--renew"));
    }

    #[test]
    fn nonsense_is_no_count() {
        assert!(Kept::parse("daemon, right code  many  calls\n").is_err());
    }
}
