//! The options behind `pam_mfa.so`: what the module would not take, so that it refuses every login there.

use super::finding::Finding;
use super::stacks::once;
use super::{Found, Scene};
use crate::pam::{Module, Phase, Service};

/// What an option may have behind its `=`.
enum Value {
    /// It has none.
    Nothing,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A number of seconds, up to this one.
    Seconds(u32),
}

/// Every option of the module, and whether it is for `auth` lines alone. A test holds it against the module's own.
const OPTIONS: [(&str, Value, bool); 6] = [
    ("debug", Value::Nothing, false),
    ("require_publickey", Value::Nothing, true),
    ("timeout", Value::Seconds(600), false),
    ("exempt", Value::Word(&["success", "ignore"]), true),
    ("combined", Value::Word(&["split", "verify"]), true),
    ("unavailable", Value::Word(&["allow", "deny"]), false),
];
/// What has no meaning beside `combined`.
const NOT_BESIDE_COMBINED: [&str; 2] = ["require_publickey", "exempt"];

pub(super) fn taken(scene: &Scene<'_>) -> Found {
    let lines = scene.services.iter().flat_map(|service| Phase::ALL.map(|phase| (service, phase)));
    let told =
        lines.flat_map(|(service, phase)| service.ours(phase).into_iter().map(move |line| (service, phase, line)));
    once(told.filter_map(|(service, phase, line)| refused(service, phase, line)).collect())
}

fn refused(service: &Service, phase: Phase, line: &Module) -> Option<(String, Finding)> {
    let place = line.place.to_string();
    let (what, mend) = match phase {
        Phase::Auth | Phase::Account => {
            let wrong = wrong(&line.arguments, phase)?;
            let what = format!("{}: the module refuses everybody, since {wrong}", service.name);
            (what, "correct the line; pam_mfa(8) has the options")
        }
        Phase::Password | Phase::Session => (
            format!("{}: the module has nothing to do in {phase} lines, where libpam misses it", service.name),
            "take it out",
        ),
    };
    Some((place.clone(), Finding::fail(what, place, mend)))
}

/// What the module would not take, in words that go on; nothing if all is well.
fn wrong(arguments: &[String], phase: Phase) -> Option<String> {
    let mut seen: Vec<&str> = Vec::new();
    for argument in arguments {
        let name = argument.split_once('=').map_or(argument.as_str(), |(name, _)| name);
        if seen.contains(&name) {
            return Some(format!("\"{name}\" is given twice"));
        }
        let Some((_, value, auth_alone)) = OPTIONS.iter().find(|(option, ..)| *option == name) else {
            return Some(format!("\"{argument}\" is none of its options"));
        };
        if !takes(value, argument.split_once('=').map(|(_, given)| given)) {
            return Some(format!("\"{argument}\" has a value it cannot have"));
        }
        if *auth_alone && phase != Phase::Auth {
            return Some(format!("\"{argument}\" is for auth lines alone"));
        }
        seen.push(name);
    }
    let stray = NOT_BESIDE_COMBINED.into_iter().find(|option| seen.contains(option) && seen.contains(&"combined"))?;
    Some(format!("\"{stray}\" has no meaning beside \"combined\""))
}

fn takes(value: &Value, given: Option<&str>) -> bool {
    match (value, given) {
        (Value::Nothing, None) => true,
        (Value::Word(words), Some(word)) => words.contains(&word),
        (Value::Seconds(most), Some(seconds)) => {
            let digits = seconds.bytes().all(|byte| byte.is_ascii_digit());
            digits && seconds.parse().is_ok_and(|seconds: u32| (1..=*most).contains(&seconds))
        }
        (Value::Nothing, Some(_)) | (Value::Word(_) | Value::Seconds(_), None) => false,
    }
}

#[cfg(test)]
#[path = "options_tests.rs"]
mod tests;
