//! Lines for the authentication log: one line each, whatever was put into them.

use super::*;
use crate::stand_in::Application;

#[test]
fn a_hostile_name_is_one_word_on_one_line() {
    let mut application = Application::sshd();
    application.set(Item::User, "x rhost=10.0.0.1\nNov 22 sshd: Accepted\x1b[2J\u{202e}\\");
    application.set(Item::RemoteHost, b"\xff\xfe".as_slice());
    refused(&application, Level::Notice, "line\r\nbreak");
    let line = application.log()[0].1.clone();
    assert!(line.chars().all(|c| c.is_ascii_graphic() || c == ' '), "{line}");
    assert_eq!(line.matches(" rhost=").count(), 1, "{line}");
    assert!(line.contains(r"user=x\u{20}rhost=10.0.0.1\u{a}Nov"), "{line}");
}

#[test]
fn a_line_stays_short_whatever_it_is_about() {
    let mut application = Application::sshd();
    application.set(Item::User, "u".repeat(100_000));
    refused(&application, Level::Notice, &"w".repeat(100_000));
    assert!(application.log()[0].1.len() < 2000);
}

#[test]
fn debug_lines_are_written_only_when_wanted() {
    let application = Application::sshd();
    debug(&application, false, "connected");
    assert!(application.log().is_empty());
    debug(&application, true, "connected");
    assert_eq!(application.log().len(), 1);
}
