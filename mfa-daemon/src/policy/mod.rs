//! `io.mfa.Policy`: whether the policy is right, what it says about a login, what another one would change.
//!
//! Nothing is carried out here but [`reload`]: the rest reads and tells. Other policies than the one in force are
//! drafts of one connection and end with it.

mod explain;
mod match_block;
mod preview;
mod replay;
mod words;

pub(crate) use explain::explain;
pub(crate) use preview::preview;
pub(crate) use replay::replay;

use crate::clock;
use crate::config::{Config, ConfigError, Drafts, MAIN, MORE};
use crate::conversation::Conversation;
use crate::daemon::Daemon;
use crate::listen::{Answer, Failure, refuse};
use mfa_core::policy;
use mfa_proto::frame::{Call, encode_reply};
use mfa_proto::policy as wire;
use mfa_proto::service::RefusalCode;
use std::rc::Rc;
use words::{Room, diagnostic};

/// Files that a connection may put in place of others.
const MOST_DRAFTS: usize = 100;

/// Bytes that the names of files may take in an answer.
const FILES: usize = 8 * 1024;

/// What a connection has put in place of the folder's policy, and what it has made of that.
#[derive(Default)]
pub(crate) struct Study {
    drafts: Drafts,
    size: usize,
    config: Option<Rc<Config>>,
    seen: replay::Seen,
}

impl Study {
    /// The folder as it is now with the drafts, read once for each set of them.
    async fn config(&mut self, daemon: &Daemon) -> Result<Rc<Config>, Failure> {
        if let Some(config) = &self.config {
            return Ok(Rc::clone(config));
        }
        let loaded = daemon.load_with(self.drafts.clone()).await.map_err(|_| {
            refuse(RefusalCode::Invalid, "That policy would not be taken. See what is wrong: mfactl policy check")
        })?;
        let config = Rc::new(loaded);
        self.config = Some(Rc::clone(&config));
        Ok(config)
    }
}

/// `io.mfa.Policy.Draft`
pub(crate) async fn draft(conversation: &mut Conversation, call: &Call<'_>) -> Result<Answer, Failure> {
    let wire::Draft { file, text, append } = call.parameters()?;
    if !is_policy_file(&file) || (text.is_none() && (append || file == MAIN)) {
        return Err(Failure::Parameter("file".into()));
    }
    let study = &mut conversation.study;
    let size = study.size + file.len() + text.as_ref().map_or(0, String::len);
    if size > wire::LARGEST_DRAFT || study.drafts.len() >= MOST_DRAFTS {
        return Err(refuse(RefusalCode::Invalid, "Such a policy is too large: 2 MiB and 100 files are the most."));
    }
    (study.size, study.config, study.seen) = (size, None, replay::Seen::default());
    match (text, study.drafts.get_mut(&file)) {
        (Some(more), Some(Some(text))) if append => text.push_str(&more),
        (text, _) => {
            study.drafts.insert(file, text);
        }
    }
    Ok(encode_reply(&serde_json::Map::new())?)
}

/// `policy.toml`, or `policy.d/NAME.toml`.
fn is_policy_file(file: &str) -> bool {
    let plain = |name: &str| {
        (1..=255).contains(&name.len())
            && !name.starts_with('.')
            && !name.contains(|c: char| c == '/' || c.is_control())
    };
    let more = file.strip_prefix(MORE).and_then(|rest| rest.strip_prefix('/'));
    file == MAIN || more.is_some_and(|name| name.strip_suffix(".toml").is_some_and(plain))
}

/// `io.mfa.Policy.Check`
pub(crate) async fn check(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = Rc::clone(conversation.daemon());
    let tried = daemon.load_with(conversation.study.drafts.clone()).await;
    Ok(encode_reply(&findings(tried.as_ref()))?)
}

/// `io.mfa.Policy.Reload`
pub(crate) async fn reload(conversation: &mut Conversation) -> Result<Answer, Failure> {
    let daemon = conversation.daemon();
    let error = daemon.load_anew(conversation.context()).await.err();
    let loaded = daemon.loaded();
    Ok(encode_reply(&match (&error, &loaded) {
        (Some(error), _) => findings(Err(error)),
        (None, Some(loaded)) => findings(Ok(&loaded.config)),
        (None, None) => wire::Findings::default(), // what was just taken is in force
    })?)
}

/// What is wrong and what is odd, as much of it as fits.
fn findings(tried: Result<&Config, &ConfigError>) -> wire::Findings {
    let whole = |file: String, message: String| wire::Diagnostic { file, message, ..wire::Diagnostic::default() };
    let mut findings = wire::Findings::default();
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    match tried {
        Ok(config) => {
            findings.files.clone_from(&config.files);
            findings.rules = u64::try_from(config.policy.rules().len()).unwrap_or(u64::MAX);
            let dated = policy::lint(&config.policy, clock::now());
            warnings.extend(config.warnings.iter().chain(&dated).map(diagnostic));
        }
        Err(ConfigError::Policy(wrong)) => errors.extend(wrong.iter().map(diagnostic)),
        Err(ConfigError::Settings(error)) => errors.push(whole("mfa.toml".into(), words::clipped(error))),
        Err(error @ (ConfigError::Unreadable(path, _) | ConfigError::Unsafe(path, _))) => {
            errors.push(whole(path.display().to_string(), words::clipped(&error.to_string())));
        }
    }
    let mut room = Room::part(words::ROOM - FILES);
    let mut fitting = |all: Vec<wire::Diagnostic>| {
        let count = all.len();
        let kept: Vec<_> = all.into_iter().take_while(|one| room.holds(one)).collect();
        findings.left_out += u64::try_from(count - kept.len()).unwrap_or(0);
        kept
    };
    (errors, warnings) = (fitting(errors), fitting(warnings));
    let mut room = Room::part(FILES);
    findings.files = std::mem::take(&mut findings.files).into_iter().take_while(|file| room.holds(file)).collect();
    wire::Findings { errors, warnings, ..findings }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_that_the_folder_would_have_can_be_drafts() {
        for good in ["policy.toml", "policy.d/50-require-staff.toml", "policy.d/a b.toml"] {
            assert!(is_policy_file(good), "{good}");
        }
        let long = format!("policy.d/{}.toml", "x".repeat(300));
        let bad = [
            "",
            "mfa.toml",
            "policy.d",
            "policy.d/",
            "policy.d/.toml",
            "policy.d/.x.toml",
            "policy.d/x",
            "policy.d/../x.toml",
            "/etc/shadow",
            "policy.d/a/b.toml",
            "policy.d/a\n.toml",
            "policy.dx/a.toml",
            &long,
        ];
        for bad in bad {
            assert!(!is_policy_file(bad), "{bad:?}");
        }
    }

    #[test]
    fn however_much_is_wrong_the_answer_fits_a_frame() {
        let text: String = (0..1000).map(|n| format!("[[rule]]\n\"{}{n}\" = 1\n", "é".repeat(100))).collect();
        let names: Vec<String> = (0..20).map(|n| format!("policy.d/{n}.toml")).collect();
        let sources: Vec<_> = names.iter().map(|name| policy::Source { name, text: &text }).collect();
        let errors = policy::parse(&sources).unwrap_err();
        let count = errors.len();
        let findings = findings(Err(&ConfigError::Policy(errors)));
        assert!(!findings.errors.is_empty() && findings.left_out > 0);
        assert_eq!(findings.errors.len() + usize::try_from(findings.left_out).unwrap(), count);
        assert!(encode_reply(&findings).is_ok());
    }
}
