//! Lines with a head and a text beside it that stays in its column. Everything from elsewhere is made printable first.

use mfa_cli::{WIDTH, printable};

/// The head in its column, the text beside it, broken as often as needed. A head that is too wide stands alone.
pub(crate) fn beside(head: &str, column: usize, text: &str) -> String {
    let indent = " ".repeat(column);
    let broken = printable::wrap_to(text, WIDTH.saturating_sub(column));
    let text = broken.replace('\n', &format!("\n{indent}"));
    let room = column.saturating_sub(printable::width(head));
    if room == 0 { format!("{head}\n{indent}{text}") } else { format!("{head}{}{text}", " ".repeat(room)) }
}

/// Such as `alice, bob, … and 3 more`.
pub(super) fn some<'a>(names: impl IntoIterator<Item = &'a str>, most: usize) -> String {
    let all: Vec<&str> = names.into_iter().collect();
    let mut shown: Vec<String> = all.iter().take(most).map(|name| printable::line(name)).collect();
    match all.len().saturating_sub(most) {
        0 => shown.join(", "),
        more => {
            shown.push(format!("… and {more} more"));
            shown.join(", ")
        }
    }
}

/// As many names as a sentence holds.
pub(crate) fn names(names: &[&str]) -> String {
    some(names.iter().copied(), 5)
}

/// Such as `phone app, backup code`.
pub(super) fn kinds(words: &[String]) -> String {
    words.iter().map(|word| mfa_cli::words::kind(word)).collect::<Vec<_>>().join(", ")
}

/// Such as `phone app, mail or backup code`; `nothing` for none.
pub(super) fn either(words: &[String]) -> String {
    let mut names: Vec<String> = words.iter().map(|word| mfa_cli::words::kind(word)).collect();
    match (names.pop(), names.is_empty()) {
        (None, _) => "nothing".to_owned(),
        (Some(only), true) => only,
        (Some(last), false) => format!("{} or {last}", names.join(", ")),
    }
}

/// Such as `@ssh, @sudo`; `everywhere` for every class.
pub(super) fn places(services: &[String]) -> String {
    if CLASSES.iter().all(|class| services.iter().any(|service| service == class)) {
        return "everywhere".to_owned();
    }
    let shown: Vec<String> = services.iter().map(|service| printable::line(service)).collect();
    format!("at {}", shown.join(", "))
}

/// The classes of services that the policy knows.
const CLASSES: [&str; 7] = ["@ssh", "@login", "@sudo", "@su", "@polkit", "@desktop", "@lock"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_stays_in_its_column() {
        let text = beside(" 1 staff", 12, &"word ".repeat(30));
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].starts_with(" 1 staff    word word"), "{text}");
        assert!(lines[1].starts_with("            word"), "{text}");
        assert!(lines.iter().all(|line| printable::width(line) <= WIDTH));
        assert_eq!(beside("a head that is wide", 10, "x"), "a head that is wide\n          x");
    }

    #[test]
    fn lists_read_as_people_say_them() {
        let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
        assert_eq!(either(&words(&[])), "nothing");
        assert_eq!(either(&words(&["totp"])), "phone app");
        assert_eq!(either(&words(&["totp", "email", "backup-code"])), "phone app, mail or backup code");
        assert_eq!(places(&words(&["@ssh", "cups"])), "at @ssh, cups");
        assert_eq!(places(&words(&CLASSES)), "everywhere");
    }

    #[test]
    fn many_names_are_counted() {
        let names: Vec<String> = (1..=23).map(|n| format!("u{n}")).collect();
        let text = some(names.iter().map(String::as_str), 20);
        assert!(text.ends_with("u20, … and 3 more"), "{text}");
        assert_eq!(some(["a", "b\u{1b}"], 2), "a, b\\u{1b}");
        assert_eq!(some([], 2), "");
    }
}
