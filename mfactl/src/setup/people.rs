//! Who is in the group, and which accounts have a password, as `getent` tells it.

use crate::system::System;
use std::collections::{BTreeMap, BTreeSet};

/// Accounts below this are the system's own.
pub(crate) const FIRST_PERSON: u32 = 1000;

/// The accounts that the system lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct People {
    /// Numbers and primary groups by name.
    ids: BTreeMap<String, (u32, u32)>,
    /// Whose password lets nobody in, as far as it can be seen.
    without_password: BTreeSet<String>,
}

impl People {
    /// All that are listed.
    pub(crate) fn of(system: &dyn System) -> Self {
        let lines = system.said(&["getent", "passwd"]).unwrap_or_default();
        let ids = lines.iter().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?;
            Some((name.to_owned(), (fields.nth(1)?.parse().ok()?, fields.next()?.parse().ok()?)))
        });
        let shadows = system.said(&["getent", "shadow"]).unwrap_or_default();
        let locked = shadows.iter().filter_map(|line| {
            let (name, rest) = line.split_once(':')?;
            rest.starts_with(['!', '*']).then(|| name.to_owned())
        });
        Self { ids: ids.collect(), without_password: locked.collect() }
    }

    /// The number of an account.
    pub(crate) fn uid(&self, name: &str) -> Option<u32> {
        self.ids.get(name).map(|(uid, _)| *uid)
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
}
