//! How mistakes are shown.

use super::errors;
use crate::policy::diagnostic::{Diagnostic, quoted};
use crate::policy::suggest::suggest;

#[test]
fn a_mistake_is_shown_with_its_line_a_caret_and_what_to_do() {
    let text = "[[rule]]\nname  = \"x\"\n  grups = [\"staff\"]\n";
    assert_eq!(
        errors(text),
        "policy.toml:3:3: unknown key `grups`\n  3 |   grups = [\"staff\"]\n    |   ^^^^^\n    = did you mean `groups`?"
    );
}

#[test]
fn columns_count_characters_and_tabs_take_one_place() {
    let text = "[[rule]]\nname = \"Größe\"\n\tgroups = [\"ü\", \"\"]\n";
    assert_eq!(
        errors(text),
        "policy.toml:3:17: `groups` has an empty string in it\n  3 |  groups = [\"ü\", \"\"]\n    |                 ^^"
    );
}

#[test]
fn control_characters_of_a_file_never_reach_the_terminal() {
    let hostile = "[[rule]]\nusers = [\"a\u{202e}b\", \"\u{9b}31m\"]\n\"\\u001b[2J\\u0007\" = 1\n\u{1b}[31m = 2\n";
    let shown = errors(hostile);
    assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
    assert_eq!(quoted("\u{1b}[2J\u{202e}"), "`\u{fffd}[2J\u{fffd}`");
}

#[test]
fn a_long_line_is_cut_to_the_part_that_matters() {
    let names = (0..100).map(|number| format!("'user{number:03}'")).collect::<Vec<_>>().join(", ");
    let shown = errors(&format!("[[rule]]\nusers = [{names}, '']\n"));
    let lines: Vec<&str> = shown.lines().collect();
    assert!(lines.iter().all(|line| line.chars().count() <= 120), "{shown}");
    let caret = lines[2].find('^').expect("a caret");
    assert_eq!(lines[1].get(caret..caret + 2), Some("''"), "{shown}");
}

#[test]
fn any_place_in_any_text_can_be_shown() {
    let text = "ä\r\nß\n\n日本語\u{10ffff}";
    for start in 0..text.len() + 3 {
        for end in start..text.len() + 3 {
            let shown = Diagnostic::new("x", text, &(start..end), "message".into()).to_string();
            assert!(shown.contains('^'), "{start}..{end}");
        }
    }
}

#[test]
fn slips_are_recognized_and_strangers_are_not() {
    let known = ["groups", "users", "not_from", "ask_again", "if-enrolled"];
    let cases = [
        ("gruops", Some("groups")),
        ("Users", Some("users")),
        ("not-from", Some("not_from")),
        ("askagain", Some("ask_again")),
        ("if enrolled", Some("if-enrolled")),
        ("ifenroled", Some("if-enrolled")),
        ("color", None),
        ("", None),
        ("x", None),
    ];
    for (word, expected) in cases {
        assert_eq!(suggest(word, known), expected, "{word}");
    }
    assert_eq!(suggest(&"g".repeat(10_000), known), None);
}
