//! The doctor's table of options against the module's own reader of them.

use super::*;
use module::{Line, Options};
use std::collections::BTreeSet;

const SOURCE: &str = include_str!("../../../pam_mfa/src/args.rs");

/// The module's own reader of its options.
#[allow(dead_code, unreachable_pub, reason = "one function of it is called")]
#[path = "../../../pam_mfa/src/args.rs"]
mod module;

#[test]
fn what_the_module_takes_is_what_the_doctor_takes() {
    let values =
        ["", "=", "=success", "=ignore", "=split", "=verify", "=allow", "=deny", "=alow", "=1", "=600", "=601"];
    let more = ["=0", "=+5", "=abc", "=99999999999"];
    let names = OPTIONS.iter().map(|(name, ..)| *name).chain(["nonsense", "Debug", ""]);
    let all: Vec<String> =
        names.flat_map(|name| values.iter().chain(&more).map(move |value| format!("{name}{value}"))).collect();
    let pairs = all.iter().flat_map(|one| all.iter().map(move |other| vec![one.clone(), other.clone()]));
    for arguments in pairs.chain(all.iter().map(|one| vec![one.clone()])).chain([Vec::new()]) {
        for (line, phase) in [(Line::Auth, Phase::Auth), (Line::Account, Phase::Account)] {
            let taken = Options::parse(&arguments, line).is_ok();
            assert_eq!(wrong(&arguments, phase).is_none(), taken, "{arguments:?} {phase}");
        }
    }
}

#[test]
fn every_word_that_the_module_knows_is_known() {
    let (_, set) = SOURCE.split_once("fn set(").unwrap();
    let (set, _) = set.split_once("\n    }\n").unwrap();
    let theirs: BTreeSet<&str> = set.split('"').skip(1).step_by(2).collect();
    let words = |value: &Value| if let Value::Word(words) = value { words.to_vec() } else { Vec::new() };
    let ours = OPTIONS.iter().flat_map(|(name, value, _)| [vec![*name], words(value)].concat());
    assert_eq!(theirs, ours.collect());
}
