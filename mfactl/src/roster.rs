//! Who is listed by `mfactl users`: accounts of the system merged with the daemon's records, searched. Pure.

use crate::directory::{Group, Person};
use mfa_cli::words::kind;
use mfa_proto::admin::Summary;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// Accounts below this are the system's own.
const FIRST_PERSON: u32 = 1000;
/// The account of nobody in particular.
const NOBODY: u32 = 65_534;

/// One account of the list.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Entry {
    pub(crate) user: String,
    pub(crate) uid: u32,
    /// Absent when the system does not know the account any more.
    pub(crate) name: Option<String>,
    pub(crate) state: &'static str,
    pub(crate) factors: BTreeMap<String, u32>,
    pub(crate) backup_codes: u32,
    pub(crate) pending: bool,
    pub(crate) throttled: bool,
}

impl Entry {
    /// An account as both know it; at least one of them does.
    pub(crate) fn of(person: Option<Person>, record: Option<Summary>) -> Option<Self> {
        let user = person.as_ref().map(|person| person.user.clone()).or_else(|| Some(record.as_ref()?.user.clone()))?;
        let uid = person.as_ref().map(|person| person.uid).or_else(|| Some(record.as_ref()?.uid))?;
        let name = person.map(|person| person.full_name);
        let state = state(record.as_ref());
        Some(match record {
            Some(Summary { factors, backup_codes, pending, throttled, .. }) => {
                Self { user, uid, name, state, factors, backup_codes, pending, throttled }
            }
            None => Self {
                user,
                uid,
                name,
                state,
                factors: BTreeMap::new(),
                backup_codes: 0,
                pending: false,
                throttled: false,
            },
        })
    }

    /// The cells of its row: user, name, factors, codes, state.
    pub(crate) fn cells(&self) -> [String; 5] {
        let name = self.name.clone().unwrap_or_else(|| "(no such account)".to_owned());
        let codes = if self.factors.is_empty() { String::new() } else { self.backup_codes.to_string() };
        [self.user.clone(), name, factors(&self.factors), codes, self.state.to_owned()]
    }
}

/// What matters most about an account, in one word.
fn state(record: Option<&Summary>) -> &'static str {
    match record {
        Some(record) if record.throttled => "throttled",
        Some(record) if !record.factors.is_empty() => "enrolled",
        Some(record) if record.pending => "pending",
        _ => "none",
    }
}

/// Such as `2 phone apps, security key`.
pub(crate) fn factors(kinds: &BTreeMap<String, u32>) -> String {
    let each = kinds.iter().filter(|(word, count)| *word != "backup-code" && **count > 0);
    let each = each.map(|(word, count)| if *count == 1 { kind(word) } else { format!("{count} {}s", kind(word)) });
    each.collect::<Vec<_>>().join(", ")
}

/// What is looked for.
pub(crate) enum Search {
    /// Everybody but the system's own accounts.
    Everybody,
    /// A text in the login name, the full name or the name of a group.
    Text { exact: String, folded: String, gids: HashSet<u32>, members: HashSet<String> },
}

impl Search {
    /// The text, and the members of every group whose name has it.
    pub(crate) fn text(text: &str, groups: &[Group]) -> Self {
        let folded = text.to_lowercase();
        let found = || groups.iter().filter(|group| group.name.to_lowercase().contains(&folded));
        let gids = found().map(|group| group.gid).collect();
        let members = found().flat_map(|group| group.members.iter().cloned()).collect();
        Self::Text { exact: text.to_owned(), folded, gids, members }
    }

    /// Whether the account is listed. The system's own are only if they are enrolled, or asked for by their name.
    pub(crate) fn finds(&self, person: &Person, is_recorded: bool, shells: &Shells) -> bool {
        let is_systems = (person.uid < FIRST_PERSON || person.uid == NOBODY) && !shells.lets_in(&person.shell);
        let is_wanted = is_recorded || !is_systems;
        match self {
            Self::Everybody => is_wanted,
            Self::Text { exact, .. } if *exact == person.user => true,
            Self::Text { gids, members, .. } => {
                let in_group = gids.contains(&person.gid) || members.contains(&person.user);
                is_wanted && (in_group || self.has(&person.user) || self.has(&person.full_name))
            }
        }
    }

    /// The names that are found whatever else is true of them: as it was written, and the groups' members.
    pub(crate) fn names(&self) -> BTreeSet<String> {
        match self {
            Self::Everybody => BTreeSet::new(),
            Self::Text { exact, members, .. } => members.iter().chain([exact]).cloned().collect(),
        }
    }

    /// Whether this was searched for by its exact name.
    pub(crate) fn is(&self, name: &str) -> bool {
        matches!(self, Self::Text { exact, .. } if exact == name)
    }

    /// Whether a record is listed whose account the system does not know any more.
    pub(crate) fn finds_record(&self, user: &str) -> bool {
        match self {
            Self::Everybody => true,
            Self::Text { members, .. } => self.has(user) || members.contains(user),
        }
    }

    fn has(&self, name: &str) -> bool {
        matches!(self, Self::Text { folded, .. } if name.to_lowercase().contains(folded))
    }
}

/// The shells one can log in with.
pub(crate) struct Shells(Option<HashSet<String>>);

impl Shells {
    /// From `/etc/shells`; where there is none, every shell but those made for refusing.
    pub(crate) fn of_this_machine() -> Self {
        Self(std::fs::read_to_string("/etc/shells").ok().map(|text| Self::listed(&text)))
    }

    fn listed(text: &str) -> HashSet<String> {
        let lines = text.lines().map(str::trim).filter(|line| line.starts_with('/'));
        // Some distributions list nologin, for the sake of ftp.
        lines.filter(|shell| !refuses(shell)).map(str::to_owned).collect()
    }

    fn lets_in(&self, shell: &str) -> bool {
        // An empty field means /bin/sh.
        shell.is_empty() || self.0.as_ref().map_or(!refuses(shell), |listed| listed.contains(shell))
    }
}

/// Whether a shell is made for refusing.
pub(crate) fn refuses(shell: &str) -> bool {
    matches!(shell.rsplit('/').next(), Some("nologin" | "false"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn person(user: &str, uid: u32, full_name: &str, shell: &str) -> Person {
        Person { user: user.into(), uid, gid: uid, full_name: full_name.into(), home: "/".into(), shell: shell.into() }
    }

    fn record(factors: &[(&str, u32)], pending: bool, throttled: bool) -> Summary {
        let factors = factors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect();
        Summary { user: "alice".into(), uid: 1000, factors, backup_codes: 7, pending, throttled }
    }

    fn shells() -> Shells {
        Shells(Some(Shells::listed("# shells\n/bin/bash\n/usr/sbin/nologin\n")))
    }

    #[test]
    fn the_word_for_an_account_is_what_matters_most() {
        assert_eq!(state(None), "none");
        assert_eq!(state(Some(&record(&[], false, false))), "none");
        assert_eq!(state(Some(&record(&[], true, false))), "pending");
        assert_eq!(state(Some(&record(&[("totp", 1)], true, false))), "enrolled");
        assert_eq!(state(Some(&record(&[("totp", 1)], false, true))), "throttled");
    }

    #[test]
    fn kinds_are_counted_in_words() {
        let entry =
            Entry::of(None, Some(record(&[("totp", 2), ("security-key", 1), ("backup-code", 7)], false, false)));
        let cells = entry.unwrap().cells();
        assert_eq!(cells, ["alice", "(no such account)", "security key, 2 phone apps", "7", "enrolled"]);
        assert!(Entry::of(None, None).is_none());
    }

    #[test]
    fn the_systems_own_accounts_are_left_out_unless_enrolled_or_asked_for() {
        let (daemon, sync) = (person("daemon", 1, "daemon", "/usr/sbin/nologin"), person("sync", 4, "", "/bin/sync"));
        let nobody = person("nobody", 65_534, "nobody", "/usr/sbin/nologin");
        for own in [&daemon, &sync, &nobody] {
            assert!(!Search::Everybody.finds(own, false, &shells()));
            assert!(Search::Everybody.finds(own, true, &shells()));
            assert!(!Search::text(&own.user[..3], &[]).finds(own, false, &shells()));
            assert!(Search::text(&own.user, &[]).finds(own, false, &shells()));
        }
        for people in [person("root", 0, "root", "/bin/bash"), person("eve", 1001, "", "/usr/sbin/nologin")] {
            assert!(Search::Everybody.finds(&people, false, &shells()));
        }
    }

    #[test]
    fn a_search_looks_at_login_full_name_and_groups_in_any_case() {
        let alice = person("alice", 1000, "Älice Ng", "/bin/bash");
        let staff = Group { name: "Staff".into(), gid: 50, members: vec!["alice".into()] };
        let own = Group { name: "alices-group".into(), gid: 1000, members: Vec::new() };
        for text in ["ALI", "ng", "älice", "STAFF", "taf"] {
            assert!(Search::text(text, std::slice::from_ref(&staff)).finds(&alice, false, &shells()), "{text}");
        }
        assert!(Search::text("s-group", &[own]).finds(&alice, false, &shells()), "by the primary group");
        assert!(!Search::text("bob", &[staff]).finds(&alice, false, &shells()));
    }

    #[test]
    fn without_a_list_of_shells_only_refusing_ones_refuse() {
        let shells = Shells(None);
        assert!(shells.lets_in("/bin/zsh") && shells.lets_in(""));
        assert!(!shells.lets_in("/sbin/nologin") && !shells.lets_in("/bin/false"));
    }
}
