//! The answers: as a file gives them, with nothing in it that is not understood, and as they are once all are there.

use super::words::{Enroll, OnFull, SshWay, Where};
use mfa_cli::{Failure, moment, printable};
use serde::Deserialize;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

/// More than any answers file has, in bytes.
const LONGEST: u64 = 64 * 1024;

/// What a file says; the rest is asked, where somebody can be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// Where a factor is asked for.
    #[serde(rename = "where")]
    pub(crate) places: Option<Vec<Where>>,
    /// How logins over ssh go.
    pub(crate) ssh: Option<SshWay>,
    /// Who must have one.
    pub(crate) group: Option<String>,
    /// Who comes over ssh by key alone.
    pub(crate) automation: Option<Vec<String>>,
    /// What becomes of who has enrolled nothing.
    pub(crate) enroll: Option<Enroll>,
    /// What becomes of newcomers when all seats are taken.
    pub(crate) on_full: Option<OnFull>,
    /// How long sshd waits for a login.
    pub(crate) login_grace_time: Option<Grace>,
    /// Whether there must be codes in the safe.
    pub(crate) break_glass: Option<bool>,
    /// How long it may stay without being confirmed.
    pub(crate) confirm_within: Option<Within>,
}

/// All of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub(crate) places: Vec<Where>,
    pub(crate) way: SshWay,
    pub(crate) group: String,
    pub(crate) automation: Vec<String>,
    pub(crate) enroll: Enroll,
    pub(crate) on_full: OnFull,
    pub(crate) grace: Grace,
    pub(crate) break_glass: bool,
}

impl Answers {
    /// Whether ssh is among the places.
    pub(crate) fn ssh(&self) -> bool {
        self.places.contains(&Where::Ssh)
    }
}

/// How long sshd waits for a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Grace {
    /// As long as it does now.
    AsIs,
    /// So many seconds, from half a minute to an hour.
    Seconds(u32),
}

impl FromStr for Grace {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "as-is" => Ok(Self::AsIs),
            span => match moment::parse_span(span) {
                Ok(seconds @ 30..=3600) => Ok(Self::Seconds(seconds)),
                _ => Err("a time from 30s to 60m, or as-is".to_owned()),
            },
        }
    }
}

impl TryFrom<String> for Grace {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

/// How long what setup did may stay without being confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Within {
    /// So long, from five seconds to a day.
    After(Duration),
    /// For good, at once.
    Never,
}

impl Within {
    /// What holds if nobody says otherwise.
    pub(crate) const DEFAULT: Self = Self::After(Duration::from_secs(300));
}

impl FromStr for Within {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "never" => Ok(Self::Never),
            span => match moment::parse_span(span) {
                Ok(seconds @ 5..=86_400) => Ok(Self::After(Duration::from_secs(seconds.into()))),
                _ => {
                    Err("a time from 5s to 1d, such as 5m; or never, which keeps it without being confirmed".to_owned())
                }
            },
        }
    }
}

impl TryFrom<String> for Within {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl Given {
    /// Reads a file of answers.
    ///
    /// # Errors
    /// Exit code 2, with line and column, for what is not understood.
    pub(crate) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = printable::line(&path.display().to_string());
        let unreadable = |error: std::io::Error| Failure::usage(format!("{shown} cannot be read: {error}."));
        let length = std::fs::metadata(path).map_err(unreadable)?.len();
        if length > LONGEST {
            return Err(Failure::usage(format!("{shown} is too long for a file of answers.")));
        }
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&text).map_err(|why| Failure::usage(format!("{shown}: {why}")))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let given: Self = toml::from_str(text).map_err(|error| why(text, &error))?;
        let places = given.places.as_deref();
        if places.is_some_and(<[Where]>::is_empty) {
            return Err("`where` names no place. There are: ssh, sudo, console, desktop.".to_owned());
        }
        if places.is_some_and(|places| !places.contains(&Where::Ssh)) && (given.ssh.is_some()) {
            return Err("`ssh` says how, but `where` leaves ssh out. Put it in, or take `ssh` out.".to_owned());
        }
        Ok(given)
    }

    /// The answers that are not there, and cannot be asked for.
    pub(crate) fn missing(&self) -> Vec<&'static str> {
        let ssh = self.places.as_ref().is_none_or(|places| places.contains(&Where::Ssh));
        let rows = [
            ("where", self.places.is_none()),
            ("ssh", ssh && self.ssh.is_none()),
            ("group", self.group.is_none()),
            ("automation", ssh && self.automation.is_none()),
            ("enroll", self.enroll.is_none()),
            ("on_full", self.on_full.is_none()),
            ("login_grace_time", ssh && self.login_grace_time.is_none()),
            ("break_glass", self.break_glass.is_none()),
        ];
        rows.into_iter().filter(|(_, is_missing)| *is_missing).map(|(key, _)| key).collect()
    }

    /// All of them, if all are there.
    pub(crate) fn complete(self) -> Option<Answers> {
        let mut places = self.places?;
        places.sort_unstable();
        places.dedup();
        let ssh = places.contains(&Where::Ssh);
        let unless_ssh = |value| if ssh { None } else { Some(value) };
        Some(Answers {
            way: self.ssh.or(unless_ssh(SshWay::PasswordAndCode))?,
            group: self.group?,
            automation: if ssh { self.automation? } else { Vec::new() },
            enroll: self.enroll?,
            on_full: self.on_full?,
            grace: if ssh { self.login_grace_time? } else { Grace::AsIs },
            break_glass: self.break_glass?,
            places,
        })
    }
}

/// Where and what, and none of the text itself: whoever may run this as root may not read every file.
fn why(text: &str, error: &toml::de::Error) -> String {
    let before = text.get(..error.span().map_or(0, |span| span.start)).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    printable::lines(&format!("line {line}, column {column}: {}", error.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example that the packages bring, with every answer in it.
    const EXAMPLE: &str = include_str!("../../../packaging/examples/setup.toml");

    #[test]
    fn the_example_is_complete_and_says_what_the_questions_propose() {
        let given = Given::parse(EXAMPLE).unwrap();
        assert_eq!((given.missing(), given.confirm_within), (vec![], Some(Within::DEFAULT)));
        let answers = given.complete().unwrap();
        assert_eq!(answers.places, [Where::Ssh, Where::Sudo]);
        assert_eq!((answers.way, answers.group.as_str()), (SshWay::PasswordAndCode, "sre"));
        assert_eq!((answers.enroll, answers.grace), (Enroll::AtLogin, Grace::Seconds(600)));
        assert_eq!((answers.on_full, answers.break_glass), (OnFull::SingleFactor, true));
        assert_eq!(answers.automation, ["ansible", "backup"]);
    }

    #[test]
    fn what_is_not_understood_is_told_with_its_line() {
        for (text, word) in [
            ("where = [\"ssh\"]\ngruop = \"sre\"\n", "line 2, column 1"),
            ("where = [\"telnet\"]\n", "telnet"),
            ("where = []\n", "names no place"),
            ("where = [\"sudo\"]\nssh = \"key-and-code\"\n", "leaves ssh out"),
            ("login_grace_time = \"2h\"\n", "from 30s to 60m"),
            ("login_grace_time = 600\n", "line 1"),
            ("confirm_within = \"1s\"\n", "5s to 1d"),
            ("on_full = \"open\"\n", "single-factor"),
        ] {
            let why = Given::parse(text).unwrap_err();
            assert!(why.contains(word), "{text}: {why}");
        }
    }

    #[test]
    fn nothing_is_shown_of_a_file_that_holds_no_answers() {
        for text in ["root:$y$j9T$secret:19000:0:99999:7:::\n", "PASSWORD=secret\n", "key = 'secret\n", "\"secret\n"] {
            let why = Given::parse(text).unwrap_err();
            assert!(why.starts_with("line 1, column ") && !why.contains("secret"), "{why}");
        }
    }

    #[test]
    fn what_is_missing_is_named_and_ssh_is_not_asked_about_where_it_is_left_out() {
        let given = Given::parse("where = [\"sudo\"]\ngroup = \"sre\"\n").unwrap();
        assert_eq!(given.missing(), ["enroll", "on_full", "break_glass"]);
        assert_eq!(given.complete(), None);
        assert_eq!(Given::default().missing().len(), 8);
        let given = "where = [\"console\", \"sudo\", \"sudo\"]\ngroup = \"sre\"\nenroll = \"deny\"\non_full = \"deny\"\nbreak_glass = false\n";
        let answers = Given::parse(given).unwrap().complete().unwrap();
        assert_eq!((answers.places, answers.grace), (vec![Where::Sudo, Where::Console], Grace::AsIs));
    }
}
