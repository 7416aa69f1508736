//! Who is in the group, and which accounts have a password, as `getent` tells it.

use crate::directory::NAMES_AT_ONCE;
use crate::system::System;
use std::collections::{BTreeMap, BTreeSet};

/// Accounts below this are the system's own.
pub(crate) const FIRST_PERSON: u32 = 1000;

/// Whoever is nobody.
const NOBODY: u32 = 65_534;

/// The accounts that the system lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// Numbers and primary groups by name.
    ids: BTreeMap<String, (u32, u32)>,
    /// Whose password lets nobody in, as far as it can be seen.
    without_password: BTreeSet<String>,
    /// Names that were asked for, and are nobody's.
    gone: BTreeSet<String>,
}

impl People {
    /// All that are listed.
    pub(crate) fn of(system: &dyn System) -> Self {
        let lines = system.said(&["getent", "passwd"]).unwrap_or_default();
        let ids = lines.iter().filter_map(|line| account(line));
        let shadows = system.said(&["getent", "shadow"]).unwrap_or_default();
        let locked = shadows.iter().filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            rest.starts_with(['!', '*']).then(|| name.to_owned())
        });
        Self { ids: ids.collect(), without_password: locked.collect(), gone: BTreeSet::new() }
    }

    /// Asks for these by name, too: a directory need not list its own.
    pub(crate) fn learn<'a>(&mut self, names: impl IntoIterator<Item = &'a str>, system: &dyn System) {
        let unknown = |name: &&str| !self.ids.contains_key(*name) && is_name(name);
        let names: Vec<&str> = names.into_iter().filter(unknown).collect();
        for names in names.chunks(NAMES_AT_ONCE) {
            let command = [&["getent", "passwd", "--"], names].concat();
            // A directory that does not answer has not said that there is nobody.
            let Some(lines) = system.said(&command) else { continue };
            self.ids.extend(lines.iter().filter_map(|line| account(line)));
            let gone = names.iter().filter(|name| !self.ids.contains_key(**name));
            self.gone.extend(gone.map(|name| (*name).to_owned()));
        }
    }

    /// Whether there is certainly no such account any more.
    pub(crate) fn is_gone(&self, name: &str) -> bool {
        self.gone.contains(name)
    }

    /// The number of an account.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        self.ids.get(name).map(|(uid, _)| *uid)
    }

    /// Everybody who is known.
    pub(crate) fn names(&self) -> impl Iterator<Item = &String> {
        self.ids.keys()
    }

    /// Whether this is an account of somebody's, and not the system's own.
    pub(crate) fn is_person(&self, name: &str) -> bool {
        self.uid(name).is_some_and(|uid| (FIRST_PERSON..NOBODY).contains(&uid))
    }

    /// Whether no password lets this account in.
    pub(crate) fn has_no_password(&self, name: &str) -> bool {
        self.without_password.contains(name)
    }

    /// The members of a group, by name and by their primary group; `None` if there is no such group.
    pub(crate) fn members(&self, group: &str, system: &dyn System) -> Option<BTreeSet<String>> {
        // getent takes a number for a group's.
        if group.is_empty() || group.chars().all(|c| c.is_ascii_digit()) {
            return None;
        }
        let lines = system.said(&["getent", "group", "--", group])?;
        let line = lines.iter().find(|line| line.split(':').next() == Some(group))?;
        let mut fields = line.split(':').skip(2);
        let gid: u32 = fields.next()?.parse().ok()?;
        let named = fields.next().unwrap_or_default().split(',').filter(|name| !name.is_empty()).map(str::to_owned);
        let primary = self.ids.iter().filter(|(_, (_, own))| *own == gid).map(|(name, _)| name.clone());
        Some(named.chain(primary).collect())
    }
}

/// Reads `alice:x:1000:1000:…`.
fn account(line: &str) -> Option<(String, (u32, u32))> {
    let mut fields = line.split(':');
    let name = fields.next().filter(|name| !name.is_empty())?;
    Some((name.to_owned(), (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?)))
}

/// What could be a login name at all: `getent` takes a number for a uid.
fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\0', ':', '\n']) && !name.chars().all(|c| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setup::machines::bookworm;

    #[test]
    fn members_are_those_who_are_named_and_those_whose_own_group_it_is() {
        let machine = bookworm();
        let people = People::of(&machine);
        let members: Vec<String> = people.members("sre", &machine).unwrap().into_iter().collect();
        assert_eq!(members, ["alice", "bob", "carol"]);
        for none in ["", "2000", "nobody-knows"] {
            assert_eq!(people.members(none, &machine), None, "{none}");
        }
        assert_eq!((people.uid("root"), people.uid("eve")), (Some(0), None));
    }

    #[test]
    fn a_locked_password_and_none_are_no_password() {
        let machine = bookworm().says("getent shadow", "alice:$y$x:1::::::\nbob:!:1::::::\ndave:*:1::::::\n");
        let people = People::of(&machine);
        let without = |name| people.has_no_password(name);
        assert_eq!(["alice", "bob", "dave", "eve"].map(without), [false, true, true, false]);
    }

    #[test]
    fn whoever_is_not_listed_is_asked_for_by_name() {
        let machine = bookworm().says("getent passwd -- eve frank", "eve:x:70001:70001::/home/eve:/bin/bash\n");
        let mut people = People::of(&machine);
        people.learn(["alice", "eve", "frank", "1000", "a:b"], &machine);
        assert_eq!((people.uid("eve"), people.is_gone("frank"), people.is_gone("eve")), (Some(70_001), true, false));
        // A directory that does not answer.
        people.learn(["grace"], &machine);
        assert_eq!((people.uid("grace"), people.is_gone("grace")), (None, false));
    }
}
