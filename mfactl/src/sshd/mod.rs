//! sshd's configuration: what is in force, as sshd itself says, and in which line of which file it was decided.

mod blocks;
mod pattern;
mod people;

pub(crate) use blocks::{Block, Connection, blocks};

use crate::pam::Place;
use crate::system::System;
use std::collections::BTreeMap;

/// Where the configuration begins.
pub(crate) const FILE: &str = "/etc/ssh/sshd_config";
/// An address that nobody has (RFC 5737), and the usual port.
const SOME_PORT: &str = "laddr=192.0.2.2,lport=22";
/// What setup writes among them.
pub(crate) const DROP_IN: &str = "/etc/ssh/sshd_config.d/01-mfa.conf";
/// How deep files may include each other, as sshd has it.
const DEEPEST: usize = 16;

/// What is in force for some connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effective {
    values: BTreeMap<String, Vec<String>>,
}

impl Effective {
    /// Asks sshd what is in force outside of every `Match`, or for this login; `None` if it is not there, or does not
    /// take its own configuration.
    pub(crate) fn ask(system: &dyn System, connection: Option<&Connection>) -> Option<Self> {
        if let Some(connection) = connection {
            return Self::of(system.said(&["sshd", "-T", "-C", &connection.text()?])?);
        }
        // Where a `Match` hangs on this machine's port, sshd says nothing as long as it is not told one.
        let said = system.said(&["sshd", "-T"]).or_else(|| system.said(&["sshd", "-T", "-C", SOME_PORT]));
        Self::of(said?)
    }

    /// Reads what sshd prints; `None` if that is nothing.
    pub(crate) fn of(lines: impl IntoIterator<Item = String>) -> Option<Self> {
        let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for line in lines {
            let (keyword, value) = line.split_once(' ').unwrap_or((&line, ""));
            values.entry(keyword.to_ascii_lowercase()).or_default().push(value.trim().to_owned());
        }
        Some(Self { values }).filter(|effective| !effective.values.is_empty())
    }

    /// The value of a keyword that has one.
    pub(crate) fn value(&self, keyword: &str) -> Option<&str> {
        self.values.get(&keyword.to_ascii_lowercase())?.first().map(String::as_str)
    }

    /// All that is said of a keyword, in one line.
    pub(crate) fn whole(&self, keyword: &str) -> Option<String> {
        self.values.get(&keyword.to_ascii_lowercase()).map(|values| values.join(" "))
    }

    /// Whether a keyword says `yes`.
    pub(crate) fn is_yes(&self, keyword: &str) -> bool {
        self.value(keyword) == Some("yes")
    }

    /// By which name sshd asks PAM: before OpenSSH 9.8, by its own.
    pub(crate) fn service(&self) -> &str {
        self.value("PAMServiceName").unwrap_or("sshd")
    }

    /// A number of seconds.
    pub(crate) fn seconds(&self, keyword: &str) -> Option<u64> {
        self.value(keyword)?.parse().ok()
    }

    /// Each list of methods that lets in, such as `publickey,keyboard-interactive`; none if any one method does.
    pub(crate) fn method_lists(&self) -> Vec<&str> {
        let values = self.values.get("authenticationmethods").map(Vec::as_slice).unwrap_or_default();
        let lists = values.iter().flat_map(|value| value.split_ascii_whitespace());
        lists.filter(|list| *list != "any").collect()
    }
}

/// One line of the configuration that sshd reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// Where it is.
    pub(crate) place: Place,
    /// In lower case.
    pub(crate) keyword: String,
    /// What stands after it.
    pub(crate) value: String,
    /// The `Match` line it belongs to, if any. What is within `all` overrides, for every login, what stands outside.
    pub(crate) within: Option<String>,
}

/// The criterion that everybody fulfils.
pub(crate) const ALL: &str = "all";

/// All lines, in sshd's order, with the files that are included.
pub(crate) fn lines(system: &dyn System) -> Vec<Line> {
    let (mut lines, mut within) = (Vec::new(), None);
    read(system, FILE, 0, &mut within, &mut lines);
    lines
}

/// Where a keyword's value for everybody was decided: the first line wins, but one within `Match all` before it.
pub(crate) fn place_of(lines: &[Line], keyword: &str) -> Option<Place> {
    let keyword = keyword.to_ascii_lowercase();
    let first =
        |within: Option<&str>| lines.iter().find(|line| line.keyword == keyword && line.within.as_deref() == within);
    first(Some(ALL)).or_else(|| first(None)).map(|line| line.place.clone())
}

fn read(system: &dyn System, path: &str, depth: usize, within: &mut Option<String>, lines: &mut Vec<Line>) {
    let Some(text) = system.text(path).filter(|_| depth < DEEPEST) else { return };
    // A file that is included ends no `Match` around it, and its own ends with it.
    let around = within.clone();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (keyword, value) = line.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((line, ""));
        let value = value.trim_start_matches(|c: char| c.is_whitespace() || c == '=').trim();
        let keyword = keyword.to_ascii_lowercase();
        let place = Place { file: path.to_owned(), line: index + 1 };
        match keyword.as_str() {
            "include" => {
                for path in value.split_ascii_whitespace().flat_map(|pattern| matching(system, pattern)) {
                    read(system, &path, depth + 1, within, lines);
                }
            }
            "match" => {
                let is_all = value.eq_ignore_ascii_case(ALL);
                *within = Some(if is_all { ALL.to_owned() } else { value.to_owned() });
                lines.push(Line { place, keyword, value: value.to_owned(), within: None });
            }
            _ => lines.push(Line { place, keyword, value: value.to_owned(), within: within.clone() }),
        }
    }
    *within = around;
}

/// The files of a pattern, in order: `*` and `?` in any part.
fn matching(system: &dyn System, pattern: &str) -> Vec<String> {
    let pattern = pattern.trim_matches('"');
    let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
    let mut paths = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty()) {
        let below = |path: String| {
            if !part.contains(['*', '?']) {
                return vec![format!("{path}/{part}")];
            }
            let mut names = system.names(&path);
            names.retain(|name| pattern::has_name(part, name) && !name.starts_with('.'));
            names.sort();
            names.into_iter().map(|name| format!("{path}/{name}")).collect()
        };
        paths = paths.into_iter().flat_map(below).collect();
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::made_up::MadeUp;

    fn machine() -> MadeUp {
        MadeUp::default()
            .file(FILE, "Include /etc/ssh/sshd_config.d/*.conf\n# UseDNS yes\nUseDNS no\nusepam=yes\nMatch User ansible,backup\n  AuthenticationMethods publickey\nMatch Group sftp\n  ForceCommand internal-sftp\n")
            .file("/etc/ssh/sshd_config.d/10-mfa.conf", "PasswordAuthentication no\nMatch User carol\nUseDNS yes\n")
            .file("/etc/ssh/sshd_config.d/readme.txt", "PasswordAuthentication yes\n")
            .says("sshd -T", "usepam yes\nauthenticationmethods publickey,keyboard-interactive password\nlogingracetime 120\n")
            .says("sshd -T -C user=ansible,host=192.0.2.1,addr=192.0.2.1,laddr=192.0.2.2,lport=22", "authenticationmethods publickey\n")
    }

    #[test]
    fn a_keyword_is_found_in_the_line_that_decided_it() {
        let lines = lines(&machine());
        let place = |keyword| place_of(&lines, keyword).map(|place| place.to_string());
        assert_eq!(place("PasswordAuthentication").unwrap(), "/etc/ssh/sshd_config.d/10-mfa.conf:1");
        assert_eq!(place("UseDNS").unwrap(), "/etc/ssh/sshd_config:3");
        assert_eq!(place("UsePAM").unwrap(), "/etc/ssh/sshd_config:4");
        assert_eq!(place("AuthenticationMethods"), None);
        assert_eq!(place("PermitRootLogin"), None);
    }

    #[test]
    fn what_stands_after_match_all_overrides_what_stands_before() {
        let config = "UseDNS no\nMatch User carol\nUseDNS yes\nMatch ALL\nUseDNS yes\n";
        let lines = lines(&MadeUp::default().file(FILE, config));
        let within: Vec<Option<&str>> = lines.iter().map(|line| line.within.as_deref()).collect();
        assert_eq!(within, [None, None, Some("User carol"), None, Some("all")]);
        assert_eq!(place_of(&lines, "UseDNS").unwrap().line, 5);
    }

    #[test]
    fn files_are_included_by_patterns_in_any_part() {
        let machine = MadeUp::default()
            .file("/etc/ssh/a/1.conf", "")
            .file("/etc/ssh/a/2.conf", "")
            .file("/etc/ssh/a/.3.conf", "")
            .file("/etc/ssh/a/readme", "");
        for pattern in ["/etc/ssh/a/*.conf", "a/*.conf", "\"/etc/ssh/a/?.conf\""] {
            assert_eq!(matching(&machine, pattern), ["/etc/ssh/a/1.conf", "/etc/ssh/a/2.conf"], "{pattern}");
        }
        assert_eq!(matching(&machine, "x.conf"), ["/etc/ssh/x.conf"]);
    }

    #[test]
    fn what_is_in_force_is_what_sshd_says() {
        let effective = Effective::ask(&machine(), None).unwrap();
        assert_eq!(effective.method_lists(), ["publickey,keyboard-interactive", "password"]);
        assert!(effective.is_yes("UsePAM") && !effective.is_yes("UseDNS"));
        assert_eq!(effective.seconds("LoginGraceTime"), Some(120));
        let ansible = Effective::ask(&machine(), Some(&Connection::of("ansible"))).unwrap();
        assert_eq!(ansible.method_lists(), ["publickey"]);
        assert!(Effective::ask(&machine(), Some(&Connection::of("nobody"))).is_none());
        assert_eq!(effective.service(), "sshd");
    }

    #[test]
    fn where_a_match_hangs_on_the_port_sshd_is_told_one() {
        let silent = MadeUp::default();
        assert!(Effective::ask(&silent, None).is_none());
        let told = silent.says("sshd -T -C laddr=192.0.2.2,lport=22", "usepam yes\npamservicename ssh-plain\n");
        let effective = Effective::ask(&told, None).unwrap();
        assert!(effective.is_yes("UsePAM") && effective.service() == "ssh-plain");
    }
}
