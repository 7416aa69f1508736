//! What was found, and how it is told: the worst first, each with its place and its mend.

use crate::pam::Place;
use anstyle::{AnsiColor, Style};
use mfa_cli::words::counted;
use mfa_cli::{Failure, Screen, WIDTH, printable};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};
use std::collections::BTreeMap;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Severity {
    /// Somebody gets in who should not, or will not who should.
    Fail,
    /// It will come to that, or may.
    Warn,
    /// Good to know.
    Note,
}

impl Severity {
    fn word(self) -> &'static str {
        match self {
            Self::Fail => "FAIL",
            Self::Warn => "WARN",
            Self::Note => "NOTE",
        }
    }

    fn colour(self) -> AnsiColor {
        match self {
            Self::Fail => AnsiColor::Red,
            Self::Warn => AnsiColor::Yellow,
            Self::Note => AnsiColor::Cyan,
        }
    }
}

/// One thing that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// How bad it is.
    pub(crate) severity: Severity,
    /// What, in a sentence without its full stop.
    pub(crate) what: String,
    /// Where it can be seen: a line of a file, or a command.
    pub(crate) evidence: String,
    /// What to do, exactly.
    pub(crate) mend: String,
}

impl Finding {
    /// Something that fails.
    pub(crate) fn fail(what: impl Into<String>, evidence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity: Severity::Fail, what: what.into(), evidence: evidence.into(), mend: mend.into() }
    }

    /// Something that may fail.
    pub(crate) fn warn(what: impl Into<String>, evidence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity: Severity::Warn, ..Self::fail(what, evidence, mend) }
    }

    /// Something to know.
    pub(crate) fn note(what: impl Into<String>, evidence: impl Into<String>, mend: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::fail(what, evidence, mend) }
    }
}

/// Where a line is, or where it would be.
pub(crate) fn at(place: Option<Place>, file: &str) -> String {
    place.map_or_else(|| file.to_owned(), |place| place.to_string())
}

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Examined {
    /// What was found, with the name of its check.
    pub(crate) findings: Vec<(Finding, &'static str)>,
    passed: u64,
    failed: u64,
    not_done: BTreeMap<&'static str, &'static str>,
}

impl Examined {
    /// Whether something fails.
    pub(crate) fn failed(&self) -> bool {
        self.failed > 0
    }

    pub(crate) fn not_done(&mut self, check: &'static str, why: &'static str) {
        self.not_done.insert(check, why);
    }

    pub(crate) fn add(&mut self, check: &'static str, findings: Vec<Finding>) {
        if findings.iter().any(|finding| finding.severity == Severity::Fail) {
            self.failed += 1;
        } else {
            self.passed += 1;
        }
        self.findings.extend(findings.into_iter().map(|finding| (finding, check)));
    }

    fn warnings(&self) -> u64 {
        let warnings = self.findings.iter().filter(|(finding, _)| finding.severity == Severity::Warn);
        u64::try_from(warnings.count()).unwrap_or(u64::MAX)
    }

    fn summary(&self) -> String {
        let passed = format!("{} passed", counted(self.passed, "check"));
        let rest = match self.not_done.len() {
            0 => String::new(),
            count => format!(", {count} not made"),
        };
        format!("{passed}, {} failed, {}{rest}.", self.failed, counted(self.warnings(), "warning"))
    }
}

impl Serialize for Examined {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Row<'a> {
            check: &'a str,
            severity: Severity,
            what: &'a str,
            evidence: &'a str,
            mend: &'a str,
        }
        let rows: Vec<Row<'_>> = self
            .findings
            .iter()
            .map(|(finding, check)| Row {
                check,
                severity: finding.severity,
                what: &finding.what,
                evidence: &finding.evidence,
                mend: &finding.mend,
            })
            .collect();
        let mut all = serializer.serialize_struct("Examined", 4)?;
        all.serialize_field("findings", &rows)?;
        all.serialize_field("passed", &self.passed)?;
        all.serialize_field("failed", &self.failed)?;
        all.serialize_field("not_made", &self.not_done)?;
        all.end()
    }
}

/// On a terminal, or wherever lines go.
pub(crate) fn show(screen: &Screen, examined: &Examined) -> Result<(), Failure> {
    for (finding, _) in &examined.findings {
        screen.line(&paragraph(finding, screen))?;
    }
    for (check, why) in &examined.not_done {
        screen.line(&printable::wrap(&format!("not made: {check}: {why}")))?;
    }
    screen.line(&examined.summary())
}

fn paragraph(finding: &Finding, screen: &Screen) -> String {
    let word = finding.severity.word();
    let style = Style::new().bold().fg_color(Some(finding.severity.colour().into()));
    let what = indented(&finding.what);
    let (place, mend) = (printable::line(&finding.evidence), indented(&format!("mend: {}", finding.mend)));
    format!("{}  {what}\n      {place}\n      {mend}", screen.styled(style, word))
}

/// Below the word, within 80 columns.
fn indented(text: &str) -> String {
    printable::wrap_to(&printable::lines(text), WIDTH - 6).replace('\n', "\n      ")
}
