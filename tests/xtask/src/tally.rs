//! Counting: what passed, what failed, how long it took; and the plain line at the end.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::Stop;

/// The count of a whole run.
pub(crate) struct Tally {
    begun: Instant,
    /// Each step, with the seconds that were gone when it began.
    steps: Vec<(String, u64)>,
    passed: u32,
    failed: u32,
    skipped: u32,
    complaints: Vec<String>,
}

impl Tally {
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), steps: Vec::new(), passed: 0, failed: 0, skipped: 0, complaints: Vec::new() }
    }

    /// Announces a step, with the seconds gone so far.
    pub(crate) fn heading(&mut self, step: &str) {
        let gone = self.begun.elapsed().as_secs();
        println!("\n== {step} ({gone} s)");
        self.steps.push((step.to_owned(), gone));
    }

    /// A step that passes or fails as a whole. Whether it passed.
    pub(crate) fn check(&mut self, step: &str, done: Result<(), Stop>) -> bool {
        match done {
            Ok(()) => {
                self.passed += 1;
                true
            }
            Err(stop) => {
                self.fail(step, stop);
                false
            }
        }
    }

    /// A step that failed as a whole.
    pub(crate) fn fail(&mut self, step: &str, stop: Stop) {
        let why = match stop {
            Stop::Usage(words) | Stop::Failed(words) => words,
            Stop::Told => "see above".into(),
        };
        println!("{step}: {why}");
        self.failed += 1;
        self.complaints.push(format!("{step}: {why}"));
    }

    /// Runs a test program or `cargo test`: its output is shown, and each of its tests counts.
    pub(crate) fn tests(&mut self, step: &str, command: &mut Command) {
        let mut child = match command.stdout(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => return self.fail(step, Stop::Failed(error.to_string())),
        };
        let mut failures = 0;
        for line in child.stdout.take().into_iter().flat_map(|pipe| BufReader::new(pipe).lines()).map_while(Result::ok)
        {
            println!("{line}");
            if let Some((passed, failed)) = counts(&line) {
                self.passed += passed;
                failures += failed;
            }
        }
        self.failed += failures;
        match child.wait() {
            Ok(status) if status.success() => {}
            Ok(_) if failures > 0 => self.complaints.push(format!("{step}: {failures} failed")),
            Ok(status) => self.fail(step, Stop::Failed(status.to_string())),
            Err(error) => self.fail(step, Stop::Failed(error.to_string())),
        }
    }

    /// A step that could not be tried on this machine, and need not be.
    pub(crate) fn skip(&mut self, step: &str, why: &str) {
        self.skipped += 1;
        println!("{step}: skipped. {why}");
    }

    /// Prints how long each step took, what failed, and the closing line.
    pub(crate) fn close(self) -> Result<(), Stop> {
        let gone = self.begun.elapsed().as_secs();
        println!("\n== done ({gone} s)");
        for (step, seconds) in lasted(&self.steps, gone) {
            println!("{seconds:>6} s  {step}");
        }
        for complaint in &self.complaints {
            println!("{complaint}");
        }
        let skipped = if self.skipped > 0 { format!(", {} skipped", self.skipped) } else { String::new() };
        println!("{} passed, {} failed{skipped}", self.passed, self.failed);
        if self.failed == 0 { Ok(()) } else { Err(Stop::Told) }
    }
}

/// How many seconds each step took; what took none is left out, and so is a single step.
fn lasted(steps: &[(String, u64)], end: u64) -> Vec<(&str, u64)> {
    if steps.len() < 2 {
        return Vec::new();
    }
    let ends = steps.iter().skip(1).map(|(_, begun)| *begun).chain([end]);
    let each = steps.iter().zip(ends).map(|((step, begun), end)| (step.as_str(), end.saturating_sub(*begun)));
    each.filter(|(_, seconds)| *seconds > 0).collect()
}

/// The numbers in a line such as `test result: ok. 12 passed; 1 failed; 0 ignored; …`.
fn counts(line: &str) -> Option<(u32, u32)> {
    let numbers = line.strip_prefix("test result: ")?.split_once(". ")?.1;
    let number = |what: &str| numbers.split("; ").find_map(|part| part.strip_suffix(what)?.trim().parse().ok());
    Some((number(" passed")?, number(" failed")?))
}

#[cfg(test)]
mod tests {
    use super::{counts, lasted};

    #[test]
    fn a_step_lasts_until_the_next_one_begins() {
        let steps = [("format", 0), ("tests", 0), ("labs", 70)].map(|(step, begun)| (step.to_owned(), begun));
        assert_eq!(lasted(&steps, 100), [("tests", 70), ("labs", 30)]);
        assert_eq!(lasted(&steps[..1], 100), []);
    }

    #[test]
    fn the_runners_closing_line_is_counted_and_no_other() {
        let line = "test result: FAILED. 12 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 1.20s";
        assert_eq!(counts(line), Some((12, 3)));
        assert_eq!(counts("test labs::result ... ok"), None);
        assert_eq!(counts("12 passed; 3 failed"), None);
    }
}
