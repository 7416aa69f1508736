//! The path of each user's file, written as the other module's `secret=`: `~`, `${HOME}`, `%h`, `${USER}`, `%u`. Pure.

use crate::directory::Person;
use mfa_cli::{Failure, printable};
use std::path::{Component, PathBuf};

/// A path with places for a user's home and name.
#[derive(Debug)]
pub(crate) struct Pattern(Vec<Part>);

#[derive(Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Home,
    User,
}

const PLACES: [(&str, Part); 4] =
    [("${HOME}", Part::Home), ("${USER}", Part::User), ("%h", Part::Home), ("%u", Part::User)];

impl Pattern {
    /// # Errors
    /// It is the same for every user, or not a path from the root.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        let mut rest = match text.strip_prefix("~/") {
            Some(_) => {
                parts.push(Part::Home);
                text.trim_start_matches('~')
            }
            None => text,
        };
        while !rest.is_empty() {
            let next = PLACES.iter().filter_map(|(word, part)| Some((rest.find(word)?, word.len(), part)));
            let Some((at, length, part)) = next.min_by_key(|(at, ..)| *at) else { break };
            let (before, after) = rest.split_at(at);
            parts.push(Part::Text(before.to_owned()));
            parts.push(if *part == Part::Home { Part::Home } else { Part::User });
            rest = after.get(length..).unwrap_or_default();
        }
        parts.push(Part::Text(rest.to_owned()));
        parts.retain(|part| *part != Part::Text(String::new()));
        let begins = match parts.first() {
            Some(Part::Home) => true,
            Some(Part::Text(text)) => text.starts_with('/'),
            Some(Part::User) | None => false,
        };
        if !begins || !parts.iter().any(|part| matches!(part, Part::Home | Part::User)) {
            let text = format!(
                "{} is not a path from the root with a place for each user. Such as: --from '${{HOME}}/.google_authenticator'",
                printable::line(text)
            );
            return Err(Failure::usage(text));
        }
        Ok(Self(parts))
    }

    /// The path of one user; `None` if their home or name makes none.
    pub(crate) fn of(&self, person: &Person) -> Option<PathBuf> {
        let name_is_one = !person.user.contains('/') && !matches!(person.user.as_str(), "" | "." | "..");
        let mut path = String::new();
        for part in &self.0 {
            match part {
                Part::Text(text) => path.push_str(text),
                Part::Home if person.home.starts_with('/') => path.push_str(person.home.trim_end_matches('/')),
                Part::User if name_is_one => path.push_str(&person.user),
                Part::Home | Part::User => return None,
            }
        }
        let path = PathBuf::from(path);
        (!path.components().any(|part| part == Component::ParentDir)).then_some(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(pattern: &str, user: &str, home: &str) -> Option<String> {
        let person = Person {
            user: user.into(),
            uid: 1,
            gid: 1,
            full_name: String::new(),
            home: home.into(),
            shell: String::new(),
        };
        Some(Pattern::parse(pattern).unwrap().of(&person)?.to_str().unwrap().to_owned())
    }

    #[test]
    fn places_are_filled_as_the_module_fills_them() {
        for (pattern, path) in [
            ("${HOME}/.google_authenticator", "/home/alice/.google_authenticator"),
            ("~/.ga", "/home/alice/.ga"),
            ("%h/.ga", "/home/alice/.ga"),
            ("/var/ga/${USER}/x", "/var/ga/alice/x"),
            ("/var/ga/%u", "/var/ga/alice"),
            ("%h/%u~", "/home/alice/alice~"),
        ] {
            assert_eq!(of(pattern, "alice", "/home/alice").unwrap(), path);
        }
    }

    #[test]
    fn a_name_or_a_home_that_leads_elsewhere_has_no_path() {
        for (user, home) in [("..", "/h"), ("a/b", "/h"), ("", "/h"), ("a", "/h/../etc")] {
            assert_eq!(of("%h/ga/%u", user, home), None, "{user} {home}");
        }
        for home in ["", "home/a", "~"] {
            assert_eq!(of("%h/ga", "alice", home), None, "{home}");
        }
    }

    #[test]
    fn a_path_that_is_the_same_for_everybody_or_relative_is_refused() {
        for odd in ["", "/etc/ga", "ga/%u", "%u/ga", "${SHELL}", "~alice/x"] {
            assert!(Pattern::parse(odd).is_err(), "{odd}");
        }
    }
}
