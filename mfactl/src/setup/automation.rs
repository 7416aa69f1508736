//! How people and programs have logged in over ssh in the last 30 days, as sshd itself has written into the journal; and
//! who of them is probably a program.
//!
//! Only what root's processes wrote counts: anybody may write lines that look like sshd's.

use super::people::{FIRST_PERSON, People};
use crate::system::System;
use serde_json::Value;
use std::collections::BTreeMap;

/// More logins than a person makes on a day.
const MANY: u64 = 20;
const DAY: i64 = 86_400;
/// What sshd calls its methods. Other lines begin with the same word, and go on with what a certificate says of itself.
const METHODS: [&str; 6] =
    ["publickey", "password", "keyboard-interactive/pam", "gssapi-with-mic", "hostbased", "none"];
/// sshd's lines of logins that came to a shell. "Accepted" is there from the first version on.
const JOURNAL: [&str; 11] = [
    "journalctl",
    "--quiet",
    "--no-pager",
    "--output=json",
    "--output-fields=MESSAGE",
    "--since=-30d",
    "--identifier=sshd",
    "--identifier=sshd-session",
    "--grep=^Accepted ",
    "--case-sensitive=true",
    "_UID=0",
];

/// The last line that anything wrote: a journal without one is none.
const LAST_LINE: [&str; 5] = ["journalctl", "--quiet", "--no-pager", "--output=json", "--lines=1"];

/// How one account has logged in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Used {
    /// By SSH key, Kerberos or a trusted host: without a question.
    pub(crate) silent: u64,
    /// By a key, of these.
    pub(crate) by_key: u64,
    /// By an answer: a password, or what PAM asked.
    pub(crate) answered: u64,
    /// From where a silent login came last.
    pub(crate) last_from: String,
    /// On the day with most of them.
    pub(crate) busiest_day: u64,
    pub(super) days: BTreeMap<i64, u64>,
}

/// The logins of all accounts, by name; `None` if the journal cannot be read.
pub(crate) fn logins(system: &dyn System) -> Option<BTreeMap<String, Used>> {
    let mut logins: BTreeMap<String, Used> = BTreeMap::new();
    let lines = system.searched(&JOURNAL)?;
    if lines.is_empty() && system.searched(&LAST_LINE).is_none_or(|last| last.is_empty()) {
        return None;
    }
    for line in lines {
        let Some((at, login)) = entry(&line).and_then(|(at, text)| Some((at, Login::of(&text)?))) else { continue };
        let used = logins.entry(login.user.clone()).or_default();
        used.add(&login, at);
    }
    Some(logins)
}

/// The time, in seconds, and the message.
fn entry(line: &str) -> Option<(i64, String)> {
    let entry: Value = serde_json::from_str(line).ok()?;
    let micros: i64 = entry.get("__REALTIME_TIMESTAMP")?.as_str()?.parse().ok()?;
    Some((micros / 1_000_000, entry.get("MESSAGE")?.as_str()?.to_owned()))
}

struct Login {
    method: String,
    user: String,
    from: String,
}

impl Login {
    /// Reads `Accepted publickey for ansible from 10.0.0.9 port 51234 ssh2: ED25519 SHA256:…`.
    fn of(message: &str) -> Option<Self> {
        let (method, rest) = message.strip_prefix("Accepted ")?.split_once(" for ")?;
        METHODS.contains(&method).then_some(())?;
        let (user, rest) = rest.split_once(" from ")?;
        let from = rest.split(' ').next()?;
        Some(Self { method: method.to_owned(), user: user.to_owned(), from: from.to_owned() })
    }
}

impl Used {
    fn add(&mut self, login: &Login, at: i64) {
        match login.method.split('/').next().unwrap_or_default() {
            "password" | "keyboard-interactive" => {
                self.answered += 1;
                return;
            }
            "publickey" => self.by_key += 1,
            _ => {}
        }
        self.silent += 1;
        self.last_from.clone_from(&login.from);
        let day = self.days.entry(at.div_euclid(DAY)).or_default();
        *day += 1;
        self.busiest_day = self.busiest_day.max(*day);
    }

    /// Whether that may be a program: it has only shown keys, and has no password, is the system's own account, or is
    /// more diligent than people are. Root is somebody.
    fn is_a_program(&self, name: &str, people: &People) -> bool {
        let Some(uid) = people.uid(name).filter(|uid| *uid != 0) else { return false };
        let only_keys = self.answered == 0 && self.by_key > 0 && self.by_key == self.silent;
        only_keys && (people.has_no_password(name) || uid < FIRST_PERSON || self.busiest_day > MANY)
    }
}

/// The accounts that are probably programs.
pub(crate) fn programs<'a>(logins: &'a BTreeMap<String, Used>, people: &People) -> Vec<(&'a str, &'a Used)> {
    let all = logins.iter().map(|(name, used)| (name.as_str(), used));
    all.filter(|(name, used)| used.is_a_program(name, people)).collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::setup::machines::bookworm;
    use crate::system::made_up::MadeUp;

    /// A journal of these messages, an hour apart, put as `journalctl` prints them.
    pub(in crate::setup) fn journal(machine: MadeUp, messages: &[String]) -> MadeUp {
        let line = |(at, message): (usize, &String)| {
            let micros = (1_790_000_000 + i64::try_from(at).unwrap() * 60) * 1_000_000;
            format!("{}\n", serde_json::json!({ "__REALTIME_TIMESTAMP": micros.to_string(), "MESSAGE": message }))
        };
        let text: String = messages.iter().enumerate().map(line).collect();
        machine.says(&JOURNAL.join(" "), &text).says(&LAST_LINE.join(" "), "{}")
    }

    pub(in crate::setup) fn accepted(method: &str, user: &str, times: usize) -> Vec<String> {
        vec![format!("Accepted {method} for {user} from 10.0.0.9 port 5 ssh2: ED25519 SHA256:x"); times]
    }

    #[test]
    fn logins_are_counted_as_sshd_has_them() {
        let messages = [
            accepted("publickey", "ansible", 2),
            accepted("keyboard-interactive/pam", "alice", 1),
            accepted("gssapi-with-mic", "alice", 1),
            vec!["Accepted nonsense".into(), "Failed password for x from y".into()],
            vec!["Accepted certificate ID \"x for ansible from 10.0.0.9 port 5\" (serial 0) signed by x".into(); 30],
        ];
        let logins = logins(&journal(bookworm(), &messages.concat())).unwrap();
        assert_eq!(logins.len(), 2);
        let (ansible, alice) = (&logins["ansible"], &logins["alice"]);
        assert_eq!((ansible.silent, ansible.by_key, ansible.answered), (2, 2, 0));
        assert_eq!((ansible.last_from.as_str(), ansible.busiest_day), ("10.0.0.9", 2));
        assert_eq!((alice.silent, alice.by_key, alice.answered), (1, 0, 1));
    }

    #[test]
    fn a_journal_that_cannot_be_read_is_not_an_empty_one() {
        assert!(logins(&bookworm()).is_none());
        assert!(logins(&journal(bookworm(), &[])).unwrap().is_empty());
        assert!(logins(&journal(bookworm(), &[]).says(&LAST_LINE.join(" "), "")).is_none(), "there is no journal");
    }

    #[test]
    fn whoever_only_shows_keys_and_is_nobody_is_a_program() {
        let people = "root:x:0:0::/:/bin/bash\nansible:x:1005:1005::/:/bin/bash\nbackup:x:34:34::/:/bin/sh\n\
                      alice:x:1000:1000::/:/bin/bash\nbob:x:1001:1001::/:/bin/bash\ncarol:x:1002:1002::/:/bin/sh\n";
        let machine =
            bookworm().says("getent passwd", people).says("getent shadow", "ansible:!:1::::::\ncarol:!:1::::::\n");
        let messages = [
            accepted("publickey", "root", 50),
            accepted("publickey", "ansible", 1),
            accepted("publickey", "backup", 1),
            accepted("publickey", "alice", 20),
            accepted("publickey", "bob", 21),
            accepted("publickey", "carol", 3),
            accepted("keyboard-interactive/pam", "carol", 1),
            accepted("publickey", "gone", 99),
        ];
        let machine = journal(machine, &messages.concat());
        let logins = logins(&machine).unwrap();
        let names: Vec<&str> = programs(&logins, &People::of(&machine)).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, ["ansible", "backup", "bob"]);
    }
}
