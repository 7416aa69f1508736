//! The policy's side: a file of rules of ours, and one line of mfa.toml where the answer is not what holds already.

use super::plan::FileChange;
use super::ssh::MARK;
use super::words::{Enroll, OnFull, Where};
use crate::policy_file::quoted;
use crate::system::System;
use std::fmt;

/// Our file, as the daemon's folder calls it.
pub(crate) const NAME: &str = "policy.d/10-setup.toml";
const FOLDER: &str = "/etc/mfa";
const SETTINGS: &str = "/etc/mfa/mfa.toml";
const MODE: u32 = 0o644;

/// Why the policy is left alone.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PolicyError {
    /// The file that would be ours is somebody else's.
    NotOurs,
    /// mfa.toml cannot be understood.
    Settings(String),
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotOurs => {
                write!(f, "{FOLDER}/{NAME} is there already, and setup has not written it. Rename it first.")
            }
            Self::Settings(why) => write!(f, "{SETTINGS} cannot be changed: {why}. Correct it first."),
        }
    }
}

impl std::error::Error for PolicyError {}

/// The rules: who is never asked, and who always is.
pub(crate) fn rules(places: &[Where], group: &str, automation: &[String], enroll: Enroll) -> String {
    let list = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(", ");
    let group = quoted(group);
    let mut text = MARK.to_owned();
    let mut add = |part: String| text.push_str(&part);
    if !automation.is_empty() {
        add("\n# They answer no questions.\n[[rule]]\nname = \"setup: automation\"\n".to_owned());
        add(format!("users = [{}]\nservices = [\"@ssh\"]\nrequire = \"never\"\n", list(automation)));
    }
    if places.contains(&Where::Sudo) {
        add("\n# To become root by su is to be asked as oneself.\n[[rule]]\nname = \"setup: su\"\n".to_owned());
        add(format!("groups = [{group}]\nservices = [\"@su\"]\nwho = \"caller\"\nrequire = \"always\"\n"));
        add(format!("enroll = \"{}\"\n", enroll.word()));
    }
    let classes = places.iter().flat_map(|place| place.classes()).map(|class| (*class).to_owned());
    let services: Vec<String> = classes.collect();
    add("\n[[rule]]\nname = \"setup: the group\"\n".to_owned());
    add(format!("groups = [{group}]\nservices = [{}]\nrequire = \"always\"\n", list(&services)));
    add(format!("enroll = \"{}\"\n", enroll.word()));
    text
}

/// The file of these rules, if it says something else now.
///
/// # Errors
/// `NotOurs`
pub(crate) fn change(rules: &str, system: &dyn System) -> Result<Option<FileChange>, PolicyError> {
    let path = format!("{FOLDER}/{NAME}");
    let before = system.text(&path);
    if before.as_ref().is_some_and(|before| !before.starts_with(MARK)) {
        return Err(PolicyError::NotOurs);
    }
    if before.as_deref() == Some(rules) {
        return Ok(None);
    }
    let (before, after) = (before.map(String::into_bytes), Some(rules.as_bytes().to_vec()));
    Ok(Some(FileChange { path: path.into(), before, after, mode: MODE }))
}

/// What holds now when all seats are taken.
///
/// # Errors
/// `Settings`
pub(crate) fn on_full_now(system: &dyn System) -> Result<OnFull, PolicyError> {
    on_full_of(&system.text(SETTINGS).unwrap_or_default())
}

fn on_full_of(text: &str) -> Result<OnFull, PolicyError> {
    let settings: toml::Table =
        text.parse().map_err(|error: toml::de::Error| PolicyError::Settings(error.message().to_owned()))?;
    let word = settings.get("license").and_then(|license| license.get("on_full")).and_then(toml::Value::as_str);
    Ok(if word == Some(OnFull::Deny.word()) { OnFull::Deny } else { OnFull::SingleFactor })
}

/// mfa.toml with the other answer, if it is another.
///
/// # Errors
/// `Settings`
pub(crate) fn settings(on_full: OnFull, system: &dyn System) -> Result<Option<FileChange>, PolicyError> {
    if on_full_now(system)? == on_full {
        return Ok(None);
    }
    let before = system.text(SETTINGS);
    let after = with_on_full(before.as_deref().unwrap_or_default(), on_full);
    if on_full_of(&after) != Ok(on_full) || after.contains('\u{fffd}') {
        return Err(PolicyError::Settings("on_full stands there in a way that setup does not understand".to_owned()));
    }
    let (before, after) = (before.map(String::into_bytes), Some(after.into_bytes()));
    Ok(Some(FileChange { path: SETTINGS.into(), before, after, mode: MODE }))
}

/// The text with the line in `[license]`, in place of the one that was there.
fn with_on_full(text: &str, on_full: OnFull) -> String {
    let line = format!("on_full = \"{}\"\n", on_full.word());
    let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
    let Some(head) = lines.iter().position(|line| line.trim_end() == "[license]") else {
        let end = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        return format!("{text}{end}\n[license]\n{line}");
    };
    let section = lines.iter().enumerate().skip(head + 1).take_while(|(_, line)| !line.starts_with('['));
    let is_it = |line: &str| line.split('=').next().is_some_and(|key| key.trim() == "on_full");
    let old = section.into_iter().find(|(_, line)| is_it(line)).map(|(at, _)| at);
    match old {
        Some(at) => {
            lines.remove(at);
            lines.insert(at, line);
        }
        None => {
            if let Some(head) = lines.get_mut(head).filter(|head| !head.ends_with('\n')) {
                head.push('\n');
            }
            lines.insert(head + 1, line);
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::machines::bookworm;

    #[test]
    fn who_is_never_asked_comes_first_and_su_asks_who_calls_it() {
        let text = rules(&[Where::Ssh, Where::Sudo], "sre", &["ansible".to_owned()], Enroll::AtLogin);
        let table: toml::Table = text.parse().unwrap();
        let rules = table["rule"].as_array().unwrap();
        let of = |at: usize, key: &str| rules[at].get(key).map(ToString::to_string).unwrap_or_default();
        assert_eq!((of(0, "users"), of(0, "require")), ("[\"ansible\"]".into(), "\"never\"".into()));
        assert_eq!((of(1, "services"), of(1, "who")), ("[\"@su\"]".into(), "\"caller\"".into()));
        let services = "[\"@ssh\", \"@sudo\", \"@su\", \"@polkit\"]";
        assert_eq!((of(2, "services"), of(2, "who")), (services.into(), String::new()));
        assert_eq!((of(2, "require"), of(2, "enroll")), ("\"always\"".into(), "\"at-login\"".into()));
    }

    #[test]
    fn without_automation_and_sudo_there_is_one_rule() {
        let table: toml::Table = rules(&[Where::Console], "a \"b\"", &[], Enroll::Grace).parse().unwrap();
        assert_eq!(table["rule"].as_array().unwrap().len(), 1);
        assert_eq!(table["rule"][0]["groups"][0].as_str(), Some("a \"b\""));
    }

    #[test]
    fn what_others_have_written_is_left_alone_and_what_stands_there_is_not_written_again() {
        let rules = rules(&[Where::Ssh], "sre", &[], Enroll::Deny);
        let path = "/etc/mfa/policy.d/10-setup.toml";
        let made = change(&rules, &bookworm()).unwrap().unwrap();
        assert_eq!((made.path.to_str().unwrap(), made.before, made.mode), (path, None, 0o644));
        assert_eq!(change(&rules, &bookworm().file(path, &rules)), Ok(None));
        assert_eq!(change(&rules, &bookworm().file(path, "# mine\n")), Err(PolicyError::NotOurs));
    }

    #[test]
    fn a_full_house_is_written_where_the_answer_is_another() {
        assert_eq!(settings(OnFull::SingleFactor, &bookworm()), Ok(None));
        let changed = settings(OnFull::Deny, &bookworm()).unwrap().unwrap();
        let text = String::from_utf8(changed.after.unwrap()).unwrap();
        assert!(text.ends_with("[license]\non_full = \"deny\"\n# on_full = \"single-factor\"\n"), "{text}");
        let denying = bookworm().file(SETTINGS, "[license]\nidle_days = 3\non_full = \"deny\" # no\n[audit]\n");
        assert_eq!(settings(OnFull::Deny, &denying), Ok(None));
        let back = settings(OnFull::SingleFactor, &denying).unwrap().unwrap();
        let expected = "[license]\nidle_days = 3\non_full = \"single-factor\"\n[audit]\n";
        assert_eq!(String::from_utf8(back.after.unwrap()).unwrap(), expected);
        for (before, after) in
            [("", "\n[license]\non_full = \"deny\"\n"), ("[license]", "[license]\non_full = \"deny\"\n")]
        {
            assert_eq!(with_on_full(before, OnFull::Deny), after);
        }
        let odd = bookworm().file(SETTINGS, "license.on_full = \"deny\"\n");
        assert!(matches!(settings(OnFull::SingleFactor, &odd), Err(PolicyError::Settings(_))));
    }
}
