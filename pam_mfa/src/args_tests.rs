//! The options of a stack's line: each by itself, together, and whatever is none.

use super::*;

fn parse(options: &[&str], line: Line) -> Result<Options, OptionError> {
    Options::parse(&options.iter().map(|option| (*option).to_owned()).collect::<Vec<_>>(), line)
}

#[test]
fn no_options_are_the_defaults() {
    let options = parse(&[], Line::Auth).unwrap();
    assert_eq!(options.timeout, Duration::from_secs(120));
    assert!(!options.require_publickey && !options.debug && options.combined.is_none());
    assert!(options.exempt_succeeds().is_none() && options.unavailable_allowed().is_none());
}

#[test]
fn every_option_is_read() {
    let all = ["timeout=600", "exempt=success", "require_publickey", "unavailable=allow", "debug"];
    let options = parse(&all, Line::Auth).unwrap();
    assert_eq!(options.timeout, Duration::from_secs(600));
    assert!(options.require_publickey && options.debug);
    assert!(options.exempt_succeeds().is_some() && options.unavailable_allowed().is_some());
    let words = parse(&["exempt=ignore", "unavailable=deny", "timeout=1"], Line::Auth).unwrap();
    assert!(words.exempt_succeeds().is_none() && words.unavailable_allowed().is_none());
}

#[test]
fn what_is_not_an_option_is_an_error_that_names_it() {
    for bad in ["", "=", "Debug", "debug=", "debug=1", "nullok", "require_publickey=1", "combined", "debug "] {
        assert_eq!(parse(&[bad], Line::Auth).unwrap_err(), OptionError::Unknown(bad.into()));
    }
    for bad in ["timeout=", "timeout=0", "timeout=601", "timeout=+5", "timeout=-1", "timeout=5s", "timeout=1e2"] {
        assert_eq!(parse(&[bad], Line::Auth).unwrap_err(), OptionError::Value(bad.into()));
    }
    for bad in [
        "combined=",
        "combined=both",
        "combined=Split",
        "timeout=99999999999999999999",
        "exempt=",
        "exempt=Success",
        "unavailable=",
        "unavailable=allow ",
    ] {
        assert_eq!(parse(&[bad], Line::Auth).unwrap_err(), OptionError::Value(bad.into()));
    }
}

#[test]
fn an_option_given_twice_is_an_error_whatever_it_says() {
    for (first, second) in [
        ("debug", "debug"),
        ("timeout=5", "timeout=5"),
        ("exempt=ignore", "exempt=success"),
        ("combined=split", "combined=verify"),
    ] {
        assert_eq!(parse(&[first, second], Line::Auth).unwrap_err(), OptionError::Twice(second.into()));
    }
}

#[test]
fn options_that_mean_nothing_in_account_are_errors_there() {
    for bad in ["require_publickey", "exempt=success", "exempt=ignore", "combined=split", "combined=verify"] {
        assert_eq!(parse(&[bad], Line::Account).unwrap_err(), OptionError::OnlyAuth(bad.into()));
    }
    assert!(parse(&["timeout=5", "unavailable=allow", "debug"], Line::Account).is_ok());
}

#[test]
fn a_combined_line_is_split_or_verified_and_knows_no_public_key() {
    for (word, expected) in [("combined=split", Combined::Split), ("combined=verify", Combined::Verify)] {
        let options = parse(&[word, "timeout=30", "unavailable=allow", "debug"], Line::Auth).unwrap();
        assert_eq!(options.combined, Some(expected));
        for stray in ["require_publickey", "exempt=success", "exempt=ignore"] {
            let name = stray.split('=').next().unwrap();
            assert_eq!(parse(&[word, stray], Line::Auth).unwrap_err(), OptionError::Together(name));
            assert_eq!(parse(&[stray, word], Line::Auth).unwrap_err(), OptionError::Together(name));
        }
    }
}
