//! What changes in files, as `diff -u` shows it.

use super::plan::FileChange;
use anstyle::{AnsiColor, Style};
use mfa_cli::{Screen, printable};
use similar::TextDiff;

const NOTHING: &str = "/dev/null";

/// One file.
pub(crate) fn unified(change: &FileChange) -> String {
    let text = |bytes: &Option<Vec<u8>>| String::from_utf8_lossy(bytes.as_deref().unwrap_or_default()).into_owned();
    let (before, after) = (text(&change.before), text(&change.after));
    let path = change.path.display().to_string();
    let name = |bytes: &Option<Vec<u8>>| if bytes.is_some() { path.clone() } else { NOTHING.to_owned() };
    let diff = TextDiff::from_lines(&before, &after);
    diff.unified_diff().context_radius(2).header(&name(&change.before), &name(&change.after)).to_string()
}

/// All of them, for a person: with colours where there are any, which say no more than the signs do.
pub(crate) fn shown(files: &[FileChange], screen: &Screen) -> String {
    let line = |line: &str| {
        let line = printable::line(&line.replace('\t', "    "));
        let colour = match line.bytes().next() {
            _ if line.starts_with("+++") || line.starts_with("---") => return screen.strong(&line),
            Some(b'+') => AnsiColor::Green,
            Some(b'-') => AnsiColor::Red,
            _ => return line,
        };
        screen.styled(Style::new().fg_color(Some(colour.into())), &line)
    };
    let all: String = files.iter().map(unified).collect();
    all.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(before: Option<&str>, after: &str) -> FileChange {
        let bytes = |text: &str| text.as_bytes().to_vec();
        FileChange { path: "/etc/pam.d/sudo".into(), before: before.map(bytes), after: Some(bytes(after)), mode: 0o644 }
    }

    #[test]
    fn a_line_that_is_put_in_is_shown_between_its_neighbours() {
        let text = unified(&change(Some("a\nb\nc\nd\n"), "a\nb\nx\nc\nd\n"));
        assert_eq!(text, "--- /etc/pam.d/sudo\n+++ /etc/pam.d/sudo\n@@ -1,4 +1,5 @@\n a\n b\n+x\n c\n d\n");
    }

    #[test]
    fn a_new_file_comes_from_nothing() {
        assert_eq!(unified(&change(None, "x\n")), "--- /dev/null\n+++ /etc/pam.d/sudo\n@@ -0,0 +1 @@\n+x\n");
    }
}
