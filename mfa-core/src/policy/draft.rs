//! Tables of a policy file as they are written: settings that may be left out, rules that are not complete yet.

use super::condition::Condition;
use super::facts::Origin;
use super::model::{Enrolling, Grace, Requirement, Rule, Settings, Who};
use super::reader::{Reader, Value};
use super::service::Services;
use crate::factor::Kinds;
use std::ops::Range;

pub(super) const SETTINGS: [&str; 10] = [
    "services",
    "require",
    "factors",
    "own_factors",
    "verify_user",
    "enroll",
    "grace",
    "enroll_by",
    "ask_again",
    "remember",
];

/// In the order in which a rule tries them, cheapest first.
pub(super) const CONDITIONS: [&str; 9] =
    ["users", "origin", "from", "not_from", "ssh_auth", "ssh_key", "hours", "until", "groups"];

/// The settings that a table writes.
#[derive(Clone, Debug, Default)]
pub(super) struct Written {
    pub(super) services: Option<Services>,
    pub(super) require: Option<Requirement>,
    pub(super) factors: Option<Kinds>,
    pub(super) own_factors: Option<bool>,
    pub(super) verify_user: Option<bool>,
    pub(super) enroll: Option<Enrolling>,
    pub(super) grace: Option<Grace>,
    pub(super) ask_again: Option<u32>,
    pub(super) remember: Option<u32>,
}

/// A rule before it is complete.
pub(super) struct Draft {
    pub(super) name: Option<String>,
    pub(super) file: String,
    pub(super) line: usize,
    pub(super) span: Range<usize>,
    pub(super) who: Who,
    pub(super) conditions: Vec<Condition>,
    pub(super) settings: Written,
    pub(super) keys: Vec<&'static str>,
}

pub(super) fn condition(reader: &mut Reader<'_>, key: &str, value: &Value<'_>) -> Option<Condition> {
    Some(match key {
        "users" => Condition::Users(reader.users(key, value)?),
        "groups" => Condition::Groups(reader.groups(key, value)?),
        "origin" => {
            Condition::Origin(reader.word(key, value, &[("local", Origin::Local), ("remote", Origin::Remote)])?)
        }
        "from" => Condition::From(reader.networks(key, value)?),
        "not_from" => Condition::NotFrom(reader.networks(key, value)?),
        "ssh_auth" => Condition::SshAuth(reader.ssh_methods(key, value)?),
        "ssh_key" => Condition::SshKey(reader.ssh_keys(key, value)?),
        "hours" => Condition::Hours(reader.hours(key, value)?),
        "until" => Condition::Until(reader.end(key, value)?),
        _ => return None,
    })
}

impl Written {
    pub(super) fn set(&mut self, reader: &mut Reader<'_>, key: &str, value: &Value<'_>) {
        match key {
            "services" => self.services = reader.services(key, value),
            "require" => self.require = reader.word(key, value, &Requirement::WORDS),
            "factors" => self.factors = reader.factors(key, value),
            "own_factors" => self.own_factors = reader.boolean(key, value),
            "verify_user" => self.verify_user = reader.boolean(key, value),
            "enroll" => self.enroll = reader.word(key, value, &Enrolling::WORDS),
            "grace" => self.grace = reader.duration(key, value).map(|seconds| Grace::For(i64::from(seconds))),
            "enroll_by" => self.grace = reader.end(key, value).map(Grace::By),
            "ask_again" => self.ask_again = reader.duration(key, value),
            "remember" => self.remember = reader.duration(key, value),
            _ => {}
        }
    }

    pub(super) fn over(&self, base: Settings) -> Settings {
        Settings {
            require: self.require.unwrap_or(base.require),
            factors: self.factors.unwrap_or(base.factors),
            own_factors: self.own_factors.unwrap_or(base.own_factors),
            verify_user: self.verify_user.unwrap_or(base.verify_user),
            enroll: self.enroll.unwrap_or(base.enroll),
            grace: self.grace.unwrap_or(base.grace),
            ask_again: self.ask_again.unwrap_or(base.ask_again),
            remember: self.remember.unwrap_or(base.remember),
        }
    }
}

impl Draft {
    pub(super) fn complete(&self, number: usize, services: &Services, defaults: Settings) -> Rule {
        let own = self.settings.services.as_ref().unwrap_or(services);
        let mut conditions = vec![Condition::Services(own.clone())];
        conditions.extend(self.conditions.iter().cloned());
        Rule {
            name: self.name.clone().unwrap_or_else(|| format!("rule {number}")),
            file: self.file.clone(),
            line: self.line,
            who: self.who,
            conditions,
            settings: self.settings.over(defaults),
            written: self.keys.clone(),
        }
    }
}
