//! The site's own texts: what can stand in them, and what does not become a header.

use super::*;
use proptest::prelude::*;

fn values(values: &[(&str, &str)]) -> Values {
    values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn parse(text: &str) -> Result<Template, TemplateError> {
    Template::parse(text, Topic::BackupCodeUsed)
}

fn body(text: &str, said: &[(&str, &str)]) -> String {
    parse(text).unwrap().write(&values(said)).body.to_string()
}

#[test]
fn every_text_that_is_built_in_is_a_template_of_lines_that_fit_a_screen() {
    for topic in Topic::ALL {
        let text = built_in(topic);
        Template::parse(text, topic).unwrap_or_else(|error| panic!("{}.txt:{error}", topic.as_str()));
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{}", topic.as_str());
        assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{}", topic.as_str());
    }
}

#[test]
fn every_text_that_is_built_in_says_all_that_its_topic_can_say() {
    for topic in Topic::ALL {
        for field in topic.fields() {
            assert!(built_in(topic).contains(&format!("{{{field}}}")), "{} and {field}", topic.as_str());
        }
    }
}

#[test]
fn values_take_their_places_in_subject_and_text() {
    let template = parse("Subject: {site}: {left} left\n\nHello {user}, {{braces}}.\n").unwrap();
    let Written { subject, body } = template.write(&values(&[("site", "ACME"), ("left", "7"), ("user", "alice")]));
    assert_eq!((subject.as_str(), body.as_str()), ("ACME: 7 left", "Hello alice, {braces}.\n"));
}

#[test]
fn a_line_without_a_value_for_any_of_its_places_is_left_out() {
    let text = "Subject: x\n\nBy: {service} {from}\nHelp: {support}\n\nEnd\n";
    assert_eq!(body(text, &[("from", "10.0.0.1")]), "By:  10.0.0.1\n\nEnd\n");
}

#[test]
fn a_mistake_is_told_with_line_and_column() {
    for (text, place, why) in [
        ("Hello\n", (1, 1), "begins with Subject:"),
        ("", (1, 1), "begins with Subject:"),
        ("Subject: {nmae}\n", (1, 10), "{nmae} is not known in backup-code-used; there are {user} {host}"),
        ("Subject: a\n\nHello {user}, {code}\n", (3, 15), "{code} is not known"),
        ("Subject: a\nb {user\n", (2, 3), "never closed"),
        ("Subject: a\nb } c\n", (2, 3), "closes nothing"),
    ] {
        let error = parse(text).unwrap_err();
        assert_eq!((error.line, error.column), place, "{text:?}");
        assert!(error.why.contains(why), "{error}");
    }
}

#[test]
fn a_value_cannot_become_a_line_a_header_or_a_placeholder() {
    let template = parse("Subject: {user}\n\n{user}\n").unwrap();
    let Written { subject, body } = template.write(&values(&[("user", "a\r\nBcc: b@evil.example\u{202e}{left}")]));
    assert_eq!(subject, "a  Bcc: b@evil.example {left}");
    assert_eq!(body.as_str(), "a  Bcc: b@evil.example {left}\n");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_no_value_ends_a_line(text in "(Subject: )?[{}a-z\n ü]{0,60}", value in "\\PC{0,30}|[\r\n\t{}]{0,9}") {
        if let Ok(template) = parse(&text) {
            let Written { subject, body } = template.write(&values(&[("user", &value), ("left", &value)]));
            prop_assert!(!subject.contains(['\r', '\n']));
            prop_assert!(body.lines().count() <= text.lines().count());
        }
    }
}
