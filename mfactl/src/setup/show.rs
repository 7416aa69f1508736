//! What is shown before anything is changed: the files, who is asked, who could not get in, what is odd. For a person, or
//! as data.

use super::diff;
use super::locked_out::LockedOut;
use super::plan::{FileChange, Plan};
use super::planned::Planned;
use crate::policy::preview::Preview;
use mfa_cli::words::counted;
use mfa_cli::{Failure, Screen, WIDTH, printable};
use serde_json::{Value, json};
use similar::{ChangeTag, TextDiff};

/// All that is known of a plan.
pub(crate) struct Shown {
    pub(crate) planned: Planned,
    pub(crate) preview: Preview,
    /// Whom sshd would refuse.
    pub(crate) by_sshd: Vec<LockedOut>,
}

impl Shown {
    /// Whoever gets in today and would not any more.
    pub(crate) fn locked_out(&self) -> Vec<&str> {
        let by_sshd = self.by_sshd.iter().map(|out| out.user.as_str());
        let mut names: Vec<&str> = self.preview.newly_locked_out().into_iter().chain(by_sshd).collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// For a person.
    pub(crate) fn print(&self, screen: &Screen) -> Result<(), Failure> {
        self.preview.print(screen, None)?;
        for out in &self.by_sshd {
            let text = format!("LOCKED OUT over ssh: {} {}.", printable::line(&out.user), out.why);
            screen.line(&printable::wrap(&text))?;
        }
        for warning in &self.planned.warnings {
            screen.line(&printable::wrap(&format!("Note: {}", printable::line(warning))))?;
        }
        screen.line("")?;
        screen.line(&format!("{}:", files(self.planned.plan.files.len())))?;
        self.planned.plan.files.iter().try_for_each(|change| screen.line(&row(change)))
    }

    /// For a script. `pending`: the code that confirms it, and when it goes back, in seconds since the epoch.
    pub(crate) fn data(&self, applied: bool, pending: Option<(&str, i64)>) -> Value {
        let plan = &self.planned.plan;
        json!({
            "files": changes(plan),
            "reload_sshd": plan.reload_sshd,
            "locked_out": self.locked_out(),
            "locked_out_by_sshd": self.by_sshd,
            "warnings": self.planned.warnings,
            "preview": self.preview.data(),
            "applied": applied,
            "code": pending.map(|(code, _)| code),
            "until": pending.map(|(_, until)| until),
        })
    }
}

/// Such as `3 files change`.
pub(crate) fn files(count: usize) -> String {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    format!("{} {}", counted(count, "file"), if count == 1 { "changes" } else { "change" })
}

fn changes(plan: &Plan) -> Vec<Value> {
    let row = |change: &FileChange| json!({ "path": change.path, "new": change.before.is_none(), "diff": diff::unified(change) });
    plan.files.iter().map(row).collect()
}

/// A file, and how much of it changes.
fn row(change: &FileChange) -> String {
    let path = printable::line(&change.path.display().to_string());
    let room = WIDTH.saturating_sub(28);
    format!("  {path:<room$}  {}", how_much(change))
}

fn how_much(change: &FileChange) -> String {
    let text = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let (before, after) = (text(&change.before), text(&change.after));
    let diff = TextDiff::from_lines(&before, &after);
    let lines = |tag: ChangeTag| diff.iter_all_changes().filter(|line| line.tag() == tag).count();
    let (more, less) = (lines(ChangeTag::Insert), lines(ChangeTag::Delete));
    let more = counted(u64::try_from(more).unwrap_or(u64::MAX), "line");
    match (&change.before, &change.after) {
        (None, _) => format!("new, {more}"),
        (_, None) => "goes away".to_owned(),
        _ if less == 0 => format!("{more} more"),
        _ => format!("{more} more, {less} less"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_how_much_of_a_file_changes() {
        let bytes = |text: &str| Some(text.as_bytes().to_vec());
        let change = |before, after| FileChange { path: "/etc/pam.d/sshd".into(), before, after, mode: 0o644 };
        assert_eq!(how_much(&change(bytes("a\nb\n"), bytes("a\nx\ny\nb\n"))), "2 lines more");
        assert_eq!(how_much(&change(bytes("a\nb\n"), bytes("x\nb\n"))), "1 line more, 1 less");
        assert_eq!(how_much(&change(None, bytes("x\ny\n"))), "new, 2 lines");
        assert!(row(&change(None, bytes("x\n"))).len() <= WIDTH);
        assert_eq!((files(1).as_str(), files(3).as_str()), ("1 file changes", "3 files change"));
    }
}
