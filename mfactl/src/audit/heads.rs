//! The heads of the chain that the daemon wrote to the journal, as the journal has them now: only what the daemon's own
//! user wrote counts.

use crate::child::{ChildError, Lines};
use mfa_proto::audit::{HEAD_FIELD, HEAD_MESSAGE, Place};
use serde_json::Value;
use std::fmt;
use std::process::Command;
use std::time::Duration;

const JOURNALCTL: &str = "/usr/bin/journalctl";
/// How long the journal may keep us waiting, all in all.
const PATIENCE: Duration = Duration::from_secs(120);
/// Heads that are compared: the newest.
const MOST: &str = "20000";

/// A head as the journal has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) place: Place,
    /// In hexadecimal digits.
    pub(super) hash: String,
}

/// Why the journal's heads are not known.
#[derive(Debug)]
pub(super) struct HeadsError(ChildError);

impl fmt::Display for HeadsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ChildError::Io(error) => write!(f, "{JOURNALCTL} cannot be run: {error}"),
            ChildError::TimedOut => write!(f, "the journal kept us waiting for {} s", PATIENCE.as_secs()),
            ChildError::Failed(_) => f.write_str("journalctl failed"),
        }
    }
}

/// The newest heads, the newest last.
pub(super) fn of_journal(uid: u32) -> Result<Vec<Head>, HeadsError> {
    let mut journalctl = Command::new(JOURNALCTL);
    journalctl.args(["--quiet", "--no-pager", "--all", "--output=json", "--lines", MOST]);
    journalctl.arg(format!("--output-fields={HEAD_FIELD}"));
    journalctl.args([format!("MESSAGE_ID={HEAD_MESSAGE}"), format!("_UID={uid}")]);
    // It ends with 1 where nothing matches.
    let lines = Lines::of(&mut journalctl, PATIENCE, &[1]).map_err(HeadsError)?;
    let heads = lines.filter_map(|line| line.map(|line| head(&line)).transpose());
    heads.collect::<Result<_, _>>().map_err(HeadsError)
}

/// The head in a line of the journal, such as `{"MFA_AUDIT_HEAD":"7:12:0a…"}`.
fn head(line: &str) -> Option<Head> {
    let line: Value = serde_json::from_str(line).ok()?;
    let mut parts = line.get(HEAD_FIELD)?.as_str()?.split(':');
    let place = Place { node: parts.next()?.parse().ok()?, seq: parts.next()?.parse().ok()? };
    let hash = parts.next().filter(|hash| hash.len() == 64 && hash.chars().all(|digit| digit.is_ascii_hexdigit()))?;
    parts.next().is_none().then(|| Head { place, hash: hash.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_the_daemon_writes_it_and_nothing_else_is_one() {
        let hash = "0a".repeat(32);
        let line = |value: &str| format!(r#"{{"{HEAD_FIELD}":"{value}","_UID":"996"}}"#);
        let read = head(&line(&format!("7:12:{hash}"))).unwrap();
        assert_eq!((read.place, read.hash), (Place { node: 7, seq: 12 }, hash.clone()));
        let odd = [format!("7:{hash}"), format!("7:x:{hash}"), "7:12:zz".to_owned(), format!("7:12:{hash}:1")];
        for odd in odd {
            assert_eq!(head(&line(&odd)), None, "{odd}");
        }
        assert_eq!(head("{}"), None);
        assert_eq!(head("not json"), None);
    }
}
