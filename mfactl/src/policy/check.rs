//! `mfactl policy check`: whether a policy would be taken, and what is probably not meant. Changes nothing. And `policy
//! reload`, which takes what is in the folder.

use super::draft::Place;
use super::lines::beside;
use crate::Desk;
use anstyle::{AnsiColor, Style};
use mfa_cli::words::counted;
use mfa_cli::{Exit, Failure, Screen, WIDTH, printable};
use mfa_proto::policy::{CHECK, Diagnostic, Findings, RELOAD};
use serde_json::json;
use std::path::PathBuf;

/// Find mistakes, each with its line and what to do; changes nothing
#[derive(clap::Args)]
#[command(after_help = "\
Examples:
  mfactl policy check                     /etc/mfa, as the daemon would load it
  mfactl policy check new.toml            in place of policy.toml
  mfactl policy check x.toml --as policy.d/60-x.toml

The other files are taken from /etc/mfa. Exit code 1 if something is wrong.")]
pub(crate) struct Args {
    /// The file; without it the folder as it is
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
}

/// Put what is in /etc/mfa in force, all of it or nothing of it
#[derive(clap::Args)]
#[command(after_help = "\
Example:
  mfactl policy reload

With a mistake in it, it is refused as a whole, and the policy that was in
force stays. The same as: systemctl reload mfa-daemon, with an answer.")]
pub(crate) struct Reload {}

pub(crate) fn run(args: &Args, desk: &mut Desk) -> Result<Exit, Failure> {
    if let Some(file) = &args.file {
        args.place.send(file, desk)?;
    }
    let findings: Findings = desk.daemon.call(CHECK, &json!({}))?;
    told(&findings, desk, "would be taken", "Nothing of this would be taken.")
}

pub(crate) fn reload(desk: &mut Desk) -> Result<Exit, Failure> {
    let findings = in_force(desk)?;
    told(&findings, desk, "in force", "Nothing of this was taken; the policy loaded before stays in force.")
}

/// Makes the daemon take its folder as it is now.
pub(crate) fn in_force(desk: &mut Desk) -> Result<Findings, Failure> {
    desk.daemon.call(RELOAD, &json!({}))
}

/// Whether the folder, with what was sent, would be taken; if so, what is odd about it.
pub(crate) fn all_right(desk: &mut Desk) -> Result<Result<Findings, Findings>, Failure> {
    let findings: Findings = desk.daemon.call(CHECK, &json!({}))?;
    Ok(if findings.errors.is_empty() { Ok(findings) } else { Err(findings) })
}

fn told(findings: &Findings, desk: &Desk, taken: &str, refused: &str) -> Result<Exit, Failure> {
    let is_right = findings.errors.is_empty();
    if desk.json {
        desk.screen.json(findings)?;
    } else {
        show(&desk.screen, findings)?;
        desk.screen.line(&printable::wrap(&summary(findings, taken, refused)))?;
    }
    Ok(if is_right { Exit::Done } else { Exit::Refused })
}

/// Every error, then every warning.
pub(crate) fn show(screen: &Screen, findings: &Findings) -> Result<(), Failure> {
    let red = Style::new().bold().fg_color(Some(AnsiColor::Red.into()));
    let yellow = Style::new().bold().fg_color(Some(AnsiColor::Yellow.into()));
    for (word, style, list) in [("error", red, &findings.errors), ("warning", yellow, &findings.warnings)] {
        for one in list {
            let text = drawn(one, word);
            screen.line(&text.replacen(&format!("{word}:"), &screen.styled(style, &format!("{word}:")), 1))?;
        }
    }
    if findings.left_out > 0 {
        screen.line(&format!("{} more.", findings.left_out))?;
    }
    Ok(())
}

fn summary(findings: &Findings, taken: &str, refused: &str) -> String {
    let count = |list: &[Diagnostic]| u64::try_from(list.len()).unwrap_or(u64::MAX);
    if !findings.errors.is_empty() {
        return format!("{}. {refused}", counted(count(&findings.errors), "error"));
    }
    let (files, rules) = (counted(findings.files.len().try_into().unwrap_or(u64::MAX), "file"), findings.rules);
    format!("{files}, {}: {taken}. {}.", counted(rules, "rule"), counted(count(&findings.warnings), "warning"))
}

/// The place, what is wrong there, the line with a caret, and what to do.
fn drawn(one: &Diagnostic, word: &str) -> String {
    let mut place = printable::line(&one.file);
    for number in [one.line, one.column].into_iter().flatten() {
        place.push_str(&format!(":{number}"));
    }
    let mut text = printable::wrap(&format!("{place}: {word}: {}", printable::lines(&one.message)));
    let number = one.line.map(|line| line.to_string()).unwrap_or_default();
    let gutter = number.len();
    if let (Some(line), Some(from)) = (&one.text, one.from) {
        let room = WIDTH - (gutter + 5).min(WIDTH);
        let (before, marked) = (usize::try_from(from).unwrap_or(0), one.width.unwrap_or(1));
        // Characters may be wider than one column; the caret stands below the first of those that are meant.
        let line = printable::line(line);
        let skipped: String = line.chars().take(before).collect();
        let meant: String = line.chars().skip(before).take(usize::try_from(marked).unwrap_or(1)).collect();
        let carets = "^".repeat(printable::width(&meant).max(1));
        let below = format!("{}{carets}", " ".repeat(printable::width(&skipped)));
        text.push_str(&format!("\n  {number} | {}", printable::cut(&line, room)));
        text.push_str(&format!("\n  {:gutter$} | {}", "", below.chars().take(room).collect::<String>().trim_end()));
    }
    if let Some(hint) = &one.hint {
        text.push('\n');
        text.push_str(&beside(&format!("  {:gutter$} =", ""), gutter + 5, &printable::line(hint)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diagnostic() -> Diagnostic {
        Diagnostic {
            file: "policy.toml".into(),
            line: Some(12),
            column: Some(3),
            message: "unknown key `grups`".into(),
            hint: Some("did you mean `groups`?".into()),
            text: Some("  grups = [\"staff\"]".into()),
            from: Some(2),
            width: Some(5),
        }
    }

    #[test]
    fn a_mistake_is_drawn_with_its_line_and_a_caret() {
        assert_eq!(
            drawn(&diagnostic(), "error"),
            "policy.toml:12:3: error: unknown key `grups`\n  12 |   grups = [\"staff\"]\n     |   ^^^^^\n     = did you \
             mean `groups`?"
        );
    }

    #[test]
    fn a_file_that_is_wrong_as_a_whole_has_no_line() {
        let whole =
            Diagnostic { file: "/etc/mfa\u{1b}".into(), message: "it belongs to\nsomebody".into(), ..<_>::default() };
        assert_eq!(drawn(&whole, "error"), "/etc/mfa\\u{1b}: error: it belongs to\nsomebody");
    }

    #[test]
    fn carets_stand_below_wide_characters_and_nothing_passes_the_edge() {
        let wide = Diagnostic { text: Some("山田 = \"é\"".into()), from: Some(5), width: Some(3), ..diagnostic() };
        let text = drawn(&wide, "error");
        assert!(text.contains("\n     |        ^^^\n"), "{text}");
        let long = "x".repeat(300);
        let long = Diagnostic {
            file: long.clone(),
            message: "word ".repeat(50),
            hint: Some("word ".repeat(50)),
            text: Some(long),
            from: Some(200),
            width: Some(90),
            ..diagnostic()
        };
        let text = drawn(&long, "warning");
        assert!(text.lines().all(|line| printable::width(line) <= WIDTH), "{text}");
    }

    #[test]
    fn a_sentence_says_how_it_stands() {
        let mut findings = Findings { files: vec!["policy.toml".into()], rules: 2, ..Findings::default() };
        assert_eq!(summary(&findings, "would be taken", ""), "1 file, 2 rules: would be taken. 0 warnings.");
        findings.errors.push(diagnostic());
        assert_eq!(summary(&findings, "", "No."), "1 error. No.");
    }
}
