//! Text from elsewhere on a terminal: no control character gets through, and lines are as wide as people see them.

use super::*;
use proptest::prelude::*;

#[test]
fn what_moves_a_cursor_is_shown_instead() {
    assert_eq!(line("a\x1b[2Jb"), "a\\u{1b}[2Jb");
    assert_eq!(line("one\r\ntwo\ttab"), "one\\r\\ntwo\\ttab");
    assert_eq!(line("\u{9b}31m"), "\\u{9b}31m");
    assert_eq!(lines("one\ntwo\x07"), "one\ntwo\\u{7}");
}

#[test]
fn what_reorders_or_hides_is_shown_instead() {
    assert_eq!(line("exe\u{202e}txt"), "exe\\u{202e}txt");
    assert_eq!(line("a\u{200b}b\u{feff}"), "a\\u{200b}b\\u{feff}");
}

#[test]
fn a_secret_is_shown_as_visible_ascii_alone() {
    assert_eq!(Visible(&Secret::from("7KQF-2\x1bZ\n é")).to_string(), "7KQF-2?Z???");
}

#[test]
fn names_of_every_script_stay_as_they_are() {
    for name in ["Zoë", "山田 太郎", "Владимир", "مریم", "O'Neil \"Al\" \\ co", "👩\u{200d}🔬"] {
        assert_eq!(line(name), name);
    }
}

#[test]
fn long_text_breaks_at_spaces_and_long_words_break_anywhere() {
    assert_eq!(wrap_to("one two three", 7), "one two\nthree");
    assert_eq!(wrap_to("abcdefghij", 4), "abcd\nefgh\nij");
    assert_eq!(wrap_to("a abcdefghij z", 4), "a\nabcd\nefgh\nij z");
}

#[test]
fn a_prompt_keeps_the_space_it_ends_in() {
    assert_eq!(wrap_to("Verification code: ", 80), "Verification code: ");
    assert_eq!(wrap_to("one two three: ", 9), "one two\nthree: ");
}

#[test]
fn cut_text_says_so() {
    assert_eq!(cut("alice", 5), "alice");
    assert_eq!(cut("alice", 4), "ali~");
    assert_eq!(cut("山田太郎", 5), "山田~");
}

proptest! {
    #[test]
    fn no_text_leaves_a_control_character(text in any::<String>()) {
        prop_assert!(!line(&text).chars().any(|c| c.is_control() || deceives(c)));
        prop_assert!(!lines(&text).chars().any(|c| c != '\n' && (c.is_control() || deceives(c))));
    }

    #[test]
    fn no_wrapped_line_is_too_wide_and_no_word_is_lost(text in "[a-z界 ]{0,200}", columns in 4usize..40) {
        let wrapped = wrap_to(&text, columns);
        for row in wrapped.split('\n') {
            prop_assert!(width(row.trim_end()) <= columns, "{row:?}");
        }
        let squeeze = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
        prop_assert_eq!(squeeze(&wrapped), squeeze(&text));
    }

    #[test]
    fn cut_text_fits(text in any::<String>(), columns in 1usize..40) {
        prop_assert!(width(&cut(&line(&text), columns)) <= columns);
    }
}
